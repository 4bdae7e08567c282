//! The verdict on a task: does anybody keep it or end it, or does it end by itself with something its maker keeps?

use unleak_catalogue::model::Kind;

use super::super::builder::Builder;
use super::super::queues::latch;
use super::super::{
    Answer, Assumption, End, Ending, Fact, Holding, Known, Location, Many, Missing, Resource, Setting, Work,
};
use super::births::Birth;
use super::{losses, peers, told};
use crate::source::Language;

/// Why a task in Rust is open: its loop has an exit of its own.
const OWN_EXIT: &str = "it has an exit whose condition is not understood";
/// Why a task in Rust is open: what it runs is not known.
const UNKNOWN_WORK: &str = "what it runs was not read";

/// Whether it is the work that its callers give which says whether a task leaks: in Rust, where nobody keeps it.
pub(super) fn rests_on_work(resource: &Resource) -> bool {
    fact!(rests_on_work);
    let mut open = resource.open.iter();
    resource.language == Language::Rust
        && resource.leaks != Answer::No
        && open.all(|(reason, _)| *reason == UNKNOWN_WORK)
}

/// In Rust it comes to an end alone; what it fails with is lost where that is its result.
fn ends_alone_with(builder: &Builder<'_, '_>, resource: &mut Resource, birth: &Birth<'_>) {
    if resource.setting == Setting::Product
        && let Some(lost) = losses::given_back(builder, birth)
    {
        resource.leaks = Answer::Yes;
        resource.notes.push(lost);
        resource.missing.extend([Missing::Owner, Missing::FailureSeen]);
        return name_callers(builder, resource, birth);
    }
    if let Some(accepted) = peers::serves(builder, birth, resource) {
        resource.leaks = Answer::Yes;
        resource.notes.push(accepted);
        resource.missing.extend([Missing::Owner, Missing::Stop, Missing::Limit]);
        return name_callers(builder, resource, birth);
    }
    let at = match &resource.work {
        Work::EndsWith(fact) => fact.location.clone(),
        _ => resource.birth.clone(),
    };
    ends_by_itself(resource, at);
}

/// It comes to an end alone. A thread for each event is still one too many when they come faster than they end.
fn ends_by_itself(resource: &mut Resource, at: Location) {
    resource.ends.push(End { how: Ending::ByItself, at, within: resource.within.clone() });
    resource.leaks = Answer::No;
    if resource.kind == Kind::Thread && resource.many == Many::PerEvent {
        resource.leaks = Answer::Yes;
        resource.missing.push(Missing::Limit);
    }
}

/// The verdict: does anybody keep it or end it, or does it end by itself with something its maker keeps?
pub(super) fn judge(builder: &Builder<'_, '_>, resource: &mut Resource, birth: &Birth<'_>) {
    if resource.failure_seen != Answer::Yes {
        resource.failure_seen = failure_seen(builder, resource, birth);
    }
    let kept = resource.holds.iter().any(|hold| hold.how == Holding::Strong);
    if kept || !resource.ends.is_empty() {
        resource.leaks = Answer::No;
        return;
    }
    if !resource.open.is_empty() {
        resource.leaks = Answer::Open;
        return;
    }
    if resource.language == Language::Rust {
        match &resource.work {
            Work::Endless(_) | Work::Lingers(_) => {}
            Work::MayLinger(_) => resource.assumption = Some(Assumption::LongWait),
            Work::OwnFailure(_) => resource.assumption = Some(Assumption::NoFailure),
            Work::ByCondition(_) if resource.setting == Setting::Product => {
                resource.assumption = Some(Assumption::NoCondition);
            }
            Work::EndsWith(_) | Work::Finite | Work::AtOnce(_) | Work::OnlyWaits(_) => {
                return ends_alone_with(builder, resource, birth);
            }
            Work::HasExit(fact) | Work::ByCondition(fact) => {
                resource.open.push((OWN_EXIT, fact.clone()));
                return;
            }
            Work::Unknown => {
                resource
                    .open
                    .push((UNKNOWN_WORK, Fact { label: UNKNOWN_WORK.to_owned(), location: resource.birth.clone() }));
                return;
            }
        }
    }
    if let (Work::AtOnce(fact), Answer::Yes) = (&resource.work, resource.failure_seen) {
        let at = fact.location.clone();
        return ends_by_itself(resource, at);
    }
    // A thread is kept by the interpreter: it needs no owner where a flag that somebody fires ends it.
    if let (Kind::Thread, Work::EndsWith(fact)) = (resource.kind, &resource.work) {
        let (at, within) = (fact.location.clone(), resource.within.clone());
        resource.ends.push(End { how: Ending::ByItself, at, within });
        resource.leaks = Answer::No;
        return;
    }
    let joined = told::joined_after(builder, resource, birth);
    let released = || told::by_maker(builder, birth.site, birth.work.body?).filter(|_| resource.kind == Kind::Thread);
    if let Some(end) =
        joined.or_else(|| Some(End { how: Ending::Told, at: released()?.location, within: resource.within.clone() }))
    {
        resource.ends.push(end);
        resource.leaks = Answer::No;
        return;
    }
    resource.leaks = Answer::Yes;
    if resource.known == Known::Hinted {
        resource.assumption = Some(Assumption::ReceiverByName);
    }
    resource.missing.push(Missing::Owner);
    if resource.failure_seen != Answer::Yes {
        resource.missing.push(Missing::FailureSeen);
    }
    // What is held weakly can still be reached, as long as it is there.
    let waits = !matches!(resource.work, Work::AtOnce(_) | Work::OnlyWaits(_));
    if waits && resource.holds.iter().all(|hold| hold.how != Holding::Weak) {
        resource.missing.push(match resource.work {
            Work::EndsWith(_) => Missing::Wait,
            _ => Missing::Stop,
        });
    }
    if waits && resource.many == Many::PerEvent && latch::latched(builder, birth.site).is_none() {
        resource.missing.push(Missing::Limit);
    }
    name_callers(builder, resource, birth);
}

fn failure_seen(builder: &Builder<'_, '_>, resource: &Resource, birth: &Birth<'_>) -> Answer {
    let taken = resource.ends.iter().any(|end| matches!(end.how, Ending::Awaited | Ending::Raced | Ending::ScopeExit));
    let handled = match birth.work.body {
        Some(body) => builder.program.handles_its_failures(body),
        // One `put` into a queue without a bound has none.
        None => matches!(resource.work, Work::AtOnce(_) | Work::OnlyWaits(_)),
    };
    match (taken || handled, resource.open.is_empty()) {
        (true, _) => Answer::Yes,
        (false, true) => Answer::No,
        (false, false) => Answer::Open,
    }
}

/// The callers of the function that starts and forgets are part of the story.
fn name_callers(builder: &Builder<'_, '_>, resource: &mut Resource, birth: &Birth<'_>) {
    let function = builder.program.named_around(birth.site.body);
    for site in builder.program.calls().callers(function).iter().take(4) {
        let name = builder.function_name(function);
        resource.notes.push(builder.fact(format!("`{name}` is called here"), *site));
    }
    if let Some(made_by) = birth.made_by {
        let made = builder.resource(made_by);
        resource.notes.push(Fact {
            label: format!("`{}` starts it here and returns it", made.within),
            location: made.birth.clone(),
        });
    }
}
