//! Whether on some way out a fan-out's siblings are neither awaited nor cancelled.

use unleak_catalogue::model::{Effect, Kind, LeftBehind, Phase, Shields, Waits};
use unleak_catalogue::subject::Subject;

use super::supply::{Size, Starts};
use super::{Fan, Sizer};
use crate::ledger::{Answer, Assumption, Ending, Fact, Left, Missing, Resource};
use crate::program::calls::Target;
use crate::program::exits::Exit;
use crate::program::flow::Slot;
use crate::program::trace::{Returns, Spot, Trail, What};
use crate::program::{BodyRef, Site};
use crate::source::Language;
use crate::unit::{BodyKind, Cond, Driver, LocalId, Part, Place, Step, StepId, StepKind, ValueId};

/// Through how many calls it is followed who runs a body.
const RUNNERS: u32 = 4;

impl<'a> Sizer<'_, '_, 'a> {
    /// Why what is waited for was not made for this: it was made elsewhere, or has just been told to stop.
    pub(super) fn made_elsewhere(&self, fan: &Fan<'a>) -> Option<Fact> {
        fact!(made_elsewhere);
        for trail in self.item_trails(fan) {
            let by_type = trail.uses.iter().filter(|used| matches!(used.what, What::Effect(Effect::Cancelled, _)));
            let stops = by_type.map(|used| used.site).chain(self.stopped_by_name(&trail));
            let mut here = stops.filter(|site| site.body == fan.site.body && site.step < fan.site.step);
            if let Some(site) = here.find(|site| self.comes_before(site.step, fan.site)) {
                return Some(self.builder.fact("told to stop here, and only waited for after", site));
            }
        }
        let makers = &fan.supply.makers;
        if let Some(maker) = makers.first()
            && makers
                .iter()
                .all(|maker| maker.starts == Starts::AtOnce && !self.is_around(maker.site.body, fan.site.body))
        {
            return Some(self.builder.fact("started here, by somebody else", maker.site));
        }
        if !makers.is_empty() {
            return None;
        }
        // What only waits starts nothing itself.
        let waits = fan.birth.items.as_ref().and_then(|items| fan.model.does.get(items)) == Some(&Effect::Joined);
        if waits && fan.supply.elsewhere.is_empty() {
            return Some(self.builder.fact("it only waits: what it waits for was started before", fan.site));
        }
        fan.supply.elsewhere.first().cloned()
    }

    /// Whether a body is another or stands around it, or in it.
    fn is_around(&self, one: BodyRef, other: BodyRef) -> bool {
        self.enclosing(one).contains(&other) || self.enclosing(other).contains(&one)
    }

    /// A body and those it is written in, the module left out.
    fn enclosing(&self, body: BodyRef) -> Vec<BodyRef> {
        let mut all = vec![body];
        let mut at = body;
        while let Some(parent) = self.program.body(at).parent {
            at = BodyRef { file: at.file, body: parent };
            if self.program.body(at).kind != BodyKind::Module {
                all.push(at);
            }
        }
        all
    }

    /// Calls on something whose type is not known, of a method whose name means the end of a task.
    pub(super) fn stopped_by_name(&self, trail: &Trail<'a>) -> Vec<Site> {
        let mut found = Vec::new();
        for spot in &trail.spots {
            let Spot::Value(body, value) = spot else { continue };
            let flow = self.program.flow(*body);
            for step in flow.uses(*value).iter().filter_map(|id| flow.step(*id)) {
                let StepKind::Read { out, place: Place::Field { name, .. }, .. } = &step.kind else { continue };
                let language = self.program.language(*body).name();
                let mut models = self.program.catalogue.methods_named(language, name);
                if models.any(|model| model.does.get(&Subject::Receiver) == Some(&Effect::Cancelled)) {
                    found.extend(flow.uses(*out).iter().map(|call| Site { body: *body, step: *call }));
                }
            }
        }
        found
    }

