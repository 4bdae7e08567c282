//! Where a value goes: from where it is made, through variables, fields, containers, parameters and
//! closures, to everything that is done with it.

use rustc_hash::{FxHashMap, FxHashSet};
use unleak_catalogue::model::{CallModel, Effect, Kind};
use unleak_catalogue::subject::TypeRef;

use super::calls::{Call, Depth, Target};
use super::types::{Head, Type};
use super::{BodyRef, Def, Program, Site, TypeKey};
use crate::unit::{
    BodyId, BodyKind, Cond, Discard, Driver, Item, LocalId, LocalOrigin, Name, ParamKind, Part, Place, Shape, Step, StepKind,
    ValueId,
};

/// How many places a value is followed through before the answer is "open".
const REACH: usize = 1500;

/// Somewhere a value can be.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Spot {
    /// A computed value.
    Value(BodyRef, ValueId),
    /// A local variable.
    Local(BodyRef, LocalId),
    /// A field of a type.
    Field(TypeKey, Name),
    /// A field of this name on something whose type is not known.
    LooseField(Name),
    /// A module variable.
    Global(u32, Name),
}

/// Why it is not known what becomes of something: a closed list, counted in the statistics.
pub type Reason = &'static str;

/// It goes to a call that is neither the program's nor the catalogue's.
pub const PASSED_OUT: Reason = "passed to code that was not read";
/// It is kept in an object of a library.
pub const KEPT_OUTSIDE: Reason = "kept in an object of another library";
/// It is mentioned in a macro that was not read.
pub const IN_MACRO: Reason = "mentioned in a macro that was not read";
/// It goes through a queue or channel.
pub const SENT: Reason = "sent through a queue";
/// It goes through too many places.
pub const TOO_FAR: Reason = "followed through too many places";
/// A method that the catalogue does not know is called on it.
pub const UNMODELLED: Reason = "used by a method that is not modelled";

/// One thing that is done with a value.
#[derive(Clone, Debug, PartialEq)]
pub enum What<'a> {
    /// A modelled call has this effect on it.
    Effect(Effect, &'a CallModel),
    /// It is awaited.
    Await,
    /// It is stored in a variable.
    Local(BodyRef, LocalId),
    /// It is stored in a field.
    Field(TypeKey, Name),
    /// It is stored in a field of something whose type is not known.
    LooseField(Name),
    /// It is stored in a module variable.
    Global(u32, Name),
    /// It is put into a container.
    Element(Spot),
    /// It is put into a container that holds it weakly.
    WeakElement,
    /// It is returned by a body.
    Returned(BodyRef),
    /// It is yielded by a body.
    Yielded(BodyRef),
    /// It is thrown away.
    Discarded(Discard),
    /// It is looked at only.
    Tested,
    /// It is iterated over (`async for x in it`).
    Iterated,
    /// It is entered as a scope.
    Entered,
    /// It is an arm of a race.
    Raced,
    /// One of its methods is handed on as a callable.
    MethodHanded(&'a CallModel),
    /// What follows is not known.
    Unknown(Reason),
}

/// One thing that is done with a value, and where.
#[derive(Clone, Debug, PartialEq)]
pub struct Use<'a> {
    /// Where.
    pub site: Site,
    /// What.
    pub what: What<'a>,
    /// How many containers it is in at that moment.
    pub depth: u8,
    /// Whether the way there rests on a field's name alone.
    pub loose: Looseness,
}

/// Whether a way rests on names alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Looseness {
    /// All places on the way are known by type.
    Exact,
    /// Some field on the way is known by its name only.
    ByName,
}

/// Everything that is done with a value.
#[derive(Clone, Debug, Default)]
pub struct Trail<'a> {
    /// The uses, in the order they were found.
    pub uses: Vec<Use<'a>>,
    /// The places it has been, in that order.
    pub spots: Vec<Spot>,
}

/// Whether a value that is returned is followed to the callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returns {
    /// A return ends the way.
    Stop,
    /// The callers' results are the same value.
    Follow,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    spot: Spot,
    depth: u8,
    /// It is what awaiting this value gives.
    pending: bool,
    loose: Looseness,
}

struct Walk<'p, 'a> {
    program: &'p Program<'a>,
    returns: Returns,
    trail: Trail<'a>,
    seen: FxHashSet<State>,
    waiting: Vec<State>,
}

