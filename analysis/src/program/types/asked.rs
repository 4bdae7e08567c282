//! Calls whose result is of the type that is asked for: `collect::<JoinSet<_>>()`, or a variable's annotation.

use unleak_catalogue::model::{CallModel, Kind, Takes};

use super::super::{BodyRef, Def, Program};
use super::{Head, Type};
use crate::unit::{Place, StepKind, TypeTree, ValueId};

impl<'a> Program<'a> {
    /// For a call that makes what is asked for: its type, when that is a set of tasks, and the function that makes it.
    pub fn asked_for(&self, body: BodyRef, out: ValueId, callee: ValueId) -> Option<(Type, &'a CallModel)> {
        let language = self.language(body);
        let model = self.look_at_type(body, callee, |ty| match ty {
            Type::Def(Def::Model(path)) => self.model(language, path),
            _ => None,
        })?;
        let maker = model.asks.as_ref()?;
        let asked = self.type_from_tree(body, self.asked_tree(body, out)?);
        let Type::Named(Head::Model(path), args) = asked else { return None };
        if self.catalogue.ty(language.name(), &path)?.kind != Some(Kind::Supervisor) {
            return None;
        }
        let making = self.catalogue.method(language.name(), &path, maker)?;
        let element = || {
            let receiver = self.receiver_of(body, callee).map(|receiver| self.type_of(body, receiver));
            receiver.map(|receiver| self.element(language, &receiver)).unwrap_or_default()
        };
        let args = if args.iter().all(Type::is_unknown) { vec![element()] } else { args };
        let set = Type::Named(Head::Model(path), args);
        let ty = if model.takes_effect == Takes::WhenAwaited { Type::Future(Box::new(set), None) } else { set };
        Some((ty, making))
    }

    /// The type that is written on a call, on the variable that its result is bound to, or as what is returned.
    fn asked_tree(&self, body: BodyRef, out: ValueId) -> Option<&'a TypeTree> {
        let owned = self.body(body);
        if let Some((_, tree)) = owned.asked.iter().find(|(asked, _)| *asked == out) {
            return Some(tree);
        }
        if owned.root.value == Some(out) {
            return owned.returns.as_ref();
        }
        let flow = self.flow(body);
        flow.uses(out).iter().find_map(|id| match &flow.step(*id)?.kind {
            StepKind::Store { place: Place::Local(local), .. } => owned.locals.get(local.0 as usize)?.ty.as_deref(),
            StepKind::Await { out, .. } => self.asked_tree(body, *out),
            StepKind::Return { .. } => owned.returns.as_ref(),
            _ => None,
        })
    }
}
