//! Lengths that are compared where items are added, with consequences that are not understood: a high-water mark.

use unleak_catalogue::model::Effect;

use super::super::builder::Builder;
use super::measure::limit_of;
use super::traffic::Traffic;
use crate::program::calls::Target;
use crate::program::flow::Slot;
use crate::program::trace::Spot;
use crate::program::{BodyRef, Site};
use crate::unit::{Compare, Cond, Place, StepId, StepKind};

/// How many callers of a function that adds are asked.
const CALLERS: usize = 12;

/// Where the length is compared by the body that adds, by one that calls it, by a function that these call, or by a guard
/// that looks at it now and then, and more is done about it than to tell.
pub(super) fn watched(builder: &Builder<'_, '_>, put: Site, traffic: &Traffic) -> Option<Site> {
    watched_around(builder, put.body, traffic)
        .or_else(|| {
            let mut callers = builder.program.calls().callers(put.body).iter().take(CALLERS);
            callers.find_map(|caller| watched_around(builder, caller.body, traffic))
        })
        .or_else(|| traffic.measures.iter().find_map(|measure| watched_in(builder, measure.body, traffic)))
}

fn watched_around(builder: &Builder<'_, '_>, body: BodyRef, traffic: &Traffic) -> Option<Site> {
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
    let spot = match place {
        Place::Field { base, name } => builder.program.field_spot(body, *base, name),
        Place::Local(local) => Spot::Local(body, *local),
        _ => return false,
    };
    traffic.homes.contains(&spot)
}
