//! Conditions on how long a queue is.

use super::super::builder::Builder;
use super::traffic::Traffic;
use crate::program::calls::Target;
use crate::program::trace::Spot;
use crate::program::types::{Head, Type};
use crate::program::{BodyRef, Site};
use crate::unit::{Cond, Op, Place, StepKind, ValueId};

/// How a condition speaks of the length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    /// Whenever the queue is too long, the condition says so.
    Always,
    /// Only when something else holds as well.
    Sometimes,
}

/// Whether a condition compares how long the queue is with something.
pub(super) fn limit_of(builder: &Builder<'_, '_>, body: BodyRef, cond: &Cond, traffic: &Traffic) -> Option<Limit> {
    match cond {
        Cond::Not(inner) => limit_of(builder, body, inner, traffic),
        Cond::Any(parts) => parts.iter().filter_map(|part| limit_of(builder, body, part, traffic)).next(),
        Cond::All(parts) => {
            let (place, limit) = parts
                .iter()
                .enumerate()
                .find_map(|(place, part)| Some((place, limit_of(builder, body, part, traffic)?)))?;
            let bounds = spots_in(builder, body, &parts[place]);
            // `limit and len(q) >= limit`: the other part asks whether there is a limit at all.
            let others = parts.iter().enumerate().filter(|(other, _)| *other != place);
            let same = others.map(|(_, part)| part).all(|part| {
                let own = spots_in(builder, body, part);
                !own.is_empty() && own.iter().all(|spot| bounds.contains(spot))
            });
            Some(if same { limit } else { Limit::Sometimes })
        }
        Cond::Compare { left, right, .. } => {
            let measured = [left, right].into_iter().any(|value| is_measure(builder, body, *value, traffic, 8));
            measured.then_some(Limit::Always)
        }
        Cond::Truthy(value) => tells(builder, body, *value, traffic).then_some(Limit::Always),
        _ => None,
    }
}

/// Whether a condition asks if there is anything in it: `Some(true)` when it holds while the queue is empty.
pub(super) fn says_empty(builder: &Builder<'_, '_>, body: BodyRef, cond: &Cond, traffic: &Traffic) -> Option<bool> {
    fact!(says_empty);
    match cond {
        Cond::Not(inner) => says_empty(builder, body, inner, traffic).map(|empty| !empty),
        Cond::All(parts) => {
            parts.iter().find_map(|part| says_empty(builder, body, part, traffic).filter(|empty| *empty))
        }
        Cond::Any(parts) => {
            parts.iter().find_map(|part| says_empty(builder, body, part, traffic).filter(|empty| !*empty))
        }
        Cond::Truthy(value) => {
            let (spot, depth) = builder.program.origin(body, *value);
            (depth == 0 && traffic.homes.contains(&spot)).then_some(false)
        }
        _ => None,
    }
}

/// Whether a value is a comparison with its length, made here or by a function that is asked.
fn tells(builder: &Builder<'_, '_>, body: BodyRef, value: ValueId, traffic: &Traffic) -> bool {
    fact!(tells);
    let flow = builder.program.flow(body);
    let Some(step) = flow.def(value) else { return false };
    match &step.kind {
        StepKind::Operate { op: Op::Test, operands, .. } => {
            operands.iter().any(|value| is_measure(builder, body, *value, traffic, 8))
        }
        StepKind::Call { .. } => {
            let Some(Target::Functions(functions)) =
                builder.program.call(Site { body, step: step.id }).map(|it| it.target)
            else {
                return false;
            };
            !functions.is_empty() && functions.iter().all(|function| answers(builder, *function, traffic))
        }
        _ => false,
    }
}

/// Whether a function returns a comparison with the length.
fn answers(builder: &Builder<'_, '_>, function: BodyRef, traffic: &Traffic) -> bool {
    fact!(answers);
    let flow = builder.program.flow(function);
    flow.nodes().any(|node| match &node.step.kind {
        StepKind::Return { value: Some(value) } => match flow.def(*value).map(|step| &step.kind) {
            Some(StepKind::Operate { operands, .. }) => {
                operands.iter().any(|value| is_measure(builder, function, *value, traffic, 8))
            }
            _ => false,
        },
        _ => false,
    })
}

fn is_measure(builder: &Builder<'_, '_>, body: BodyRef, value: ValueId, traffic: &Traffic, hops: u32) -> bool {
    let Some(hops) = hops.checked_sub(1) else { return false };
    let flow = builder.program.flow(body);
    let Some(step) = flow.def(value) else { return false };
    match &step.kind {
        StepKind::Call { .. } => {
            let site = Site { body, step: step.id };
            traffic.measures.contains(&site)
                || asked(builder, site).iter().any(|function| returns_measure(builder, *function, traffic, hops))
        }
        StepKind::Operate { operands, .. } => {
            operands.iter().any(|operand| is_measure(builder, body, *operand, traffic, hops))
        }
        StepKind::View { value, .. } => is_measure(builder, body, *value, traffic, hops),
        StepKind::Read { place: Place::Field { base, name }, .. } => {
            let properties = match builder.program.field_key(body, *base) {
                Some(ty) => builder.program.methods(ty, name),
                None => Vec::new(),
            };
            let mut properties = properties.into_iter().filter(|it| builder.program.property_spot(*it).is_some());
            properties.any(|property| returns_measure(builder, property, traffic, hops))
        }
        StepKind::Read { place: Place::Local(local), .. } => {
            match flow.stores(*local).first().and_then(|id| flow.step(*id)).map(|step| &step.kind) {
                Some(StepKind::Store { value, .. }) => is_measure(builder, body, *value, traffic, hops),
                _ => false,
            }
        }
        _ => false,
    }
}

/// The functions of the program that a call asks: those it calls, or what tells the length of the object it measures.
fn asked(builder: &Builder<'_, '_>, site: Site) -> Vec<BodyRef> {
    fact!(asked);
    let program = builder.program;
    let Some(call) = program.call(site) else { return Vec::new() };
    match &call.target {
        Target::Functions(functions) => functions.clone(),
        Target::Model(_) => {
            let own = call.args.iter().filter_map(|arg| match program.type_of(site.body, arg.value) {
                Type::Named(Head::Project(ty), _) => Some(program.methods(ty, "__len__")),
                _ => None,
            });
            own.flatten().collect()
        }
        _ => Vec::new(),
    }
}

fn returns_measure(builder: &Builder<'_, '_>, function: BodyRef, traffic: &Traffic, hops: u32) -> bool {
    fact!(returns_measure);
    let mut nodes = builder.program.flow(function).nodes();
    nodes.any(|node| match &node.step.kind {
        StepKind::Return { value: Some(value) } => is_measure(builder, function, *value, traffic, hops),
        _ => false,
    })
}

/// The places that the values of a condition are read from.
fn spots_in(builder: &Builder<'_, '_>, body: BodyRef, cond: &Cond) -> Vec<Spot> {
    let values = crate::program::flow::cond_values(cond);
    let spots = values.into_iter().map(|value| builder.program.origin(body, value).0);
    spots.filter(|spot| !matches!(spot, Spot::Value(..))).collect()
}
