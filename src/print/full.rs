//! Findings with the source and their ownership story.

use codespan_reporting::diagnostic::{Diagnostic, Label, LabelStyle, Severity};
use codespan_reporting::term::termcolor::{Buffer, WriteColor};
use codespan_reporting::term::{self, Config, Styles, StylesWriter};
use unleak_lints::Level;

use super::{Colours, one_line, style, summary};
use crate::place::{FileId, Files, Place};
use crate::report::{Finding, Problem, Report};

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
    Diagnostic::new(severity)
        .with_code(style::lint(finding.lint, colours))
        .with_message(one_line(&finding.message))
        .with_labels(labels(files, finding))
        .with_notes(assumption.into_iter().chain(help).collect())
}

/// The primary place and the rest of the story; what the story says of the primary place becomes its label.
fn labels(files: &Files, finding: &Finding) -> Vec<Label<FileId>> {
    let (here, elsewhere): (Vec<_>, Vec<_>) = finding.evidence.iter().partition(|fact| fact.place == finding.place);
    let words = here.iter().map(|fact| one_line(&fact.label)).collect::<Vec<_>>().join("; ");
    let primary = label(files, LabelStyle::Primary, finding.place, &words);
    let others = elsewhere.iter().map(|fact| label(files, LabelStyle::Secondary, fact.place, &one_line(&fact.label)));
    std::iter::once(primary).chain(others).collect()
}

fn label(files: &Files, style: LabelStyle, place: Place, words: &str) -> Label<FileId> {
    Label::new(style, place.file, files.get(place.file).range(place.span)).with_message(words)
}

fn trouble(files: &Files, problem: &Problem) -> Diagnostic<FileId> {
    let label = label(files, LabelStyle::Primary, problem.place, "");
    Diagnostic::error().with_code("problem").with_message(one_line(&problem.message)).with_label(label)
}
