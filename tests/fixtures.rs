//! Every lint runs over every fixture, through the real binary.
//!
//! Each file or folder in `fixtures/<lint>/` is a project of its own. Its lines say what is expected:
//!
//! | mark | means |
//! |---|---|
//! | `expect: a, b` | these findings fall on this line |
//! | `ok: a` | a near-miss: looks like `a` and is right |
//! | `expect-missing: a` | `a` should be found here and is not yet |
//! | `expect-wrong: a` | `a` is found here and should not be |
//!
//! Each is followed by `because:` and the deciding fact. Every line without a mark must be silent. When one
//! of the last two stops being true, the test asks for its promotion.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::Value;
use support::{read, report, root, slashed, temporary_folder, unleak};
use unleak_analysis::source::Language;

/// The lints that must have [`ENOUGH`] expectations of either sort in each language.
const CORE: [&str; 4] = ["fire-and-forget", "raw-gather", "unbounded-queue", "ungated-gauge"];
const ENOUGH: usize = 12;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Sort {
    Expect,
    Ok,
    Missing,
    Wrong,
}

impl Sort {
    const ALL: [Sort; 4] = [Sort::Expect, Sort::Ok, Sort::Missing, Sort::Wrong];

    fn key(self) -> &'static str {
        match self {
            Sort::Expect => "expect",
            Sort::Ok => "ok",
            Sort::Missing => "expect-missing",
            Sort::Wrong => "expect-wrong",
        }
    }
}

/// One lint's mark on one line.
#[derive(Debug)]
struct Mark {
    sort: Sort,
    lint: String,
    because: Option<String>,
    language: Language,
    /// Relative to the root of the tree.
    path: PathBuf,
    line: usize,
    /// The code before the mark.
    code: String,
}

impl Mark {
    fn place(&self) -> String {
        format!("{}:{}", slashed(&self.path), self.line)
    }
}

/// A file or folder of `fixtures/<lint>/` and the source files in it, relative to the root of the tree.
struct Case {
    path: PathBuf,
    files: Vec<PathBuf>,
}

struct Found {
    lint: String,
    path: String,
    line: usize,
    message: String,
}

/// What the binary says of a case.
struct Answer {
    found: Vec<Found>,
    problems: Vec<String>,
}

/// What is marked on a line and what is found there.
#[derive(Default)]
struct Line<'a> {
    marks: Vec<&'a Mark>,
    found: Vec<&'a Found>,
}

fn language(path: &Path) -> Option<Language> {
    Language::of_path(&slashed(path))
}

fn cases() -> Vec<Case> {
    let mut cases: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
    for path in support::tree().into_iter().filter(|path| path.starts_with("fixtures") && language(path).is_some()) {
        let case: PathBuf = path.components().take(3).collect();
        if path.components().count() >= 3 {
            cases.entry(case).or_default().push(path);
        }
    }
    assert!(!cases.is_empty(), "there are no fixtures");
    cases.into_iter().map(|(path, files)| Case { path, files }).collect()
}

/// The marks of one file.
fn marks_of(path: &Path) -> Vec<Mark> {
    let language = language(path).expect("a source file");
    let text = read(path);
    text.lines().enumerate().flat_map(|(index, line)| marks_on(path, language, index + 1, line)).collect()
}

