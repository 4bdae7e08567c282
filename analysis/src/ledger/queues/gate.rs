//! Checks and permits that stand before every addition.

use unleak_catalogue::model::{Effect, Takes};

use super::super::Fact;
use super::super::builder::Builder;
use super::answered;
use super::latch;
use super::measure::{self, Limit, limit_of};
use super::traffic::Traffic;
use crate::program::calls::Target;
use crate::program::flow::Slot;
use crate::program::trace::{Returns, SENT, Spot, What};
use crate::program::types::{Head, Type};
use crate::program::{BodyRef, Site, TypeKey};
use crate::unit::{Block, Colour, Compare, Cond, Driver, StepId, StepKind};

/// How many calls up a gate is looked for.
const CALLERS: u32 = 3;

/// What stands before an addition and lets only so many through, if anything does.
pub(super) fn before(builder: &Builder<'_, '_>, put: Site, traffic: &Traffic) -> Option<Fact> {
    here(builder, put, traffic)
        .or_else(|| trim(builder, put, traffic))
        .or_else(|| lockstep(builder, put, traffic))
        .or_else(|| answered::by_item(builder, put))
        .or_else(|| closing(builder, put, traffic))
        .or_else(|| latch::once_each(builder, put))
        .or_else(|| by_callers(builder, put.body, traffic, CALLERS))
}

/// What stands before a step in its own body and lets only so many through.
fn here(builder: &Builder<'_, '_>, put: Site, traffic: &Traffic) -> Option<Fact> {
    check(builder, put, traffic)
        .or_else(|| only_when_empty(builder, put, traffic))
        .or_else(|| helper(builder, put, traffic))
        .or_else(|| permit(builder, put))
}

/// Every caller of a function that adds lets only so many through.
fn by_callers(builder: &Builder<'_, '_>, function: BodyRef, traffic: &Traffic, depth: u32) -> Option<Fact> {
    fact!(by_callers);
    let depth = depth.checked_sub(1)?;
    let callers = builder.program.calls().callers(function);
    let reached_otherwise =
        builder.rhythm.escapes(function) || !builder.rhythm.registrations(function).is_empty() || callers.len() > 12;
    if reached_otherwise || callers.iter().any(|caller| caller.body == function) {
        return None;
    }
    let mut gates = callers
        .iter()
        .map(|caller| here(builder, *caller, traffic).or_else(|| by_callers(builder, caller.body, traffic, depth)));
    let first = gates.next()??;
    gates.all(|gate| gate.is_some()).then_some(first)
}

/// It is added to only while nothing is in it.
fn only_when_empty(builder: &Builder<'_, '_>, put: Site, traffic: &Traffic) -> Option<Fact> {
    fact!(only_when_empty);
    let flow = builder.program.flow(put.body);
    let node = flow.nodes().filter(|node| node.step.id < put.step).find(|node| {
        let StepKind::If { cond, then, .. } = &node.step.kind else { return false };
        let slot = flow.around(put.step).find(|(outer, _)| outer.id == node.step.id).map(|(_, slot)| slot);
        match (measure::says_empty(builder, put.body, cond, traffic), slot) {
            (Some(true), Some(Slot::Then)) | (Some(false), Some(Slot::Otherwise)) => true,
            (Some(false), None) => dominates(builder, node.step.id, put) && always_leaves(then),
            _ => false,
        }
    })?;
    Some(builder.fact("it is added to only while it is empty", Site { body: put.body, step: node.step.id }))
}

/// The producer closes it after the addition.
fn closing(builder: &Builder<'_, '_>, put: Site, traffic: &Traffic) -> Option<Fact> {
    fact!(closing);
    let closed = traffic
        .closes
        .iter()
        .find(|close| close.body == put.body && close.step > put.step && beside(builder, put, close.step))?;
    Some(builder.fact("its producer closes it after this one addition", *closed))
}

/// A condition on the queue's own size that the addition stands under, or that leaves before it.
fn check(builder: &Builder<'_, '_>, put: Site, traffic: &Traffic) -> Option<Fact> {
    fact!(check);
    let flow = builder.program.flow(put.body);
    for node in flow.nodes().filter(|node| node.step.id < put.step) {
        let site = Site { body: put.body, step: node.step.id };
        match &node.step.kind {
            StepKind::If { cond, then, .. } => {
                let under = flow.within(put.step, node.step.id);
                let limit = limit_of(builder, put.body, cond, traffic);
                let leaves =
                    !under && limit == Some(Limit::Always) && dominates(builder, site.step, put) && always_leaves(then);
                if (under && limit.is_some()) || leaves {
                    return Some(builder.fact("its size is checked before every addition", site));
                }
            }
            StepKind::Loop { driver: Driver::While(head), .. }
                if !flow.within(put.step, node.step.id)
                    && limit_of(builder, put.body, &head.cond, traffic).is_some() =>
            {
                return Some(builder.fact("waits here while it is too long", site));
            }
            _ => {}
        }
    }
    None
}

