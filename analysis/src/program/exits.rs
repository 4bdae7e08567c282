//! Whether and how a body comes to its end.

use rustc_hash::FxHashSet;
use unleak_catalogue::model::{CallModel, Effect, HandlesEvents, OnDrop, Takes, Waits};
use unleak_catalogue::subject::Subject;

use super::calls::{Call, Target};
use super::flow::Slot;
use super::trace::Spot;
use super::types::Type;
use super::{BodyRef, Def, Program, Site};
use crate::unit::{Cond, Driver, Name, Pattern, Place, Step, StepKind, ValueId};

/// How many calls deep a loop without end is looked for.
const CALLS_DEEP: usize = 5;

/// How many calls a chain is followed back through: a variable may be made from itself, turn by turn.
const CHAIN: u32 = 16;

/// How a body that runs by itself comes to its end.
#[derive(Clone, Debug, PartialEq)]
pub enum Exit {
    /// It has no loop without end: it runs through.
    Finite,
    /// It has a loop that nothing leaves.
    Never(Site),
    /// Its loop ends when a channel, stream or connection does.
    SourceEnds(Site),
    /// Its loop asks a flag, event or token.
    Heeds(Site, Spot),
    /// Its loop ends when something weakly held is gone.
    WeakGone(Site),
    /// Its loop ends when something that was begun before it is done: a connection it drives, a deadline.
    WorkEnds(Site),
    /// Its loop ends on a condition of its own.
    Own(Site),
    /// Its loop ends when a call in it fails.
    Fails {
        /// The call.
        call: Site,
        /// The loop.
        looping: Site,
    },
}

impl Exit {
    /// What it says in a proof.
    pub fn label(&self) -> &'static str {
        match self {
            Exit::Finite => "its body runs through to an end",
            Exit::Never(_) => "its body loops here, and nothing leaves the loop",
            Exit::SourceEnds(_) => "its loop ends when its source is closed",
            Exit::Heeds(..) => "its loop asks a flag or token",
            Exit::WeakGone(_) => "its loop ends when what it holds weakly is gone",
            Exit::WorkEnds(_) => "its loop ends when the work it drives, begun before it, is done",
            Exit::Own(_) => "its loop ends by a condition of its own",
            Exit::Fails { .. } => "its loop ends when this call fails",
        }
    }

    /// Where.
    pub fn site(&self) -> Option<Site> {
        match self {
            Exit::Finite => None,
            Exit::Never(site)
            | Exit::SourceEnds(site)
            | Exit::Heeds(site, _)
            | Exit::WeakGone(site)
            | Exit::WorkEnds(site)
            | Exit::Own(site)
            | Exit::Fails { call: site, .. } => Some(*site),
        }
    }
}

impl<'a> Program<'a> {
    /// How a body ends: the best way out of the worst of its endless loops, its own and those of what it awaits.
    pub fn exit_of(&self, body: BodyRef) -> Exit {
        best(self.ways_out(body))
    }

    /// All ways out of the worst of a body's endless loops, in the order of the text; `Finite` alone when it runs through.
    pub fn ways_out(&self, body: BodyRef) -> Vec<Exit> {
        let mut found = vec![Exit::Finite];
        let mut seen = FxHashSet::from_iter([body]);
        let mut level = vec![body];
        for _ in 0..CALLS_DEEP {
            let mut next = Vec::new();
            for at in level {
                self.worse_in(at, &mut found);
                next.extend(self.run_by(at).into_iter().filter(|inner| seen.insert(*inner)));
            }
            level = next;
        }
        found
    }

    /// Puts the ways out of a body's worst loop in the place of those found, if they are worse.
    fn worse_in(&self, body: BodyRef, found: &mut Vec<Exit>) {
        for node in self.flow(body).nodes() {
            if let StepKind::Loop { driver, .. } = &node.step.kind {
                let here = self.ways_of_loop(Site { body, step: node.step.id }, driver);
                if rank(&best(here.clone())) > rank(&best(found.clone())) {
                    *found = here;
                }
            }
        }
    }

