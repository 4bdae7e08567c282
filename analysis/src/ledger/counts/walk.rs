//! What happens after a count went up: every way the code can go from there, until it comes down or the body is left.

use super::act::{Acts, Sort, Way};
use super::aim::{self, Aim, DEPTH};
use super::known::Known;
use super::leave::{How, Leave, Thrown};
use super::risk::Risk;
use crate::ledger::Leaving;
use crate::program::flow::{self, Slot};
use crate::program::types::Type;
use crate::program::{BodyRef, Program, Site};
use crate::source::Language;
use crate::unit::{Block, Body, Step, StepId, StepKind};

/// How many steps are walked before the answer is open.
const FUEL: u32 = 60_000;

/// A way through the code on which the count is still up.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Path {
    pub(super) known: Known,
    /// It has gone round a loop since.
    pub(super) round: bool,
    /// A helper lowered the count on some of its ways, and which one this is cannot be told.
    pub(super) blurred: bool,
    /// It rests on an unmodelled call that raises.
    pub(super) assumed: bool,
    /// What is being handled.
    pub(super) handling: Option<Thrown>,
    /// The branches on the way that were known to be taken.
    pub(super) decided: Vec<StepId>,
}

impl Path {
    fn new(known: Known) -> Path {
        Path { known, round: false, blurred: false, assumed: false, handling: None, decided: Vec::new() }
    }

    fn common(&self, other: &Path) -> Path {
        Path {
            known: self.known.common(&other.known),
            round: self.round || other.round,
            blurred: self.blurred || other.blurred,
            assumed: self.assumed && other.assumed,
            handling: if self.handling == other.handling { self.handling.clone() } else { None },
            decided: self.decided.iter().filter(|id| other.decided.contains(id)).copied().collect(),
        }
    }
}

/// Where the paths through some steps end.
#[derive(Debug, Default)]
pub(super) struct Exits {
    pub(super) normal: Vec<Path>,
    pub(super) leaves: Vec<Leave>,
}

impl Exits {
    pub(super) fn on(path: Path) -> Exits {
        Exits { normal: vec![path], leaves: Vec::new() }
    }

    pub(super) fn add(&mut self, other: Exits) {
        self.normal.extend(other.normal);
        self.leaves.extend(other.leaves);
    }
}

/// What was found on the ways.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The ways out with the count up.
    pub(super) outs: Vec<(Leaving, Site)>,
    /// The steps that bring it down.
    pub(super) ends: Vec<Site>,
    /// Whether the body owes the decrement: one that belongs to this increment stands on a way.
    pub(super) paired: bool,
    /// The bodies that run something which lowers it.
    pub(super) lowering: Vec<BodyRef>,
    /// Something that will lower it took it over.
    pub(super) handed: Option<Site>,
    /// Too many steps.
    pub(super) too_far: bool,
}

/// A walk from one increment.
pub(super) struct Walk<'w, 'p, 'a> {
    pub(super) program: &'p Program<'a>,
    pub(super) acts: &'w Acts,
    pub(super) risk: &'w Risk<'p, 'a>,
    pub(super) start: Site,
    pub(super) found: Found,
    pub(super) inlined: Vec<BodyRef>,
    fuel: u32,
}

impl<'w, 'p, 'a> Walk<'w, 'p, 'a> {
    /// Walks on from a step that raised a count.
    pub(super) fn run(
        program: &'p Program<'a>,
        acts: &'w Acts,
        risk: &'w Risk<'p, 'a>,
        start: Site,
        aim: &Aim,
    ) -> Found {
        let mut walk =
            Walk { program, acts, risk, start, found: Found::default(), inlined: vec![start.body], fuel: FUEL };
        walk.look_back(aim);
        if walk.found.handed.is_some() {
            return walk.found;
        }
        let path = Path::new(Known::before(program, start.body, start.step));
        let exits = walk.onward(aim, start.body, start.step, path);
        walk.leave_body(aim, exits);
        walk.found
    }

