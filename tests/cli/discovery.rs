//! Which files are read, reported on, and what is said about those that cannot be.

use std::fs;

use crate::project::Project;

/// A string that is fine but for its encoding.
const NOT_UTF8: &[u8] = b"'\xff'\n";

#[test]
fn ignore_files_are_respected_outside_repositories_too() {
    let project = Project::with(&[
        ("pyproject.toml", ""),
        (".gitignore", "gen/\n"),
        (".ignore", "*_pb2.py\n"),
        ("a.py", ""),
        ("gen/b.py", ""),
        ("c_pb2.py", ""),
        (".hidden/d.py", ""),
        ("sub/e_pb2.py", ""),
        ("sub/f.pyi", ""),
        ("sub/g.txt", ""),
    ]);
    assert_eq!(project.checked(&[]), 2);
    assert_eq!(project.checked(&["sub"]), 1);
    assert_eq!(project.checked(&["gen"]), 1, "named, so it is read");
    assert_eq!(project.checked(&["c_pb2.py"]), 1, "named, so it is read");
    assert_eq!(project.checked(&[".hidden"]), 1, "named, so it is read");
}

#[test]
fn dependencies_and_builds_are_not_read_unless_named() {
    let project = Project::with(&[
        ("pyproject.toml", ""),
        ("a.py", ""),
        ("env/pyvenv.cfg", ""),
        ("env/lib/site-packages/dep/b.py", ""),
        ("node_modules/x/c.py", ""),
        ("target/CACHEDIR.TAG", ""),
        ("target/debug/build/d.rs", ""),
        ("__pycache__/e.py", ""),
        ("src/target/f.rs", ""),
        ("build/lib/a.py", ""),
        ("lib/g.py", ""),
    ]);
    assert_eq!(project.checked(&[]), 3);
    assert_eq!(project.checked(&["env/lib/site-packages/dep"]), 1);
    assert_eq!(project.checked(&["target"]), 1);
    assert_eq!(project.checked(&["build/lib"]), 1);
}

#[test]
fn a_package_under_a_hidden_folder_is_its_own_context() {
    let project = Project::with(&[
        (".git/HEAD", ""),
        ("a.py", ""),
        (".cache/x/pypi/name-1.0/pkg/b.py", ""),
        (".cache/x/pypi/name-1.0/setup.py", ""),
        (".cache/x/pypi/other-2.0/c.py", ""),
    ]);
    assert_eq!(project.checked(&[".cache/x/pypi/name-1.0"]), 2);
    assert_eq!(project.checked(&[".cache/x/pypi/name-1.0/pkg"]), 1);
    let whole = project.path(".cache/x/pypi/other-2.0").display().to_string();
    assert_eq!(project.checked(&[&whole]), 1);
    assert_eq!(project.checked(&["."]), 1);
}

#[test]
fn a_file_in_two_named_contexts_is_reported_once() {
    let project = Project::with(&[(".git/HEAD", ""), ("sub/.git/HEAD", "")]).file("sub/bad.py", NOT_UTF8);
    let json = project.json(&[".", "sub", "sub/bad.py"]);
    assert_eq!(json["problems"].as_array().map(Vec::len), Some(1));
    assert_eq!(json["statistics"]["checked"], 1);
}

#[test]
fn paths_are_relative_below_the_working_folder_and_absolute_elsewhere() {
    let project = Project::with(&[("pyproject.toml", ""), ("sub/deep/x.txt", "")])
        .file("bad.py", NOT_UTF8)
        .file("sub/deep/bad.py", NOT_UTF8);
    let ran = project.run_in("sub", &["check", "--format=concise", "..", "./deep/"]);
    let paths: Vec<&str> = ran.out.lines().filter_map(|line| Some(line.split_once(":1:2: problem")?.0)).collect();
    assert_eq!(paths, ["[PROJECT]/bad.py", "deep/bad.py"]);
}

#[test]
fn a_folder_named_like_a_file_is_a_folder() {
    let project = Project::with(&[("x.py/a.py", ""), ("y.rs/b.rs", "")]);
    assert_eq!(project.checked(&[]), 2);
    assert_eq!(project.checked(&["x.py"]), 1);
}

#[test]
fn a_named_file_of_another_kind_is_a_problem() {
    let project = Project::with(&[("a.txt", "")]);
    let ran = project.run(&["check", "--format=concise", "a.txt"]);
    assert!(ran.out.starts_with("a.txt:1:1: problem: cannot be read: it does not end in "), "{}", ran.out);
    assert_eq!(ran.code, 1);
}

