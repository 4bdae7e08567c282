//! Coroutines that are done in their first step: nothing that they wait for makes them wait.

use unleak_catalogue::model::{CallModel, Effect, Kind, Takes};
use unleak_catalogue::subject::Subject;

use super::super::builder::Builder;
use super::super::queues::bound;
use super::super::{Bound, Fact, Work};
use super::births::Birth;
use crate::program::calls::{Call, Meant, Target};
use crate::program::dead::Given;
use crate::program::types::Type;
use crate::program::{BodyRef, Site, TypeKey};
use crate::source::Language;
use crate::unit::{Colour, Driver, Place, StepKind, ValueId};

/// How many bodies are asked of before it is taken that one of them waits.
const MANY: usize = 64;

/// Which methods a call on a type means that others override.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Overrides {
    /// Every one of them.
    Meant,
    /// The type's own, as it is written there.
    LeftOut,
}

/// What has been looked at for one coroutine.
struct Asked<'a> {
    overrides: Overrides,
    met: Vec<(BodyRef, Given<'a>)>,
    /// Whether one of them changes a field or calls something of the program: one that does neither is a stand-in, which
    /// says nothing of what will be there.
    does_something: bool,
}

/// What a task runs that is done as soon as it is begun: it can be neither lost nor stopped half-way, and no two of
/// them run at once.
pub(super) fn of(builder: &Builder<'_, '_>, birth: &Birth<'_>) -> Option<Work> {
    fact!(of);
    if birth.kind != Kind::Task || builder.program.language(birth.site.body) != Language::Python {
        return None;
    }
    let location = match birth.work.body {
        Some(body) if is_done_at_once(builder, birth, body, Overrides::Meant) => {
            builder.location(body, builder.program.body(body).name_span)
        }
        None if puts_only(builder, birth) => builder.at(birth.site),
        _ => return None,
    };
    Some(Work::AtOnce(Fact { label: "it is done in its first step: nothing makes it wait".to_owned(), location }))
}

/// What a task runs that is done as soon as it is begun as far as the types that are written say: only a method that
/// overrides one of theirs may wait.
pub(super) fn as_declared(builder: &Builder<'_, '_>, birth: &Birth<'_>) -> Option<Fact> {
    fact!(as_declared);
    let body = birth.work.body.filter(|_| birth.kind == Kind::Task)?;
    let done =
        builder.program.language(body) == Language::Python && is_done_at_once(builder, birth, body, Overrides::LeftOut);
    let label = "it is done in its first step, unless a method waits that overrides one of those it calls";
    let location = builder.location(body, builder.program.body(body).name_span);
    done.then(|| Fact { label: label.to_owned(), location })
}

/// Whether what a task runs is done in its first step, and does something of its own in it.
fn is_done_at_once(builder: &Builder<'_, '_>, birth: &Birth<'_>, body: BodyRef, overrides: Overrides) -> bool {
    let mut asked = Asked { overrides, met: Vec::new(), does_something: false };
    let never = match making(builder, birth, body) {
        Some((site, functions)) => is_over_at_once(builder, site, functions, &Given::default(), &mut asked),
        None => never_waits(builder, body, Given::default(), &mut asked),
    };
    never && asked.does_something
}

/// The call that makes the coroutine, and what it may call.
fn making<'a>(builder: &Builder<'_, 'a>, birth: &Birth<'_>, body: BodyRef) -> Option<(Site, Vec<BodyRef>)> {
    birth
        .given(builder)
        .into_iter()
        .find_map(|site| functions_of(builder, site).filter(|all| all.contains(&body)).map(|all| (site, all)))
}

fn functions_of(builder: &Builder<'_, '_>, site: Site) -> Option<Vec<BodyRef>> {
    match builder.program.call(site)?.target {
        Target::Functions(functions) => Some(functions),
        _ => None,
    }
}

