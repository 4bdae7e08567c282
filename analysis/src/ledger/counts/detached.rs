//! Rust work that nobody cancels: a task that is left to run comes past every step, unless what it waits for panics.

use unleak_catalogue::model::{Effect, Kind, OwnerOf};

use super::panics;
use crate::ledger::Leaving;
use crate::program::calls::{Call, Depth, Target};
use crate::program::trace::{Returns, Spot, What};
use crate::program::{BodyRef, Program, Site};
use crate::source::Language;
use crate::unit::{BodyKind, Place, StepId, StepKind, ValueId, Visibility};

/// Through how many bodies that wait for one another a task is looked for.
const HOPS: u32 = 4;

/// Whether a body runs as nothing but tasks that are never cancelled, or is waited for by such work alone.
pub(super) fn runs_to_its_end(program: &Program<'_>, body: BodyRef) -> bool {
    fact!(runs_to_its_end);
    program.language(body) == Language::Rust && runs_on(program, body, HOPS)
}

/// How a wait is left for good. Nobody cancels work that is left to run, but what it waits for may panic, which ends the
/// task and nothing else.
pub(super) fn left_by(program: &Program<'_>, kind: Leaving, site: Site) -> Option<Leaving> {
    match kind {
        Leaving::Cancelled if runs_to_its_end(program, site.body) => {
            panics::may_come(program, site).then_some(Leaving::Panics)
        }
        _ => Some(kind),
    }
}

fn runs_on(program: &Program<'_>, body: BodyRef, hops: u32) -> bool {
    let Some(hops) = hops.checked_sub(1) else { return false };
    match program.body(body).kind {
        BodyKind::AsyncBlock => {
            program.closure_site(body).is_some_and(|(outer, value)| is_left_running(program, outer, value, hops))
        }
        BodyKind::Function => {
            let callers = program.calls().callers(body);
            let left = |site: &Site| {
                program.call(*site).is_some_and(|call| is_left_running(program, site.body, call.out, hops))
            };
            !callers.is_empty() && callers.iter().all(left)
        }
        _ => false,
    }
}

/// Whether a future goes nowhere but into a task that is left to run, or to an `await` of work that is.
fn is_left_running(program: &Program<'_>, body: BodyRef, future: ValueId, hops: u32) -> bool {
    fact!(is_left_running);
    let flow = program.flow(body);
    let uses = flow.uses(future);
    !uses.is_empty()
        && uses.iter().all(|id| match flow.step(*id).map(|step| &step.kind) {
            Some(StepKind::Await { .. }) => runs_on(program, body, hops),
            Some(StepKind::Call { .. }) => is_started(program, Site { body, step: *id }, future, hops),
            Some(StepKind::Store { place: Place::Local(local), .. }) => {
                let mut reads = flow.reads(*local).iter().filter_map(|read| match &flow.step(*read)?.kind {
                    StepKind::Read { out, .. } => Some(*out),
                    _ => None,
                });
                reads.all(|read| is_left_running(program, body, read, hops))
            }
            _ => false,
        })
}

/// Whether a call starts a task of a future, and nobody is seen who could cancel it.
fn is_started(program: &Program<'_>, site: Site, future: ValueId, hops: u32) -> bool {
    let Some(call) = program.call(site) else { return false };
    let Target::Model(model) = call.target else { return is_said_to_be(program, site, &call) };
    let Some(birth) = model.birth.as_ref().filter(|birth| birth.kind == Kind::Task) else { return false };
    let runs = program.effect_on(&call, model, future, Depth::Itself) == Some(Effect::Run);
    let owned = birth.owner == OwnerOf::Receiver
        && call.receiver.is_some_and(|it| {
            program.cancels_when_dropped(site.body, it) && !goes_on_as_long(program, site.body, it, hops)
        });
    runs && !owned && !is_cancelled(program, site, &call)
}

/// Whether a call of a library that is not known is said to start a task, and what it gives is not kept: its name begins
/// like one that does.
fn is_said_to_be(program: &Program<'_>, site: Site, call: &Call<'_>) -> bool {
    fact!(is_said_to_be);
    let flow = program.flow(site.body);
    let dropped = |id: &StepId| matches!(flow.step(*id).map(|step| &step.kind), Some(StepKind::Discard { .. }));
    let starts = |word: &str| {
        let mut models = program.catalogue.methods_named(program.language(site.body).name(), word);
        models.any(|model| model.birth.as_ref().is_some_and(|birth| birth.kind == Kind::Task))
    };
    matches!(call.target, Target::External(_) | Target::Unknown)
        && flow.uses(call.out).iter().all(dropped)
        && program.method_name(site).is_some_and(|name| name.split('_').next().is_some_and(starts))
}

/// Whether what holds tasks is a variable of work that nobody cancels, and is told to stop none of them.
fn goes_on_as_long(program: &Program<'_>, body: BodyRef, holder: ValueId, hops: u32) -> bool {
    fact!(goes_on_as_long);
    let (spot, 0) = program.origin(body, holder) else { return false };
    let own = matches!(spot, Spot::Local(of, local) if of == body && !program.flow(body).stores(local).is_empty());
    let trail = program.follow(spot, 0, Returns::Follow);
    let stops = |what: &What<'_>| matches!(what, What::Effect(Effect::Cancelled, _) | What::Unknown(_));
    own && !trail.uses.iter().any(|used| stops(&used.what)) && runs_on(program, body, hops)
}

/// Whether the handle of a task cancels it, or goes where that cannot be seen.
fn is_cancelled(program: &Program<'_>, site: Site, call: &Call<'_>) -> bool {
    fact!(is_cancelled);
    let trail = program.follow(Spot::Value(site.body, call.out), 0, Returns::Follow);
    let others = |body: BodyRef| program.body(body).visibility == Visibility::Public;
    program.cancels_when_dropped(site.body, call.out)
        || trail.uses.iter().any(|used| match used.what {
            What::Effect(Effect::Cancelled | Effect::Escapes, _) | What::Unknown(_) => true,
            What::Returned(function) => others(function),
            _ => false,
        })
}
