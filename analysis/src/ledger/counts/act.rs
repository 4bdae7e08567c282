//! Every step that raises, lowers or sets a count.

use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashMap;
use unleak_catalogue::model::Effect;

use super::aim::DEPTH;
use super::gather;
use super::route::{self, Root, Route};
use super::signed;
use crate::program::calls::{self, Call, Depth, Target};
use crate::program::trace::Spot;
use crate::program::{BodyRef, Program, Site, TypeKey};
use crate::source::Language;
use crate::unit::{Access, Const, LocalId, LocalOrigin, Name, Op, Place, StepKind, ValueId};

/// What a step does to a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// It raises it.
    Up,
    /// It lowers it.
    Down,
    /// It raises it and gives a guard that lowers it.
    Held,
    /// It gives it a value.
    Reset,
}

/// What a count is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// A number in a variable, field or element.
    Plain,
    /// An object that counts.
    Object,
}

/// A step that does something to a count.
#[derive(Clone, Debug)]
pub(super) struct Act {
    /// The step.
    pub(super) site: Site,
    /// What it does.
    pub(super) way: Way,
    /// Which count, as seen from its body.
    pub(super) route: Route,
    /// Which count, by where it is kept.
    pub(super) spots: Vec<Spot>,
    /// Which of several counts in one object: its name as a constant.
    pub(super) key: Name,
    /// By how much; `None` when that is not a constant.
    pub(super) amount: Option<String>,
    /// How the amount is written.
    pub(super) written: String,
    /// Whether the amount is a parameter that is a number unless the caller says otherwise.
    pub(super) by_default: bool,
    /// What it is made of.
    pub(super) sort: Sort,
    /// How the count is known.
    pub(super) known: calls::Known,
}

impl Act {
    /// Whether both are about a count that is kept in the same place.
    pub(super) fn same_place(&self, other: &Act) -> bool {
        self.key == other.key
            && (self.route == other.route && !matches!(self.route.root, Root::Value(..))
                || self.spots.iter().any(|spot| other.spots.contains(spot)))
    }

    /// Whether the amounts may be the same.
    pub(super) fn same_amount(&self, other: &Act) -> bool {
        match (&self.amount, &other.amount) {
            (Some(here), Some(there)) => here == there,
            (None, None) if self.site.body == other.site.body => self.written == other.written,
            (None, None) => {
                self.written == other.written && (self.sort == Sort::Object || self.by_default && other.by_default)
            }
            _ => self.site.body != other.site.body,
        }
    }
}

/// What two acts on the same count have in common, wherever they stand: its key, the field it is reached by, its places.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Likeness {
    key: Name,
    field: Option<Name>,
    spots: Vec<Spot>,
}

impl Likeness {
    fn of(act: &Act) -> Likeness {
        Likeness { key: act.key.clone(), field: act.route.steps.last().cloned(), spots: act.spots.clone() }
    }

    /// Whether an act may be on this count. A variable may be given any.
    fn may_be(&self, act: &Act) -> bool {
        let field = act.route.steps.last();
        self.key == act.key
            && (field.is_none()
                || field == self.field.as_ref()
                || act.spots.iter().any(|spot| self.spots.contains(spot)))
    }
}

/// How many calls away from a body a count is lowered.
pub(super) type Lowering = FxHashMap<BodyRef, usize>;

/// All acts, and which bodies may lower which count.
pub(super) struct Acts {
    by_body: FxHashMap<BodyRef, Vec<Act>>,
    lowering: Mutex<FxHashMap<Likeness, Arc<Lowering>>>,
    droppers: FxHashMap<TypeKey, Vec<BodyRef>>,
}

impl Acts {
    /// Looks through the program.
    pub(super) fn new(program: &Program<'_>) -> Acts {
        let mut acts =
            Acts { by_body: FxHashMap::default(), lowering: Mutex::default(), droppers: FxHashMap::default() };
        for act in gather::all(program) {
            acts.by_body.entry(act.site.body).or_default().push(act);
        }
        acts.note_droppers(program);
        acts
    }

    /// Those of one body.
    pub(super) fn of(&self, body: BodyRef) -> &[Act] {
        self.by_body.get(&body).map_or(&[], Vec::as_slice)
    }

    /// The one at a step.
    pub(super) fn at(&self, site: Site) -> Option<&Act> {
        self.of(site.body).iter().find(|act| act.site == site)
    }

    /// All, in the order of the program.
    pub(super) fn all(&self) -> Vec<&Act> {
        let mut all: Vec<&Act> = self.by_body.values().flatten().collect();
        all.sort_by_key(|act| act.site);
        all
    }

