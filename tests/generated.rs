//! Files that are written from others are current: the registry of lints, the lint table of the README, the
//! lint pages. A stale one is rewritten, and the test fails once; with `CI=true` it only fails.

mod support;

use std::fmt::Write;
use std::path::{Path, PathBuf};

use support::{read, report, root, sources, temporary_folder, unleak};
use unleak_lints::{ALL, Level, Lint, Strictness};

/// Sees to it that `path` holds `text`; says what was done if it did not.
fn keep_current(path: &Path, text: &str) -> Option<String> {
    let whole = root().join(path);
    if std::fs::read_to_string(&whole).is_ok_and(|now| now == text) {
        return None;
    }
    if std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false") {
        return Some(format!("{}: not current; run `cargo test` and commit what it writes", path.display()));
    }
    std::fs::create_dir_all(whole.parent().expect("a folder")).expect("the folder can be made");
    std::fs::write(&whole, text).expect("the file can be written");
    Some(format!("{}: was not current and has been written; run the test again", path.display()))
}

/// The names of the modules in `lints/src/` that define a lint.
fn lint_modules() -> Vec<String> {
    let defines = |path: &PathBuf| read(path).lines().any(|line| line.starts_with("pub static LINT: Lint"));
    let name = |path: PathBuf| path.file_stem().expect("a name").to_string_lossy().into_owned();
    sources("lints/src", "rs").into_iter().filter(defines).map(name).collect()
}

#[test]
fn the_registry_lists_every_lint() {
    let modules = lint_modules();
    let mut text = String::from(
        "//! Every lint. Written by `tests/generated.rs` from the files of this folder.\n\n\
         #![allow(unreachable_pub, reason = \"all lints are written alike and reached through `ALL`\")]\n\n\
         use crate::lint::Lint;\n\n",
    );
    for module in &modules {
        let _ = writeln!(text, "#[path = \"{module}.rs\"]\nmod {module};");
    }
    let items: Vec<String> = modules.iter().map(|module| format!("&{module}::LINT")).collect();
    let line = format!("pub static ALL: &[&Lint] = &[{}];", items.join(", "));
    let list = if line.len() <= 120 {
        line
    } else {
        format!("pub static ALL: &[&Lint] = &[\n    {},\n];", items.join(",\n    "))
    };
    let _ = write!(text, "\n/// Every lint, by name.\n{list}\n");
    let stale = keep_current(Path::new("lints/src/registry.rs"), &text);
    report("written files that were not current", &Vec::from_iter(stale));
}

fn languages(lint: &Lint) -> String {
    lint.languages.iter().map(|language| language.name()).collect::<Vec<_>>().join(", ")
}

fn level(lint: &Lint) -> &'static str {
    match lint.level {
        Level::Note => "note",
        Level::Warning => "warning",
        Level::Error => "error",
    }
}

fn asked(lint: &Lint) -> &'static str {
    match lint.strictness {
        Strictness::Default => "always",
        Strictness::Strict => "with `--strict`",
        Strictness::Preview => "with `--preview`",
    }
}

#[test]
fn the_lint_table_of_the_readme_is_current() {
    const START: &str = "<!-- lints: written by tests/generated.rs -->\n";
    const END: &str = "<!-- /lints -->";
    let readme = read("README.md");
    let (before, rest) = readme.split_once(START).expect("README.md has the start mark of the lint table");
    let (_, after) = rest.split_once(END).expect("README.md has the end mark of the lint table");
    let mut table = String::from("| lint | says | languages | level | asked |\n|---|---|---|---|---|\n");
    for lint in ALL {
        let (name, says) = (lint.name, lint.summary().replace('|', "\\|"));
        let _ = writeln!(
            table,
            "| [`{name}`](docs/lints/{name}.md) | {says} | {} | {} | {} |",
            languages(lint),
            level(lint),
            asked(lint)
        );
    }
    let stale = keep_current(Path::new("README.md"), &format!("{before}{START}{table}{END}{after}"));
    report("written files that were not current", &Vec::from_iter(stale));
}

