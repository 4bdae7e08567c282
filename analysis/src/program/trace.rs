//! Where a value goes: from where it is made, through variables, fields, containers, parameters and
//! closures, to everything that is done with it.

mod origin;
mod passing;
mod storing;

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use unleak_catalogue::model::{CallModel, Effect};

use super::fields::{Mentioned, Mentions};
use super::types::{Head, Type};
use super::{BodyRef, Program, Site, TypeKey};
use crate::unit::{Cond, Discard, Driver, LocalId, Name, Op, Place, Step, StepKind, ValueId};

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

impl Spot {
    /// The name of the field that it is.
    pub fn field_name(&self) -> Option<&Name> {
        match self {
            Spot::Field(_, name) | Spot::LooseField(name) => Some(name),
            Spot::Value(..) | Spot::Local(..) | Spot::Global(..) => None,
        }
    }
}

/// What the callers of functions give for their parameters: places, each with the depth in it.
pub(super) type Given = FxHashMap<(BodyRef, LocalId), Arc<[(Spot, u8)]>>;

/// Why it is not known what becomes of something: a closed list, counted in the statistics.
pub type Reason = &'static str;

/// It goes to a call that is neither the program's nor the catalogue's.
pub const PASSED_OUT: Reason = "passed to code that was not read";
/// It is kept in an object of a library.
pub const KEPT_OUTSIDE: Reason = "kept in an object of another library";
/// It is kept in a container that a caller gives, who is not seen.
pub const CALLERS: Reason = "kept in a container that an unseen caller gives";
/// It is mentioned in a macro that was not read.
pub const IN_MACRO: Reason = "mentioned in a macro that was not read";
/// It is given to a function that is only declared: what implements it may stand elsewhere.
pub const DECLARED: Reason = "given to what others implement";
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
    /// It is called, and gives this.
    Called(ValueId),
    /// It is looked at only.
    Tested,
    /// It is iterated over (`async for x in it`).
    Iterated,
    /// It is entered as a scope.
    Entered,
    /// It is an arm of a race.
    Raced,
    /// One of its attributes, which is no method that is known, is read and used.
    Attribute,
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
    /// Those of them in which it has been itself, and not what contains it.
    pub own: FxHashSet<Spot>,
}

/// Whether a value that is returned is followed to the callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returns {
    /// A return ends the way.
    Stop,
    /// The callers' results are the same value.
    Follow,
}

/// What a walk has met and what it has yet to look at: the room that one has taken serves the next.
#[derive(Debug, Default)]
pub(super) struct Ground {
    seen: FxHashSet<State>,
    waiting: Vec<State>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct State {
    spot: Spot,
    depth: u8,
    /// It is what awaiting this value gives.
    pending: bool,
    loose: Looseness,
}

struct Walk<'p, 'a, 'h> {
    program: &'p Program<'a>,
    returns: Returns,
    trail: Trail<'a>,
    /// Which of the places of the trail it has been in itself.
    own: Vec<usize>,
    ground: Ground,
    /// Where it is made, if the walk begins there: it is of that type wherever it comes.
    made: Option<(BodyRef, ValueId)>,
    homes: Option<Homes<'h>>,
}

/// What a value may be that is worth following: kept in so many lasting places at most, met in so many of all kinds, and
/// never where something rules out what is looked for; that is asked of each place it is met in, with its depth there, in
/// the order of the trail.
pub struct AtHome<'h> {
    /// In how many fields and module variables it may be kept.
    pub most: usize,
    /// In how many places of all kinds it may be met.
    pub reach: usize,
    /// What a place says of what is looked for.
    pub says: &'h dyn Fn(&Spot, u8) -> Says,
}

/// What a place that a value is met in says of what is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Says {
    /// It may be.
    May,
    /// It is ruled out for this value, also for being met in too many places: from where it came there it may be fewer.
    NotThis,
    /// It is ruled out for all that come there.
    None,
}

