//! It never imports, builds or runs what it analyses, starts no program, opens no connection, writes nothing.

use std::fs;
use std::path::Path;

use crate::project::Project;

/// Code that would leave a mark if anything ran it, in every place where a tool might run something.
fn booby_trapped() -> Project {
    let mark = "open('ran', 'w').close()\n";
    let python = ["setup.py", "conftest.py", "noxfile.py", "pkg/__init__.py", "pkg/__main__.py", "sitecustomize.py"];
    let rust = "fn main() { std::fs::write(\"ran\", \"\").unwrap(); }\n";
    let project = python.iter().fold(Project::new(), |project, path| project.file(path, mark));
    project
        .file("pyproject.toml", "[build-system]\nrequires = []\nbuild-backend = 'setup'\nbackend-path = ['.']\n")
        .file("Cargo.toml", "[package]\nname = 'trap'\nversion = '0.0.0'\nbuild = 'build.rs'\n")
        .file("build.rs", rust)
        .file("src/main.rs", "#[cfg(test)]\nmod tests {}\nfn main() { include!(\"../build.rs\") }\n")
        .file(
            ".cargo/config.toml",
            "[build]\nrustc-wrapper = 'trap/rustc'\n[target.'cfg(all())']\nrunner = 'trap/run'\n",
        )
        .file("rust-toolchain.toml", "[toolchain]\npath = 'trap'\n")
        .file(".git/config", "[core]\n\tfsmonitor = trap/run\n\thooksPath = trap\n")
        .file(".git/HEAD", "ref: refs/heads/main\n")
        .file("unleak.toml", "exclude = []\n")
}

/// A folder of programs, each of which leaves a mark when it is run.
#[cfg(unix)]
fn traps(project: &Project) -> std::path::PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let folder = project.path("trap");
    fs::create_dir_all(&folder).unwrap();
    for name in ["python", "python3", "git", "cargo", "rustc", "sh", "bash", "run", "pip", "uv"] {
        let program = folder.join(name);
        fs::write(&program, format!("#!/bin/sh\n: > '{}'\n", project.path("ran").display())).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }
    folder
}

#[cfg(unix)]
#[test]
fn nothing_of_what_is_analysed_runs_and_nothing_is_written() {
    let project = booby_trapped();
    let traps = traps(&project);
    let before = project.listing();
    let commands: [&[&str]; 7] = [
        &["check"],
        &["check", "--format=json", "--strict", "--preview", "--stats"],
        &["check", "setup.py", "build.rs"],
        &["census"],
        &["why", "setup.py:1"],
        &["explain", "fire-and-forget"],
        &["lints"],
    ];
    for arguments in commands {
        let home = project.path("pkg");
        let mut command = project.command(".", arguments);
        let output = command.env("PATH", &traps).env("HOME", &home).env("TMPDIR", &home).output().unwrap();
        let ran = project.ran(output);
        assert!(matches!(ran.code, 0 | 1), "{arguments:?}: {}", ran.err);
        assert_eq!(project.listing(), before, "{arguments:?}");
    }
}

/// What the system is asked for: where `strace` is there, it shows every program and connection, and every file
/// opened for writing.
#[cfg(target_os = "linux")]
#[test]
fn the_system_is_asked_for_reading_only() {
    let project = booby_trapped();
    let log = project.path("../calls");
    let mut traced = std::process::Command::new("strace");
    traced.current_dir(project.path(".")).arg("-f").arg("-o").arg(&log).arg("-e");
    traced
        .arg("trace=execve,execveat,fork,vfork,socket,connect,open,openat,creat,mkdir,mkdirat,unlink,unlinkat,rename");
    let traced = traced.arg(env!("CARGO_BIN_EXE_unleak")).args(["check", "--strict", "--preview", "--stats"]);
    if traced.output().is_err() {
        return;
    }
    let log = fs::read_to_string(&log).unwrap_or_default();
    let calls: Vec<&str> = log.lines().filter(|line| line.contains('(') && line.contains(" = ")).collect();
    let reads = |call: &&&str| call.contains(" open") && call.contains("O_RDONLY");
    let others: Vec<&&str> = calls.iter().filter(|call| !reads(call)).collect();
    let own = others.iter().filter(|call| call.contains("execve(") && call.contains("unleak"));
    assert_eq!(own.count(), others.len(), "{others:#?}");
}

/// What the sources may not even mention.
const FORBIDDEN: [&str; 16] = [
    "process::Command",
    "Command::new",
    "std::net",
    "TcpStream",
    "UdpSocket",
    "UnixStream",
    "fs::write",
    "File::create",
    "OpenOptions",
    "File::options",
    "create_dir",
    "remove_file",
    "remove_dir",
    "fs::rename",
    "set_var",
    "unsafe ",
];

#[test]
fn the_sources_do_not_mention_programs_connections_or_writing() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seen = 0;
    for folder in ["src", "analysis/src", "lints/src", "catalogue/src"] {
        each_source(&root.join(folder), &mut |path, text| {
            seen += 1;
            // What only tests see stands at the end of a file, after this line.
            let product = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
            let code = product.lines().filter(|line| !line.trim_start().starts_with("//"));
            for (number, line) in code.enumerate() {
                // One file writes, where the user asks for it by a flag; what it removes are parts of its own files.
                let writing = ["fs::write", "create_dir", "fs::rename", "remove_file"];
                let allowed = |word: &str| writing.contains(&word) && path.ends_with("src/write.rs");
                let word = FORBIDDEN.iter().find(|word| line.contains(**word) && !allowed(word));
                assert!(word.is_none(), "{} (code line {}) mentions {word:?}: {line}", path.display(), number + 1);
            }
        });
    }
    assert!(seen > 30, "the sources are where this test looks for them");
}

fn each_source(folder: &Path, look: &mut impl FnMut(&Path, &str)) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            each_source(&path, look);
        } else if path.extension().is_some_and(|ending| ending == "rs") && !path.ends_with("tests.rs") {
            look(&path, &fs::read_to_string(&path).unwrap());
        }
    }
}
