//! Whose an object is: the way back from a value to the variable or field that it belongs to, through what hands it on.

use super::Setting;
use super::builder::Builder;
use crate::program::calls::{Call, Target};
use crate::program::trace::{Returns, Spot};
use crate::program::{BodyRef, Def, Program, Site};
use crate::unit::{Item, LocalId, LocalOrigin, Name, ParamKind, Part, Place, Shape, StepKind, ValueId};

/// How many steps back an object is looked for in a body.
const STEPS: u32 = 24;
/// Through how many callers and fields.
const HOPS: usize = 6;
/// How many callers of one function are asked whether they all hand in the same.
const CALLERS: usize = 12;
/// How many callers of one function are looked at where each may hand in another.
const ALL: usize = 400;

/// The way to a part of an object: where it begins, and the fields from there on.
#[derive(Clone, Debug)]
pub(super) struct Way {
    /// A variable, a module variable, or the value of a call that makes it.
    pub(super) from: Spot,
    fields: Vec<Name>,
    /// How many of the fields, from the last, are the object's own inside.
    inside: usize,
    /// The fields of its inside that something made around it has, and it may have too.
    shared: Vec<Name>,
    /// The field that holds the object.
    home: Option<Spot>,
}

impl PartialEq for Way {
    fn eq(&self, other: &Way) -> bool {
        (&self.from, &self.fields) == (&other.from, &other.fields)
    }
}

/// Who an object belongs to, in words, and every place that is known to be it.
#[derive(Clone, Debug)]
pub(super) struct Owner {
    /// As people write it.
    pub(super) name: String,
    spots: Vec<Spot>,
}

impl Owner {
    /// Whether both are about one object.
    pub(super) fn is(&self, other: &Owner) -> bool {
        self.spots.iter().any(|spot| other.spots.contains(spot))
    }
}

impl Way {
    /// The way to what a value is.
    pub(super) fn to(program: &Program<'_>, body: BodyRef, value: ValueId) -> Way {
        let start =
            Way { from: Spot::Value(body, value), fields: Vec::new(), inside: 0, shared: Vec::new(), home: None };
        start.back(program, STEPS)
    }

    /// The same way to what it begins with.
    pub(super) fn whole(self) -> Way {
        Way { inside: self.fields.len(), shared: Vec::new(), home: None, ..self }
    }

    /// The same way, where what it begins with is a value: all its fields are the inside of what that is.
    pub(super) fn at_value(&self, program: &Program<'_>, body: BodyRef, value: ValueId) -> Way {
        Way { from: Spot::Value(body, value), ..self.clone().whole() }.back(program, STEPS)
    }

    /// The parameter it begins with.
    pub(super) fn param(&self, program: &Program<'_>) -> Option<(BodyRef, LocalId)> {
        match self.from {
            Spot::Local(body, local) if origin_of(program, body, local) == Some(LocalOrigin::Param) => {
                Some((body, local))
            }
            _ => None,
        }
    }

    fn back(self, program: &Program<'_>, steps: u32) -> Way {
        let (Some(steps), Spot::Value(body, value)) = (steps.checked_sub(1), &self.from) else { return self };
        let (body, value) = (*body, *value);
        let Some(step) = program.flow(body).def(value) else { return self };
        let next = |way: Way, value: ValueId| Way { from: Spot::Value(body, value), ..way }.back(program, steps);
        match &step.kind {
            StepKind::View { value, .. } | StepKind::Await { value, .. } | StepKind::Propagate { value, .. } => {
                next(self, *value)
            }
            StepKind::Part { of, part, .. } => match part {
                Part::Field(name) => next(self.into_field(program, body, *of, name), *of),
                Part::Variant(..) | Part::Whole => next(self, *of),
                Part::Index(place) => match program.flow(body).def(*of).map(|step| &step.kind) {
                    Some(StepKind::Collect { shape: Shape::Tuple, items, .. }) => match items.get(*place as usize) {
                        Some(Item::One(item)) => next(self, *item),
                        _ => self,
                    },
                    _ => self,
                },
                _ => self,
            },
            StepKind::Read { place, .. } => match place {
                Place::Local(local) => self.back_from_local(program, body, *local, steps),
                Place::Field { base, name } => next(self.into_field(program, body, *base, name), *base),
                Place::Deref { base } => next(self, *base),
                Place::Global { path, .. } => match program.resolve_path(body, path) {
                    Some(Def::Variable { file, name }) => Way { from: Spot::Global(file, name), ..self },
                    _ => self,
                },
                Place::Index { .. } => self,
            },
            StepKind::Collect { shape: Shape::Struct(_), items, .. } => match self.given_to_first(items) {
                Some(given) => next(self.out_of_field(), given),
                None => self,
            },
            StepKind::Call { .. } => match program.call(Site { body, step: step.id }) {
                Some(call) => self.back_through(program, Site { body, step: step.id }, &call, steps),
                None => self,
            },
            _ => self,
        }
    }

