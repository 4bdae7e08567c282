//! `unleak diff OLD.json NEW.json`: which verdicts are other than before, by the reports of two versions.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, bail};
use serde::Deserialize;

/// A report, as far as it is compared.
#[derive(Debug, Deserialize)]
pub(crate) struct Old {
    version: u32,
    #[serde(default)]
    findings: Vec<Finding>,
    #[serde(default)]
    resources: Vec<Resource>,
    #[serde(default)]
    statistics: Counts,
}

/// What is missing in older reports, and in those of the census, is nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Counts {
    not_shown: usize,
}

impl Old {
    /// How many findings it leaves out because of their level.
    pub(crate) fn not_shown(&self) -> usize {
        self.statistics.not_shown
    }
}

#[derive(Debug, Deserialize)]
struct Finding {
    lint: String,
    level: String,
    confidence: String,
    message: String,
    location: Location,
    #[serde(default)]
    fingerprint: String,
}

#[derive(Debug, Deserialize)]
struct Resource {
    kind: String,
    maker: String,
    answer: String,
    reason: Option<String>,
    location: Location,
}

#[derive(Debug, Deserialize)]
struct Location {
    path: String,
    start: Position,
}

#[derive(Debug, Deserialize)]
struct Position {
    line: usize,
    column: usize,
}

/// Something that a report says, and what makes it the same in another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    key: String,
    path: String,
    /// `path:line:column`.
    pub(crate) point: String,
    /// What it is about.
    pub(crate) about: String,
    /// What is said of it.
    pub(crate) verdict: String,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Only the new report says it.
    New(Said),
    /// Only the old one does.
    Gone(Said),
    /// Both do, with another verdict: the old one, and what is said now.
    Other(String, Said),
}

/// What two reports have in common and what not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Difference {
    /// In the order of path and place.
    pub(crate) changes: Vec<Change>,
    /// How much is the same.
    pub(crate) same: usize,
}

/// Reads what `--format json` of `check` or `census` has written.
pub(crate) fn read(file: &Path) -> anyhow::Result<Old> {
    let shown = file.display();
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read `{shown}`"))?;
    let report: Old = serde_json::from_str(&text)
        .with_context(|| format!("`{shown}` is no report; write one with `unleak check --format json`"))?;
    if report.version != 1 {
        bail!("`{shown}` is a report of version {}, and this understands version 1", report.version);
    }
    Ok(report)
}

/// Compares two reports. What is said of one thing in a file is met by what is said of it there, else elsewhere.
pub(crate) fn compare(old: Old, new: Old) -> Difference {
    let mut waiting = said(old);
    let (mut pairs, mut others) = (Vec::new(), Vec::new());
    for now in said(new) {
        match waiting.iter().position(|then| then.key == now.key && then.path == now.path) {
            Some(index) => pairs.push((waiting.remove(index), now)),
            None => others.push(now),
        }
    }
    let mut difference = Difference::default();
    for now in others {
        match waiting.iter().position(|then| then.key == now.key) {
            Some(index) => pairs.push((waiting.remove(index), now)),
            None => difference.changes.push(Change::New(now)),
        }
    }
    for (then, now) in pairs {
        match then.verdict == now.verdict {
            true => difference.same += 1,
            false => difference.changes.push(Change::Other(then.verdict, now)),
        }
    }
    difference.changes.extend(waiting.into_iter().map(Change::Gone));
    difference.changes.sort_by(|a, b| a.said().point.cmp(&b.said().point));
    difference
}

impl Change {
    fn said(&self) -> &Said {
        match self {
            Change::New(said) | Change::Gone(said) | Change::Other(_, said) => said,
        }
    }
}

fn said(report: Old) -> Vec<Said> {
    let findings = report.findings.into_iter().map(|finding| {
        let identity = finding.fingerprint.split(':').next().unwrap_or_default();
        Said {
            key: format!("{} {identity}", finding.lint),
            verdict: format!("{}, {}", finding.level, finding.confidence),
            about: format!("{}: {}", finding.lint, finding.message),
            point: point(&finding.location),
            path: finding.location.path,
        }
    });
    let mut alike: BTreeMap<String, usize> = BTreeMap::new();
    let resources = report.resources.into_iter().map(move |resource| {
        let about = format!("{} made by `{}`", resource.kind, resource.maker);
        let nth = alike.entry(format!("{} {about}", resource.location.path)).or_default();
        *nth += 1;
        let reason = resource.reason.map(|reason| format!(": {reason}")).unwrap_or_default();
        Said {
            key: format!("{about} {nth}"),
            verdict: format!("{}{reason}", resource.answer),
            about,
            point: point(&resource.location),
            path: resource.location.path,
        }
    });
    findings.chain(resources).collect()
}

fn point(location: &Location) -> String {
    format!("{}:{}:{}", location.path, location.start.line, location.start.column)
}
