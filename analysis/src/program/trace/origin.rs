//! Where a value came from.

use std::sync::Arc;

use rustc_hash::FxHashSet;
use unleak_catalogue::model::{CallModel, Effect};
use unleak_catalogue::subject::TypeRef;

use super::super::calls::{Call, Target};

use super::super::{BodyRef, Def, Program, Site, TypeKey, names};
use crate::unit::{LocalId, LocalOrigin, Name, ParamKind, Part, Place, StepKind, TypeTree, ValueId};

use super::Spot;

/// How many steps back a value is looked for.
const STEPS_BACK: u32 = 24;
/// How many variables back.
const VARIABLES_BACK: u32 = 8;

impl<'a> Program<'a> {
    /// The place a value was read from, seen through views, guards and wrappers, and how many containers deep it is in it.
    pub fn origin(&self, body: BodyRef, value: ValueId) -> (Spot, u8) {
        self.origin_within(body, value, STEPS_BACK)
    }

    /// The places that the callers of a function read what they give for a parameter from, each with its depth in it.
    pub(super) fn given_by_callers(&self, function: BodyRef, param: LocalId) -> Arc<[(Spot, u8)]> {
        if let Some(known) = self.memory.given.borrow().get(&(function, param)) {
            return Arc::clone(known);
        }
        let callers = self.calls().callers(function).iter();
        let values = callers.flat_map(|site| {
            let values = self.args_bound_to(*site, function, param);
            values.into_iter().map(|value| self.origin(site.body, value))
        });
        let mut met = FxHashSet::default();
        let given: Arc<[(Spot, u8)]> = values.filter(|given| met.insert(given.clone())).collect();
        self.memory.given.borrow_mut().insert((function, param), Arc::clone(&given));
        given
    }

    /// The outermost variable that a captured or cloned one comes from.
    pub fn source(&self, spot: &Spot) -> Spot {
        self.source_within(spot, VARIABLES_BACK)
    }

    /// The variable that a captured one is where it was made.
    pub fn uncaptured(&self, mut body: BodyRef, mut local: LocalId) -> (BodyRef, LocalId) {
        while let Some(LocalOrigin::Captured { outer, .. }) =
            self.body(body).locals.get(local.0 as usize).map(|local| local.origin)
            && let Some(parent) = self.body(body).parent
        {
            (body, local) = (BodyRef { file: body.file, body: parent }, outer);
        }
        (body, local)
    }

    fn source_within(&self, spot: &Spot, hops: u32) -> Spot {
        let (Some(hops), Spot::Local(body, local)) = (hops.checked_sub(1), spot) else { return spot.clone() };
        let (body, local) = self.uncaptured(*body, *local);
        let spot = Spot::Local(body, local);
        let Some(value) = self.first_stored(body, local) else { return spot };
        match self.origin(body, value).0 {
            Spot::Value(..) => spot,
            other if other == spot => other,
            other => self.source_within(&other, hops),
        }
    }

    /// The steps that touch a place: all of a field or module variable, and those that change a variable of a body.
    pub fn sites_of(&self, spot: &Spot) -> Vec<Site> {
        match spot {
            Spot::Field(ty, name) => self.field_sites(*ty, name),
            Spot::Global(file, name) => self.global_sites(*file, name).to_vec(),
            Spot::Local(body, local) => {
                self.flow(*body).stores(*local).iter().map(|step| Site { body: *body, step: *step }).collect()
            }
            Spot::Value(..) | Spot::LooseField(_) => Vec::new(),
        }
    }

    /// The call that made a value, seen through views, waits, tests, races and the variables of its body.
    pub fn maker(&self, body: BodyRef, value: ValueId) -> Option<Site> {
        let flow = self.flow(body);
        let mut at = value;
        for _ in 0..STEPS_BACK {
            let step = flow.def(at)?;
            at = match &step.kind {
                StepKind::Call { .. } => return Some(Site { body, step: step.id }),
                StepKind::Read { place: Place::Local(local), .. } => self.first_stored(body, *local)?,
                StepKind::Part { of, .. } => *of,
                StepKind::Select { arms, .. } => arms.first()?.future,
                StepKind::Operate { operands, .. } => *operands.first()?,
                kind => seen_through(kind)?,
            };
        }
        None
    }

    /// What a variable is first given.
    fn first_stored(&self, body: BodyRef, local: LocalId) -> Option<ValueId> {
        let flow = self.flow(body);
        match &flow.step(*flow.stores(local).first()?)?.kind {
            StepKind::Store { value, .. } => Some(*value),
            _ => None,
        }
    }