#[test]
fn a_huge_file_is_a_problem() {
    let project = Project::with(&[("huge.py", "")]);
    fs::File::options().write(true).open(project.path("huge.py")).unwrap().set_len((64 << 20) + 1).unwrap();
    let ran = project.run(&["check", "--format=concise"]);
    assert!(ran.out.starts_with("huge.py:1:1: problem: cannot be read: it is larger than 64 MiB"), "{}", ran.out);
}

#[test]
fn no_bytes_make_it_panic() {
    let texts: [&[u8]; 7] =
        [b"", b"\0\0", b"\xef\xbb\xbfx = 1", b"\r\r\n", b"\xff\xfe\x00", b"((((((((", "é\u{2028}'''".as_bytes()];
    for text in texts {
        for name in ["a.py", "a.rs", "a.pyi"] {
            let project = Project::new().file(name, text);
            for format in ["full", "concise", "json"] {
                let ran = project.run(&["check", "--format", format]);
                assert!(matches!(ran.code, 0 | 1), "{name} {text:?}: {}", ran.err);
            }
        }
    }
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn links_within_the_project_are_read_once_and_loops_do_no_harm() {
        let project = Project::with(&[("a.py", ""), ("sub/b.py", "")]);
        symlink("..", project.path("sub/up")).unwrap();
        symlink("a.py", project.path("again.py")).unwrap();
        let ran = project.run(&["check"]);
        assert_eq!((ran.code, project.checked(&[])), (0, 2), "{}", ran.out);
    }

    #[test]
    fn links_that_lead_nowhere_or_out_are_said() {
        let project = Project::with(&[("inner/a.py", ""), ("outer/b.py", ""), ("c.py", "")]);
        symlink("nowhere.py", project.path("inner/broken.py")).unwrap();
        symlink("self.py", project.path("inner/self.py")).unwrap();
        symlink("../outer", project.path("inner/out")).unwrap();
        symlink("../c.py", project.path("inner/c.py")).unwrap();
        let ran = project.run(&["check", "--format=concise", "inner"]);
        let said: Vec<&str> = ran.out.lines().filter_map(|line| Some(line.split_once(":1:1: problem")?.0)).collect();
        assert_eq!(said, ["inner/broken.py", "inner/out", "inner/self.py"], "{}", ran.out);
        assert_eq!(project.checked(&["inner"]), 5, "a.py, c.py and the three that could not be read");
    }

    #[test]
    fn what_may_not_be_read_is_said() {
        let project = Project::with(&[("a.py", ""), ("locked.py", ""), ("shut/b.py", "")]);
        let lock =
            |path: &str, mode| fs::set_permissions(project.path(path), fs::Permissions::from_mode(mode)).unwrap();
        lock("locked.py", 0);
        lock("shut", 0);
        if fs::File::open(project.path("locked.py")).is_err() {
            let ran = project.run(&["check", "--format=concise"]);
            assert!(ran.out.contains("locked.py:1:1: problem: cannot be read: "), "{}", ran.out);
            assert!(ran.out.contains("shut:1:1: problem: cannot be read: "), "{}", ran.out);
            assert_eq!(ran.code, 1);
            assert_eq!(project.run(&["check", "locked.py"]).code, 2);
            assert_eq!(project.run(&["check", "shut"]).code, 2);
        }
        lock("shut", 0o755);
    }

    #[test]
    fn a_socket_is_never_opened() {
        let project = Project::with(&[("a.py", "")]);
        let _socket = std::os::unix::net::UnixListener::bind(project.path("pipe.py")).unwrap();
        let ran = project.run(&["check", "--format=concise"]);
        assert!(ran.out.starts_with("pipe.py:1:1: problem: "), "{}", ran.out);
        assert_eq!(project.run(&["check", "pipe.py"]).code, 2);
    }

    #[test]
    fn names_that_are_not_text_do_no_harm() {
        use std::os::unix::ffi::OsStrExt;
        let project = Project::with(&[("a.py", "")]);
        let name = std::ffi::OsStr::from_bytes(b"\xff.py");
        if fs::write(project.path("").join(name), "").is_ok() {
            assert_eq!(project.checked(&[]), 2);
        }
    }
}
