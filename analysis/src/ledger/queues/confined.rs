//! Queues that live and are fed no longer than one finite piece of work.

use unleak_catalogue::model::Effect;

use super::super::builder::Builder;
use super::super::{Fact, Life, Many};
use super::traffic::{Put, Traffic, top};
use crate::program::calls::Target;
use crate::program::exits::Exit;
use crate::program::flow::Slot;
use crate::program::trace::Trail;
use crate::program::types::Type;
use crate::program::{BodyRef, Site};
use crate::unit::{Colour, LocalId, Part, Place, Step, StepKind, ValueId, Yields};

/// Whether a queue is filled and emptied within one finite piece of work.
pub(super) fn finite(builder: &Builder<'_, '_>, birth: Site, trail: &Trail<'_>, traffic: &Traffic) -> Option<Fact> {
    fact!(finite);
    let local = builder.life(&trail.spots) == Life::Frame;
    let calm = traffic.puts.iter().all(|put| !matches!(put.many, Many::PerEvent));
    if local && let Some(fact) = one_after_the_other(builder, birth, traffic) {
        return Some(fact);
    }
    if !local || !calm {
        return None;
    }
    let here = |site: &Site| site.body == birth.body;
    let alone = traffic.puts.iter().all(|put| here(&put.site)) && traffic.takes.iter().all(here);
    if alone && traffic.open.is_empty() && !traffic.puts.is_empty() {
        return Some(builder.fact("filled and emptied within one function", birth));
    }
    ended_by_frame(builder, birth, &traffic.puts)
}

/// A channel of which one end is thrown away where it is made: nothing can be sent, or nothing can be taken.
pub(super) fn without_end(builder: &Builder<'_, '_>, birth: Site) -> Option<Fact> {
    fact!(without_end);
    let program = builder.program;
    let flow = program.flow(birth.body);
    let call = program.call(birth)?;
    let two_ends = matches!(program.type_of(birth.body, call.out), Type::Tuple(ends) if ends.len() == 2);
    let parts: Option<Vec<ValueId>> = flow.uses(call.out).iter().map(|id| part_of(flow.step(*id))).collect();
    let thrown_away = |part: &ValueId| {
        let mut uses = flow.uses(*part).iter().filter_map(|id| flow.step(*id));
        uses.all(|step| matches!(step.kind, StepKind::Discard { .. }))
    };
    let kept = parts?.into_iter().filter(|part| !thrown_away(part)).count();
    (two_ends && kept == 1).then(|| builder.fact("its other end is thrown away here, where it is made", birth))
}

fn part_of(step: Option<&Step>) -> Option<ValueId> {
    match step.map(|step| &step.kind) {
        Some(StepKind::Part { out, part: Part::Index(_), .. }) => Some(*out),
        _ => None,
    }
}

/// A queue that one frame and what it waits for fill and empty: nothing runs beside them.
fn one_after_the_other(builder: &Builder<'_, '_>, birth: Site, traffic: &Traffic) -> Option<Fact> {
    fact!(one_after_the_other);
    let within = |site: &Site| runs_within(builder, site.body, birth.body, 4);
    let all = traffic.open.is_empty()
        && !traffic.puts.is_empty()
        && !traffic.takes.is_empty()
        && traffic.puts.iter().all(|put| within(&put.site))
        && traffic.takes.iter().all(within);
    all.then(|| builder.fact("filled and emptied by one frame and what it waits for, one after the other", birth))
}

/// Whether a body runs only while a frame waits for it.
fn runs_within(builder: &Builder<'_, '_>, body: BodyRef, frame: BodyRef, depth: u32) -> bool {
    fact!(runs_within);
    if body == frame {
        return true;
    }
    let Some(depth) = depth.checked_sub(1) else { return false };
    let program = builder.program;
    let callers = program.calls().callers(body);
    let registrations = builder.rhythm.registrations(body);
    let waited = |site: &Site| {
        let flow = program.flow(site.body);
        program.body(body).colour == Colour::Sync
            || program.call(*site).is_some_and(|call| {
                let mut uses = flow.uses(call.out).iter().filter_map(|used| flow.step(*used));
                uses.all(|step| matches!(step.kind, StepKind::Await { .. }))
            })
    };
    let unseen = builder.rhythm.escapes(body) || callers.is_empty() && registrations.is_empty();
    !unseen
        && program.body(body).yields == Yields::Never
        && registrations
            .iter()
            .all(|it| it.effect == Effect::Called && runs_within(builder, it.site.body, frame, depth))
        && callers.iter().all(|site| waited(site) && runs_within(builder, site.body, frame, depth))
}

/// A queue that never leaves its frame, whose producer the frame cancels before it goes.
fn ended_by_frame(builder: &Builder<'_, '_>, birth: Site, puts: &[Put]) -> Option<Fact> {
    fact!(ended_by_frame);
    let program = builder.program;
    let flow = program.flow(birth.body);
    let ended = flow.nodes().find(|node| {
        let site = Site { body: birth.body, step: node.step.id };
        flow.around(node.step.id).any(|(_, slot)| slot == Slot::Finally)
            && cancelled_work(builder, site)
                .is_some_and(|work| puts.iter().any(|put| top(builder, put.site.body, birth.body) == work))
    })?;
    // A frame that itself goes on for ever ends nothing.
    (!matches!(program.exit_of(birth.body), Exit::Never(_))).then(|| {
        builder.fact(
            "it lives no longer than this frame, which ends its producer here",
            Site { body: birth.body, step: ended.step.id },
        )
    })
}

/// The work of the task that a call cancels.
fn cancelled_work(builder: &Builder<'_, '_>, site: Site) -> Option<BodyRef> {
    fact!(cancelled_work);
    let call = builder.program.call(site)?;
    let Target::Model(model) = call.target else { return None };
    model.does.values().find(|effect| **effect == Effect::Cancelled)?;
    let flow = builder.program.flow(site.body);
    match &flow.def(call.receiver?)?.kind {
        StepKind::Read { place: Place::Local(local), .. } => work_in(builder, site.body, *local),
        _ => None,
    }
}

/// The work of the task that a variable holds.
fn work_in(builder: &Builder<'_, '_>, body: BodyRef, local: LocalId) -> Option<BodyRef> {
    let flow = builder.program.flow(body);
    flow.stores(local).iter().find_map(|id| match flow.step(*id).map(|step| &step.kind) {
        Some(StepKind::Store { value, .. }) => work_of_birth(builder, body, *value),
        _ => None,
    })
}

fn work_of_birth(builder: &Builder<'_, '_>, body: BodyRef, value: ValueId) -> Option<BodyRef> {
    let step = builder.program.flow(body).def(value)?;
    let call = builder.program.call(Site { body, step: step.id })?;
    call.args.iter().find_map(|arg| builder.program.work_of(body, arg.value))
}