    /// Whether a step stands on the way to a site: not in a branch, handler or loop that the site is not in, save a loop of its own.
    fn comes_before(&self, step: StepId, site: Site) -> bool {
        let flow = self.program.flow(site.body);
        flow.around(step).all(|(outer, slot)| {
            let shared = flow.around(site.step).any(|(other, place)| other.id == outer.id && place == slot);
            shared || matches!(slot, Slot::LoopBody | Slot::Then | Slot::Otherwise | Slot::ScopeBody | Slot::TryBody)
        })
    }

    /// Asks what becomes of the siblings.
    pub(super) fn siblings(&self, fan: &Fan<'a>, resource: &mut Resource) {
        if self.program.language(fan.site.body) != Language::Python
            || fan.supply.makers.is_empty()
            || fan.supply.size == Size::Known(1)
            || self.are_marks(fan)
            || self.belongs_to_scope(fan)
        {
            return;
        }
        let left = match fan.effect {
            Some(Effect::AwaitedInPart) => self.left_pending(fan, resource),
            Some(Effect::PassedThrough) => self.left_in_loop(fan).or_else(|| self.left_after_one(fan)),
            Some(Effect::Awaited | Effect::Joined) if self.is_shielded(fan) => {
                Some((Left::Slower, self.builder.fact("when the time is up the shield leaves them running", fan.site)))
            }
            Some(Effect::Awaited) => self.left_when_one_fails(fan, resource).map(|fact| (Left::OfAFailure, fact)),
            _ => None,
        };
        if let Some((which, fact)) = left {
            resource.missing.push(Missing::Siblings(which, fact));
            resource.failure_seen = Answer::Open;
        }
    }

    /// Whether all of them are futures made by hand: nothing runs in those.
    fn are_marks(&self, fan: &Fan<'a>) -> bool {
        fact!(are_marks);
        fan.supply.makers.iter().all(|maker| {
            let made = self.program.call(maker.site).map(|call| call.target);
            matches!(made, Some(Target::Model(model))
                if model.birth.as_ref().is_some_and(|birth| birth.kind == Kind::Signal))
        })
    }

    /// Whether all of them are started by what a scope around the fan-out has entered: leaving the scope ends them.
    fn belongs_to_scope(&self, fan: &Fan<'a>) -> bool {
        fact!(belongs_to_scope);
        let body = fan.site.body;
        let flow = self.program.flow(body);
        let scopes = flow.around(fan.site.step).filter(|(_, slot)| *slot == Slot::ScopeBody);
        let scopes: Vec<StepId> = scopes.map(|(outer, _)| outer.id).collect();
        let entered = |site: Site| {
            let receiver = self.program.call(site).and_then(|call| call.receiver);
            let spot = receiver.map(|it| self.program.source(&self.program.origin(site.body, it).0));
            let Some(Spot::Local(owner, local)) = spot else { return false };
            let first = flow.stores(local).first().copied();
            owner == body && first.is_some_and(|store| scopes.iter().any(|scope| flow.within(store, *scope)))
        };
        fan.supply.makers.iter().all(|maker| entered(maker.site))
    }

    /// Whether a time limit stands around a shield around the fan-out, and nobody else keeps it.
    fn is_shielded(&self, fan: &Fan<'a>) -> bool {
        fact!(is_shielded);
        let only_call = |value: ValueId| {
            let (only, _) = self.only_use(fan.site.body, value)?;
            let call = self.program.call(Site { body: fan.site.body, step: only })?;
            match call.target {
                Target::Model(model) => Some((call, model)),
                _ => None,
            }
        };
        let Some((shield, model)) = only_call(fan.call.out) else { return false };
        let timed = only_call(shield.out).is_some_and(|(_, around)| around.waits == Waits::Bounded);
        model.shields == Shields::FromCancellation && timed
    }

