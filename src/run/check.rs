//! `unleak check`: look, ask, compare with before, change what is to be changed, print.

use std::path::Path;
use std::time::Instant;

use unleak_analysis::source::Source;
use unleak_analysis::{Course, lower};

use super::{Ending, ending, statistics, tell, warn_if_empty};
use crate::annotate;
use crate::args::CheckFormat;
use crate::assemble::{self, Question};
use crate::baseline::{Baseline, Compared};
use crate::cache::Cache;
use crate::options::{Asked, Change, Check, Extent, Output, Statistics};
use crate::output;
use crate::print::{self, Colours, plural};
use crate::progress::Progress;
use crate::project::{self, Project, Tree, Working};
use crate::report::{Finding, Report};
use crate::shown::Shown;
use crate::since::Before;
use crate::write;

/// Reports what leaks.
pub(super) fn check(asked: Check, colours: Colours) -> anyhow::Result<Ending> {
    let progress = Progress::begin();
    let until = asked.time_limit.and_then(|limit| Instant::now().checked_add(limit));
    let working = Working::now()?;
    let tree = project::look(&asked.paths, &asked.overrides, &working)?;
    match asked.asked {
        Asked::Files => return tell(print::files::print(&tree.named(), &working).as_bytes()),
        Asked::Settings => return tell(print::settings::print(&tree.named(), &working).as_bytes()),
        Asked::Findings => {}
    }
    progress.lap("looked for files");
    let ask = |project| assemble::report(project, Question::Configured);
    let before = asked.since.as_deref().map(|revision| Before::of(&tree, revision, &working, ask)).transpose()?;
    if before.is_some() {
        progress.lap("looked at what was before");
    }
    let mut report = ask(analysed(tree, &asked, until, &working, &progress)?);
    progress.lap("asked the lints");
    warn_if_empty(&report);
    // What was there before is looked for at every level, so that a note which has become worse is not taken for new.
    let left = before.map_or_else(Vec::new, |before| before.keep_new(&mut report));
    let compared = asked.baseline.as_deref().map(|file| compare(&mut report, file, &asked, &working)).transpose()?;
    report.show(asked.output.shown);
    match &asked.change {
        Change::AddIgnore(reason) => return add_ignore(&report, reason, &working),
        Change::UpdateBaseline => return update(asked.baseline.as_deref(), compared, &working),
        Change::Fix => fix(&mut report, &working)?,
        Change::Nothing => {}
    }
    for output in std::iter::once(&asked.output).chain(&asked.also) {
        report.show(output.shown);
        write_out(&printed(&report, output, colours), output, &working)?;
    }
    report.show(asked.output.shown);
    progress.lap("printed");
    tell_beside(&report, &asked, &left, compared.as_ref());
    if asked.timing == Statistics::Printed {
        output::note(&progress.told());
    }
    Ok(ending(&report, asked.failing))
}

/// What is said of the report on standard error.
fn tell_beside(report: &Report, asked: &Check, left: &[Finding], compared: Option<&Compared>) {
    if let Some(revision) = &asked.since {
        output::note(&were_there(report, left, revision, asked.output.shown));
    }
    if let (Some(file), Some(compared)) = (&asked.baseline, compared) {
        output::note(&gone(file, compared));
    }
    statistics(report, asked.statistics);
}

fn write_out(printed: &[u8], output: &Output, working: &Working) -> anyhow::Result<()> {
    match &output.file {
        Some(file) => write::file(&working.folder().join(file), printed),
        None => tell(printed).map(drop),
    }
}

/// What is said of findings that a change has not brought about: of those that would be shown.
fn were_there(report: &Report, left: &[Finding], revision: &str, shown: Shown) -> String {
    let would_be_shown = |it: &&Finding| report.shows(shown, Some(it.place.file), it.level);
    match left.iter().filter(would_be_shown).count() {
        0 => String::new(),
        1 => format!("1 finding was there before `{revision}` already, and not touched since\n"),
        left => format!("{left} findings were there before `{revision}` already, and not touched since\n"),
    }
}

