//! Queues: what bounds them, who fills them and how often.

mod answered;
pub(super) mod bound;
mod confined;
mod consumer;
pub(super) mod gate;
mod handed_out;
mod inflow;
mod inherited;
pub(super) mod latch;
mod measure;
pub(super) mod often;
pub(super) mod resets;
mod traffic;
mod watched;

use std::cell::Cell;

use unleak_catalogue::model::{CallModel, Effect, Kind, Order};
use unleak_catalogue::subject::TypeRef;

use super::builder::Builder;
use super::{Answer, Assumption, Bound, Fact, Hold, Holder, Holding, Known, Many, Missing, Resource, Setting};
use crate::program::calls::{self, Call, Meant, Target};
use crate::program::exits::Exit;
use crate::program::flow::Sorts;
use crate::program::trace::{AtHome, DECLARED, PASSED_OUT, Returns, Says, Spot, Trail, Use, What};
use crate::program::types::Type;
use crate::program::{BodyRef, Def, Program, Site};
use crate::source::Language;
use crate::unit::{Const, Name, Shape, StepKind, TypeTree, ValueId};
use inflow::How;
use traffic::Traffic;

/// Why a collection is open: that it is a queue, and that it is filled often, are both assumed.
const DOUBTED: &str = "it looks like a queue, and how often it is filled is not known";

/// Why a queue is open whose length is compared where it is filled: a high-water mark may hold its producers back.
const WATCHED: &str = "its length is compared where it is filled, and what follows is not understood";
/// Why a queue is open whose consumer throws away what is too old: how much can wait is bounded by time.
const AGED: &str = "what has waited too long is thrown away where it is taken";
/// Why a queue of a test is open that nothing is seen to fill often.
const RUN_BY_TEST: &str = "filled by test code, nobody knows how often";
/// Why a queue is open that is filled nowhere: who fills it is not seen.
const NEVER_FILLED: &str = "no code is seen that fills it";
/// In how many lasting places a collection may be kept and still be a queue.
const HOMES: usize = 3;
/// In how many places of all kinds: of 637 collections that were taken for queues in 1,900 packages, what was said to leak
/// had been met in 200 at most.
const PLACES: usize = 500;

/// Enters every queue and channel, and every list and deque that is used as one.
pub(super) fn enter(builder: &mut Builder<'_, '_>) {
    let mut found = Vec::new();
    for site in builder.calls(|meant| may_be_queue(builder.program, meant)) {
        found.extend(of_call(builder, site));
    }
    for body in builder.bodies() {
        for node in builder.program.flow(body).nodes_of(Sorts::COLLECTIONS) {
            if let StepKind::Collect { out, shape: Shape::List, items } = &node.step.kind
                && items.is_empty()
                && !resets::is_grown(builder.program.flow(body), *out)
            {
                found.extend(of_literal(builder, Site { body, step: node.step.id }, *out));
            }
        }
    }
    for resource in found {
        builder.enter(resource);
    }
}

/// Whether a call may make a queue or a collection: by itself, by what it calls, or by what a class inherits.
fn may_be_queue(program: &Program<'_>, meant: Meant<'_>) -> bool {
    match meant {
        Meant::Model(model) => {
            let born = model.birth.as_ref().map(|birth| birth.kind);
            matches!(born, Some(Kind::Queue | Kind::Collection)) || model.does.values().any(|it| *it == Effect::Called)
        }
        Meant::Construct(ty) => program.has_outside_bases(ty),
        Meant::Other => false,
    }
}

/// A queue or collection that begins.
struct Born {
    kind: Kind,
    site: Site,
    /// What it is, or what holds it, `depth` containers deep.
    out: ValueId,
    depth: u8,
    /// The types it is one of.
    made: Vec<Name>,
    bound: Bound,
    known: calls::Known,
}

