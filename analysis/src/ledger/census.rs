//! The ledger read aloud: a row for each resource, and the counts.

use super::{Answer, Bound, Ending, Entry, Fact, Holder, Holding, Missing, Resource, Statistics, Work};
use crate::program::Program;

/// The row of every resource.
pub(super) fn read(resources: &[Resource]) -> Vec<Entry> {
    resources.iter().map(row).collect()
}

fn row(resource: &Resource) -> Entry {
    let owner = resource.holds.iter().find(|hold| hold.how == Holding::Strong).map(|hold| holder(&hold.by));
    let end = resource.ends.first().map(|end| match end.within == resource.within || end.within.is_empty() {
        true => ending(end.how).to_owned(),
        false => format!("{} in `{}`", ending(end.how), end.within),
    });
    let reason = (resource.leaks == Answer::Open).then(|| resource.open.first().map(|(reason, _)| *reason)).flatten();
    Entry {
        kind: resource.kind,
        maker: resource.maker.clone(),
        name: resource.name.clone(),
        setting: resource.setting,
        birth: resource.birth.clone(),
        many: resource.many,
        owner,
        life: resource.life(),
        bound: bound(&resource.bound),
        end: end.or_else(|| matches!(resource.work, Work::EndsWith(_)).then(|| "ends by itself".to_owned())),
        answer: resource.leaks,
        reason,
        proof: proof(resource),
    }
}

fn proof(resource: &Resource) -> Vec<Fact> {
    let mut facts = vec![Fact { label: format!("{} is born here", resource.maker), location: resource.birth.clone() }];
    for hold in &resource.holds {
        let how = match hold.how {
            Holding::Strong => "held by",
            Holding::Weak => "held weakly by",
            Holding::ObservedOnly => "only looked at by",
        };
        facts.push(Fact { label: format!("{how} {}", holder(&hold.by)), location: hold.from.clone() });
    }
    for end in &resource.ends {
        facts.push(Fact { label: ending(end.how).to_owned(), location: end.at.clone() });
    }
    match &resource.work {
        Work::AtOnce(fact)
        | Work::OnlyWaits(fact)
        | Work::EndsWith(fact)
        | Work::HasExit(fact)
        | Work::ByCondition(fact)
        | Work::Lingers(fact)
        | Work::MayLinger(fact)
        | Work::OwnFailure(fact)
        | Work::Endless(fact) => facts.push(fact.clone()),
        Work::Unknown | Work::Finite => {}
    }
    if let Bound::Gate(fact) | Bound::Finite(fact) = &resource.bound {
        facts.push(fact.clone());
    }
    for out in &resource.outs {
        facts.push(Fact { label: leaving(out.kind).to_owned(), location: out.at.clone() });
    }
    for missing in &resource.missing {
        if let Missing::Capacity(fact) | Missing::Siblings(_, fact) | Missing::Reaping(fact) = missing {
            facts.push(fact.clone());
        }
    }
    facts.extend(resource.open.iter().map(|(_, fact)| fact.clone()));
    facts.extend(resource.notes.iter().cloned());
    facts
}

/// A holder in words.
pub(super) fn holder(by: &Holder) -> String {
    match by {
        Holder::Frame => "the frame it is born in".to_owned(),
        Holder::WeakCollection => "a weak set".to_owned(),
        Holder::LastingFrame => "a frame that never returns".to_owned(),
        Holder::Field(name) => format!("field `{name}`"),
        Holder::FieldByName(name) => format!("a field named `{name}`"),
        Holder::Global(name) => format!("module variable `{name}`"),
        Holder::Supervisor(name) => format!("supervisor `{name}`"),
        Holder::Caller => "the caller".to_owned(),
    }
}

/// An end in words.
pub(super) fn ending(how: Ending) -> &'static str {
    match how {
        Ending::Awaited => "awaited",
        Ending::Joined => "waited for",
        Ending::Cancelled => "cancelled",
        Ending::Closed => "closed",
        Ending::Decremented => "brought down",
        Ending::Removed => "removed",
        Ending::Raced => "raced against others",
        Ending::ScopeExit => "ended when its scope ends",
        Ending::ByItself => "ends by itself",
        Ending::Told => "its end is told to somebody who waits",
    }
}

/// A way out in words.
pub(super) fn leaving(how: super::Leaving) -> &'static str {
    use super::Leaving;
    match how {
        Leaving::Return => "returns here without it",
        Leaving::Raise => "raises here without it",
        Leaving::Propagate => "`?` leaves here without it",
        Leaving::Break => "leaves the loop here without it",
        Leaving::Yield => "may never be resumed from here",
        Leaving::Cancelled => "may be cancelled while it waits here",
        Leaving::Panics => "what it waits for here may panic",
        Leaving::CallRaises => "this call may raise",
    }
}

fn bound(bound: &Bound) -> Option<String> {
    match bound {
        Bound::NotAsked | Bound::None | Bound::Unknown => None,
        Bound::Const(limit) => Some(limit.to_string()),
        Bound::Setting(name) => Some(format!("`{name}`")),
        Bound::Gate(fact) => Some(fact.label.clone()),
        Bound::Finite(fact) => Some(fact.label.clone()),
        Bound::Absurd(name) => Some(format!("`{name}`, which is none")),
    }
}

/// The counts.
pub(super) fn count(program: &Program<'_>, resources: &[Resource]) -> Statistics {
    let mut statistics = Statistics { files: program.files.len(), ..Statistics::default() };
    for file in &program.files {
        statistics.lines += file.lowered.outline.lines as usize;
        statistics.functions += file.flows.len().saturating_sub(1);
    }
    (statistics.calls_resolved, statistics.calls_unresolved) = program.calls().counts();
    for resource in resources {
        *statistics.resources.entry(resource.kind).or_default().entry(resource.leaks).or_default() += 1;
        if let (Answer::Open, Some((reason, _))) = (resource.leaks, resource.open.first()) {
            *statistics.open.entry(reason).or_default() += 1;
        }
    }
    statistics
}
