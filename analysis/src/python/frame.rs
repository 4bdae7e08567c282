//! The body that is being built, and what the names in it mean.

use std::sync::Arc;

use ruff_text_size::Ranged;
use rustc_hash::FxHashMap;
use thin_vec::ThinVec;

use super::lowerer::Lowerer;
use super::scope::Bindings;
use crate::unit::{BodyBuilder, BodyId, Capture, LocalId, LocalOrigin, Name, Place, Span, TypeId, TypeTree};

/// Whose names a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// The top level: every name is global.
    Module,
    /// A class block: its names are not seen from the functions inside.
    Class(TypeId),
    /// A function or lambda.
    Function,
}

/// One body on the way.
pub(super) struct Frame<'a> {
    /// Its number.
    pub(super) id: BodyId,
    /// Its steps.
    pub(super) builder: BodyBuilder,
    /// Whose names it holds.
    pub(super) scope: Scope,
    /// For methods: the class and the name of the receiver.
    pub(super) receiver: Option<(TypeId, &'a str)>,
    bindings: Bindings<'a>,
    /// The variable here that stands for one of the parent body.
    captures: FxHashMap<LocalId, LocalId>,
    /// Variables of the comprehensions around the current expression, innermost last.
    comprehended: Vec<(&'a str, LocalId)>,
}

/// What a frame says of a name.
enum Meaning {
    /// Its own variable.
    Local(LocalId),
    /// Declared `global`.
    Global,
    /// Not its name: ask further out.
    Outer,
}

impl<'a> Frame<'a> {
    /// A frame for a body that binds these names.
    pub(super) fn new(id: BodyId, builder: BodyBuilder, scope: Scope, bindings: Bindings<'a>) -> Frame<'a> {
        Frame { id, builder, scope, receiver: None, bindings, captures: FxHashMap::default(), comprehended: Vec::new() }
    }

    /// The variable of that name, made at its first mention.
    pub(super) fn local(&mut self, name: &'a str, origin: LocalOrigin, span: Span) -> LocalId {
        let builder = &mut self.builder;
        let known = self.bindings.bound.entry(name).or_default();
        *known.get_or_insert_with(|| builder.local(Name::new(name), origin, None, span))
    }

    /// The name and number of the class this frame is the block of.
    pub(super) fn class(&self) -> Option<TypeId> {
        match self.scope {
            Scope::Class(ty) => Some(ty),
            Scope::Module | Scope::Function => None,
        }
    }

    /// `innermost`: whether the name stands in this very body, not in one nested in it.
    fn meaning(&mut self, name: &'a str, innermost: bool, span: Span) -> Meaning {
        if let Some((_, local)) = self.comprehended.iter().rev().find(|(known, _)| *known == name) {
            return Meaning::Local(*local);
        }
        if self.scope == Scope::Module || (self.class().is_some() && !innermost) {
            return Meaning::Outer;
        }
        if self.bindings.globals.contains(name) {
            return Meaning::Global;
        }
        if self.bindings.nonlocals.contains(name) {
            return Meaning::Outer;
        }
        match self.bindings.bound.get(name) {
            Some(Some(local)) => Meaning::Local(*local),
            // In a class block a name means the outer one until it is bound.
            Some(None) if self.scope == Scope::Function => Meaning::Local(self.local(name, LocalOrigin::Bound, span)),
            Some(None) | None => Meaning::Outer,
        }
    }

    /// The variable here that shares `outer` of the parent body.
    fn capture(&mut self, outer: LocalId, name: &str, span: Span) -> LocalId {
        let origin = LocalOrigin::Captured { outer, how: Capture::Shared };
        let builder = &mut self.builder;
        *self.captures.entry(outer).or_insert_with(|| builder.local(Name::new(name), origin, None, span))
    }
}

impl<'a> Lowerer<'a> {
    /// The body that is being built.
    pub(super) fn frame(&mut self) -> &mut Frame<'a> {
        let last = self.frames.len() - 1;
        &mut self.frames[last]
    }

    /// The steps of the body that is being built.
    pub(super) fn steps(&mut self) -> &mut BodyBuilder {
        &mut self.frame().builder
    }

    /// The variable that a name means here; `None` when it is global.
    pub(super) fn resolve(&mut self, name: &'a str, span: Span) -> Option<LocalId> {
        let top = self.frames.len() - 1;
        for at in (0..=top).rev() {
            match self.frames[at].meaning(name, at == top, span) {
                Meaning::Local(local) => return Some(self.thread(local, at, name, span)),
                Meaning::Global => return None,
                Meaning::Outer => {}
            }
        }
        None
    }

    /// Hands a variable of an outer body down through every body between.
    fn thread(&mut self, local: LocalId, from: usize, name: &str, span: Span) -> LocalId {
        self.frames[from + 1..].iter_mut().fold(local, |outer, frame| frame.capture(outer, name, span))
    }

    /// Where a name is read from.
    pub(super) fn place_read(&mut self, name: &'a str, span: Span) -> Place {
        match self.resolve(name, span) {
            Some(local) => Place::Local(local),
            None => global(name),
        }
    }

    /// Where a name is stored.
    pub(super) fn place_stored(&mut self, name: &'a str, span: Span) -> Place {
        let frame = self.frame();
        if frame.scope == Scope::Module || frame.bindings.globals.contains(name) {
            return global(name);
        }
        if frame.bindings.nonlocals.contains(name)
            && let Some(local) = self.resolve(name, span)
        {
            return Place::Local(local);
        }
        Place::Local(self.frame().local(name, LocalOrigin::Bound, span))
    }

    /// Records the declared type of a name of this body.
    pub(super) fn declare_type(&mut self, name: &'a str, span: Span, ty: TypeTree) {
        if let Place::Local(local) = self.place_stored(name, span) {
            self.steps().body.locals[local.0 as usize].ty.get_or_insert(Arc::new(ty));
        }
    }

    /// Makes a fresh variable for each name of a comprehension; they stay until `leave`.
    pub(super) fn enter_comprehension(&mut self, names: &[&'a str], at: impl Ranged) {
        let span = self.span(at.range());
        for &name in names {
            let local = self.steps().local(Name::new(name), LocalOrigin::Bound, None, span);
            self.frame().comprehended.push((name, local));
        }
    }

    /// How many comprehension variables are known now.
    pub(super) fn comprehended(&mut self) -> usize {
        self.frame().comprehended.len()
    }

    /// Forgets the comprehension variables made since there were `known`.
    pub(super) fn leave_comprehension(&mut self, known: usize) {
        self.frame().comprehended.truncate(known);
    }
}

/// A name outside all functions.
pub(super) fn global(name: &str) -> Place {
    Place::Global { path: [Name::new(name)].into(), args: ThinVec::new() }
}
