//! The formats as people and programs meet them, and where they are written.

use std::fs;

use insta::assert_snapshot;
use serde_json::Value;

use crate::project::Project;

const FORMATS: [&str; 11] =
    ["full", "concise", "json", "json-lines", "sarif", "github", "gitlab", "junit", "rdjson", "markdown", "agent"];

/// A forgotten task that callers share, a queue in a test, a comment of no use and a file that is broken.
fn project() -> Project {
    Project::with(&[
        ("pyproject.toml", ""),
        ("app/tasks.py", "import asyncio\n\n\ndef spawn(work):\n    return asyncio.create_task(work)\n"),
        (
            "app/main.py",
            "from app.tasks import spawn\n\n\nasync def work():\n    ...\n\n\nasync def a():\n    'é'; spawn(work())\n\n\n\
             async def b():\n    spawn(\n        work(),\n    )\n\n\nx = 1  # unleak: ignore[raw-gather] old, 100%\n",
        ),
        ("app/__init__.py", ""),
        ("broken.py", "def f(:\n    pass\n"),
    ])
}

#[test]
fn each_format_is_a_snapshot() {
    for format in ["concise", "github", "gitlab", "junit", "rdjson", "markdown", "agent", "json-lines"] {
        let ran = project().run(&["check", "--format", format]);
        assert_eq!((ran.err.as_str(), ran.code), ("", 1), "{format}");
        assert_snapshot!(format, ran.out);
    }
}

#[test]
fn each_format_speaks_of_nothing() {
    let project = Project::with(&[("pyproject.toml", ""), ("a.py", "x = 1\n")]);
    let all: String =
        FORMATS[5..].iter().map(|it| format!("== {it}\n{}", project.run(&["check", "--format", it]).out)).collect();
    assert_snapshot!(all);
}

#[test]
fn several_reports_at_once() {
    let project = project();
    let expected: Vec<String> = FORMATS.iter().map(|it| project.run(&["check", "--format", it]).out).collect();
    let files = FORMATS.map(|format| format!("--output-file={format}={format}.out"));
    let arguments = ["check", "--format=concise"].into_iter().chain(files.iter().map(String::as_str));
    let ran = project.run(&arguments.collect::<Vec<_>>());
    assert_eq!(ran.out, expected[1]);
    for (format, expected) in FORMATS.iter().zip(&expected) {
        let written = fs::read_to_string(project.path(&format!("{format}.out"))).unwrap();
        assert_eq!(written.replace(&project.path("").display().to_string(), "[PROJECT]"), *expected, "{format}");
    }
    let ran = project.run(&["check", "--format=concise", "--output-file=report.txt"]);
    assert_eq!((ran.out.as_str(), ran.code), ("", 1));
    assert_eq!(fs::read_to_string(project.path("report.txt")).unwrap(), expected[1]);
    assert_eq!(project.run(&["check", "--output-file=a", "--output-file=b"]).code, 2);
    assert_eq!(project.run(&["check", "--output-file=none/a"]).code, 2);
}

#[test]
fn json_lines_say_what_json_says() {
    let project = project();
    let whole = project.json(&[]);
    let lines = project.run(&["check", "--format=json-lines"]).out;
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |kind: &str| -> Vec<Value> {
        let mut all: Vec<Value> = lines.iter().filter(|line| line["type"] == kind).cloned().collect();
        for line in &mut all {
            assert_eq!(line["version"], 1);
            line.as_object_mut().unwrap().retain(|key, _| key != "type" && key != "version");
        }
        all
    };
    assert_eq!(Value::from(of("finding")), whole["findings"]);
    assert_eq!(Value::from(of("problem")), whole["problems"]);
    assert_eq!(of("statistics"), [whole["statistics"].clone()]);
}

#[test]
fn findings_can_be_counted() {
    let project = project();
    let ran = project.run(&["check", "--statistics"]);
    assert_eq!(ran.code, 1);
    assert_snapshot!(ran.out);
    let ran = project.run(&["check", "--statistics", "--format=json"]);
    let json: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(json["lints"][0], serde_json::json!({ "lint": "fire-and-forget", "findings": 2, "causes": 1 }));
}

#[test]
fn the_level_that_fails_can_be_set() {
    let settings = "[tool.unleak]\nlevels = {fire-and-forget = 'warning'}\n";
    let leak = "import asyncio\nimport outside\n\n\nasync def start():\n    asyncio.create_task(fetch(1))\n\n\nasync def fetch(at):\n    raise OSError(await outside.fetch(at))\n";
    let project = Project::with(&[("pyproject.toml", settings), ("a.py", leak)]);
    assert_eq!(project.json(&[])["findings"][0]["level"], "warning");
    for (level, code) in [("note", 1), ("warning", 1), ("error", 0)] {
        assert_eq!(project.run(&["check", "--fail-on", level]).code, code, "{level}");
    }
    assert_eq!(project.run(&["check", "--fail-on=note", "--config=levels.fire-and-forget=note"]).code, 1);
    assert_eq!(project.run(&["check", "--config=levels.fire-and-forget=note"]).code, 0);
}

#[test]
fn times_are_told_beside_the_report() {
    let ran = project().run(&["check", "--timing", "--format=json"]);
    let steps: Vec<&str> = ran.err.lines().filter_map(|line| line.split_once(": ")).map(|(step, _)| step).collect();
    assert_eq!(steps, ["looked for files", "read", "linked", "decided", "asked the lints", "printed"]);
    assert!(serde_json::from_str::<Value>(&ran.out).is_ok());
}

#[test]
fn colours_and_links_are_for_terminals_or_when_they_are_asked_for() {
    let project = project();
    for format in ["full", "concise"] {
        let plain = project.run(&["check", "--format", format]).out;
        assert!(!plain.contains('\u{1b}'), "{plain}");
        let run = |links: &str| {
            let mut command = project.command(".", &["check", "--color=always", "--format", format]);
            project.ran(command.env("FORCE_HYPERLINK", links).output().unwrap()).out
        };
        assert!(run("0").contains("\u{1b}[") && !run("0").contains("\u{1b}]8"));
        assert!(run("1").contains("\u{1b}]8;;https://") && run("1").contains("docs/lints/fire-and-forget.md\u{1b}\\"));
    }
}
