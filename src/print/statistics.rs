//! What was looked at and decided, for people.

use super::{answer, kind, plural, summary};
use crate::report::Report;

/// A line a figure.
pub(crate) fn print(report: &Report) -> String {
    let statistics = &report.statistics;
    let ledger = &statistics.ledger;
    let unshown = summary::unshown(report);
    let calls = ledger.calls_resolved + ledger.calls_unresolved;
    let mut lines = vec![
        format!("files reported on: {}", statistics.checked),
        format!("files lowered: {} ({} lines, {} functions)", ledger.files, ledger.lines, ledger.functions),
        format!("calls resolved: {} of {calls}", ledger.calls_resolved),
        format!("findings: {} of {}{unshown}", statistics.findings, plural(statistics.causes, "distinct cause")),
        format!(
            "suppressed: {} ignored, {} detached, {} excused by settings, {} in the baseline",
            statistics.ignored, statistics.detached, statistics.excused, statistics.baselined
        ),
        format!("problems in files that were read as context: {}", statistics.problems_in_context),
    ];
    for (of, answers) in &ledger.resources {
        let answers = answers.iter().map(|(is, count)| format!("{count} {}", answer(*is)));
        lines.push(format!("{}: {}", kind(*of), answers.collect::<Vec<_>>().join(", ")));
    }
    lines.extend(ledger.open.iter().map(|(reason, count)| format!("open because {reason}: {count}")));
    lines.extend(ledger.libraries.iter().map(|met| {
        format!("{} library {}: entries called {}, calls {}", met.language, met.library, met.entries, met.calls)
    }));
    lines.join("\n") + "\n"
}
