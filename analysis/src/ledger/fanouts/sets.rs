//! Sets that run what is put into them: who puts, and who reads what comes out.

use unleak_catalogue::model::{CallModel, Effect, Kind};
use unleak_catalogue::subject::{Subject, TypeRef};

use super::supply::{Size, Supply};
use super::{HOPS, Sizer};
use crate::program::calls::{Call, Target};
use crate::program::flow::Slot;
use crate::program::trace::{Returns, Spot, Use, What};
use crate::program::{BodyRef, Site};
use crate::source::Language;
use crate::unit::{BodyKind, Driver, Place, StepId, StepKind, TypeTree, ValueId};

impl<'a> Sizer<'_, '_, 'a> {
    /// Whether a call puts a future into a set that runs it.
    pub(super) fn puts_into_set(&self, site: Site, call: &Call<'a>, model: &CallModel) -> bool {
        fact!(puts_into_set);
        let puts = model.does.get(&Subject::Receiver) == Some(&Effect::Put)
            && model
                .does
                .iter()
                .any(|(subject, effect)| matches!(subject, Subject::Argument { .. }) && *effect == Effect::Kept);
        let kind = call.receiver.map(|set| self.kind_of(site.body, &self.program.type_of(site.body, set)));
        puts && kind == Some(Some(Kind::Supervisor))
    }

    /// How often callers' loops turn around a method that puts into its object's own set.
    pub(super) fn turns_of_callers(&self, site: Site, call: &Call<'a>) -> Option<Supply> {
        let (spot, _) = self.program.origin(site.body, call.receiver?);
        if !matches!(spot, Spot::Field(..)) || self.is_looped(site) {
            return None;
        }
        let taken = self.takes_from(&spot);
        let looped = self.callers_of_product(site.body).into_iter().filter_map(|caller| {
            let looping = self.loop_over_items(caller)?;
            // What is taken out again in the same loop makes room.
            let flow = self.program.flow(caller.body);
            let makes_room = taken.iter().any(|take| {
                take.body == site.body
                    || take.body == caller.body && flow.within(take.step, looping)
                    || self
                        .program
                        .calls()
                        .callers(take.body)
                        .iter()
                        .any(|reap| reap.body == caller.body && flow.within(reap.step, looping))
            });
            (!makes_room).then(|| self.turns(caller.body, caller.step, StepId(0), HOPS))
        });
        looped.reduce(|a, b| a.with(b, Size::or))
    }

    fn is_looped(&self, site: Site) -> bool {
        fact!(is_looped);
        self.program.flow(site.body).around(site.step).any(|(outer, _)| matches!(outer.kind, StepKind::Loop { .. }))
    }

    fn loop_over_items(&self, site: Site) -> Option<StepId> {
        let flow = self.program.flow(site.body);
        let mut loops = flow.around(site.step).filter(|(outer, _)| matches!(outer.kind, StepKind::Loop { .. }));
        let (looping, slot) = loops.next()?;
        let each = matches!(&looping.kind, StepKind::Loop { driver: Driver::Each { .. }, .. });
        (each && slot == Slot::LoopBody).then_some(looping.id)
    }

    fn takes_from(&self, set: &Spot) -> Vec<Site> {
        let trail = self.program.follow(set.clone(), 0, Returns::Stop);
        let takes = trail.uses.iter().filter(|used| is_take(used));
        takes.map(|used| used.site).collect()
    }

    /// Whether the work put into a set of this frame can fail, and nobody reads what comes out of it.
    pub(super) fn is_set_unread(&self, site: Site, call: &Call<'a>, work: &[BodyRef]) -> bool {
        fact!(is_set_unread);
        if self.program.language(site.body) != Language::Rust || !work.iter().any(|work| self.can_fail(*work)) {
            return false;
        }
        let Some(set) = call.receiver else { return false };
        let (spot, _) = self.program.origin(site.body, set);
        if !matches!(spot, Spot::Local(body, _) if body == site.body) || self.is_given(&spot) {
            return false;
        }
        let trail = self.program.follow(spot, 0, Returns::Stop);
        let own = trail.uses.iter().filter(|used| used.depth == 0);
        own.into_iter().all(|used| match &used.what {
            What::Effect(Effect::Put | Effect::Measured | Effect::Observed, _)
            | What::Local(..)
            | What::Tested
            | What::Discarded(_) => true,
            What::Effect(Effect::Take | Effect::TakeAll | Effect::Awaited, _) => self.is_thrown_away(used.site),
            _ => false,
        })
    }