fn marks_on(path: &Path, language: Language, line: usize, text: &str) -> Vec<Mark> {
    let comment = language.comment_mark();
    let mut keys: Vec<(usize, usize, Option<Sort>)> = Vec::new();
    for (key, sort) in Sort::ALL.into_iter().map(|sort| (sort.key(), Some(sort))).chain([("because", None)]) {
        let key = format!("{comment} {key}:");
        keys.extend(text.match_indices(&key).map(|(at, _)| (at, at + key.len(), sort)));
    }
    keys.sort_unstable();
    let value = |index: usize| {
        let end = keys.get(index + 1).map_or(text.len(), |next| next.0);
        text[keys[index].1..end].trim()
    };
    let code = keys.first().map_or("", |first| text[..first.0].trim());
    let mut marks = Vec::new();
    for (index, key) in keys.iter().enumerate() {
        let Some(sort) = key.2 else { continue };
        let reason = keys.get(index + 1).is_some_and(|next| next.2.is_none()).then(|| value(index + 1).to_owned());
        marks.extend(value(index).split(',').map(|lint| Mark {
            sort,
            lint: lint.trim().to_owned(),
            because: reason.clone().filter(|reason| !reason.is_empty()),
            language,
            path: path.to_owned(),
            line,
            code: code.to_owned(),
        }));
    }
    marks
}

fn all_marks() -> &'static [Mark] {
    static MARKS: OnceLock<Vec<Mark>> = OnceLock::new();
    MARKS.get_or_init(|| cases().iter().flat_map(|case| &case.files).flat_map(|file| marks_of(file)).collect())
}

/// Runs the binary on a copy of the case that has a folder to itself.
fn run(case: &Case) -> Answer {
    let folder = temporary_folder();
    let base =
        if root().join(&case.path).is_dir() { case.path.as_path() } else { case.path.parent().expect("a folder") };
    for file in support::tree().iter().filter(|file| file.starts_with(&case.path)) {
        let to = folder.path().join(file.strip_prefix(base).expect("it is below"));
        std::fs::create_dir_all(to.parent().expect("a folder")).expect("a temporary folder");
        std::fs::copy(root().join(file), to).expect("the fixture can be copied");
    }
    let arguments = "check . --format json --allow-problems --strict --preview --min-confidence likely";
    let run = unleak(folder.path(), &arguments.split(' ').collect::<Vec<_>>());
    let answer: Value = match (run.code, serde_json::from_str(&run.stdout)) {
        (Some(0 | 1), Ok(answer)) => answer,
        (code, _) => {
            let problem = format!("exit code {code:?}, {} bytes of output, {}", run.stdout.len(), run.stderr.trim());
            return Answer { found: Vec::new(), problems: vec![problem] };
        }
    };
    let list = |key: &str| answer[key].as_array().cloned().unwrap_or_default();
    let place = |value: &Value| {
        let path = value["location"]["path"].as_str().unwrap_or("?");
        let line = value["location"]["start"]["line"].as_u64().unwrap_or(0) as usize;
        (slashed(&base.join(path.strip_prefix("./").unwrap_or(path))), line)
    };
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or("?").to_owned();
    let found = list("findings").into_iter().map(|finding| {
        let (path, line) = place(&finding);
        Found { lint: text(&finding, "lint"), path, line, message: text(&finding, "message") }
    });
    Answer { found: found.collect(), problems: list("problems").iter().map(Value::to_string).collect() }
}

/// Every case with what the binary says of it; asked once.
fn answers() -> &'static [(Case, Answer)] {
    static ANSWERS: OnceLock<Vec<(Case, Answer)>> = OnceLock::new();
    ANSWERS.get_or_init(|| {
        support::each(cases(), |case| {
            let answer = run(&case);
            (case, answer)
        })
    })
}

/// Compares what is marked on a line with what is found there, lint by lint.
fn judge(marks: &[&Mark], found: &[&Found]) -> Vec<String> {
    let lints: BTreeSet<&str> =
        marks.iter().map(|mark| mark.lint.as_str()).chain(found.iter().map(|found| found.lint.as_str())).collect();
    let mut failures = Vec::new();
    for lint in lints {
        let count = |sort| marks.iter().filter(|mark| mark.lint == lint && mark.sort == sort).count();
        let hits: Vec<_> = found.iter().filter(|found| found.lint == lint).collect();
        let (expected, missing, wrong) = (count(Sort::Expect), count(Sort::Missing), count(Sort::Wrong));
        let because =
            marks.iter().filter(|mark| mark.lint == lint).find_map(|mark| mark.because.as_deref()).unwrap_or("");
        if hits.len() < expected {
            failures.push(format!("- {lint}: expected and not found; because: {because}"));
        } else if hits.len() > expected + missing + wrong {
            let last = hits.last().expect("there is one more than expected");
            failures.push(format!("+ {lint}: found and not expected: {}", last.message));
        } else if missing > 0 && hits.len() > expected + wrong {
            failures.push(format!("! {lint}: marked `expect-missing` and found now: write `expect`"));
        } else if wrong > 0 && hits.len() < expected + wrong {
            failures.push(format!("! {lint}: marked `expect-wrong` and silent now: write `ok`"));
        }
    }
    failures
}