fn of_call(builder: &Builder<'_, '_>, site: Site) -> Vec<Resource> {
    let Some(born) = born_at(builder, site) else { return Vec::new() };
    match born.kind {
        Kind::Queue => {
            let made = queue(builder, &born);
            let mut all = handed_out::to_callers(builder, &born, &made);
            all.insert(0, made);
            all
        }
        Kind::Collection => collection(builder, born).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn born_at(builder: &Builder<'_, '_>, site: Site) -> Option<Born> {
    let call = builder.program.call(site)?;
    match call.target {
        Target::Model(model) => by_factory(builder, site, &call, model).or_else(|| {
            let birth = model.birth.as_ref()?;
            let bound = bound::of_birth(builder, &call, birth);
            let made = paths_in(&builder.program.type_of(site.body, call.out));
            Some(Born { kind: birth.kind, site, out: call.out, depth: 0, made, bound, known: call.known })
        }),
        Target::Construct(ty) => inherited::born(builder, site, &call, ty),
        _ => None,
    }
}

/// A call that is given a constructor and calls it (`default_factory=`, a dictionary of queues).
fn by_factory(builder: &Builder<'_, '_>, site: Site, call: &Call<'_>, model: &CallModel) -> Option<Born> {
    let called = model.does.iter().filter(|(_, effect)| **effect == Effect::Called);
    let given = called.flat_map(|(subject, _)| builder.program.subjects(call, subject)).map(|(value, _)| value);
    let (value, factory) = given.into_iter().find_map(|value| match builder.program.type_of(site.body, value) {
        Type::Def(Def::Model(path)) => {
            Some((value, builder.program.model(builder.program.language(site.body), &path)?))
        }
        _ => None,
    })?;
    let birth = factory.birth.as_ref().filter(|birth| matches!(birth.kind, Kind::Queue | Kind::Collection))?;
    let (_, depth) = builder.program.called_result(site)?;
    let made = match &factory.returns {
        Some(TypeRef::Named { path, .. }) => vec![path.clone()],
        _ => Vec::new(),
    };
    let bound = bound::of_factory(builder, site.body, value, birth);
    Some(Born { kind: birth.kind, site, out: call.out, depth, made, bound, known: call.known })
}

fn of_literal(builder: &Builder<'_, '_>, site: Site, out: ValueId) -> Option<Resource> {
    let made = paths_in(&builder.program.type_of(site.body, out));
    let known = calls::Known::Shown;
    collection(builder, Born { kind: Kind::Collection, site, out, depth: 0, made, bound: Bound::None, known })
}

/// The types of the catalogue in a type: both ends of a channel.
fn paths_in(ty: &Type) -> Vec<Name> {
    match ty {
        Type::Tuple(parts) => parts.iter().flat_map(paths_in).collect(),
        other => other.model_path().cloned().into_iter().collect(),
    }
}

/// Everything that is done with it, also behind properties and what calls its maker.
fn follow<'a>(builder: &Builder<'_, 'a>, born: &Born) -> Trail<'a> {
    let plainly = |spot, depth| Some(builder.program.follow(spot, depth, Returns::Follow));
    follow_by(builder, born, plainly).unwrap_or_default()
}

/// The same for a collection, unless it wanders, only stands in the place of another, or has its items put in places:
/// most do, and need not be followed to the end.
fn follow_at_home<'a>(builder: &Builder<'_, 'a>, born: &Born) -> Option<Trail<'a>> {
    let homeless = Cell::new(true);
    let says = |spot: &Spot, depth: u8| {
        let is_first_home = matches!(spot, Spot::Field(..) | Spot::Global(..)) && homeless.replace(false);
        match depth {
            _ if is_first_home && resets::replaces(builder, born.site, spot) => Says::NotThis,
            0 if resets::is_placed(builder, spot) => Says::None,
            _ => Says::May,
        }
    };
    let may = AtHome { most: HOMES, reach: PLACES, says: &says };
    let at_home = |spot, depth| builder.program.follow_at_home(spot, depth, Returns::Follow, &may);
    follow_by(builder, born, at_home).filter(|trail| !wanders(trail))
}

fn follow_by<'a>(
    builder: &Builder<'_, 'a>,
    born: &Born,
    way: impl Fn(Spot, u8) -> Option<Trail<'a>>,
) -> Option<Trail<'a>> {
    let mut trail = way(Spot::Value(born.site.body, born.out), born.depth)?;
    let mut met = Vec::new();
    let mut from = 0;
    while from < trail.uses.len() {
        let further: Vec<(Spot, u8)> =
            trail.uses[from..].iter().flat_map(|used| handed_back(builder, used, &mut met)).collect();
        from = trail.uses.len();
        for (spot, depth) in further {
            let more = way(spot, depth)?;
            trail.uses.extend(more.uses);
            trail.spots.extend(more.spots);
            trail.own.extend(more.own);
        }
    }
    Some(trail)
}

