//! `unleak audit`: the whole ledger as one page that an engineer can hand on: what leaks, what was looked at and is right,
//! what could not be decided.

pub(crate) mod verdicts;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use unleak_analysis::ledger::{Answer, Kind, Many};
use unleak_lints::{Confidence, Level};

use crate::place::Place;
use crate::report::{Born, Finding, Report, Silencer};
use verdicts::{Verdict, Verdicts};

/// How many lines of code stand around a finding.
const AROUND: usize = 3;

/// The version of the audit's JSON.
pub(crate) const VERSION: u32 = 1;

/// An audit.
#[derive(Debug, Serialize)]
pub(crate) struct Audit {
    /// Of this shape.
    pub(crate) version: u32,
    /// The tool and its version.
    pub(crate) tool: String,
    /// How much was looked at.
    pub(crate) scope: Looked,
    /// How many of each kind have which answer.
    pub(crate) kinds: BTreeMap<String, Tally>,
    /// How much leaks in each component, most first.
    pub(crate) components: Vec<(String, Tally)>,
    /// What leaks, the worst first.
    pub(crate) leaks: Vec<Leak>,
    /// What leaks and was accepted.
    pub(crate) accepted: Vec<(Leak, Verdict)>,
    /// What was looked at and is right.
    pub(crate) right: Vec<Row>,
    /// What could not be decided.
    pub(crate) undecided: Vec<Row>,
    /// Files that could not be read.
    pub(crate) problems: Vec<String>,
    /// What is to be said of the verdict file itself.
    pub(crate) notes: Vec<String>,
    /// What is other than in an audit before.
    pub(crate) changes: Option<Changes>,
}

/// How much was looked at.
#[derive(Debug, Serialize)]
pub(crate) struct Looked {
    /// Files that were asked about.
    pub(crate) files: usize,
    /// Resources that are born in them.
    pub(crate) resources: usize,
}

/// How many have which answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Tally {
    /// Nothing ends them.
    pub(crate) leak: usize,
    /// Something does.
    pub(crate) right: usize,
    /// Nobody knows.
    pub(crate) open: usize,
}

/// Something that leaks.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Leak {
    /// The same for the same leak in another version of the code.
    pub(crate) fingerprint: String,
    /// The lint that found it.
    pub(crate) lint: &'static str,
    /// How bad it is.
    pub(crate) level: Level,
    /// How sure it is.
    pub(crate) confidence: Confidence,
    /// The one assumption that it rests on.
    pub(crate) assumption: Option<&'static str>,
    /// The folder that it lies in.
    pub(crate) component: String,
    /// `path:line:column`.
    pub(crate) place: String,
    /// What is wrong.
    pub(crate) message: String,
    /// The code around it, by line.
    pub(crate) code: Vec<(usize, String)>,
    /// The ownership story: what each place shows.
    pub(crate) story: Vec<(String, String)>,
    /// What to do.
    pub(crate) help: String,
}

/// Something that does not leak, or of which that is not known.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    /// What it is.
    pub(crate) kind: Kind,
    /// What makes it.
    pub(crate) maker: String,
    /// How often.
    pub(crate) many: Many,
    /// The folder that it lies in.
    pub(crate) component: String,
    /// `path:line:column`.
    pub(crate) place: String,
    /// Who keeps it.
    pub(crate) owner: Option<String>,
    /// What bounds it.
    pub(crate) bound: Option<String>,
    /// What ends it.
    pub(crate) end: Option<String>,
    /// Why it is open.
    pub(crate) reason: Option<String>,
}

/// What is other than in an audit before.
#[derive(Debug, Serialize)]
pub(crate) struct Changes {
    /// What leaks now and did not.
    pub(crate) new: Vec<String>,
    /// What leaked and does no more.
    pub(crate) gone: Vec<String>,
    /// How many leaks both have.
    pub(crate) same: usize,
}

/// An audit before, as far as it is compared.
#[derive(Debug, Deserialize)]
pub(crate) struct Before {
    /// The version of its shape.
    pub(crate) version: u32,
    leaks: Vec<LeakBefore>,
}

#[derive(Debug, Deserialize)]
struct LeakBefore {
    fingerprint: String,
    lint: String,
    place: String,
    message: String,
}

impl Tally {
    fn add(&mut self, answer: Answer) {
        match answer {
            Answer::Yes => self.leak += 1,
            Answer::No => self.right += 1,
            Answer::Open => self.open += 1,
        }
    }

    /// All of them.
    pub(crate) fn all(self) -> usize {
        self.leak + self.right + self.open
    }
}

