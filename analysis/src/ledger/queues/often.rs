//! How often things are added, in one life of what they are added to.

use unleak_catalogue::model::Effect;

use super::super::Many;
use super::super::builder::Builder;
use crate::program::calls::Target;
use crate::program::flow::Slot;
use crate::program::many::often;
use crate::program::{BodyRef, Site};
use crate::unit::{BodyKind, StepKind};

/// How often a step runs in one life of what is born at `birth`.
pub(super) fn relative(builder: &Builder<'_, '_>, birth: Site, site: Site) -> Many {
    let program = builder.program;
    let flow = program.flow(site.body);
    let mut many = Many::Once;
    for (outer, slot) in flow.around(site.step) {
        let looping = Site { body: site.body, step: outer.id };
        if matches!(outer.kind, StepKind::Loop { .. })
            && slot == Slot::LoopBody
            && !(site.body == birth.body && flow.within(birth.step, outer.id))
        {
            many = often(many, program.turns_of(looping));
        }
    }
    if site.body == birth.body || many == Many::PerEvent {
        return many;
    }
    often(many, relative_body(builder, birth, site.body, 6))
}

/// How often a body runs in one life of what is born at `birth`.
fn relative_body(builder: &Builder<'_, '_>, birth: Site, body: BodyRef, depth: u32) -> Many {
    let program = builder.program;
    let Some(depth) = depth.checked_sub(1) else { return Many::Unknown };
    if body == birth.body || program.body(body).kind == BodyKind::Module {
        return Many::Once;
    }
    let registrations = builder.rhythm.registrations(body);
    let mut all: Vec<Many> = registrations
        .iter()
        .map(|registration| match registration.effect {
            Effect::CalledPerEvent => Many::PerEvent,
            Effect::Called => Many::PerItem,
            _ => relative(builder, birth, registration.site),
        })
        .collect();
    for site in program.calls().callers(body) {
        if site.body == body {
            continue;
        }
        let flow = program.flow(site.body);
        let looped = flow.around(site.step).any(|(outer, slot)| {
            slot == Slot::LoopBody
                && matches!(outer.kind, StepKind::Loop { .. })
                && !(site.body == birth.body && flow.within(birth.step, outer.id))
                && program.turns_of(Site { body: site.body, step: outer.id }) == Many::PerEvent
        });
        all.push(if looped { Many::PerEvent } else { relative_body(builder, birth, site.body, depth) });
    }
    let nameless = matches!(program.body(body).kind, BodyKind::AsyncBlock | BodyKind::Closure);
    if builder.rhythm.escapes(body) {
        all.push(Many::Unknown);
    } else if all.is_empty() && nameless {
        if let Some((outer, value)) = program.closure_site(body)
            && let Some(step) = program.flow(outer).def(value)
        {
            all.push(relative(builder, birth, Site { body: outer, step: step.id }));
        }
    } else if all.is_empty() {
        all.push(match builder.rhythm.of_body(program, body) {
            Many::PerEvent => Many::PerEvent,
            _ => Many::Unknown,
        });
    }
    all.into_iter().reduce(often).unwrap_or(Many::Unknown)
}

/// How often a method runs that is handed to somebody.
pub(super) fn handed(builder: &Builder<'_, '_>, birth: Site, site: Site) -> Many {
    match builder.program.call(site).map(|call| call.target) {
        Some(Target::Model(model)) => {
            let mut effects = model.does.values();
            if effects.clone().any(|effect| *effect == Effect::CalledPerEvent) {
                Many::PerEvent
            } else if effects.any(|effect| matches!(effect, Effect::CalledLater | Effect::CalledAtEnd)) {
                relative(builder, birth, site)
            } else {
                Many::Unknown
            }
        }
        _ => Many::Unknown,
    }
}
