//! Code that a constant keeps from running: one half of a file that is written for two worlds, and what a flag that a
//! call gives steps over.

use super::flow::{Node, Slot};
use super::{BodyRef, Def, Program, Site};
use crate::unit::{Block, BodyId, BodyKind, Compare, Cond, Const, LocalId, Param, Place, StepKind, ValueId};

/// The constants that one call gives to parameters of what it calls.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Given<'a>(Vec<(LocalId, &'a Const)>);

impl<'a> Given<'a> {
    /// The constant that a variable holds all through the body.
    fn of(&self, program: &Program<'_>, body: BodyRef, local: LocalId) -> Option<&'a Const> {
        let (_, given) = self.0.iter().find(|(param, _)| *param == local)?;
        program.flow(body).stores(local).is_empty().then_some(*given)
    }
}

impl<'a> Program<'a> {
    /// What a call that stands in a body gives to a function, where the body itself was given some constants.
    pub fn given_by_call(&self, site: Site, function: BodyRef, given: &Given<'a>) -> Given<'a> {
        let bound = self.bound_args(site, function);
        let left_out = |param: &&'a Param| bound.iter().all(|(_, local)| *local != param.local);
        let by_default = self.body(function).params.iter().filter(left_out).filter_map(|param| {
            let default = param.default.as_ref().filter(|default| **default != Const::Other)?;
            Some((param.local, default))
        });
        let written =
            bound.iter().filter_map(|(value, param)| Some((*param, self.known_const(site.body, *value, given)?)));
        Given(written.chain(by_default).collect())
    }

    /// Whether a step stands in a branch that is never taken, as constants of the program's modules say, in a function
    /// that is only called in such branches, or in a module that refuses to be imported.
    pub fn never_runs(&self, site: Site) -> bool {
        let not_taken = |site: &Site| self.is_not_taken(*site, &Given::default());
        let callers = self.calls().callers(site.body);
        not_taken(&site)
            || (!callers.is_empty() && callers.iter().all(not_taken))
            || self.refuses_import(site.body.file)
    }

    /// Whether a module raises whenever it is imported.
    fn refuses_import(&self, file: u32) -> bool {
        let module = self.body(BodyRef { file, body: BodyId(0) });
        let mut steps = module.root.steps.iter();
        module.kind == BodyKind::Module && steps.any(|step| matches!(step.kind, StepKind::Raise { .. }))
    }

    /// Whether a step never runs in a call that gives some constants: its branch is not taken, or one before it that
    /// is taken leaves the body.
    pub fn never_runs_given(&self, site: Site, given: &Given<'a>) -> bool {
        self.is_not_taken(site, given) || self.is_left_before(site, given)
    }

    fn is_not_taken(&self, site: Site, given: &Given<'a>) -> bool {
        self.flow(site.body).around(site.step).any(|(outer, slot)| match (&outer.kind, slot) {
            (StepKind::If { cond, .. }, Slot::Then) => self.settled_cond(site.body, cond, given) == Some(false),
            (StepKind::If { cond, .. }, Slot::Otherwise) => self.settled_cond(site.body, cond, given) == Some(true),
            _ => false,
        })
    }

    fn is_left_before(&self, site: Site, given: &Given<'a>) -> bool {
        let flow = self.flow(site.body);
        let outer = flow.around(site.step).map(|(outer, _)| outer.id);
        let line: Vec<Node<'_>> = std::iter::once(site.step).chain(outer).filter_map(|step| flow.node(step)).collect();
        flow.nodes().any(|node| {
            let StepKind::If { cond, then, otherwise } = &node.step.kind else { return false };
            let is_before = line.iter().any(|inner| inner.parent == node.parent && node.step.id < inner.step.id);
            is_before
                && match self.settled_cond(site.body, cond, given) {
                    Some(true) => leaves(then),
                    Some(false) => leaves(otherwise),
                    None => false,
                }
        })
    }

    /// What a condition always is, where constants alone decide it.
    fn settled_cond(&self, body: BodyRef, cond: &Cond, given: &Given<'a>) -> Option<bool> {
        let settled = |part: &Cond| self.settled_cond(body, part, given);
        match cond {
            Cond::Truthy(value) => match self.known_const(body, *value, given) {
                Some(Const::Bool(flag)) => Some(*flag),
                Some(Const::Nothing) => Some(false),
                _ => self.settled_flag(body, *value),
            },
            Cond::Not(inner) => settled(inner).map(|holds| !holds),
            Cond::All(parts) if parts.iter().any(|part| settled(part) == Some(false)) => Some(false),
            Cond::Any(parts) if parts.iter().any(|part| settled(part) == Some(true)) => Some(true),
            Cond::Compare { op, left, right } => {
                let left = self.known_const(body, *left, given)?;
                let right = self.known_const(body, *right, given)?;
                let told = |it: &Const| matches!(it, Const::Nothing | Const::Bool(_));
                let same = (told(left) && told(right)).then(|| left == right)?;
                match op {
                    Compare::Is | Compare::Equal => Some(same),
                    Compare::IsNot | Compare::NotEqual => Some(!same),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// The constant a value is, written there or given by the call.
    fn known_const(&self, body: BodyRef, value: ValueId, given: &Given<'a>) -> Option<&'a Const> {
        self.constant_of(body, value).or_else(|| match &self.flow(body).def(value)?.kind {
            StepKind::Read { place: Place::Local(local), .. } => given.of(self, body, *local),
            _ => None,
        })
    }

    /// A module variable that is given one truth value, once, and no other.
    fn settled_flag(&self, body: BodyRef, value: ValueId) -> Option<bool> {
        let StepKind::Read { place: Place::Global { path, .. }, .. } = &self.flow(body).def(value)?.kind else {
            return None;
        };
        let Some(Def::Variable { file, name }) = self.resolve_path(body, path) else { return None };
        let changes = self.global_changes(file, &name).iter().filter_map(|site| {
            match self.flow(site.body).step(site.step).map(|step| &step.kind)? {
                StepKind::Store { value, .. } => Some(self.constant_of(site.body, *value)),
                StepKind::Update { .. } | StepKind::Delete { .. } => Some(None),
                _ => None,
            }
        });
        match changes.collect::<Vec<_>>().as_slice() {
            [Some(Const::Bool(flag))] => Some(*flag),
            _ => None,
        }
    }
}

/// Whether a block ends by leaving the body.
fn leaves(block: &Block) -> bool {
    matches!(block.steps.last().map(|step| &step.kind), Some(StepKind::Return { .. }))
}
