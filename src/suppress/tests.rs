use unleak_analysis::unit::Span;

use super::*;
use crate::report::examples;
use crate::selection::Selection;

/// The comments of a text, as a front end would list them.
fn comments(text: &str, mark: &str) -> Vec<Comment> {
    let mut start = 0;
    let mut comments = Vec::new();
    for line in text.split_inclusive('\n') {
        if let Some(at) = line.find(mark) {
            let end = line.trim_end().len();
            let place = if line[..at].trim().is_empty() { CommentPlace::OwnLine } else { CommentPlace::AfterCode };
            comments.push(Comment {
                span: Span::new((start + at) as u32, (start + end) as u32),
                text: line[at + mark.len()..end].trim().into(),
                place,
            });
        }
        start += line.len();
    }
    comments
}

/// What remains of findings at the words `spawn()` (fire-and-forget) and `gather()` (raw-gather), as
/// `line lint message`, and how many were silenced.
fn outcome(text: &str, asked: &Selection) -> (Vec<String>, usize) {
    let mut files = Files::default();
    let file = examples::file(&mut files, "a.py", text);
    let found = [("spawn()", "fire-and-forget"), ("gather()", "raw-gather")].into_iter().flat_map(|(word, lint)| {
        let places = text.match_indices(word).map(|(at, _)| Span::new(at as u32, (at + word.len()) as u32));
        places.map(move |span| examples::finding(lint, Level::Error, Place { file, span })).collect::<Vec<_>>()
    });
    let (suppressions, complaints) = read(&files, file, &comments(text, "#"));
    let applied = apply(&files, found.collect(), &suppressions, |_, lint| asked.asks(lint));
    let all = complaints.iter().chain(&applied.findings).chain(&applied.unused);
    let lines = all.map(|f| format!("{} {} {}", files.start(f.place).line, f.lint, f.message));
    (lines.collect(), applied.silenced.len())
}

fn everything(text: &str) -> (Vec<String>, usize) {
    outcome(text, &Selection::everything())
}

#[test]
fn a_comment_after_code_speaks_of_its_line() {
    assert_eq!(everything("spawn()  # unleak: ignore[fire-and-forget] right\n"), (vec![], 1));
    assert_eq!(everything("spawn()  # unleak: detached(ends by itself)\n"), (vec![], 1));
}

#[test]
fn a_comment_on_its_own_line_speaks_of_the_next_code() {
    assert_eq!(everything("# unleak: ignore[fire-and-forget] right\n\n# and so on\nspawn()\n"), (vec![], 1));
}

#[test]
fn only_the_named_lint_is_silenced() {
    let (shown, silenced) = everything("spawn(), gather()  # unleak: ignore[raw-gather] three at most\n");
    assert_eq!(silenced, 1);
    assert_eq!(shown, ["1 fire-and-forget something is born here, and nothing ends it"]);
}

#[test]
fn detached_concerns_forgotten_tasks_only() {
    let (shown, silenced) = everything("gather()  # unleak: detached(three at most)\n");
    assert_eq!(silenced, 0);
    assert_eq!(shown.len(), 2);
    assert_eq!(
        shown[1],
        "1 unused-suppression nothing on line 1 is started and forgotten, so `detached` has no effect"
    );
}

#[test]
fn without_a_reason_nothing_is_silenced() {
    let (shown, silenced) = everything("spawn()  # unleak: ignore[fire-and-forget]\n");
    assert_eq!(silenced, 0);
    assert_eq!(shown[0], "1 invalid-suppression `unleak: ignore[…]` gives no reason");
}

#[test]
fn an_unknown_name_is_an_error_and_the_known_one_still_counts() {
    let (shown, silenced) = everything("spawn()  # unleak: ignore[fire-and-forget, raw-gahter] right\n");
    assert_eq!(silenced, 1);
    assert_eq!(shown, ["1 invalid-suppression there is no lint `raw-gahter`; did you mean `raw-gather`?"]);
}

#[test]
fn a_comment_of_no_use_is_reported() {
    let (shown, _) = everything("x = 1  # unleak: ignore[raw-gather] old\n# unleak: detached(at the end)\n");
    let first = "1 unused-suppression there is no finding of `raw-gather` on line 1 for this comment to suppress";
    assert_eq!(shown[0], first);
    assert_eq!(shown.len(), 2);
}

#[test]
fn what_was_not_asked_cannot_be_unused() {
    let asked = Selection::only(&["fire-and-forget", "unused-suppression"]);
    assert_eq!(outcome("x = 1  # unleak: ignore[raw-gather] old\n", &asked), (vec![], 0));
}
