//! The ledger: an entry for each thing the code brings into being, with its owner, its bound and its ends.

mod entry;

pub use entry::*;