impl Audit {
    /// Reads the report aloud.
    pub(crate) fn of(report: &Report, verdicts: &Verdicts, before: Option<&Before>) -> Audit {
        let mut kinds: BTreeMap<String, Tally> = BTreeMap::new();
        let mut components: BTreeMap<String, Tally> = BTreeMap::new();
        for born in report.named_census() {
            kinds.entry(crate::print::kind(born.entry.kind)).or_default().add(born.entry.answer);
            components.entry(component(report, born.birth)).or_default().add(born.entry.answer);
        }
        let rows = |of: Answer| report.named_census().filter(move |born| born.entry.answer == of);
        let (mut leaks, mut accepted) = (Vec::new(), Vec::new());
        for finding in &report.findings {
            let leak = leak(report, finding);
            match verdicts.accepted(&leak.fingerprint) {
                Some(verdict) => accepted.push((leak, verdict.clone())),
                None => leaks.push(leak),
            }
        }
        for silenced in report.silenced.iter().filter(|it| matches!(it.by, Silencer::Comment(_))) {
            let verdict = Verdict::in_code(&silenced.reason);
            accepted.push((leak(report, &silenced.finding), verdict));
        }
        leaks.sort_by_key(|leak| std::cmp::Reverse(leak.level));
        let mut components: Vec<(String, Tally)> = components.into_iter().collect();
        components.sort_by(|a, b| b.1.leak.cmp(&a.1.leak).then(a.0.cmp(&b.0)));
        let known: BTreeSet<&str> =
            leaks.iter().chain(accepted.iter().map(|(leak, _)| leak)).map(|leak| leak.fingerprint.as_str()).collect();
        Audit {
            version: VERSION,
            tool: concat!("unleak ", env!("CARGO_PKG_VERSION")).to_owned(),
            scope: Looked { files: report.statistics.checked, resources: report.named_census().count() },
            kinds,
            components,
            notes: verdicts.notes(&known),
            changes: before.map(|before| changes(before, &leaks)),
            leaks,
            accepted,
            right: rows(Answer::No).map(|born| row(report, born)).collect(),
            undecided: rows(Answer::Open).map(|born| row(report, born)).collect(),
            problems: report
                .problems
                .iter()
                .map(|problem| format!("{}: {}", report.files.point(problem.place), problem.message))
                .collect(),
        }
    }

    /// How many leaks of a level there are.
    pub(crate) fn count(&self, level: Level) -> usize {
        self.leaks.iter().filter(|leak| leak.level == level).count()
    }
}

fn leak(report: &Report, finding: &Finding) -> Leak {
    let story = finding.evidence.iter().map(|fact| (report.files.point(fact.place), fact.label.clone()));
    Leak {
        fingerprint: finding.fingerprint.to_string(),
        lint: finding.lint,
        level: finding.level,
        confidence: finding.confidence,
        assumption: finding.assumption,
        component: component(report, finding.place),
        place: report.files.point(finding.place),
        message: finding.message.clone(),
        code: code(report, finding.place),
        story: story.collect(),
        help: finding.help.clone(),
    }
}

fn code(report: &Report, place: Place) -> Vec<(usize, String)> {
    let file = report.files.get(place.file);
    let lines = file.lines_of(place.span);
    let last = (lines.end - 1).min(lines.start + AROUND) + AROUND;
    let shown = lines.start.saturating_sub(AROUND).max(1)..=last.min(file.lines());
    shown.map(|line| (line, file.line(line).to_owned())).collect()
}

fn row(report: &Report, born: &Born) -> Row {
    let entry = &born.entry;
    Row {
        kind: entry.kind,
        maker: entry.maker.clone(),
        many: entry.many,
        component: component(report, born.birth),
        place: report.files.point(born.birth),
        owner: entry.owner.clone(),
        bound: entry.bound.clone(),
        end: entry.end.clone(),
        reason: entry.reason.map(str::to_owned),
    }
}

/// The folder that a place lies in.
fn component(report: &Report, place: Place) -> String {
    let shown = &report.files.get(place.file).shown;
    shown.rsplit_once('/').map_or_else(|| ".".to_owned(), |(folder, _)| folder.to_owned())
}

fn changes(before: &Before, leaks: &[Leak]) -> Changes {
    let now: BTreeSet<&str> = leaks.iter().map(|leak| leak.fingerprint.as_str()).collect();
    let then: BTreeSet<&str> = before.leaks.iter().map(|leak| leak.fingerprint.as_str()).collect();
    let told = |place: &str, lint: &str, message: &str| format!("{place}: {lint}: {message}");
    let new = leaks.iter().filter(|leak| !then.contains(leak.fingerprint.as_str()));
    let gone = before.leaks.iter().filter(|leak| !now.contains(leak.fingerprint.as_str()));
    Changes {
        new: new.map(|leak| told(&leak.place, leak.lint, &leak.message)).collect(),
        gone: gone.map(|leak| told(&leak.place, &leak.lint, &leak.message)).collect(),
        same: now.intersection(&then).count(),
    }
}
