//! Where fields are read and written.

use std::sync::{Arc, OnceLock};

use rustc_hash::{FxHashMap, FxHashSet};
use unleak_catalogue::model::Transparent;

use super::flow::Sorts;
use super::joined::{append, joined, lengthen};
use super::memo::Rests;
use super::types::{Head, Type};
use super::{BodyRef, Def, Part, Program, Site, TypeKey};
use crate::source::Language;
use crate::unit::{Name, Place, Shape, StepKind, ValueId};

/// Where the fields are read and written.
#[derive(Debug, Default)]
pub(super) struct FieldIndex<'a> {
    /// Every step that speaks of a field of some name.
    spoken: FxHashMap<&'a str, Spoken>,
    stored: Stored,
}

/// The steps that store in fields, by whose they are.
#[derive(Debug, Default)]
struct Stored {
    /// Those of which that stays so.
    firm: Homes,
    /// The others, by part, and whose they are as far as is known.
    open: Vec<Vec<Site>>,
    so_far: Homes,
    /// The names of the fields that those store in; nothing as long as none is known.
    open_names: Option<FxHashSet<Name>>,
}

/// The steps that speak of the fields of one name. Whose they are is found out when somebody asks, for all who ask.
#[derive(Debug, Default)]
struct Spoken {
    sites: Vec<Site>,
    mentioned: OnceLock<Mentioned>,
}

/// The same by whose they are.
#[derive(Debug, Default)]
pub(super) struct Mentioned {
    known: FxHashMap<TypeKey, Vec<Site>>,
    /// Those on something whose type is not known.
    unknown: Vec<Site>,
}

type Homes = FxHashMap<Name, FxHashMap<TypeKey, Vec<Site>>>;

/// Which mentions of a field are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Mentions {
    All,
    Stores,
}

/// The mentions of a field that were asked for before.
pub(super) type Asked = FxHashMap<(TypeKey, Name, Mentions), Arc<[Site]>>;

/// Whose field it is.
#[derive(Clone, Copy)]
enum Home {
    Known(TypeKey),
    Unknown,
    Outside,
}

impl FieldIndex<'_> {
    /// What the mentions of fields of a name rest on: those that are stored in firmly alone stay as they are.
    fn rests(&self, name: &str, which: Mentions) -> Rests {
        match &self.stored.open_names {
            Some(open) if which == Mentions::Stores && !open.contains(name) => Rests::Bodies,
            _ => Rests::Links,
        }
    }
}

impl Mentioned {
    /// Whether a type itself has a field that is mentioned somewhere.
    pub(super) fn is_had_by(&self, ty: TypeKey) -> bool {
        self.known.contains_key(&ty)
    }

