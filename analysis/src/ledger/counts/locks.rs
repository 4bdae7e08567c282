//! Locks that nobody waits for: nothing waits while it holds them, so that whoever comes finds them free.

use unleak_catalogue::model::Effect;

use crate::program::trace::{Looseness, Returns, What};
use crate::program::{BodyRef, Program, Site};
use crate::unit::{ScopeItem, StepKind};

/// Whether all that is done with the lock of a scope is to enter it, and no code within waits.
pub(super) fn is_always_free(program: &Program<'_>, body: BodyRef, item: &ScopeItem) -> bool {
    fact!(is_always_free);
    let (lock, depth) = program.origin(body, item.context);
    let trail = program.follow(lock, depth, Returns::Follow);
    let mut entered = false;
    // What only has a field of the same name is mostly another lock.
    let calm = trail.uses.iter().filter(|used| used.loose == Looseness::Exact).all(|used| match used.what {
        What::Entered => {
            entered = true;
            !waits_within(program, used.site)
        }
        What::Local(..) | What::Field(..) | What::Global(..) | What::Element(_) | What::Returned(_) => true,
        What::Tested | What::Effect(Effect::Measured, _) => true,
        _ => false,
    });
    calm && entered
}

/// Whether the code of a scope may wait, or is left to whoever goes over what it yields.
fn waits_within(program: &Program<'_>, scope: Site) -> bool {
    fact!(waits_within);
    let flow = program.flow(scope.body);
    let mut inside = flow.nodes().filter(|node| flow.within(node.step.id, scope.step)).map(|node| &node.step.kind);
    inside.any(|step| step.waits() || matches!(step, StepKind::Yield { .. }))
}
