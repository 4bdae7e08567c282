//! Queues that a function makes with a bound it is given, and hands out: each of its callers has one of its own.

use unleak_catalogue::model::Birth;

use super::super::builder::Builder;
use super::super::tasks::named;
use super::super::{Answer, Bound, Hold, Holder, Holding, Resource};
use super::Born;
use crate::program::calls::{Call, Target};
use crate::program::trace::{Returns, Spot, Trail};
use crate::program::types::{Head, Type};
use crate::program::{BodyRef, Site, TypeKey};
use crate::unit::{BodyKind, LocalId, StepKind, ValueId};

/// Through how many functions a bound is passed on.
const HOPS: u32 = 4;

/// The queues of those that call the function in which a bounded queue is born.
pub(super) fn to_callers(builder: &Builder<'_, '_>, born: &Born, made: &Resource) -> Vec<Resource> {
    let function = born.site.body;
    if made.leaks != Answer::No || !hands_out(builder, function) {
        return Vec::new();
    }
    let Some(param) = given_bound(builder, born) else { return Vec::new() };
    let mut all = Vec::new();
    through(builder, born, function, param, HOPS, &mut all);
    all
}

/// Whoever is given the bound in turn, and hands out in turn, is passed through.
fn through(
    builder: &Builder<'_, '_>,
    born: &Born,
    function: BodyRef,
    param: LocalId,
    hops: u32,
    all: &mut Vec<Resource>,
) {
    let Some(hops) = hops.checked_sub(1) else { return };
    let program = builder.program;
    for site in program.calls().callers(function) {
        let bound = program.bound_args(*site, function).into_iter().find(|(_, to)| *to == param);
        let Some((value, _)) = bound else { continue };
        match param_of(builder, site.body, value).filter(|_| hands_out(builder, site.body)) {
            Some(outer) => through(builder, born, site.body, outer, hops, all),
            None => all.extend(of_caller(builder, born, *site, function, value)),
        }
    }
}

fn hands_out(builder: &Builder<'_, '_>, function: BodyRef) -> bool {
    fact!(hands_out);
    let owned = builder.program.body(function);
    let returns = |kind: &StepKind| matches!(kind, StepKind::Return { value: Some(_) });
    owned.kind == BodyKind::Function
        && (owned.root.value.is_some() || builder.program.flow(function).nodes().any(|node| returns(&node.step.kind)))
}

/// The parameter that is the bound, itself or what it is taken out of.
fn given_bound(builder: &Builder<'_, '_>, born: &Born) -> Option<LocalId> {
    let program = builder.program;
    let call = program.call(born.site)?;
    let Target::Model(model) = &call.target else { return None };
    let Birth { bound: Some(subject), .. } = model.birth.as_ref()? else { return None };
    let (value, _) = program.subjects(&call, subject).into_iter().next()?;
    let param = |value| param_of(builder, born.site.body, value);
    param(value).or_else(|| {
        let step = program.flow(born.site.body).def(value)?;
        let Call { receiver: Some(receiver), .. } = program.call(Site { body: born.site.body, step: step.id })? else {
            return None;
        };
        param(receiver)
    })
}

fn param_of(builder: &Builder<'_, '_>, body: BodyRef, value: ValueId) -> Option<LocalId> {
    match builder.program.origin(body, value).0 {
        Spot::Local(owner, local) if owner == body => {
            builder.program.body(body).params.iter().any(|param| param.local == local).then_some(local)
        }
        _ => None,
    }
}

/// Whether what a function gives is an end of the queue, or keeps one.
fn holds(given: &Type, born: &Born, trail: &Trail<'_>) -> bool {
    let keeps = |key: &TypeKey| trail.spots.iter().any(|spot| matches!(spot, Spot::Field(of, _) if of == key));
    let itself = match given {
        Type::Named(Head::Project(key), _) => keeps(key),
        other => other.model_path().is_some_and(|path| born.made.contains(path)),
    };
    itself
        || match given {
            Type::Named(_, inside) | Type::Tuple(inside) => inside.iter().any(|inside| holds(inside, born, trail)),
            _ => false,
        }
}

fn of_caller(
    builder: &Builder<'_, '_>,
    born: &Born,
    site: Site,
    function: BodyRef,
    bound: ValueId,
) -> Option<Resource> {
    let program = builder.program;
    let call = program.call(site)?;
    if !holds(&program.type_of(site.body, call.out), born, &super::follow(builder, born)) {
        return None;
    }
    let mut resource = builder.born(born.kind, site, call.known);
    resource.maker = program.body(function).name.to_string();
    resource.bound = match super::bound::number(program, site.body, bound) {
        Some(number) => Bound::Const(number),
        None => Bound::Setting(builder.written_value(site.body, bound, 4)),
    };
    resource.leaks = Answer::No;
    let trail = program.follow(Spot::Value(site.body, call.out), 0, Returns::Stop);
    let lasting = trail.spots.iter().find(|spot| matches!(spot, Spot::Field(..) | Spot::Global(..)));
    let variable = || trail.spots.iter().find(|spot| matches!(spot, Spot::Local(..)));
    resource.name = named::by_text(program, site, function)
        .or_else(|| lasting.or_else(variable).map(|spot| builder.spot_name(spot)));
    let by = lasting.map_or(Holder::Frame, |spot| builder.holder(spot));
    resource.holds.push(Hold { by, how: Holding::Strong, from: builder.at(site) });
    resource.notes.push(builder.fact("the queue itself is made here", born.site));
    Some(resource)
}
