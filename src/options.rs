//! From what was typed to what is meant.

use std::path::{Path, PathBuf};
use std::time::Duration;

use unleak_analysis::Counting;
use unleak_lints::Level;

use crate::args::{self, CheckFormat, ListFormat};
use crate::selection::{UnknownLint, known, known_all};
use crate::settings::{self, Least, Overrides, SettingsError, Sure, Written};
use crate::shown::{self, Shown, Unseen};
use crate::suggest;
use crate::suppress;

/// Arguments that cannot be meant.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UsageError {
    /// A lint that does not exist.
    #[error(transparent)]
    UnknownLint(#[from] UnknownLint),
    /// Settings on the command line that mean nothing.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Levels that do not go together.
    #[error(transparent)]
    Unseen(#[from] Unseen),
    /// Two files for one report.
    #[error("`--output-file {0}` is the second file for the same report; write a format before it, as in `json={0}`")]
    TwoOutputs(String),
    /// A reason that says nothing, or more than a line.
    #[error("`--add-ignore` needs a reason of one line, and {0:?} is none")]
    NoReason(String),
    /// A command that does not exist.
    #[error("there is no command `{typed}`; {}", suggest::tail(.suggestion.as_deref(), "`unleak help` lists them all"))]
    UnknownCommand {
        /// What was typed.
        typed: String,
        /// What was probably meant.
        suggestion: Option<String>,
    },
    /// A settings file that is not to be looked at.
    #[error("`--isolated` looks at no settings file, and `--config {0}` names one")]
    IsolatedWith(String),
    /// Two files instead of all others.
    #[error("`--config` takes one settings file, and `{0}` and `{1}` are two")]
    TwoFiles(String, String),
    /// Not `FILE:LINE`.
    #[error("`{0}` names no line; write `FILE:LINE`, as in `src/server.py:42` (lines count from 1)")]
    NotALine(String),
    /// The ending says no format.
    #[error("`{0}` does not say how the audit is written; let it end in `.html`, `.md` or `.json`")]
    NoAuditFormat(String),
}

/// What is meant.
#[derive(Debug)]
pub(crate) enum Request {
    /// Report what leaks.
    Check(Check),
    /// Explain a line.
    Why(Line, Overrides),
    /// List everything that is born.
    Census(Census),
    /// Write the whole ledger as one page.
    Audit(Audit),
    /// Print a page.
    Explain(&'static str, String),
    /// List the lints.
    Lints(ListFormat),
    /// Compare two reports, the older one first.
    Diff(PathBuf, PathBuf),
    /// Print completions.
    Completions(clap_complete::Shell),
    /// Print a manual page.
    Man(Box<clap::Command>),
}

/// A report of what leaks.
#[derive(Debug)]
pub(crate) struct Check {
    /// What is reported on.
    pub(crate) paths: Vec<PathBuf>,
    /// How it is printed, and where; what the run does and how it ends is meant for what is shown here.
    pub(crate) output: Output,
    /// The same in other ways.
    pub(crate) also: Vec<Output>,
    /// What comes before all settings files.
    pub(crate) overrides: Overrides,
    /// What is printed.
    pub(crate) asked: Asked,
    /// What was found before.
    pub(crate) baseline: Option<PathBuf>,
    /// Since which revision what is shown has come or was touched.
    pub(crate) since: Option<String>,
    /// What is changed in the user's files.
    pub(crate) change: Change,
    /// When the run fails.
    pub(crate) failing: Failing,
    /// Where what is said of files is kept.
    pub(crate) cache: Option<PathBuf>,
    /// How long it may take.
    pub(crate) time_limit: Option<Duration>,
    /// Whether statistics are printed as text.
    pub(crate) statistics: Statistics,
    /// Whether times are.
    pub(crate) timing: Statistics,
}

/// One way in which a report is printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Output {
    /// How.
    pub(crate) format: CheckFormat,
    /// All findings, or how many of which lint.
    pub(crate) extent: Extent,
    /// Which findings.
    pub(crate) shown: Shown,
    /// Into which file; `None` for standard output.
    pub(crate) file: Option<PathBuf>,
}

/// How much of a report is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Each finding.
    Findings,
    /// How many of which lint.
    Tally,
}

