//! What a reader of the ledger sees: plain rows with their proofs.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
pub use unleak_catalogue::model::Kind;

use super::{Life, Setting};
use crate::unit::Span;

/// A place in the analysed code.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    /// The path as the source has it: relative to the context's root, `/` on every system.
    pub path: Arc<str>,
    /// Where in it.
    pub span: Span,
}

/// A labelled place: one line of a proof or of a finding's ownership story.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fact {
    /// What the place shows, in a few words ("kept in `self._tasks`", "awaited here").
    pub label: String,
    /// Where.
    pub location: Location,
}

/// How often something happens in the life of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Many {
    /// Once in a given life.
    Once,
    /// Once per item of something finite.
    PerItem,
    /// Once per event: a turn of a receive loop, a handler entry, a callback, a request.
    PerEvent,
    /// Not known.
    Unknown,
}

/// The ledger's verdict on a resource: does it leak?
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// Nothing ends it (or bounds it): shown by evidence.
    Yes,
    /// It is ended (or bounded): shown by proof.
    No,
    /// It escapes into what cannot be seen.
    Open,
}

/// One row of the census: a resource, read aloud.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// What makes it, as people write it (`asyncio.create_task`, `spawn`).
    pub maker: String,
    /// What the code calls it: a name it is given, what it runs, the field that holds it, what it counts.
    pub name: Option<String>,
    /// Whether its birth stands in test code.
    pub setting: Setting,
    /// Where it is born.
    pub birth: Location,
    /// How often.
    pub many: Many,
    /// Who owns it ("field `Server._tasks`", "the caller", "task group `tg`"); `None` when nobody does.
    pub owner: Option<String>,
    /// How long the owner lives; `None` when nobody owns it, or that is for others to say.
    pub life: Option<Life>,
    /// What bounds it ("maxsize=100", "semaphore `self._limit`"); `None` when nothing does or it needs none.
    pub bound: Option<String>,
    /// What ends it ("awaited", "cancelled in `close`"); `None` when nothing does.
    pub end: Option<String>,
    /// Does it leak?
    pub answer: Answer,
    /// For open ones: why it could not be decided, from a short closed list.
    pub reason: Option<&'static str>,
    /// The proof, step by step, beginning with the birth.
    pub proof: Vec<Fact>,
}

/// What was looked at and how much of it was decided.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Statistics {
    /// Files lowered.
    pub files: usize,
    /// Their lines.
    pub lines: usize,
    /// Functions, methods, closures and async blocks.
    pub functions: usize,
    /// Calls whose callee is known (to the code or to the catalogue).
    pub calls_resolved: usize,
    /// Calls whose callee is not.
    pub calls_unresolved: usize,
    /// Resources by kind and answer (`task: {yes: 3, no: 10, open: 1}`).
    pub resources: BTreeMap<Kind, BTreeMap<Answer, usize>>,
    /// Open ones by reason.
    pub open: BTreeMap<&'static str, usize>,
    /// The libraries whose entries are called, where they were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub libraries: Vec<super::Met>,
}