#[test]
fn every_expectation_is_met_and_everything_else_is_silent() {
    let mut failures = Vec::new();
    for (case, answer) in answers() {
        for problem in &answer.problems {
            failures.push(format!("{}\n    ! {problem}", slashed(&case.path)));
        }
        let mut lines: BTreeMap<(String, usize), Line> = BTreeMap::new();
        for mark in all_marks().iter().filter(|mark| case.files.contains(&mark.path)) {
            lines.entry((slashed(&mark.path), mark.line)).or_default().marks.push(mark);
        }
        for found in &answer.found {
            lines.entry((found.path.clone(), found.line)).or_default().found.push(found);
        }
        for ((path, line), Line { marks, found }) in lines {
            let wrong = judge(&marks, &found);
            if !wrong.is_empty() {
                let text = std::fs::read_to_string(root().join(&path)).unwrap_or_default();
                let text = text.lines().nth(line.saturating_sub(1)).unwrap_or("");
                let code = marks.first().map_or(text.trim(), |mark| &mark.code);
                let code: String = code.chars().take(100).collect();
                failures.push(format!("{path}:{line}\n      {code}\n    {}", wrong.join("\n    ")));
            }
        }
    }
    report("lines that differ from what is expected (- missing, + unexpected, ! to be changed)", &failures);
}

#[test]
fn every_mark_names_a_lint_stands_behind_code_and_says_why() {
    let mut failures = Vec::new();
    let named: BTreeSet<&str> = all_marks().iter().map(|mark| mark.lint.as_str()).collect();
    let known: BTreeSet<&str> =
        named.into_iter().filter(|lint| unleak(root(), &["explain", lint]).code == Some(0)).collect();
    for mark in all_marks() {
        let at = mark.place();
        if !known.contains(mark.lint.as_str()) {
            failures.push(format!("{at}: there is no lint `{}`", mark.lint));
        }
        if mark.code.is_empty() {
            failures.push(format!("{at}: a mark speaks of the code before it, and there is none"));
        }
        if mark.because.is_none() {
            failures.push(format!("{at}: `{}: {}` has no `because:`", mark.sort.key(), mark.lint));
        }
    }
    report("marks to be mended", &failures);
}

#[test]
fn every_rust_fixture_is_built_with_the_others() {
    let built = read("fixtures/Cargo.toml");
    let mut failures = Vec::new();
    for case in cases() {
        let main = if case.path.is_dir() { case.path.join("main.rs") } else { case.path.clone() };
        let path = slashed(&main);
        let listed = path.strip_prefix("fixtures/").is_some_and(|path| built.contains(&format!("\"{path}\"")));
        if path.ends_with(".rs") && root().join(&main).exists() && !listed {
            failures.push(path);
        }
    }
    report("fixtures that fixtures/Cargo.toml does not name", &failures);
}

