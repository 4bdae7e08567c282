//! Producers that wait for what becomes of their own item: there are never more items than waiting callers.

use unleak_catalogue::model::{Effect, Kind, TypeModel, Waits};

use super::super::Fact;
use super::super::builder::Builder;
use crate::program::calls::{Depth, Target};
use crate::program::types::{Head, Type};
use crate::program::{BodyRef, Site};
use crate::unit::{BodyId, BodyKind, Item, LocalId, LocalOrigin, Place, StepId, StepKind, ValueId};

/// A variable of some body.
type Variable = (BodyRef, LocalId);

/// The wait of a producer for an answer that is part of what it adds.
pub(super) fn by_item(builder: &Builder<'_, '_>, put: Site) -> Option<Fact> {
    fact!(by_item);
    let call = builder.program.call(put)?;
    let mut parts = Vec::new();
    for arg in call.args {
        parts_of(builder, put.body, arg.value, 5, &mut parts);
    }
    let seen: Vec<LocalId> = parts.into_iter().filter_map(|part| seen_in(builder, part, put.body)).collect();
    let kept = kept_under(builder, put.body, &seen);
    let mut all = seen.into_iter().chain(kept);
    let waited = all.find_map(|local| waits_at(builder, (put.body, local), Some(put.step)))?;
    Some(builder.fact("each producer waits here for what becomes of its own item", waited))
}

/// The variables whose values a body keeps under a part of the item: an answer that is found by its number.
fn kept_under(builder: &Builder<'_, '_>, body: BodyRef, parts: &[LocalId]) -> Vec<LocalId> {
    let flow = builder.program.flow(body);
    let local_of = |value: ValueId| match flow.def(value).map(|step| &step.kind) {
        Some(StepKind::Read { place: Place::Local(local), .. }) => Some(*local),
        _ => None,
    };
    let kept = flow.nodes().filter_map(|node| match &node.step.kind {
        StepKind::Store { place: Place::Index { key: Some(key), .. }, value, .. } => {
            local_of(*key).filter(|key| parts.contains(key)).and_then(|_| local_of(*value))
        }
        _ => None,
    });
    kept.collect()
}

/// Where a body, or an async block made in it, waits for a variable after a step.
fn waits_at(builder: &Builder<'_, '_>, (body, local): Variable, after: Option<StepId>) -> Option<Site> {
    let flow = builder.program.flow(body);
    let here = flow.reads(local).iter().find_map(|read| {
        let Some(StepKind::Read { out, .. }) = flow.step(*read).map(|step| &step.kind) else { return None };
        flow.uses(*out)
            .iter()
            .copied()
            .find(|used| after.is_none_or(|after| *used > after) && waits_for(builder, body, *used, *out))
    });
    here.map(|step| Site { body, step }).or_else(|| {
        let inner = builder.program.captures_of(body, local).iter();
        let blocks = inner.filter(|(inner, _)| builder.program.body(*inner).kind == BodyKind::AsyncBlock);
        blocks.into_iter().find_map(|inner| waits_at(builder, *inner, None))
    })
}

/// The variable that stands for another one in a body: itself, or what captures it.
fn seen_in(builder: &Builder<'_, '_>, (home, local): Variable, body: BodyRef) -> Option<LocalId> {
    if home == body {
        return Some(local);
    }
    builder.program.captures_of(home, local).iter().find_map(|inner| seen_in(builder, *inner, body))
}

/// The variables a value is made of.
fn parts_of(builder: &Builder<'_, '_>, body: BodyRef, value: ValueId, depth: u32, found: &mut Vec<Variable>) {
    let Some(depth) = depth.checked_sub(1) else { return };
    match builder.program.flow(body).def(value).map(|step| &step.kind) {
        Some(StepKind::Read { place: Place::Local(local), .. }) => {
            parts_of_local(builder, (body, *local), depth, found);
        }
        // The two ends of a reply channel: one goes with the item, the other is waited at.
        Some(StepKind::Part { of, .. }) => found.extend(siblings(builder, body, *of)),
        Some(StepKind::Collect { items, .. }) => {
            for item in items {
                if let Item::One(value) | Item::Field(_, value) | Item::Pair(_, value) = item {
                    parts_of(builder, body, *value, depth, found);
                }
            }
        }
        Some(StepKind::Call { args, .. }) => {
            for arg in args {
                parts_of(builder, body, arg.value, depth, found);
            }
        }
        // A closure carries what it captures.
        Some(StepKind::Closure { body: inner, .. }) => {
            let inner = BodyRef { file: body.file, body: *inner };
            for local in &builder.program.body(inner).locals {
                if let LocalOrigin::Captured { outer, .. } = local.origin {
                    parts_of_local(builder, (body, outer), depth, found);
                }
            }
        }
        Some(StepKind::View { value, .. }) => parts_of(builder, body, *value, depth, found),
        _ => {}
    }
}

fn parts_of_local(builder: &Builder<'_, '_>, (body, local): Variable, depth: u32, found: &mut Vec<Variable>) {
    let program = builder.program;
    let (body, local) = program.uncaptured(body, local);
    if found.contains(&(body, local)) {
        return;
    }
    found.push((body, local));
    for id in program.flow(body).stores(local) {
        if let Some(StepKind::Store { value, .. }) = program.flow(body).step(*id).map(|step| &step.kind) {
            parts_of(builder, body, *value, depth, found);
        }
    }
}

