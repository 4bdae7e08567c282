//! What was found out, and is not to be found out again; whoever is done leaves it to the next.

use std::cell::{Cell, RefCell};
use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashMap;

use super::{Beside, Def, Program, circles, fields, many, memo, names, trace, types};
use crate::unit::Name;

/// How far the program is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// What is found out about types may change yet.
    Linking,
    /// All is linked.
    Linked,
}

/// What one program found out.
#[derive(Debug)]
pub(super) struct Memory {
    pub(super) bindings: RefCell<FxHashMap<names::Binding, Option<Def>>>,
    pub(super) binding: RefCell<circles::Circles<names::Binding, Option<Def>>>,
    /// The modules of star imports, by file and number of the import.
    pub(super) stars: RefCell<FxHashMap<(u32, u32), Option<Def>>>,
    /// Whether a file has a trait of the catalogue in scope.
    pub(super) scopes: RefCell<FxHashMap<(u32, Name), bool>>,
    pub(super) types: RefCell<memo::Types>,
    /// What the answer rests on that is being looked for.
    pub(super) rests: Cell<memo::Rests>,
    pub(super) typing: RefCell<types::Typing>,
    pub(super) asked: RefCell<fields::Asked>,
    /// What callers give for parameters, as places.
    pub(super) given: RefCell<trace::Given>,
    pub(super) waiting: RefCell<many::Waiting>,
    pub(super) ground: RefCell<trace::Ground>,
    pub(super) strays: RefCell<trace::Strays>,
}

impl Default for Memory {
    fn default() -> Memory {
        Memory {
            bindings: RefCell::default(),
            binding: RefCell::default(),
            stars: RefCell::default(),
            scopes: RefCell::default(),
            types: RefCell::default(),
            rests: Cell::new(memo::Rests::Bodies),
            typing: RefCell::default(),
            asked: RefCell::default(),
            given: RefCell::default(),
            waiting: RefCell::default(),
            ground: RefCell::default(),
            strays: RefCell::default(),
        }
    }
}

impl Memory {
    /// Only what names mean: that rests on no link.
    fn of_names(self) -> Memory {
        let Memory { bindings, stars, scopes, .. } = self;
        Memory { bindings, stars, scopes, ..Memory::default() }
    }
}

/// Memories that nobody uses at the moment.
#[derive(Debug, Default)]
pub(super) struct Memories(Mutex<Vec<Memory>>);

impl Memories {
    fn take(&self) -> Memory {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    fn leave(&self, memory: Memory) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(memory);
    }
}

impl<'a> Beside<'a> {
    /// Does something with a program of one's own, in which no question is open.
    pub fn apart<T>(&self, work: impl FnOnce(&Program<'a>) -> T) -> T {
        let program = Program { linked: Arc::clone(&self.linked), memory: self.linked.spare.take() };
        let done = work(&program);
        let Program { linked, memory } = program;
        linked.spare.leave(match linked.stage {
            Stage::Linking => memory.of_names(),
            Stage::Linked => memory,
        });
        done
    }
}
