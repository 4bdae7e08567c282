//! The last line of a report.

use unleak_lints::Level;

use super::{level, plural};
use crate::report::{Finding, Report};

/// What was found, in a line.
pub(crate) fn print(report: &Report) -> String {
    let files = plural(report.statistics.checked, "file");
    let mut line = format!("Found {} in {files}", found(report));
    let causes = report.causes();
    if causes < report.findings.len() {
        line += &format!(" ({})", plural(causes, "distinct cause"));
    }
    line += &unshown(report);
    if !report.problems.is_empty() {
        line += &format!("; {}: not everything could be read", plural(report.problems.len(), "problem"));
    }
    line + ".\n"
}

/// What is shown; where that is nothing, no more is said than is true of what is not.
fn found(report: &Report) -> String {
    match (counted(&report.findings), report.unshown.iter().map(|finding| finding.level).max()) {
        (Some(counted), _) => counted,
        (None, None) => "nothing that leaks".into(),
        (None, Some(Level::Note)) => "no errors or warnings".into(),
        (None, Some(Level::Warning | Level::Error)) => "no errors".into(),
    }
}

/// What is not shown, and how it can be, to be added to a sentence; empty when all is shown.
pub(crate) fn unshown(report: &Report) -> String {
    let least = report.unshown.iter().map(|finding| finding.level).min();
    match (counted(&report.unshown), least) {
        (Some(counted), Some(least)) => format!("; {counted} not shown (--min-level {})", level(least)),
        _ => String::new(),
    }
}

/// `1 error, 2 notes`; `None` of nothing.
fn counted(findings: &[Finding]) -> Option<String> {
    let levels = [Level::Error, Level::Warning, Level::Note].into_iter();
    let counts = levels.map(|it| (findings.iter().filter(|finding| finding.level == it).count(), level(it)));
    let counts: Vec<String> = counts.filter(|(count, _)| *count > 0).map(|(count, word)| plural(count, word)).collect();
    (!counts.is_empty()).then(|| counts.join(", "))
}
