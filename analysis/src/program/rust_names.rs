//! How Rust paths find items.

use rustc_hash::FxHashSet;

use super::names::{HOPS, Item, Space};
use super::{BodyRef, Def, Program, TypeKey};
use crate::source::Language;
use crate::unit::{ModulePlace, Name, Path, TypeKind};

/// What a path means in a body.
pub(super) fn resolve(program: &Program<'_>, body: BodyRef, path: &[Name], hops: u32) -> Option<Def> {
    let (first, rest) = path.split_first()?;
    if first == "Self" {
        let owner = program.owner_around(body)?;
        return program.members(body.file, Def::Type(owner), rest, hops);
    }
    let mut at = Some(body);
    while let Some(here) = at {
        let imports = &program.file(body.file).lowered.outline.imports;
        let local = imports.iter().filter(|import| import.within == Some(here.body));
        for import in local {
            let module = &program.body(body).module;
            match &import.binds {
                Some(binds) if binds == first => {
                    let space = if rest.is_empty() { Space::Any } else { Space::Holders };
                    let start = resolve_as(program, body.file, module, &import.path, space, hops)?;
                    return program.members(body.file, start, rest, hops);
                }
                None => {
                    let start = resolve_from(program, body.file, module, &import.path, hops);
                    let found = start.and_then(|start| program.member(body.file, &start, first, hops));
                    if let Some(found) = found.filter(|def| !matches!(def, Def::External(_))) {
                        return program.members(body.file, found, rest, hops);
                    }
                }
                Some(_) => {}
            }
        }
        at = program.body(here).parent.map(|parent| BodyRef { file: body.file, body: parent });
    }
    if let Some(found) = imported_macro(program, body, first).filter(|_| rest.is_empty()) {
        return Some(found);
    }
    resolve_from(program, body.file, &program.body(body).module, path, hops)
}

/// A macro that is imported by its name without the mark (`use metrics::gauge`, then `gauge!`).
fn imported_macro(program: &Program<'_>, body: BodyRef, name: &str) -> Option<Def> {
    let bare = name.strip_suffix('!')?;
    let imports = &program.file(body.file).lowered.outline.imports;
    let import = imports.iter().find(|import| import.binds.as_deref() == Some(bare))?;
    let (last, home) = import.path.split_last()?;
    let home: Vec<&str> = home.iter().map(Name::as_str).collect();
    let path = format!("{}::{last}!", home.join("::"));
    let canonical = program.catalogue.call(Language::Rust.name(), &path)?;
    Some(Def::Model(canonical.path.clone()))
}

/// What a path means in a module.
pub(super) fn resolve_from(program: &Program<'_>, file: u32, inline: &[Name], path: &[Name], hops: u32) -> Option<Def> {
    resolve_as(program, file, inline, path, Space::Any, hops)
}

/// What a path means in a module, its last name looked for in one name space.
pub(super) fn resolve_as(
    program: &Program<'_>,
    file: u32,
    inline: &[Name],
    path: &[Name],
    space: Space,
    hops: u32,
) -> Option<Def> {
    let hops = hops.checked_sub(1)?;
    let (first, rest) = path.split_first()?;
    let start = match first.as_str() {
        "crate" => Def::Module { file: crate_root(program, file)?, inline: Vec::new() },
        "self" => Def::Module { file, inline: inline.to_vec() },
        "super" => parent_module(program, file, inline)?,
        "" => {
            let (name, rest) = rest.split_first()?;
            return program.members_as(file, program.outside_def(Language::Rust, name), rest, space, hops);
        }
        name => match program.lookup(file, inline, name, if rest.is_empty() { space } else { Space::Holders }, hops) {
            // `use tokio::…` inside a module called `tokio`, and `use x as x`: the crate, not itself.
            Some(def) => def,
            None => outside(program, file, name),
        },
    };
    program.members_as(file, start, rest, space, hops)
}

/// The type alias that a path names in a module, not followed further.
pub(super) fn alias(program: &Program<'_>, file: u32, inline: &[Name], path: &[Name]) -> Option<TypeKey> {
    let last = path.last()?;
    program.names.is_alias(last).then(|| Aliases { program, asked: FxHashSet::default() }.named(file, inline, path))?
}

/// Looks for a type alias. Modules that take over each other's names are asked once each.
struct Aliases<'p, 'a> {
    program: &'p Program<'a>,
    asked: FxHashSet<(u32, Path, Name)>,
}

impl Aliases<'_, '_> {
    fn named(&mut self, file: u32, inline: &[Name], path: &[Name]) -> Option<TypeKey> {
        let (last, home) = path.split_last()?;
        if home.is_empty() {
            return self.of_module(file, inline, last);
        }
        match resolve_as(self.program, file, inline, home, Space::Holders, HOPS)? {
            Def::Module { file, inline } => self.of_module(file, &inline, last),
            _ => None,
        }
    }

    fn of_module(&mut self, file: u32, inline: &[Name], name: &Name) -> Option<TypeKey> {
        if !self.asked.insert((file, inline.to_vec(), name.clone())) {
            return None;
        }
        let program = self.program;
        let imports = &program.file(file).lowered.outline.imports;
        for item in program.names.items(file, inline, name) {
            match item {
                Item::Type(ty) => return (program.header(*ty).kind == TypeKind::Alias).then_some(*ty),
                Item::Import(number) => {
                    let import = imports.get(*number).filter(|import| import.path.as_slice() != [name.clone()])?;
                    return self.named(file, &import.module, &import.path);
                }
                _ => {}
            }
        }
        let stars = imports.iter().zip(0u32..).filter(|(import, _)| import.binds.is_none() && import.within.is_none());
        stars.filter(|(import, _)| import.module == inline).find_map(|(import, number)| {
            match program.star(file, number, import, HOPS)? {
                Def::Module { file, inline } => self.of_module(file, &inline, name),
                _ => None,
            }
        })
    }
}

