//! Methods that a trait gives to types it does not belong to: those of libraries, and the program's own.

use unleak_catalogue::model::{CallModel, Extends, Takes, Transparent, TypeModel};

use super::super::names::HOPS;
use super::super::{BodyRef, Def, Program};
use crate::source::Language;
use crate::unit::{Name, StepKind, ValueId};

use super::{Head, Type};

impl<'a> Program<'a> {
    /// A method that a trait gives to the receiver: one that the file has in scope, and the receiver may have.
    /// Where several may be meant, whether the result is awaited tells them apart.
    pub(super) fn extension(&self, body: BodyRef, receiver: &Type, name: &str, read: Option<ValueId>) -> Type {
        let language = self.language(body);
        let mut models = self.catalogue.any_method(language.name(), name).peekable();
        if models.peek().is_none() {
            return Type::Unknown;
        }
        let awaited = read.is_some_and(|read| self.is_awaited(body, read));
        let meant = models.filter_map(|model| {
            let home = self.home_of_method(language, model)?;
            let known = home.given_to.as_ref().is_some_and(|of| self.is_a(language, receiver, of));
            let scope = match home.extends {
                Extends::Everywhere => Scope::Always,
                _ if self.in_scope(body.file, &home.path) => Scope::Imported,
                _ => Scope::Not,
            };
            let suits = (!known, (model.takes_effect == Takes::WhenAwaited) != awaited, scope);
            (known || scope != Scope::Not).then_some((suits, model))
        });
        let best = meant.min_by_key(|(suits, _)| *suits);
        best.map(|(_, model)| Type::Def(Def::Model(model.path.clone()))).unwrap_or_default()
    }

    /// A function that a trait gives to a type of the program (`Settings::default()`).
    pub(super) fn trait_function(&self, body: BodyRef, path: &[Name]) -> Type {
        let Some((name, home)) = path.split_last().filter(|_| self.language(body) == Language::Rust) else {
            return Type::Unknown;
        };
        match self.resolve_path(body, home) {
            Some(Def::Type(_)) if !home.is_empty() => self.extension(body, &Type::Unknown, name, None),
            _ => Type::Unknown,
        }
    }

    fn home_of_method(&self, language: Language, model: &CallModel) -> Option<&'a TypeModel> {
        let (home, _) = model.path.rsplit_once(if language == Language::Rust { "::" } else { "." })?;
        self.catalogue.ty(language.name(), home)
    }

    /// Whether a type is, or is seen through to, one that has the methods of another.
    fn is_a(&self, language: Language, ty: &Type, of: &str) -> bool {
        match ty {
            Type::Future(..) => of == FUTURE,
            Type::Named(Head::Model(path), args) => {
                let Some(model) = self.catalogue.ty(language.name(), path) else { return false };
                (of == FUTURE && model.awaited.is_some())
                    || self.catalogue.is_a(language.name(), path, of)
                    || model.transparent != Transparent::Not
                        && args.first().is_some_and(|inner| self.is_a(language, inner, of))
            }
            _ => false,
        }
    }

    /// Whether a file brings a trait into scope, by name or by a star.
    fn in_scope(&self, file: u32, path: &Name) -> bool {
        let at = (file, path.clone());
        if let Some(known) = self.memory.scopes.borrow().get(&at) {
            return *known;
        }
        let last = path.rsplit("::").next().unwrap_or(path);
        let imports = &self.file(file).lowered.outline.imports;
        let found = imports.iter().any(|import| {
            let meant = self.imported(file, import, super::super::names::Space::Any, HOPS);
            let meant = match import.binds {
                Some(_) => meant,
                None => meant.and_then(|module| self.member(file, &module, last, HOPS)),
            };
            matches!(meant, Some(Def::Model(known)) if known == *path)
        });
        self.memory.scopes.borrow_mut().insert(at, found);
        found
    }

    /// Whether the result of calling a value that was read is awaited at once.
    fn is_awaited(&self, body: BodyRef, callee: ValueId) -> bool {
        let flow = self.flow(body);
        let mut calls = flow.uses(callee).iter().filter_map(|id| match flow.step(*id).map(|step| &step.kind) {
            Some(StepKind::Call { out, callee: called, .. }) if *called == callee => Some(*out),
            _ => None,
        });
        calls.any(|out| {
            let mut uses = flow.uses(out).iter().filter_map(|id| flow.step(*id));
            uses.any(|step| match &step.kind {
                StepKind::Await { value, .. } => *value == out,
                StepKind::Select { arms, .. } => arms.iter().any(|arm| arm.future == out),
                _ => false,
            })
        })
    }

    /// A method that a trait of the program gives to a type from outside.
    pub(super) fn foreign_method(&self, path: &str, name: &str) -> Option<BodyRef> {
        self.foreign.get(&(Name::new(path), Name::new(name))).copied()
    }
}

/// Whether a file can use a trait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Scope {
    /// As every file can.
    Always,
    /// It imports it.
    Imported,
    /// Not that is known.
    Not,
}

/// What an async call makes.
const FUTURE: &str = "std::future::Future";
