//! Coroutines that are done in their first step: nothing that they wait for makes them wait.

use unleak_catalogue::model::{Effect, Kind};
use unleak_catalogue::subject::Subject;

use super::super::builder::Builder;
use super::super::queues::bound;
use super::super::{Bound, Fact, Work};
use super::births::Birth;
use crate::program::calls::{Call, Target};
use crate::program::dead::Given;
use crate::program::trace::Spot;
use crate::program::types::Type;
use crate::program::{BodyRef, Site};
use crate::source::Language;
use crate::unit::{Colour, Driver, Place, StepKind, ValueId};

/// How many calls deep it is asked whether a body waits.
const DEEP: u32 = 6;

/// What a task runs that is done as soon as it is begun: it can be neither lost nor stopped half-way, and no two of
/// them run at once.
pub(super) fn of(builder: &Builder<'_, '_>, birth: &Birth<'_>) -> Option<Work> {
    if birth.kind != Kind::Task || builder.program.language(birth.site.body) != Language::Python {
        return None;
    }
    let fact = match birth.work.body {
        Some(body) if is_done_at_once(builder, body, &given(builder, birth, body)) => {
            builder.location(body, builder.program.body(body).name_span)
        }
        None if puts_only(builder, birth) => builder.at(birth.site),
        _ => return None,
    };
    Some(Work::AtOnce(Fact { label: "it is done in its first step: nothing makes it wait".to_owned(), location: fact }))
}

/// Whether a body is done in its first step, and does something of its own in it: one that changes no field and calls
/// nothing of the program is a stand-in, which says nothing of what will be there.
fn is_done_at_once<'a>(builder: &Builder<'_, 'a>, body: BodyRef, given: &Given<'a>) -> bool {
    let mut own = false;
    never_waits(builder, body, given, DEEP, &mut own) && own
}

/// What the call that makes the coroutine gives to it.
fn given<'a>(builder: &Builder<'_, 'a>, birth: &Birth<'_>, body: BodyRef) -> Given<'a> {
    let Some(call) = builder.program.call(birth.site) else { return Given::default() };
    let mut made = call.args.iter().filter_map(|arg| builder.program.maker(birth.site.body, arg.value));
    let made = made.find(|site| match builder.program.call(*site).map(|call| call.target) {
        Some(Target::Functions(functions)) => functions.contains(&body),
        _ => false,
    });
    made.map(|site| builder.program.given_by_call(site, body, &Given::default())).unwrap_or_default()
}

fn never_waits<'a>(builder: &Builder<'_, 'a>, body: BodyRef, given: &Given<'a>, deep: u32, own: &mut bool) -> bool {
    let Some(deep) = deep.checked_sub(1) else { return false };
    if builder.program.body(body).colour != Colour::Async {
        return false;
    }
    builder.program.flow(body).nodes().all(|node| match &node.step.kind {
        StepKind::Await { value, .. } => {
            builder.program.never_runs_given(Site { body, step: node.step.id }, given)
                || comes_at_once(builder, body, *value, given, deep, own)
        }
        StepKind::Loop { driver: Driver::Each { colour, .. }, .. } => *colour == Colour::Sync,
        StepKind::Scope { items, .. } => items.iter().all(|item| item.colour == Colour::Sync),
        StepKind::Loop { driver: Driver::Forever, .. } | StepKind::Select { .. } | StepKind::Yield { .. } => false,
        StepKind::Store { place: Place::Field { .. }, .. } | StepKind::Update { place: Place::Field { .. }, .. } => {
            *own = true;
            true
        }
        // What it calls holds the whole loop up: while that lasts, nobody could wait for it or stop it.
        StepKind::Call { .. } => {
            *own |= calls_own(builder, Site { body, step: node.step.id });
            true
        }
        _ => true,
    })
}

fn calls_own(builder: &Builder<'_, '_>, site: Site) -> bool {
    matches!(builder.program.call(site).map(|call| call.target), Some(Target::Functions(_)))
}

/// Whether awaiting a value gives way to nobody.
fn comes_at_once<'a>(
    builder: &Builder<'_, 'a>,
    body: BodyRef,
    value: ValueId,
    given: &Given<'a>,
    deep: u32,
    own: &mut bool,
) -> bool {
    let program = builder.program;
    if let Type::Future(_, Some(inner)) = program.type_of(body, value) {
        let made = program.maker(body, value);
        let calls = made.and_then(|site| program.call(site)).map(|call| call.target);
        // What overrides it may wait.
        let overridden = matches!(&calls, Some(Target::Functions(functions)) if functions.len() > 1);
        let given = made.map(|site| program.given_by_call(site, inner, given)).unwrap_or_default();
        return !overridden && never_waits(builder, inner, &given, deep, own);
    }
    program.maker(body, value).is_some_and(|site| puts_without_waiting(builder, site))
}

/// Whether what a task is given to run is one `put` into a queue that never makes it wait.
fn puts_only(builder: &Builder<'_, '_>, birth: &Birth<'_>) -> bool {
    let Some(call) = builder.program.call(birth.site) else { return false };
    let mut made = call.args.iter().filter_map(|arg| builder.program.maker(birth.site.body, arg.value));
    made.any(|site| puts_without_waiting(builder, site))
}

fn puts_without_waiting(builder: &Builder<'_, '_>, site: Site) -> bool {
    let Some(call) = builder.program.call(site) else { return false };
    let Target::Model(model) = call.target else { return false };
    model.does.get(&Subject::Receiver) == Some(&Effect::Put)
        && call.receiver.is_some_and(|queue| is_unbounded(builder, site.body, queue))
}

/// Whether all that a value may be is a queue that is made here without a bound.
fn is_unbounded(builder: &Builder<'_, '_>, body: BodyRef, queue: ValueId) -> bool {
    let program = builder.program;
    let spot = program.source(&program.origin(body, queue).0);
    let stores = builder.program.sites_of(&spot).into_iter().filter_map(|site| {
        match program.flow(site.body).step(site.step).map(|step| &step.kind) {
            Some(StepKind::Store { value, .. }) => Some((site.body, *value)),
            _ => None,
        }
    });
    let own = match spot {
        Spot::Value(body, value) => Some((body, value)),
        _ => None,
    };
    let mut made = stores.chain(own).map(|(body, value)| program.maker(body, value)).peekable();
    made.peek().is_some() && made.all(|site| site.is_some_and(|site| makes_unbounded(builder, site)))
}

fn makes_unbounded(builder: &Builder<'_, '_>, site: Site) -> bool {
    let Some(Call { target: Target::Model(model), .. }) = builder.program.call(site) else { return false };
    let Some(birth) = model.birth.as_ref().filter(|birth| birth.kind == Kind::Queue) else { return false };
    let call = builder.program.call(site);
    call.is_some_and(|call| matches!(bound::of_birth(builder, site, &call, birth), Bound::None | Bound::Absurd(_)))
}
