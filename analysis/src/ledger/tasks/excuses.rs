//! What speaks for a task that nobody keeps: it is mostly meant so, or its maker is not known to give one.

use unleak_catalogue::model::{About, Effect, Kind, Phase, Takes, Waits};
use unleak_catalogue::subject::Subject;

use super::super::builder::Builder;
use super::super::queues::gate::always_leaves;
use super::super::{Fact, Holding, Many, Resource, Work};
use super::births::Birth;
use super::{at_once, losses, program_wide, told};
use crate::program::calls::{Depth, Target};
use crate::program::flow::Slot;
use crate::program::trace::{Returns, Spot, Trail, What};
use crate::program::types::Type;
use crate::program::{BodyRef, Def, Site};
use crate::source::Language;
use crate::unit::{Colour, StepId, StepKind, ValueId, Visibility};

/// All that speaks for a task whose handle goes this way.
pub(super) fn of<'a>(
    builder: &Builder<'_, 'a>,
    birth: &Birth<'a>,
    resource: &Resource,
    trail: &Trail<'a>,
) -> Vec<Fact> {
    let found = [
        finalizer(builder, birth),
        lost_once(builder, resource, trail),
        may_give_none(builder, birth),
        detached(builder, birth),
        reached_weakly(builder, birth),
        looks_after_itself(builder, birth, resource),
        at_once::as_declared(builder, birth),
        ignores_failures(builder, birth),
        closes(builder, birth),
        called_back(builder, birth, trail),
        told_on_some_ways(builder, birth),
        kept_until_done(builder, trail),
        closes_foreign(builder, birth),
        begun_by_nobody(builder, birth),
        has_no_keeper(builder, birth),
    ];
    found.into_iter().flatten().chain(program_wide::of(builder, birth, resource)).collect()
}

/// What is started where its owner ends is mostly that end, and is not waited for as nothing comes after it.
fn closes(builder: &Builder<'_, '_>, birth: &Birth<'_>) -> Option<Fact> {
    fact!(closes);
    matches!(builder.program.phase_of(birth.site.body), Some(Phase::Close | Phase::Exit))
        .then(|| builder.fact("it is started where its owner ends", birth.site))
}

/// A callback that is not a collection's own method is called with it when it is done, and may look at it, whoever put it
/// there: its maker, or the wrapper that gives it.
fn called_back<'a>(builder: &Builder<'_, 'a>, birth: &Birth<'a>, trail: &Trail<'a>) -> Option<Fact> {
    fact!(called_back);
    let put_on = |trail: &Trail<'a>| {
        let mut all = told::callbacks(builder, trail);
        let own = |(at, value): &(Site, ValueId)| {
            !matches!(builder.program.type_of(at.body, *value), Type::Def(Def::Model(_)))
        };
        all.find(own).map(|(site, _)| site)
    };
    let in_wrapper = || {
        let call = builder.program.call(birth.root.filter(|_| birth.made_by.is_some())?)?;
        put_on(&builder.program.follow(Spot::Value(birth.root?.body, call.out), 0, Returns::Stop))
    };
    let site = put_on(trail).or_else(in_wrapper)?;
    Some(builder.fact("a callback is called with it when it is done", site))
}

/// A collection of a frame's own that it leaves when it is done keeps it, as long as the frame lasts.
fn kept_until_done<'a>(builder: &Builder<'_, 'a>, trail: &Trail<'a>) -> Option<Fact> {
    fact!(kept_until_done);
    let program = builder.program;
    let removes = |path: &str, body: BodyRef| {
        let model = program.model(program.language(body), path);
        model.is_some_and(|model| model.does.values().any(|effect| *effect == Effect::Remove))
    };
    let mut left = told::callbacks(builder, trail).filter_map(|(at, value)| match program.type_of(at.body, value) {
        Type::Def(Def::Model(path)) if removes(&path, at.body) => {
            Some(program.source(&program.origin(at.body, program.receiver_of(at.body, value)?).0))
        }
        _ => None,
    });
    let kept = left.find_map(|collection| {
        trail.uses.iter().find(|used| matches!(&used.what, What::Element(of) if program.source(of) == collection))
    })?;
    Some(builder.fact("a collection of this frame keeps it until it is done", kept.site))
}

