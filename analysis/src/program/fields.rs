//! Where fields are read and written.

use std::rc::Rc;

use rustc_hash::FxHashMap;
use unleak_catalogue::model::Transparent;

use super::memo::Rests;
use super::types::{Head, Type};
use super::{BodyRef, Def, Part, Program, Site, TypeKey};
use crate::source::Language;
use crate::unit::{self, Item, Name, Place, Shape, StepKind, ValueId};

/// Where the fields are read and written.
#[derive(Debug, Default)]
pub(super) struct FieldIndex {
    known: Homes,
    unknown: FxHashMap<Name, Vec<Site>>,
    /// Those of `known` that store.
    stored: Homes,
}

type Homes = FxHashMap<Name, FxHashMap<TypeKey, Vec<Site>>>;

/// Which mentions of a field are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Mentions {
    All,
    Stores,
}

/// The mentions of a field that were asked for before.
pub(super) type Asked = FxHashMap<(TypeKey, Name, Mentions), Rc<[Site]>>;

/// Whose field it is.
enum Home {
    Known(TypeKey),
    Unknown,
    Outside,
}

impl FieldIndex {
    fn add(&mut self, home: Home, name: &Name, site: Site) {
        match home {
            Home::Known(ty) => entry(&mut self.known, name).entry(ty).or_default().push(site),
            Home::Unknown => entry(&mut self.unknown, name).push(site),
            Home::Outside => {}
        }
    }

    fn store(&mut self, home: Home, name: &Name, site: Site) {
        if let Home::Known(ty) = home {
            entry(&mut self.stored, name).entry(ty).or_default().push(site);
        }
        self.add(home, name, site);
    }

    fn merge(&mut self, later: FieldIndex) {
        for (all, later) in [(&mut self.known, later.known), (&mut self.stored, later.stored)] {
            for (name, homes) in later {
                let all = all.entry(name).or_default();
                for (ty, sites) in homes {
                    all.entry(ty).or_default().extend(sites);
                }
            }
        }
        for (name, sites) in later.unknown {
            self.unknown.entry(name).or_default().extend(sites);
        }
    }

    /// Whether a type itself has a field that is mentioned somewhere.
    pub(super) fn has(&self, ty: TypeKey, name: &str) -> bool {
        self.known.get(name).is_some_and(|homes| homes.contains_key(&ty))
    }

    /// Every mention of a field of this name, in the order of the program.
    pub(super) fn named(&self, name: &str) -> Vec<Site> {
        let known = self.known.get(name).into_iter().flat_map(|homes| homes.values().flatten());
        let mut all: Vec<Site> = known.chain(self.unknown.get(name).into_iter().flatten()).copied().collect();
        all.sort_unstable();
        all
    }
}

/// The entry of a name that is nearly always there.
fn entry<'m, T: Default>(map: &'m mut FxHashMap<Name, T>, name: &Name) -> &'m mut T {
    if !map.contains_key(name) {
        map.insert(name.clone(), T::default());
    }
    map.get_mut(name).expect("it was put there if it was not")
}

