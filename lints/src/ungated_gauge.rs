//! # ungated-gauge
//!
//! (to be written)

use unleak_analysis::ledger::Ledger;
use unleak_analysis::source::Language;

use crate::finding::Level;
use crate::lint::{Findings, Lint, Strictness};

/// The lint.
pub static LINT: Lint = Lint {
    name: "ungated-gauge",
    level: Level::Error,
    strictness: Strictness::Default,
    languages: &Language::ALL,
    source: include_str!("ungated_gauge.rs"),
    check,
};

fn check(_ledger: &Ledger, _findings: &mut Findings) {}
