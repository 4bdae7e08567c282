//! What becomes of a task: its holders, its ends, and the verdict.

use unleak_catalogue::model::{Effect, Kind, OnDrop, OwnerOf};
use unleak_catalogue::subject::Subject;

use super::super::builder::Builder;
use super::super::{Answer, End, Ending, Fact, Hold, Holder, Holding, Location, Many, Resource};
use super::births::{Birth, Given, Start};
use super::{excuses, left_early, losses, named, started, told, verdict, work};
use crate::program::calls::Target;
use crate::program::flow::Slot;
use crate::program::trace::{PASSED_OUT, Returns, Spot, Trail, Use, What};
use crate::program::{BodyRef, Site};
use crate::unit::{BodyKind, Discard, Driver, Item, Part, Shape, StepId, StepKind, ValueId};

/// Why a process is open: who has its number or its pipes can end it or wait for it.
const BY_PARTS: &str = "reached by its number or its pipes";

/// What a task is called that runs what the callers of the function give.
const GIVEN: &str = "what its callers give";

/// A task's entry, and the bodies that hand it on.
pub(super) struct Fate {
    /// The entry.
    pub(super) resource: Resource,
    /// The bodies that return it.
    pub(super) returned: Vec<(BodyRef, Given)>,
}

impl Fate {
    /// Whether somebody keeps or ends it, so that whoever else gets the handle may drop it.
    pub(super) fn is_kept(&self) -> bool {
        let held = self.resource.holds.iter().any(|hold| hold.how == Holding::Strong && hold.by != Holder::Caller);
        held || !self.resource.ends.is_empty()
    }
}

/// Follows a birth to its verdict.
pub(super) fn of<'a>(builder: &Builder<'_, 'a>, birth: &Birth<'a>) -> Fate {
    let mut resource = builder.born(birth.kind, birth.site, birth.known);
    resource.made_by = birth.made_by;
    resource.work = work::of(builder, birth);
    resource.name = match started::is_given(builder, birth) {
        true => Some(GIVEN.to_owned()),
        false => named::by_work(builder, &birth.work),
    };
    if birth.owner != OwnerOf::Handle || runs_on_what_goes(builder, birth) {
        let by = Holder::Supervisor(supervisor(builder, birth.site));
        resource.holds.push(Hold { by, how: Holding::Strong, from: builder.at(birth.site) });
    }
    let mut returned = Vec::new();
    let mut way = Trail::default();
    match &birth.start {
        Start::Nobody(site) => resource.notes.push(builder.fact("called back here, and its result is dropped", *site)),
        start => {
            let trail = trail(builder, birth, start);
            for used in &trail.uses {
                note(builder, &mut resource, used);
                if let What::Returned(body) = used.what {
                    let given = given(builder, &trail, used);
                    hand_on(builder, &mut resource, &mut returned, used, (body, given));
                }
            }
            hold_by_spots(builder, &mut resource, birth, &trail);
            ended_by_drop(builder, &mut resource, &trail);
            tell(&mut resource, told::by_callback(builder, &trail));
            if told::failure_asked(builder, &trail) {
                resource.failure_seen = Answer::Yes;
            }
            way = trail;
        }
    }
    if birth.made_by.is_some_and(|id| builder.resource(id).failure_seen == Answer::Yes) {
        resource.failure_seen = Answer::Yes;
    }
    tell(&mut resource, birth.work.body.and_then(|work| told::by_work(builder, work)));
    verdict::judge(builder, &mut resource, birth);
    left_early::open(builder, &mut resource, birth, &way);
    if resource.leaks == Answer::Yes {
        resource.losses = losses::of(builder, birth, &resource);
        resource.excuses = excuses::of(builder, birth, &resource, &way);
    }
    Fate { resource, returned }
}

/// Whether it runs on something that cancels it when that is dropped, as a runtime of one's own does: neither a static, nor
/// what a function gives, which may be one.
fn runs_on_what_goes(builder: &Builder<'_, '_>, birth: &Birth<'_>) -> bool {
    fact!(runs_on_what_goes);
    let program = builder.program;
    let body = birth.site.body;
    let Some(on) = program.call(birth.site).and_then(|call| call.receiver) else { return false };
    let made = program.maker(body, on).and_then(|made| program.call(made)).map(|call| call.target);
    let own = matches!(made, None | Some(Target::Model(_)));
    own && program.cancels_when_dropped(body, on)
        && !matches!(program.source(&program.origin(body, on).0), Spot::Global(..))
}

