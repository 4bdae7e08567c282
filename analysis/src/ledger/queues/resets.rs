//! Queues emptied without a method: by giving the place something fresh, by deleting a part, by `+=` the other way round.

use unleak_catalogue::model::{Effect, Kind};
use unleak_catalogue::subject::Subject;

use super::super::builder::Builder;
use super::traffic::{Traffic, Way};
use crate::program::calls::Target;
use crate::program::flow::Flow;
use crate::program::trace::{Spot, Trail};
use crate::program::{BodyRef, Site};
use crate::unit::{Const, Item, Op, Part, Place, Shape, StepKind, ValueId};

/// Notes every place the queue has been in that is given something else or added to.
pub(super) fn note(builder: &Builder<'_, '_>, birth: Site, trail: &Trail<'_>, traffic: &mut Traffic) {
    for spot in trail.spots.iter().filter(|spot| trail.own.contains(spot)) {
        if let Spot::Value(body, value) = spot {
            given_anew(builder, birth, (*body, *value), traffic);
        }
        for site in builder.program.sites_of(spot) {
            match builder.program.flow(site.body).step(site.step).map(|step| &step.kind) {
                Some(StepKind::Update { op: Op::Add, .. }) => traffic.add(site, Way::Called),
                Some(StepKind::Store { value, .. }) => stored(builder, birth, spot, site, *value, traffic),
                _ => {}
            }
        }
    }
}

/// Whether an item of what a value is is put in the place of another by its number: who knows items by their places keeps
/// no queue.
pub(super) fn is_placed(builder: &Builder<'_, '_>, spot: &Spot) -> bool {
    fact!(is_placed);
    let Spot::Value(body, value) = spot else { return false };
    let flow = builder.program.flow(*body);
    let mut uses = flow.uses(*value).iter().filter_map(|id| flow.step(*id));
    uses.any(|step| match &step.kind {
        StepKind::Store { place: Place::Index { base, key: Some(key) }, .. } if base == value => {
            let key = flow.def(*key).map(|step| &step.kind);
            !matches!(key, Some(StepKind::Collect { shape: Shape::Range, .. }))
        }
        _ => false,
    })
}

fn stored(builder: &Builder<'_, '_>, birth: Site, spot: &Spot, site: Site, value: ValueId, traffic: &mut Traffic) {
    let flow = builder.program.flow(site.body);
    let value = unparted(flow, value);
    let fresh = flow.def(value).map(|step| step.id);
    if site.body == birth.body || fresh == Some(birth.step) {
        return;
    }
    match kind_of_reset(builder, site.body, value, spot) {
        Some(Reset::All) if !traffic.takes.contains(&site) && read_out(builder, site.body, spot) => {
            traffic.takes.push(site);
        }
        Some(Reset::Slice) if !traffic.trims.contains(&site) => traffic.trims.push(site),
        _ => {}
    }
}

/// `xs[:] = ys`: all that is in it is given something else.
fn given_anew(builder: &Builder<'_, '_>, birth: Site, (body, list): (BodyRef, ValueId), traffic: &mut Traffic) {
    let flow = builder.program.flow(body);
    for step in flow.uses(list).iter().filter_map(|id| flow.step(*id)) {
        let StepKind::Store { place: Place::Index { base, key: Some(key) }, value, .. } = &step.kind else { continue };
        if *base == list && matches!(ends(builder, body, *key), Some((None, None))) {
            let spot = builder.program.origin(body, list).0;
            stored(builder, birth, &spot, Site { body, step: step.id }, *value, traffic);
        }
    }
}

/// The ends of a range, where it has any.
fn ends(builder: &Builder<'_, '_>, body: BodyRef, range: ValueId) -> Option<(Option<ValueId>, Option<ValueId>)> {
    let Some(StepKind::Collect { shape: Shape::Range, items, .. }) =
        builder.program.flow(body).def(range).map(|step| &step.kind)
    else {
        return None;
    };
    let [Item::One(lower), Item::One(upper), ..] = items[..] else { return None };
    let given = |end: ValueId| !matches!(builder.program.constant_of(body, end), Some(Const::Nothing));
    Some((Some(lower).filter(|it| given(*it)), Some(upper).filter(|it| given(*it))))
}

/// One of several values that are unpacked at once (`a, b = x, y`) is that value.
fn unparted(flow: &Flow<'_>, value: ValueId) -> ValueId {
    let Some(StepKind::Part { of, part: Part::Index(at), .. }) = flow.def(value).map(|step| &step.kind) else {
        return value;
    };
    match flow.def(*of).map(|step| &step.kind) {
        Some(StepKind::Collect { items, .. }) => match items.get(*at as usize) {
            Some(Item::One(item)) => *item,
            _ => value,
        },
        _ => value,
    }
}

enum Reset {
    All,
    Slice,
}

