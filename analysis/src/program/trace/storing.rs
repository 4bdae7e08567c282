//! Variables, fields, containers and patterns that take a value.

use super::super::{BodyRef, Def, Site};
use crate::source::Language;
use crate::unit::{BodyKind, Item, LocalId, LocalOrigin, Name, Part, Place, Shape, Step, StepKind, ValueId};

use super::*;

impl<'a> Walk<'_, 'a, '_> {
    pub(super) fn read_at(&mut self, state: &State, site: Site) {
        let Some(step) = self.program.flow(site.body).step(site.step) else { return };
        match &step.kind {
            StepKind::Read { out, .. } | StepKind::Part { out, .. } | StepKind::Import { out, .. } => {
                self.value(state, site.body, *out)
            }
            StepKind::Collect { .. } | StepKind::Store { .. } if state.depth > 0 => self.alias_back(state, site, step),
            _ => {}
        }
    }

    /// What holds a container holds its elements: a place that is given an existing container is the same container.
    pub(super) fn alias_back(&mut self, state: &State, site: Site, step: &Step) {
        let values: Vec<ValueId> = match (&step.kind, &state.spot) {
            (StepKind::Store { value, .. }, _) => vec![*value],
            (StepKind::Collect { items, .. }, Spot::Field(_, name) | Spot::LooseField(name)) => items
                .iter()
                .filter_map(|item| match item {
                    Item::Field(field, value) if field == name => Some(*value),
                    _ => None,
                })
                .collect(),
            _ => Vec::new(),
        };
        for value in values {
            let (spot, depth) = self.program.origin(site.body, value);
            if !matches!(spot, Spot::Value(..)) && state.depth >= depth {
                self.to(state, spot, state.depth + depth);
            }
        }
    }

    /// For a parameter of a Python method that only says what there is to be, and which nothing of the program derives from:
    /// where it stands. What has such a method need not derive from it.
    fn declared_for_others(&self, body: BodyRef, local: LocalId) -> Option<Site> {
        let program = self.program;
        let owned = program.body(body);
        let is_param = owned.params.iter().any(|param| param.local == local);
        let owner = program.owner(body).filter(|_| is_param && program.language(body) == Language::Python)?;
        let declared = program.is_declared_only(body) && program.methods_below(owner, &owned.name).is_empty();
        let first = program.flow(body).nodes().next().filter(|_| declared)?;
        Some(Site { body, step: first.step.id })
    }

    pub(super) fn local(&mut self, state: &State, body: BodyRef, local: LocalId) {
        let flow = self.program.flow(body);
        if let Some(declared) = self.declared_for_others(body, local) {
            self.note(state, declared, What::Unknown(DECLARED));
        }
        for &id in flow.reads(local) {
            let Some(step) = flow.step(id) else { continue };
            match &step.kind {
                StepKind::Read { out, .. } => self.value(state, body, *out),
                StepKind::Opaque { .. } => {
                    let reason = if self.program.has_no_code(body) { DECLARED } else { IN_MACRO };
                    self.note(state, Site { body, step: id }, What::Unknown(reason));
                }
                _ => {}
            }
        }
        for &(inner, captured) in self.program.captures_of(body, local) {
            self.to(state, Spot::Local(inner, captured), state.depth);
        }
        let owned = self.program.body(body);
        match owned.locals.get(local.0 as usize).map(|local| local.origin) {
            Some(LocalOrigin::Captured { outer, .. }) => {
                if let Some(parent) = owned.parent {
                    let parent = BodyRef { file: body.file, body: parent };
                    self.to(state, Spot::Local(parent, outer), state.depth);
                }
            }
            Some(LocalOrigin::Param) if state.depth > 0 => self.callers_container(state, body, local),
            _ => {}
        }
        if state.depth > 0 {
            for &id in flow.stores(local) {
                if let Some(step) = flow.step(id) {
                    self.alias_back(state, Site { body, step: id }, step);
                }
            }
        }
        if owned.kind == BodyKind::Class
            && let Some(ty) = self.program.owner(body)
        {
            let name = owned.locals[local.0 as usize].name.clone();
            self.to(state, Spot::Field(ty, name), state.depth);
        }
    }

    pub(super) fn stored(&mut self, state: &State, site: Site, value: ValueId, place: &Place, stored: ValueId) {
        let body = site.body;
        if stored != value {
            // The key of a map holds it as well as the value does.
            if let Place::Index { base, key: Some(key) } = place
                && *key == value
            {
                self.element_of(state, site, *base);
            }
            return;
        }
        match place {
            Place::Local(local) => {
                self.note(state, site, What::Local(body, *local));
                if !self.program.overwritten_unread(site, *local) {
                    self.to(state, Spot::Local(body, *local), state.depth);
                }
            }
            Place::Global { path, .. } => {
                let name = path.last().cloned().unwrap_or_default();
                let home = match self.program.resolve_path(body, path) {
                    Some(Def::Variable { file, name }) => (file, name),
                    _ => (body.file, name),
                };
                self.note(state, site, What::Global(home.0, home.1.clone()));
                self.to(state, Spot::Global(home.0, home.1), state.depth);
            }
            Place::Field { base, name } => {
                let spot = self.program.field_spot(body, *base, name);
                match &spot {
                    Spot::Field(ty, name) => self.note(state, site, What::Field(*ty, name.clone())),
                    _ => self.note(state, site, What::LooseField(name.clone())),
                }
                self.to(state, spot, state.depth);
            }
            Place::Index { base, .. } => self.element_of(state, site, *base),
            Place::Deref { base } => {
                let (spot, depth) = self.program.origin(body, *base);
                self.note(state, site, What::Element(spot.clone()));
                self.to(state, spot, state.depth + depth);
            }
        }
    }

