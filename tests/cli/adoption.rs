//! What was there before: baselines, comments that are added and removed, comments for other tools.

use std::collections::BTreeSet;
use std::fs;

use insta::assert_snapshot;
use serde_json::Value;

use crate::project::{Project, Ran};

const LEAK: &str = "import asyncio\n\n\nasync def start():\n    asyncio.create_task(fetch(1))\n\n\nasync def fetch(at):\n    raise OSError(await outside.fetch(at))\n";

fn text(project: &Project, file: &str) -> String {
    fs::read_to_string(project.path(file)).unwrap()
}

fn checked(project: &Project, arguments: &[&str]) -> Ran {
    let always = ["check", "--format=concise", "--baseline=base.json"];
    project.run(&always.iter().chain(arguments).copied().collect::<Vec<_>>())
}

#[test]
fn a_baseline_shows_what_is_new() {
    let project = Project::with(&[("pyproject.toml", ""), ("a.py", LEAK), ("b.py", LEAK)]);
    assert_eq!(checked(&project, &[]).code, 2, "there is none yet");
    let ran = checked(&project, &["--update-baseline"]);
    let said = "`base.json` holds 2 findings now; 0 entries no longer occurred\n";
    assert_eq!((ran.out.as_str(), ran.err.as_str(), ran.code), ("", said, 0));
    assert_snapshot!(text(&project, "base.json"));
    let ran = checked(&project, &[]);
    assert_eq!((ran.out.as_str(), ran.err.as_str(), ran.code), ("Found nothing that leaks in 2 files.\n", "", 0));

    let before = text(&project, "base.json");
    let project = project.file("a.py", format!("# a line more\n{LEAK}\n\n{}", &LEAK[15..]));
    let ran = checked(&project, &[]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.out.starts_with("a.py:16:5: error[fire-and-forget]") && ran.out.contains("Found 1 error "),
        "{}",
        ran.out
    );
    assert_eq!(text(&project, "base.json"), before, "a check changes nothing");
    let json = project.json(&["--baseline=base.json"]);
    assert_eq!((&json["statistics"]["baselined"], &json["statistics"]["findings"]), (&2.into(), &1.into()));
}

#[test]
fn an_entry_outlives_moved_lines_and_renamed_files() {
    let project = Project::with(&[("pyproject.toml", ""), ("a.py", LEAK), ("b.py", "x = 1\n")]);
    checked(&project, &["--update-baseline"]);
    fs::remove_file(project.path("a.py")).unwrap();
    let project = project.file("sub/c.py", format!("\n\n{LEAK}"));
    let ran = checked(&project, &[]);
    assert_eq!((ran.err.as_str(), ran.code), ("", 0), "{}", ran.out);
    assert_eq!(project.run_in("sub", &["check", "--baseline=../base.json"]).code, 0);
}

#[test]
fn entries_that_no_longer_occur_are_reported_if_the_run_can_tell() {
    let project = Project::with(&[("pyproject.toml", ""), ("a.py", LEAK), ("b.py", LEAK)]);
    checked(&project, &["--update-baseline"]);
    let project = project.file("a.py", "x = 1\n");
    for unable in [&["b.py"][..], &["--select=raw-gather"]] {
        assert_eq!(checked(&project, unable).err, "", "{unable:?}");
    }
    let ran = checked(&project, &[]);
    assert_eq!(ran.code, 0);
    assert_snapshot!(ran.err);
    checked(&project, &["b.py", "--update-baseline"]);
    assert!(text(&project, "base.json").contains("a.py"), "what was not looked at stays");
    let ran = checked(&project, &["--update-baseline"]);
    assert_eq!(ran.err, "`base.json` holds 1 finding now; 1 entry no longer occurred\n");
    assert!(!text(&project, "base.json").contains("a.py"));
}

#[test]
fn a_copy_of_what_is_known_is_new_and_what_was_not_checked_has_not_moved() {
    let project = Project::with(&[("pyproject.toml", ""), ("a.py", LEAK)]);
    checked(&project, &["--update-baseline"]);
    let project = project.file("b.py", LEAK);
    for arguments in [&["b.py"][..], &[]] {
        let ran = checked(&project, arguments);
        assert!(ran.out.starts_with("b.py:5:5: ") && ran.out.contains("Found 1 error"), "{}", ran.out);
    }
}

#[test]
fn a_baseline_holds_what_is_not_shown_too() {
    let project = Project::with(&[("pyproject.toml", ""), ("a.py", LEAK), ("tests/test_a.py", LEAK)]);
    let ran = checked(&project, &["--update-baseline"]);
    let holds =
        "`base.json` holds 2 findings now, 1 of them not shown (--min-level note); 0 entries no longer occurred\n";
    assert_eq!(ran.err, holds);
    let base = text(&project, "base.json");
    assert!(base.contains("\"level\": \"note\"") && base.contains("\"level\": \"error\""), "{base}");
    checked(&project, &["--update-baseline", "--min-level=error"]);
    assert_eq!(text(&project, "base.json"), base, "what is shown does not matter");
    assert_eq!(checked(&project, &[]).out, "Found nothing that leaks in 2 files.\n");
    assert_eq!(checked(&project, &["--fail-on=note"]).code, 0);

    let project = project.file("tests/test_a.py", "x = 1\n");
    assert_eq!(checked(&project, &[]).err, "", "nothing is said of what would not be shown");
    let gone = "  tests/test_a.py: fire-and-forget `asyncio.create_task` in `start`\n";
    assert!(checked(&project, &["--min-level=note"]).err.ends_with(gone));
    assert!(checked(&project, &["--config=min-level=note"]).err.ends_with(gone));
    let ran = checked(&project, &["--update-baseline"]);
    assert_eq!(ran.err, "`base.json` holds 1 finding now; 1 entry no longer occurred\n");
}

