//! How the work of a task comes to its end.

use unleak_catalogue::model::{CallModel, Effect, Takes, Waits};
use unleak_catalogue::subject::Subject;

use super::super::builder::Builder;
use super::super::{Fact, Many, Work};
use super::births::Birth;
use super::{at_once, circle, lingers};
use crate::program::exits::Exit;
use crate::program::trace::{Returns, Spot, Trail, Use, What};
use crate::program::world::World;
use crate::program::{BodyRef, Site};
use crate::source::Language;
use crate::unit::{LocalId, LocalOrigin, StepKind};

/// How many callers back what a parameter is given is looked for.
const CALLERS: usize = 3;

/// How the work ends: the best of the ways out of its worst loop.
pub(super) fn of(builder: &Builder<'_, '_>, birth: &Birth<'_>) -> Work {
    if let Some(work) = at_once::of(builder, birth) {
        return work;
    }
    let Some(body) = birth.work.body else {
        return match birth.work.model {
            Some(model) if only_waits(model) && !piles_up(builder, birth, model) => {
                Work::OnlyWaits(builder.fact("it does nothing but wait for this", birth.site))
            }
            Some(model) if runs_what_is_kept(builder, birth, model) => {
                Work::EndsWith(builder.fact("it runs what others keep, and ends when they stop it", birth.site))
            }
            Some(model) if model.waits != Waits::Unbounded => Work::Finite,
            _ => Work::Unknown,
        };
    };
    let ways = builder.program.ways_out(body);
    let works = ways.into_iter().map(|way| of_way(builder, way, body));
    // Of equals, the first in the text.
    let best = works.reduce(|best, next| if rank(&next) < rank(&best) { next } else { best });
    match best.unwrap_or(Work::Finite) {
        Work::Finite => lingers::waits_long(builder, body)
            .or_else(|| lingers::runs_a_callback(builder, body))
            .unwrap_or(Work::Finite),
        found => found,
    }
}

/// Whether what a call waits for is seen to come, again and again.
pub(super) fn comes(builder: &Builder<'_, '_>, waiting: Site) -> bool {
    fact!(comes);
    let program = builder.program;
    let Some(on) = program.call(waiting).and_then(|call| call.receiver) else { return false };
    match fired(builder, &program.origin(waiting.body, on).0) {
        Fired::At(sites) => sites.iter().any(|site| builder.many(*site) == Many::PerEvent),
        Fired::Nowhere | Fired::Unknown => false,
    }
}

/// Whether a call waits by the clock or for an event, and takes nothing.
fn only_waits(model: &CallModel) -> bool {
    fact!(only_waits);
    let takes = model.does.values().any(|effect| *effect != Effect::Heeded);
    !takes && model.takes_effect == Takes::WhenAwaited && (model.waits == Waits::Bounded || !model.does.is_empty())
}

/// Whether it is a method that goes on until its object is stopped, of an object that a field or module variable keeps.
fn runs_what_is_kept(builder: &Builder<'_, '_>, birth: &Birth<'_>, model: &CallModel) -> bool {
    fact!(runs_what_is_kept);
    let program = builder.program;
    let heeds = model.does.get(&Subject::Receiver) == Some(&Effect::Heeded) && model.takes_effect == Takes::AtOnce;
    let Some(call) = program.call(birth.site).filter(|_| heeds) else { return false };
    let mut on = call.args.iter().filter_map(|arg| program.receiver_of(birth.site.body, arg.value));
    on.any(|object| {
        let source = program.source(&program.origin(birth.site.body, object).0);
        matches!(source, Spot::Field(..) | Spot::LooseField(_) | Spot::Global(..))
    })
}

/// Whether more and more do nothing but wait for what may never come.
pub(super) fn piles_up(builder: &Builder<'_, '_>, birth: &Birth<'_>, model: &CallModel) -> bool {
    fact!(piles_up);
    only_waits(model) && model.waits == Waits::Unbounded && builder.many(birth.site) == Many::PerEvent
}

fn rank(work: &Work) -> u8 {
    match work {
        Work::Finite | Work::AtOnce(_) | Work::OnlyWaits(_) => 0,
        Work::EndsWith(_) => 1,
        Work::HasExit(_) => 2,
        Work::ByCondition(_) | Work::Unknown => 3,
        Work::Lingers(_) | Work::MayLinger(_) => 4,
        Work::OwnFailure(_) => 5,
        Work::Endless(_) => 6,
    }
}