/// A function called before every addition that leaves by an exception when the queue is too long.
fn helper(builder: &Builder<'_, '_>, put: Site, traffic: &Traffic) -> Option<Fact> {
    fact!(helper);
    let flow = builder.program.flow(put.body);
    let before = flow.nodes().filter(|node| node.step.id < put.step && dominates(builder, node.step.id, put));
    let site = before.map(|node| Site { body: put.body, step: node.step.id }).find(|site| {
        let Some(Target::Functions(functions)) = builder.program.call(*site).map(|call| call.target) else {
            return false;
        };
        !functions.is_empty() && functions.iter().all(|function| refuses(builder, *function, traffic))
    })?;
    Some(builder.fact("this refuses when it is too long, before every addition", site))
}

fn refuses(builder: &Builder<'_, '_>, function: BodyRef, traffic: &Traffic) -> bool {
    builder.program.flow(function).nodes().any(|node| match &node.step.kind {
        StepKind::If { cond, then, .. } => {
            limit_of(builder, function, cond, traffic) == Some(Limit::Always)
                && then.steps.iter().any(|step| matches!(step.kind, StepKind::Raise { .. }))
        }
        _ => false,
    })
}

/// Whether a step runs before another on every way to it: it stands in one of the blocks around it.
pub(super) fn dominates(builder: &Builder<'_, '_>, first: StepId, put: Site) -> bool {
    let flow = builder.program.flow(put.body);
    let Some(home) = flow.node(first).map(|node| node.parent) else { return false };
    match home {
        None => true,
        Some((outer, slot)) => flow.around(put.step).any(|(step, at)| step.id == outer && at == slot),
    }
}

/// Whether a block never runs on past its end.
pub(in crate::ledger) fn always_leaves(block: &Block) -> bool {
    block.steps.iter().any(|step| match &step.kind {
        StepKind::Return { .. } | StepKind::Raise { .. } | StepKind::Break { .. } | StepKind::Continue { .. } => true,
        StepKind::Nested { block, .. } | StepKind::Scope { body: block, .. } => always_leaves(block),
        StepKind::Try { body, handlers, otherwise, finally } => {
            let through = always_leaves(body) || always_leaves(otherwise);
            always_leaves(finally) || (through && handlers.iter().all(|handler| always_leaves(&handler.body)))
        }
        StepKind::If { then, otherwise, .. } => always_leaves(then) && always_leaves(otherwise),
        _ => false,
    })
}

/// A permit that is taken before the addition and given back elsewhere, by whoever empties the queue.
fn permit(builder: &Builder<'_, '_>, put: Site) -> Option<Fact> {
    fact!(permit);
    let flow = builder.program.flow(put.body);
    let mut taken = None;
    for node in flow.nodes().filter(|node| node.step.id < put.step) {
        let site = Site { body: put.body, step: node.step.id };
        let Some(Target::Model(model)) = builder.program.call(site).map(|call| call.target) else { continue };
        let given = model.does.values().any(|effect| *effect == Effect::Acquire);
        let carried =
            model.does.values().any(|effect| *effect == Effect::AcquireWhileHeld) && goes_along(builder, site, put);
        if (given || carried) && dominates(builder, node.step.id, put) {
            taken = Some(site);
        }
    }
    let taken = taken?;
    let released_here = flow.nodes().any(|node| {
        let call = builder.program.call(Site { body: put.body, step: node.step.id });
        matches!(call.map(|call| call.target), Some(Target::Model(model)) if model.does.values().any(|effect| *effect == Effect::Release))
    });
    (!released_here).then(|| builder.fact("a permit is taken before every addition", taken))
}

/// Whether the permit a call gives is put into the queue with the item, or forgotten there.
fn goes_along(builder: &Builder<'_, '_>, permit: Site, put: Site) -> bool {
    fact!(goes_along);
    let Some(call) = builder.program.call(permit) else { return false };
    let spot = Spot::Value(permit.body, call.out);
    let trail = match call.target {
        Target::Model(model) if model.takes_effect == Takes::WhenAwaited => {
            builder.program.follow_awaited(spot, Returns::Stop)
        }
        _ => builder.program.follow(spot, 0, Returns::Stop),
    };
    let item = item_type(builder, put);
    // A lock through which is added goes along with nothing.
    let added = builder.program.call(put).map(|call| call.args.iter().map(|arg| arg.value).collect::<Vec<_>>());
    let is_added = || added.iter().flatten().any(|value| trail.spots.contains(&Spot::Value(put.body, *value)));
    trail.uses.iter().any(|used| match &used.what {
        What::Field(ty, _) => Some(*ty) == item,
        What::Effect(Effect::Forgotten, _) | What::Unknown(SENT) => true,
        _ => used.site == put && is_added(),
    })
}

/// The type of what an addition adds, when it is one of the program.
fn item_type(builder: &Builder<'_, '_>, put: Site) -> Option<TypeKey> {
    let call = builder.program.call(put)?;
    match builder.program.type_of(put.body, call.args.first()?.value) {
        Type::Named(Head::Project(ty), _) => Some(ty),
        _ => None,
    }
}