#[test]
fn what_has_become_worse_since_the_baseline_is_new() {
    let project = Project::with(&[("unleak.toml", "levels.fire-and-forget = 'note'\n"), ("a.py", LEAK)]);
    checked(&project, &["--update-baseline"]);
    assert_eq!(checked(&project, &["--min-level=note"]).out, "Found nothing that leaks in 1 file.\n");
    let raised = project.file("unleak.toml", "");
    let ran = checked(&raised, &[]);
    assert!(ran.code == 1 && ran.out.starts_with("a.py:5:5: error[fire-and-forget]"), "{}", ran.out);
    assert_eq!(ran.err, "", "it is not gone");
    let ran = checked(&raised, &["--update-baseline"]);
    assert_eq!(ran.err, "`base.json` holds 1 finding now; 0 entries no longer occurred\n");
    assert_eq!(checked(&raised, &[]).code, 0);
    let lowered = raised.file("unleak.toml", "levels.fire-and-forget = 'warning'\n");
    let ran = checked(&lowered, &[]);
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("Found nothing that leaks in 1 file.\n", ""));

    // A baseline of before levels were written holds what it holds, however bad.
    let old = text(&lowered, "base.json").replace("      \"level\": \"error\",\n", "");
    let old = lowered.file("base.json", &old).file("unleak.toml", "");
    assert!(!text(&old, "base.json").contains("level"));
    assert_eq!(checked(&old, &[]).code, 0);
}

#[test]
fn of_two_that_are_alike_the_worse_one_is_met_by_the_worse_entry() {
    let quiet = "\n\nasync def quiet():\n    try:\n        await outside.fetch(1)\n    except Exception:\n        print(1)\n\n\n\
                 async def fetch(at):\n    raise OSError(await outside.fetch(at))\n";
    let (error, warning) = ("    asyncio.create_task(fetch(1))\n", "    asyncio.create_task(quiet())\n");
    let code = |body: &[&str]| format!("import asyncio\n\n\nasync def start():\n{}{quiet}", body.concat());
    let project = Project::with(&[("pyproject.toml", ""), ("a.py", &code(&[warning, error]))]);
    checked(&project, &["--update-baseline"]);
    let known = text(&project, "base.json");
    let identities: BTreeSet<&str> = known.lines().filter(|line| line.contains("identity")).collect();
    assert_eq!((known.matches("\"level\"").count(), identities.len()), (2, 1), "{known}");
    for body in [&[warning, error][..], &[error, warning], &[error], &[warning]] {
        let project = Project::with(&[("pyproject.toml", ""), ("base.json", &known), ("a.py", &code(body))]);
        let ran = checked(&project, &["--min-level=note"]);
        assert_eq!(ran.out, "Found nothing that leaks in 1 file.\n", "{body:?}");
    }
    for (body, line) in
        [(&[warning, error, error][..], "a.py:7:5: error"), (&[error, warning, warning], "a.py:7:5: warning")]
    {
        let project = Project::with(&[("pyproject.toml", ""), ("base.json", &known), ("a.py", &code(body))]);
        let ran = checked(&project, &["--min-level=note"]);
        assert!(ran.out.starts_with(line) && ran.out.lines().count() == 2, "{body:?}: {}", ran.out);
    }
}

#[test]
fn a_broken_baseline_is_an_error() {
    let project = Project::with(&[("pyproject.toml", ""), ("a.py", LEAK), ("base.json", "[]")]);
    for (text, said) in [("[]", "`base.json` is no baseline"), ("{\"version\": 7, \"findings\": []}", "of version 7")] {
        let project = Project::with(&[("a.py", LEAK), ("base.json", text)]);
        let ran = checked(&project, &[]);
        assert!(ran.code == 2 && ran.err.contains(said) && ran.err.contains("--update-baseline"), "{}", ran.err);
    }
    assert_eq!(project.run(&["check", "--update-baseline"]).code, 2, "it needs a file");
}

#[test]
fn suppressed_results_of_a_baseline_are_external_in_sarif() {
    let project = Project::with(&[("pyproject.toml", ""), ("a.py", LEAK)]);
    checked(&project, &["--update-baseline"]);
    let ran = project.run(&["check", "--format=sarif", "--baseline=base.json"]);
    let sarif: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(sarif["runs"][0]["results"][0]["suppressions"][0]["kind"], "external");
}