/// Where a returned value turns up, when its body is a property or is called by a call of a library.
fn handed_back(builder: &Builder<'_, '_>, used: &Use<'_>, met: &mut Vec<BodyRef>) -> Vec<(Spot, u8)> {
    let What::Returned(body) = used.what else { return Vec::new() };
    if met.contains(&body) || met.len() > 16 {
        return Vec::new();
    }
    met.push(body);
    let called = builder.rhythm.registrations(body).iter().filter(|it| it.effect == Effect::Called);
    let results = called.filter_map(|it| builder.program.called_result(it.site));
    let property = builder.program.property_spot(body).map(|spot| (spot, 0));
    results.chain(property).map(|(spot, depth)| (spot, used.depth + depth)).collect()
}

fn queue(builder: &Builder<'_, '_>, born: &Born) -> Resource {
    let mut resource = builder.born(Kind::Queue, born.site, born.known);
    let trail = follow(builder, born);
    let traffic = Traffic::of(builder, born.site, &trail, born.kind, &born.made);
    resource.bound = born.bound.clone();
    describe(builder, &mut resource, born.site, &trail, &traffic);
    judge(builder, &mut resource, born.site, &trail, &traffic);
    resource
}

/// A list or deque is a queue when one piece of code fills it and another, running beside it, empties it from the front.
fn collection(builder: &Builder<'_, '_>, born: Born) -> Option<Resource> {
    if !is_sequence(builder, &born) || !goes_beyond(builder, born.site.body, born.out) {
        return None;
    }
    let trail = follow_at_home(builder, &born)?;
    if is_text(builder, &trail) || is_held_by_any(builder, &born, &trail) {
        return None;
    }
    let mut traffic = Traffic::seen(builder, born.site, &trail, born.kind, &born.made);
    if !traffic.is_taken_from(builder) {
        return None;
    }
    traffic.count(builder, born.site);
    if !traffic.is_queue(builder) || traffic.goes_round(builder) {
        return None;
    }
    let mut resource = builder.born(Kind::Queue, born.site, calls::Known::Shown);
    resource.bound = born.bound;
    describe(builder, &mut resource, born.site, &trail, &traffic);
    resource.maker = format!("{} (used as a queue)", resource.subject);
    judge(builder, &mut resource, born.site, &trail, &traffic);
    doubt(&mut resource);
    Some(resource)
}

/// Whether a collection holds the words of a text, with nothing or a space between them: it is a buffer, and no queue.
fn is_text(builder: &Builder<'_, '_>, trail: &Trail<'_>) -> bool {
    fact!(is_text);
    let becomes_text = |used: &Use<'_>| matches!(used.what, What::Effect(Effect::Concatenated, _));
    let mut joined = trail.uses.iter().filter(|used| used.depth == 0 && becomes_text(used));
    joined.any(|used| {
        let between = builder.program.call(used.site).and_then(|call| call.receiver);
        let between = between.and_then(|between| builder.program.constant_of(used.site.body, between));
        matches!(between, Some(Const::Str(text)) if text.chars().all(|sign| sign == ' '))
    })
}

/// That a collection is a queue is itself an assumption: a second one is one too many.
fn doubt(resource: &mut Resource) {
    if resource.leaks != Answer::Yes {
        return;
    }
    match resource.assumption {
        None => resource.assumption = Some(Assumption::UsedAsQueue),
        // Something is received, and a list takes it up: told, as far off as it may be.
        Some(Assumption::ComesFromThere) => {}
        Some(_) => {
            resource.leaks = Answer::Open;
            resource.assumption = None;
            for missing in std::mem::take(&mut resource.missing) {
                if let Missing::Capacity(fact) = missing {
                    resource.open.push((DOUBTED, fact));
                }
            }
        }
    }
}

/// Whether a collection is passed from owner to owner, or through fields known by name only: plain data, not a queue.
fn wanders(trail: &Trail<'_>) -> bool {
    let loose = trail.spots.iter().any(|spot| matches!(spot, Spot::LooseField(_)));
    let mut homes: Vec<&Spot> =
        trail.spots.iter().filter(|spot| matches!(spot, Spot::Field(..) | Spot::Global(..))).collect();
    homes.sort();
    homes.dedup();
    loose || homes.len() > HOMES
}

