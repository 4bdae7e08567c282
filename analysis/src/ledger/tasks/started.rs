//! Tasks that a function starts with what it is given to run: each of its callers starts one of its own.

use std::cell::RefCell;

use rustc_hash::FxHashSet;
use unleak_catalogue::model::{Effect, OwnerOf};

use super::super::builder::Builder;
use super::super::owners::{Owner, Way};
use super::super::{Answer, End, Ending, Hold, Holder, Holding, Known, Resource, ResourceId, Told};
use super::births::{self, Birth, Start, Work};
use super::{limits, named, verdict, work};
use crate::program::calls;
use crate::program::trace::{Returns, Spot, What};
use crate::program::{BodyRef, Site};
use crate::unit::{LocalId, ValueId};

/// Through how many functions what is to be run is passed on.
const HOPS: u32 = 6;
/// Through how many functions a scope is followed to where it is ended.
const ENDS: usize = 4;

/// A task inside the function that starts it.
struct Made<'b, 'a> {
    birth: &'b Birth<'a>,
    id: ResourceId,
    resource: &'b Resource,
    /// Where what owns it is ended, by whose it is.
    ended: Vec<(Owner, End)>,
    /// The functions through which it is started.
    wrappers: RefCell<FxHashSet<BodyRef>>,
}

/// What a function is given at a call: the work, and the way to what shall own it.
#[derive(Clone)]
struct Given {
    function: BodyRef,
    param: LocalId,
    owner: Option<Way>,
}

/// The tasks of those that call the function in which one is started with what they give.
pub(super) fn by_callers<'a>(builder: &Builder<'_, 'a>, birth: &Birth<'a>, id: ResourceId) -> Vec<Resource> {
    let Some((function, param)) = given(builder, birth) else { return Vec::new() };
    if builder.program.calls().callers(function).is_empty() {
        return Vec::new();
    }
    let owner = owner(builder, birth);
    let ended = owner.as_ref().map(|owner| ended(builder, birth, owner)).unwrap_or_default();
    let made = Made { birth, id, resource: builder.resource(id), ended, wrappers: RefCell::default() };
    let (mut found, mut met) = (Vec::new(), FxHashSet::default());
    through(builder, &made, &Given { function, param, owner }, HOPS, &mut met, &mut found);
    found
}

/// The parameter that gives the work, or that the work waits for.
fn given(builder: &Builder<'_, '_>, birth: &Birth<'_>) -> Option<(BodyRef, LocalId)> {
    births::param_run(builder, birth.site).or(birth.work.param)
}

/// Whether a task is one of those.
pub(super) fn is_given(builder: &Builder<'_, '_>, birth: &Birth<'_>) -> bool {
    given(builder, birth).is_some_and(|(function, _)| !builder.program.calls().callers(function).is_empty())
}

/// The way to the group, tracker or scope that owns a task from the start.
fn owner(builder: &Builder<'_, '_>, birth: &Birth<'_>) -> Option<Way> {
    fact!(owner);
    let call = builder.program.call(birth.site).filter(|_| birth.owner != OwnerOf::Handle)?;
    Some(Way::to(builder.program, birth.site.body, call.receiver?))
}

/// Whoever passes on in turn what it is given is passed through.
fn through<'a>(
    builder: &Builder<'_, 'a>,
    made: &Made<'_, 'a>,
    given: &Given,
    hops: u32,
    met: &mut FxHashSet<Site>,
    found: &mut Vec<Resource>,
) {
    let program = builder.program;
    made.wrappers.borrow_mut().insert(given.function);
    for &site in program.calls().callers(given.function) {
        let Some(&value) = program.args_bound_to(site, given.function, given.param).first() else { continue };
        if !met.insert(site) || program.never_runs(site) {
            continue;
        }
        let owner = given.owner.as_ref().map(|way| match way.param(program) {
            Some((body, local)) if body == given.function => match program.args_bound_to(site, body, local).first() {
                Some(handed) => way.at_value(program, site.body, *handed),
                None => way.clone(),
            },
            _ => way.clone(),
        });
        let work = births::work_of_value(builder, site.body, value);
        let further = births::param_itself(builder, site.body, value)
            .or(work.param)
            .filter(|(outer, _)| !program.calls().callers(*outer).is_empty());
        match (further, hops.checked_sub(1)) {
            (Some((function, param)), Some(hops)) => {
                through(builder, made, &Given { function, param, owner }, hops, met, found);
            }
            _ => found.extend(of_caller(builder, made, given, (site, value), work, owner)),
        }
    }
}