    pub(super) fn origin_within(&self, body: BodyRef, value: ValueId, hops: u32) -> (Spot, u8) {
        let own = (Spot::Value(body, value), 0);
        let Some(hops) = hops.checked_sub(1) else { return own };
        let Some(step) = self.flow(body).def(value) else { return own };
        match &step.kind {
            StepKind::Read { place, .. } => match place {
                Place::Local(local) => (Spot::Local(body, *local), 0),
                Place::Field { base, name } => (self.field_spot(body, *base, name), 0),
                Place::Global { path, .. } => match self.resolve_path(body, path) {
                    Some(Def::Variable { file, name }) => (Spot::Global(file, name), 0),
                    _ => own,
                },
                Place::Index { base, .. } => {
                    let (spot, depth) = self.origin_within(body, *base, hops);
                    (spot, depth + 1)
                }
                Place::Deref { base } => self.origin_within(body, *base, hops),
            },
            StepKind::Call { .. } => self.origin_of_call(Site { body, step: step.id }, hops).unwrap_or(own),
            kind @ StepKind::Import { .. } => match self.import_of(body.file, kind) {
                Some(Def::Variable { file, name }) => (Spot::Global(file, name), 0),
                _ => own,
            },
            kind => match seen_through(kind) {
                Some(value) => self.origin_within(body, value, hops),
                None => own,
            },
        }
    }

    pub(super) fn origin_of_call(&self, site: Site, hops: u32) -> Option<(Spot, u8)> {
        if let Some(value) = self.seen_through_call(site) {
            return Some(self.origin_within(site.body, value, hops));
        }
        let call = self.call(site)?;
        let Target::Model(model) = call.target else { return None };
        if model.returns == Some(TypeRef::Element) {
            let (spot, depth) = self.origin_within(site.body, call.receiver?, hops);
            return Some((spot, depth + 1));
        }
        None
    }

    /// The value that a call of a library gives on as it is.
    pub fn seen_through_call(&self, site: Site) -> Option<ValueId> {
        let call = self.call(site)?;
        let Target::Model(model) = call.target else { return None };
        for (subject, effect) in &model.does {
            if *effect == Effect::PassedThrough {
                return self.subjects(&call, subject).into_iter().next().map(|(value, _)| value);
            }
        }
        call.receiver.filter(|_| self.sees_through(site.body, &call, model))
    }

    /// Whether a method of a wrapper gives what is wrapped (`lock`, `borrow`, `as_ref`).
    pub(super) fn sees_through(&self, body: BodyRef, call: &Call<'a>, model: &CallModel) -> bool {
        let wrapper = call.receiver.map(|receiver| self.type_of(body, receiver)).is_some_and(|ty| {
            let model = ty.model_path().and_then(|path| self.catalogue.ty(self.language(body).name(), path));
            model.is_some_and(|model| model.transparent == unleak_catalogue::model::Transparent::Strong)
        });
        wrapper && model.returns.as_ref().is_some_and(gives_element)
    }

    /// The spot of `base.name`.
    pub fn field_spot(&self, body: BodyRef, base: ValueId, name: &Name) -> Spot {
        match self.field_key(body, base) {
            Some(ty) => Spot::Field(self.field_definer(ty, name), name.clone()),
            None => Spot::LooseField(name.clone()),
        }
    }

    /// The type of a family of relatives that stands for a field: the outermost ancestor that has it.
    pub(super) fn field_definer(&self, ty: TypeKey, name: &Name) -> TypeKey {
        let above = self.families.above(&ty);
        if above.len() == 1 {
            return ty;
        }
        // What a header and firm stores say is known at once; all that speaks of the name need not be.
        let has = |key: &&TypeKey| {
            self.header(**key).fields.iter().any(|field| field.name == *name)
                || self.is_stored_firmly(**key, name)
                || self.mentioned(name).is_some_and(|mentioned| mentioned.is_had_by(**key))
        };
        above.iter().rev().find(has).copied().unwrap_or(ty)
    }

    /// Whether a field is read from a method's own receiver, and the method is of a type with another name.
    pub(super) fn is_self_of_another(&self, site: Site, ty: TypeKey) -> bool {
        let blocks = &self.file(site.body.file).lowered.outline.impls;
        if blocks.is_empty() {
            return false;
        }
        let base = match self.flow(site.body).step(site.step).map(|step| &step.kind) {
            Some(StepKind::Read { place: Place::Field { base, .. }, .. }) => *base,
            _ => return false,
        };
        let (Spot::Local(body, local), 0) = self.origin(site.body, base) else { return false };
        let (body, local) = self.uncaptured(body, local);
        let own = self.body(body).params.first();
        if own.is_none_or(|param| param.local != local || param.kind != ParamKind::Receiver) {
            return false;
        }
        let block = blocks.iter().find(|block| block.methods.iter().any(|(_, method)| *method == body.body));
        match block.map(|block| names::peel_refs(&block.ty)) {
            Some(TypeTree::Path { path, .. }) => path.last().is_some_and(|last| *last != self.header(ty).name),
            Some(TypeTree::Param { .. }) => true,
            _ => false,
        }
    }
}

/// The value behind a step that only shows it in another way: a view, a wait, `?`, the payload of a variant.
fn seen_through(kind: &StepKind) -> Option<ValueId> {
    match kind {
        StepKind::View { value, .. } | StepKind::Propagate { value, .. } | StepKind::Await { value, .. } => {
            Some(*value)
        }
        StepKind::Part { of, part: Part::Variant(..) | Part::Whole, .. } => Some(*of),
        _ => None,
    }
}

/// Whether a type in the data contains what the receiver contains.
fn gives_element(reference: &TypeRef) -> bool {
    match reference {
        TypeRef::Element => true,
        TypeRef::Named { args, .. } => args.iter().any(gives_element),
        _ => false,
    }
}
