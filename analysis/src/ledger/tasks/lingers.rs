//! Work that comes to its end late: a long wait or a callback that keeps its maker, a loop that only a failure of its own ends.

use unleak_catalogue::model::{Effect, Kind, Transparent, Waits};

use super::super::builder::Builder;
use super::super::queues::bound;
use super::super::{Fact, Work};
use crate::program::calls::{Target, argument};
use crate::program::flow::Slot;
use crate::program::trace::Spot;
use crate::program::types::{Head, Type};
use crate::program::{BodyRef, Site, TypeKey};
use crate::unit::{LocalId, LocalOrigin, ParamKind, Place, StepId, StepKind, ValueId};

/// From how many seconds on a wait is long.
const LONG: f64 = 60.0;

/// A wait by the clock that is not known to be short, through which a body keeps the object that started it.
pub(super) fn waits_long(builder: &Builder<'_, '_>, work: BodyRef) -> Option<Work> {
    fact!(waits_long);
    let flow = builder.program.flow(work);
    let mut waits = flow.nodes().filter_map(|node| {
        let StepKind::Await { value, .. } = node.step.kind else { return None };
        let raced = flow
            .around(node.step.id)
            .any(|(outer, slot)| matches!(slot, Slot::SelectHead(_)) || matches!(outer.kind, StepKind::Loop { .. }));
        let made = builder.program.maker(work, value).filter(|_| !raced)?;
        let seconds = length(builder, made)?;
        let kept: Vec<LocalId> =
            captured(builder, work).filter(|local| used_after(builder, work, *local, node.step.id)).collect();
        let keeps = match seconds {
            Some(seconds) => seconds >= LONG && kept.iter().any(|local| object(builder, work, *local).is_some()),
            None => kept.iter().any(|local| is_its_maker(builder, work, *local)),
        };
        keeps.then_some((made, seconds))
    });
    let (site, seconds) = waits.next()?;
    let fact = builder.fact("it waits here by the clock, and keeps what it works on until then", site);
    Some(match seconds {
        Some(_) => Work::Lingers(fact),
        None => Work::MayLinger(fact),
    })
}

/// A call of what a variable holds, made by a body that keeps an object like the one that started it: whoever gave it
/// says how long it takes, and so how long the object is kept.
pub(super) fn runs_a_callback(builder: &Builder<'_, '_>, work: BodyRef) -> Option<Work> {
    fact!(runs_a_callback);
    let maker = maker(builder, work).and_then(|(home, receiver)| object(builder, home, receiver))?;
    if !captured(builder, work).any(|local| object(builder, work, local) == Some(maker)) {
        return None;
    }
    let mut steps = builder.program.flow(work).nodes().map(|node| Site { body: work, step: node.step.id });
    let site = steps.find(|site| calls_a_variable(builder, *site))?;
    Some(Work::MayLinger(builder.fact("it runs here what others gave, and keeps what it works on until then", site)))
}

/// Whether a variable is called of which the program does not say what it holds.
fn calls_a_variable(builder: &Builder<'_, '_>, site: Site) -> bool {
    let flow = builder.program.flow(site.body);
    let Some(StepKind::Call { callee, .. }) = flow.step(site.step).map(|step| &step.kind) else { return false };
    matches!(flow.def(*callee).map(|def| &def.kind), Some(StepKind::Read { place: Place::Local(_), .. }))
        && matches!(builder.program.call(site).map(|call| call.target), Some(Target::Unknown))
}

/// For a call that waits by the clock: how many seconds, where that is written in the code.
fn length(builder: &Builder<'_, '_>, site: Site) -> Option<Option<f64>> {
    let call = builder.program.call(site)?;
    let Target::Model(model) = call.target else { return None };
    if model.waits != Waits::Bounded {
        return None;
    }
    let (value, _) = argument(call.args, Some(0), None)?;
    Some(seconds(builder, site.body, value))
}

fn seconds(builder: &Builder<'_, '_>, body: BodyRef, value: ValueId) -> Option<f64> {
    if let Some(number) = bound::number(builder.program, body, value) {
        return Some(number as f64);
    }
    let constant = constant(builder, body, value);
    let (body, value) = constant.unwrap_or((body, value));
    let site = builder.program.maker(body, value)?;
    let call = builder.program.call(site)?;
    let Target::Model(model) = call.target else { return None };
    let (amount, _) = argument(call.args, Some(0), None)?;
    Some(model.seconds? * bound::number(builder.program, site.body, amount)? as f64)
}

