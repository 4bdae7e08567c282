//! Where fields are read and written.

use std::rc::Rc;

use rustc_hash::FxHashMap;
use unleak_catalogue::model::Transparent;

use super::flow::Sorts;
use super::joined::{append, joined, lengthen};
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

/// The mentions of all fields of a name that were asked for before.
pub(super) type Named = FxHashMap<Name, Rc<[Site]>>;

/// Whose field it is.
#[derive(Clone, Copy)]
enum Home {
    Known(TypeKey),
    Unknown,
    Outside,
}

impl FieldIndex {
    fn add(&mut self, home: Home, name: &Name, site: Site) {
        match home {
            Home::Known(ty) => at(&mut self.known, name, |homes| homes.entry(ty).or_default().push(site)),
            Home::Unknown => at(&mut self.unknown, name, |sites| sites.push(site)),
            Home::Outside => {}
        }
    }

    fn store(&mut self, home: Home, name: &Name, site: Site) {
        if let Home::Known(ty) = home {
            at(&mut self.stored, name, |homes| homes.entry(ty).or_default().push(site));
        }
    }

    /// That of a program, from those of its parts in their order.
    fn of_parts(parts: Vec<FieldIndex>) -> FieldIndex {
        let (mut known, mut unknown, mut stored) = (Vec::new(), Vec::new(), Vec::new());
        for part in parts {
            known.push(part.known);
            unknown.push(part.unknown);
            stored.push(part.stored);
        }
        let join = |homes: &mut FxHashMap<TypeKey, Vec<Site>>, later| append(homes, later, lengthen);
        let (known, (unknown, stored)) =
            rayon::join(|| joined(known, join), || rayon::join(|| joined(unknown, lengthen), || joined(stored, join)));
        FieldIndex { known, unknown, stored }
    }

    /// Whether a type itself has a field that is mentioned somewhere.
    pub(super) fn has(&self, ty: TypeKey, name: &str) -> bool {
        self.known.get(name).is_some_and(|homes| homes.contains_key(&ty))
    }

    /// Every mention of a field of this name, in the order of the program.
    fn named(&self, name: &str) -> Vec<Site> {
        let known = self.known.get(name).into_iter().flat_map(|homes| homes.values().flatten());
        let mut all: Vec<Site> = known.chain(self.unknown.get(name).into_iter().flatten()).copied().collect();
        all.sort_unstable();
        all
    }
}

/// Does something with the entry of a name, which is nearly always there.
fn at<T: Default>(map: &mut FxHashMap<Name, T>, name: &Name, with: impl FnOnce(&mut T)) {
    match map.get_mut(name) {
        Some(entry) => with(entry),
        None => with(map.entry(name.clone()).or_default()),
    }
}

impl Program<'_> {
    pub(super) fn link_fields(&mut self) {
        // The type of a field's base may itself come from a field: what the first round finds, the second uses. A
        // field's type is that of what is stored in it, so these rounds ask no more, and note nothing else.
        for _ in 0..2 {
            self.fields = self.index_fields(Program::stores_in);
        }
        self.link_calls();
        self.fields = self.index_fields(Program::fields_in);
    }

    fn index_fields(&mut self, within: fn(&Self, Part) -> FieldIndex) -> FieldIndex {
        FieldIndex::of_parts(self.link_parts(within))
    }

    fn stores_in(&self, part: Part) -> FieldIndex {
        let mut index = FieldIndex::default();
        for body in self.bodies_of(part) {
            for node in self.flow(body).nodes_of(Sorts::STORES) {
                if let StepKind::Store { place, .. } = &node.step.kind {
                    self.note_store(Site { body, step: node.step.id }, place, &mut index);
                }
            }
        }
        index
    }

    fn note_store(&self, site: Site, place: &Place, index: &mut FieldIndex) {
        if let Some((home, name)) = self.stored_field(site.body, place) {
            index.store(home, name, site);
        }
    }

    /// The field that a place is which is stored in.
    fn stored_field<'p>(&'p self, body: BodyRef, place: &'p Place) -> Option<(Home, &'p Name)> {
        match place {
            Place::Field { base, name } => Some((self.field_home(body, *base), name)),
            // The variables of a class block are the class's attributes.
            Place::Local(local) if self.is_class_body(body) => {
                let ty = self.owner(body)?;
                Some((Home::Known(ty), &self.body(body).locals[local.0 as usize].name))
            }
            _ => None,
        }
    }

    fn fields_in(&self, part: Part) -> FieldIndex {
        let mut index = FieldIndex::default();
        for body in self.bodies_of(part) {
            for node in self.flow(body).nodes_of(Sorts::FIELDS.or(Sorts::STORES)) {
                let site = Site { body, step: node.step.id };
                match &node.step.kind {
                    StepKind::Read { place: Place::Field { base, name }, .. }
                    | StepKind::Update { place: Place::Field { base, name }, .. }
                    | StepKind::Delete { place: Place::Field { base, name } } => {
                        index.add(self.field_home(body, *base), name, site);
                    }
                    StepKind::Store { place, .. } => {
                        if let Some((home, name)) = self.stored_field(body, place) {
                            index.store(home, name, site);
                            index.add(home, name, site);
                        }
                    }
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
        self.look_at_type(body, base, |ty| self.home_of(self.language(body), ty))
    }

    fn home_of(&self, language: Language, ty: &Type) -> Home {
        match ty {
            Type::Named(Head::Project(ty), _) | Type::Def(Def::Type(ty)) => Home::Known(*ty),
            Type::Named(Head::Model(path), args) if language == Language::Rust => {
                let model = self.catalogue.ty(language.name(), path);
                match (model.map(|model| model.transparent), args.first()) {
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

    /// Every step that speaks of a field of this name, in the order of the program.
    pub(super) fn all_mentions(&self, name: &Name) -> Rc<[Site]> {
        self.rests.set(Rests::OnLinks);
        let mut named = self.named.borrow_mut();
        let found = named.entry(name.clone()).or_insert_with(|| self.fields.named(name).into());
        Rc::clone(found)
    }

    /// Steps that read or write a field of this name on something whose type is not known.
    pub fn unknown_field_sites(&self, name: &str) -> &[Site] {
        self.fields.unknown.get(name).map_or(&[], Vec::as_slice)
    }
}
