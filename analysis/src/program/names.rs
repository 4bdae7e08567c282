//! What names mean: tables of every file, and the walk from a path to a definition.

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use super::circles::Begun;
use super::{BodyRef, Def, File, Program, TypeKey, python_names, rust_names};
use crate::source::Language;
use crate::unit::{BodyId, BodyKind, Const, Import, Name, Path, StepKind, TypeId, TypeKind, TypeTree};

/// How many hops a name may take through imports and aliases.
pub(super) const HOPS: u32 = 100;

/// How long the path of something from outside may be, in bytes.
const LONGEST: usize = 300;

/// The tables.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// By file and name.
    items: Vec<FxHashMap<Name, Vec<Item>>>,
    by_last: FxHashMap<Name, Vec<u32>>,
    /// By the last part of their module's path, then by the one before.
    by_pair: FxHashMap<Name, FxHashMap<Name, Vec<u32>>>,
    pub(super) impl_owners: FxHashMap<BodyRef, TypeKey>,
    /// The names of all type aliases.
    aliases: FxHashSet<Name>,
    /// Python: the folders that are packages themselves.
    packages: FxHashSet<Vec<Name>>,
}

/// In which of a language's name spaces a name is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Space {
    /// In any: functions and values before modules.
    Any,
    /// Only what other names can stand in (what comes before a `::`).
    Holders,
}

/// A name of a file, with the inline modules before it, in a name space.
pub(super) type Binding = (u32, Name, Space);

/// Something a file binds at its top level or in an inline module.
#[derive(Clone, Debug)]
pub(super) enum Item {
    Function(BodyRef),
    Type(TypeKey),
    Variable { same_as: Option<Path> },
    Import(usize),
    Module { inline: Path },
}

/// A path in parts without its ending; `__init__`, `mod`, `lib` and `main` stay.
pub(super) fn parts_of(path: &str) -> Vec<Name> {
    let stem = path.rsplit_once('.').map_or(path, |(stem, _)| stem);
    stem.split('/').filter(|part| !part.is_empty() && *part != ".").map(Name::new).collect()
}

/// The key of a name within inline modules.
fn key(inline: &[Name], name: &str) -> Name {
    if inline.is_empty() { Name::new(name) } else { Name::from(format!("{}::{name}", inline.join("::"))) }
}