/// What a named constant is given.
fn constant(builder: &Builder<'_, '_>, body: BodyRef, value: ValueId) -> Option<(BodyRef, ValueId)> {
    fact!(constant);
    let Spot::Global(file, name) = builder.program.origin(body, value).0 else { return None };
    builder.program.global_sites(file, &name).iter().find_map(|site| {
        match builder.program.flow(site.body).step(site.step).map(|step| &step.kind) {
            Some(StepKind::Store { value, .. }) => Some((site.body, *value)),
            _ => None,
        }
    })
}

/// Whether a body uses a variable after a step.
fn used_after(builder: &Builder<'_, '_>, work: BodyRef, local: LocalId, step: StepId) -> bool {
    fact!(used_after);
    let flow = builder.program.flow(work);
    let made_later = |inner: BodyRef| {
        let (_, made) = builder.program.closure_site(inner)?;
        Some(flow.def(made)?.id > step)
    };
    flow.reads(local).iter().any(|read| *read > step)
        || builder.program.captures_of(work, local).iter().any(|(inner, _)| made_later(*inner) == Some(true))
}

/// Whether a variable is the object whose method started the task.
fn is_its_maker(builder: &Builder<'_, '_>, work: BodyRef, local: LocalId) -> bool {
    let source = builder.program.source(&Spot::Local(work, local));
    matches!(source, Spot::Local(home, source) if is_receiver(builder, home, source))
}

/// The object whose method started the task.
fn maker(builder: &Builder<'_, '_>, work: BodyRef) -> Option<(BodyRef, LocalId)> {
    let mut home = work;
    loop {
        let body = builder.program.body(home);
        match body.params.first() {
            Some(first) if first.kind == ParamKind::Receiver => return Some((home, first.local)),
            _ => home = BodyRef { body: body.parent?, ..home },
        }
    }
}

/// The type of the object of the program's own that a variable holds, itself or by a strong reference.
fn object(builder: &Builder<'_, '_>, work: BodyRef, local: LocalId) -> Option<TypeKey> {
    let mut ty = builder.program.type_of_local(work, local);
    loop {
        ty = match ty {
            Type::Named(Head::Project(key), _) => return Some(key),
            Type::Named(Head::Model(path), args) => {
                let language = builder.program.language(work).name();
                let through = builder.program.catalogue.ty(language, &path).map(|model| model.transparent);
                args.into_iter().next().filter(|_| through == Some(Transparent::Strong))?
            }
            _ => return None,
        }
    }
}

/// Whether a variable holds a collection of values, and no end of anything that others hold the other end of.
fn is_data(builder: &Builder<'_, '_>, body: BodyRef, local: LocalId) -> bool {
    fact!(is_data);
    let language = builder.program.language(body).name();
    let Type::Named(Head::Model(path), args) = builder.program.type_of_local(body, local) else { return false };
    let kind = builder.program.catalogue.ty(language, &path).and_then(|model| model.kind);
    kind == Some(Kind::Collection) && args.is_empty()
}

fn captured(builder: &Builder<'_, '_>, body: BodyRef) -> impl Iterator<Item = LocalId> {
    let locals = builder.program.body(body).locals.iter().zip(0u32..);
    locals.filter(|(local, _)| matches!(local.origin, LocalOrigin::Captured { .. })).map(|(_, at)| LocalId(at))
}

fn is_receiver(builder: &Builder<'_, '_>, body: BodyRef, local: LocalId) -> bool {
    let first = builder.program.body(body).params.first();
    first.is_some_and(|param| param.local == local && param.kind == ParamKind::Receiver)
}

/// A loop that turns by the clock and ends only when a call of its own fails, where all that the call is given is also
/// held by others: nothing that the maker drops makes it fail.
pub(super) fn by_its_own_failure(builder: &Builder<'_, '_>, call: Site, looping: Site) -> Option<Fact> {
    fact!(by_its_own_failure);
    if call.body != looping.body || !turns_by_clock(builder, looping) || !is_fed_by_shared(builder, call) {
        return None;
    }
    Some(
        builder.fact("only a failure of this call ends its loop, and nothing that its maker drops makes it fail", call),
    )
}

