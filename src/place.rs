//! The files of a run and places in them, as a person counts: lines and columns from 1, columns in characters.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use codespan_reporting::files as codespan;
use serde::Serialize;
use unleak_analysis::source::Language;
use unleak_analysis::unit::Span;

/// Index of a [`File`] in [`Files`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FileId(u32);

/// Whether what is found in a file is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// It lies in a path that was named: it is reported on.
    Named,
    /// It is read because the named paths need it to be understood.
    Context,
}

/// One file: how it is shown to people, and its text.
#[derive(Debug)]
pub(crate) struct File {
    /// The path as people see it: relative to the working directory when below it, with `/`.
    pub(crate) shown: String,
    /// Its text; empty when it could not be read.
    pub(crate) text: Arc<str>,
    /// Which front end reads it; `None` for what is no source file.
    pub(crate) language: Option<Language>,
    /// Whether it is reported on.
    pub(crate) scope: Scope,
    starts: OnceLock<Vec<usize>>,
    /// Whether a character is a byte all through.
    plain: OnceLock<bool>,
}

/// A place as people count it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Position {
    /// From 1.
    pub(crate) line: usize,
    /// From 1, in Unicode characters.
    pub(crate) column: usize,
}

/// A stretch of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place {
    /// Which file.
    pub(crate) file: FileId,
    /// Where in it, in bytes.
    pub(crate) span: Span,
}

impl File {
    /// A file of the run.
    pub(crate) fn new(shown: String, text: Arc<str>, language: Option<Language>, scope: Scope) -> File {
        File { shown, text, language, scope, starts: OnceLock::new(), plain: OnceLock::new() }
    }

    fn starts(&self) -> &[usize] {
        self.starts.get_or_init(|| codespan::line_starts(&self.text).collect())
    }

    /// How many lines it has; the empty line after a final newline is none.
    pub(crate) fn lines(&self) -> usize {
        self.text.lines().count()
    }

    /// The text of a line (from 1) without its end; empty when there is no such line.
    pub(crate) fn line(&self, line: usize) -> &str {
        let Some(range) = line.checked_sub(1).and_then(|index| self.line_range(index)) else { return "" };
        self.text[range].trim_end_matches(['\n', '\r'])
    }

    /// The text of a span, as far as it lies within the file.
    pub(crate) fn text_of(&self, span: Span) -> &str {
        &self.text[self.range(span)]
    }

    /// The line (from 1) on which a byte stands.
    pub(crate) fn line_of(&self, byte: usize) -> usize {
        self.starts().partition_point(|&start| start <= byte.min(self.text.len())).max(1)
    }

    /// The first and the last line (from 1) of a span.
    pub(crate) fn lines_of(&self, span: Span) -> Range<usize> {
        let last = (span.end as usize).saturating_sub(1).max(span.start as usize);
        self.line_of(span.start as usize)..self.line_of(last) + 1
    }

    /// The line and column of a byte; one beyond the text stands at its end. A byte order mark has no width.
    pub(crate) fn position(&self, byte: usize) -> Position {
        let byte = self.boundary(byte);
        let line = self.line_of(byte);
        let before = &self.text[self.starts()[line - 1]..byte];
        // Counting characters anew for each place takes long where everything stands on one line.
        if *self.plain.get_or_init(|| self.text.is_ascii()) {
            return Position { line, column: before.len() + 1 };
        }
        let marks = usize::from(line == 1 && before.starts_with('\u{feff}'));
        Position { line, column: before.chars().count() - marks + 1 }
    }

    /// A span as a range that certainly lies within the text, on character boundaries.
    pub(crate) fn range(&self, span: Span) -> Range<usize> {
        let start = self.boundary(span.start as usize);
        start..self.boundary(span.end as usize).max(start)
    }

    fn boundary(&self, byte: usize) -> usize {
        let mut byte = byte.min(self.text.len());
        while !self.text.is_char_boundary(byte) {
            byte -= 1;
        }
        byte
    }

    /// The bytes of a line (from 0), with its end.
    pub(crate) fn line_range(&self, index: usize) -> Option<Range<usize>> {
        let start = *self.starts().get(index)?;
        Some(start..self.starts().get(index + 1).copied().unwrap_or(self.text.len()))
    }
}

