//! GitLab's code quality report.

use serde_json::{Value, json};
use unleak_lints::Level;

use super::{as_json, one_line};
use crate::fingerprint::hash;
use crate::place::{Files, Place};
use crate::report::Report;

/// A list of findings and problems.
pub(crate) fn print(report: &Report) -> String {
    let files = &report.files;
    let findings = report.findings.iter().map(|finding| {
        let print = finding.fingerprint.to_string();
        issue(files, finding.lint, severity(finding.level), finding.place, &finding.message, &print)
    });
    let problems = report.problems.iter().map(|problem| {
        let print = files.point(problem.place);
        issue(files, "problem", "critical", problem.place, &problem.message, &print)
    });
    as_json(&findings.chain(problems).collect::<Vec<Value>>())
}

fn severity(level: Level) -> &'static str {
    match level {
        Level::Note => "info",
        Level::Warning => "minor",
        Level::Error => "major",
    }
}

/// Two findings with one fingerprint would be shown as one, so the path is a part of it here.
fn issue(files: &Files, lint: &str, severity: &str, place: Place, message: &str, print: &str) -> Value {
    let (path, start, end) = (&files.get(place.file).shown, files.start(place), files.end(place));
    json!({
        "check_name": lint,
        "description": format!("{lint}: {}", one_line(message)),
        "severity": severity,
        "fingerprint": format!("{:032x}", hash([path.as_str(), lint, print].into_iter())),
        "location": { "path": path, "positions": { "begin": start, "end": end } },
    })
}