impl Program<'_> {
    pub(super) fn link_fields(&mut self) {
        // The type of a field's base may itself come from a field: what the first round finds, the second uses. A
        // field's type is that of what is stored in it, so these rounds ask no more.
        for _ in 0..2 {
            self.fields = self.index_fields(Program::stores_in);
        }
        self.link_calls();
        self.fields = self.index_fields(Program::fields_in);
    }

    fn index_fields(&mut self, within: fn(&Self, Part) -> FieldIndex) -> FieldIndex {
        let mut index = FieldIndex::default();
        for part in self.link_parts(within) {
            index.merge(part);
        }
        index
    }

    fn stores_in(&self, part: Part) -> FieldIndex {
        let mut index = FieldIndex::default();
        for body in self.bodies_of(part) {
            for node in self.flow(body).nodes() {
                if let StepKind::Store { place, .. } = &node.step.kind {
                    self.note_store(Site { body, step: node.step.id }, place, &mut index);
                }
            }
        }
        index
    }

    fn note_store(&self, site: Site, place: &Place, index: &mut FieldIndex) {
        let body = site.body;
        match place {
            Place::Field { base, name } => index.store(self.field_home(body, *base), name, site),
            // The variables of a class block are the class's attributes.
            Place::Local(local) if self.is_class_body(body) => {
                if let Some(ty) = self.owner(body) {
                    index.store(Home::Known(ty), &self.body(body).locals[local.0 as usize].name, site);
                }
            }
            _ => {}
        }
    }

    fn fields_in(&self, part: Part) -> FieldIndex {
        let mut index = FieldIndex::default();
        for body in self.bodies_of(part) {
            for node in self.flow(body).nodes() {
                let site = Site { body, step: node.step.id };
                match &node.step.kind {
                    StepKind::Read { place: Place::Field { base, name }, .. }
                    | StepKind::Update { place: Place::Field { base, name }, .. }
                    | StepKind::Delete { place: Place::Field { base, name } } => {
                        index.add(self.field_home(body, *base), name, site);
                    }
                    StepKind::Store { place, .. } => self.note_store(site, place, &mut index),
                    StepKind::Collect { shape: Shape::Struct(path), items, .. } => {
                        let Some(Def::Type(ty) | Def::Variant(ty, _)) = self.resolve_path(body, path) else { continue };
                        for item in items {
                            if let Item::Field(name, _) = item {
                                index.add(Home::Known(ty), name, site);
                            }
                        }
                    }
                    StepKind::Part { of, part: unit::Part::Field(name), .. } => {
                        index.add(self.field_home(body, *of), name, site);
                    }
                    _ => {}
                }
            }
        }
        index
    }

    /// The type of the program whose field `base.name` is.
    fn field_home(&self, body: BodyRef, base: ValueId) -> Home {
        self.home_of(self.language(body), self.type_of(body, base))
    }

    fn home_of(&self, language: Language, ty: Type) -> Home {
        match ty {
            Type::Named(Head::Project(ty), _) | Type::Def(Def::Type(ty)) => Home::Known(ty),
            Type::Named(Head::Model(path), args) if language == Language::Rust => {
                let model = self.catalogue.ty(language.name(), &path);
                match (model.map(|model| model.transparent), args.into_iter().next()) {
                    (Some(Transparent::Strong | Transparent::Weak), Some(inner)) => self.home_of(language, inner),
                    _ => Home::Outside,
                }
            }
            Type::Unknown | Type::Named(Head::Hinted(_), _) => Home::Unknown,
            _ => Home::Outside,
        }
    }

    /// Which field of which type a place is, when that is known.
    pub fn field_key(&self, body: BodyRef, base: ValueId) -> Option<TypeKey> {
        match self.field_home(body, base) {
            Home::Known(ty) => Some(ty),
            _ => None,
        }
    }

    /// Steps that read or write a field of a type (or of a relative of it).
    pub fn field_sites(&self, ty: TypeKey, name: &str) -> Vec<Site> {
        self.mentions(ty, name, Mentions::All).to_vec()
    }

    /// Steps that do so with a field of a type (or of a relative of it).
    pub(super) fn mentions(&self, ty: TypeKey, name: &str, which: Mentions) -> Rc<[Site]> {
        self.rests.set(Rests::OnLinks);
        let key = (ty, Name::new(name), which);
        if let Some(known) = self.asked.borrow().get(&key) {
            return Rc::clone(known);
        }
        let found = self.find_mentions(ty, name, which);
        self.asked.borrow_mut().insert(key, Rc::clone(&found));
        found
    }

    fn find_mentions(&self, ty: TypeKey, name: &str, which: Mentions) -> Rc<[Site]> {
        let homes = match which {
            Mentions::All => &self.fields.known,
            Mentions::Stores => &self.fields.stored,
        };
        let homes = homes.get(name).into_iter().flatten();
        let related = homes.filter(|(key, _)| self.families.are_related(ty, **key));
        let mut sites: Vec<Site> = related.flat_map(|(_, sites)| sites.iter().copied()).collect();
        sites.sort_unstable();
        sites.dedup();
        sites.into()
    }

    /// Steps that read or write a field of this name on something whose type is not known.
    pub fn unknown_field_sites(&self, name: &str) -> &[Site] {
        self.fields.unknown.get(name).map_or(&[], Vec::as_slice)
    }
}