/// Closing what a library made, and may have been closed already, is mostly done as well as it can be.
fn closes_foreign(builder: &Builder<'_, '_>, birth: &Birth<'_>) -> Option<Fact> {
    fact!(closes_foreign);
    let program = builder.program;
    if birth.work.body.is_some() || program.language(birth.site.body) != Language::Python {
        return None;
    }
    let closing = |site: &Site| {
        let life =
            program.callee_name(*site).and_then(|name| program.catalogue.lifecycle(Language::Python.name(), &name));
        life.is_some_and(|life| life.phase == Phase::Close)
    };
    Some(builder.fact("it only closes what is not the program's own", birth.given(builder).into_iter().find(closing)?))
}

/// A private method that no code speaks of is called by nobody, unless its file makes names while it runs.
fn begun_by_nobody(builder: &Builder<'_, '_>, birth: &Birth<'_>) -> Option<Fact> {
    fact!(begun_by_nobody);
    let program = builder.program;
    let method = program.named_around(birth.site.body);
    let owned = program.body(method);
    let python = program.language(method) == Language::Python && program.owner(method).is_some();
    let private = owned.visibility == Visibility::Private && owned.marks.is_empty();
    if !python || !private || program.is_asked_for(&owned.name) {
        return None;
    }
    let made = |site: Site| {
        let name = program.call(site).and_then(|call| Some(call.args.get(1)?.value));
        site.body.file == method.file && name.is_some_and(|name| program.constant_of(site.body, name).is_none())
    };
    let location = builder.location(method, owned.name_span);
    let unheard = !program.calls().about(About::AnyName).any(made);
    unheard.then(|| Fact { label: "no code speaks of this method, which is private".to_owned(), location })
}

/// Where neither a coroutine stands around it, which could wait, nor an object that ends, nobody is there to keep what is
/// the program's own: who was handed it to run is there for others.
fn has_no_keeper(builder: &Builder<'_, '_>, birth: &Birth<'_>) -> Option<Fact> {
    fact!(has_no_keeper);
    let program = builder.program;
    if program.language(birth.site.body) != Language::Python || losses::is_handed(builder, birth) {
        return None;
    }
    let parent = |body: &BodyRef| program.body(*body).parent.map(|parent| BodyRef { file: body.file, body: parent });
    let mut around = std::iter::successors(Some(birth.site.body), parent);
    let waits = around.any(|body| program.body(body).colour == Colour::Async);
    let ends = || program.owner_around(birth.site.body).is_some_and(|owner| program.has_an_end(owner));
    (!waits && !ends())
        .then(|| builder.fact("neither a coroutine nor an object that ends is there to keep it", birth.site))
}

/// On some ways through it its end is told to somebody who waits.
fn told_on_some_ways(builder: &Builder<'_, '_>, birth: &Birth<'_>) -> Option<Fact> {
    fact!(told_on_some_ways);
    let at = told::somewhere(builder, birth.work.body?)?;
    Some(builder.fact("its end is told here to somebody who waits for it, if not on every way", at))
}

/// The last that is done for an object: nobody is left who could keep it.
fn finalizer(builder: &Builder<'_, '_>, birth: &Birth<'_>) -> Option<Fact> {
    fact!(finalizer);
    (builder.program.phase_of(birth.site.body) == Some(Phase::Drop))
        .then(|| builder.fact("it runs when its object goes, and nobody is left to keep it", birth.site))
}

/// A race that is run once leaves one loser.
fn lost_once(builder: &Builder<'_, '_>, resource: &Resource, trail: &Trail<'_>) -> Option<Fact> {
    fact!(lost_once);
    if resource.many == Many::PerEvent {
        return None;
    }
    let race = trail.uses.iter().find(|used| {
        matches!(&used.what, What::Effect(Effect::AwaitedInPart, model) if !model.does.contains_key(&Subject::Receiver))
    })?;
    Some(builder.fact("this race is not known to be run again and again", race.site))
}