    /// It is a field of something.
    fn into_field(mut self, program: &Program<'_>, body: BodyRef, base: ValueId, name: &Name) -> Way {
        if self.fields.len() == self.inside && self.shared.last() == Some(name) {
            self.shared.pop();
            self.inside += 1;
        } else if self.fields.len() == self.inside {
            self.home = Some(program.field_spot(body, base, name)).filter(|spot| matches!(spot, Spot::Field(..)));
        }
        self.fields.insert(0, name.clone());
        self
    }

    /// What its first field is given by a literal.
    fn given_to_first(&self, items: &[Item]) -> Option<ValueId> {
        let first = self.fields.first()?;
        items.iter().find_map(|item| match item {
            Item::Field(name, value) if name == first => Some(*value),
            _ => None,
        })
    }

    fn out_of_field(mut self) -> Way {
        let first = self.fields.remove(0);
        if self.inside > self.fields.len() {
            self.inside = self.fields.len();
            self.shared.push(first);
        }
        if self.inside == self.fields.len() {
            self.home = None;
        }
        self
    }

    /// A variable is what it is given, where that is something that was there before.
    fn back_from_local(self, program: &Program<'_>, body: BodyRef, local: LocalId, steps: u32) -> Way {
        let here = Way { from: Spot::Local(body, local), ..self.clone() };
        match origin_of(program, body, local) {
            Some(LocalOrigin::Captured { outer, .. }) => match program.body(body).parent {
                Some(parent) => self.back_from_local(program, BodyRef { file: body.file, body: parent }, outer, steps),
                None => here,
            },
            Some(LocalOrigin::Bound) => {
                let flow = program.flow(body);
                let [only] = flow.stores(local) else { return here };
                let Some(StepKind::Store { value, .. }) = flow.step(*only).map(|step| &step.kind) else { return here };
                let found = Way { from: Spot::Value(body, *value), ..self }.back(program, steps);
                if matches!(found.from, Spot::Value(..)) { here } else { found }
            }
            _ => here,
        }
    }

    /// What a call gives that hands on what it is given, or a part of it, or something made around it.
    fn back_through(self, program: &Program<'_>, site: Site, call: &Call<'_>, steps: u32) -> Way {
        match &call.target {
            Target::Model(_) => match program.seen_through_call(site) {
                Some(value) => Way { from: Spot::Value(site.body, value), ..self }.back(program, steps),
                None => self,
            },
            Target::Functions(functions) => {
                let [one] = functions.as_slice() else { return self };
                let Some(given) = only_result(program, *one) else { return self };
                let inner = Way { from: Spot::Value(*one, given), ..self.clone() }.back(program, steps);
                let Some((_, param)) = inner.param(program).filter(|(body, _)| body == one) else { return self };
                match program.args_bound_to(site, *one, param).first() {
                    Some(value) => Way { from: Spot::Value(site.body, *value), ..inner }.back(program, steps),
                    None => self,
                }
            }
            _ => self,
        }
    }

    /// Where it comes from beyond the function: what all callers hand in, or what its field is given.
    fn further(&self, builder: &Builder<'_, '_>) -> Option<Way> {
        fact!(further);
        let program = builder.program;
        let (body, local) = self.param(program)?;
        let own = program.body(body).params.iter().any(|it| it.local == local && it.kind == ParamKind::Receiver);
        if own && let Some(home) = self.home.as_ref().filter(|_| self.fields.len() == self.inside + 1) {
            return self.given_to_field(program, home);
        }
        // What tests hand in is theirs.
        let asked = |site: &Site| {
            site.body != body
                && (builder.setting(body) == Setting::Test || builder.setting(site.body) == Setting::Product)
        };
        let callers: Vec<Site> = program.calls().callers(body).iter().copied().filter(asked).collect();
        if callers.len() > CALLERS {
            return None;
        }
        same(callers.into_iter().map(|site| self.at_call(program, site, body, local)))
    }

    /// The way from what a call hands in for a parameter.
    fn at_call(&self, program: &Program<'_>, site: Site, function: BodyRef, param: LocalId) -> Option<Way> {
        fact!(at_call);
        let value = *program.args_bound_to(site, function, param).first()?;
        Some(Way { from: Spot::Value(site.body, value), ..self.clone() }.back(program, STEPS))
    }

