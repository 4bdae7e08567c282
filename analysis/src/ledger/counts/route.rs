//! Which object is meant: the way to it from a variable, and the places where it may be found.

use unleak_catalogue::model::Effect;

use crate::program::calls::Target;
use crate::program::trace::Spot;
use crate::program::{BodyRef, Def, Program, Site};
use crate::unit::{Const, Item, LocalId, LocalOrigin, Name, Part, Place, StepKind, ValueId};

/// Where a way begins.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Root {
    /// A variable of a body: a parameter, or one that nothing better is known of.
    Local(BodyRef, LocalId),
    /// A module variable.
    Global(u32, Name),
    /// A name that is no variable: a class, a function of a library.
    Named(Name),
    /// A value that is read from nowhere.
    Value(BodyRef, ValueId),
}

/// The way to an object: a variable and the fields from there on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Route {
    /// The variable.
    pub(super) root: Root,
    /// The fields, elements and calls.
    pub(super) steps: Vec<Name>,
}

impl Route {
    fn new(root: Root) -> Route {
        Route { root, steps: Vec::new() }
    }

    fn then(mut self, step: impl Into<Name>) -> Route {
        self.steps.push(step.into());
        self
    }

    /// The way without its last step: from a bound method to its receiver.
    pub(super) fn parent(&self) -> Option<Route> {
        let mut shorter = self.clone();
        shorter.steps.pop()?;
        Some(shorter)
    }

    /// What remains of the way after another that it begins with.
    pub(super) fn after(&self, start: &Route) -> Option<&[Name]> {
        if self.root != start.root {
            return None;
        }
        self.steps.strip_prefix(start.steps.as_slice())
    }

    /// A way with more steps.
    pub(super) fn extended(&self, rest: &[Name]) -> Route {
        let steps = self.steps.iter().chain(rest).cloned().collect();
        Route { root: self.root.clone(), steps }
    }
}

/// The way to a value.
pub(super) fn of_value(program: &Program<'_>, body: BodyRef, value: ValueId) -> Route {
    of_value_within(program, body, value, 24)
}

/// The way to a place.
pub(super) fn of_place(program: &Program<'_>, body: BodyRef, place: &Place) -> Route {
    of_place_within(program, body, place, 24)
}

fn of_value_within(program: &Program<'_>, body: BodyRef, value: ValueId, hops: u32) -> Route {
    let own = Route::new(Root::Value(body, value));
    let Some(hops) = hops.checked_sub(1) else { return own };
    let Some(step) = program.flow(body).def(value) else { return own };
    match &step.kind {
        StepKind::Read { place, .. } => of_place_within(program, body, place, hops),
        StepKind::View { value, .. } | StepKind::Propagate { value, .. } | StepKind::Await { value, .. } => {
            of_value_within(program, body, *value, hops)
        }
        StepKind::Part { of, part: Part::Variant(..) | Part::Whole, .. } => of_value_within(program, body, *of, hops),
        StepKind::Call { callee, args, .. } => {
            if let Some(through) = passed_through(program, Site { body, step: step.id }) {
                return of_value_within(program, body, through, hops);
            }
            let args: Vec<String> = args.iter().map(|arg| word(program, body, arg.value)).collect();
            let called = format!("({})", args.join(","));
            of_value_within(program, body, *callee, hops).then(called.as_str())
        }
        _ => own,
    }
}

fn of_place_within(program: &Program<'_>, body: BodyRef, place: &Place, hops: u32) -> Route {
    match place {
        Place::Local(local) => of_local(program, body, *local, hops),
        Place::Field { base, name } => of_value_within(program, body, *base, hops).then(name.clone()),
        Place::Global { path, .. } => match program.resolve_path(body, path) {
            Some(Def::Variable { file, name }) => Route::new(Root::Global(file, name)),
            _ => Route::new(Root::Named(Name::from(path.join(".")))),
        },
        Place::Index { base, key } => of_value_within(program, body, *base, hops).then(element(program, body, *key)),
        Place::Deref { base } => of_value_within(program, body, *base, hops),
    }
}

/// The step to an element.
pub(super) fn element(program: &Program<'_>, body: BodyRef, key: Option<ValueId>) -> Name {
    let key = key.map_or_else(String::new, |key| word(program, body, key));
    Name::from(format!("[{key}]"))
}

/// A variable: what it was captured from, what its one store put into it, else itself.
fn of_local(program: &Program<'_>, body: BodyRef, local: LocalId, hops: u32) -> Route {
    let own = Route::new(Root::Local(body, local));
    let Some(hops) = hops.checked_sub(1) else { return own };
    let owned = program.body(body);
    match owned.locals.get(local.0 as usize).map(|local| local.origin) {
        Some(LocalOrigin::Captured { outer, .. }) => match owned.parent {
            Some(parent) => of_local(program, BodyRef { file: body.file, body: parent }, outer, hops),
            None => own,
        },
        Some(LocalOrigin::Bound) => match program.flow(body).stores(local) {
            [only] => match program.flow(body).step(*only).map(|step| &step.kind) {
                Some(StepKind::Store { value, .. }) => match of_value_within(program, body, *value, hops) {
                    Route { root: Root::Value(..), .. } => own,
                    found if found.steps.last().is_some_and(|last| last.starts_with('(')) => own,
                    found => found,
                },
                _ => own,
            },
            _ => own,
        },
        _ => own,
    }
}

