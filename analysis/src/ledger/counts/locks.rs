//! Locks that nobody waits for: nothing waits while it holds them, so that whoever comes finds them free. And waits for
//! nothing but a lock.

use unleak_catalogue::model::{Effect, ScopeMeans, TypeModel};

use crate::program::calls::Target;
use crate::program::trace::{Looseness, Returns, What};
use crate::program::types::{Head, Type};
use crate::program::{BodyRef, Program, Site};
use crate::unit::{Colour, ScopeItem, StepKind, ValueId};

/// How many calls deep it is looked for what a coroutine waits for.
const DEEP: u32 = 3;

/// Whether all that is done with the lock of a scope is to enter it, and no code within waits.
pub(super) fn is_always_free(program: &Program<'_>, body: BodyRef, item: &ScopeItem) -> bool {
    fact!(is_always_free);
    let (lock, depth) = program.origin(body, item.context);
    let trail = program.follow(lock, depth, Returns::Follow);
    let mut entered = false;
    // What only has a field of the same name is mostly another lock.
    let calm = trail.uses.iter().filter(|used| used.loose == Looseness::Exact).all(|used| match used.what {
        What::Entered => {
            entered = true;
            !waits_within(program, used.site)
        }
        What::Local(..) | What::Field(..) | What::Global(..) | What::Element(_) | What::Returned(_) => true,
        What::Tested | What::Effect(Effect::Measured, _) => true,
        _ => false,
    });
    calm && entered
}

/// Whether the code of a scope may wait, or is left to whoever goes over what it yields.
fn waits_within(program: &Program<'_>, scope: Site) -> bool {
    fact!(waits_within);
    let flow = program.flow(scope.body);
    let mut inside = flow.nodes().filter(|node| flow.within(node.step.id, scope.step)).map(|node| &node.step.kind);
    inside.any(|step| step.waits() || matches!(step, StepKind::Yield { .. }))
}

/// Whether a step waits for nothing but that a lock becomes free.
pub(super) fn waits_its_turn(program: &Program<'_>, site: Site) -> bool {
    fact!(waits_its_turn);
    waits_for_locks(program, site, DEEP)
}

fn waits_for_locks(program: &Program<'_>, site: Site, depth: u32) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return false };
    match program.flow(site.body).step(site.step).map(|step| &step.kind) {
        Some(StepKind::Scope { items, .. }) => {
            let mut waiting = items.iter().filter(|item| item.colour == Colour::Async);
            waiting.all(|item| is_lock(program, site.body, item.context))
        }
        Some(StepKind::Await { value, .. }) => {
            let made = program.maker(site.body, *value);
            made.is_some_and(|made| waits_for_locks(program, made, depth + 1))
        }
        Some(StepKind::Call { .. }) => match program.call(site) {
            Some(call) => match &call.target {
                Target::Functions(functions) => functions.iter().all(|it| body_waits_for_locks(program, *it, depth)),
                Target::Model(model) => {
                    let takes = model.does.values().any(|effect| *effect == Effect::Acquire);
                    takes && call.receiver.is_some_and(|receiver| is_lock(program, site.body, receiver))
                }
                _ => false,
            },
            None => false,
        },
        _ => false,
    }
}

fn body_waits_for_locks(program: &Program<'_>, body: BodyRef, depth: u32) -> bool {
    let flow = program.flow(body);
    let mut nodes = flow.nodes().filter(|node| node.step.kind.waits());
    nodes.all(|node| waits_for_locks(program, Site { body, step: node.step.id }, depth))
}

/// Whether a value is a lock that one holds alone.
fn is_lock(program: &Program<'_>, body: BodyRef, value: ValueId) -> bool {
    fact!(is_lock);
    model_of(program, body, value).is_some_and(|model| model.scope == ScopeMeans::Alone)
}

/// What the catalogue says of the type of a value.
pub(super) fn model_of<'a>(program: &Program<'a>, body: BodyRef, value: ValueId) -> Option<&'a TypeModel> {
    match program.type_of(body, value) {
        Type::Named(Head::Model(path) | Head::Hinted(path), _) => {
            program.catalogue.ty(program.language(body).name(), &path)
        }
        _ => None,
    }
}
