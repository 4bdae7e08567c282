//! The ledger: an entry for each thing the code brings into being, with its owner, its bound and its ends.

mod entry;

pub use entry::*;

/// The ledger of a program.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    entries: Vec<Entry>,
    statistics: Statistics,
}

impl Ledger {
    /// Every resource, in the order of path and place.
    pub fn census(&self) -> &[Entry] {
        &self.entries
    }

    /// What was looked at and decided.
    pub fn statistics(&self) -> &Statistics {
        &self.statistics
    }
}