    /// The pending ones of a race or of a wait with a time limit.
    fn left_pending(&self, fan: &Fan<'a>, resource: &mut Resource) -> Option<(Left, Fact)> {
        fact!(left_pending);
        let body = fan.site.body;
        let whole = self.program.follow(Spot::Value(body, fan.call.out), 2, Returns::Stop);
        let trails = self.item_trails(fan);
        let parts: Vec<ValueId> = self.parts_of(body, &whole, 1);
        let mut left: Vec<Trail<'a>> =
            parts.iter().map(|part| self.program.follow(Spot::Value(body, *part), 1, Returns::Stop)).collect();
        if parts.is_empty() {
            left.push(whole);
        }
        // Asking those that are done ends none of those that are not.
        let done = self.parts_of(body, &self.program.follow(Spot::Value(body, fan.call.out), 2, Returns::Stop), 0);
        let done: Vec<Trail<'a>> = done
            .iter()
            .flat_map(|part| [1, 2].map(|depth| self.program.follow(Spot::Value(body, *part), depth, Returns::Stop)))
            .collect();
        // What ends gives up on what does not end in time.
        if self.is_waited_for_again(fan) || self.program.phase_at(fan.site).is_some_and(Phase::ends) {
            return None;
        }
        if self.ends_with_its_runner(fan.site) {
            resource.ends.push(self.builder.end(Ending::Cancelled, fan.site));
            return None;
        }
        let mut enders = without(enders(&trails, fan.site), &done);
        enders.extend(self::enders(&left, fan.site));
        if enders.is_empty() {
            return Some((
                Left::Pending,
                self.builder.fact("those that are not done go on alone after this", fan.site),
            ));
        }
        left.extend(trails);
        let early = self.leaves_before(fan.site, &enders, &left);
        early.or_else(|| self.left_when_cancelled(fan, &enders, &left, resource)).map(|fact| (Left::Slower, fact))
    }

    /// Whether a step stands in what a runner runs that cancels what is left behind, in no loop and before none: its body
    /// is over soon after, and the runner with it.
    fn ends_with_its_runner(&self, site: Site) -> bool {
        fact!(ends_with_its_runner);
        let flow = self.program.flow(site.body);
        let is_loop = |step: &Step| matches!(step.kind, StepKind::Loop { .. });
        if flow.around(site.step).any(|(outer, _)| is_loop(outer)) || self.turns_after(site) {
            return false;
        }
        let callers = self.program.calls().callers(site.body);
        let run = |made: &Site| {
            let Some(call) = self.program.call(*made) else { return false };
            let uses = self.program.flow(made.body).uses(call.out).iter();
            uses.copied().any(|step| self.is_runner(Site { body: made.body, step }, call.out, RUNNERS))
        };
        !callers.is_empty() && callers.iter().all(run)
    }

    /// Whether a loop without a known end comes after a step.
    fn turns_after(&self, site: Site) -> bool {
        fact!(turns_after);
        self.program.flow(site.body).nodes().any(|node| {
            let endless = !matches!(node.step.kind, StepKind::Loop { driver: Driver::Each { .. }, .. });
            node.step.id > site.step && endless && matches!(node.step.kind, StepKind::Loop { .. })
        })
    }

    fn is_runner(&self, site: Site, work: ValueId, hops: u32) -> bool {
        let (Some(hops), Some(call)) = (hops.checked_sub(1), self.program.call(site)) else { return false };
        match call.target {
            Target::Model(model) => model.left_behind == LeftBehind::IsCancelled,
            Target::Functions(functions) => functions.iter().any(|function| {
                let bound = self.program.bound_args(site, *function);
                bound
                    .iter()
                    .filter(|(value, _)| *value == work)
                    .any(|(_, param)| self.is_given_to_a_runner(*function, *param, hops))
            }),
            _ => false,
        }
    }

    fn is_given_to_a_runner(&self, body: BodyRef, param: LocalId, hops: u32) -> bool {
        fact!(is_given_to_a_runner);
        let flow = self.program.flow(body);
        let reads = flow.reads(param).iter().filter_map(|id| match &flow.step(*id)?.kind {
            StepKind::Read { out, .. } => Some(*out),
            _ => None,
        });
        reads
            .flat_map(|read| flow.uses(read).iter().map(move |id| (read, *id)))
            .any(|(read, id)| self.is_runner(Site { body, step: id }, read, hops))
    }

