//! What was found out about types: a number a value, and each type once.

use rustc_hash::FxHashMap;

use super::types::Type;
use super::{BodyRef, Part};
use crate::unit::{Body, BodyId, LocalId, ValueId};

/// What an answer about a type rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rests {
    /// On what is declared, and on what bodies do with their own variables: nothing that is linked later changes it.
    Bodies,
    /// On what is stored in fields, or on who calls what, as far as that was known.
    Links,
}

/// The types of values and variables that were asked for.
#[derive(Debug, Default)]
pub(super) struct Types {
    /// By file and body: an entry for each value, then one for each variable.
    entries: Vec<Vec<Box<[Entry]>>>,
    all: Vec<Type>,
    numbers: FxHashMap<Type, u32>,
    /// The number that was asked for last.
    last: u32,
}

/// What has a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Node {
    /// The body it is in.
    pub(super) body: BodyRef,
    /// Which of its entries it has.
    entry: u32,
    /// What it is.
    pub(super) what: Of,
}

/// A value or a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Of {
    Value(ValueId),
    Local(LocalId),
}

impl Node {
    /// A value of a body.
    pub(super) fn value(body: BodyRef, value: ValueId) -> Node {
        Node { body, entry: value.0, what: Of::Value(value) }
    }

    /// A variable of a body.
    pub(super) fn local(owned: &Body, body: BodyRef, local: LocalId) -> Node {
        Node { body, entry: owned.value_count + local.0, what: Of::Local(local) }
    }
}

/// What is known of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing<'t> {
    /// It was found before.
    Known(&'t Type, Rests),
    /// It was not asked yet.
    New,
    /// It is not done: its place among those.
    Asked(u32),
}

/// The number of a type, from 1, and in the lowest bit what it rests on; or, with the highest bit, the place of the
/// question that asks for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Entry(u32);

impl Entry {
    const ASKED: u32 = 1 << 31;

    fn new(number: u32, rests: Rests) -> Entry {
        Entry(number << 1 | rests as u32)
    }

    /// Whether a type stands here.
    fn is_known(self) -> bool {
        self.0 != 0 && self.0 & Entry::ASKED == 0
    }

    fn number(self) -> u32 {
        self.0 >> 1
    }

    fn rests(self) -> Rests {
        if self.0 & 1 == 0 { Rests::Bodies } else { Rests::Links }
    }
}

impl Types {
    /// What is known of the type of a value or variable.
    pub(super) fn standing(&self, node: Node) -> Standing<'_> {
        match self.entry(node) {
            None | Some(Entry(0)) => Standing::New,
            Some(Entry(asked)) if asked & Entry::ASKED != 0 => Standing::Asked(asked & !Entry::ASKED),
            Some(entry) => match self.all.get(entry.number() as usize - 1) {
                Some(ty) => Standing::Known(ty, entry.rests()),
                None => Standing::New,
            },
        }
    }

    /// Notes the place of the question that asks for the type of a node.
    pub(super) fn ask(&mut self, body: &Body, node: Node, place: u32) {
        self.put(node.body, node.entry as usize, Entry(place | Entry::ASKED), || room(body));
    }

    /// Remembers the type of a value or variable.
    pub(super) fn set(&mut self, body: &Body, node: Node, ty: &Type, rests: Rests) {
        let entry = Entry::new(self.number(ty), rests);
        self.put(node.body, node.entry as usize, entry, || room(body));
    }

    /// Takes over what another found of the files of a part, where it rests on no more than what stays so.
    pub(super) fn take(&mut self, found: &Types, part: Part, stays: Rests) {
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
                    if entry.is_known() && entry.rests() <= stays {
                        let entry = own(self, *entry);
                        self.put(body, at, entry, || row.len());
                    }
                }
            }
        }
    }

    fn put(&mut self, body: BodyRef, at: usize, entry: Entry, room: impl FnOnce() -> usize) {
        let bodies = self.entries.get_mut(body.file as usize);
        if let Some(known) = bodies.and_then(|bodies| bodies.get_mut(body.body.0 as usize)?.get_mut(at)) {
            *known = entry;
        } else if let Some(known) = self.row(body, room()).get_mut(at) {
            *known = entry;
        }
    }

    /// The entries of a body, which are made if there are none.
    #[cold]
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

    fn entry(&self, node: Node) -> Option<Entry> {
        let bodies = self.entries.get(node.body.file as usize)?;
        bodies.get(node.body.body.0 as usize)?.get(node.entry as usize).copied()
    }

    fn number(&mut self, ty: &Type) -> u32 {
        // Most of what is asked is not known; that is the first, so that it need not be looked for.
        if self.all.is_empty() {
            self.all.push(Type::Unknown);
            self.last = 1;
        }
        if ty.is_unknown() {
            return 1;
        }
        // What one thing is, the next one often is: its value, or the variable it is put in.
        if self.all.get(self.last as usize - 1) == Some(ty) {
            return self.last;
        }
        self.last = match self.numbers.get(ty) {
            Some(number) => *number,
            None => {
                self.all.push(ty.clone());
                let number = self.all.len() as u32;
                self.numbers.insert(ty.clone(), number);
                number
            }
        };
        self.last
    }
}

/// How many entries a body has.
fn room(body: &Body) -> usize {
    body.value_count as usize + body.locals.len()
}
