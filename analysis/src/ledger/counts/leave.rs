//! How control leaves a stretch of code, and which handlers stop it.

use unleak_catalogue::model::{CallModel, Effect};

use super::walk::Path;
use crate::ledger::Leaving;
use crate::program::calls::Target;
use crate::program::flow::Slot;
use crate::program::{BodyRef, Def, Program, Site};
use crate::unit::{Catches, Cond, Name, Pattern, Place, StepId, StepKind, ValueId};

/// What is thrown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Thrown {
    /// A cancellation, or the end of a generator that nobody resumes.
    Stop,
    /// A failure, of this type where it is known.
    Failure(Option<Name>),
}

/// How control leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// The body is left.
    Return,
    /// A loop or block is left.
    Break(Option<Name>),
    /// A loop turns again.
    Continue(Option<Name>),
    /// Handlers are looked for.
    Throw(Thrown),
}

/// One way of leaving.
#[derive(Clone, Debug)]
pub(super) struct Leave {
    pub(super) how: How,
    pub(super) kind: Leaving,
    pub(super) site: Site,
    pub(super) path: Path,
}

/// Whether a handler catches what is thrown: surely (`Some(true)`), perhaps (`Some(false)`), not at all (`None`).
pub(super) fn catches(program: &Program<'_>, body: BodyRef, handler: &Catches, thrown: &Thrown) -> Option<bool> {
    let Catches::Types(types) = handler else { return Some(true) };
    let mut perhaps = None;
    for path in types {
        let caught = match (path.last().map(Name::as_str), thrown) {
            (Some("BaseException"), _) => Some(true),
            (Some("CancelledError" | "GeneratorExit"), Thrown::Stop) => Some(true),
            (Some("CancelledError" | "GeneratorExit" | "KeyboardInterrupt" | "SystemExit"), Thrown::Failure(_)) => None,
            (_, Thrown::Stop) => None,
            (Some("Exception"), Thrown::Failure(_)) => Some(true),
            (Some(name), Thrown::Failure(Some(raised))) => is_a(program, body, raised, name).then_some(true),
            (_, Thrown::Failure(_)) => Some(false),
        };
        match caught {
            Some(true) => return Some(true),
            Some(false) => perhaps = Some(false),
            None => {}
        }
    }
    perhaps
}

/// Whether an exception type is, or derives from, one of this name.
fn is_a(program: &Program<'_>, body: BodyRef, raised: &Name, name: &str) -> bool {
    fact!(is_a);
    if raised == name {
        return true;
    }
    let Some(Def::Type(ty)) = program.resolve_path(body, std::slice::from_ref(raised)) else { return false };
    let own = program.ancestors(ty).into_iter().any(|key| program.header(key).name == name);
    own || program.outside_bases(ty).iter().any(|base| base.rsplit('.').next() == Some(name))
}

/// Whether a count comes down in its own body only where something failed that it was raised for: putting an item into a
/// queue or collection, which carries it from then on, or anything, when the failure is raised again.
pub(super) fn is_handed_on(program: &Program<'_>, raised: Site, ends: &[Site], outs: &[(Leaving, Site)]) -> bool {
    fact!(is_handed_on);
    let flow = program.flow(raised.body);
    let lowering = |id: StepId| {
        let site = Site { body: raised.body, step: id };
        ends.contains(&site)
            || super::aim::functions(program, site).iter().any(|inner| ends.iter().any(|end| end.body == *inner))
    };
    let here: Vec<StepId> =
        flow.nodes().map(|node| node.step.id).filter(|id| *id > raised.step && lowering(*id)).collect();
    let Some(last) = here.last() else { return false };
    let later = |(kind, site): &(Leaving, Site)| {
        matches!(kind, Leaving::Return | Leaving::Break) || site.body == raised.body && site.step > *last
    };
    outs.iter().all(later)
        && here.iter().all(|id| stands_where_it_failed(program, Site { body: raised.body, step: *id }))
}

fn stands_where_it_failed(program: &Program<'_>, lowering: Site) -> bool {
    fact!(stands_where_it_failed);
    let body = lowering.body;
    let flow = program.flow(body);
    flow.around(lowering.step).any(|(outer, slot)| match (&outer.kind, slot) {
        (StepKind::Match { subject, arms }, Slot::Arm(at)) => {
            arms.get(at as usize).is_some_and(|arm| is_failure(&arm.pattern)) && puts(program, body, *subject)
        }
        (StepKind::If { cond, then, .. }, Slot::Then) => match cond {
            Cond::Matches { value, pattern } => is_failure(pattern) && puts(program, body, *value),
            Cond::Truthy(value) if puts(program, body, *value) => true,
            // It is refused here, and would be put somewhere below.
            _ => {
                matches!(
                    then.steps.last().map(|step| &step.kind),
                    Some(StepKind::Return { .. } | StepKind::Raise { .. })
                ) && flow.nodes().any(|inner| {
                    inner.step.id > outer.id
                        && !flow.within(inner.step.id, outer.id)
                        && is_put(program, Site { body, step: inner.step.id })
                })
            }
        },
        (StepKind::Try { handlers, .. }, Slot::Handler(at)) => {
            let raises = handlers.get(at as usize).is_some_and(|handler| {
                handler.body.steps.last().is_some_and(|step| matches!(step.kind, StepKind::Raise { value: None }))
            });
            let put = flow.nodes().any(|inner| {
                flow.around(inner.step.id).any(|(of, slot)| of.id == outer.id && slot == Slot::TryBody)
                    && is_put(program, Site { body, step: inner.step.id })
            });
            raises || put
        }
        _ => false,
    })
}

fn is_failure(pattern: &Pattern) -> bool {
    matches!(pattern, Pattern::Variant { path, .. } if path.last().is_some_and(|last| last == "Err"))
}

/// Whether a value is, or is asked of, the result of putting something somewhere.
fn puts(program: &Program<'_>, body: BodyRef, value: ValueId) -> bool {
    let Some(step) = program.flow(body).def(value) else { return false };
    match &step.kind {
        StepKind::Await { value, .. } | StepKind::View { value, .. } => puts(program, body, *value),
        StepKind::Call { callee, .. } => {
            is_put(program, Site { body, step: step.id })
                || program.receiver_of(body, *callee).is_some_and(|receiver| puts(program, body, receiver))
        }
        _ => false,
    }
}

fn is_put(program: &Program<'_>, site: Site) -> bool {
    match program.call(site).map(|call| call.target) {
        Some(Target::Model(model)) => is_putting(model),
        // A name that means nothing else tells it of something whose type is not known.
        Some(Target::Unknown) => method_name(program, site).is_some_and(|name| {
            let mut models = program.catalogue.methods_named(program.language(site.body).name(), name).peekable();
            models.peek().is_some() && models.all(is_putting)
        }),
        _ => false,
    }
}

fn method_name<'p>(program: &Program<'p>, site: Site) -> Option<&'p Name> {
    fact!(method_name);
    let flow = program.flow(site.body);
    let StepKind::Call { callee, .. } = &flow.step(site.step)?.kind else { return None };
    match &program.flow(site.body).def(*callee)?.kind {
        StepKind::Read { place: Place::Field { name, .. }, .. } => Some(name),
        _ => None,
    }
}

fn is_putting(model: &CallModel) -> bool {
    fact!(is_putting);
    model.does.values().any(|effect| matches!(effect, Effect::Put | Effect::TryPut))
}