#[test]
fn comments_are_added_where_they_are_read_and_then_all_is_silent() {
    let rust = "fn main() {\n    std::thread::spawn(|| loop {\n        std::thread::park();\n    });\n}\n";
    let project = Project::with(&[("pyproject.toml", ""), ("a.py", LEAK), ("b.rs", rust), ("c.py", "x = 1\n")]);
    let found = project.json(&[])["findings"].as_array().unwrap().len();
    assert!(found >= 2);
    let ran = project.run(&["check", "--add-ignore=from before, see #12", "--min-level=note"]);
    assert_eq!((ran.out.as_str(), ran.code), ("", 0));
    assert_eq!(ran.err, format!("added {found} comments\n"));
    assert!(text(&project, "a.py").contains("# unleak: ignore[fire-and-forget] from before, see #12\n"));
    assert!(text(&project, "b.rs").contains("// unleak: ignore[fire-and-forget] from before, see #12\n"));
    assert_eq!(project.run(&["check", "--min-level=note"]).out, "Found nothing that leaks in 3 files.\n");
    assert_eq!(project.run(&["check", "--add-ignore=again", "--min-level=note"]).err, "added 0 comments\n");
    for reason in ["", " - ", "two\nlines"] {
        assert_eq!(project.run(&["check", "--add-ignore", reason]).code, 2, "{reason:?}");
    }
}

#[test]
fn files_are_changed_for_what_is_shown() {
    let note = "x = 1  # unleak: ignore[raw-gather] old\n";
    let settings = "levels.unused-suppression = 'note'\n";
    let project = Project::with(&[("unleak.toml", settings), ("a.py", LEAK), ("test_a.py", LEAK), ("b.py", note)]);
    let ran = project.run(&["check", "--add-ignore=from before"]);
    assert_eq!(ran.err, "added 1 comment; 2 notes not shown (--min-level note)\n");
    assert!(text(&project, "a.py").contains("from before") && text(&project, "test_a.py") == LEAK);
    let ran = project.run(&["check", "--add-ignore=from before", "--min-level=note"]);
    assert_eq!(ran.err, "added 1 comment\n");
    assert!(text(&project, "test_a.py").contains("from before"));

    let ran = project.run(&["check", "--fix"]);
    let said = "Found no errors or warnings in 3 files; 1 note not shown (--min-level note).\n";
    assert_eq!((ran.out.as_str(), ran.err.as_str(), text(&project, "b.py").as_str()), (said, "", note));
    let ran = project.run(&["check", "--fix", "--min-level=note"]);
    let said = "Found nothing that leaks in 3 files.\n";
    assert_eq!(
        (ran.out.as_str(), ran.err.as_str(), text(&project, "b.py").as_str()),
        (said, "fixed 1 finding\n", "x = 1\n")
    );
}

#[test]
fn comments_of_no_use_are_removed() {
    let before = "import asyncio\n\n\nasync def start():\n    asyncio.create_task(f())  \
        # unleak: ignore[raw-gather, fire-and-forget] why\n    # unleak: detached(not so)\n    x = 1  # noqa: X  # unleak: ignore[raw-gather] old\n";
    let after = "import asyncio\n\n\nasync def start():\n    asyncio.create_task(f())  \
        # unleak: ignore[fire-and-forget] why\n    x = 1  # noqa: X\n";
    let project = Project::with(&[("pyproject.toml", ""), ("a.py", before)]);
    assert_eq!(project.run(&["check"]).code, 1);
    assert_eq!(text(&project, "a.py"), before, "a check changes nothing");
    let ran = project.run(&["check", "--fix"]);
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("Found nothing that leaks in 1 file.\n", "fixed 3 findings\n"));
    assert_eq!((text(&project, "a.py").as_str(), ran.code), (after, 0));
    assert_eq!(project.run(&["check", "--fix"]).err, "");
}

#[test]
fn a_file_that_is_not_utf8_is_left_as_it_is() {
    let bytes = [LEAK.as_bytes(), b"y = '\xff'\n"].concat();
    let project = Project::with(&[("pyproject.toml", "")]).file("a.py", &bytes);
    let ran = project.run(&["check", "--add-ignore=old"]);
    assert!(ran.code == 2 && ran.err.contains("`a.py` is not UTF-8"), "{}", ran.err);
    assert_eq!(fs::read(project.path("a.py")).unwrap(), bytes);
}

#[test]
fn comments_for_other_tools_that_say_the_same_count() {
    for code in ["RUF006", "ASYNC300", "E501,RUF006"] {
        let leak = LEAK.replace("(1))\n", &format!("(1))  # noqa: {code}\n"));
        let project =
            Project::with(&[("pyproject.toml", ""), ("a.py", &leak), ("b.py", &format!("x = 1  # noqa: {code}\n"))]);
        let json = project.json(&[]);
        assert_eq!((json["findings"].as_array().map(Vec::len), &json["statistics"]["ignored"]), (Some(0), &1.into()));
    }
    let leak = LEAK.replace("(1))\n", "(1))  # noqa: E501\n");
    let project = Project::with(&[("pyproject.toml", ""), ("a.py", &leak)]);
    assert_eq!(project.run(&["check"]).code, 1);
}
