//! SARIF 2.1.0, the format of code hosts: the ownership story is a code flow, what comments silence is suppressed.

use serde_json::{Map, Value, json};
use unleak_lints::{Confidence, Level};

use super::{as_json, confidence, level, one_line, page};
use crate::place::{Files, Place};
use crate::report::{Evidence, Finding, Problem, Report, Silenced, Silencer};
use crate::suppress;

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

const REPOSITORY: &str = env!("CARGO_PKG_REPOSITORY");

/// The name under which our fingerprints stand; a new way of making them gets a new one.
const FINGERPRINT: &str = "unleak/v1";

/// Relative paths are relative to the folder that `unleak` was started in.
const BASE: &str = "%SRCROOT%";

/// One run, with findings, what is suppressed, and what could not be read.
pub(crate) fn print(report: &Report) -> String {
    let files = &report.files;
    let shown = report.findings.iter().map(|finding| result(files, finding));
    let silenced = report.silenced.iter().filter(|silenced| report.is_named(silenced.finding.place));
    let results: Vec<Value> = shown.chain(silenced.map(|silenced| suppressed(files, silenced))).collect();
    let notifications: Vec<Value> = report.problems.iter().map(|problem| notification(files, problem)).collect();
    as_json(&json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": driver() },
            "invocations": [{ "executionSuccessful": true, "toolExecutionNotifications": notifications }],
            "originalUriBaseIds": { BASE: { "description": { "text": "the folder unleak was started in" } } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    }))
}

fn driver() -> Value {
    let lints = unleak_lints::ALL.iter().map(|lint| {
        let (summary, text) = (lint.summary(), lint.page());
        rule(lint.name, lint.level, &summary, &text)
    });
    let own = suppress::CHECKS.iter().map(|check| rule(check.name, check.level, check.summary, check.page));
    json!({
        "name": "unleak",
        "version": env!("CARGO_PKG_VERSION"),
        "semanticVersion": env!("CARGO_PKG_VERSION"),
        "informationUri": REPOSITORY,
        "rules": lints.chain(own).collect::<Vec<_>>(),
    })
}

fn rule(name: &str, is: Level, summary: &str, text: &str) -> Value {
    json!({
        "id": name,
        "name": name.split('-').map(capitalised).collect::<String>(),
        "helpUri": page(name),
        "shortDescription": { "text": summary },
        "fullDescription": { "text": summary },
        "help": { "text": text, "markdown": text },
        "defaultConfiguration": { "level": level(is) },
        "properties": { "problem.severity": severity(is), "tags": ["reliability", "resource-leak"] },
    })
}

fn capitalised(word: &str) -> String {
    let (first, rest) = word.split_at(word.len().min(1));
    first.to_uppercase() + rest
}

/// The words that code hosts have for levels.
fn severity(level: Level) -> &'static str {
    match level {
        Level::Note => "recommendation",
        Level::Warning => "warning",
        Level::Error => "error",
    }
}

fn result(files: &Files, finding: &Finding) -> Value {
    let mut primary = location(files, finding.place);
    if let Some(born) = &finding.born {
        primary["logicalLocations"] = json!([{ "fullyQualifiedName": born.within, "kind": "function" }]);
    }
    let mut result = json!({
        "ruleId": finding.lint,
        "level": level(finding.level),
        "message": { "text": message(finding) },
        "locations": [primary],
        "partialFingerprints": { FINGERPRINT: finding.fingerprint.to_string() },
        "properties": properties(finding),
    });
    if !finding.evidence.is_empty() {
        let related = finding.evidence.iter().enumerate().map(|(index, fact)| {
            let mut related = labelled(files, fact);
            related["id"] = json!(index + 1);
            related
        });
        result["relatedLocations"] = related.collect();
        result["codeFlows"] = code_flow(files, finding);
    }
    if let Some(fix) = &finding.fix {
        result["fixes"] = json!([{
            "description": { "text": finding.help },
            "artifactChanges": [{
                "artifactLocation": artifact(&files.get(fix.place.file).shown),
                "replacements": [{ "deletedRegion": region(files, fix.place), "insertedContent": { "text": fix.text } }],
            }],
        }]);
    }
    result
}

