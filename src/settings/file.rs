//! A settings file: where it may stand, and how it is read.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::written::Written;
use crate::selection::UnknownLint;
use crate::suggest;

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
    /// It is not TOML, or a value is not what its key asks for.
    #[error("`{path}`: {message}")]
    Form {
        /// The file.
        path: String,
        /// What the parser says, with the place.
        message: String,
    },
    /// A key or a word that does not exist.
    #[error("`{path}`: there is no {what} `{typed}`; {}", suggest::tail(.suggestion.as_deref(), .otherwise))]
    Unknown {
        /// The file.
        path: String,
        /// A key, a word.
        what: &'static str,
        /// What was written.
        typed: String,
        /// What was probably meant.
        suggestion: Option<String>,
        /// What there is.
        otherwise: String,
    },
    /// A lint that does not exist.
    #[error("`{path}`: {source}")]
    Lint {
        /// The file.
        path: String,
        /// Which.
        #[source]
        source: UnknownLint,
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
    /// An `extend` that cannot be followed.
    #[error("`{path}`: cannot extend `{other}`: {why}")]
    Extend {
        /// The file.
        path: String,
        /// As written.
        other: String,
        /// What is wrong with it.
        why: String,
    },
    /// A file of models that is not the repository's.
    #[error("`{path}`: `{other}` stands outside the repository")]
    Outside {
        /// The file.
        path: String,
        /// As written.
        other: String,
    },
    /// A file of models that cannot be used.
    #[error("`{path}`: {source}")]
    Models {
        /// The file that names it.
        path: String,
        /// What is wrong with it.
        #[source]
        source: unleak_catalogue::LoadError,
    },
}

/// Where settings may stand, and in what order of one folder.
const NAMES: [&str; 3] = ["unleak.toml", "pyproject.toml", "Cargo.toml"];

/// Whether settings may stand in a file of that name.
pub(crate) fn may_be_settings(name: &OsStr) -> bool {
    NAMES.iter().any(|known| name == *known)
}

/// The settings file of a folder and what it says, if it has one.
pub(super) fn of_folder(folder: &Path) -> Result<Option<(PathBuf, Written)>, SettingsError> {
    for name in NAMES {
        let file = folder.join(name);
        if file.is_file()
            && let Some(written) = read(&file)?
        {
            return Ok(Some((file, written)));
        }
    }
    Ok(None)
}

/// What a file says; `None` when it is one of another purpose that does not speak of us.
pub(super) fn read(file: &Path) -> Result<Option<Written>, SettingsError> {
    let path = file.display().to_string();
    let text = std::fs::read(file).map_err(|source| SettingsError::Unreadable { path: path.clone(), source })?;
    let text = String::from_utf8_lossy(&text);
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    match &*name {
        "pyproject.toml" | "Cargo.toml" if !text.contains("unleak") => Ok(None),
        "pyproject.toml" => parse::<Pyproject>(&path, &text).map(|file| file.tool.unleak),
        "Cargo.toml" => {
            parse::<Manifest>(&path, &text).map(|file| file.package.metadata.unleak.or(file.workspace.metadata.unleak))
        }
        _ => parse(&path, &text).map(Some),
    }
}

/// Reads TOML; `path` is for messages.
pub(super) fn parse<T: for<'a> Deserialize<'a>>(path: &str, text: &str) -> Result<T, SettingsError> {
    toml::from_str(text).map_err(|error| said(path.to_owned(), &error))
}

/// What the parser says, with a suggestion for a word that it does not know.
fn said(path: String, error: &toml::de::Error) -> SettingsError {
    let message = error.message();
    let what = [("unknown field `", "key"), ("unknown variant `", "word")];
    let unknown = what.into_iter().find(|(start, _)| message.starts_with(start)).map(|(_, what)| what);
    let mut words = message.split('`').skip(1).step_by(2);
    let (Some(what), Some(typed)) = (unknown, words.next()) else {
        return SettingsError::Form { path, message: error.to_string().trim_end().to_owned() };
    };
    let all: Vec<&str> = words.collect();
    let suggestion = suggest::nearest(typed, all.iter().copied()).map(str::to_owned);
    let otherwise = format!("there are {}", all.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "));
    SettingsError::Unknown { path, what, typed: typed.to_owned(), suggestion, otherwise }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Pyproject {
    tool: Section,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Manifest {
    package: Described,
    workspace: Described,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Described {
    metadata: Section,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Section {
    unleak: Option<Written>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        parse::<Written>("unleak.toml", text).unwrap_err().to_string()
    }

    #[test]
    fn errors_say_what_to_do() {
        assert_eq!(error("exlude = []"), "`unleak.toml`: there is no key `exlude`; did you mean `exclude`?");
        assert!(error("zz = 1").starts_with("`unleak.toml`: there is no key `zz`; there are `extend`, `exclude`, "));
        assert_eq!(error("levels.x = 'eror'"), "`unleak.toml`: there is no word `eror`; did you mean `error`?");
        for text in ["exclude = 'x'", "exclude = [1]", "exclude = "] {
            let said = error(text);
            assert!(said.contains("line 1, column") && said.contains(text.trim()), "{said}");
        }
    }

    #[test]
    fn sections_of_other_files_are_read_and_the_rest_is_not() {
        let python: Pyproject = parse("p", "[tool.x]\na = 1\n[tool.unleak]\nstrict = true").unwrap();
        assert_eq!(python.tool.unleak.unwrap().strict, Some(true));
        let text = "[package]\nname = 'x'\n[workspace.metadata.unleak]\nstrict = true";
        let rust: Manifest = parse("c", text).unwrap();
        assert_eq!(rust.workspace.metadata.unleak.unwrap().strict, Some(true));
    }
}
