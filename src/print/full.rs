//! Findings with the source and their ownership story.

use codespan_reporting::diagnostic::{Diagnostic, Label, LabelStyle, Severity};
use codespan_reporting::term::termcolor::{Buffer, WriteColor};
use codespan_reporting::term::{self, Config, Styles, StylesWriter};
use unleak_lints::Level;

use super::{Colours, one_line, style, summary};
use crate::place::{FileId, Files, Place};
use crate::report::{Finding, Problem, Report};

/// How long a line may be, in bytes, to be shown: beyond that it is no code that anybody wrote.
const LONGEST: usize = 1_000;

/// The findings, then the problems, then the summary.
pub(crate) fn print(report: &Report, colours: Colours) -> Vec<u8> {
    let mut buffer = match colours {
        Colours::On(_) => Buffer::ansi(),
        Colours::Off => Buffer::no_color(),
    };
    let files = &report.files;
    let findings = report.findings.iter().map(|finding| diagnostic(files, finding, colours));
    let problems = report.problems.iter().map(|problem| trouble(files, problem));
    for diagnostic in findings.chain(problems) {
        draw(&mut buffer, files, &diagnostic);
    }
    let mut bytes = buffer.into_inner();
    bytes.extend_from_slice(summary::print(report).as_bytes());
    bytes
}

/// Drawing into memory cannot fail for want of a file or a line: places are cut to their text.
fn draw(buffer: &mut Buffer, files: &Files, diagnostic: &Diagnostic<FileId>) {
    let (styles, config) = (Styles::default(), Config::default());
    let mut writer = StylesWriter::new(&mut *buffer, &styles);
    if term::emit_to_write_style(&mut writer, &config, files, diagnostic).is_err() {
        let _ = buffer.reset();
        let _ = std::io::Write::write_all(buffer, format!("{}\n\n", diagnostic.message).as_bytes());
    }
}

fn diagnostic(files: &Files, finding: &Finding, colours: Colours) -> Diagnostic<FileId> {
    let severity = match finding.level {
        Level::Note => Severity::Note,
        Level::Warning => Severity::Warning,
        Level::Error => Severity::Error,
    };
    let assumption = finding.assumption.map(|words| format!("likely: it rests on the assumption that {words}"));
    let help = (!finding.help.is_empty()).then(|| format!("help: {}", finding.help));
    let diagnostic = Diagnostic::new(severity)
        .with_code(style::lint(finding.lint, colours))
        .with_message(one_line(&finding.message));
    placed(files, diagnostic, &story(finding)).with_notes_iter(assumption.into_iter().chain(help))
}

/// The primary place and the rest of the story; what the story says of the primary place becomes its label.
fn story(finding: &Finding) -> Vec<(Place, String)> {
    let (here, elsewhere): (Vec<_>, Vec<_>) = finding.evidence.iter().partition(|fact| fact.place == finding.place);
    let words = here.iter().map(|fact| one_line(&fact.label)).collect::<Vec<_>>().join("; ");
    let others = elsewhere.iter().map(|fact| (fact.place, one_line(&fact.label)));
    std::iter::once((finding.place, words)).chain(others).collect()
}

/// A diagnostic with its places, the first of which is the primary one: drawn, or named where one stands on a line that
/// nobody could read.
fn placed(files: &Files, diagnostic: Diagnostic<FileId>, story: &[(Place, String)]) -> Diagnostic<FileId> {
    if story.iter().any(|(place, _)| longest_line(files, *place) > LONGEST) {
        let named = story.iter().map(|(place, words)| format!("at {}: {words}", files.point(*place)));
        return diagnostic.with_notes_iter(named.map(|note| note.trim_end_matches([':', ' ']).to_owned()));
    }
    let styles = std::iter::once(LabelStyle::Primary).chain(std::iter::repeat(LabelStyle::Secondary));
    let labels = styles.zip(story).map(|(style, (place, words))| {
        Label::new(style, place.file, files.get(place.file).range(place.span)).with_message(words)
    });
    diagnostic.with_labels_iter(labels)
}

/// How long the longest line is that a place stands on.
fn longest_line(files: &Files, place: Place) -> usize {
    let file = files.get(place.file);
    file.lines_of(place.span).map(|line| file.line(line).len()).max().unwrap_or(0)
}

fn trouble(files: &Files, problem: &Problem) -> Diagnostic<FileId> {
    let diagnostic = Diagnostic::error().with_code("problem").with_message(one_line(&problem.message));
    placed(files, diagnostic, &[(problem.place, String::new())])
}
