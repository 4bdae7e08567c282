//! Comments that speak to us: `# unleak: ignore[lint] reason` and `# unleak: detached(reason)`.

mod directive;
mod noqa;
mod remove;

use std::collections::BTreeSet;

use unleak_analysis::unit::{Comment, CommentPlace};
use unleak_lints::{Confidence, Level};

use crate::fingerprint::Fingerprint;
use crate::place::{File, FileId, Files, Place};
use crate::report::{Finding, Silenced, Silencer};
use crate::selection::known;
use directive::{Directive, Mistake};

/// A check on suppressions; has a name and a page like a lint, but asks comments, not the ledger.
#[derive(Debug)]
pub(crate) struct Check {
    /// Its name.
    pub(crate) name: &'static str,
    /// How bad.
    pub(crate) level: Level,
    /// Its page, as Markdown.
    pub(crate) page: &'static str,
    /// Its page in a line.
    pub(crate) summary: &'static str,
}

/// A suppression that does not say what it must.
const INVALID: Check = Check {
    name: "invalid-suppression",
    level: Level::Error,
    page: include_str!("suppress/invalid-suppression.md"),
    summary: "A comment for `unleak` names no known lint or gives no reason, so it has no effect.",
};

/// A suppression that has nothing to suppress.
const UNUSED: Check = Check {
    name: "unused-suppression",
    level: Level::Warning,
    page: include_str!("suppress/unused-suppression.md"),
    summary: "A comment for `unleak` speaks of a line on which there is nothing to suppress.",
};

/// The checks on suppressions, by name.
pub(crate) static CHECKS: [Check; 2] = [INVALID, UNUSED];

/// The only lint that `detached(reason)` concerns.
const DETACHABLE: &str = "fire-and-forget";

/// A comment that asks for silence on a line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Suppression {
    comment: Place,
    /// The line it speaks of (from 1).
    line: usize,
    lints: Vec<&'static str>,
    /// All that is named, unknown names too.
    typed: Vec<String>,
    form: Form,
    reason: String,
}

/// How silence is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `ignore[…]`.
    Ignore,
    /// `detached(…)`.
    Detached,
    /// `noqa: …` with the code of another tool's lint that says the same; that tool says when it is of no use.
    Noqa,
}

/// What comments make of findings.
#[derive(Debug, Default)]
pub(crate) struct Applied {
    /// What is still to be shown.
    pub(crate) findings: Vec<Finding>,
    /// Complaints about comments that silence nothing.
    pub(crate) unused: Vec<Finding>,
    /// What is not.
    pub(crate) silenced: Vec<Silenced>,
    /// How many of those a `detached` comment silences.
    pub(crate) detached: usize,
}

/// Reads the comments of a file: what they ask for, and what is wrong with them.
pub(crate) fn read(files: &Files, file: FileId, comments: &[Comment]) -> (Vec<Suppression>, Vec<Finding>) {
    let mut suppressions = Vec::new();
    let mut complaints = Vec::new();
    for comment in comments {
        let place = Place { file, span: comment.span };
        if let Some((lints, codes)) = noqa::read(&comment.text) {
            let line = line_meant(files.get(file), comment);
            let reason = format!("noqa: {}", codes.join(", "));
            suppressions.push(Suppression { comment: place, line, lints, typed: codes, form: Form::Noqa, reason });
        }
        match directive::read(&comment.text) {
            None => {}
            Some(Err(mistake)) => complaints.push(invalid(place, &mistake)),
            Some(Ok(directive)) => {
                let line = line_meant(files.get(file), comment);
                let (suppression, unknown) = resolve(directive, place, line);
                suppressions.push(suppression);
                complaints.extend(unknown);
            }
        }
    }
    (suppressions, complaints)
}

