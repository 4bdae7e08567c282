//! (to come)

use super::builder::Builder;

/// Enters them.
pub(super) fn enter(_builder: &mut Builder<'_, '_>) {}
