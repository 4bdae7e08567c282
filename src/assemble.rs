//! Puts the lints' questions, applies suppressions, and makes the report.

use unleak_analysis::ledger::Location;
use unleak_lints::Confidence;

use crate::fingerprint::{self, Fingerprint};
use crate::options::Selection;
use crate::place::{FileId, Files, Scope};
use crate::project::{Part, Project};
use crate::report::{Born, BornIn, Finding, Report};
use crate::suppress;

/// What is asked and what is shown.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    /// Which lints are asked.
    pub(crate) selection: Selection,
    /// How sure a finding must be to be shown.
    pub(crate) min_confidence: Confidence,
}

impl Question {
    /// Everything there is.
    pub(crate) fn everything() -> Question {
        Question { selection: Selection::everything(), min_confidence: Confidence::Likely }
    }
}

/// Asks, and makes the report.
pub(crate) fn report(project: Project, question: &Question) -> Report {
    let Project { mut files, parts, problems } = project;
    let mut report = Report::default();
    for part in &parts {
        report.statistics.add(part.analysis.ledger.statistics());
        report.census.extend(census(part, &mut files));
        judge(part, question, &mut files, &mut report);
    }
    let (named, context): (Vec<_>, Vec<_>) =
        problems.into_iter().partition(|problem| files.get(problem.place.file).scope == Scope::Named);
    report.statistics.problems_in_context = context.len();
    report.statistics.checked = files.iter().filter(|(_, file)| file.scope == Scope::Named).count();
    report.problems = named;
    report.files = files;
    report.sort();
    report.statistics.findings = report.findings.len();
    report.statistics.causes = report.causes();
    report
}

/// Suppressions are applied before anything is left out, so that what is not shown still counts as a use of them.
fn judge(part: &Part, question: &Question, files: &mut Files, report: &mut Report) {
    let found = unleak_lints::check(&part.analysis.ledger, |lint| question.selection.asks(lint.name));
    let mut found: Vec<Finding> = found.iter().map(|finding| placed(part, finding, files)).collect();
    fingerprint::mark(&mut found, files);
    let (mut suppressions, mut complaints) = (Vec::new(), Vec::new());
    for (outline, id) in part.analysis.outlines.iter().zip(&part.ids) {
        let (read, invalid) = suppress::read(files, *id, &outline.comments);
        suppressions.extend(read);
        complaints.extend(invalid);
    }
    let applied = suppress::apply(files, found, &suppressions, &question.selection);
    complaints.extend(applied.unused.into_iter().filter(|unused| !is_broken(part, unused.place.file)));
    fingerprint::mark(&mut complaints, files);
    report.statistics.detached += applied.detached;
    report.statistics.ignored += applied.silenced.len() - applied.detached;
    report.silenced.extend(applied.silenced);
    let findings = applied.findings.into_iter().chain(complaints);
    report.findings.extend(findings.filter(|finding| is_shown(finding, question, files)));
}

/// A file that could not be read in full cannot show that a comment in it is of no use.
fn is_broken(part: &Part, file: FileId) -> bool {
    part.analysis.problems.iter().any(|(index, _)| part.ids[*index] == file)
}

fn is_shown(finding: &Finding, question: &Question, files: &Files) -> bool {
    question.selection.asks(finding.lint)
        && finding.confidence >= question.min_confidence
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
    }
}
