//! What variables, fields and slices hold: what is stored in them, and what is added later.

use rustc_hash::FxHashSet;
use unleak_catalogue::model::{Effect, Iterates, Kind, Phase};

use super::Sizer;
use super::number::Number;
use super::supply::{From, Growth, Size, Supply};
use crate::ledger::{Bound, Fact, Many};
use crate::program::calls::{Depth, Target};
use crate::program::trace::Spot;
use crate::program::types::{Head, Type};
use crate::program::{BodyRef, Def, Site, TypeKey};
use crate::unit::{
    Const, Item, LocalId, LocalOrigin, Name, Op, ParamKind, Place, Shape, StepId, StepKind, ValueId, Visibility,
};

/// What a function's callers give may be called few up to here; beyond, it is the function that has no limit.
pub(super) const FEW: i64 = 16;

impl Sizer<'_, '_, '_> {
    /// What a place holds.
    pub(super) fn supply_in(&self, site: Site, place: &Place, hops: u32) -> Option<Supply> {
        let body = site.body;
        match place {
            Place::Local(local) => self.supply_in_local(body, *local, hops),
            Place::Global { path, .. } => self.supply_in_global(body, path, hops),
            Place::Field { base, name } => self.supply_in_field(site, *base, name, hops),
            Place::Index { base, key: Some(key) } => self.slice(body, *base, *key, hops),
            Place::Deref { base } => Some(self.supply(body, *base, hops)),
            Place::Index { .. } => None,
        }
    }

    /// One item read from a place.
    pub(super) fn item_in(&self, site: Site, place: &Place, hops: u32) -> Supply {
        let body = site.body;
        let mut one = Supply::of(Size::Known(1));
        match place {
            Place::Local(local) => {
                let flow = self.program.flow(body);
                let mut found = None;
                for &id in flow.stores(*local) {
                    if let Some(StepKind::Store { value, .. }) = flow.step(id).map(|step| &step.kind) {
                        let here = self.item(body, *value, hops);
                        found = Some(match found {
                            Some(before) => Supply::with(before, here, Size::or),
                            None => here,
                        });
                    }
                }
                match (found, self.program.body(body).locals.get(local.0 as usize).map(|local| local.origin)) {
                    (Some(found), _) => found,
                    (None, Some(LocalOrigin::Captured { outer, .. })) => match self.parent(body) {
                        Some(parent) if hops > 0 => {
                            self.item_in(Site { body: parent, step: site.step }, &Place::Local(outer), hops - 1)
                        }
                        _ => one,
                    },
                    _ => one,
                }
            }
            _ => {
                one.elsewhere.push(self.builder.fact("this was made elsewhere", site));
                one
            }
        }
    }

    fn parent(&self, body: BodyRef) -> Option<BodyRef> {
        self.program.body(body).parent.map(|parent| BodyRef { file: body.file, body: parent })
    }

    pub(super) fn supply_in_local(&self, body: BodyRef, local: LocalId, hops: u32) -> Option<Supply> {
        let spot = Spot::Local(body, local);
        let owned = self.program.body(body);
        let variable = owned.locals.get(local.0 as usize)?;
        let Some(_busy) = self.enter_place(spot.clone()) else { return Some(Supply::of(Size::Known(0))) };
        if let (LocalOrigin::Captured { outer, .. }, true) =
            (variable.origin, self.program.flow(body).stores(local).is_empty())
        {
            let mut found = self.supply_in_local(self.parent(body)?, outer, hops.checked_sub(1)?)?;
            found.sources.push(spot);
            return Some(found);
        }
        let flow = self.program.flow(body);
        let mut held: Option<Supply> = None;
        for &id in flow.stores(local) {
            let Some(StepKind::Store { value, .. }) = flow.step(id).map(|step| &step.kind) else { continue };
            let here = self.supply(body, *value, hops);
            held = Some(match held {
                Some(before) => before.with(here, Size::or),
                None => here,
            });
        }
        if variable.origin == LocalOrigin::Param {
            let given = self.given(body, local, hops);
            held = Some(match held {
                Some(held) => held.with(given, Size::or),
                None => given,
            });
        }
        let home = flow.stores(local).first().copied().unwrap_or(StepId(0));
        let mut held = self.added(body, local, home, held?, hops);
        held.sources.push(spot);
        Some(held)
    }

    /// What is added to a local collection after it was made.
    fn added(&self, body: BodyRef, local: LocalId, home: StepId, held: Supply, hops: u32) -> Supply {
        let flow = self.program.flow(body);
        let mut held = held;
        for &id in flow.reads(local) {
            let Some(step) = flow.step(id) else { continue };
            match &step.kind {
                StepKind::Update { op: Op::Add | Op::BitOr, value, .. } => {
                    let more = self.supply(body, *value, hops).with(self.turns(body, id, home, hops), Size::times);
                    held = held.and(more);
                }
                StepKind::Read { out, .. } => {
                    for (adding, item, depth) in self.additions(body, *out) {
                        let mut turns = self.turns(body, adding, home, hops);
                        if matches!(turns.size, Size::Unknown(_)) {
                            let at = Site { body, step: adding };
                            let gate = self.gate_before(at, &[], None).or_else(|| self.emptied_in_turn(at, local));
                            turns.size = gate.map_or(turns.size, |gate| Size::Limited(Bound::Gate(gate)));
                        }
                        let more = match depth {
                            Depth::Itself => self.item(body, item, hops),
                            Depth::Elements => self.supply(body, item, hops),
                        };
                        held = held.and(more.with(turns, Size::times));
                    }
                }
                _ => {}
            }
        }
        held
    }

    /// The steps that put something into the collection that a value is.
    pub(super) fn additions(&self, body: BodyRef, collection: ValueId) -> Vec<(StepId, ValueId, Depth)> {
        let flow = self.program.flow(body);
        let mut found = Vec::new();
        for &id in flow.uses(collection) {
            match flow.step(id).map(|step| &step.kind) {
                Some(StepKind::Store { place: Place::Index { base, key: Some(_) }, value, .. })
                    if *base == collection =>
                {
                    found.push((id, *value, Depth::Itself));
                }
                Some(StepKind::Read { out, place: Place::Field { base, .. }, .. }) if *base == collection => {
                    for &call in flow.uses(*out) {
                        found.extend(self.kept_by(Site { body, step: call }, collection));
                    }
                }
                Some(StepKind::View { out, .. }) => found.extend(self.additions(body, *out)),
                _ => {}
            }
        }
        found
    }

    fn kept_by(&self, site: Site, receiver: ValueId) -> Option<(StepId, ValueId, Depth)> {
        let call = self.program.call(site)?;
        if call.receiver != Some(receiver) {
            return None;
        }
        let Target::Model(model) = &call.target else { return None };
        for (subject, effect) in &model.does {
            if matches!(effect, Effect::Kept | Effect::KeptWeakly) {
                let (value, depth) = self.program.subjects(&call, subject).into_iter().next()?;
                return Some((site.step, value, depth));
            }
        }
        None
    }

    /// What callers give for a parameter.
    fn given(&self, body: BodyRef, local: LocalId, hops: u32) -> Supply {
        let from = self.said_by_callers(body, local, super::SAYS);
        let from = if self.is_stream(body, local) { from.max(From::Given) } else { from };
        let any = |from| Size::Unknown(Growth { fact: self.given_fact(body, local), from });
        let ty = self.program.type_of_local(body, local);
        if self.counts_for_itself(&ty) {
            return Supply::of(any(From::OwnIterator));
        }
        let element = self.program.element(self.program.language(body), &ty);
        let mut elsewhere = Vec::new();
        if matches!(self.kind_of(body, &element), Some(Kind::Task | Kind::Thread | Kind::Signal)) {
            elsewhere.push(self.given_fact(body, local));
        }
        let rest = self.program.body(body).params.iter().any(|p| p.local == local && p.kind == ParamKind::Rest);
        let all = self.callers_of_product(body).into_iter().map(|site| self.given_at(site, body, local, rest, hops));
        let Some(all) = all.reduce(|before, here| before.with(here, Size::or)) else {
            let setting = || Size::Limited(Bound::Setting(self.builder.spot_name(&Spot::Local(body, local))));
            let once = self.program.phase_of(body) == Some(Phase::SetUp);
            return Supply { elsewhere, ..Supply::of(if once { setting() } else { any(from) }) };
        };
        let size = match all.size {
            Size::Known(number) if number <= FEW => return all,
            Size::Limited(_) => return all,
            // A few today by a constant; what is many is whatever the next caller gives.
            Size::Known(_) => any(From::Given),
            Size::Unknown(growth) if growth.from == From::Outside => Size::Unknown(growth),
            Size::Unknown(growth) => any(growth.from.max(from)),
        };
        Supply { size, elsewhere, ..all }
    }

    /// Whether a parameter is a stream: its items are events, whoever hands it in.
    fn is_stream(&self, body: BodyRef, local: LocalId) -> bool {
        fact!(is_stream);
        let ty = self.program.type_of_local(body, local);
        let model =
            ty.model_path().and_then(|path| self.program.catalogue.ty(self.program.language(body).name(), path));
        model.is_some_and(|model| model.iterates == Iterates::Events)
    }

    fn given_fact(&self, body: BodyRef, local: LocalId) -> Fact {
        let name = self.builder.spot_name(&Spot::Local(body, local));
        let span = self.program.body(body).locals[local.0 as usize].span;
        Fact {
            label: format!("the caller may give any number of `{name}`"),
            location: self.builder.location(body, span),
        }
    }

    /// What one call gives; nothing where it leaves the default.
    fn given_at(&self, site: Site, body: BodyRef, local: LocalId, rest: bool, hops: u32) -> Supply {
        let hops = hops.saturating_sub(1);
        let mut here = Supply::of(Size::Known(0));
        for (value, _) in self.program.bound_args(site, body).into_iter().filter(|(_, to)| *to == local) {
            let single = rest && !self.is_spread(site, value);
            here =
                here.and(if single { self.item(site.body, value, hops) } else { self.supply(site.body, value, hops) });
        }
        here
    }

    fn is_spread(&self, site: Site, value: ValueId) -> bool {
        fact!(is_spread);
        let call = self.program.call(site);
        call.is_some_and(|call| {
            call.args.iter().any(|arg| arg.value == value && arg.kind == crate::unit::ArgKind::Spread)
        })
    }

    fn supply_in_global(&self, body: BodyRef, path: &[Name], hops: u32) -> Option<Supply> {
        match self.program.resolve_path(body, path)? {
            // Looping over a class itself gives what it is written with.
            Def::Type(ty) => Some(Supply::of(Size::Known(self.program.header(ty).fields.len().max(1) as i64))),
            Def::Variable { file, name } => {
                self.supply_of_sites(&Spot::Global(file, name.clone()), self.program.global_sites(file, &name), hops)
            }
            _ => None,
        }
    }

    fn supply_in_field(&self, site: Site, base: ValueId, name: &Name, hops: u32) -> Option<Supply> {
        let spot = self.program.field_spot(site.body, base, name);
        let Spot::Field(ty, _) = spot else { return None };
        if let Some(method) = self.program.methods(ty, name).first() {
            return self.returned_by(*method, hops);
        }
        self.supply_of_sites(&spot, &self.program.field_sites(ty, name), hops)
    }

    fn returned_by(&self, method: BodyRef, hops: u32) -> Option<Supply> {
        let flow = self.program.flow(method);
        let returned = flow.nodes().find_map(|node| match &node.step.kind {
            StepKind::Return { value: Some(value) } => Some(*value),
            _ => None,
        })?;
        Some(self.supply(method, returned, hops.checked_sub(1)?))
    }

    /// What a field or module variable holds: what is stored there, unless more is added later.
    fn supply_of_sites(&self, spot: &Spot, sites: &[Site], hops: u32) -> Option<Supply> {
        let hops = hops.checked_sub(1)?;
        let _busy = self.enter_place(spot.clone())?;
        let name = self.builder.spot_name(spot);
        let mut held: Option<Supply> = None;
        let mut tasks = Vec::new();
        let mut grows: Option<(From, Site)> = None;
        let setting = || Size::Limited(Bound::Setting(name.clone()));
        for &site in sites {
            let mut note = |from, at| {
                if grows.as_ref().is_none_or(|(before, _)| *before < from) {
                    grows = Some((from, at));
                }
            };
            match &self.step(site).kind {
                StepKind::Store { value, .. } => {
                    let mut here = self.supply(site.body, *value, hops);
                    if self.program.sets_up(site) && matches!(here.size, Size::Unknown(_)) {
                        here.size = setting();
                    }
                    held = Some(match held {
                        Some(before) => before.with(here, Size::or),
                        None => here,
                    });
                }
                StepKind::Update { .. } if self.program.sets_up(site) => {}
                StepKind::Update { .. } => note(self.growth_at(site, sites), site),
                StepKind::Read { out, .. } => {
                    for (step, item, _) in self.additions(site.body, *out) {
                        let adding = Site { body: site.body, step };
                        let item = self.item(site.body, item, hops);
                        if item.makers.iter().any(|maker| maker.starts == super::supply::Starts::AtOnce) {
                            tasks.push(self.builder.fact(format!("kept in `{name}` here"), adding));
                        }
                        match held.as_mut() {
                            Some(held) if self.program.sets_up(adding) => {
                                held.size = std::mem::replace(&mut held.size, Size::Known(0)).or(setting());
                            }
                            None if self.program.sets_up(adding) => held = Some(Supply::of(setting())),
                            _ => note(self.growth_at(adding, sites), adding),
                        }
                    }
                }
                _ => {}
            }
        }
        let mut supply = match (held, grows) {
            (held, Some((from, site))) => {
                let more = self.unknown(format!("`{name}` gets more items here"), site, from);
                held.map_or(more.clone(), |held| held.with(more, Size::or))
            }
            (Some(held), None) => held,
            (None, None) if self.is_declared(spot) => Supply::of(setting()),
            (None, None) => return None,
        };
        // What is kept beyond the frame was made for its keeper.
        let kept = std::mem::take(&mut supply.makers);
        supply.elsewhere.extend(kept.iter().map(|maker| self.builder.fact(format!("kept in `{name}`"), maker.site)));
        supply.elsewhere.extend(tasks);
        supply.sources.push(spot.clone());
        Some(supply)
    }

    /// Who says how often something is added: events, callers that are not seen, or nobody.
    fn growth_at(&self, adding: Site, sites: &[Site]) -> From {
        let named = self.program.named_around(adding.body);
        let often = self.builder.many(adding);
        let whoever = || {
            self.program.calls().callers(named).is_empty()
                && self.program.body(named).visibility == Visibility::Public
                && !self.is_decorator(named)
        };
        if matches!(often, Many::PerEvent | Many::PerItem) || whoever() || self.comes_and_goes(sites) {
            From::Gathered
        } else {
            From::Unseen
        }
    }

    /// Whether a function is written above others, which it registers as the module is read.
    fn is_decorator(&self, function: BodyRef) -> bool {
        fact!(is_decorator);
        self.decorators.get_or_init(|| self.all_decorators()).contains(&function)
    }

    fn all_decorators(&self) -> FxHashSet<BodyRef> {
        let marks =
            self.program.bodies().flat_map(|body| self.program.body(body).marks.iter().map(move |mark| (body, mark)));
        let meant = marks.filter_map(|(body, mark)| match self.program.resolve_path(body, &mark.path) {
            Some(Def::Function(function)) => Some(function),
            _ => None,
        });
        meant.collect()
    }

    /// Whether a field is declared in its type, so that whoever makes the object sets it.
    fn is_declared(&self, spot: &Spot) -> bool {
        fact!(is_declared);
        let Spot::Field(ty, name) = spot else { return false };
        self.program.header(*ty).fields.iter().any(|field| field.name == *name)
    }

    /// `xs[a:b]`.
    fn slice(&self, body: BodyRef, base: ValueId, key: ValueId, hops: u32) -> Option<Supply> {
        let step = self.program.flow(body).def(key)?;
        let StepKind::Collect { shape: Shape::Range, items, .. } = &step.kind else { return None };
        let [Item::One(lower), Item::One(upper), ..] = items[..] else { return None };
        let whole = self.supply(body, base, hops);
        let nothing = |value: ValueId| matches!(self.program.constant_of(body, value), Some(Const::Nothing));
        let length = match (nothing(lower), nothing(upper)) {
            (true, false) => self.number(body, upper, 8),
            (false, true) => match self.number(body, lower, 8) {
                Number::Const(number) if number < 0 => Number::Const(-number),
                _ => Number::Length,
            },
            (false, false) => self.width(body, lower, upper),
            (true, true) => Number::Length,
        };
        if matches!(whole.size, Size::Known(_)) || !length.limits(self.most_at_once(body)) {
            return Some(whole);
        }
        let site = Site { body, step: step.id };
        let gate = Bound::Gate(self.builder.fact(format!("a slice of {}", length.text()), site));
        Some(Supply { size: Size::Limited(gate), ..whole })
    }

    /// The distance of the ends of `xs[a : a + n]`.
    fn width(&self, body: BodyRef, lower: ValueId, upper: ValueId) -> Number {
        let (low, high) = (self.number(body, lower, 8), self.number(body, upper, 8));
        if let (Number::Const(low), Number::Const(high)) = (&low, &high) {
            return Number::Const(high - low);
        }
        let Some(StepKind::Operate { op: Op::Add, operands, .. }) =
            self.program.flow(body).def(upper).map(|step| &step.kind)
        else {
            return high;
        };
        let start = self.program.origin(body, lower).0;
        let added = operands.iter().find(|operand| self.program.origin(body, **operand).0 != start);
        added.map_or(Number::Length, |added| self.number(body, *added, 8))
    }

    /// Whether a value is of a type of the program.
    pub(super) fn project_type(&self, body: BodyRef, value: ValueId) -> Option<TypeKey> {
        fact!(project_type);
        match self.program.type_of(body, value) {
            Type::Named(Head::Project(ty), _) => Some(ty),
            _ => None,
        }
    }
}
