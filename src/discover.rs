//! Which files belong to a run: the projects around the named paths, and the source files in them.

mod context;
mod late;
mod manifest;
mod walk;

pub(crate) use context::{Context, Extent, contexts};
pub(crate) use manifest::library_of;
pub(crate) use walk::{Found, Unreadable, Walked, endings, walk};

use std::path::{Path, PathBuf};

/// A named path that cannot be worked with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NamedError {
    /// It is not there, or may not be read.
    #[error("cannot read `{path}`: {source}")]
    Unreadable {
        /// As typed.
        path: String,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// A socket, a pipe, a device.
    #[error("`{path}` is neither a file nor a folder")]
    Neither {
        /// As typed.
        path: String,
    },
}

/// A path that was named, as the system knows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Named {
    /// A file.
    File(PathBuf),
    /// A folder.
    Folder(PathBuf),
}

impl Named {
    /// Looks a typed path up.
    pub(crate) fn find(typed: &Path, working: &Path) -> Result<Named, NamedError> {
        let shown = || typed.display().to_string();
        let unreadable = |source| NamedError::Unreadable { path: shown(), source };
        let path = working.join(typed).canonicalize().map_err(unreadable)?;
        let kind = path.metadata().map_err(unreadable)?.file_type();
        match (kind.is_file(), kind.is_dir()) {
            (true, _) => std::fs::File::open(&path).map(|_| Named::File(path)).map_err(unreadable),
            (_, true) => std::fs::read_dir(&path).map(|_| Named::Folder(path)).map_err(unreadable),
            _ => Err(NamedError::Neither { path: shown() }),
        }
    }

    /// The path.
    pub(crate) fn path(&self) -> &Path {
        match self {
            Named::File(path) | Named::Folder(path) => path,
        }
    }

    /// The folder itself, or the one the file is in.
    pub(crate) fn folder(&self) -> &Path {
        match self {
            Named::File(path) => path.parent().unwrap_or(path),
            Named::Folder(path) => path,
        }
    }
}

/// Whether a folder's content is not the project's own code: its name begins with a dot, or it holds
/// installed dependencies or what a build made.
fn is_foreign(folder: &Path) -> bool {
    is_foreign_by_name(folder) || is_environment(folder)
}

/// The same as far as its name tells.
fn is_foreign_by_name(folder: &Path) -> bool {
    let Some(name) = folder.file_name() else { return false };
    match &*name.to_string_lossy() {
        "node_modules" | "__pycache__" | "site-packages" => true,
        "target" if folder.join("CACHEDIR.TAG").is_file() => true,
        // What setuptools copies before it packs.
        "lib" => folder.parent().and_then(Path::file_name).is_some_and(|parent| parent == "build"),
        name => name.starts_with('.'),
    }
}

/// Whether a folder is a virtual environment of Python.
fn is_environment(folder: &Path) -> bool {
    folder.file_name().is_some_and(|name| name != "lib") && folder.join("pyvenv.cfg").is_file()
}
