//! How an analysis goes: what is counted, until when it may take, and who is told how far it is.

use std::time::Instant;

use crate::source::Source;
use crate::unit::Lowered;

/// What is counted besides what the verdicts need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counting {
    /// Nothing.
    Resources,
    /// The libraries whose entries the code calls.
    LibrariesToo,
}

/// How an analysis goes.
#[derive(Clone, Copy)]
pub struct Course<'a> {
    /// What is counted.
    pub counting: Counting,
    /// When it has to be over: what has not been looked at by then is left out, and said to be.
    pub until: Option<Instant>,
    /// Lowers a file, as [`crate::lower`] does or did.
    pub lower: &'a (dyn Fn(&Source) -> Lowered + Sync),
    /// Is told of every step, by any thread.
    pub told: &'a (dyn Fn(Step) + Sync),
}

/// A step of an analysis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A file has been lowered.
    Lowered,
    /// All have been; they are being linked.
    Linking,
    /// They are linked; what is born is being looked for.
    Deciding,
    /// What is born in some files has been looked at.
    Decided {
        /// How many.
        files: usize,
    },
}

impl Course<'static> {
    /// To the end, and nobody is told.
    pub fn to_the_end(counting: Counting) -> Course<'static> {
        Course { counting, until: None, lower: &crate::lower, told: &|_| {} }
    }
}

impl Course<'_> {
    /// Whether the time is over.
    pub fn is_over(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() >= until)
    }
}

impl std::fmt::Debug for Course<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Course").field("counting", &self.counting).field("until", &self.until).finish_non_exhaustive()
    }
}
