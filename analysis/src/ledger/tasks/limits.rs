//! How many tasks there can be at once: as many as there are permits that each of them holds, or as there are of the task
//! that starts it.

use rustc_hash::FxHashSet;
use unleak_catalogue::model::{Effect, Kind};

use super::super::builder::Builder;
use super::super::owners::Way;
use super::super::{Bound, Fact};
use super::births::Work;
use super::named;
use crate::program::calls::{Call, Depth, Target};
use crate::program::flow::Slot;
use crate::program::trace::{Returns, Spot};
use crate::program::types::{Head, Type};
use crate::program::{BodyRef, Site};
use crate::unit::{BodyKind, Item, StepKind, ValueId};

/// Through how many functions, and structs around a permit, it is looked for.
const HOPS: u32 = 5;

/// What limits the tasks that a step starts with some work, through functions that do nothing but start what they are given.
pub(super) fn of(builder: &Builder<'_, '_>, site: Site, work: &Work<'_>, wrappers: &FxHashSet<BodyRef>) -> Bound {
    let goes_in = |spot: &Spot| matches!(spot, Spot::Local(body, _) if Some(*body) == work.body);
    match held(builder, site, goes_in).or_else(|| one_each(builder, site, wrappers, HOPS)) {
        Some(fact) => Bound::Gate(fact),
        None => Bound::NotAsked,
    }
}

/// A permit, taken before a step in its body, that comes to such a place.
pub(in super::super) fn held(builder: &Builder<'_, '_>, site: Site, there: impl Fn(&Spot) -> bool) -> Option<Fact> {
    fact!(held);
    let nodes = builder.program.flow(site.body).nodes().filter(|node| node.step.id < site.step);
    let mut calls = nodes.filter(|node| matches!(node.step.kind, StepKind::Call { .. }));
    calls.find_map(|node| {
        let taken = Site { body: site.body, step: node.step.id };
        let call = builder.program.call(taken)?;
        let gate = permit_of(builder, &call)?;
        let name = Way::to(builder.program, site.body, gate).owner(builder).name;
        comes_to(builder, site.body, call.out, &there, HOPS)
            .then(|| builder.fact(format!("each holds a permit of `{name}`"), taken))
    })
}

/// What a call takes a permit of that lasts as long as its guard.
fn permit_of(builder: &Builder<'_, '_>, call: &Call<'_>) -> Option<ValueId> {
    fact!(permit_of);
    let (Target::Model(model), Some(receiver)) = (&call.target, call.receiver) else { return None };
    let effect = builder.program.effect_on(call, model, receiver, Depth::Itself)?;
    (effect == Effect::AcquireWhileHeld && is_gate(builder, &builder.program.type_of(call.body, receiver), call.body))
        .then_some(receiver)
}

fn is_gate(builder: &Builder<'_, '_>, ty: &Type, body: BodyRef) -> bool {
    fact!(is_gate);
    let language = builder.program.language(body).name();
    match ty {
        Type::Named(Head::Model(path) | Head::Hinted(path), inside) => {
            builder.program.catalogue.ty(language, path).is_some_and(|model| model.kind == Some(Kind::Gate))
                || inside.iter().any(|inside| is_gate(builder, inside, body))
        }
        _ => false,
    }
}

/// Whether a value comes to such a place, itself or in a struct that is made around it.
fn comes_to(
    builder: &Builder<'_, '_>,
    body: BodyRef,
    value: ValueId,
    there: &impl Fn(&Spot) -> bool,
    hops: u32,
) -> bool {
    let Some(hops) = hops.checked_sub(1) else { return false };
    let trail = builder.program.follow(Spot::Value(body, value), 0, Returns::Stop);
    if trail.spots.iter().any(there) {
        return true;
    }
    let is_it = |value: &ValueId| trail.spots.contains(&Spot::Value(body, *value));
    builder.program.flow(body).nodes().any(|node| match &node.step.kind {
        StepKind::Collect { out, items, .. } => {
            let inside =
                items.iter().any(|item| matches!(item, Item::Field(_, value) | Item::One(value) if is_it(value)));
            inside && comes_to(builder, body, *out, there, hops)
        }
        _ => false,
    })
}

/// The task that starts it, once in its life.
fn one_each(builder: &Builder<'_, '_>, site: Site, wrappers: &FxHashSet<BodyRef>, hops: u32) -> Option<Fact> {
    fact!(one_each);
    let hops = hops.checked_sub(1)?;
    let program = builder.program;
    let again = |(outer, slot): (&crate::unit::Step, Slot)| {
        matches!(outer.kind, StepKind::Loop { .. }) && slot == Slot::LoopBody
    };
    if program.flow(site.body).around(site.step).any(again) {
        return None;
    }
    let (outer, value) = match program.body(site.body).kind {
        BodyKind::AsyncBlock => program.closure_site(site.body)?,
        BodyKind::Function => {
            let setting = builder.setting(site.body);
            let callers = program.calls().callers(site.body).iter();
            let mut callers = callers.filter(|caller| builder.setting(caller.body) == setting);
            let only = callers.next().filter(|_| callers.next().is_none())?;
            (only.body, program.call(*only)?.out)
        }
        _ => return None,
    };
    let started = program.follow(Spot::Value(outer, value), 0, Returns::Stop);
    let starts = started.spots.iter().find_map(|spot| match spot {
        Spot::Local(function, _) if wrappers.contains(function) => Some(*function),
        _ => None,
    });
    match starts {
        Some(function) => {
            let mut calls = program.calls().callers(function).iter().filter(|call| call.body == outer);
            let call = calls.find(|call| {
                program
                    .bound_args(**call, function)
                    .iter()
                    .any(|(given, _)| started.spots.contains(&Spot::Value(outer, *given)))
            })?;
            let name = named::by_text(program, *call, function).unwrap_or_else(|| builder.function_name(site.body));
            Some(builder.fact(format!("one for each `{name}`"), *call))
        }
        None => {
            let step = program.flow(outer).def(value)?.id;
            one_each(builder, Site { body: outer, step }, wrappers, hops)
        }
    }
}
