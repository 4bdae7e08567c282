//! What is lost by a task that nobody keeps, as far as the code shows it: a failure that somebody raises, or would have
//! handled, or that ends work which was to go on.

use unleak_catalogue::model::{Effect, Failure};

use super::super::builder::Builder;
use super::super::{Fact, Resource, Work};
use super::births::Birth;
use super::work;
use crate::program::calls::Target;
use crate::program::flow::Slot;
use crate::program::let_out::LetOut;
use crate::program::{BodyRef, Site};
use crate::source::Language;
use crate::unit::{StepId, StepKind, ValueId};

/// What is lost of work that the program was handed.
const OF_OTHERS: &str = "what others wrote runs here, and what it raises reaches nobody";

/// All that is seen to be lost.
pub(super) fn of(builder: &Builder<'_, '_>, birth: &Birth<'_>, resource: &Resource) -> Vec<Fact> {
    let found = [
        ends_for_good(builder, birth, resource),
        piles_up(builder, birth),
        let_out(builder, birth),
        past_a_handler(builder, birth),
        swallowed(builder, birth),
    ];
    found.into_iter().flatten().collect()
}

/// Work that nothing ends but a failure: then it is over for good. In Rust only a panic does that, which is printed, and
/// one for each thing that is set up is mostly meant: of those that nothing else spoke against, one in nine was a leak.
fn ends_for_good(builder: &Builder<'_, '_>, birth: &Birth<'_>, resource: &Resource) -> Option<Fact> {
    fact!(ends_for_good);
    let program = builder.program;
    let heard = birth.work.body.is_some_and(|body| program.is_idle(body) || hears_its_end(builder, body));
    let lost = resource.language == Language::Python && matches!(resource.work, Work::Endless(_)) && !heard;
    lost.then(|| builder.fact("it is to go on for ever, and nobody learns when it does not", birth.site))
}

/// Whether a handler of its own stands around the loop that a failure leaves.
fn hears_its_end(builder: &Builder<'_, '_>, body: BodyRef) -> bool {
    fact!(hears_its_end);
    let program = builder.program;
    let flow = program.flow(body);
    let handled = |loops: StepId| {
        flow.around(loops).any(|(outer, slot)| {
            matches!(&outer.kind, StepKind::Try { handlers, .. }
                if slot == Slot::TryBody && handlers.iter().any(|it| program.catches_all(body, it)))
        })
    };
    let mut loops = flow.nodes().filter(|node| matches!(node.step.kind, StepKind::Loop { .. }));
    loops.any(|node| handled(node.step.id)) && program.handles_its_failures(body)
}

/// More and more of them wait for what is not seen to come.
fn piles_up(builder: &Builder<'_, '_>, birth: &Birth<'_>) -> Option<Fact> {
    fact!(piles_up);
    let piles = birth.work.model.is_some_and(|model| work::piles_up(builder, birth, model));
    let call = builder.program.call(birth.site).filter(|_| piles)?;
    let mut made = call.args.iter().filter_map(|arg| builder.program.maker(birth.site.body, arg.value));
    (!made.any(|waiting| work::comes(builder, waiting)))
        .then(|| builder.fact("each event leaves one that waits for what may never come", birth.site))
}

/// What its work raises, or lets others raise.
fn let_out(builder: &Builder<'_, '_>, birth: &Birth<'_>) -> Option<Fact> {
    fact!(let_out);
    let Some(body) = birth.work.body else { return handed_on(builder, birth) };
    Some(match builder.program.lets_out(body)? {
        LetOut::Raised(site) => builder.fact("what is raised here reaches nobody", site),
        LetOut::OfOthers(site) => builder.fact(OF_OTHERS, site),
    })
}

/// In Rust, what it fails with is its result, and whoever drops the handle drops that. It is no more than a note: of those
/// that were judged, one in three was a failure that somebody would miss.
pub(super) fn given_back(builder: &Builder<'_, '_>, birth: &Birth<'_>) -> Option<Fact> {
    fact!(given_back);
    let program = builder.program;
    let body = birth.work.body.filter(|body| program.language(*body) == Language::Rust)?;
    let site = program.gives_failure_back(body)?;
    let given = program.call(birth.site)?.args.iter();
    let as_it_is = given.clone().any(|arg| is_as_it_is(builder, birth.site.body, arg.value));
    as_it_is.then(|| builder.fact("what fails here is its result, and nobody takes that", site))
}

