//! Whether somebody sees what fails in a fan-out.

use unleak_catalogue::model::{Effect, Failure, Kind, OwnerOf, Phase, Takes};
use unleak_catalogue::subject::TypeRef;

use super::sets::tells_failure;
use super::supply::{Maker, Starts, Supply};
use super::{Fan, Sizer};
use crate::ledger::tasks::told;
use crate::ledger::{Answer, Bound, Ending, Fact, Missing, Resource, Unread};
use crate::program::calls::{Depth, Target};
use crate::program::flow::Slot;
use crate::program::let_out::LetOut;
use crate::program::trace::{Returns, Spot, Trail, Use, What};
use crate::program::{BodyRef, Site};
use crate::source::Language;
use crate::unit::{Discard, Part, Place, StepId, StepKind, ValueId};

/// How many callers that drop what a helper returns are each told of; when there are more, the helper is.
const CALLERS_THAT_DROP: usize = 3;

/// What is lost of work that the program was handed.
const OF_OTHERS: &str = "what others wrote runs here, and what it raises is looked at by nobody";

impl<'a> Sizer<'_, '_, 'a> {
    /// Asks whether the results are read where they carry failures.
    pub(super) fn results(&self, fan: &Fan<'a>, resource: &mut Resource) {
        let body = fan.site.body;
        let (outcome, waited) = self.outcome(body, fan.call.out);
        let trail = self.program.follow(Spot::Value(body, outcome), 1, Returns::Stop);
        let awaits = |used: &&Use<'_>| matches!(used.what, What::Await | What::Raced | What::Entered);
        let awaited = waited.or_else(|| trail.uses.iter().find(awaits).map(|used| used.site));
        if let Some(site) = awaited {
            resource.ends.push(self.builder.end(Ending::Awaited, site));
        }
        let asked = self.is_asked_of(body, outcome);
        if fan.model.takes_effect == Takes::WhenAwaited && awaited.is_none() && !asked && is_given_up(&trail) {
            resource.failure_seen = Answer::No;
            resource.notes.push(self.builder.fact("it is never awaited", fan.site));
            resource.missing.push(Missing::Results(Unread::NeverRun));
            return;
        }
        if !self.hides_failures(fan) || self.is_goodbye(fan) || asked && awaited.is_none() {
            return;
        }
        let seen = match fan.effect {
            Some(Effect::Joined) if self.gives_tasks(fan) => self.tasks_are_asked(fan),
            None => self.is_consumed(body, outcome),
            _ => {
                let read = trail.uses.iter().any(is_read) || self.looks_into(&trail);
                read && !self.drops_a_part(body, outcome, &trail) || self.are_asked_at_their_end(fan)
            }
        };
        resource.failure_seen = if seen { Answer::Yes } else { Answer::No };
        if !seen {
            resource.missing.push(Missing::Results(self.unread(fan)));
            self.tell_lost(resource, fan.site, &fan.supply);
        }
    }

    /// Tells what the work of the items is seen to fail with. Only what others wrote counts as lost: what the program itself
    /// raises there it mostly tells of on the way.
    pub(super) fn tell_lost(&self, resource: &mut Resource, site: Site, supply: &Supply) {
        fact!(tell_lost);
        let run = self.program.call(site).map_or_else(Vec::new, |call| match call.target {
            Target::Model(model) => self.run_by(&call, model, site.body),
            _ => Vec::new(),
        });
        // What the fan-out itself runs for each item is not what made the items.
        let makers = if run.is_empty() { supply.makers.as_slice() } else { &[] };
        let works = makers.iter().flat_map(|maker| maker.work.iter().copied()).chain(run);
        let handed = || makers.iter().find(|maker| maker.work.is_empty() && self.program.is_of_others(maker.site));
        match works.into_iter().find_map(|work| self.program.lets_out(work)) {
            Some(LetOut::Raised(site)) => {
                resource.notes.push(self.builder.fact("what is raised here is looked at by nobody", site));
            }
            Some(LetOut::OfOthers(site)) => resource.losses.push(self.builder.fact(OF_OTHERS, site)),
            None => resource.losses.extend(handed().map(|maker| self.builder.fact(OF_OTHERS, maker.site))),
        }
    }

