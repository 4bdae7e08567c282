//! Queues: what bounds them, who fills them and how often.

mod bound;
mod gate;
mod traffic;

use unleak_catalogue::model::{Birth, Kind};

use super::builder::Builder;
use super::{Answer, Assumption, Bound, Fact, Hold, Holder, Holding, Known, Many, Missing, Resource};
use crate::program::calls::{self, Call, Target};
use crate::program::trace::{Returns, Spot, Trail};
use crate::program::{BodyRef, Site};
use crate::unit::{Shape, StepKind, ValueId};
use traffic::Traffic;

/// Enters every queue and channel, and every list and deque that is used as one.
pub(super) fn enter(builder: &mut Builder<'_, '_>) {
    let mut found = Vec::new();
    for body in builder.program.bodies() {
        for node in builder.program.flow(body).nodes() {
            let site = Site { body, step: node.step.id };
            match &node.step.kind {
                StepKind::Call { .. } => found.extend(of_call(builder, site)),
                StepKind::Collect { out, shape: Shape::List, items } if items.is_empty() => {
                    found.extend(of_literal(builder, site, *out));
                }
                _ => {}
            }
        }
    }
    for resource in found {
        builder.enter(resource);
    }
}

fn of_call(builder: &Builder<'_, '_>, site: Site) -> Option<Resource> {
    let call = builder.program.call(site)?;
    let Target::Model(model) = call.target else { return None };
    let birth = model.birth.as_ref()?;
    match birth.kind {
        Kind::Queue => Some(queue(builder, site, &call, birth)),
        Kind::Collection => {
            let bound = bound::of_birth(builder, site, &call, birth);
            collection(builder, site, call.out, bound)
        }
        _ => None,
    }
}

fn of_literal(builder: &Builder<'_, '_>, site: Site, out: ValueId) -> Option<Resource> {
    collection(builder, site, out, Bound::None)
}

fn follow<'a>(builder: &Builder<'_, 'a>, body: BodyRef, out: ValueId) -> Trail<'a> {
    builder.program.follow(Spot::Value(body, out), 0, Returns::Follow)
}

fn queue(builder: &Builder<'_, '_>, site: Site, call: &Call<'_>, birth: &Birth) -> Resource {
    let mut resource = builder.born(Kind::Queue, site, call.known);
    let trail = follow(builder, site.body, call.out);
    let traffic = Traffic::of(builder, site, &trail);
    resource.bound = bound::of_birth(builder, site, call, birth);
    describe(builder, &mut resource, site, &trail, &traffic);
    judge(builder, &mut resource, site, &trail, &traffic);
    resource
}

/// A list or deque is a queue when one piece of code fills it and another, running beside it, empties it from the front.
fn collection(builder: &Builder<'_, '_>, site: Site, out: ValueId, bound: Bound) -> Option<Resource> {
    if !goes_beyond(builder, site.body, out) {
        return None;
    }
    let trail = follow(builder, site.body, out);
    let traffic = Traffic::of(builder, site, &trail);
    if !traffic.is_queue(builder, site) {
        return None;
    }
    let mut resource = builder.born(Kind::Queue, site, calls::Known::Shown);
    resource.bound = bound;
    describe(builder, &mut resource, site, &trail, &traffic);
    resource.maker = format!("{} (used as a queue)", resource.subject);
    judge(builder, &mut resource, site, &trail, &traffic);
    Some(resource)
}

/// Whether a new collection is stored where other code can reach it: most are not, and need no following.
fn goes_beyond(builder: &Builder<'_, '_>, body: BodyRef, out: ValueId) -> bool {
    let flow = builder.program.flow(body);
    flow.uses(out).iter().any(|id| match flow.step(*id).map(|step| &step.kind) {
        Some(StepKind::Store { place: crate::unit::Place::Local(local), .. }) => {
            !builder.program.captures_of(body, *local).is_empty()
                || builder.program.is_class_body(body)
                || builder.program.language(body) == crate::source::Language::Rust
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
    }
    let by = match lasting {
        Some(spot @ Spot::Global(..)) => Holder::Global(builder.spot_name(spot)),
        Some(spot @ Spot::LooseField(_)) => Holder::FieldByName(builder.spot_name(spot)),
        Some(spot) => Holder::Field(builder.spot_name(spot)),
        None => Holder::Frame,
    };
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

/// The verdict: can producers fill it faster than consumers empty it?
fn judge(builder: &Builder<'_, '_>, resource: &mut Resource, site: Site, trail: &Trail<'_>, traffic: &Traffic) {
    if !matches!(resource.bound, Bound::None | Bound::Absurd(_)) {
        resource.leaks = if resource.bound == Bound::Unknown { Answer::Open } else { Answer::No };
        return;
    }
    if let Some(fact) = traffic.finite(builder, site, trail) {
        resource.bound = Bound::Finite(fact);
        resource.leaks = Answer::No;
        return;
    }
    let mut ungated =
        traffic.puts.iter().filter(|put| matches!(put.many, Many::PerEvent | Many::Unknown)).filter(|put| {
            let gate = gate::before(builder, put.site, traffic);
            if let Some(fact) = &gate {
                resource.bound = Bound::Gate(fact.clone());
            }
            gate.is_none()
        });
    let worst = ungated.by_ref().max_by_key(|put| put.many == Many::PerEvent);
    match worst {
        Some(put) => {
            resource.bound = match &resource.bound {
                Bound::Absurd(name) => Bound::Absurd(name.clone()),
                _ => Bound::None,
            };
            resource.leaks = Answer::Yes;
            resource.missing.push(Missing::Capacity(builder.fact("this fills it", put.site)));
            resource.assumption = match (put.many, resource.known) {
                (_, Known::Hinted) => Some(Assumption::ReceiverByName),
                (Many::PerEvent, _) => None,
                _ => Some(Assumption::CalledOften),
            };
        }
        None if matches!(resource.bound, Bound::Gate(_)) => resource.leaks = Answer::No,
        None if traffic.open.is_empty() => {
            resource.leaks = Answer::No;
            resource.notes.push(builder.fact("nothing fills it more than a few times", site));
        }
        None => resource.leaks = Answer::Open,
    }
}
