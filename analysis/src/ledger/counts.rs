//! Counts that go up and must come down: an entry for every step that raises one.
//!
//! A number or metric object is a gauge when something in the program also lowers it. For each step that raises it,
//! every way the code can go from there is walked until the count comes down or the code is left.

mod act;
mod aim;
mod callers;
mod calls;
mod detached;
mod gather;
mod gone;
mod held;
mod known;
mod leave;
mod locks;
mod panics;
mod purpose;
mod risk;
mod route;
mod signed;
mod turns;
mod walk;

use rustc_hash::FxHashSet;
use unleak_catalogue::model::Kind;

use super::builder::Builder;
use super::{Answer, Assumption, Ending, Hold, Holder, Holding, Leaving, Missing, Resource, WayOut};
use crate::program::calls::Known;
use crate::program::{BodyRef, Program, Site};
use crate::unit::{Colour, StepKind};
use act::{Act, Acts, Sort, Way};
use aim::Aim;
use risk::Risk;
use walk::{Found, Walk};

/// The other half stands in a function that is not seen to run after this one.
const ELSEWHERE: &str = "comes down in another function, and none is seen that calls both";
/// A recursive function counts how deep it is.
const NESTING: &str = "counts the depth of a recursion";
/// It is written, and no code of the program looks at it.
const UNREAD: &str = "no code of this program reads it";
/// An object's own number, and nothing but a call that might raise stands in between.
const MIGHT_RAISE: &str = "only a call that might raise stands between, in an object of its own";
/// What is born is handed out, and comes down with it.
const HANDED_OUT: &str = "handed out, and brought down elsewhere";
/// It goes on with what was begun or sent, and comes down here only where that failed.
const HANDED_ON: &str = "goes on with what is begun or sent, and is brought down only where that fails";
/// It says what is still to come, and a loop brings it down until there is none.
const WORKED_OFF: &str = "what is still to come, and a loop works it off";
/// The code is too large to be walked.
const TOO_LONG: &str = "too many ways through the code";

/// A count that went up, and what was found of it.
struct Raised {
    /// Where: the step itself, or the call of the function that does it.
    site: Site,
    act: Act,
    found: Found,
}

/// Enters them.
pub(super) fn enter(builder: &mut Builder<'_, '_>) {
    let program = builder.program;
    let acts = Acts::new(program);
    let all = acts.all();
    let downs: Vec<&Act> = all.iter().copied().filter(|act| act.way == Way::Down).collect();
    for act in all.iter().filter(|act| act.way == Way::Held) {
        enter_held(builder, act);
    }
    let ups = all.iter().copied().filter(|act| act.way == Way::Up && downs.iter().any(|down| down.same_place(act)));
    let mut raised = all_births(builder, &acts, &ups.collect::<Vec<_>>());
    for one in &mut raised {
        gone::take_out(builder, one);
        let mut met = FxHashSet::default();
        one.found.outs.retain(|(_, site)| met.insert(*site));
    }
    raised.sort_by_key(|one| (one.site, one.act.site));
    raised.dedup_by(|later, first| later.site == first.site && later.act.same_place(&first.act));
    let met = Met::of(&raised);
    let others: Vec<&Act> = downs.into_iter().filter(|down| met.runs_for_others(program, down)).collect();
    for one in &raised {
        let lowered_elsewhere = others.iter().any(|down| down.same_place(&one.act) && down.same_amount(&one.act));
        let resource = entry(builder, &acts, one, lowered_elsewhere);
        let id = builder.enter(resource);
        for held in held::by_callers(builder, one, id) {
            builder.enter(held);
        }
    }
}

/// The decrements that the walks met, and the bodies in which they did.
struct Met {
    ends: FxHashSet<Site>,
    own: FxHashSet<BodyRef>,
    lowering: FxHashSet<BodyRef>,
}

impl Met {
    fn of(raised: &[Raised]) -> Met {
        let own = raised
            .iter()
            .flat_map(|one| one.found.ends.iter().map(|end| end.body).filter(|body| *body == one.site.body));
        Met {
            ends: raised.iter().flat_map(|one| one.found.ends.iter().copied()).collect(),
            own: own.collect(),
            lowering: raised.iter().flat_map(|one| one.found.lowering.iter().copied()).collect(),
        }
    }

    /// Whether a decrement also, or only, runs for something else than the increments that were walked from.
    fn runs_for_others(&self, program: &Program<'_>, down: &Act) -> bool {
        fact!(runs_for_others);
        !self.ends.contains(&down.site)
            || (!self.own.contains(&down.site.body) && self.is_called_elsewhere(program, down.site.body))
    }