    /// Whether what fails is told otherwise than by the results: a task that nobody asks tells of its failure at its end,
    /// what was made elsewhere is somebody's, and what was told to stop has no failure to tell.
    fn unread(&self, fan: &Fan<'a>) -> Unread {
        let supply = &fan.supply;
        let stopped = || {
            self.item_trails(fan).iter().any(|trail| {
                let by_type = trail.uses.iter().any(|used| matches!(used.what, What::Effect(Effect::Cancelled, _)));
                by_type || !self.stopped_by_name(trail).is_empty()
            })
        };
        let decorated = |work: &BodyRef| !self.program.body(*work).marks.is_empty();
        let told = self.gives_tasks(fan)
            || !supply.elsewhere.is_empty()
            || supply.makers.iter().flat_map(|maker| &maker.work).any(decorated)
            || supply.makers.is_empty()
            || stopped();
        if told { Unread::ToldOtherwise } else { Unread::Lost }
    }

    /// What stands for the outcome: the result of a call that only waits for it and gives it back (`wait_for`), and the
    /// call if it waits at once (`run_until_complete`).
    fn outcome(&self, body: BodyRef, out: ValueId) -> (ValueId, Option<Site>) {
        let (mut at, mut waited) = (out, None);
        for _ in 0..4 {
            let Some((only, given)) = self.only_use(body, at) else { break };
            let Some(call) = self.program.call(Site { body, step: only }) else { break };
            let Target::Model(model) = &call.target else { break };
            let effect = self.program.effect_on(&call, model, given, Depth::Itself);
            if effect != Some(Effect::Awaited) || !matches!(model.returns, Some(TypeRef::Awaited(_))) {
                break;
            }
            if model.takes_effect != Takes::WhenAwaited {
                waited = Some(Site { body, step: only });
            }
            at = call.out;
        }
        (at, waited)
    }

    /// Whether a method is called on a value, itself or in a variable: a callback is put on it, or what it gives is asked
    /// for.
    fn is_asked_of(&self, body: BodyRef, value: ValueId) -> bool {
        fact!(is_asked_of);
        let flow = self.program.flow(body);
        let mut steps = flow.uses(value).iter().filter_map(|id| flow.step(*id));
        steps.any(|step| match &step.kind {
            StepKind::Read { place: Place::Field { .. }, .. } => true,
            StepKind::Store { place: Place::Local(local), .. } => {
                flow.reads(*local).iter().any(|id| match flow.step(*id).map(|step| &step.kind) {
                    Some(StepKind::Read { out, place: Place::Local(_), .. }) => self.is_asked_of(body, *out),
                    _ => false,
                })
            }
            _ => false,
        })
    }

    /// The one step that uses a value, and the value as it stands there: a variable that is given it once and read once
    /// only names it.
    pub(super) fn only_use(&self, body: BodyRef, value: ValueId) -> Option<(StepId, ValueId)> {
        let flow = self.program.flow(body);
        let [only] = flow.uses(value) else { return None };
        let StepKind::Store { place: Place::Local(local), .. } = &flow.step(*only)?.kind else {
            return Some((*only, value));
        };
        let ([_], [read]) = (flow.stores(*local), flow.reads(*local)) else { return None };
        let StepKind::Read { out, .. } = &flow.step(*read)?.kind else { return None };
        match flow.uses(*out) {
            [used] if self.program.captures_of(body, *local).is_empty() => Some((*used, *out)),
            _ => None,
        }
    }

    /// Whether a result that raises when it is taken out is given to anything that takes it.
    fn is_consumed(&self, body: BodyRef, out: ValueId) -> bool {
        fact!(is_consumed);
        let flow = self.program.flow(body);
        flow.uses(out).iter().filter_map(|id| flow.step(*id)).any(|step| match &step.kind {
            StepKind::Discard { .. } => false,
            StepKind::Store { place: Place::Local(local), .. } => {
                !flow.reads(*local).is_empty() || !self.program.captures_of(body, *local).is_empty()
            }
            _ => true,
        })
    }

