//! An audit as Markdown.

use super::{LIMITS, METHOD, summary};
use crate::audit::{Audit, Leak, Row};
use crate::print::markdown::{cell, escaped};
use crate::print::{confidence, kind, level, many, one_line, page, plural};

/// The whole audit.
pub(crate) fn print(audit: &Audit) -> String {
    let scope = &audit.scope;
    let mut text = format!(
        "# Audit of what lives and what ends\n\n{} looked at {}, in which {} born: {}.\n",
        audit.tool,
        plural(scope.files, "file"),
        if scope.resources == 1 { "1 resource is".into() } else { format!("{} resources are", scope.resources) },
        summary(audit)
    );
    text += "\n| kind | leaks | right | undecided |\n|---|---:|---:|---:|\n";
    for (kind, tally) in &audit.kinds {
        text += &format!("| {kind} | {} | {} | {} |\n", tally.leak, tally.right, tally.open);
    }
    text += "\n| component | leaks | right | undecided |\n|---|---:|---:|---:|\n";
    for (component, tally) in &audit.components {
        text += &format!("| `{}` | {} | {} | {} |\n", cell(component), tally.leak, tally.right, tally.open);
    }
    if let Some(changes) = &audit.changes {
        text += &format!("\n## Since the audit before\n\n{} in both.\n\n", plural(changes.same, "leak"));
        text.extend(changes.new.iter().map(|new| format!("- new: {}\n", escaped(new))));
        text.extend(changes.gone.iter().map(|gone| format!("- gone: {}\n", escaped(gone))));
    }
    text += "\n## What leaks\n";
    if audit.leaks.is_empty() {
        text += "\nNothing.\n";
    }
    text.extend(audit.leaks.iter().map(leak));
    if !audit.accepted.is_empty() {
        text += "\n## Accepted\n\n| where | what | why | who | until |\n|---|---|---|---|---|\n";
        for (leak, verdict) in &audit.accepted {
            let until = verdict.until.as_deref().unwrap_or("for good");
            let cells = [&verdict.why, &verdict.who].map(|text| escaped(text));
            text += &format!("| `{}` | {} | {} | {} | {until} |\n", leak.place, leak.lint, cells[0], cells[1]);
        }
    }
    text += "\n## Looked at and right\n\n";
    text += &table(&audit.right, "what makes it right", right);
    text += "\n## Undecided\n\n";
    text += &table(&audit.undecided, "why", |row| row.reason.clone().unwrap_or_default());
    for (title, lines) in [("Could not be read", &audit.problems), ("About the verdicts", &audit.notes)] {
        if !lines.is_empty() {
            text += &format!("\n## {title}\n\n");
            text.extend(lines.iter().map(|line| format!("- {}\n", escaped(line))));
        }
    }
    text + &format!("\n## Method and limits\n\n{METHOD}\n\n{LIMITS}\n")
}

fn leak(leak: &Leak) -> String {
    let sure = match leak.assumption {
        Some(assumption) => format!("{}, assuming that {}", confidence(leak.confidence), escaped(assumption)),
        None => confidence(leak.confidence).to_owned(),
    };
    let mut text = format!(
        "\n### `{}` {} [{}]({})\n\n{} ({sure}).\n\n```\n",
        leak.place,
        level(leak.level),
        leak.lint,
        page(leak.lint),
        escaped(&leak.message)
    );
    text.extend(leak.code.iter().map(|(line, code)| format!("{}\n", format!("{line:>5} | {code}").trim_end())));
    text += "```\n\n";
    text.extend(leak.story.iter().map(|(place, label)| format!("- `{place}` {}\n", escaped(label))));
    if !leak.help.is_empty() {
        text += &format!("- what to do: {}\n", escaped(&leak.help));
    }
    text
}

/// What makes a resource right: its owner, its bound, its end.
pub(super) fn right(row: &Row) -> String {
    let parts = [("kept by", &row.owner), ("bounded by", &row.bound), ("ended:", &row.end)];
    let said = parts.iter().filter_map(|(word, what)| what.as_ref().map(|what| format!("{word} {}", one_line(what))));
    said.collect::<Vec<_>>().join("; ")
}

fn table(rows: &[Row], last: &str, tell: impl Fn(&Row) -> String) -> String {
    if rows.is_empty() {
        return "Nothing.\n".to_owned();
    }
    let mut text = format!("| where | kind | made by | how often | {last} |\n|---|---|---|---|---|\n");
    for row in rows {
        let (maker, told) = (cell(&one_line(&row.maker)), escaped(&tell(row)));
        text += &format!("| `{}` | {} | `{maker}` | {} | {told} |\n", row.place, kind(row.kind), many(row.many));
    }
    text
}