    /// A guard, a registered callback or the receiver's own destructor that was there before lowers it however the body is left.
    fn look_back(&mut self, aim: &Aim) {
        let body = self.start.body;
        if let Some(owner) = self.program.owner(body) {
            let own = Type::Named(crate::program::types::Head::Project(owner), Vec::new());
            if let Some(end) = aim.lowered_by_drop(self.program, self.acts, &own) {
                self.hand_over(end);
            }
        }
        let flow = self.program.flow(body);
        let start = self.start.step;
        for node in flow.nodes().filter(|node| node.step.id < start) {
            let around: Vec<StepId> = flow.around(node.step.id).map(|(step, _)| step.id).collect();
            if !around.iter().all(|outer| flow.within(start, *outer)) {
                continue;
            }
            if let Some(end) = self.takes_over(aim, body, node.step) {
                self.hand_over(end);
            }
            self.already_started(aim, Site { body, step: node.step.id });
        }
    }

    /// A task that was started before lowers the count at its end, or on some of its ways only.
    fn already_started(&mut self, aim: &Aim, site: Site) {
        let Some(inner) = self.started(aim, site) else { return };
        let Some(end) = aim.seen_from_outside().lowered_by(self.program, self.acts, inner, DEPTH) else { return };
        let exits = self.whole(&aim.seen_from_outside(), inner);
        self.hand_over(end);
        let last = Site { body: inner, step: last_step(self.program.body(inner)).unwrap_or(StepId(0)) };
        let ended =
            exits.normal.into_iter().map(|path| Leave { how: How::Return, kind: Leaving::Return, site: last, path });
        for leave in ended.chain(exits.leaves) {
            self.out(leave);
        }
    }

    pub(super) fn hand_over(&mut self, end: Site) {
        self.found.paired = true;
        self.found.handed = Some(end);
        self.end_at(end);
        self.found.lowering.push(self.start.body);
    }

    fn end_at(&mut self, end: Site) {
        if !self.found.ends.contains(&end) {
            self.found.ends.push(end);
        }
    }

    /// The body is left: what is still up then is a way out.
    fn leave_body(&mut self, aim: &Aim, exits: Exits) {
        let body = self.start.body;
        let last = self.program.body(body).step_count.saturating_sub(1);
        let end = Site { body, step: last_step(self.program.body(body)).unwrap_or(StepId(last)) };
        let mut leaves = exits.leaves;
        for path in exits.normal {
            leaves.push(Leave { how: How::Return, kind: Leaving::Return, site: end, path });
        }
        let partners = aim::exits_for(self.program, body);
        for leave in leaves {
            if leave.how == How::Return && leave.kind == Leaving::Return && !partners.is_empty() {
                self.scope_is_left(aim, &partners, &leave);
            } else {
                self.out(leave);
            }
        }
    }

    /// The scope's entry went well, so its exit runs.
    fn scope_is_left(&mut self, aim: &Aim, partners: &[BodyRef], entered: &Leave) {
        for &exit in partners {
            if aim.seen_from_outside().lowered_by(self.program, self.acts, exit, DEPTH).is_none() {
                self.out(entered.clone());
                continue;
            }
            self.found.paired = true;
            let exits = self.whole(&aim.seen_from_outside(), exit);
            let last = last_step(self.program.body(exit)).unwrap_or(StepId(0));
            for leave in exits.leaves {
                self.out(leave);
            }
            for path in exits.normal {
                let site = Site { body: exit, step: last };
                self.out(Leave { how: How::Return, kind: Leaving::Return, site, path });
            }
        }
    }

    pub(super) fn out(&mut self, leave: Leave) {
        let kind = if leave.path.assumed { Leaving::CallRaises } else { leave.kind };
        if !leave.path.blurred && !self.found.outs.contains(&(kind, leave.site)) {
            self.found.outs.push((kind, leave.site));
        }
    }

    /// All of a body that runs from its beginning.
    pub(super) fn whole(&mut self, aim: &Aim, body: BodyRef) -> Exits {
        self.inlined.push(body);
        let root = &self.program.body(body).root;
        let mut exits = self.block(aim, body, root, 0, vec![Path::new(Known::default())]);
        self.inlined.pop();
        let (returns, others) = exits.leaves.into_iter().partition(|leave| leave.how == How::Return);
        let returns: Vec<Leave> = returns;
        exits.leaves = others;
        exits.normal.extend(returns.into_iter().map(|leave| leave.path));
        exits
    }