/// Whether a collection is kept in a field of a generic type, which holds whatever its users give it.
fn is_held_by_any(builder: &Builder<'_, '_>, born: &Born, trail: &Trail<'_>) -> bool {
    fact!(is_held_by_any);
    let made: Vec<&str> = born.made.iter().filter_map(|path| path.rsplit(['.', ':']).next()).collect();
    trail.own.iter().any(|spot| {
        let Spot::Field(ty, name) = spot else { return false };
        let declared = builder.program.header(*ty).fields.iter().find(|field| field.name == *name);
        declared.and_then(|field| field.ty.as_ref()).is_some_and(|tree| is_for_any(tree, &made))
    })
}

/// Whether a type as it is written is a parameter, or is made around one and is none of these types.
fn is_for_any(tree: &TypeTree, made: &[&str]) -> bool {
    match tree {
        TypeTree::Param { .. } => true,
        TypeTree::Path { path, args } => {
            let own = path.last().is_some_and(|last| made.contains(&last.as_str()));
            !own && args.iter().any(|arg| is_for_any(arg, made))
        }
        TypeTree::Ref(inner) => is_for_any(inner, made),
        _ => false,
    }
}

fn is_sequence(builder: &Builder<'_, '_>, born: &Born) -> bool {
    let language = builder.program.language(born.site.body).name();
    let mut types = born.made.iter().filter_map(|path| builder.program.catalogue.ty(language, path));
    types.any(|ty| ty.order == Order::Sequence)
}

/// Whether a new collection is stored where other code can reach it: most are not, and need no following.
fn goes_beyond(builder: &Builder<'_, '_>, body: BodyRef, out: ValueId) -> bool {
    fact!(goes_beyond);
    let flow = builder.program.flow(body);
    flow.uses(out).iter().any(|id| match flow.step(*id).map(|step| &step.kind) {
        Some(StepKind::Store { place: crate::unit::Place::Local(local), .. }) => {
            !builder.program.captures_of(body, *local).is_empty()
                || builder.program.is_class_body(body)
                || builder.program.language(body) == Language::Rust
        }
        Some(StepKind::Store { .. } | StepKind::Collect { .. } | StepKind::Call { .. }) => true,
        _ => false,
    })
}

/// Names it, and says who holds it and what is done with it.
fn describe(builder: &Builder<'_, '_>, resource: &mut Resource, site: Site, trail: &Trail<'_>, traffic: &Traffic) {
    let named = trail.spots.iter().find(|spot| !matches!(spot, Spot::Value(..)));
    let lasting =
        trail.spots.iter().find(|spot| matches!(spot, Spot::Field(..) | Spot::LooseField(_) | Spot::Global(..)));
    if let Some(spot) = lasting.or(named) {
        resource.subject = builder.spot_name(spot);
        resource.name = Some(resource.subject.clone());
    }
    // What handles an event stays as long as what it is given: a connection, a session.
    let lasts = matches!(builder.program.exit_of(site.body), Exit::Never(_))
        || builder.program.is_handler(builder.program.named_around(site.body));
    let frame = if lasts { Holder::LastingFrame } else { Holder::Frame };
    let by = lasting.map_or(frame, |spot| builder.holder(spot));
    resource.holds.push(Hold { by, how: Holding::Strong, from: builder.at(site) });
    for put in traffic.puts.iter().take(4) {
        let label = match put.many {
            Many::PerEvent => "filled here, once per event",
            Many::Unknown => "filled here, nobody knows how often",
            Many::PerItem | Many::Once => "filled here",
        };
        resource.notes.push(builder.fact(label, put.site));
    }
    for take in traffic.takes.iter().take(2) {
        resource.notes.push(builder.fact("emptied here", *take));
    }
    resource.open.extend(traffic.open.iter().map(|(reason, site)| {
        let fact: Fact = builder.fact(*reason, *site);
        (*reason, fact)
    }));
}

/// Where a queue of the program's own code, which nothing bounds, is given to code that was not read and may fill it.
fn given_to_others(resource: &Resource, traffic: &Traffic) -> Option<Site> {
    fact!(given_to_others);
    if resource.setting == Setting::Test || resource.known == Known::Hinted {
        return None;
    }
    let mut given = traffic.open.iter().filter(|(reason, _)| [PASSED_OUT, DECLARED].contains(reason));
    given.next().map(|(_, site)| *site)
}

