//! Puts the lints' questions, applies suppressions, and makes the report.

use unleak_lints::Confidence;

use crate::options::Selection;
use crate::place::{Files, Scope};
use crate::project::{Part, Project};
use crate::report::{Born, Finding, Report};
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
    let found: Vec<Finding> = found.iter().map(|finding| placed(part, finding, files)).collect();
    let mut suppressions = Vec::new();
    let mut findings = Vec::new();
    for (outline, id) in part.analysis.outlines.iter().zip(&part.ids) {
        let (read, complaints) = suppress::read(files, *id, &outline.comments);
        suppressions.extend(read);
        findings.extend(complaints);
    }
    let applied = suppress::apply(files, found, &suppressions, &question.selection);
    findings.extend(applied.findings.into_iter().filter(|finding| !is_doubtful(part, finding)));
    report.statistics.detached += applied.detached;
    report.statistics.ignored += applied.silenced.len() - applied.detached;
    report.silenced.extend(applied.silenced);
    report.findings.extend(findings.into_iter().filter(|finding| is_shown(finding, question, files)));
}

/// A file that could not be read in full cannot show that a comment in it is of no use.
fn is_doubtful(part: &Part, finding: &Finding) -> bool {
    let broken = || part.analysis.problems.iter().any(|(index, _)| part.ids[*index] == finding.place.file);
    suppress::is_unused(finding) && broken()
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
    }
}
