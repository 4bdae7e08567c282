//! # fire-and-forget
//!
//! A task or thread is started and nobody keeps hold of it: no one can await it, cancel it, or learn that it failed.
//!
//! ## What it says
//! The handle of a task or thread is dropped: the call stands as a statement, the handle is bound to `_` or to a
//! variable that is only looked at, it goes into a weak set, or the starter is handed to somebody who calls it and
//! drops the result. A function that starts a task and returns it makes each caller that drops the result the
//! offender; a function that starts one and returns nothing is the offender itself.
//!
//! The message says which of three is missing: its failure is never seen; shutdown can neither wait for it nor stop
//! it; nothing bounds how many run.
//!
//! ```python
//! asyncio.create_task(self.upload(chunk))          # bad: dropped
//!
//! task = asyncio.create_task(self.upload(chunk))   # good: kept until done, and reachable for shutdown
//! self._tasks.add(task)
//! task.add_done_callback(self._tasks.discard)
//! ```
//! ```rust
//! tokio::spawn(async move { loop { ping(&socket).await; } });   // bad: nothing ends it
//!
//! self.tasks.spawn(ping_until(token.child_token()));            // good: a tracker owns it, a token ends it
//! ```
//!
//! ## What it never says
//! Nothing about task groups, nurseries, join sets and trackers; about handles that are returned, yielded, stored,
//! awaited, raced or passed on; in Rust, about a task whose body ends with something its maker keeps (a channel that
//! closes, a flag or token that is fired, a weak reference, a handle that ends it when it is dropped), or that runs
//! through to an end soon; in Python, about a thread whose loop ends by a flag that somebody sets; in both, about work
//! that tells its end on every way through it: it sets a future or an event, or puts a last mark into a queue, that
//! somebody else waits on, or a callback on it does.
//!
//! ## What is an error, a warning, and a note
//! In Python, a task that nobody keeps is a warning where somebody is there to keep it: a coroutine that could wait for it,
//! or an object that ends, whose end could cancel it. It is an error where it is also seen what is lost: its work raises
//! (more than that its caller has asked for what makes no sense), or runs what others wrote (a callback, a method that is
//! there to be overridden), and no handler stands in between; it is to go on for ever, and nobody learns when it does not; it
//! stands alone in a `try` that was to handle its failures; it fails without a line, beside a handler; each event leaves one
//! that waits for what may never come. In Rust, where it goes on and panics. The evidence says which, and where.
//!
//! All else is a note, and so is, whatever is lost, what is mostly meant so: a thread or process in Python, and what a
//! pool keeps; what is over in a moment, or only waits; the loser of a race that is run once; a process told to go on alone;
//! what a wrapper gives on some ways only; what is started where its owner or the program ends; the closing of what a
//! library made; what a callback is called with, or who tells its end on some ways; any task where the loop hears of
//! failures and a stop waits for all that are left, or where the program's own function makes every task; in Rust, what
//! fails with its result, one for each accepted connection, what asks by the clock whether it is to end. A Python
//! coroutine that is done at once is none, and a task is right whose thread is joined further down. The losers of a race
//! are told of by `raw-gather`, where the race is.
//!
//! ## How sure
//! Certain when the code alone shows it. Likely when the starter is known by its receiver's name only; when a task
//! waits by the clock, for a time that is not written in the code, and keeps its maker meanwhile; when only a failure of
//! its own ends a task's loop, of a call that is given nothing but what others hold as well; and when it asks by the clock.
//! `# unleak: detached(reason)` on the line states intent.
//!
//! ## Known limits
//! In Rust a detached task whose loop has an exit by a condition that is not understood is left open; one that runs through
//! is right, however often (how many run is `unbounded-spawn`). What a function of a crate or package that was not read hands
//! back is not known to be a task. One kept in a field that nothing ever drains is `task-outlives-owner`, not this.

use unleak_analysis::ledger::{Answer, Ending, Fact, Holding, Kind, Known, Ledger, Missing, Resource, Setting, Work};
use unleak_analysis::source::Language;

use crate::finding::{Confidence, Finding, Level};
use crate::lint::{Findings, Lint, Strictness};

/// The lint.
pub static LINT: Lint = Lint {
    name: "fire-and-forget",
    level: Level::Error,
    strictness: Strictness::Default,
    languages: &Language::ALL,
    source: include_str!("fire_and_forget.rs"),
    check,
};

fn check(ledger: &Ledger, findings: &mut Findings) {
    let races: Vec<_> = ledger.resources().iter().filter(|it| decides_losers(it)).map(|it| &it.birth).collect();
    for resource in ledger.told_here() {
        let starts = matches!(resource.kind, Kind::Task | Kind::Thread | Kind::Process);
        let told = resource.notes.iter().any(|note| races.contains(&&note.location));
        if starts && !told && resource.leaks == Answer::Yes && resource.missing.contains(&Missing::Owner) {
            findings.add(finding(ledger, resource));
        }
    }
}