    /// From after a step to the end of the body.
    fn onward(&mut self, aim: &Aim, body: BodyRef, step: StepId, path: Path) -> Exits {
        let flow = self.program.flow(body);
        let mut exits = Exits::on(path);
        let mut at = step;
        loop {
            let Some(node) = flow.node(at) else { return exits };
            let block = match node.parent {
                Some((parent, slot)) => flow.step(parent).and_then(|outer| block_of(&outer.kind, slot)),
                None => Some(&flow.body.root),
            };
            let place = block.and_then(|block| block.steps.iter().position(|inner| inner.id == at));
            if let Some((block, place)) = block.zip(place) {
                let rest = self.block(aim, body, block, place + 1, std::mem::take(&mut exits.normal));
                exits.add(rest);
            }
            let Some((parent, slot)) = node.parent else { return exits };
            if let Some(outer) = flow.step(parent) {
                exits = self.wrap(aim, body, outer, slot, exits);
            }
            at = parent;
        }
    }

    pub(super) fn block(&mut self, aim: &Aim, body: BodyRef, block: &'a Block, from: usize, paths: Vec<Path>) -> Exits {
        let mut exits = Exits { normal: paths, leaves: Vec::new() };
        for step in block.steps.iter().skip(from) {
            if exits.normal.is_empty() {
                break;
            }
            let mut next = Vec::new();
            for path in std::mem::take(&mut exits.normal) {
                let done = self.step(aim, body, step, path);
                next.extend(done.normal);
                exits.leaves.extend(done.leaves);
            }
            exits.normal = merged(next);
        }
        exits.leaves = distinct(exits.leaves);
        exits
    }

    fn step(&mut self, aim: &Aim, body: BodyRef, step: &'a Step, mut path: Path) -> Exits {
        let Some(fuel) = self.fuel.checked_sub(1) else {
            self.found.too_far = true;
            return Exits::default();
        };
        self.fuel = fuel;
        let site = Site { body, step: step.id };
        if let Some(ended) = self.counted(aim, site, &path) {
            return ended;
        }
        if let Some(end) = self.takes_over(aim, body, step) {
            self.hand_over(end);
            return Exits::default();
        }
        let leave = |how: How, kind: Leaving, path: Path| Exits {
            normal: Vec::new(),
            leaves: vec![Leave { how, kind, site, path }],
        };
        match &step.kind {
            StepKind::Call { .. } => self.call(aim, site, path),
            StepKind::Await { value, .. } => self.awaited(aim, site, *value, path),
            StepKind::Store { .. } => {
                path.known.store(self.program, body, step);
                Exits::on(path)
            }
            StepKind::Propagate { .. } => {
                let mut exits = leave(How::Return, Leaving::Propagate, path.clone());
                exits.normal.push(path);
                exits
            }
            StepKind::Return { .. } => leave(How::Return, Leaving::Return, path),
            StepKind::Raise { value } => {
                let (thrown, kind, from) = self.raised(site, *value, &path);
                Exits { normal: Vec::new(), leaves: vec![Leave { how: How::Throw(thrown), kind, site: from, path }] }
            }
            StepKind::Break { label, .. } => leave(How::Break(label.clone()), Leaving::Break, path),
            StepKind::Continue { label } => leave(How::Continue(label.clone()), Leaving::Break, path),
            StepKind::Yield { .. } if self.risk.is_resumed_by_others(body) => Exits::on(path),
            StepKind::Yield { .. } => {
                let mut exits = leave(How::Throw(Thrown::Stop), Leaving::Yield, path.clone());
                exits.normal.push(path);
                exits
            }
            StepKind::If { .. } | StepKind::Match { .. } | StepKind::Select { .. } | StepKind::Nested { .. } => {
                self.branch(aim, site, step, path)
            }
            StepKind::Loop { .. } => self.looped(aim, site, step, path),
            StepKind::Try { body: tried, .. } => {
                let exits = self.block(aim, body, tried, 0, vec![path]);
                self.wrap(aim, body, step, Slot::TryBody, exits)
            }
            StepKind::Scope { items, body: inner } => {
                let mut exits = Exits::default();
                if items.iter().any(|item| self.risk.waits_at_entry(body, item)) {
                    exits.leaves.push(Leave {
                        how: How::Throw(Thrown::Stop),
                        kind: Leaving::Cancelled,
                        site,
                        path: path.clone(),
                    });
                }
                if let Some(end) =
                    items.iter().find_map(|item| aim.lowered_by_scope(self.program, self.acts, body, item))
                {
                    self.hand_over(end);
                    return exits;
                }
                let within = self.block(aim, body, inner, 0, vec![path]);
                exits.add(self.wrap(aim, body, step, Slot::ScopeBody, within));
                exits
            }
            _ => Exits::on(path),
        }
    }

