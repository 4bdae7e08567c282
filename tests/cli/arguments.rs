//! Arguments, exit codes and the shape of what is printed.

use std::process::Stdio;

use insta::assert_snapshot;

use crate::project::Project;

const CLEAN: &[(&str, &str)] = &[("pyproject.toml", ""), ("a.py", "x = 1\n"), ("b.rs", "fn main() {}\n")];

#[test]
fn a_clean_project_ends_with_zero() {
    let project = Project::with(CLEAN);
    for format in ["full", "concise"] {
        let ran = project.run(&["check", "--format", format]);
        assert_eq!((ran.out.as_str(), ran.err.as_str(), ran.code), ("Found nothing that leaks in 2 files.\n", "", 0));
    }
}

#[test]
fn json_is_versioned_and_complete() {
    let project = Project::with(CLEAN);
    let json = project.json(&[]);
    let keys: Vec<&String> = json.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["findings", "problems", "statistics", "version"]);
    assert_eq!(json["version"], 1);
    assert_eq!(json["statistics"]["checked"], 2);
}

#[test]
fn the_census_of_nothing() {
    let project = Project::with(CLEAN);
    let ran = project.run(&["census"]);
    assert_eq!((ran.out.as_str(), ran.code), ("Nothing is born in 2 files.\n", 0));
    let ran = project.run(&["census", "--format=json", "a.py"]);
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&json["version"], json["resources"].as_array().map(Vec::len)), (&1.into(), Some(0)));
}

