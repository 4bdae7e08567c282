//! House rules: what the compiler does not hold, these tests do.

#[path = "support/code.rs"]
mod code;
mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use code::Code;
use support::{read, report, slashed, sources, tree};
use unleak_analysis::source::Language;
use unleak_catalogue::Catalogue;

/// In files below `within` (and not below `but`), no path begins with one of `never`.
struct Wall {
    within: &'static [&'static str],
    but: &'static [&'static str],
    never: &'static [&'static str],
    why: &'static str,
}

const LIBRARIES: &[&str] = &["analysis/src", "catalogue/src", "lints/src"];
const EVERYTHING: &[&str] = &["analysis/src", "catalogue/src", "lints/src", "src"];
const PYTHON_PARSER: &[&str] = &["ruff_python_ast", "ruff_python_parser", "ruff_text_size"];
const RUST_PARSER: &[&str] = &["syn", "proc_macro2", "quote"];

const WALLS: &[Wall] = &[
    Wall {
        within: EVERYTHING,
        but: &["analysis/src/python"],
        never: PYTHON_PARSER,
        why: "the Python parser is named in its front end only",
    },
    Wall {
        within: EVERYTHING,
        but: &["analysis/src/rust"],
        never: RUST_PARSER,
        why: "the Rust parser is named in its front end only",
    },
    Wall {
        within: &["analysis/src/python", "analysis/src/rust", "analysis/src/unit", "analysis/src/source.rs"],
        but: &[],
        never: &["unleak_catalogue", "crate::program", "crate::ledger"],
        why: "a front end knows no API, and nothing to its right",
    },
    Wall {
        within: &["analysis/src/program", "analysis/src/program.rs", "analysis/src/ledger", "analysis/src/ledger.rs"],
        but: &[],
        never: &["crate::python", "crate::rust"],
        why: "everything right of the units is free of syntax",
    },
    Wall {
        within: &["analysis/src/python"],
        but: &[],
        never: &["crate::rust"],
        why: "one front end does not know the other",
    },
    Wall {
        within: &["analysis/src/rust"],
        but: &[],
        never: &["crate::python"],
        why: "one front end does not know the other",
    },
    Wall {
        within: &["lints/src"],
        but: &[],
        never: &[
            "unleak_analysis::python",
            "unleak_analysis::rust",
            "unleak_analysis::program",
            "unleak_analysis::lower",
            "unleak_analysis::analyse",
        ],
        why: "a lint asks the ledger and nothing else",
    },
    Wall {
        within: &["catalogue/src"],
        but: &[],
        never: &["unleak_analysis", "unleak_lints"],
        why: "the catalogue is data",
    },
    Wall { within: &["analysis/src"], but: &[], never: &["unleak_lints"], why: "the arrow has one direction" },
    Wall {
        within: EVERYTHING,
        but: &[],
        never: &["tokio", "unleak_pipeline"],
        why: "the analyser runs on no async runtime",
    },
    Wall {
        within: LIBRARIES,
        but: &[],
        never: &[
            "std::fs",
            "std::env",
            "std::process",
            "std::net",
            "std::io::stdin",
            "std::io::stdout",
            "std::io::stderr",
        ],
        why: "only src/ touches the outside world",
    },
    Wall {
        within: LIBRARIES,
        but: &[],
        never: &["fs", "env", "io::stdin", "io::stdout", "io::stderr", "println", "print", "eprintln", "eprint", "dbg"],
        why: "only src/ touches the outside world",
    },
    Wall {
        within: EVERYTHING,
        but: &[],
        never: &["std::net", "std::process::Command", "process::Command", "Command::new"],
        why: "the analyser starts no program and opens no connection",
    },
];

fn below(path: &Path, folders: &[&str]) -> bool {
    folders.iter().any(|folder| path.starts_with(folder))
}

