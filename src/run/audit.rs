//! `unleak audit`: look, ask, weigh against verdicts and an audit before, write one page.

use std::path::Path;

use anyhow::{Context, bail};
use unleak_analysis::{Counting, Course};

use super::{Ending, tell, warn_if_empty};
use crate::assemble::{self, Question};
use crate::audit::verdicts::Verdicts;
use crate::audit::{self, Before};
use crate::options::{Audit, AuditFormat};
use crate::output;
use crate::print;
use crate::project::{self, Working};
use crate::write;

/// Writes the whole ledger as one page. An audit states and does not judge: it never fails because of what it found.
pub(super) fn audit(asked: Audit) -> anyhow::Result<Ending> {
    let working = Working::now()?;
    let verdicts = match &asked.verdicts {
        Some(file) => Verdicts::read(&working.folder().join(file), file)?,
        None => Verdicts::default(),
    };
    let before = asked.compare.as_deref().map(|file| read(&working.folder().join(file), file)).transpose()?;
    let tree = project::look(&asked.paths, &asked.overrides, &working)?;
    let report = assemble::report(
        project::load(tree, &working, &Course::to_the_end(Counting::Resources))?,
        Question::Configured,
    );
    warn_if_empty(&report);
    let audit = audit::Audit::of(&report, &verdicts, before.as_ref());
    let page = match asked.format {
        AuditFormat::Html => print::audit::html::print(&audit),
        AuditFormat::Markdown => print::audit::markdown::print(&audit),
        AuditFormat::Json => print::as_json(&audit),
    };
    let Some(file) = &asked.output else { return tell(page.as_bytes()) };
    write::file(&working.folder().join(file), page.as_bytes())?;
    output::note(&format!("wrote `{}`: {}\n", file.display(), print::audit::summary(&audit)));
    Ok(Ending::Clean)
}

fn read(path: &Path, shown: &Path) -> anyhow::Result<Before> {
    let shown = shown.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read `{shown}`"))?;
    let before: Before = serde_json::from_str(&text)
        .with_context(|| format!("`{shown}` is no audit; write one with `unleak audit -o before.json`"))?;
    if before.version != audit::VERSION {
        bail!("`{shown}` is an audit of version {}, and this understands version {}", before.version, audit::VERSION);
    }
    Ok(before)
}