    pub(super) fn updated(&mut self, state: &State, body: BodyRef, place: &Place) {
        let spot = match place {
            Place::Local(local) => Spot::Local(body, *local),
            Place::Field { base, name } => self.program.field_spot(body, *base, name),
            Place::Global { path, .. } => Spot::Global(body.file, path.last().cloned().unwrap_or_default()),
            Place::Index { base, .. } | Place::Deref { base } => self.program.origin(body, *base).0,
        };
        self.to(state, spot, state.depth);
    }

    pub(super) fn element_of(&mut self, state: &State, site: Site, container: ValueId) {
        let (spot, depth) = self.program.origin(site.body, container);
        self.note(state, site, What::Element(spot.clone()));
        self.to(state, spot, state.depth + 1 + depth);
    }

    pub(super) fn read_from(&mut self, state: &State, body: BodyRef, value: ValueId, out: ValueId, place: &Place) {
        match place {
            Place::Field { base, .. } if *base == value => self.method_read(state, body, out),
            Place::Index { base, key } if *base == value && state.depth > 0 => {
                let slice = key.is_some_and(|key| {
                    let def = self.program.flow(body).def(key).map(|step| &step.kind);
                    matches!(def, Some(StepKind::Collect { shape: Shape::Range, .. }))
                });
                let depth = if slice { state.depth } else { state.depth - 1 };
                self.to(state, Spot::Value(body, out), depth);
            }
            Place::Deref { .. } => self.value(state, body, out),
            _ => {}
        }
    }

    pub(super) fn collected(
        &mut self,
        state: &State,
        site: Site,
        value: ValueId,
        out: ValueId,
        shape: &Shape,
        items: &[Item],
    ) {
        let body = site.body;
        if let Shape::Struct(path) = shape {
            let def = self.program.resolve_path(body, path);
            for item in items {
                let Item::Field(name, of) = item else { continue };
                if *of != value {
                    continue;
                }
                match &def {
                    Some(Def::Type(ty) | Def::Variant(ty, _)) => {
                        self.note(state, site, What::Field(*ty, name.clone()));
                        self.to(state, Spot::Field(*ty, name.clone()), state.depth);
                    }
                    _ => self.note(state, site, What::Unknown(KEPT_OUTSIDE)),
                }
            }
            return;
        }
        if *shape == Shape::Range {
            return;
        }
        if let Some(parts) = self.taken_apart(body, value, out, items) {
            for part in parts {
                self.value(state, body, part);
            }
            return;
        }
        let spread = items.iter().any(|item| matches!(item, Item::Spread(of) if *of == value));
        let depth = if spread { state.depth } else { state.depth + 1 };
        self.to(state, Spot::Value(body, out), depth);
    }

    /// A literal whose only uses are patterns (`a, b = x, y`) is never a container: each item goes to its own name.
    pub(super) fn taken_apart(
        &self,
        body: BodyRef,
        value: ValueId,
        out: ValueId,
        items: &[Item],
    ) -> Option<Vec<ValueId>> {
        let place = items.iter().position(|item| matches!(item, Item::One(of) if *of == value))?;
        let flow = self.program.flow(body);
        let mut parts = Vec::new();
        for &id in flow.uses(out) {
            match &flow.step(id)?.kind {
                StepKind::Part { out, part: Part::Index(at), .. } if *at as usize == place => parts.push(*out),
                StepKind::Part { part: Part::Index(_), .. } => {}
                _ => return None,
            }
        }
        (!flow.uses(out).is_empty()).then_some(parts)
    }

    pub(super) fn part(&mut self, state: &State, site: Site, out: ValueId, part: &Part) {
        let body = site.body;
        match part {
            Part::Whole => self.value(state, body, out),
            Part::Variant(path, _) => match path.last().map(Name::as_str) {
                Some("Some" | "Ok" | "Ready") => self.value(state, body, out),
                _ => self.note(state, site, What::Tested),
            },
            Part::Index(_) if state.depth > 0 => self.to(state, Spot::Value(body, out), state.depth - 1),
            // Both ends of a channel are the channel.
            Part::Index(_) => self.value(state, body, out),
            Part::Rest(_) => self.value(state, body, out),
            _ => self.note(state, site, What::Tested),
        }
    }
}
