//! What was found out about types: a number a value, and each type once.

use rustc_hash::FxHashMap;

use super::types::Type;
use super::{BodyRef, Part};
use crate::unit::{Body, BodyId, LocalId, ValueId};

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
    /// By file and body: an entry for each value, then one for each variable.
    entries: Vec<Vec<Box<[Entry]>>>,
    all: Vec<Type>,
    numbers: FxHashMap<Type, u32>,
}

/// The number of a type, from 1, and in the lowest bit what it rests on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Entry(u32);

impl Entry {
    /// That of what a question has met whose answer is not known yet.
    const MET: Entry = Entry(u32::MAX);

    fn new(number: u32, rests: Rests) -> Entry {
        Entry(number << 1 | u32::from(rests == Rests::OnLinks))
    }

    /// Whether a type stands here.
    fn is_known(self) -> bool {
        self != Entry::default() && self != Entry::MET
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
        self.at(body, value.0 as usize)
    }

    /// The type of a variable of a body with so many values, if it was found before.
    pub(super) fn local(&self, body: BodyRef, local: LocalId, values: u32) -> Option<(&Type, Rests)> {
        self.at(body, values as usize + local.0 as usize)
    }

    /// Remembers the type of a value.
    pub(super) fn set_value(&mut self, body: &Body, at: BodyRef, value: ValueId, (ty, rests): (&Type, Rests)) {
        let entry = Entry::new(self.number(ty), rests);
        self.put(at, value.0 as usize, entry, room(body));
    }

    /// Remembers the type of a variable.
    pub(super) fn set_local(&mut self, body: &Body, at: BodyRef, local: LocalId, (ty, rests): (&Type, Rests)) {
        let entry = Entry::new(self.number(ty), rests);
        self.put(at, body.value_count as usize + local.0 as usize, entry, room(body));
    }

    /// Notes that a question has met a value of which nothing is known; `false` if it had before.
    pub(super) fn meet(&mut self, body: &Body, at: BodyRef, value: ValueId) -> bool {
        let row = self.row(at, room(body));
        let entry = row.get_mut(value.0 as usize);
        entry.is_none_or(|entry| std::mem::replace(entry, Entry::MET) != Entry::MET)
    }

    /// Forgets that a value was met, if that is all that is known of it.
    pub(super) fn part_from(&mut self, at: BodyRef, value: ValueId) {
        let bodies = self.entries.get_mut(at.file as usize);
        let row = bodies.and_then(|bodies| bodies.get_mut(at.body.0 as usize));
        if let Some(entry) = row.and_then(|row| row.get_mut(value.0 as usize)).filter(|entry| **entry == Entry::MET) {
            *entry = Entry::default();
        }
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
            for (row, body) in found.entries.get(file as usize).into_iter().flatten().zip(0u32..) {
                let body = BodyRef { file, body: BodyId(body) };
                for (at, entry) in row.iter().enumerate() {
                    if entry.is_known() && lasts(entry.rests()) {
                        let entry = own(self, *entry);
                        self.put(body, at, entry, row.len());
                    }
                }
            }
        }
    }

    fn put(&mut self, body: BodyRef, at: usize, entry: Entry, room: usize) {
        if let Some(known) = self.row(body, room).get_mut(at) {
            *known = entry;
        }
    }

    /// The entries of a body.
    fn row(&mut self, body: BodyRef, room: usize) -> &mut [Entry] {
        let (file, at) = (body.file as usize, body.body.0 as usize);
        if self.entries.len() <= file {
            self.entries.resize_with(file + 1, Vec::new);
        }
        let bodies = &mut self.entries[file];
        if bodies.len() <= at {
            bodies.resize_with(at + 1, Box::default);
        }
        if bodies[at].is_empty() {
            bodies[at] = vec![Entry::default(); room].into();
        }
        &mut bodies[at]
    }

    fn at(&self, body: BodyRef, at: usize) -> Option<(&Type, Rests)> {
        let bodies = self.entries.get(body.file as usize)?;
        let entry = bodies.get(body.body.0 as usize)?.get(at)?;
        let number = Some(entry).filter(|entry| entry.is_known())?.number();
        Some((self.all.get(number.checked_sub(1)? as usize)?, entry.rests()))
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

/// How many entries a body has.
fn room(body: &Body) -> usize {
    body.value_count as usize + body.locals.len()
}
