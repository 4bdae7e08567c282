//! Findings from the bytes of files to what is printed: what they have in common, how bad and how sure they are.

use serde_json::Value;

use crate::project::Project;

/// A wrapper that hands its task out, and callers that drop it.
fn wrapper(callers: usize) -> Project {
    let wrapper = "import asyncio\n\n\ndef spawn(work):\n    return asyncio.create_task(work)\n";
    let calls: String = (0..callers).map(|n| format!("\n\nasync def caller_{n}():\n    spawn(work())\n")).collect();
    let caller = format!("from app.tasks import spawn\n\n\nasync def work():\n    ...\n{calls}");
    Project::with(&[
        ("pyproject.toml", ""),
        ("app/__init__.py", ""),
        ("app/tasks.py", wrapper),
        ("app/main.py", &caller),
    ])
}

#[test]
fn the_callers_of_one_wrapper_are_one_cause() {
    let project = wrapper(22);
    let json = project.json(&[]);
    let findings = json["findings"].as_array().unwrap();
    assert_eq!((findings.len(), &json["statistics"]["findings"]), (22, &Value::from(22)));
    assert_eq!(json["statistics"]["causes"], 1);
    assert!(findings.iter().all(|finding| finding["root"]["path"] == "app/tasks.py"));
    for format in ["full", "concise"] {
        let ran = project.run(&["check", "--format", format]);
        assert!(ran.out.ends_with("Found 22 errors in 3 files (1 distinct cause).\n"), "{}", ran.out);
    }
    assert!(project.run(&["check", "--stats"]).err.contains("findings: 22 of 1 distinct cause\n"));
}

#[test]
fn a_fingerprint_outlives_moved_lines_and_renamed_files() {
    let before = wrapper(2).json(&[])["findings"].clone();
    let moved = wrapper(2).file("app/main.py", "");
    let text = std::fs::read_to_string(wrapper(2).path("app/main.py")).unwrap();
    let after = moved.file("app/other.py", format!("# a line more\n\n{text}")).json(&[])["findings"].clone();
    let prints = |findings: &Value| -> Vec<String> {
        findings.as_array().unwrap().iter().map(|finding| finding["fingerprint"].to_string()).collect()
    };
    assert_eq!(prints(&before), prints(&after));
    assert_ne!(prints(&before)[0], prints(&before)[1]);
    assert_eq!(after[0]["location"]["path"], "app/other.py");
}

#[test]
fn a_finding_in_test_code_is_a_note() {
    let leak = "import asyncio\n\n\nasync def start():\n    asyncio.create_task(fetch(1))\n\n\nasync def fetch(at):\n    raise OSError(await outside.fetch(at))\n";
    let project = Project::with(&[
        ("pyproject.toml", ""),
        ("app.py", leak),
        ("tests/test_app.py", leak),
        ("tools/benchmark.py", leak),
        ("tools/example_server/app.py", leak),
    ]);
    let levels: Vec<Value> =
        project.json(&[])["findings"].as_array().unwrap().iter().map(|f| f["level"].clone()).collect();
    assert_eq!(levels, ["error", "note", "note", "note"]);
}

#[test]
fn what_is_only_likely_can_be_left_out() {
    let likely =
        "import asyncio\n\n\nasync def all_of(users):\n    await asyncio.gather(*[f(user) for user in users])\n";
    let project = Project::with(&[("pyproject.toml", ""), ("a.py", likely)]);
    let finding = &project.json(&[])["findings"][0];
    assert_eq!(finding["confidence"], "likely");
    assert!(finding["assumption"].is_string());
    assert_eq!(finding["level"], "note", "that a caller gives many is an assumption, and all that is wrong");
    assert_eq!(project.run(&["check", "--fail-on=note"]).code, 1);
    let ran = project.run(&["check", "--fail-on=note", "--min-confidence=certain"]);
    assert_eq!((ran.out.as_str(), ran.code), ("Found nothing that leaks in 1 file.\n", 0));
    assert_eq!(project.run(&["check", "--min-confidence=sure"]).code, 2);
}
