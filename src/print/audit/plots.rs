//! The plots of an audit, as SVG that needs nothing else.

use std::collections::BTreeMap;

use super::html::escaped;
use crate::audit::{Audit, Tally};
use crate::print::kind;

/// How many rows a plot has at most.
const ROWS: usize = 14;
const ROW: usize = 24;
const LABEL: usize = 260;
const WIDTH: usize = 420;

/// Bars of leaks, right ones and undecided ones, a row each.
pub(super) fn bars(title: &str, rows: &[(String, Tally)]) -> String {
    let rows = &rows[..rows.len().min(ROWS)];
    let most = rows.iter().map(|(_, tally)| tally.all()).max().unwrap_or(0).max(1);
    let height = ROW * rows.len() + 8;
    let mut svg = opening(title, LABEL + WIDTH + 60, height);
    for (at, (label, tally)) in rows.iter().enumerate() {
        let top = ROW * at + 4;
        svg += &text(LABEL - 10, top + 15, "end", label);
        let mut left = LABEL;
        for (count, class) in [(tally.leak, "leak"), (tally.open, "open"), (tally.right, "right")] {
            let width = count * WIDTH / most;
            if count > 0 {
                let width = width.max(2);
                svg += &format!("<rect class=\"{class}\" x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"18\"/>");
                left += width;
            }
        }
        svg += &text(left + 6, top + 15, "start", &tally.all().to_string());
    }
    svg + "</svg>"
}

/// Who owns what: owners to the left, kinds to the right, a line as thick as there are resources between them.
pub(super) fn ownership(audit: &Audit) -> String {
    let mut lines: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut owners: BTreeMap<String, usize> = BTreeMap::new();
    for row in audit.right.iter().chain(&audit.undecided) {
        let owner = row.owner.as_deref().unwrap_or("no lasting owner").replace('`', "");
        *owners.entry(owner.clone()).or_default() += 1;
        *lines.entry((owner, kind(row.kind))).or_default() += 1;
    }
    let mut owners: Vec<(String, usize)> = owners.into_iter().collect();
    owners.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    owners.truncate(ROWS);
    let kinds: Vec<&String> = audit.kinds.keys().collect();
    let height = ROW * owners.len().max(kinds.len()) + 8;
    let (from, to) = (LABEL + 10, LABEL + WIDTH - 60);
    let mut svg = opening("Who owns what", LABEL + WIDTH + 60, height);
    for ((owner, of), count) in &lines {
        let place = owners.iter().position(|(name, _)| name == owner).zip(kinds.iter().position(|kind| *kind == of));
        if let Some((left, right)) = place {
            let (left, right, width) = (ROW * left + 14, ROW * right + 14, (*count).min(12));
            svg += &format!("<line x1=\"{from}\" y1=\"{left}\" x2=\"{to}\" y2=\"{right}\" stroke-width=\"{width}\"/>");
        }
    }
    for (at, (owner, count)) in owners.iter().enumerate() {
        svg += &text(LABEL, ROW * at + 18, "end", &format!("{owner} ({count})"));
    }
    for (at, kind) in kinds.iter().enumerate() {
        svg += &text(to + 10, ROW * at + 18, "start", kind);
    }
    svg + "</svg>"
}

fn opening(title: &str, width: usize, height: usize) -> String {
    let title = escaped(title);
    format!("<svg viewBox=\"0 0 {width} {height}\" width=\"{width}\" role=\"img\"><title>{title}</title>")
}

fn text(x: usize, y: usize, anchor: &str, what: &str) -> String {
    let cut: String = match what.chars().count() > 38 {
        true => std::iter::once('…').chain(what.chars().rev().take(37).collect::<Vec<_>>().into_iter().rev()).collect(),
        false => what.to_owned(),
    };
    format!("<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{}</text>", escaped(&cut))
}
