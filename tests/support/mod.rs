//! What the tests share: the tree, the real binary, and its answers as plain data.
#![allow(dead_code, reason = "each test program uses its own part")]

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// The root of the tree.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file of the tree that git would take, relative to the root, in order.
pub(crate) fn tree() -> Vec<PathBuf> {
    let walk = ignore::WalkBuilder::new(root())
        .hidden(false)
        .require_git(false)
        .filter_entry(|entry| entry.file_name() != ".git")
        .build();
    let mut files: Vec<PathBuf> = walk
        .map(|entry| entry.expect("the tree can be walked"))
        .filter(|entry| entry.file_type().is_some_and(|kind| kind.is_file()))
        .map(|entry| entry.path().strip_prefix(root()).expect("it is below the root").to_owned())
        .collect();
    files.sort();
    files
}

/// The files of the tree below `folder` with that ending, relative to the root.
pub(crate) fn sources(folder: &str, ending: &str) -> Vec<PathBuf> {
    let inside = |path: &PathBuf| path.starts_with(folder) && path.extension() == Some(OsStr::new(ending));
    tree().into_iter().filter(inside).collect()
}

/// The text of a file of the tree.
pub(crate) fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A path as people write it, with `/`.
pub(crate) fn slashed(path: &Path) -> String {
    path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// How a run of the binary ended.
#[derive(Debug)]
pub(crate) struct Run {
    /// The exit code; `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs the real binary in `folder`, with a cache of its own, for a minute at most.
pub(crate) fn unleak(folder: &Path, arguments: &[&str]) -> Run {
    let out = tempfile::NamedTempFile::new().expect("a temporary file");
    let err = tempfile::NamedTempFile::new().expect("a temporary file");
    let mut child = Command::new(env!("CARGO_BIN_EXE_unleak"))
        .args(arguments)
        .current_dir(folder)
        .env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"))
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .stdout(out.reopen().expect("a temporary file"))
        .stderr(err.reopen().expect("a temporary file"))
        .spawn()
        .expect("the binary starts");
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("the binary can be waited for") {
            break status;
        }
        if started.elapsed() > Duration::from_secs(60) {
            child.kill().expect("the binary can be killed");
            child.wait().expect("the binary can be waited for");
            return Run { code: None, stdout: String::new(), stderr: "it had not ended after a minute".to_owned() };
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let text = |file: &tempfile::NamedTempFile| {
        String::from_utf8_lossy(&std::fs::read(file.path()).expect("a temporary file")).into_owned()
    };
    Run { code: status.code(), stdout: text(&out), stderr: text(&err) }
}

/// A temporary folder without a dot before its name, for what is hidden is not read.
pub(crate) fn temporary_folder() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("case").tempdir().expect("a temporary folder")
}

/// Does `work` to each item, on all cores; the results are in the order of the items.
pub(crate) fn each<T: Send, R: Send>(items: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let waiting = Mutex::new(items.into_iter().enumerate());
    let done = Mutex::new(Vec::new());
    let next = || waiting.lock().expect("no panic holds it").next();
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let Some((index, item)) = next() {
                    let result = work(item);
                    done.lock().expect("no panic holds it").push((index, result));
                }
            });
        }
    });
    let mut done = done.into_inner().expect("no panic holds it");
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Panics with all of `failures`, if there are any.
pub(crate) fn report(title: &str, failures: &[String]) {
    assert!(failures.is_empty(), "\n{title} ({}):\n\n{}\n", failures.len(), failures.join("\n"));
}
