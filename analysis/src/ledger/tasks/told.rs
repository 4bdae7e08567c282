//! Work whose end is told: it fires a future, an event or a queue that somebody else waits on.

use unleak_catalogue::model::{CallModel, Effect, Kind};
use unleak_catalogue::subject::Subject;

use super::super::builder::Builder;
use super::super::{End, Ending, Fact, Resource};
use super::births::Birth;
use crate::program::calls::{Depth, Target};
use crate::program::flow::Slot;
use crate::program::trace::{KEPT_OUTSIDE, PASSED_OUT, Returns, SENT, Spot, Trail, UNMODELLED, What};
use crate::program::types::Type;
use crate::program::{BodyRef, Def, Site};
use crate::unit::{Const, LocalOrigin, ParamKind, StepId, StepKind, ValueId};

/// How many closures deep what is fired is looked for.
const CLOSURES: u32 = 2;

/// Where a body tells on every way through it that it has come to its end.
pub(super) fn by_work(builder: &Builder<'_, '_>, work: BodyRef) -> Option<Fact> {
    fact!(by_work);
    let at = telling(builder, work).find(|at| on_every_way(builder, work, at.step))?;
    Some(builder.fact("its end is told here to somebody who waits for it", at))
}

/// Where a body tells on some way through it that it has come to its end.
pub(super) fn somewhere(builder: &Builder<'_, '_>, work: BodyRef) -> Option<Site> {
    telling(builder, work).next()
}

fn telling(builder: &Builder<'_, '_>, work: BodyRef) -> impl Iterator<Item = Site> {
    let steps = builder.program.flow(work).nodes().map(move |node| Site { body: work, step: node.step.id });
    steps.filter(move |site| tells(builder, work, *site, CLOSURES))
}

/// Where the frame that starts a thread lets it go on, on every way out: the thread waits for an event that it fires then.
pub(super) fn by_maker(builder: &Builder<'_, '_>, birth: Site, work: BodyRef) -> Option<Fact> {
    fact!(by_maker);
    let program = builder.program;
    let asked = |body: BodyRef, step: StepId, wanted: Effect| {
        let call = program.call(Site { body, step })?;
        let (Target::Model(model), Some(receiver)) = (&call.target, call.receiver) else { return None };
        let source = program.source(&program.origin(body, receiver).0);
        (model.does.get(&Subject::Receiver) == Some(&wanted)).then_some(source)
    };
    let waited: Vec<Spot> =
        program.flow(work).nodes().filter_map(|node| asked(work, node.step.id, Effect::Heeded)).collect();
    let flow = program.flow(birth.body);
    let mut fired = flow.nodes().map(|node| node.step.id).filter(|step| {
        let leaving = flow.around(*step).any(|(_, slot)| slot == Slot::Finally);
        leaving && asked(birth.body, *step, Effect::Fired).is_some_and(|source| waited.contains(&source))
    });
    let at = Site { body: birth.body, step: fired.next()? };
    Some(builder.fact("what it waits for is fired here on every way out", at))
}

/// Where the thread is waited for, further down, on whose loop a task runs: that ends no sooner than the task.
pub(super) fn joined_after(builder: &Builder<'_, '_>, resource: &Resource, birth: &Birth<'_>) -> Option<End> {
    fact!(joined_after);
    let program = builder.program;
    let flow = program.flow(birth.site.body);
    let outer: Vec<StepId> = flow.around(birth.site.step).map(|(step, _)| step.id).collect();
    let joins = |step: StepId| {
        let call = program.call(Site { body: birth.site.body, step })?;
        let (Target::Model(model), Some(receiver)) = (call.target, call.receiver) else { return None };
        let waits = matches!(model.does.get(&Subject::Receiver), Some(Effect::Joined | Effect::AwaitedInPart));
        let ty = program.type_of(birth.site.body, receiver);
        let kind = program.catalogue.ty(resource.language.name(), ty.model_path()?)?.kind;
        (waits && kind == Some(Kind::Thread)).then_some(step)
    };
    let later = flow
        .nodes()
        .filter(|node| node.step.id > birth.site.step && node.parent.is_none_or(|(parent, _)| outer.contains(&parent)));
    let mut joined = later.filter_map(|node| joins(node.step.id)).filter(|_| resource.kind == Kind::Task);
    joined.next().map(|step| builder.end(Ending::Joined, Site { body: birth.site.body, step }))
}

