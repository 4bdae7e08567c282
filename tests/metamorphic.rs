//! The verdict on a fixture does not move when the fixture is written in another way.
//!
//! `tests/metamorphic/` rewrites each fixture that is one file: reformatted, reordered, renamed, with the value named
//! first, bound by `partial`, started by a helper, moved to another file, split over a class and its base. Each variant is
//! a project of its own, and what was expected of the fixture is expected of it.

mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use support::{each, read, report, root, slashed, sources, temporary_folder, unleak};

/// Names that suggest a type: for a variable of that name, the name is the evidence.
fn hints() -> BTreeSet<String> {
    let data = sources("catalogue", "toml");
    let mut found = BTreeSet::new();
    for path in data {
        for list in read(&path).split("hints = [").skip(1) {
            let list = list.split(']').next().unwrap_or("");
            found.extend(list.split('"').skip(1).step_by(2).map(str::to_owned));
        }
    }
    found
}

fn rewrite(script: &str, fixture: &Path, out: &Path, hints: &Path) -> Result<(), String> {
    let ran = Command::new("python3")
        .arg(root().join("tests/metamorphic").join(script))
        .args([&root().join(fixture), out, hints])
        .output()
        .expect("Python 3 starts");
    match ran.status.success() {
        true => Ok(()),
        false => Err(format!("{}: {}", slashed(fixture), String::from_utf8_lossy(&ran.stderr))),
    }
}

fn folders_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

/// One line of a variant.
type Place = (String, String, u64);

/// What is found in a variant, and what was expected there: a place each, or one of two.
fn answers(folder: &Path) -> (BTreeSet<Place>, Vec<Vec<Place>>) {
    let text = std::fs::read_to_string(folder.join("expected.json")).expect("each variant says what it expects");
    let expected: Vec<(String, String, Vec<u64>)> = serde_json::from_str(&text).expect("it is a list");
    let expected = expected
        .into_iter()
        .map(|(lint, file, lines)| lines.into_iter().map(|line| (lint.clone(), file.clone(), line)).collect());
    let ran = unleak(folder, &["check", ".", "--format", "json"]);
    let printed: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}: {ran:?}", folder.display()));
    let found = printed["findings"].as_array().into_iter().flatten().map(|finding| {
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let place = &finding["location"];
        (word(&finding["lint"]), word(&place["path"]), place["start"]["line"].as_u64().unwrap_or_default())
    });
    (found.collect(), expected.collect())
}

/// What moved in a variant.
fn moved(folder: &Path) -> Vec<String> {
    let (found, expected) = answers(folder);
    let line_of = |place: &Place| {
        let text = std::fs::read_to_string(folder.join(&place.1)).unwrap_or_default();
        text.lines().nth(place.2 as usize - 1).unwrap_or_default().trim().to_owned()
    };
    let variant = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut met = BTreeSet::new();
    let mut all = Vec::new();
    for places in &expected {
        let here: Vec<&Place> = places.iter().filter(|place| found.contains(place)).collect();
        if here.is_empty() {
            let line = places.last().map(&line_of).unwrap_or_default();
            all.push(format!("{variant} loses {}: {line}", places[0].0));
        }
        met.extend(here);
    }
    all.extend(
        found
            .iter()
            .filter(|place| !met.contains(place))
            .map(|place| format!("{variant} adds {} at {}:{}: {}", place.0, place.1, place.2, line_of(place))),
    );
    all
}

#[test]
fn other_ways_of_writing_a_fixture_do_not_move_its_verdict() {
    let folder = temporary_folder();
    let hints_file = folder.path().join("hints");
    std::fs::write(&hints_file, hints().into_iter().collect::<Vec<_>>().join("\n")).expect("a temporary file");
    let single = |ending| {
        let all = sources("fixtures", ending).into_iter();
        all.filter(|path: &PathBuf| path.components().count() == 3)
    };
    let python = single("py").map(|path| ("variants.py", path));
    let rust = single("rs").map(|path| ("variants_rust.py", path));
    let wrong = each(python.chain(rust).collect(), |(script, path)| {
        let out = folder.path().join(slashed(&path).replace('/', "."));
        match rewrite(script, &path, &out, &hints_file) {
            Err(message) => vec![message],
            Ok(()) => {
                let moved = folders_in(&out).into_iter().flat_map(|variant| moved(&variant));
                moved.map(|moved| format!("{}: {moved}", slashed(&path))).collect()
            }
        }
    });
    report("verdicts that move", &wrong.concat());
}
