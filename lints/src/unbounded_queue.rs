//! # unbounded-queue
//!
//! A queue that producers can fill faster than consumers empty it, with no bound and no back-pressure.
//!
//! ## What it says
//!
//! A queue or channel is made without a bound (or with one that is none: zero in Python, `usize::MAX`), and something
//! puts items into it once per event, with no check, permit or limit before it. A list or deque counts as a queue when
//! one piece of code appends to it and another, running beside it, empties it from the front or all at once.
//!
//! ```python
//! frames = asyncio.Queue()              # bad: a slow consumer lets it grow until memory ends
//! frames = asyncio.Queue(maxsize=100)   # good: `put` waits, and the producer slows down
//! ```
//!
//! ```rust
//! let (frames, inbox) = tokio::sync::mpsc::unbounded_channel();   // bad
//! let (frames, inbox) = tokio::sync::mpsc::channel(100);          // good: `send` waits
//! ```
//!
//! Irreplaceable data needs a bound **and** a way to spill or to push back; it is never right to drop it silently.
//!
//! ## What it never says
//!
//! Nothing about a bound from a constant, a setting or a parameter; a length check or a permit that stands before every
//! addition, also in every caller of the function that adds; what is trimmed or worked off where items are added; a channel
//! whose other end is thrown away where it is made; a list that is gone round like a ring, or whose words become one text;
//! a queue filled and emptied within one function, or by one frame and what it waits for; a queue that carries a few items in its
//! whole life (replies, a shutdown signal behind a flag, a sender that is used up); a queue whose producers each wait for
//! what becomes of their own item, or hold its handle.
//!
//! ## How sure
//!
//! **All of it is a note unless settings raise it**: `levels.unbounded-queue = "error"`. Whether a queue without a bound floods
//! is decided by what code seldom says: how much others send, and how much of it one turn takes up. Of what was
//! said as an error or a warning, strict judges took three in ten for something a maintainer would mend (`docs/precision.md`).
//!
//! Raised so, it is certain, and an error, when what goes in is received once per event (read from a socket, taken from a
//! stream, given to a handler) and waits in something that outlives one call, or in the frame of a handler. A list or deque
//! used so is a warning, when what it takes up is received beside it.
//!
//! A note in any case: what nothing is seen to come in to (ticks, commands, results of a program's own work come as fast as
//! the program is); what code that was not read hands in, nobody knows how often (a callback, a method of a library's base
//! class), or fills itself, having been given the sending end; what is received far from where it is added, and has mostly
//! become something else on the way (in Rust: a command of the program's own); what was asked for (an answer a request); a queue that lives and is worked off within one call; a
//! field's second birth; and a bound that is written as an infinity. In test code only what is filled once per event is
//! named.
//!
//! ## Known limits
//!
//! A bound that callers keep by their own protocol (one request in flight each) is seen where the producer waits for the
//! answer, and nowhere else. Where a length is compared beside an addition and what follows is not understood (a transport
//! is told to pause), the queue is left open. A pool of things that are taken out and put back is known as one only where
//! the same function does both.

use std::collections::BTreeSet;

use unleak_analysis::ledger::{Answer, Assumption, Bound, Fact, Kind, Ledger, Life, Missing, Resource, Setting};
use unleak_analysis::source::Language;

use crate::finding::{Confidence, Finding, Level};
use crate::lint::{Findings, Lint, Strictness};

/// The lint.
pub static LINT: Lint = Lint {
    name: "unbounded-queue",
    level: Level::Note,
    strictness: Strictness::Default,
    languages: &Language::ALL,
    source: include_str!("unbounded_queue.rs"),
    check,
};

fn check(ledger: &Ledger, findings: &mut Findings) {
    let queues = ledger.resources().iter().filter(|resource| resource.kind == Kind::Queue);
    let mut fields = BTreeSet::new();
    for resource in queues.filter(|resource| resource.leaks == Answer::Yes) {
        let kept = resource.life() == Some(Life::Object);
        let again = kept && !fields.insert((&resource.birth.path, &resource.subject));
        findings.add(finding(resource, if again { Level::Note } else { level(resource) }));
    }
}

/// How strong the evidence is: an error when what comes in from outside is shown to wait in something that outlives one call.
fn level(resource: &Resource) -> Level {
    let session = resource.life() != Some(Life::Frame);
    match (resource.setting, resource.assumption) {
        // Who writes an infinity means it.
        _ if matches!(resource.bound, Bound::Absurd(_)) => Level::Note,
        (Setting::Product, None) if session => Level::Error,
        (Setting::Product, Some(Assumption::ReceiverByName | Assumption::UsedAsQueue)) if session => Level::Warning,
        _ => Level::Note,
    }
}

fn finding(resource: &Resource, level: Level) -> Finding {
    Finding {
        lint: LINT.name,
        level,
        confidence: match resource.assumption {
            Some(_) => Confidence::Likely,
            None => Confidence::Certain,
        },
        assumption: resource.assumption.map(|assumption| assumption.text()),
        subject: resource.subject.clone(),
        root: resource.birth.clone(),
        message: message(resource),
        location: resource.birth.clone(),
        evidence: evidence(resource),
        help: "give it a bound and let producers wait; if its items have no second copy, spill what is over the bound \
               rather than drop it"
            .to_owned(),
    }
}

fn message(resource: &Resource) -> String {
    match &resource.bound {
        Bound::Absurd(bound) => {
            format!(
                "the queue `{}` has the bound `{bound}`, which is none: it grows as fast as it is filled",
                resource.subject
            )
        }
        _ => format!(
            "nothing bounds the queue `{}`: it grows whenever it is filled faster than emptied",
            resource.subject
        ),
    }
}

fn evidence(resource: &Resource) -> Vec<Fact> {
    let mut all: Vec<Fact> = resource
        .missing
        .iter()
        .filter_map(|missing| match missing {
            Missing::Capacity(fact) => Some(fact.clone()),
            _ => None,
        })
        .collect();
    let filled: Vec<_> = all.iter().map(|fact| fact.location.clone()).collect();
    all.extend(resource.notes.iter().filter(|fact| !filled.contains(&fact.location)).cloned());
    all.truncate(6);
    all
}
