//! All that a printer sees: findings, census, problems and statistics, with every place resolved.

use std::collections::{BTreeMap, BTreeSet};

use unleak_analysis::ledger::Entry;
use unleak_lints::{Confidence, Level};

use crate::fingerprint::Fingerprint;
use crate::place::{FileId, Files, Place, Scope};
use crate::shown::Shown;
use crate::statistics::Statistics;
use crate::write::Edit;

/// One line of an ownership story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Evidence {
    /// What the place shows.
    pub(crate) label: String,
    /// Where.
    pub(crate) place: Place,
}

/// A finding whose places are places of this run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The lint's name.
    pub(crate) lint: &'static str,
    /// How bad.
    pub(crate) level: Level,
    /// How sure.
    pub(crate) confidence: Confidence,
    /// The one assumption a likely finding rests on.
    pub(crate) assumption: Option<&'static str>,
    /// What it is about.
    pub(crate) subject: String,
    /// The place whose mending ends it.
    pub(crate) root: Place,
    /// The sentence.
    pub(crate) message: String,
    /// The primary place.
    pub(crate) place: Place,
    /// The ownership story.
    pub(crate) evidence: Vec<Evidence>,
    /// What to do.
    pub(crate) help: String,
    /// The resource it is about; `None` for what is said of a comment.
    pub(crate) born: Option<BornIn>,
    /// The same for the same finding in another version of the code.
    pub(crate) fingerprint: Fingerprint,
    /// What mends it and changes nothing else.
    pub(crate) fix: Option<Edit>,
}

/// Which resource a finding is about, in words that outlive an edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BornIn {
    /// The function it is born in, as people write it.
    pub(crate) within: String,
    /// What makes it, as people write it.
    pub(crate) maker: String,
}

/// Something that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// What is wrong, in a sentence without a final stop.
    pub(crate) message: String,
    /// Where.
    pub(crate) place: Place,
}

/// A row of the census whose places are places of this run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Born {
    /// The row.
    pub(crate) entry: Entry,
    /// Where it is born.
    pub(crate) birth: Place,
    /// The proof, step by step.
    pub(crate) proof: Vec<Evidence>,
}

/// A finding that is kept from being shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Silenced {
    /// The finding.
    pub(crate) finding: Finding,
    /// By what.
    pub(crate) by: Silencer,
    /// The reason that is given.
    pub(crate) reason: String,
}

/// What keeps a finding from being shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Silencer {
    /// A comment.
    Comment(Place),
    /// It was found before.
    Baseline,
}

/// All that a printer sees.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// The files that places speak of.
    pub(crate) files: Files,
    /// What is shown, in the order of path, place and lint.
    pub(crate) findings: Vec<Finding>,
    /// What is found too, and not bad enough to be shown; in the same order.
    pub(crate) unshown: Vec<Finding>,
    /// What comments and a baseline keep from being shown.
    pub(crate) silenced: Vec<Silenced>,
    /// Everything that is born, in the order of path and place; also in files that are context only.
    pub(crate) census: Vec<Born>,
    /// What could not be read.
    pub(crate) problems: Vec<Problem>,
    /// What was looked at and decided.
    pub(crate) statistics: Statistics,
    /// The lints that were asked of the named files, and how sure their findings had to be.
    pub(crate) asked: BTreeMap<&'static str, Confidence>,
    /// How bad a finding in a file must be to be shown, where settings say so.
    pub(crate) min_levels: BTreeMap<FileId, Level>,
}

impl Report {
    /// Whether a place lies in what was asked about.
    pub(crate) fn is_named(&self, place: Place) -> bool {
        self.files.get(place.file).scope == Scope::Named
    }

    /// What is born in the files that were asked about.
    pub(crate) fn named_census(&self) -> impl Iterator<Item = &Born> {
        self.census.iter().filter(|born| self.is_named(born.birth))
    }

    /// The files that were asked about, as people see them.
    pub(crate) fn named_files(&self) -> impl Iterator<Item = (FileId, &str)> {
        self.files.iter().filter(|(_, file)| file.scope == Scope::Named).map(|(id, file)| (id, file.shown.as_str()))
    }

    /// Shows what is bad enough, and keeps the rest.
    pub(crate) fn show(&mut self, shown: Shown) {
        let found = [&mut self.findings, &mut self.unshown].map(std::mem::take).into_iter().flatten();
        let bad_enough = |finding: &Finding| self.shows(shown, Some(finding.place.file), finding.level);
        (self.findings, self.unshown) = found.partition(bad_enough);
        self.sort_findings();
        self.count_findings();
    }

    /// Whether a finding of that level is shown in a file; `None` for one that is not there.
    pub(crate) fn shows(&self, shown: Shown, file: Option<FileId>, level: Level) -> bool {
        level >= shown.least(file.and_then(|file| self.min_levels.get(&file)).copied())
    }

    /// Counts what is shown.
    pub(crate) fn count_findings(&mut self) {
        self.statistics.findings = self.findings.len();
        self.statistics.causes = self.causes();
    }

    /// How many things would have to be mended: findings with one root count once.
    pub(crate) fn causes(&self) -> usize {
        self.findings.iter().map(|finding| (finding.lint, finding.root)).collect::<BTreeSet<_>>().len()
    }

    /// Whether anything of at least this level is shown.
    pub(crate) fn has_failures(&self, least: Level) -> bool {
        self.findings.iter().any(|finding| finding.level >= least)
    }

