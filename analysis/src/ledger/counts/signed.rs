//! Amounts with a sign: `add(-1)` lowers what `add(1)` raises, in a library's object and in a class of the program.

use unleak_catalogue::model::Effect;

use super::act::Way;
use super::route;
use crate::program::calls::{Call, Target};
use crate::program::trace::Spot;
use crate::program::{BodyRef, Program, Site};
use crate::unit::{Const, LocalId, LocalOrigin, Op, Place, StepKind, ValueId};

/// How many calls deep a number that is handed on is followed.
const DEPTH: u32 = 3;

/// A way and an amount in which the amount is positive.
pub(super) fn without_sign(way: Way, amount: Option<String>) -> (Way, Option<String>) {
    let Some(positive) = amount.as_deref().and_then(|amount| amount.strip_prefix('-')).map(str::to_owned) else {
        return (way, amount);
    };
    let way = match way {
        Way::Up => Way::Down,
        Way::Down => Way::Up,
        other => other,
    };
    (way, Some(positive))
}

/// The difference of which a library gives the larger of it and a constant: a count that is kept from going below nought.
pub(super) fn kept_up(program: &Program<'_>, body: BodyRef, value: ValueId) -> ValueId {
    fact!(kept_up => value);
    // How much a variable takes away is for others to say: a reference is given up by whoever has one.
    let is_less = |value: ValueId| match program.flow(body).def(value).map(|step| &step.kind) {
        Some(StepKind::Operate { op: Op::Subtract, operands, .. }) => {
            operands.last().is_some_and(|amount| program.constant_of(body, *amount).is_some())
        }
        _ => false,
    };
    let larger = || {
        let step = program.flow(body).def(value)?;
        // Most calls plainly are given no difference; what was given before the call is not written in it.
        match &step.kind {
            StepKind::Call { args, .. } if args.is_empty() || args.iter().any(|arg| is_less(arg.value)) => {}
            _ => return None,
        }
        let call = program.call(Site { body, step: step.id })?;
        let Target::Model(model) = call.target else { return None };
        let gives_one = model.does.values().any(|effect| *effect == Effect::PassedThrough);
        let [one, other] = call.args else { return None };
        let is_given = |constant: ValueId| program.constant_of(body, constant).is_some() && gives_one;
        match (one.value, other.value) {
            (floor, less) if is_given(floor) && is_less(less) => Some(less),
            (less, floor) if is_given(floor) && is_less(less) => Some(less),
            _ => None,
        }
    };
    larger().unwrap_or(value)
}

/// A call of a function of the program that adds the constant it is given to a number it keeps: the function, the
/// constant as it is written, and where the number is kept.
pub(super) fn addition(program: &Program<'_>, site: Site, call: &Call<'_>) -> Option<(BodyRef, String, Spot)> {
    fact!(addition);
    let Target::Functions(functions) = &call.target else { return None };
    let [function] = functions.as_slice() else { return None };
    let is_number = |value: ValueId| match program.constant_of(site.body, value) {
        Some(Const::Int(number)) => *number != 0,
        Some(Const::Float(bits)) => f64::from_bits(*bits) != 0.0,
        _ => false,
    };
    if !call.args.iter().any(|arg| is_number(arg.value)) {
        return None;
    }
    program.bound_args(site, *function).into_iter().filter(|(value, _)| is_number(*value)).find_map(|(value, param)| {
        let kept = adds_to(program, *function, param)?;
        Some((*function, route::word(program, site.body, value), kept))
    })
}

/// Where a function adds one of its parameters to a number that outlives it.
fn adds_to(program: &Program<'_>, function: BodyRef, param: LocalId) -> Option<Spot> {
    let flow = program.flow(function);
    flow.nodes().find_map(|node| match &node.step.kind {
        StepKind::Update { place, op: Op::Add, value } if is_made_of(program, function, *value, param) => {
            home(program, function, place)
        }
        StepKind::Store { place, value, .. } if is_sum_with(program, function, *value, param) => {
            home(program, function, place)
        }
        StepKind::Call { .. } => {
            let site = Site { body: function, step: node.step.id };
            let call = program.call(site)?;
            let Target::Functions(inner) = &call.target else { return None };
            let sum = call.args.iter().find(|arg| is_sum_with(program, function, arg.value, param))?;
            let own = call.receiver.is_some_and(|receiver| is_own_receiver(program, function, receiver));
            let inner = inner.first().filter(|_| own)?;
            let (_, kept) = program.bound_args(site, *inner).into_iter().find(|(value, _)| *value == sum.value)?;
            keeps(program, *inner, kept, DEPTH)
        }
        _ => None,
    })
}

/// Where a function stores one of its parameters for good.
fn keeps(program: &Program<'_>, function: BodyRef, param: LocalId, depth: u32) -> Option<Spot> {
    let depth = depth.checked_sub(1)?;
    program.flow(function).nodes().find_map(|node| match &node.step.kind {
        StepKind::Store { place, value, .. } if is_made_of(program, function, *value, param) => {
            home(program, function, place)
        }
        StepKind::Call { .. } => {
            let site = Site { body: function, step: node.step.id };
            let call = program.call(site)?;
            let Target::Functions(inner) = &call.target else { return None };
            let inner = inner.first()?;
            let bound = program.bound_args(site, *inner);
            let (_, kept) = bound.into_iter().find(|(value, _)| is_made_of(program, function, *value, param))?;
            keeps(program, *inner, kept, depth)
        }
        _ => None,
    })
}

/// The field or module variable a place is, or is an element of.
fn home(program: &Program<'_>, body: BodyRef, place: &Place) -> Option<Spot> {
    let spot = match place {
        Place::Field { base, name } => program.field_spot(body, *base, name),
        Place::Index { base, .. } | Place::Deref { base } => program.origin(body, *base).0,
        Place::Global { path, .. } => Spot::Global(body.file, path.last()?.clone()),
        Place::Local(_) => return None,
    };
    matches!(spot, Spot::Field(..) | Spot::Global(..)).then_some(spot)
}

fn is_own_receiver(program: &Program<'_>, body: BodyRef, value: ValueId) -> bool {
    let (Spot::Local(of, local), 0) = program.origin(body, value) else { return false };
    of == body && super::aim::receiver_param(program, body) == Some(local)
}

fn is_sum_with(program: &Program<'_>, body: BodyRef, value: ValueId, param: LocalId) -> bool {
    match program.flow(body).def(value).map(|step| &step.kind) {
        Some(StepKind::Operate { op: Op::Add, operands, .. }) => {
            operands.iter().any(|operand| is_made_of(program, body, *operand, param))
        }
        _ => false,
    }
}

/// Whether a value is a parameter, itself or passed through.
fn is_made_of(program: &Program<'_>, body: BodyRef, value: ValueId, param: LocalId) -> bool {
    let (Spot::Local(of, local), 0) = program.origin(body, value) else { return false };
    let is_param = program.body(body).locals.get(local.0 as usize).map(|local| local.origin);
    of == body && local == param && is_param == Some(LocalOrigin::Param)
}