#[test]
fn bad_fixtures_leak_and_good_ones_do_not() {
    let mut failures = Vec::new();
    for case in cases() {
        let name = case.path.file_name().expect("a name").to_string_lossy().into_owned();
        let leaks = |mark: &&Mark| matches!(mark.sort, Sort::Expect | Sort::Missing);
        let leak = all_marks().iter().filter(leaks).find(|mark| case.files.contains(&mark.path));
        match leak {
            Some(mark) if name.starts_with("good_") => {
                failures.push(format!("{}: a leak in a good fixture", mark.place()))
            }
            None if name.starts_with("bad_") => {
                failures.push(format!("{}: a bad fixture without a leak", slashed(&case.path)))
            }
            _ => {}
        }
    }
    report("fixtures that are not what they are called", &failures);
}

#[test]
fn no_two_reasons_are_alike() {
    let mut seen: BTreeMap<(&str, &str, String), &Mark> = BTreeMap::new();
    let mut failures = Vec::new();
    for mark in all_marks() {
        let Some(because) = &mark.because else { continue };
        let words: String = because.to_lowercase().chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
        let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
        let first = seen.entry((&mark.lint, mark.language.name(), words)).or_insert(mark);
        if first.place() != mark.place() {
            failures.push(format!("{}: the same reason as {}: {because}", mark.place(), first.place()));
        }
    }
    report("each expectation has a deciding fact of its own", &failures);
}

#[test]
fn the_core_lints_have_enough_fixtures() {
    let mut failures = Vec::new();
    for lint in CORE {
        for language in Language::ALL {
            for sort in [Sort::Expect, Sort::Ok] {
                let fits = |mark: &&Mark| mark.lint == lint && mark.language == language && mark.sort == sort;
                let count = all_marks().iter().filter(fits).count();
                if count < ENOUGH {
                    let (key, name) = (sort.key(), language.name());
                    failures.push(format!("{lint} in {name}: {count} of at least {ENOUGH} `{key}` lines"));
                }
            }
        }
    }
    report("too few fixtures", &failures);
}

#[test]
fn messages_start_small_and_have_no_final_stop() {
    let mut failures = Vec::new();
    for found in answers().iter().flat_map(|(_, answer)| &answer.found) {
        let first = found.message.chars().next().unwrap_or('.');
        if first.is_uppercase() || found.message.trim_end().ends_with('.') || found.message.trim().is_empty() {
            failures.push(format!("{}:{}: {}: {:?}", found.path, found.line, found.lint, found.message));
        }
    }
    report("a message starts with a small letter and has no final stop", &failures);
}

#[test]
fn marks_are_read_and_judged() {
    let python = Path::new("fixtures/x/bad.py");
    let line = "run(x)  # expect: a, b  # because: one, two  # ok: c  # because: three";
    let marks = marks_on(python, Language::Python, 1, line);
    let read: Vec<_> = marks.iter().map(|mark| (mark.sort, mark.lint.as_str(), mark.because.as_deref())).collect();
    let expected =
        [(Sort::Expect, "a", Some("one, two")), (Sort::Expect, "b", Some("one, two")), (Sort::Ok, "c", Some("three"))];
    assert_eq!(read, expected);
    assert!(marks_on(Path::new("x.rs"), Language::Rust, 1, line).is_empty(), "each language has its own mark");

    let verdict = |mark: &str, found: usize| {
        let marks = marks_on(python, Language::Python, 1, &format!("f()  # {mark}: a  # because: b"));
        let found: Vec<Found> = (0..found)
            .map(|_| Found { lint: "a".to_owned(), path: String::new(), line: 1, message: "m".to_owned() })
            .collect();
        judge(&marks.iter().collect::<Vec<_>>(), &found.iter().collect::<Vec<_>>()).concat().chars().next()
    };
    for (mark, verdicts) in [
        ("expect", [Some('-'), None, Some('+')]),
        ("ok", [None, Some('+'), Some('+')]),
        ("expect-missing", [None, Some('!'), Some('+')]),
        ("expect-wrong", [Some('!'), None, Some('+')]),
    ] {
        for (found, expected) in verdicts.into_iter().enumerate() {
            assert_eq!(verdict(mark, found), expected, "{mark} and {found} found");
        }
    }
}
