//! Arguments that a callable is given before it is called.

use unleak_catalogue::model::CallModel;
use unleak_catalogue::subject::{Subject, TypeRef};

use super::calls::{Call, Target, argument};
use super::fields::Mentions;
use super::trace::Spot;
use super::{BodyRef, Def, Program, Site};
use crate::unit::{Arg, ArgKind, Place, StepKind, ValueId};

/// Through how many names a callable is followed back to where it was made.
const NAMES: u32 = 4;

impl<'a> Program<'a> {
    /// What a callable was given when it was made of another, and the body in which that stands.
    pub fn given_before(&self, body: BodyRef, callable: ValueId) -> Option<(BodyRef, &'a [Arg])> {
        let made = self.made_callable(body, callable, NAMES)?;
        let StepKind::Call { args, .. } = &self.flow(made.body).step(made.step)?.kind else { return None };
        if args.len() < 2 {
            return None;
        }
        match self.call(made)?.target {
            Target::Model(model) if binds(model) => Some((made.body, &args[1..])),
            _ => None,
        }
    }

    /// What a callable was given before in the body that calls it.
    pub(super) fn given_here(&self, body: BodyRef, callable: ValueId) -> &'a [Arg] {
        let made_here = matches!(
            self.flow(body).def(callable).map(|step| &step.kind),
            Some(StepKind::Call { .. } | StepKind::Read { place: Place::Local(_), .. })
        );
        let before = made_here.then(|| self.given_before(body, callable)).flatten();
        before.filter(|(home, _)| *home == body).map_or(&[], |(_, before)| before)
    }

    /// The call that made a callable, which stands in a variable or field that is given nothing else.
    fn made_callable(&self, body: BodyRef, value: ValueId, hops: u32) -> Option<Site> {
        let hops = hops.checked_sub(1)?;
        let step = self.flow(body).def(value)?;
        let stores = match &step.kind {
            StepKind::Call { .. } => return Some(Site { body, step: step.id }),
            StepKind::View { value, .. } => return self.made_callable(body, *value, hops),
            StepKind::Read { place: Place::Local(local), .. } => self.sites_of(&Spot::Local(body, *local)),
            StepKind::Read { place: Place::Global { path, .. }, .. } => match self.resolve_path(body, path)? {
                Def::Variable { file, name } => self.stores_of(self.global_sites(file, &name)),
                _ => return None,
            },
            StepKind::Read { place: Place::Field { base, name }, .. } => {
                self.mentions(self.field_key(body, *base)?, name, Mentions::Stores).to_vec()
            }
            _ => return None,
        };
        let [only] = stores.as_slice() else { return None };
        match &self.flow(only.body).step(only.step)?.kind {
            StepKind::Store { value, .. } => self.made_callable(only.body, *value, hops),
            _ => None,
        }
    }

    fn stores_of(&self, sites: &[Site]) -> Vec<Site> {
        let stores = |site: &&Site| {
            matches!(self.flow(site.body).step(site.step).map(|step| &step.kind), Some(StepKind::Store { .. }))
        };
        sites.iter().filter(stores).copied().collect()
    }

    /// What a call gives for an argument, itself or by what its callee was given before, and the body in which that stands.
    pub fn argument_given(&self, call: &Call<'a>, subject: &Subject) -> Option<(BodyRef, ValueId)> {
        let own = self.subjects(call, subject).into_iter().next().map(|(value, _)| (call.body, value));
        let Subject::Argument { position, name } = subject else { return own };
        let Some((body, before)) = self.callee_of(call).and_then(|callee| self.given_before(call.body, callee)) else {
            return own;
        };
        // What was given in the same body has become the call's own.
        if std::ptr::eq(before, call.args) {
            return own;
        }
        let by_name = |args: &[Arg]| argument(args, None, name.as_deref()).map(|(value, _)| value);
        let taken = before.iter().filter(|arg| arg.kind == ArgKind::Positional).count() as u32;
        let placed = position.and_then(|place| match place.checked_sub(taken) {
            Some(place) => argument(call.args, Some(place), None).map(|(value, _)| (call.body, value)),
            None => argument(before, Some(place), None).map(|(value, _)| (body, value)),
        });
        let named = by_name(call.args).map(|value| (call.body, value));
        named.or_else(|| by_name(before).map(|value| (body, value))).or(placed)
    }

    /// The value that a call calls.
    pub fn callee_of(&self, call: &Call<'a>) -> Option<ValueId> {
        match &self.flow(call.body).def(call.out)?.kind {
            StepKind::Call { callee, .. } => Some(*callee),
            _ => None,
        }
    }
}

/// Whether a call makes a callable that is its first argument with the others given.
fn binds(model: &CallModel) -> bool {
    model.returns == Some(TypeRef::Argument(0)) && model.calls_with.is_some()
}