    /// Whether something is read off a result, beside the calls of its methods.
    fn looks_into(&self, trail: &Trail<'a>) -> bool {
        fact!(looks_into);
        trail.spots.iter().any(|spot| {
            let Spot::Value(body, value) = spot else { return false };
            let flow = self.program.flow(*body);
            flow.uses(*value).iter().filter_map(|id| flow.step(*id)).any(|step| match &step.kind {
                StepKind::Read { out, place: Place::Field { .. }, .. } => !flow.uses(*out).iter().any(|id| {
                    matches!(flow.step(*id).map(|step| &step.kind), Some(StepKind::Call { callee, .. }) if callee == out)
                }),
                _ => false,
            })
        })
    }

    /// Whether a failure of an item is not raised where the fan-out is awaited.
    fn hides_failures(&self, fan: &Fan<'a>) -> bool {
        fact!(hides_failures);
        match fan.effect {
            Some(Effect::Joined) => true,
            Some(Effect::Awaited) if self.program.language(fan.site.body) == Language::Rust => {
                fan.model.returns.as_ref().is_some_and(|ty| !tells_failure(ty)) && self.items_can_fail(fan)
            }
            None => fan.birth.owner == OwnerOf::Receiver && fan.birth.failure == Failure::Propagates,
            _ => false,
        }
    }

    /// Whether there is no failure to see: it only waits for signals, deals with its own failures, or says goodbye.
    fn is_goodbye(&self, fan: &Fan<'a>) -> bool {
        fact!(is_goodbye);
        let makers = &fan.supply.makers;
        let waits = !makers.is_empty() && makers.iter().all(|maker| self.waits_only(maker));
        let works = || makers.iter().flat_map(|maker| &maker.work);
        let handled = makers.iter().all(|maker| !maker.work.is_empty())
            && works().next().is_some()
            && works().all(|work| self.speaks_for_itself(*work, 3) || self.says_goodbye(*work));
        waits || handled || self.fails_already(fan.site) || self.program.phase_at(fan.site).is_some_and(Phase::ends)
    }

    /// Whether work closes something.
    fn says_goodbye(&self, work: BodyRef) -> bool {
        fact!(says_goodbye);
        self.program.lifecycle(work).is_some_and(|found| found.phase.ends())
    }

    /// Whether a handler that passes on another failure stands around a step.
    fn fails_already(&self, site: Site) -> bool {
        fact!(fails_already);
        self.program.flow(site.body).around(site.step).any(|(outer, slot)| {
            let (StepKind::Try { handlers, .. }, Slot::Handler(at)) = (&outer.kind, slot) else { return false };
            let last = handlers.get(at as usize).and_then(|handler| handler.body.steps.last());
            matches!(last.map(|step| &step.kind), Some(StepKind::Raise { .. }))
        })
    }

    /// Whether work deals with its own failures, or does nothing but wait for work that does.
    fn speaks_for_itself(&self, work: BodyRef, hops: u32) -> bool {
        fact!(speaks_for_itself);
        if self.program.handles_its_failures(work) {
            return true;
        }
        let Some(hops) = hops.checked_sub(1) else { return false };
        let mut awaited = self.program.flow(work).nodes().filter_map(|node| match &node.step.kind {
            StepKind::Await { value, .. } => Some(*value),
            _ => None,
        });
        let speaks = |value| self.program.work_of(work, value).is_some_and(|inner| self.speaks_for_itself(inner, hops));
        awaited.next().is_some_and(speaks) && awaited.all(speaks)
    }

    /// Whether a maker's call, or what it starts, is a wait for a signal.
    fn waits_only(&self, maker: &Maker) -> bool {
        fact!(waits_only);
        let Some(call) = self.program.call(maker.site) else { return false };
        let started = call.args.iter().filter_map(|arg| self.program.flow(maker.site.body).def(arg.value));
        let mut sites = started.map(|step| Site { body: maker.site.body, step: step.id }).chain([maker.site]);
        sites.any(|site| self.only_waits(site).is_some())
    }

