//! `--baseline FILE`: what was found before is kept back, so that only what is new is shown.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use unleak_lints::{Confidence, Level};

use crate::place::FileId;
use crate::print::confidence;
use crate::project::Working;
use crate::report::{Finding, Report, Silenced, Silencer};
use crate::shown::Shown;

const VERSION: u32 = 1;

/// What was found before. No lines stand in it, so that it changes only when findings come and go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Baseline {
    version: u32,
    findings: Vec<Entry>,
}

/// One finding of before.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    /// The file, relative to the baseline.
    pub(crate) path: String,
    /// The lint.
    pub(crate) lint: String,
    /// What it is about, for people.
    pub(crate) subject: String,
    /// How bad it was; files of before it was written do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) level: Option<Level>,
    /// How sure it was.
    pub(crate) confidence: String,
    /// What makes it the same one.
    pub(crate) identity: String,
}

/// What became of a baseline in a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Compared {
    /// How many entries there are of which nothing is left.
    pub(crate) gone: usize,
    /// Those of them that would be shown.
    pub(crate) told: Vec<Entry>,
    /// What the baseline would be now.
    pub(crate) now: Baseline,
    /// How many entries of that would not be shown.
    pub(crate) unshown: usize,
}

impl Baseline {
    /// Reads a baseline; `shown` is its path as people see it.
    pub(crate) fn read(file: &Path, shown: &Path) -> anyhow::Result<Baseline> {
        let shown = shown.display();
        let text = std::fs::read_to_string(file).with_context(|| format!("cannot read the baseline `{shown}`"))?;
        let hint = "write it anew with `--update-baseline`";
        let read: Baseline =
            serde_json::from_str(&text).with_context(|| format!("`{shown}` is no baseline ({hint})"))?;
        if read.version != VERSION {
            bail!("`{shown}` is a baseline of version {}, and this is for version {VERSION}: {hint}", read.version);
        }
        Ok(read)
    }

    /// How many findings it holds.
    pub(crate) fn len(&self) -> usize {
        self.findings.len()
    }

    /// As it is written.
    pub(crate) fn text(&self) -> String {
        crate::print::as_json(self)
    }

    /// Keeps back what was found before and is no worse now, whether it is shown or not. An entry means a finding of
    /// its file first, and if there is none, one that is alike in a file that has none of its own: it was moved.
    pub(crate) fn apply(self, report: &mut Report, file: &Path, working: &Working, shown: Shown) -> Compared {
        let named = Named::of(report, file, working);
        let found = std::mem::take(&mut report.findings).into_iter();
        let with_entry = |finding: Finding| {
            let entry = entry(&finding, &named.path(report, &finding));
            (finding, entry)
        };
        let mut found: Vec<(Finding, Entry)> = found.map(with_entry).collect();
        // The worst first, so that what was a note leaves the entries of errors to errors.
        found.sort_by_key(|(finding, _)| Reverse(finding.level));
        let mut waiting = Waiting::of(self.findings);
        let (mut known, others): (Vec<_>, Vec<_>) = found.into_iter().partition(|(_, now)| waiting.take(now));
        let mut left: Vec<Entry> = waiting.rest();
        let mut take = |fits: &dyn Fn(&Entry) -> bool| left.iter().position(fits).map(|at| left.remove(at)).is_some();
        let (moved, new): (Vec<_>, Vec<_>) =
            others.into_iter().partition(|(_, now)| take(&|old| old.covers(now) && named.judges(report, old)));
        // What has become worse is new, but its entry is not gone.
        for (_, now) in &new {
            take(&|old| old.identity == now.identity && named.judges(report, old));
        }
        known.extend(moved);
        let (gone, elsewhere): (Vec<Entry>, Vec<Entry>) = left.into_iter().partition(|old| named.judges(report, old));
        let mut now: Vec<Entry> = known.iter().chain(&new).map(|(_, entry)| entry.clone()).chain(elsewhere).collect();
        now.sort();
        let unshown = now.iter().filter(|entry| !named.shows(report, shown, entry)).count();
        let count = gone.len();
        let told = gone.into_iter().filter(|entry| named.shows(report, shown, entry)).collect();
        report.findings.extend(new.into_iter().map(|(finding, _)| finding));
        keep_back(report, known.into_iter().map(|(finding, _)| finding));
        Compared { gone: count, told, now: Baseline { version: VERSION, findings: now }, unshown }
    }
}