    /// All, in the order of the program.
    pub(super) fn all(&self) -> Vec<Site> {
        let mut all: Vec<Site> = self.known.values().flatten().chain(&self.unknown).copied().collect();
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

/// What the stores of a part are found to be at first.
#[derive(Default)]
struct StoresOfPart {
    firm: Homes,
    open: Vec<Site>,
    so_far: Homes,
}

/// Notes whose field a step stores in, where that is known.
fn note_home(homes: &mut Homes, stored: Option<(Home, &Name)>, site: Site) {
    if let Some((Home::Known(ty), name)) = stored {
        at(homes, name, |homes| homes.entry(ty).or_default().push(site));
    }
}

/// Adds what a later part found of the fields of one name.
fn join_homes(homes: &mut FxHashMap<TypeKey, Vec<Site>>, later: FxHashMap<TypeKey, Vec<Site>>) {
    append(homes, later, lengthen);
}

impl Program<'_> {
    pub(super) fn link_fields(&mut self) {
        // The type of a field's base may itself come from a field, or from what a call gives for a parameter: what is found
        // without, the calls use, and what these give, the second round. A field's type is that of what is stored in it,
        // so these rounds ask no more.
        self.index_stores();
        self.link_early_calls();
        self.index_open_stores();
    }

    /// Once all is linked: before, whose a field is may not be known that will be.
    pub(super) fn link_mentions(&mut self) {
        let mut spoken: FxHashMap<&str, Spoken> = FxHashMap::default();
        for (file, index) in self.files.iter_mut().zip(0u32..) {
            for (name, (body, step)) in std::mem::take(&mut file.spoken.fields) {
                spoken.entry(name).or_default().sites.push(Site { body: BodyRef { file: index, body }, step });
            }
        }
        self.fields.spoken = spoken;
    }

    fn index_stores(&mut self) {
        let (mut firm, mut open, mut so_far) = (Vec::new(), Vec::new(), Vec::new());
        for part in self.settle_parts(Rests::Bodies, Program::stores_in) {
            firm.push(part.firm);
            open.push(part.open);
            so_far.push(part.so_far);
        }
        let open_sites = open.iter().flatten();
        let open_names = open_sites.filter_map(|site| match &self.flow(site.body).step(site.step)?.kind {
            StepKind::Store { place: Place::Field { name, .. }, .. } => Some(name.clone()),
            _ => None,
        });
        let open_names = Some(open_names.collect());
        let (firm, so_far) = (joined(firm, join_homes), joined(so_far, join_homes));
        self.fields.stored = Stored { firm, open, so_far, open_names };
    }

    /// Asks again whose the fields are that may be another's by what was linked since.
    fn index_open_stores(&mut self) {
        self.fields.stored.so_far = joined(self.settle_parts(Rests::Bodies, Program::open_stores_in), join_homes);
    }

    fn stores_in(&self, part: Part) -> StoresOfPart {
        let mut found = StoresOfPart::default();
        for body in self.bodies_of(part) {
            for node in self.flow(body).nodes_of(Sorts::STORES) {
                let StepKind::Store { place, .. } = &node.step.kind else { continue };
                let site = Site { body, step: node.step.id };
                let (home, rests) = self.resting(|| self.stored_field(body, place));
                let homes = match rests {
                    Rests::Bodies => &mut found.firm,
                    Rests::Links => {
                        found.open.push(site);
                        &mut found.so_far
                    }
                };
                note_home(homes, home, site);
            }
        }
        found
    }

    fn open_stores_in(&self, part: Part) -> Homes {
        let mut homes = Homes::default();
        for &site in self.fields.stored.open.get(Part::holding(part.start)).into_iter().flatten() {
            if let Some(StepKind::Store { place, .. }) = self.flow(site.body).step(site.step).map(|step| &step.kind) {
                note_home(&mut homes, self.stored_field(site.body, place), site);
            }
        }
        homes
    }

    /// Whose field of a name a step speaks of.
    fn home_at(&self, site: Site) -> Option<Home> {
        let body = site.body;
        match &self.flow(body).step(site.step)?.kind {
            StepKind::Store { place, .. } => self.stored_field(body, place).map(|(home, _)| home),
            StepKind::Read { place: Place::Field { base, .. }, .. }
            | StepKind::Update { place: Place::Field { base, .. }, .. }
            | StepKind::Delete { place: Place::Field { base, .. } }
            | StepKind::Part { of: base, .. } => Some(self.field_home(body, *base)),
            StepKind::Collect { shape: Shape::Struct(path), .. } => match self.resolve_path(body, path)? {
                Def::Type(ty) | Def::Variant(ty, _) => Some(Home::Known(ty)),
                _ => None,
            },
            _ => None,
        }
    }

    /// The steps that speak of the fields of a name, by whose they are.
    pub(super) fn mentioned(&self, name: &str) -> Option<&Mentioned> {
        self.rest(Rests::Links);
        let spoken = self.fields.spoken.get(name)?;
        Some(spoken.mentioned.get_or_init(|| {
            // All threads share it: no question that this one is not done with may tell in it.
            self.beside().apart(|program| {
                let mut mentioned = Mentioned::default();
                for &site in &spoken.sites {
                    match program.home_at(site) {
                        Some(Home::Known(ty)) => mentioned.known.entry(ty).or_default().push(site),
                        Some(Home::Unknown) => mentioned.unknown.push(site),
                        Some(Home::Outside) | None => {}
                    }
                }
                mentioned
            })
        }))
    }

    /// Whether any step asks for a field or method of a name: that a class has one is no question for it.
    pub fn is_asked_for(&self, name: &str) -> bool {
        let declares = |site: &Site| {
            let step = self.flow(site.body).step(site.step).map(|step| &step.kind);
            matches!(step, Some(StepKind::Store { place: Place::Local(_), .. }))
        };
        self.fields.spoken.get(name).is_some_and(|spoken| !spoken.sites.iter().all(declares))
    }

    /// The steps that speak of a field of a name on something whose type is not known.
    pub(super) fn mentioned_of_unknown(&self, name: &str) -> &[Site] {
        self.mentioned(name).map_or(&[], |mentioned| &mentioned.unknown)
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

    /// Whether a step stores in a field of a type itself, whatever is linked later.
    pub(super) fn is_stored_firmly(&self, ty: TypeKey, name: &str) -> bool {
        self.fields.stored.firm.get(name).is_some_and(|homes| homes.contains_key(&ty))
    }

    /// Steps that read or write a field of a type (or of a relative of it).
    pub fn field_sites(&self, ty: TypeKey, name: &str) -> Vec<Site> {
        self.mentions(ty, name, Mentions::All).to_vec()
    }

    /// Steps that do so with a field of a type (or of a relative of it).
    pub(super) fn mentions(&self, ty: TypeKey, name: &str, which: Mentions) -> Arc<[Site]> {
        self.rest(self.fields.rests(name, which));
        let key = (ty, Name::new(name), which);
        if let Some(known) = self.memory.asked.borrow().get(&key) {
            return Arc::clone(known);
        }
        let found = self.find_mentions(ty, name, which);
        self.memory.asked.borrow_mut().insert(key, Arc::clone(&found));
        found
    }

    fn find_mentions(&self, ty: TypeKey, name: &str, which: Mentions) -> Arc<[Site]> {
        let related = |homes: &FxHashMap<TypeKey, Vec<Site>>| {
            let related = homes.iter().filter(|(key, _)| self.families.are_related(ty, **key));
            related.flat_map(|(_, sites)| sites.iter().copied()).collect::<Vec<Site>>()
        };
        let mut sites = match which {
            Mentions::All => self.mentioned(name).map(|mentioned| related(&mentioned.known)).unwrap_or_default(),
            Mentions::Stores => {
                let stored = [&self.fields.stored.firm, &self.fields.stored.so_far];
                stored.into_iter().filter_map(|homes| homes.get(name)).flat_map(related).collect()
            }
        };
        sites.sort_unstable();
        sites.dedup();
        sites.into()
    }

    /// Whether it is known of every field of a name whose it is.
    pub fn always_knows_whose(&self, name: &str) -> bool {
        self.mentioned_of_unknown(name).is_empty()
    }
}
