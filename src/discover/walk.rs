//! The source files of a context. What is left out is left out by name, or reported.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::FileType;
use std::path::{Path, PathBuf, is_separator};
use std::sync::{Arc, Mutex, PoisonError};

use ignore::{DirEntry, WalkBuilder, WalkParallel, WalkState};
use unleak_analysis::source::Language;

use super::late::Late;
use super::{Context, Extent, Named, is_foreign, is_foreign_by_name};
use crate::settings::{Hierarchy, may_be_settings};

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

/// What is found of a context, by several threads at once.
struct Walker<'a> {
    context: &'a Context,
    files: Vec<Found>,
    unreadable: BTreeMap<PathBuf, Trouble>,
    /// Folders that were named, and that the walk of another has been in.
    seen: BTreeSet<Named>,
    /// Folders in which settings may stand.
    may_have_settings: BTreeSet<PathBuf>,
}

/// Why something cannot be looked at, and what it is.
struct Trouble {
    why: String,
    of: Entry,
}

/// What stands in a folder.
enum Entry {
    Folder,
    Other,
}

/// Finds the source files of a context. A path that was named is read whatever is said about it elsewhere.
pub(crate) fn walk(context: &Context, settings: &Arc<Hierarchy>) -> Walked {
    let mut walker = Walker::new(context);
    if context.extent == Extent::Tree {
        walker.add(Walker::tree(context, &context.root, Some(settings)));
    }
    for named in &context.named {
        match named {
            Named::File(path) => walker.file(path),
            Named::Folder(_) if walker.seen.contains(named) => {}
            Named::Folder(path) => {
                walker.add(Walker::tree(context, path, (!settings.covers(path)).then_some(settings)));
            }
        }
    }
    walker.files.sort_by_cached_key(|found| by_parts(&found.path));
    walker.files.dedup_by(|a, b| a.path == b.path);
    Walked {
        files: walker.files,
        unreadable: walker.unreadable.into_iter().map(|(path, it)| Unreadable { path, why: it.why }).collect(),
    }
}

impl<'a> Walker<'a> {
    fn new(context: &'a Context) -> Walker<'a> {
        let (unreadable, seen, may_have_settings) = Default::default();
        Walker { context, files: Vec::new(), unreadable, seen, may_have_settings }
    }

    /// Walks a folder as ripgrep would, but looks at no ignore file above it. Without settings nothing is excluded.
    ///
    /// Where the settings of the folder itself exclude nothing, hardly anything is left out by what stands in a folder:
    /// that is asked at the end, of folders with source files alone, since in many projects most have none.
    fn tree(context: &'a Context, start: &Path, settings: Option<&Arc<Hierarchy>>) -> Walker<'a> {
        let at_once = settings.filter(|settings| settings.of(start).excludes_something()).cloned();
        let late = at_once.is_none().then(|| Late::new(start, settings.map(Arc::as_ref)));
        let walk = WalkBuilder::new(start)
            .parents(false)
            .require_git(false)
            .threads(rayon::current_num_threads())
            .filter_entry(move |entry| entry.depth() == 0 || !left_out(entry, at_once.as_deref()))
            .build_parallel();
        let mut found = Walker::new(context);
        found.reach(start, walk);
        if let Some(mut late) = late {
            found.keep(&mut late);
        }
        found
    }

    fn reach(&mut self, start: &Path, walk: WalkParallel) {
        let walker = Mutex::new(self);
        walk.run(|| {
            Box::new(|entry| {
                let mut walker = walker.lock().unwrap_or_else(PoisonError::into_inner);
                match entry {
                    Ok(entry) => walker.entry(entry),
                    Err(error) => walker.error(start, &error),
                }
                WalkState::Continue
            })
        });
    }

    /// Keeps what is not left out, and has the settings read that stand beside no source file: they may be wrong.
    fn keep(&mut self, late: &mut Late<'_>) {
        self.files.retain(|found| !late.leaves_out_file(&found.path));
        self.unreadable.retain(|path, trouble| match trouble.of {
            Entry::Folder => !late.leaves_out_folder(path),
            Entry::Other => !late.leaves_out_file(path),
        });
        self.seen.retain(|named| !late.leaves_out_folder(named.path()));
        self.may_have_settings.iter().for_each(|folder| late.read_settings(folder));
    }

    fn add(&mut self, other: Walker<'_>) {
        self.files.extend(other.files);
        self.unreadable.extend(other.unreadable);
        self.seen.extend(other.seen);
    }

    fn entry(&mut self, entry: DirEntry) {
        if may_be_settings(entry.file_name()) {
            self.may_have_settings.extend(entry.path().parent().map(Path::to_owned));
        }
        match entry.file_type() {
            Some(kind) if kind.is_dir() => self.folder(entry.into_path()),
            Some(kind) if kind.is_symlink() => self.link(entry.path()),
            Some(kind) => self.plain(entry.into_path(), kind),
            None => {}
        }
    }

    fn folder(&mut self, path: PathBuf) {
        let folder = Named::Folder(path);
        if self.context.named.contains(&folder) {
            self.seen.insert(folder);
        }
    }

    fn plain(&mut self, path: PathBuf, kind: FileType) {
        let Some(language) = path.file_name().and_then(language) else { return };
        if kind.is_file() {
            self.files.push(Found { path, language });
        } else {
            self.cannot(&path, "it is named like a source file, but is a pipe, a socket or a device".into());
        }
    }

    /// What a link leads to within the project is read where it is. A file outside is read through the link;
    /// a folder outside is not, and that is said.
    fn link(&mut self, path: &Path) {
        let language = path.file_name().and_then(language);
        match path.canonicalize().and_then(|target| Ok((target.metadata()?, target))) {
            Ok((_, target)) if target.starts_with(&self.context.root) => {}
            Ok((meta, _)) if meta.is_file() => {
                self.files.extend(language.map(|language| Found { path: path.to_owned(), language }));
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
        match path.file_name().and_then(language) {
            Some(language) => self.files.push(Found { path: path.to_owned(), language }),
            None => self.cannot(path, format!("it does not end in {}", endings())),
        }
    }

    fn error(&mut self, start: &Path, error: &ignore::Error) {
        let (path, why) = place_of(error);
        self.unreadable.insert(path.unwrap_or(start).to_owned(), Trouble { why, of: Entry::Folder });
    }

    fn cannot(&mut self, path: &Path, why: String) {
        self.unreadable.insert(path.to_owned(), Trouble { why, of: Entry::Other });
    }
}

/// What sorts as the path does, part by part: to take two paths apart for each comparison takes longer than the rest.
fn by_parts(path: &Path) -> Vec<u8> {
    let bytes = path.as_os_str().as_encoded_bytes().iter();
    bytes.map(|byte| if is_separator(char::from(*byte)) { 0 } else { *byte }).collect()
}

/// What settings say is not asked about files that are not read in any case: in many projects those are the most.
/// Without settings only names are looked at.
fn left_out(entry: &DirEntry, settings: Option<&Hierarchy>) -> bool {
    let Some(kind) = entry.file_type() else { return false };
    let is_of_no_use = match kind.is_dir() {
        true if settings.is_some() => is_foreign(entry.path()),
        true => is_foreign_by_name(entry.path()),
        false => !kind.is_symlink() && language(entry.file_name()).is_none() && !may_be_settings(entry.file_name()),
    };
    is_of_no_use || settings.is_some_and(|settings| settings.excludes(entry.path(), kind.is_dir()))
}

fn language(name: &OsStr) -> Option<Language> {
    Language::of_path(&name.to_string_lossy())
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
