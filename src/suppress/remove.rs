//! Removes a comment that silences nothing, or the names in it that silence nothing.

use unleak_analysis::unit::Span;

use crate::place::{File, Place};
use crate::write::Edit;

/// The change that leaves only the names in `kept`; without any the comment goes. `None` where that is not plain.
pub(super) fn edit(file: &File, comment: Place, kept: &[&str]) -> Option<Edit> {
    let mark = file.language?.comment_mark();
    let (text, base) = (file.text_of(comment.span), comment.span.start as usize);
    let ours = text.match_indices("unleak:").find_map(|(at, word)| {
        let start = text[..at].trim_end().strip_suffix(mark)?.len();
        Some((start, at + word.len()))
    });
    let (start, after) = ours?;
    let replace = |range: std::ops::Range<usize>, text: String| {
        let span = Span::new((base + range.start) as u32, (base + range.end) as u32);
        Some(Edit { place: Place { file: comment.file, span }, text })
    };
    if !kept.is_empty() {
        let open = after + text[after..].find('[')? + 1;
        return replace(open..open + text[open..].find(']')?, kept.join(", "));
    }
    // What stands after our words within the same comment speaks to somebody else and stays.
    let next = text[after..].find(&format!(" {mark}")).map(|at| after + at);
    match (start, next) {
        (_, Some(next)) => replace(start..next + 1, String::new()),
        (0, None) => Some(whole(file, comment)),
        (start, None) => replace(text[..start].trim_end().len()..text.len(), String::new()),
    }
}

/// A comment, with the spaces before it; with its line, if nothing else stands there.
fn whole(file: &File, comment: Place) -> Edit {
    let end = file.range(comment.span).end;
    let line = file.line_of(comment.span.start as usize) - 1;
    let range = file.line_range(line).unwrap_or(end..end);
    let before = &file.text[range.start..comment.span.start as usize];
    let start = range.start + before.trim_end().len();
    let alone = start == range.start && file.text[end..range.end].trim().is_empty();
    let span =
        if alone { Span::new(range.start as u32, range.end as u32) } else { Span::new(start as u32, end as u32) };
    Edit { place: Place { file: comment.file, span }, text: String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::Files;
    use crate::report::examples;
    use crate::write::edited;

    /// The text without the names that are not kept in its comment, which reaches to the end of its line.
    fn without(text: &str, kept: &[&str]) -> String {
        let mut files = Files::default();
        let id = examples::file(&mut files, "a.py", text);
        let start = text.find('#').unwrap();
        let end = start + text[start..].find(['\r', '\n']).unwrap();
        let comment = Place { file: id, span: Span::new(start as u32, end as u32) };
        edited(text, vec![&edit(files.get(id), comment, kept).unwrap()])
    }

    #[test]
    fn the_comment_goes_and_the_code_stays() {
        assert_eq!(without("a = 1  # unleak: ignore[x] why\nb\n", &[]), "a = 1\nb\n");
        assert_eq!(without("f()\n    # unleak: detached(why)\r\n    g()\n", &[]), "f()\n    g()\n");
        assert_eq!(without("a = 1  # noqa: X1  # unleak: ignore[x] why\n", &[]), "a = 1  # noqa: X1\n");
        assert_eq!(without("a = 1  # unleak: ignore[x] why  # noqa: X1\n", &[]), "a = 1  # noqa: X1\n");
        assert_eq!(without("a = 1  # X  # unleak: ignore[x] why  # Y\n", &[]), "a = 1  # X  # Y\n");
    }

    #[test]
    fn names_that_are_of_use_stay() {
        assert_eq!(
            without("a  # unleak: ignore[x, y,z] why [z]\n", &["x", "z"]),
            "a  # unleak: ignore[x, z] why [z]\n"
        );
    }
}
