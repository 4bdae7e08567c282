//! `--baseline FILE`: what was found before is kept back, so that only what is new is shown.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use unleak_lints::Confidence;

use crate::print::confidence;
use crate::project::Working;
use crate::report::{Finding, Report, Silenced, Silencer};

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
    /// How sure it was.
    pub(crate) confidence: String,
    /// What makes it the same one.
    pub(crate) identity: String,
}

/// What became of a baseline in a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Compared {
    /// Entries of which nothing is left.
    pub(crate) gone: Vec<Entry>,
    /// What the baseline would be now.
    pub(crate) now: Baseline,
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

    /// Keeps back what was found before. An entry means a finding of its file first, and if there is none, one that
    /// is alike in a file that has none of its own: it was moved.
    pub(crate) fn apply(self, report: &mut Report, file: &Path, working: &Working) -> Compared {
        let named = Named::of(report, file, working);
        let mut waiting: BTreeMap<(String, String), Vec<Entry>> = BTreeMap::new();
        for entry in self.findings {
            waiting.entry((entry.identity.clone(), entry.path.clone())).or_default().push(entry);
        }
        let mut take = |key: &(String, String)| waiting.get_mut(key).and_then(Vec::pop);
        let (mut known, mut others) = (Vec::new(), Vec::new());
        for finding in std::mem::take(&mut report.findings) {
            let entry = entry(&finding, &named.path(report, &finding));
            match take(&(entry.identity.clone(), entry.path.clone())) {
                Some(_) => known.push((finding, entry)),
                None => others.push((finding, entry)),
            }
        }
        let mut left: Vec<Entry> = waiting.into_values().flatten().collect();
        for (finding, entry) in others {
            let moved = |old: &Entry| old.identity == entry.identity && named.judges(report, old);
            match left.iter().position(moved) {
                Some(index) => {
                    left.remove(index);
                    known.push((finding, entry));
                }
                None => report.findings.push(finding),
            }
        }
        let (gone, elsewhere): (Vec<Entry>, Vec<Entry>) = left.into_iter().partition(|old| named.judges(report, old));
        let new = report.findings.iter().map(|finding| entry(finding, &named.path(report, finding)));
        let mut now: Vec<Entry> = known.iter().map(|(_, entry)| entry.clone()).chain(new).chain(elsewhere).collect();
        now.sort();
        report.statistics.baselined = known.len();
        let silenced = known.into_iter().map(|(finding, _)| Silenced {
            finding,
            by: Silencer::Baseline,
            reason: "it is in the baseline".into(),
        });
        report.silenced.extend(silenced);
        report.sort();
        report.count_findings();
        Compared { gone, now: Baseline { version: VERSION, findings: now } }
    }
}

fn entry(finding: &Finding, path: &str) -> Entry {
    let within = finding.born.as_ref().map(|born| format!(" in `{}`", born.within)).unwrap_or_default();
    Entry {
        path: path.to_owned(),
        lint: finding.lint.to_owned(),
        subject: format!("`{}`{within}", finding.subject),
        confidence: confidence(finding.confidence).to_owned(),
        identity: format!("{:032x}", finding.fingerprint.identity),
    }
}

/// The files of a run as a baseline names them.
struct Named<'a> {
    folder: std::path::PathBuf,
    working: &'a Working,
    files: std::collections::BTreeSet<String>,
}

impl<'a> Named<'a> {
    fn of(report: &Report, file: &Path, working: &'a Working) -> Named<'a> {
        let whole = working.folder().join(file);
        let folder = whole.parent().unwrap_or(&whole);
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let mut named = Named { folder, working, files: Default::default() };
        named.files = report.named_files().map(|shown| named.relative(shown)).collect();
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
            && (self.files.contains(&entry.path) || !self.folder.join(&entry.path).exists())
    }
}
