//! Panics of what a Rust task waits for: they end the task alone, and a count that it has raised stays up.

use rustc_hash::FxHashSet;
use unleak_catalogue::model::{Effect, Shields};

use crate::program::calls::Target;
use crate::program::types::Type;
use crate::program::{BodyRef, Program, Site};
use crate::unit::{StepKind, ValueId};

/// Whether what is waited for at a step may panic, and nothing around it catches that.
pub(super) fn may_come(program: &Program<'_>, site: Site) -> bool {
    fact!(may_come);
    let mut met = FxHashSet::default();
    let mut of = |value| !is_caught(program, site.body, value) && of_future(program, site.body, value, &mut met);
    match program.flow(site.body).step(site.step).map(|step| &step.kind) {
        Some(StepKind::Await { value, .. }) => of(*value),
        Some(StepKind::Select { arms, .. }) => arms.iter().any(|arm| of(arm.future)),
        _ => false,
    }
}

/// Whether a future gives what panics in it back as a value.
fn is_caught(program: &Program<'_>, body: BodyRef, future: ValueId) -> bool {
    fact!(is_caught);
    let made = program.maker(body, future).and_then(|made| program.call(made));
    matches!(made.map(|made| made.target), Some(Target::Model(model)) if model.shields == Shields::FromPanic)
}

fn of_future(program: &Program<'_>, body: BodyRef, future: ValueId, met: &mut FxHashSet<BodyRef>) -> bool {
    match program.type_of(body, future) {
        Type::Future(_, Some(run)) => of_body(program, run, met),
        _ => program.maker(body, future).is_none_or(|made| of_call(program, made, met)),
    }
}

fn of_body(program: &Program<'_>, body: BodyRef, met: &mut FxHashSet<BodyRef>) -> bool {
    let calls = program.flow(body).nodes().filter(|node| matches!(node.step.kind, StepKind::Call { .. }));
    let mut sites = calls.map(|node| Site { body, step: node.step.id });
    met.insert(body) && sites.any(|site| of_call(program, site, met))
}

/// Whether what a call runs may panic: code that was not read, what a library is given to run, and what panics where things are
/// not as they should be.
fn of_call(program: &Program<'_>, site: Site, met: &mut FxHashSet<BodyRef>) -> bool {
    let Some(call) = program.call(site) else { return true };
    match &call.target {
        Target::Model(model) if model.shields == Shields::FromPanic => false,
        Target::Model(model) => {
            let runs = |effect: &Effect| matches!(effect, Effect::Run | Effect::Called | Effect::CalledPerEvent);
            program.panics(site.body, &call) || model.does.values().any(runs)
        }
        Target::Functions(functions) => functions.iter().any(|function| of_body(program, *function, met)),
        Target::Construct(_) => false,
        Target::External(_) | Target::Unknown => true,
    }
}