/// Whether what is started is the work itself, and nothing around it that does something with its result.
fn is_as_it_is(builder: &Builder<'_, '_>, body: BodyRef, value: ValueId) -> bool {
    fact!(is_as_it_is);
    let program = builder.program;
    let Some(site) = program.maker(body, value) else { return true };
    let Some(call) = program.call(site) else { return false };
    match &call.target {
        Target::Functions(_) => true,
        Target::Model(model) if !model.does.values().any(|effect| *effect == Effect::Called) => {
            let passed = model.does.iter().filter(|(_, effect)| **effect == Effect::PassedThrough);
            let mut within = passed.flat_map(|(subject, _)| program.subjects(&call, subject));
            within.any(|(inner, _)| is_as_it_is(builder, site.body, inner))
        }
        _ => false,
    }
}

/// Whether what it runs was handed to its maker, or is given by what it hands on.
pub(super) fn is_handed(builder: &Builder<'_, '_>, birth: &Birth<'_>) -> bool {
    fact!(is_handed);
    birth.work.param.is_some() || of_others(builder, birth).is_some()
}

/// The call of what others wrote by which what is started is made.
fn of_others(builder: &Builder<'_, '_>, birth: &Birth<'_>) -> Option<Site> {
    birth.given(builder).into_iter().find(|site| builder.program.is_of_others(*site))
}

/// What the maker was handed itself to run: whoever wrote it hears nothing of its failure.
fn handed_on(builder: &Builder<'_, '_>, birth: &Birth<'_>) -> Option<Fact> {
    fact!(handed_on);
    let site = of_others(builder, birth).filter(|_| birth.work.model.is_none())?;
    (!is_given_what_handles(builder, site)).then(|| builder.fact(OF_OTHERS, site))
}

/// Whether all that the callers of a function are seen to give it to run lets nothing out.
fn is_given_what_handles(builder: &Builder<'_, '_>, called: Site) -> bool {
    fact!(is_given_what_handles);
    let program = builder.program;
    let Some(param) = program.called_parameter(called) else { return false };
    let callers = program.calls().callers(called.body);
    let handles = |caller: &Site| match program.args_bound_to(*caller, called.body, param).as_slice() {
        [given] => program.function_in(caller.body, *given).is_some_and(|it| program.handles_its_failures(it)),
        _ => false,
    };
    !callers.is_empty() && callers.iter().all(handles)
}

/// A `try` that holds nothing but its start: whoever wrote it meant to handle its failures.
fn past_a_handler(builder: &Builder<'_, '_>, birth: &Birth<'_>) -> Option<Fact> {
    fact!(past_a_handler);
    let program = builder.program;
    let body = birth.site.body;
    let flow = program.flow(body);
    let call = program.call(birth.site)?;
    let (around, _) = flow.around(birth.site.step).next().filter(|(outer, slot)| {
        *slot == Slot::TryBody && matches!(outer.kind, StepKind::Try { .. }) && program.passes_a_handler(birth.site)
    })?;
    let given = |step: StepId| call.args.iter().any(|arg| program.maker(body, arg.value) == Some(Site { body, step }));
    let mut beside = flow.nodes().filter(|node| node.parent == Some((around.id, Slot::TryBody))).filter(|node| {
        let acts = matches!(
            node.step.kind,
            StepKind::Call { .. } | StepKind::Await { .. } | StepKind::Loop { .. } | StepKind::Scope { .. }
        );
        acts && node.step.id != birth.site.step && !given(node.step.id)
    });
    let alone = beside.next().is_none();
    let handles = matches!(&around.kind, StepKind::Try { handlers, .. }
        if handlers.iter().any(|it| program.catches_all(body, it) && !it.body.steps.is_empty()));
    (alone && handles)
        .then(|| builder.fact("what fails in it does not come by this handler", Site { body, step: around.id }))
}

/// What it fails with stays in a handle that prints nothing, though a handler stands by.
fn swallowed(builder: &Builder<'_, '_>, birth: &Birth<'_>) -> Option<Fact> {
    fact!(swallowed);
    let program = builder.program;
    let Target::Model(model) = program.call(birth.site)?.target else { return None };
    let silent = model.birth.as_ref().is_some_and(|it| it.failure == Failure::Swallowed);
    (silent && program.passes_a_handler(birth.site))
        .then(|| builder.fact("what fails in it is not even printed", birth.site))
}
