//! What a collection of awaitables holds: how many, who makes them, and whether they were made elsewhere.

use unleak_catalogue::model::{CallModel, Effect, Kind};
use unleak_catalogue::subject::{Subject, TypeRef};

use super::number::Number;
use super::{SAYS, Sizer};
use crate::ledger::{Bound, Fact, Many};
use crate::program::calls::{Call, Depth, Target};
use crate::program::trace::Spot;
use crate::program::types::{Head, Type};
use crate::program::{BodyRef, Site};
use crate::source::Language;
use crate::unit::{BodyId, Colour, Driver, Item, Part, Shape, StepId, StepKind, TypeTree, ValueId};

/// How many.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Size {
    /// At most this many.
    Known(i64),
    /// As many as this allows.
    Limited(Bound),
    /// Any number.
    Unknown(Growth),
}

/// Why a number is not known.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Growth {
    /// Where the items come from.
    pub(super) fact: Fact,
    /// Whether that is shown to be outside.
    pub(super) from: From,
}

/// Who says how large an unknown number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum From {
    /// An iterator of the program's own, which counts for itself.
    OwnIterator,
    /// Nobody that is seen, for what a place holds: it may well be small.
    Unseen,
    /// Code that was not read, or callers that are not seen.
    Unread,
    /// What has gathered in a place that lasts: it is often small.
    Gathered,
    /// Whoever calls: it may be small.
    Given,
    /// A stream, a connection, a client, a query.
    Outside,
}

/// What makes an awaitable in this frame.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Maker {
    /// Where.
    pub(super) site: Site,
    /// What runs, as far as it is known.
    pub(super) work: Vec<BodyRef>,
    /// Whether it runs before it is awaited.
    pub(super) starts: Starts,
}

/// Whether something runs before it is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Starts {
    /// A task: it runs at once.
    AtOnce,
    /// A coroutine or future: the fan-out runs it.
    Later,
}

/// What a collection holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Supply {
    /// How many.
    pub(super) size: Size,
    /// Who makes them here.
    pub(super) makers: Vec<Maker>,
    /// Where those come from that were made elsewhere.
    pub(super) elsewhere: Vec<Fact>,
    /// The places whose number of items this is.
    pub(super) sources: Vec<Spot>,
}

impl Supply {
    pub(super) fn of(size: Size) -> Supply {
        Supply { size, makers: Vec::new(), elsewhere: Vec::new(), sources: Vec::new() }
    }

    pub(super) fn with(mut self, other: Supply, size: impl FnOnce(Size, Size) -> Size) -> Supply {
        self.size = size(self.size, other.size);
        self.makers.extend(other.makers);
        self.elsewhere.extend(other.elsewhere);
        self.sources.extend(other.sources);
        self
    }

    /// Both together.
    pub(super) fn and(self, other: Supply) -> Supply {
        self.with(other, Size::and)
    }
}

impl Size {
    fn rank(&self) -> u8 {
        match self {
            Size::Known(_) => 0,
            Size::Limited(_) => 1,
            Size::Unknown(growth) => 2 + growth.from as u8,
        }
    }

    fn worse(self, other: Size) -> Size {
        if self.rank() >= other.rank() { self } else { other }
    }

    /// The sum.
    pub(super) fn and(self, other: Size) -> Size {
        match (&self, &other) {
            (Size::Known(a), Size::Known(b)) => Size::Known(a.saturating_add(*b)),
            _ => self.worse(other),
        }
    }

    /// The product.
    pub(super) fn times(self, other: Size) -> Size {
        match (&self, &other) {
            (Size::Known(a), Size::Known(b)) => Size::Known(a.saturating_mul(*b)),
            _ => self.worse(other),
        }
    }

    /// The larger.
    pub(super) fn or(self, other: Size) -> Size {
        match (&self, &other) {
            (Size::Known(a), Size::Known(b)) => Size::Known(*a.max(b)),
            _ => self.worse(other),
        }
    }
}

