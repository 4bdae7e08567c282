//! What calls do with a value, and where returns take it.

use unleak_catalogue::model::{CallModel, Effect, Kind, Takes};
use unleak_catalogue::subject::TypeRef;

use super::super::calls::{Call, Depth, Target};
use super::super::types::Type;
use super::super::{BodyRef, Def, Site, TypeKey};
use crate::unit::{Driver, LocalId, ParamKind, StepKind, ValueId};

use super::*;

impl<'a> Walk<'_, 'a, '_> {
    /// A container that came in as a parameter is the callers': of those who are not seen, nothing is known.
    pub(super) fn callers_container(&mut self, state: &State, body: BodyRef, local: LocalId) {
        let given = self.program.given_by_callers(body, local);
        for (spot, depth) in &*given {
            self.to(state, spot.clone(), state.depth + depth);
        }
        if given.is_empty()
            && let Some(&read) = self.program.flow(body).reads(local).first()
        {
            self.note(state, Site { body, step: read }, What::Unknown(CALLERS));
        }
    }

    /// `value.name`: when it is called, the call says what happens; when it is handed on, the method is.
    pub(super) fn method_read(&mut self, state: &State, body: BodyRef, out: ValueId) {
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
                    _ if state.depth == 0 => self.note(state, site, What::Attribute),
                    _ => {}
                },
            }
        }
    }

    /// A method is called on it.
    pub(super) fn received(&mut self, state: &State, site: Site) {
        let Some(call) = self.program.call(site) else { return };
        let Some(receiver) = call.receiver else { return };
        if let Target::Functions(functions) = &call.target {
            for function in functions {
                let own = self.program.body(*function).params.first().filter(|param| param.kind == ParamKind::Receiver);
                if let Some(own) = own {
                    self.to(state, Spot::Local(*function, own.local), state.depth);
                }
            }
            return;
        }
        let model = match &call.target {
            Target::Model(model) => *model,
            Target::Unknown | Target::External(_) if state.depth == 0 => match self.method_as_made(site) {
                Some(model) => model,
                None => return self.note(state, site, What::Unknown(UNMODELLED)),
            },
            _ => return,
        };
        let effect = self.program.effect_on(&call, model, receiver, Depth::Itself).unwrap_or(Effect::Observed);
        self.note(state, site, What::Effect(effect, model));
        let body = site.body;
        let pending = model.takes_effect == Takes::WhenAwaited;
        let out = |depth: u8| State { spot: Spot::Value(body, call.out), depth, pending, loose: state.loose };
        match effect {
            Effect::PassedThrough => self.go(out(state.depth)),
            _ if self.program.sees_through(body, &call, model) => self.go(out(state.depth)),
            Effect::TakeAll if state.depth > 0 => self.go(out(state.depth)),
            Effect::Take | Effect::Remove if state.depth > 0 => self.go(out(state.depth - 1)),
            _ if state.depth > 0 && model.returns == Some(TypeRef::Element) => self.go(out(state.depth - 1)),
            _ => {}
        }
    }

    /// The method that is called on it where nobody says what it is there: one of the type that it was made as.
    fn method_as_made(&self, site: Site) -> Option<&'a CallModel> {
        let (body, value) = self.made?;
        let name = self.program.method_name(site)?;
        let made = self.program.type_of(body, value);
        self.program.catalogue.method(self.program.language(body).name(), made.model_path()?, &name)
    }

    /// It is an argument of a call.
    pub(super) fn passed(&mut self, state: &State, site: Site, value: ValueId) {
        let Some(call) = self.program.call(site) else { return };
        if call.receiver == Some(value) {
            // A method called by its path.
            self.received(state, site);
            return;
        }
        if !call.args.iter().any(|arg| arg.value == value) {
            self.note(state, site, What::Called(call.out));
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
    pub(super) fn rest_depth(&self, function: BodyRef, local: LocalId) -> u8 {
        let param = self.program.body(function).params.iter().find(|param| param.local == local);
        u8::from(param.is_some_and(|param| matches!(param.kind, ParamKind::Rest | ParamKind::RestByName)))
    }

    pub(super) fn passed_to_model(
        &mut self,
        state: &State,
        site: Site,
        call: &Call<'a>,
        model: &'a CallModel,
        value: ValueId,
    ) {
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
                // Of what it is given it gives one, or all.
                let depth = if matches!(model.returns, Some(TypeRef::ElementsOf(_))) { at.depth } else { state.depth };
                // What passes through a coroutine-making call (`wait_for`) is awaited with it.
                self.go(State { spot: out, depth, pending, loose: state.loose });
            }
            Effect::AwaitedInPart if level == Depth::Elements => {
                self.note(&at, site, What::Effect(effect, model));
                // What is done and what is pending come back, each as a collection.
                let pending = model.takes_effect == Takes::WhenAwaited;
                self.go(State {
                    spot: Spot::Value(body, call.out),
                    depth: state.depth + 1,
                    pending,
                    loose: state.loose,
                });
            }
            _ => {
                self.note(&at, site, What::Effect(effect, model));
                if model.returns == Some(TypeRef::Element) || matches!(effect, Effect::TakeAll) {
                    self.value(state, body, call.out);
                }
                self.passed_on(state, site, call, model, value);
            }
        }
    }

    /// A call that calls one of its arguments with the others: what it passes on comes in as parameters.
    pub(super) fn passed_on(
        &mut self,
        state: &State,
        site: Site,
        call: &Call<'a>,
        model: &'a CallModel,
        value: ValueId,
    ) {
        let Some(subject) = &model.calls_with else { return };
        let given = self.program.subjects(call, subject);
        let Some(place) = given.iter().position(|(other, _)| *other == value) else { return };
        for arg in call.args {
            let (Type::Closure(function) | Type::Def(Def::Function(function))) =
                self.program.type_of(site.body, arg.value)
            else {
                continue;
            };
            let bound = self.program.receiver_of(site.body, arg.value).is_some();
            let params = &self.program.body(function).params;
            let own = usize::from(bound && params.first().is_some_and(|param| param.kind == ParamKind::Receiver));
            if let Some(param) = params.get(place + own) {
                self.to(state, Spot::Local(function, param.local), state.depth);
            }
        }
    }

    /// The receiver keeps it.
    pub(super) fn kept(&mut self, state: &State, site: Site, call: &Call<'a>) {
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

    pub(super) fn passed_to_constructor(
        &mut self,
        state: &State,
        site: Site,
        call: &Call<'a>,
        ty: TypeKey,
        value: ValueId,
    ) {
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

    pub(super) fn returned(&mut self, state: &State, site: Site) {
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

    pub(super) fn yielded(&mut self, state: &State, site: Site) {
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
                    Some(StepKind::Loop { driver: Driver::Each { item, .. }, .. }) => {
                        self.value(state, caller.body, *item)
                    }
                    _ => {}
                }
            }
        }
    }
}