/// The value that a call gives back as it is (`labels`, `Arc::clone`, `lock`).
fn passed_through(program: &Program<'_>, site: Site) -> Option<ValueId> {
    let call = program.call(site)?;
    let Target::Model(model) = call.target else { return None };
    let through = model.does.iter().find(|(_, effect)| **effect == Effect::PassedThrough)?;
    program.subjects(&call, through.0).into_iter().next().map(|(value, _)| value)
}

/// A value as a word that is the same for the same value: constants and names.
pub(super) fn word(program: &Program<'_>, body: BodyRef, value: ValueId) -> String {
    word_within(program, body, value, 8)
}

fn word_within(program: &Program<'_>, body: BodyRef, value: ValueId, hops: u32) -> String {
    let Some(hops) = hops.checked_sub(1) else { return "…".to_owned() };
    let inner = |value: ValueId| word_within(program, body, value, hops);
    let list = |values: &[ValueId]| values.iter().map(|value| inner(*value)).collect::<Vec<_>>().join(",");
    match program.flow(body).def(value).map(|step| &step.kind) {
        Some(StepKind::Const { value, .. }) => match value {
            Const::Int(number) => number.to_string(),
            Const::Float(bits) if f64::from_bits(*bits).fract() == 0.0 => format!("{}", f64::from_bits(*bits)),
            Const::Str(text) => format!("{text:?}"),
            other => format!("{other:?}"),
        },
        Some(StepKind::Read { place, .. }) => match place {
            Place::Local(local) => format!("l{}", program.uncaptured(body, *local).1.0),
            Place::Global { path, .. } => path.join("."),
            Place::Field { base, name } => format!("{}.{name}", inner(*base)),
            Place::Index { base, key } => format!("{}[{}]", inner(*base), key.map(&inner).unwrap_or_default()),
            Place::Deref { base } => inner(*base),
        },
        Some(StepKind::View { value, .. } | StepKind::Await { value, .. } | StepKind::Propagate { value, .. }) => {
            inner(*value)
        }
        Some(StepKind::Call { callee, args, .. }) => {
            let args: Vec<ValueId> = args.iter().map(|arg| arg.value).collect();
            format!("{}({})", inner(*callee), list(&args))
        }
        Some(StepKind::Operate { op, operands, .. }) => format!("{op:?}({})", list(operands)),
        _ => format!("v{}", value.0),
    }
}

/// Every place an object may have come from: through parameters to the arguments, through fields to what is stored.
pub(super) fn places(program: &Program<'_>, from: Spot) -> Vec<Spot> {
    let mut all = vec![from];
    let mut at = 0;
    while at < all.len() && all.len() < 60 {
        for next in before(program, &all[at]) {
            if !matches!(next, Spot::Value(..)) && !all.contains(&next) {
                all.push(next);
            }
        }
        at += 1;
    }
    all
}

fn before(program: &Program<'_>, spot: &Spot) -> Vec<Spot> {
    match spot {
        Spot::Local(body, local) => before_local(program, *body, *local),
        Spot::Field(ty, name) => {
            let mut found = Vec::new();
            for site in program.field_sites(*ty, name) {
                found.extend(stored_at(program, site, name));
            }
            for site in program.calls().constructions(*ty) {
                let place = name.parse::<usize>().ok();
                let call = program.call(*site);
                if let Some((place, call)) = place.zip(call)
                    && let Some(arg) = call.args.get(place)
                {
                    found.push(program.origin(site.body, arg.value).0);
                }
            }
            found
        }
        _ => Vec::new(),
    }
}

fn before_local(program: &Program<'_>, body: BodyRef, local: LocalId) -> Vec<Spot> {
    let owned = program.body(body);
    match owned.locals.get(local.0 as usize).map(|local| local.origin) {
        Some(LocalOrigin::Captured { outer, .. }) => owned
            .parent
            .map(|parent| Spot::Local(BodyRef { file: body.file, body: parent }, outer))
            .into_iter()
            .collect(),
        Some(LocalOrigin::Param) => {
            let mut found = Vec::new();
            for site in program.calls().callers(body).iter().take(20) {
                for value in program.args_bound_to(*site, body, local) {
                    found.push(program.origin(site.body, value).0);
                }
            }
            found
        }
        _ => {
            let stores = program.flow(body).stores(local).iter();
            let values = stores.filter_map(|id| match &program.flow(body).step(*id)?.kind {
                StepKind::Store { value, .. } => Some(*value),
                _ => None,
            });
            values.map(|value| program.origin(body, value).0).collect()
        }
    }
}

fn stored_at(program: &Program<'_>, site: Site, name: &Name) -> Vec<Spot> {
    let values: Vec<ValueId> = match program.flow(site.body).step(site.step).map(|step| &step.kind) {
        Some(StepKind::Store { value, .. }) => vec![*value],
        Some(StepKind::Collect { items, .. }) => items
            .iter()
            .filter_map(|item| match item {
                Item::Field(field, value) if field == name => Some(*value),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    };
    values.into_iter().map(|value| program.origin(site.body, value).0).collect()
}
