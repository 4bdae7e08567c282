//! Who says how many there are, where they are not counted: the outside, a caller, or nobody that is seen.

use unleak_catalogue::model::{CallModel, Effect, Gives, HandlesEvents, Kind, Phase};

use super::Sizer;
use super::places::FEW;
use super::supply::{From, Size, Supply};
use crate::program::calls::{Call, Target};
use crate::program::trace::Spot;
use crate::program::{BodyRef, Site};
use crate::unit::{Colour, Driver, Item, LocalId, LocalOrigin, ParamKind, Place, StepKind, ValueId};

impl<'a> Sizer<'_, '_, 'a> {
    /// Who says how much a value holds.
    pub(super) fn said_by(&self, body: BodyRef, value: ValueId, hops: u32) -> From {
        let (Some(hops), Some(step)) = (hops.checked_sub(1), self.program.flow(body).def(value)) else {
            return From::Unseen;
        };
        if !self.is_patient() {
            return From::Unseen;
        }
        match &step.kind {
            StepKind::View { value, .. }
            | StepKind::Propagate { value, .. }
            | StepKind::Await { value, .. }
            | StepKind::Part { of: value, .. } => self.said_by(body, *value, hops),
            StepKind::Join { from, .. } => self.worst(body, from, hops),
            StepKind::Read { place, .. } => self.said_in(body, place, hops),
            StepKind::Loop { driver: Driver::Each { colour: Colour::Async, .. }, .. } => From::Outside,
            StepKind::Loop { driver: Driver::Each { source, .. }, .. } => self.said_by(body, *source, hops),
            StepKind::Scope { items, .. } => {
                let item = items.iter().find(|item| item.entered == value);
                item.map_or(From::Unseen, |item| self.said_by(body, item.context, hops))
            }
            StepKind::Collect { items, .. } => self.said_by_literal(body, value, items, hops),
            StepKind::Call { .. } => self.said_by_call(Site { body, step: step.id }, hops),
            _ => From::Unseen,
        }
    }

    /// A literal says it itself, or what stands in it does.
    fn said_by_literal(&self, body: BodyRef, value: ValueId, items: &[Item], hops: u32) -> From {
        let own = match self.supply(body, value, hops).size {
            Size::Known(number) if number > FEW => From::Given,
            Size::Unknown(growth) => growth.from,
            _ => From::Unseen,
        };
        let inside = items.iter().map(|item| match item {
            Item::One(value) | Item::Spread(value) | Item::Field(_, value) | Item::Pair(_, value) => *value,
        });
        own.max(self.worst(body, &inside.collect::<Vec<_>>(), hops))
    }

    fn worst(&self, body: BodyRef, values: &[ValueId], hops: u32) -> From {
        values.iter().map(|value| self.said_by(body, *value, hops)).max().unwrap_or(From::Unseen)
    }

    fn said_in(&self, body: BodyRef, place: &Place, hops: u32) -> From {
        match place {
            Place::Local(local) => self.said_in_local(body, *local, hops),
            // What hangs on an object is the object's affair, unless the object itself comes from outside.
            Place::Field { base, .. } => match self.said_by(body, *base, hops) {
                From::Outside => From::Outside,
                _ => From::Unseen,
            },
            Place::Index { base, .. } | Place::Deref { base } => self.said_by(body, *base, hops),
            Place::Global { .. } => From::Unseen,
        }
    }

    fn said_in_local(&self, body: BodyRef, local: LocalId, hops: u32) -> From {
        let Some(_busy) = self.enter_place(Spot::Local(body, local)) else { return From::Unseen };
        let owned = self.program.body(body);
        let origin = owned.locals.get(local.0 as usize).map(|local| local.origin);
        let flow = self.program.flow(body);
        let stored = flow.stores(local).iter().filter_map(|id| match flow.step(*id).map(|step| &step.kind) {
            Some(StepKind::Store { value, .. }) => Some(*value),
            _ => None,
        });
        let stored: Vec<ValueId> = stored.collect();
        let own = match (origin, owned.parent) {
            (Some(LocalOrigin::Captured { outer, .. }), Some(parent)) if stored.is_empty() => {
                self.said_in_local(BodyRef { file: body.file, body: parent }, outer, hops)
            }
            (Some(LocalOrigin::Param), _) => self.said_by_callers(body, local, hops),
            _ => From::Unseen,
        };
        own.max(self.worst(body, &stored, hops))
    }

    fn said_by_call(&self, site: Site, hops: u32) -> From {
        let Some(call) = self.program.call(site) else { return From::Unseen };
        match &call.target {
            Target::Model(model) => self.said_by_model(site, &call, model, hops),
            Target::Functions(functions) => {
                let given = functions.iter().map(|function| self.said_by_function(*function, hops));
                given.max().unwrap_or(From::Unseen)
            }
            _ => call.receiver.map_or(From::Unread, |on| self.said_by(site.body, on, hops).max(From::Unread)),
        }
    }

    fn said_by_model(&self, site: Site, call: &Call<'a>, model: &CallModel, hops: u32) -> From {
        if self.is_outside(site.body, call, model) {
            return From::Outside;
        }
        let through = model.does.iter().filter(|(_, effect)| matches!(effect, Effect::PassedThrough | Effect::TakeAll));
        let values = through.flat_map(|(subject, _)| self.program.subjects(call, subject));
        let values: Vec<ValueId> = values.map(|(value, _)| value).chain(call.receiver).collect();
        self.worst(site.body, &values, hops)
    }