impl<'a> Program<'a> {
    /// Follows a value from a place.
    pub fn follow(&self, from: Spot, depth: u8, returns: Returns) -> Trail<'a> {
        self.walk(State { spot: from, depth, pending: false, loose: Looseness::Exact }, returns)
    }

    /// Follows what awaiting a value gives.
    pub fn follow_awaited(&self, from: Spot, returns: Returns) -> Trail<'a> {
        self.walk(State { spot: from, depth: 0, pending: true, loose: Looseness::Exact }, returns)
    }

    fn walk(&self, start: State, returns: Returns) -> Trail<'a> {
        let mut walk = Walk { program: self, returns, trail: Trail::default(), seen: FxHashSet::default(), waiting: Vec::new() };
        walk.go(start);
        while let Some(state) = walk.waiting.pop() {
            if walk.seen.len() > REACH {
                let site = walk.trail.uses.first().map(|used| used.site);
                if let Some(site) = site {
                    walk.trail.uses.push(Use { site, what: What::Unknown(TOO_FAR), depth: 0, loose: Looseness::Exact });
                }
                break;
            }
            walk.step(&state);
        }
        walk.trail
    }

    /// The place a value was read from, seen through views, guards and wrappers, and how many containers deep it is in it.
    pub fn origin(&self, body: BodyRef, value: ValueId) -> (Spot, u8) {
        self.origin_within(body, value, 24)
    }

    fn origin_within(&self, body: BodyRef, value: ValueId, hops: u32) -> (Spot, u8) {
        let own = (Spot::Value(body, value), 0);
        let Some(hops) = hops.checked_sub(1) else { return own };
        let Some(step) = self.flow(body).def(value) else { return own };
        match &step.kind {
            StepKind::Read { place, .. } => match place {
                Place::Local(local) => (Spot::Local(body, *local), 0),
                Place::Field { base, name } => (self.field_spot(body, *base, name), 0),
                Place::Global { path, .. } => match self.resolve_path(body, path) {
                    Some(Def::Variable { file, name }) => (Spot::Global(file, name), 0),
                    _ => own,
                },
                Place::Index { base, .. } => {
                    let (spot, depth) = self.origin_within(body, *base, hops);
                    (spot, depth + 1)
                }
                Place::Deref { base } => self.origin_within(body, *base, hops),
            },
            StepKind::View { value, .. } | StepKind::Propagate { value, .. } | StepKind::Await { value, .. } => {
                self.origin_within(body, *value, hops)
            }
            StepKind::Part { of, part: Part::Variant(..) | Part::Whole, .. } => self.origin_within(body, *of, hops),
            StepKind::Call { .. } => self.origin_of_call(Site { body, step: step.id }, hops).unwrap_or(own),
            _ => own,
        }
    }

    fn origin_of_call(&self, site: Site, hops: u32) -> Option<(Spot, u8)> {
        let call = self.call(site)?;
        let Target::Model(model) = call.target else { return None };
        for (subject, effect) in &model.does {
            if *effect == Effect::PassedThrough {
                let (value, _) = self.subjects(&call, subject).into_iter().next()?;
                return Some(self.origin_within(site.body, value, hops));
            }
        }
        if model.returns == Some(TypeRef::Element) {
            let (spot, depth) = self.origin_within(site.body, call.receiver?, hops);
            return Some((spot, depth + 1));
        }
        None
    }

    /// The spot of `base.name`.
    pub fn field_spot(&self, body: BodyRef, base: ValueId, name: &Name) -> Spot {
        match self.field_key(body, base, name) {
            Some(ty) => Spot::Field(self.field_definer(ty, name), name.clone()),
            None => Spot::LooseField(name.clone()),
        }
    }

    /// The type of a family of relatives that stands for a field: the outermost ancestor that has it.
    fn field_definer(&self, ty: TypeKey, name: &Name) -> TypeKey {
        let all = self.ancestors(ty);
        let has = |key: &&TypeKey| {
            self.fields.known.contains_key(&(**key, name.clone())) || self.header(**key).fields.iter().any(|field| field.name == *name)
        };
        all.iter().rev().find(has).copied().unwrap_or(ty)
    }
}