    /// Puts everything into the order of path and place, so that no thread's speed shows.
    pub(crate) fn sort(&mut self) {
        self.sort_findings();
        let files = &self.files;
        self.silenced.sort_by(|a, b| {
            let (a, b) = (&a.finding, &b.finding);
            (files.order(a.place), a.lint).cmp(&(files.order(b.place), b.lint))
        });
        self.census.sort_by(|a, b| files.order(a.birth).cmp(&files.order(b.birth)));
        self.problems.sort_by(|a, b| files.order(a.place).cmp(&files.order(b.place)));
    }

    /// The fingerprint tells apart what one lint says of one place, so that a finding that was not shown comes back to
    /// where it stood.
    fn sort_findings(&mut self) {
        let files = &self.files;
        for findings in [&mut self.findings, &mut self.unshown] {
            findings.sort_by(|a, b| {
                let (a, b) = [a, b].map(|it| (files.order(it.place), it.lint, it.fingerprint)).into();
                a.cmp(&b)
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::CheckFormat;

    #[test]
    fn what_was_not_shown_comes_back_to_where_it_stood() {
        let mut report = examples::report();
        let error = report.findings[0].clone();
        let mut note = Finding { level: Level::Note, ..error.clone() };
        note.fingerprint.identity = 0;
        report.findings.insert(0, note);
        report.sort();
        let before = report.findings.clone();
        assert_eq!(before.iter().map(|it| it.level).collect::<Vec<_>>(), [Level::Note, Level::Error, Level::Warning]);
        report.show(Shown::by(CheckFormat::Full, None));
        assert_eq!((report.findings.len(), report.unshown.len(), report.statistics.findings), (2, 1, 2));
        report.show(Shown::by(CheckFormat::Json, None));
        assert_eq!((report.findings, report.statistics.findings), (before, 3));
    }
}

/// Hand-made reports for the tests of printers and suppressions.
#[cfg(test)]
pub(crate) mod examples {
    use std::sync::Arc;

    use unleak_analysis::ledger::{Answer, Kind, Location, Many, Setting};
    use unleak_analysis::source::Language;
    use unleak_analysis::unit::Span;

    use super::*;
    use crate::place::{File, FileId};

    /// A server that forgets a task.
    pub(crate) const SERVER: &str = "\
import asyncio

class Server:
    async def start(self):
        asyncio.create_task(self.run())
        self.queue = asyncio.Queue()
";

    /// The place of a word in a file's text.
    pub(crate) fn at(files: &Files, file: FileId, word: &str) -> Place {
        let start = files.get(file).text.find(word).expect("the word stands in the text");
        Place { file, span: Span::new(start as u32, (start + word.len()) as u32) }
    }

    /// A finding at a place.
    pub(crate) fn finding(lint: &'static str, level: Level, place: Place) -> Finding {
        Finding {
            lint,
            level,
            confidence: Confidence::Certain,
            assumption: None,
            subject: "subject".into(),
            root: place,
            message: "something is born here, and nothing ends it".into(),
            place,
            evidence: Vec::new(),
            help: String::new(),
            born: None,
            fingerprint: Fingerprint::default(),
            fix: None,
        }
    }

    /// A file with that text, added to `files`.
    pub(crate) fn file(files: &mut Files, shown: &str, text: &str) -> FileId {
        let language = Language::of_path(shown);
        files.add(File::new(shown.into(), text.into(), language, Scope::Named))
    }

    /// A row of the census.
    pub(crate) fn born(birth: Place, kind: Kind, maker: &str, answer: Answer) -> Born {
        let location = Location { path: Arc::from("server.py"), span: birth.span };
        let entry = Entry {
            kind,
            maker: maker.into(),
            name: Some("Server.run".into()),
            setting: Setting::Product,
            birth: location,
            many: Many::PerEvent,
            owner: None,
            life: None,
            bound: None,
            end: None,
            answer,
            reason: (answer == Answer::Open).then_some("it is passed to code that cannot be seen"),
            proof: Vec::new(),
        };
        Born { entry, birth, proof: vec![Evidence { label: "born here".into(), place: birth }] }
    }

    /// A report with a certain error, a likely warning, a problem and a census.
    pub(crate) fn report() -> Report {
        let mut report = Report::default();
        let server = file(&mut report.files, "server.py", SERVER);
        let broken = file(&mut report.files, "broken.py", "def f(:\n");
        let (spawn, queue) = (
            at(&report.files, server, "asyncio.create_task(self.run())"),
            at(&report.files, server, "asyncio.Queue()"),
        );
        let first = Finding {
            message: "this task is started and nobody keeps it: its failure is never seen".into(),
            evidence: vec![
                Evidence { label: "started here, and the handle dropped".into(), place: spawn },
                Evidence { label: "the class has no end".into(), place: at(&report.files, server, "Server") },
            ],
            help: "keep the handle in a set and discard it when done".into(),
            born: Some(BornIn { within: "Server.start".into(), maker: "asyncio.create_task".into() }),
            ..finding("fire-and-forget", Level::Error, spawn)
        };
        let second = Finding {
            confidence: Confidence::Likely,
            assumption: Some("nothing outside this code base uses the name"),
            ..finding("unbounded-queue", Level::Warning, queue)
        };
        report.findings = vec![first, second];
        crate::fingerprint::mark(&mut report.findings, &report.files);
        report.problems = vec![Problem { message: "unexpected `:`".into(), place: at(&report.files, broken, ":") }];
        report.census = vec![
            born(spawn, Kind::Task, "asyncio.create_task", Answer::Yes),
            Born {
                entry: Entry {
                    name: Some("Server.queue".into()),
                    owner: Some("field `Server.queue`".into()),
                    ..born(queue, Kind::Queue, "asyncio.Queue", Answer::Open).entry
                },
                ..born(queue, Kind::Queue, "asyncio.Queue", Answer::Open)
            },
        ];
        report.statistics.checked = 2;
        report.sort();
        report
    }
}