    fn items_can_fail(&self, fan: &Fan<'a>) -> bool {
        fact!(items_can_fail);
        let works = fan.supply.makers.iter().flat_map(|maker| &maker.work);
        works.into_iter().any(|work| self.can_fail(*work))
    }

    /// Whether the results are the tasks themselves.
    fn gives_tasks(&self, fan: &Fan<'a>) -> bool {
        fact!(gives_tasks);
        fan.model.returns.as_ref().is_some_and(|ty| ty.to_string().contains("set<"))
    }

    /// Whether the tasks that a wait has waited for are asked for their outcome, as what it gives or where they are kept.
    fn tasks_are_asked(&self, fan: &Fan<'a>) -> bool {
        fact!(tasks_are_asked);
        let body = fan.site.body;
        let given = self.program.follow(Spot::Value(body, fan.call.out), 2, Returns::Stop);
        let asked = |used: &Use<'_>| used.site != fan.site && used.depth == 0 && is_read(used);
        // It takes tasks alone: what an unknown call gave was started before.
        let makers = &fan.supply.makers;
        let started_before = |maker: &Maker| maker.starts == Starts::Later && maker.work.is_empty();
        given.uses.iter().any(asked)
            || makers.iter().all(started_before)
            || self.item_trails(fan).iter().any(|trail| {
                trail.uses.iter().any(|used| used.site != fan.site && is_asked(used)) || self.looks_into(trail)
            })
    }

    /// Whether a callback on each of the items asks it what it raised.
    fn are_asked_at_their_end(&self, fan: &Fan<'a>) -> bool {
        fact!(are_asked_at_their_end);
        let makers = &fan.supply.makers;
        let trails = makers.iter().filter_map(|maker| {
            let call = self.program.call(maker.site)?;
            Some(self.program.follow(Spot::Value(maker.site.body, call.out), 0, Returns::Stop))
        });
        !makers.is_empty() && trails.into_iter().all(|trail| told::failure_asked(self.builder, &trail))
    }

