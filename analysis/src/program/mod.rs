//! Outlines and units joined: what names mean, what calls call, what types values have, and where
//! a value goes. Nothing here sees syntax or text.

pub mod calls;
mod circles;
pub mod dead;
mod decorators;
pub mod exits;
mod failures;
mod families;
mod fields;
pub mod flow;
mod globals;
mod handed_back;
mod impls;
mod joined;
pub mod let_out;
pub mod lifecycle;
mod made;
pub mod many;
mod memo;
mod names;
mod nested;
mod partials;
mod python_names;
mod rust_names;
mod setting;
mod spare;
mod spoken;
mod thrown;
pub mod trace;
pub mod types;
pub mod world;

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, OnceLock};

use rayon::prelude::*;
use rustc_hash::FxHashMap;
use unleak_catalogue::Catalogue;
use unleak_catalogue::model::CallModel;

use crate::source::{Budgets, Language, Source};
use crate::unit::{Body, BodyId, BodyKind, Lowered, Name, Path, Span, StepId, TypeHeader, TypeId, TypeTree, ValueId};
use flow::Flow;
use spare::{Memory, Stage};

/// How many files one worker takes at a time: enough that little is asked twice, so few that all cores are busy.
const PART: usize = 128;

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

/// Some files of the program that follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    start: u32,
    end: u32,
}

impl Part {
    /// Which part a file is in.
    fn holding(file: u32) -> usize {
        file as usize / PART
    }

    /// Whether a file is in it.
    pub fn holds(self, file: u32) -> bool {
        (self.start..self.end).contains(&file)
    }

    /// The indices of its files.
    pub fn indices(self) -> impl Iterator<Item = usize> {
        self.start as usize..self.end as usize
    }

    /// Each of its files as a part of its own.
    fn files(self) -> impl Iterator<Item = Part> {
        (self.start..self.end).map(|file| Part { start: file, end: file + 1 })
    }
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
    /// Above which numbers a bound in it is none.
    pub budgets: Budgets,
    /// Rust: the name under which others use the library whose root file it is, where that is known.
    pub library: Option<Arc<str>>,
    /// Its headers and bodies.
    pub lowered: &'a Lowered,
    /// Its bodies laid flat.
    pub flows: Vec<Flow<'a>>,
    /// Its path in parts, without the ending.
    pub parts: Vec<Name>,
    nested: nested::Nested,
    spoken: spoken::Spoken<'a>,
    /// Rust: the file in which its module is declared, and the root of its crate, once somebody asked.
    declared_in: OnceLock<Option<u32>>,
    crate_root: OnceLock<Option<u32>>,
    /// Whether all of it is test code, once somebody asked.
    is_test: OnceLock<bool>,
}

/// Everything that was lowered, joined, and what was asked of it so far.
pub struct Program<'a> {
    linked: Arc<Linked<'a>>,
    memory: Memory,
}

/// Everything that was lowered, joined.
pub struct Linked<'a> {
    /// What the libraries mean.
    pub catalogue: &'a Catalogue,
    /// The files, in the order of their paths.
    pub files: Vec<File<'a>>,
    names: names::Names,
    methods: FxHashMap<Name, FxHashMap<TypeKey, Vec<BodyRef>>>,
    families: families::Families,
    /// External bases, by type.
    outside_bases: FxHashMap<TypeKey, Vec<Name>>,
    /// Which traits a type implements, as written (last segment).
    traits: FxHashMap<TypeKey, Vec<Name>>,
    /// Methods that traits of the program give to types of the catalogue.
    foreign: FxHashMap<(Name, Name), BodyRef>,
    /// The arguments that a method's impl gives its type.
    impl_homes: FxHashMap<BodyRef, &'a [TypeTree]>,
    fields: fields::FieldIndex<'a>,
    globals: globals::Globals<'a>,
    calls: calls::Calls<'a>,
    /// Who calls whom by the round of linking before the last one, once there was a last one: parameters' types are told
    /// by it.
    early_callers: Option<calls::Callers>,
    /// What is known of types and stays so, by part.
    settled: Vec<memo::Types>,
    /// Whether all is linked: what is found out from then on stays so.
    stage: Stage,
    spare: spare::Memories,
}

/// Makes programs for those who work beside each other.
pub struct Beside<'a> {
    linked: Arc<Linked<'a>>,
}

impl<'a> Beside<'a> {
    /// The program, with nothing remembered.
    pub fn program(&self) -> Program<'a> {
        Program::on(Arc::clone(&self.linked))
    }

    /// Does something for each part of the program, side by side; the results are in the order of the parts. Each works
    /// with what it finds out itself, or with what those found out that are done: answers do not depend on who comes first.
    pub fn in_parts<T: Send>(&self, work: impl Fn(&Program<'a>, Part) -> T + Sync) -> Vec<T> {
        let files = self.linked.files.len() as u32;
        let starts: Vec<u32> = (0..files).step_by(PART).collect();
        let parts = starts.into_par_iter().map(|start| Part { start, end: (start + PART as u32).min(files) });
        parts.map(|part| self.apart(|program| work(program, part))).collect()
    }
}

impl<'a> Deref for Program<'a> {
    type Target = Linked<'a>;

