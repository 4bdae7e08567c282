//! The commands beside `check`: comparing reports, completions, the manual.

use crate::project::Project;

const LEAK: &str = "import asyncio\n\n\nasync def start():\n    asyncio.create_task(fetch(1))\n\n\nasync def fetch(at):\n    raise OSError(await outside.fetch(at))\n";

#[test]
fn two_reports_are_compared() {
    let project = Project::with(&[("pyproject.toml", ""), ("a.py", LEAK), ("b.py", LEAK), ("c.py", "x = 1\n")]);
    project.run(&["check", "--output-file=json=old.json", "--format=concise"]);
    let same = project.run(&["diff", "old.json", "old.json"]);
    assert_eq!((same.out.as_str(), same.code), ("0 new, 0 gone, 0 with another verdict, 2 the same.\n", 0));
    let other = LEAK.replace("start", "other");
    let project = project.file("a.py", format!("# a line more\n{LEAK}")).file("b.py", "x = 1\n").file("c.py", other);
    project.run(&["check", "--output-file=json=new.json", "--format=concise"]);
    let ran = project.run(&["diff", "old.json", "new.json"]);
    assert_eq!((ran.err.as_str(), ran.code), ("", 1));
    let says = "fire-and-forget: nobody keeps the task that `asyncio.create_task` starts: its failure is never seen, \
                and shutdown can neither wait for it nor stop it (error, certain)";
    let counts = "1 new, 1 gone, 0 with another verdict, 1 the same.";
    assert_eq!(ran.out, format!("- b.py:5:5 {says}\n+ c.py:5:5 {says}\n{counts}\n"));
    project.run(&["check", "--output-file=json=note.json", "--config=levels.fire-and-forget=note"]);
    let ran = project.run(&["diff", "new.json", "note.json"]);
    assert!(ran.out.contains("(error, certain → note, certain)") && ran.out.contains("0 new, 0 gone, 2 with another"));
}

#[test]
fn two_censuses_are_compared() {
    let project = Project::with(&[("pyproject.toml", ""), ("a.py", LEAK)]);
    let census = |project: &Project, name: &str| {
        std::fs::write(project.path(name), project.run(&["census", "--format=json"]).out).unwrap();
    };
    census(&project, "old.json");
    let project = project.file("a.py", LEAK.replace("    asyncio.create", "    await asyncio.create"));
    census(&project, "new.json");
    let ran = project.run(&["diff", "old.json", "new.json"]);
    assert!(ran.code == 1 && ran.out.contains("task made by `asyncio.create_task` (yes → no)"), "{}", ran.out);
}

#[test]
fn what_is_no_report_is_an_error() {
    let project = Project::with(&[("a.json", "[]"), ("b.json", "{\"version\": 9}"), ("c.json", "{\"version\": 1}")]);
    for (file, said) in [("a.json", "`a.json` is no report"), ("b.json", "version 9"), ("none.json", "cannot read")] {
        let ran = project.run(&["diff", file, "c.json"]);
        assert!(ran.code == 2 && ran.err.contains(said), "{}", ran.err);
    }
}

#[test]
fn completions_and_manual_follow_from_the_arguments() {
    let project = Project::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = project.run(&["completions", shell]);
        assert!(ran.code == 0 && ran.out.contains("min-level") && ran.out.contains("census"), "{shell}");
    }
    let ran = project.run(&["man"]);
    assert!(ran.code == 0 && ran.out.contains(".TH unleak") && ran.out.contains("check(1)"), "{}", ran.out);
    let ran = project.run(&["man", "check"]);
    assert!(ran.out.contains("\\-\\-baseline"), "{}", ran.out);
    assert_eq!(project.run(&["man", "chek"]).code, 2);
}

#[test]
fn why_sees_what_a_check_of_the_working_directory_sees() {
    let wrapper = "import asyncio\n\n\ndef spawn(work):\n    return asyncio.create_task(work)\n";
    let main = "from app.tasks import spawn\n\n\nasync def main(work):\n    spawn(work())\n";
    let project = Project::with(&[("app/tasks.py", wrapper), ("app/main.py", main)]);
    assert!(project.run(&["check"]).out.contains("app/main.py:5:5"));
    let ran = project.run(&["why", "app/main.py:5"]);
    assert!(ran.out.contains("app/tasks.py:5"), "{}{}", ran.out, ran.err);
}