impl<'a> Sizer<'_, '_, 'a> {
    /// A number of items that is not known.
    pub(super) fn unknown(&self, label: String, site: Site, from: From) -> Supply {
        Supply::of(Size::Unknown(Growth { fact: self.builder.fact(label, site), from }))
    }

    /// Whether a type is the program's own and holds no collection: what is gone through counts for itself.
    pub(super) fn counts_for_itself(&self, ty: &Type) -> bool {
        fact!(counts_for_itself);
        let Type::Named(Head::Project(own), _) = ty else { return false };
        let module = BodyRef { file: own.file, body: BodyId::MODULE };
        let fields = &self.program.header(*own).fields;
        let is_one = |tree: &TypeTree| {
            let plain = matches!(tree, TypeTree::Path { args, .. } if args.is_empty());
            plain && self.kind_of(module, &self.program.type_from_tree(module, tree)).is_none()
        };
        !fields.is_empty() && fields.iter().all(|field| field.ty.as_ref().is_some_and(is_one))
    }

    /// What a collection holds.
    pub(super) fn supply(&self, body: BodyRef, value: ValueId, hops: u32) -> Supply {
        let Some(step) = self.program.flow(body).def(value) else { return Supply::of(Size::Known(1)) };
        let site = Site { body, step: step.id };
        let any = || {
            let what = self.builder.written_value(body, value, 4);
            let handle = self.is_handle(body, Some(value));
            let from = match handle {
                true => From::Outside,
                false if self.counts_for_itself(&self.program.type_of(body, value)) => From::OwnIterator,
                false => self.said_by(body, value, SAYS),
            };
            self.unknown(format!("`{what}` can have any number of items"), site, from)
        };
        let Some(hops) = hops.checked_sub(1).filter(|_| self.is_patient()) else { return any() };
        match &step.kind {
            StepKind::Collect { out, shape, items } => self.collected(site, *out, shape, items, hops),
            StepKind::Read { place, .. } => {
                let supply = self.supply_in(site, place, hops).unwrap_or_else(any);
                self.elements_by_type(site, value, supply)
            }
            StepKind::View { value, .. } | StepKind::Propagate { value, .. } => self.supply(body, *value, hops),
            StepKind::Part { of, part: Part::Whole | Part::Variant(..), .. } => self.supply(body, *of, hops),
            StepKind::Part { of, .. } => self.part_supply(site, *of, any),
            StepKind::Join { from, .. } => {
                let all = from.iter().map(|value| self.supply(body, *value, hops));
                all.reduce(|a, b| a.with(b, Size::or)).unwrap_or_else(any)
            }
            StepKind::Operate { operands, .. } if operands.len() == 2 => {
                let all = operands.iter().map(|value| self.supply(body, *value, hops));
                all.reduce(Supply::and).unwrap_or_else(any)
            }
            StepKind::Await { value, .. } => self.awaited(site, *value, hops).unwrap_or_else(any),
            StepKind::Call { .. } => self.supply_of_call(site, hops).unwrap_or_else(any),
            StepKind::Loop { driver: Driver::Each { source, .. }, .. } => {
                self.piece(body, *source, hops).unwrap_or_else(any)
            }
            _ => any(),
        }
    }

    fn collected(&self, site: Site, out: ValueId, shape: &Shape, items: &[Item], hops: u32) -> Supply {
        let body = site.body;
        match (shape, items) {
            (Shape::Range, [.., Item::One(last)]) => return self.counted(site, *last, hops),
            (Shape::Repeat, [Item::One(item), Item::One(length)]) => {
                let mut supply = self.item(body, *item, hops);
                supply.size = self.counted(site, *length, hops).size;
                return supply;
            }
            _ => {}
        }
        let mut all = Supply::of(Size::Known(0));
        for item in items {
            all = all.and(match item {
                Item::One(value) | Item::Pair(_, value) | Item::Field(_, value) => self.item(body, *value, hops),
                Item::Spread(value) => self.supply(body, *value, hops),
            });
        }
        let flow = self.program.flow(body);
        for &id in flow.uses(out) {
            if let Some(StepKind::Grow { into, key, value }) = flow.step(id).map(|step| &step.kind)
                && *into == out
            {
                let turns = self.turns(body, id, site.step, hops);
                let mut item = self.item(body, *value, hops);
                if let Some(key) = key {
                    item = item.with(self.item(body, *key, hops), Size::or);
                }
                all = all.and(item.with(turns, Size::times));
            }
        }
        all
    }

