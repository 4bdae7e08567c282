//! What settings mean for the findings in a file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ignore::gitignore::Gitignore;
use unleak_lints::{Confidence, Level};

use crate::selection::{self, Selection};

/// What is asked of the files that some settings count for, and how it is shown.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    /// Which lints are asked.
    pub(crate) selection: Selection,
    /// How sure a finding must be to be shown.
    pub(crate) min_confidence: Confidence,
    /// How bad one must be; `None` where the format decides.
    pub(crate) min_level: Option<Level>,
    /// How bad the findings of some lints are.
    pub(crate) levels: BTreeMap<&'static str, Level>,
    /// Lints that are not asked in some files.
    pub(crate) ignored: Vec<Ignored>,
    /// Functions and classes that own what is born in them.
    pub(crate) owners: Vec<String>,
    /// Calls whose result nobody has to keep.
    pub(crate) safe_calls: Vec<String>,
    /// What to use instead of a call.
    pub(crate) prefer: BTreeMap<String, String>,
}

/// Lints that are not asked in the files of a glob.
#[derive(Clone, Debug)]
pub(crate) struct Ignored {
    /// As written.
    pub(crate) glob: String,
    /// The files.
    pub(crate) files: Gitignore,
    /// The folder the glob is relative to.
    pub(crate) below: PathBuf,
    /// The lints.
    pub(crate) lints: BTreeSet<&'static str>,
}

impl Policy {
    /// Everything is asked and shown.
    pub(crate) fn everything() -> Policy {
        Policy {
            selection: Selection::everything(),
            min_confidence: Confidence::Likely,
            min_level: None,
            levels: BTreeMap::new(),
            ignored: Vec::new(),
            owners: Vec::new(),
            safe_calls: Vec::new(),
            prefer: BTreeMap::new(),
        }
    }

    /// The same in all but what is asked: everything.
    pub(crate) fn asking_everything(&self) -> Policy {
        let Policy { owners, safe_calls, prefer, .. } = self.clone();
        Policy { owners, safe_calls, prefer, ..Policy::everything() }
    }

    /// What is left of it for one file.
    pub(crate) fn for_file(self: &Arc<Policy>, file: &Path) -> Arc<Policy> {
        let not_asked: Vec<&str> =
            self.ignored.iter().filter(|it| it.has(file)).flat_map(|it| &it.lints).copied().collect();
        if not_asked.is_empty() {
            return Arc::clone(self);
        }
        Arc::new(Policy { selection: self.selection.without(&not_asked), ..Policy::clone(self) })
    }

    /// What to use instead of a call; a name that was imported means the call too.
    pub(crate) fn preferred(&self, maker: &str) -> Option<&str> {
        let means = |call: &str| call == maker || (!maker.contains(['.', ':']) && call.ends_with(&format!(".{maker}")));
        self.prefer.iter().find(|(call, _)| means(call)).map(|(_, own)| own.as_str())
    }

    /// How bad a finding is: as many steps below the level that was set, or else the lint's own, as its evidence is below
    /// the strongest.
    pub(crate) fn level(&self, lint: &str, found: Level) -> Level {
        let Some(scale) = selection::scale(lint) else { return found };
        let set = self.levels.get(lint).copied().unwrap_or(scale.own);
        let steps = (scale.strongest as usize).saturating_sub(found as usize);
        const ALL: [Level; 3] = [Level::Note, Level::Warning, Level::Error];
        ALL[(set as usize).saturating_sub(steps)]
    }
}

impl Ignored {
    fn has(&self, file: &Path) -> bool {
        file.starts_with(&self.below) && self.files.matched_path_or_any_parents(file, false).is_ignore()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_that_is_lower_stays_lower() {
        let set = |level| Policy { levels: [("raw-gather", level)].into(), ..Policy::everything() };
        assert_eq!(Policy::everything().level("raw-gather", Level::Warning), Level::Warning);
        assert_eq!(set(Level::Warning).level("raw-gather", Level::Error), Level::Warning);
        assert_eq!(set(Level::Warning).level("raw-gather", Level::Warning), Level::Note);
        assert_eq!(set(Level::Note).level("raw-gather", Level::Warning), Level::Note);
        assert_eq!(set(Level::Note).level("fire-and-forget", Level::Error), Level::Error);
    }

    #[test]
    fn the_evidence_of_a_lint_that_is_low_of_itself_shows_when_it_is_raised() {
        let set = |level| Policy { levels: [("unbounded-queue", level)].into(), ..Policy::everything() };
        assert_eq!(Policy::everything().level("unbounded-queue", Level::Error), Level::Note);
        assert_eq!(set(Level::Error).level("unbounded-queue", Level::Error), Level::Error);
        assert_eq!(set(Level::Error).level("unbounded-queue", Level::Warning), Level::Warning);
        assert_eq!(Policy::everything().level("unused-suppression", Level::Warning), Level::Warning);
    }
}
