//! Comments that speak to `unleak`, from the bytes of a file to what is printed.

use insta::assert_snapshot;

use crate::project::Project;

const COMMENTS: &str = "\
import asyncio

x = 1  # unleak: ignore[raw-gather] left over
# unleak: detached(it ends by itself)
y = 2
z = 3  # unleak: ignore[raw-gather]
z = 3  # unleak: ignore[raw-gahter] three at most
z = 3  # unleak: detached
text = '# unleak: ignore[raw-gather]'
# the comments that unleak: reads are not like this one
";

#[test]
fn comments_that_do_nothing_are_reported() {
    let project = Project::with(&[("a.py", COMMENTS)]);
    let ran = project.run(&["check", "--format=concise"]);
    assert_eq!(ran.code, 1);
    assert_snapshot!(ran.out);
}

#[test]
fn the_checks_on_comments_can_be_ignored_and_ask_nothing_about_lints_that_were_not_asked() {
    let project = Project::with(&[("a.py", "x = 1  # unleak: ignore[raw-gather] left over\n")]);
    assert_eq!(project.run(&["check"]).code, 1);
    assert_eq!(project.run(&["check", "--ignore=unused-suppression"]).code, 0);
    assert_eq!(project.run(&["check", "--ignore=raw-gather"]).code, 0);
    assert_eq!(project.run(&["check", "--select=fire-and-forget"]).code, 0);
    assert_eq!(project.run(&["check", "--exit-zero"]).code, 0);
}

#[test]
fn a_broken_file_judges_no_comments() {
    let project = Project::with(&[("a.py", "def f(:\nx = 1  # unleak: ignore[raw-gather] left over\n")]);
    let ran = project.run(&["check", "--format=concise"]);
    assert!(ran.out.contains(": problem: ") && !ran.out.contains("unused-suppression"), "{}", ran.out);
}
