//! The ledger: an entry for each thing the code brings into being, with its owner, its bound and its ends.

#[macro_use]
mod ablation;
mod builder;
mod census;
mod counts;
mod entry;
mod fanouts;
mod libraries;
mod owners;
mod queues;
mod resource;
mod supervisors;
mod tasks;

use std::collections::BTreeSet;
use std::sync::Arc;

#[cfg(feature = "ablation")]
pub use ablation::without;
pub use entry::*;
pub use libraries::Met;
pub use resource::*;

use crate::course::{Course, Step};
use crate::program::many::Handed;
use crate::program::{Part, Program};
use builder::Builder;

/// Why something is open that one of several functions makes, which do not all do so in the same way.
const WHICH: &str = "which of several functions makes it is not known";

/// The ledger of a program.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    resources: Vec<Resource>,
    entries: Vec<Entry>,
    statistics: Statistics,
    left_out: Vec<usize>,
}

impl Ledger {
    /// Reads a program and enters everything that it brings into being.
    pub fn of(program: &mut Program<'_>, course: &Course<'_>) -> Ledger {
        let handed = Handed::of(program);
        let beside = program.beside();
        let of_parts = || beside.in_parts(|program, part| born_in(program, &handed, part, course));
        let (parts, counted) = rayon::join(of_parts, || beside.apart(|program| counted(program, &handed, course)));
        let found = parts.into_iter().chain([counted]);
        let (parts, left_out): (Vec<_>, Vec<_>) = found.map(|looked| (looked.found, looked.left_out)).unzip();
        let resources = in_order(parts.into_iter());
        let left_out: BTreeSet<usize> = left_out.into_iter().flatten().flat_map(Part::indices).collect();
        let entries = census::read(&resources);
        let statistics = census::count(program, &resources);
        Ledger { resources, entries, statistics, left_out: left_out.into_iter().collect() }
    }

    /// That of files that were not looked at.
    pub fn of_nothing(files: usize) -> Ledger {
        Ledger { left_out: (0..files).collect(), ..Ledger::default() }
    }

    /// The files that were not looked at in full, for lack of time.
    pub fn left_out(&self) -> &[usize] {
        &self.left_out
    }

    /// Counts the libraries whose entries a program calls. It asks what every call calls, which the rest need not.
    pub fn count_libraries(&mut self, program: &Program<'_>) {
        self.statistics.libraries = libraries::met(program);
    }

    /// Every resource, in the order of path and place.
    pub fn resources(&self) -> &[Resource] {
        &self.resources
    }

    /// The resources of which what is wrong is told at their own place.
    pub fn told_here(&self) -> impl Iterator<Item = &Resource> {
        self.resources.iter().filter(|resource| resource.told == Told::Here)
    }

    /// One resource.
    pub fn resource(&self, id: ResourceId) -> &Resource {
        &self.resources[id.0 as usize]
    }

    /// The row of every resource, in the same order.
    pub fn census(&self) -> &[Entry] {
        &self.entries
    }

    /// What was looked at and decided.
    pub fn statistics(&self) -> &Statistics {
        &self.statistics
    }
}

/// What was found in a part of the program, and whether there was no time for all of it.
struct Looked {
    found: Vec<Resource>,
    left_out: Option<Part>,
}

/// What is born in a part of the program, other than counts.
fn born_in(program: &Program<'_>, handed: &Arc<Handed>, part: Part, course: &Course<'_>) -> Looked {
    let mut builder = Builder::new(program, handed, part, course);
    tasks::enter(&mut builder);
    queues::enter(&mut builder);
    fanouts::enter(&mut builder);
    supervisors::enter(&mut builder);
    (course.told)(Step::Decided { files: part.indices().count() });
    builder.finish()
}

/// The counts of the whole program: whether something is one is told by all that is done with it.
fn counted(program: &Program<'_>, handed: &Arc<Handed>, course: &Course<'_>) -> Looked {
    let mut builder = Builder::new(program, handed, program.whole(), course);
    counts::enter(&mut builder);
    builder.finish()
}

/// All resources in the order of path and place.
fn in_order(parts: impl Iterator<Item = Vec<Resource>>) -> Vec<Resource> {
    let mut all: Vec<Resource> = Vec::new();
    for mut part in parts {
        let before = all.len() as u32;
        for resource in &mut part {
            resource.made_by = resource.made_by.map(|id| ResourceId(id.0 + before));
        }
        all.append(&mut part);
    }
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by(|a, b| {
        let (a, b) = (&all[*a], &all[*b]);
        (&a.birth, a.kind, &a.maker).cmp(&(&b.birth, b.kind, &b.maker))
    });
    one_a_call(&mut all, &mut order);
    let mut place = vec![0u32; all.len()];
    for (new, old) in order.iter().enumerate() {
        place[*old] = new as u32;
    }
    let mut sorted: Vec<Resource> = order.iter().map(|old| all[*old].clone()).collect();
    for resource in &mut sorted {
        resource.made_by = resource.made_by.map(|id| ResourceId(place[id.0 as usize]));
    }
    sorted
}

/// Of several functions that one call may call, each makes something for the caller: it is one thing all the same.
fn one_a_call(all: &mut [Resource], order: &mut Vec<usize>) {
    let mut differ = BTreeSet::new();
    order.dedup_by(|next, first| {
        let (a, b) = (&all[*first], &all[*next]);
        let same = a.told == Told::ByMaker && b.told == Told::ByMaker && (a.kind, &a.birth) == (b.kind, &b.birth);
        if same && a.leaks != b.leaks {
            differ.insert(*first);
        }
        same
    });
    for at in differ {
        let fact = Fact { label: WHICH.to_owned(), location: all[at].birth.clone() };
        all[at].leaks = Answer::Open;
        all[at].missing.clear();
        all[at].open.insert(0, (WHICH, fact));
    }
}
