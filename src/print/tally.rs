//! `--statistics`: how many findings of which lint are shown.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::table::table;
use super::{as_json, summary};
use crate::report::Report;

#[derive(Serialize)]
struct Tally {
    version: u32,
    lints: Vec<Row>,
    not_shown: usize,
}

#[derive(Serialize)]
struct Row {
    lint: &'static str,
    findings: usize,
    causes: usize,
}

/// As a table, and the summary.
pub(crate) fn text(report: &Report) -> String {
    let cells = |row: Row| vec![row.findings.to_string(), row.causes.to_string(), row.lint.to_owned()];
    let rows: Vec<Vec<String>> = rows(report).into_iter().map(cells).collect();
    match rows.is_empty() {
        true => summary::print(report),
        false => table(&["FINDINGS", "CAUSES", "LINT"], &rows) + &summary::print(report),
    }
}

/// As JSON.
pub(crate) fn json(report: &Report) -> String {
    as_json(&Tally { version: 1, lints: rows(report), not_shown: report.unshown.len() })
}

/// The most frequent first.
fn rows(report: &Report) -> Vec<Row> {
    let mut counts: BTreeMap<&'static str, (usize, BTreeSet<_>)> = BTreeMap::new();
    for finding in &report.findings {
        let (findings, roots) = counts.entry(finding.lint).or_default();
        *findings += 1;
        roots.insert(finding.root);
    }
    let row =
        |(lint, (findings, roots)): (&'static str, (usize, BTreeSet<_>))| Row { lint, findings, causes: roots.len() };
    let mut rows: Vec<Row> = counts.into_iter().map(row).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.findings));
    rows
}
