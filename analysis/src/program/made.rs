//! Which calls may have made what a value is.

use rustc_hash::FxHashSet;

use super::calls::argument;
use super::trace::Spot;
use super::{BodyRef, Program, Site, TypeKey};
use crate::unit::{Const, LocalId, LocalOrigin, Name, StepKind, ValueId};

/// How many places are looked at before it is taken that something else may have made it.
const MANY: usize = 24;

impl Program<'_> {
    /// The calls that may have made what a value is, seen through variables, fields and what callers give. `None` where
    /// something else may have. That it may be nothing (`None`) is left out.
    pub fn made_by(&self, body: BodyRef, value: ValueId) -> Option<Vec<Site>> {
        let (mut seen, mut found) = (FxHashSet::default(), Vec::new());
        let all = self.find_makers(body, value, &mut seen, &mut found);
        Some(found).filter(|found| all && !found.is_empty())
    }

    fn find_makers(&self, body: BodyRef, value: ValueId, seen: &mut FxHashSet<Spot>, found: &mut Vec<Site>) -> bool {
        match self.origin(body, value) {
            (Spot::Value(body, value), 0) => match self.flow(body).def(value).map(|step| (step.id, &step.kind)) {
                Some((step, StepKind::Call { .. })) => {
                    found.push(Site { body, step });
                    true
                }
                Some((_, StepKind::Join { from, .. })) => {
                    from.iter().all(|value| self.find_makers(body, *value, seen, found))
                }
                Some((_, StepKind::Const { value, .. })) => *value == Const::Nothing,
                _ => false,
            },
            (spot, 0) => self.find_stored(self.source(&spot), seen, found),
            _ => false,
        }
    }

    fn find_stored(&self, spot: Spot, seen: &mut FxHashSet<Spot>, found: &mut Vec<Site>) -> bool {
        if !seen.insert(spot.clone()) {
            return true;
        }
        if seen.len() > MANY {
            return false;
        }
        let mut given = match spot {
            Spot::Local(body, local) if self.is_param(body, local) => match self.given_to(body, local) {
                Some(given) => given,
                None => return false,
            },
            _ => Vec::new(),
        };
        if let Spot::Field(ty, name) = &spot {
            given.extend(self.given_to_field(*ty, name));
        }
        given.extend(self.sites_of(&spot).into_iter().filter_map(|site| {
            match &self.flow(site.body).step(site.step)?.kind {
                StepKind::Store { value, .. } => Some((site.body, *value)),
                _ => None,
            }
        }));
        !given.is_empty() && given.into_iter().all(|(body, value)| self.find_makers(body, value, seen, found))
    }

    fn is_param(&self, body: BodyRef, local: LocalId) -> bool {
        self.body(body).locals.get(local.0 as usize).is_some_and(|it| it.origin == LocalOrigin::Param)
    }

    /// What the calls that make an object of a type without a constructor of its own give for one of its fields.
    fn given_to_field(&self, ty: TypeKey, field: &Name) -> Vec<(BodyRef, ValueId)> {
        if !self.methods(ty, "__init__").is_empty() {
            return Vec::new();
        }
        let fields: Vec<&Name> =
            self.ancestors(ty).into_iter().rev().flat_map(|key| &self.header(key).fields).map(|it| &it.name).collect();
        let place = fields.iter().position(|name| *name == field).map(|place| place as u32);
        let given = |site: &Site| {
            let (value, _) = argument(self.call(*site)?.args, place, Some(field))?;
            Some((site.body, value))
        };
        self.calls().constructions(ty).iter().filter_map(given).collect()
    }

    /// What the callers of a function give for a parameter, if it is called here, and all of them give something.
    fn given_to(&self, body: BodyRef, local: LocalId) -> Option<Vec<(BodyRef, ValueId)>> {
        let callers = self.calls().callers(body);
        let mut given = Vec::new();
        for site in callers {
            match self.args_bound_to(*site, body, local).as_slice() {
                [value] => given.push((site.body, *value)),
                _ => return None,
            }
        }
        Some(given).filter(|given| !given.is_empty())
    }
}
