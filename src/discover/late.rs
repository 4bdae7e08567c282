//! What is left out of a walk by what stands in a folder, asked when the walk is over.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::Path;

use super::is_environment;
use crate::settings::Hierarchy;

/// What is left out below a folder.
pub(super) struct Late<'a> {
    start: &'a Path,
    settings: Option<&'a Hierarchy>,
    /// Whether a folder is left out, itself or with one around it.
    known: HashMap<OsString, bool>,
}

impl<'a> Late<'a> {
    /// Below a folder, which is never left out itself. Without settings nothing is excluded.
    pub(super) fn new(start: &'a Path, settings: Option<&'a Hierarchy>) -> Late<'a> {
        Late { start, settings, known: HashMap::new() }
    }

    /// Whether a file is left out, itself or with a folder around it.
    pub(super) fn leaves_out_file(&mut self, file: &Path) -> bool {
        self.around(file) || self.settings.is_some_and(|settings| settings.excludes(file, false))
    }

    /// Has the settings of a folder read, as far as it is not left out.
    pub(super) fn read_settings(&mut self, folder: &Path) {
        if let Some(settings) = self.settings
            && !self.leaves_out_folder(folder)
        {
            settings.of(folder);
        }
    }

    /// Whether a folder is left out, itself or with one around it.
    pub(super) fn leaves_out_folder(&mut self, folder: &Path) -> bool {
        if folder.as_os_str() == self.start.as_os_str() {
            return false;
        }
        if let Some(known) = self.known.get(folder.as_os_str()) {
            return *known;
        }
        let out = self.around(folder)
            || is_environment(folder)
            || self.settings.is_some_and(|settings| settings.excludes(folder, true));
        self.known.insert(folder.as_os_str().to_owned(), out);
        out
    }

    fn around(&mut self, path: &Path) -> bool {
        path.parent().is_some_and(|folder| self.leaves_out_folder(folder))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::settings::Overrides;

    #[test]
    fn environments_and_what_settings_exclude_are_left_out_with_all_below() {
        let tree = tempfile::tempdir().unwrap();
        let base = tree.path();
        for folder in ["env/src", "a/made/deep", "a/own"] {
            fs::create_dir_all(base.join(folder)).unwrap();
        }
        fs::write(base.join("env/pyvenv.cfg"), "").unwrap();
        fs::write(base.join("a/unleak.toml"), "exclude = [\"made/\"]\n").unwrap();
        let settings = Hierarchy::new(base.to_owned(), Overrides::default());
        let mut late = Late::new(base, Some(&settings));
        for (path, out) in
            [("env/src/x.py", true), ("a/made/deep/x.py", true), ("a/own/x.py", false), ("made.py", false)]
        {
            assert_eq!(late.leaves_out_file(&base.join(path)), out, "{path}");
        }
        assert!(late.leaves_out_folder(&base.join("a/made")));
        let mut without = Late::new(base, None);
        assert!(!without.leaves_out_file(&base.join("a/made/deep/x.py")));
        assert!(!Late::new(&base.join("env"), None).leaves_out_file(&base.join("env/src/x.py")));
    }
}
