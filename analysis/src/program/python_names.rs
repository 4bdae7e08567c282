//! How Python imports find modules.

use super::{Def, Program, names};
use crate::source::Language;
use crate::unit::{Name, StepKind};

impl Program<'_> {
    /// What an `import` inside a body gives.
    pub(super) fn import_of(&self, file: u32, step: &StepKind) -> Option<Def> {
        let StepKind::Import { path, level, item, .. } = step else { return None };
        imported(self, file, path, *level, item.as_deref().map(Name::as_str), names::HOPS)
    }
}

/// What `from {level dots}path import item` or `import path` binds.
pub(super) fn imported(
    program: &Program<'_>,
    file: u32,
    path: &[Name],
    level: u32,
    item: Option<&str>,
    hops: u32,
) -> Option<Def> {
    if level > 0 {
        return relative(program, file, path, level, item, hops);
    }
    match item {
        Some(item) => {
            let joined = format!("{}.{item}", path.join("."));
            dotted(program, file, &joined, hops).or_else(|| Some(program.outside_def(Language::Python, &joined)))
        }
        None => {
            let whole = path.join(".");
            let found = module(program, file, path).map(|file| Def::Module { file, inline: Vec::new() });
            found.or_else(|| Some(program.outside_def(Language::Python, &whole)))
        }
    }
}

fn relative(program: &Program<'_>, file: u32, path: &[Name], level: u32, item: Option<&str>, hops: u32) -> Option<Def> {
    let parts = &program.file(file).parts;
    let keep = parts.len().checked_sub(level as usize)?;
    let mut wanted: Vec<Name> = parts[..keep].to_vec();
    wanted.extend(path.iter().cloned());
    let exact = |wanted: &[Name]| {
        let mut files = program.names.files_ending(wanted).iter().copied();
        files.find(|&other| {
            let other = program.file(other);
            other.language == Language::Python && names::module_parts(&other.parts, Language::Python) == wanted
        })
    };
    let here = exact(&wanted);
    let Some(item) = item else { return here.map(|file| Def::Module { file, inline: Vec::new() }) };
    if let Some(found) = here
        .filter(|&found| found != file || hops > 0)
        .and_then(|found| program.lookup(found, &[], item, super::names::Space::Any, hops))
    {
        return Some(found);
    }
    wanted.push(Name::new(item));
    exact(&wanted).map(|file| Def::Module { file, inline: Vec::new() })
}

/// The module of the program that a dotted path names, seen from a file: the nearest one whose path ends so.
pub(super) fn module(program: &Program<'_>, near: u32, path: &[Name]) -> Option<u32> {
    let home = &program.file(near).parts;
    let known = path.first().is_some_and(|first| program.catalogue.is_module(Language::Python.name(), first));
    let mut best: Option<(usize, usize, u32)> = None;
    for &index in program.names.files_ending(path) {
        let file = program.file(index);
        if file.language != Language::Python {
            continue;
        }
        let parts = names::module_parts(&file.parts, Language::Python);
        if !parts.ends_with(path) {
            continue;
        }
        let root = parts.len() - path.len();
        // An absolute import starts at a root: a folder above this file, and no package where a library has that name.
        let shared = home.iter().zip(parts).take_while(|(a, b)| a == b).count();
        if root > shared || known && program.names.is_package(&parts[..root]) {
            continue;
        }
        if best.is_none_or(|(other, length, _)| (shared, usize::MAX - parts.len()) > (other, usize::MAX - length)) {
            best = Some((shared, parts.len(), index));
        }
    }
    best.map(|(_, _, index)| index)
}

/// What a dotted path from the program's roots means.
pub(super) fn dotted(program: &Program<'_>, near: u32, path: &str, hops: u32) -> Option<Def> {
    let parts: Vec<Name> = path.split('.').map(Name::new).collect();
    for cut in (1..=parts.len()).rev() {
        let Some(file) = module(program, near, &parts[..cut]) else { continue };
        let start = Def::Module { file, inline: Vec::new() };
        if cut == parts.len() {
            return Some(start);
        }
        if cut + 1 == parts.len() && file == near {
            // A module that imports from its own name (a stub beside an installed package).
            continue;
        }
        return program.members(near, start, &parts[cut..], hops);
    }
    None
}

/// The module below a package's `__init__`.
pub(super) fn submodule(program: &Program<'_>, file: u32, name: &str) -> Option<Def> {
    let parts = &program.file(file).parts;
    let (last, folder) = parts.split_last()?;
    if last != "__init__" {
        return None;
    }
    let mut wanted = folder.to_vec();
    wanted.push(Name::new(name));
    let mut files = program.names.files_ending(&wanted).iter().copied();
    let found = files.find(|&other| names::module_parts(&program.file(other).parts, Language::Python) == wanted)?;
    Some(Def::Module { file: found, inline: Vec::new() })
}
