//! The lints of `unleak`: short questions put to the ledger. One file a lint.

pub mod finding;

mod lint;
mod registry;

pub use finding::{Confidence, Finding, Level};
pub use lint::{Findings, Lint, Strictness};
pub use registry::ALL;

use unleak_analysis::ledger::Ledger;

/// Asks every lint for which `asked` says yes, and gives what they found in the order of path and place.
pub fn check(ledger: &Ledger, asked: impl Fn(&Lint) -> bool) -> Vec<Finding> {
    let mut findings = Findings::default();
    for lint in ALL.iter().filter(|lint| asked(lint)) {
        findings.ask(lint, ledger);
    }
    findings.finish()
}
