//! Steps that go elsewhere: calls, awaits, branches.

use super::act::Way;
use super::aim::{self, Aim, DEPTH};
use super::detached;
use super::leave::{How, Leave, Thrown};
use super::turns::unlabelled;
use super::walk::{Exits, Path, Walk, merged};
use crate::ledger::Leaving;
use crate::program::types::Type;
use crate::program::{BodyRef, Site};
use crate::source::Language;
use crate::unit::{Compare, Cond, Pattern, Step, StepId, StepKind, ValueId};

impl<'a> Walk<'_, '_, 'a> {
    pub(super) fn call(&mut self, aim: &Aim, site: Site, path: Path) -> Exits {
        let functions = aim::functions(self.program, site);
        let now: Vec<BodyRef> =
            functions.iter().copied().filter(|function| self.risk.runs_at_call(*function)).collect();
        let mut exits = Exits::default();
        if let Some(kind) = self.risk.of_call(site, &now) {
            let raised = Path { assumed: path.assumed || kind == Leaving::CallRaises, ..path.clone() };
            exits.leaves.push(Leave { how: How::Throw(Thrown::Failure(None)), kind, site, path: raised });
        }
        if let Some(inner) = self.started(aim, site) {
            exits.add(self.enter(&aim.seen_from_outside(), inner, site, path));
            if detached::runs_to_its_end(self.program, inner) {
                exits.leaves.retain(|leave| leave.kind != Leaving::Cancelled);
            }
            return exits;
        }
        match now.iter().find(|function| self.is_worth_entering(aim, site, **function)) {
            Some(&function) => {
                let within = aim.inside(self.program, site, function);
                exits.leaves.clear();
                exits.add(self.enter(&within, function, site, path));
            }
            None => exits.normal.push(path),
        }
        exits
    }

    /// A coroutine that lowers the count is handed to a call that runs it.
    pub(super) fn started(&self, aim: &Aim, site: Site) -> Option<BodyRef> {
        let call = self.program.call(site)?;
        if matches!(call.target, crate::program::calls::Target::Functions(_)) {
            return None;
        }
        let aim = aim.seen_from_outside();
        let lowers = |body: BodyRef| aim.lowered_by(self.program, self.acts, body, DEPTH).is_some();
        call.args.iter().find_map(|arg| match self.program.type_of(site.body, arg.value) {
            Type::Future(_, Some(inner)) if !self.inlined.contains(&inner) && lowers(inner) => Some(inner),
            _ => None,
        })
    }

    fn is_worth_entering(&self, aim: &Aim, site: Site, function: BodyRef) -> bool {
        fact!(is_worth_entering);
        self.inlined.len() <= DEPTH
            && !self.inlined.contains(&function)
            && aim.may_be_lowered_by(function, DEPTH)
            && aim.inside(self.program, site, function).lowered_by(self.program, self.acts, function, DEPTH).is_some()
    }

    /// A function that may lower the count runs: its ways are those of the call.
    pub(super) fn enter(&mut self, aim: &Aim, function: BodyRef, site: Site, path: Path) -> Exits {
        let paired = self.found.paired;
        let within = self.whole(aim, function);
        // What another turn of a loop lowers is no other half of this one.
        self.found.paired &= paired || !path.round;
        self.found.lowering.extend([site.body, function]);
        let mut exits = Exits::default();
        // What lowers on every way may first refuse to: that is its misuse, and no way out of the code that raised.
        let refuses = |leave: &Leave| {
            within.normal.is_empty()
                && self.found.ends.iter().any(|end| end.body == leave.site.body)
                && self.is_refusal(leave.site)
        };
        for leave in within.leaves.into_iter().filter(|leave| !refuses(leave)).collect::<Vec<_>>() {
            if let How::Throw(thrown) = leave.how {
                let assumed = path.assumed || leave.path.assumed;
                // What lowers on some ways only may fail on others.
                let stopped = matches!(leave.kind, Leaving::Cancelled | Leaving::Panics);
                let unclear = !within.normal.is_empty() && !stopped;
                let path = Path { assumed, blurred: path.blurred || leave.path.blurred || unclear, ..path.clone() };
                exits.leaves.push(Leave { how: How::Throw(thrown), kind: leave.kind, site, path });
            }
        }
        if !within.normal.is_empty() {
            exits.normal.push(Path { blurred: true, ..path });
        }
        exits
    }

    /// Whether a condition asks which of two things something is: a count that comes down under it belongs to one of them.
    fn asks_which(&self, body: BodyRef, cond: &Cond) -> bool {
        fact!(asks_which);
        let Cond::Compare { op: Compare::Is, left, right } = cond else { return false };
        [left, right].into_iter().all(|value| self.program.constant_of(body, *value).is_none())
    }

