//! The tree as a commit has it, and what a change since then has touched. Objects of the repository are read; nothing of
//! git is run, and no setting of the repository can make it run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use similar::{ChangeTag, TextDiff};
use unleak_analysis::source::Language;
use unleak_analysis::{Counting, Course};
use unleak_lints::Level;

use crate::place::{self, FileId, Place};
use crate::project::{self, Project, Tree, Working};
use crate::report::{Finding, Report};

/// The source files of a commit, by their place on disk.
pub(crate) type Files = BTreeMap<PathBuf, Vec<u8>>;

/// Reads the source files as they were where a revision and the present came apart.
pub(crate) fn files(folder: &Path, revision: &str) -> anyhow::Result<Files> {
    let Some(root) = folder.ancestors().find(|above| above.join(".git").exists()) else {
        bail!("`--since` asks git what was there before, and `{}` is in no repository", folder.display());
    };
    let repository = gix::open_opts(root, gix::open::Options::isolated())
        .with_context(|| format!("cannot read the repository in `{}`", root.display()))?;
    let shallow = repository.is_shallow().unwrap_or(false);
    let commit = commit(&repository, revision, shallow)?;
    let tree = repository.find_commit(commit)?.tree()?;
    let mut files = Files::new();
    for entry in tree.traverse().breadthfirst.files().context("cannot read the tree of the commit")? {
        let name = entry.filepath.to_string();
        if Language::of_path(&name).is_none() || !entry.mode.is_blob() {
            continue;
        }
        let object = repository.find_object(entry.oid).with_context(|| missing(&name, revision, shallow))?;
        files.insert(root.join(name), object.data.clone());
    }
    Ok(files)
}

/// The commit at which a revision and the present came apart; the revision itself where the whole history has none.
fn commit(repository: &gix::Repository, revision: &str, shallow: bool) -> anyhow::Result<gix::ObjectId> {
    let found = repository.rev_parse_single(revision).ok().and_then(|id| id.object().ok()?.peel_to_commit().ok());
    let Some(found) = found else { bail!("{}", unknown(revision, shallow)) };
    let head = repository.head_id().context("the repository has no commit yet")?;
    match repository.merge_base(found.id, head).ok().flatten() {
        Some(base) => Ok(base.detach()),
        None if shallow => bail!("`--since {revision}` and `HEAD` have no commit in common here; {DEEPEN}"),
        None => Ok(found.id),
    }
}

/// What to do where the history ends too early.
const DEEPEN: &str =
    "this clone is shallow: fetch more of it (`git fetch --unshallow`, or `fetch-depth: 0` in the job)";

fn unknown(revision: &str, shallow: bool) -> String {
    let hint = match shallow {
        true => DEEPEN,
        false => "name a branch, a tag or a commit that this clone has (`git fetch` brings those of others)",
    };
    format!("`--since {revision}` names no commit; {hint}")
}

fn missing(name: &str, revision: &str, shallow: bool) -> String {
    match shallow {
        true => unknown(revision, shallow),
        false => format!("the repository does not have `{name}` as it was at `{revision}`"),
    }
}

/// What was found before a change, and which lines the change has touched.
#[derive(Debug)]
pub(crate) struct Before {
    /// How bad each finding was, by its fingerprint.
    known: BTreeMap<String, Level>,
    texts: BTreeMap<String, String>,
}

impl Before {
    /// Of the tree that is about to be looked at, as it was at a revision.
    pub(crate) fn of(
        tree: &Tree,
        revision: &str,
        working: &Working,
        report: impl FnOnce(Project) -> Report,
    ) -> anyhow::Result<Before> {
        let mut files = Files::new();
        for folder in tree.folders() {
            files.extend(self::files(folder, revision)?);
        }
        let texts = files.iter().map(|(path, bytes)| (working.show(path), String::from_utf8_lossy(bytes).into_owned()));
        let texts = texts.collect();
        let report = report(project::load(tree.before(files), working, &Course::to_the_end(Counting::Resources))?);
        // What was silenced is not known: whoever takes a suppression away brings back what it hid.
        let known = report.findings.iter().map(|finding| (finding.fingerprint.to_string(), finding.level)).collect();
        Ok(Before { known, texts })
    }

    /// Keeps what the change has brought about, made worse or touched; gives what it has not.
    pub(crate) fn keep_new(&self, report: &mut Report) -> Vec<Finding> {
        let mut lines: BTreeMap<FileId, BTreeSet<usize>> = BTreeMap::new();
        let (files, findings) = (&report.files, std::mem::take(&mut report.findings));
        let gone = self.gone(files);
        let mut is_touched = |place: Place| {
            let file = files.get(place.file);
            let changed = lines.entry(place.file).or_insert_with(|| changed(self.old(file, &gone), &file.text));
            file.lines_of(place.span).any(|line| changed.contains(&line))
        };
        let mut is_new = |finding: &Finding| {
            let mut places = std::iter::once(finding.place).chain(finding.evidence.iter().map(|fact| fact.place));
            let before = self.known.get(&finding.fingerprint.to_string());
            before.is_none_or(|before| *before < finding.level) || places.any(&mut is_touched)
        };
        let (kept, left) = findings.into_iter().partition(|finding| is_new(finding));
        report.findings = kept;
        report.count_findings();
        left
    }

    /// The texts that stood where no file stands now.
    fn gone(&self, files: &place::Files) -> Vec<&str> {
        let now: BTreeSet<&str> = files.iter().map(|(_, file)| file.shown.as_str()).collect();
        let gone = self.texts.iter().filter(|(path, _)| !now.contains(path.as_str()));
        gone.map(|(_, text)| text.as_str()).collect()
    }

    /// The text of a file as it was: where its path is new, that of the file it most likely was before.
    fn old<'t>(&'t self, file: &place::File, gone: &[&'t str]) -> &'t str {
        if let Some(text) = self.texts.get(&file.shown) {
            return text;
        }
        let likeness = gone.iter().map(|text| (TextDiff::from_lines(*text, &*file.text).ratio(), *text));
        let best = likeness.max_by(|(one, _), (other, _)| one.total_cmp(other));
        best.filter(|(likeness, _)| *likeness >= RENAMED).map_or("", |(_, text)| text)
    }
}

/// From which share of common lines on a file is taken for one that was renamed, as git does unless told otherwise.
const RENAMED: f32 = 0.5;

/// The lines (from 1) of a text that are not in the one before.
fn changed(old: &str, new: &str) -> BTreeSet<usize> {
    if old == new {
        return BTreeSet::new();
    }
    let diff = TextDiff::from_lines(old, new);
    let inserted = diff.iter_all_changes().filter(|change| change.tag() == ChangeTag::Insert);
    inserted.filter_map(|change| change.new_index()).map(|index| index + 1).collect()
}

#[cfg(test)]
mod tests {
    use super::changed;

    #[test]
    fn changed_lines_count_from_one() {
        assert_eq!(Vec::from_iter(changed("a\nb\nc\n", "a\nx\nc\nd\n")), [2, 4]);
        assert!(changed("a\n", "a\n").is_empty());
        assert_eq!(Vec::from_iter(changed("", "a\nb\n")), [1, 2]);
    }
}