/// Whether awaiting what a call of one of these functions makes gives way to nobody.
fn is_over_at_once<'a>(
    builder: &Builder<'_, 'a>,
    site: Site,
    functions: Vec<BodyRef>,
    given: &Given<'a>,
    asked: &mut Asked<'a>,
) -> bool {
    let meant = match asked.overrides {
        Overrides::Meant => meant(builder, site, functions),
        Overrides::LeftOut => functions.into_iter().take(1).collect(),
    };
    let done_by = done_by(builder, meant);
    !done_by.is_empty()
        && done_by.into_iter().all(|function| {
            let given = builder.program.given_by_call(site, function, given);
            never_waits(builder, function, given, asked)
        })
}

/// Of methods that override one another, those of the types that the receiver is ever made as.
fn meant(builder: &Builder<'_, '_>, site: Site, functions: Vec<BodyRef>) -> Vec<BodyRef> {
    let program = builder.program;
    let ([first, _, ..], Some(receiver)) = (functions.as_slice(), program.call(site).and_then(|call| call.receiver))
    else {
        return functions;
    };
    let name = program.body(*first).name.clone();
    let made = program.made_by(site.body, receiver).unwrap_or_default();
    let types = made.into_iter().map(|site| match program.call(site)?.target {
        Target::Construct(ty) => Some(ty),
        _ => None,
    });
    match types.collect::<Option<Vec<TypeKey>>>() {
        Some(types) if !types.is_empty() => types.into_iter().flat_map(|ty| program.methods(ty, &name)).collect(),
        _ => functions,
    }
}

/// The functions that do the work: in the place of one that is only declared, every method of its name.
fn done_by(builder: &Builder<'_, '_>, functions: Vec<BodyRef>) -> Vec<BodyRef> {
    let program = builder.program;
    let is_left_to_others =
        |function: &BodyRef| program.is_declared_only(*function) && !program.body(*function).root.steps.is_empty();
    let (left, mut own): (Vec<BodyRef>, Vec<BodyRef>) = functions.into_iter().partition(is_left_to_others);
    for method in left.iter().flat_map(|declared| program.methods_named(&program.body(*declared).name)) {
        if !is_left_to_others(&method) && !own.contains(&method) {
            own.push(method);
        }
    }
    own
}

fn never_waits<'a>(builder: &Builder<'_, 'a>, body: BodyRef, given: Given<'a>, asked: &mut Asked<'a>) -> bool {
    let asks = (body, given);
    if asked.met.contains(&asks) {
        return true;
    }
    if builder.program.body(body).colour != Colour::Async || asked.met.len() == MANY {
        return false;
    }
    asked.met.push(asks.clone());
    let given = asks.1;
    builder.program.flow(body).nodes().all(|node| match &node.step.kind {
        StepKind::Await { value, .. } => {
            builder.program.never_runs_given(Site { body, step: node.step.id }, &given)
                || comes_at_once(builder, body, *value, &given, asked)
        }
        StepKind::Loop { driver: Driver::Each { colour, .. }, .. } => *colour == Colour::Sync,
        StepKind::Scope { items, .. } => items.iter().all(|item| item.colour == Colour::Sync),
        StepKind::Loop { driver: Driver::Forever, .. } | StepKind::Select { .. } | StepKind::Yield { .. } => false,
        StepKind::Store { place: Place::Field { .. } | Place::Index { .. }, .. }
        | StepKind::Update { place: Place::Field { .. } | Place::Index { .. }, .. } => {
            asked.does_something = true;
            true
        }
        // What it calls holds the whole loop up: while that lasts, nobody could wait for it or stop it.
        StepKind::Call { .. } => {
            asked.does_something |= acts(builder, Site { body, step: node.step.id });
            true
        }
        _ => true,
    })
}

/// Whether a call calls something of the program, or ends, fires or fills something.
fn acts(builder: &Builder<'_, '_>, site: Site) -> bool {
    fact!(acts);
    match builder.program.call(site).map(|call| call.target) {
        Some(Target::Functions(_)) => true,
        Some(Target::Model(model)) => model.does.values().any(|effect| {
            matches!(effect, Effect::Cancelled | Effect::Fired | Effect::Closed | Effect::Put | Effect::TryPut)
        }),
        _ => false,
    }
}