/// A name that no module in scope binds: another crate of the workspace, the library of a program or test, or a crate from
/// outside. A library whose name the catalogue knows does not stand for itself.
fn outside(program: &Program<'_>, file: u32, name: &str) -> Def {
    let known = program.catalogue.is_module(Language::Rust.name(), name);
    let own = crate_root(program, file).unwrap_or(file);
    let mut roots = ["lib", "main"].into_iter().flat_map(|root| program.names.files_named(root));
    let found = roots.find(|&&root| (root != own || !known) && is_called(program, root, name));
    match found {
        Some(&file) => Def::Module { file, inline: Vec::new() },
        None => program.outside_def(Language::Rust, name),
    }
}

/// Whether a file is the root of the crate of this name, by its manifest, or else by its folder.
fn is_called(program: &Program<'_>, root: u32, name: &str) -> bool {
    match &program.file(root).library {
        Some(library) => **library == *name,
        None => folder_name(program, root).is_some_and(|folder| folder == name),
    }
}

fn folder_name(program: &Program<'_>, root: u32) -> Option<String> {
    let parts = &program.file(root).parts;
    let folder = parts.len().checked_sub(2)?;
    let folder = if parts[folder] == "src" { folder.checked_sub(1)? } else { folder };
    Some(parts[folder].replace('-', "_"))
}

/// The root file of the crate a file belongs to.
pub(super) fn crate_root(program: &Program<'_>, file: u32) -> Option<u32> {
    *program.file(file).crate_root.get_or_init(|| find_crate_root(program, file))
}

fn find_crate_root(program: &Program<'_>, file: u32) -> Option<u32> {
    let parts = &program.file(file).parts;
    for depth in (0..parts.len()).rev() {
        for name in ["lib", "main"] {
            let found = program.names.files_named(name).iter().copied().find(|&other| {
                let other = &program.file(other).parts;
                other.len() == depth + 1 && other[..depth] == parts[..depth]
            });
            if let Some(found) = found {
                return Some(found);
            }
        }
    }
    // A single file, an example or a test: its own crate.
    Some(top_of(program, file))
}

/// The outermost file that declares this one through `mod`.
fn top_of(program: &Program<'_>, file: u32) -> u32 {
    let mut at = file;
    for _ in 0..32 {
        match declaring(program, at) {
            Some(parent) if parent != at => at = parent,
            _ => break,
        }
    }
    at
}

/// The file in which a file's module is declared.
fn declaring(program: &Program<'_>, file: u32) -> Option<u32> {
    *program.file(file).declared_in.get_or_init(|| find_declaring(program, file))
}

fn find_declaring(program: &Program<'_>, file: u32) -> Option<u32> {
    let parts = &program.file(file).parts;
    let own = if parts.last()? == "mod" { &parts[..parts.len() - 1] } else { parts };
    let (_, folder) = own.split_last()?;
    let mut homes: Vec<Vec<Name>> = vec![folder.to_vec()];
    for name in ["mod", "lib", "main"] {
        let mut home = folder.to_vec();
        home.push(Name::new(name));
        homes.push(home);
    }
    homes.iter().find_map(|home| file_at(program, home).filter(|&found| found != file))
}

fn file_at(program: &Program<'_>, parts: &[Name]) -> Option<u32> {
    let last = parts.last()?;
    let lookup = if last == "mod" { parts.get(parts.len().checked_sub(2)?)? } else { last };
    let mut files = program.names.files_named(lookup).iter().copied();
    files.find(|&other| program.file(other).language == Language::Rust && program.file(other).parts == parts)
}

fn parent_module(program: &Program<'_>, file: u32, inline: &[Name]) -> Option<Def> {
    match inline.split_last() {
        Some((_, outer)) => Some(Def::Module { file, inline: outer.to_vec() }),
        None => declaring(program, file).map(|file| Def::Module { file, inline: Vec::new() }),
    }
}

/// The module that `mod name;` or `mod name { … }` declares in a file.
pub(super) fn child_module(program: &Program<'_>, file: u32, inline: &[Name]) -> Option<Def> {
    let (name, outer) = inline.split_last()?;
    let outline = &program.file(file).lowered.outline;
    let decl = outline.modules.iter().find(|decl| decl.name == *name && decl.module == outer)?;
    if decl.place == ModulePlace::Inline {
        return Some(Def::Module { file, inline: inline.to_vec() });
    }
    let parts = &program.file(file).parts;
    let (last, folder) = parts.split_last()?;
    let mut home = folder.to_vec();
    if let Some(path) = &decl.file {
        let stem = path.rsplit_once('.').map_or(path.as_str(), |(stem, _)| stem);
        home.extend(stem.split('/').filter(|part| *part != ".").map(Name::new));
        return file_at(program, &home).map(|file| Def::Module { file, inline: Vec::new() });
    }
    if !matches!(last.as_str(), "mod" | "lib" | "main") {
        home.push(last.clone());
    }
    home.extend(inline.iter().cloned());
    let mut within = home.clone();
    within.push(Name::new("mod"));
    // Binaries and tests of one file keep their modules beside it.
    let mut beside = folder.to_vec();
    beside.extend(inline.iter().cloned());
    let found = [home, within, beside].iter().find_map(|parts| file_at(program, parts));
    found.map(|file| Def::Module { file, inline: Vec::new() })
}
