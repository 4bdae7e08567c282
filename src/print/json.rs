//! For programs. The shape is versioned: what is there stays, new keys may come.

use serde::Serialize;
use unleak_analysis::ledger::{Answer, Kind, Life, Many, Setting};
use unleak_lints::{Confidence, Level};

use super::as_json;
use crate::place::{Files, Place, Position};
use crate::report::{Born, Evidence, Finding, Problem, Report};
use crate::statistics::Statistics;

const VERSION: u32 = 1;

#[derive(Serialize)]
struct Checked<'a> {
    version: u32,
    findings: Vec<Found<'a>>,
    problems: Vec<Trouble<'a>>,
    statistics: Counts<'a>,
}

#[derive(Serialize)]
struct Counts<'a> {
    #[serde(flatten)]
    all: &'a Statistics,
    not_shown: usize,
}

#[derive(Serialize)]
struct Listed<'a> {
    version: u32,
    resources: Vec<Resource<'a>>,
    problems: Vec<Trouble<'a>>,
    statistics: &'a Statistics,
}

#[derive(Serialize)]
struct Found<'a> {
    lint: &'a str,
    level: Level,
    confidence: Confidence,
    assumption: Option<&'a str>,
    subject: &'a str,
    root: Location<'a>,
    message: &'a str,
    location: Location<'a>,
    evidence: Vec<Shown<'a>>,
    help: &'a str,
    within: Option<&'a str>,
    fingerprint: String,
    fix: Option<Change<'a>>,
}

#[derive(Serialize)]
struct Change<'a> {
    location: Location<'a>,
    text: &'a str,
}

/// One line of JSON lines.
#[derive(Serialize)]
struct Line<'a, T> {
    version: u32,
    r#type: &'a str,
    #[serde(flatten)]
    what: T,
}

#[derive(Serialize)]
struct Resource<'a> {
    kind: Kind,
    name: Option<&'a str>,
    maker: &'a str,
    test: bool,
    location: Location<'a>,
    many: Many,
    owner: Option<&'a str>,
    life: Option<Life>,
    bound: Option<&'a str>,
    end: Option<&'a str>,
    answer: Answer,
    reason: Option<&'a str>,
    proof: Vec<Shown<'a>>,
}

#[derive(Serialize)]
struct Trouble<'a> {
    message: &'a str,
    location: Location<'a>,
}

#[derive(Serialize)]
struct Shown<'a> {
    label: &'a str,
    location: Location<'a>,
}

#[derive(Serialize)]
struct Location<'a> {
    path: &'a str,
    start: Position,
    end: Position,
}

/// The findings, problems and statistics.
pub(crate) fn check(report: &Report) -> String {
    as_json(&Checked {
        version: VERSION,
        findings: report.findings.iter().map(|finding| found(&report.files, finding)).collect(),
        problems: report.problems.iter().map(|problem| trouble(&report.files, problem)).collect(),
        statistics: counts(report),
    })
}

/// The same, each finding and problem on a line of its own, the statistics on the last one.
pub(crate) fn lines(report: &Report) -> String {
    let findings = report.findings.iter().map(|finding| line("finding", found(&report.files, finding)));
    let problems = report.problems.iter().map(|problem| line("problem", trouble(&report.files, problem)));
    findings.chain(problems).chain([line("statistics", counts(report))]).collect()
}

fn line(r#type: &str, what: impl Serialize) -> String {
    let line = Line { version: VERSION, r#type, what };
    serde_json::to_string(&line).unwrap_or_else(|error| format!("{{\"error\": {:?}}}", error.to_string())) + "\n"
}

/// What is born, problems and statistics.
pub(crate) fn census(report: &Report) -> String {
    as_json(&Listed {
        version: VERSION,
        resources: report.named_census().map(|born| resource(&report.files, born)).collect(),
        problems: report.problems.iter().map(|problem| trouble(&report.files, problem)).collect(),
        statistics: &report.statistics,
    })
}

fn counts(report: &Report) -> Counts<'_> {
    Counts { all: &report.statistics, not_shown: report.unshown.len() }
}

fn found<'a>(files: &'a Files, finding: &'a Finding) -> Found<'a> {
    Found {
        lint: finding.lint,
        level: finding.level,
        confidence: finding.confidence,
        assumption: finding.assumption,
        subject: &finding.subject,
        root: location(files, finding.root),
        message: &finding.message,
        location: location(files, finding.place),
        evidence: story(files, &finding.evidence),
        help: &finding.help,
        within: finding.born.as_ref().map(|born| born.within.as_str()),
        fingerprint: finding.fingerprint.to_string(),
        fix: finding.fix.as_ref().map(|fix| Change { location: location(files, fix.place), text: &fix.text }),
    }
}

fn resource<'a>(files: &'a Files, born: &'a Born) -> Resource<'a> {
    let entry = &born.entry;
    Resource {
        kind: entry.kind,
        name: entry.name.as_deref(),
        maker: &entry.maker,
        test: entry.setting == Setting::Test,
        location: location(files, born.birth),
        many: entry.many,
        owner: entry.owner.as_deref(),
        life: entry.life,
        bound: entry.bound.as_deref(),
        end: entry.end.as_deref(),
        answer: entry.answer,
        reason: entry.reason,
        proof: story(files, &born.proof),
    }
}

fn trouble<'a>(files: &'a Files, problem: &'a Problem) -> Trouble<'a> {
    Trouble { message: &problem.message, location: location(files, problem.place) }
}

fn story<'a>(files: &'a Files, facts: &'a [Evidence]) -> Vec<Shown<'a>> {
    facts.iter().map(|fact| Shown { label: &fact.label, location: location(files, fact.place) }).collect()
}

fn location(files: &Files, place: Place) -> Location<'_> {
    Location { path: &files.get(place.file).shown, start: files.start(place), end: files.end(place) }
}
