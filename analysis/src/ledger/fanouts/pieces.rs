//! Parts of collections: chunks, what a wait gives back, and what a type says of the items.

use unleak_catalogue::model::{Kind, Transparent};

use super::Sizer;
use super::supply::Supply;
use crate::program::calls::{Depth, Target};
use crate::program::types::{Head, Type};
use crate::program::{BodyRef, Site};
use crate::unit::{Place, StepKind, ValueId};

impl Sizer<'_, '_, '_> {
    /// What one element of a collection of pieces holds.
    pub(super) fn piece(&self, body: BodyRef, source: ValueId, hops: u32) -> Option<Supply> {
        let hops = hops.checked_sub(1)?;
        let step = self.program.flow(body).def(source)?;
        match &step.kind {
            StepKind::View { value, .. } => self.piece(body, *value, hops),
            StepKind::Read { place: Place::Local(local), .. } => {
                let flow = self.program.flow(body);
                let stored = flow.stores(*local).first().and_then(|id| flow.step(*id))?;
                match &stored.kind {
                    StepKind::Store { value, .. } => self.piece(body, *value, hops),
                    _ => None,
                }
            }
            StepKind::Call { .. } => {
                let site = Site { body, step: step.id };
                let call = self.program.call(site)?;
                let Target::Model(model) = &call.target else { return None };
                match &model.pieces_of {
                    Some(subject) => {
                        let (value, _) = self.program.subjects(&call, subject).into_iter().next()?;
                        Some(self.counted(site, value, hops))
                    }
                    None => match self.passed_through(&call, model)? {
                        (value, Depth::Elements | Depth::Itself) => self.piece(body, value, hops),
                    },
                }
            }
            _ => None,
        }
    }

    /// Tasks that are kept beyond the frame were made for their keeper.
    pub(super) fn elements_by_type(&self, site: Site, value: ValueId, mut supply: Supply) -> Supply {
        let element = self.program.element(self.program.language(site.body), &self.program.type_of(site.body, value));
        let tasks = matches!(self.kind_of(site.body, &element), Some(Kind::Task | Kind::Thread));
        if tasks && supply.makers.is_empty() && supply.elsewhere.is_empty() {
            supply.elsewhere.push(self.builder.fact("these were made before", site));
        }
        supply
    }

    /// What one part of a taken-apart value holds: of what a wait gives back, no more than it was given.
    pub(super) fn part_supply(&self, site: Site, of: ValueId, any: impl Fn() -> Supply) -> Supply {
        let mut supply = self.waited_for(site.body, of).unwrap_or_else(any);
        let StepKind::Part { out, .. } = &self.step(site).kind else { return supply };
        let element = self.program.element(self.program.language(site.body), &self.program.type_of(site.body, *out));
        if matches!(self.kind_of(site.body, &element), Some(Kind::Task | Kind::Signal)) {
            supply.elsewhere.push(self.builder.fact("these were made before", site));
        }
        supply
    }

    fn waited_for(&self, body: BodyRef, of: ValueId) -> Option<Supply> {
        fact!(waited_for);
        let StepKind::Await { value, .. } = &self.program.flow(body).def(of)?.kind else { return None };
        let site = Site { body, step: self.program.flow(body).def(*value)?.id };
        let call = self.program.call(site)?;
        let Target::Model(model) = &call.target else { return None };
        let birth = model.birth.as_ref().filter(|birth| birth.kind == Kind::Fanout)?;
        let items = self.program.subjects(&call, birth.items.as_ref()?);
        Some(Supply { makers: Vec::new(), ..self.supply_of_items(body, &items) })
    }

    /// What the catalogue says a type is.
    pub(super) fn kind_of(&self, body: BodyRef, ty: &Type) -> Option<Kind> {
        let Type::Named(Head::Model(path) | Head::Hinted(path), args) = ty else { return None };
        let model = self.program.catalogue.ty(self.program.language(body).name(), path)?;
        match (model.kind, args.first()) {
            (None, Some(inner)) if model.transparent == Transparent::Strong => self.kind_of(body, inner),
            (kind, _) => kind,
        }
    }
}
