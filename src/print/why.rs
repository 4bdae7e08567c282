//! What is known of the resources on a line, and why there is or is no finding.

use unleak_analysis::ledger::{Answer, Life};
use unleak_lints::Strictness;

use super::{answer, confidence, kind, level, many, one_line};
use crate::place::{FileId, Place};
use crate::report::{Born, Evidence, Finding, Report, Silencer};

/// Every resource that is born on a line or whose proof passes there; else the nearest one. The report
/// is one for which every lint was asked.
pub(crate) fn print(report: &Report, file: FileId, line: usize) -> String {
    let touched = |place: Place| place.file == file && report.files.touches(place, line);
    let on_line = |born: &&Born| touched(born.birth) || born.proof.iter().any(|fact| touched(fact.place));
    let all: Vec<&Born> = report.census.iter().filter(on_line).collect();
    let told = |finding: &&Finding| all.iter().any(|born| speaks_of(finding, born));
    let others = report.findings.iter().filter(|finding| touched(finding.place) && !told(finding));
    let others = others.map(|finding| format!("{}\n{}", reported(finding), story(report, &finding.evidence)));
    let parts: Vec<String> = all.iter().map(|born| entry(report, born)).chain(others).collect();
    match parts.is_empty() {
        true => nothing(report, file, line),
        false => parts.join("\n"),
    }
}

fn entry(report: &Report, born: &Born) -> String {
    let row = &born.entry;
    let words = |cell: &Option<String>, none: &str| cell.as_deref().map_or_else(|| none.to_owned(), one_line);
    let lines = [
        format!("{}: {} made by `{}`", report.files.point(born.birth), kind(row.kind), one_line(&row.maker)),
        format!("  how often: {}", many(row.many)),
        format!("  owner:     {}{}", words(&row.owner, "nobody"), row.life.map_or("", lives)),
        format!("  bound:     {}", words(&row.bound, "none")),
        format!("  end:       {}", words(&row.end, "none")),
        format!("  answer:    {}", verdict(born)),
    ];
    format!("{}\n{}{}", lines.join("\n"), story(report, &born.proof), outcome(report, born))
}

fn lives(life: Life) -> &'static str {
    match life {
        Life::Frame => ", which lives as long as one call",
        Life::Scope => ", which waits for what it owns",
        Life::Object => ", which lives as long as its object",
        Life::Process => ", which lives as long as the process",
    }
}

fn verdict(born: &Born) -> String {
    match (born.entry.answer, born.entry.reason) {
        (Answer::Yes, _) => format!("{}: nothing ends or bounds it", answer(Answer::Yes)),
        (Answer::No, _) => format!("{}: it is ended or bounded, as shown below", answer(Answer::No)),
        (Answer::Open, Some(reason)) => format!("{}: {reason}", answer(Answer::Open)),
        (Answer::Open, None) => format!("{}: it could not be decided", answer(Answer::Open)),
    }
}

/// The findings about a resource, or why there are none.
fn outcome(report: &Report, born: &Born) -> String {
    let shown = report.findings.iter().filter(|finding| speaks_of(finding, born));
    let shown: Vec<String> = shown.map(|finding| format!("  {}\n", reported(finding))).collect();
    let silenced = report.silenced.iter().filter(|silenced| speaks_of(&silenced.finding, born));
    let silenced = silenced.map(|silenced| {
        let (lint, reason) = (silenced.finding.lint, &silenced.reason);
        match silenced.by {
            Silencer::Comment(comment) => {
                format!("  silent: the comment at {} suppresses {lint}: {reason}\n", report.files.point(comment))
            }
            Silencer::Baseline => format!("  silent: {lint}: {reason}\n"),
        }
    });
    let told: Vec<String> = shown.into_iter().chain(silenced).collect();
    if !told.is_empty() {
        return told.concat();
    }
    let told = |finding: &&Finding| born.proof.iter().any(|fact| fact.place == finding.place);
    if let (Answer::Yes, Some(finding)) = (born.entry.answer, report.findings.iter().find(told)) {
        return format!("  told where it is made: {}\n", reported(finding));
    }
    let why = match born.entry.answer {
        Answer::Yes => "no lint asks about this",
        Answer::No => "nothing leaks here",
        Answer::Open => "what is not decided is never reported, only counted",
    };
    format!("  silent: {why}\n")
}

fn speaks_of(finding: &Finding, born: &Born) -> bool {
    let overlaps = |place: Place| {
        place.file == born.birth.file
            && place.span.start < born.birth.span.end.max(born.birth.span.start + 1)
            && born.birth.span.start < place.span.end.max(place.span.start + 1)
    };
    overlaps(finding.place) || finding.evidence.iter().any(|fact| fact.place == born.birth)
}

fn reported(finding: &Finding) -> String {
    let (level, lint, message) = (level(finding.level), finding.lint, one_line(&finding.message));
    let asked = unleak_lints::ALL.iter().find(|known| known.name == lint).map(|known| known.strictness);
    let flag = match asked {
        Some(Strictness::Strict) => ", asked with --strict",
        Some(Strictness::Preview) => ", asked with --preview",
        Some(Strictness::Default) | None => "",
    };
    let sure = confidence(finding.confidence);
    let assumption = finding.assumption.map(|words| format!(", assuming that {words}")).unwrap_or_default();
    format!("{level}[{lint}] ({sure}{assumption}{flag}): {message}")
}

fn story(report: &Report, facts: &[Evidence]) -> String {
    let fact = |fact: &Evidence| {
        let line = report.files.start(fact.place).line;
        let excerpt = report.files.get(fact.place.file).line(line).trim();
        format!("  {}: {}\n      {excerpt}\n", report.files.point(fact.place), one_line(&fact.label))
    };
    facts.iter().map(fact).collect()
}

fn nothing(report: &Report, file: FileId, line: usize) -> String {
    let shown = &report.files.get(file).shown;
    let here = format!("Nothing is born on {shown}:{line}, and no proof passes there.\n");
    let distance = |born: &&Born| report.files.start(born.birth).line.abs_diff(line);
    let nearest = report.census.iter().filter(|born| born.birth.file == file).min_by_key(distance);
    match nearest {
        None => format!("{here}Nothing else is born in this file either.\n"),
        Some(born) => {
            let (point, of) = (report.files.point(born.birth), kind(born.entry.kind));
            let (maker, is) = (one_line(&born.entry.maker), answer(born.entry.answer));
            format!("{here}The nearest resource is the {of} made by `{maker}` at {point} ({is}).\n")
        }
    }
}
