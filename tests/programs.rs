//! The Python fixtures are programs that run, end by themselves and count what they leave behind: a bad one at least as
//! much as it has expectations, a good one nothing.

mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use support::{each, read, report, root, slashed, tree};

/// Longest time a program may take: each needs two seconds at most by itself, and others run beside it.
const PATIENCE: Duration = Duration::from_secs(30);

/// Programs that need a package from outside: how their names end, and the code that asks whether it is there.
const MORE: [(&str, &str); 5] = [
    ("_aiohttp", "import aiohttp"),
    ("_opentelemetry", "import opentelemetry.sdk.metrics"),
    ("_prometheus", "import prometheus_client"),
    ("_starlette", "import starlette"),
    ("_statsd", "import statsd"),
];

fn python(code: &str) -> bool {
    let run = Command::new("python3").args(["-c", code]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    run.is_ok_and(|status| status.success())
}

/// One program: where it runs, what runs, and its files.
struct Program {
    folder: PathBuf,
    arguments: Vec<String>,
    files: Vec<PathBuf>,
}

impl Program {
    fn name(&self) -> String {
        format!("{}: python3 {}", slashed(&self.folder), self.arguments.join(" "))
    }
}

fn programs() -> Vec<Program> {
    let files: Vec<PathBuf> = tree()
        .into_iter()
        .filter(|file| file.starts_with("fixtures") && file.extension().is_some_and(|e| e == "py"))
        .collect();
    let mut programs = Vec::new();
    for file in &files {
        let parts: Vec<String> = file.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        let folder: PathBuf = parts[..parts.len() - 1].iter().collect();
        match parts.as_slice() {
            [_, _, name] => programs.push(Program { folder, arguments: vec![name.clone()], files: vec![file.clone()] }),
            [_, _, _, app, main] if main == "main.py" => {
                let folder = folder.parent().expect("a folder").to_owned();
                let files = files.iter().filter(|other| other.starts_with(&folder)).cloned().collect();
                programs.push(Program { folder, arguments: vec!["-m".to_owned(), format!("{app}.main")], files });
            }
            _ => {}
        }
    }
    programs
}

/// What it printed, or what went wrong.
fn run(program: &Program) -> Result<String, String> {
    let out = tempfile::NamedTempFile::new().expect("a temporary file");
    let err = tempfile::NamedTempFile::new().expect("a temporary file");
    let mut child = Command::new("python3")
        .args(&program.arguments)
        .current_dir(root().join(&program.folder))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .stdout(out.reopen().expect("a temporary file"))
        .stderr(err.reopen().expect("a temporary file"))
        .spawn()
        .expect("python3 starts");
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("it can be waited for") {
            break status;
        }
        if started.elapsed() > PATIENCE {
            child.kill().expect("it can be killed");
            child.wait().expect("it can be waited for");
            return Err(format!("has not ended after {PATIENCE:?}"));
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let text = |file: &Path| String::from_utf8_lossy(&std::fs::read(file).expect("a temporary file")).into_owned();
    match status.code() {
        Some(0) => Ok(text(out.path())),
        code => Err(format!("exit code {code:?}: {}", text(err.path()).lines().last().unwrap_or(""))),
    }
}

fn judge(program: &Program) -> Result<(), String> {
    let printed = run(program)?;
    let last = printed.lines().last().unwrap_or("");
    let left = last.strip_prefix("left behind: ").and_then(|count| count.trim().parse::<usize>().ok());
    let left = left.ok_or_else(|| format!("its last line is not `left behind: <n>` but {last:?}"))?;
    let expected: usize = program.files.iter().map(|file| read(file).matches("# expect").count()).sum();
    match expected {
        0 if left > 0 => Err(format!("leaves {left} behind and expects nothing")),
        _ if left < expected => Err(format!("leaves {left} behind and expects {expected}")),
        _ => Ok(()),
    }
}

#[test]
fn every_python_fixture_runs_and_counts_what_it_leaves_behind() {
    if !python("import sys; sys.exit(sys.version_info < (3, 11))") {
        println!("skipped: no Python of 3.11 or newer");
        return;
    }
    let missing: Vec<&str> = MORE.iter().filter(|(_, code)| !python(code)).map(|(ending, _)| *ending).collect();
    let is_missing = |program: &Program| {
        let mut stems = program.files.iter().filter_map(|file| file.file_stem()).map(|stem| stem.to_string_lossy());
        stems.any(|stem| missing.iter().any(|ending| stem.ends_with(ending)))
    };
    let (skipped, programs): (Vec<_>, Vec<_>) = programs().into_iter().partition(is_missing);
    for program in &skipped {
        println!("skipped, for what it imports is not there: {}", program.name());
    }
    assert!(!programs.is_empty(), "there are no programs");
    let failures = each(programs, |program| judge(&program).err().map(|error| format!("{}: {error}", program.name())));
    report("Python fixtures that do not do what they say", &failures.into_iter().flatten().collect::<Vec<_>>());
}
