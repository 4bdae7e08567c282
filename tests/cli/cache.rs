//! What `--cache` keeps changes no report, whatever happens to it.

use std::fs;
use std::io::Write;
use std::process::{Child, Command};
use std::time::Duration;

use crate::project::{Project, Ran};

const CHECK: [&str; 3] = ["check", "--format=json", "--cache=kept"];

/// A project of some files in both languages, two of them broken, with findings over files.
fn project() -> Project {
    let tasks = "import asyncio\n\n\ndef spawn(work):\n    return asyncio.create_task(work)\n";
    let main = "from app.tasks import spawn\n\n\nasync def main(work):\n    spawn(work())\n    # unleak: ignore[raw-gather] é\n";
    let many = (0..40).map(|n| (format!("app/m{n}.py"), format!("import asyncio\nx = {n}\nq = asyncio.Queue()\n")));
    let project = Project::with(&[
        ("pyproject.toml", ""),
        ("app/tasks.py", tasks),
        ("app/main.py", main),
        ("app/broken.py", "def f(:\n"),
        ("src/lib.rs", "fn f() { std::thread::spawn(|| loop {}); }\nfn g( {\n"),
    ]);
    many.fold(project, |project, (path, text)| project.file(&path, text))
}

fn reused(project: &Project) -> usize {
    let ran = project.run(&["check", "--timing", "--cache=kept"]);
    let line = ran.err.lines().find(|line| line.starts_with("kept (")).unwrap_or_else(|| panic!("{}", ran.err));
    line.trim_start_matches("kept (").split(' ').next().unwrap().parse().unwrap()
}

fn same(ran: &Ran, as_without: &Ran) {
    assert_eq!((&ran.out, ran.code), (&as_without.out, as_without.code));
}

#[test]
fn a_kept_file_is_not_read_anew_and_the_report_is_the_same() {
    let project = project();
    let without = project.run(&CHECK[..2]);
    assert!(without.out.contains("fire-and-forget") && without.out.contains("\"problems\""));
    assert!(!project.path("kept").exists());
    same(&project.run(&CHECK), &without);
    assert_eq!(fs::read_to_string(project.path("kept/.gitignore")).unwrap(), "*\n");
    same(&project.run(&CHECK), &without);
    assert_eq!(reused(&project), 44);
    let project = project.file("app/tasks.py", "def spawn(work):\n    return work\n");
    assert_eq!(reused(&project), 43);
    same(&project.run(&CHECK), &project.run(&CHECK[..2]));
    assert_eq!(reused(&project), 44, "what is new is kept too");
}

#[test]
fn what_is_no_longer_there_is_not_kept() {
    let project = project();
    project.run(&CHECK);
    let pack = || {
        fs::read_dir(project.path("kept"))
            .unwrap()
            .flatten()
            .find(|it| it.path().extension().is_some_and(|it| it == "pack"))
    };
    let before = pack().unwrap().metadata().unwrap().len();
    for n in 0..40 {
        fs::remove_file(project.path(&format!("app/m{n}.py"))).unwrap();
    }
    fs::write(project.path("app/new.py"), "x = 1\n").unwrap();
    project.run(&CHECK);
    assert!(pack().unwrap().metadata().unwrap().len() < before / 2);
    assert_eq!(reused(&project), 5);
}

/// The one file of the cache, changed in some way; then a run must give what one without a cache gives.
fn spoilt(spoil: impl Fn(&mut Vec<u8>)) {
    let project = project();
    let without = project.run(&CHECK[..2]);
    project.run(&CHECK);
    let pack = fs::read_dir(project.path("kept")).unwrap().flatten().map(|it| it.path());
    let pack = pack.into_iter().find(|path| path.extension().is_some_and(|ending| ending == "pack")).unwrap();
    let mut bytes = fs::read(&pack).unwrap();
    spoil(&mut bytes);
    fs::write(&pack, &bytes).unwrap();
    assert_eq!(reused(&project), 0, "nothing of it is believed");
    same(&project.run(&CHECK), &without);
    assert_eq!(reused(&project), 44, "it has been replaced");
}

#[test]
fn what_is_spoilt_is_of_no_use_and_does_no_harm() {
    spoilt(|bytes| bytes.clear());
    spoilt(|bytes| bytes.truncate(bytes.len() / 2));
    spoilt(|bytes| bytes.truncate(7));
    spoilt(|bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    });
    spoilt(|bytes| bytes.extend_from_slice(b"more"));
}

#[test]
fn another_build_keeps_its_own() {
    let project = project();
    let without = project.run(&CHECK[..2]);
    project.run(&CHECK);
    let other = project.path("../other");
    fs::copy(env!("CARGO_BIN_EXE_unleak"), &other).unwrap();
    let check = |reused: &str| {
        let mut command = Command::new(&other);
        let ran = project.ran(command.current_dir(project.path(".")).args(CHECK).arg("--timing").output().unwrap());
        assert!(ran.err.contains(&format!("kept ({reused} files were not read anew)")), "{}", ran.err);
        same(&ran, &without);
    };
    check("44");
    fs::OpenOptions::new().append(true).open(&other).unwrap().write_all(b"other").unwrap();
    check("0");
}

#[test]
fn a_folder_that_cannot_be_written_is_told_and_costs_nothing_else() {
    let project = project().file("kept", "a file stands where the folder should be");
    let without = project.run(&CHECK[..2]);
    let ran = project.run(&CHECK);
    same(&ran, &without);
    assert!(ran.err.contains("warning: nothing is kept for the next run: cannot make the folder"), "{}", ran.err);
}

#[test]
fn runs_beside_each_other_and_runs_that_are_stopped_do_no_harm() {
    let project = project();
    let without = project.run(&CHECK[..2]);
    let start = || -> Child {
        let mut command = project.command(".", &CHECK);
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap()
    };
    for turn in 0..12u64 {
        let _ = fs::remove_dir_all(project.path("kept"));
        let mut beside: Vec<Child> = (0..3).map(|_| start()).collect();
        std::thread::sleep(Duration::from_millis(turn * 7));
        beside[0].kill().unwrap();
        for child in &mut beside {
            child.wait().unwrap();
        }
        same(&project.run(&CHECK), &without);
        assert_eq!(reused(&project), 44);
    }
}
