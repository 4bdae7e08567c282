//! What can be typed: the one definition of commands, flags and their help.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Finds the tasks, threads, queues, gauges and fan-outs that nothing ends, in Python and Rust.
///
/// It reads source files and nothing else: it never imports, builds or runs what it analyses, starts no
/// program and opens no connection. It writes a file only where a flag asks for it.
///
/// Exit codes: 0 nothing to mend; 1 findings at warning or error, or files that could not be read;
/// 2 the work could not be done (bad arguments, bad configuration, a named path that cannot be read).
#[derive(Debug, Parser)]
#[command(name = "unleak", version, max_term_width = 100)]
pub(crate) struct Typed {
    /// When to use colours (`auto`: on a terminal, unless NO_COLOR is set)
    #[arg(long, global = true, value_enum, default_value = "auto", value_name = "WHEN")]
    pub(crate) color: ColorWhen,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Report what leaks
    Check(CheckArgs),
    /// Say what is known of the resources on a line, and why there is or is no finding
    Why(WhyArgs),
    /// List everything that is born, with its owner, its bound and its end
    Census(CensusArgs),
    /// Write the whole ledger as one page: what leaks, what is right, what could not be decided
    Audit(AuditArgs),
    /// Print the page of a lint
    Explain(ExplainArgs),
    /// List the lints
    Lints(LintsArgs),
    /// Compare two reports written with `--format json`, and say which verdicts are other; exits with 1 if any is
    Diff(DiffArgs),
    /// Print completions for a shell
    Completions(CompletionsArgs),
    /// Print the manual page, or that of a command
    Man(ManArgs),
}

/// `unleak check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Files and folders to report on; the project around them is read as context
    #[arg(default_value = ".", value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// How to print
    #[arg(long, visible_alias = "output-format", value_enum, default_value = "full")]
    pub(crate) format: CheckFormat,
    /// Write the report to this file instead of standard output; with a format before it (`sarif=leaks.sarif`), write
    /// it there in that format too. Can be given several times
    #[arg(long, value_name = "[FORMAT=]FILE")]
    pub(crate) output_file: Vec<String>,
    /// Where settings come from
    #[command(flatten)]
    pub(crate) settings: SettingsArgs,
    /// Ask only these lints
    #[arg(long, value_delimiter = ',', value_name = "LINT,…")]
    pub(crate) select: Vec<String>,
    /// Do not ask these lints
    #[arg(long, value_delimiter = ',', value_name = "LINT,…")]
    pub(crate) ignore: Vec<String>,
    /// Also ask the strict lints
    #[arg(long)]
    pub(crate) strict: bool,
    /// Also ask lints that are still being tried out
    #[arg(long)]
    pub(crate) preview: bool,
    /// Show only findings that are at least this sure [default: likely]
    #[arg(long, value_enum, value_name = "CONFIDENCE")]
    pub(crate) min_confidence: Option<MinConfidence>,
    /// Show only findings of this level and above [default: warning; note in `json`, `json-lines` and `sarif`]
    #[arg(long, value_enum, value_name = "LEVEL")]
    pub(crate) min_level: Option<FromLevel>,
    /// Show only what is not in this file
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,
    /// Show only what has come, or was touched, since this branch, tag or commit and the present came apart
    #[arg(long, value_name = "REF", conflicts_with = "update_baseline")]
    pub(crate) since: Option<String>,
    /// Write what is found into the baseline
    #[arg(long, requires = "baseline")]
    pub(crate) update_baseline: bool,
    /// Remove suppressions that suppress nothing
    #[arg(long, conflicts_with_all = ["update_baseline", "add_ignore"])]
    pub(crate) fix: bool,
    /// Add an `unleak: ignore[…]` comment with this reason to each line with findings
    #[arg(long, value_name = "REASON", conflicts_with = "update_baseline")]
    pub(crate) add_ignore: Option<String>,
    /// Fail on findings of this level and above, and show them [default: warning]
    #[arg(long, value_enum, value_name = "LEVEL")]
    pub(crate) fail_on: Option<FromLevel>,
    /// Do not fail because of files that cannot be read or parsed
    #[arg(long)]
    pub(crate) allow_problems: bool,
    /// Exit with 0 whatever is found
    #[arg(long)]
    pub(crate) exit_zero: bool,
    /// Keep in this folder what is said of each file, so that only what has changed is read anew
    #[arg(long, value_name = "FOLDER")]
    pub(crate) cache: Option<PathBuf>,
    /// Stop looking after so many seconds; what was not looked at in full by then is named as what cannot be read is
    #[arg(long, value_name = "SECONDS", value_parser = seconds, conflicts_with = "update_baseline")]
    pub(crate) time_limit: Option<Duration>,
    /// Print how many findings there are of each lint instead of the findings (with `--format json` as JSON)
    #[arg(long)]
    pub(crate) statistics: bool,
    /// Print how long each step takes to standard error
    #[arg(long)]
    pub(crate) timing: bool,
    /// Print what was looked at and decided to standard error
    #[arg(long)]
    pub(crate) stats: bool,
    /// List the files that would be reported on, and check nothing
    #[arg(long)]
    pub(crate) show_files: bool,
    /// Print the settings that count for the named paths, and check nothing
    #[arg(long, conflicts_with = "show_files")]
    pub(crate) show_settings: bool,
}