/// What a check changes in the user's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing.
    Nothing,
    /// What mends itself.
    Fix,
    /// Comments with this reason.
    AddIgnore(String),
    /// The baseline.
    UpdateBaseline,
}

/// What a check is to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// What leaks.
    Findings,
    /// The files that would be reported on.
    Files,
    /// The settings that count.
    Settings,
}

/// A list of everything that is born.
#[derive(Debug)]
pub(crate) struct Census {
    /// What is listed.
    pub(crate) paths: Vec<PathBuf>,
    /// What comes before all settings files.
    pub(crate) overrides: Overrides,
    /// How it is printed.
    pub(crate) format: ListFormat,
    /// When the run fails.
    pub(crate) failing: Failing,
    /// Whether statistics are printed as text.
    pub(crate) statistics: Statistics,
}

/// The whole ledger as one page.
#[derive(Debug)]
pub(crate) struct Audit {
    /// What is audited.
    pub(crate) paths: Vec<PathBuf>,
    /// What comes before all settings files.
    pub(crate) overrides: Overrides,
    /// Where it is written; to standard output where that is not said.
    pub(crate) output: Option<PathBuf>,
    /// How it is written.
    pub(crate) format: AuditFormat,
    /// What was accepted.
    pub(crate) verdicts: Option<PathBuf>,
    /// An audit before.
    pub(crate) compare: Option<PathBuf>,
}

/// How an audit is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AuditFormat {
    /// One page for a browser and for paper.
    Html,
    /// Markdown.
    Markdown,
    /// For programs, and for audits that come after.
    Json,
}

/// What makes a run fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failing {
    /// Findings from this level on, and problems.
    OnFindingsAndProblems(Level),
    /// Findings from this level on.
    OnFindings(Level),
    /// Nothing.
    Never,
}

/// Whether statistics are printed as text, and counted in full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Statistics {
    /// On standard error.
    Printed,
    /// Not.
    Kept,
}

impl Statistics {
    /// What costs time is counted only to be told.
    pub(crate) fn counting(self) -> Counting {
        match self {
            Statistics::Printed => Counting::LibrariesToo,
            Statistics::Kept => Counting::Resources,
        }
    }
}

/// A line of a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// The file.
    pub(crate) file: PathBuf,
    /// From 1.
    pub(crate) line: usize,
}

impl Request {
    /// What the typed arguments mean.
    pub(crate) fn of(command: args::Command) -> Result<Request, UsageError> {
        Ok(match command {
            args::Command::Check(typed) => Request::Check(Check::of(typed)?),
            args::Command::Why(typed) => Request::Why(Line::parse(&typed.place)?, overrides(&typed.settings)?),
            args::Command::Census(typed) => Request::Census(Census {
                paths: typed.paths,
                overrides: overrides(&typed.settings)?,
                format: typed.format,
                failing: match typed.allow_problems {
                    true => Failing::Never,
                    false => Failing::OnFindingsAndProblems(Level::Error),
                },
                statistics: if typed.stats { Statistics::Printed } else { Statistics::Kept },
            }),
            args::Command::Audit(typed) => Request::Audit(Audit {
                format: audit_format(typed.output.as_deref())?,
                paths: typed.paths,
                overrides: overrides(&typed.settings)?,
                output: typed.output,
                verdicts: typed.verdicts,
                compare: typed.compare,
            }),
            args::Command::Explain(typed) => {
                let name = known(&typed.lint)?;
                Request::Explain(name, page(name))
            }
            args::Command::Lints(typed) => Request::Lints(typed.format),
            args::Command::Diff(typed) => Request::Diff(typed.old, typed.new),
            args::Command::Completions(typed) => Request::Completions(typed.shell),
            args::Command::Man(typed) => Request::Man(Box::new(manual(typed.command)?)),
        })
    }
}