fn of_way(builder: &Builder<'_, '_>, exit: Exit, body: BodyRef) -> Work {
    let Some(fact) = exit.site().map(|site| builder.fact(exit.label(), site)) else { return Work::Finite };
    match exit {
        Exit::Finite => Work::Finite,
        Exit::Never(_) => Work::Endless(fact),
        Exit::Own(site) => match lingers::polls(builder, site) {
            Some(fact) => Work::ByCondition(fact),
            None => Work::HasExit(fact),
        },
        Exit::Fails { call, looping } => match lingers::by_its_own_failure(builder, call, looping) {
            Some(fact) => Work::OwnFailure(fact),
            None => Work::HasExit(fact),
        },
        Exit::Heeds(_, spot) => match fired(builder, &spot) {
            Fired::At(sites) if sites.iter().all(|site| dropped_by_itself(builder, *site, body)) => {
                let label = format!("{} that only the drop of what the task itself holds fires", fact.label);
                Work::Endless(Fact { label, ..fact })
            }
            Fired::At(sites) => {
                let by: Vec<String> = sites.iter().map(|site| builder.function_name(site.body)).collect();
                let by = by.first().map_or("somebody", String::as_str);
                Work::EndsWith(Fact { label: format!("{} that `{by}` fires", fact.label), ..fact })
            }
            Fired::Nowhere => Work::Endless(Fact { label: format!("{} that nothing ever fires", fact.label), ..fact }),
            Fired::Unknown => Work::HasExit(fact),
        },
        Exit::SourceEnds(site) => match circle::holds_other_end(builder, site, body) {
            true => Work::Endless(Fact {
                label: "it waits on a channel whose other end it holds itself".to_owned(),
                ..fact
            }),
            // In Python nothing closes a source but somebody who calls for it.
            false if builder.program.language(body) == Language::Python => Work::HasExit(fact),
            false => Work::EndsWith(fact),
        },
        Exit::WeakGone(_) | Exit::WorkEnds(_) => Work::EndsWith(fact),
    }
}

/// Whether a flag, event or token is ever fired.
enum Fired {
    /// At these places.
    At(Vec<Site>),
    /// Everything that is done with it is known, and nothing fires it.
    Nowhere,
    /// It goes where it cannot be seen.
    Unknown,
}

fn fired(builder: &Builder<'_, '_>, spot: &Spot) -> Fired {
    let source = given_by_callers(builder, builder.program.source(spot));
    let trail = builder.program.follow(source.clone(), 0, Returns::Follow);
    let fires = |used: &&Use<'_>| match &used.what {
        What::Effect(effect, _) => matches!(effect, Effect::Fired | Effect::Set | Effect::Cancelled | Effect::Closed),
        What::MethodHanded(_) => true,
        _ => false,
    };
    let mut sites: Vec<Site> = trail.uses.iter().filter(fires).map(|used| used.site).collect();
    sites.extend(trail.spots.iter().chain([&source]).filter_map(|spot| second_store(builder, spot)));
    if !sites.is_empty() {
        return Fired::At(sites);
    }
    match stays_in_frame(builder, &source, &trail) {
        true => Fired::Nowhere,
        false => Fired::Unknown,
    }
}

/// For a parameter that all callers give the same thing: that thing.
pub(super) fn given_by_callers(builder: &Builder<'_, '_>, spot: Spot) -> Spot {
    let mut spot = spot;
    for _ in 0..CALLERS {
        let Spot::Local(body, param) = spot else { return spot };
        let callers = builder.program.calls().callers(body).iter();
        let mut given = callers.filter_map(|site| {
            let bound = builder.program.bound_args(*site, body);
            let (value, _) = bound.into_iter().find(|(_, local)| *local == param)?;
            Some(builder.program.source(&builder.program.origin(site.body, value).0))
        });
        match given.next() {
            Some(first) if !matches!(first, Spot::Value(..)) && given.all(|other| other == first) => spot = first,
            _ => return spot,
        }
    }
    spot
}

/// Whether everything that is done with a variable is known: it goes nowhere but into fields that others cannot reach.
fn stays_in_frame(builder: &Builder<'_, '_>, source: &Spot, trail: &Trail<'_>) -> bool {
    fact!(stays_in_frame);
    let made_here = matches!(source, Spot::Local(body, local) if is_bound(builder, *body, *local));
    let escapes = |used: &Use<'_>| match &used.what {
        What::Unknown(_) | What::LooseField(_) => true,
        What::Field(ty, name) => builder.program.world_of_field(*ty, name) == World::Open,
        _ => false,
    };
    made_here && !trail.uses.iter().any(escapes)
}

/// Whether a place stands in the destructor of a type of which the work holds a strong reference itself.
fn dropped_by_itself(builder: &Builder<'_, '_>, site: Site, work: BodyRef) -> bool {
    fact!(dropped_by_itself);
    let program = builder.program;
    let destructor = program.named_around(site.body);
    let Some(ty) = program.owner(destructor) else { return false };
    if program.body(destructor).name != "drop" || !program.implements(ty, "Drop") {
        return false;
    }
    circle::keeps(builder, work, ty)
}

fn is_bound(builder: &Builder<'_, '_>, body: BodyRef, local: LocalId) -> bool {
    let local = builder.program.body(body).locals.get(local.0 as usize);
    local.is_some_and(|local| local.origin == LocalOrigin::Bound)
}

/// The first store is where a flag begins; a second is where somebody changes it.
fn second_store(builder: &Builder<'_, '_>, spot: &Spot) -> Option<Site> {
    if !matches!(spot, Spot::Field(..) | Spot::Global(..)) {
        return None;
    }
    let mut stores = builder.program.sites_of(spot).into_iter().filter(|site| {
        let step = builder.program.flow(site.body).step(site.step);
        matches!(step.map(|step| &step.kind), Some(StepKind::Store { .. }))
    });
    stores.nth(1)
}
