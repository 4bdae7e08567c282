//! What was found out about types: a number a value, and each type once.

use rustc_hash::FxHashMap;

use super::BodyRef;
use super::types::Type;
use crate::unit::{LocalId, ValueId};

/// The types of values and variables that were asked for.
#[derive(Debug, Default)]
pub(super) struct Types {
    /// By file and body; a number from 1 for each value that is known.
    values: Vec<Vec<Box<[u32]>>>,
    locals: FxHashMap<(BodyRef, LocalId), u32>,
    all: Vec<Type>,
    numbers: FxHashMap<Type, u32>,
}

impl Types {
    /// The type of a value, if it was found before.
    pub(super) fn value(&self, body: BodyRef, value: ValueId) -> Option<&Type> {
        let bodies = self.values.get(body.file as usize)?;
        let number = bodies.get(body.body.0 as usize)?.get(value.0 as usize)?;
        self.numbered(*number)
    }

    /// The type of a variable, if it was found before.
    pub(super) fn local(&self, body: BodyRef, local: LocalId) -> Option<&Type> {
        self.numbered(*self.locals.get(&(body, local))?)
    }

    /// Remembers the type of a value, one of so many in its body.
    pub(super) fn set_value(&mut self, body: BodyRef, value: ValueId, ty: &Type, values: u32) {
        let number = self.number(ty);
        let (file, at) = (body.file as usize, body.body.0 as usize);
        if self.values.len() <= file {
            self.values.resize_with(file + 1, Vec::new);
        }
        let bodies = &mut self.values[file];
        if bodies.len() <= at {
            bodies.resize_with(at + 1, Box::default);
        }
        if bodies[at].is_empty() {
            bodies[at] = vec![0; values as usize].into();
        }
        if let Some(known) = bodies[at].get_mut(value.0 as usize) {
            *known = number;
        }
    }

    /// Remembers the type of a variable.
    pub(super) fn set_local(&mut self, body: BodyRef, local: LocalId, ty: &Type) {
        let number = self.number(ty);
        self.locals.insert((body, local), number);
    }

    fn numbered(&self, number: u32) -> Option<&Type> {
        self.all.get(number.checked_sub(1)? as usize)
    }

    fn number(&mut self, ty: &Type) -> u32 {
        if let Some(number) = self.numbers.get(ty) {
            return *number;
        }
        self.all.push(ty.clone());
        let number = self.all.len() as u32;
        self.numbers.insert(ty.clone(), number);
        number
    }
}