    fn is_given(&self, spot: &Spot) -> bool {
        fact!(is_given);
        let Spot::Local(body, local) = spot else { return true };
        self.program.body(*body).params.iter().any(|param| param.local == *local)
    }

    /// Whether what a call gives is looked at no further than whether it is there.
    fn is_thrown_away(&self, site: Site) -> bool {
        fact!(is_thrown_away);
        let Some(call) = self.program.call(site) else { return false };
        let trail = self.program.follow(Spot::Value(site.body, call.out), 0, Returns::Stop);
        trail.uses.iter().all(|used| match &used.what {
            What::Await | What::Discarded(_) => true,
            What::Tested => !self.takes_apart(used.site),
            What::Effect(Effect::Measured | Effect::Observed, _) => true,
            What::Local(body, local) => self.program.flow(*body).reads(*local).is_empty(),
            _ => false,
        })
    }

    /// Whether a test gives what it tests a name that is read.
    fn takes_apart(&self, site: Site) -> bool {
        fact!(takes_apart);
        let flow = self.program.flow(site.body);
        flow.nodes().any(|node| match &node.step.kind {
            StepKind::Store { place: Place::Local(local), .. } => {
                flow.within(node.step.id, site.step) && !flow.reads(*local).is_empty() && {
                    let around = flow.around(node.step.id).next();
                    around.is_some_and(|(outer, _)| outer.id == site.step)
                }
            }
            _ => false,
        })
    }

    /// Whether a body gives a result that can be a failure.
    pub(super) fn can_fail(&self, work: BodyRef) -> bool {
        fact!(can_fail);
        self.can_fail_within(work, 6)
    }

    fn can_fail_within(&self, work: BodyRef, hops: u32) -> bool {
        let owned = self.program.body(work);
        match (&owned.returns, owned.kind) {
            (Some(TypeTree::Path { path, .. }), _) => path.last().is_some_and(|last| last == "Result"),
            (Some(_), _) | (None, BodyKind::Function) => false,
            (None, _) => {
                let returned = self.program.flow(work).nodes().filter_map(|node| match &node.step.kind {
                    StepKind::Return { value } => *value,
                    _ => None,
                });
                returned.chain(owned.root.value).any(|value| self.is_result(work, value, hops))
            }
        }
    }

    fn is_result(&self, body: BodyRef, value: ValueId, hops: u32) -> bool {
        let (Some(hops), Some(step)) = (hops.checked_sub(1), self.program.flow(body).def(value)) else { return false };
        match &step.kind {
            StepKind::Await { value, .. } => {
                self.program.work_of(body, *value).is_some_and(|work| self.can_fail_within(work, hops))
            }
            StepKind::Join { from, .. } => from.iter().any(|value| self.is_result(body, *value, hops)),
            StepKind::Call { .. } => match self.program.call(Site { body, step: step.id }).map(|call| call.target) {
                Some(Target::Functions(all)) => all.iter().any(|one| self.can_fail_within(*one, hops)),
                Some(Target::Model(model)) => model.returns.as_ref().is_some_and(tells_failure),
                _ => false,
            },
            _ => false,
        }
    }
}

/// Whether a result in the data says itself whether it is a failure.
pub(super) fn tells_failure(ty: &TypeRef) -> bool {
    fact!(tells_failure);
    matches!(ty, TypeRef::Named { path, .. } if path.ends_with("Result"))
}

fn is_take(used: &Use<'_>) -> bool {
    used.depth == 0 && matches!(used.what, What::Effect(Effect::Take | Effect::TakeAll, _))
}
