//! One finding a line: `path:line:column: level[lint] message`.

use super::{level, one_line, summary};
use crate::report::Report;

/// The findings, then the problems, then the summary.
pub(crate) fn print(report: &Report) -> String {
    let files = &report.files;
    let mut text = String::new();
    for finding in &report.findings {
        let (point, message) = (files.point(finding.place), one_line(&finding.message));
        text += &format!("{point}: {}[{}] {message}\n", level(finding.level), finding.lint);
    }
    text + &problems(report) + &summary::print(report)
}

/// The problems alone.
pub(crate) fn problems(report: &Report) -> String {
    let line = |place, message: &str| format!("{}: problem: {}\n", report.files.point(place), one_line(message));
    report.problems.iter().map(|problem| line(problem.place, &problem.message)).collect()
}