    /// The count itself is met.
    fn counted(&mut self, aim: &Aim, site: Site, path: &Path) -> Option<Exits> {
        let act = self.acts.at(site)?;
        if !matches!(act.way, Way::Down | Way::Reset) || !aim.meant(act) {
            return None;
        }
        if act.way == Way::Down {
            self.end_at(site);
            self.found.paired |= !path.round && self.belongs(aim, site, path);
        }
        Some(Exits::default())
    }

    /// Whether a decrement in the same body is the other half of the increment, and no act of its own.
    fn belongs(&self, aim: &Aim, down: Site, path: &Path) -> bool {
        let flow = self.program.flow(down.body);
        let here = down.body == self.start.body;
        let up = self.start.step;
        // A loop that lowers turn by turn answers to its own condition, and not to one increment.
        let drains = flow
            .around(down.step)
            .any(|(outer, _)| matches!(outer.kind, StepKind::Loop { .. }) && !(here && flow.within(up, outer.id)));
        if drains || !here {
            return !drains;
        }
        let alone = |of: StepId, other: StepId| {
            let mut own = flow.around(of).take_while(|(outer, _)| !flow.within(other, outer.id));
            own.any(|(outer, slot)| {
                matches!(slot, Slot::Then | Slot::Otherwise | Slot::Arm(_)) && !path.decided.contains(&outer.id)
            })
        };
        if !alone(down.step, up) {
            return true;
        }
        let looping = flow
            .around(up)
            .any(|(outer, _)| matches!(outer.kind, StepKind::Loop { .. }) && flow.within(down.step, outer.id));
        !looping && (aim.raised.sort == Sort::Object || !alone(up, down.step))
    }

    /// A step that gives the count to something that will lower it: a guard is made, a callback is registered.
    fn takes_over(&self, aim: &Aim, body: BodyRef, step: &Step) -> Option<Site> {
        match &step.kind {
            StepKind::Call { out, args, .. } => {
                let site = Site { body, step: step.id };
                // The ways of what is started are walked.
                if self.started(aim, site).is_some() {
                    return None;
                }
                for arg in args {
                    let function = aim::function_value(self.program, body, arg.value);
                    let called_here =
                        function.is_some_and(|function| aim::functions(self.program, site).contains(&function));
                    if let Some(function) = function.filter(|_| !called_here) {
                        let seen = aim.handed(self.program, body, arg.value, function);
                        if let Some(end) = seen.lowered_by(self.program, self.acts, function, DEPTH) {
                            return Some(end);
                        }
                    }
                }
                if self.program.language(body) == Language::Rust {
                    return aim.lowered_by_drop(self.program, self.acts, &self.program.type_of(body, *out));
                }
                None
            }
            StepKind::Collect { out, .. } if self.program.language(body) == Language::Rust => {
                aim.lowered_by_drop(self.program, self.acts, &self.program.type_of(body, *out))
            }
            _ => None,
        }
    }
}

/// Few paths: equal ones are one, and of many only what they agree on is kept.
pub(super) fn merged(paths: Vec<Path>) -> Vec<Path> {
    let mut kept: Vec<Path> = Vec::new();
    for path in paths {
        if !kept.contains(&path) {
            kept.push(path);
        }
    }
    if kept.len() > 6 {
        return kept.into_iter().reduce(|a, b| a.common(&b)).into_iter().collect();
    }
    kept
}

/// One leave for each way and place.
pub(super) fn distinct(leaves: Vec<Leave>) -> Vec<Leave> {
    let mut kept: Vec<Leave> = Vec::new();
    for leave in leaves {
        match kept
            .iter_mut()
            .find(|other| other.how == leave.how && other.site == leave.site && other.kind == leave.kind)
        {
            Some(other) => other.path = other.path.common(&leave.path),
            None => kept.push(leave),
        }
    }
    kept
}

fn block_of(kind: &StepKind, slot: Slot) -> Option<&Block> {
    flow::blocks(kind).into_iter().find(|(_, at)| *at == slot).map(|(block, _)| block)
}

fn last_step(body: &Body) -> Option<StepId> {
    body.root.steps.last().map(|step| step.id)
}
