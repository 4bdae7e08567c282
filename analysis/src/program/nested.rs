//! Bodies within bodies of one file: where they are made, and which variables they share with what is around them.

use std::sync::OnceLock;

use rustc_hash::FxHashMap;

use super::flow::{Flow, Sorts};
use super::spoken::Spoken;
use super::{BodyRef, File, names};
use crate::source::Source;
use crate::unit::{BodyId, LocalId, LocalOrigin, Lowered, StepKind, ValueId};

/// What one file's nested bodies have to do with each other.
#[derive(Debug, Default)]
pub(super) struct Nested {
    made: FxHashMap<BodyId, (BodyRef, ValueId)>,
    captures: FxHashMap<(BodyId, LocalId), Vec<(BodyRef, LocalId)>>,
}

impl Nested {
    fn of(file: u32, flows: &[Flow<'_>]) -> Nested {
        let mut nested = Nested::default();
        for (flow, id) in flows.iter().zip(0u32..) {
            let body = BodyRef { file, body: BodyId(id) };
            for node in flow.nodes_of(Sorts::CLOSURES) {
                if let StepKind::Closure { out, body: inner } = &node.step.kind {
                    nested.made.insert(*inner, (body, *out));
                }
            }
            let Some(parent) = flow.body.parent else { continue };
            for (local, at) in flow.body.locals.iter().zip(0u32..) {
                if let LocalOrigin::Captured { outer, .. } = local.origin {
                    nested.captures.entry((parent, outer)).or_default().push((body, LocalId(at)));
                }
            }
        }
        nested
    }

    /// Where a nested body is made, and as which value.
    pub(super) fn made(&self, body: BodyId) -> Option<(BodyRef, ValueId)> {
        self.made.get(&body).copied()
    }

    /// The variables of nested bodies that are this variable.
    pub(super) fn captures(&self, body: BodyId, local: LocalId) -> &[(BodyRef, LocalId)] {
        self.captures.get(&(body, local)).map_or(&[], Vec::as_slice)
    }
}

impl<'a> File<'a> {
    /// A file of the program, its bodies laid flat.
    pub(super) fn new((index, (source, lowered)): (usize, (&Source, &'a Lowered))) -> File<'a> {
        let flows: Vec<Flow<'a>> = lowered.unit.bodies.iter().map(Flow::new).collect();
        let nested = Nested::of(index as u32, &flows);
        let spoken = Spoken::of(lowered, &flows);
        let parts = names::parts_of(&source.path);
        let (path, language, budgets) = (source.path.clone(), source.language, source.budgets);
        let library = source.library.clone();
        let (declared_in, crate_root, is_test) = (OnceLock::new(), OnceLock::new(), OnceLock::new());
        File {
            path,
            language,
            budgets,
            library,
            lowered,
            flows,
            parts,
            nested,
            spoken,
            declared_in,
            crate_root,
            is_test,
        }
    }
}