    /// Whether a function that lowers is called where no increment was walked from, other than by its own helpers.
    fn is_called_elsewhere(&self, program: &Program<'_>, lowering: BodyRef) -> bool {
        fact!(is_called_elsewhere);
        let met = |site: &Site| self.lowering.contains(&site.body);
        program.calls().callers(lowering).iter().any(|site| {
            let further = program.calls().callers(site.body);
            !met(site) && (further.is_empty() || !further.iter().all(met))
        })
    }
}

/// The births that the raising steps stand for, as long as there is time: each part of the program is walked by itself.
fn all_births(builder: &Builder<'_, '_>, acts: &Acts, ups: &[&Act]) -> Vec<Raised> {
    let course = builder.course;
    let of_parts = builder.program.in_parts(|program, part| {
        let risk = Risk::new(program);
        let here = ups.iter().filter(|act| part.holds(act.site.body.file)).take_while(|_| !course.is_over());
        here.flat_map(|act| births(program, acts, &risk, act)).collect::<Vec<_>>()
    });
    of_parts.into_iter().flatten().collect()
}

/// The births that one raising step stands for: itself, or the calls of the function that only raises.
fn births(program: &Program<'_>, acts: &Acts, risk: &Risk<'_, '_>, act: &Act) -> Vec<Raised> {
    let aim = Aim::at(program, acts, act);
    let found = Walk::run(program, acts, risk, act.site, &aim);
    if !found.paired {
        let by_callers = callers::births(program, acts, risk, act, &aim);
        if !by_callers.is_empty() {
            return by_callers;
        }
    }
    vec![Raised { site: act.site, act: act.clone(), found }]
}

/// A guard or context manager does both.
fn enter_held(builder: &mut Builder<'_, '_>, act: &Act) {
    let mut resource = builder.born(Kind::Gauge, act.site, act.known);
    let held = builder.program.call(act.site).and_then(|call| call.receiver);
    resource.name = held.map(|held| builder.written_value(act.site.body, held, 6));
    resource.leaks = Answer::No;
    resource.ends.push(builder.end(Ending::ScopeExit, act.site));
    builder.enter(resource);
}

fn entry(builder: &Builder<'_, '_>, acts: &Acts, raised: &Raised, lowered_elsewhere: bool) -> Resource {
    let mut resource = builder.born(Kind::Gauge, raised.site, raised.act.known);
    resource.subject = subject(builder, raised);
    resource.name = Some(resource.subject.clone());
    resource.holds.extend(
        raised.act.spots.first().map(|spot| builder.holder(spot)).filter(|by| *by != Holder::Frame).map(|by| Hold {
            by,
            how: Holding::Strong,
            from: builder.at(raised.act.site),
        }),
    );
    if raised.site != raised.act.site {
        resource.notes.push(builder.fact("the count goes up here", raised.act.site));
    }
    for end in &raised.found.ends {
        resource.ends.push(builder.end(Ending::Decremented, *end));
    }
    let outs = remaining(&raised.found, lowered_elsewhere);
    for (kind, site) in &outs {
        resource.outs.push(WayOut { kind: *kind, at: builder.at(*site) });
    }
    resource.outs.sort_by(|a, b| a.at.cmp(&b.at));
    decide(builder, acts, raised, &outs, lowered_elsewhere, &mut resource);
    resource
}

/// The ways out that count. When the count is also lowered by code of its own elsewhere, leaving in good order hands it out.
fn remaining(found: &Found, lowered_elsewhere: bool) -> Vec<(Leaving, Site)> {
    fact!(remaining);
    let sure = |kind: Leaving| !matches!(kind, Leaving::CallRaises | Leaving::Panics);
    let handed_out =
        |kind: Leaving| matches!(kind, Leaving::Return | Leaving::Break | Leaving::CallRaises | Leaving::Raise);
    let outs: Vec<(Leaving, Site)> =
        found.outs.iter().copied().filter(|(kind, _)| !(lowered_elsewhere && handed_out(*kind))).collect();
    if outs.iter().any(|(kind, _)| sure(*kind)) {
        return outs.into_iter().filter(|(kind, _)| sure(*kind)).collect();
    }
    outs
}

