//! What a lint is: a value, not a trait.

use unleak_analysis::ledger::Ledger;
use unleak_analysis::source::Language;

use crate::finding::{Finding, Level};

/// When a lint is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strictness {
    /// Always.
    Default,
    /// Only with `--strict`.
    Strict,
    /// Only with `--preview`.
    Preview,
}

/// A question put to the ledger.
#[derive(Debug)]
pub struct Lint {
    /// Its final name, that of its file with dashes.
    pub name: &'static str,
    /// How bad its findings are unless settings say otherwise: those with the strongest evidence; others are as many steps
    /// lower as their own levels are below an error.
    pub level: Level,
    /// When it is asked.
    pub strictness: Strictness,
    /// The languages it can arise in.
    pub languages: &'static [Language],
    /// Its source file, whose `//!` text is its page.
    pub source: &'static str,
    /// The question.
    pub check: fn(&Ledger, &mut Findings),
}

impl Lint {
    /// Its page: what it says, what it never says, its known limits, as Markdown.
    pub fn page(&self) -> String {
        let lines = self.source.lines().map_while(|line| line.strip_prefix("//!"));
        lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect::<Vec<_>>().join("\n") + "\n"
    }

    /// The first sentence of its page: what it says, in a line.
    pub fn summary(&self) -> String {
        let page = self.page();
        let first = page.split("\n\n").find(|part| !part.trim().is_empty() && !part.starts_with('#')).unwrap_or("");
        first.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// Collects what the lints find.
#[derive(Debug, Default)]
pub struct Findings {
    found: Vec<Finding>,
}

impl Findings {
    /// Puts one lint's question.
    pub fn ask(&mut self, lint: &Lint, ledger: &Ledger) {
        (lint.check)(ledger, self);
    }

    /// Adds a finding.
    pub fn add(&mut self, finding: Finding) {
        self.found.push(finding);
    }

    /// All findings, in the order of path, place and lint.
    pub fn finish(mut self) -> Vec<Finding> {
        self.found.sort_by(|a, b| (&a.location, a.lint).cmp(&(&b.location, b.lint)));
        self.found
    }
}
