//! The settings that count, as they would be written, for each group of files that share them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::plural;
use crate::project::Working;
use crate::settings::Settings;

/// Where they come from, how many files they count for, and what they say with the lints that follow.
pub(crate) fn print(named: &BTreeMap<&Path, Arc<Settings>>, working: &Working) -> String {
    let mut groups: Vec<(&Arc<Settings>, usize)> = Vec::new();
    for settings in named.values() {
        match groups.iter_mut().find(|(known, _)| known.sources == settings.sources) {
            Some((_, files)) => *files += 1,
            None => groups.push((settings, 1)),
        }
    }
    groups.iter().map(|(settings, files)| group(settings, *files, working)).collect::<Vec<_>>().join("\n")
}

fn group(settings: &Settings, files: usize, working: &Working) -> String {
    let sources: Vec<String> = settings.sources.iter().map(|source| format!("`{}`", working.show(source))).collect();
    let from = if sources.is_empty() { "no file".to_owned() } else { sources.join(", then ") };
    let written = toml::to_string(&settings.written).unwrap_or_default();
    let asked: Vec<&str> = settings.policy.selection.names().collect();
    format!("# {} with the settings of {from}\n{written}# asked: {}\n", plural(files, "file"), asked.join(", "))
}
