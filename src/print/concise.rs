//! One finding a line: `path:line:column: level[lint] message`.

use super::{Colours, one_line, style, summary};
use crate::report::Report;

/// The findings, then the problems, then the summary.
pub(crate) fn print(report: &Report, colours: Colours) -> String {
    let files = &report.files;
    let mut text = String::new();
    for finding in &report.findings {
        let (point, message) = (files.point(finding.place), one_line(&finding.message));
        let (level, lint) = (style::level(finding.level, colours), style::lint(finding.lint, colours));
        text += &format!("{point}: {level}[{lint}] {message}\n");
    }
    text + &problems(report) + &summary::print(report)
}

/// The problems alone.
pub(crate) fn problems(report: &Report) -> String {
    let line = |place, message: &str| format!("{}: problem: {}\n", report.files.point(place), one_line(message));
    report.problems.iter().map(|problem| line(problem.place, &problem.message)).collect()
}