    /// The bodies that may lower a count that went up, each with how many calls away the nearest is that does it itself.
    pub(super) fn lowering(&self, program: &Program<'_>, raised: &Act) -> Arc<Lowering> {
        let likeness = Likeness::of(raised);
        let known = || self.lowering.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known().get(&likeness) {
            return Arc::clone(known);
        }
        let may = |act: &Act| matches!(act.way, Way::Down | Way::Reset) && likeness.may_be(act);
        let starts = self.by_body.iter().filter(|(_, acts)| acts.iter().any(may));
        let mut nearest: Vec<BodyRef> = starts.map(|(body, _)| *body).collect();
        let mut found = Lowering::default();
        for calls in 0..DEPTH {
            for body in std::mem::take(&mut nearest) {
                if let Entry::Vacant(vacant) = found.entry(body) {
                    vacant.insert(calls);
                    nearest.extend(program.calls().callers(body).iter().map(|site| site.body));
                }
            }
        }
        Arc::clone(known().entry(likeness).or_insert_with(|| Arc::new(found)))
    }

    /// The destructors of a type, where they lower a count.
    pub(super) fn destructors(&self, ty: TypeKey) -> &[BodyRef] {
        self.droppers.get(&ty).map_or(&[], Vec::as_slice)
    }

    fn note_droppers(&mut self, program: &Program<'_>) {
        for body in program.bodies() {
            if program.language(body) != Language::Rust || program.body(body).name != "drop" {
                continue;
            }
            if let Some(ty) = program.owner(body)
                && program.implements(ty, "Drop")
            {
                self.droppers.entry(ty).or_default().push(body);
            }
        }
    }
}

/// What a step does to a count, if it may be one.
pub(super) fn act_at(program: &Program<'_>, site: Site) -> Option<Act> {
    match &program.flow(site.body).step(site.step)?.kind {
        StepKind::Update { place, op: Op::Add, value } => plain(program, site, place, Way::Up, Some(*value)),
        StepKind::Update { place, op: Op::Subtract, value } => plain(program, site, place, Way::Down, Some(*value)),
        StepKind::Store { place, value, .. } => stored(program, site, place, *value),
        StepKind::Call { .. } => called(program, site),
        _ => None,
    }
}

/// `x = x + 1`, or `x = 0`.
fn stored(program: &Program<'_>, site: Site, place: &Place, value: ValueId) -> Option<Act> {
    let value = signed::kept_up(program, site.body, value);
    if let Some(StepKind::Operate { op, operands, .. }) = program.flow(site.body).def(value).map(|step| &step.kind)
        && let [left, right] = operands.as_slice()
        && let way @ (Way::Up | Way::Down) = match op {
            Op::Add => Way::Up,
            Op::Subtract => Way::Down,
            _ => Way::Reset,
        }
        && (route::of_value(program, site.body, *left) == route::of_place(program, site.body, place)
            || is_entry(program, site.body, place, *left))
    {
        return plain(program, site, place, way, Some(*right));
    }
    plain(program, site, place, Way::Reset, None)
}

/// Whether a value is what a method gives for the key under which a place stores (`xs[k] = xs.get(k, 0) + 1`).
fn is_entry(program: &Program<'_>, body: BodyRef, place: &Place, value: ValueId) -> bool {
    fact!(is_entry);
    let Place::Index { base, key: Some(key) } = place else { return false };
    let Some(step) = program.flow(body).def(value) else { return false };
    let Some(call) = program.call(Site { body, step: step.id }) else { return false };
    let (Target::Model(_), Some(receiver), Some(first)) = (&call.target, call.receiver, call.args.first()) else {
        return false;
    };
    route::of_value(program, body, receiver) == route::of_value(program, body, *base)
        && route::word(program, body, first.value) == route::word(program, body, *key)
}

fn plain(program: &Program<'_>, site: Site, place: &Place, way: Way, value: Option<ValueId>) -> Option<Act> {
    let route = route::of_place(program, site.body, place);
    if !outlives(program, site.body, place, &route) {
        return None;
    }
    if value.is_some_and(|value| !may_be_number(program, site.body, value)) {
        return None;
    }
    let (spot, key) = match place {
        Place::Field { base, name } => (program.field_spot(site.body, *base, name), Name::default()),
        Place::Local(local) => (Spot::Local(site.body, *local), Name::default()),
        Place::Index { base, .. } => {
            (program.origin(site.body, *base).0, route.steps.last().cloned().unwrap_or_default())
        }
        Place::Deref { base } => (program.origin(site.body, *base).0, Name::default()),
        Place::Global { .. } => match &route.root {
            Root::Global(file, name) => (Spot::Global(*file, name.clone()), Name::default()),
            _ => return None,
        },
    };
    let spots = match (place, &spot) {
        (_, Spot::Value(..)) => Vec::new(),
        (Place::Deref { .. } | Place::Local(_) | Place::Index { .. }, _) => route::places(program, spot),
        (_, Spot::LooseField(_)) => Vec::new(),
        _ => vec![spot],
    };
    let (amount, written) = match value {
        Some(value) => amount_of(program, site.body, value),
        None => (None, String::new()),
    };
    let by_default = value.is_some_and(|value| has_default(program, site.body, value));
    let (way, amount) = signed::without_sign(way, amount);
    Some(Act {
        site,
        way,
        route,
        spots,
        key,
        amount,
        written,
        by_default,
        sort: Sort::Plain,
        known: calls::Known::Shown,
    })
}

