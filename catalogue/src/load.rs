//! Loads the data files and answers "what does this path mean?".

use std::sync::OnceLock;

use rustc_hash::FxHashSet;
use smol_str::SmolStr;

use crate::error::LoadError;
use crate::index::{Entry, Index};
use crate::model::{CallModel, ConstModel, Extends, Library, LifecycleModel, Longer, TypeModel};
use crate::subject::TypeRef;

/// How many bases deep a fact of a type is looked for.
const BASES: usize = 8;

/// The data files, as the build script writes them.
const PYTHON: &str = include_str!(concat!(env!("OUT_DIR"), "/python.json"));
const RUST: &str = include_str!(concat!(env!("OUT_DIR"), "/rust.json"));

const LOADS: &str = "the embedded data loads, as a test shows";

/// All libraries of both languages.
///
/// Paths are written as in the code: `asyncio.Task.cancel`, `tokio::sync::mpsc::Sender::send`. Questions name the
/// language, `python` or `rust`; about any other language nothing is known.
#[derive(Clone, Debug)]
pub struct Catalogue {
    libraries: Vec<Library>,
    python: Index,
    rust: Index,
}

impl Catalogue {
    /// The data that this version carries.
    pub fn embedded() -> &'static Catalogue {
        static EMBEDDED: OnceLock<Catalogue> = OnceLock::new();
        EMBEDDED.get_or_init(|| Catalogue::shipped(&[PYTHON, RUST]))
    }

    /// What of it is about one language: half the work of loading it where nothing else is asked.
    pub fn embedded_of(language: &str) -> &'static Catalogue {
        static ONLY_PYTHON: OnceLock<Catalogue> = OnceLock::new();
        static ONLY_RUST: OnceLock<Catalogue> = OnceLock::new();
        let (half, files) = if language == "rust" { (&ONLY_RUST, RUST) } else { (&ONLY_PYTHON, PYTHON) };
        half.get_or_init(|| Catalogue::shipped(&[files]))
    }

    fn shipped(languages: &[&str]) -> Catalogue {
        let mut libraries = Vec::new();
        for files in languages {
            let files: Vec<(String, Library)> = serde_json::from_str(files).expect(LOADS);
            libraries.extend(files);
        }
        Catalogue::new(libraries).expect(LOADS)
    }

    /// Reads one data file; `name` is for messages.
    pub fn parse(name: &str, text: &str) -> Result<Library, LoadError> {
        let library: Library = toml::from_str(text).map_err(|error| LoadError::form(name, error))?;
        if separator(&library.language).is_none() {
            return Err(LoadError::Language { file: name.into(), language: library.language });
        }
        Ok(library)
    }

    /// A catalogue of these libraries, each with the name of its file.
    pub fn new(libraries: Vec<(String, Library)>) -> Result<Catalogue, LoadError> {
        let mut catalogue = Catalogue { libraries: Vec::new(), python: Index::new("."), rust: Index::new("::") };
        for (file, library) in libraries {
            catalogue.add(&file, library)?;
        }
        catalogue.finish();
        Ok(catalogue)
    }

    /// This catalogue and one library more, whose entries take the place of those with the same path.
    pub fn with(&self, file: &str, library: Library) -> Result<Catalogue, LoadError> {
        let mut libraries = self.libraries.clone();
        for other in libraries.iter_mut().filter(|other| other.language == library.language) {
            other.calls.retain(|call| library.calls.iter().all(|new| new.path != call.path));
            other.types.retain(|ty| library.types.iter().all(|new| new.path != ty.path));
            other.constants.retain(|constant| library.constants.iter().all(|new| new.path != constant.path));
            other.lifecycles.retain(|lifecycle| library.lifecycles.iter().all(|new| new.name != lifecycle.name));
        }
        let named = libraries.into_iter().map(|library| (library.library.to_string(), library));
        Catalogue::new(named.chain([(file.to_owned(), library)]).collect())
    }

    /// All libraries, in the order of the files.
    pub fn libraries(&self) -> &[Library] {
        &self.libraries
    }

    /// The catalogue's own path for a path as written: other names of entries, types and modules are replaced by their
    /// own, and an inherited method by that of the base. Nothing if no entry is meant.
    pub fn canonical(&self, language: &str, path: &str) -> Option<SmolStr> {
        let index = self.index(language)?;
        let own = index.own(path);
        if index.has(&own) {
            return Some(own);
        }
        let (ty, name) = index.split(&own)?;
        self.method(language, ty, name).map(|call| call.path.clone())
    }

    /// The model of a function or method by its full path, under any of its names.
    pub fn call(&self, language: &str, path: &str) -> Option<&CallModel> {
        let index = self.index(language)?;
        match index.calls.get(path) {
            Some(&entry) => Some(self.call_at(entry)),
            None => index.calls.get(&self.canonical(language, path)?).map(|&entry| self.call_at(entry)),
        }
    }

    /// The model of a type by its full path, under any of its names.
    pub fn ty(&self, language: &str, path: &str) -> Option<&TypeModel> {
        let index = self.index(language)?;
        index.types.get(path).or_else(|| index.types.get(&index.own(path))).map(|&entry| self.type_at(entry))
    }

    /// The model of a constant by its full path, under any of its names.
    pub fn constant(&self, language: &str, path: &str) -> Option<&ConstModel> {
        let index = self.index(language)?;
        index
            .constants
            .get(path)
            .or_else(|| index.constants.get(&index.own(path)))
            .map(|&(library, entry)| &self.libraries[library as usize].constants[entry as usize])
    }

    /// The method of a type, its own or inherited.
    pub fn method(&self, language: &str, type_path: &str, name: &str) -> Option<&CallModel> {
        let index = self.index(language)?;
        let path = |ty: &TypeModel| index.own(&index.join(&ty.path, name));
        self.lineage(language, type_path).find_map(|ty| index.calls.get(&path(ty))).map(|&entry| self.call_at(entry))
    }

    /// What an attribute of a type holds, its own or inherited.
    pub fn field(&self, language: &str, type_path: &str, name: &str) -> Option<&TypeRef> {
        self.lineage(language, type_path).find_map(|ty| ty.fields.get(name))
    }

    /// Whether a library calls this method of a class derived from a type once per event.
    pub fn handles(&self, language: &str, type_path: &str, name: &str) -> bool {
        self.lineage(language, type_path).any(|ty| ty.handlers.iter().any(|handler| handler == name))
    }

    /// A type and its bases, nearest first.
    fn lineage(&self, language: &str, type_path: &str) -> impl Iterator<Item = &TypeModel> {
        let index = self.index(language);
        let mut seen: Vec<Entry> = Vec::new();
        let mut waiting: Vec<SmolStr> = index.map(|index| index.own(type_path)).into_iter().collect();
        std::iter::from_fn(move || {
            while let Some(path) = waiting.pop() {
                let Some(&entry) = index?.types.get(&path).filter(|entry| !seen.contains(entry)) else { continue };
                seen.push(entry);
                let ty = self.type_at(entry);
                waiting.extend(ty.bases.iter().rev().cloned());
                return Some(ty);
            }
            None
        })
    }

    /// The method that says what an object of a type runs once it is started, for threads and processes made as objects.
    pub fn runs(&self, language: &str, type_path: &str) -> Option<&SmolStr> {
        let mut at = self.ty(language, type_path)?;
        for _ in 0..BASES {
            if at.runs.is_some() {
                break;
            }
            at = self.ty(language, at.bases.first()?)?;
        }
        at.runs.as_ref()
    }

    /// The trait, by its last name, whose method says what a value stands for, and that method.
    pub fn shown_by(&self, language: &str) -> Option<(&str, &str)> {
        let (of, method) = self.index(language)?.shown.as_ref()?;
        Some((of, method))
    }

    /// Whether a type is another, or has its methods.
    pub fn is_a(&self, language: &str, path: &str, of: &str) -> bool {
        let Some(index) = self.index(language) else { return false };
        let mut seen = FxHashSet::default();
        let mut waiting = vec![index.own(path)];
        while let Some(path) = waiting.pop() {
            if path == of {
                return true;
            }
            if let Some(&entry) = index.types.get(&path).filter(|_| seen.insert(path.clone())) {
                waiting.extend(self.type_at(entry).bases.iter().cloned());
            }
        }
        false
    }

    /// The types that the name of a variable or field suggests.
    pub fn hinted(&self, language: &str, name: &str) -> &[SmolStr] {
        self.index(language).and_then(|index| index.hints.get(name)).map_or(&[], Vec::as_slice)
    }

    /// The methods of this name that apply to receivers of any type (extension traits).
    pub fn any_method(&self, language: &str, name: &str) -> impl Iterator<Item = &CallModel> {
        let entries = self.index(language).and_then(|index| index.extensions.get(name));
        entries.into_iter().flatten().map(|&entry| self.call_at(entry))
    }

    /// What a function of this name means for the life of what it belongs to.
    pub fn lifecycle(&self, language: &str, name: &str) -> Option<&LifecycleModel> {
        let known = &self.index(language)?.lifecycles;
        let find =
            |name: &str| known.get(name).map(|&(file, at)| &self.libraries[file as usize].lifecycles[at as usize]);
        let name = name.trim_matches('_');
        let mut starts = name.rmatch_indices('_').map(|(at, _)| &name[..at]);
        find(name).or_else(|| starts.find_map(|start| find(start).filter(|model| model.longer == Longer::Words)))
    }

    /// All methods of this name, whatever their type.
    pub fn methods_named(&self, language: &str, name: &str) -> impl Iterator<Item = &CallModel> {
        let entries = self.index(language).and_then(|index| index.methods.get(name));
        entries.into_iter().flatten().map(|&entry| self.call_at(entry))
    }

    /// Whether some entry lies below this prefix: a module, or a type with methods.
    pub fn is_module(&self, language: &str, path: &str) -> bool {
        self.index(language).is_some_and(|index| index.is_module(path))
    }

    /// The library that an entry belongs to.
    pub fn library_of(&self, language: &str, path: &str) -> Option<&Library> {
        let own = self.canonical(language, path)?;
        let index = self.index(language)?;
        let found = index.calls.get(&own).or_else(|| index.types.get(&own)).or_else(|| index.constants.get(&own))?;
        Some(&self.libraries[found.0 as usize])
    }

    fn index(&self, language: &str) -> Option<&Index> {
        match language {
            "python" => Some(&self.python),
            "rust" => Some(&self.rust),
            _ => None,
        }
    }

    fn call_at(&self, (library, entry): Entry) -> &CallModel {
        &self.libraries[library as usize].calls[entry as usize]
    }

    fn type_at(&self, (library, entry): Entry) -> &TypeModel {
        &self.libraries[library as usize].types[entry as usize]
    }

    /// Indexes the paths and names of one library.
    fn add(&mut self, file: &str, library: Library) -> Result<(), LoadError> {
        let index = if library.language == "rust" { &mut self.rust } else { &mut self.python };
        let place = self.libraries.len() as u32;
        let twice = |path: &SmolStr| LoadError::Twice { file: file.to_owned(), path: path.clone() };
        for (other, own) in &library.same_modules {
            index.renamed.insert(other.clone(), own.clone());
            index.add_modules_of(other);
        }
        for (entry, ty) in library.types.iter().enumerate() {
            if index.types.insert(ty.path.clone(), (place, entry as u32)).is_some() {
                return Err(twice(&ty.path));
            }
            if let (Some(method), Some((_, last))) = (&ty.shows, index.split(&ty.path)) {
                index.shown = Some((last.into(), method.clone()));
            }
            name(index, &ty.path, &ty.also);
            for hint in &ty.hints {
                index.hints.entry(hint.clone()).or_default().push(ty.path.clone());
            }
        }
        for (entry, call) in library.calls.iter().enumerate() {
            if index.calls.insert(call.path.clone(), (place, entry as u32)).is_some() {
                return Err(twice(&call.path));
            }
            name(index, &call.path, &call.also);
        }
        for (entry, constant) in library.constants.iter().enumerate() {
            if index.constants.insert(constant.path.clone(), (place, entry as u32)).is_some() {
                return Err(twice(&constant.path));
            }
            name(index, &constant.path, &constant.also);
        }
        for (entry, lifecycle) in library.lifecycles.iter().enumerate() {
            for name in [&lifecycle.name].into_iter().chain(&lifecycle.also) {
                if index.lifecycles.insert(name.clone(), (place, entry as u32)).is_some() {
                    return Err(twice(name));
                }
            }
        }
        self.libraries.push(library);
        Ok(())
    }

    /// What needs the names of all libraries: types in the data get their own paths, methods are found by name.
    fn finish(&mut self) {
        for library in &mut self.libraries {
            let index = if library.language == "rust" { &self.rust } else { &self.python };
            for ty in &mut library.types {
                ty.bases.iter_mut().for_each(|base| *base = index.own(base));
                let refs = [&mut ty.awaited, &mut ty.entered, &mut ty.element, &mut ty.iterated];
                refs.into_iter().flatten().chain(ty.fields.values_mut()).for_each(|ty| use_own_paths(ty, index));
            }
            for call in &mut library.calls {
                let refs = [&mut call.returns, &mut call.unawaited, &mut call.decorated];
                refs.into_iter().flatten().chain(&mut call.hands).for_each(|ty| use_own_paths(ty, index));
            }
        }
        for (place, library) in self.libraries.iter().enumerate() {
            let index = if library.language == "rust" { &mut self.rust } else { &mut self.python };
            for (entry, call) in library.calls.iter().enumerate() {
                let Some((ty, name)) = index.split(&call.path) else { continue };
                let Some(&(of, ty)) = index.types.get(ty) else { continue };
                let here = (place as u32, entry as u32);
                if self.libraries[of as usize].types[ty as usize].extends != Extends::Nothing {
                    index.extensions.entry(name.into()).or_default().push(here);
                }
                index.methods.entry(name.into()).or_default().push(here);
            }
        }
    }
}

/// What stands between the segments of a path.
fn separator(language: &str) -> Option<&'static str> {
    match language {
        "python" => Some("."),
        "rust" => Some("::"),
        _ => None,
    }
}

/// Makes a path and its other names known.
fn name(index: &mut Index, own: &SmolStr, also: &[SmolStr]) {
    index.add_modules_of(own);
    for other in also {
        index.renamed.insert(other.clone(), own.clone());
        index.add_modules_of(other);
    }
}

/// Replaces the names of types by their own paths.
fn use_own_paths(ty: &mut TypeRef, index: &Index) {
    match ty {
        TypeRef::Named { path, args } => {
            let own = index.own(path);
            if index.types.contains_key(&own) {
                *path = own;
            }
            args.iter_mut().for_each(|arg| use_own_paths(arg, index));
        }
        TypeRef::Tuple(parts) => parts.iter_mut().for_each(|part| use_own_paths(part, index)),
        _ => {}
    }
}
