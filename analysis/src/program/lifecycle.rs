//! Which code begins or ends a life: of an object, a scope, or the program.

use unleak_catalogue::model::{Caller, OnDrop, Phase};

use super::flow::Slot;
use super::{BodyRef, Program, Site, TypeKey};
use crate::unit::{BodyId, BodyKind, ValueId, Visibility};

/// How many calls deep a helper of such code is looked for.
const CALLS_DEEP: u32 = 4;

/// Code that begins or ends a life.
#[derive(Clone, Debug, PartialEq)]
pub struct Lifecycle {
    /// The function.
    pub body: BodyRef,
    /// Whose life, where it is an object's.
    pub owner: Option<TypeKey>,
    /// Which part of it.
    pub phase: Phase,
    /// Who calls it.
    pub called: Called,
}

/// Who calls such code.
#[derive(Clone, Debug, PartialEq)]
pub enum Called {
    /// The language or a framework does.
    Always,
    /// These calls.
    From(Vec<Site>),
    /// Nobody in this code base; others may.
    OutsideMay,
    /// Nobody can.
    Nobody,
}

impl Program<'_> {
    /// What a function is in the life of its owner, by its name.
    pub fn lifecycle(&self, body: BodyRef) -> Option<Lifecycle> {
        let owned = self.body(body);
        if owned.kind != BodyKind::Function {
            return None;
        }
        let model = self.catalogue.lifecycle(self.language(body).name(), &owned.name)?;
        let owner = self.owner(body);
        match &model.of {
            Some(of) if !owner.is_some_and(|ty| self.implements(ty, of)) => return None,
            _ => {}
        }
        let callers = self.calls().callers(body);
        let called = match (model.caller, callers.is_empty(), owned.visibility) {
            (Caller::Always, ..) => Called::Always,
            (Caller::People, false, _) => Called::From(callers.to_vec()),
            (Caller::People, true, Visibility::Private) => Called::Nobody,
            (Caller::People, true, _) => Called::OutsideMay,
        };
        Some(Lifecycle { body, owner, phase: model.phase, called })
    }

    /// Whether the program says how the life of a type's instances ends: a method of it, its ancestors or descendants.
    pub fn has_an_end(&self, ty: TypeKey) -> bool {
        let family = self.families.above(&ty).iter().chain(self.families.below(ty));
        let ends =
            |body: BodyRef| self.lifecycle(body).is_some_and(|life| matches!(life.phase, Phase::Close | Phase::Exit));
        let methods = |key: &TypeKey| {
            let (file, owner) = (key.file, Some(key.id));
            let bodies = (0..self.file(file).flows.len() as u32).map(move |at| BodyRef { file, body: BodyId(at) });
            bodies.filter(move |body| self.body(*body).owner == owner)
        };
        family.flat_map(methods).any(ends)
    }

    /// Whether a value is of a type of a library that cancels what it holds or runs when it is dropped.
    pub fn cancels_when_dropped(&self, body: BodyRef, value: ValueId) -> bool {
        let ty = self.type_of(body, value);
        let model = ty.model_path().and_then(|path| self.catalogue.ty(self.language(body).name(), path));
        model.is_some_and(|model| model.on_drop == OnDrop::Cancels)
    }

    /// Which part of a life a step runs in: by the function around it, or as all do that call it.
    pub fn phase_at(&self, site: Site) -> Option<Phase> {
        let finally = self.flow(site.body).around(site.step).any(|(_, slot)| slot == Slot::Finally);
        if finally { Some(Phase::Exit) } else { self.phase_of(site.body) }
    }

    /// Whether a step runs where something is made ready once: at the top of a module or class, or in code that sets up.
    pub fn sets_up(&self, site: Site) -> bool {
        matches!(self.body(self.named_around(site.body)).kind, BodyKind::Module | BodyKind::Class)
            || matches!(self.body(site.body).kind, BodyKind::Module | BodyKind::Class)
            || matches!(self.phase_at(site), Some(Phase::SetUp | Phase::Main))
    }

    /// Which part of a life a body runs in: its own, or that of all that call it.
    pub fn phase_of(&self, body: BodyRef) -> Option<Phase> {
        self.phase_within(body, CALLS_DEEP)
    }

    fn phase_within(&self, body: BodyRef, hops: u32) -> Option<Phase> {
        let named = self.named_around(body);
        if let Some(found) = self.lifecycle(named) {
            return Some(found.phase);
        }
        let hops = hops.checked_sub(1)?;
        if self.body(named).visibility == Visibility::Public {
            return None;
        }
        let mut phases = self.calls().callers(named).iter().map(|caller| self.phase_within(caller.body, hops));
        let first = phases.next()??;
        phases.all(|phase| phase == Some(first)).then_some(first)
    }
}