impl<'a> Walk<'_, 'a> {
    fn go(&mut self, state: State) {
        if self.seen.insert(state.clone()) {
            self.trail.spots.push(state.spot.clone());
            self.waiting.push(state);
        }
    }

    fn to(&mut self, from: &State, spot: Spot, depth: u8) {
        self.go(State { spot, depth: depth.min(4), ..from.clone() });
    }

    fn value(&mut self, from: &State, body: BodyRef, value: ValueId) {
        self.to(from, Spot::Value(body, value), from.depth);
    }

    fn note(&mut self, state: &State, site: Site, what: What<'a>) {
        self.trail.uses.push(Use { site, what, depth: state.depth, loose: state.loose });
    }

    fn step(&mut self, state: &State) {
        match &state.spot {
            Spot::Value(body, value) => {
                let flow = self.program.flow(*body);
                for &id in flow.uses(*value) {
                    if let Some(step) = flow.step(id) {
                        self.used(state, *body, *value, step);
                    }
                }
            }
            Spot::Local(body, local) => self.local(state, *body, *local),
            Spot::Field(ty, name) => {
                for site in self.program.field_sites(*ty, name) {
                    self.read_at(state, site);
                }
                let loose = State { loose: Looseness::ByName, ..state.clone() };
                for site in self.program.unknown_field_sites(name).to_vec() {
                    self.read_at(&loose, site);
                }
            }
            Spot::LooseField(name) => {
                let loose = State { loose: Looseness::ByName, ..state.clone() };
                let sites = self.program.fields.by_name.get(name).cloned().unwrap_or_default();
                for site in sites {
                    self.read_at(&loose, site);
                }
            }
            Spot::Global(file, name) => {
                for site in self.program.global_sites(*file, name).to_vec() {
                    self.read_at(state, site);
                }
            }
        }
    }

    fn read_at(&mut self, state: &State, site: Site) {
        let Some(step) = self.program.flow(site.body).step(site.step) else { return };
        match &step.kind {
            StepKind::Read { out, .. } | StepKind::Part { out, .. } => self.value(state, site.body, *out),
            StepKind::Collect { .. } | StepKind::Store { .. } if state.depth > 0 => self.alias_back(state, site, step),
            _ => {}
        }
    }

    /// What holds a container holds its elements: a place that is given an existing container is the same container.
    fn alias_back(&mut self, state: &State, site: Site, step: &Step) {
        let values: Vec<ValueId> = match (&step.kind, &state.spot) {
            (StepKind::Store { value, .. }, _) => vec![*value],
            (StepKind::Collect { items, .. }, Spot::Field(_, name) | Spot::LooseField(name)) => items
                .iter()
                .filter_map(|item| match item {
                    Item::Field(field, value) if field == name => Some(*value),
                    _ => None,
                })
                .collect(),
            _ => Vec::new(),
        };
        for value in values {
            let (spot, depth) = self.program.origin(site.body, value);
            if !matches!(spot, Spot::Value(..)) && state.depth >= depth {
                self.to(state, spot, state.depth + depth);
            }
        }
    }

    fn local(&mut self, state: &State, body: BodyRef, local: LocalId) {
        let flow = self.program.flow(body);
        for &id in flow.reads(local) {
            let Some(step) = flow.step(id) else { continue };
            match &step.kind {
                StepKind::Read { out, .. } => self.value(state, body, *out),
                StepKind::Opaque { .. } => self.note(state, Site { body, step: id }, What::Unknown(IN_MACRO)),
                _ => {}
            }
        }
        for (inner, captured) in self.program.captures_of(body, local) {
            self.to(state, Spot::Local(inner, captured), state.depth);
        }
        let owned = self.program.body(body);
        match owned.locals.get(local.0 as usize).map(|local| local.origin) {
            Some(LocalOrigin::Captured { outer, .. }) => {
                if let Some(parent) = owned.parent {
                    let parent = BodyRef { file: body.file, body: parent };
                    self.to(state, Spot::Local(parent, outer), state.depth);
                }
            }
            Some(LocalOrigin::Param) if state.depth > 0 => self.callers_container(state, body, local),
            _ => {}
        }
        if state.depth > 0 {
            for &id in flow.stores(local) {
                if let Some(step) = flow.step(id) {
                    self.alias_back(state, Site { body, step: id }, step);
                }
            }
        }
        if owned.kind == BodyKind::Class
            && let Some(ty) = self.program.owner(body)
        {
            let name = owned.locals[local.0 as usize].name.clone();
            self.to(state, Spot::Field(ty, name), state.depth);
        }
    }

    /// A container that came in as a parameter is the callers'.
    fn callers_container(&mut self, state: &State, body: BodyRef, local: LocalId) {
        for site in self.program.calls().callers(body).to_vec() {
            for (value, param) in self.program.bound_args(site, body) {
                if param == local {
                    let (spot, depth) = self.program.origin(site.body, value);
                    self.to(state, spot, state.depth + depth);
                }
            }
        }
    }

    fn used(&mut self, state: &State, body: BodyRef, value: ValueId, step: &'a Step) {
        let site = Site { body, step: step.id };
        match &step.kind {
            StepKind::Store { place, value: stored, .. } => self.stored(state, site, value, place, *stored),
            StepKind::Read { out, place, .. } => self.read_from(state, body, value, *out, place),
            StepKind::Call { .. } => self.passed(state, site, value),
            StepKind::Await { out, .. } => {
                if state.pending {
                    self.go(State { spot: Spot::Value(body, *out), pending: false, ..state.clone() });
                } else {
                    self.note(state, site, What::Await);
                    self.value(state, body, *out);
                }
            }
            StepKind::Propagate { out, .. } | StepKind::Join { out, .. } | StepKind::View { out, .. } => {
                self.value(state, body, *out);
            }
            StepKind::Collect { out, shape, items } => self.collected(state, site, value, *out, shape, items),
            StepKind::Grow { into, .. } => {
                let (spot, depth) = (Spot::Value(body, *into), state.depth + 1);
                self.to(state, spot, depth);
            }
            StepKind::Part { out, part, .. } => self.part(state, site, *out, part),
            StepKind::Discard { how, .. } => self.note(state, site, What::Discarded(*how)),
            StepKind::Return { .. } => self.returned(state, site),
            StepKind::Yield { .. } => self.yielded(state, site),
            StepKind::Loop { driver: Driver::Each { source, item, .. }, .. } if *source == value => {
                if state.depth > 0 {
                    self.to(state, Spot::Value(body, *item), state.depth - 1);
                } else {
                    self.note(state, site, What::Iterated);
                }
            }
            StepKind::Scope { items, .. } => {
                for item in items.iter().filter(|item| item.context == value) {
                    self.note(state, site, What::Entered);
                    let pending = false;
                    self.go(State { spot: Spot::Value(body, item.entered), pending, ..state.clone() });
                }
            }
            StepKind::Select { arms, .. } => {
                for arm in arms.iter().filter(|arm| arm.future == value) {
                    self.note(state, site, What::Raced);
                    self.value(state, body, arm.got);
                }
            }
            StepKind::Update { place, value: added, .. } if *added == value => self.updated(state, body, place),
            StepKind::Raise { .. } => self.note(state, site, What::Unknown(PASSED_OUT)),
            StepKind::Break { .. } => self.note(state, site, What::Tested),
            _ => self.note(state, site, What::Tested),
        }
    }

    fn stored(&mut self, state: &State, site: Site, value: ValueId, place: &Place, stored: ValueId) {
        let body = site.body;
        if stored != value {
            // The key of a map holds it as well as the value does.
            if let Place::Index { base, key: Some(key) } = place
                && *key == value
            {
                self.element_of(state, site, *base);
            }
            return;
        }
        match place {
            Place::Local(local) => {
                self.note(state, site, What::Local(body, *local));
                self.to(state, Spot::Local(body, *local), state.depth);
            }
            Place::Global { path, .. } => {
                let name = path.last().cloned().unwrap_or_default();
                let home = match self.program.resolve_path(body, path) {
                    Some(Def::Variable { file, name }) => (file, name),
                    _ => (body.file, name),
                };
                self.note(state, site, What::Global(home.0, home.1.clone()));
                self.to(state, Spot::Global(home.0, home.1), state.depth);
            }
            Place::Field { base, name } => {
                let spot = self.program.field_spot(body, *base, name);
                match &spot {
                    Spot::Field(ty, name) => self.note(state, site, What::Field(*ty, name.clone())),
                    _ => self.note(state, site, What::LooseField(name.clone())),
                }
                self.to(state, spot, state.depth);
            }
            Place::Index { base, .. } => self.element_of(state, site, *base),
            Place::Deref { base } => {
                let (spot, depth) = self.program.origin(body, *base);
                self.note(state, site, What::Element(spot.clone()));
                self.to(state, spot, state.depth + depth);
            }
        }
    }

    fn updated(&mut self, state: &State, body: BodyRef, place: &Place) {
        let spot = match place {
            Place::Local(local) => Spot::Local(body, *local),
            Place::Field { base, name } => self.program.field_spot(body, *base, name),
            Place::Global { path, .. } => Spot::Global(body.file, path.last().cloned().unwrap_or_default()),
            Place::Index { base, .. } | Place::Deref { base } => self.program.origin(body, *base).0,
        };
        self.to(state, spot, state.depth);
    }

    fn element_of(&mut self, state: &State, site: Site, container: ValueId) {
        let (spot, depth) = self.program.origin(site.body, container);
        self.note(state, site, What::Element(spot.clone()));
        self.to(state, spot, state.depth + 1 + depth);
    }

    fn read_from(&mut self, state: &State, body: BodyRef, value: ValueId, out: ValueId, place: &Place) {
        match place {
            Place::Field { base, name } if *base == value => self.method_read(state, body, out, name),
            Place::Index { base, key } if *base == value && state.depth > 0 => {
                let slice = key.is_some_and(|key| {
                    let def = self.program.flow(body).def(key).map(|step| &step.kind);
                    matches!(def, Some(StepKind::Collect { shape: Shape::Range, .. }))
                });
                let depth = if slice { state.depth } else { state.depth - 1 };
                self.to(state, Spot::Value(body, out), depth);
            }
            Place::Deref { .. } => self.value(state, body, out),
            _ => {}
        }
    }

    /// `value.name`: when it is called, the call says what happens; when it is handed on, the method is.
    fn method_read(&mut self, state: &State, body: BodyRef, out: ValueId, name: &Name) {
        let flow = self.program.flow(body);
        for &id in flow.uses(out) {
            let site = Site { body, step: id };
            let Some(step) = flow.step(id) else { continue };
            match &step.kind {
                StepKind::Call { callee, .. } if *callee == out => self.received(state, site),
                StepKind::Discard { .. } | StepKind::If { .. } => {}
                _ => match self.program.type_of(body, out) {
                    Type::Def(Def::Model(path)) => {
                        if let Some(model) = self.program.model(self.program.language(body), &path) {
                            self.note(state, site, What::MethodHanded(model));
                        }
                    }
                    Type::Unknown if state.depth == 0 && name.starts_with('_') => {}
                    _ => {}
                },
            }
        }
    }

    /// A method is called on it.
    fn received(&mut self, state: &State, site: Site) {
        let Some(call) = self.program.call(site) else { return };
        let Some(receiver) = call.receiver else { return };
        let Target::Model(model) = &call.target else {
            if matches!(call.target, Target::Unknown | Target::External(_)) && state.depth == 0 {
                self.note(state, site, What::Unknown(UNMODELLED));
            }
            return;
        };
        let model = *model;
        let effect = self.program.effect_on(&call, model, receiver, Depth::Itself).unwrap_or(Effect::Observed);
        self.note(state, site, What::Effect(effect, model));
        let body = site.body;
        let pending = model.takes_effect == unleak_catalogue::model::Takes::WhenAwaited;
        let out = |depth: u8| State { spot: Spot::Value(body, call.out), depth, pending, loose: state.loose };
        match effect {
            Effect::PassedThrough => self.go(out(state.depth)),
            Effect::TakeAll if state.depth > 0 => self.go(out(state.depth)),
            Effect::Take | Effect::Remove if state.depth > 0 => self.go(out(state.depth - 1)),
            _ if state.depth > 0 && model.returns == Some(TypeRef::Element) => self.go(out(state.depth - 1)),
            _ => {}
        }
    }

    /// It is an argument of a call.
    fn passed(&mut self, state: &State, site: Site, value: ValueId) {
        let Some(call) = self.program.call(site) else { return };
        if !call.args.iter().any(|arg| arg.value == value) {
            return;
        }
        match &call.target {
            Target::Model(model) => self.passed_to_model(state, site, &call, model, value),
            Target::Functions(functions) => {
                let mut taken = false;
                for function in functions {
                    for (argument, local) in self.program.bound_args(site, *function) {
                        if argument == value {
                            taken = true;
                            let spread = self.rest_depth(*function, local);
                            self.to(state, Spot::Local(*function, local), state.depth + spread);
                        }
                    }
                }
                if !taken {
                    self.note(state, site, What::Unknown(PASSED_OUT));
                }
            }
            Target::Construct(ty) => self.passed_to_constructor(state, site, &call, *ty, value),
            Target::External(_) | Target::Unknown => self.note(state, site, What::Unknown(PASSED_OUT)),
        }
    }

    /// A `*args` parameter is a container of what was passed.
    fn rest_depth(&self, function: BodyRef, local: LocalId) -> u8 {
        let param = self.program.body(function).params.iter().find(|param| param.local == local);
        u8::from(param.is_some_and(|param| matches!(param.kind, ParamKind::Rest | ParamKind::RestByName)))
    }

    fn passed_to_model(&mut self, state: &State, site: Site, call: &Call<'a>, model: &'a CallModel, value: ValueId) {
        let body = site.body;
        let elements = (state.depth > 0).then(|| self.program.effect_on(call, model, value, Depth::Elements)).flatten();
        let itself = self.program.effect_on(call, model, value, Depth::Itself);
        let (effect, level) = match (elements, itself) {
            (Some(effect), _) => (effect, Depth::Elements),
            (None, Some(effect)) => (effect, Depth::Itself),
            (None, None) => (Effect::Observed, Depth::Itself),
        };
        let at = match level {
            Depth::Elements => State { depth: state.depth - 1, ..state.clone() },
            Depth::Itself => state.clone(),
        };
        match effect {
            Effect::Kept | Effect::Put | Effect::TryPut => self.kept(&at, site, call),
            Effect::KeptWeakly => self.note(&at, site, What::WeakElement),
            Effect::Escapes => self.note(&at, site, What::Unknown(PASSED_OUT)),
            Effect::PassedThrough => {
                self.note(&at, site, What::Effect(effect, model));
                let out = Spot::Value(body, call.out);
                let pending = state.pending;
                // What passes through a coroutine-making call (`wait_for`) is awaited with it.
                self.go(State { spot: out, depth: state.depth, pending, loose: state.loose });
            }
            _ => {
                self.note(&at, site, What::Effect(effect, model));
                if model.returns == Some(TypeRef::Element) || matches!(effect, Effect::TakeAll) {
                    self.value(state, body, call.out);
                }
            }
        }
    }

    /// The receiver keeps it.
    fn kept(&mut self, state: &State, site: Site, call: &Call<'a>) {
        let Some(receiver) = call.receiver else {
            self.note(state, site, What::Unknown(KEPT_OUTSIDE));
            return;
        };
        let kind = self.program.type_of(site.body, receiver).model_path().and_then(|path| {
            self.program.catalogue.ty(self.program.language(site.body).name(), path).and_then(|ty| ty.kind)
        });
        match kind {
            Some(Kind::Queue | Kind::Signal) => self.note(state, site, What::Unknown(SENT)),
            _ => self.element_of(state, site, receiver),
        }
    }

    fn passed_to_constructor(&mut self, state: &State, site: Site, call: &Call<'a>, ty: TypeKey, value: ValueId) {
        let inits = self.program.methods(ty, "__init__");
        if !inits.is_empty() {
            for init in inits {
                for (argument, local) in self.program.bound_args(site, init) {
                    if argument == value {
                        self.to(state, Spot::Local(init, local), state.depth);
                    }
                }
            }
            return;
        }
        let place = call.args.iter().position(|arg| arg.value == value);
        let named = call.args.iter().find(|arg| arg.value == value).and_then(|arg| match &arg.kind {
            crate::unit::ArgKind::Named(name) => Some(name.clone()),
            _ => None,
        });
        let fields: Vec<&crate::unit::FieldHeader> =
            self.program.ancestors(ty).into_iter().rev().flat_map(|key| &self.program.header(key).fields).collect();
        let name = named.or_else(|| place.and_then(|place| fields.get(place)).map(|field| field.name.clone()));
        match name {
            Some(name) => {
                self.note(state, site, What::Field(ty, name.clone()));
                self.to(state, Spot::Field(ty, name), state.depth);
            }
            None => self.note(state, site, What::Unknown(KEPT_OUTSIDE)),
        }
    }

    fn collected(&mut self, state: &State, site: Site, value: ValueId, out: ValueId, shape: &Shape, items: &[Item]) {
        let body = site.body;
        if let Shape::Struct(path) = shape {
            let def = self.program.resolve_path(body, path);
            for item in items {
                let Item::Field(name, of) = item else { continue };
                if *of != value {
                    continue;
                }
                match &def {
                    Some(Def::Type(ty) | Def::Variant(ty, _)) => {
                        self.note(state, site, What::Field(*ty, name.clone()));
                        self.to(state, Spot::Field(*ty, name.clone()), state.depth);
                    }
                    _ => self.note(state, site, What::Unknown(KEPT_OUTSIDE)),
                }
            }
            return;
        }
        if *shape == Shape::Range {
            return;
        }
        let spread = items.iter().any(|item| matches!(item, Item::Spread(of) if *of == value));
        let depth = if spread { state.depth } else { state.depth + 1 };
        self.to(state, Spot::Value(body, out), depth);
    }

    fn part(&mut self, state: &State, site: Site, out: ValueId, part: &Part) {
        let body = site.body;
        match part {
            Part::Whole => self.value(state, body, out),
            Part::Variant(path, _) => match path.last().map(Name::as_str) {
                Some("Some" | "Ok" | "Ready") => self.value(state, body, out),
                _ => self.note(state, site, What::Tested),
            },
            Part::Index(_) if state.depth > 0 => self.to(state, Spot::Value(body, out), state.depth - 1),
            Part::Rest(_) => self.value(state, body, out),
            _ => self.note(state, site, What::Tested),
        }
    }

    fn returned(&mut self, state: &State, site: Site) {
        let body = site.body;
        self.note(state, site, What::Returned(body));
        if self.returns == Returns::Stop {
            return;
        }
        for caller in self.program.calls().callers(body).to_vec() {
            if let Some(call) = self.program.call(caller) {
                let pending = self.program.body(body).colour == crate::unit::Colour::Async;
                self.go(State { spot: Spot::Value(caller.body, call.out), pending, ..state.clone() });
            }
        }
    }

    fn yielded(&mut self, state: &State, site: Site) {
        let body = site.body;
        self.note(state, site, What::Yielded(body));
        for caller in self.program.calls().callers(body).to_vec() {
            let Some(call) = self.program.call(caller) else { continue };
            let flow = self.program.flow(caller.body);
            for &id in flow.uses(call.out) {
                match flow.step(id).map(|step| &step.kind) {
                    Some(StepKind::Scope { items, .. }) => {
                        for item in items.iter().filter(|item| item.context == call.out) {
                            self.value(state, caller.body, item.entered);
                        }
                    }
                    Some(StepKind::Loop { driver: Driver::Each { item, .. }, .. }) => self.value(state, caller.body, *item),
                    _ => {}
                }
            }
        }
    }
}