/// The callback put on a task that tells its end to somebody who waits.
pub(super) fn by_callback<'a>(builder: &Builder<'_, 'a>, trail: &Trail<'a>) -> Option<Fact> {
    fact!(by_callback);
    let told = callbacks(builder, trail).find(|(at, value)| called_tells(builder, at.body, *value, CLOSURES));
    told.map(|(at, _)| builder.fact("a callback tells its end to somebody who waits for it", at))
}

/// Whether a callback put on a task asks it what it raised.
pub(in crate::ledger) fn failure_asked<'a>(builder: &Builder<'_, 'a>, trail: &Trail<'a>) -> bool {
    fact!(failure_asked);
    callbacks(builder, trail).any(|(at, value)| match builder.program.type_of(at.body, value) {
        Type::Closure(function) | Type::Def(Def::Function(function)) => asks_its_task(builder, at, function),
        _ => false,
    })
}

/// The callables that are called at a task's end, each with the step that puts it there.
pub(super) fn callbacks<'a>(builder: &Builder<'_, 'a>, trail: &Trail<'a>) -> impl Iterator<Item = (Site, ValueId)> {
    trail.uses.iter().filter(|used| used.depth == 0).flat_map(|used| {
        let What::Effect(_, model) = used.what else { return Vec::new() };
        let Some(call) = builder.program.call(used.site) else { return Vec::new() };
        let callbacks = model.does.iter().filter(|(_, effect)| **effect == Effect::CalledAtEnd);
        let values = callbacks.flat_map(|(subject, _)| builder.program.subjects(&call, subject));
        values.map(|(value, _)| (used.site, value)).collect()
    })
}

/// Whether a callback takes the result, or what was raised, out of the task that it is called with, or hands the task to
/// somebody who may. What type that has is known from where the callback is put on it.
fn asks_its_task(builder: &Builder<'_, '_>, put_on: Site, callback: BodyRef) -> bool {
    let program = builder.program;
    let on = program.call(put_on).and_then(|call| call.receiver).map(|task| program.type_of(put_on.body, task));
    let method = |site: Site| {
        let name = program.method_name(site)?;
        program.catalogue.method(program.language(site.body).name(), on.as_ref()?.model_path()?, &name)
    };
    let takes_out =
        |site: Site| method(site).is_some_and(|method| method.does.get(&Subject::Receiver) == Some(&Effect::Awaited));
    let params = program.body(callback).params.iter().filter(|param| param.kind != ParamKind::Receiver);
    let mut ways = params.map(|param| program.follow(Spot::Local(callback, param.local), 0, Returns::Stop));
    ways.any(|way| {
        way.uses.iter().any(|used| match &used.what {
            What::Effect(effect, _) => *effect == Effect::Awaited,
            What::Await | What::Unknown(SENT | KEPT_OUTSIDE | PASSED_OUT) => true,
            What::Unknown(UNMODELLED) => takes_out(used.site),
            _ => false,
        })
    })
}

/// Whether a step of a body is come by on all ways: in a `finally`, or at the top with no way out before it.
fn on_every_way(builder: &Builder<'_, '_>, body: BodyRef, step: StepId) -> bool {
    let flow = builder.program.flow(body);
    let plain = flow.around(step).all(|(_, slot)| {
        matches!(slot, Slot::TryBody | Slot::TryElse | Slot::Finally | Slot::ScopeBody | Slot::Nested | Slot::LoopElse)
    });
    let leaving = || flow.around(step).any(|(_, slot)| slot == Slot::Finally);
    let left_before =
        || flow.nodes().any(|node| node.step.id < step && matches!(node.step.kind, StepKind::Return { .. }));
    plain && (leaving() || !left_before())
}