    /// Whether a call gives what the outside has: what arrives, rows, files, the answer of a client.
    pub(super) fn is_outside(&self, body: BodyRef, call: &Call<'a>, model: &CallModel) -> bool {
        fact!(is_outside);
        model.gives == Gives::AnyNumber
            || model.handles_events == HandlesEvents::Receives
            || model.birth.is_none() && self.is_handle(body, call.receiver)
    }

    /// Whether a value is a connection, client or file.
    pub(super) fn is_handle(&self, body: BodyRef, receiver: Option<ValueId>) -> bool {
        fact!(is_handle);
        let ty = receiver.map(|receiver| self.program.type_of(body, receiver));
        ty.is_some_and(|ty| self.kind_of(body, &ty) == Some(Kind::Handle))
    }

    fn said_by_function(&self, function: BodyRef, hops: u32) -> From {
        let Some(_busy) = self.enter_function(function) else { return From::Unseen };
        let flow = self.program.flow(function);
        let returned = flow.nodes().filter_map(|node| match &node.step.kind {
            StepKind::Return { value: Some(value) } => Some(*value),
            _ => None,
        });
        let values: Vec<ValueId> = returned.chain(self.program.body(function).root.value).collect();
        self.worst(function, &values, hops)
    }

    /// Who says what a parameter holds: a request, those that call, or, where nobody here does, whoever will.
    pub(super) fn said_by_callers(&self, body: BodyRef, local: LocalId, hops: u32) -> From {
        let Some(param) = self.program.body(body).params.iter().find(|param| param.local == local) else {
            return From::Unseen;
        };
        let named = self.program.named_around(body);
        if param.kind == ParamKind::Receiver || self.sets_up(named) {
            return From::Unseen;
        }
        if self.handles_events(body) {
            return if param.default.is_none() { From::Outside } else { From::Unseen };
        }
        let mut said = None;
        for caller in self.callers_of_product(body) {
            let bound = self.program.bound_args(caller, body).into_iter().filter(|(_, to)| *to == local);
            let given: Vec<ValueId> = bound.map(|(value, _)| value).collect();
            said = said.max(Some(self.worst(caller.body, &given, hops)));
        }
        said.unwrap_or(From::Given)
    }

    /// The calls of a function that are not of tests.
    pub(super) fn callers_of_product(&self, body: BodyRef) -> Vec<Site> {
        let callers = self.program.calls().callers(body).iter();
        let own = self.builder.setting(body);
        callers.filter(|site| self.builder.setting(site.body) == own).copied().collect()
    }

    fn handles_events(&self, body: BodyRef) -> bool {
        fact!(handles_events);
        let rhythm = &self.builder.rhythm;
        self.program.is_handler(body)
            || rhythm.registrations(body).iter().any(|registration| registration.effect == Effect::CalledPerEvent)
    }

    fn sets_up(&self, named: BodyRef) -> bool {
        self.program.phase_of(named) == Some(Phase::SetUp)
    }

    /// What is as many as something measured.
    pub(super) fn measured(&self, body: BodyRef, value: ValueId, hops: u32) -> Option<Supply> {
        fact!(measured);
        let hops = hops.checked_sub(1)?;
        let step = self.program.flow(body).def(value)?;
        match &step.kind {
            StepKind::Call { .. } => {
                let call = self.program.call(Site { body, step: step.id })?;
                let Target::Model(model) = &call.target else { return None };
                let asked = model.does.iter().filter(|(_, effect)| **effect == Effect::Measured);
                let mut asked = asked.flat_map(|(subject, _)| self.program.subjects(&call, subject));
                asked.next().map(|(value, _)| self.supply(body, value, hops))
            }
            StepKind::Operate { operands, .. } => {
                operands.iter().find_map(|operand| self.measured(body, *operand, hops))
            }
            StepKind::Read { place: Place::Local(local), .. } => {
                let stored = self.program.flow(body).stores(*local).first().copied()?;
                match &self.step(Site { body, step: stored }).kind {
                    StepKind::Store { value, .. } => self.measured(body, *value, hops),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// Whether something takes items out of a place again while its owner lives: it is a population that comes and goes.
    pub(super) fn comes_and_goes(&self, sites: &[Site]) -> bool {
        fact!(comes_and_goes);
        sites.iter().any(|site| {
            let lives = !self.program.sets_up(*site) && !self.program.phase_at(*site).is_some_and(Phase::ends);
            lives && self.takes_out(*site)
        })
    }

    fn takes_out(&self, site: Site) -> bool {
        let flow = self.program.flow(site.body);
        let StepKind::Read { out, .. } = &self.step(site).kind else { return false };
        flow.uses(*out).iter().any(|id| match flow.step(*id).map(|step| &step.kind) {
            Some(StepKind::Delete { place: Place::Index { base, .. } }) => base == out,
            Some(StepKind::Read { out: method, place: Place::Field { base, .. }, .. }) if base == out => {
                flow.uses(*method).iter().any(|call| self.removes(Site { body: site.body, step: *call }, *out))
            }
            _ => false,
        })
    }

    fn removes(&self, site: Site, receiver: ValueId) -> bool {
        let Some(call) = self.program.call(site).filter(|call| call.receiver == Some(receiver)) else { return false };
        let Target::Model(model) = &call.target else { return false };
        model.does.iter().any(|(subject, effect)| {
            matches!(effect, Effect::Remove | Effect::Take | Effect::Trim)
                && self.program.subjects(&call, subject).iter().any(|(value, _)| *value == receiver)
        })
    }
}