/// Whether `path` is `start` or something within it.
fn begins(path: &str, start: &str) -> bool {
    path.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

fn rust_sources() -> Vec<PathBuf> {
    EVERYTHING.iter().flat_map(|folder| sources(folder, "rs")).collect()
}

#[test]
fn imports_follow_the_arrow() {
    let mut failures = Vec::new();
    for file in rust_sources() {
        let code = Code::read(&read(&file));
        let mut paths = code.paths();
        // A lone word is a path only if something is called or named through it. `env!` asks who builds, not who runs.
        let is_macro = |word: &str| word != "env" && code.text.contains(&format!("{word}!"));
        paths.retain(|path| path.text.contains("::") || is_macro(&path.text));
        for wall in WALLS.iter().filter(|wall| below(&file, wall.within) && !below(&file, wall.but)) {
            for path in &paths {
                if wall.never.iter().any(|never| begins(&path.text, never)) {
                    failures.push(format!("{}:{}: `{}`: {}", slashed(&file), path.line, path.text, wall.why));
                }
            }
        }
    }
    report("imports against the arrow", &failures);
}

#[test]
fn crates_depend_in_one_direction() {
    const NEVER: &[(&str, &[&str])] = &[
        ("catalogue", &["unleak", "unleak-analysis", "unleak-lints", "unleak-pipeline", "syn", "tokio"]),
        ("analysis", &["unleak", "unleak-lints", "unleak-pipeline", "ignore", "clap", "tokio"]),
        (
            "lints",
            &[
                "unleak",
                "unleak-pipeline",
                "syn",
                "proc-macro2",
                "quote",
                "ruff_python_parser",
                "ruff_python_ast",
                "tokio",
            ],
        ),
        (".", &["unleak-pipeline", "syn", "proc-macro2", "ruff_python_parser", "ruff_python_ast", "tokio"]),
    ];
    let mut failures = Vec::new();
    for (folder, never) in NEVER {
        let manifest = Path::new(folder).join("Cargo.toml");
        let table: toml::Table = read(&manifest).parse().expect("a manifest is TOML");
        for name in table["dependencies"].as_table().expect("dependencies").keys() {
            if never.contains(&name.as_str()) {
                failures.push(format!("{}: must not depend on {name}", manifest.display()));
            }
        }
        if table.get("lints").and_then(|lints| lints.get("workspace")) != Some(&toml::Value::Boolean(true)) {
            failures.push(format!("{}: does not take the lints of the workspace", manifest.display()));
        }
    }
    report("dependencies against the arrow", &failures);
}

#[test]
fn files_are_short() {
    let mut failures = Vec::new();
    for file in tree().iter().filter(|file| !file.starts_with("fixtures")) {
        if !matches!(file.extension().and_then(|ending| ending.to_str()), Some("rs" | "py")) {
            continue;
        }
        let text = read(file);
        let is_lint = file.starts_with("lints/src") && text.contains("\npub static LINT: Lint");
        let (lines, most) = (text.lines().count(), if is_lint { 200 } else { 500 });
        if lines > most {
            failures.push(format!("{}: {lines} lines of at most {most}", slashed(file)));
        }
    }
    report("files that are too long", &failures);
}

#[test]
fn every_lint_has_a_bad_and_a_good_fixture_in_each_language() {
    let files = tree();
    let mut failures = Vec::new();
    for lint in unleak_lints::ALL {
        for language in lint.languages {
            for start in ["bad_", "good_"] {
                let there = files.iter().any(|file| {
                    let case = file.strip_prefix(format!("fixtures/{}", lint.name)).ok();
                    let case = case.and_then(|case| case.iter().next()).map(|name| name.to_string_lossy().into_owned());
                    case.is_some_and(|name| name.starts_with(start))
                        && Language::of_path(&slashed(file)) == Some(*language)
                });
                if !there {
                    failures.push(format!("fixtures/{}/{start}*: none in {}", lint.name, language.name()));
                }
            }
        }
    }
    for file in files.iter().filter(|file| Language::of_path(&slashed(file)).is_some()) {
        let mut parts = file.iter().map(|part| part.to_string_lossy());
        if parts.next().as_deref() == Some("fixtures") {
            let folder = parts.next().expect("a name").into_owned();
            if !unleak_lints::ALL.iter().any(|lint| lint.name == folder) {
                failures.push(format!("{}: there is no lint `{folder}`", slashed(file)));
            }
        }
    }
    report("fixtures that are missing or astray", &failures);
}

#[test]
fn a_lint_is_called_after_its_file() {
    let mut failures = Vec::new();
    for lint in unleak_lints::ALL {
        let file = PathBuf::from(format!("lints/src/{}.rs", lint.name.replace('-', "_")));
        if !tree().contains(&file) || read(&file) != lint.source {
            failures.push(format!("{}: its page is not that of {}", lint.name, file.display()));
        } else if !lint.page().starts_with(&format!("# {}\n", lint.name)) {
            failures.push(format!("{}: its page starts with `# {}`", file.display(), lint.name));
        }
    }
    report("lints and their files", &failures);
}

/// Whether `text` has two names joined by a dot or by colons: the path of an API.
fn api_path(text: &str) -> bool {
    let word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let joined = |mark: &str| {
        let around = |(at, _): (usize, &str)| {
            word(text[..at].chars().next_back())
                && text[at + mark.len()..].starts_with(|c: char| c.is_alphabetic() || c == '_')
        };
        text.match_indices(mark).any(around)
    };
    joined(".") || text.contains("::")
}

#[test]
fn lints_know_no_api() {
    let mut failures = Vec::new();
    for file in sources("lints/src", "rs").into_iter().filter(|file| !file.ends_with("registry.rs")) {
        let own = file.file_name().expect("a name").to_string_lossy().into_owned();
        for literal in Code::read(&read(&file)).strings {
            if literal.text != own && api_path(&literal.text) {
                failures.push(format!(
                    "{}:{}: {:?} names an API; that is the catalogue's",
                    slashed(&file),
                    literal.line,
                    literal.text
                ));
            }
        }
    }
    report("API names in lints", &failures);
}

/// Words of the catalogue that a language gives a meaning of its own, or that are plain words: (where, the words, why).
const WORDS: &[(&str, &[&str], &str)] = &[
    (
        "analysis/src/program",
        &["property", "cached_property", "super", "drop", "__call__"],
        "the language says what they do",
    ),
    (
        "analysis/src",
        &["Some", "None", "Ok", "Err", "Ready", "Result"],
        "the language's own `?` and patterns mean them",
    ),
    (
        "analysis/src/program/types",
        &["list", "set", "dict", "Vec", "str", "int", "float", "bool", "Awaitable", "Coroutine"],
        "the types of literals, and of what `async` makes",
    ),
    ("analysis/src/program/types.rs", &["str", "int", "float", "bool"], "the types of literals"),
    ("analysis/src/ledger", &["drop"], "the name of every destructor"),
    ("analysis/src/ledger/census.rs", &["cancelled", "closed"], "words of a report"),
    ("analysis/src/ledger/queues/bound.rs", &["float", "int"], "numbers written as text"),
    (
        "analysis/src/ledger/counts/leave.rs",
        &["BaseException", "Exception", "CancelledError", "GeneratorExit", "KeyboardInterrupt", "SystemExit"],
        "which handler a failure passes by, until the catalogue says it",
    ),
    ("lints/src", &["thread", "task", "skip", "skips"], "words of a message"),
];

/// Whether `text` is one name.
fn one_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_') && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

#[test]
fn only_the_catalogue_knows_the_name_of_an_api() {
    let mut named: BTreeSet<&str> = BTreeSet::new();
    for library in Catalogue::embedded().libraries() {
        let paths = library.calls.iter().map(|call| call.path.as_str());
        let paths = paths.chain(library.types.iter().map(|ty| ty.path.as_str()));
        named.extend(paths.filter_map(|path| path.rsplit(['.', ':']).next()));
    }
    let mut failures = Vec::new();
    let folders = ["analysis/src/program", "analysis/src/ledger", "lints/src"];
    for file in folders.iter().flat_map(|folder| sources(folder, "rs")) {
        let known =
            |word: &str| WORDS.iter().any(|(within, words, _)| file.starts_with(within) && words.contains(&word));
        for literal in Code::read(&read(&file)).strings {
            // What Python itself calls by a name between double underscores is the language's.
            let protocol = literal.text.starts_with("__") && literal.text.ends_with("__");
            if one_name(&literal.text) && !protocol && named.contains(literal.text.as_str()) && !known(&literal.text) {
                failures.push(format!(
                    "{}:{}: {:?} is the name of an API; say what it means in the catalogue and ask for that",
                    slashed(&file),
                    literal.line,
                    literal.text
                ));
            }
        }
    }
    report("names of APIs outside the catalogue", &failures);
}

#[test]
fn what_people_call_beginnings_and_ends_stands_in_the_catalogue() {
    // What the languages themselves say (a program's entry, a destructor), and the way threads are started.
    const OF_THE_LANGUAGES: &[&str] = &["main", "drop", "init", "start"];
    let libraries = Catalogue::embedded().libraries().iter();
    let names: BTreeSet<&str> = libraries
        .flat_map(|library| &library.lifecycles)
        .flat_map(|lifecycle| [&lifecycle.name].into_iter().chain(&lifecycle.also))
        .map(|name| name.as_str())
        .filter(|name| !OF_THE_LANGUAGES.contains(name))
        .collect();
    assert!(names.contains("close"), "the catalogue has no lifecycles");
    let mut failures = Vec::new();
    for file in
        ["analysis/src/program", "analysis/src/ledger", "lints/src"].iter().flat_map(|folder| sources(folder, "rs"))
    {
        for literal in Code::read(&read(&file)).strings.iter().filter(|literal| names.contains(literal.text.as_str())) {
            let place = format!("{}:{}", slashed(&file), literal.line);
            failures
                .push(format!("{place}: {:?} names code that begins or ends a life; ask for its phase", literal.text));
        }
    }
    report("names of beginnings and ends outside the catalogue", &failures);
}

#[test]
fn only_the_fixtures_are_excluded() {
    let settings: toml::Table = read("unleak.toml").parse().expect("unleak.toml is TOML");
    let expected: toml::Table = "exclude = [\"fixtures/\"]".parse().expect("TOML");
    assert_eq!(settings, expected, "unleak.toml excludes the fixtures and sets nothing else");
}

/// Whether `text` has `part` where no longer name goes on to its left.
fn has(text: &str, part: &str) -> bool {
    let alone = |before: Option<char>| {
        !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '/' | '~' | '}' | '>'))
    };
    text.match_indices(part).any(|(at, _)| alone(text[..at].chars().next_back()))
}

