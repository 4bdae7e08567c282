//! The files that would be reported on, one a line.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::project::Working;
use crate::settings::Settings;

/// A line a file.
pub(crate) fn print(named: &BTreeMap<&Path, Arc<Settings>>, working: &Working) -> String {
    named.keys().map(|file| format!("{}\n", working.show(file))).collect()
}
