//! The last line of a report.

use unleak_lints::Level;

use super::plural;
use crate::report::Report;

/// What was found, in a line.
pub(crate) fn print(report: &Report) -> String {
    let counts = [(Level::Error, "error"), (Level::Warning, "warning"), (Level::Note, "note")];
    let found = counts.into_iter().map(|(level, word)| (report.count(level), word)).filter(|(count, _)| *count > 0);
    let found: Vec<String> = found.map(|(count, word)| plural(count, word)).collect();
    let files = plural(report.statistics.checked, "file");
    let mut line = match found.is_empty() {
        true => format!("Found nothing that leaks in {files}"),
        false => format!("Found {} in {files}", found.join(", ")),
    };
    let causes = report.causes();
    if causes < report.findings.len() {
        line += &format!(" ({})", plural(causes, "distinct cause"));
    }
    if !report.problems.is_empty() {
        line += &format!("; {}: not everything could be read", plural(report.problems.len(), "problem"));
    }
    line + ".\n"
}