fn of_caller<'a>(
    builder: &Builder<'_, 'a>,
    made: &Made<'_, 'a>,
    given: &Given,
    (site, value): (Site, ValueId),
    work: Work<'a>,
    owner: Option<Way>,
) -> Option<Resource> {
    let inside = made.resource;
    let call = builder.program.call(site)?;
    let known = if inside.known == Known::Hinted { calls::Known::Hinted } else { call.known };
    let mut resource = builder.born(made.birth.kind, site, known);
    let birth = Birth { site, work, start: Start::Result, made_by: Some(made.id), ..made.birth.clone() };
    resource.work = work::of(builder, &birth);
    resource.made_by = Some(made.id);
    resource.told = Told::ByMaker;
    resource.failure_seen = inside.failure_seen;
    resource.assumption = inside.assumption;
    resource.missing = inside.missing.clone();
    resource.name = named::by_text(builder.program, site, given.function)
        .or_else(|| named::by_work(builder, &work))
        .or_else(|| Some(builder.written_value(site.body, value, 4)).filter(|written| !written.starts_with('…')));
    resource.bound = limits::of(builder, site, &work, &made.wrappers.borrow());
    let handle = builder.program.follow(Spot::Value(site.body, call.out), 0, Returns::Stop);
    own(builder, made, &mut resource, owner);
    for spot in handle.own.iter().filter(|spot| matches!(spot, Spot::Field(..) | Spot::Global(..))) {
        resource.holds.push(Hold { by: builder.holder(spot), how: Holding::Strong, from: builder.at(site) });
    }
    for used in handle.uses.iter().filter(|used| matches!(used.what, What::Await)) {
        resource.ends.push(builder.end(Ending::Awaited, used.site));
    }
    resource.ends.extend(inside.ends.iter().cloned());
    resource.notes.push(builder.fact("the task itself is started here", made.birth.site));
    if verdict::rests_on_work(inside) {
        // What is told of all that are given to the maker is not told again of each.
        resource.told = if inside.leaks == Answer::Open { Told::Here } else { Told::ByMaker };
        resource.missing.clear();
        verdict::judge(builder, &mut resource, &birth);
        return Some(resource);
    }
    resource.leaks = inside.leaks;
    match resource.leaks {
        Answer::Open => resource.open = inside.open.clone(),
        Answer::Yes => {}
        Answer::No => resource.missing.clear(),
    }
    Some(resource)
}

/// Who holds it: what the caller hands in, where that is known, and whoever holds it inside.
fn own(builder: &Builder<'_, '_>, made: &Made<'_, '_>, resource: &mut Resource, owner: Option<Way>) {
    let owner = owner.map(|way| way.owner(builder));
    // Its callers are these.
    for hold in made.resource.holds.iter().filter(|hold| hold.by != Holder::Caller) {
        let by = match (&hold.by, &owner) {
            (Holder::Supervisor(_), Some(owner)) => {
                let from = resource.birth.clone();
                let by = Holder::Supervisor(owner.name.clone());
                resource.holds.push(Hold { by, how: Holding::Strong, from });
                continue;
            }
            (by, _) => by.clone(),
        };
        resource.holds.push(Hold { by, ..hold.clone() });
    }
    if let Some(owner) = owner {
        let mut ended = made.ended.iter().filter(|(other, _)| owner.is(other));
        resource.ends.extend(ended.next().map(|(_, end)| end.clone()));
    }
}

/// Where whatever is of the owner's kind is waited for or cancelled, and whose it is there.
fn ended(builder: &Builder<'_, '_>, birth: &Birth<'_>, owner: &Way) -> Vec<(Owner, End)> {
    let program = builder.program;
    let Some(call) = program.call(birth.site) else { return Vec::new() };
    let Some(receiver) = call.receiver else { return Vec::new() };
    let spot = match program.origin(birth.site.body, receiver) {
        (spot @ (Spot::Field(..) | Spot::Global(..)), 0) => spot,
        _ => owner.from.clone(),
    };
    let trail = program.follow(spot, 0, Returns::Stop);
    let mut found = Vec::new();
    for wanted in [Ending::Joined, Ending::Cancelled] {
        for used in &trail.uses {
            let how = match used.what {
                What::Effect(Effect::Joined | Effect::Awaited, _) => Ending::Joined,
                What::Effect(Effect::Cancelled, _) => Ending::Cancelled,
                _ => continue,
            };
            let Some(receiver) = program.call(used.site).and_then(|call| call.receiver).filter(|_| how == wanted)
            else {
                continue;
            };
            let way = Way::to(program, used.site.body, receiver).whole();
            let all = way.by_each_caller(builder, used.site, ENDS);
            found.extend(all.into_iter().map(|(way, at)| (way.owner(builder), builder.end(how, at))));
        }
    }
    found
}
