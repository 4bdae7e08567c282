//! Whether somebody sees what fails in a fan-out.

use unleak_catalogue::model::{Effect, Failure, Kind, OwnerOf, Takes};

use super::{Fan, Sizer};
use crate::ledger::{Answer, Bound, End, Ending, Missing, Resource};
use crate::program::calls::Target;
use crate::program::trace::{Returns, Spot, Trail, Use, What};
use crate::program::{BodyRef, Site};
use crate::source::Language;
use crate::unit::{Discard, Part, StepKind, TypeTree, ValueId};

impl<'a> Sizer<'_, '_, 'a> {
    /// Asks whether the results are read where they carry failures.
    pub(super) fn results(&self, fan: &Fan<'a>, resource: &mut Resource) {
        let body = fan.site.body;
        let trail = self.program.follow(Spot::Value(body, fan.call.out), 1, Returns::Stop);
        let awaited = trail.uses.iter().find(|used| matches!(used.what, What::Await | What::Raced | What::Entered));
        if let Some(used) = awaited {
            resource.ends.push(End { how: Ending::Awaited, at: self.builder.at(used.site) });
        }
        if fan.model.takes_effect == Takes::WhenAwaited && awaited.is_none() && is_given_up(&trail) {
            resource.failure_seen = Answer::No;
            resource.notes.push(self.builder.fact("it is never awaited", fan.site));
            resource.missing.push(Missing::Results);
            return;
        }
        if !self.hides_failures(fan) {
            return;
        }
        let seen = match fan.effect {
            Some(Effect::Joined) if self.gives_tasks(fan) => self.tasks_are_asked(fan),
            _ => trail.uses.iter().any(is_read) && !self.drops_a_part(body, &trail),
        };
        resource.failure_seen = if seen { Answer::Yes } else { Answer::No };
        if !seen {
            resource.missing.push(Missing::Results);
        }
    }

    /// Whether a failure of an item is not raised where the fan-out is awaited.
    fn hides_failures(&self, fan: &Fan<'a>) -> bool {
        match fan.effect {
            Some(Effect::Joined) => true,
            Some(Effect::Awaited) if self.program.language(fan.site.body) == Language::Rust => {
                fan.model.returns.as_ref().is_some_and(|ty| !ty.to_string().starts_with("Result"))
                    && self.items_can_fail(fan)
            }
            None => fan.birth.owner == OwnerOf::Receiver && fan.birth.failure == Failure::Propagates,
            _ => false,
        }
    }

    fn items_can_fail(&self, fan: &Fan<'a>) -> bool {
        let works = fan.supply.makers.iter().flat_map(|maker| &maker.work);
        works.into_iter().any(|work| match &self.program.body(*work).returns {
            Some(TypeTree::Path { path, .. }) => path.last().is_some_and(|last| last == "Result"),
            _ => false,
        })
    }

    /// Whether the results are the tasks themselves.
    fn gives_tasks(&self, fan: &Fan<'a>) -> bool {
        fan.model.returns.as_ref().is_some_and(|ty| ty.to_string().contains("set<"))
    }

    /// Whether the tasks that a wait has waited for are asked for their outcome, as what it gives or where they are kept.
    fn tasks_are_asked(&self, fan: &Fan<'a>) -> bool {
        let body = fan.site.body;
        let given = self.program.follow(Spot::Value(body, fan.call.out), 2, Returns::Stop);
        let asked = |used: &Use<'_>| used.site != fan.site && used.depth == 0 && is_read(used);
        given.uses.iter().any(asked)
            || self
                .item_trails(fan)
                .iter()
                .any(|trail| trail.uses.iter().any(|used| used.site != fan.site && is_asked(used)))
    }

    /// What is done with the items elsewhere.
    pub(super) fn item_trails(&self, fan: &Fan<'a>) -> Vec<Trail<'a>> {
        use crate::program::calls::Depth;
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

    /// `first, _ = await …`: one of the results is thrown away.
    fn drops_a_part(&self, body: BodyRef, trail: &Trail<'a>) -> bool {
        let values = trail.spots.iter().filter_map(|spot| match spot {
            Spot::Value(at, value) if *at == body => Some(*value),
            _ => None,
        });
        values.into_iter().any(|value| self.is_dropped_part(body, value))
    }

    fn is_dropped_part(&self, body: BodyRef, value: ValueId) -> bool {
        let flow = self.program.flow(body);
        let part = matches!(flow.def(value).map(|step| &step.kind), Some(StepKind::Part { part: Part::Index(_), .. }));
        part && flow.uses(value).iter().any(|id| {
            matches!(flow.step(*id).map(|step| &step.kind), Some(StepKind::Discard { how: Discard::Underscore, .. }))
        })
    }

    /// A helper that returns the failures makes each caller that drops them the offender.
    pub(super) fn dropped_by_callers(&self, fan: &Fan<'a>) -> Vec<Resource> {
        if !self.hides_failures(fan) || self.gives_tasks(fan) {
            return Vec::new();
        }
        let trail = self.program.follow(Spot::Value(fan.site.body, fan.call.out), 1, Returns::Stop);
        let returned = trail.uses.iter().find_map(|used| match used.what {
            What::Returned(body) => Some(body),
            _ => None,
        });
        let Some(helper) = returned else { return Vec::new() };
        let callers = self.program.calls().callers(helper).iter();
        callers.filter_map(|site| self.dropped_here(fan, *site)).collect()
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
        resource.missing.push(Missing::Results);
        resource.notes.push(self.builder.fact("the failures are among what this returns", fan.site));
        Some(resource)
    }

    /// Whether a started job's own handle is asked for its outcome.
    pub(super) fn is_asked_later(&self, site: Site, out: ValueId) -> bool {
        let trail = self.program.follow(Spot::Value(site.body, out), 0, Returns::Follow);
        trail.uses.iter().any(is_asked)
    }
}

/// Whether nothing is done with a fan-out that would run it.
fn is_given_up(trail: &Trail<'_>) -> bool {
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
