//! Functions that only raise a count: their callers owe the decrement.

use super::Raised;
use super::act::{Act, Acts};
use super::aim::{self, Aim};
use super::risk::Risk;
use super::walk::Walk;
use crate::program::flow::Slot;
use crate::program::{Program, Site};
use crate::unit::{Colour, StepKind, ValueId};

/// How many callers up a function that only raises is followed.
const CALLERS: u32 = 3;

/// Whether a function that came to its end has raised the count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Raises {
    /// Always.
    Always,
    /// Unless it gives back a failure.
    OrFails,
    /// Not on every way.
    Perhaps,
}

/// The calls that stand for a raising step, in functions that lower the count too.
pub(super) fn births(program: &Program<'_>, acts: &Acts, risk: &Risk<'_, '_>, act: &Act, aim: &Aim) -> Vec<Raised> {
    let mut all = Vec::new();
    climb(program, acts, risk, (act, aim), act.site, CALLERS, &mut all);
    all
}

fn climb(
    program: &Program<'_>,
    acts: &Acts,
    risk: &Risk<'_, '_>,
    (act, aim): (&Act, &Aim),
    raising: Site,
    depth: u32,
    all: &mut Vec<Raised>,
) {
    let raises = raises(program, raising);
    let Some(depth) = depth.checked_sub(1).filter(|_| raises != Raises::Perhaps) else { return };
    let function = raising.body;
    for &site in program.calls().callers(function) {
        // Which of several functions is called cannot be told.
        if site.body == function || aim::functions(program, site).len() > 1 {
            continue;
        }
        let Some(start) = runs_from(program, site, raises) else { continue };
        let outer = aim.outside(program, site, function);
        let found = Walk::run(program, acts, risk, start, &outer);
        if found.paired {
            all.push(Raised { site, act: act.clone(), found });
        } else {
            climb(program, acts, risk, (act, &outer), site, depth, all);
        }
    }
}

/// Whether every way through a body comes past a step.
fn raises(program: &Program<'_>, raising: Site) -> Raises {
    let flow = program.flow(raising.body);
    let on_some_ways = flow.around(raising.step).any(|(outer, slot)| {
        matches!(
            outer.kind,
            StepKind::If { .. } | StepKind::Match { .. } | StepKind::Loop { .. } | StepKind::Select { .. }
        ) && slot != Slot::LoopHead
            || matches!(slot, Slot::Handler(_) | Slot::TryElse)
    });
    let before =
        |wanted: fn(&StepKind) -> bool| flow.nodes().any(|node| node.step.id < raising.step && wanted(&node.step.kind));
    if on_some_ways || before(|kind| matches!(kind, StepKind::Return { .. })) {
        return Raises::Perhaps;
    }
    match before(|kind| matches!(kind, StepKind::Propagate { .. })) {
        true => Raises::OrFails,
        false => Raises::Always,
    }
}

/// The step after which a called function has run and raised: the call, the `await` of what it gives, the `?` on that.
fn runs_from(program: &Program<'_>, site: Site, raises: Raises) -> Option<Site> {
    let flow = program.flow(site.body);
    let StepKind::Call { out, .. } = &flow.step(site.step)?.kind else { return None };
    let mut at = (site.step, *out);
    let function = aim::functions(program, site).into_iter().next()?;
    if program.body(function).colour == Colour::Async {
        at = taken_by(program, site, at.1, |kind| match kind {
            StepKind::Await { out, .. } => Some(*out),
            _ => None,
        })?;
    }
    let propagated = taken_by(program, site, at.1, |kind| match kind {
        StepKind::Propagate { out, .. } => Some(*out),
        _ => None,
    });
    match (propagated, raises) {
        (Some((step, _)), _) => Some(Site { body: site.body, step }),
        (None, Raises::Always) => Some(Site { body: site.body, step: at.0 }),
        (None, _) => None,
    }
}

fn taken_by(
    program: &Program<'_>,
    site: Site,
    value: ValueId,
    wanted: impl Fn(&StepKind) -> Option<ValueId>,
) -> Option<(crate::unit::StepId, ValueId)> {
    let flow = program.flow(site.body);
    flow.uses(value).iter().find_map(|id| wanted(&flow.step(*id)?.kind).map(|out| (*id, out)))
}