    /// The way from what the field that holds it is given, where that was there before.
    fn given_to_field(&self, program: &Program<'_>, home: &Spot) -> Option<Way> {
        let Spot::Field(_, name) = home else { return None };
        let mut given = Vec::new();
        for site in program.sites_of(home) {
            let value = match program.flow(site.body).step(site.step).map(|step| &step.kind) {
                Some(StepKind::Store { value, .. }) => *value,
                Some(StepKind::Collect { items, .. }) => items.iter().find_map(|item| match item {
                    Item::Field(field, value) if field == name => Some(*value),
                    _ => None,
                })?,
                _ => continue,
            };
            given.push(self.clone().out_of_field().at_value(program, site.body, value));
        }
        same(given.into_iter().map(Some)).filter(|way| !matches!(way.from, Spot::Value(..)))
    }

    /// Every way it can have come, with the calls that hand it in; the calls are told where callers differ.
    pub(super) fn by_each_caller(&self, builder: &Builder<'_, '_>, at: Site, hops: usize) -> Vec<(Way, Site)> {
        let program = builder.program;
        let mut all = vec![(self.clone(), at)];
        let settled = self.settled(builder).pop().unwrap_or_else(|| self.clone());
        if let (Some(hops), Some((body, param))) = (hops.checked_sub(1), settled.param(program)) {
            for site in program.calls().callers(body).iter().filter(|site| site.body != body).take(ALL) {
                if let Some(way) = settled.at_call(program, *site, body, param) {
                    all.extend(way.by_each_caller(builder, *site, hops));
                }
            }
        }
        all
    }

    /// The ways to the same object, from the nearest to the farthest.
    fn settled(&self, builder: &Builder<'_, '_>) -> Vec<Way> {
        let mut stages = vec![self.clone()];
        while let Some(next) = stages.last().and_then(|last| last.further(builder)) {
            if stages.len() > HOPS || stages.contains(&next) {
                break;
            }
            stages.push(next);
        }
        stages
    }

    /// Who the object belongs to.
    pub(super) fn owner(&self, builder: &Builder<'_, '_>) -> Owner {
        let program = builder.program;
        let stages = self.settled(builder);
        let mut spots: Vec<Spot> = stages.iter().filter_map(Way::place).collect();
        let lasting = stages.last().and_then(|last| match &last.from {
            made @ (Spot::Value(..) | Spot::Local(..)) if last.fields.len() == last.inside => {
                let trail = program.follow(made.clone(), 0, Returns::Stop);
                trail.own.iter().filter(|spot| matches!(spot, Spot::Field(..) | Spot::Global(..))).min().cloned()
            }
            _ => None,
        });
        let named = stages.iter().find(|way| way.param(program).is_none() || way.home.is_some());
        let name = match (named, &lasting) {
            (Some(Way { from: Spot::Value(..), home: None, .. }), Some(lasting)) => builder.spot_name(lasting),
            (Some(way), _) => way.name(builder),
            (None, _) => stages.last().unwrap_or(self).name(builder),
        };
        spots.extend(lasting);
        Owner { name, spots }
    }

    /// The place that is the object itself.
    fn place(&self) -> Option<Spot> {
        self.home.clone().or_else(|| (self.fields.len() == self.inside).then(|| self.from.clone()))
    }

    fn name(&self, builder: &Builder<'_, '_>) -> String {
        let own = |(body, local): (BodyRef, LocalId)| {
            let mut params = builder.program.body(body).params.iter();
            params.any(|param| param.local == local && param.kind == ParamKind::Receiver)
        };
        let itself = self.param(builder.program).filter(|param| own(*param)).and_then(|(body, _)| {
            let ty = builder.program.owner_around(body)?;
            Some(builder.program.header(ty).name.to_string())
        });
        // Of an object that is `self` there is no name but that of its part.
        let shown = self.fields.len() - self.inside;
        let fields = if shown == 0 && itself.is_some() { &self.fields[..] } else { &self.fields[..shown] };
        let start = itself.unwrap_or_else(|| builder.spot_name(&self.from));
        fields.iter().fold(start, |name, field| format!("{name}.{field}"))
    }
}

fn same(ways: impl Iterator<Item = Option<Way>>) -> Option<Way> {
    fact!(same);
    let mut ways = ways;
    let first = ways.next()??;
    ways.all(|way| way.as_ref() == Some(&first)).then_some(first)
}

fn origin_of(program: &Program<'_>, body: BodyRef, local: LocalId) -> Option<LocalOrigin> {
    program.body(body).locals.get(local.0 as usize).map(|local| local.origin)
}

/// What a function gives, where it gives the same on every way.
fn only_result(program: &Program<'_>, function: BodyRef) -> Option<ValueId> {
    let returned = program.flow(function).nodes().filter_map(|node| match &node.step.kind {
        StepKind::Return { value } => Some(*value),
        _ => None,
    });
    let mut all = program.body(function).root.value.map(Some).into_iter().chain(returned);
    let first = all.next()??;
    all.next().is_none().then_some(first)
}
