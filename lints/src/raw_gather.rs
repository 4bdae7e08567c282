//! # raw-gather
//!
//! A fan-out with no limit on how many run at once, or whose failures nobody sees, or whose siblings outlive the first
//! failure.
//!
//! ## Why it matters
//! What is run at once is as much as there is: the sockets, the memory and the other side's patience are not. With ten
//! users it works, with ten thousand the first burst takes the service down. And where several run together, one that
//! fails says nothing of the others: with its failures collected and unread, work is lost in silence; with the failure
//! raised, the siblings go on alone, on connections that are already closed.
//!
//! ## What it says
//! - (a) **nothing limits how many run at once**: the items are as many as a query, a request or a stream gives, as a
//!   caller gives, or as a field has gathered while it lives, and no gate stands in their work, before their start, or in
//!   the call. `certain` where the number is shown to come from outside, `likely` where callers or events say it.
//! - (b) **the results are not read**, though the failures are among them; or the fan-out is never awaited.
//! - (c) **on some way out the siblings go on alone**: a race whose losers are left pending, a loop over the completed
//!   ones that is left early or not made at all, as only the first is taken, tasks whose first failure is raised past the
//!   others.
//!
//! ## Python
//! ```python
//! async def notify(users):
//!     await asyncio.gather(*(send(user) for user in users))  # bad: as many at once as there are users
//! ```
//! ```python
//! async def notify(users):
//!     gate = asyncio.Semaphore(20)
//!
//!     async def one(user):
//!         async with gate:
//!             await send(user)
//!
//!     await asyncio.gather(*(one(user) for user in users))  # good: twenty at once
//! ```
//!
//! ## Rust
//! ```rust,ignore
//! join_all(users.iter().map(send)).await; // bad: as many at once as there are users
//! stream::iter(users).map(send).buffer_unordered(20).collect::<Vec<_>>().await; // good: twenty at once
//! ```
//!
//! ## Never
//! A few awaitables that are written out and whose results are used; a collection with a constant bound, or one that
//! is filled while its owner is set up and never added to; what runs once when its owner is made ready or ends; slices
//! and chunks; a semaphore, lock or limiter in the mapped function, in all that it awaits or in its decorator, or before
//! each start; a length check before it; a pool with a limited number of workers, or work that waits for one; waits
//! for signals that use nothing; a wait for tasks that were made elsewhere or have just been told to stop.
//!
//! ## How sure
//! An error where failures are lost for good (nobody but the fan-out has what it runs, and that runs what others wrote),
//! where it never runs, and where each time an early way out leaves those alone that were slower than the first. A note
//! where all that is missing is a limit: what registers, connects, is configured, written out or belongs to one message is
//! mostly small by nature. A note, too, where what is unread is only what the program itself raises, which it mostly tells of
//! on the way; where a wait gives back those that are not done, and no code is seen to end them; where tasks tell
//! of their failures otherwise (they are somebody's, were told to stop, or the event loop tells of a failure that nobody
//! asked for); where one fails and the others may well go on; and where only a cancellation from outside would leave them
//! alone: mostly nothing but the end of the program cancels, and that cancels them as well.
//!
//! ## Known limits
//! A limit on the other side (a connection pool, a rate limit of the client) is not seen. A number that a caller of a
//! public function keeps small is not known: the finding is `likely` then. Whether the permit covers all of the work
//! inside the mapped function is not asked.
//!
//! Silent, and counted as open: where a place that lasts says nothing of how many it holds (a registry, a map of settings);
//! where a type of the program that holds no collection is gone through, and counts for itself; where each item is asked
//! for one thing of its own (`link.flush()` for each link that is there already); where the work is a callable that was
//! handed in and kept, and may wait by itself.
//!
//! The losers of a race are reported, though the program may end soon after and take them with it: that is seen only where
//! the race stands in what `asyncio.run` or its like is given, and no loop follows.

use unleak_analysis::ledger::{
    Answer, Assumption, Bound, Kind, Known, Ledger, Left, Many, Missing, Resource, Setting, Unread,
};
use unleak_analysis::source::Language;

use crate::finding::{Confidence, Finding, Level};
use crate::lint::{Findings, Lint, Strictness};

/// The lint.
pub static LINT: Lint = Lint {
    name: "raw-gather",
    level: Level::Error,
    strictness: Strictness::Default,
    languages: &Language::ALL,
    source: include_str!("raw_gather.rs"),
    check,
};

fn check(ledger: &Ledger, findings: &mut Findings) {
    let fanouts = ledger.resources().iter().filter(|resource| resource.kind == Kind::Fanout);
    for resource in fanouts.filter(|resource| resource.leaks == Answer::Yes) {
        findings.add(finding(resource));
    }
}

fn finding(resource: &Resource) -> Finding {
    let likely = resource.assumption.is_some() || resource.known == Known::Hinted;
    Finding {
        lint: LINT.name,
        level: level(resource),
        confidence: if likely { Confidence::Likely } else { Confidence::Certain },
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
    let grave = |missing: &Missing| match missing {
        Missing::Results(Unread::Lost) => !resource.losses.is_empty(),
        Missing::Results(unread) => *unread == Unread::NeverRun,
        // Mostly only the end of the program cancels it, which cancels the others too; and few are left by what does not
        // run for each event.
        Missing::Siblings(Left::Slower, _) => {
            resource.many == Many::PerEvent && resource.assumption != Some(Assumption::Cancelled)
        }
        _ => false,
    };
    match resource.setting {
        Setting::Product if resource.missing.iter().any(grave) => LINT.level,
        Setting::Product | Setting::Test => Level::Note,
    }
}

/// What is missing, in the order of the list above.
fn message(resource: &Resource) -> String {
    let parts: Vec<String> = resource.missing.iter().filter_map(|missing| part(resource, missing)).collect();
    format!("`{}`: {}", resource.maker, parts.join("; "))
}

fn part(resource: &Resource, missing: &Missing) -> Option<String> {
    match missing {
        Missing::Limit => Some(match &resource.bound {
            Bound::Absurd(limit) => format!("its limit of {limit} limits nothing"),
            _ => "nothing limits how many run at once".to_owned(),
        }),
        Missing::Results(_) if resource.ends.is_empty() && resource.bound != Bound::NotAsked => {
            Some("nobody takes its results, so nobody sees what failed".to_owned())
        }
        Missing::Results(_) => Some("the failures are among its results, which nobody reads".to_owned()),
        Missing::Siblings(..) => Some("on a way out the others are neither awaited nor cancelled".to_owned()),
        _ => None,
    }
}

fn evidence(resource: &Resource) -> Vec<unleak_analysis::ledger::Fact> {
    let siblings = resource.missing.iter().filter_map(|missing| match missing {
        Missing::Siblings(_, fact) => Some(fact.clone()),
        _ => None,
    });
    let losses = resource.losses.iter().cloned();
    resource.notes.iter().cloned().chain(siblings).chain(losses).collect()
}

fn help(resource: &Resource) -> &'static str {
    match (resource.missing.first(), resource.language) {
        (Some(Missing::Limit), Language::Python) => {
            "take a semaphore inside each of them, or work through slices of a fixed size"
        }
        (Some(Missing::Limit), Language::Rust) => "run them as a stream with a limit, or take a permit in each of them",
        (Some(Missing::Results(_)), _) => "look at each result, and log or raise what failed",
        _ => "run them in a task group, or cancel and await the others before leaving",
    }
}
