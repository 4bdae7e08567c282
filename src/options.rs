//! From what was typed to what is meant.

use std::collections::BTreeSet;
use std::path::PathBuf;

use unleak_lints::{Confidence, Lint, Strictness};

use crate::args::{self, CheckFormat, ListFormat};
use crate::suggest;
use crate::suppress;

/// Arguments that cannot be meant.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UsageError {
    /// A lint that does not exist.
    #[error("there is no lint `{typed}`; {}", suggest::tail(.suggestion.as_deref(), "`unleak lints` lists them all"))]
    UnknownLint {
        /// What was typed.
        typed: String,
        /// What was probably meant.
        suggestion: Option<String>,
    },
    /// Not `FILE:LINE`.
    #[error("`{0}` names no line; write `FILE:LINE`, as in `src/server.py:42` (lines count from 1)")]
    NotALine(String),
}

/// What is meant.
#[derive(Debug)]
pub(crate) enum Request {
    /// Report what leaks.
    Check(Check),
    /// Explain a line.
    Why(Line),
    /// List everything that is born.
    Census(Census),
    /// Print a page.
    Explain(&'static str, String),
    /// List the lints.
    Lints(ListFormat),
}

/// A report of what leaks.
#[derive(Debug)]
pub(crate) struct Check {
    /// What is reported on.
    pub(crate) paths: Vec<PathBuf>,
    /// How it is printed.
    pub(crate) format: CheckFormat,
    /// Which lints are asked.
    pub(crate) selection: Selection,
    /// How sure a finding must be.
    pub(crate) min_confidence: Confidence,
    /// When the run fails.
    pub(crate) failing: Failing,
    /// Whether statistics are printed as text.
    pub(crate) statistics: Statistics,
}

/// A list of everything that is born.
#[derive(Debug)]
pub(crate) struct Census {
    /// What is listed.
    pub(crate) paths: Vec<PathBuf>,
    /// How it is printed.
    pub(crate) format: ListFormat,
    /// When the run fails.
    pub(crate) failing: Failing,
    /// Whether statistics are printed as text.
    pub(crate) statistics: Statistics,
}

/// What makes a run fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failing {
    /// Findings and problems.
    OnFindingsAndProblems,
    /// Findings only.
    OnFindings,
    /// Nothing.
    Never,
}

/// Whether statistics are printed as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Statistics {
    /// On standard error.
    Printed,
    /// Not.
    Kept,
}

/// A line of a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// The file.
    pub(crate) file: PathBuf,
    /// From 1.
    pub(crate) line: usize,
}

/// The lints that are asked, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selection {
    names: BTreeSet<&'static str>,
}

impl Selection {
    /// Every lint, strict ones and previews too.
    pub(crate) fn everything() -> Selection {
        Selection { names: every_name().collect() }
    }

