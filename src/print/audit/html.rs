//! An audit as one page of HTML that needs nothing else, on screen and on paper.

use super::{LIMITS, METHOD, markdown, plots, summary};
use crate::audit::{Audit, Leak, Row, Tally};
use crate::print::{confidence, kind, level, many, page, plural};

const STYLE: &str = "
:root { --leak: #b3261e; --open: #b58900; --right: #3b7a57; --line: #d5d5d0; --soft: #f5f5f1; color-scheme: light; }
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, sans-serif; color: #222; background: #fff; margin: 0 auto; max-width: 62rem; padding: 2rem 1.5rem; }
h1 { font-size: 1.7rem; margin: 0 0 .3rem; } h2 { margin: 2.2rem 0 .6rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.6rem 0 .3rem; }
.cards { display: flex; gap: 1rem; flex-wrap: wrap; margin: 1.2rem 0; }
.card { border: 1px solid var(--line); border-radius: 6px; padding: .6rem 1rem; min-width: 8rem; }
.card b { display: block; font-size: 1.6rem; }
.card.leak b { color: var(--leak); } .card.right b { color: var(--right); } .card.open b { color: var(--open); }
code, pre, .place { font: 13px/1.45 ui-monospace, monospace; }
pre { background: var(--soft); border: 1px solid var(--line); border-radius: 4px; padding: .6rem .8rem; overflow-x: auto; white-space: pre-wrap; }
pre i { color: #888; font-style: normal; user-select: none; }
table { border-collapse: collapse; width: 100%; font-size: 13px; } th { text-align: left; background: var(--soft); }
td, th { border: 1px solid var(--line); padding: .25rem .5rem; vertical-align: top; overflow-wrap: anywhere; }
.badge { display: inline-block; border-radius: 3px; padding: 0 .4rem; color: #fff; font-size: 12px; background: var(--open); }
.badge.error { background: var(--leak); } .badge.note { background: #777; }
svg { max-width: 100%; height: auto; margin: .4rem 0; } svg text { font: 12px system-ui, sans-serif; fill: #222; }
svg .leak { fill: var(--leak); } svg .open { fill: var(--open); } svg .right { fill: var(--right); }
svg line { stroke: var(--right); stroke-opacity: .35; }
@media print { body { padding: 0; max-width: none; font-size: 11pt; } section.leak, tr { break-inside: avoid; } a { color: inherit; text-decoration: none; } }
";

/// The whole page.
pub(crate) fn print(audit: &Audit) -> String {
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width\">\n<title>Audit of what lives and what ends</title>\n<style>{STYLE}</style>\n\
         </head>\n<body>\n<h1>Audit of what lives and what ends</h1>\n<p>{} looked at {}: {}.</p>\n",
        escaped(&audit.tool),
        plural(audit.scope.files, "file"),
        summary(audit),
    );
    html += &cards(audit);
    html += &plotted(audit);
    html += &changed(audit);
    html += "<h2>What leaks</h2>\n";
    html += if audit.leaks.is_empty() { "<p>Nothing.</p>\n" } else { "" };
    html.extend(audit.leaks.iter().map(leak));
    html += &accepted(audit);
    html += "<h2>Looked at and right</h2>\n";
    html += &rows(&audit.right, "What makes it right", markdown::right);
    html += "<h2>Undecided</h2>\n";
    html += &rows(&audit.undecided, "Why", |row| row.reason.clone().unwrap_or_default());
    for (title, lines) in [("Could not be read", &audit.problems), ("About the verdicts", &audit.notes)] {
        html += &listed(title, lines);
    }
    html += &format!("<h2>Method and limits</h2>\n<p>{METHOD}</p>\n<p>{LIMITS}</p>\n");
    html + "</body>\n</html>\n"
}

fn cards(audit: &Audit) -> String {
    let cards = [
        ("leak", audit.leaks.len(), "leaks"),
        ("", audit.accepted.len(), "accepted"),
        ("right", audit.right.len(), "right"),
        ("open", audit.undecided.len(), "undecided"),
    ];
    let card =
        |(class, count, word): (&str, usize, &str)| format!("<div class=\"card {class}\"><b>{count}</b>{word}</div>");
    format!("<div class=\"cards\">{}</div>\n", cards.map(card).concat())
}

fn plotted(audit: &Audit) -> String {
    let kinds: Vec<(String, Tally)> = audit.kinds.iter().map(|(kind, tally)| (kind.clone(), *tally)).collect();
    let plots = [
        ("By kind and verdict", plots::bars("Births by kind and verdict", &kinds)),
        ("By component", plots::bars("Hot components", &audit.components)),
        ("Who owns what does not leak", plots::ownership(audit)),
    ];
    plots.map(|(title, svg)| format!("<h3>{title}</h3>\n{svg}\n")).concat()
}

fn changed(audit: &Audit) -> String {
    let Some(changes) = &audit.changes else { return String::new() };
    let mut html = format!("<h2>Since the audit before</h2>\n<p>{} in both.</p>\n<ul>\n", plural(changes.same, "leak"));
    html.extend(changes.new.iter().map(|new| format!("<li>new: {}</li>\n", marked(new))));
    html.extend(changes.gone.iter().map(|gone| format!("<li>gone: {}</li>\n", marked(gone))));
    html + "</ul>\n"
}

fn leak(leak: &Leak) -> String {
    let (level, sure) = (level(leak.level), confidence(leak.confidence));
    let assuming = leak.assumption.map(|words| format!(", assuming that {}", marked(words))).unwrap_or_default();
    let mut html = format!(
        "<section class=\"leak\">\n<h3><span class=\"badge {level}\">{level}</span> <a href=\"{}\">{}</a> \
         <span class=\"place\">{}</span></h3>\n<p>{} ({sure}{assuming}).</p>\n<pre>",
        escaped(&page(leak.lint)),
        leak.lint,
        escaped(&leak.place),
        marked(&leak.message)
    );
    html.extend(leak.code.iter().map(|(line, code)| format!("<i>{line:>5} </i>{}\n", escaped(code))));
    html += "</pre>\n<ul>\n";
    let story = leak.story.iter();
    html.extend(story.map(|(at, label)| format!("<li><code>{}</code> {}</li>\n", escaped(at), marked(label))));
    if !leak.help.is_empty() {
        html += &format!("<li><b>What to do:</b> {}</li>\n", marked(&leak.help));
    }
    html + "</ul>\n</section>\n"
}

fn accepted(audit: &Audit) -> String {
    if audit.accepted.is_empty() {
        return String::new();
    }
    let mut html = "<h2>Accepted</h2>\n<table>\n<tr><th>Where<th>What<th>Why<th>Who<th>Until</tr>\n".to_owned();
    for (leak, verdict) in &audit.accepted {
        let until = verdict.until.as_deref().unwrap_or("for good");
        let cells = [&leak.place, leak.lint, &verdict.why, &verdict.who, until].map(|cell: &str| marked(cell));
        html += &format!("<tr>{}</tr>\n", cells.map(|cell| format!("<td>{cell}")).concat());
    }
    html + "</table>\n"
}

fn rows(rows: &[Row], last: &str, tell: impl Fn(&Row) -> String) -> String {
    if rows.is_empty() {
        return "<p>Nothing.</p>\n".to_owned();
    }
    let mut html = format!("<table>\n<tr><th>Where<th>Kind<th>Made by<th>How often<th>{last}</tr>\n");
    for row in rows {
        html += &format!(
            "<tr><td><code>{}</code><td>{}<td><code>{}</code><td>{}<td>{}</tr>\n",
            escaped(&row.place),
            kind(row.kind),
            escaped(&row.maker),
            many(row.many),
            marked(&tell(row))
        );
    }
    html + "</table>\n"
}

fn listed(title: &str, lines: &[String]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let lines = lines.iter().map(|line| format!("<li>{}</li>\n", marked(line)));
    format!("<h2>{title}</h2>\n<ul>\n{}</ul>\n", lines.collect::<String>())
}

/// Text in HTML.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The same, what stands in backquotes as code.
fn marked(text: &str) -> String {
    let parts = text.split('`').enumerate().map(|(index, part)| match index % 2 {
        0 => escaped(part),
        _ => format!("<code>{}</code>", escaped(part)),
    });
    parts.collect()
}