/// How a value is kept until it is not followed any further.
struct Homes<'h> {
    may: &'h AtHome<'h>,
    met: FxHashSet<Spot>,
    said: Says,
    /// The variables that all of the way goes through, before any lasting place.
    through: Vec<State>,
}

/// Variables from which every way leads beyond what is looked for.
pub(super) type Strays = FxHashSet<State>;

impl Homes<'_> {
    /// Notes that it is met in a place too, the last of so many.
    fn note(&mut self, spot: &Spot, depth: u8, places: usize) {
        let beyond = match spot {
            Spot::LooseField(_) => true,
            Spot::Field(..) | Spot::Global(..) => self.met.insert(spot.clone()) && self.met.len() > self.may.most,
            Spot::Value(..) | Spot::Local(..) => false,
        };
        self.said = match self.said {
            Says::May if beyond => Says::None,
            Says::May if places > self.may.reach => Says::NotThis,
            Says::May => (self.may.says)(spot, depth),
            said => said,
        };
    }

    /// Notes that all of the way goes through a place, where it is known whether it strays from there.
    fn pass(&mut self, state: &State, strays: &Strays) {
        if strays.contains(state) {
            self.said = Says::None;
        } else if matches!(state.spot, Spot::Local(..)) && self.met.is_empty() {
            self.through.push(state.clone());
        }
    }
}

impl<'a> Program<'a> {
    /// Follows a value from a place.
    pub fn follow(&self, from: Spot, depth: u8, returns: Returns) -> Trail<'a> {
        self.walk(State { spot: from, depth, pending: false, loose: Looseness::Exact }, returns)
    }

    /// Follows a value that is kept so, all places known by type; nothing for any other.
    pub fn follow_at_home(&self, from: Spot, depth: u8, returns: Returns, may: &AtHome<'_>) -> Option<Trail<'a>> {
        let start = State { spot: from, depth, pending: false, loose: Looseness::Exact };
        let mut walk = Walk::new(self, returns);
        walk.homes = Some(Homes { may, met: FxHashSet::default(), said: Says::May, through: Vec::new() });
        walk.all(start);
        walk.homes.as_ref().is_some_and(|homes| homes.said == Says::May).then(|| walk.ended())
    }

    /// Follows what awaiting a value gives.
    pub fn follow_awaited(&self, from: Spot, returns: Returns) -> Trail<'a> {
        self.walk(State { spot: from, depth: 0, pending: true, loose: Looseness::Exact }, returns)
    }

    fn walk(&self, start: State, returns: Returns) -> Trail<'a> {
        let mut walk = Walk::new(self, returns);
        walk.made = match start {
            State { spot: Spot::Value(body, value), depth: 0, pending: false, .. } => Some((body, value)),
            _ => None,
        };
        walk.all(start);
        walk.ended()
    }
}

