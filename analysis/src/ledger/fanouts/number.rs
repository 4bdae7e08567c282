//! What a number is that stands for a limit or a size.

use unleak_catalogue::model::{CallModel, Effect};

use super::Sizer;
use crate::program::calls::{Depth, Target};
use crate::program::{BodyRef, Def, Site};
use crate::unit::{BodyId, Const, LocalId, LocalOrigin, Name, Op, Place, StepKind, ValueId};

/// A number, as far as the code tells.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Number {
    /// A constant.
    Const(i64),
    /// A setting, field or parameter: somebody decides it.
    Setting(String),
    /// How many items something has: no limit of its own.
    Length,
    /// `None`, or a constant that stands for no bound.
    Nothing,
}

impl Number {
    /// Whether it limits anything, where nought and less limit nothing, and nothing above a budget does.
    pub(super) fn limits(&self, most: i64) -> bool {
        match self {
            Number::Const(number) => (1..=most).contains(number),
            Number::Setting(_) => true,
            Number::Length | Number::Nothing => false,
        }
    }

    /// As people read it.
    pub(super) fn text(&self) -> String {
        match self {
            Number::Const(number) => number.to_string(),
            Number::Setting(name) => name.clone(),
            Number::Length => "the number of items".to_owned(),
            Number::Nothing => "nothing".to_owned(),
        }
    }
}

impl Sizer<'_, '_, '_> {
    /// The number a value is.
    pub(super) fn number(&self, body: BodyRef, value: ValueId, hops: u32) -> Number {
        let named = || Number::Setting(self.builder.written_value(body, value, 4));
        let Some(hops) = hops.checked_sub(1) else { return named() };
        let Some(step) = self.program.flow(body).def(value) else { return named() };
        match &step.kind {
            StepKind::Const { value, .. } => match value {
                Const::Int(number) => Number::Const(*number),
                Const::Nothing => Number::Nothing,
                _ => named(),
            },
            StepKind::Read { place, .. } => self.number_in(body, place, hops).unwrap_or_else(named),
            StepKind::View { value, .. }
            | StepKind::Propagate { value, .. }
            | StepKind::Await { value, .. }
            | StepKind::Part { of: value, .. } => self.number(body, *value, hops),
            StepKind::Operate { op, operands, .. } => self.operated(body, *op, operands, hops).unwrap_or_else(named),
            StepKind::Join { from, .. } => {
                let all = from.iter().map(|value| self.number(body, *value, hops));
                all.reduce(|one, other| self.the_limit(body, one, other)).unwrap_or_else(named)
            }
            StepKind::Call { .. } => self.number_of_call(Site { body, step: step.id }, hops).unwrap_or_else(named),
            _ => named(),
        }
    }

    /// The one that limits, if one does.
    fn the_limit(&self, body: BodyRef, one: Number, other: Number) -> Number {
        if one.limits(self.most_at_once(body)) { one } else { other }
    }

    fn number_in(&self, body: BodyRef, place: &Place, hops: u32) -> Option<Number> {
        match place {
            Place::Local(local) => self.number_in_local(body, *local, hops),
            Place::Global { path, .. } => self.number_in_global(body, path, hops),
            _ => None,
        }
    }

    fn number_in_local(&self, body: BodyRef, local: LocalId, hops: u32) -> Option<Number> {
        let flow = self.program.flow(body);
        let mut found: Option<Number> = None;
        for &id in flow.stores(local) {
            if let Some(StepKind::Store { value, .. }) = flow.step(id).map(|step| &step.kind) {
                let number = self.number(body, *value, hops);
                found = Some(match found {
                    Some(before) => self.the_limit(body, before, number),
                    None => number,
                });
            }
        }
        let owned = self.program.body(body);
        match (found, owned.locals.get(local.0 as usize)?.origin) {
            (None, LocalOrigin::Captured { outer, .. }) => {
                let parent = BodyRef { file: body.file, body: owned.parent? };
                self.number_in_local(parent, outer, hops.checked_sub(1)?)
            }
            (found, _) => found,
        }
    }

    fn number_in_global(&self, body: BodyRef, path: &[Name], hops: u32) -> Option<Number> {
        match self.program.resolve_path(body, path)? {
            Def::Variable { file, name } => {
                let outline = &self.program.file(file).lowered.outline;
                let header = outline.constants.iter().find(|constant| constant.name == name)?;
                match (&header.value, &header.same_as) {
                    (Some(Const::Int(number)), _) => Some(Number::Const(*number)),
                    (_, Some(other)) => {
                        let module = BodyRef { file, body: BodyId::MODULE };
                        self.number_in_global(module, other, hops.checked_sub(1)?)
                    }
                    _ => None,
                }
            }
            Def::Model(path) | Def::External(path) => self.program.is_no_bound(body, &path).then_some(Number::Nothing),
            _ => None,
        }
    }

    fn operated(&self, body: BodyRef, op: Op, operands: &[ValueId], hops: u32) -> Option<Number> {
        fact!(operated);
        let numbers: Vec<Number> = operands.iter().map(|value| self.number(body, *value, hops)).collect();
        if numbers.contains(&Number::Length) {
            return Some(Number::Length);
        }
        let [Number::Const(left), Number::Const(right)] = numbers[..] else {
            return match (op, &numbers[..]) {
                (Op::Subtract, [Number::Const(number)]) => Some(Number::Const(-number)),
                _ => None,
            };
        };
        let result = match op {
            Op::Add => left.checked_add(right),
            Op::Subtract => left.checked_sub(right),
            Op::Multiply => left.checked_mul(right),
            Op::Divide => left.checked_div(right),
            Op::ShiftLeft => u32::try_from(right).ok().and_then(|by| left.checked_shl(by)),
            _ => None,
        };
        result.map(Number::Const)
    }

    fn number_of_call(&self, site: Site, hops: u32) -> Option<Number> {
        let call = self.program.call(site)?;
        let of = |value: ValueId| self.number(site.body, value, hops);
        if let Target::Model(model) = call.target {
            if model.does.values().any(|effect| *effect == Effect::Measured) {
                return Some(Number::Length);
            }
            if let Some(bound) = self.at_most(site, model, hops) {
                return Some(bound);
            }
        }
        let mut parts = call.receiver.into_iter().chain(call.args.iter().map(|arg| arg.value)).map(of);
        if call.args.len() == 1 && call.receiver.is_none() {
            return parts.next();
        }
        parts.any(|part| part == Number::Length).then_some(Number::Length)
    }

    /// The number that a call's result, or the number of its items, does not exceed.
    pub(super) fn at_most(&self, site: Site, model: &CallModel, hops: u32) -> Option<Number> {
        let call = self.program.call(site)?;
        for subject in &model.at_most {
            let values = self.program.subjects(&call, subject);
            let numbers = values.iter().filter(|(_, depth)| *depth == Depth::Itself);
            let found = numbers
                .map(|(value, _)| self.number(site.body, *value, hops))
                .reduce(|one, other| self.the_limit(site.body, one, other));
            if found.is_some() {
                return found;
            }
        }
        None
    }
}
