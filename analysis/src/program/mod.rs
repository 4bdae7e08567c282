//! Outlines and units joined: what names mean, what calls call, what types values have, and where
//! a value goes. Nothing here sees syntax or text.

pub mod calls;
mod decorators;
pub mod exits;
mod families;
pub mod flow;
mod handed_back;
pub mod many;
mod names;
mod python_names;
mod rust_names;
pub mod trace;
pub mod types;
pub mod world;

use std::cell::RefCell;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use unleak_catalogue::Catalogue;
use unleak_catalogue::model::CallModel;

use crate::source::{Language, Source};
use crate::unit::{Body, BodyId, BodyKind, LocalId, Lowered, Name, Path, Span, StepId, TypeHeader, TypeId, ValueId};
use flow::Flow;
use types::Type;

/// A body of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BodyRef {
    /// Which file.
    pub file: u32,
    /// Which body of it.
    pub body: BodyId,
}

/// A step of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Site {
    /// The body it stands in.
    pub body: BodyRef,
    /// Which step.
    pub step: StepId,
}

/// A type of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TypeKey {
    /// Which file.
    pub file: u32,
    /// Which type of it.
    pub id: TypeId,
}

/// What a name means.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Def {
    /// A module of the program: a file, and the inline modules within it.
    Module {
        /// Which file.
        file: u32,
        /// The inline modules.
        inline: Path,
    },
    /// A function or method.
    Function(BodyRef),
    /// A type.
    Type(TypeKey),
    /// An enum variant.
    Variant(TypeKey, Name),
    /// A variable, constant or static at the top level of a file.
    Variable {
        /// Which file.
        file: u32,
        /// Its name.
        name: Name,
    },
    /// Something the catalogue knows, by its full path.
    Model(Name),
    /// Something else from outside, by its full path.
    External(Name),
}

/// One file of the program.
#[derive(Debug)]
pub struct File<'a> {
    /// The path as the source has it.
    pub path: Arc<str>,
    /// Its language.
    pub language: Language,
    /// Its headers and bodies.
    pub lowered: &'a Lowered,
    /// Its bodies laid flat.
    pub flows: Vec<Flow<'a>>,
    /// Its path in parts, without the ending.
    pub parts: Vec<Name>,
}

/// Everything that was lowered, joined.
pub struct Program<'a> {
    /// What the libraries mean.
    pub catalogue: &'a Catalogue,
    /// The files, in the order of their paths.
    pub files: Vec<File<'a>>,
    names: names::Names,
    bindings: RefCell<FxHashMap<(u32, Name), Option<Def>>>,
    methods: FxHashMap<Name, FxHashMap<TypeKey, Vec<BodyRef>>>,
    families: families::Families,
    /// External bases, by type.
    outside_bases: FxHashMap<TypeKey, Vec<Name>>,
    /// Which traits a type implements, as written (last segment).
    traits: FxHashMap<TypeKey, Vec<Name>>,
    closure_sites: FxHashMap<BodyRef, (BodyRef, ValueId)>,
    fields: FieldIndex,
    globals: FxHashMap<(u32, Name), Vec<Site>>,
    types: RefCell<FxHashMap<(BodyRef, ValueId), Type>>,
    local_types: RefCell<FxHashMap<(BodyRef, LocalId), Type>>,
    typing: RefCell<types::Typing>,
    captures: trace::Captures,
    calls: calls::Calls,
}

/// Where the fields are read and written.
#[derive(Debug, Default)]
pub struct FieldIndex {
    known: FxHashMap<Name, FxHashMap<TypeKey, Vec<Site>>>,
    unknown: FxHashMap<Name, Vec<Site>>,
    by_name: FxHashMap<Name, Vec<Site>>,
}

