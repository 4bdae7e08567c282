//! The analysis behind `unleak`: source → outline and unit → program → ledger.
//!
//! One direction. Everything left of [`program`] depends on one file's bytes and this crate's
//! version only; everything right of it never sees syntax.

pub mod ledger;
pub mod python;
pub mod rust;
pub mod source;
pub mod unit;

use source::{Language, Source};
use unit::Lowered;

/// Lowers one file. Total: any text gives an outline and a unit, what could not be read stands in
/// the unit's problems.
pub fn lower(source: &Source) -> Lowered {
    match source.language {
        Language::Python => python::lower(&source.text),
        Language::Rust => rust::lower(&source.text),
    }
}
