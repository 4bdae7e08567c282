//! Work that waits for a channel to close of which it keeps the other end itself, or an object that does.

use rustc_hash::FxHashSet;
use unleak_catalogue::model::{Effect, Kind, Transparent};

use super::super::builder::Builder;
use super::work;
use crate::program::calls::Target;
use crate::program::flow::Slot;
use crate::program::trace::{Returns, Spot, Trail, What};
use crate::program::types::{Head, Type};
use crate::program::{BodyRef, Site, TypeKey};
use crate::unit::{
    Capture, Cond, Item, LocalId, LocalOrigin, Part, Pattern, Place, Shape, Step, StepKind, TypeTree, ValueId,
};

/// Through how many fields it is looked for what an object keeps.
const FIELDS_DEEP: u32 = 3;

/// Whether a body waits on a channel of which it holds the other end itself, or an object that does, so that the channel
/// never closes.
pub(super) fn holds_other_end(builder: &Builder<'_, '_>, waits: Site, work: BodyRef) -> bool {
    fact!(holds_other_end);
    let Some(receiver) = builder.program.call(waits).and_then(|call| call.receiver) else { return false };
    let source = builder.program.source(&builder.program.origin(waits.body, receiver).0);
    let source = work::given_by_callers(builder, source);
    let Some((body, made, own)) = made_at(builder, &source) else { return false };
    let by_item = is_left_for_an_item(builder, waits);
    let flow = builder.program.flow(body);
    let mut others = flow.uses(made).iter().filter_map(|id| match &flow.step(*id)?.kind {
        StepKind::Part { out, part: Part::Index(place), .. } if *place != own => Some(*out),
        _ => None,
    });
    others.any(|other| {
        let trail = builder.program.follow(Spot::Value(body, other), 0, Returns::Stop);
        holds_itself(&trail, work, by_item) || !by_item && is_kept_for(builder, &trail, work)
    })
}

/// Where the channel is made of which a place holds one end, and which end that is.
fn made_at(builder: &Builder<'_, '_>, source: &Spot) -> Option<(BodyRef, ValueId, u32)> {
    let program = builder.program;
    let (body, local) = match source {
        Spot::Local(body, local) => (*body, *local),
        Spot::Field(..) => {
            program.sites_of(source).into_iter().find_map(|site| given_to_field(builder, site, source))?
        }
        _ => return None,
    };
    let flow = program.flow(body);
    let (made, own) = flow.stores(local).first().and_then(|id| match &flow.step(*id)?.kind {
        StepKind::Store { value, .. } => match &flow.def(*value)?.kind {
            StepKind::Part { of, part: Part::Index(place), .. } => Some((*of, *place)),
            _ => None,
        },
        _ => None,
    })?;
    is_channel(builder, body, made).then_some((body, made, own))
}

/// The variable that a step puts into a field.
fn given_to_field(builder: &Builder<'_, '_>, site: Site, field: &Spot) -> Option<(BodyRef, LocalId)> {
    let program = builder.program;
    let Spot::Field(_, name) = field else { return None };
    let value = match &program.flow(site.body).step(site.step)?.kind {
        StepKind::Store { value, .. } => *value,
        StepKind::Collect { shape: Shape::Struct(_), items, .. } => items.iter().find_map(|item| match item {
            Item::Field(given, value) if given == name => Some(*value),
            _ => None,
        })?,
        _ => return None,
    };
    match program.source(&program.origin(site.body, value).0) {
        Spot::Local(body, local) => Some((body, local)),
        _ => None,
    }
}

/// Whether a variable of the work itself is the other end, and is not given up there.
fn holds_itself(trail: &Trail<'_>, work: BodyRef, by_item: bool) -> bool {
    let mut uses = trail.uses.iter();
    let given_up = uses.any(|used| used.site.body == work && matches!(used.what, What::Effect(Effect::Dropped, _)));
    let mut uses = trail.uses.iter();
    let fed =
        uses.any(|used| used.site.body != work && matches!(used.what, What::Effect(Effect::Put | Effect::TryPut, _)));
    let over = given_up || by_item && fed;
    !over && trail.spots.iter().any(|spot| matches!(spot, Spot::Local(body, _) if *body == work))
}

/// Whether the other end lies for good in an object that the work keeps.
fn is_kept_for(builder: &Builder<'_, '_>, trail: &Trail<'_>, work: BodyRef) -> bool {
    fact!(is_kept_for);
    let taken_out = |what: &What<'_>| {
        matches!(what, What::Effect(effect, _) if matches!(
            effect,
            Effect::Dropped | Effect::Take | Effect::TakeAll | Effect::Remove | Effect::Closed | Effect::Cancelled
        )) || matches!(what, What::Unknown(_))
    };
    if trail.uses.iter().any(|used| taken_out(&used.what)) {
        return false;
    }
    let mut homes = trail.spots.iter().filter_map(|spot| match spot {
        Spot::Field(ty, _) => Some(*ty),
        _ => None,
    });
    homes.any(|home| keeps(builder, work, home))
}