impl<'a> Program<'a> {
    /// Joins lowered files. `sources` and `lowered` go together and are ordered by path.
    pub fn link(sources: &[Source], lowered: &'a [Lowered], catalogue: &'a Catalogue) -> Program<'a> {
        let files: Vec<File<'a>> = sources
            .iter()
            .zip(lowered)
            .map(|(source, lowered)| File {
                path: source.path.clone(),
                language: source.language,
                lowered,
                flows: lowered.unit.bodies.iter().map(Flow::new).collect(),
                parts: names::parts_of(&source.path),
            })
            .collect();
        let names = names::Names::new(&files);
        let mut program = Program {
            catalogue,
            files,
            names,
            bindings: RefCell::default(),
            methods: FxHashMap::default(),
            families: families::Families::default(),
            outside_bases: FxHashMap::default(),
            traits: FxHashMap::default(),
            closure_sites: FxHashMap::default(),
            fields: FieldIndex::default(),
            globals: FxHashMap::default(),
            types: RefCell::default(),
            local_types: RefCell::default(),
            typing: RefCell::default(),
            captures: trace::Captures::default(),
            calls: calls::Calls::default(),
        };
        program.link_types();
        program.link_closures();
        program.link_captures();
        program.link_globals();
        program.link_fields();
        program.calls = calls::Calls::resolve(&program);
        program
    }

    /// A file by number.
    pub fn file(&self, index: u32) -> &File<'a> {
        &self.files[index as usize]
    }

    /// A body, laid flat.
    pub fn flow(&self, body: BodyRef) -> &Flow<'a> {
        &self.files[body.file as usize].flows[body.body.0 as usize]
    }

    /// A body.
    pub fn body(&self, body: BodyRef) -> &'a Body {
        self.flow(body).body
    }

    /// The language a body is written in.
    pub fn language(&self, body: BodyRef) -> Language {
        self.file(body.file).language
    }

    /// A type's header.
    pub fn header(&self, ty: TypeKey) -> &'a TypeHeader {
        &self.files[ty.file as usize].lowered.outline.types[ty.id.0 as usize]
    }

    /// Every body of the program, in order.
    pub fn bodies(&self) -> impl Iterator<Item = BodyRef> + '_ {
        self.files.iter().zip(0..).flat_map(|(file, index)| {
            (0..file.flows.len() as u32).map(move |body| BodyRef { file: index, body: BodyId(body) })
        })
    }

    /// The text span of a step.
    pub fn span(&self, site: Site) -> Span {
        self.flow(site.body).step(site.step).map(|step| step.span).unwrap_or_default()
    }

    /// The model of a function by its path.
    pub fn model(&self, language: Language, path: &str) -> Option<&'a CallModel> {
        self.catalogue.call(language.name(), path)
    }

    /// The type a body is a method of.
    pub fn owner(&self, body: BodyRef) -> Option<TypeKey> {
        let owned = self.body(body);
        if let Some(id) = owned.owner {
            return Some(TypeKey { file: body.file, id });
        }
        self.names.impl_owner(body)
    }

    /// The owner of a body or of the nearest body around it.
    pub fn owner_around(&self, body: BodyRef) -> Option<TypeKey> {
        let mut at = body;
        loop {
            if let Some(owner) = self.owner(at) {
                return Some(owner);
            }
            at = BodyRef { file: at.file, body: self.body(at).parent? };
        }
    }

    /// The nearest body around one that is a function with a name, or the body itself.
    pub fn named_around(&self, body: BodyRef) -> BodyRef {
        let mut at = body;
        while !matches!(self.body(at).kind, BodyKind::Function | BodyKind::Module) {
            match self.body(at).parent {
                Some(parent) => at = BodyRef { file: at.file, body: parent },
                None => break,
            }
        }
        at
    }

    /// Where the closure, nested function or async block is made, and as which value.
    pub fn closure_site(&self, body: BodyRef) -> Option<(BodyRef, ValueId)> {
        self.closure_sites.get(&body).copied()
    }

    /// A type and its ancestors, nearest first.
    pub fn ancestors(&self, ty: TypeKey) -> Vec<TypeKey> {
        self.families.above(&ty).to_vec()
    }

    /// Types that derive from this one within the program.
    pub fn descendants(&self, ty: TypeKey) -> &[TypeKey] {
        self.families.below(ty)
    }

    /// Bases outside the program, by path, of a type and its ancestors.
    pub fn outside_bases(&self, ty: TypeKey) -> Vec<Name> {
        let above = self.families.above(&ty).iter();
        above.flat_map(|key| self.outside_bases.get(key).into_iter().flatten().cloned()).collect()
    }

    /// Whether a type implements a trait, by the trait's last segment.
    pub fn implements(&self, ty: TypeKey, of: &str) -> bool {
        self.traits.get(&ty).is_some_and(|all| all.iter().any(|name| name == of))
    }

    /// The methods of a type with this name: its own, else the nearest ancestor's; for a trait or
    /// base without one, those of its descendants.
    pub fn methods(&self, ty: TypeKey, name: &str) -> Vec<BodyRef> {
        let Some(homes) = self.methods.get(name) else { return Vec::new() };
        match self.families.above(&ty).iter().find_map(|key| homes.get(key)) {
            Some(found) => found.clone(),
            None => self.methods_below(ty, name),
        }
    }

    /// The methods with this name of the types that derive from a type.
    pub(crate) fn methods_below(&self, ty: TypeKey, name: &str) -> Vec<BodyRef> {
        let (Some(homes), below) = (self.methods.get(name), self.families.below(ty)) else { return Vec::new() };
        below.iter().flat_map(|key| homes.get(key).into_iter().flatten().copied()).collect()
    }

    /// Steps that read or write a field of a type (or of a relative of it).
    pub fn field_sites(&self, ty: TypeKey, name: &str) -> Vec<Site> {
        let homes = self.fields.known.get(name).into_iter().flatten();
        let related = homes.filter(|(key, _)| self.families.are_related(ty, **key));
        let mut sites: Vec<Site> = related.flat_map(|(_, sites)| sites.iter().copied()).collect();
        sites.sort_unstable();
        sites.dedup();
        sites
    }

    /// Steps that read or write a field of this name on something whose type is not known.
    pub fn unknown_field_sites(&self, name: &str) -> &[Site] {
        self.fields.unknown.get(name).map_or(&[], Vec::as_slice)
    }

    /// Steps that read or write a module variable.
    pub fn global_sites(&self, file: u32, name: &str) -> &[Site] {
        self.globals.get(&(file, Name::new(name))).map_or(&[], Vec::as_slice)
    }

    /// The resolved calls.
    pub fn calls(&self) -> &calls::Calls {
        &self.calls
    }
}
