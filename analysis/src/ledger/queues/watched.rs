//! Lengths that are compared where items are added, with consequences that are not understood: a high-water mark.

use unleak_catalogue::model::Effect;

use super::super::builder::Builder;
use super::measure::limit_of;
use super::traffic::Traffic;
use crate::program::calls::Target;
use crate::program::flow::Slot;
use crate::program::trace::Spot;
use crate::program::{BodyRef, Site, TypeKey};
use crate::unit::{Compare, Cond, Op, Place, StepId, StepKind, ValueId};

/// How many callers of a function that adds are asked.
const CALLERS: usize = 12;

/// Where the length is compared by the body that adds, by one that calls it, by a function that these call, or by a guard
/// that looks at it now and then, and more is done about it than to tell.
pub(super) fn watched(builder: &Builder<'_, '_>, put: Site, traffic: &Traffic) -> Option<Site> {
    fact!(watched);
    watched_around(builder, put.body, traffic)
        .or_else(|| {
            let mut callers = builder.program.calls().callers(put.body).iter().take(CALLERS);
            callers.find_map(|caller| watched_around(builder, caller.body, traffic))
        })
        .or_else(|| traffic.measures.iter().find_map(|measure| watched_in(builder, measure.body, traffic)))
        .or_else(|| traffic.owners().find_map(|owner| watched_by(builder, owner, traffic)))
}

fn watched_around(builder: &Builder<'_, '_>, body: BodyRef, traffic: &Traffic) -> Option<Site> {
    fact!(watched_around);
    watched_in(builder, body, traffic).or_else(|| {
        let calls = builder.program.flow(body).nodes().filter_map(|node| {
            match builder.program.call(Site { body, step: node.step.id }).map(|call| call.target) {
                Some(Target::Functions(functions)) => Some(functions),
                _ => None,
            }
        });
        calls.flatten().find_map(|function| watched_in(builder, function, traffic))
    })
}

/// Where a method of the object that holds it does.
fn watched_by(builder: &Builder<'_, '_>, owner: TypeKey, traffic: &Traffic) -> Option<Site> {
    if traffic.measures.is_empty() {
        return None;
    }
    let program = builder.program;
    let family = program.ancestors(owner).into_iter().chain(program.descendants(owner).iter().copied());
    let mut methods = family.flat_map(|ty| {
        let methods = program.header(ty).methods.iter();
        methods.map(move |(_, body)| BodyRef { file: ty.file, body: *body })
    });
    methods.find_map(|method| watched_in(builder, method, traffic))
}

/// Where what has waited too long is thrown away by those who take: the time since it was added is compared, and one way
/// on does nothing with it.
pub(super) fn aged(builder: &Builder<'_, '_>, traffic: &Traffic) -> Option<Site> {
    fact!(aged);
    traffic.takes.iter().find_map(|take| {
        let flow = builder.program.flow(take.body);
        let mut later = flow.nodes().filter(|node| node.step.id > take.step);
        let check = later.find(|node| match &node.step.kind {
            StepKind::If { cond: Cond::Compare { left, right, .. }, otherwise, .. } if !otherwise.steps.is_empty() => {
                let StepKind::If { cond, .. } = &node.step.kind else { return false };
                is_ordering(cond) && [left, right].into_iter().any(|value| is_age(builder, *take, *value, 3))
            }
            _ => false,
        })?;
        Some(Site { body: take.body, step: check.step.id })
    })
}

/// Whether a value is the difference between something of what was taken and what a call gives: its age.
fn is_age(builder: &Builder<'_, '_>, take: Site, value: ValueId, hops: u32) -> bool {
    let Some(hops) = hops.checked_sub(1) else { return false };
    let program = builder.program;
    let flow = program.flow(take.body);
    let of_take = |value: ValueId| program.maker(take.body, value) == Some(take);
    let clock = |value: ValueId| program.maker(take.body, value).is_some_and(|site| site != take);
    match flow.def(value).map(|step| &step.kind) {
        Some(StepKind::Operate { op: Op::Subtract, operands, .. }) => {
            operands.iter().any(|value| of_take(*value)) && operands.iter().any(|value| clock(*value))
        }
        Some(StepKind::Read { place: Place::Local(local), .. }) => {
            flow.stores(*local).iter().any(|id| match flow.step(*id).map(|step| &step.kind) {
                Some(StepKind::Store { value: stored, .. }) => is_age(builder, take, *stored, hops),
                _ => false,
            })
        }
        _ => false,
    }
}

fn watched_in(builder: &Builder<'_, '_>, body: BodyRef, traffic: &Traffic) -> Option<Site> {
    let nodes = builder.program.flow(body).nodes();
    let steps = nodes.filter(|node| match &node.step.kind {
        StepKind::If { cond, .. } => {
            is_ordering(cond)
                && limit_of(builder, body, cond, traffic).is_some()
                && acts(builder, body, node.step.id, traffic)
        }
        _ => false,
    });
    steps.map(|node| Site { body, step: node.step.id }).next()
}

/// Whether a condition compares amounts by size.
fn is_ordering(cond: &Cond) -> bool {
    match cond {
        Cond::Compare { op, .. } => {
            matches!(op, Compare::Less | Compare::LessEqual | Compare::Greater | Compare::GreaterEqual)
        }
        Cond::All(parts) | Cond::Any(parts) => parts.iter().any(is_ordering),
        Cond::Not(inner) => is_ordering(inner),
        _ => false,
    }
}

/// Whether a branch calls something that may do more than look and tell. One that itself adds is a gate, and no mark.
fn acts(builder: &Builder<'_, '_>, body: BodyRef, branch: StepId, traffic: &Traffic) -> bool {
    let flow = builder.program.flow(body);
    let within = |id: StepId| flow.around(id).any(|(outer, slot)| outer.id == branch && slot == Slot::Then);
    let adds = traffic.puts.iter().any(|put| put.site.body == body && within(put.site.step));
    !adds
        && flow.nodes().filter(|node| within(node.step.id)).any(|node| {
            if let StepKind::Store { place, .. } = &node.step.kind {
                return is_replaced(builder, body, place, traffic);
            }
            match builder.program.call(Site { body, step: node.step.id }).map(|call| call.target) {
                Some(Target::Model(model)) => model
                    .does
                    .values()
                    .any(|effect| matches!(effect, Effect::Fired | Effect::Closed | Effect::Cancelled)),
                Some(Target::Construct(_)) | None => false,
                Some(Target::Functions(_) | Target::External(_) | Target::Unknown) => true,
            }
        })
}

/// Whether a place that is given something else is one that the queue is in.
fn is_replaced(builder: &Builder<'_, '_>, body: BodyRef, place: &Place, traffic: &Traffic) -> bool {
    fact!(is_replaced);
    let spot = match place {
        Place::Field { base, name } => builder.program.field_spot(body, *base, name),
        Place::Local(local) => Spot::Local(body, *local),
        _ => return false,
    };
    traffic.homes.contains(&spot)
}