/// Whether a variable is seen from more than one body: any other dies with its frame.
pub(super) fn is_shared(program: &Program<'_>, body: BodyRef, local: LocalId) -> bool {
    let captured = program.body(body).locals.get(local.0 as usize).map(|local| local.origin);
    matches!(captured, Some(LocalOrigin::Captured { .. }))
        || (program.language(body) == Language::Python && !program.captures_of(body, local).is_empty())
}

/// A number that dies with its frame counts nothing that others could see.
fn outlives(program: &Program<'_>, body: BodyRef, place: &Place, route: &Route) -> bool {
    fact!(outlives);
    match place {
        Place::Local(local) => is_shared(program, body, *local),
        Place::Global { .. } => matches!(route.root, Root::Global(..)),
        Place::Index { base, .. } | Place::Deref { base } => {
            !matches!(program.origin(body, *base).0, Spot::Value(..)) && !is_own(program, body, route)
        }
        Place::Field { .. } => !is_own(program, body, route),
    }
}

/// Whether the object is made in this body and held by a variable of it only.
fn is_own(program: &Program<'_>, body: BodyRef, route: &Route) -> bool {
    fact!(is_own);
    match &route.root {
        Root::Local(of, local) if *of == body => {
            let origin = program.body(body).locals.get(local.0 as usize).map(|local| local.origin);
            origin == Some(LocalOrigin::Bound)
                && program.captures_of(body, *local).is_empty()
                && !is_lent(program, body, route)
        }
        Root::Value(..) => false,
        _ => false,
    }
}

/// Whether a variable's value comes from a call or element that may hand out what others hold too.
fn is_lent(program: &Program<'_>, body: BodyRef, route: &Route) -> bool {
    fact!(is_lent);
    let Root::Local(_, local) = &route.root else { return false };
    program.flow(body).stores(*local).iter().any(|id| {
        let Some(StepKind::Store { value, .. }) = program.flow(body).step(*id).map(|step| &step.kind) else {
            return true;
        };
        let Some(step) = program.flow(body).def(*value) else { return true };
        match &step.kind {
            StepKind::Const { .. } | StepKind::Collect { .. } | StepKind::Operate { .. } => false,
            StepKind::Call { .. } => {
                let call = program.call(Site { body, step: step.id });
                !matches!(call.map(|call| call.target), Some(Target::Construct(_)))
            }
            _ => true,
        }
    })
}

fn may_be_number(program: &Program<'_>, body: BodyRef, value: ValueId) -> bool {
    fact!(may_be_number);
    match program.flow(body).def(value).map(|step| &step.kind) {
        Some(StepKind::Const { value, .. }) => matches!(value, Const::Int(_) | Const::Float(_)),
        Some(StepKind::Collect { .. } | StepKind::Format { .. }) => false,
        _ => true,
    }
}

/// Whether a value is a parameter whose default is a number.
fn has_default(program: &Program<'_>, body: BodyRef, value: ValueId) -> bool {
    fact!(has_default);
    let Some(StepKind::Read { place: Place::Local(local), .. }) = program.flow(body).def(value).map(|step| &step.kind)
    else {
        return false;
    };
    let mut params = program.body(body).params.iter();
    params.any(|param| param.local == *local && matches!(param.default, Some(Const::Int(_) | Const::Float(_))))
}

/// The amount when it is a constant, and how it is written.
fn amount_of(program: &Program<'_>, body: BodyRef, value: ValueId) -> (Option<String>, String) {
    let written = match program.flow(body).def(value).map(|step| &step.kind) {
        Some(StepKind::Read { place: Place::Local(local), .. }) => {
            program.body(body).locals.get(local.0 as usize).map(|local| local.name.to_string()).unwrap_or_default()
        }
        Some(StepKind::Read { place: Place::Field { name, .. }, .. }) => name.to_string(),
        _ => route::word(program, body, value),
    };
    let constant = written.trim_start_matches('-').starts_with(|first: char| first.is_ascii_digit());
    (constant.then(|| written.clone()), written)
}

