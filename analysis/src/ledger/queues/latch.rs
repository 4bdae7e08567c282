//! Steps that run once in the life of their owner, because of a flag that they set.

use unleak_catalogue::model::Effect;

use super::super::Fact;
use super::super::builder::Builder;
use super::gate::{always_leaves, dominates};
use super::traffic::is_of_self;
use crate::program::calls::Target;
use crate::program::flow::Slot;
use crate::program::trace::Spot;
use crate::program::{BodyRef, Site};
use crate::unit::{Compare, Cond, Const, Place, StepId, StepKind, ValueId};

/// Whether a flag is set.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Set,
    Unset,
}

impl State {
    fn other(self) -> State {
        match self {
            State::Set => State::Unset,
            State::Unset => State::Set,
        }
    }
}

/// Whose flag it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ledger) enum Of {
    /// The object's in whose method the step stands.
    Itself,
    /// The item's that is added, or something else's.
    Another,
}

/// A flag that is asked and set.
#[derive(Clone, Copy, Debug)]
pub(in crate::ledger) struct Latch {
    /// Where it is asked.
    pub(in crate::ledger) asked: Site,
    /// Whose it is.
    pub(in crate::ledger) of: Of,
}

/// What makes a step run once for each owner of a flag: it is passed only while the flag is not set, and the same body
/// sets it.
pub(in crate::ledger) fn latched(builder: &Builder<'_, '_>, site: Site) -> Option<Latch> {
    fact!(latched);
    if let Some(known) = builder.latches.borrow().get(&site) {
        return *known;
    }
    let found = find(builder, site);
    builder.latches.borrow_mut().insert(site, found);
    found
}

fn find(builder: &Builder<'_, '_>, site: Site) -> Option<Latch> {
    let flow = builder.program.flow(site.body);
    flow.nodes().filter(|node| node.step.id < site.step).find_map(|node| {
        let StepKind::If { cond, then, .. } = &node.step.kind else { return None };
        let asked = node.step.id;
        let passed_when = match flow.around(site.step).find(|(outer, _)| outer.id == asked).map(|(_, slot)| slot) {
            Some(Slot::Then) => State::Set,
            Some(Slot::Otherwise) => State::Unset,
            None if dominates(builder, asked, site) && always_leaves(then) => State::Unset,
            _ => return None,
        };
        flags_in(builder, site.body, cond).into_iter().find_map(|flag| {
            let while_unset = if passed_when == State::Set { flag.state } else { flag.state.other() };
            let latch = while_unset == State::Unset && is_set_in(builder, site.body, &flag.spot, asked);
            latch.then_some(Latch { asked: Site { body: site.body, step: asked }, of: flag.of })
        })
    })
}

/// Each item is added once, as a flag of its own says.
pub(super) fn once_each(builder: &Builder<'_, '_>, put: Site) -> Option<Fact> {
    fact!(once_each);
    let latch = latched(builder, put).filter(|latch| latch.of == Of::Another)?;
    Some(builder.fact("each is added once, as the flag says that is asked here and then set", latch.asked))
}

/// A flag in a condition.
struct Flag {
    spot: Spot,
    state: State,
    of: Of,
}

/// The flags a condition asks, and how each stands when the condition holds.
fn flags_in(builder: &Builder<'_, '_>, body: BodyRef, cond: &Cond) -> Vec<Flag> {
    let program = builder.program;
    let lasting = |value: ValueId, state: State| {
        let (spot, depth) = program.origin(body, value);
        let of = match &spot {
            Spot::Global(..) => Of::Itself,
            Spot::Field(..) | Spot::LooseField(_) if is_of_self(builder, body, value) => Of::Itself,
            Spot::Field(..) | Spot::LooseField(_) => Of::Another,
            _ => return None,
        };
        (depth == 0).then_some(Flag { spot, state, of })
    };
    match cond {
        Cond::Not(inner) => {
            let inner = flags_in(builder, body, inner).into_iter();
            inner.map(|flag| Flag { state: flag.state.other(), ..flag }).collect()
        }
        Cond::All(parts) | Cond::Any(parts) => parts.iter().flat_map(|part| flags_in(builder, body, part)).collect(),
        Cond::Truthy(value) => {
            let asked = program.flow(body).def(*value).and_then(|step| program.call(Site { body, step: step.id }));
            let flag = match asked {
                Some(call) => match call.target {
                    Target::Model(model)
                        if model.does.values().any(|it| matches!(it, Effect::Heeded | Effect::Fired)) =>
                    {
                        call.receiver.and_then(|receiver| lasting(receiver, State::Set))
                    }
                    _ => None,
                },
                None => lasting(*value, State::Set),
            };
            flag.into_iter().collect()
        }
        Cond::Compare { op: op @ (Compare::Is | Compare::IsNot), left, right }
            if program.constant_of(body, *right) == Some(&Const::Nothing) =>
        {
            let state = if *op == Compare::Is { State::Unset } else { State::Set };
            lasting(*left, state).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// Whether a body sets a flag where or after it asks it, and does not unset it again.
fn is_set_in(builder: &Builder<'_, '_>, body: BodyRef, flag: &Spot, asked: StepId) -> bool {
    let program = builder.program;
    let mut set = false;
    for node in program.flow(body).nodes() {
        match &node.step.kind {
            StepKind::Store { place: Place::Field { base, name }, value, .. }
                if node.step.id > asked
                    && flag.field_name() == Some(name)
                    && program.field_spot(body, *base, name) == *flag =>
            {
                let unset = matches!(
                    program.constant_of(body, *value),
                    Some(Const::Bool(false) | Const::Nothing | Const::Int(0))
                );
                if unset {
                    return false;
                }
                set = true;
            }
            StepKind::Call { .. } => {
                let Some(call) = program.call(Site { body, step: node.step.id }) else { continue };
                let (Target::Model(model), Some(receiver)) = (&call.target, call.receiver) else { continue };
                set |= model.does.values().any(|effect| *effect == Effect::Fired)
                    && program.origin(body, receiver).0 == *flag;
            }
            _ => {}
        }
    }
    set
}