/// What giving a place this value means for the queue that was there.
fn kind_of_reset(builder: &Builder<'_, '_>, body: BodyRef, value: ValueId, spot: &Spot) -> Option<Reset> {
    let flow = builder.program.flow(body);
    match &flow.def(value)?.kind {
        StepKind::Collect { out, items, shape: Shape::List } if items.is_empty() => {
            // What a comprehension keeps of it is not taken out.
            (!is_grown(flow, *out)).then_some(Reset::All)
        }
        StepKind::Collect { items, .. } if items.iter().all(|item| matches!(item, Item::One(_))) => None,
        StepKind::Read { place: Place::Index { base, key: Some(_) }, .. } => {
            let (from, _) = builder.program.origin(body, *base);
            (from == *spot).then_some(Reset::Slice)
        }
        StepKind::Read { place: Place::Local(local), .. } => {
            // What is still pending goes back: the rest was taken out.
            let stores = flow.stores(*local);
            let collected = stores.iter().filter_map(|id| flow.step(*id)).any(|step| {
                matches!(&step.kind, StepKind::Store { value, .. }
                    if matches!(flow.def(*value).map(|def| &def.kind), Some(StepKind::Collect { out, .. }) if !is_grown(flow, *out)))
            });
            collected.then_some(Reset::All)
        }
        StepKind::Call { .. } => {
            let site = Site { body, step: flow.def(value)?.id };
            let call = builder.program.call(site)?;
            let Target::Model(model) = call.target else { return None };
            let collection = model.birth.as_ref().is_some_and(|birth| birth.kind == Kind::Collection);
            (collection && call.args.is_empty()).then_some(Reset::All)
        }
        _ => None,
    }
}

/// Whether a collection is made by a comprehension.
pub(super) fn is_grown(flow: &Flow<'_>, out: ValueId) -> bool {
    flow.uses(out)
        .iter()
        .any(|id| matches!(flow.step(*id).map(|step| &step.kind), Some(StepKind::Grow { into, .. }) if *into == out))
}

/// `del xs[:n]`, `del xs[0]`: a part from the front goes.
pub(super) fn deletes_part(builder: &Builder<'_, '_>, site: Site) -> bool {
    fact!(deletes_part);
    let flow = builder.program.flow(site.body);
    let Some(StepKind::Delete { place: Place::Index { key: Some(key), .. } }) =
        flow.step(site.step).map(|step| &step.kind)
    else {
        return false;
    };
    matches!(
        flow.def(*key).map(|step| &step.kind),
        Some(StepKind::Collect { shape: Shape::Range, .. } | StepKind::Const { value: Const::Int(0), .. })
    )
}

/// `del xs[:-n]`: so many from the back stay, however many there were.
pub(super) fn keeps_a_few(builder: &Builder<'_, '_>, site: Site) -> bool {
    fact!(keeps_a_few);
    let flow = builder.program.flow(site.body);
    let Some(StepKind::Delete { place: Place::Index { key: Some(key), .. } }) =
        flow.step(site.step).map(|step| &step.kind)
    else {
        return false;
    };
    let Some((None, Some(upper))) = ends(builder, site.body, *key) else { return false };
    match flow.def(upper).map(|step| &step.kind) {
        Some(StepKind::Operate { op: Op::Subtract, operands, .. }) => operands.len() == 1,
        Some(StepKind::Const { value: Const::Int(number), .. }) => *number < 0,
        _ => false,
    }
}

/// Whether a call puts something into one of its arguments (`heappush(heap, item)`).
pub(super) fn fills_argument(builder: &Builder<'_, '_>, site: Site) -> bool {
    fact!(fills_argument);
    let Some(call) = builder.program.call(site) else { return false };
    let Target::Model(model) = call.target else { return false };
    model.does.iter().any(|(subject, effect)| *effect == Effect::Put && matches!(subject, Subject::Argument { .. }))
}

/// Whether a function takes what is in a place somewhere else: into a variable, a pair, or a call that is not a look.
pub(super) fn read_out(builder: &Builder<'_, '_>, body: BodyRef, spot: &Spot) -> bool {
    fact!(read_out);
    let program = builder.program;
    let flow = program.flow(body);
    flow.nodes().any(|node| {
        let StepKind::Read { out, .. } = &node.step.kind else { return false };
        if program.origin(body, *out).0 != *spot {
            return false;
        }
        flow.uses(*out).iter().filter_map(|id| flow.step(*id)).any(|step| match &step.kind {
            StepKind::Store { place: Place::Local(_), .. }
            | StepKind::Collect { .. }
            | StepKind::Read { place: Place::Index { .. }, .. } => true,
            StepKind::Call { .. } => match program.call(Site { body, step: step.id }).map(|call| call.target) {
                Some(Target::Model(model)) => !model.does.values().any(|effect| *effect == Effect::Measured),
                _ => true,
            },
            // `xs.copy()`: a method that gives what is in it and changes nothing.
            StepKind::Read { out, place: Place::Field { .. }, .. } => flow.uses(*out).iter().any(|id| {
                let call = program.call(Site { body, step: *id });
                matches!(call.map(|call| call.target), Some(Target::Model(model))
                    if model.does.values().all(|effect| *effect == Effect::PassedThrough) && model.returns.is_some())
            }),
            StepKind::Loop { .. } => true,
            _ => false,
        })
    })
}

/// Whether the field a collection is first stored in was given an earlier one: this one only stands in its place.
pub(super) fn replaces(builder: &Builder<'_, '_>, birth: Site, spot: &Spot) -> bool {
    let order = |site: &Site| (site.body.file, site.body.body.0, site.step.0);
    builder.program.sites_of(spot).iter().filter(|site| order(site) < order(&birth) && site.body != birth.body).any(
        |site| {
            let flow = builder.program.flow(site.body);
            match flow.step(site.step).map(|step| &step.kind) {
                Some(StepKind::Store { value, .. }) => {
                    let value = unparted(flow, *value);
                    matches!(kind_of_reset(builder, site.body, value, spot), Some(Reset::All))
                }
                _ => false,
            }
        },
    )
}