/// What the ending of the file says.
fn audit_format(output: Option<&Path>) -> Result<AuditFormat, UsageError> {
    let Some(file) = output else { return Ok(AuditFormat::Markdown) };
    match file.extension().and_then(|ending| ending.to_str()) {
        Some("html") => Ok(AuditFormat::Html),
        Some("md") => Ok(AuditFormat::Markdown),
        Some("json") => Ok(AuditFormat::Json),
        _ => Err(UsageError::NoAuditFormat(file.display().to_string())),
    }
}

impl Check {
    fn of(typed: args::CheckArgs) -> Result<Check, UsageError> {
        let overrides = all_overrides(&typed)?;
        let fail_on = typed.fail_on.map(level);
        shown::agree(fail_on, overrides.written.min_level.map(Least::level))?;
        let (output, also) = outputs(&typed, fail_on)?;
        let failing = fail_on.unwrap_or(Level::Warning);
        Ok(Check {
            overrides,
            asked: match (typed.show_files, typed.show_settings) {
                (true, _) => Asked::Files,
                (false, true) => Asked::Settings,
                (false, false) => Asked::Findings,
            },
            output,
            also,
            failing: match (typed.exit_zero, typed.allow_problems) {
                (true, _) => Failing::Never,
                (false, true) => Failing::OnFindings(failing),
                (false, false) => Failing::OnFindingsAndProblems(failing),
            },
            change: change(&typed)?,
            baseline: typed.baseline,
            since: typed.since,
            time_limit: typed.time_limit,
            cache: typed.cache,
            timing: if typed.timing { Statistics::Printed } else { Statistics::Kept },
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

/// Where the report goes: to standard output or the file that is named without a format, and to those with one.
fn outputs(typed: &args::CheckArgs, fail_on: Option<Level>) -> Result<(Output, Vec<Output>), UsageError> {
    let extent = if typed.statistics { Extent::Tally } else { Extent::Findings };
    let output = |format, file| Output { format, extent, shown: Shown::by(format, fail_on), file };
    let (mut instead, mut also) = (None, Vec::new());
    for named in &typed.output_file {
        let with_format = named.split_once('=').and_then(|(format, file)| Some((named_format(format)?, file)));
        match with_format {
            Some((format, file)) => also.push(output(format, Some(file.into()))),
            None if instead.is_none() => instead = Some(PathBuf::from(named)),
            None => return Err(UsageError::TwoOutputs(named.clone())),
        }
    }
    Ok((output(typed.format, instead), also))
}

fn named_format(name: &str) -> Option<CheckFormat> {
    <CheckFormat as clap::ValueEnum>::from_str(name, false).ok()
}

fn change(typed: &args::CheckArgs) -> Result<Change, UsageError> {
    Ok(match &typed.add_ignore {
        Some(reason) if reason.contains(['\n', '\r']) || !reason.chars().any(char::is_alphanumeric) => {
            return Err(UsageError::NoReason(reason.clone()));
        }
        Some(reason) => Change::AddIgnore(reason.trim().to_owned()),
        None if typed.fix => Change::Fix,
        None if typed.update_baseline => Change::UpdateBaseline,
        None => Change::Nothing,
    })
}

fn level(typed: args::FromLevel) -> Level {
    least(typed).level()
}

fn least(typed: args::FromLevel) -> Least {
    match typed {
        args::FromLevel::Note => Least::Note,
        args::FromLevel::Warning => Least::Warning,
        args::FromLevel::Error => Least::Error,
    }
}

/// What flags say, then what `--config` says.
fn all_overrides(typed: &args::CheckArgs) -> Result<Overrides, UsageError> {
    known_all(&typed.select)?;
    let set = |flag: bool| flag.then_some(true);
    let flags = Written {
        select: (!typed.select.is_empty()).then(|| typed.select.clone()),
        strict: set(typed.strict),
        preview: set(typed.preview),
        min_confidence: typed.min_confidence.map(|sure| match sure {
            args::MinConfidence::Likely => Sure::Likely,
            args::MinConfidence::Certain => Sure::Certain,
        }),
        min_level: typed.min_level.map(least),
        ..Written::default()
    };
    let Overrides { written, files, .. } = overrides(&typed.settings)?;
    Ok(Overrides { written: flags.or(written), also_ignore: known_all(&typed.ignore)?, files, ..Overrides::default() })
}

/// What `--config` and `--isolated` say.
fn overrides(typed: &args::SettingsArgs) -> Result<Overrides, UsageError> {
    let (pairs, files): (Vec<&String>, Vec<&String>) = typed.config.iter().partition(|config| config.contains('='));
    let files = match (files.as_slice(), typed.isolated) {
        ([], false) => settings::Files::Nearest,
        ([], true) => settings::Files::None,
        ([file], false) => settings::Files::This(PathBuf::from(file)),
        ([file], true) => return Err(UsageError::IsolatedWith((*file).clone())),
        ([first, second, ..], _) => return Err(UsageError::TwoFiles((*first).clone(), (*second).clone())),
    };
    let lines = pairs.into_iter().map(|pair| settings::line(pair)).collect::<Vec<_>>();
    Ok(Overrides { written: settings::typed(&lines.join("\n"))?, files, ..Overrides::default() })
}

/// The definition of the whole, or of one command.
fn manual(command: Option<String>) -> Result<clap::Command, UsageError> {
    let mut whole = <args::Typed as clap::CommandFactory>::command();
    whole.build();
    let Some(name) = command else { return Ok(whole) };
    let found = whole.find_subcommand(&name).cloned();
    found.ok_or_else(|| {
        let names = whole.get_subcommands().map(clap::Command::get_name);
        UsageError::UnknownCommand {
            suggestion: suggest::nearest(&name, names).map(str::to_owned),
            typed: name.clone(),
        }
    })
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

    fn typed(arguments: &[&str]) -> Result<Overrides, String> {
        let typed = Typed::parse_from(["unleak", "check"].iter().chain(arguments));
        match Request::of(typed.command).map_err(|error| error.to_string())? {
            Request::Check(check) => Ok(check.overrides),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_definition_of_the_arguments_is_sound() {
        <Typed as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn flags_come_before_config() {
        let written = typed(&["--min-confidence=likely", "--config=min-confidence=certain", "--config", "strict=true"]);
        let written = written.unwrap().written;
        assert_eq!((written.min_confidence, written.strict, written.preview), (Some(Sure::Likely), Some(true), None));
        assert_eq!(typed(&["--config", "x.toml"]).unwrap().files, settings::Files::This("x.toml".into()));
        assert_eq!(typed(&["--isolated"]).unwrap().files, settings::Files::None);
    }

    #[test]
    fn what_means_nothing_is_an_error_with_a_suggestion() {
        let error = |arguments: &[&str]| typed(arguments).unwrap_err();
        let said = "there is no lint `raw-gahter`; did you mean `raw-gather`?";
        assert_eq!(error(&["--ignore", "raw-gahter"]), said);
        assert_eq!(error(&["--select", "raw-gahter"]), said);
        let said = "`--config`: there is no key `min-confidnce`; did you mean `min-confidence`?";
        assert_eq!(error(&["--config", "min-confidnce=certain"]), said);
        assert!(error(&["--isolated", "--config", "x.toml"]).contains("looks at no settings file"));
    }

    #[test]
    fn a_line_may_have_a_column_and_colons_in_its_path() {
        let read = |typed| Line::parse(typed).unwrap();
        let line = |file: &str, line| Line { file: file.into(), line };
        assert_eq!(read("a.py:3"), line("a.py", 3));
        assert_eq!(read("a.py:3:7"), line("a.py", 3));
        assert_eq!(read("a.py:3:7:"), line("a.py", 3));
        assert_eq!(read("C:/x/a.py:3"), line("C:/x/a.py", 3));
        for typed in ["a.py", "a.py:", "a.py:0", ":3", "a.py:x", ""] {
            assert!(matches!(Line::parse(typed), Err(UsageError::NotALine(_))), "{typed}");
        }
    }
}