fn decide(
    builder: &Builder<'_, '_>,
    acts: &Acts,
    raised: &Raised,
    outs: &[(Leaving, Site)],
    lowered_elsewhere: bool,
    resource: &mut Resource,
) {
    let reason = if raised.found.too_far {
        TOO_LONG
    } else if !raised.found.paired {
        ELSEWHERE
    } else if outs.is_empty() && raised.found.outs.is_empty() {
        resource.leaks = Answer::No;
        return;
    } else if outs.is_empty() {
        HANDED_OUT
    } else if leave::is_handed_on(builder.program, raised.site, &raised.found.ends, outs) {
        HANDED_ON
    } else if raised.act.sort == Sort::Plain && is_nesting(builder.program, raised.site.body) {
        NESTING
    } else if purpose::is_unread(builder.program, &raised.act) {
        UNREAD
    } else if purpose::is_worked_off(builder.program, acts, &raised.act) {
        WORKED_OFF
    } else if outs.iter().all(|(kind, _)| *kind == Leaving::CallRaises) && !is_watched(builder.program, raised) {
        MIGHT_RAISE
    } else {
        resource.leaks = Answer::Yes;
        resource.missing.push(Missing::Decrement);
        resource.assumption = assumption(builder.program, raised, outs, lowered_elsewhere);
        return;
    };
    resource.leaks = Answer::Open;
    resource.open.push((reason, builder.fact("the count goes up here", raised.act.site)));
}

fn assumption(
    program: &Program<'_>,
    raised: &Raised,
    outs: &[(Leaving, Site)],
    lowered_elsewhere: bool,
) -> Option<Assumption> {
    fact!(assumption);
    if purpose::fails_to_enter(program, raised, outs) {
        return Some(Assumption::EnteredAgain);
    }
    if outs.iter().all(|(kind, site)| *kind == Leaving::Cancelled && purpose::is_at_its_end(program, *site)) {
        return Some(Assumption::CancelledAtEnd);
    }
    if outs.iter().all(|(kind, site)| *kind == Leaving::Cancelled && locks::waits_its_turn(program, *site)) {
        return Some(Assumption::CancelledAtLock);
    }
    if raised.act.known == Known::Hinted {
        return Some(Assumption::ReceiverByName);
    }
    if outs.iter().all(|(kind, _)| *kind == Leaving::Panics) {
        return Some(Assumption::Panics);
    }
    if gone::is_lent(program, raised) {
        return Some(Assumption::UsedAgain);
    }
    if outs.iter().all(|(kind, _)| *kind == Leaving::CallRaises) {
        return Some(Assumption::CallRaises);
    }
    (lowered_elsewhere && outs.iter().all(|(kind, _)| *kind == Leaving::Cancelled)).then_some(Assumption::Cancelled)
}

/// Whether a body can come to run within itself: by calls that are seen, or by one that chooses among functions and gives
/// them the object in whose method it stands.
fn is_nesting(program: &Program<'_>, body: BodyRef) -> bool {
    fact!(is_nesting);
    is_recursive(program, body) || purpose::passes_itself_on(program, body)
}

/// Whether a body can come to run within itself.
fn is_recursive(program: &Program<'_>, body: BodyRef) -> bool {
    fact!(is_recursive);
    let mut met = FxHashSet::from_iter([body]);
    let mut seen = vec![body];
    let mut at = 0;
    while at < seen.len() && seen.len() < 2000 {
        for site in program.calls().callers(seen[at]) {
            if site.body == body {
                return true;
            }
            if met.insert(site.body) {
                seen.push(site.body);
            }
        }
        at += 1;
    }
    false
}

/// Whether more than one piece of work can see the count: a metric, a module's or class's variable, a field of an
/// object that several tasks work on.
fn is_watched(program: &Program<'_>, raised: &Raised) -> bool {
    fact!(is_watched);
    raised.act.sort == Sort::Object
        || matches!(raised.act.route.root, route::Root::Global(..) | route::Root::Named(_))
        || program.body(raised.site.body).colour == Colour::Async
}

fn subject(builder: &Builder<'_, '_>, raised: &Raised) -> String {
    let program = builder.program;
    let body = raised.act.site.body;
    // A gauge of the program's own is named as its user names it.
    let own = || {
        raised.act.sort == Sort::Object
            && aim::receiver_param(program, body).is_some_and(|own| {
                raised.act.route.steps.is_empty() && raised.act.route.root == route::Root::Local(body, own)
            })
    };
    if raised.site != raised.act.site
        && own()
        && let Some(receiver) = program.call(raised.site).and_then(|call| call.receiver)
    {
        return builder.written_value(raised.site.body, receiver, 6);
    }
    match program.flow(body).step(raised.act.site.step).map(|step| &step.kind) {
        Some(StepKind::Update { place, .. } | StepKind::Store { place, .. }) => builder.written_place(body, place, 6),
        Some(StepKind::Call { callee, .. }) => match program.receiver_of(body, *callee) {
            Some(receiver) => builder.written_value(body, receiver, 6),
            None => builder.written(raised.act.site),
        },
        _ => builder.written(raised.act.site),
    }
}
