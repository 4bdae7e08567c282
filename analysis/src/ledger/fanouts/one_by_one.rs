//! Fan-outs whose results are taken one by one, in the order in which they are there.

use unleak_catalogue::model::Effect;
use unleak_catalogue::subject::TypeRef;

use super::siblings::{enders, without};
use super::supply::{Size, Starts};
use super::{Fan, Sizer};
use crate::ledger::{Fact, Left};
use crate::program::Site;
use crate::program::calls::{Depth, Target};
use crate::program::flow::Slot;
use crate::program::trace::{Returns, Spot};
use crate::unit::{Driver, StepId, StepKind};

impl Sizer<'_, '_, '_> {
    /// The rest of what a loop takes one by one, when the loop is left.
    pub(super) fn left_in_loop(&self, fan: &Fan<'_>) -> Option<(Left, Fact)> {
        fact!(left_in_loop);
        let body = fan.site.body;
        let flow = self.program.flow(body);
        let looping = flow.nodes().find(|node| match &node.step.kind {
            StepKind::Loop { driver: Driver::Each { source, .. }, .. } => *source == fan.call.out,
            _ => false,
        })?;
        let trails = self.item_trails(fan);
        let taken = [self.program.follow(Spot::Value(body, fan.call.out), 1, Returns::Stop)];
        let enders: Vec<Site> = without(enders(&trails, fan.site), &taken);
        let protected = |step: StepId| {
            let at = Site { body, step };
            enders.iter().any(|ender| {
                ender.body != body
                    || self.protects(at, ender.step)
                    || (ender.step > looping.step.id && !flow.within(ender.step, looping.step.id))
            })
        };
        let mut raises = None;
        let mut fails = false;
        for node in flow.nodes().filter(|node| flow.within(node.step.id, looping.step.id)) {
            let at = Site { body, step: node.step.id };
            match &node.step.kind {
                StepKind::Break { .. } | StepKind::Return { .. }
                    if !protected(node.step.id) && !self.ended_just_before(at, &enders) =>
                {
                    return Some((Left::Slower, self.builder.fact("leaves the loop here while the others go on", at)));
                }
                StepKind::Raise { .. } => fails = true,
                StepKind::Await { .. }
                    if raises.is_none() && !protected(node.step.id) && !self.is_caught(at, looping.step.id) =>
                {
                    raises = Some(at);
                }
                _ => {}
            }
        }
        let unknown = !matches!(fan.supply.size, Size::Known(_));
        let kept = fan.supply.makers.iter().any(|maker| maker.starts == Starts::AtOnce);
        let raises = raises.filter(|_| kept && (unknown || fails) && !self.gives_failures_back(fan))?;
        Some((Left::OfAFailure, self.builder.fact("when one fails this raises, and the others go on alone", raises)))
    }

    /// All but the first, when no more than one is taken.
    pub(super) fn left_after_one(&self, fan: &Fan<'_>) -> Option<(Left, Fact)> {
        fact!(left_after_one);
        let body = fan.site.body;
        let (step, given) = self.only_use(body, fan.call.out)?;
        let site = Site { body, step };
        let call = self.program.call(site)?;
        let Target::Model(model) = call.target else { return None };
        let effect = self.program.effect_on(&call, model, given, Depth::Elements);
        let takes_one = effect == Some(Effect::PassedThrough) && matches!(model.returns, Some(TypeRef::ElementsOf(..)));
        let taken = [self.program.follow(Spot::Value(body, fan.call.out), 1, Returns::Stop)];
        let ended = !without(enders(&self.item_trails(fan), fan.site), &taken).is_empty();
        let left = || (Left::Slower, self.builder.fact("takes the first here, and the others go on", site));
        (takes_one && !ended).then(left)
    }

    /// Whether nothing that runs raises: it handles its failures, or gives them back.
    fn gives_failures_back(&self, fan: &Fan<'_>) -> bool {
        fact!(gives_failures_back);
        let makers = &fan.supply.makers;
        !makers.is_empty()
            && makers.iter().all(|maker| {
                !maker.work.is_empty() && maker.work.iter().all(|work| self.program.handles_its_failures(*work))
            })
    }

    fn ended_just_before(&self, site: Site, enders: &[Site]) -> bool {
        fact!(ended_just_before);
        let flow = self.program.flow(site.body);
        let parent = flow.around(site.step).next().map(|(outer, _)| outer.id);
        enders
            .iter()
            .any(|ender| ender.step < site.step && parent.is_some_and(|parent| flow.within(ender.step, parent)))
    }

    /// Whether a failure at a site is caught within a loop.
    fn is_caught(&self, site: Site, looping: StepId) -> bool {
        fact!(is_caught);
        let flow = self.program.flow(site.body);
        flow.around(site.step).take_while(|(outer, _)| outer.id != looping).any(|(outer, slot)| {
            slot == Slot::TryBody
                && matches!(&outer.kind, StepKind::Try { handlers, .. } if handlers.iter().any(|handler| self.program.catches_all(site.body, handler)))
        })
    }
}
