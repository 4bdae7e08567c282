//! Loops that start a task on a supervisor at each turn.

use unleak_catalogue::model::{CallModel, Failure, Kind};

use super::supply::{Maker, Size, Starts, Supply};
use super::{HOPS, Sizer};
use crate::ledger::{Answer, Bound, Hold, Holder, Holding, Missing, Resource, Unread};
use crate::program::Site;
use crate::program::calls::Call;
use crate::program::trace::Spot;
use crate::unit::{Driver, StepId, StepKind};

impl<'a> Sizer<'_, '_, 'a> {
    /// The fan-out of a loop that starts a task at each turn.
    pub(super) fn supervised(&self, site: Site, call: &Call<'a>, model: &'a CallModel) -> Option<Resource> {
        let home = self.home_of_supervisor(site, call);
        let mut turns = if self.is_in_loop_over_items(site, home) {
            self.turns(site.body, site.step, home, HOPS)
        } else {
            self.turns_of_callers(site, call)?
        };
        let work = self.run_by(call, model, site.body);
        turns.makers = vec![Maker { site, work: work.clone(), starts: Starts::AtOnce }];
        let mut resource = self.builder.born(Kind::Fanout, site, call.known);
        if let Some(receiver) = call.receiver {
            let name = self.builder.written_value(site.body, receiver, 4);
            resource.holds.push(Hold {
                by: Holder::Supervisor(name),
                how: Holding::Strong,
                from: self.builder.at(site),
            });
        }
        resource.bound = self.bound_of_turns(site, call, &turns);
        self.miss_limit(&turns, &mut resource);
        let failure = model.birth.as_ref().map(|birth| birth.failure);
        let unseen = match failure {
            Some(Failure::Lost | Failure::Swallowed) => self.is_joined_only(site, call),
            Some(Failure::Propagates) => self.is_set_unread(site, call, &work),
            _ => false,
        };
        if unseen {
            resource.failure_seen = Answer::No;
            resource.missing.push(Missing::Results(Unread::Lost));
            self.tell_lost(&mut resource, site, &turns);
        }
        self.decide(&turns, &mut resource);
        Some(resource)
    }

    fn bound_of_turns(&self, site: Site, call: &Call<'a>, turns: &Supply) -> Bound {
        let workers = call.receiver.and_then(|pool| self.workers(site.body, pool));
        match (workers, &turns.size) {
            (Some(bound @ (Bound::Const(_) | Bound::Setting(_))), _) => bound,
            (_, Size::Known(number)) => Bound::Const(*number),
            (_, Size::Limited(bound)) => bound.clone(),
            (other, Size::Unknown(growth)) => {
                let gate = self.gate_inside(&turns.makers);
                let gate = gate.or_else(|| self.gate_before(site, &turns.makers[0].work, call.receiver));
                let gate = gate.or_else(|| self.checked_before(site, &turns.sources)).map(Bound::Gate);
                gate.or_else(|| self.runs_once(site, growth)).or(other).unwrap_or(Bound::None)
            }
        }
    }

    /// The step that binds the supervisor, when it is made in the same body.
    fn home_of_supervisor(&self, site: Site, call: &Call<'a>) -> StepId {
        let spot = call.receiver.map(|receiver| self.program.origin(site.body, receiver).0);
        match spot {
            Some(Spot::Local(body, local)) if body == site.body => {
                self.program.flow(body).stores(local).first().copied().unwrap_or(StepId(0))
            }
            _ => StepId(0),
        }
    }

    /// Whether a loop over items (not a loop that waits for events) stands around a start, within its supervisor's life.
    fn is_in_loop_over_items(&self, site: Site, home: StepId) -> bool {
        fact!(is_in_loop_over_items);
        let flow = self.program.flow(site.body);
        let mut loops = flow.around(site.step).filter(|(outer, _)| matches!(outer.kind, StepKind::Loop { .. }));
        loops.next().is_some_and(|(outer, _)| {
            matches!(&outer.kind, StepKind::Loop { driver: Driver::Each { .. }, .. }) && !flow.within(home, outer.id)
        })
    }

    /// Whether what was started is waited for, and never asked.
    fn is_joined_only(&self, site: Site, call: &Call<'a>) -> bool {
        fact!(is_joined_only);
        use crate::program::trace::{Returns, What};
        use unleak_catalogue::model::Effect;
        let trail = self.program.follow(Spot::Value(site.body, call.out), 0, Returns::Follow);
        trail.uses.iter().any(|used| matches!(used.what, What::Effect(Effect::Joined, _)))
            && !self.is_asked_later(site, call.out)
    }
}
