//! What limits how many of a fan-out's items run at once, whatever their number.

use unleak_catalogue::model::{Effect, Kind, RunsOn, Waits};
use unleak_catalogue::subject::Subject;

use super::Sizer;
use super::number::Number;
use super::supply::Maker;
use crate::ledger::{Bound, Fact};
use crate::program::calls::{Depth, Target};
use crate::program::flow::Slot;
use crate::program::trace::{Returns, Spot, What};
use crate::program::{BodyRef, Def, Site};
use crate::unit::{Block, BodyId, Compare, Cond, Discard, Driver, LocalId, StepId, StepKind, ValueId};

impl Sizer<'_, '_, '_> {
    /// The gate that every item passes inside its own work.
    pub(super) fn gate_inside(&self, makers: &[Maker]) -> Option<Fact> {
        fact!(gate_inside);
        let mut gates = makers.iter().map(|maker| self.gate_of(maker));
        let first = gates.next()??;
        gates.all(|gate| gate.is_some()).then_some(first)
    }

    fn gate_of(&self, maker: &Maker) -> Option<Fact> {
        let own = self.workers_of(maker.site, 3).or_else(|| self.only_waits(maker.site));
        own.or_else(|| {
            let all = maker.work.iter().map(|work| self.gate_in(*work, 4));
            all.collect::<Option<Vec<Fact>>>()?.into_iter().next()
        })
    }

    /// A pool of a few workers that runs what a call is given, itself or in the one thing it does.
    fn workers_of(&self, site: Site, hops: u32) -> Option<Fact> {
        fact!(workers_of);
        let hops = hops.checked_sub(1)?;
        let call = self.program.call(site)?;
        match &call.target {
            Target::Model(model) if model.runs_on == RunsOn::Workers => {
                let pool = call.args.first().and_then(|pool| self.workers(site.body, pool.value));
                let few = !matches!(pool, Some(Bound::Absurd(_) | Bound::None));
                few.then(|| self.builder.fact("each waits here for one of a few workers", site))
            }
            Target::Functions(functions) => match functions.as_slice() {
                [one] => self.workers_in(*one, hops),
                _ => None,
            },
            _ => None,
        }
    }

    /// The same of a function that waits for, or gives back, nothing else.
    fn workers_in(&self, function: BodyRef, hops: u32) -> Option<Fact> {
        let flow = self.program.flow(function);
        let waited = flow.nodes().filter_map(|node| match &node.step.kind {
            StepKind::Await { value, .. } | StepKind::Return { value: Some(value) } => Some(*value),
            _ => None,
        });
        let mut found = None;
        for value in waited {
            let step = flow.def(value)?;
            match &step.kind {
                StepKind::Call { .. } => found = Some(self.workers_of(Site { body: function, step: step.id }, hops)?),
                StepKind::Await { .. } | StepKind::Const { .. } | StepKind::Read { .. } | StepKind::Collect { .. } => {}
                _ => return None,
            }
        }
        found
    }

    /// What is run only waits for a signal: it uses nothing that could run short.
    pub(super) fn only_waits(&self, site: Site) -> Option<Fact> {
        fact!(only_waits);
        let call = self.program.call(site)?;
        let Target::Model(model) = &call.target else { return None };
        let heeds = model.does.get(&Subject::Receiver) == Some(&Effect::Heeded);
        heeds.then(|| self.builder.fact("each only waits for a signal", site))
    }

    /// The gate that a body passes, its own or that of all that it awaits, or the one it is decorated with.
    fn gate_in(&self, body: BodyRef, hops: u32) -> Option<Fact> {
        let hops = hops.checked_sub(1)?;
        let own = self.program.flow(body).nodes().find_map(|node| {
            let site = Site { body, step: node.step.id };
            match &node.step.kind {
                StepKind::Scope { items, .. } => {
                    items.iter().find_map(|item| self.entered_gate(site, item.context, hops))
                }
                StepKind::Call { .. } => self.permit(site),
                _ => None,
            }
        });
        own.or_else(|| self.awaited_gate(body, hops))
            .or_else(|| self.decorated_gate(body, hops))
            .or_else(|| self.workers_in(body, 2))
    }

    fn entered_gate(&self, site: Site, context: ValueId, hops: u32) -> Option<Fact> {
        fact!(entered_gate);
        if let Some(gate) = self.gate(site, context) {
            return Some(gate);
        }
        let ty = self.project_type(site.body, context)?;
        let enters = ["__aenter__", "__enter__"].iter().flat_map(|name| self.program.methods(ty, name));
        enters.into_iter().find_map(|enter| self.gate_in(enter, hops))
    }

    /// The gate that all pass for which a body waits: what is waited for beside it runs for every item at once.
    fn awaited_gate(&self, body: BodyRef, hops: u32) -> Option<Fact> {
        fact!(awaited_gate);
        let flow = self.program.flow(body);
        let mut found = None;
        for node in flow.nodes().filter(|node| matches!(node.step.kind, StepKind::Call { .. })) {
            let Some(call) = self.program.call(Site { body, step: node.step.id }) else { continue };
            let mut uses = flow.uses(call.out).iter().filter_map(|id| flow.step(*id));
            if !uses.any(|step| matches!(step.kind, StepKind::Await { .. } | StepKind::Scope { .. })) {
                continue;
            }
            match &call.target {
                Target::Functions(functions) if functions.contains(&body) => {}
                Target::Functions(functions) => match self.gate_in(*functions.first()?, hops) {
                    Some(gate) if functions.len() == 1 => found = found.or(Some(gate)),
                    _ if functions.iter().all(|function| self.never_waits(*function)) => {}
                    _ => return None,
                },
                Target::Model(model) if model.waits != Waits::Unbounded => {}
                _ => return None,
            }
        }
        found
    }

    /// Whether a coroutine waits for nothing, so that it is done at once.
    fn never_waits(&self, function: BodyRef) -> bool {
        fact!(never_waits);
        !self.program.flow(function).nodes().any(|node| node.step.kind.waits())
    }

    /// A permit that is taken by a call and not given back at once.
    fn permit(&self, site: Site) -> Option<Fact> {
        fact!(permit);
        let call = self.program.call(site)?;
        let Target::Model(model) = &call.target else { return None };
        let receiver = call.receiver?;
        let effect = self.program.effect_on(&call, model, receiver, Depth::Itself)?;
        if !matches!(effect, Effect::Acquire | Effect::AcquireWhileHeld) {
            return None;
        }
        if effect == Effect::AcquireWhileHeld {
            let trail = self.program.follow(Spot::Value(site.body, call.out), 0, Returns::Stop);
            if trail.uses.iter().any(|used| matches!(used.what, What::Discarded(Discard::Underscore))) {
                return None;
            }
        }
        self.gate(site, receiver)
    }

    /// A gate that others pass too, and that lets few through.
    fn gate(&self, site: Site, value: ValueId) -> Option<Fact> {
        if self.kind_of(site.body, &self.program.type_of(site.body, value)) != Some(Kind::Gate) {
            return None;
        }
        let births = self.births(site.body, value, 8);
        for birth in &births {
            if birth.body == site.body {
                return None;
            }
            let call = self.program.call(*birth)?;
            if let Target::Model(model) = &call.target
                && let Some(bound) = model.birth.as_ref().and_then(|birth| birth.bound.as_ref())
                && let Some((bound, _)) = self.program.subjects(&call, bound).into_iter().next()
                && matches!(self.number(birth.body, bound, 8), Number::Const(number) if number > 10_000)
            {
                return None;
            }
        }
        let name = self.builder.written_value(site.body, value, 4);
        Some(self.builder.fact(format!("each waits here for `{name}`"), site))
    }

    /// The calls that make what a value is.
    pub(super) fn births(&self, body: BodyRef, value: ValueId, hops: u32) -> Vec<Site> {
        let Some(hops) = hops.checked_sub(1) else { return Vec::new() };
        let flow = self.program.flow(body);
        match flow.def(value).map(|step| (step.id, &step.kind)) {
            Some((id, StepKind::Call { .. })) => {
                let site = Site { body, step: id };
                match self.program.call(site).map(|call| (call.target.clone(), call)) {
                    Some((Target::Model(model), call)) if model.birth.is_none() => {
                        let through = self.passed_through(&call, model);
                        through.map_or_else(|| vec![site], |(value, _)| self.births(body, value, hops))
                    }
                    _ => vec![site],
                }
            }
            Some((_, StepKind::Scope { items, .. })) => {
                let item = items.iter().find(|item| item.entered == value);
                item.map_or_else(Vec::new, |item| self.births(body, item.context, hops))
            }
            Some((
                _,
                StepKind::View { value, .. } | StepKind::Await { value, .. } | StepKind::Propagate { value, .. },
            )) => self.births(body, *value, hops),
            _ => self.births_in(&self.program.origin(body, value).0, hops),
        }
    }

    fn births_in(&self, spot: &Spot, hops: u32) -> Vec<Site> {
        if let Spot::Local(body, local) = spot {
            let owned = self.program.body(*body);
            let origin = owned.locals.get(local.0 as usize).map(|local| local.origin);
            if let (Some(crate::unit::LocalOrigin::Captured { outer, .. }), Some(parent)) = (origin, owned.parent) {
                return self.births_in(&Spot::Local(BodyRef { file: body.file, body: parent }, outer), hops);
            }
        }
        let stored = self.program.sites_of(spot).into_iter().filter_map(|site| match &self.step(site).kind {
            StepKind::Store { value, .. } => Some((site.body, *value)),
            _ => None,
        });
        stored.flat_map(|(body, value)| self.births(body, value, hops)).collect()
    }

    fn decorated_gate(&self, body: BodyRef, hops: u32) -> Option<Fact> {
        fact!(decorated_gate);
        let owned = self.program.body(body);
        for mark in &owned.marks {
            let Some(Def::Function(decorator)) = self.program.resolve_path(body, &mark.path) else { continue };
            let inner = self.program.file(decorator.file).lowered.unit.bodies.iter().zip(0u32..);
            let inner = inner.filter(|(inner, _)| inner.parent == Some(decorator.body));
            let mut inner = inner.map(|(_, at)| BodyRef { file: decorator.file, body: BodyId(at) });
            if let Some(gate) = inner.find_map(|inner| self.gate_in(inner, hops)) {
                return Some(gate);
            }
        }
        None
    }

    /// What a turn of a loop waits for before it starts the next: a permit, or room in the window.
    pub(super) fn gate_before(&self, site: Site, work: &[BodyRef], receiver: Option<ValueId>) -> Option<Fact> {
        fact!(gate_before);
        let flow = self.program.flow(site.body);
        let (looping, _) = flow
            .around(site.step)
            .find(|(outer, slot)| matches!(outer.kind, StepKind::Loop { .. }) && *slot == Slot::LoopBody)?;
        let inside = flow.nodes().filter(|node| flow.within(node.step.id, looping.id));
        for node in inside {
            let here = Site { body: site.body, step: node.step.id };
            let before = node.step.id < site.step;
            let found = match &node.step.kind {
                StepKind::Call { .. } if before => self.taken_before(here, work),
                StepKind::Call { .. } => self.joined_in_turn(here, looping.id, receiver),
                StepKind::If { cond, then, .. } if before => self.room(here, cond, then, site.step),
                StepKind::Loop { driver: Driver::While(head), body, .. } if before => {
                    self.room(here, &head.cond, body, site.step)
                }
                _ => None,
            };
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// A collection that a turn of the loop empties again when it has reached a number.
    pub(super) fn emptied_in_turn(&self, adding: Site, local: LocalId) -> Option<Fact> {
        fact!(emptied_in_turn);
        let body = adding.body;
        let flow = self.program.flow(body);
        let (looping, _) = flow
            .around(adding.step)
            .find(|(outer, slot)| matches!(outer.kind, StepKind::Loop { .. }) && *slot == Slot::LoopBody)?;
        let mut inside = flow.nodes().filter(|node| flow.within(node.step.id, looping.id));
        inside.find_map(|node| {
            let StepKind::If { cond, .. } = &node.step.kind else { return None };
            let capped = self.caps(body, cond, false)?;
            let asked = crate::program::flow::cond_values(cond);
            let same = asked.iter().any(|value| self.measures(body, *value, &[Spot::Local(body, local)]));
            let emptied = same && self.is_emptied(body, local, node.step.id);
            let site = Site { body, step: node.step.id };
            emptied.then(|| self.builder.fact(format!("emptied again when it has {}", capped.text()), site))
        })
    }

    /// Whether a variable is given something new, or all is taken out of it, within a step.
    fn is_emptied(&self, body: BodyRef, local: LocalId, within: StepId) -> bool {
        let flow = self.program.flow(body);
        let anew = flow.stores(local).iter().any(|store| flow.within(*store, within));
        let reads = flow.reads(local).iter().filter(|read| flow.within(**read, within));
        anew || reads.filter_map(|read| flow.step(*read)).any(|step| {
            let StepKind::Read { out, .. } = &step.kind else { return false };
            let trail = self.program.follow(Spot::Value(body, *out), 0, Returns::Stop);
            trail.uses.iter().any(|used| {
                matches!(used.what, What::Effect(Effect::TakeAll, _)) && flow.within(used.site.step, within)
            })
        })
    }

    /// A permit taken before the start, and given back by nobody but the work or its end.
    fn taken_before(&self, site: Site, work: &[BodyRef]) -> Option<Fact> {
        fact!(taken_before);
        let call = self.program.call(site)?;
        let model = match &call.target {
            Target::Model(model) => *model,
            Target::Functions(functions) => return self.taken_in(functions),
            _ => return None,
        };
        let receiver = call.receiver?;
        let effect = self.program.effect_on(&call, model, receiver, Depth::Itself)?;
        let held = match effect {
            Effect::Acquire => true,
            Effect::AcquireWhileHeld => {
                let trail = self.program.follow(Spot::Value(site.body, call.out), 0, Returns::Stop);
                trail.spots.iter().any(|spot| matches!(spot, Spot::Local(body, _) if work.contains(body)))
            }
            _ => false,
        };
        if !held || self.kind_of(site.body, &self.program.type_of(site.body, receiver)) != Some(Kind::Gate) {
            return None;
        }
        let name = self.builder.written_value(site.body, receiver, 4);
        Some(self.builder.fact(format!("each start waits here for `{name}`"), site))
    }

    /// A permit that a function takes and leaves to its caller.
    fn taken_in(&self, functions: &[BodyRef]) -> Option<Fact> {
        let [one] = functions else { return None };
        let flow = self.program.flow(*one);
        let calls = flow.nodes().filter(|node| matches!(node.step.kind, StepKind::Call { .. }));
        let mut taken = None;
        for node in calls {
            let site = Site { body: *one, step: node.step.id };
            let Some(call) = self.program.call(site) else { continue };
            let (Target::Model(model), Some(receiver)) = (&call.target, call.receiver) else { continue };
            match self.program.effect_on(&call, model, receiver, Depth::Itself) {
                Some(Effect::Acquire) => taken = self.gate(site, receiver),
                Some(Effect::Release) => return None,
                _ => {}
            }
        }
        taken
    }

    /// Each turn takes one result out again.
    fn joined_in_turn(&self, site: Site, looping: StepId, receiver: Option<ValueId>) -> Option<Fact> {
        fact!(joined_in_turn);
        let flow = self.program.flow(site.body);
        let (nearest, slot) = flow.around(site.step).next()?;
        if nearest.id != looping || slot != Slot::LoopBody {
            return None;
        }
        let call = self.program.call(site)?;
        let Target::Model(model) = &call.target else { return None };
        let taken = call.receiver.filter(|taken| {
            let effect = self.program.effect_on(&call, model, *taken, Depth::Itself);
            matches!(effect, Some(Effect::Take | Effect::Awaited | Effect::Joined))
        })?;
        let same = self.program.origin(site.body, taken).0 == self.program.origin(site.body, receiver?).0;
        same.then(|| self.builder.fact("each turn waits for one here", site))
    }

    /// A number of items that is asked, with a way to wait or leave when it is reached.
    fn room(&self, site: Site, cond: &Cond, then: &Block, start: StepId) -> Option<Fact> {
        fact!(room);
        let body = site.body;
        let inside =
            self.program.flow(body).around(start).any(|(outer, slot)| outer.id == site.step && slot == Slot::Then);
        let capped = self.caps(body, cond, inside)?;
        let held = inside || waits_or_leaves(then) || self.waits_in(body, cond);
        held.then(|| self.builder.fact(format!("no more than {} at once", capped.text()), site))
    }

    /// Whether what a condition asks was waited for (`… && let Some(x) = set.join_next().await`).
    fn waits_in(&self, body: BodyRef, cond: &Cond) -> bool {
        fact!(waits_in);
        let asked = crate::program::flow::cond_values(cond);
        asked.iter().any(|value| {
            matches!(self.program.flow(body).def(*value).map(|step| &step.kind), Some(StepKind::Await { .. }))
        })
    }

    /// The number that a measured size is compared with: reached (or, inside the branch, not reached).
    fn caps(&self, body: BodyRef, cond: &Cond, inside: bool) -> Option<Number> {
        match cond {
            Cond::All(parts) | Cond::Any(parts) => parts.iter().find_map(|part| self.caps(body, part, inside)),
            Cond::Not(part) => self.caps(body, part, !inside),
            Cond::Compare { op, left, right } => {
                let (left, right) = (self.number(body, *left, 8), self.number(body, *right, 8));
                let reached = matches!(op, Compare::Greater | Compare::GreaterEqual | Compare::Equal);
                let below = matches!(op, Compare::Less | Compare::LessEqual);
                let most = self.most_at_once(body);
                match (left == Number::Length, right == Number::Length) {
                    (true, false) if right.limits(most) && (if inside { below } else { reached }) => Some(right),
                    (false, true)
                        if left.limits(most) && (if inside { reached && *op != Compare::Equal } else { below }) =>
                    {
                        Some(left)
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// A check of the number of items before the whole fan-out, which leaves when they are too many.
    pub(super) fn checked_before(&self, site: Site, sources: &[Spot]) -> Option<Fact> {
        fact!(checked_before);
        let flow = self.program.flow(site.body);
        flow.nodes().take_while(|node| node.step.id < site.step).find_map(|node| {
            let StepKind::If { cond, then, .. } = &node.step.kind else { return None };
            let here = Site { body: site.body, step: node.step.id };
            let inside = flow.around(site.step).find(|(outer, _)| outer.id == node.step.id).map(|(_, slot)| slot);
            let capped = self.caps(site.body, cond, inside == Some(Slot::Then))?;
            let asked = crate::program::flow::cond_values(cond);
            let same = asked.iter().any(|value| self.measures(site.body, *value, sources));
            let held = match inside {
                Some(Slot::Then) => true,
                Some(_) => false,
                None => leaves(then),
            };
            (same && held && capped != Number::Const(1))
                .then(|| self.builder.fact(format!("no more than {} are let through", capped.text()), here))
        })
    }

    fn measures(&self, body: BodyRef, value: ValueId, sources: &[Spot]) -> bool {
        let flow = self.program.flow(body);
        let Some(step) = flow.def(value) else { return false };
        let Some(call) = self.program.call(Site { body, step: step.id }) else { return false };
        let asked = call.receiver.into_iter().chain(call.args.iter().map(|arg| arg.value));
        asked.into_iter().any(|value| sources.contains(&self.program.origin(body, value).0))
    }
}

fn waits_or_leaves(block: &Block) -> bool {
    fact!(waits_or_leaves);
    block.steps.iter().any(|step| {
        matches!(
            step.kind,
            StepKind::Await { .. }
                | StepKind::Select { .. }
                | StepKind::Return { .. }
                | StepKind::Raise { .. }
                | StepKind::Break { .. }
                | StepKind::Continue { .. }
        ) || crate::program::flow::blocks(&step.kind).iter().any(|(inner, _)| waits_or_leaves(inner))
    })
}

fn leaves(block: &Block) -> bool {
    let last = block.steps.last().map(|step| &step.kind);
    matches!(
        last,
        Some(StepKind::Return { .. } | StepKind::Raise { .. } | StepKind::Break { .. } | StepKind::Continue { .. })
    )
}
