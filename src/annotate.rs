//! `--add-ignore=REASON`: a comment on the line of each finding, where it is read as one.

use std::collections::BTreeMap;

use unleak_analysis::lower;
use unleak_analysis::source::Source;
use unleak_analysis::unit::Span;

use crate::place::{File, FileId, Place};
use crate::report::Report;
use crate::write::{Edit, edited};

/// A comment after code may make its line this long; a longer one stands on a line of its own.
const LONGEST: usize = 100;

/// What is added, and how many findings no comment can be added for.
#[derive(Debug, Default)]
pub(crate) struct Added {
    /// The comments.
    pub(crate) edits: Vec<Edit>,
    /// Lines on which a comment would not be one.
    pub(crate) without: usize,
}

/// A comment for each line with findings that code is the cause of.
pub(crate) fn comments(report: &Report, reason: &str) -> Added {
    let mut lines: BTreeMap<(FileId, usize), Vec<&str>> = BTreeMap::new();
    for finding in report.findings.iter().filter(|finding| finding.born.is_some()) {
        let line = report.files.start(finding.place).line;
        let lints = lines.entry((finding.place.file, line)).or_default();
        if !lints.contains(&finding.lint) {
            lints.push(finding.lint);
        }
    }
    let mut added = Added::default();
    for ((id, line), lints) in lines {
        let words = format!("unleak: ignore[{}] {reason}", lints.join(", "));
        match comment(report.files.get(id), id, line, &words) {
            Some(edit) => added.edits.push(edit),
            None => added.without += 1,
        }
    }
    added
}

fn comment(file: &File, id: FileId, line: usize, words: &str) -> Option<Edit> {
    let mark = file.language?.comment_mark();
    let range = file.line_range(line.checked_sub(1)?)?;
    let code = file.line(line);
    let indent = &code[..code.len() - code.trim_start().len()];
    let ending = if file.text[range.clone()].ends_with("\r\n") { "\r\n" } else { "\n" };
    let insert =
        |at: usize, text: String| Edit { place: Place { file: id, span: Span::new(at as u32, at as u32) }, text };
    let after = insert(range.start + code.trim_end().len(), format!("  {mark} {words}"));
    let before = insert(range.start, format!("{indent}{mark} {words}{ending}"));
    let fits = code.trim_end().chars().count() + after.text.chars().count() <= LONGEST;
    let order = if fits { [after, before] } else { [before, after] };
    order.into_iter().find(|edit| is_read(file, edit, words))
}

/// Whether what is inserted is read as a comment, and all else as before: it does not fall into a string or break a
/// line that goes on.
fn is_read(file: &File, edit: &Edit, words: &str) -> bool {
    let Some(language) = file.language else { return false };
    let read = |text: &str| lower(&Source::from_bytes(&file.shown, language, text.as_bytes()));
    let (before, after) = (read(&file.text), read(&edited(&file.text, vec![edit])));
    let inserted = edit.place.span.start..edit.place.span.start + edit.text.len() as u32;
    after.unit.problems.len() == before.unit.problems.len()
        && after.outline.comments.iter().any(|it| inserted.contains(&it.span.start) && it.text.trim() == words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::Files;
    use crate::report::examples;

    fn added(shown: &str, text: &str, line: usize) -> Option<String> {
        let mut files = Files::default();
        let id = examples::file(&mut files, shown, text);
        let edit = comment(files.get(id), id, line, "unleak: ignore[raw-gather] old")?;
        Some(edited(text, vec![&edit]))
    }

    #[test]
    fn after_code_where_it_fits_else_before() {
        let wanted = "if x:\n    f()  # unleak: ignore[raw-gather] old\n";
        assert_eq!(added("a.py", "if x:\n    f()\n", 2).as_deref(), Some(wanted));
        let long = format!("    f({})", "1, ".repeat(40));
        let wanted = format!("if x:\n    # unleak: ignore[raw-gather] old\n{long}\n");
        assert_eq!(added("a.py", &format!("if x:\n{long}\n"), 2), Some(wanted));
        let wanted = "fn f() { g(); }  // unleak: ignore[raw-gather] old\r\n";
        assert_eq!(added("a.rs", "fn f() { g(); }\r\n", 1).as_deref(), Some(wanted));
    }

    #[test]
    fn never_into_a_string_or_a_line_that_goes_on() {
        let wanted = "# unleak: ignore[raw-gather] old\nx = f('''\n''')\n";
        assert_eq!(added("a.py", "x = f('''\n''')\n", 1).as_deref(), Some(wanted));
        let wanted = "# unleak: ignore[raw-gather] old\nx = f() + \\\n    1\n";
        assert_eq!(added("a.py", "x = f() + \\\n    1\n", 1).as_deref(), Some(wanted));
        assert_eq!(added("a.py", "x = '''\nf()\n'''\n", 2), None);
    }
}