fn printed(report: &Report, output: &Output, colours: Colours) -> Vec<u8> {
    let colours = if output.file.is_some() { Colours::Off } else { colours };
    let text = match (output.extent, output.format) {
        (Extent::Tally, CheckFormat::Json | CheckFormat::JsonLines) => print::tally::json(report),
        (Extent::Tally, CheckFormat::Full | CheckFormat::Concise) => print::tally::text(report),
        (_, CheckFormat::Full) => return print::full::print(report, colours),
        (_, CheckFormat::Concise) => print::concise::print(report, colours),
        (_, CheckFormat::Json) => print::json::check(report),
        (_, CheckFormat::JsonLines) => print::json::lines(report),
        (_, CheckFormat::Sarif) => print::sarif::print(report),
        (_, CheckFormat::Github) => print::github::print(report),
        (_, CheckFormat::Gitlab) => print::gitlab::print(report),
        (_, CheckFormat::Junit) => print::junit::print(report),
        (_, CheckFormat::Rdjson) => print::rdjson::print(report),
        (_, CheckFormat::Markdown) => print::markdown::print(report),
        (_, CheckFormat::Agent) => print::agent::print(report),
    };
    text.into_bytes()
}

/// Reads and analyses, and keeps for the next run what it has learnt of each file.
fn analysed(
    tree: Tree,
    asked: &Check,
    until: Option<Instant>,
    working: &Working,
    progress: &Progress,
) -> anyhow::Result<Project> {
    let cache = asked.cache.as_deref().map(|folder| Cache::open(&working.folder().join(folder), tree.folders()));
    let lower = |source: &Source| cache.as_ref().map_or_else(|| lower(source), |cache| cache.lower(source));
    let told = |step| progress.step(step);
    let course = Course { counting: asked.statistics.counting(), until, lower: &lower, told: &told };
    progress.expect(tree.files());
    let project = project::load(tree, working, &course)?;
    progress.lap("decided");
    progress.clear();
    let in_time = !course.is_over();
    if let Some(cache) = cache.filter(|_| in_time) {
        keep(cache, progress);
    }
    Ok(project)
}

/// A run does not fail because what it has learnt cannot be kept.
fn keep(cache: Cache, progress: &Progress) {
    let reused = plural(cache.reused(), "file");
    if let Err(error) = cache.keep() {
        output::note(&format!("warning: nothing is kept for the next run: {error:#}\n"));
    }
    progress.lap(&format!("kept ({reused} were not read anew)"));
}

/// A baseline that is to be written need not be there yet.
fn compare(report: &mut Report, file: &Path, asked: &Check, working: &Working) -> anyhow::Result<Compared> {
    let path = working.folder().join(file);
    let before = match asked.change == Change::UpdateBaseline && !path.exists() {
        true => Baseline::default(),
        false => Baseline::read(&path, file)?,
    };
    Ok(before.apply(report, file, working, asked.output.shown))
}

fn update(file: Option<&Path>, compared: Option<Compared>, working: &Working) -> anyhow::Result<Ending> {
    let (Some(file), Some(Compared { gone, now, unshown, .. })) = (file, compared) else { return Ok(Ending::Clean) };
    write::file(&working.folder().join(file), now.text().as_bytes())?;
    let (kept, gone, shown) = (plural(now.len(), "finding"), plural(gone, "entry"), file.display());
    let unshown =
        if unshown == 0 { String::new() } else { format!(", {unshown} of them not shown (--min-level note)") };
    let gone = gone.replace("entrys", "entries");
    output::note(&format!("`{shown}` holds {kept} now{unshown}; {gone} no longer occurred\n"));
    Ok(Ending::Clean)
}

/// What is said of entries that no longer occur.
fn gone(file: &Path, compared: &Compared) -> String {
    if compared.told.is_empty() {
        return String::new();
    }
    let lines = compared.told.iter().map(|entry| format!("  {}: {} {}\n", entry.path, entry.lint, entry.subject));
    let (file, lines) = (file.display(), lines.collect::<String>());
    format!("no longer found, though `{file}` has it (`--update-baseline` removes it):\n{lines}")
}

fn add_ignore(report: &Report, reason: &str, working: &Working) -> anyhow::Result<Ending> {
    let added = annotate::comments(report, reason);
    write::edits(&added.edits, &report.files, working)?;
    let unshown = print::summary::unshown(report);
    output::note(&format!("added {}{unshown}\n", plural(added.edits.len(), "comment")));
    if added.without > 0 {
        let lines = plural(added.without, "line");
        output::note(&format!("warning: a comment would not be read as one on {lines}; write it there yourself\n"));
    }
    Ok(Ending::Clean)
}

/// What is shown and mends itself is mended, and not shown.
fn fix(report: &mut Report, working: &Working) -> anyhow::Result<()> {
    let edits: Vec<_> = report.findings.iter().filter_map(|finding| finding.fix.clone()).collect();
    write::edits(&edits, &report.files, working)?;
    report.findings.retain(|finding| finding.fix.is_none());
    report.count_findings();
    if !edits.is_empty() {
        output::note(&format!("fixed {}\n", plural(edits.len(), "finding")));
    }
    Ok(())
}
