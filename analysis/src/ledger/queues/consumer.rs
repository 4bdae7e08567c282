//! Who empties a collection: something that runs beside those who fill it.

use rustc_hash::FxHashSet;
use unleak_catalogue::model::{Effect, Waits};

use super::super::builder::Builder;
use crate::program::calls::Target;
use crate::program::flow::Slot;
use crate::program::{BodyRef, Site};
use crate::unit::{Colour, Driver, StepId, StepKind};

/// How many calls up a loop is looked for.
const DEPTH: u32 = 5;

/// Whether an item is taken in a loop that waits, and some addition is made outside that loop's function.
pub(super) fn runs_beside(builder: &Builder<'_, '_>, take: Site, puts: &[Site]) -> bool {
    let mut loops = FxHashSet::default();
    loops_around(builder, take, DEPTH, &mut loops);
    loops.iter().any(|home| {
        puts.iter().any(|put| {
            let mut above = FxHashSet::default();
            bodies_above(builder, put.body, DEPTH, &mut above);
            !above.contains(home)
        })
    })
}

/// The functions with a waiting loop in which a step runs, each the nearest on its way.
fn loops_around(builder: &Builder<'_, '_>, site: Site, depth: u32, found: &mut FxHashSet<BodyRef>) {
    let program = builder.program;
    let flow = program.flow(site.body);
    let looped = flow.around(site.step).any(|(outer, slot)| {
        matches!(outer.kind, StepKind::Loop { .. })
            && matches!(slot, Slot::LoopBody | Slot::LoopHead)
            && waits_within(builder, site.body, outer.id)
    });
    if looped {
        found.insert(site.body);
        return;
    }
    let Some(depth) = depth.checked_sub(1) else { return };
    for caller in program.calls().callers(site.body) {
        loops_around(builder, *caller, depth, found);
    }
    for registration in builder.rhythm.registrations(site.body) {
        match registration.effect {
            Effect::Called => {
                found.insert(registration.site.body);
            }
            Effect::Run | Effect::PassedThrough => loops_around(builder, registration.site, depth, found),
            _ => {}
        }
    }
}

fn waits_within(builder: &Builder<'_, '_>, body: BodyRef, looping: StepId) -> bool {
    let flow = builder.program.flow(body);
    flow.nodes().filter(|node| node.step.id == looping || flow.within(node.step.id, looping)).any(|node| {
        match &node.step.kind {
            StepKind::Await { .. } | StepKind::Select { .. } => true,
            StepKind::Loop { driver: Driver::Each { colour, .. }, .. } => *colour == Colour::Async,
            StepKind::Call { .. } => {
                let call = builder.program.call(Site { body, step: node.step.id });
                matches!(call.map(|call| call.target), Some(Target::Model(model)) if model.waits != Waits::Not)
            }
            _ => false,
        }
    })
}

/// A body and those it is called from.
fn bodies_above(builder: &Builder<'_, '_>, body: BodyRef, depth: u32, found: &mut FxHashSet<BodyRef>) {
    let Some(depth) = depth.checked_sub(1) else { return };
    if !found.insert(body) {
        return;
    }
    let callers = builder.program.calls().callers(body).iter().map(|site| site.body);
    let callbacks = builder.rhythm.registrations(body).iter().filter(|it| it.effect == Effect::Called);
    for above in callers.chain(callbacks.map(|it| it.site.body)) {
        bodies_above(builder, above, depth, found);
    }
}
