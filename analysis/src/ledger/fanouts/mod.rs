//! Enters fan-outs: several awaitables run at once and waited for together.
//!
//! Of each three things are asked: what limits how many run at once, whether somebody sees what fails, and whether on
//! some way out its siblings go on alone.

mod gates;
mod number;
mod pieces;
mod places;
mod results;
mod siblings;
mod supervised;
mod supply;

use std::cell::RefCell;

use unleak_catalogue::model::{Birth, CallModel, Effect, Kind, OwnerOf, Unbounded, ZeroBound};

use super::builder::Builder;
use super::{Answer, Assumption, Bound, Missing, Resource};
use crate::program::calls::{Call, Depth, Target};
use crate::program::trace::Spot;
use crate::program::{BodyRef, Program, Site};
use crate::unit::{ArgKind, Const, Item, Step, StepKind, ValueId};
use number::Number;
use supply::{From, Size, Supply};

/// How far sizes and limits are followed.
const HOPS: u32 = 14;

/// More workers than this is no limit.
const MANY_WORKERS: i64 = 500;

/// How people name what frees an object's own things when it ends.
const ENDS: [&str; 10] =
    ["aexit", "exit", "close", "aclose", "stop", "shutdown", "disconnect", "cleanup", "teardown", "drain"];

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
        Sizer { builder, program: builder.program, places: RefCell::default(), functions: RefCell::default() }
    }

    fn step(&self, site: Site) -> &'a Step {
        self.program.flow(site.body).step(site.step).expect("a site is a step of its body")
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
        for site in self.builder.calls() {
            let Some(call) = self.program.call(site) else { continue };
            let Target::Model(model) = call.target else { continue };
            let Some(birth) = &model.birth else { continue };
            match (birth.kind, birth.owner) {
                (Kind::Fanout, _) => found.extend(self.fan_out(site, call, model, birth)),
                (Kind::Task | Kind::Thread, OwnerOf::Receiver) => {
                    found.extend(self.supervised(site, &call, model, birth))
                }
                _ => {}
            }
        }
        found
    }

    fn fan_out(&self, site: Site, call: Call<'a>, model: &'a CallModel, birth: &'a Birth) -> Vec<Resource> {
        let Some(subject) = &birth.items else { return Vec::new() };
        let items = self.program.subjects(&call, subject);
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
        let mut all = vec![resource];
        all.extend(self.dropped_by_callers(&fan));
        all
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
                Some(Const::Bool(false) | Const::Nothing) => Given::Not,
                Some(_) => Given::Surely,
                None if self.is_param(body, value) => Given::Perhaps,
                None => Given::Surely,
            };
        }
        found
    }

    fn is_param(&self, body: BodyRef, value: ValueId) -> bool {
        let Spot::Local(owner, local) = self.program.origin(body, value).0 else { return false };
        self.program.body(owner).params.iter().any(|param| param.local == local)
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
            _ => self.limit_given(fan.site.body, &fan.call, fan.birth),
        };
        resource.bound = match given {
            Some(bound @ (Bound::Const(_) | Bound::Setting(_))) => bound,
            other => match (&fan.supply.size, other) {
                (Size::Known(number), _) => Bound::Const(*number),
                (Size::Limited(bound), _) => bound.clone(),
                (Size::Unknown(_), other) => match self.gate_inside(&fan.supply.makers) {
                    Some(gate) => Bound::Gate(gate),
                    None => match self.checked_before(fan.site, &fan.supply.sources) {
                        Some(gate) => Bound::Gate(gate),
                        None => self.teardown(fan).or(other).unwrap_or(Bound::None),
                    },
                },
            },
        };
        if matches!(resource.bound, Bound::None | Bound::Absurd(_)) {
            resource.missing.push(Missing::Limit);
        }
    }

    /// The end of an owner, which frees what it has in its fields, once.
    fn teardown(&self, fan: &Fan<'a>) -> Option<Bound> {
        let named = self.program.named_around(fan.site.body);
        let name = self.program.body(named).name.trim_matches('_');
        let ends = ENDS.iter().any(|end| name.starts_with(end));
        let own = fan
            .supply
            .sources
            .iter()
            .any(|spot| matches!(spot, Spot::Field(..) | Spot::LooseField(_) | Spot::Global(..)));
        (ends && own).then(|| Bound::Finite(self.builder.fact("runs once, when its owner ends", fan.site)))
    }

    /// The limit that the call itself is given.
    fn limit_given(&self, body: BodyRef, call: &Call<'a>, birth: &Birth) -> Option<Bound> {
        let subject = birth.bound.as_ref()?;
        let Some((value, _)) = self.program.subjects(call, subject).into_iter().next() else {
            return (birth.without_bound == Unbounded::Bounded)
                .then(|| Bound::Setting("the library's own limit".to_owned()));
        };
        let number = self.number(body, value, HOPS);
        let zero = matches!(number, Number::Const(number) if number <= 0) && birth.zero_bound == ZeroBound::Bounded;
        Some(match number {
            Number::Const(number) if Number::Const(number).limits() || zero => Bound::Const(number),
            Number::Setting(name) => Bound::Setting(name),
            other => Bound::Absurd(other.text()),
        })
    }

    /// How many workers a pool has.
    fn workers(&self, body: BodyRef, pool: ValueId) -> Option<Bound> {
        let language = self.program.language(body);
        let ty = self.program.type_of(body, pool);
        let model = self.program.model(language, ty.model_path()?)?;
        model.birth.as_ref()?.bound.as_ref()?;
        for site in self.births(body, pool, 8) {
            let Some(call) = self.program.call(site) else { continue };
            let Target::Model(model) = call.target else { continue };
            let Some(birth) = &model.birth else { continue };
            match self.limit_given(site.body, &call, birth) {
                Some(Bound::Const(number)) if number > MANY_WORKERS => return Some(Bound::Absurd(number.to_string())),
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
            if resource.missing.len() == 1 && growth.from == From::Somewhere {
                resource.assumption = Some(Assumption::SizeUnknown);
            }
        }
    }
}

/// Whether a named argument is given a value that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Given {
    Not,
    Perhaps,
    Surely,
}
