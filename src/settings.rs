//! `unleak.toml`: what a project says about how it is read.

use std::path::{Path, PathBuf};

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::discover::{Context, Named};
use crate::suggest;

/// The name of the file.
const NAME: &str = "unleak.toml";

/// The keys it may have.
const KEYS: [&str; 1] = ["exclude"];

/// A file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    /// It cannot be read.
    #[error("cannot read `{path}`: {source}")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// It is not TOML.
    #[error("`{path}` is not TOML: {message}")]
    Form {
        /// The file.
        path: String,
        /// What the parser says.
        message: String,
    },
    /// A key that does not exist.
    #[error("`{path}`: there is no key `{key}`; {}", suggest::tail(.suggestion.as_deref(), "the only key is `exclude`"))]
    UnknownKey {
        /// The file.
        path: String,
        /// What was written.
        key: String,
        /// What was probably meant.
        suggestion: Option<String>,
    },
    /// Not a list of strings.
    #[error("`{path}`: `{key}` has to be a list of globs, as in `{key} = [\"generated/\", \"*_pb2.py\"]`")]
    NotAList {
        /// The file.
        path: String,
        /// The key.
        key: &'static str,
    },
    /// A glob that means nothing.
    #[error("`{path}`: `{glob}` is not a glob: {message}")]
    Glob {
        /// The file.
        path: String,
        /// The glob.
        glob: String,
        /// What is wrong with it.
        message: String,
    },
}

/// The globs of a context's settings: what is not read.
#[derive(Debug, Default)]
pub(crate) struct Excluded {
    globs: Vec<(PathBuf, Gitignore)>,
}

impl Excluded {
    /// The settings of a context: those of the nearest `unleak.toml` of each path that was named in it.
    pub(crate) fn of(context: &Context) -> Result<Excluded, SettingsError> {
        let mut excluded = Excluded::default();
        for file in context.named.iter().filter_map(|named| nearest(named, &context.root)) {
            let folder = file.parent().unwrap_or(&context.root).to_owned();
            if excluded.globs.iter().all(|(known, _)| *known != folder) {
                let globs = read(&file, &folder)?;
                excluded.globs.push((folder, globs));
            }
        }
        Ok(excluded)
    }

    /// Whether a path itself is matched; in a walk the folders above it have been asked before.
    pub(crate) fn matches(&self, path: &Path, is_folder: bool) -> bool {
        self.below(path).any(|globs| globs.matched(path, is_folder).is_ignore())
    }

    /// Whether a folder or one above it is matched.
    pub(crate) fn covers(&self, folder: &Path) -> bool {
        self.below(folder).any(|globs| globs.matched_path_or_any_parents(folder, true).is_ignore())
    }

    fn below<'a>(&'a self, path: &'a Path) -> impl Iterator<Item = &'a Gitignore> {
        self.globs.iter().filter(|(folder, _)| path.starts_with(folder)).map(|(_, globs)| globs)
    }
}

fn nearest(named: &Named, root: &Path) -> Option<PathBuf> {
    let within = named.folder().ancestors().take_while(|folder| folder.starts_with(root));
    within.map(|folder| folder.join(NAME)).find(|file| file.is_file())
}

fn read(file: &Path, folder: &Path) -> Result<Gitignore, SettingsError> {
    let path = file.display().to_string();
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(source) => return Err(SettingsError::Unreadable { path, source }),
    };
    globs(&path, &text, folder)
}

fn globs(path: &str, text: &str, folder: &Path) -> Result<Gitignore, SettingsError> {
    let path = || path.to_owned();
    let table: toml::Table = text
        .parse()
        .map_err(|error: toml::de::Error| SettingsError::Form { path: path(), message: error.to_string() })?;
    if let Some(key) = table.keys().find(|key| !KEYS.contains(&key.as_str())) {
        let suggestion = suggest::nearest(key, KEYS).map(str::to_owned);
        return Err(SettingsError::UnknownKey { path: path(), key: key.clone(), suggestion });
    }
    let mut builder = GitignoreBuilder::new(folder);
    for glob in strings(&table, "exclude").ok_or(SettingsError::NotAList { path: path(), key: "exclude" })? {
        let line = builder.add_line(None, glob);
        line.map_err(|error| SettingsError::Glob { path: path(), glob: glob.to_owned(), message: error.to_string() })?;
    }
    builder.build().map_err(|error| SettingsError::Glob {
        path: path(),
        glob: "exclude".into(),
        message: error.to_string(),
    })
}

fn strings<'a>(table: &'a toml::Table, key: &str) -> Option<Vec<&'a str>> {
    match table.get(key) {
        None => Some(Vec::new()),
        Some(value) => value.as_array()?.iter().map(toml::Value::as_str).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        globs("unleak.toml", text, Path::new("/p")).unwrap_err().to_string()
    }

    #[test]
    fn globs_are_relative_to_the_file() {
        let globs = globs("unleak.toml", "exclude = ['/gen/', '*_pb2.py']", Path::new("/p")).unwrap();
        let excluded = Excluded { globs: vec![("/p".into(), globs)] };
        assert!(excluded.matches(Path::new("/p/gen"), true));
        assert!(!excluded.matches(Path::new("/p/x/gen"), true));
        assert!(excluded.matches(Path::new("/p/x/a_pb2.py"), false));
        assert!(!excluded.matches(Path::new("/q/a_pb2.py"), false));
        assert!(excluded.covers(Path::new("/p/gen/deep")));
    }

    #[test]
    fn errors_say_what_to_do() {
        assert_eq!(error("exlude = []"), "`unleak.toml`: there is no key `exlude`; did you mean `exclude`?");
        assert_eq!(error("zz = 1"), "`unleak.toml`: there is no key `zz`; the only key is `exclude`");
        assert!(error("exclude = 'x'").contains("has to be a list of globs"));
        assert!(error("exclude = [1]").contains("has to be a list of globs"));
        assert!(error("exclude = ['a{b']").contains("`a{b` is not a glob"));
        assert!(error("exclude = ").contains("is not TOML"));
    }
}
