//! A throw-away project, and the binary run in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A throw-away folder. Its own name does not begin with a dot, as that of a temporary folder does.
pub(crate) struct Project {
    root: PathBuf,
    _folder: tempfile::TempDir,
}

/// What a run printed and how it ended.
pub(crate) struct Ran {
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) code: i32,
}

impl Project {
    /// An empty folder in no repository.
    pub(crate) fn new() -> Project {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap().join("project");
        fs::create_dir(&root).unwrap();
        Project { root, _folder: folder }
    }

    /// A folder with these files.
    pub(crate) fn with(files: &[(&str, &str)]) -> Project {
        files.iter().fold(Project::new(), |project, (path, text)| project.file(path, text))
    }

    /// Adds a file.
    pub(crate) fn file(self, path: &str, text: impl AsRef<[u8]>) -> Project {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    /// The whole path of something in it.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// Runs the binary in it.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.run_in(".", arguments)
    }

    /// Runs the binary in one of its folders.
    pub(crate) fn run_in(&self, folder: &str, arguments: &[&str]) -> Ran {
        self.ran(self.command(folder, arguments).output().unwrap())
    }

    /// The binary, about to be run in one of its folders.
    pub(crate) fn command(&self, folder: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_unleak"));
        command.current_dir(self.path(folder)).args(arguments).env_remove("NO_COLOR");
        command
    }

    /// What was printed, with the project's own path left out.
    pub(crate) fn ran(&self, output: Output) -> Ran {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap().replace(&shown(&self.root), "[PROJECT]");
        Ran { out: text(&output.stdout), err: text(&output.stderr), code: output.status.code().unwrap_or(-1) }
    }

    /// The JSON of `unleak check`.
    pub(crate) fn json(&self, paths: &[&str]) -> serde_json::Value {
        let arguments: Vec<&str> = ["check", "--format=json"].iter().chain(paths).copied().collect();
        let ran = self.run(&arguments);
        serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {} {}", ran.out, ran.err))
    }

    /// How many files a check of these paths reports on.
    pub(crate) fn checked(&self, paths: &[&str]) -> u64 {
        self.json(paths)["statistics"]["checked"].as_u64().unwrap()
    }

    /// Every file and folder in it, with sizes.
    pub(crate) fn listing(&self) -> Vec<(PathBuf, u64)> {
        let mut found = Vec::new();
        list(&self.root, &mut found);
        found.sort();
        found
    }
}

/// A module of coroutines that each wait for somebody and then fail: something is lost by whoever drops one.
pub(crate) fn outside() -> String {
    let names = "check close delete fetch handle kill listen put read send serve stop work";
    let defs = names
        .split(' ')
        .map(|name| format!("async def {name}(*given):\n    raise OSError(await elsewhere.{name}(*given))\n"));
    defs.fold("import elsewhere\n".to_owned(), |module, one| format!("{module}\n\n{one}"))
}

fn list(folder: &Path, found: &mut Vec<(PathBuf, u64)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let meta = entry.metadata().unwrap();
        found.push((entry.path(), if meta.is_dir() { 0 } else { meta.len() }));
        if meta.is_dir() {
            list(&entry.path(), found);
        }
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