fn supervisor(builder: &Builder<'_, '_>, site: Site) -> String {
    let written = builder.written(site);
    written.rsplit_once(['.', ':']).map_or(written.clone(), |(owner, _)| owner.trim_end_matches(':').to_owned())
}

fn trail<'a>(builder: &Builder<'_, 'a>, birth: &Birth<'a>, start: &Start) -> Trail<'a> {
    let Some(StepKind::Call { out, .. }) =
        builder.program.flow(birth.site.body).step(birth.site.step).map(|step| &step.kind)
    else {
        return Trail::default();
    };
    let body = birth.site.body;
    let spot = Spot::Value(body, *out);
    match start {
        Start::AwaitedResult => builder.program.follow_awaited(spot, Returns::Stop),
        Start::Result | Start::Nobody(_) => builder.program.follow(spot, 0, Returns::Stop),
        Start::Elements(depth) => builder.program.follow(spot, *depth, Returns::Stop),
        Start::Part(place) => part_trail(builder, body, *out, *place),
    }
}

/// What becomes of one part of the pair that a call, or awaiting it, gives.
fn part_trail<'a>(builder: &Builder<'_, 'a>, body: BodyRef, out: ValueId, place: u32) -> Trail<'a> {
    let flow = builder.program.flow(body);
    let mut pairs = vec![out];
    let mut trail = Trail::default();
    while let Some(pair) = pairs.pop() {
        for id in flow.uses(pair) {
            match flow.step(*id).map(|step| &step.kind) {
                Some(StepKind::Await { out, .. } | StepKind::Propagate { out, .. }) => pairs.push(*out),
                Some(StepKind::Part { out, part: Part::Index(at), .. }) if *at == place => {
                    let part = builder.program.follow(Spot::Value(body, *out), 0, Returns::Stop);
                    trail.uses.extend(part.uses);
                    trail.spots.extend(part.spots);
                }
                Some(StepKind::Part { part: Part::Index(_), .. }) => {}
                _ => return builder.program.follow(Spot::Value(body, out), 1, Returns::Stop),
            }
        }
    }
    trail
}

/// How a return gives it: as it is, in a container, or as a part of a pair.
fn given(builder: &Builder<'_, '_>, trail: &Trail<'_>, used: &Use<'_>) -> Given {
    let flow = builder.program.flow(used.site.body);
    let returned = match flow.step(used.site.step).map(|step| &step.kind) {
        Some(StepKind::Return { value: Some(value) }) => flow.def(*value).map(|step| &step.kind),
        _ => None,
    };
    let place = match returned {
        Some(StepKind::Collect { shape: Shape::Tuple, items, .. }) => items.iter().position(
            |item| matches!(item, Item::One(value) if trail.spots.contains(&Spot::Value(used.site.body, *value))),
        ),
        _ => None,
    };
    match (used.depth, place) {
        (0, _) => Given::Itself,
        (1, Some(place)) => Given::Part(place as u32),
        (depth, _) => Given::Elements(depth),
    }
}

/// Enters one use of the handle.
fn note<'a>(builder: &Builder<'_, 'a>, resource: &mut Resource, used: &Use<'a>) {
    let at = builder.at(used.site);
    let mut end = |how: Ending| resource.ends.push(builder.end(how, used.site));
    match &used.what {
        What::Await => end(Ending::Awaited),
        What::Raced => end(Ending::Raced),
        What::Entered => end(Ending::ScopeExit),
        What::Effect(effect, model) => match effect {
            Effect::Awaited => end(Ending::Awaited),
            Effect::Joined => end(Ending::Joined),
            // A method that waits with a time limit raises to whoever calls it: the end is looked after.
            Effect::AwaitedInPart if model.does.contains_key(&Subject::Receiver) => end(Ending::Joined),
            Effect::Cancelled => end(Ending::Cancelled),
            Effect::Closed => end(Ending::Closed),
            Effect::Observed if is_polled(builder, used.site) => end(Ending::Joined),
            _ => note_effect(builder, resource, used, *effect),
        },
        What::MethodHanded(model) => {
            let effect = model.does.values().next().copied();
            match effect {
                Some(Effect::Cancelled) => end(Ending::Cancelled),
                Some(Effect::Joined | Effect::Awaited) => end(Ending::Joined),
                _ => resource.notes.push(builder.fact("one of its methods is handed on here", used.site)),
            }
        }
        What::Yielded(_) => resource.holds.push(Hold { by: Holder::Caller, how: Holding::Strong, from: at }),
        What::WeakElement => {
            resource.holds.push(Hold { by: Holder::WeakCollection, how: Holding::Weak, from: at });
        }
        What::Discarded(how) => {
            let label = match how {
                Discard::Statement => "its handle is dropped here",
                Discard::Underscore => "its handle is bound to `_` and dropped here",
            };
            resource.notes.push(Fact { label: label.to_owned(), location: at });
        }
        What::Unknown(reason) => resource.open.push((reason, Fact { label: (*reason).to_owned(), location: at })),
        What::Local(..) | What::Field(..) | What::LooseField(_) | What::Global(..) | What::Element(_) => {}
        // A process can be reached by its number, and its end is seen at its pipes.
        What::Attribute if resource.kind == Kind::Process => {
            resource.open.push((BY_PARTS, builder.fact(BY_PARTS, used.site)));
        }
        What::Attribute | What::Tested | What::Iterated | What::Called(_) | What::Returned(_) => {}
    }
}

