//! What a task is called: by the text that it is given as its name, or by what it runs.

use super::super::builder::Builder;
use super::births::Work;
use crate::program::trace::Spot;
use crate::program::{BodyRef, Program, Site};
use crate::unit::{BodyKind, Const, LocalOrigin, ParamKind, Place, StepKind, ValueId};

/// Through how many constants and calls a text is looked for.
const HOPS: u32 = 4;
/// How long a text may be and still be a name.
const LONGEST: usize = 60;

/// What a task runs.
pub(super) fn by_work(builder: &Builder<'_, '_>, work: &Work<'_>) -> Option<String> {
    let Some(body) = work.body else { return work.model.map(|model| model.path.to_string()) };
    let name = builder.function_name(body);
    match builder.program.body(body).kind {
        BodyKind::Function => Some(name),
        _ => Some(format!("code of {name}")),
    }
}

/// The text that a call gives a function for one of its parameters, the first that is one.
pub(in super::super) fn by_text(program: &Program<'_>, site: Site, function: BodyRef) -> Option<String> {
    let proper = |local| {
        let mut params = program.body(function).params.iter();
        params.any(|param| param.local == local && matches!(param.kind, ParamKind::Positional | ParamKind::KeywordOnly))
    };
    let given = program.bound_args(site, function).into_iter().filter(|(_, param)| proper(*param));
    given.map(|(value, _)| value).find_map(|value| text(program, site.body, value, HOPS))
}

/// The text that a value is, or that is all that what it is was made from (`Label::new("reader")`).
fn text(program: &Program<'_>, body: BodyRef, value: ValueId, hops: u32) -> Option<String> {
    let hops = hops.checked_sub(1)?;
    let step = program.flow(body).def(value)?;
    match &step.kind {
        StepKind::Const { value: Const::Str(text), .. } => {
            let short = !text.trim().is_empty() && text.chars().count() <= LONGEST;
            short.then(|| text.to_string())
        }
        StepKind::View { value, .. } => text_in(program, body, *value, hops),
        StepKind::Call { args, .. } if program.work_of(body, value).is_none() => match args.as_slice() {
            [only] if program.constant_of(body, only.value).is_some() => text(program, body, only.value, hops),
            _ => None,
        },
        StepKind::Read { place: Place::Local(_) | Place::Global { .. }, .. } => text_in(program, body, value, hops),
        _ => None,
    }
}

/// The text that a variable or constant is given.
fn text_in(program: &Program<'_>, body: BodyRef, value: ValueId, hops: u32) -> Option<String> {
    let spot = program.source(&program.origin(body, value).0);
    if let Spot::Local(body, local) = spot
        && program.body(body).locals.get(local.0 as usize).map(|local| local.origin) != Some(LocalOrigin::Bound)
    {
        return None;
    }
    if let Spot::Value(body, other) = spot {
        return if other == value { None } else { text(program, body, other, hops) };
    }
    let mut stores = program.sites_of(&spot).into_iter().filter_map(|site| {
        match program.flow(site.body).step(site.step).map(|step| &step.kind) {
            Some(StepKind::Store { value, .. }) => Some((site.body, *value)),
            _ => None,
        }
    });
    match (stores.next(), stores.next()) {
        (Some((body, value)), None) => text(program, body, value, hops),
        (None, _) => constant(program, &spot),
        _ => None,
    }
}

/// The text of a constant of which nothing but its value was read.
fn constant(program: &Program<'_>, spot: &Spot) -> Option<String> {
    let Spot::Global(file, name) = spot else { return None };
    let mut constants = program.file(*file).lowered.outline.constants.iter();
    match &constants.find(|it| it.name == *name && it.owner.is_none())?.value {
        Some(Const::Str(text)) => Some(text.to_string()),
        _ => None,
    }
}
