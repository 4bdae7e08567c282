//! Producers that wait for what becomes of their own item: there are never more items than waiting callers.

use unleak_catalogue::model::Effect;

use super::super::Fact;
use super::super::builder::Builder;
use crate::program::calls::Target;
use crate::program::{BodyRef, Site};
use crate::unit::{Item, LocalId, Place, StepKind, ValueId};

/// The wait of a producer for an answer that is part of what it adds.
pub(super) fn by_item(builder: &Builder<'_, '_>, put: Site) -> Option<Fact> {
    let call = builder.program.call(put)?;
    let mut parts = Vec::new();
    for arg in call.args {
        parts_of(builder, put.body, arg.value, 4, &mut parts);
    }
    let flow = builder.program.flow(put.body);
    let waited = parts.iter().flat_map(|local| flow.reads(*local)).find_map(|read| {
        let Some(StepKind::Read { out, .. }) = flow.step(*read).map(|step| &step.kind) else { return None };
        flow.uses(*out).iter().copied().find(|used| *used > put.step && waits_for(builder, put.body, *used, *out))
    })?;
    let site = Site { body: put.body, step: waited };
    Some(builder.fact("each producer waits here for what becomes of its own item", site))
}

/// The variables a value is made of.
fn parts_of(builder: &Builder<'_, '_>, body: BodyRef, value: ValueId, depth: u32, found: &mut Vec<LocalId>) {
    let Some(depth) = depth.checked_sub(1) else { return };
    match builder.program.flow(body).def(value).map(|step| &step.kind) {
        Some(StepKind::Read { place: Place::Local(local), .. }) => {
            found.push(*local);
            for id in builder.program.flow(body).stores(*local) {
                if let Some(StepKind::Store { value, .. }) = builder.program.flow(body).step(*id).map(|step| &step.kind)
                {
                    parts_of(builder, body, *value, depth, found);
                }
            }
        }
        Some(StepKind::Collect { items, .. }) => {
            for item in items {
                if let Item::One(value) | Item::Field(_, value) = item {
                    parts_of(builder, body, *value, depth, found);
                }
            }
        }
        Some(StepKind::Call { args, .. }) => {
            for arg in args {
                parts_of(builder, body, arg.value, depth, found);
            }
        }
        Some(StepKind::View { value, .. }) => parts_of(builder, body, *value, depth, found),
        _ => {}
    }
}

fn waits_for(builder: &Builder<'_, '_>, body: BodyRef, used: crate::unit::StepId, value: ValueId) -> bool {
    let flow = builder.program.flow(body);
    match flow.step(used).map(|step| &step.kind) {
        Some(StepKind::Await { .. } | StepKind::Return { .. }) => true,
        Some(StepKind::Call { args, .. }) if args.iter().any(|arg| arg.value == value) => {
            let call = builder.program.call(Site { body, step: used });
            matches!(call.map(|call| call.target), Some(Target::Model(model)) if model.does.values().any(|effect| {
                matches!(effect, Effect::Awaited | Effect::AwaitedInPart | Effect::Joined)
            }) || model.takes_effect == unleak_catalogue::model::Takes::WhenAwaited)
        }
        _ => false,
    }
}