#[test]
fn no_file_names_a_machine_or_a_registry() {
    // Put together here, so that this file does not match.
    let hosts = [
        ["crates", "io"],
        ["pypi", "org"],
        ["pythonhosted", "org"],
        ["npmjs", "org"],
        ["npmjs", "com"],
        ["proxy.golang", "org"],
    ];
    let hosts = hosts.map(|parts| parts.join("."));
    let paths = ["work", "root", "home", "Users", "builds"].map(|name| format!("/{name}/"));
    let mut failures = Vec::new();
    for file in tree() {
        let Ok(text) = std::fs::read_to_string(support::root().join(&file)) else { continue };
        for (index, line) in text.lines().enumerate() {
            // Cargo writes the name of its default registry into every lock file.
            let locked =
                file.ends_with("Cargo.lock") && line.starts_with("source = \"registry+https://github.com/rust-lang/");
            let named = hosts.iter().find(|host| !locked && line.contains(host.as_str()));
            for name in named.into_iter().chain(paths.iter().find(|path| has(line, path))) {
                failures.push(format!("{}:{}: names {name}", slashed(&file), index + 1));
            }
        }
    }
    report("registry hosts and machine paths", &failures);
}

#[test]
fn the_map_of_the_rooms_is_complete() {
    let map = read("ARCHITECTURE.md");
    let rooms: Vec<&str> =
        map.lines().filter(|line| line.starts_with("| `")).flat_map(|line| line.split('|').nth(1)).collect();
    let named: Vec<&str> = rooms.iter().flat_map(|room| room.split('`').skip(1).step_by(2)).collect();
    let mut failures = Vec::new();
    for room in &named {
        if !support::root().join(room).exists() {
            failures.push(format!("{room}: is named and not there"));
        }
    }
    for file in sources("src", "rs").into_iter().chain(sources("analysis/src", "rs")) {
        // `src/x.rs` and `src/x/…` are one room, and so are `analysis/src/x.rs` and `analysis/src/x/…`.
        let depth = if file.starts_with("src") { 2 } else { 3 };
        let room = slashed(&file.iter().take(depth).collect::<PathBuf>());
        let room = room.trim_end_matches(".rs");
        if !named.iter().any(|name| name.trim_end_matches('/').trim_end_matches(".rs") == room) {
            failures.push(format!("{}: ARCHITECTURE.md has no line for `{room}`", slashed(&file)));
        }
    }
    report("ARCHITECTURE.md against the tree", &failures);
}

