//! Checks and permits that stand before every addition.

use unleak_catalogue::model::Effect;

use super::super::Fact;
use super::super::builder::Builder;
use super::traffic::Traffic;
use crate::program::calls::Target;
use crate::program::flow::{Slot, cond_values};
use crate::program::{BodyRef, Site};
use crate::unit::{Block, Cond, Driver, Place, StepId, StepKind, ValueId};

/// What stands before an addition and lets only so many through, if anything does.
pub(super) fn before(builder: &Builder<'_, '_>, put: Site, traffic: &Traffic) -> Option<Fact> {
    check(builder, put, traffic).or_else(|| permit(builder, put, traffic)).or_else(|| trim(builder, put, traffic))
}

/// A condition on the queue's own size that the addition stands under, or that leaves before it.
fn check(builder: &Builder<'_, '_>, put: Site, traffic: &Traffic) -> Option<Fact> {
    let flow = builder.program.flow(put.body);
    for node in flow.nodes() {
        let StepKind::If { cond, then, .. } = &node.step.kind else { continue };
        if node.step.id >= put.step || !measures(builder, put.body, cond, traffic) {
            continue;
        }
        let under = flow.within(put.step, node.step.id);
        let leaves = !under && dominates(builder, node.step.id, put) && always_leaves(then);
        if under || leaves {
            let site = Site { body: put.body, step: node.step.id };
            return Some(builder.fact("its size is checked before every addition", site));
        }
    }
    // A loop that waits while it is too long.
    let waits = flow.nodes().find(|node| match &node.step.kind {
        StepKind::Loop { driver: Driver::While { cond, .. }, .. } => {
            node.step.id < put.step
                && !flow.within(put.step, node.step.id)
                && measures(builder, put.body, cond, traffic)
        }
        _ => false,
    })?;
    Some(builder.fact("waits here while it is too long", Site { body: put.body, step: waits.step.id }))
}

/// Whether a condition compares how long the queue is with something.
fn measures(builder: &Builder<'_, '_>, body: BodyRef, cond: &Cond, traffic: &Traffic) -> bool {
    match cond {
        Cond::Not(inner) => measures(builder, body, inner, traffic),
        Cond::All(parts) | Cond::Any(parts) => parts.iter().any(|part| measures(builder, body, part, traffic)),
        Cond::Compare { left, right, .. } => {
            [left, right].into_iter().any(|value| is_measure(builder, body, *value, traffic))
        }
        _ => {
            let _ = cond_values(cond);
            false
        }
    }
}

fn is_measure(builder: &Builder<'_, '_>, body: BodyRef, value: ValueId, traffic: &Traffic) -> bool {
    let flow = builder.program.flow(body);
    let mut at = value;
    for _ in 0..6 {
        let Some(step) = flow.def(at) else { return false };
        at = match &step.kind {
            StepKind::Call { .. } => return traffic.measures.contains(&Site { body, step: step.id }),
            StepKind::Operate { operands, .. } => match operands.first() {
                Some(first) => *first,
                None => return false,
            },
            StepKind::View { value, .. } => *value,
            StepKind::Read { place: Place::Local(local), .. } => {
                match flow.stores(*local).first().and_then(|id| flow.step(*id)).map(|step| &step.kind) {
                    Some(StepKind::Store { value, .. }) => *value,
                    _ => return false,
                }
            }
            _ => return false,
        };
    }
    false
}

/// Whether a step runs before another on every way to it: it stands in one of the blocks around it.
fn dominates(builder: &Builder<'_, '_>, first: StepId, put: Site) -> bool {
    let flow = builder.program.flow(put.body);
    let Some(home) = flow.node(first).map(|node| node.parent) else { return false };
    match home {
        None => true,
        Some((outer, slot)) => flow.around(put.step).any(|(step, at)| step.id == outer && at == slot),
    }
}

/// Whether a block never runs on past its end.
fn always_leaves(block: &Block) -> bool {
    block.steps.iter().any(|step| match &step.kind {
        StepKind::Return { .. } | StepKind::Raise { .. } | StepKind::Break { .. } | StepKind::Continue { .. } => true,
        StepKind::Nested { block, .. } => always_leaves(block),
        StepKind::If { then, otherwise, .. } => always_leaves(then) && always_leaves(otherwise),
        _ => false,
    })
}

/// A permit that is taken before the addition and given back elsewhere, by whoever empties the queue.
fn permit(builder: &Builder<'_, '_>, put: Site, _traffic: &Traffic) -> Option<Fact> {
    let flow = builder.program.flow(put.body);
    let mut taken = None;
    for node in flow.nodes().filter(|node| node.step.id < put.step) {
        let site = Site { body: put.body, step: node.step.id };
        let Some(call) = builder.program.call(site) else { continue };
        let Target::Model(model) = call.target else { continue };
        let given = model.does.values().any(|effect| *effect == Effect::Acquire);
        let carried =
            model.does.values().any(|effect| *effect == Effect::AcquireWhileHeld) && goes_along(builder, site, put);
        if (given || carried) && dominates_loosely(builder, node.step.id, put) {
            taken = Some(site);
        }
    }
    let taken = taken?;
    let released_here = flow.nodes().any(|node| {
        let call = builder.program.call(Site { body: put.body, step: node.step.id });
        matches!(call.map(|call| call.target), Some(Target::Model(model)) if model.does.values().any(|effect| *effect == Effect::Release))
    });
    (!released_here).then(|| builder.fact("a permit is taken before every addition", taken))
}

/// Dominance that also sees through a `try` around both.
fn dominates_loosely(builder: &Builder<'_, '_>, first: StepId, put: Site) -> bool {
    dominates(builder, first, put)
}

/// Whether the permit a call gives is put into the queue with the item, or forgotten there.
fn goes_along(builder: &Builder<'_, '_>, permit: Site, put: Site) -> bool {
    let Some(call) = builder.program.call(permit) else { return false };
    let spot = crate::program::trace::Spot::Value(permit.body, call.out);
    let trail = match builder.program.call(permit).map(|call| call.target) {
        Some(Target::Model(model)) if model.takes_effect == unleak_catalogue::model::Takes::WhenAwaited => {
            builder.program.follow_awaited(spot, crate::program::trace::Returns::Stop)
        }
        _ => builder.program.follow(spot, 0, crate::program::trace::Returns::Stop),
    };
    trail.uses.iter().any(|used| {
        used.site == put
            || matches!(used.what, crate::program::trace::What::Effect(Effect::Forgotten, _))
            || matches!(used.what, crate::program::trace::What::Unknown(crate::program::trace::SENT))
    })
}

/// Items beyond a number are thrown away or taken out where items are added.
fn trim(builder: &Builder<'_, '_>, put: Site, traffic: &Traffic) -> Option<Fact> {
    let flow = builder.program.flow(put.body);
    let taken = traffic.takes.iter().chain(&traffic.trims).find(|take| {
        take.body == put.body
            && flow.around(take.step).any(|(outer, slot)| match &outer.kind {
                StepKind::If { cond, .. } => slot == Slot::Then && measures(builder, put.body, cond, traffic),
                StepKind::Loop { driver: Driver::While { cond, .. }, .. } => measures(builder, put.body, cond, traffic),
                _ => false,
            })
    });
    let always = traffic.trims.iter().find(|trim| trim.body == put.body);
    let site = taken.or(always)?;
    Some(builder.fact("what is over a number is taken out here", *site))
}