/// What a schema says of something, on one line that a table can hold.
fn described(of: &serde_json::Value) -> String {
    of["description"].as_str().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

/// The vocabulary of models: the keys of calls, births and types, and the words that some of them take.
fn vocabulary(schema: &serde_json::Value) -> String {
    let mut text = String::new();
    let keys = [("CallModel", "Keys of a call"), ("Birth", "Keys of a `birth`"), ("TypeModel", "Keys of a type")];
    for (name, title) in keys {
        let _ = write!(text, "\n### {title}\n| key | says |\n|---|---|\n");
        for (key, says) in schema["$defs"][name]["properties"].as_object().expect("a table of keys") {
            let _ = writeln!(text, "| `{key}` | {} |", described(says));
        }
    }
    for (name, title) in [("Kind", "Kinds"), ("Effect", "What `does` can say")] {
        let _ = write!(text, "\n### {title}\n| word | means |\n|---|---|\n");
        for word in schema["$defs"][name]["oneOf"].as_array().expect("a list of words") {
            let _ = writeln!(text, "| `{}` | {} |", word["const"].as_str().expect("a word"), described(word));
        }
    }
    text + "\n"
}

#[test]
fn the_vocabulary_of_models_is_current() {
    const START: &str = "<!-- vocabulary: written by tests/generated.rs -->\n";
    const END: &str = "<!-- /vocabulary -->";
    let page = read("docs/own-models.md");
    let (before, rest) = page.split_once(START).expect("the page has the start mark of the vocabulary");
    let (_, after) = rest.split_once(END).expect("the page has the end mark of the vocabulary");
    let schema = schemars::schema_for!(unleak_catalogue::model::Library);
    let text = format!("{before}{START}{}{END}{after}", vocabulary(schema.as_value()));
    let written = serde_json::to_string_pretty(&schema).expect("a schema is JSON") + "\n";
    let stale = [("docs/own-models.md", &text), ("models.schema.json", &written)];
    let stale = stale.iter().filter_map(|(path, text)| keep_current(Path::new(path), text));
    report("written files that were not current", &stale.collect::<Vec<_>>());
}

#[test]
fn the_lint_pages_are_current() {
    let mut stale = Vec::new();
    for lint in ALL {
        let facts = format!("Level: {}. Languages: {}. Asked: {}.", level(lint), languages(lint), asked(lint));
        let module = lint.name.replace('-', "_");
        let origin = format!("<!-- written by tests/generated.rs from lints/src/{module}.rs -->");
        let page = lint.page();
        let (title, rest) = page.split_once('\n').unwrap_or((&page, ""));
        let text = format!("{origin}\n{title}\n\n{facts}\n{rest}");
        stale.extend(keep_current(Path::new(&format!("docs/lints/{}.md", lint.name)), &text));
    }
    for page in sources("docs/lints", "md") {
        let name = page.file_stem().expect("a name").to_string_lossy();
        if !ALL.iter().any(|lint| lint.name == name) {
            stale.push(format!("{}: there is no such lint; remove the page", page.display()));
        }
    }
    report("written files that were not current", &stale);
}

#[test]
fn the_example_of_an_audit_is_current() {
    let folder = temporary_folder();
    let (from, to) = (root().join("fixtures/fire-and-forget/wrapped_spawns/app"), folder.path().join("app"));
    std::fs::create_dir(&to).expect("the folder can be made");
    for file in std::fs::read_dir(from).expect("the fixture is there") {
        let file = file.expect("it can be read").path();
        if file.extension().is_some_and(|ending| ending == "py") {
            std::fs::copy(&file, to.join(file.file_name().expect("a name"))).expect("it can be copied");
        }
    }
    let audit = unleak(folder.path(), &["audit", "app"]);
    let stale = keep_current(Path::new("docs/audit-example.md"), &audit.stdout);
    report("written files that were not current", &Vec::from_iter(stale));
}
