//! What sorts of steps there are, so that a search touches no others.

use crate::unit::{Part, Place, Shape, StepKind};

/// Sorts of steps that are searched for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sorts(u8);

impl Sorts {
    /// Calls.
    pub const CALLS: Sorts = Sorts(1);
    /// What binds or assigns.
    pub const STORES: Sorts = Sorts(1 << 1);
    /// What adds to a place or deletes it.
    pub const CHANGES: Sorts = Sorts(1 << 2);
    /// What speaks of a field: reads, changes, patterns, struct literals.
    pub const FIELDS: Sorts = Sorts(1 << 3);
    /// What speaks of a name from outside all functions.
    pub const GLOBALS: Sorts = Sorts(1 << 4);
    /// Collection literals.
    pub const COLLECTIONS: Sorts = Sorts(1 << 5);
    /// Functions, closures and async blocks as values.
    pub const CLOSURES: Sorts = Sorts(1 << 6);
    /// What hands a value to the caller.
    pub const RESULTS: Sorts = Sorts(1 << 7);

    /// Either.
    pub const fn or(self, other: Sorts) -> Sorts {
        Sorts(self.0 | other.0)
    }

    /// Whether one of these is wanted.
    pub(super) fn meets(self, wanted: Sorts) -> bool {
        self.0 & wanted.0 != 0
    }

    /// Those that a step is of.
    pub(super) fn of(kind: &StepKind) -> Sorts {
        let at = |place: &Place| match place {
            Place::Field { .. } => Sorts::FIELDS,
            Place::Global { .. } => Sorts::GLOBALS,
            Place::Local(_) | Place::Index { .. } | Place::Deref { .. } => Sorts::default(),
        };
        match kind {
            StepKind::Call { .. } => Sorts::CALLS,
            StepKind::Store { place, .. } => Sorts::STORES.or(at(place)),
            StepKind::Update { place, .. } | StepKind::Delete { place } => Sorts::CHANGES.or(at(place)),
            StepKind::Read { place, .. } => at(place),
            StepKind::Part { part: Part::Field(_), .. } => Sorts::FIELDS,
            StepKind::Collect { shape: Shape::Struct(_), .. } => Sorts::COLLECTIONS.or(Sorts::FIELDS),
            StepKind::Collect { .. } => Sorts::COLLECTIONS,
            StepKind::Closure { .. } => Sorts::CLOSURES,
            StepKind::Import { .. } => Sorts::GLOBALS,
            StepKind::Return { .. } | StepKind::Yield { .. } => Sorts::RESULTS,
            _ => Sorts::default(),
        }
    }
}
