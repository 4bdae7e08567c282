//! Counts that end with what leaves early: nobody is there to read them any more.

use super::act::Sort;
use super::detached;
use super::route::Root;
use super::{Raised, aim};
use crate::ledger::Leaving;
use crate::ledger::builder::Builder;
use crate::program::calls::Target;
use crate::program::trace::Spot;
use crate::program::types::Type;
use crate::program::{BodyRef, Program, Site};
use crate::source::Language;
use crate::unit::{Colour, LocalId, StepKind, TypeTree, ValueId, Yields};

/// Takes away the ways out on which the count is gone, and those that are never taken.
pub(super) fn take_out(builder: &Builder<'_, '_>, raised: &mut Raised) {
    let with_frame = ends_with_its_frame(builder, raised);
    let with_owner = is_owned(builder.program, raised) || is_made_here(builder.program, raised);
    raised.found.outs.retain(|(kind, site)| match kind {
        Leaving::Cancelled => !with_frame && !with_owner && !detached::runs_to_its_end(builder.program, site.body),
        Leaving::Propagate | Leaving::Panics => !with_owner,
        _ => true,
    });
}

/// Whether a count is a variable of a coroutine that runs the functions which raise it: whatever cancels them mostly
/// cancels it too, and the count is gone.
fn ends_with_its_frame(builder: &Builder<'_, '_>, raised: &Raised) -> bool {
    fact!(ends_with_its_frame);
    let Root::Local(owner, _) = raised.act.route.root else { return false };
    let frame = builder.program.body(owner);
    raised.act.route.steps.is_empty()
        && owner != raised.site.body
        && frame.colour == Colour::Async
        && frame.yields == Yields::Never
        && !builder.rhythm.escapes(raised.site.body)
}

/// Whether the object whose number it is was given to its function to keep: in Rust it is dropped by whatever leaves
/// without giving it back.
fn is_owned(program: &Program<'_>, raised: &Raised) -> bool {
    fact!(is_owned);
    matches!(given_as(program, raised), Some(TypeTree::Path { .. }))
}

/// Whether the object whose number it is was made in the function, of nothing that others have as well: in Rust whatever
/// leaves drops it.
fn is_made_here(program: &Program<'_>, raised: &Raised) -> bool {
    fact!(is_made_here);
    let Some((body, local)) = variable(program, raised).filter(|(body, _)| program.language(*body) == Language::Rust)
    else {
        return false;
    };
    let own = |value: ValueId| {
        program.constant_of(body, value).is_some() || matches!(program.type_of(body, value), Type::Closure(_))
    };
    let [store] = *program.flow(body).stores(local) else { return false };
    let Some(StepKind::Store { value, .. }) = program.flow(body).step(store).map(|step| &step.kind) else {
        return false;
    };
    let made = program.maker(body, *value).and_then(|site| program.call(site));
    made.is_some_and(|call| {
        matches!(call.target, Target::Functions(_) | Target::Construct(_))
            && call.receiver.is_none()
            && call.args.iter().all(|arg| own(arg.value))
    })
}

/// Whether the object whose number it is was lent to its function alone: in Rust nobody else looks at it before whoever lent
/// it has heard of the failure, and mostly throws it away then.
pub(super) fn is_lent(program: &Program<'_>, raised: &Raised) -> bool {
    fact!(is_lent);
    matches!(given_as(program, raised), Some(TypeTree::Ref(_)))
}

/// As what a function in Rust was given the object whose number it raises.
fn given_as<'a>(program: &Program<'a>, raised: &Raised) -> Option<&'a TypeTree> {
    let plain = program.language(raised.site.body) == Language::Rust && raised.act.sort == Sort::Plain;
    let (body, local) = variable(program, raised).filter(|_| plain)?;
    program.body(body).params.iter().find(|param| param.local == local)?.ty.as_deref()
}

/// The variable of the body that raises a count, itself or by a method, in which the count's object is.
fn variable(program: &Program<'_>, raised: &Raised) -> Option<(BodyRef, LocalId)> {
    let Root::Local(body, local) = raised.act.route.root else { return None };
    let at: Site = raised.site;
    if body == at.body {
        return Some((body, local));
    }
    aim::receiver_param(program, body).filter(|own| *own == local)?;
    match program.origin(at.body, program.call(at)?.receiver?) {
        (Spot::Local(body, local), 0) if body == at.body => Some((body, local)),
        _ => None,
    }
}