#[test]
fn why_says_that_there_is_nothing() {
    let project = Project::with(CLEAN);
    let ran = project.run(&["why", "a.py:1"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_snapshot!(ran.out);
}

#[test]
fn why_needs_a_line_of_a_source_file() {
    let project = Project::with(CLEAN).file("c.txt", "x\n").file("dir.py/d.py", "");
    for (place, said) in [
        ("a.py", "names no line"),
        ("a.py:0", "names no line"),
        ("a.py:2", "`a.py` has 1 line, so there is no line 2"),
        ("c.txt:1", "`c.txt` is no source file: it does not end in `.py`, `.pyi` or `.rs`"),
        ("dir.py:1", "`dir.py` is a folder"),
        ("none.py:1", "cannot read `none.py`: "),
    ] {
        let ran = project.run(&["why", place]);
        assert_eq!((ran.out.as_str(), ran.code), ("", 2), "{place}");
        assert!(ran.err.starts_with("error: ") && ran.err.contains(said), "{place}: {}", ran.err);
    }
}

#[test]
fn explain_prints_a_page_or_suggests_one() {
    let project = Project::new();
    let ran = project.run(&["explain", "fire-and-forget"]);
    assert!(ran.out.starts_with("# fire-and-forget\n"), "{}", ran.out);
    assert_eq!(ran.code, 0);
    let ran = project.run(&["explain", "fire_and_forgot"]);
    let error = "error: there is no lint `fire_and_forgot`; did you mean `fire-and-forget`?\n";
    assert_eq!((ran.out.as_str(), ran.err.as_str(), ran.code), ("", error, 2));
    assert_eq!(project.run(&["explain", "unused-suppression"]).code, 0);
}

#[test]
fn every_listed_lint_has_a_page() {
    let project = Project::new();
    let ran = project.run(&["lints", "--format=json"]);
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    for lint in json["lints"].as_array().unwrap() {
        let name = lint["name"].as_str().unwrap();
        let page = project.run(&["explain", name]);
        assert!(page.code == 0 && page.out.starts_with(&format!("# {name}\n")), "{name}");
        assert!(!lint["summary"].as_str().unwrap().is_empty(), "{name}");
        assert!(["default", "strict", "preview"].contains(&lint["asked"].as_str().unwrap()), "{name}");
        assert!(project.run(&["lints"]).out.contains(name), "{name}");
    }
}

#[test]
fn bad_arguments_end_with_two() {
    let project = Project::with(CLEAN);
    for arguments in [
        &["check", "--select", "raw-gahter"][..],
        &["check", "--ignore=nonsense"],
        &["check", "--format=xml"],
        &["check", "--min-confidence=sure"],
        &["check", "--min-level=off"],
        &["check", "missing"],
        &["check", "a.py", "missing.py"],
        &["census", "missing"],
        &["frobnicate"],
        &[],
    ] {
        let ran = project.run(arguments);
        assert_eq!((ran.out.as_str(), ran.code), ("", 2), "{arguments:?}");
        assert!(!ran.err.is_empty(), "{arguments:?}");
    }
    let ran = project.run(&["check", "--select", "fire-and-forget,raw-gahter"]);
    assert_eq!(ran.err, "error: there is no lint `raw-gahter`; did you mean `raw-gather`?\n");
    let ran = project.run(&["check", "missing"]);
    assert!(ran.err.starts_with("error: cannot read `missing`: "), "{}", ran.err);
    assert_eq!(ran.err.matches("No such file").count(), 1, "{}", ran.err);
}

#[test]
fn good_arguments_are_understood() {
    let project = Project::with(CLEAN);
    for arguments in [
        &["check", "--select=fire-and-forget, raw-gather", "--ignore", "raw-gather"][..],
        &["check", "--strict", "--preview", "--min-confidence=certain", "--allow-problems", "--exit-zero"],
        &["check", "--output-format=concise", "--color=never", "a.py", "."],
        &["--color=always", "check"],
        &["--version"],
        &["--help"],
        &["check", "--help"],
    ] {
        let ran = project.run(arguments);
        assert_eq!(ran.code, 0, "{arguments:?}: {}", ran.err);
    }
}

#[test]
fn statistics_go_to_standard_error() {
    let project = Project::with(CLEAN);
    let ran = project.run(&["check", "--stats", "--format=json"]);
    assert!(ran.err.starts_with("files reported on: 2\n"), "{}", ran.err);
    assert!(serde_json::from_str::<serde_json::Value>(&ran.out).is_ok());
}

#[test]
fn nothing_to_look_at_is_said() {
    let project = Project::with(&[("readme.md", "hello\n")]);
    let ran = project.run(&["check"]);
    assert_eq!(ran.err, "warning: there is no file that ends in `.py`, `.pyi` or `.rs` in the named paths\n");
    assert_eq!(ran.code, 0);
}

#[test]
fn problems_fail_unless_they_are_allowed() {
    let project = Project::with(CLEAN).file("bad.py", b"x = '\xff'\n");
    let ran = project.run(&["check", "--format=concise"]);
    assert_eq!(ran.code, 1);
    assert_snapshot!(ran.out);
    assert_snapshot!(project.run(&["check"]).out);
    assert_eq!(project.run(&["check", "--allow-problems"]).code, 0);
    assert_eq!(project.run(&["check", "--exit-zero"]).code, 0);
    assert_eq!(project.run(&["check", "a.py"]).code, 0, "files named limit what is reported");
    let ran = project.run(&["census"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.starts_with("bad.py:1:6: problem: "), "{}", ran.err);
    let json = project.json(&["bad.py"]);
    assert_eq!(json["problems"][0]["location"]["path"], "bad.py");
    assert_eq!(json["problems"][0]["location"]["start"], serde_json::json!({"line": 1, "column": 6}));
    assert_eq!(project.json(&["a.py"])["statistics"]["problems_in_context"], 1);
}

#[test]
fn colours_only_where_they_are_wanted() {
    let project = Project::with(CLEAN).file("bad.py", b"x = '\xff'\n");
    assert!(!project.run(&["check"]).out.contains('\u{1b}'), "this is no terminal");
    assert!(project.run(&["check", "--color=always"]).out.contains('\u{1b}'));
    assert!(!project.run(&["check", "--color=never"]).out.contains('\u{1b}'));
}

#[test]
fn a_reader_who_leaves_early_is_no_failure() {
    let project = (0..300).fold(Project::new(), |project, n| project.file(&format!("f{n}.py"), b"x = '\xff'\n"));
    let mut child = project.command(".", &["check"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let ran = project.ran(child.wait_with_output().unwrap());
    assert_eq!((ran.err.as_str(), ran.code), ("", 1));
}

#[test]
fn what_there_is_no_time_for_is_named() {
    let code =
        "import asyncio\n\n\nasync def main(f):\n    asyncio.create_task(f())  # unleak: ignore[raw-gather] kept\n";
    let project = Project::with(&[("pyproject.toml", ""), ("a.py", code), ("b.py", "x = 1\n")]);
    let ran = project.run(&["check", "--time-limit", "0", "--format=concise"]);
    let said = "not looked at in full: the time was over";
    assert!(ran.code == 1 && ran.out.lines().take(2).all(|line| line.contains(said)), "{}", ran.out);
    assert!(!ran.out.contains("unused-suppression") && !ran.out.contains("fire-and-forget"), "{}", ran.out);
    assert_eq!(project.run(&["check", "--time-limit", "0", "--allow-problems"]).code, 0);
    let ran = project.run(&["check", "--time-limit", "3600s", "--format=concise"]);
    assert!(ran.out.contains("fire-and-forget") && !ran.out.contains(said), "{}", ran.out);
    for wrong in ["-1", "soon", "inf", "1e400"] {
        let ran = project.run(&["check", &format!("--time-limit={wrong}")]);
        assert!(ran.code == 2 && ran.err.contains("number of seconds"), "{}", ran.err);
    }
}
