//! Puts the lints' questions, applies suppressions, and makes the report.

use std::collections::HashMap;
use std::sync::Arc;

use unleak_analysis::ledger::Location;

use crate::excuse::{self, Origin};
use crate::fingerprint::{self, Fingerprint};
use crate::place::{FileId, Files, Scope};
use crate::project::{Part, Project};
use crate::report::{Born, BornIn, Finding, Report};
use crate::settings::Policy;
use crate::suppress;

/// What is asked of the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// What their settings say.
    Configured,
    /// Everything there is.
    Everything,
}

/// What is asked of each file of a part.
struct Asked {
    by_file: HashMap<FileId, Arc<Policy>>,
    elsewhere: Policy,
}

impl Asked {
    fn of(part: &Part, question: Question) -> Asked {
        let policy = |policy: &Arc<Policy>| match question {
            Question::Configured => Arc::clone(policy),
            Question::Everything => Arc::new(policy.asking_everything()),
        };
        let by_file = part.ids.iter().copied().zip(part.policies.iter().map(policy)).collect();
        Asked { by_file, elsewhere: Policy::everything() }
    }

    fn in_file(&self, file: FileId) -> &Policy {
        self.by_file.get(&file).map_or(&self.elsewhere, |policy| policy)
    }

    fn asks(&self, file: FileId, lint: &str) -> bool {
        self.in_file(file).selection.asks(lint)
    }

    /// Which lints are asked of named files, how sure the least sure of what is shown is, and how bad it has to be.
    fn note(&self, part: &Part, files: &Files, report: &mut Report) {
        for id in part.ids.iter().filter(|id| files.get(**id).scope == Scope::Named) {
            let policy = self.in_file(*id);
            for lint in policy.selection.names() {
                let least = report.asked.entry(lint).or_insert(policy.min_confidence);
                *least = policy.min_confidence.min(*least);
            }
            report.min_levels.extend(policy.min_level.map(|level| (*id, level)));
        }
    }

    fn asks_anywhere(&self, lint: &str) -> bool {
        self.by_file.values().any(|policy| policy.selection.asks(lint))
    }
}

/// Asks, and makes the report.
pub(crate) fn report(project: Project, question: Question) -> Report {
    let Project { mut files, parts, problems } = project;
    let mut report = Report::default();
    for part in &parts {
        report.statistics.add(part.analysis.ledger.statistics());
        report.census.extend(census(part, &mut files));
        judge(part, question, &mut files, &mut report);
    }
    // Millions of small things, and soon the process ends: to give each back by itself would take longer than asking.
    std::mem::forget(parts);
    let (named, context): (Vec<_>, Vec<_>) =
        problems.into_iter().partition(|problem| files.get(problem.place.file).scope == Scope::Named);
    report.statistics.problems_in_context = context.len();
    report.statistics.checked = files.iter().filter(|(_, file)| file.scope == Scope::Named).count();
    report.problems = named;
    report.files = files;
    report.sort();
    report.count_findings();
    report
}

/// Suppressions are applied before anything is left out, so that what is not shown still counts as a use of them.
fn judge(part: &Part, question: Question, files: &mut Files, report: &mut Report) {
    let asked = Asked::of(part, question);
    let found = unleak_lints::check(&part.analysis.ledger, |lint| asked.asks_anywhere(lint.name));
    let mut all: Vec<Finding> = found.iter().map(|finding| placed(part, finding, files)).collect();
    fingerprint::mark(&mut all, files);
    let excused = |(finding, from): &(Finding, &unleak_lints::Finding)| {
        is_excused(part, asked.in_file(finding.place.file), finding, [&from.location, &from.root])
    };
    let (excused, found): (Vec<_>, Vec<_>) = all.into_iter().zip(&found).partition(excused);
    let found = found.into_iter().map(|(finding, _)| finding).collect();
    report.statistics.excused += excused.len();
    asked.note(part, files, report);
    let (mut suppressions, mut complaints) = (Vec::new(), Vec::new());
    for (file, id) in part.analysis.lowered.iter().zip(&part.ids) {
        let (read, invalid) = suppress::read(files, *id, &file.outline.comments);
        suppressions.extend(read);
        complaints.extend(invalid);
    }
    let applied = suppress::apply(files, found, &suppressions, |file, lint| asked.asks(file, lint));
    complaints.extend(applied.unused.into_iter().filter(|unused| !is_broken(part, unused.place.file)));
    fingerprint::mark(&mut complaints, files);
    report.statistics.detached += applied.detached;
    report.statistics.ignored += applied.silenced.len() - applied.detached;
    report.silenced.extend(applied.silenced);
    let findings = applied.findings.into_iter().chain(complaints);
    let shown = findings.filter(|finding| is_shown(finding, asked.in_file(finding.place.file), files));
    report.findings.extend(shown.map(|finding| graded(finding, &asked)));
}

fn is_excused(part: &Part, policy: &Policy, finding: &Finding, from: [&Location; 2]) -> bool {
    let born = from.map(|location| (location, born_in(part, location)));
    let origins = born.iter().filter_map(|(at, born)| Some(Origin { path: &at.path, born: born.as_ref()? }));
    excuse::is_excused(policy, finding, &origins.collect::<Vec<_>>())
}

/// With the level that settings say, and what they prefer.
fn graded(finding: Finding, asked: &Asked) -> Finding {
    let policy = asked.in_file(finding.place.file);
    let level = policy.level(finding.lint, finding.level);
    let preferred = finding.born.as_ref().and_then(|born| policy.preferred(&born.maker));
    let help = match preferred {
        Some(own) => format!("use `{own}`, as this project prefers; else {}", finding.help),
        None => finding.help.clone(),
    };
    Finding { level, help, ..finding }
}

/// A file that could not be read in full cannot show that a comment in it is of no use.
fn is_broken(part: &Part, file: FileId) -> bool {
    part.analysis.problems.iter().any(|(index, _)| part.ids[*index] == file)
}

fn is_shown(finding: &Finding, policy: &Policy, files: &Files) -> bool {
    policy.selection.asks(finding.lint)
        && finding.confidence >= policy.min_confidence
        && files.get(finding.place.file).scope == Scope::Named
}

fn census(part: &Part, files: &mut Files) -> Vec<Born> {
    let rows = part.analysis.ledger.census().iter().map(|entry| Born {
        birth: part.place(&entry.birth, files),
        proof: part.story(&entry.proof, files),
        entry: entry.clone(),
    });
    rows.collect()
}

/// The resource that is born at a finding's place.
fn born_in(part: &Part, location: &Location) -> Option<BornIn> {
    let resources = part.analysis.ledger.resources();
    let first = resources.partition_point(|resource| resource.birth < *location);
    let resource = resources.get(first).filter(|resource| resource.birth == *location)?;
    Some(BornIn { within: resource.within.clone(), maker: resource.maker.clone() })
}

fn placed(part: &Part, finding: &unleak_lints::Finding, files: &mut Files) -> Finding {
    Finding {
        lint: finding.lint,
        level: finding.level,
        confidence: finding.confidence,
        assumption: finding.assumption,
        subject: finding.subject.clone(),
        root: part.place(&finding.root, files),
        message: finding.message.clone(),
        place: part.place(&finding.location, files),
        evidence: part.story(&finding.evidence, files),
        help: finding.help.clone(),
        born: born_in(part, &finding.location),
        fingerprint: Fingerprint::default(),
        fix: None,
    }
}
