//! Everything that is born, as a table for people.

use std::collections::BTreeMap;

use unleak_analysis::ledger::Setting;

use super::table::table;
use super::{answer, kind, many, one_line, plural};
use crate::report::{Born, Report};

const HEADING: [&str; 9] = ["PLACE", "KIND", "NAME", "MAKER", "HOW OFTEN", "OWNER", "BOUND", "END", "ANSWER"];

/// The table of the product, that of its tests, and a line a kind.
pub(crate) fn print(report: &Report) -> String {
    let files = plural(report.statistics.checked, "file");
    let (tests, product): (Vec<&Born>, Vec<&Born>) =
        report.named_census().partition(|born| born.entry.setting == Setting::Test);
    let count = tests.len() + product.len();
    if count == 0 {
        return format!("Nothing is born in {files}.\n");
    }
    let shown = |rows: &[&Born]| table(&HEADING, &rows.iter().map(|born| row(report, born)).collect::<Vec<_>>());
    let mut parts = Vec::new();
    if !product.is_empty() {
        parts.push(shown(&product));
    }
    if !tests.is_empty() {
        parts.push(format!("In tests, examples and benchmarks:\n{}", shown(&tests)));
    }
    parts.push(totals(report, count, &files));
    parts.join("\n")
}

fn row(report: &Report, born: &Born) -> Vec<String> {
    let entry = &born.entry;
    let words = |cell: &Option<String>| cell.as_deref().map_or_else(|| "-".to_owned(), one_line);
    let verdict = match entry.reason {
        Some(reason) => format!("{}: {reason}", answer(entry.answer)),
        None => answer(entry.answer).to_owned(),
    };
    let fixed = [report.files.point(born.birth), kind(entry.kind), words(&entry.name), one_line(&entry.maker)];
    let cells = [many(entry.many).to_owned(), words(&entry.owner), words(&entry.bound), words(&entry.end), verdict];
    fixed.into_iter().chain(cells).collect()
}

/// `3 resources in 2 files: task: 1 leaks, 1 right; queue: 1 open.`
fn totals(report: &Report, count: usize, files: &str) -> String {
    let mut kinds: BTreeMap<_, BTreeMap<_, usize>> = BTreeMap::new();
    for born in report.named_census() {
        *kinds.entry(born.entry.kind).or_default().entry(born.entry.answer).or_default() += 1;
    }
    let kinds = kinds.into_iter().map(|(of, answers)| {
        let answers = answers.into_iter().map(|(is, count)| format!("{count} {}", answer(is)));
        format!("{} {}", kind(of), answers.collect::<Vec<_>>().join(", "))
    });
    format!("{} in {files}: {}.\n", plural(count, "resource"), kinds.collect::<Vec<_>>().join("; "))
}
