//! # ungated-gauge
//!
//! A count goes up when something starts, and on some way out of the code it never comes down.
//!
//! ## Why it matters
//! A gauge that is not brought down on every way out drifts: it says 216 connections while the kernel knows 22. Whoever
//! scales, drains or admits by it decides on ghosts, and a limit that is checked against it ends up shut for good. Nothing
//! fails at the place of the mistake; the number is just wrong, a little more each day.
//!
//! ## What it says
//! After the increment there is a decrement that belongs to it, and there is a way out in between that passes it by: an early
//! `return`, an exception, `?`, `break` or `continue`, a generator that is not resumed, or a cancellation at an `await`.
//! An `except Exception` does not see a cancellation, and a Rust future can be dropped at every `.await`.
//!
//! ```python
//! async def endpoint(socket):
//!     CONNECTIONS.inc()            # found
//!     if not socket.user:
//!         return                   # leaves it up
//!     try:
//!         await talk(socket)
//!     finally:
//!         CONNECTIONS.dec()
//! ```
//!
//! ```python
//! async def endpoint(socket):
//!     if not socket.user:
//!         return
//!     CONNECTIONS.inc()            # right: nothing can leave before the `try`
//!     try:
//!         await talk(socket)
//!     finally:
//!         CONNECTIONS.dec()
//! ```
//!
//! ```rust,ignore
//! async fn call(&self) {
//!     self.calls.fetch_add(1, Ordering::Relaxed);   // found
//!     talk().await;                                 // the future can be dropped here
//!     self.calls.fetch_sub(1, Ordering::Relaxed);
//! }
//! ```
//!
//! ```rust,ignore
//! async fn call(&self) {
//!     let _guard = CallGuard::new(&self.calls);     // right: its `Drop` lowers the count
//!     talk().await;
//! }
//! ```
//!
//! Counts are what the code makes them of: metric objects, atomics, `self.active += 1`, an entry of a dictionary, a variable
//! shared by closures, a class of the program's own that adds what its methods are given. What is added may have a sign.
//! Functions that only raise or only lower a count are followed, to any depth; the finding then stands at
//! the call of the one that raises.
//!
//! ## What it never says
//! - A count that nothing lowers: it is a total.
//! - A gauge that is set, and not counted up and down.
//! - A number that dies with its frame, and the depth that a recursive function keeps.
//! - Two acts in different functions that no function calls together: votes, cursors, a framework's pairs of callbacks.
//! - An increment that is handed over at once to what will lower it: a guard with a `Drop`, a registered callback.
//! - An increment that goes on with what is sent, and comes down here only where the sending failed.
//! - A private number that nothing reads.
//! - A cancellation of Rust work that is left to run as a task: nobody has the means.
//!
//! A note where an ordinary end of the code leaves it up, which may be meant so (an answer or an item carries it on), and
//! where only an exception or `?` does, which mostly takes with it what was counted. A note, too, what rests on an
//! assumption, as that the entry of a scope fails, that an object in Rust is used again which is lent to the function
//! alone, or that a cancellation comes while the code already ends or another holds a lock; and where only a cancellation
//! leaves it up of code that the program itself runs again and again: who calls a function of a library may give up on
//! one call, and is not seen; here all callers are, and of those that were judged, one in seven was a leak.
//!
//! ## Known limits
//! Whether a call that is not modelled raises is not known. Where nothing but such calls stands between the two, the finding is
//! `likely`, and only for counts that others can see. Panics are counted as ways out only of Rust tasks that nobody cancels, where
//! they wait for work of the program: a note.

use unleak_analysis::ledger::{Answer, Fact, Kind, Known, Leaving, Ledger, Many, Resource, Setting};
use unleak_analysis::source::Language;

use crate::finding::{Confidence, Finding, Level};
use crate::lint::{Findings, Lint, Strictness};

/// The lint.
pub static LINT: Lint = Lint {
    name: "ungated-gauge",
    level: Level::Error,
    strictness: Strictness::Default,
    languages: &Language::ALL,
    source: include_str!("ungated_gauge.rs"),
    check,
};