    /// Whether the wait stands in a loop that goes on while its collection holds something.
    fn is_waited_for_again(&self, fan: &Fan<'a>) -> bool {
        fact!(is_waited_for_again);
        let body = fan.site.body;
        let flow = self.program.flow(body);
        let asks = |cond: &Cond| {
            let asked = crate::program::flow::cond_values(cond);
            asked.iter().any(|value| fan.supply.sources.contains(&self.program.origin(body, *value).0))
        };
        flow.around(fan.site.step).any(|(outer, slot)| match (&outer.kind, slot) {
            (StepKind::Loop { driver: Driver::While(head), .. }, Slot::LoopBody) if asks(&head.cond) => true,
            (StepKind::Loop { driver: Driver::While { .. } | Driver::Forever, .. }, Slot::LoopBody) => {
                let within = flow.nodes().filter(|node| flow.within(node.step.id, outer.id));
                let mut ends = within.filter(|node| matches!(node.step.kind, StepKind::Break { .. })).peekable();
                ends.peek().is_some()
                    && ends.all(|node| {
                        let asked = node.parent.and_then(|(around, _)| flow.step(around)).map(|step| &step.kind);
                        matches!(asked, Some(StepKind::If { cond, .. }) if asks(cond))
                    })
            }
            _ => false,
        })
    }