    /// Whether a lint (or one of our own checks on suppressions) is asked.
    pub(crate) fn asks(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// These lints only.
    #[cfg(test)]
    pub(crate) fn only(names: &[&'static str]) -> Selection {
        Selection { names: names.iter().copied().collect() }
    }

    fn of(typed: &args::CheckArgs) -> Result<Selection, UsageError> {
        let selected = names(&typed.select)?;
        let ignored = names(&typed.ignore)?;
        let asked = |lint: &&&Lint| match lint.strictness {
            _ if selected.contains(lint.name) => true,
            _ if !selected.is_empty() => false,
            Strictness::Default => true,
            Strictness::Strict => typed.strict,
            Strictness::Preview => typed.preview,
        };
        let lints = unleak_lints::ALL.iter().filter(asked).map(|lint| lint.name);
        let own = suppress::CHECKS.iter().map(|check| check.name);
        Ok(Selection { names: lints.chain(own).filter(|name| !ignored.contains(name)).collect() })
    }
}

impl Request {
    /// What the typed arguments mean.
    pub(crate) fn of(command: args::Command) -> Result<Request, UsageError> {
        Ok(match command {
            args::Command::Check(typed) => Request::Check(Check::of(typed)?),
            args::Command::Why(typed) => Request::Why(Line::parse(&typed.place)?),
            args::Command::Census(typed) => Request::Census(Census {
                paths: typed.paths,
                format: typed.format,
                failing: if typed.allow_problems { Failing::OnFindings } else { Failing::OnFindingsAndProblems },
                statistics: if typed.stats { Statistics::Printed } else { Statistics::Kept },
            }),
            args::Command::Explain(typed) => {
                let name = known(&typed.lint)?;
                Request::Explain(name, page(name))
            }
            args::Command::Lints(typed) => Request::Lints(typed.format),
        })
    }
}

impl Check {
    fn of(typed: args::CheckArgs) -> Result<Check, UsageError> {
        Ok(Check {
            selection: Selection::of(&typed)?,
            format: typed.format,
            min_confidence: match typed.min_confidence {
                args::MinConfidence::Likely => Confidence::Likely,
                args::MinConfidence::Certain => Confidence::Certain,
            },
            failing: match (typed.exit_zero, typed.allow_problems) {
                (true, _) => Failing::Never,
                (false, true) => Failing::OnFindings,
                (false, false) => Failing::OnFindingsAndProblems,
            },
            statistics: if typed.stats { Statistics::Printed } else { Statistics::Kept },
            paths: typed.paths,
        })
    }
}

impl Line {
    /// Reads `FILE:LINE` or `FILE:LINE:COLUMN`.
    pub(crate) fn parse(typed: &str) -> Result<Line, UsageError> {
        let error = || UsageError::NotALine(typed.to_owned());
        let (rest, last) = typed.trim_end_matches(':').rsplit_once(':').ok_or_else(error)?;
        let last: usize = last.parse().map_err(|_| error())?;
        let (file, line) = match rest.rsplit_once(':').map(|(file, line)| (file, line.parse::<usize>())) {
            Some((file, Ok(line))) if !file.is_empty() => (file, line),
            _ => (rest, last),
        };
        if file.is_empty() || line == 0 {
            return Err(error());
        }
        Ok(Line { file: file.into(), line })
    }
}

/// The names of all lints and of our own checks.
pub(crate) fn every_name() -> impl Iterator<Item = &'static str> {
    unleak_lints::ALL.iter().map(|lint| lint.name).chain(suppress::CHECKS.iter().map(|check| check.name))
}

/// The lint of that name.
pub(crate) fn known(typed: &str) -> Result<&'static str, UsageError> {
    every_name().find(|name| *name == typed).ok_or_else(|| UsageError::UnknownLint {
        typed: typed.to_owned(),
        suggestion: suggest::nearest(typed, every_name()).map(str::to_owned),
    })
}

fn names(typed: &[String]) -> Result<BTreeSet<&'static str>, UsageError> {
    typed.iter().map(|name| name.trim()).filter(|name| !name.is_empty()).map(known).collect()
}

fn page(name: &str) -> String {
    let lint = unleak_lints::ALL.iter().find(|lint| lint.name == name).map(|lint| lint.page());
    let own = || suppress::CHECKS.iter().find(|check| check.name == name).map(|check| check.page.to_owned());
    lint.or_else(own).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::Typed;

    fn selection(arguments: &[&str]) -> Result<Selection, UsageError> {
        let typed = Typed::parse_from(["unleak", "check"].iter().chain(arguments));
        match Request::of(typed.command)? {
            Request::Check(check) => Ok(check.selection),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_definition_of_the_arguments_is_sound() {
        <Typed as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn selecting_asks_those_lints_only() {
        let selection = selection(&["--select", "raw-gather, fire-and-forget"]).unwrap();
        assert!(selection.asks("raw-gather") && selection.asks("fire-and-forget"));
        assert!(!selection.asks("unbounded-queue"));
        assert!(selection.asks("unused-suppression"));
    }

    #[test]
    fn ignoring_wins() {
        let selection = selection(&["--select=raw-gather", "--ignore=raw-gather,unused-suppression"]).unwrap();
        assert!(!selection.asks("raw-gather") && !selection.asks("unused-suppression"));
    }

    #[test]
    fn an_unknown_lint_is_an_error_with_a_suggestion() {
        let error = selection(&["--ignore", "raw-gahter"]).unwrap_err();
        assert_eq!(error.to_string(), "there is no lint `raw-gahter`; did you mean `raw-gather`?");
        let error = selection(&["--select", "xyz"]).unwrap_err();
        assert_eq!(error.to_string(), "there is no lint `xyz`; `unleak lints` lists them all");
    }

    #[test]
    fn a_line_may_have_a_column_and_colons_in_its_path() {
        let line = |file: &str, line| Ok(Line { file: file.into(), line });
        assert_eq!(Line::parse("a.py:3"), line("a.py", 3));
        assert_eq!(Line::parse("a.py:3:7"), line("a.py", 3));
        assert_eq!(Line::parse("a.py:3:7:"), line("a.py", 3));
        assert_eq!(Line::parse("C:/x/a.py:3"), line("C:/x/a.py", 3));
        for typed in ["a.py", "a.py:", "a.py:0", ":3", "a.py:x", ""] {
            assert_eq!(Line::parse(typed), Err(UsageError::NotALine(typed.into())), "{typed}");
        }
    }
}