fn check(ledger: &Ledger, findings: &mut Findings) {
    for resource in ledger.told_here() {
        if resource.kind == Kind::Gauge && resource.leaks == Answer::Yes {
            findings.add(finding(resource));
        }
    }
}

fn finding(resource: &Resource) -> Finding {
    let sure = resource.assumption.is_none() && resource.known == Known::Shown;
    Finding {
        lint: LINT.name,
        level: level(resource),
        confidence: if sure { Confidence::Certain } else { Confidence::Likely },
        assumption: resource.assumption.map(|assumption| assumption.text()),
        subject: resource.subject.clone(),
        root: resource.birth.clone(),
        message: message(resource),
        location: resource.birth.clone(),
        evidence: evidence(resource),
        help: help(resource).to_owned(),
    }
}

fn level(resource: &Resource) -> Level {
    // Who leaves it up on an ordinary way out may mean that something else brings it down.
    let handed_on = resource.outs.iter().any(|out| out.kind == Leaving::Return);
    // What an exception or `?` leaves up mostly goes with the object it was raised for, or with the program.
    let stopped = resource.outs.iter().any(|out| matches!(out.kind, Leaving::Cancelled | Leaving::Yield));
    match (resource.setting, resource.assumption) {
        _ if handed_on || !stopped || ends_with_all(resource) => Level::Note,
        (Setting::Product, None) => LINT.level,
        _ => Level::Note,
    }
}

/// Whether only a cancellation leaves it up, of code that the program itself is seen to run again and again: nobody is seen
/// to cancel one turn, and what ends them all mostly ends the count with them.
fn ends_with_all(resource: &Resource) -> bool {
    matches!(resource.many, Many::PerItem | Many::PerEvent)
        && resource.assumption.is_none()
        && resource.outs.iter().all(|out| out.kind == Leaving::Cancelled)
}

fn message(resource: &Resource) -> String {
    let ways = match resource.outs.first().map(|out| out.kind) {
        Some(Leaving::Return) => "an early end of the code",
        Some(Leaving::Raise) => "an exception",
        Some(Leaving::Propagate) => "`?`",
        Some(Leaving::Break) => "a way round the loop",
        Some(Leaving::Yield) => "a caller that fails or stops at the `yield`",
        Some(Leaving::Cancelled) => "a cancellation",
        Some(Leaving::Panics) => "a panic",
        Some(Leaving::CallRaises) | None => "a call that raises",
    };
    let others = match resource.outs.len() {
        0 | 1 => String::new(),
        2 => " and one other way out".to_owned(),
        more => format!(" and {} other ways out", more - 1),
    };
    let verb = if resource.outs.len() > 1 { "skip" } else { "skips" };
    format!("`{}` goes up here, and {ways}{others} {verb} the decrement", resource.subject)
}

fn evidence(resource: &Resource) -> Vec<Fact> {
    let mut facts = resource.notes.clone();
    for out in resource.outs.iter().take(6) {
        facts.push(Fact { label: leaving(out.kind).to_owned(), location: out.at.clone() });
    }
    for end in &resource.ends {
        facts.push(Fact { label: "the decrement that exists".to_owned(), location: end.at.clone() });
    }
    facts
}

fn leaving(kind: Leaving) -> &'static str {
    match kind {
        Leaving::Return => "the code ends here with the count up",
        Leaving::Raise => "an exception leaves here with the count up",
        Leaving::Propagate => "`?` leaves here with the count up",
        Leaving::Break => "the loop goes on from here with the count up",
        Leaving::Yield => "a caller that fails or stops here leaves the count up",
        Leaving::Cancelled => "a cancellation here leaves the count up",
        Leaving::Panics => "a panic here leaves the count up",
        Leaving::CallRaises => "if this call raises, the count stays up",
    }
}

fn help(resource: &Resource) -> &'static str {
    match resource.language {
        Language::Python => {
            "raise the count as the last step before a `try` whose `finally` lowers it first, or use a context manager that does both"
        }
        Language::Rust => {
            "let a guard lower the count in its `Drop`, made right after the increment, so that every way out runs it"
        }
    }
}
