//! Code that a constant of its module keeps from ever running: one half of a file that is written for two worlds.

use super::flow::Slot;
use super::{BodyRef, Def, Program, Site};
use crate::unit::{Cond, Const, Place, StepKind, ValueId};

impl Program<'_> {
    /// Whether a step stands in a branch that is never taken, as constants of the program's modules say.
    pub fn never_runs(&self, site: Site) -> bool {
        self.flow(site.body).around(site.step).any(|(outer, slot)| match (&outer.kind, slot) {
            (StepKind::If { cond, .. }, Slot::Then) => self.settled_cond(site.body, cond) == Some(false),
            (StepKind::If { cond, .. }, Slot::Otherwise) => self.settled_cond(site.body, cond) == Some(true),
            _ => false,
        })
    }

    /// What a condition always is, where constants alone decide it.
    fn settled_cond(&self, body: BodyRef, cond: &Cond) -> Option<bool> {
        match cond {
            Cond::Truthy(value) => self.settled_flag(body, *value),
            Cond::Not(inner) => self.settled_cond(body, inner).map(|holds| !holds),
            Cond::All(parts) if parts.iter().any(|part| self.settled_cond(body, part) == Some(false)) => Some(false),
            Cond::Any(parts) if parts.iter().any(|part| self.settled_cond(body, part) == Some(true)) => Some(true),
            _ => None,
        }
    }

    /// A module variable that is given one truth value, once, and no other.
    fn settled_flag(&self, body: BodyRef, value: ValueId) -> Option<bool> {
        let StepKind::Read { place: Place::Global { path, .. }, .. } = &self.flow(body).def(value)?.kind else {
            return None;
        };
        let Some(Def::Variable { file, name }) = self.resolve_path(body, path) else { return None };
        let changes = self.global_sites(file, &name).iter().filter_map(|site| {
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
