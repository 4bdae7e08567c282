//! The lints of `unleak`: short questions put to the ledger. One file a lint.

pub mod finding;
