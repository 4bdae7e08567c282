//! What a count is for: whether anybody looks at it, and whether its object is still there when it is wrong.

use super::act::{Act, Acts, Sort, Way};
use super::route::Root;
use super::{Raised, aim};
use crate::ledger::Leaving;
use crate::program::calls::Target;
use crate::program::flow::Slot;
use crate::program::trace::Spot;
use crate::program::{BodyRef, Program, Site};
use crate::source::Language;
use crate::unit::{Colour, Place, StepKind};

/// Whether a number in a private field is only ever written.
pub(super) fn is_unread(program: &Program<'_>, act: &Act) -> bool {
    fact!(is_unread);
    let Some(Spot::Field(ty, name)) = act.spots.first() else { return false };
    let private = program.language(act.site.body) == Language::Python && name.starts_with('_');
    let writes = |site: &Site| {
        matches!(
            program.flow(site.body).step(site.step).map(|step| &step.kind),
            Some(StepKind::Store { .. } | StepKind::Update { .. } | StepKind::Delete { .. })
        )
    };
    act.sort == Sort::Plain
        && private
        && program.always_knows_whose(name)
        && program.field_sites(*ty, name).iter().all(writes)
}

/// Whether the count stays up only where a scope's own entry fails: its object is mostly thrown away then.
pub(super) fn fails_to_enter(program: &Program<'_>, raised: &Raised, outs: &[(Leaving, Site)]) -> bool {
    fact!(fails_to_enter);
    let body = raised.site.body;
    let fails =
        |kind: Leaving| matches!(kind, Leaving::Raise | Leaving::Cancelled | Leaving::CallRaises | Leaving::Propagate);
    let route = &raised.act.route;
    let own = aim::receiver_param(program, body).is_some_and(|own| route.root == Root::Local(body, own));
    own && route.steps.len() == 1
        && !aim::exits_for(program, body).is_empty()
        && outs.iter().all(|(kind, site)| site.body == body && fails(*kind))
}

/// Whether a count says what is still to come: a loop goes on while there is some, and brings it down by itself. Who
/// leaves early leaves the rest to that. A number that many change at a time tells how many there are: such a loop waits
/// for them to end.
pub(super) fn is_worked_off(program: &Program<'_>, acts: &Acts, act: &Act) -> bool {
    fact!(is_worked_off);
    if act.sort == Sort::Object {
        return false;
    }
    let lowering = |other: &Act| matches!(other.way, Way::Down | Way::Reset) && other.same_place(act);
    let lowers = |body: BodyRef| acts.of(body).iter().any(lowering);
    act.spots.iter().flat_map(|spot| program.sites_of(spot)).any(|asked| {
        let flow = program.flow(asked.body);
        let around = flow.around(asked.step).next();
        let Some((turning, Slot::LoopHead)) = around else { return false };
        flow.nodes().filter(|node| flow.around(node.step.id).any(|at| at == (turning, Slot::LoopBody))).any(|node| {
            let site = Site { body: asked.body, step: node.step.id };
            match program.call(site).map(|call| call.target) {
                Some(Target::Functions(functions)) => functions.into_iter().any(lowers),
                _ => acts.at(site).is_some_and(lowering),
            }
        })
    })
}

/// Whether a step stands where something ends however it went.
pub(super) fn is_at_its_end(program: &Program<'_>, site: Site) -> bool {
    fact!(is_at_its_end);
    program.flow(site.body).around(site.step).any(|(_, slot)| slot == Slot::Finally)
}

/// Whether a method calls a function out of a table, and gives it the object it stands in.
pub(super) fn passes_itself_on(program: &Program<'_>, body: BodyRef) -> bool {
    fact!(passes_itself_on);
    let Some(own) = aim::receiver_param(program, body) else { return false };
    let spot = Spot::Local(body, own);
    program.body(body).colour == Colour::Sync
        && program.flow(body).nodes().any(|node| {
            let site = Site { body, step: node.step.id };
            let StepKind::Call { callee, args, .. } = &node.step.kind else { return false };
            let callee = program.flow(body).def(*callee).map(|step| &step.kind);
            let chosen = matches!(callee, Some(StepKind::Read { place: Place::Index { .. }, .. }));
            let itself = |value| program.origin(body, value) == (spot.clone(), 0);
            chosen
                && args.first().is_some_and(|arg| itself(arg.value))
                && program.call(site).is_some_and(|call| call.target == Target::Unknown)
        })
}
