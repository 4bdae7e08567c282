//! The source files of a context. What is left out is left out by name, or reported.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::FileType;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ignore::{DirEntry, WalkBuilder};
use unleak_analysis::source::Language;

use super::{Context, Extent, Named, is_foreign};
use crate::settings::Hierarchy;

/// A source file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Which front end reads it.
    pub(crate) language: Language,
}

/// Something that would have been read if it could be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unreadable {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Why it cannot be read.
    pub(crate) why: String,
}

/// What a walk finds, in the order of paths.
#[derive(Debug, Default)]
pub(crate) struct Walked {
    /// Source files.
    pub(crate) files: Vec<Found>,
    /// What could not be looked at.
    pub(crate) unreadable: Vec<Unreadable>,
}

#[derive(Default)]
struct Walker {
    /// As they are found: mostly in order already.
    files: Vec<Found>,
    unreadable: BTreeMap<PathBuf, String>,
    folders: BTreeSet<PathBuf>,
}

/// Finds the source files of a context. A path that was named is read whatever is said about it elsewhere.
pub(crate) fn walk(context: &Context, settings: &Arc<Hierarchy>) -> Walked {
    let mut walker = Walker::default();
    if context.extent == Extent::Tree {
        walker.tree(&context.root, &context.root, Some(settings));
    }
    for named in &context.named {
        match named {
            Named::File(path) => walker.file(path),
            Named::Folder(path) if walker.folders.contains(path) => {}
            Named::Folder(path) => {
                walker.tree(path, &context.root, (!settings.covers(path)).then_some(settings));
            }
        }
    }
    walker.files.sort_by(|a, b| a.path.cmp(&b.path));
    walker.files.dedup_by(|a, b| a.path == b.path);
    Walked {
        files: walker.files,
        unreadable: walker.unreadable.into_iter().map(|(path, why)| Unreadable { path, why }).collect(),
    }
}

impl Walker {
    /// Walks a folder as ripgrep would, but looks at no ignore file above it. Without settings nothing is excluded.
    fn tree(&mut self, start: &Path, root: &Path, settings: Option<&Arc<Hierarchy>>) {
        let settings = settings.cloned();
        let walk = WalkBuilder::new(start)
            .parents(false)
            .require_git(false)
            .sort_by_file_name(|a, b| a.cmp(b))
            .filter_entry(move |entry| entry.depth() == 0 || !left_out(entry, settings.as_deref()))
            .build();
        for entry in walk {
            match entry {
                Ok(entry) => self.entry(entry, root),
                Err(error) => self.error(start, &error),
            }
        }
    }

    fn entry(&mut self, entry: DirEntry, root: &Path) {
        match entry.file_type() {
            Some(kind) if kind.is_dir() => drop(self.folders.insert(entry.into_path())),
            Some(kind) if kind.is_symlink() => self.link(entry.path(), root),
            Some(kind) => self.plain(entry.path(), kind),
            None => {}
        }
    }

    fn plain(&mut self, path: &Path, kind: FileType) {
        let Some(language) = language(path) else { return };
        if kind.is_file() {
            self.found(path, language);
        } else {
            self.cannot(path, "it is named like a source file, but is a pipe, a socket or a device".into());
        }
    }

    /// What a link leads to within the project is read where it is. A file outside is read through the link;
    /// a folder outside is not, and that is said.
    fn link(&mut self, path: &Path, root: &Path) {
        let language = language(path);
        match path.canonicalize().and_then(|target| Ok((target.metadata()?, target))) {
            Ok((_, target)) if target.starts_with(root) => {}
            Ok((meta, _)) if meta.is_file() => {
                if let Some(language) = language {
                    self.found(path, language);
                }
            }
            Ok((meta, _)) if meta.is_dir() => {
                self.cannot(path, "it links to a folder outside the project, which is not followed".into());
            }
            Ok(_) => {}
            Err(error) if language.is_some() => self.cannot(path, format!("the link leads nowhere: {error}")),
            Err(_) => {}
        }
    }

    fn file(&mut self, path: &Path) {
        match language(path) {
            Some(language) => self.found(path, language),
            None => self.cannot(path, format!("it does not end in {}", endings())),
        }
    }

    fn found(&mut self, path: &Path, language: Language) {
        self.files.push(Found { path: path.to_owned(), language });
    }

    fn error(&mut self, start: &Path, error: &ignore::Error) {
        let (path, why) = place_of(error);
        self.cannot(path.unwrap_or(start), why);
    }

    fn cannot(&mut self, path: &Path, why: String) {
        self.unreadable.insert(path.to_owned(), why);
    }
}

fn left_out(entry: &DirEntry, settings: Option<&Hierarchy>) -> bool {
    let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
    (is_folder && is_foreign(entry.path())) || settings.is_some_and(|it| it.excludes(entry.path(), is_folder))
}

fn language(path: &Path) -> Option<Language> {
    Language::of_path(&path.file_name()?.to_string_lossy())
}

/// The endings that are read, as a list for people.
pub(crate) fn endings() -> String {
    let all = Language::ALL.iter().flat_map(|language| language.endings()).map(|ending| format!("`.{ending}`"));
    let all: Vec<String> = all.collect();
    match all.split_last() {
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

/// The path an error of the walk speaks of, and what it says without that path.
fn place_of(error: &ignore::Error) -> (Option<&Path>, String) {
    match error {
        ignore::Error::WithPath { path, err } => (Some(path), place_of(err).1),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => place_of(err),
        ignore::Error::Loop { child, .. } => (Some(child), "the link leads back to a folder it is in".into()),
        other => (None, other.to_string()),
    }
}