    /// What is done with the items elsewhere.
    pub(super) fn item_trails(&self, fan: &Fan<'a>) -> Vec<Trail<'a>> {
        let body = fan.site.body;
        let mut trails = Vec::new();
        for (value, depth) in &fan.items {
            let (spot, inner) = self.program.origin(body, *value);
            let depth = inner + u8::from(*depth == Depth::Elements);
            trails.push(self.program.follow(spot, depth, Returns::Stop));
        }
        let tasks = fan
            .supply
            .makers
            .iter()
            .filter_map(|maker| self.program.call(maker.site).map(|call| (maker.site.body, call.out)));
        trails.extend(tasks.map(|(body, out)| self.program.follow(Spot::Value(body, out), 0, Returns::Stop)));
        trails
    }

    /// `first, _ = await …`: one of the results is thrown away. What the parts of one result are is another matter.
    fn drops_a_part(&self, body: BodyRef, outcome: ValueId, trail: &Trail<'a>) -> bool {
        fact!(drops_a_part);
        let flow = self.program.flow(body);
        let made = self.program.maker(body, outcome);
        trail.spots.iter().any(|spot| {
            let Spot::Value(at, value) = spot else { return false };
            let part = flow.def(*value).filter(|_| *at == body).map(|step| &step.kind);
            let Some(StepKind::Part { of, part: Part::Index(_), .. }) = part else { return false };
            self.program.maker(body, *of) == made
                && flow.uses(*value).iter().any(|id| {
                    matches!(
                        flow.step(*id).map(|step| &step.kind),
                        Some(StepKind::Discard { how: Discard::Underscore, .. })
                    )
                })
        })
    }

    /// A helper that returns the failures makes each caller that drops them the offender; when many do, the helper.
    pub(super) fn dropped_by_callers(&self, fan: &Fan<'a>, helper: &mut Resource) -> Vec<Resource> {
        if !self.hides_failures(fan) || self.gives_tasks(fan) {
            return Vec::new();
        }
        let trail = self.program.follow(Spot::Value(fan.site.body, fan.call.out), 1, Returns::Stop);
        // A helper that looks at them itself owes its callers nothing.
        if trail.uses.iter().any(|used| is_read(used) && !matches!(used.what, What::Returned(_))) {
            return Vec::new();
        }
        let returned = trail.uses.iter().find_map(|used| match used.what {
            What::Returned(body) => Some(body),
            _ => None,
        });
        let Some(function) = returned else { return Vec::new() };
        let callers = self.program.calls().callers(function);
        let dropping: Vec<Resource> = callers.iter().filter_map(|site| self.dropped_here(fan, *site)).collect();
        if dropping.len() <= CALLERS_THAT_DROP {
            return dropping;
        }
        helper.leaks = Answer::Yes;
        helper.failure_seen = Answer::No;
        helper.missing.push(Missing::Results(self.unread(fan)));
        self.tell_lost(helper, fan.site, &fan.supply);
        let dropped = dropping.iter().take(CALLERS_THAT_DROP);
        let facts = dropped.map(|it| Fact { label: "dropped here".to_owned(), location: it.birth.clone() });
        helper.notes.extend(facts);
        Vec::new()
    }

    fn dropped_here(&self, fan: &Fan<'a>, site: Site) -> Option<Resource> {
        let call = self.program.call(site)?;
        if !matches!(&call.target, Target::Functions(functions) if functions.len() == 1) {
            return None;
        }
        let trail = self.program.follow(Spot::Value(site.body, call.out), 1, Returns::Stop);
        let awaited = trail.uses.iter().any(|used| matches!(used.what, What::Await));
        if !awaited || trail.uses.iter().any(is_read) {
            return None;
        }
        let mut resource = self.builder.born(Kind::Fanout, site, call.known);
        resource.bound = Bound::NotAsked;
        resource.leaks = Answer::Yes;
        resource.failure_seen = Answer::No;
        resource.missing.push(Missing::Results(self.unread(fan)));
        self.tell_lost(&mut resource, fan.site, &fan.supply);
        resource.notes.push(self.builder.fact("the failures are among what this returns", fan.site));
        Some(resource)
    }

    /// Whether a started job's own handle is asked for its outcome, itself or among those that a wait for all gives.
    pub(super) fn is_asked_later(&self, site: Site, out: ValueId) -> bool {
        fact!(is_asked_later);
        let trail = self.program.follow(Spot::Value(site.body, out), 0, Returns::Follow);
        let mut waits = trail.uses.iter().filter(|used| matches!(used.what, What::Effect(Effect::Joined, _)));
        trail.uses.iter().any(is_asked)
            || waits.any(|wait| {
                let Some(call) = self.program.call(wait.site) else { return false };
                let given = self.program.follow(Spot::Value(wait.site.body, call.out), 2, Returns::Stop);
                given.uses.iter().any(|used| used.depth == 0 && is_asked(used))
            })
    }
}

/// Whether nothing is done with a fan-out that would run it.
fn is_given_up(trail: &Trail<'_>) -> bool {
    fact!(is_given_up);
    trail.uses.iter().all(|used| {
        matches!(
            used.what,
            What::Local(..) | What::Discarded(_) | What::Tested | What::Effect(Effect::Measured | Effect::Observed, _)
        )
    })
}

/// Whether a use of results looks at what they say.
fn is_read(used: &Use<'_>) -> bool {
    match &used.what {
        What::Await | What::Local(..) | What::Discarded(_) | What::Raced | What::Entered => false,
        // What a function is called with on the way is looked at by it.
        What::Effect(Effect::PassedThrough, model) => model.does.values().any(|effect| *effect == Effect::Called),
        What::Effect(Effect::Measured, _) => false,
        What::Tested => used.depth == 0,
        _ => true,
    }
}

/// Whether a use of a task asks for its outcome, or may.
fn is_asked(used: &Use<'_>) -> bool {
    match &used.what {
        What::Await | What::Raced | What::Unknown(_) | What::Returned(_) | What::Yielded(_) => true,
        What::Effect(effect, _) => {
            matches!(effect, Effect::Awaited | Effect::CalledAtEnd | Effect::AwaitedInPart | Effect::Escapes)
        }
        _ => false,
    }
}
