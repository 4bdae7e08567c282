//! Which levels are shown: by format, by flag, by settings; and that a run fails only on what it shows.

use std::fs;

use serde_json::Value;

use crate::project::{Project, Ran};

const LEAK: &str = "import asyncio\n\n\nasync def start():\n    asyncio.create_task(fetch(1))\n\n\nasync def fetch(at):\n    raise OSError(await outside.fetch(at))\n";
const UNUSED: &str = "x = 1  # unleak: ignore[raw-gather] old\n";
const PEOPLE: [&str; 8] = ["full", "concise", "github", "gitlab", "junit", "rdjson", "markdown", "agent"];
const PROGRAMS: [&str; 3] = ["json", "json-lines", "sarif"];
const LEVELS: [&str; 3] = ["note", "warning", "error"];
/// The file of [`project`] with the finding of each level.
const FILES: [&str; 3] = ["tests/test_app.py", "warn.py", "main.py"];

/// An error, a warning and a note.
fn project() -> Project {
    Project::with(&[("pyproject.toml", ""), (FILES[0], LEAK), (FILES[1], UNUSED), (FILES[2], LEAK)])
}

/// The levels of what a report on [`project`] shows, the worst first.
fn levels(ran: &Ran) -> Vec<&'static str> {
    let shown = LEVELS.into_iter().zip(FILES).filter(|(_, file)| ran.out.contains(file));
    let mut shown: Vec<&str> = shown.map(|(level, _)| level).collect();
    shown.reverse();
    shown
}

fn check(project: &Project, arguments: &[&str]) -> Ran {
    project.run(&[&["check"], arguments].concat())
}

#[test]
fn reports_for_people_show_what_is_to_be_mended_and_those_for_programs_everything() {
    let project = project();
    for format in PEOPLE {
        assert_eq!(levels(&check(&project, &["--format", format])), ["error", "warning"], "{format}");
    }
    for format in PROGRAMS {
        assert_eq!(levels(&check(&project, &["--format", format])), ["error", "warning", "note"], "{format}");
    }
}

#[test]
fn what_is_asked_for_counts_for_every_format() {
    let project = project();
    let flag = |level| format!("--min-level={level}");
    let pair = |level| format!("--config=min-level={level}");
    for format in PEOPLE.into_iter().chain(PROGRAMS) {
        for (least, shown) in
            [(0, ["error", "warning", "note"].as_slice()), (1, &["error", "warning"]), (2, &["error"])]
        {
            for typed in [flag(LEVELS[least]), pair(LEVELS[least])] {
                assert_eq!(levels(&check(&project, &["--format", format, &typed])), shown, "{format} {typed}");
            }
            fs::write(project.path("unleak.toml"), format!("min-level = '{}'\n", LEVELS[least])).unwrap();
            assert_eq!(levels(&check(&project, &["--format", format])), shown, "{format} {least}");
        }
        assert_eq!(levels(&check(&project, &["--format", format, "--min-level=warning"])), ["error", "warning"]);
        fs::remove_file(project.path("unleak.toml")).unwrap();
    }
    let both = ["--format=concise", "--config=min-level=error", "--min-level=note"];
    assert_eq!(levels(&check(&project, &both)).len(), 3, "a flag comes before `--config`");
}

#[test]
fn each_of_several_reports_shows_what_its_format_is_for() {
    let project = project();
    let all = PEOPLE.into_iter().chain(PROGRAMS);
    let files: Vec<String> = all.clone().map(|format| format!("--output-file={format}={format}.out")).collect();
    let ran = check(&project, &files.iter().map(String::as_str).chain(["--stats"]).collect::<Vec<_>>());
    assert!(
        ran.err.contains("\nfindings: 2 of 2 distinct causes; 1 note not shown (--min-level note)\n"),
        "{}",
        ran.err
    );
    for format in all {
        let written = fs::read_to_string(project.path(&format!("{format}.out"))).unwrap();
        let written = written.replace(&project.path("").display().to_string(), "[PROJECT]");
        assert_eq!(written, check(&project, &["--format", format, "--stats"]).out, "{format}");
    }
}