/// All files of a run.
#[derive(Debug, Default)]
pub(crate) struct Files {
    files: Vec<File>,
}

impl Files {
    /// Adds a file.
    pub(crate) fn add(&mut self, file: File) -> FileId {
        let id = FileId(u32::try_from(self.files.len()).expect("fewer than four thousand million files"));
        self.files.push(file);
        id
    }

    /// A file by its index.
    pub(crate) fn get(&self, id: FileId) -> &File {
        &self.files[id.0 as usize]
    }

    /// Every file.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (FileId, &File)> {
        self.files.iter().enumerate().map(|(index, file)| (FileId(index as u32), file))
    }

    /// Where a place begins.
    pub(crate) fn start(&self, place: Place) -> Position {
        self.get(place.file).position(place.span.start as usize)
    }

    /// Where a place ends: one past its last character.
    pub(crate) fn end(&self, place: Place) -> Position {
        self.get(place.file).position(place.span.end.max(place.span.start) as usize)
    }

    /// `path:line:column`.
    pub(crate) fn point(&self, place: Place) -> String {
        let Position { line, column } = self.start(place);
        format!("{}:{line}:{column}", self.get(place.file).shown)
    }

    /// Whether a place touches a line (from 1).
    pub(crate) fn touches(&self, place: Place, line: usize) -> bool {
        self.get(place.file).lines_of(place.span).contains(&line)
    }

    /// What reports are ordered by: path, then place.
    pub(crate) fn order(&self, place: Place) -> (&str, Span) {
        (&self.get(place.file).shown, place.span)
    }
}

impl<'a> codespan::Files<'a> for Files {
    type FileId = FileId;
    type Name = &'a str;
    type Source = &'a str;

    fn name(&'a self, id: FileId) -> Result<&'a str, codespan::Error> {
        Ok(&self.get(id).shown)
    }

    fn source(&'a self, id: FileId) -> Result<&'a str, codespan::Error> {
        Ok(&self.get(id).text)
    }

    fn line_index(&'a self, id: FileId, byte: usize) -> Result<usize, codespan::Error> {
        Ok(self.get(id).line_of(byte) - 1)
    }

    fn column_number(&'a self, id: FileId, _line: usize, byte: usize) -> Result<usize, codespan::Error> {
        Ok(self.get(id).position(byte).column)
    }

    fn line_range(&'a self, id: FileId, line: usize) -> Result<Range<usize>, codespan::Error> {
        let file = self.get(id);
        file.line_range(line).ok_or(codespan::Error::LineTooLarge { given: line, max: file.starts().len() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> File {
        File::new("a.py".into(), text.into(), Some(Language::Python), Scope::Named)
    }

    #[test]
    fn columns_count_characters_from_one() {
        let file = file("é = 1\nüü.x\n");
        assert_eq!(file.position(0), Position { line: 1, column: 1 });
        assert_eq!(file.position(2), Position { line: 1, column: 2 });
        assert_eq!(file.position(7 + 4), Position { line: 2, column: 3 });
    }

    #[test]
    fn a_byte_order_mark_has_no_width() {
        assert_eq!(file("\u{feff}x = 1\n").position(3), Position { line: 1, column: 1 });
        assert_eq!(file("\u{feff}x = 1\n").position(4), Position { line: 1, column: 2 });
    }

    #[test]
    fn no_offset_is_out_of_bounds() {
        let file = file("é\n");
        for byte in 0..10 {
            file.position(byte);
            assert!(file.text.get(file.range(Span { start: 9 - byte as u32, end: byte as u32 })).is_some());
        }
        assert_eq!(file.line(0), "");
        assert_eq!(file.line(7), "");
    }

    #[test]
    fn a_span_that_ends_with_a_newline_stays_on_its_line() {
        let file = file("ab\ncd\nef\n");
        assert_eq!(file.lines_of(Span::new(0, 3)), 1..2);
        assert_eq!(file.lines_of(Span::new(1, 4)), 1..3);
        assert_eq!(file.lines_of(Span::new(3, 3)), 2..3);
    }
}