/// Items beyond a number are thrown away or taken out where items are added, or by what is called there.
fn trim(builder: &Builder<'_, '_>, put: Site, traffic: &Traffic) -> Option<Fact> {
    fact!(trim);
    let flow = builder.program.flow(put.body);
    let budgeted = |take: &Site| {
        flow.around(take.step).any(|(outer, _)| match &outer.kind {
            StepKind::Loop { driver: Driver::While(head), .. } => {
                beside(builder, put, outer.id) && is_budget(&head.cond)
            }
            _ => false,
        })
    };
    let takes = || traffic.takes.iter().chain(&traffic.trims).chain(&traffic.backs).filter(|it| it.body == put.body);
    let taken = takes().find(|take| is_over_limit(builder, **take, traffic) || budgeted(take));
    let always = traffic.trims.iter().find(|trim| trim.body == put.body && beside(builder, put, trim.step));
    let site = taken.or(always).copied().or_else(|| {
        let mut sites = flow.nodes().map(|node| Site { body: put.body, step: node.step.id });
        sites.find(|site| {
            let over = || is_over_limit(builder, *site, traffic) && empties(builder, *site, traffic, CALLERS);
            over() || beside(builder, put, site.step) && keeps_so_many(builder, *site, traffic)
        })
    })?;
    Some(builder.fact("what is over a limit is taken out here", site))
}

/// Whether a step runs where the queue is too long.
fn is_over_limit(builder: &Builder<'_, '_>, site: Site, traffic: &Traffic) -> bool {
    fact!(is_over_limit);
    let limited = |cond: &Cond| limit_of(builder, site.body, cond, traffic) == Some(Limit::Always);
    builder.program.flow(site.body).around(site.step).any(|(outer, slot)| match &outer.kind {
        StepKind::If { cond, .. } => slot == Slot::Then && limited(cond),
        StepKind::Loop { driver: Driver::While(head), .. } => limited(&head.cond),
        _ => false,
    })
}

/// The functions of the program that a step calls and that have run when it is over.
fn run_by(builder: &Builder<'_, '_>, site: Site) -> Vec<BodyRef> {
    let flow = builder.program.flow(site.body);
    let Some(call) = builder.program.call(site) else { return Vec::new() };
    let Target::Functions(functions) = call.target else { return Vec::new() };
    let mut uses = flow.uses(call.out).iter().filter_map(|used| flow.step(*used));
    let awaited = uses.any(|step| matches!(step.kind, StepKind::Await { .. }));
    functions.into_iter().filter(|it| awaited || builder.program.body(*it).colour == Colour::Sync).collect()
}

/// Whether a step calls a function that empties the queue, and waits for it.
fn empties(builder: &Builder<'_, '_>, site: Site, traffic: &Traffic, depth: u32) -> bool {
    fact!(empties);
    let Some(depth) = depth.checked_sub(1) else { return false };
    run_by(builder, site).into_iter().any(|function| {
        let mut inner = builder.program.flow(function).nodes().map(|node| Site { body: function, step: node.step.id });
        traffic.takes.iter().any(|take| take.body == function)
            || inner.any(|site| empties(builder, site, traffic, depth))
    })
}

/// Whether a step calls only functions after which no more than so many are left.
fn keeps_so_many(builder: &Builder<'_, '_>, site: Site, traffic: &Traffic) -> bool {
    fact!(keeps_so_many);
    let trims = |function: &BodyRef| {
        let own = |it: &&Site| it.body == *function;
        let surely =
            |trim: &Site| builder.program.flow(*function).node(trim.step).is_some_and(|it| it.parent.is_none());
        let mut takes = traffic.takes.iter().chain(&traffic.trims).filter(own);
        traffic.trims.iter().filter(own).any(surely) || takes.any(|take| is_over_limit(builder, *take, traffic))
    };
    let functions = run_by(builder, site);
    !functions.is_empty() && functions.iter().all(trims)
}

/// Whether a condition compares amounts: a budget of bytes or of time is kept as well as one of items.
fn is_budget(cond: &Cond) -> bool {
    fact!(is_budget);
    match cond {
        Cond::Compare { op, .. } => {
            matches!(op, Compare::Less | Compare::LessEqual | Compare::Greater | Compare::GreaterEqual)
        }
        Cond::All(parts) => parts.iter().any(is_budget),
        _ => false,
    }
}

/// Whether a step stands in the block of an addition, or in one around it.
fn beside(builder: &Builder<'_, '_>, put: Site, step: StepId) -> bool {
    dominates(builder, step, put)
}

/// The producer waits after each addition until all of it is worked off.
fn lockstep(builder: &Builder<'_, '_>, put: Site, traffic: &Traffic) -> Option<Fact> {
    fact!(lockstep);
    let flow = builder.program.flow(put.body);
    let home = flow.node(put.step)?.parent;
    let waits = traffic.joins.iter().find(|join| {
        let in_block = flow.node(join.step).and_then(|node| node.parent) == home
            || flow.around(join.step).any(|(outer, slot)| {
                slot == Slot::ScopeBody && flow.node(outer.id).and_then(|node| node.parent) == home
            });
        join.body == put.body && join.step > put.step && in_block
    })?;
    Some(builder.fact("waits here after each addition until it is empty", *waits))
}