/// Whether a call fires something that others wait on, itself or by a callable that it is handed.
fn tells(builder: &Builder<'_, '_>, work: BodyRef, site: Site, closures: u32) -> bool {
    let Some(call) = builder.program.call(site) else { return false };
    if let (Target::Model(model), Some(receiver)) = (&call.target, call.receiver)
        && (is_fired(model) || puts_a_sentinel(builder, site, model))
        && awaited_elsewhere(builder, work, site.body, receiver, is_waited_for)
    {
        return true;
    }
    let Target::Model(model) = call.target else { return false };
    if acknowledges(model)
        && call.receiver.is_some_and(|queue| awaited_elsewhere(builder, work, site.body, queue, is_joined))
    {
        return true;
    }
    call.args.iter().any(|arg| {
        let effect = builder.program.effect_on(&call, model, arg.value, Depth::Itself);
        matches!(effect, Some(Effect::Called | Effect::CalledLater))
            && called_tells(builder, site.body, arg.value, closures)
    })
}

/// Whether calling a value fires something that others wait on.
fn called_tells(builder: &Builder<'_, '_>, body: BodyRef, value: ValueId, closures: u32) -> bool {
    let Some(closures) = closures.checked_sub(1) else { return false };
    let program = builder.program;
    match program.type_of(body, value) {
        Type::Closure(function) | Type::Def(Def::Function(function)) => {
            let mut steps = program.flow(function).nodes().map(|node| node.step.id);
            steps.any(|step| tells(builder, function, Site { body: function, step }, closures))
        }
        Type::Def(Def::Model(path)) => {
            let model = program.model(program.language(body), &path);
            model.is_some_and(is_fired)
                && program
                    .receiver_of(body, value)
                    .is_some_and(|on| awaited_elsewhere(builder, body, body, on, is_waited_for))
        }
        _ => false,
    }
}

fn is_fired(model: &CallModel) -> bool {
    model.does.get(&Subject::Receiver) == Some(&Effect::Fired)
}

/// Whether a call says that an item of its receiver is done with.
fn acknowledges(model: &CallModel) -> bool {
    fact!(acknowledges);
    model.does.get(&Subject::Receiver) == Some(&Effect::Acknowledged)
}

/// Whether a call puts a constant into its receiver: a mark that nothing follows.
fn puts_a_sentinel(builder: &Builder<'_, '_>, site: Site, model: &CallModel) -> bool {
    fact!(puts_a_sentinel);
    let Some(call) = builder.program.call(site) else { return false };
    let put = matches!(model.does.get(&Subject::Receiver), Some(Effect::Put | Effect::TryPut))
        || model.does.iter().any(|(subject, effect)| {
            matches!(effect, Effect::Put | Effect::TryPut) && matches!(subject, Subject::Argument { .. })
        });
    let item = call.args.first().and_then(|arg| builder.program.constant_of(site.body, arg.value));
    put && matches!(item, Some(Const::Nothing))
}

/// Whether something that a body fires came from outside it, and is waited on by others.
fn awaited_elsewhere(
    builder: &Builder<'_, '_>,
    work: BodyRef,
    body: BodyRef,
    fired: ValueId,
    waits: fn(&What<'_>) -> bool,
) -> bool {
    fact!(awaited_elsewhere);
    let program = builder.program;
    let source = program.source(&program.origin(body, fired).0);
    match &source {
        Spot::Value(..) => return false,
        Spot::Local(home, local) => {
            let origin = program.body(*home).locals.get(local.0 as usize).map(|local| local.origin);
            if origin == Some(LocalOrigin::Param) {
                // Whoever gave it wants to be told.
                return true;
            }
            if *home == work {
                return false;
            }
        }
        _ => {}
    }
    let trail = program.follow(source, 0, Returns::Follow);
    trail.uses.iter().any(|used| waits(&used.what) && used.site.body != work)
}

fn is_waited_for(what: &What<'_>) -> bool {
    match what {
        What::Await | What::Raced | What::Iterated => true,
        What::Effect(effect, _) => {
            matches!(effect, Effect::Heeded | Effect::Awaited | Effect::AwaitedInPart | Effect::Joined | Effect::Take)
        }
        _ => false,
    }
}

fn is_joined(what: &What<'_>) -> bool {
    matches!(what, What::Effect(Effect::Joined, _))
}