impl<'a> Program<'a> {
    /// The variables of nested bodies that are this variable.
    pub fn captures_of(&self, body: BodyRef, local: LocalId) -> Vec<(BodyRef, LocalId)> {
        let mut found = Vec::new();
        for (index, inner) in self.file(body.file).lowered.unit.bodies.iter().enumerate() {
            if inner.parent != Some(body.body) {
                continue;
            }
            for (at, other) in inner.locals.iter().enumerate() {
                if matches!(other.origin, LocalOrigin::Captured { outer, .. } if outer == local) {
                    found.push((BodyRef { file: body.file, body: BodyId(index as u32) }, LocalId(at as u32)));
                }
            }
        }
        found
    }

    /// The constant a value is, when it is one.
    pub fn constant_of(&self, body: BodyRef, value: ValueId) -> Option<&'a crate::unit::Const> {
        match &self.flow(body).def(value)?.kind {
            StepKind::Const { value, .. } => Some(value),
            _ => None,
        }
    }

    /// The names in a condition's reads, for messages.
    pub fn cond_mentions(&self, body: BodyRef, cond: &Cond) -> Vec<Name> {
        let values = super::flow::cond_values(cond);
        let named = values.iter().filter_map(|value| match &self.flow(body).def(*value)?.kind {
            StepKind::Read { place: Place::Field { name, .. }, .. } => Some(name.clone()),
            StepKind::Read { place: Place::Local(local), .. } => {
                self.body(body).locals.get(local.0 as usize).map(|local| local.name.clone())
            }
            _ => None,
        });
        named.collect()
    }

    /// A type's name, for messages.
    pub fn type_name(&self, ty: &Type) -> String {
        match ty {
            Type::Named(Head::Project(key), _) => self.header(*key).name.to_string(),
            Type::Named(Head::Model(path) | Head::Hinted(path) | Head::External(path), _) => path.to_string(),
            _ => "?".to_owned(),
        }
    }
}

/// Variables by the bodies that capture them.
pub type Captures = FxHashMap<(BodyRef, LocalId), Vec<(BodyRef, LocalId)>>;
