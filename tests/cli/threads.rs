//! However many threads share the work, the answer is the same, byte for byte.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{root, sources, temporary_folder};

/// How often the fixtures are copied: together they are more than one thread takes at a time.
const COPIES: usize = 2;

fn copied(folder: &Path) {
    let files: Vec<PathBuf> = ["py", "rs"].iter().flat_map(|ending| sources("fixtures", ending)).collect();
    for copy in 0..COPIES {
        for file in &files {
            let to = folder.join(format!("copy{copy}")).join(file);
            fs::create_dir_all(to.parent().expect("a file stands in a folder")).expect("a temporary folder");
            fs::copy(root().join(file), to).expect("a temporary file");
        }
    }
}

fn answer(folder: &Path, command: &[&str], threads: usize) -> Vec<u8> {
    let run = Command::new(env!("CARGO_BIN_EXE_unleak"))
        .args(command)
        .args([".", "--format", "json"])
        .current_dir(folder)
        .env("RAYON_NUM_THREADS", threads.to_string())
        .output()
        .expect("the binary starts");
    assert!(matches!(run.status.code(), Some(0 | 1)), "{}", String::from_utf8_lossy(&run.stderr));
    run.stdout
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let folder = temporary_folder();
    copied(folder.path());
    for command in [&["check", "--strict", "--preview"][..], &["census"]] {
        let alone = answer(folder.path(), command, 1);
        assert!(alone.len() > 10_000, "there is something to say");
        for threads in [2, 4] {
            assert!(alone == answer(folder.path(), command, threads), "{command:?} with {threads} threads");
        }
    }
}