impl<'p, 'a, 'h> Walk<'p, 'a, 'h> {
    fn new(program: &'p Program<'a>, returns: Returns) -> Walk<'p, 'a, 'h> {
        let ground = program.memory.ground.take();
        Walk { program, returns, trail: Trail::default(), own: Vec::new(), ground, made: None, homes: None }
    }

    /// The trail of a walk that is done.
    fn ended(self) -> Trail<'a> {
        let mut trail = self.trail;
        for at in self.own {
            trail.own.insert(trail.spots[at].clone());
        }
        trail
    }

    fn all(&mut self, start: State) {
        self.go(start);
        let mut alone = true;
        while let Some(state) = self.ground.waiting.pop() {
            alone &= self.ground.waiting.is_empty();
            if let Some(homes) = &mut self.homes {
                if alone && homes.said == Says::May {
                    homes.pass(&state, &self.program.memory.strays.borrow());
                }
                if homes.said != Says::May {
                    break;
                }
            }
            if self.ground.seen.len() > REACH {
                let site = self.trail.uses.first().map(|used| used.site);
                if let Some(site) = site {
                    self.trail.uses.push(Use { site, what: What::Unknown(TOO_FAR), depth: 0, loose: Looseness::Exact });
                }
                break;
            }
            self.step(&state);
        }
        let mut ground = std::mem::take(&mut self.ground);
        if let Some(homes) = self.homes.as_mut().filter(|homes| homes.said == Says::None) {
            self.program.memory.strays.borrow_mut().extend(homes.through.drain(..));
        }
        ground.seen.clear();
        ground.waiting.clear();
        self.program.memory.ground.replace(ground);
    }

    pub(super) fn go(&mut self, state: State) {
        if self.ground.seen.insert(state.clone()) {
            if let Some(homes) = &mut self.homes {
                homes.note(&state.spot, state.depth, self.ground.seen.len());
            }
            if state.depth == 0 {
                self.own.push(self.trail.spots.len());
            }
            self.trail.spots.push(state.spot.clone());
            self.ground.waiting.push(state);
        }
    }

    pub(super) fn to(&mut self, from: &State, spot: Spot, depth: u8) {
        self.go(State { spot, depth: depth.min(4), ..from.clone() });
    }

    pub(super) fn value(&mut self, from: &State, body: BodyRef, value: ValueId) {
        self.to(from, Spot::Value(body, value), from.depth);
    }

    pub(super) fn note(&mut self, state: &State, site: Site, what: What<'a>) {
        self.trail.uses.push(Use { site, what, depth: state.depth, loose: state.loose });
    }

    pub(super) fn step(&mut self, state: &State) {
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
                for &site in &*self.program.mentions(*ty, name, Mentions::All) {
                    self.read_at(state, site);
                }
                let loose = State { loose: Looseness::ByName, ..state.clone() };
                for &site in self.program.mentioned_of_unknown(name) {
                    if self.program.is_self_of_another(site, *ty) {
                        continue;
                    }
                    self.read_at(&loose, site);
                }
            }
            Spot::LooseField(name) => {
                let loose = State { loose: Looseness::ByName, ..state.clone() };
                for site in self.program.mentioned(name).into_iter().flat_map(Mentioned::all) {
                    self.read_at(&loose, site);
                }
            }
            Spot::Global(file, name) => {
                for &site in self.program.global_sites(*file, name) {
                    self.read_at(state, site);
                }
            }
        }
    }

    pub(super) fn used(&mut self, state: &State, body: BodyRef, value: ValueId, step: &'a Step) {
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
            // A sum or union of collections contains what each contains.
            StepKind::Operate { out, op: Op::Add | Op::BitOr, .. } if state.depth > 0 => self.value(state, body, *out),
            StepKind::Part { out, part, .. } => self.part(state, site, *out, part),
            // Two lists added, two sets joined: the sum holds what each holds.
            StepKind::Operate { out, op: Op::Add | Op::BitOr, .. } if state.depth > 0 => self.value(state, body, *out),
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
}

impl<'a> Program<'a> {
    /// The variables of nested bodies that are this variable.
    pub fn captures_of(&self, body: BodyRef, local: LocalId) -> &[(BodyRef, LocalId)] {
        self.file(body.file).nested.captures(body.body, local)
    }

    /// Whether a variable is given something else, in the same block, before anything reads it.
    fn overwritten_unread(&self, store: Site, local: LocalId) -> bool {
        let flow = self.flow(store.body);
        let here = flow.node(store.step).and_then(|node| node.parent);
        let next = flow
            .stores(local)
            .iter()
            .copied()
            .find(|id| *id > store.step && flow.node(*id).is_some_and(|node| node.parent == here));
        let Some(next) = next else { return false };
        // What is added to it reads it as well.
        let read = flow.reads(local).iter().any(|id| *id > store.step && *id <= next);
        !read && self.captures_of(store.body, local).is_empty()
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
