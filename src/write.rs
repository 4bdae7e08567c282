//! The only code that writes files: reports where `--output-file` says, the baseline for `--update-baseline`, what
//! `--cache` keeps, and source files for `--fix` and `--add-ignore`. Nothing else of what is analysed is ever changed.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use unleak_analysis::unit::Span;

use crate::place::{FileId, Files, Place};
use crate::project::Working;

/// A change to a source file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Edit {
    /// What is replaced; an empty stretch is where something is inserted.
    pub(crate) place: Place,
    /// By what.
    pub(crate) text: String,
}

/// Writes a file of ours.
pub(crate) fn file(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    std::fs::write(path, bytes).with_context(|| format!("cannot write `{}`", path.display()))
}

/// Makes a folder that holds files of ours alone, and says so to version control and to what makes copies of folders.
pub(crate) fn folder_of_ours(path: &Path) -> anyhow::Result<()> {
    const TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n# This folder holds what `unleak --cache` keeps.\n";
    std::fs::create_dir_all(path).with_context(|| format!("cannot make the folder `{}`", path.display()))?;
    for (name, text) in [("CACHEDIR.TAG", TAG), (".gitignore", "*\n")] {
        if !path.join(name).exists() {
            file(&path.join(name), text.as_bytes())?;
        }
    }
    Ok(())
}

/// Writes a file of ours so that it is there in full or as it was before, whoever else writes it, and whenever this stops.
pub(crate) fn at_once(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let part = path.with_extension(format!("{}.part", std::process::id()));
    let written = file(&part, bytes)
        .and_then(|()| std::fs::rename(&part, path).with_context(|| format!("cannot write `{}`", path.display())));
    if written.is_err() {
        let _ = std::fs::remove_file(&part);
    }
    remove_left_parts(path);
    written
}

/// Removes what runs that were stopped while they wrote have left behind.
fn remove_left_parts(path: &Path) {
    let old = |file: &std::fs::DirEntry| {
        let age = file.metadata().and_then(|it| it.modified()).ok().and_then(|time| time.elapsed().ok());
        age.is_some_and(|age| age > LEFT) && file.path().extension().is_some_and(|ending| ending == "part")
    };
    let files = path.parent().and_then(|folder| std::fs::read_dir(folder).ok());
    for file in files.into_iter().flatten().flatten().filter(old) {
        let _ = std::fs::remove_file(file.path());
    }
}

/// Nobody takes as long to write a file.
const LEFT: Duration = Duration::from_secs(3600);

/// Makes changes to source files. A file that is not on disk what it was when it was read is left alone.
pub(crate) fn edits(edits: &[Edit], files: &Files, working: &Working) -> anyhow::Result<()> {
    let mut by_file: BTreeMap<FileId, Vec<&Edit>> = BTreeMap::new();
    for edit in edits {
        by_file.entry(edit.place.file).or_default().push(edit);
    }
    for (id, edits) in by_file {
        let read = files.get(id);
        let path = working.folder().join(&read.shown);
        let now = std::fs::read(&path).with_context(|| format!("cannot read `{}`", read.shown))?;
        if now != read.text.as_bytes() {
            bail!("`{}` is not UTF-8, or has changed while it was checked; it is left as it is", read.shown);
        }
        file(&path, edited(&read.text, edits).as_bytes())?;
    }
    Ok(())
}

/// A text with some stretches replaced; of two that overlap the later one is not made.
pub(crate) fn edited(text: &str, mut edits: Vec<&Edit>) -> String {
    edits.sort_by_key(|edit| (edit.place.span.start, edit.place.span.end));
    let (mut out, mut done) = (String::with_capacity(text.len()), 0);
    for Edit { place: Place { span: Span { start, end }, .. }, text: new } in edits {
        let (start, end) = (*start as usize, *end as usize);
        if start >= done && end <= text.len() {
            out.push_str(&text[done..start]);
            out.push_str(new);
            done = end.max(start);
        }
    }
    out.push_str(&text[done..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::examples;

    #[test]
    fn edits_are_made_from_left_to_right() {
        let mut files = Files::default();
        let file = examples::file(&mut files, "a.py", "one two three");
        let edit = |word, text: &str| Edit { place: examples::at(&files, file, word), text: text.into() };
        let (all, overlapping) = ([edit("three", "3"), edit("one ", "")], edit("two th", "x"));
        assert_eq!(edited("one two three", all.iter().collect()), "two 3");
        assert_eq!(edited("one two three", all.iter().chain([&overlapping]).collect()), "xree");
    }
}