impl Names {
    pub(super) fn new(files: &[File<'_>]) -> Names {
        let numbered = files.par_iter().zip(0..files.len() as u32);
        let items = numbered.map(|(file, index)| bound_in(file, index)).collect();
        let mut names = Names { items, ..Names::default() };
        for (file, index) in files.iter().zip(0u32..) {
            names.add_file(file, index);
        }
        names
    }

    fn add_file(&mut self, file: &File<'_>, index: u32) {
        let types = file.lowered.outline.types.iter();
        self.aliases.extend(types.filter(|header| header.kind == TypeKind::Alias).map(|header| header.name.clone()));
        let parts = module_parts(&file.parts, file.language);
        if file.language == Language::Python && parts.len() < file.parts.len() {
            self.packages.insert(parts.to_vec());
        }
        if let Some(last) = parts.last() {
            self.by_last.entry(last.clone()).or_default().push(index);
        }
        if let [.., before, last] = parts {
            self.by_pair.entry(last.clone()).or_default().entry(before.clone()).or_default().push(index);
        }
    }

    pub(super) fn impl_owner(&self, body: BodyRef) -> Option<TypeKey> {
        self.impl_owners.get(&body).copied()
    }

    pub(super) fn files_named(&self, last: &str) -> &[u32] {
        self.by_last.get(last).map_or(&[], Vec::as_slice)
    }

    /// The files whose module's path may end so; more than one part tells nearly all.
    pub(super) fn files_ending(&self, path: &[Name]) -> &[u32] {
        match path {
            [.., before, last] => self.by_pair.get(last).and_then(|all| all.get(before)).map_or(&[], Vec::as_slice),
            [last] => self.files_named(last),
            [] => &[],
        }
    }

    /// Whether a folder is a Python package: what is imported by its whole path is not looked for in it.
    pub(super) fn is_package(&self, folder: &[Name]) -> bool {
        self.packages.contains(folder)
    }

    /// Whether some type alias has this name.
    pub(super) fn is_alias(&self, name: &str) -> bool {
        self.aliases.contains(name)
    }

    pub(super) fn items(&self, file: u32, inline: &[Name], name: &str) -> &[Item] {
        let Some(items) = self.items.get(file as usize) else { return &[] };
        let found = if inline.is_empty() { items.get(name) } else { items.get(&key(inline, name)) };
        found.map_or(&[], Vec::as_slice)
    }
}

/// What a file binds at its top level and in its inline modules.
fn bound_in(file: &File<'_>, index: u32) -> FxHashMap<Name, Vec<Item>> {
    let mut items: FxHashMap<Name, Vec<Item>> = FxHashMap::default();
    let mut add = |inline: &[Name], name: &str, item| items.entry(key(inline, name)).or_default().push(item);
    let outline = &file.lowered.outline;
    for function in &outline.functions {
        let body = BodyRef { file: index, body: function.body };
        add(&function.module, &function.name, Item::Function(body));
    }
    for (header, id) in outline.types.iter().zip(0u32..) {
        if header.within.is_none() && header.outer.is_none() {
            let ty = TypeKey { file: index, id: TypeId(id) };
            add(&header.module, &header.name, Item::Type(ty));
        }
    }
    for constant in outline.constants.iter().filter(|constant| constant.owner.is_none()) {
        add(&constant.module, &constant.name, Item::Variable { same_as: constant.same_as.clone() });
    }
    for (number, import) in outline.imports.iter().enumerate() {
        if let (Some(binds), None) = (&import.binds, import.within) {
            add(&import.module, binds, Item::Import(number));
        }
    }
    for module in &outline.modules {
        let mut inline = module.module.clone();
        inline.push(module.name.clone());
        add(&module.module, &module.name, Item::Module { inline });
    }
    items
}

/// A file's path as a module path: `a/b/__init__` is `a.b`, `src/a/mod` is `src::a`.
pub(super) fn module_parts(parts: &[Name], language: Language) -> &[Name] {
    let folder_file = match language {
        Language::Python => parts.last().is_some_and(|last| last == "__init__"),
        Language::Rust => parts.last().is_some_and(|last| last == "mod"),
    };
    if folder_file { &parts[..parts.len() - 1] } else { parts }
}

impl<'a> Program<'a> {
    /// What a global path means at a place in a body.
    pub fn resolve_path(&self, body: BodyRef, path: &[Name]) -> Option<Def> {
        self.resolve_in(body, path, HOPS)
    }

    pub(super) fn resolve_in(&self, body: BodyRef, path: &[Name], hops: u32) -> Option<Def> {
        let hops = hops.checked_sub(1)?;
        match self.language(body) {
            Language::Python => {
                let (first, rest) = path.split_first()?;
                let start = self
                    .lookup(body.file, &[], first, Space::Any, hops)
                    .unwrap_or_else(|| self.outside_def(Language::Python, first));
                self.members(body.file, start, rest, hops)
            }
            Language::Rust => rust_names::resolve(self, body, path, hops),
        }
    }

    pub(super) fn members(&self, near: u32, start: Def, rest: &[Name], hops: u32) -> Option<Def> {
        self.members_as(near, start, rest, Space::Any, hops)
    }

    pub(super) fn members_as(&self, near: u32, start: Def, rest: &[Name], space: Space, hops: u32) -> Option<Def> {
        let last = rest.len().saturating_sub(1);
        rest.iter().enumerate().try_fold(start, |def, (place, name)| {
            self.member_in(near, &def, name, if place == last { space } else { Space::Holders }, hops)
        })
    }

