//! The project around each named path: what has to be read to understand it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::{Named, is_foreign};

/// Files that belong together and are analysed together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Context {
    /// The folder that paths are relative to.
    pub(crate) root: PathBuf,
    /// How much of it is read.
    pub(crate) extent: Extent,
    /// What was named in it.
    pub(crate) named: BTreeSet<Named>,
}

/// How much of a context's root is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Extent {
    /// The whole tree.
    Tree,
    /// The named files only: they stand outside any project, and their folder may be anything.
    NamedOnly,
}

impl Context {
    /// The tree of a folder, for files that stand in no project but below it.
    pub(crate) fn within(self, folder: &Path) -> Context {
        if self.extent == Extent::NamedOnly && self.root.starts_with(folder) {
            return Context { root: folder.to_owned(), extent: Extent::Tree, ..self };
        }
        self
    }
}

/// The contexts of all named paths; each path is in exactly one.
pub(crate) fn contexts(named: Vec<Named>) -> Vec<Context> {
    let mut found: BTreeMap<(PathBuf, Extent), BTreeSet<Named>> = BTreeMap::new();
    for path in named {
        found.entry(root_of(&path)).or_default().insert(path);
    }
    found.into_iter().map(|((root, extent), named)| Context { root, extent, named }).collect()
}

/// The nearest repository, else the nearest Cargo workspace, else the outermost package, else the folder.
/// Nothing above a hidden folder or a folder of dependencies counts: naming what is inside asks for that alone.
fn root_of(named: &Named) -> (PathBuf, Extent) {
    let mut nearby: Vec<&Path> = Vec::new();
    for folder in named.folder().ancestors() {
        nearby.push(folder);
        if is_foreign(folder) {
            break;
        }
    }
    // The foreign folder itself is a context only when it is what was named, or a project of its own.
    let first = |wanted: fn(&Path) -> bool| nearby.iter().copied().find(|folder| wanted(folder));
    let outermost = || nearby.iter().rev().copied().find(|folder| is_package(folder));
    let project = first(is_repository).or_else(|| first(is_workspace)).or_else(outermost);
    match (project, named) {
        (Some(root), _) => (root.to_owned(), Extent::Tree),
        (None, Named::Folder(folder)) => (folder.clone(), Extent::Tree),
        (None, Named::File(_)) => (named.folder().to_owned(), Extent::NamedOnly),
    }
}

fn is_repository(folder: &Path) -> bool {
    folder.join(".git").exists()
}

fn is_workspace(folder: &Path) -> bool {
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
    manifest.lines().any(|line| line.trim_start().starts_with("[workspace"))
}

fn is_package(folder: &Path) -> bool {
    ["Cargo.toml", "pyproject.toml", "setup.py"].iter().any(|name| folder.join(name).is_file())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// The root of the context of `named` in a tree with these files, relative to the tree.
    fn root(files: &[&str], named: &str) -> (String, Extent) {
        let tree = tempfile::tempdir().unwrap();
        let base = tree.path().canonicalize().unwrap();
        for file in files {
            let path = base.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, if file.ends_with("ws/Cargo.toml") { "[workspace]\n" } else { "" }).unwrap();
        }
        let named = Named::find(Path::new(named), &base).unwrap();
        let (root, extent) = root_of(&named);
        (root.strip_prefix(&base).unwrap().display().to_string(), extent)
    }

    #[test]
    fn the_nearest_repository_wins() {
        let files = ["r/.git/HEAD", "r/sub/.git", "r/sub/pyproject.toml", "r/sub/src/a.py", "r/b/c.py"];
        assert_eq!(root(&files, "r/sub/src/a.py"), ("r/sub".into(), Extent::Tree));
        assert_eq!(root(&files, "r/b"), ("r".into(), Extent::Tree));
    }

    #[test]
    fn else_a_workspace_else_the_outermost_package() {
        let files = ["ws/Cargo.toml", "ws/a/Cargo.toml", "ws/a/src/lib.rs"];
        assert_eq!(root(&files, "ws/a/src"), ("ws".into(), Extent::Tree));
        let files = ["p/setup.py", "p/inner/pyproject.toml", "p/inner/a.py"];
        assert_eq!(root(&files, "p/inner"), ("p".into(), Extent::Tree));
    }

    #[test]
    fn else_the_folder_itself_or_the_files_alone() {
        assert_eq!(root(&["x/y/a.py"], "x/y"), ("x/y".into(), Extent::Tree));
        assert_eq!(root(&["x/y/a.py"], "x/y/a.py"), ("x/y".into(), Extent::NamedOnly));
    }

    #[test]
    fn nothing_above_a_hidden_or_foreign_folder_counts() {
        let files = ["h/.git/HEAD", "h/.cache/x/n-1/m/a.py", "h/.cache/x/o-1/setup.py", "h/.cache/x/o-1/m/a.py"];
        assert_eq!(root(&files, "h/.cache/x/n-1"), ("h/.cache/x/n-1".into(), Extent::Tree));
        assert_eq!(root(&files, "h/.cache/x/o-1/m"), ("h/.cache/x/o-1".into(), Extent::Tree));
        let files = ["h/.git/HEAD", "h/venv/pyvenv.cfg", "h/venv/lib/site-packages/m/a.py"];
        assert_eq!(root(&files, "h/venv/lib/site-packages/m"), ("h/venv/lib/site-packages/m".into(), Extent::Tree));
    }
}