/// The variables that the parts of a value are bound to.
fn siblings(builder: &Builder<'_, '_>, body: BodyRef, whole: ValueId) -> Vec<Variable> {
    let flow = builder.program.flow(body);
    let parts = flow.uses(whole).iter().filter_map(|id| match flow.step(*id).map(|step| &step.kind) {
        Some(StepKind::Part { out, .. }) => Some(*out),
        _ => None,
    });
    let stores = parts.flat_map(|part| flow.uses(part)).filter_map(|id| match flow.step(*id).map(|step| &step.kind) {
        Some(StepKind::Store { place: Place::Local(local), .. }) => Some((body, *local)),
        _ => None,
    });
    stores.collect()
}

fn waits_for(builder: &Builder<'_, '_>, body: BodyRef, used: StepId, value: ValueId) -> bool {
    let program = builder.program;
    let flow = program.flow(body);
    match flow.step(used).map(|step| &step.kind) {
        Some(StepKind::Await { .. }) => true,
        Some(StepKind::Return { .. }) => is_awaitable(builder, body, value) || holds_answer(builder, body, value),
        Some(StepKind::Read { out, place: Place::Field { .. }, .. }) => flow.uses(*out).iter().any(|id| {
            let site = Site { body, step: *id };
            match program.call(site).map(|call| call.target) {
                Some(Target::Model(model)) => model.waits != Waits::Not,
                Some(Target::Functions(functions)) => {
                    functions.iter().any(|function| waits_for_argument(builder, site, *function, value))
                }
                _ => false,
            }
        }),
        Some(StepKind::Call { .. }) => {
            let site = Site { body, step: used };
            let Some(call) = program.call(site) else { return false };
            if let Target::Functions(functions) = &call.target {
                return functions.iter().any(|function| waits_for_argument(builder, site, *function, value));
            }
            let Target::Model(model) = call.target else { return false };
            let effects = [Depth::Itself, Depth::Elements].map(|depth| program.effect_on(&call, model, value, depth));
            effects.into_iter().flatten().any(|effect| {
                matches!(effect, Effect::Awaited | Effect::AwaitedInPart | Effect::Joined | Effect::PassedThrough)
            })
        }
        _ => false,
    }
}

/// Whether a function of the program waits for what it is given (a project's own `wait_for`).
fn waits_for_argument(builder: &Builder<'_, '_>, site: Site, function: BodyRef, value: ValueId) -> bool {
    fact!(waits_for_argument);
    let flow = builder.program.flow(function);
    let given = builder.program.bound_args(site, function).into_iter().filter(|(argument, _)| *argument == value);
    given.flat_map(|(_, param)| flow.reads(param)).any(|read| match flow.step(*read).map(|step| &step.kind) {
        Some(StepKind::Read { out, .. }) => {
            flow.uses(*out).iter().any(|used| match flow.step(*used).map(|it| &it.kind) {
                Some(StepKind::Await { .. }) => true,
                // What an answer is wrapped in waits for what it wraps.
                Some(StepKind::Read { out, place: Place::Field { .. }, .. }) => {
                    let mut uses = flow.uses(*out).iter().filter_map(|id| flow.step(*id));
                    uses.any(|step| matches!(step.kind, StepKind::Await { .. }))
                }
                Some(StepKind::Call { .. }) => {
                    let call = builder.program.call(Site { body: function, step: *used });
                    matches!(call.map(|call| call.target), Some(Target::Model(model)) if model.waits != Waits::Not)
                }
                _ => false,
            })
        }
        _ => false,
    })
}

/// Whether a value is an object of the program that holds the answer: whoever gets it back waits by it.
fn holds_answer(builder: &Builder<'_, '_>, body: BodyRef, value: ValueId) -> bool {
    fact!(holds_answer);
    let program = builder.program;
    let Type::Named(Head::Project(ty), _) = program.type_of(body, value) else { return false };
    let language = program.language(body).name();
    let module = BodyRef { file: ty.file, body: BodyId::MODULE };
    program.ancestors(ty).into_iter().flat_map(|key| &program.header(key).fields).any(|field| {
        let ty = field.ty.as_ref().map(|tree| program.type_from_tree(module, tree)).unwrap_or_default();
        let known = match &ty {
            Type::Named(Head::Project(own), _) => program.outside_bases(*own),
            other => other.model_path().cloned().into_iter().collect(),
        };
        known.iter().filter_map(|path| program.catalogue.ty(language, path)).any(is_handle)
    })
}

/// Whether a value is a handle to work or an answer: whoever gets it back has one item under way.
fn is_awaitable(builder: &Builder<'_, '_>, body: BodyRef, value: ValueId) -> bool {
    fact!(is_awaitable);
    let ty = builder.program.type_of(body, value);
    let language = builder.program.language(body).name();
    matches!(ty, Type::Future(..))
        || ty.model_path().and_then(|path| builder.program.catalogue.ty(language, path)).is_some_and(is_handle)
}

/// Whether a type stands for work or an answer that is under way.
fn is_handle(ty: &TypeModel) -> bool {
    fact!(is_handle);
    ty.awaited.is_some() || ty.kind == Some(Kind::Task)
}
