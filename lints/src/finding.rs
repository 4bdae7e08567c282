//! What a lint says: plain data, the same for every printer.

use serde::{Deserialize, Serialize};
use unleak_analysis::ledger::{Fact, Location};

/// How bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Worth knowing; does not make the run fail.
    Note,
    /// Should be mended; makes the run fail.
    Warning,
    /// Must be mended; makes the run fail.
    Error,
}

/// How sure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// It rests on one named assumption.
    Likely,
    /// It rests on the code alone.
    Certain,
}

/// One thing a lint found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The lint's name.
    pub lint: &'static str,
    /// How bad.
    pub level: Level,
    /// How sure.
    pub confidence: Confidence,
    /// The one assumption a likely finding rests on.
    pub assumption: Option<&'static str>,
    /// The field, variable or callee it is about.
    pub subject: String,
    /// The place whose mending ends this finding; findings with one root are one defect.
    pub root: Location,
    /// The sentence.
    pub message: String,
    /// The primary place.
    pub location: Location,
    /// The ownership story.
    pub evidence: Vec<Fact>,
    /// What to do.
    pub help: String,
}