/// Whether a loop turns as long as a question about it has the same answer (`while not future.done()`): that waits for it.
fn is_polled(builder: &Builder<'_, '_>, asked: Site) -> bool {
    fact!(is_polled);
    let mut around = builder.program.flow(asked.body).around(asked.step);
    around.next().is_some_and(|(outer, slot)| {
        slot == Slot::LoopHead && matches!(outer.kind, StepKind::Loop { driver: Driver::While { .. }, .. })
    })
}

fn note_effect(builder: &Builder<'_, '_>, resource: &mut Resource, used: &Use<'_>, effect: Effect) {
    let label = match effect {
        Effect::AwaitedInPart => "waited for here only until a time limit or the first of several",
        Effect::CalledAtEnd => "a callback is put on it here, which keeps nothing",
        Effect::Detached | Effect::Dropped => "its handle is given up here",
        Effect::Forgotten => "its handle is forgotten here",
        Effect::Run => {
            resource.open.push((PASSED_OUT, builder.fact(PASSED_OUT, used.site)));
            return;
        }
        Effect::PassedThrough => return,
        _ => "only looked at here",
    };
    resource.notes.push(builder.fact(label, used.site));
}

/// A body returns it: to its callers, to nobody who is known, or to somebody who calls it back and drops the result.
fn hand_on(
    builder: &Builder<'_, '_>,
    resource: &mut Resource,
    returned: &mut Vec<(BodyRef, Given)>,
    used: &Use<'_>,
    (body, given): (BodyRef, Given),
) {
    let registrations = builder.rhythm.registrations(body);
    let dropped = registrations.iter().find(|registration| {
        matches!(registration.effect, Effect::CalledLater | Effect::CalledPerEvent | Effect::CalledAtEnd)
    });
    let nameless = builder.program.body(body).kind == BodyKind::Closure;
    match dropped {
        Some(registration) if nameless => {
            resource.notes.push(builder.fact("called back here, and its result is dropped", registration.site));
        }
        // Whoever calls the closure gets the handle, and is asked what becomes of it.
        _ if nameless && builder.program.calls().callers(body).is_empty() && called_and_dropped(builder, body) => {
            resource.notes.push(builder.fact("called by code that drops its result", used.site));
        }
        _ if nameless && builder.rhythm.escapes(body) => {
            resource.open.push((PASSED_OUT, builder.fact(PASSED_OUT, used.site)));
        }
        _ => {
            if !returned.contains(&(body, given)) {
                returned.push((body, given));
            }
            resource.holds.push(Hold { by: Holder::Caller, how: Holding::Strong, from: builder.at(used.site) });
        }
    }
}

/// Whether all calls of a nameless function are known and drop what it gives.
fn called_and_dropped(builder: &Builder<'_, '_>, body: BodyRef) -> bool {
    fact!(called_and_dropped);
    let Some((outer, value)) = builder.program.closure_site(body) else { return false };
    let trail = builder.program.follow(Spot::Value(outer, value), 0, Returns::Follow);
    if trail.uses.iter().any(|used| matches!(used.what, What::Unknown(_))) {
        return false;
    }
    let mut calls = trail.uses.iter().filter_map(|used| match used.what {
        What::Called(out) => Some((used.site.body, out)),
        _ => None,
    });
    let dropped = |(body, out): (BodyRef, ValueId)| {
        let flow = builder.program.flow(body);
        flow.uses(out).iter().all(|id| matches!(flow.step(*id).map(|step| &step.kind), Some(StepKind::Discard { .. })))
    };
    calls.next().is_some_and(|first| dropped(first) && calls.all(dropped))
}

