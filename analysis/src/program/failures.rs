//! What can go wrong in a body, and whether anything of it gets out.

use unleak_catalogue::model::{Fails, Tells, Waits};

use super::calls::Target;
use super::flow::Slot;
use super::{BodyRef, Def, Program, Site};
use crate::unit::{BodyKind, Catches, Handler, Path, StepId, StepKind, ValueId};

/// How many calls deep it is asked whether what is awaited handles its failures.
const CALLS_DEEP: u32 = 4;

impl Program<'_> {
    /// Whether a handler catches every ordinary failure.
    pub fn catches_all(&self, body: BodyRef, handler: &Handler) -> bool {
        match &handler.catches {
            Catches::Everything => true,
            Catches::Types(types) => types.iter().any(|path| self.told_by(body, path) == Some(Tells::Anything)),
        }
    }

    /// Whether a handler is for a cancellation and nothing else.
    pub fn catches_cancellation_only(&self, body: BodyRef, handler: &Handler) -> bool {
        match &handler.catches {
            Catches::Everything => false,
            Catches::Types(types) => types.iter().all(|path| self.told_by(body, path) == Some(Tells::Cancelled)),
        }
    }

    /// Whether catching this class catches every ordinary failure.
    pub(super) fn tells_of_all(&self, body: BodyRef, class: &str) -> bool {
        self.class_tells(body, class) == Some(Tells::Anything)
    }

    fn told_by(&self, body: BodyRef, path: &Path) -> Option<Tells> {
        let Some(Def::Model(path)) = self.resolve_path(body, path) else { return None };
        self.class_tells(body, &path)
    }

    /// What catching this class tells of.
    pub(super) fn class_tells(&self, body: BodyRef, class: &str) -> Option<Tells> {
        Some(self.catalogue.ty(self.language(body).name(), class)?.tells)
    }

    /// Whether all that a body waits for or raises stands in a `try` that catches what can go wrong, or in a function that
    /// does the same for it.
    pub fn handles_its_failures(&self, body: BodyRef) -> bool {
        self.lets_nothing_out(body, CALLS_DEEP)
    }

    /// Whether a body does nothing but wait by the clock: nothing in it can go wrong, and nobody misses it.
    pub fn is_idle(&self, body: BodyRef) -> bool {
        let mut steps = self.flow(body).nodes().map(|node| (node.step.id, &node.step.kind));
        steps.all(|(step, kind)| match kind {
            StepKind::Call { .. } => {
                let target = self.call(Site { body, step }).map(|call| call.target);
                matches!(target, Some(Target::Model(model)) if model.waits == Waits::Bounded && model.does.is_empty())
            }
            StepKind::Raise { .. } | StepKind::Store { .. } | StepKind::Update { .. } | StepKind::Delete { .. } => {
                false
            }
            _ => true,
        })
    }

    fn lets_nothing_out(&self, body: BodyRef, deep: u32) -> bool {
        if self.body(body).kind == BodyKind::Module {
            return false;
        }
        let mut handled = false;
        for node in self.flow(body).nodes() {
            match node.step.kind {
                StepKind::Try { .. } => handled = true,
                StepKind::Await { value, .. } if !self.is_caught(body, node.step.id) => {
                    match self.fails(body, value, deep) {
                        Awaited::MayFail => return false,
                        Awaited::HandlesFailures => handled = true,
                        Awaited::NeverFails => {}
                    }
                }
                StepKind::Raise { .. } if !self.is_raise_caught(body, node.step.id) => return false,
                _ => {}
            }
        }
        handled
    }

    fn is_caught(&self, body: BodyRef, step: StepId) -> bool {
        self.flow(body).around(step).any(|(outer, slot)| match (&outer.kind, slot) {
            (StepKind::Try { handlers, .. }, Slot::TryBody) => handlers.iter().any(|it| self.catches_all(body, it)),
            (_, slot) => matches!(slot, Slot::Handler(_) | Slot::Finally),
        })
    }

    /// What is raised in a handler leaves its `try`; a cancellation that goes on is no failure.
    fn is_raise_caught(&self, body: BodyRef, step: StepId) -> bool {
        self.flow(body).around(step).any(|(outer, slot)| match (&outer.kind, slot) {
            (StepKind::Try { handlers, .. }, Slot::TryBody) => handlers.iter().any(|it| self.catches_all(body, it)),
            (StepKind::Try { handlers, .. }, Slot::Handler(at)) => {
                handlers.get(at as usize).is_some_and(|it| self.catches_cancellation_only(body, it))
            }
            _ => false,
        })
    }

    fn fails(&self, body: BodyRef, value: ValueId, deep: u32) -> Awaited {
        let call = self.maker(body, value).and_then(|site| self.call(site));
        match (call.map(|call| call.target), deep.checked_sub(1)) {
            (Some(Target::Model(model)), _) if model.fails == Fails::Never => Awaited::NeverFails,
            (Some(Target::Functions(functions)), Some(deep)) if !functions.is_empty() => {
                match functions.iter().all(|function| self.lets_nothing_out(*function, deep)) {
                    true => Awaited::HandlesFailures,
                    false => Awaited::MayFail,
                }
            }
            _ => Awaited::MayFail,
        }
    }
}

/// What an awaited call does with what goes wrong in it.
enum Awaited {
    NeverFails,
    HandlesFailures,
    MayFail,
}