    /// A size given by a number.
    pub(super) fn counted(&self, site: Site, value: ValueId, hops: u32) -> Supply {
        match self.number(site.body, value, hops) {
            Number::Length => {
                self.measured(site.body, value, hops).unwrap_or_else(|| self.as_many(site, Number::Length))
            }
            number => self.as_many(site, number),
        }
    }

    /// As many as a number says.
    fn as_many(&self, site: Site, number: Number) -> Supply {
        match number {
            Number::Const(number) if number <= 10_000 => Supply::of(Size::Known(number.max(0))),
            Number::Setting(name) => Supply::of(Size::Limited(Bound::Setting(name))),
            Number::Const(_) => self.unknown(format!("as many as {}", number.text()), site, From::Given),
            _ => self.unknown(format!("as many as {}", number.text()), site, From::Unseen),
        }
    }

    /// How often the loops around a step turn that do not stand around another.
    pub(super) fn turns(&self, body: BodyRef, step: StepId, home: StepId, hops: u32) -> Supply {
        let flow = self.program.flow(body);
        let mut turns = Supply::of(Size::Known(1));
        for (outer, _) in flow.around(step) {
            let StepKind::Loop { driver, .. } = &outer.kind else { continue };
            if flow.within(home, outer.id) {
                break;
            }
            let site = Site { body, step: outer.id };
            let here = match driver {
                Driver::Each { colour: Colour::Async, .. } => {
                    self.unknown("one for each item of a stream".to_owned(), site, From::Outside)
                }
                Driver::Each { source, .. } => self.supply(body, *source, hops),
                _ => {
                    let waits = self.program.turns_of(site) == Many::PerEvent;
                    let from = if waits { From::Given } else { From::Unseen };
                    self.unknown("one for each turn of this loop".to_owned(), site, from)
                }
            };
            turns = turns.with(Supply { makers: Vec::new(), elsewhere: Vec::new(), ..here }, Size::times);
        }
        turns
    }

    /// One item: who makes it.
    pub(super) fn item(&self, body: BodyRef, value: ValueId, hops: u32) -> Supply {
        let one = Supply::of(Size::Known(1));
        let Some(hops) = hops.checked_sub(1).filter(|_| self.is_patient()) else { return one };
        let Some(step) = self.program.flow(body).def(value) else { return one };
        let site = Site { body, step: step.id };
        let made = |work: Vec<BodyRef>, starts| Supply { makers: vec![Maker { site, work, starts }], ..one.clone() };
        match &step.kind {
            StepKind::Call { .. } => self.called_item(site, hops),
            StepKind::Closure { body: inner, .. } => {
                made(vec![BodyRef { file: body.file, body: *inner }], Starts::Later)
            }
            StepKind::View { value, .. } | StepKind::Part { of: value, part: Part::Whole, .. } => {
                self.item(body, *value, hops)
            }
            StepKind::Join { from, .. } => {
                let all: Vec<Supply> = from.iter().map(|value| self.item(body, *value, hops)).collect();
                // Where one way of making it waits at a gate, somebody decides whether there is one.
                let gated = all.iter().find(|way| self.gate_inside(&way.makers).is_some()).cloned();
                gated.or_else(|| all.into_iter().reduce(|a, b| a.with(b, Size::or))).unwrap_or(one)
            }
            StepKind::Read { place, .. } => self.item_in(site, place, hops),
            // An item of a loop is whatever the collection holds.
            StepKind::Loop { driver: Driver::Each { source, .. }, .. } => {
                Supply { size: Size::Known(1), ..self.supply(body, *source, hops) }
            }
            StepKind::Part { of, part: Part::Index(at), .. } => match self.nth(body, *of, *at) {
                Some(value) => self.item(body, value, hops),
                None => self.by_type(site, value, one),
            },
            _ => self.by_type(site, value, one),
        }
    }