fn comes_at_once<'a>(
    builder: &Builder<'_, 'a>,
    body: BodyRef,
    value: ValueId,
    given: &Given<'a>,
    asked: &mut Asked<'a>,
) -> bool {
    let program = builder.program;
    let made = program.maker(body, value);
    let is_async = |functions: &Vec<BodyRef>| functions.iter().any(|it| program.body(*it).colour == Colour::Async);
    let calls = made.and_then(|site| Some((site, functions_of(builder, site).filter(is_async)?)));
    match (calls, program.type_of(body, value)) {
        (Some((site, functions)), _) => is_over_at_once(builder, site, functions, given, asked),
        (None, Type::Future(_, Some(inner))) => never_waits(builder, inner, Given::default(), asked),
        _ => made.is_some_and(|site| puts_without_waiting(builder, site)),
    }
}

/// Whether what a task is given to run is one `put` into a queue that never makes it wait.
fn puts_only(builder: &Builder<'_, '_>, birth: &Birth<'_>) -> bool {
    fact!(puts_only);
    birth.given(builder).into_iter().any(|site| puts_without_waiting(builder, site))
}

fn puts_without_waiting(builder: &Builder<'_, '_>, site: Site) -> bool {
    let Some(call) = builder.program.call(site) else { return false };
    let Target::Model(model) = call.target else {
        return call.target == Target::Unknown && puts_into_any(builder, site);
    };
    model.does.get(&Subject::Receiver) == Some(&Effect::Put)
        && call.receiver.is_some_and(|queue| {
            is_unbounded(builder, site.body, queue) || has_no_bound_here(builder, site.body, queue)
        })
}

/// Whether the program makes queues of this type, and none of them with a bound.
fn has_no_bound_here(builder: &Builder<'_, '_>, body: BodyRef, queue: ValueId) -> bool {
    fact!(has_no_bound_here);
    let program = builder.program;
    let ty = program.type_of(body, queue);
    let Some(path) = ty.model_path() else { return false };
    let makes = |meant: Meant<'_>| matches!(meant, Meant::Model(model) if model.path == *path && model.birth.as_ref().is_some_and(|birth| birth.kind == Kind::Queue));
    let bearing = program.calls().bearing(program.whole());
    let mut made = bearing.filter(|(_, meant)| makes(*meant)).map(|(site, _)| site).peekable();
    made.peek().is_some() && made.all(|site| makes_unbounded(builder, site))
}

/// Whether a method of what is not known, by whose name a queue is filled that the program makes, fills one that never makes
/// it wait: none that it makes has a bound.
fn puts_into_any(builder: &Builder<'_, '_>, site: Site) -> bool {
    fact!(puts_into_any);
    let program = builder.program;
    let language = program.language(site.body);
    let Some(name) = program.callee_name(site) else { return false };
    let fills = |model: &CallModel| {
        let put = program.model(language, &format!("{}.{name}", model.path));
        put.is_some_and(|put| {
            put.takes_effect == Takes::WhenAwaited && put.does.get(&Subject::Receiver) == Some(&Effect::Put)
        })
    };
    let makes = |meant: Meant<'_>| {
        matches!(meant, Meant::Model(model)
            if model.birth.as_ref().is_some_and(|birth| birth.kind == Kind::Queue) && fills(model))
    };
    let bearing = program.calls().bearing(program.whole());
    let mut made = bearing.filter(|(_, meant)| makes(*meant)).map(|(site, _)| site).peekable();
    made.peek().is_some() && made.all(|site| makes_unbounded(builder, site))
}

/// Whether all that a value may be is a queue that is made here without a bound.
fn is_unbounded(builder: &Builder<'_, '_>, body: BodyRef, queue: ValueId) -> bool {
    fact!(is_unbounded);
    let made = builder.program.made_by(body, queue);
    made.is_some_and(|made| made.into_iter().all(|site| makes_unbounded(builder, site)))
}

fn makes_unbounded(builder: &Builder<'_, '_>, site: Site) -> bool {
    let Some(Call { target: Target::Model(model), .. }) = builder.program.call(site) else { return false };
    let Some(birth) = model.birth.as_ref().filter(|birth| birth.kind == Kind::Queue) else { return false };
    let call = builder.program.call(site);
    call.is_some_and(|call| matches!(bound::of_birth(builder, &call, birth), Bound::None | Bound::Absurd(_)))
}