#[test]
fn the_last_line_says_what_is_not_shown_and_how_to_see_it() {
    let last = |arguments: &[&str], expected: &str| {
        for format in ["full", "concise"] {
            let ran = check(&project(), &[&["--format", format], arguments].concat());
            assert_eq!(ran.out.lines().last(), Some(expected), "{arguments:?}");
        }
    };
    last(&[], "Found 1 error, 1 warning in 3 files; 1 note not shown (--min-level note).");
    last(&["--min-level=note"], "Found 1 error, 1 warning, 1 note in 3 files.");
    last(&["--min-level=error"], "Found 1 error in 3 files; 1 warning, 1 note not shown (--min-level note).");
    last(&["tests"], "Found no errors or warnings in 1 file; 1 note not shown (--min-level note).");
    last(&["--min-level=error", "warn.py"], "Found no errors in 1 file; 1 warning not shown (--min-level warning).");
    last(&["--ignore=fire-and-forget", "main.py"], "Found nothing that leaks in 1 file.");
    let ran = check(&project(), &["--format=agent"]);
    assert!(ran.out.contains("2 causes, 2 findings; 1 note not shown (--min-level note). `unleak why "), "{}", ran.out);
    let ran = check(&project(), &["--format=markdown"]);
    assert!(ran.out.contains("; 1 note not shown (--min-level note).\n"), "{}", ran.out);
}

#[test]
fn a_run_fails_on_what_it_shows_and_on_nothing_else() {
    let project = project();
    for (bad, file) in FILES.iter().enumerate() {
        for (fail_on, least) in (0..3).flat_map(|one| (0..3).map(move |other| (one, other))) {
            let about = format!("{file} --fail-on {} --min-level {}", LEVELS[fail_on], LEVELS[least]);
            let (fails, min) = (format!("--fail-on={}", LEVELS[fail_on]), format!("--min-level={}", LEVELS[least]));
            // Typed both: what cannot be meant is refused.
            let ran = check(&project, &["--format=concise", &fails, &min, file]);
            let expected = if fail_on < least { 2 } else { i32::from(bad >= fail_on) };
            assert_eq!(ran.code, expected, "{about}: {}", ran.err);
            assert!(ran.code != 1 || levels(&ran) == [LEVELS[bad]], "{about}");
            // One typed, the other in a file: what is to fail is shown.
            fs::write(project.path("unleak.toml"), format!("min-level = '{}'\n", LEVELS[least])).unwrap();
            for format in ["concise", "sarif"] {
                let ran = check(&project, &["--format", format, &fails, file]);
                assert_eq!(ran.code, i32::from(bad >= fail_on), "{about} in {format}");
                assert_eq!(levels(&ran).is_empty(), bad < fail_on.min(least), "{about} in {format}");
            }
            // Nothing typed: what is hidden does not fail.
            let ran = check(&project, &["--format=concise", file]);
            assert_eq!(ran.code, i32::from(bad >= 1 && bad >= least), "{about}");
            fs::remove_file(project.path("unleak.toml")).unwrap();
            let ran = check(&project, &["--format=concise", &min, file]);
            assert_eq!(
                (ran.code, levels(&ran).len()),
                (i32::from(bad >= 1 && bad >= least), usize::from(bad >= least))
            );
        }
    }
    assert_eq!(levels(&check(&project, &["--fail-on=note"])).len(), 3, "what is to fail is shown");
    assert_eq!(levels(&check(&project, &["--fail-on=error"])), ["error", "warning"]);
}

#[test]
fn what_cannot_be_meant_says_what_to_do() {
    let said = "error: `--fail-on note` would fail on what `--min-level warning` does not show; \
                use `--min-level note` or `--fail-on warning`\n";
    for min in ["--min-level=warning", "--config=min-level=warning"] {
        let ran = check(&project(), &["--fail-on=note", min]);
        assert_eq!((ran.out.as_str(), ran.err.as_str(), ran.code), ("", said, 2));
    }
    let ran = check(&project(), &["--min-level=warnig"]);
    assert!(ran.code == 2 && ran.err.contains("note, warning, error") && ran.err.contains("'warning'"), "{}", ran.err);
}

#[test]
fn the_nearest_settings_file_says_what_is_shown() {
    let project = Project::with(&[
        ("unleak.toml", "min-level = 'error'\n"),
        ("test_a.py", LEAK),
        ("warn.py", UNUSED),
        ("deep/unleak.toml", "extend = 'base.toml'\n"),
        ("deep/base.toml", "min-level = 'note'\n"),
        ("deep/test_b.py", LEAK),
        ("plain/unleak.toml", "strict = true\n"),
        ("plain/test_c.py", LEAK),
        ("plain/warn.py", UNUSED),
    ]);
    let shown = |arguments: &[&str]| -> Vec<String> {
        let lines = check(&project, &[&["--format=concise"], arguments].concat()).out;
        lines.lines().filter_map(|line| Some(line.split_once(".py:")?.0.to_owned())).collect()
    };
    assert_eq!(shown(&[]), ["deep/test_b", "plain/warn"]);
    assert_eq!(shown(&["--min-level=warning"]), ["plain/warn", "warn"]);
    assert_eq!(shown(&["--isolated"]), ["plain/warn", "warn"]);
    let json = project.json(&[]);
    let counts = ["findings", "not_shown"].map(|key| json["statistics"][key].clone());
    assert_eq!((counts, json["findings"].as_array().map(Vec::len)), ([3.into(), 2.into()], Some(3)));
    let settings = check(&project, &["--show-settings", "deep"]).out;
    assert!(settings.contains("\nmin-level = \"note\"\n"), "{settings}");
}

