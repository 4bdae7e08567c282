//! One function a command: from what is meant to what is printed and how the run ends.

mod audit;
mod check;

use std::path::Path;

use anyhow::{Context, bail};
use unleak_analysis::{Counting, Course};
use unleak_lints::Strictness;

use crate::args::{ListFormat, Typed};
use crate::assemble::{self, Question};
use crate::compare;
use crate::discover;
use crate::options::{Census, Failing, Line, Request, Statistics};
use crate::output;
use crate::place::{FileId, Scope};
use crate::print::{self, Colours, plural};
use crate::project::{self, Working};
use crate::report::Report;
use crate::settings::Overrides;

/// How a run ends, when it could do its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Nothing to mend.
    Clean,
    /// Something to mend, or not everything could be read.
    Failed,
}

/// Does what is asked.
pub(crate) fn run(request: Request, colours: Colours) -> anyhow::Result<Ending> {
    match request {
        Request::Check(asked) => check::check(asked, colours),
        Request::Census(asked) => census(asked),
        Request::Audit(asked) => audit::audit(asked),
        Request::Why(line, overrides) => why(&line, &overrides),
        Request::Explain(name, page) => explain(name, &page),
        Request::Lints(ListFormat::Text) => tell(print::lints::text().as_bytes()),
        Request::Lints(ListFormat::Json) => tell(print::lints::json().as_bytes()),
        Request::Diff(old, new) => diff(&old, &new),
        Request::Completions(shell) => completions(shell),
        Request::Man(command) => manual(*command),
    }
}

fn census(asked: Census) -> anyhow::Result<Ending> {
    let working = Working::now()?;
    let tree = project::look(&asked.paths, &asked.overrides, &working)?;
    let mut report = assemble::report(
        project::load(tree, &working, &Course::to_the_end(asked.statistics.counting()))?,
        Question::Everything,
    );
    warn_if_empty(&report);
    match asked.format {
        ListFormat::Text => {
            tell(print::census::print(&report).as_bytes())?;
            output::note(&print::concise::problems(&report));
        }
        ListFormat::Json => drop(tell(print::json::census(&report).as_bytes())?),
    }
    statistics(&report, asked.statistics);
    report.findings.clear();
    Ok(ending(&report, asked.failing))
}

fn why(asked: &Line, overrides: &Overrides) -> anyhow::Result<Ending> {
    let working = Working::now()?;
    if !project::is_source(&asked.file) {
        bail!("`{}` is no source file: it does not end in {}", asked.file.display(), discover::endings());
    }
    if working.folder().join(&asked.file).is_dir() {
        bail!("`{}` is a folder; name a line of a file in it", asked.file.display());
    }
    let tree = project::look_around(&asked.file, overrides, &working)?;
    let report = assemble::report(
        project::load(tree, &working, &Course::to_the_end(Counting::Resources))?,
        Question::Everything,
    );
    let file = named_file(&report, &asked.file)?;
    let lines = report.files.get(file).lines();
    if asked.line > lines {
        bail!("`{}` has {}, so there is no line {}", asked.file.display(), plural(lines, "line"), asked.line);
    }
    tell(print::why::print(&report, file, asked.line).as_bytes())?;
    output::note(&print::concise::problems(&report));
    Ok(Ending::Clean)
}

/// The one file that was named.
fn named_file(report: &Report, typed: &Path) -> anyhow::Result<FileId> {
    let mut named = report.files.iter().filter(|(_, file)| file.scope == Scope::Named);
    let (id, _) = named.next().with_context(|| format!("`{}` was not read", typed.display()))?;
    Ok(id)
}

fn explain(name: &str, page: &str) -> anyhow::Result<Ending> {
    let lint = unleak_lints::ALL.iter().find(|lint| lint.name == name);
    let asked = match lint.map(|lint| lint.strictness) {
        Some(Strictness::Strict) => "\nAsked with `--strict` only.\n",
        Some(Strictness::Preview) => "\nAsked with `--preview` only: it is still being tried out.\n",
        Some(Strictness::Default) | None => "",
    };
    tell(format!("{page}{asked}").as_bytes())
}

fn diff(old: &Path, new: &Path) -> anyhow::Result<Ending> {
    let (before, after) = (compare::read(old)?, compare::read(new)?);
    for (file, report) in [(old, &before), (new, &after)] {
        output::note(&partial(file, report.not_shown()));
    }
    let difference = compare::compare(before, after);
    tell(print::diff::print(&difference).as_bytes())?;
    Ok(if difference.changes.is_empty() { Ending::Clean } else { Ending::Failed })
}

/// What one report leaves out and the other does not looks new or gone.
fn partial(file: &Path, not_shown: usize) -> String {
    let (file, left_out) = (file.display(), plural(not_shown, "finding"));
    match not_shown {
        0 => String::new(),
        _ => format!("warning: `{file}` leaves out {left_out}; write it with `--min-level note` to compare all\n"),
    }
}

fn completions(shell: clap_complete::Shell) -> anyhow::Result<Ending> {
    let mut bytes = Vec::new();
    clap_complete::generate(shell, &mut <Typed as clap::CommandFactory>::command(), "unleak", &mut bytes);
    tell(&bytes)
}

fn manual(command: clap::Command) -> anyhow::Result<Ending> {
    let mut bytes = Vec::new();
    clap_mangen::Man::new(command).render(&mut bytes).context("cannot write the manual page")?;
    tell(&bytes)
}

fn tell(bytes: &[u8]) -> anyhow::Result<Ending> {
    output::out(bytes).context("cannot write to standard output")?;
    Ok(Ending::Clean)
}

fn statistics(report: &Report, statistics: Statistics) {
    if statistics == Statistics::Printed {
        output::note(&print::statistics::print(report));
    }
}

/// A run that looked at nothing must not look like a clean one.
fn warn_if_empty(report: &Report) {
    if report.statistics.checked == 0 {
        let endings = discover::endings();
        output::note(&format!("warning: there is no file that ends in {endings} in the named paths\n"));
    }
}

fn ending(report: &Report, failing: Failing) -> Ending {
    let failed = match failing {
        Failing::Never => false,
        Failing::OnFindings(least) => report.has_failures(least),
        Failing::OnFindingsAndProblems(least) => report.has_failures(least) || !report.problems.is_empty(),
    };
    if failed { Ending::Failed } else { Ending::Clean }
}
