//! Enters fan-outs: several awaitables run at once and waited for together.
//!
//! Of each three things are asked: what limits how many run at once, whether somebody sees what fails, and whether on
//! some way out its siblings go on alone.

mod gates;
mod number;
mod one_by_one;
mod own;
mod pieces;
mod places;
mod results;
mod said;
mod sets;
mod siblings;
mod supervised;
mod supply;

use std::cell::{Cell, OnceCell, RefCell};

use rustc_hash::FxHashSet;
use unleak_catalogue::model::{Birth, CallModel, Effect, Kind, OwnerOf, Phase, Unbounded, ZeroBound};
use unleak_catalogue::subject::Subject;

use super::builder::Builder;
use super::{Answer, Assumption, Bound, Missing, Resource};
use crate::program::calls::{Call, Depth, Meant, Target};
use crate::program::trace::Spot;
use crate::program::{BodyRef, Program, Site};
use crate::unit::{ArgKind, Const, Item, Step, StepKind, TypeTree, ValueId};
use number::Number;
use supply::{From, Growth, Size, Supply};

/// How far sizes and limits are followed.
const HOPS: u32 = 14;

/// How far it is followed who says a size, and how many steps that may take for one fan-out.
const SAYS: u32 = 24;
const PATIENCE: u32 = 4_000;

/// Nothing tells how many a place holds, and nothing that they come from outside.
const SIZE_UNSEEN: &str = "how many there are is not seen";

/// What is gone through is of a type of the program, which may count them.
const COUNTED: &str = "an iterator of the program says how many there are";

/// Each item does one thing of its own: whether that is too much at once is for those to say who made the items.
const ITEMS_OWN: &str = "each item is asked for one thing of its own";

/// The work is a callable that was handed in and kept: it may wait by itself.
const HANDED_IN: &str = "what runs was handed in, and may wait by itself";

/// Enters them.
pub(super) fn enter(builder: &mut Builder<'_, '_>) {
    let found = Sizer::new(builder).all();
    for resource in found {
        builder.enter(resource);
    }
}

/// Asks how many, and remembers what it is asking so that it never goes in circles.
struct Sizer<'b, 'p, 'a> {
    builder: &'b Builder<'p, 'a>,
    program: &'p Program<'a>,
    places: RefCell<Vec<Spot>>,
    functions: RefCell<Vec<BodyRef>>,
    /// The functions that are written above others, once one was asked about.
    decorators: OnceCell<FxHashSet<BodyRef>>,
    /// How many steps are still followed to learn who says how many there are.
    patience: Cell<u32>,
}

/// One fan-out.
struct Fan<'a> {
    site: Site,
    call: Call<'a>,
    model: &'a CallModel,
    birth: &'a Birth,
    items: Vec<(ValueId, Depth)>,
    supply: Supply,
    effect: Option<Effect>,
}

/// Takes the last place off the list again.
struct Busy<'s, T>(&'s RefCell<Vec<T>>);

impl<T> Drop for Busy<'_, T> {
    fn drop(&mut self) {
        self.0.borrow_mut().pop();
    }
}

impl<'b, 'p, 'a> Sizer<'b, 'p, 'a> {
    fn new(builder: &'b Builder<'p, 'a>) -> Self {
        Sizer {
            builder,
            program: builder.program,
            places: RefCell::default(),
            functions: RefCell::default(),
            decorators: OnceCell::new(),
            patience: Cell::new(0),
        }
    }