    /// Whether a decrement that is meant stands within a step.
    fn lowers_within(&self, aim: &Aim, body: BodyRef, outer: StepId) -> bool {
        fact!(lowers_within);
        let flow = self.program.flow(body);
        let acts = self.acts.of(body).iter();
        acts.filter(|act| act.way == Way::Down && aim.meant(act)).any(|act| flow.within(act.site.step, outer))
    }

    /// Whether a step raises, or makes what the next steps raise.
    fn is_refusal(&self, site: Site) -> bool {
        fact!(is_refusal);
        let flow = self.program.flow(site.body);
        let Some(home) = flow.node(site.step).map(|node| node.parent) else { return false };
        flow.nodes().any(|node| {
            node.step.id >= site.step && node.parent == home && matches!(node.step.kind, StepKind::Raise { .. })
        })
    }

    pub(super) fn awaited(&mut self, aim: &Aim, site: Site, value: ValueId, path: Path) -> Exits {
        let future = match self.program.type_of(site.body, value) {
            Type::Future(_, inner) => inner,
            _ => None,
        };
        let made = self.program.flow(site.body).def(value).map(|step| Site { body: site.body, step: step.id });
        if let Some((function, made)) = future.zip(made)
            && self.is_worth_entering(aim, made, function)
        {
            let within = aim.inside(self.program, made, function);
            return self.enter(&within, function, site, path);
        }
        let mut exits = Exits::default();
        for (thrown, kind) in self.risk.of_await(site, future) {
            let Some(kind) = detached::left_by(self.program, kind, site) else { continue };
            exits.leaves.push(Leave { how: How::Throw(thrown), kind, site, path: path.clone() });
        }
        exits.normal.push(path);
        exits
    }

    pub(super) fn raised(&self, site: Site, value: Option<ValueId>, path: &Path) -> (Thrown, Leaving, Site) {
        match (value, &path.handling) {
            (None, Some(thrown)) => (thrown.clone(), Leaving::Raise, site),
            (None, None) => (Thrown::Failure(None), Leaving::Raise, site),
            (Some(value), _) => (Thrown::Failure(self.risk.raised_type(site.body, value)), Leaving::Raise, site),
        }
    }

    pub(super) fn branch(&mut self, aim: &Aim, site: Site, step: &'a Step, path: Path) -> Exits {
        let body = site.body;
        let mut exits = Exits::default();
        match &step.kind {
            StepKind::If { cond, then, otherwise } => {
                let decided = path.known.decide(self.program, body, cond);
                for (block, truth) in [(then, true), (otherwise, false)] {
                    if decided == Some(!truth) {
                        continue;
                    }
                    let mut path = path.clone();
                    path.known.assume(self.program, body, cond, truth);
                    if decided.is_some() {
                        path.decided.push(step.id);
                    }
                    path.blurred |= !truth && self.asks_which(body, cond) && self.lowers_within(aim, body, step.id);
                    exits.add(self.block(aim, body, block, 0, vec![path]));
                }
            }
            StepKind::Match { arms, .. } => {
                for arm in arms {
                    exits.add(self.block(aim, body, &arm.body, 0, vec![path.clone()]));
                }
                let open = |pattern: &Pattern| matches!(pattern, Pattern::Wildcard | Pattern::Binding(_));
                let complete = self.program.language(body) == Language::Rust
                    || arms.iter().any(|arm| arm.guard.is_none() && open(&arm.pattern));
                if !complete {
                    exits.normal.push(path);
                }
            }
            StepKind::Select { arms, otherwise, .. } => {
                let waits = otherwise.is_none().then_some(Leaving::Cancelled);
                if let Some(kind) = waits.and_then(|kind| detached::left_by(self.program, kind, site)) {
                    let how = How::Throw(Thrown::Stop);
                    exits.leaves.push(Leave { how, kind, site, path: path.clone() });
                }
                let mut heads = vec![path];
                for arm in arms {
                    let head = self.block(aim, body, &arm.head, 0, heads);
                    exits.leaves.extend(head.leaves);
                    heads = head.normal;
                }
                for block in arms.iter().map(|arm| &arm.body).chain(otherwise) {
                    exits.add(self.block(aim, body, block, 0, heads.clone()));
                }
            }
            StepKind::Nested { block, .. } => {
                let within = self.block(aim, body, block, 0, vec![path]);
                exits.add(unlabelled(within, block.label.as_deref()));
            }
            _ => exits.normal.push(path),
        }
        exits.normal = merged(exits.normal);
        exits
    }
}
