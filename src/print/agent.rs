//! For coding agents: short, a cause at a time, with the evidence, the line and the next edit.

use std::collections::BTreeMap;

use super::{confidence, level, one_line, plural, summary};
use crate::report::{Finding, Report};

/// So many places of one cause are listed.
const MOST: usize = 5;

/// A paragraph a cause, the worst first.
pub(crate) fn print(report: &Report) -> String {
    let mut causes: BTreeMap<_, Vec<&Finding>> = BTreeMap::new();
    for finding in &report.findings {
        causes.entry((report.files.order(finding.root), finding.lint)).or_default().push(finding);
    }
    let mut causes: Vec<Vec<&Finding>> = causes.into_values().collect();
    causes.sort_by_key(|findings| std::cmp::Reverse(findings.iter().map(|finding| finding.level).max()));
    let mut text: String = causes.iter().map(|findings| cause(report, findings)).collect();
    for problem in &report.problems {
        text += &format!("{} problem: {}\n", report.files.point(problem.place), one_line(&problem.message));
    }
    let (causes, findings) = (plural(causes.len(), "cause"), plural(report.findings.len(), "finding"));
    let unshown = summary::unshown(report);
    text + &format!(
        "{causes}, {findings}{unshown}. `unleak why FILE:LINE` explains a line, `unleak explain LINT` a lint.\n"
    )
}

fn cause(report: &Report, findings: &[&Finding]) -> String {
    let Some(first) = findings.first() else { return String::new() };
    let point = report.files.point(first.place);
    let (is, lint, sure) = (level(first.level), first.lint, confidence(first.confidence));
    let mut text = format!("{point} {is}[{lint}] {sure}: {}\n", one_line(&first.message));
    let line = report.files.start(first.place).line;
    text += &format!("  code: {}\n", report.files.get(first.place.file).line(line).trim());
    for fact in &first.evidence {
        text += &format!("  because: {} {}\n", report.files.point(fact.place), one_line(&fact.label));
    }
    if let Some(words) = first.assumption {
        text += &format!("  assuming: {words}\n");
    }
    for finding in findings.iter().skip(1).take(MOST) {
        text += &format!("  also: {}\n", report.files.point(finding.place));
    }
    if findings.len() > MOST + 1 {
        text += &format!("  also: {} more\n", findings.len() - MOST - 1);
    }
    if first.root != first.place {
        let root = report.files.point(first.root);
        text += &format!("  root: {root}; one edit there ends {}\n", plural(findings.len(), "finding"));
    }
    text + &next(report, first)
}

fn next(report: &Report, finding: &Finding) -> String {
    match &finding.fix {
        Some(fix) => format!("  edit: {} replace with {:?}\n", report.files.point(fix.place), fix.text),
        None if finding.help.is_empty() => String::new(),
        None => format!("  edit: {}\n", one_line(&finding.help)),
    }
}