    /// The n-th item of a literal that is taken apart at once.
    fn nth(&self, body: BodyRef, of: ValueId, at: u32) -> Option<ValueId> {
        fact!(nth);
        match &self.program.flow(body).def(of)?.kind {
            StepKind::Collect { items, .. } => match items.get(at as usize)? {
                Item::One(value) => Some(*value),
                _ => None,
            },
            _ => None,
        }
    }

    /// A task that comes from where it is not seen was made there.
    fn by_type(&self, site: Site, value: ValueId, mut one: Supply) -> Supply {
        if matches!(self.kind_of(site.body, &self.program.type_of(site.body, value)), Some(Kind::Task | Kind::Signal)) {
            one.elsewhere.push(self.builder.fact("this was made before", site));
        }
        one
    }

    fn called_item(&self, site: Site, hops: u32) -> Supply {
        let one = Supply::of(Size::Known(1));
        let Some(call) = self.program.call(site) else { return one };
        let made = |work: Vec<BodyRef>, starts| Supply { makers: vec![Maker { site, work, starts }], ..one.clone() };
        match &call.target {
            Target::Model(model) => {
                let through = self.passed_through(&call, model).is_some();
                if !through && model.birth.as_ref().is_some_and(|birth| matches!(birth.kind, Kind::Task | Kind::Thread))
                {
                    return made(self.run_by(&call, model, site.body), Starts::AtOnce);
                }
                match self.passed_through(&call, model) {
                    Some((value, Depth::Itself)) => self.item(site.body, value, hops),
                    _ => made(Vec::new(), Starts::Later),
                }
            }
            Target::Functions(functions) => {
                let starts = self.starts(functions, hops);
                made(functions.clone(), starts)
            }
            _ => made(Vec::new(), Starts::Later),
        }
    }

    /// Whether functions give back tasks.
    fn starts(&self, functions: &[BodyRef], hops: u32) -> Starts {
        let gives_task = |function: &BodyRef| match self.program.result_of(*function) {
            ty if self.kind_of(*function, &ty) == Some(Kind::Task) => {
                self.program.body(*function).colour == Colour::Sync
            }
            _ => false,
        };
        if hops > 0 && functions.iter().any(gives_task) { Starts::AtOnce } else { Starts::Later }
    }

    /// The bodies that a start runs.
    pub(super) fn run_by(&self, call: &Call<'a>, model: &CallModel, body: BodyRef) -> Vec<BodyRef> {
        let run = model.does.iter().filter(|(_, effect)| matches!(effect, Effect::Run | Effect::Called));
        let values = run.flat_map(|(subject, _)| self.program.subjects(call, subject));
        values.filter_map(|(value, _)| self.work_of(body, value)).collect()
    }

    /// The body that a coroutine, function or variable of one runs.
    fn work_of(&self, body: BodyRef, value: ValueId) -> Option<BodyRef> {
        self.program.work_of(body, value)
    }

    /// What a modelled call gives back again.
    pub(super) fn passed_through(&self, call: &Call<'a>, model: &CallModel) -> Option<(ValueId, Depth)> {
        let through = model.does.iter().find(|(_, effect)| **effect == Effect::PassedThrough)?;
        self.program.subjects(call, through.0).into_iter().next()
    }

    fn awaited(&self, site: Site, value: ValueId, hops: u32) -> Option<Supply> {
        let step = self.program.flow(site.body).def(value)?;
        match &step.kind {
            StepKind::Call { .. } => self.supply_of_call(Site { body: site.body, step: step.id }, hops),
            _ => None,
        }
    }

