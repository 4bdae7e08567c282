//! The ledger: an entry for each thing the code brings into being, with its owner, its bound and its ends.

mod builder;
mod census;
mod counts;
mod entry;
mod fanouts;
mod queues;
mod resource;
mod supervisors;
mod tasks;

pub use entry::*;
pub use resource::*;

use crate::program::Program;

/// The ledger of a program.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    resources: Vec<Resource>,
    entries: Vec<Entry>,
    statistics: Statistics,
}

impl Ledger {
    /// Reads a program and enters everything that it brings into being.
    pub fn of(program: &Program<'_>) -> Ledger {
        let mut builder = builder::Builder::new(program);
        tasks::enter(&mut builder);
        queues::enter(&mut builder);
        counts::enter(&mut builder);
        fanouts::enter(&mut builder);
        supervisors::enter(&mut builder);
        let resources = builder.finish();
        let entries = census::read(&resources);
        let statistics = census::count(program, &resources);
        Ledger { resources, entries, statistics }
    }

    /// Every resource, in the order of path and place.
    pub fn resources(&self) -> &[Resource] {
        &self.resources
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
