//! What decorators make of functions, and which functions a library calls by itself.

use unleak_catalogue::model::{CallModel, HandlesEvents};

use super::names::HOPS;
use super::types::{Head, Type};
use super::{BodyRef, Def, Program};
use crate::source::Language;
use crate::unit::{BodyKind, Colour, LocalId, Mark, StepKind};

impl<'a> Program<'a> {
    /// Whether a library calls a function once per event: by a decorator, or as a method that it overrides.
    pub fn is_handler(&self, body: BodyRef) -> bool {
        let marks = &self.body(body).marks;
        marks.iter().any(|mark| {
            self.mark_model(body, mark).is_some_and(|model| model.handles_events == HandlesEvents::PerEvent)
        }) || self.overrides_handler(body)
    }

    fn overrides_handler(&self, body: BodyRef) -> bool {
        let Some(ty) = self.owner(body) else { return false };
        let (language, name) = (self.language(body).name(), &self.body(body).name);
        self.outside_bases(ty).iter().any(|base| self.catalogue.handles(language, base, name))
    }

    /// A function, or what its decorators make of it.
    pub(super) fn function_value(&self, function: BodyRef) -> Type {
        let made = self.body(function).marks.iter().find_map(|mark| {
            let made = self.mark_model(function, mark)?.decorated.as_ref()?;
            Some(self.named(self.language(function), made))
        });
        made.unwrap_or(Type::Def(Def::Function(function)))
    }

    /// The function that a decorator of the program puts in the place of an async one, where what calling it gives is
    /// known: no coroutine then, but a task.
    pub(super) fn put_in_place_of(&self, function: BodyRef) -> Option<BodyRef> {
        let owned = self.body(function);
        if self.language(function) != Language::Python || owned.colour != Colour::Async {
            return None;
        }
        owned.marks.iter().find_map(|mark| {
            let Type::Def(Def::Function(decorator)) = self.marked_by(function, mark) else { return None };
            let made = self.functions_returned_by(decorator);
            // `@starts(name="x")` makes the decorator first.
            let inner: Vec<BodyRef> = made.iter().flat_map(|made| self.functions_returned_by(*made)).collect();
            let put = if inner.is_empty() { made } else { inner };
            let plain = put.iter().all(|put| self.body(*put).colour == Colour::Sync);
            put.first().copied().filter(|put| plain && !self.result_of(*put).is_unknown())
        })
    }

    /// The functions written in a body that it returns.
    fn functions_returned_by(&self, body: BodyRef) -> Vec<BodyRef> {
        let returned = self.flow(body).nodes().filter_map(|node| match &node.step.kind {
            StepKind::Return { value: Some(value) } => match self.type_of(body, *value) {
                Type::Closure(inner) => Some(inner),
                _ => None,
            },
            _ => None,
        });
        returned.filter(|inner| inner.file == body.file && self.body(*inner).parent == Some(body.body)).collect()
    }

    /// The library's function that a decorator is: by its path, or as a method of a variable around the function
    /// (`@app.get("/")`).
    fn mark_model(&self, body: BodyRef, mark: &Mark) -> Option<&'a CallModel> {
        let language = self.language(body);
        let path = match language {
            Language::Python => match self.marked_by(body, mark) {
                Type::Def(Def::Model(path)) => path,
                _ => return None,
            },
            Language::Rust => match self.resolve_path(body, &mark.path)? {
                Def::Model(path) => path,
                _ => return None,
            },
        };
        self.model(language, &path)
    }

    fn marked_by(&self, body: BodyRef, mark: &Mark) -> Type {
        let Some((first, rest)) = mark.path.split_first() else { return Type::Unknown };
        let found = match self.local_around(body, first) {
            Some((outer, local)) => self.type_of_local(outer, local),
            None => self.plain(self.resolve_path(body, std::slice::from_ref(first))),
        };
        rest.iter().fold(found, |ty, name| match &ty {
            Type::Def(def) => self.plain(self.member(body.file, def, name, HOPS)),
            // What a decorated function is, is never asked on the way: it might be this one.
            Type::Named(Head::Project(key), _) if !self.methods(*key, name).is_empty() => Type::Unknown,
            _ => self.field_of(body, &ty, name),
        })
    }

    /// A definition as it is without its decorators.
    fn plain(&self, def: Option<Def>) -> Type {
        match def {
            Some(Def::Variable { file, name }) => self.type_of_variable(file, &name),
            Some(def) => Type::Def(def),
            None => Type::Unknown,
        }
    }

    /// The variable of this name in the nearest body around one that has it.
    fn local_around(&self, body: BodyRef, name: &str) -> Option<(BodyRef, LocalId)> {
        let mut around = self.body(body).parent;
        while let Some(outer) = around {
            let outer = BodyRef { file: body.file, body: outer };
            let scope = self.body(outer);
            let local = scope.locals.iter().position(|local| local.name == name);
            if let Some(local) = local.filter(|_| scope.kind != BodyKind::Module) {
                return Some((outer, LocalId(local as u32)));
            }
            around = scope.parent;
        }
        None
    }
}