#[test]
fn a_lint_that_settings_raise_is_shown_as_it_was_raised() {
    let queue = "import asyncio\n\n\nclass Relay:\n    def __init__(self, reader: asyncio.StreamReader):\n        \
        self.reader, self.items = reader, asyncio.Queue()\n\n    async def fill(self):\n        while True:\n            \
        self.items.put_nowait(await self.reader.read(100))\n\n    async def run(self):\n        while True:\n            \
        await outside.upload(await self.items.get())\n";
    let project = Project::with(&[("pyproject.toml", ""), ("a.py", queue)]);
    let ran = check(&project, &["--format=concise"]);
    assert_eq!(ran.out, "Found no errors or warnings in 1 file; 1 note not shown (--min-level note).\n");
    let project = project.file("unleak.toml", "levels.unbounded-queue = 'error'\n");
    let ran = check(&project, &["--format=concise", "--min-level=error"]);
    assert!(ran.code == 1 && ran.out.starts_with("a.py:6:43: error[unbounded-queue]"), "{}", ran.out);
    let ran = check(&project, &["--format=concise", "--config=levels.unbounded-queue=note"]);
    assert_eq!((ran.code, ran.out.lines().count()), (0, 1));
}

#[test]
fn what_is_counted_is_what_is_shown() {
    let project = project();
    let ran = check(&project, &["--statistics"]);
    let rows = "FINDINGS  CAUSES  LINT\n1         1       fire-and-forget\n1         1       unused-suppression\n";
    let last = "Found 1 error, 1 warning in 3 files; 1 note not shown (--min-level note).\n";
    assert_eq!(ran.out, format!("{rows}{last}"));
    let tally = |arguments: &[&str]| -> (Value, Value) {
        let ran = check(&project, &[&["--statistics", "--format=json"], arguments].concat());
        let json: Value = serde_json::from_str(&ran.out).unwrap();
        (json["lints"][0]["findings"].clone(), json["not_shown"].clone())
    };
    assert_eq!(tally(&[]), (2.into(), 0.into()));
    assert_eq!(tally(&["--min-level=warning"]), (1.into(), 1.into()));
}

#[test]
fn a_comment_on_a_note_is_of_use_though_notes_are_not_shown() {
    let kept = LEAK.replace("(1))\n", "(1))  # unleak: ignore[fire-and-forget] over in a second\n");
    let project = Project::with(&[("pyproject.toml", ""), ("tests/test_app.py", &kept)]);
    for arguments in [&[][..], &["--min-level=error"], &["--fix"]] {
        let ran = check(&project, arguments);
        assert_eq!(
            (ran.out.as_str(), ran.err.as_str()),
            ("Found nothing that leaks in 1 file.\n", ""),
            "{arguments:?}"
        );
    }
    assert_eq!(fs::read_to_string(project.path("tests/test_app.py")).unwrap(), kept);
}

#[test]
fn other_commands_tell_everything() {
    let project = project();
    let say = |arguments: &[&str]| project.run(arguments).out;
    let commands = [&["why", "tests/test_app.py:5"][..], &["census"], &["census", "--format=json"], &["audit"]];
    let before = commands.map(say);
    assert!(before[0].contains("note[fire-and-forget]"), "{}", before[0]);
    fs::write(project.path("unleak.toml"), "min-level = 'error'\n").unwrap();
    assert_eq!(commands.map(say), before);
    assert!(!before[2].contains("not_shown"), "{}", before[2]);
}

#[test]
fn a_report_that_leaves_something_out_is_told_apart() {
    let project = project();
    check(&project, &["--output-file=json=all.json"]);
    check(&project, &["--output-file=json=some.json", "--min-level=warning"]);
    let ran = project.run(&["diff", "all.json", "some.json"]);
    let warning = "warning: `some.json` leaves out 1 finding; write it with `--min-level note` to compare all\n";
    assert_eq!((ran.err.as_str(), ran.code), (warning, 1));
    let ran = project.run(&["diff", "all.json", "all.json"]);
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("0 new, 0 gone, 0 with another verdict, 3 the same.\n", ""));
}