    /// What a file binds a name to, at its top level or in an inline module.
    pub(super) fn lookup(&self, file: u32, inline: &[Name], name: &str, space: Space, hops: u32) -> Option<Def> {
        let at = (file, key(inline, name), space);
        if let Some(known) = self.memory.bindings.borrow().get(&at) {
            return known.clone();
        }
        // Modules that import each other's names: asked again on the way, a name adds nothing.
        let begun = self.memory.binding.borrow_mut().begin(&at);
        let open = match begun {
            Begun::Met(found) => return found.flatten(),
            Begun::Open(open) => open,
        };
        let found = self.look_up(file, inline, name, space, hops);
        let mut circle = Vec::new();
        self.memory.binding.borrow_mut().end(open, found.clone(), |key, met| circle.push((key, met)));
        let outside = circle.iter().any(|(_, met)| matches!(met, Some(Def::External(_))));
        let known = circle.into_iter().filter_map(|(key, met)| {
            let known = if key == at { Some(found.clone()) } else { within_circle(&at, &found, &key, met) };
            // Of something from outside some hand on the name and some do not.
            Some((key, known.filter(|known| known.is_some() || !outside)?))
        });
        self.memory.bindings.borrow_mut().extend(known);
        found
    }

    fn look_up(&self, file: u32, inline: &[Name], name: &str, space: Space, hops: u32) -> Option<Def> {
        let hops = hops.checked_sub(1)?;
        let items = self.names.items(file, inline, name);
        let holders = space == Space::Holders && self.file(file).language == Language::Rust;
        for item in items {
            match item {
                Item::Function(_) if holders => {}
                Item::Module { inline } if holders => return rust_names::child_module(self, file, inline),
                Item::Function(body) => return Some(Def::Function(*body)),
                Item::Type(ty) => return Some(self.through_alias(*ty, hops)),
                Item::Variable { same_as: Some(path) } if path.len() != 1 || path[0] != name => {
                    let module = BodyRef { file, body: BodyId::MODULE };
                    if let Some(def) = self.resolve_in(module, path, hops) {
                        return Some(def);
                    }
                }
                _ => {}
            }
        }
        let mut outside = None;
        for item in items {
            if let Item::Import(number) = item
                && let Some(import) = self.file(file).lowered.outline.imports.get(*number)
                && let Some(def) = self.imported(file, import, space, hops)
                && !(holders && matches!(def, Def::Function(_) | Def::Variable { .. }))
            {
                if !matches!(def, Def::External(_)) {
                    return Some(def);
                }
                outside = Some(def);
            }
        }
        // `x = None` beside an import of `x` is what stands in for a module that is not installed.
        if outside.is_some() && self.is_only_nothing(file, name) {
            return outside;
        }
        for item in items {
            match item {
                Item::Module { inline } => return rust_names::child_module(self, file, inline),
                Item::Variable { .. } => return Some(Def::Variable { file, name: Name::new(name) }),
                _ => {}
            }
        }
        outside.or_else(|| self.starred(file, inline, name, space, hops))
    }

    /// Whether nothing but `None` is ever given to a name at the top level of a file.
    fn is_only_nothing(&self, file: u32, name: &str) -> bool {
        let constants = self.file(file).lowered.outline.constants.iter();
        let mut values = constants.filter(|it| it.name == name && it.owner.is_none()).map(|it| &it.value);
        values.all(|value| *value == Some(Const::Nothing))
    }

    /// A type alias is what it stands for.
    fn through_alias(&self, ty: TypeKey, hops: u32) -> Def {
        let header = self.header(ty);
        if header.kind == crate::unit::TypeKind::Alias
            && let Some(TypeTree::Path { path, .. }) = header.bases.first()
        {
            let module = BodyRef { file: ty.file, body: BodyId::MODULE };
            let found = match self.file(ty.file).language {
                Language::Python => self.resolve_in(module, path, hops),
                Language::Rust => rust_names::resolve_from(self, ty.file, &header.module, path, hops),
            };
            if let Some(found) = found
                && found != Def::Type(ty)
            {
                return found;
            }
        }
        Def::Type(ty)
    }

    fn starred(&self, file: u32, inline: &[Name], name: &str, space: Space, hops: u32) -> Option<Def> {
        let imports = &self.file(file).lowered.outline.imports;
        let stars = imports.iter().zip(0u32..).filter(|(import, _)| import.binds.is_none() && import.within.is_none());
        for (import, number) in stars {
            if self.file(file).language == Language::Rust && import.module != inline {
                continue;
            }
            let Some(module) = self.star(file, number, import, hops) else { continue };
            if let Some(def) = self.member_in(file, &module, name, space, hops)
                && !matches!(def, Def::External(_))
            {
                return Some(def);
            }
        }
        None
    }