/// A loop that waits for nothing but the clock, and leaves by a condition of its own: it asks again and again whether it is
/// still wanted, and nobody who drops something wakes it.
pub(super) fn polls(builder: &Builder<'_, '_>, leaves: Site) -> Option<Fact> {
    fact!(polls);
    let flow = builder.program.flow(leaves.body);
    let is_loop = |step: StepId| matches!(flow.step(step).map(|step| &step.kind), Some(StepKind::Loop { .. }));
    let around = flow.around(leaves.step).map(|(outer, _)| outer.id).find(|outer| is_loop(*outer));
    let looping = Site { step: Some(leaves.step).filter(|own| is_loop(*own)).or(around)?, ..leaves };
    let inside = flow.nodes().filter(|node| flow.within(node.step.id, looping.step)).map(|node| node.step);
    let mut hears = inside.filter(|step| hears(builder, Site { step: step.id, ..looping }, &step.kind));
    (turns_by_clock(builder, looping) && hears.next().is_none()).then(|| {
        builder.fact("it asks by the clock whether it is to end, and nothing that its maker drops tells it so", leaves)
    })
}

/// Whether a step waits for others, or hears from them.
fn hears(builder: &Builder<'_, '_>, site: Site, kind: &StepKind) -> bool {
    fact!(hears);
    let program = builder.program;
    match kind {
        StepKind::Select { .. } => true,
        StepKind::Await { value, .. } => {
            let made = program.maker(site.body, *value).and_then(|made| program.call(made));
            !matches!(made.map(|call| call.target), Some(Target::Model(model)) if model.waits != Waits::Unbounded)
        }
        StepKind::Call { .. } => match program.call(site).map(|call| call.target) {
            Some(Target::Model(model)) => model
                .does
                .values()
                .any(|it| matches!(it, Effect::Take | Effect::TakeAll | Effect::Heeded | Effect::Upgraded)),
            Some(Target::Functions(functions)) => functions.iter().any(|function| program.waits_somewhere(*function)),
            _ => false,
        },
        _ => false,
    }
}

fn turns_by_clock(builder: &Builder<'_, '_>, looping: Site) -> bool {
    fact!(turns_by_clock);
    let flow = builder.program.flow(looping.body);
    flow.nodes().filter(|node| flow.within(node.step.id, looping.step)).any(|node| {
        let call = builder.program.call(Site { body: looping.body, step: node.step.id });
        call.is_some_and(|call| matches!(call.target, Target::Model(model) if model.waits == Waits::Bounded))
    })
}

/// Whether what a call is given comes from fields and variables that others go on using.
fn is_fed_by_shared(builder: &Builder<'_, '_>, site: Site) -> bool {
    fact!(is_fed_by_shared);
    let Some(call) = builder.program.call(site) else { return false };
    let mut fed = Vec::new();
    for value in call.receiver.into_iter().chain(call.args.iter().map(|arg| arg.value)) {
        match builder.program.type_of(site.body, value) {
            Type::Closure(inner) | Type::Future(_, Some(inner)) if builder.program.closure_site(inner).is_some() => {
                fed.extend(captured(builder, inner).map(|local| Spot::Local(inner, local)));
            }
            _ => fed.push(builder.program.origin(site.body, value).0),
        }
    }
    let mut shared = 0;
    for spot in fed {
        match builder.program.source(&spot) {
            Spot::Field(..) | Spot::Global(..) => shared += 1,
            // Text or numbers of its own: nobody drops what would make a call with them fail.
            Spot::Local(home, local) if is_data(builder, home, local) => {}
            Spot::Local(home, local) if home != site.body => {
                if builder.program.flow(home).reads(local).len() < 2 {
                    return false;
                }
                shared += 1;
            }
            Spot::Local(..) if call.receiver.is_some_and(|on| builder.program.origin(site.body, on).0 == spot) => {
                return false;
            }
            _ => {}
        }
    }
    shared > 0
}