/// Which way a count goes by an effect.
pub(super) fn way_of(effect: Effect) -> Option<Way> {
    match effect {
        Effect::Up => Some(Way::Up),
        Effect::Down => Some(Way::Down),
        Effect::UpWhileHeld => Some(Way::Held),
        Effect::Set => Some(Way::Reset),
        _ => None,
    }
}

fn called(program: &Program<'_>, site: Site) -> Option<Act> {
    let call = program.call(site)?;
    let Target::Model(model) = call.target else { return added(program, site, &call) };
    let counting = model.does.iter().find(|(_, effect)| way_of(**effect).is_some());
    let (value, depth) = program.subjects(&call, counting?.0).into_iter().next()?;
    // An option may say otherwise (`gauge("open", 1, delta=True)`).
    let way = way_of(program.effect_on(&call, model, value, depth)?)?;
    if depth == Depth::Elements {
        return None;
    }
    let route = route::of_value(program, site.body, value);
    let way = if way == Way::Reset && adds_to_itself(program, site.body, &call, &route) { Way::Up } else { way };
    let (spot, _) = program.origin(site.body, value);
    let spots = if matches!(spot, Spot::Value(..)) { Vec::new() } else { route::places(program, spot) };
    let names = call.args.iter().filter(|arg| arg.value != value).map(|arg| route::word(program, site.body, arg.value));
    let key: String = names.filter(|word| word.starts_with('"')).collect();
    let (amount, written) = call_amount(program, site.body, &call, value);
    let (way, amount) = signed::without_sign(way, amount);
    let known = call.known;
    Some(Act {
        site,
        way,
        route,
        spots,
        key: Name::from(key),
        amount,
        written,
        by_default: false,
        sort: Sort::Object,
        known,
    })
}

/// A call of a function of the program that adds the number it is given: a gauge of the program's own.
fn added(program: &Program<'_>, site: Site, call: &Call<'_>) -> Option<Act> {
    let (function, written, kept) = signed::addition(program, site, call)?;
    let route = match (call.receiver, &kept) {
        (Some(receiver), Spot::Field(..)) => route::of_value(program, site.body, receiver),
        (_, Spot::Global(file, name)) => Route { root: Root::Global(*file, name.clone()), steps: Vec::new() },
        _ => return None,
    };
    let (way, amount) = signed::without_sign(Way::Up, Some(written.clone()));
    Some(Act {
        site,
        way,
        route,
        spots: vec![kept],
        key: Name::from(format!("{function:?}")),
        amount,
        written,
        by_default: false,
        sort: Sort::Object,
        known: call.known,
    })
}

/// A compare-and-set of what was read plus one: an addition spelled out.
fn adds_to_itself(program: &Program<'_>, body: BodyRef, call: &Call<'_>, route: &Route) -> bool {
    fact!(adds_to_itself);
    call.args.iter().any(|arg| {
        let Some(StepKind::Operate { op: Op::Add, operands, .. }) =
            program.flow(body).def(arg.value).map(|step| &step.kind)
        else {
            return false;
        };
        let Some(read) = operands.first().and_then(|first| read_from(program, body, *first)) else { return false };
        read == *route
    })
}

/// What a number was read from by a method call (`x.load()`).
fn read_from(program: &Program<'_>, body: BodyRef, value: ValueId) -> Option<Route> {
    let mut at = value;
    for _ in 0..4 {
        match &program.flow(body).def(at)?.kind {
            StepKind::Read { place: Place::Local(local), .. } => {
                let stores = program.flow(body).stores(*local);
                let mut given = stores.iter().filter_map(|id| match &program.flow(body).step(*id)?.kind {
                    StepKind::Store { value, .. } => Some(*value),
                    _ => None,
                });
                at = given.next_back()?;
            }
            StepKind::Call { callee, .. } => {
                return program.receiver_of(body, *callee).map(|receiver| route::of_value(program, body, receiver));
            }
            _ => return None,
        }
    }
    None
}

/// The first number among the arguments; one when there is none.
fn call_amount(program: &Program<'_>, body: BodyRef, call: &Call<'_>, counted: ValueId) -> (Option<String>, String) {
    for arg in call.args.iter().filter(|arg| arg.value != counted) {
        match program.flow(body).def(arg.value).map(|step| &step.kind) {
            Some(StepKind::Const { value: Const::Int(_) | Const::Float(_), .. }) => {
                return amount_of(program, body, arg.value);
            }
            Some(StepKind::Read {
                access: Access::Moved | Access::Shared,
                place: Place::Local(_) | Place::Field { .. },
                ..
            }) => {
                return amount_of(program, body, arg.value);
            }
            _ => {}
        }
    }
    (Some("1".to_owned()), "1".to_owned())
}
