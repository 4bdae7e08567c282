//! Workflow commands of GitHub: an annotation a finding.

use unleak_lints::Level;

use super::one_line;
use crate::place::{Files, Place};
use crate::report::Report;

/// A command a finding and a problem.
pub(crate) fn print(report: &Report) -> String {
    let files = &report.files;
    let findings = report.findings.iter().map(|finding| {
        let says = format!("{}: {}", files.point(finding.place), one_line(&finding.message));
        let help = if finding.help.is_empty() { String::new() } else { format!("\nhelp: {}", finding.help) };
        command(files, command_of(finding.level), finding.lint, finding.place, &(says + &help))
    });
    let problems = report.problems.iter().map(|problem| {
        let says = format!("{}: {}", files.point(problem.place), one_line(&problem.message));
        command(files, "error", "problem", problem.place, &says)
    });
    findings.chain(problems).collect()
}

fn command_of(level: Level) -> &'static str {
    match level {
        Level::Note => "notice",
        Level::Warning => "warning",
        Level::Error => "error",
    }
}

/// Columns are allowed within one line only.
fn command(files: &Files, command: &str, lint: &str, place: Place, says: &str) -> String {
    let (start, end) = (files.start(place), files.end(place));
    let columns = match start.line == end.line {
        true => format!(",col={},endColumn={}", start.column, end.column),
        false => String::new(),
    };
    let (file, title) = (property(&files.get(place.file).shown), property(&format!("unleak ({lint})")));
    let place = format!("file={file},line={},endLine={}{columns}", start.line, end.line);
    format!("::{command} title={title},{place}::{}\n", data(says))
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
