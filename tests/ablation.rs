//! Each fact that the ledger is fed with is needed: without it, some fixture gets another answer.
//!
//! Whatever the ledger knows comes out of units, outlines and the catalogue. So a fact is taken away from those, and all
//! fixtures are read again. What the ledger makes of them is asked in the same way: a function that tells a fact says no.
//! A fact whose loss changes nothing would not be worth its code.

#[path = "ablation/facts.rs"]
mod facts;
#[path = "ablation/ledger.rs"]
mod ledger;
mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use facts::{FACTS, Fact};
use support::{each, read, report, slashed, tree};
use unleak_analysis::ledger::Ledger;
use unleak_analysis::program::Program;
use unleak_analysis::source::{Language, Source};
use unleak_analysis::unit::Lowered;
use unleak_analysis::{Counting, Course, lower};
use unleak_catalogue::Catalogue;

/// How much stack a thread has that parses.
const STACK: usize = 16 << 20;

/// A program of the fixtures, lowered.
struct Case {
    sources: Vec<Source>,
    lowered: Vec<Lowered>,
}

fn cases() -> Vec<Case> {
    let mut grouped: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
    for path in tree().into_iter().filter(|path| path.starts_with("fixtures") && path.components().count() >= 3) {
        if Language::of_path(&slashed(&path)).is_some() {
            grouped.entry(path.components().take(3).collect()).or_default().push(path);
        }
    }
    let lowered = each(grouped.into_values().collect(), |paths| {
        let sources: Vec<Source> = paths.iter().map(|path| source(path)).collect();
        let lower_all = || sources.iter().map(lower).collect();
        let lowered = std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, lower_all);
            thread.expect("a thread starts").join().expect("lowering is total")
        });
        Case { sources, lowered }
    });
    assert!(!lowered.is_empty(), "there are no fixtures");
    lowered
}

fn source(path: &Path) -> Source {
    let slashed = slashed(path);
    let language = Language::of_path(&slashed).expect("it is a source file");
    Source::from_bytes(&slashed, language, read(path).as_bytes())
}

/// What is said of a program: the findings with their stories, and of everything that is born the verdict, and who owns,
/// bounds and ends it.
fn said(sources: &[Source], lowered: &[Lowered], catalogue: &Catalogue) -> Vec<String> {
    let ledger = Ledger::of(&mut Program::link(sources, lowered, catalogue), &Course::to_the_end(Counting::Resources));
    let findings = unleak_lints::check(&ledger, |_| true).into_iter().map(|finding| format!("{finding:?}"));
    let rows = ledger.census().iter().map(|row| {
        let (kind, birth, answer) = (row.kind, &row.birth, row.answer);
        format!("{kind:?} {birth:?} {answer:?} {:?} {:?} {:?} {:?}", row.name, row.owner, row.bound, row.end)
    });
    findings.chain(rows).collect()
}

fn without(fact: &Fact, case: &Case, catalogue: &Catalogue) -> Vec<String> {
    let mut lowered = case.lowered.clone();
    lowered.iter_mut().for_each(|lowered| fact.take_from_code(lowered));
    said(&case.sources, &lowered, catalogue)
}

#[test]
fn every_fact_is_missed_when_it_is_gone() {
    let cases = cases();
    let whole = Catalogue::embedded();
    let known: Vec<Vec<String>> = each(cases.iter().collect(), |case| said(&case.sources, &case.lowered, whole));
    let idle: Vec<Option<String>> = each(FACTS.iter().collect(), |fact| {
        let libraries = whole.libraries().iter().cloned().map(|mut library| {
            fact.take_from_data(&mut library);
            (library.library.to_string(), library)
        });
        let catalogue = Catalogue::new(libraries.collect()).expect("less data is still data");
        let missed = cases.iter().zip(&known).any(|(case, known)| without(fact, case, &catalogue) != *known);
        (!missed).then(|| fact.name.to_owned())
    });
    let idle: Vec<String> = idle.into_iter().flatten().collect();
    report("facts that no fixture misses", &idle);
}

#[test]
fn every_fact_of_the_ledger_is_missed_when_it_is_gone() {
    let cases = cases();
    let catalogue = Catalogue::embedded();
    let known: Vec<Vec<String>> = each(cases.iter().collect(), |case| said(&case.sources, &case.lowered, catalogue));
    let idle: Vec<Option<String>> = each(ledger::facts(), |fact| {
        // A fact is gone from one thread only.
        let threads = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread starts");
        let without =
            |case: &Case| unleak_analysis::ledger::without(&fact, || said(&case.sources, &case.lowered, catalogue));
        let lint = ledger::lint_of(&fact);
        let mut asked: Vec<(&Case, &Vec<String>)> = cases.iter().zip(&known).collect();
        asked.sort_by_key(|(case, _)| !case.sources[0].path.contains(lint));
        let missed = threads.install(|| asked.into_iter().any(|(case, known)| without(case) != *known));
        (!missed).then_some(fact)
    });
    let idle: Vec<String> = idle.into_iter().flatten().collect();
    report("facts of the ledger that no fixture misses", &idle);
}
