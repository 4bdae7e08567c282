//! How a report is read: pure functions from reports to text.

pub(crate) mod agent;
pub(crate) mod audit;
pub(crate) mod census;
pub(crate) mod concise;
pub(crate) mod diff;
pub(crate) mod files;
pub(crate) mod full;
pub(crate) mod github;
pub(crate) mod gitlab;
pub(crate) mod json;
pub(crate) mod junit;
pub(crate) mod lints;
pub(crate) mod markdown;
pub(crate) mod rdjson;
pub(crate) mod sarif;
pub(crate) mod settings;
pub(crate) mod statistics;
mod style;
pub(crate) mod summary;
pub(crate) mod table;
pub(crate) mod tally;
pub(crate) mod why;

use serde::Serialize;
use unleak_analysis::ledger::{Answer, Kind, Many};
use unleak_lints::{Confidence, Level};

/// Whether escape sequences may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colours {
    /// They may.
    On(Links),
    /// They may not.
    Off,
}

/// Whether links may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Links {
    /// They may.
    On,
    /// They may not.
    Off,
}

/// The word for a level.
pub(crate) fn level(level: Level) -> &'static str {
    match level {
        Level::Note => "note",
        Level::Warning => "warning",
        Level::Error => "error",
    }
}

/// The word for a confidence.
pub(crate) fn confidence(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Likely => "likely",
        Confidence::Certain => "certain",
    }
}

/// The words for how often.
pub(crate) fn many(many: Many) -> &'static str {
    match many {
        Many::Once => "once",
        Many::PerItem => "per item",
        Many::PerEvent => "per event",
        Many::Unknown => "unknown",
    }
}

/// The word for an answer.
pub(crate) fn answer(answer: Answer) -> &'static str {
    match answer {
        Answer::Yes => "leaks",
        Answer::No => "right",
        Answer::Open => "open",
    }
}

/// The word for a kind; the same that data files and JSON use.
pub(crate) fn kind(kind: Kind) -> String {
    match serde_json::to_value(kind) {
        Ok(serde_json::Value::String(word)) => word,
        _ => format!("{kind:?}").to_lowercase(),
    }
}

/// `1 error`, `2 errors`.
pub(crate) fn plural(count: usize, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

/// Where the page of a lint can be read; the checks on comments are explained where the comments are.
pub(crate) fn page(lint: &str) -> String {
    let repository = env!("CARGO_PKG_REPOSITORY");
    match unleak_lints::ALL.iter().any(|known| known.name == lint) {
        true => format!("{repository}/blob/main/docs/lints/{lint}.md"),
        false => format!("{repository}#readme"),
    }
}

/// JSON for programs: indented, with a final newline.
pub(crate) fn as_json(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap_or_else(|error| format!("{{\"error\": {:?}}}", error.to_string())) + "\n"
}

/// A message on one line.
pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
