//! What speaks for a task that nobody keeps: what the program does for all its tasks, or that the task is there for the
//! program itself, and for no object or event in it.

use unleak_catalogue::model::{About, CallModel, Effect, Kind, Phase, RunsOn, Waits};

use super::super::builder::Builder;
use super::super::{Fact, Many, Resource, Setting, Work};
use super::births::Birth;
use crate::program::calls::Target;
use crate::program::trace::{Returns, Spot, What};
use crate::program::types::Type;
use crate::program::{BodyRef, Def, Program, Site};
use crate::source::Language;
use crate::unit::ValueId;

/// All that the program as a whole says for a task.
pub(super) fn of(builder: &Builder<'_, '_>, birth: &Birth<'_>, resource: &Resource) -> impl Iterator<Item = Fact> {
    let found = [
        lasts_with_program(builder, birth, resource),
        ends_program(builder, birth),
        kept_by_workers(builder, birth),
        handed_over(builder, birth, resource),
        overseen(builder, birth),
        made_by_factory(builder, birth),
    ];
    found.into_iter().flatten()
}

/// What never ends, and is begun once by the program itself, lasts as long as the program.
fn lasts_with_program(builder: &Builder<'_, '_>, birth: &Birth<'_>, resource: &Resource) -> Option<Fact> {
    fact!(lasts_with_program);
    let once = builder.program.language(birth.site.body) == Language::Rust && resource.many == Many::Once;
    (once && matches!(resource.work, Work::Endless(_)))
        .then(|| builder.fact("it is begun once and lasts as long as the program", birth.site))
}

/// What is started because the program is to end, or ends: nobody is left who could wait for it.
fn ends_program(builder: &Builder<'_, '_>, birth: &Birth<'_>) -> Option<Fact> {
    fact!(ends_program);
    let program = builder.program;
    let asked = |site: Site| match program.call(site)?.target {
        Target::Model(model) if model.about == About::EndOfProgram => Some(model.waits),
        _ => None,
    };
    let asks = |site: Site| asked(site).is_some();
    let body = birth.site.body;
    let registered = |body: BodyRef| builder.rhythm.registrations(body).iter().map(|it| it.site).find(|it| asks(*it));
    if let Some(at) = registered(body).or_else(|| Some(birth.site).filter(|site| asks(*site))) {
        return Some(builder.fact("it is started where the program is told to end, or ends", at));
    }
    let work = birth.work.body?;
    let mut steps = program.flow(work).nodes().map(|node| Site { body: work, step: node.step.id });
    let at = steps.find(|site| asked(*site) == Some(Waits::Unbounded))?;
    Some(builder.fact("it waits here for the program to be told to end", at))
}

/// What waits for one of a pool's workers, or runs on one, is kept by the pool.
fn kept_by_workers(builder: &Builder<'_, '_>, birth: &Birth<'_>) -> Option<Fact> {
    fact!(kept_by_workers);
    let program = builder.program;
    let pools = |model: &CallModel| model.runs_on == RunsOn::Workers;
    let pooled =
        |site: Site| matches!(program.call(site)?.target, Target::Model(model) if pools(model)).then_some(site);
    let body = birth.site.body;
    let called_back = |given: ValueId| match program.type_of(body, given) {
        Type::Def(Def::Model(path)) => program.model(program.language(body), &path).is_some_and(pools),
        _ => false,
    };
    let at = std::iter::once(birth.site).chain(birth.given(builder)).find_map(pooled).or_else(|| {
        let call = program.call(birth.site)?;
        call.args.iter().any(|arg| called_back(arg.value)).then_some(birth.site)
    })?;
    Some(builder.fact("a pool keeps what runs on its workers", at))
}

/// What a thread hands over to the loop of another is for that one to keep. It is no more than a note where nothing is seen to
/// be lost: of those that were judged, nine of twenty would have been mended.
fn handed_over(builder: &Builder<'_, '_>, birth: &Birth<'_>, resource: &Resource) -> Option<Fact> {
    fact!(handed_over);
    let Target::Model(model) = builder.program.call(birth.site)?.target else { return None };
    (model.runs_on == RunsOn::OtherThread && resource.losses.is_empty())
        .then(|| builder.fact("another thread's loop is handed it, and nothing is seen that is lost", birth.site))
}

/// A program that hears of every failure, and waits for every task that is left when it stops, has them all in its hands.
fn overseen(builder: &Builder<'_, '_>, birth: &Birth<'_>) -> Option<Fact> {
    fact!(overseen);
    let program = builder.program;
    if birth.kind != Kind::Task || program.language(birth.site.body) != Language::Python {
        return None;
    }
    let product = |site: &Site| builder.setting(site.body) == Setting::Product;
    let find = || {
        let calls = program.calls();
        let mut ends = calls.about(About::EveryTask).filter(product);
        let end =
            ends.find(|site| program.phase_of(site.body) == Some(Phase::Close) && are_waited_for(builder, *site))?;
        let hears = calls.about(About::EveryFailure).filter(product).any(|site| is_given_a_function(program, site));
        hears.then(|| {
            builder.fact(
                "what fails is told to the loop's handler, and what is left is waited for with all others here",
                end,
            )
        })
    };
    builder.overseen.get_or_init(find).clone()
}

/// Whether what is in the collection that a call gives is waited for.
fn are_waited_for(builder: &Builder<'_, '_>, site: Site) -> bool {
    fact!(are_waited_for);
    let Some(call) = builder.program.call(site) else { return false };
    let trail = builder.program.follow(Spot::Value(site.body, call.out), 1, Returns::Stop);
    trail.uses.iter().any(|used| match &used.what {
        What::Await => true,
        What::Effect(effect, _) => matches!(effect, Effect::Awaited | Effect::AwaitedInPart | Effect::Joined),
        _ => false,
    })
}

/// A function of the program makes every task that there is: it may keep them, or hear of their failures.
fn made_by_factory(builder: &Builder<'_, '_>, birth: &Birth<'_>) -> Option<Fact> {
    fact!(made_by_factory);
    let program = builder.program;
    if birth.kind != Kind::Task || program.language(birth.site.body) != Language::Python {
        return None;
    }
    let mut set =
        program.calls().about(About::EveryStart).filter(|site| builder.setting(site.body) == Setting::Product);
    let own = set.find(|site| is_given_a_function(program, *site))?;
    Some(builder.fact("a function of the program makes every task, since it is given here", own))
}

/// Whether a call is given something to call, and no constant that says that there is none.
fn is_given_a_function(program: &Program<'_>, site: Site) -> bool {
    let handler = program.call(site).and_then(|call| call.args.first());
    handler.is_some_and(|handler| program.constant_of(site.body, handler.value).is_none())
}
