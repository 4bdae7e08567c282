//! Which libraries the code calls, as far as the catalogue knows them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::program::calls::{Known, Target};
use crate::program::{Program, Site};
use crate::unit::{Name, StepKind};

/// A library that the code calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Met {
    /// The language.
    pub language: &'static str,
    /// The name people install it by.
    pub library: Name,
    /// Entries of the catalogue that are called, each counted once.
    pub entries: usize,
    /// Calls of them.
    pub calls: usize,
}

/// The libraries whose entries the code calls, by language and name. A call that only a variable's name speaks for
/// is not counted.
pub(super) fn met(program: &Program<'_>) -> Vec<Met> {
    let mut found: BTreeMap<(&'static str, Name), (BTreeSet<Name>, usize)> = BTreeMap::new();
    for body in program.bodies() {
        let language = program.language(body).name();
        for node in program.flow(body).nodes() {
            if !matches!(node.step.kind, StepKind::Call { .. }) {
                continue;
            }
            let Some(call) = program.call(Site { body, step: node.step.id }) else { continue };
            let (Target::Model(model), Known::Shown) = (&call.target, call.known) else { continue };
            let Some(library) = program.catalogue.library_of(language, &model.path) else { continue };
            let (entries, calls) = found.entry((language, library.library.clone())).or_default();
            entries.insert(model.path.clone());
            *calls += 1;
        }
    }
    let met = found.into_iter().map(|((language, library), (entries, calls))| Met {
        language,
        library,
        entries: entries.len(),
        calls,
    });
    met.collect()
}
