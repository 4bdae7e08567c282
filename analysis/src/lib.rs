//! The analysis behind `unleak`: source → outline and unit → program → ledger.
//!
//! One direction. Everything left of [`program`] depends on one file's bytes and this crate's
//! version only; everything right of it never sees syntax.

mod course;
pub mod ledger;
pub mod program;
pub mod python;
pub mod rust;
pub mod source;
pub mod unit;

use std::cell::Cell;

pub use course::{Counting, Course, Step};
use rayon::prelude::*;
use source::{Language, Source};
use unit::Lowered;

/// Lowers one file. Total: any text gives an outline and a unit, what could not be read stands in
/// the unit's problems.
pub fn lower(source: &Source) -> Lowered {
    match source.language {
        Language::Python => python::lower(&source.text),
        Language::Rust => rust::lower(&source.text),
    }
}

/// How much stack a thread has that parses: parsers and lowering recurse, within their own limits.
const STACK: usize = 64 << 20;

thread_local! {
    /// Whether this thread is one of those with a deep stack.
    static DEEP: Cell<bool> = const { Cell::new(false) };
}

/// Does something with threads on every core that have a deep stack. Within it the same threads do all: what one of
/// them has given up is room for what it does next.
pub fn in_deep_stacks<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    if DEEP.get() {
        return work();
    }
    match rayon::ThreadPoolBuilder::new().stack_size(STACK).start_handler(|_| DEEP.set(true)).build() {
        Ok(pool) => pool.install(work),
        Err(_) => work(),
    }
}

/// What the analysis says of a set of files.
#[derive(Debug)]
pub struct Analysis {
    /// Everything that is born, and what becomes of it.
    pub ledger: ledger::Ledger,
    /// What the front ends say of the files, in the order of the sources; comments in the outlines may be suppressions.
    pub lowered: Vec<Lowered>,
    /// What could not be read, with the index of the source.
    pub problems: Vec<(usize, unit::Problem)>,
}

/// What is said of a file that was not looked at in full.
const LATE: &str = "not looked at in full: the time was over";

/// Analyses files that belong together. The result does not depend on the order of `sources`
/// other than in the indices it uses, nor on the number of threads, as long as there is time.
pub fn analyse(sources: &[Source], catalogue: &unleak_catalogue::Catalogue, course: &Course<'_>) -> Analysis {
    let mut order: Vec<usize> = (0..sources.len()).collect();
    order.sort_by(|a, b| sources[*a].path.cmp(&sources[*b].path));
    let ordered: Vec<Source> = order.iter().map(|index| sources[*index].clone()).collect();
    let (lowered, ledger) = in_deep_stacks(|| {
        let lowered: Vec<Lowered> = ordered.par_iter().map(|source| lower_in_time(source, course)).collect();
        let ledger = decide(&ordered, &lowered, catalogue, course);
        (lowered, ledger)
    });
    let late = |file: &usize| (order[*file], unit::Problem { span: unit::Span::default(), message: LATE.to_owned() });
    let mut problems: Vec<_> = ledger.left_out().iter().map(late).collect();
    let mut in_order: Vec<Lowered> = sources.iter().map(|_| Lowered::default()).collect();
    for (mut file, &index) in lowered.into_iter().zip(&order) {
        problems.extend(file.unit.problems.drain(..).map(|problem| (index, problem)));
        in_order[index] = file;
    }
    problems.sort_by_key(|(index, problem)| (*index, problem.span));
    Analysis { ledger, lowered: in_order, problems }
}

fn lower_in_time(source: &Source, course: &Course<'_>) -> Lowered {
    if course.is_over() {
        return Lowered::default();
    }
    let lowered = (course.lower)(source);
    (course.told)(Step::Lowered);
    lowered
}

fn decide(
    sources: &[Source],
    lowered: &[Lowered],
    catalogue: &unleak_catalogue::Catalogue,
    course: &Course<'_>,
) -> ledger::Ledger {
    if course.is_over() {
        return ledger::Ledger::of_nothing(sources.len());
    }
    (course.told)(Step::Linking);
    let mut program = program::Program::link(sources, lowered, catalogue);
    (course.told)(Step::Deciding);
    let mut ledger = ledger::Ledger::of(&mut program, course);
    if course.counting == Counting::LibrariesToo {
        ledger.count_libraries(&program);
    }
    ledger
}