    /// The bodies whose end a body waits for.
    fn run_by(&self, body: BodyRef) -> Vec<BodyRef> {
        let steps = self.flow(body).nodes().map(|node| node.step);
        steps
            .filter(|step| matches!(step.kind, StepKind::Await { .. } | StepKind::Call { .. }))
            .filter_map(|step| self.runs_here(Site { body, step: step.id }, &step.kind))
            .collect()
    }

    /// The body whose end an `await` or a plain call waits for.
    fn runs_here(&self, site: Site, kind: &StepKind) -> Option<BodyRef> {
        match kind {
            StepKind::Await { value, .. } => match self.type_of(site.body, *value) {
                Type::Future(_, inner) => inner,
                _ => None,
            },
            _ => match self.call(site)?.target {
                Target::Functions(functions) => match functions.as_slice() {
                    [one] => (self.body(*one).colour == crate::unit::Colour::Sync).then_some(*one),
                    _ => None,
                },
                Target::Model(model) if model.takes_effect == Takes::AtOnce => self.called_by(site, model),
                _ => None,
            },
        }
    }

    /// The function of the program that a call of a library has called when it is over.
    fn called_by(&self, site: Site, model: &CallModel) -> Option<BodyRef> {
        let call = self.call(site)?;
        let mut called = model.does.iter().filter(|(_, effect)| **effect == Effect::Called);
        let (value, _) = called.find_map(|(subject, _)| self.subjects(&call, subject).into_iter().next())?;
        match self.type_of(site.body, value) {
            Type::Closure(function) | Type::Def(Def::Function(function)) => Some(function),
            _ => None,
        }
    }

    fn exit_of_loop(&self, site: Site, driver: &Driver) -> Exit {
        best(self.ways_of_loop(site, driver))
    }

    fn ways_of_loop(&self, site: Site, driver: &Driver) -> Vec<Exit> {
        let mut ways = Vec::new();
        match driver {
            Driver::Each { .. } => {
                let items = self.turns_of(site) == crate::ledger::Many::PerItem;
                return vec![if items { Exit::Finite } else { Exit::SourceEnds(site) }];
            }
            Driver::While(head) if self.runs_out(site, &head.cond) => return vec![Exit::Finite],
            Driver::While(head) => {
                let cond = &head.cond;
                if !matches!(self.constant_cond(site.body, cond), Some(true)) {
                    ways.push(match self.way_of_cond(site, cond) {
                        Exit::Own(own) => self.source_by_shape(site.body, cond).unwrap_or(Exit::Own(own)),
                        way => way,
                    });
                }
            }
            Driver::Forever => {}
        }
        let flow = self.flow(site.body);
        for node in flow.nodes().filter(|node| flow.within(node.step.id, site.step)) {
            if self.leaves(site, node.step) {
                ways.push(self.way_of(site, node.step));
            }
        }
        if ways.is_empty() {
            return vec![Exit::Never(site)];
        }
        // A loop that waits for nothing is over as soon as its work is.
        let works_through = self.turns_of(site) == crate::ledger::Many::PerItem;
        if works_through { vec![Exit::Finite] } else { ways }
    }

    /// Whether a loop's condition wears off: it counts up to something, or empties what it asks about.
    fn runs_out(&self, site: Site, cond: &Cond) -> bool {
        let flow = self.flow(site.body);
        let counted = |value: ValueId| match flow.def(value).map(|step| &step.kind) {
            Some(StepKind::Read { place: Place::Local(local), .. }) => flow.stores(*local).iter().any(|store| {
                let updates = flow.step(*store).is_some_and(|step| matches!(step.kind, StepKind::Update { .. }));
                updates && flow.within(*store, site.step)
            }),
            _ => false,
        };
        match cond {
            Cond::Compare { left, right, .. } => counted(*left) || counted(*right),
            Cond::Truthy(asked) => {
                let (asked, _) = self.origin(site.body, *asked);
                let mut inside = flow.nodes().filter(|node| flow.within(node.step.id, site.step));
                inside.any(|node| self.takes_from(Site { body: site.body, step: node.step.id }, &asked))
            }
            _ => false,
        }
    }

