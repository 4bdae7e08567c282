//! reviewdog's diagnostic format. Its columns count bytes.

use serde_json::{Value, json};
use unleak_lints::Level;

use super::{as_json, one_line, page};
use crate::place::{Files, Place};
use crate::report::{Finding, Report};

/// All findings and problems.
pub(crate) fn print(report: &Report) -> String {
    let files = &report.files;
    let findings = report.findings.iter().map(|finding| diagnostic(files, finding));
    let problems = report.problems.iter().map(|problem| {
        json!({
            "message": one_line(&problem.message),
            "location": location(files, problem.place),
            "severity": "ERROR",
            "code": { "value": "problem" },
        })
    });
    as_json(&json!({
        "source": { "name": "unleak", "url": env!("CARGO_PKG_REPOSITORY") },
        "diagnostics": findings.chain(problems).collect::<Vec<Value>>(),
    }))
}

fn diagnostic(files: &Files, finding: &Finding) -> Value {
    let related = finding.evidence.iter();
    let related =
        related.map(|fact| json!({ "message": one_line(&fact.label), "location": location(files, fact.place) }));
    let suggestion = |fix: &crate::write::Edit| json!({ "range": range(files, fix.place), "text": fix.text });
    json!({
        "message": message(finding),
        "location": location(files, finding.place),
        "severity": match finding.level {
            Level::Note => "INFO",
            Level::Warning => "WARNING",
            Level::Error => "ERROR",
        },
        "code": { "value": finding.lint, "url": page(finding.lint) },
        "relatedLocations": related.collect::<Vec<_>>(),
        "suggestions": finding.fix.iter().map(suggestion).collect::<Vec<_>>(),
    })
}

fn message(finding: &Finding) -> String {
    let help = if finding.help.is_empty() { String::new() } else { format!("\nhelp: {}", finding.help) };
    one_line(&finding.message) + &help
}

fn location(files: &Files, place: Place) -> Value {
    json!({ "path": files.get(place.file).shown, "range": range(files, place) })
}

fn range(files: &Files, place: Place) -> Value {
    let file = files.get(place.file);
    let cut = file.range(place.span);
    let position = |byte: usize| {
        let line = file.line_of(byte);
        let start = file.line_range(line - 1).map_or(0, |range| range.start);
        json!({ "line": line, "column": byte - start + 1 })
    };
    json!({ "start": position(cut.start), "end": position(cut.end) })
}
