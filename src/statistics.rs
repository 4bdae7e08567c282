//! What was looked at and how much of it was decided, over all contexts of a run.

use serde::Serialize;
use unleak_analysis::ledger;

/// What was looked at and decided.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Statistics {
    /// Files that were reported on.
    pub(crate) checked: usize,
    /// Files that could not be read, or not all of them, and were read as context only.
    pub(crate) problems_in_context: usize,
    /// Findings kept from being shown by `ignore` comments.
    pub(crate) ignored: usize,
    /// Findings kept from being shown by `detached` comments.
    pub(crate) detached: usize,
    /// Findings that settings say are right.
    pub(crate) excused: usize,
    /// Findings that are in the baseline.
    pub(crate) baselined: usize,
    /// Findings that were shown.
    pub(crate) findings: usize,
    /// What would have to be mended: findings with one root count once.
    pub(crate) causes: usize,
    /// What the analysis says of itself.
    #[serde(flatten)]
    pub(crate) ledger: ledger::Statistics,
}

impl Statistics {
    /// Adds what the analysis of one more context says.
    pub(crate) fn add(&mut self, other: &ledger::Statistics) {
        let sum = &mut self.ledger;
        sum.files += other.files;
        sum.lines += other.lines;
        sum.functions += other.functions;
        sum.calls_resolved += other.calls_resolved;
        sum.calls_unresolved += other.calls_unresolved;
        for (kind, answers) in &other.resources {
            let known = sum.resources.entry(*kind).or_default();
            for (answer, count) in answers {
                *known.entry(*answer).or_default() += count;
            }
        }
        for met in &other.libraries {
            match sum.libraries.iter_mut().find(|known| known.language == met.language && known.library == met.library)
            {
                Some(known) => {
                    // The same entries may be called in both.
                    known.entries = known.entries.max(met.entries);
                    known.calls += met.calls;
                }
                None => sum.libraries.push(met.clone()),
            }
        }
        for (reason, count) in &other.open {
            *sum.open.entry(reason).or_default() += count;
        }
    }
}