    fn step(&self, site: Site) -> &'a Step {
        self.program.flow(site.body).step(site.step).expect("a site is a step of its body")
    }

    /// Whether one step more is followed.
    fn is_patient(&self) -> bool {
        let left = self.patience.get().checked_sub(1);
        self.patience.set(left.unwrap_or_default());
        left.is_some()
    }

    fn enter_place(&self, spot: Spot) -> Option<Busy<'_, Spot>> {
        if self.places.borrow().contains(&spot) {
            return None;
        }
        self.places.borrow_mut().push(spot);
        Some(Busy(&self.places))
    }

    fn enter_function(&self, function: BodyRef) -> Option<Busy<'_, BodyRef>> {
        if self.functions.borrow().contains(&function) {
            return None;
        }
        self.functions.borrow_mut().push(function);
        Some(Busy(&self.functions))
    }

    fn all(&self) -> Vec<Resource> {
        let mut found = Vec::new();
        for site in self.builder.calls(may_fan_out) {
            let Some(call) = self.program.call(site) else { continue };
            if let Target::Model(model) = call.target {
                found.extend(self.born_at(site, call, model));
            }
        }
        found
    }

    /// The fan-outs that a call begins.
    fn born_at(&self, site: Site, call: Call<'a>, model: &'a CallModel) -> Vec<Resource> {
        self.patience.set(PATIENCE);
        let birth = model.birth.as_ref();
        match birth.map(|birth| (birth.kind, birth.owner)) {
            Some((Kind::Fanout, _)) => {
                let items = birth.and_then(|birth| birth.items.as_ref());
                let items = items.map(|subject| self.program.subjects(&call, subject)).unwrap_or_default();
                birth.map_or_else(Vec::new, |birth| self.fan_out(site, call, model, birth, items))
            }
            Some((Kind::Task | Kind::Thread, OwnerOf::Receiver)) => {
                self.supervised(site, &call, model).into_iter().collect()
            }
            Some(_) => Vec::new(),
            None if self.puts_into_set(site, &call, model) => self.supervised(site, &call, model).into_iter().collect(),
            None => self.collected_into_set(site, call, model),
        }
    }

    /// What is collected into a set that runs all it holds.
    fn collected_into_set(&self, site: Site, call: Call<'a>, model: &'a CallModel) -> Vec<Resource> {
        let Some(callee) = model.asks.as_ref().and_then(|_| self.callee(site)) else { return Vec::new() };
        let Some((_, making)) = self.program.asked_for(site.body, call.out, callee) else { return Vec::new() };
        let items: Vec<(ValueId, Depth)> = call.receiver.into_iter().map(|from| (from, Depth::Elements)).collect();
        match &making.birth {
            Some(birth) if birth.kind == Kind::Fanout => self.fan_out(site, call, making, birth, items),
            _ => Vec::new(),
        }
    }

    fn callee(&self, site: Site) -> Option<ValueId> {
        match &self.step(site).kind {
            StepKind::Call { callee, .. } => Some(*callee),
            _ => None,
        }
    }

    fn fan_out(
        &self,
        site: Site,
        call: Call<'a>,
        model: &'a CallModel,
        birth: &'a Birth,
        items: Vec<(ValueId, Depth)>,
    ) -> Vec<Resource> {
        let supply = self.supply_of_items(site.body, &items);
        let effect = self.effect_on_items(site.body, &call, model, birth);
        let fan = Fan { site, call, model, birth, items, supply, effect };
        let mut resource = self.builder.born(Kind::Fanout, site, fan.call.known);
        if let Some(note) = self.made_elsewhere(&fan) {
            resource.leaks = Answer::No;
            resource.notes.push(note);
            return vec![resource];
        }
        self.limit(&fan, &mut resource);
        self.results(&fan, &mut resource);
        self.siblings(&fan, &mut resource);
        self.decide(&fan.supply, &mut resource);
        let dropping = self.dropped_by_callers(&fan, &mut resource);
        std::iter::once(resource).chain(dropping).collect()
    }

    fn supply_of_items(&self, body: BodyRef, items: &[(ValueId, Depth)]) -> Supply {
        let all = items.iter().map(|(value, depth)| match depth {
            Depth::Itself => self.item(body, *value, HOPS),
            Depth::Elements => self.supply(body, *value, HOPS),
        });
        all.reduce(Supply::and).unwrap_or_else(|| Supply::of(Size::Known(0)))
    }

    /// What the call does to its items, with the named arguments it is given.
    fn effect_on_items(&self, body: BodyRef, call: &Call<'a>, model: &CallModel, birth: &Birth) -> Option<Effect> {
        let subject = birth.items.as_ref()?;
        let mut plain = model.does.get(subject).copied();
        for (name, does) in &model.when_given {
            let Some(effect) = does.get(subject) else { continue };
            match self.given_as(body, call, name) {
                Given::Not => {}
                Given::Surely => return Some(*effect),
                // Who decides is somebody else: either may be meant.
                Given::Perhaps => plain = Some(Effect::Escapes),
            }
        }
        plain
    }

    fn given_as(&self, body: BodyRef, call: &Call<'a>, name: &str) -> Given {
        let mut found = Given::Not;
        for arg in call.args {
            let value = match &arg.kind {
                ArgKind::Named(given) if given == name => arg.value,
                ArgKind::SpreadByName => match self.option_in(body, arg.value, name, 4) {
                    Some(value) => value,
                    None => continue,
                },
                _ => continue,
            };
            found = match self.program.constant_of(body, value) {
                Some(Const::Bool(false)) => Given::Not,
                _ if self.program.is_as_usual(body, value) => Given::Not,
                None if self.is_open_param(body, value) || self.program.is_flag(&self.program.type_of(body, value)) => {
                    Given::Perhaps
                }
                _ => Given::Surely,
            };
        }
        found
    }

    /// Whether a value is a parameter that may also say no: without a type, or with one that has such a value.
    fn is_open_param(&self, body: BodyRef, value: ValueId) -> bool {
        fact!(is_open_param);
        let Spot::Local(owner, local) = self.program.origin(body, value).0 else { return false };
        let Some(param) = self.program.body(owner).params.iter().find(|param| param.local == local) else {
            return false;
        };
        match param.ty.as_deref() {
            Some(tree @ TypeTree::Path { args, .. }) if args.is_empty() && param.default.is_none() => {
                self.program.is_flag(&self.program.type_from_tree(owner, tree))
            }
            _ => true,
        }
    }

    /// The value of a key of a literal map of options.
    fn option_in(&self, body: BodyRef, map: ValueId, name: &str, hops: u32) -> Option<ValueId> {
        let flow = self.program.flow(body);
        match &flow.def(map)?.kind {
            StepKind::Collect { items, .. } => items.iter().find_map(|item| match item {
                Item::Pair(key, value) => {
                    let key = self.program.constant_of(body, *key)?;
                    matches!(key, Const::Str(key) if key == name).then_some(*value)
                }
                _ => None,
            }),
            StepKind::Read { place: crate::unit::Place::Local(local), .. } => {
                let stored = flow.stores(*local).first().and_then(|id| flow.step(*id))?;
                match &stored.kind {
                    StepKind::Store { value, .. } => self.option_in(body, *value, name, hops.checked_sub(1)?),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// What bounds how many run at once.
    fn limit(&self, fan: &Fan<'a>, resource: &mut Resource) {
        let given = match fan.birth.owner {
            OwnerOf::Receiver => fan.call.receiver.and_then(|pool| self.workers(fan.site.body, pool)),
            _ => self.limit_given(&fan.call, fan.birth),
        };
        resource.bound = match given {
            Some(bound @ (Bound::Const(_) | Bound::Setting(_))) => bound,
            other => match (&fan.supply.size, other) {
                (Size::Known(number), _) => Bound::Const(*number),
                (Size::Limited(bound), _) => bound.clone(),
                (Size::Unknown(growth), other) => {
                    let gate = self.gate_inside(&fan.supply.makers).map(Bound::Gate);
                    let gate = gate.or_else(|| self.checked_before(fan.site, &fan.supply.sources).map(Bound::Gate));
                    gate.or_else(|| self.runs_once(fan.site, growth)).or(other).unwrap_or(Bound::None)
                }
            },
        };
        self.miss_limit(&fan.supply, resource);
    }

    /// A limit is missing unless how many there are is limited, or may be.
    fn miss_limit(&self, supply: &Supply, resource: &mut Resource) {
        match (&resource.bound, &supply.size) {
            (Bound::None, Size::Unknown(growth)) if growth.from == From::OwnIterator => {
                resource.bound = Bound::Unknown;
                resource.open.push((COUNTED, growth.fact.clone()));
            }
            (Bound::None, Size::Unknown(growth)) if growth.from == From::Unseen => {
                resource.bound = Bound::Unknown;
                resource.open.push((SIZE_UNSEEN, growth.fact.clone()));
            }
            (Bound::None, Size::Unknown(growth)) if growth.from <= From::Given && self.is_items_own(&supply.makers) => {
                resource.bound = Bound::Unknown;
                resource.open.push((ITEMS_OWN, growth.fact.clone()));
            }
            (Bound::None, Size::Unknown(growth)) if growth.from <= From::Given && self.is_handed_in(&supply.makers) => {
                resource.bound = Bound::Unknown;
                resource.open.push((HANDED_IN, growth.fact.clone()));
            }
            (Bound::None | Bound::Absurd(_), _) => resource.missing.push(Missing::Limit),
            _ => {}
        }
    }

    /// The beginning or the end of an owner, once.
    fn runs_once(&self, site: Site, growth: &Growth) -> Option<Bound> {
        fact!(runs_once);
        let often = self.program.is_handler(self.program.named_around(site.body));
        let phase = self.program.phase_at(site).filter(|_| !often)?;
        let label = match phase {
            phase if phase.ends() => "runs once, when its owner ends",
            Phase::SetUp if growth.from < From::Outside => "runs once, when its owner is made ready",
            _ => return None,
        };
        Some(Bound::Finite(self.builder.fact(label, site)))
    }

    /// The limit that the call itself is given.
    fn limit_given(&self, call: &Call<'a>, birth: &Birth) -> Option<Bound> {
        fact!(limit_given);
        let subject = birth.bound.as_ref()?;
        let Some((body, value)) = self.program.argument_given(call, subject) else {
            return (birth.without_bound == Unbounded::Bounded)
                .then(|| Bound::Setting("the library's own limit".to_owned()));
        };
        let number = self.number(body, value, HOPS);
        let zero = matches!(number, Number::Const(number) if number <= 0) && birth.zero_bound == ZeroBound::Bounded;
        Some(match number {
            Number::Const(count) if number.limits(self.most_at_once(body)) || zero => Bound::Const(count),
            Number::Setting(name) => Bound::Setting(name),
            other => Bound::Absurd(other.text()),
        })
    }

    /// Above which number it is no limit what runs at once.
    fn most_at_once(&self, body: BodyRef) -> i64 {
        self.program.file(body.file).budgets.at_once
    }

    /// How many workers a pool has.
    pub(super) fn workers(&self, body: BodyRef, pool: ValueId) -> Option<Bound> {
        fact!(workers);
        let language = self.program.language(body);
        let ty = self.program.type_of(body, pool);
        let model = self.program.model(language, ty.model_path()?)?;
        model.birth.as_ref()?.bound.as_ref()?;
        for site in self.births(body, pool, 8) {
            let Some(call) = self.program.call(site) else { continue };
            let Target::Model(model) = call.target else { continue };
            let Some(birth) = &model.birth else { continue };
            match self.limit_given(&call, birth) {
                Some(Bound::Const(number)) if number > self.program.file(site.body.file).budgets.workers => {
                    return Some(Bound::Absurd(number.to_string()));
                }
                Some(Bound::Absurd(name)) if name != Number::Nothing.text() => return Some(Bound::Absurd(name)),
                Some(bound @ (Bound::Const(_) | Bound::Setting(_))) => return Some(bound),
                _ => {}
            }
        }
        Some(Bound::Setting("the pool's workers".to_owned()))
    }

    /// The answer, when all that can be missing has been asked.
    fn decide(&self, supply: &Supply, resource: &mut Resource) {
        if resource.missing.is_empty() {
            resource.leaks = if resource.open.is_empty() { Answer::No } else { Answer::Open };
            return;
        }
        resource.leaks = Answer::Yes;
        if let Size::Unknown(growth) = &supply.size
            && resource.missing.contains(&Missing::Limit)
        {
            resource.notes.insert(0, growth.fact.clone());
            if resource.missing.len() == 1 {
                resource.assumption = match growth.from {
                    From::Outside => None,
                    From::Gathered => Some(Assumption::SizeGathered),
                    From::Given | From::Unread | From::Unseen | From::OwnIterator => Some(Assumption::SizeUnknown),
                };
            }
        }
    }
}

/// Whether a call may begin a fan-out, or be one of many that do.
fn may_fan_out(meant: Meant<'_>) -> bool {
    let Meant::Model(model) = meant else { return false };
    match &model.birth {
        Some(birth) => birth.kind == Kind::Fanout || birth.owner == OwnerOf::Receiver,
        None => model.asks.is_some() || model.does.get(&Subject::Receiver) == Some(&Effect::Put),
    }
}

/// Whether a named argument is given a value that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Given {
    Not,
    Perhaps,
    Surely,
}
