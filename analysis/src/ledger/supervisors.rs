//! Sets of tasks that keep what has ended until somebody takes it out: who fills them, and who reaps.

use unleak_catalogue::model::{Effect, Kind};

use super::builder::Builder;
use super::queues::often;
use super::{Answer, Ending, Fact, Hold, Holder, Holding, Many, Missing, Resource};
use crate::program::calls::{Meant, Target};
use crate::program::flow::Slot;
use crate::program::trace::{Looseness, Returns, Spot, Trail, Use, What};
use crate::program::{BodyRef, Site};
use crate::unit::{BodyId, Driver, StepKind};

/// Enters every set of tasks whose results stay in it until they are taken.
pub(super) fn enter(builder: &mut Builder<'_, '_>) {
    let mut found = Vec::new();
    for site in builder.calls(may_be_supervisor) {
        found.extend(of_call(builder, site));
    }
    for resource in found {
        builder.enter(resource);
    }
}

fn may_be_supervisor(meant: Meant<'_>) -> bool {
    matches!(meant, Meant::Model(model) if model.birth.as_ref().is_some_and(|birth| birth.kind == Kind::Supervisor))
}

fn of_call(builder: &Builder<'_, '_>, site: Site) -> Option<Resource> {
    let call = builder.program.call(site)?;
    let Target::Model(model) = call.target else { return None };
    let supervisor = model.birth.as_ref().is_some_and(|birth| birth.kind == Kind::Supervisor);
    let ty = builder.program.type_of(site.body, call.out);
    let language = builder.program.language(site.body).name();
    let keeps = ty.model_path().and_then(|path| builder.program.catalogue.ty(language, path));
    if !supervisor || keeps.is_none_or(|model| model.element.is_none()) {
        return None;
    }
    let trail = builder.program.follow(Spot::Value(site.body, call.out), 0, Returns::Follow);
    let mut resource = builder.born(Kind::Supervisor, site, call.known);
    describe(builder, &mut resource, site, &trail);
    judge(builder, &mut resource, site, &trail);
    Some(resource)
}

fn describe(builder: &Builder<'_, '_>, resource: &mut Resource, site: Site, trail: &Trail<'_>) {
    let held = trail.spots.iter().find(|spot| matches!(spot, Spot::Field(..) | Spot::LooseField(_) | Spot::Global(..)));
    let named = trail.spots.iter().find(|spot| !matches!(spot, Spot::Value(..)));
    if let Some(spot) = held.or(named) {
        resource.subject = builder.spot_name(spot);
        resource.name = Some(resource.subject.clone());
    }
    let by = held.map_or(Holder::Frame, |spot| builder.holder(spot));
    resource.holds.push(Hold { by, how: Holding::Strong, from: builder.at(site) });
    if let Some(Spot::Field(ty, name)) = held {
        let declared = builder.program.header(*ty).fields.iter().find(|field| field.name == *name);
        resource.notes.extend(declared.map(|field| Fact {
            label: "the field that keeps it".to_owned(),
            location: builder.location(BodyRef { file: ty.file, body: BodyId::MODULE }, field.span),
        }));
    }
}

/// The verdict: is what has ended taken out as often as new ones come in?
fn judge(builder: &Builder<'_, '_>, resource: &mut Resource, site: Site, trail: &Trail<'_>) {
    let sites = |wanted: fn(&What<'_>) -> bool| -> Vec<Site> {
        let found = trail.uses.iter().filter(|used| is_own(used) && wanted(&used.what));
        found.map(|used| used.site).collect()
    };
    let puts = sites(|what| matches!(what, What::Effect(Effect::Put, _)));
    let takes = sites(|what| matches!(what, What::Effect(Effect::Take | Effect::TakeAll, _) | What::Iterated));
    resource.open.extend(trail.uses.iter().filter_map(|used| match used.what {
        What::Unknown(reason) if is_own(used) => Some((reason, builder.fact(reason, used.site))),
        _ => None,
    }));
    for put in &puts {
        resource.notes.push(builder.fact("a task goes in here", *put));
    }
    let often = puts.iter().any(|put| often::relative(builder, site, *put, &trail.own) == Many::PerEvent);
    let (alongside, later): (Vec<Site>, Vec<Site>) =
        takes.into_iter().partition(|take| puts.iter().any(|put| reaps_alongside(builder, site, *put, *take)));
    for take in &alongside {
        resource.ends.push(builder.end(Ending::Removed, *take));
    }
    for take in &later {
        resource.notes.push(builder.fact("what has ended is taken out here, after the last has gone in", *take));
    }
    resource.leaks = match (often, alongside.is_empty(), resource.open.is_empty()) {
        (true, true, true) => Answer::Yes,
        (false, _, true) | (_, false, _) => Answer::No,
        _ => Answer::Open,
    };
    if resource.leaks == Answer::Yes {
        let label = if later.is_empty() {
            "nothing ever takes out what has ended"
        } else {
            "nothing takes out what has ended while more goes in"
        };
        resource.missing.push(Missing::Reaping(Fact { label: label.to_owned(), location: resource.birth.clone() }));
    }
}

/// Whether a use is of the set itself, on a way that is known by types: sets have common names.
fn is_own(used: &Use<'_>) -> bool {
    fact!(is_own);
    used.depth == 0 && used.loose == Looseness::Exact
}

/// Whether a taking stands in a loop with a putting, or runs again and again beside it.
fn reaps_alongside(builder: &Builder<'_, '_>, birth: Site, put: Site, take: Site) -> bool {
    fact!(reaps_alongside);
    let flow = builder.program.flow(take.body);
    let own_loop = |id| match flow.step(id).map(|step| &step.kind) {
        // A loop that is driven by the taking itself empties the set once.
        Some(StepKind::Loop { driver: Driver::While { .. }, .. }) => {
            flow.around(take.step).any(|(outer, slot)| outer.id == id && slot == Slot::LoopHead)
        }
        _ => false,
    };
    let mut loops = flow.around(take.step).filter(|(outer, _)| matches!(outer.kind, StepKind::Loop { .. }));
    if take.body == put.body {
        return loops.any(|(outer, _)| flow.within(put.step, outer.id));
    }
    let looped = loops.any(|(outer, _)| {
        !own_loop(outer.id) && builder.program.turns_of(Site { body: take.body, step: outer.id }) == Many::PerEvent
    });
    looped || !matches!(often::of_body(builder, birth, take.body), Many::Once)
}