    fn deref(&self) -> &Linked<'a> {
        &self.linked
    }
}

impl<'a> DerefMut for Program<'a> {
    fn deref_mut(&mut self) -> &mut Linked<'a> {
        Arc::get_mut(&mut self.linked).expect("a program is changed only while it is linked, by one")
    }
}

impl<'a> Program<'a> {
    /// Joins lowered files. `sources` and `lowered` go together and are ordered by path.
    pub fn link(sources: &[Source], lowered: &'a [Lowered], catalogue: &'a Catalogue) -> Program<'a> {
        let files: Vec<File<'a>> = sources.par_iter().zip(lowered).enumerate().map(File::new).collect();
        let names = names::Names::new(&files);
        let mut program = Program::on(Arc::new(Linked {
            catalogue,
            files,
            names,
            methods: FxHashMap::default(),
            families: families::Families::default(),
            outside_bases: FxHashMap::default(),
            traits: FxHashMap::default(),
            foreign: FxHashMap::default(),
            impl_homes: FxHashMap::default(),
            fields: fields::FieldIndex::default(),
            globals: globals::Globals::default(),
            calls: calls::Calls::default(),
            early_callers: None,
            settled: Vec::new(),
            stage: Stage::Linking,
            spare: spare::Memories::default(),
        }));
        program.link_types();
        program.link_globals();
        program.link_fields();
        // Whose the fields are stays as it is from here on, and so do the callers by whom types are told.
        program.link_calls();
        program.link_mentions();
        program.stage = Stage::Linked;
        program
    }

    fn on(linked: Arc<Linked<'a>>) -> Program<'a> {
        Program { linked, memory: Memory::default() }
    }

    /// Does something for each part of the program, side by side; see [`Beside::in_parts`].
    pub fn in_parts<T: Send>(&self, work: impl Fn(&Program<'a>, Part) -> T + Sync) -> Vec<T> {
        self.beside().in_parts(work)
    }

    /// The same; what is found on the way, and rests on no more than what stays as it is, stays known.
    fn settle_parts<T: Send>(&mut self, stays: memo::Rests, work: impl Fn(&Program<'a>, Part) -> T + Sync) -> Vec<T> {
        let done = self.in_parts(|program, part| (work(program, part), part, program.memory.types.take()));
        self.settled.resize_with(done.len(), memo::Types::default);
        let settled = std::mem::take(&mut self.settled);
        let kept = settled.into_par_iter().zip(done).map(|(mut settled, (found, part, types))| {
            settled.take(&types, part, stays);
            (found, settled)
        });
        let (found, settled) = kept.unzip::<_, _, Vec<T>, Vec<memo::Types>>();
        self.settled = settled;
        found
    }

    /// For those who work beside each other, each with a program that remembers nothing yet.
    pub fn beside(&self) -> Beside<'a> {
        Beside { linked: Arc::clone(&self.linked) }
    }

    /// The whole program as one part.
    pub fn whole(&self) -> Part {
        Part { start: 0, end: self.files.len() as u32 }
    }

    /// The bodies of a part of the program, in order.
    pub fn bodies_of(&self, part: Part) -> impl Iterator<Item = BodyRef> + '_ {
        (part.start..part.end).flat_map(|file| {
            let bodies = 0..self.files[file as usize].flows.len() as u32;
            bodies.map(move |body| BodyRef { file, body: BodyId(body) })
        })
    }

    /// Every body of the program, in order.
    pub fn bodies(&self) -> impl Iterator<Item = BodyRef> + '_ {
        self.bodies_of(self.whole())
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
        self.file(body.file).nested.made(body.body)
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

    /// Whether a type or one of its ancestors has a base outside the program.
    pub fn has_outside_bases(&self, ty: TypeKey) -> bool {
        self.families.above(&ty).iter().any(|key| self.outside_bases.contains_key(key))
    }

    /// Whether a type implements a trait, by the trait's last segment.
    pub fn implements(&self, ty: TypeKey, of: &str) -> bool {
        self.traits.get(&ty).is_some_and(|all| all.iter().any(|name| name == of))
    }

    /// The first of the methods of a type with this name.
    pub(crate) fn method(&self, ty: TypeKey, name: &str) -> Option<BodyRef> {
        let homes = self.methods.get(name)?;
        match self.families.above(&ty).iter().find_map(|key| homes.get(key)) {
            Some(found) => found.first().copied(),
            None => self.families.below(ty).iter().find_map(|key| homes.get(key)?.first()).copied(),
        }
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

    /// All methods with this name, of whatever type.
    pub fn methods_named(&self, name: &str) -> impl Iterator<Item = BodyRef> {
        self.methods.get(name).into_iter().flat_map(|homes| homes.values().flatten().copied())
    }

    /// The methods with this name of the types that derive from a type.
    pub(crate) fn methods_below(&self, ty: TypeKey, name: &str) -> Vec<BodyRef> {
        let (Some(homes), below) = (self.methods.get(name), self.families.below(ty)) else { return Vec::new() };
        below.iter().flat_map(|key| homes.get(key).into_iter().flatten().copied()).collect()
    }

    /// The resolved calls.
    pub fn calls(&self) -> &calls::Calls<'a> {
        &self.calls
    }
}