    fn takes_from(&self, site: Site, from: &Spot) -> bool {
        let Some(call) = self.call(site) else { return false };
        let (Target::Model(model), Some(receiver)) = (&call.target, call.receiver) else { return false };
        let takes = model.does.get(&Subject::Receiver);
        matches!(takes, Some(Effect::Take | Effect::TakeAll | Effect::Remove))
            && self.origin(site.body, receiver).0 == *from
    }

    /// `while let Some(x) = source.step().await`: what is waited for step by step is a source, and it ends.
    fn source_by_shape(&self, body: BodyRef, cond: &Cond) -> Option<Exit> {
        let Cond::Matches { value, pattern } = cond else { return None };
        let Pattern::Variant { path, .. } = &**pattern else { return None };
        let going_on = path.last().is_some_and(|last| last == "Some" || last == "Ok");
        let waited = matches!(self.flow(body).def(*value)?.kind, StepKind::Await { .. });
        let site = self.maker(body, *value).filter(|_| going_on && waited)?;
        self.call(site)?.receiver.map(|_| Exit::SourceEnds(site))
    }

    fn constant_cond(&self, body: BodyRef, cond: &Cond) -> Option<bool> {
        match cond {
            Cond::Truthy(value) => match self.constant_of(body, *value)? {
                crate::unit::Const::Bool(value) => Some(*value),
                crate::unit::Const::Int(value) => Some(*value != 0),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether a step leaves the loop.
    fn leaves(&self, looping: Site, step: &Step) -> bool {
        let flow = self.flow(looping.body);
        match &step.kind {
            StepKind::Return { .. } | StepKind::Propagate { .. } => true,
            StepKind::Raise { .. } => {
                // Caught inside the loop, it does not leave it.
                let mut around = flow.around(step.id).take_while(|(outer, _)| outer.id != looping.step);
                !around.any(|(outer, slot)| {
                    slot == Slot::TryBody
                        && matches!(&outer.kind, StepKind::Try { handlers, .. } if !handlers.is_empty())
                })
            }
            StepKind::Break { label: Some(label), .. } => {
                let mut between = flow.around(step.id).take_while(|(outer, _)| outer.id != looping.step);
                !between
                    .any(|(outer, _)| matches!(&outer.kind, StepKind::Loop { body, .. } if body.label.as_deref() == Some(label)))
            }
            StepKind::Break { label: None, .. } => {
                let nearest = flow.around(step.id).find(|(outer, _)| matches!(outer.kind, StepKind::Loop { .. }));
                nearest.is_some_and(|(outer, _)| outer.id == looping.step)
            }
            _ => false,
        }
    }

    /// What makes a leaving step happen: the nearest condition around it.
    fn way_of(&self, looping: Site, step: &Step) -> Exit {
        let site = Site { body: looping.body, step: step.id };
        if let StepKind::Propagate { value, .. } = &step.kind {
            return match self.waits_for(looping.body, *value) {
                Some(found) => found,
                None => self.failing(looping, *value).unwrap_or(Exit::Own(site)),
            };
        }
        let flow = self.flow(looping.body);
        let mut fails = None;
        for (outer, slot) in flow.around(step.id) {
            if outer.id == looping.step {
                break;
            }
            let found = match (&outer.kind, slot) {
                (StepKind::If { cond, .. }, _) => {
                    Some(self.way_of_cond(Site { body: looping.body, step: outer.id }, cond))
                }
                (StepKind::Match { subject, .. }, Slot::Arm(_)) => self.waits_for(looping.body, *subject),
                (StepKind::Select { arms, .. }, Slot::SelectBody(at)) => {
                    let arm = arms.get(at as usize);
                    arm.and_then(|arm| {
                        self.waits_for(looping.body, arm.future).or_else(|| self.driven(looping, arm.future))
                    })
                }
                _ => None,
            };
            match found {
                Some(Exit::Own(_)) | None => {}
                Some(found) => return found,
            }
            fails = fails.or_else(|| self.failing(looping, failure_asked(&outer.kind, slot)?));
        }
        fails.unwrap_or(Exit::Own(site))
    }

    /// The call that made a value whose failure leaves the loop.
    fn failing(&self, looping: Site, value: ValueId) -> Option<Exit> {
        Some(Exit::Fails { call: self.maker(looping.body, value)?, looping })
    }

    /// A race's arm on something made before the loop: the loop goes on until that is done.
    fn driven(&self, looping: Site, future: ValueId) -> Option<Exit> {
        let (Spot::Local(body, local), _) = self.origin(looping.body, future) else { return None };
        let flow = self.flow(looping.body);
        let before = flow.stores(local).iter().all(|store| !flow.within(*store, looping.step));
        let step = flow.def(future)?.id;
        (body == looping.body && before).then_some(Exit::WorkEnds(Site { body, step }))
    }

    fn way_of_cond(&self, site: Site, cond: &Cond) -> Exit {
        let values: Vec<ValueId> = super::flow::cond_values(cond);
        for value in &values {
            if let Some(found) = self.waits_for(site.body, *value) {
                return found;
            }
        }
        // A field or shared variable that is asked is a flag that somebody may set.
        for value in values {
            let (spot, _) = self.origin(site.body, value);
            if matches!(spot, Spot::Field(..) | Spot::LooseField(_) | Spot::Global(..)) {
                return Exit::Heeds(site, spot);
            }
        }
        Exit::Own(site)
    }

    /// What a value was waited for or asked from: a source that ends, a flag, something weak.
    fn waits_for(&self, body: BodyRef, value: ValueId) -> Option<Exit> {
        self.way_behind(body, value, CHAIN)
    }

    fn way_behind(&self, body: BodyRef, value: ValueId, hops: u32) -> Option<Exit> {
        let hops = hops.checked_sub(1)?;
        let site = self.maker(body, value)?;
        let call = self.call(site)?;
        let Target::Model(model) = &call.target else {
            let receiver = call.receiver?;
            return self.way_by_name(site).or_else(|| self.way_behind(body, receiver, hops));
        };
        for (subject, effect) in &model.does {
            let spot = || {
                let (value, _) = self.subjects(&call, subject).into_iter().next()?;
                Some(self.origin(site.body, value).0)
            };
            match effect {
                // What is asked of one end of a channel is whether the other end is gone.
                Effect::Heeded if self.is_channel_end(site, &call, subject) => return Some(Exit::SourceEnds(site)),
                Effect::Heeded => return Some(Exit::Heeds(site, spot()?)),
                Effect::Take | Effect::TakeAll => return Some(Exit::SourceEnds(site)),
                Effect::Upgraded => return Some(Exit::WeakGone(site)),
                Effect::PassedThrough => {
                    let (value, _) = self.subjects(&call, subject).into_iter().next()?;
                    if let Some(found) = self.way_behind(body, value, hops) {
                        return Some(found);
                    }
                }
                _ => {}
            }
        }
        // Who waits for a lock waits for its turn, and not for an end.
        let of_lock = model.does.values().any(|effect| *effect == Effect::AcquireWhileHeld);
        (model.waits == Waits::Unbounded && !of_lock).then_some(Exit::SourceEnds(site))
    }

    /// What a method of something unknown is likely to ask for: what the methods of its name do elsewhere.
    fn way_by_name(&self, site: Site) -> Option<Exit> {
        let name = self.callee_name(site)?;
        let language = self.language(site.body).name();
        let mut way = None;
        for model in self.catalogue.methods_named(language, &name) {
            match model.does.get(&Subject::Receiver) {
                Some(Effect::Upgraded) => return Some(Exit::WeakGone(site)),
                // A step taken on a stream, socket or connection from outside ends with it.
                Some(Effect::Take | Effect::AwaitedInPart) if model.waits != Waits::Bounded => {
                    way = Some(Exit::SourceEnds(site));
                }
                _ if model.handles_events == HandlesEvents::Receives && model.waits == Waits::Unbounded => {
                    way = Some(Exit::SourceEnds(site));
                }
                _ => {}
            }
        }
        way
    }

    fn is_channel_end(&self, site: Site, call: &Call<'a>, subject: &Subject) -> bool {
        let Some((value, _)) = self.subjects(call, subject).into_iter().next() else { return false };
        let ty = self.type_of(site.body, value);
        let model = ty.model_path().and_then(|path| self.catalogue.ty(self.language(site.body).name(), path));
        model.is_some_and(|model| model.on_drop == OnDrop::ClosesChannel)
    }

    /// The last name of what a call calls, as written.
    pub fn callee_name(&self, site: Site) -> Option<Name> {
        let StepKind::Call { callee, .. } = &self.flow(site.body).step(site.step)?.kind else { return None };
        match &self.flow(site.body).def(*callee)?.kind {
            StepKind::Read { place: Place::Field { name, .. }, .. } => Some(name.clone()),
            StepKind::Read { place: Place::Global { path, .. }, .. } => path.last().cloned(),
            StepKind::Read { place: Place::Local(local), .. } => {
                self.body(site.body).locals.get(local.0 as usize).map(|local| local.name.clone())
            }
            _ => None,
        }
    }

    /// The body that runs when a value is started: an async block, a closure, a function, or the body of a call.
    pub fn work_of(&self, body: BodyRef, value: ValueId) -> Option<BodyRef> {
        match self.type_of(body, value) {
            Type::Future(_, found) => found,
            Type::Closure(found) | Type::Def(Def::Function(found)) => Some(found),
            _ => None,
        }
    }

    /// Whether a frame never returns once it has come past a step: a loop without exit stands after it.
    pub fn stays_after(&self, site: Site) -> bool {
        let flow = self.flow(site.body);
        flow.nodes().any(|node| {
            let later = node.step.id > site.step && !flow.within(site.step, node.step.id);
            let same_level = node.parent.is_none();
            later
                && same_level
                && matches!(&node.step.kind, StepKind::Loop { driver, .. }
                    if matches!(self.exit_of_loop(Site { body: site.body, step: node.step.id }, driver), Exit::Never(_)))
        })
    }
}

/// The value of whose failure a branch is the consequence.
fn failure_asked(kind: &StepKind, slot: Slot) -> Option<ValueId> {
    let (value, pattern) = match (kind, slot) {
        (StepKind::If { cond: Cond::Matches { value, pattern }, .. }, Slot::Then) => (value, &**pattern),
        (StepKind::Match { subject, arms }, Slot::Arm(at)) => (subject, &arms.get(at as usize)?.pattern),
        _ => return None,
    };
    matches!(pattern, Pattern::Variant { path, .. } if path.last().is_some_and(|last| last == "Err")).then_some(*value)
}

/// The way out that is easiest for somebody who wants the task to stop.
fn best(ways: Vec<Exit>) -> Exit {
    ways.into_iter().min_by_key(rank).unwrap_or(Exit::Finite)
}

/// How bad an end is for somebody who wants the task to stop.
fn rank(exit: &Exit) -> u8 {
    match exit {
        Exit::Finite => 0,
        Exit::SourceEnds(_) => 1,
        Exit::WeakGone(_) => 2,
        Exit::WorkEnds(_) => 3,
        Exit::Heeds(..) => 4,
        Exit::Own(_) => 5,
        Exit::Fails { .. } => 6,
        Exit::Never(_) => 7,
    }
}
