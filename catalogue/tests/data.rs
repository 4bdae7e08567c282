//! What every data file owes its reader.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use unleak_catalogue::Catalogue;
use unleak_catalogue::model::Library;
use unleak_catalogue::subject::TypeRef;

fn libraries() -> &'static [Library] {
    Catalogue::embedded().libraries()
}

fn last_segment<'a>(language: &str, path: &'a str) -> &'a str {
    path.rsplit(if language == "rust" { "::" } else { "." }).next().unwrap()
}

/// Read as users' files are: what is wrong with one is said with its place.
#[test]
fn every_file_loads_and_is_what_is_embedded() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["python", "rust"] {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(name.ends_with(".toml"), "{folder}/{name} is no data file");
            files.push(format!("{folder}/{name}"));
        }
    }
    files.sort();
    let library = |name: String| {
        let text = fs::read_to_string(root.join(&name)).unwrap();
        let library = Catalogue::parse(&name, &text).unwrap_or_else(|error| panic!("{error}"));
        (name, library)
    };
    let read = Catalogue::new(files.into_iter().map(library).collect()).unwrap_or_else(|error| panic!("{error}"));
    assert!(read.libraries() == libraries(), "what is embedded is not what the files say");
}

#[test]
fn every_path_is_its_own_canonical_path() {
    let catalogue = Catalogue::embedded();
    let mut wrong = Vec::new();
    for library in libraries() {
        let language = library.language.as_str();
        let own = library.calls.iter().map(|call| &call.path);
        let own = own.chain(library.types.iter().map(|ty| &ty.path));
        let own = own.chain(library.constants.iter().map(|constant| &constant.path));
        wrong.extend(own.filter(|path| catalogue.canonical(language, path).as_ref() != Some(path)).cloned());
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_other_name_leads_to_its_entry() {
    let catalogue = Catalogue::embedded();
    let mut wrong = Vec::new();
    for library in libraries() {
        let calls = library.calls.iter().map(|call| (&call.path, &call.also));
        let types = library.types.iter().map(|ty| (&ty.path, &ty.also));
        let constants = library.constants.iter().map(|constant| (&constant.path, &constant.also));
        for (path, also) in calls.chain(types).chain(constants) {
            for other in also {
                let found = catalogue.canonical(&library.language, other);
                if found.as_ref() != Some(path) {
                    wrong.push(format!("{other} of {path} leads to {found:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_type_named_exists() {
    let catalogue = Catalogue::embedded();
    let mut unknown = BTreeSet::new();
    for library in libraries() {
        let language = library.language.as_str();
        for ty in &library.types {
            for base in ty.bases.iter().chain(&ty.given_to).filter(|base| catalogue.ty(language, base).is_none()) {
                unknown.insert(format!("{base} (base of {})", ty.path));
            }
            let named = [&ty.awaited, &ty.entered, &ty.element, &ty.iterated].into_iter().flatten();
            for named in named.chain(ty.fields.values()) {
                collect_unknown(catalogue, language, named, &ty.path, &mut unknown);
            }
        }
        for call in &library.calls {
            for named in [&call.returns, &call.unawaited, &call.decorated].into_iter().flatten().chain(&call.hands) {
                collect_unknown(catalogue, language, named, &call.path, &mut unknown);
            }
        }
    }
    assert!(unknown.is_empty(), "{unknown:#?}");
}

/// `T`, `U` and `V` are type arguments.
fn collect_unknown(catalogue: &Catalogue, language: &str, ty: &TypeRef, entry: &str, unknown: &mut BTreeSet<String>) {
    match ty {
        TypeRef::Named { path, args } => {
            if !matches!(path.as_str(), "T" | "U" | "V") && catalogue.ty(language, path).is_none() {
                unknown.insert(format!("{path} (in {entry})"));
            }
            args.iter().for_each(|arg| collect_unknown(catalogue, language, arg, entry, unknown));
        }
        TypeRef::Tuple(parts) => {
            parts.iter().for_each(|part| collect_unknown(catalogue, language, part, entry, unknown));
        }
        _ => {}
    }
}

#[test]
fn every_example_shows_its_entry() {
    let mut wrong = Vec::new();
    for library in libraries() {
        for call in &library.calls {
            let name = last_segment(&library.language, &call.path);
            let shown = call.example.match_indices(name).any(|(at, _)| {
                let after = call.example[at + name.len()..].trim_start();
                after.starts_with(['(', '[', '{', ')', ',', ':']) || after.is_empty() || name.ends_with('!')
            });
            let shown = shown || (name == "__call__" && call.example.contains('('));
            if !shown || call.example.contains('\n') {
                wrong.push(format!("{}: {}", call.path, call.example));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_two_entries_share_a_path() {
    for language in ["python", "rust"] {
        for sort in ["call", "type", "constant"] {
            let mut seen = BTreeSet::new();
            for library in libraries().iter().filter(|library| library.language == language) {
                let paths: Vec<_> = match sort {
                    "call" => library.calls.iter().map(|call| &call.path).collect(),
                    "type" => library.types.iter().map(|ty| &ty.path).collect(),
                    _ => library.constants.iter().map(|constant| &constant.path).collect(),
                };
                for path in paths {
                    assert!(seen.insert(path.clone()), "{language}: {sort} `{path}` stands twice");
                }
            }
        }
    }
}