/// On some ways a wrapper gives no task: it has run the work to its end itself, or there was nothing to do.
fn may_give_none(builder: &Builder<'_, '_>, birth: &Birth<'_>) -> Option<Fact> {
    fact!(may_give_none);
    birth.made_by?;
    let program = builder.program;
    let Target::Functions(functions) = program.call(birth.site)?.target else { return None };
    let fact = |function: BodyRef| Fact {
        label: "not on every way through it a task is given".to_owned(),
        location: builder.location(function, program.body(function).name_span),
    };
    functions.into_iter().find(|function| gives_none(builder, *function)).map(fact)
}

fn gives_none(builder: &Builder<'_, '_>, function: BodyRef) -> bool {
    let program = builder.program;
    let body = program.body(function);
    if program.language(function) != Language::Python {
        return false;
    }
    let nothing = |value| {
        let made = program.maker(function, value).and_then(|site| program.call(site)).map(|call| call.target);
        // A future made by hand is no task, and what was waited for here has come to its end.
        let over = matches!(made, Some(Target::Model(model))
            if model.birth.as_ref().is_some_and(|birth| birth.kind == Kind::Signal)
                || (model.waits == Waits::Unbounded && model.takes_effect == Takes::AtOnce));
        over || program.constant_of(function, value).is_some()
    };
    !always_leaves(&body.root)
        || program.flow(function).nodes().any(|node| match node.step.kind {
            StepKind::Return { value } => value.is_none_or(nothing),
            _ => false,
        })
}

/// The wrapper that gives it has it in a weak collection: it is there that something is to be mended.
fn reached_weakly(builder: &Builder<'_, '_>, birth: &Birth<'_>) -> Option<Fact> {
    fact!(reached_weakly);
    let made = builder.resource(birth.made_by?);
    let weak = made.holds.iter().find(|hold| hold.how == Holding::Weak)?;
    Some(Fact { label: "others reach it here as long as it is there".to_owned(), location: weak.from.clone() })
}

/// A process that is told to go on without its maker.
fn detached(builder: &Builder<'_, '_>, birth: &Birth<'_>) -> Option<Fact> {
    fact!(detached);
    let call = builder.program.call(birth.site)?;
    let Target::Model(model) = call.target else { return None };
    let given = builder.program.effect_on(&call, model, call.out, Depth::Itself) == Some(Effect::Detached);
    given.then(|| builder.fact("it is started so that it goes on alone", birth.site))
}

/// What goes on after each failure of its own, and is not begun for each event, is one that lasts.
fn looks_after_itself(builder: &Builder<'_, '_>, birth: &Birth<'_>, resource: &Resource) -> Option<Fact> {
    fact!(looks_after_itself);
    let lasts = matches!(resource.work, Work::Endless(_)) && resource.many != Many::PerEvent;
    let body = birth.work.body.filter(|body| lasts && builder.program.handles_its_failures(*body))?;
    Some(Fact {
        label: "it handles what fails in it and goes on, and is not known to be begun again and again".to_owned(),
        location: builder.location(body, builder.program.body(body).name_span),
    })
}

/// Wherever it waits for something that can fail, a handler of its own passes over the failure.
fn ignores_failures(builder: &Builder<'_, '_>, birth: &Birth<'_>) -> Option<Fact> {
    fact!(ignores_failures);
    let body = birth.work.body?;
    let program = builder.program;
    let flow = program.flow(body);
    let by_clock = |value| {
        let call = program.maker(body, value).and_then(|site| program.call(site));
        matches!(call.map(|call| call.target), Some(Target::Model(model)) if model.waits == Waits::Bounded)
    };
    let passed_over = |step: StepId| {
        flow.around(step).any(|(outer, slot)| match (&outer.kind, slot) {
            (StepKind::Try { handlers, .. }, Slot::TryBody) => {
                !handlers.is_empty()
                    && handlers
                        .iter()
                        .all(|it| it.body.steps.is_empty() && !program.catches_cancellation_only(body, it))
            }
            _ => false,
        })
    };
    let mut waits = flow.nodes().filter_map(|node| match node.step.kind {
        StepKind::Await { value, .. } if !by_clock(value) => Some(node.step.id),
        _ => None,
    });
    let first = waits.next().filter(|step| passed_over(*step))?;
    waits
        .all(passed_over)
        .then(|| builder.fact("what goes wrong here is passed over on purpose", Site { body, step: first }))
}