/// Whether it is known what becomes of a race's losers: `raw-gather` tells of them, or their runner cancels them.
fn decides_losers(resource: &Resource) -> bool {
    let told = resource.missing.iter().any(|missing| matches!(missing, Missing::Siblings(..)));
    resource.kind == Kind::Fanout && (told || resource.ends.iter().any(|end| end.how == Ending::Cancelled))
}

fn finding(ledger: &Ledger, resource: &Resource) -> Finding {
    let mut root = resource;
    while let Some(made_by) = root.made_by {
        root = ledger.resource(made_by);
    }
    Finding {
        lint: LINT.name,
        level: level(resource),
        confidence: match resource.assumption {
            Some(_) => Confidence::Likely,
            None => Confidence::Certain,
        },
        assumption: resource.assumption.map(|assumption| assumption.text()),
        subject: resource.subject.clone(),
        root: root.birth.clone(),
        message: message(resource),
        location: resource.birth.clone(),
        evidence: evidence(resource),
        help: help(resource),
    }
}

/// An error where something is seen to be lost, a warning where Python's loop alone holds what waits; nothing may speak for it.
fn level(resource: &Resource) -> Level {
    let brief = matches!(resource.work, Work::Lingers(_) | Work::MayLinger(_) | Work::AtOnce(_) | Work::OnlyWaits(_));
    let handled = resource.failure_seen == Answer::Yes && !matches!(resource.work, Work::Endless(_));
    let python = resource.language == Language::Python;
    // Threads and processes are kept without a handle in Python, and what a thread raises is printed.
    let kept = matches!(resource.kind, Kind::Thread | Kind::Process)
        && (python || !resource.missing.contains(&Missing::Limit));
    let speaks_for_it = kept || brief || !resource.excuses.is_empty();
    // What comes to an end alone in Rust is not lost half-way: only its panic is, which is printed.
    let goes_on = python || resource.missing.contains(&Missing::Stop);
    match resource.setting {
        Setting::Product if speaks_for_it => Level::Note,
        Setting::Product if goes_on && !handled && !resource.losses.is_empty() => Level::Error,
        Setting::Product if python => Level::Warning,
        _ => Level::Note,
    }
}

fn message(resource: &Resource) -> String {
    let lacking = |missing: &Missing| match missing {
        Missing::FailureSeen => Some("its failure is never seen"),
        Missing::Stop => Some("shutdown can neither wait for it nor stop it"),
        Missing::Wait => Some("shutdown cannot wait for it"),
        Missing::Limit => Some("nothing bounds how many run"),
        _ => None,
    };
    let what: Vec<&str> = resource.missing.iter().filter_map(lacking).collect();
    let weakly = resource.holds.iter().any(|hold| hold.how == Holding::Weak);
    let kept = if weakly { "only a weak reference keeps" } else { "nobody keeps" };
    let noun = match resource.kind {
        Kind::Thread => "thread",
        Kind::Process => "process",
        _ => "task",
    };
    let lacks = if what.is_empty() { "it can be gone before it is done".to_owned() } else { list(&what) };
    format!("{kept} the {noun} that `{}` starts: {lacks}", resource.maker)
}

fn list(parts: &[&str]) -> String {
    match parts {
        [first @ .., last] if !first.is_empty() => format!("{}, and {last}", first.join(", ")),
        parts => parts.concat(),
    }
}

fn evidence(resource: &Resource) -> Vec<Fact> {
    let mut all = Vec::new();
    for hold in resource.holds.iter().filter(|hold| hold.how != Holding::Strong) {
        let label = match hold.how {
            Holding::Weak => "held weakly only",
            _ => "its handle is in a local variable that nothing but looks at",
        };
        all.push(Fact { label: label.to_owned(), location: hold.from.clone() });
    }
    all.extend(resource.notes.iter().cloned());
    all.extend(resource.work.weight().cloned());
    all.dedup();
    all.truncate(8);
    all.extend(resource.excuses.iter().cloned());
    all.extend(resource.losses.iter().cloned());
    all
}

fn help(resource: &Resource) -> String {
    let keep = match (resource.language, resource.kind) {
        (_, Kind::Thread | Kind::Process) => {
            "keep it and join it where its owner ends, or hand the work to a bounded pool"
        }
        (Language::Python, _) => {
            "await it, start it in a task group, or keep it in a set that drops it when it is done and that shutdown cancels and awaits"
        }
        (Language::Rust, _) => {
            "keep the handle in a join set or tracker that its owner drains, or give the loop a token to end by"
        }
    };
    match resource.known {
        Known::Shown => keep.to_owned(),
        Known::Hinted => format!("{keep}; annotate the receiver's type to make this certain"),
    }
}