    fn supply_of_call(&self, site: Site, hops: u32) -> Option<Supply> {
        let call = self.program.call(site)?;
        match &call.target {
            Target::Model(model) => self.supply_of_model(site, &call, model, hops),
            Target::Functions(functions) => self.supply_of_functions(site, functions, hops),
            _ => None,
        }
    }

    fn supply_of_model(&self, site: Site, call: &Call<'a>, model: &'a CallModel, hops: u32) -> Option<Supply> {
        if model.does.get(&Subject::Receiver) == Some(&Effect::Take)
            && let Some(receiver) = call.receiver
        {
            return self.piece(site.body, receiver, hops);
        }
        let through: Vec<&Subject> = model
            .does
            .iter()
            .filter(|(_, effect)| matches!(effect, Effect::PassedThrough | Effect::TakeAll))
            .map(|(s, _)| s)
            .collect();
        let values = through.into_iter().flat_map(|subject| self.program.subjects(call, subject));
        let mut held: Option<Supply> = None;
        for (value, _) in values {
            let here = self.supply(site.body, value, hops);
            held = Some(match held {
                Some(before) => before.and(here),
                None => here,
            });
        }
        if self.maps(model)
            && let Some(held) = held.as_mut()
        {
            held.makers = vec![Maker { site, work: self.run_by(call, model, site.body), starts: Starts::Later }];
            held.elsewhere.clear();
        }
        if let Some(bound) = self.at_most(site, model, hops)
            && bound.limits(self.most_at_once(site.body))
        {
            let size = self.as_many(site, bound).size;
            return Some(Supply { size, ..held.unwrap_or_else(|| Supply::of(Size::Known(0))) });
        }
        if model.at_most.iter().any(|subject| *subject != Subject::Rest(0)) {
            let bound = self.at_most(site, model, hops)?;
            return Some(held.unwrap_or_else(|| self.as_many(site, bound)));
        }
        if held.is_some() {
            return held;
        }
        let birth = model.birth.as_ref().map(|birth| birth.kind);
        // What is made of nothing else is empty, whatever it has room for.
        let room_only = self.program.language(site.body) == Language::Rust;
        if birth == Some(Kind::Collection) && (room_only || call.args.is_empty()) {
            return Some(Supply::of(Size::Known(0)));
        }
        if let (Some(TypeRef::Receiver), Some(receiver)) = (&model.returns, call.receiver) {
            return Some(self.supply(site.body, receiver, hops));
        }
        let from = self.said_by(site.body, call.out, SAYS);
        Some(self.unknown(format!("`{}` gives any number of items", self.builder.written(site)), site, from))
    }

    /// Whether a call makes one new thing of each.
    fn maps(&self, model: &CallModel) -> bool {
        let Some(TypeRef::Named { args, .. }) = &model.returns else { return false };
        args.iter().any(|arg| matches!(arg, TypeRef::Called(_)))
    }

    fn supply_of_functions(&self, site: Site, functions: &[BodyRef], hops: u32) -> Option<Supply> {
        let all = functions.iter().map(|function| self.supply_of_function(site, *function, hops));
        all.reduce(|a, b| Some(a?.with(b?, Size::or)))?
    }

    fn supply_of_function(&self, site: Site, function: BodyRef, hops: u32) -> Option<Supply> {
        let _busy = self.enter_function(function)?;
        let flow = self.program.flow(function);
        let returned = flow.nodes().filter_map(|node| match &node.step.kind {
            StepKind::Return { value: Some(value) } => Some(*value),
            _ => None,
        });
        let tail = self.program.body(function).root.value;
        let all = returned.chain(tail).map(|value| self.supply(function, value, hops));
        let found = all.reduce(|a, b| a.with(b, Size::or))?;
        match found.size {
            // What is many today by a constant is whatever the function gives tomorrow.
            Size::Known(number) if number > super::places::FEW => {
                let label = format!("`{}` gives any number of items", self.builder.written(site));
                Some(self.unknown(label, site, From::Given))
            }
            _ => Some(found),
        }
    }
}
