//! In Rust, a task for each connection that is accepted: the peer says when it ends.

use unleak_catalogue::model::{CallModel, Effect, HandlesEvents, Kind};

use super::super::builder::Builder;
use super::super::{Fact, Many, Resource, Setting};
use super::births::Birth;
use crate::program::calls::Target;
use crate::program::{BodyRef, Site};
use crate::unit::StepKind;

/// How many calls deep it is looked for what hears of a stop.
const CALLS_DEEP: u32 = 3;

/// Where the connection is accepted for which a task is started that hears of no stop, and nothing limits how many there are.
pub(super) fn serves(builder: &Builder<'_, '_>, birth: &Birth<'_>, resource: &Resource) -> Option<Fact> {
    fact!(serves);
    if resource.setting != Setting::Product || resource.kind != Kind::Task || resource.many != Many::PerEvent {
        return None;
    }
    let body = birth.site.body;
    let flow = builder.program.flow(body);
    let around = flow.around(birth.site.step);
    let mut loops = around.filter(|(outer, _)| matches!(outer.kind, StepKind::Loop { .. })).map(|(outer, _)| outer.id);
    let looping = loops.next()?;
    let inside: Vec<Site> = flow
        .nodes()
        .filter(|node| flow.within(node.step.id, looping))
        .map(|node| Site { body, step: node.step.id })
        .collect();
    let accepts = |site: &&Site| model_at(builder, **site).is_some_and(accepts);
    let accepted = inside.iter().find(accepts)?;
    let gated = inside.iter().any(|site| model_at(builder, *site).is_some_and(admits));
    let heard = hears_of_stop(builder, birth.work.body?, CALLS_DEEP);
    (!gated && !heard).then(|| builder.fact("one for each connection that is accepted here", *accepted))
}

fn model_at<'a>(builder: &Builder<'_, 'a>, site: Site) -> Option<&'a CallModel> {
    match builder.program.call(site)?.target {
        Target::Model(model) => Some(model),
        _ => None,
    }
}

fn accepts(model: &CallModel) -> bool {
    let handle = model.birth.as_ref().is_some_and(|birth| birth.kind == Kind::Handle);
    handle && model.handles_events == HandlesEvents::Receives
}

/// Whether a call waits until there is room.
fn admits(model: &CallModel) -> bool {
    model.does.values().any(|effect| matches!(effect, Effect::Acquire | Effect::AcquireWhileHeld))
}

/// Whether a body, or what it calls, races against something else, or asks a flag or token.
fn hears_of_stop(builder: &Builder<'_, '_>, body: BodyRef, deep: u32) -> bool {
    fact!(hears_of_stop);
    let program = builder.program;
    program.flow(body).nodes().any(|node| match &node.step.kind {
        StepKind::Select { .. } => true,
        StepKind::Call { .. } => match program.call(Site { body, step: node.step.id }).map(|call| call.target) {
            Some(Target::Model(model)) => model.does.values().any(|effect| *effect == Effect::Heeded),
            Some(Target::Functions(functions)) if deep > 0 => {
                functions.iter().any(|function| hears_of_stop(builder, *function, deep - 1))
            }
            _ => false,
        },
        _ => false,
    })
}
