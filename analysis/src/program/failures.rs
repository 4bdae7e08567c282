//! What can go wrong in a body, and whether anything of it gets out.

use unleak_catalogue::model::{Fails, Tells, Waits};

use super::calls::Target;
use super::flow::Slot;
use super::{BodyRef, Def, Program, Site};
use crate::unit::{BodyKind, Catches, Handler, Path, StepId, StepKind, TypeTree, ValueId};

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

    /// In Rust, where a body fails with what it gives back: by a `?` of its own, or by ending with a call that does.
    pub fn gives_failure_back(&self, body: BodyRef) -> Option<Site> {
        let owned = self.body(body);
        let nameless = matches!(owned.kind, BodyKind::AsyncBlock | BodyKind::Closure);
        if !nameless && !self.is_said_to_fail(body) {
            return None;
        }
        let mut steps = self.flow(body).nodes().map(|node| (node.step.id, &node.step.kind));
        steps.find_map(|(step, kind)| match kind {
            StepKind::Propagate { value, .. } if !self.is_option(body, *value) => Some(Site { body, step }),
            StepKind::Return { value: Some(value) } if nameless => {
                let called = self.ended_with(body, *value)?;
                self.is_said_to_fail(called).then_some(Site { body, step })
            }
            _ => None,
        })
    }

    fn is_said_to_fail(&self, body: BodyRef) -> bool {
        matches!(&self.body(body).returns, Some(TypeTree::Path { path, .. })
            if path.last().is_some_and(|last| last.ends_with("Result")))
    }

    fn is_option(&self, body: BodyRef, value: ValueId) -> bool {
        self.type_of(body, value).model_path().is_some_and(|path| path.ends_with("::Option"))
    }

    /// The function whose result a value is, awaited or not.
    fn ended_with(&self, body: BodyRef, value: ValueId) -> Option<BodyRef> {
        let site = self.maker(body, value)?;
        match self.call(site)?.target {
            Target::Functions(functions) => match functions.as_slice() {
                [one] => Some(*one),
                _ => None,
            },
            _ => None,
        }
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
