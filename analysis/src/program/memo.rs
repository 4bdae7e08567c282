//! What was found out about types: a number a value, and each type once.

use rustc_hash::FxHashMap;

use super::types::Type;
use super::{BodyRef, Part};
use crate::unit::{LocalId, ValueId};

/// What an answer about a type rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rests {
    /// On what is declared, and on what bodies do with their own variables: nothing that is linked later changes it.
    OnBodies,
    /// On what is stored in fields or on who calls what, as far as that was known.
    OnLinks,
}

/// The types of values and variables that were asked for.
#[derive(Debug, Default)]
pub(super) struct Types {
    /// By file and body; for each value that is known an entry.
    values: Vec<Vec<Box<[Entry]>>>,
    locals: FxHashMap<(BodyRef, LocalId), Entry>,
    all: Vec<Type>,
    numbers: FxHashMap<Type, u32>,
}

/// The number of a type, from 1, and in the lowest bit what it rests on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Entry(u32);

impl Entry {
    fn new(number: u32, rests: Rests) -> Entry {
        Entry(number << 1 | u32::from(rests == Rests::OnLinks))
    }

    fn number(self) -> u32 {
        self.0 >> 1
    }

    fn rests(self) -> Rests {
        if self.0 & 1 == 0 { Rests::OnBodies } else { Rests::OnLinks }
    }
}

impl Types {
    /// The type of a value, if it was found before.
    pub(super) fn value(&self, body: BodyRef, value: ValueId) -> Option<(&Type, Rests)> {
        let bodies = self.values.get(body.file as usize)?;
        let entry = bodies.get(body.body.0 as usize)?.get(value.0 as usize)?;
        self.entry(*entry)
    }

    /// The type of a variable, if it was found before.
    pub(super) fn local(&self, body: BodyRef, local: LocalId) -> Option<(&Type, Rests)> {
        self.entry(*self.locals.get(&(body, local))?)
    }

    /// Remembers the type of a value, one of so many in its body.
    pub(super) fn set_value(&mut self, body: BodyRef, value: ValueId, (ty, rests): (&Type, Rests), values: u32) {
        let entry = Entry::new(self.number(ty), rests);
        self.put(body, value.0 as usize, entry, values as usize);
    }

    /// Remembers the type of a variable.
    pub(super) fn set_local(&mut self, body: BodyRef, local: LocalId, (ty, rests): (&Type, Rests)) {
        let entry = Entry::new(self.number(ty), rests);
        self.locals.insert((body, local), entry);
    }

    /// Takes over what another found of the files of a part, as far as `lasts` says that it stays so.
    pub(super) fn take(&mut self, found: &Types, part: Part, lasts: impl Fn(Rests) -> bool) {
        let mut numbers = vec![0; found.all.len() + 1];
        let mut own = |types: &mut Types, entry: Entry| {
            let number = &mut numbers[entry.number() as usize];
            if *number == 0 {
                *number = types.number(&found.all[entry.number() as usize - 1]);
            }
            Entry::new(*number, entry.rests())
        };
        for file in part.start..part.end {
            for (rows, body) in found.values.get(file as usize).into_iter().flatten().zip(0u32..) {
                let body = BodyRef { file, body: crate::unit::BodyId(body) };
                for (at, entry) in rows.iter().enumerate() {
                    if *entry != Entry::default() && lasts(entry.rests()) {
                        let entry = own(self, *entry);
                        self.put(body, at, entry, rows.len());
                    }
                }
            }
        }
        let here = |body: &BodyRef| (part.start..part.end).contains(&body.file);
        for ((body, local), entry) in found.locals.iter().filter(|((body, _), _)| here(body)) {
            if lasts(entry.rests()) {
                let entry = own(self, *entry);
                self.locals.insert((*body, *local), entry);
            }
        }
    }

    fn put(&mut self, body: BodyRef, value: usize, entry: Entry, values: usize) {
        let (file, at) = (body.file as usize, body.body.0 as usize);
        if self.values.len() <= file {
            self.values.resize_with(file + 1, Vec::new);
        }
        let bodies = &mut self.values[file];
        if bodies.len() <= at {
            bodies.resize_with(at + 1, Box::default);
        }
        if bodies[at].is_empty() {
            bodies[at] = vec![Entry::default(); values].into();
        }
        if let Some(known) = bodies[at].get_mut(value) {
            *known = entry;
        }
    }

    fn entry(&self, entry: Entry) -> Option<(&Type, Rests)> {
        Some((self.all.get(entry.number().checked_sub(1)? as usize)?, entry.rests()))
    }

    fn number(&mut self, ty: &Type) -> u32 {
        // Most of what is asked is not known; that is the first, so that it need not be looked for.
        if self.all.is_empty() {
            self.all.push(Type::Unknown);
        }
        if ty.is_unknown() {
            return 1;
        }
        if let Some(number) = self.numbers.get(ty) {
            return *number;
        }
        self.all.push(ty.clone());
        let number = self.all.len() as u32;
        self.numbers.insert(ty.clone(), number);
        number
    }
}