/// `unleak why`.
#[derive(Debug, Args)]
pub(crate) struct WhyArgs {
    /// A line of a file, as in `src/server.py:42` (a column after it is allowed and ignored)
    #[arg(value_name = "FILE:LINE")]
    pub(crate) place: String,
    /// Where settings come from
    #[command(flatten)]
    pub(crate) settings: SettingsArgs,
}

/// `unleak census`.
#[derive(Debug, Args)]
pub(crate) struct CensusArgs {
    /// Files and folders to list; the project around them is read as context
    #[arg(default_value = ".", value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: ListFormat,
    /// Where settings come from
    #[command(flatten)]
    pub(crate) settings: SettingsArgs,
    /// Do not fail because of files that cannot be read or parsed
    #[arg(long)]
    pub(crate) allow_problems: bool,
    /// Print what was looked at and decided to standard error
    #[arg(long)]
    pub(crate) stats: bool,
}

/// `unleak audit`.
#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    /// Files and folders to audit; the project around them is read as context
    #[arg(default_value = ".", value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Write the page to this file, which ends in `.html`, `.md` or `.json`; without it, Markdown goes to standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// A file of leaks that are accepted, with why, by whom and until when
    #[arg(long, value_name = "FILE")]
    pub(crate) verdicts: Option<PathBuf>,
    /// An audit before, as JSON: say what is new and what is gone
    #[arg(long, value_name = "FILE")]
    pub(crate) compare: Option<PathBuf>,
    /// Where settings come from
    #[command(flatten)]
    pub(crate) settings: SettingsArgs,
}

/// Where settings come from.
#[derive(Debug, Args)]
pub(crate) struct SettingsArgs {
    /// A setting as in a settings file (`min-confidence=certain`, `levels.raw-gather=off`), which comes before what
    /// files say; or a settings file that counts instead of all others
    #[arg(long, value_name = "KEY=VALUE|FILE")]
    pub(crate) config: Vec<String>,
    /// Look at no settings file
    #[arg(long)]
    pub(crate) isolated: bool,
}

/// `unleak explain`.
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The lint's name; `unleak lints` lists them
    pub(crate) lint: String,
}

/// `unleak lints`.
#[derive(Debug, Args)]
pub(crate) struct LintsArgs {
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: ListFormat,
}

/// From which level on a finding is shown, or makes the run fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FromLevel {
    /// Everything that is found
    Note,
    /// What should be mended
    Warning,
    /// What must be mended
    Error,
}

/// `unleak diff`.
#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// The older report, of `check` or of `census`
    pub(crate) old: PathBuf,
    /// The newer report
    pub(crate) new: PathBuf,
}

/// `unleak completions`.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

/// `unleak man`.
#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// The command
    pub(crate) command: Option<String>,
}

/// How findings are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckFormat {
    /// With the source and the ownership story
    Full,
    /// One finding a line: `path:line:column: level[lint] message`
    Concise,
    /// For programs; the shape is versioned
    Json,
    /// The same, one finding a line
    JsonLines,
    /// SARIF 2.1.0, for code hosts and their viewers
    Sarif,
    /// Annotations of GitHub's workflows
    Github,
    /// GitLab's code quality report
    Gitlab,
    /// JUnit's XML
    Junit,
    /// reviewdog's diagnostics
    Rdjson,
    /// For comments on changes and summaries of jobs
    Markdown,
    /// For coding agents: a cause at a time, with the evidence and the next edit
    Agent,
}

/// How a list is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListFormat {
    /// For people
    Text,
    /// For programs
    Json,
}

/// How sure a finding must be to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum MinConfidence {
    /// It may rest on one named assumption
    Likely,
    /// It must rest on the code alone
    Certain,
}

/// When colours are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorWhen {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

fn seconds(typed: &str) -> Result<Duration, String> {
    let seconds = typed.strip_suffix('s').unwrap_or(typed).trim().parse().ok();
    let limit = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    limit.ok_or_else(|| "it is no number of seconds, as `30` or `2.5` are".to_owned())
}