    /// The module of which an import takes all names: asked for every name that is not found in a file.
    pub(super) fn star(&self, file: u32, number: u32, import: &Import, hops: u32) -> Option<Def> {
        if let Some(known) = self.memory.stars.borrow().get(&(file, number)) {
            return known.clone();
        }
        let watched = self.memory.binding.borrow_mut().watch();
        let found = self.imported(file, import, Space::Holders, hops);
        if self.memory.binding.borrow_mut().kept_apart(watched) {
            self.memory.stars.borrow_mut().insert((file, number), found.clone());
        }
        found
    }

    /// What an import binds (for a star: the module itself).
    pub(super) fn imported(&self, file: u32, import: &Import, space: Space, hops: u32) -> Option<Def> {
        match self.file(file).language {
            Language::Python => {
                // `import a.b` binds `a`; `import a.b as c` binds the whole.
                let binds_first =
                    import.item.is_none() && import.binds.is_some() && import.binds.as_ref() == import.path.first();
                let path = if binds_first { &import.path[..1] } else { &import.path[..] };
                python_names::imported(self, file, path, import.level, import.item.as_deref(), hops)
            }
            Language::Rust => rust_names::resolve_as(self, file, &import.module, &import.path, space, hops),
        }
    }

    /// What `def.name` or `def::name` means.
    pub(super) fn member(&self, near: u32, def: &Def, name: &str, hops: u32) -> Option<Def> {
        self.member_in(near, def, name, Space::Any, hops)
    }

    fn member_in(&self, near: u32, def: &Def, name: &str, space: Space, hops: u32) -> Option<Def> {
        let hops = hops.checked_sub(1)?;
        match def {
            Def::Module { file, inline } => self.lookup(*file, inline, name, space, hops).or_else(|| {
                python_names::submodule(self, *file, name).filter(|_| self.file(*file).language == Language::Python)
            }),
            Def::Type(ty) => self.type_member(*ty, name),
            // Nothing that has a meaning is called by so long a name; joining on would take time without end.
            Def::Model(path) | Def::External(path) if path.len() > LONGEST => None,
            Def::Model(path) | Def::External(path) => {
                let language = self.file(near).language;
                let joined = match language {
                    Language::Python => format!("{path}.{name}"),
                    Language::Rust => format!("{path}::{name}"),
                };
                // A folder that is no package may hold modules all the same.
                let parts = || joined.split('.').map(Name::new).collect::<Vec<Name>>();
                let module =
                    (language == Language::Python).then(|| python_names::module(self, near, &parts())).flatten();
                Some(match module {
                    Some(file) => Def::Module { file, inline: Vec::new() },
                    None => self.outside_def(language, &joined),
                })
            }
            Def::Function(_) | Def::Variant(..) | Def::Variable { .. } => None,
        }
    }

    fn type_member(&self, ty: TypeKey, name: &str) -> Option<Def> {
        if let Some(method) = self.method(ty, name) {
            return Some(Def::Function(method));
        }
        let header = self.header(ty);
        if header.fields.iter().any(|field| field.variant.as_deref() == Some(name)) {
            return Some(Def::Variant(ty, Name::new(name)));
        }
        let types = &self.file(ty.file).lowered.outline.types;
        let nested = types.iter().zip(0u32..).find(|(other, _)| other.outer == Some(ty.id) && other.name == name);
        nested.map(|(_, id)| Def::Type(TypeKey { file: ty.file, id: TypeId(id) }))
    }

    /// A path from outside the program: the catalogue's own name for it, if it has one.
    pub(super) fn outside_def(&self, language: Language, path: &str) -> Def {
        match self.catalogue.canonical(language.name(), path) {
            Some(known) => Def::Model(known),
            None => Def::External(Name::new(path)),
        }
    }