    /// Tasks that last, where what ends them stands on the way that a cancellation does not take.
    fn left_when_cancelled(
        &self,
        fan: &Fan<'a>,
        enders: &[Site],
        trails: &[Trail<'a>],
        resource: &mut Resource,
    ) -> Option<Fact> {
        fact!(left_when_cancelled);
        let protected = enders.iter().any(|ender| ender.body != fan.site.body || self.protects(fan.site, ender.step));
        let again = enders.iter().any(|ender| ender.step < fan.site.step);
        if protected || again || !self.lasts(fan) || is_kept_beyond(trails) {
            return None;
        }
        if resource.missing.is_empty() {
            resource.assumption = Some(Assumption::Cancelled);
        }
        Some(self.builder.fact("cancelled while it waits here, this leaves the others running", fan.site))
    }

    /// Whether some of the tasks have a loop that something else has to end.
    fn lasts(&self, fan: &Fan<'a>) -> bool {
        fact!(lasts);
        let tasks = fan.supply.makers.iter().filter(|maker| maker.starts == Starts::AtOnce);
        tasks.flat_map(|maker| &maker.work).any(|work| self.program.exit_of(*work) != Exit::Finite)
    }

    fn parts_of(&self, body: BodyRef, trail: &Trail<'a>, index: u32) -> Vec<ValueId> {
        let flow = self.program.flow(body);
        let values = trail.spots.iter().filter_map(|spot| match spot {
            Spot::Value(at, value) if *at == body => Some(*value),
            _ => None,
        });
        let is_part = |value: &ValueId| matches!(flow.def(*value).map(|step| &step.kind), Some(StepKind::Part { part: Part::Index(at), .. }) if *at == index);
        let mut found: Vec<ValueId> = values.filter(is_part).collect();
        found.dedup();
        found
    }

    /// A way out between the fan-out and the first thing that ends what is left.
    fn leaves_before(&self, site: Site, enders: &[Site], trails: &[Trail<'a>]) -> Option<Fact> {
        fact!(leaves_before);
        let flow = self.program.flow(site.body);
        if enders
            .iter()
            .any(|ender| ender.body != site.body || self.protects(site, ender.step) || ender.step < site.step)
        {
            return None;
        }
        let first = enders.iter().map(|ender| ender.step).min()?;
        let leaving = flow.nodes().find(|node| {
            let between = node.step.id > site.step && node.step.id < first;
            between
                && matches!(node.step.kind, StepKind::Return { .. } | StepKind::Raise { .. })
                && !flow.around(node.step.id).any(|(outer, _)| self.asks_about(site.body, outer, trails))
        })?;
        Some(self.builder.fact("leaves here while the others go on", Site { body: site.body, step: leaving.step.id }))
    }

    fn asks_about(&self, body: BodyRef, step: &crate::unit::Step, trails: &[Trail<'a>]) -> bool {
        fact!(asks_about);
        let StepKind::If { cond, .. } = &step.kind else { return false };
        let values = crate::program::flow::cond_values(cond);
        values.iter().any(|value| trails.iter().any(|trail| trail.spots.contains(&Spot::Value(body, *value))))
    }

    /// Whether an ender stands where a failure at a site leads: in the `finally` or a catch-all handler of a `try` around it.
    pub(super) fn protects(&self, site: Site, ender: StepId) -> bool {
        fact!(protects);
        let flow = self.program.flow(site.body);
        flow.around(site.step).any(|(outer, slot)| {
            let (StepKind::Try { handlers, .. }, Slot::TryBody) = (&outer.kind, slot) else { return false };
            flow.around(ender).any(|(around, place)| {
                around.id == outer.id
                    && match place {
                        Slot::Finally => true,
                        Slot::Handler(at) => handlers
                            .get(at as usize)
                            .is_some_and(|handler| self.program.catches_all(site.body, handler)),
                        _ => false,
                    }
            })
        })
    }

    /// Tasks that run before they are awaited go on when the first failure is raised.
    fn left_when_one_fails(&self, fan: &Fan<'a>, resource: &mut Resource) -> Option<Fact> {
        fact!(left_when_one_fails);
        let tasks = fan.supply.makers.iter().any(|maker| maker.starts == Starts::AtOnce);
        if !tasks || !(self.lasts(fan) || resource.missing.contains(&Missing::Limit)) {
            return None;
        }
        let trails = self.item_trails(fan);
        let enders = enders(&trails, fan.site);
        if is_kept_beyond(&trails)
            || enders.iter().any(|ender| ender.body != fan.site.body || self.protects(fan.site, ender.step))
        {
            return None;
        }
        if resource.missing.is_empty() {
            resource.assumption = Some(Assumption::CallRaises);
        }
        Some(self.builder.fact("when one fails this raises, and the others go on alone", fan.site))
    }
}

/// The places where what is left is ended, or handed to somebody who can.
pub(super) fn enders(trails: &[Trail<'_>], fan: Site) -> Vec<Site> {
    let uses = trails.iter().flat_map(|trail| &trail.uses).filter(|used| used.site != fan);
    let ending = uses.filter(|used| match &used.what {
        What::Effect(Effect::Cancelled, _) => true,
        What::Effect(effect @ (Effect::Awaited | Effect::Joined | Effect::AwaitedInPart), model) => {
            let together = model.birth.as_ref().is_some_and(|birth| birth.kind == Kind::Fanout);
            together || used.site.body == fan.body && *effect != Effect::AwaitedInPart
        }
        // Far away it may be the result that is meant, and no longer the task.
        What::Effect(Effect::Closed | Effect::Escapes, _)
        | What::Await
        | What::Raced
        | What::Unknown(_)
        | What::Returned(_)
        | What::Field(..)
        | What::LooseField(_)
        | What::Global(..) => used.site.body == fan.body,
        What::Element(spot) => used.site.body == fan.body && !matches!(spot, Spot::Local(..) | Spot::Value(..)),
        _ => false,
    });
    ending.map(|used| used.site).collect()
}

/// Whether somebody beyond the frame keeps them: they are for that owner to end.
fn is_kept_beyond(trails: &[Trail<'_>]) -> bool {
    fact!(is_kept_beyond);
    trails.iter().flat_map(|trail| &trail.uses).any(|used| {
        matches!(
            used.what,
            What::Field(..) | What::LooseField(_) | What::Global(..) | What::Returned(_) | What::Unknown(_)
        ) || matches!(&used.what, What::Element(spot) if !matches!(spot, Spot::Local(..) | Spot::Value(..)))
    })
}

/// The enders that do not follow from these results.
pub(super) fn without(mut enders: Vec<Site>, results: &[Trail<'_>]) -> Vec<Site> {
    enders.retain(|ender| !results.iter().any(|trail| trail.uses.iter().any(|used| used.site == *ender)));
    enders
}
