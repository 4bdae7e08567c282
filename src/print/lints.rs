//! The list of lints.

use serde::Serialize;
use unleak_analysis::source::Language;
use unleak_lints::{Level, Strictness};

use super::table::table;
use super::{as_json, level};
use crate::suppress;

#[derive(Serialize)]
struct List {
    version: u32,
    lints: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    name: &'static str,
    level: Level,
    asked: &'static str,
    languages: Vec<Language>,
    summary: String,
}

/// As a table.
pub(crate) fn text() -> String {
    let rows: Vec<Vec<String>> = rows().map(cells).collect();
    table(&["LINT", "LEVEL", "ASKED", "LANGUAGES", "SUMMARY"], &rows)
}

/// As JSON.
pub(crate) fn json() -> String {
    as_json(&List { version: 1, lints: rows().collect() })
}

fn rows() -> impl Iterator<Item = Row> {
    let lints = unleak_lints::ALL.iter().map(|lint| Row {
        name: lint.name,
        level: lint.level,
        asked: match lint.strictness {
            Strictness::Default => "default",
            Strictness::Strict => "strict",
            Strictness::Preview => "preview",
        },
        languages: lint.languages.to_vec(),
        summary: lint.summary(),
    });
    let own = suppress::CHECKS.iter().map(|check| Row {
        name: check.name,
        level: check.level,
        asked: "default",
        languages: Language::ALL.to_vec(),
        summary: check.summary.to_owned(),
    });
    lints.chain(own)
}

fn cells(row: Row) -> Vec<String> {
    let languages = row.languages.iter().map(|language| language.name()).collect::<Vec<_>>().join(", ");
    vec![row.name.into(), level(row.level).into(), row.asked.into(), languages, row.summary]
}