fn suppressed(files: &Files, silenced: &Silenced) -> Value {
    let mut result = result(files, &silenced.finding);
    let mut suppression = json!({ "status": "accepted", "justification": silenced.reason });
    match silenced.by {
        Silencer::Comment(comment) => {
            suppression["kind"] = json!("inSource");
            suppression["location"] = location(files, comment);
        }
        Silencer::Baseline => suppression["kind"] = json!("external"),
    }
    result["suppressions"] = json!([suppression]);
    result
}

/// What viewers show; few of them show properties.
fn message(finding: &Finding) -> String {
    let mut parts = vec![one_line(&finding.message)];
    parts.extend(finding.assumption.map(|words| format!("Likely: it rests on the assumption that {words}")));
    parts.extend((!finding.help.is_empty()).then(|| format!("Help: {}", finding.help)));
    parts.join(".\n") + "."
}

fn properties(finding: &Finding) -> Value {
    let mut properties = Map::new();
    properties.insert("confidence".into(), json!(confidence(finding.confidence)));
    properties.insert("precision".into(), json!(precision(finding.confidence)));
    properties.insert("subject".into(), json!(finding.subject));
    if let Some(assumption) = finding.assumption {
        properties.insert("assumption".into(), json!(assumption));
    }
    properties.into()
}

/// The words that code hosts have for how sure.
fn precision(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Likely => "high",
        Confidence::Certain => "very-high",
    }
}

/// The finding's own place, then its story.
fn code_flow(files: &Files, finding: &Finding) -> Value {
    let mut start = location(files, finding.place);
    start["message"] = json!({ "text": one_line(&finding.message) });
    let essential = json!({ "location": start, "importance": "essential" });
    let others = finding.evidence.iter().filter(|fact| fact.place != finding.place);
    let others = others.map(|fact| json!({ "location": labelled(files, fact), "importance": "important" }));
    let locations: Vec<Value> = std::iter::once(essential).chain(others).collect();
    json!([{ "threadFlows": [{ "locations": locations }] }])
}

fn notification(files: &Files, problem: &Problem) -> Value {
    json!({
        "level": "error",
        "message": { "text": one_line(&problem.message) },
        "locations": [location(files, problem.place)],
    })
}

fn labelled(files: &Files, fact: &Evidence) -> Value {
    let mut location = location(files, fact.place);
    location["message"] = json!({ "text": one_line(&fact.label) });
    location
}

fn location(files: &Files, place: Place) -> Value {
    let artifact = artifact(&files.get(place.file).shown);
    json!({ "physicalLocation": { "artifactLocation": artifact, "region": region(files, place) } })
}

fn region(files: &Files, place: Place) -> Value {
    let (start, end) = (files.start(place), files.end(place));
    json!({
        "startLine": start.line,
        "startColumn": start.column,
        "endLine": end.line,
        "endColumn": end.column,
    })
}

fn artifact(shown: &str) -> Value {
    match shown.starts_with('/') || shown.contains(":/") {
        true => json!({ "uri": format!("file://{}{}", if shown.starts_with('/') { "" } else { "/" }, escaped(shown)) }),
        false => json!({ "uri": escaped(shown), "uriBaseId": BASE }),
    }
}

/// A path as a part of a URI.
fn escaped(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'/' | b'-' | b'.' | b'_' | b'~' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => uri.push(byte.into()),
            _ => uri += &format!("%{byte:02X}"),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_escaped() {
        assert_eq!(artifact("a b/é.py"), json!({ "uri": "a%20b/%C3%A9.py", "uriBaseId": BASE }));
        assert_eq!(artifact("/x/a.py"), json!({ "uri": "file:///x/a.py" }));
        assert_eq!(artifact("C:/x/a.py")["uri"], "file:///C%3A/x/a.py");
    }
}
