//! `unleak.toml`.

use crate::project::Project;

#[test]
fn what_is_excluded_is_not_read_unless_named() {
    let project = Project::with(&[
        ("pyproject.toml", ""),
        ("unleak.toml", "exclude = ['vendor/', '*_pb2.py', '/deep/**']\n"),
        ("a.py", ""),
        ("b_pb2.py", ""),
        ("vendor/c.py", ""),
        ("deep/er/d.py", ""),
    ]);
    assert_eq!(project.checked(&[]), 1);
    assert_eq!(project.checked(&["vendor"]), 1);
    assert_eq!(project.checked(&["deep/er"]), 1);
    assert_eq!(project.checked(&["b_pb2.py"]), 1);
}

#[test]
fn the_nearest_file_up_to_the_context_counts() {
    let project = Project::with(&[
        ("unleak.toml", "nonsense = 1\n"),
        ("p/pyproject.toml", ""),
        ("p/unleak.toml", "exclude = ['a.py']\n"),
        ("p/a.py", ""),
        ("p/q/a.py", ""),
        ("p/q/b.py", ""),
        ("r/pyproject.toml", ""),
        ("r/a.py", ""),
    ]);
    assert_eq!(project.checked(&["p/q"]), 1);
    assert_eq!(project.checked(&["r"]), 1, "what stands above a context is not its settings");
}

#[test]
fn mistakes_end_with_two_and_say_what_to_do() {
    for (text, said) in [
        ("exlude = []", "there is no key `exlude`; did you mean `exclude`?"),
        ("exclude = 'x'", "`exclude` has to be a list of globs"),
        ("exclude = ['a{b']", "`a{b` is not a glob"),
        ("exclude", "is not TOML"),
    ] {
        let project = Project::with(&[("unleak.toml", text), ("a.py", "")]);
        let ran = project.run(&["check"]);
        assert_eq!((ran.out.as_str(), ran.code), ("", 2), "{text}");
        assert!(ran.err.starts_with("error: `[PROJECT]/unleak.toml`") && ran.err.contains(said), "{text}: {}", ran.err);
    }
}