#[test]
fn the_readme_and_ci_run_the_same_tests() {
    for file in ["README.md", ".ci/run"] {
        assert!(read(file).contains("cargo test --workspace --locked"), "{file} runs the tests as users do");
    }
}

#[test]
fn code_is_read_as_rust() {
    let text = "use std::{fs, io::{self, Read as R}, *}; // std::net\nlet a = 'x'; r#\"q\"x\"#; \"a.b\\\"\"; /* /* */ fs::x */ ::syn::y::<T>(b'\\'', 'a: &'b str);";
    let code = Code::read(text);
    let paths: Vec<String> =
        code.paths().into_iter().map(|path| path.text).filter(|path| path.contains("::")).collect();
    assert_eq!(paths, ["std::fs", "std::io", "std::io::Read", "std::*", "syn::y"]);
    assert_eq!(code.strings.iter().map(|at| at.text.as_str()).collect::<Vec<_>>(), ["q\"x", "a.b\\\""]);
    assert_eq!(code.paths().last().map(|path| path.line), Some(2));
    assert!(["call asyncio.gather", "tokio::spawn"].into_iter().all(api_path));
    assert!(
        ["a sentence. Another one", "1.5 items", "`{name}.{field}`", "and so on..."]
            .into_iter()
            .all(|text| !api_path(text))
    );
    assert!(has("cd /x/y", "/x/") && !has("./x/y", "/x/") && !has("a/x/y", "/x/"));
}