/// The fields, variables and containers it has come into hold it.
fn hold_by_spots(builder: &Builder<'_, '_>, resource: &mut Resource, birth: &Birth<'_>, trail: &Trail<'_>) {
    let from = |spot: &Spot| -> Location {
        let stored = trail.uses.iter().find(|used| match (&used.what, spot) {
            (What::Field(ty, name), Spot::Field(other, field)) => ty == other && name == field,
            (What::LooseField(name), Spot::LooseField(field)) => name == field,
            (What::Global(file, name), Spot::Global(other, global)) => file == other && name == global,
            (What::Element(of), spot) => of == spot,
            _ => false,
        });
        stored.map_or_else(|| resource_birth(builder, birth), |used| builder.at(used.site))
    };
    let mut holds = Vec::new();
    for spot in &trail.spots {
        let by = builder.holder(spot);
        if by == Holder::Frame {
            continue;
        }
        let hold = Hold { by, how: Holding::Strong, from: from(spot) };
        if !holds.contains(&hold) {
            holds.push(hold);
        }
    }
    let local = trail.uses.iter().find(|used| matches!(used.what, What::Local(..)));
    if let (true, Some(local)) = (holds.is_empty(), local) {
        let lasting = builder.program.stays_after(birth.site) || kept_by_loop(builder, birth.site, trail);
        let (by, how) = match lasting {
            true => (Holder::LastingFrame, Holding::Strong),
            false => (Holder::Frame, Holding::ObservedOnly),
        };
        holds.push(Hold { by, how, from: builder.at(local.site) });
    }
    resource.holds.extend(holds);
}

/// Whether it goes into a collection that is older than the endless loop it is born in: both last as long as the loop.
fn kept_by_loop(builder: &Builder<'_, '_>, birth: Site, trail: &Trail<'_>) -> bool {
    fact!(kept_by_loop);
    let flow = builder.program.flow(birth.body);
    let turns = |id: StepId| builder.program.turns_of(Site { body: birth.body, step: id });
    let around = flow.around(birth.step);
    let loops: Vec<StepId> = around
        .filter(|(outer, slot)| {
            *slot == Slot::LoopBody && matches!(outer.kind, StepKind::Loop { .. }) && turns(outer.id) == Many::PerEvent
        })
        .map(|(outer, _)| outer.id)
        .collect();
    trail.uses.iter().any(|used| match &used.what {
        What::Element(Spot::Local(body, local)) if *body == birth.body => loops.iter().any(|looping| {
            let stores = flow.stores(*local);
            !stores.is_empty() && stores.iter().all(|store| !flow.within(*store, *looping))
        }),
        _ => false,
    })
}

fn resource_birth(builder: &Builder<'_, '_>, birth: &Birth<'_>) -> Location {
    builder.at(birth.site)
}

/// Somebody is told of its end.
fn tell(resource: &mut Resource, told: Option<Fact>) {
    let within = resource.within.clone();
    resource.ends.extend(told.map(|fact| End { how: Ending::Told, at: fact.location, within }));
}

/// A handle that ends its task when it is dropped ends it where its scope does, unless it is given up before.
fn ended_by_drop(builder: &Builder<'_, '_>, resource: &mut Resource, trail: &Trail<'_>) {
    let given_up =
        |used: &Use<'_>| matches!(used.what, What::Effect(Effect::Detached | Effect::Forgotten, _) | What::Unknown(_));
    if trail.uses.iter().any(given_up) {
        return;
    }
    let language = resource.language.name();
    let ends = |spot: &&Spot| {
        let ty = match spot {
            Spot::Value(body, value) => builder.program.type_of(*body, *value),
            Spot::Local(body, local) => builder.program.type_of_local(*body, *local),
            _ => return false,
        };
        let model = ty.model_path().and_then(|path| builder.program.catalogue.ty(language, path));
        model.is_some_and(|model| matches!(model.on_drop, OnDrop::Cancels | OnDrop::Joins))
    };
    if trail.spots.iter().any(|spot| ends(&spot)) {
        let (at, within) = (resource.birth.clone(), resource.within.clone());
        resource.ends.push(End { how: Ending::ScopeExit, at, within });
    }
}