/// Keeps back what comments silence, and adds a complaint about each that silences nothing. Lints that
/// were not asked cannot show that a comment is of no use.
pub(crate) fn apply(
    files: &Files,
    found: Vec<Finding>,
    suppressions: &[Suppression],
    asked: impl Fn(FileId, &str) -> bool,
) -> Applied {
    let mut applied = Applied::default();
    let mut used: BTreeSet<(usize, &str)> = BTreeSet::new();
    for finding in found {
        let covering: Vec<usize> =
            (0..suppressions.len()).filter(|&index| suppressions[index].covers(files, &finding)).collect();
        used.extend(covering.iter().map(|&index| (index, finding.lint)));
        match covering.first() {
            None => applied.findings.push(finding),
            Some(&index) => {
                let Suppression { comment, reason, form, .. } = &suppressions[index];
                applied.detached += usize::from(*form == Form::Detached);
                let by = Silencer::Comment(*comment);
                applied.silenced.push(Silenced { finding, by, reason: reason.clone() });
            }
        }
    }
    for (index, suppression) in suppressions.iter().enumerate() {
        let idle = |lint: &&&'static str| asked(suppression.comment.file, lint) && !used.contains(&(index, **lint));
        let idle: Vec<&str> = suppression.lints.iter().filter(idle).copied().collect();
        if !idle.is_empty() && suppression.form != Form::Noqa {
            applied.unused.push(unused(files, suppression, &idle));
        }
    }
    applied
}

impl Suppression {
    fn covers(&self, files: &Files, finding: &Finding) -> bool {
        finding.place.file == self.comment.file
            && self.lints.contains(&finding.lint)
            && files.touches(finding.place, self.line)
    }
}

/// The line a comment speaks of: its own if code stands before it, else the next one with code.
fn line_meant(file: &File, comment: &Comment) -> usize {
    let own = file.line_of(comment.span.start as usize);
    let mark = file.language.map_or("#", |language| language.comment_mark());
    let has_code = |line: &usize| {
        let text = file.line(*line).trim_start();
        !text.is_empty() && !text.starts_with(mark)
    };
    match comment.place {
        CommentPlace::AfterCode => own,
        CommentPlace::OwnLine => (own + 1..=file.lines()).find(has_code).unwrap_or(own),
    }
}

fn resolve(directive: Directive, comment: Place, line: usize) -> (Suppression, Vec<Finding>) {
    let (form, typed, reason) = match directive {
        Directive::Ignore { lints, reason } => (Form::Ignore, lints, reason),
        Directive::Detached { reason } => (Form::Detached, vec![DETACHABLE.to_owned()], reason),
    };
    let mut lints: Vec<&'static str> = Vec::new();
    let mut complaints = Vec::new();
    for name in &typed {
        match known(name) {
            Ok(lint) if !lints.contains(&lint) => lints.push(lint),
            Ok(_) => {}
            Err(error) => complaints.push(complaint(&INVALID, comment, error.to_string(), "name a lint that exists")),
        }
    }
    (Suppression { comment, line, lints, typed, form, reason }, complaints)
}

fn invalid(comment: Place, mistake: &Mistake) -> Finding {
    complaint(&INVALID, comment, mistake.to_string(), mistake.help())
}

fn unused(files: &Files, suppression: &Suppression, idle: &[&str]) -> Finding {
    let names = idle.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ");
    let line = suppression.line;
    let message = match suppression.form {
        Form::Ignore => format!("there is no finding of {names} on line {line} for this comment to suppress"),
        Form::Detached | Form::Noqa => {
            format!("nothing on line {line} is started and forgotten, so `detached` has no effect")
        }
    };
    let kept: Vec<&str> = suppression.typed.iter().map(String::as_str).filter(|name| !idle.contains(name)).collect();
    let fix = remove::edit(files.get(suppression.comment.file), suppression.comment, &kept);
    Finding { fix, ..complaint(&UNUSED, suppression.comment, message, "remove it") }
}

fn complaint(check: &'static Check, comment: Place, message: String, help: &str) -> Finding {
    Finding {
        lint: check.name,
        level: check.level,
        confidence: Confidence::Certain,
        assumption: None,
        subject: "comment".into(),
        root: comment,
        message,
        place: comment,
        evidence: Vec::new(),
        help: help.into(),
        born: None,
        fingerprint: Fingerprint::default(),
        fix: None,
    }
}

#[cfg(test)]
mod tests;
