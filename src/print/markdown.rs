//! Markdown, for comments on changes and summaries of jobs.

use super::{level, one_line, page, plural, summary};
use crate::report::{Finding, Report};

/// The summary, a table of findings, and their stories.
pub(crate) fn print(report: &Report) -> String {
    let mut text = format!("### unleak\n\n{}", summary::print(report));
    if !report.findings.is_empty() {
        text += "\n| where | what | says |\n|---|---|---|\n";
        text.extend(report.findings.iter().map(|finding| row(report, finding)));
        text += "\n<details><summary>How each comes about, and what to do</summary>\n\n";
        text.extend(report.findings.iter().map(|finding| story(report, finding)));
        text += "\n</details>\n";
    }
    if !report.problems.is_empty() {
        text += &format!("\n{}:\n\n", plural(report.problems.len(), "problem"));
        let line = |place, message: &str| format!("- `{}` {}\n", report.files.point(place), escaped(message));
        text.extend(report.problems.iter().map(|problem| line(problem.place, &problem.message)));
    }
    text
}

fn row(report: &Report, finding: &Finding) -> String {
    let (point, lint, message) = (report.files.point(finding.place), finding.lint, escaped(&finding.message));
    format!("| `{}` | {} [{lint}]({}) | {message} |\n", cell(&point), level(finding.level), page(lint))
}

fn story(report: &Report, finding: &Finding) -> String {
    let mut text = format!("- `{}` {}\n", report.files.point(finding.place), finding.lint);
    for fact in &finding.evidence {
        text += &format!("  - `{}` {}\n", report.files.point(fact.place), escaped(&fact.label));
    }
    if let Some(words) = finding.assumption {
        text += &format!("  - likely: it rests on the assumption that {}\n", escaped(words));
    }
    if !finding.help.is_empty() {
        text += &format!("  - help: {}\n", escaped(&finding.help));
    }
    text
}

/// A message as Markdown; what stands in backquotes stays as it is, but for what would end a cell.
pub(super) fn escaped(text: &str) -> String {
    let parts = one_line(text);
    let parts = parts.split('`').enumerate().map(|(index, part)| match index % 2 {
        0 => part.replace('\\', "\\\\").replace('<', "&lt;").replace('*', "\\*").replace('_', "\\_"),
        _ => part.to_owned(),
    });
    cell(&parts.collect::<Vec<_>>().join("`"))
}

pub(super) fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
