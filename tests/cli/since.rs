//! `--since REF`: what a change has brought about or touched, wherever its cause lies.

use std::process::Command;

use crate::project::{Project, Ran};

const WRAPPER: &str = "\
import asyncio

RUNNING = set()


def start(work):
    task = asyncio.create_task(work)
    RUNNING.add(task)
    task.add_done_callback(RUNNING.discard)
    return task
";
const CALLER: &str = "\
import asyncio

from app.tasks import start


async def work():
    raise OSError(await outside.fetch(1))


async def old():
    asyncio.create_task(work())


async def calls():
    start(work())
";

fn git(project: &Project, arguments: &[&str]) {
    let identity = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "init.defaultBranch=main"];
    let mut command = Command::new("git");
    command.current_dir(project.path(".")).args(identity).args(arguments);
    let said = command.output().expect("git starts");
    assert!(said.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&said.stderr));
}

fn committed() -> Project {
    let files = [("pyproject.toml", ""), ("app/__init__.py", ""), ("app/tasks.py", WRAPPER), ("app/main.py", CALLER)];
    let project = Project::with(&files);
    git(&project, &["init", "--quiet"]);
    commit(&project);
    project
}

fn commit(project: &Project) {
    git(project, &["add", "--all"]);
    git(project, &["commit", "--quiet", "--message", "change"]);
}

fn since(project: &Project, revision: &str, paths: &[&str]) -> Ran {
    project.run(&[&["check", "--format=concise", "--since", revision], paths].concat())
}

#[test]
fn what_was_there_before_is_not_shown() {
    let project = committed();
    let ran = since(&project, "HEAD", &[]);
    assert_eq!((ran.out.as_str(), ran.code), ("Found nothing that leaks in 3 files.\n", 0));
    assert_eq!(ran.err, "1 finding was there before `HEAD` already, and not touched since\n");
    assert_eq!(project.run(&["check"]).code, 1);
}

#[test]
fn a_cause_in_another_file_is_found_though_only_the_caller_is_asked_about() {
    let project = committed();
    let kept = WRAPPER.replace("    RUNNING.add(task)\n    task.add_done_callback(RUNNING.discard)\n", "");
    let project = project.file("app/tasks.py", kept);
    let ran = since(&project, "main", &["app/main.py"]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.starts_with("app/main.py:15:5: error[fire-and-forget]"), "{}", ran.out);
    assert!(ran.out.contains("Found 1 error in 1 file"), "{}", ran.out);
}

#[test]
fn what_the_change_touches_is_shown_though_it_was_there() {
    let project = committed();
    let touched = CALLER.replace("asyncio.create_task(work())", "asyncio.create_task(work())  # later");
    let project = project.file("app/main.py", touched);
    let ran = since(&project, "HEAD", &[]);
    assert!(ran.out.starts_with("app/main.py:11:5: error[fire-and-forget]"), "{}", ran.out);
}

#[test]
fn what_a_deleted_suppression_hid_is_shown() {
    let project = committed();
    let hidden = CALLER.replace(
        "    asyncio.create_task(work())",
        "    # unleak: ignore[fire-and-forget] it is short\n    asyncio.create_task(work())",
    );
    let project = project.file("app/main.py", hidden);
    commit(&project);
    assert_eq!(since(&project, "HEAD", &[]).code, 0);
    let project = project.file("app/main.py", CALLER);
    let ran = since(&project, "HEAD", &[]);
    assert!(ran.out.starts_with("app/main.py:11:5: error[fire-and-forget]"), "{}", ran.out);
}

#[test]
fn of_a_renamed_file_only_what_was_changed_counts_as_touched() {
    let project = committed();
    git(&project, &["mv", "app/main.py", "app/service.py"]);
    let ran = since(&project, "HEAD", &[]);
    assert_eq!((ran.out.as_str(), ran.code), ("Found nothing that leaks in 3 files.\n", 0));

    let touched = CALLER.replace("asyncio.create_task(work())", "asyncio.create_task(work())  # later");
    let project = project.file("app/service.py", touched);
    let ran = since(&project, "HEAD", &[]);
    assert!(ran.out.starts_with("app/service.py:11:5: error[fire-and-forget]"), "{}", ran.out);
}

#[test]
fn a_note_is_not_counted_and_what_has_become_worse_is_new() {
    let project = committed().file("tests/test_main.py", CALLER);
    commit(&project);
    let ran = since(&project, "HEAD", &[]);
    assert_eq!(ran.err, "1 finding was there before `HEAD` already, and not touched since\n");
    let ran = since(&project, "HEAD", &["--min-level=note"]);
    assert_eq!(ran.err, "2 findings were there before `HEAD` already, and not touched since\n");

    git(&project, &["mv", "tests/test_main.py", "app/service.py"]);
    let ran = since(&project, "HEAD", &[]);
    assert!(ran.out.starts_with("app/service.py:11:5: error[fire-and-forget]"), "{}", ran.out);
    assert!(ran.out.ends_with("Found 1 error in 4 files.\n"), "{}", ran.out);

    git(&project, &["reset", "--quiet", "--hard"]);
    let project = project.file("tests/test_more.py", CALLER);
    let ran = since(&project, "HEAD", &[]);
    let said = "Found no errors or warnings in 5 files; 1 note not shown (--min-level note).\n";
    assert_eq!((ran.out.as_str(), ran.code), (said, 0));
}

#[test]
fn a_branch_is_compared_with_where_it_came_from() {
    let project = committed();
    git(&project, &["checkout", "--quiet", "-b", "topic"]);
    let project = project.file("app/more.py", CALLER);
    commit(&project);
    git(&project, &["checkout", "--quiet", "main"]);
    let project = project.file("app/main.py", "x = 1\n");
    commit(&project);
    git(&project, &["checkout", "--quiet", "topic"]);
    let ran = since(&project, "main", &[]);
    assert!(ran.out.starts_with("app/more.py:11:5: error[fire-and-forget]"), "{}", ran.out);
    assert_eq!(ran.err, "1 finding was there before `main` already, and not touched since\n");
}

#[test]
fn where_nothing_can_be_compared_it_is_said_what_to_do() {
    let ran = since(&committed(), "nowhere", &[]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("`--since nowhere` names no commit; name a branch"), "{}", ran.err);

    let ran = since(&Project::with(&[("a.py", "x = 1\n")]), "HEAD", &[]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("is in no repository"), "{}", ran.err);

    let project = committed();
    let project = project.file("app/main.py", "x = 1\n");
    commit(&project);
    let source = format!("file://{}", project.path(".").canonicalize().unwrap().display());
    git(&project, &["clone", "--quiet", "--depth", "1", &source, "shallow"]);
    let ran = project.run_in("shallow", &["check", "--since", "HEAD~1"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("this clone is shallow: fetch more of it"), "{}", ran.err);

    git(&project, &["checkout", "--quiet", "-b", "topic", "HEAD~1"]);
    let project = project.file("app/more.py", CALLER);
    commit(&project);
    let both = ["clone", "--quiet", "--depth", "1", "--no-single-branch", &source, "apart"];
    git(&project, &both);
    let ran = project.run_in("apart", &["check", "--since", "origin/main"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("this clone is shallow: fetch more of it"), "{}", ran.err);
}