    /// The definition a type tree's head names, with its arguments.
    pub(super) fn resolve_tree(&self, body: BodyRef, path: &[Name]) -> Option<Def> {
        if self.language(body) == Language::Python
            && let [name] = path
        {
            // A class may be nested in the class or function around the annotation.
            let types = &self.file(body.file).lowered.outline.types;
            let own = types
                .iter()
                .zip(0u32..)
                .find(|(header, _)| header.name == *name && (header.within.is_some() || header.outer.is_some()));
            let shadow = self.names.items(body.file, &[], name).is_empty();
            if let (Some((_, id)), true) = (own, shadow) {
                return Some(Def::Type(TypeKey { file: body.file, id: TypeId(id) }));
            }
        }
        self.resolve_path(body, path)
    }

    pub(super) fn link_types(&mut self) {
        let mut found = Vec::new();
        let mut blocks = Vec::new();
        for (file, index) in self.files.iter().zip(0u32..) {
            for (header, id) in file.lowered.outline.types.iter().zip(0u32..) {
                let ty = TypeKey { file: index, id: TypeId(id) };
                for (name, body) in &header.methods {
                    let body = BodyRef { file: index, body: *body };
                    found.push((ty, name.clone(), body));
                }
                blocks.extend(header.class_body.map(|block| (BodyRef { file: index, body: block }, ty)));
            }
        }
        for (ty, name, body) in found.drain(..) {
            self.methods.entry(name).or_default().entry(ty).or_default().push(body);
            self.names.impl_owners.insert(body, ty);
        }
        self.names.impl_owners.extend(blocks);
        self.link_bases();
        self.link_impls();
    }

    fn link_bases(&mut self) {
        let mut edges = Vec::new();
        let mut outside = Vec::new();
        for (file, index) in self.files.iter().zip(0u32..) {
            let module = BodyRef { file: index, body: BodyId::MODULE };
            for (header, id) in file.lowered.outline.types.iter().zip(0u32..) {
                let ty = TypeKey { file: index, id: TypeId(id) };
                for base in &header.bases {
                    let TypeTree::Path { path, .. } = base else { continue };
                    let def = match file.language {
                        Language::Python => self.resolve_tree(module, path),
                        Language::Rust => rust_names::resolve_from(self, index, &header.module, path, HOPS),
                    };
                    match def {
                        Some(Def::Type(parent)) if parent != ty => edges.push((ty, parent)),
                        Some(Def::Model(path) | Def::External(path)) => outside.push((ty, path)),
                        _ => {}
                    }
                }
            }
        }
        self.families.extend(edges);
        for (ty, path) in outside {
            self.outside_bases.entry(ty).or_default().push(path);
        }
    }

    /// Whether a function only says what others do (`...`, `raise NotImplementedError`, a trait's method): its code is
    /// somewhere else.
    pub fn is_declared_only(&self, function: BodyRef) -> bool {
        let last = self.body(function).root.steps.last();
        let refuses = matches!(last.map(|step| &step.kind), Some(StepKind::Raise { .. }));
        self.flow(function).nodes().all(|node| match &node.step.kind {
            StepKind::Const { .. } | StepKind::Discard { .. } => true,
            StepKind::Read { .. } | StepKind::Call { .. } | StepKind::Format { .. } | StepKind::Raise { .. } => refuses,
            _ => false,
        })
    }

    /// Whether a body is the code of a class block.
    pub fn is_class_body(&self, body: BodyRef) -> bool {
        self.body(body).kind == BodyKind::Class
    }
}

/// What a name means that was asked on the way to the first name of a circle, and came back to that: what was found of it
/// lacks what the first adds. `None` where that may differ with where one comes in.
fn within_circle(first: &Binding, of_first: &Option<Def>, key: &Binding, met: Option<Def>) -> Option<Option<Def>> {
    match (of_first, met) {
        // The first adds nothing.
        (None, met) => Some(met),
        (Some(_), Some(met)) => (Some(&met) == of_first.as_ref()).then_some(Some(met)),
        // All else was looked through.
        (Some(Def::External(_)), None) => None,
        (Some(_), None) => (first.1 == key.1 && first.2 == key.2).then(|| of_first.clone()),
    }
}

/// A type tree without references around it.
pub(super) fn peel_refs(tree: &TypeTree) -> &TypeTree {
    match tree {
        TypeTree::Ref(inner) => peel_refs(inner),
        other => other,
    }
}