/// Whether a body has a strong hold of an object of a type, by a variable of its own or through the fields of what that holds.
pub(super) fn keeps(builder: &Builder<'_, '_>, work: BodyRef, home: TypeKey) -> bool {
    fact!(keeps);
    let program = builder.program;
    let owned = program.body(work);
    let mut own = owned.locals.iter().zip(0u32..).filter_map(|(local, at)| match local.origin {
        LocalOrigin::Captured { how: Capture::Moved, .. } | LocalOrigin::Param => Some(LocalId(at)),
        _ => None,
    });
    own.any(|local| {
        let mut found = FxHashSet::default();
        for ty in kept_of(builder, work, local) {
            held_in(builder, work, &ty, FIELDS_DEEP, &mut found);
        }
        found.contains(&home)
    })
}

/// What a body keeps of a variable that it captures: the fields that it reads, where it is a structure and nothing else is
/// done with it. What is behind a pointer is kept with the pointer.
fn kept_of(builder: &Builder<'_, '_>, work: BodyRef, local: LocalId) -> Vec<Type> {
    fact!(kept_of => vec![builder.program.type_of_local(work, local)]);
    let program = builder.program;
    let whole = || vec![program.type_of_local(work, local)];
    let captured = matches!(
        program.body(work).locals.get(local.0 as usize).map(|local| local.origin),
        Some(LocalOrigin::Captured { .. })
    );
    let is_structure = matches!(program.type_of_local(work, local), Type::Named(Head::Project(_), _));
    if !captured || !is_structure || !program.captures_of(work, local).is_empty() {
        return whole();
    }
    let flow = program.flow(work);
    let mut kept = Vec::new();
    for read in flow.reads(local).iter().filter_map(|id| flow.step(*id)) {
        let StepKind::Read { out, .. } = read.kind else { return whole() };
        for used in flow.uses(out).iter().filter_map(|id| flow.step(*id)) {
            match &used.kind {
                StepKind::Read { place: Place::Field { base, .. }, out: part, .. } if *base == out => {
                    match program.type_of(work, *part) {
                        Type::Def(_) | Type::Closure(_) => return whole(),
                        ty => kept.push(ty),
                    }
                }
                _ => return whole(),
            }
        }
    }
    kept
}

/// The types of the program that a value of a type keeps alive.
fn held_in(builder: &Builder<'_, '_>, body: BodyRef, ty: &Type, deep: u32, found: &mut FxHashSet<TypeKey>) {
    let program = builder.program;
    match ty {
        Type::Tuple(parts) => parts.iter().for_each(|part| held_in(builder, body, part, deep, found)),
        Type::Named(Head::Model(path), args) => {
            let model = program.catalogue.ty(program.language(body).name(), path);
            if model
                .is_some_and(|model| model.transparent == Transparent::Strong || model.kind == Some(Kind::Collection))
            {
                args.iter().for_each(|arg| held_in(builder, body, arg, deep, found));
            }
        }
        Type::Named(Head::Project(own), _) if found.insert(*own) => {
            let Some(deep) = deep.checked_sub(1) else { return };
            let module = BodyRef { file: own.file, body: crate::unit::BodyId::MODULE };
            for field in &program.header(*own).fields {
                let owned = field.ty.as_ref().filter(|tree| !matches!(tree, TypeTree::Ref(_)));
                if let Some(tree) = owned {
                    held_in(builder, module, &program.type_from_tree(module, tree), deep, found);
                }
            }
        }
        _ => {}
    }
}

/// Whether something that comes in ends the loop, and not only that nothing comes any more.
fn is_left_for_an_item(builder: &Builder<'_, '_>, waits: Site) -> bool {
    fact!(is_left_for_an_item);
    let flow = builder.program.flow(waits.body);
    let is_received = |value: ValueId| builder.program.maker(waits.body, value) == Some(waits);
    let leaves = |step: &StepKind| matches!(step, StepKind::Return { .. } | StepKind::Break { .. });
    let by_item = |(outer, slot): (&Step, Slot)| match (&outer.kind, slot) {
        (StepKind::Match { subject, arms }, Slot::Arm(at)) => {
            is_received(*subject) && arms.get(at as usize).is_some_and(|arm| !tells_of_end(&arm.pattern))
        }
        (StepKind::If { cond: Cond::Matches { value, pattern }, .. }, Slot::Then) => {
            is_received(*value) && !tells_of_end(pattern)
        }
        (StepKind::Select { arms, .. }, Slot::SelectBody(at)) => {
            arms.get(at as usize).is_some_and(|arm| is_received(arm.future) && !tells_of_end(&arm.pattern))
        }
        _ => false,
    };
    flow.nodes().any(|node| leaves(&node.step.kind) && flow.around(node.step.id).any(by_item))
}

/// Whether a pattern is what a closed channel gives.
fn tells_of_end(pattern: &Pattern) -> bool {
    let (Pattern::Variant { path, .. } | Pattern::Path(path)) = pattern else { return false };
    path.last().is_some_and(|last| last == "Err" || last == "None")
}

/// Whether a pair is the two ends of a channel, and not any two things.
fn is_channel(builder: &Builder<'_, '_>, body: BodyRef, pair: ValueId) -> bool {
    fact!(is_channel);
    let call = builder.program.maker(body, pair).and_then(|site| builder.program.call(site));
    let Some(Target::Model(model)) = call.map(|call| call.target) else { return false };
    model.birth.as_ref().is_some_and(|birth| matches!(birth.kind, Kind::Queue | Kind::Signal))
}