/// The verdict: can producers fill it faster than consumers empty it?
fn judge(builder: &Builder<'_, '_>, resource: &mut Resource, site: Site, trail: &Trail<'_>, traffic: &Traffic) {
    if !matches!(resource.bound, Bound::None | Bound::Absurd(_)) {
        resource.leaks = if resource.bound == Bound::Unknown { Answer::Open } else { Answer::No };
        return;
    }
    let finite = || confined::finite(builder, site, trail, traffic);
    if let Some(fact) = confined::without_end(builder, site).or_else(finite) {
        resource.bound = Bound::Finite(fact);
        resource.leaks = Answer::No;
        return;
    }
    let more = traffic.items().filter(|put| !traffic.is_put_back(builder, put.site));
    let mut ungated = more.filter(|put| matches!(put.many, Many::PerEvent | Many::Unknown)).filter(|put| {
        let gate = gate::before(builder, put.site, traffic);
        if let Some(fact) = &gate {
            resource.bound = Bound::Gate(fact.clone());
        }
        gate.is_none()
    });
    let worst = ungated
        .by_ref()
        .map(|put| (put, inflow::of(builder, put, traffic)))
        .max_by_key(|(put, inflow)| (*inflow, put.many == Many::PerEvent));
    match worst {
        Some((put, _)) if let Some(check) = watched::watched(builder, put.site, traffic) => {
            resource.leaks = Answer::Open;
            resource.open.insert(0, (WATCHED, builder.fact(WATCHED, check)));
        }
        Some(_) if let Some(check) = watched::aged(builder, traffic) => {
            resource.leaks = Answer::Open;
            resource.open.insert(0, (AGED, builder.fact(AGED, check)));
        }
        Some((put, inflow)) => {
            resource.bound = match &resource.bound {
                Bound::Absurd(name) => Bound::Absurd(name.clone()),
                _ => Bound::None,
            };
            resource.leaks = Answer::Yes;
            resource.missing.push(Missing::Capacity(builder.fact("this fills it", put.site)));
            if let Some(inflow) = inflow {
                resource.notes.insert(0, builder.fact(inflow.how.text(), inflow.at));
            }
            resource.assumption = match (inflow.map(|inflow| inflow.how), resource.known) {
                (None, _) => Some(Assumption::OutsideSetsPace),
                (_, Known::Hinted) => Some(Assumption::ReceiverByName),
                (Some(How::Received), _) if consumer::only_answers(builder, &traffic.takes) => {
                    Some(Assumption::Unasked)
                }
                (Some(How::Received), _) => None,
                (Some(How::FarOff), _) => Some(Assumption::ComesFromThere),
                (Some(How::Handed), _) => Some(Assumption::CalledOften),
            };
            // A test runs once: that its code runs often is no assumption to make.
            if resource.setting == Setting::Test && resource.assumption == Some(Assumption::CalledOften) {
                resource.leaks = Answer::Open;
                resource.open.insert(0, (RUN_BY_TEST, builder.fact(RUN_BY_TEST, put.site)));
                resource.assumption = None;
                resource.missing.clear();
            }
        }
        None if matches!(resource.bound, Bound::Gate(_)) => resource.leaks = Answer::No,
        None if traffic.open.is_empty()
            && let Some(fact) = traffic.puts.first().and_then(|put| gate::before(builder, put.site, traffic)) =>
        {
            resource.bound = Bound::Gate(fact);
            resource.leaks = Answer::No;
        }
        None if let Some(given) = given_to_others(resource, traffic) => {
            resource.leaks = Answer::Yes;
            resource.assumption = Some(Assumption::FilledElsewhere);
            resource.open.clear();
            resource.missing.push(Missing::Capacity(builder.fact("what was not read may fill it from here", given)));
        }
        None if traffic.puts.is_empty() => {
            resource.leaks = Answer::Open;
            resource.open.push((NEVER_FILLED, builder.fact(NEVER_FILLED, site)));
        }
        None if traffic.open.is_empty() => {
            resource.leaks = Answer::No;
            resource.notes.push(builder.fact("nothing fills it more than a few times", site));
        }
        None => resource.leaks = Answer::Open,
    }
}