/// They are not findings of this run, but can be looked up.
fn keep_back(report: &mut Report, known: impl ExactSizeIterator<Item = Finding>) {
    report.statistics.baselined = known.len();
    let silenced =
        known.map(|finding| Silenced { finding, by: Silencer::Baseline, reason: "it is in the baseline".into() });
    report.silenced.extend(silenced);
    report.sort();
    report.count_findings();
}

impl Entry {
    /// Whether it is about this, and that is no worse than it was.
    fn covers(&self, now: &Entry) -> bool {
        self.identity == now.identity && self.bad() >= now.bad()
    }

    fn bad(&self) -> Level {
        self.level.unwrap_or(Level::Error)
    }
}

/// Entries that have met no finding yet, by what they are about and where.
struct Waiting {
    by_place: BTreeMap<(String, String), Vec<Entry>>,
}

impl Waiting {
    fn of(entries: Vec<Entry>) -> Waiting {
        let mut by_place: BTreeMap<(String, String), Vec<Entry>> = BTreeMap::new();
        for entry in entries {
            by_place.entry((entry.identity.clone(), entry.path.clone())).or_default().push(entry);
        }
        for alike in by_place.values_mut() {
            alike.sort_by_key(Entry::bad);
        }
        Waiting { by_place }
    }

    /// Takes the worst entry about this in the same file, if it was as bad.
    fn take(&mut self, now: &Entry) -> bool {
        let alike = self.by_place.get_mut(&(now.identity.clone(), now.path.clone()));
        alike.and_then(|alike| alike.pop_if(|old| old.covers(now))).is_some()
    }

    fn rest(self) -> Vec<Entry> {
        self.by_place.into_values().flatten().collect()
    }
}

fn entry(finding: &Finding, path: &str) -> Entry {
    let within = finding.born.as_ref().map(|born| format!(" in `{}`", born.within)).unwrap_or_default();
    Entry {
        path: path.to_owned(),
        lint: finding.lint.to_owned(),
        subject: format!("`{}`{within}", finding.subject),
        level: Some(finding.level),
        confidence: confidence(finding.confidence).to_owned(),
        identity: format!("{:032x}", finding.fingerprint.identity),
    }
}

/// The files of a run as a baseline names them.
struct Named<'a> {
    folder: std::path::PathBuf,
    working: &'a Working,
    files: BTreeMap<String, FileId>,
}

impl<'a> Named<'a> {
    fn of(report: &Report, file: &Path, working: &'a Working) -> Named<'a> {
        let whole = working.folder().join(file);
        let folder = whole.parent().unwrap_or(&whole);
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let mut named = Named { folder, working, files: Default::default() };
        named.files = report.named_files().map(|(id, shown)| (named.relative(shown), id)).collect();
        named
    }

    fn path(&self, report: &Report, finding: &Finding) -> String {
        self.relative(&report.files.get(finding.place.file).shown)
    }

    /// A path that people see, relative to the baseline when it is below its folder.
    fn relative(&self, shown: &str) -> String {
        let whole = self.working.folder().join(shown);
        whole.strip_prefix(&self.folder).map_or_else(|_| shown.to_owned(), crate::project::slashed)
    }

    /// Whether this run can tell that an entry no longer occurs: its lint was asked, and its file was checked or is
    /// there no more.
    fn judges(&self, report: &Report, entry: &Entry) -> bool {
        let asked = report.asked.get(entry.lint.as_str());
        asked.is_some_and(|least| *least == Confidence::Likely || entry.confidence == confidence(*least))
            && (self.files.contains_key(&entry.path) || !self.folder.join(&entry.path).exists())
    }

    /// Whether the finding of an entry is or would be shown.
    fn shows(&self, report: &Report, shown: Shown, entry: &Entry) -> bool {
        report.shows(shown, self.files.get(&entry.path).copied(), entry.bad())
    }
}
