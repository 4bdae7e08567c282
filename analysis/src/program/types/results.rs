//! What calls, awaits, loops and scopes give.

use unleak_catalogue::model::{CallModel, Takes, Transparent};
use unleak_catalogue::subject::TypeRef;

use super::super::flow::Sorts;
use super::super::{BodyRef, Def, Program};
use crate::source::Language;
use crate::unit::{Colour, Item, Name, Place, Shape, StepKind, TypeTree, ValueId, Yields};

use super::written::Written;
use super::{Head, Type};

/// Which type argument a word of the data stands for.
fn parameter(word: &str) -> Option<usize> {
    ["T", "U", "V"].iter().position(|parameter| *parameter == word)
}

/// A call of a library's function or method.
#[derive(Clone, Copy)]
pub(super) struct Made<'m> {
    body: BodyRef,
    callee: ValueId,
    on: Option<ValueId>,
    model: &'m CallModel,
    args: &'m [ValueId],
}

impl<'a> Program<'a> {
    /// The result of calling a value with these arguments.
    pub fn type_of_call(&self, body: BodyRef, callee: ValueId, args: &[ValueId]) -> Type {
        let given = match self.type_of(body, callee) {
            Type::Def(Def::Function(function)) => match self.put_in_place_of(function) {
                Some(put) => self.call_result(put),
                None => self.call_result_on(function, &self.receiver_args(body, callee, function)),
            },
            Type::Closure(function) => self.call_result(function),
            Type::Def(Def::Type(ty)) => Type::Named(Head::Project(ty), Vec::new()),
            Type::Def(Def::Variant(ty, _)) => Type::Named(Head::Project(ty), Vec::new()),
            Type::Def(Def::Model(path)) => match self.model(self.language(body), &path) {
                Some(model) => self.model_result(&self.made(body, callee, model, args)),
                None if self.catalogue.ty(self.language(body).name(), &path).is_some() => {
                    Type::Named(Head::Model(path), Vec::new())
                }
                None => Type::Unknown,
            },
            Type::Def(Def::External(path)) => {
                // A call of something that looks like a class gives an instance of it.
                let last = path.rsplit(['.', ':']).next().unwrap_or("");
                let class = self.language(body) == Language::Python && last.starts_with(char::is_uppercase);
                if class { Type::Named(Head::External(path), Vec::new()) } else { Type::Unknown }
            }
            Type::Named(Head::Model(ty) | Head::Hinted(ty), _) => match self.called_model(body, &ty) {
                Some(model) => self.model_result(&Made { body, callee, on: Some(callee), model, args }),
                None => Type::Unknown,
            },
            _ => Type::Unknown,
        };
        given.or(|| self.derived(body, callee))
    }

    /// Rust: what a function gives that a `derive` writes for a type: another of it (`Default` and `T::default()`).
    fn derived(&self, body: BodyRef, callee: ValueId) -> Type {
        let Some(StepKind::Read { place: Place::Global { path, .. }, .. }) =
            self.flow(body).def(callee).map(|step| &step.kind)
        else {
            return Type::Unknown;
        };
        let Some((function, of)) = path.split_last().filter(|(_, of)| !of.is_empty()) else { return Type::Unknown };
        let Some(Def::Type(ty)) = self.resolve_path(body, of) else { return Type::Unknown };
        let mut derives = self.header(ty).marks.iter().filter(|mark| mark.path.last().is_some_and(|it| it == "derive"));
        let named = derives.any(|mark| mark.arguments.split(',').any(|of| of.to_lowercase() == function.as_str()));
        if named { Type::Named(Head::Project(ty), Vec::new()) } else { Type::Unknown }
    }

    /// What calling an instance of a library's type means.
    pub(in super::super) fn called_model(&self, body: BodyRef, ty: &str) -> Option<&'a CallModel> {
        self.catalogue.method(self.language(body).name(), ty, "__call__")
    }

    /// What calling a function gives: a future when it is async.
    pub fn call_result(&self, function: BodyRef) -> Type {
        self.call_result_on(function, &[])
    }

    fn call_result_on(&self, function: BodyRef, given: &[(Name, Type)]) -> Type {
        let owned = self.body(function);
        let result = self.result_on(function, given);
        match (owned.colour, owned.yields) {
            (Colour::Async, Yields::Never) => Type::Future(Box::new(result), Some(function)),
            _ => result,
        }
    }

    /// What the type parameters of a method's type stand for on the receiver that it is called on.
    fn receiver_args(&self, body: BodyRef, callee: ValueId, function: BodyRef) -> Vec<(Name, Type)> {
        let Some(receiver) = self.receiver_of(body, callee) else { return Vec::new() };
        let mut ty = self.type_of(body, receiver);
        while let Type::Named(Head::Model(_), args) = ty {
            ty = args.into_iter().next().unwrap_or_default();
        }
        match ty {
            Type::Named(Head::Project(_), args) => self.named_arguments(function, args),
            _ => Vec::new(),
        }
    }

    /// What a function returns: as declared, else the first of its returns that is known.
    pub fn result_of(&self, function: BodyRef) -> Type {
        self.result_on(function, &[])
    }

    fn result_on(&self, function: BodyRef, given: &[(Name, Type)]) -> Type {
        let owned = self.body(function);
        if let Some(tree) = &owned.returns {
            let declared = self.written(Written::in_body(function).given(given), tree);
            if !declared.is_unknown() {
                // A box of something that can be called: the closure in it says more.
                let boxed =
                    self.innermost(&declared).is_unknown().then(|| self.closure_returned_by(function)).flatten();
                return boxed.map_or(declared, Type::Closure);
            }
        }
        if owned.yields == Yields::Generator {
            return Type::Unknown;
        }
        for node in self.flow(function).nodes_of(Sorts::RESULTS) {
            if let StepKind::Return { value: Some(value) } = &node.step.kind {
                let ty = self.type_of(function, *value);
                if !ty.is_unknown() {
                    return ty;
                }
            }
        }
        Type::Unknown
    }

    /// The one closure that a function returns in a box.
    fn closure_returned_by(&self, function: BodyRef) -> Option<BodyRef> {
        let flow = self.flow(function);
        let mut returned = flow.nodes_of(Sorts::RESULTS).filter_map(|node| match &node.step.kind {
            StepKind::Return { value: Some(value) } => Some(self.type_of(function, *value)),
            _ => None,
        });
        match (self.innermost(&returned.next()?), returned.next()) {
            (Type::Closure(closure), None) => Some(*closure),
            _ => None,
        }
    }

    /// The first argument, where it is what the call is on: a Rust method that is called by its path.
    pub(in crate::program) fn receiver_first(
        &self,
        body: BodyRef,
        callee: ValueId,
        model: &CallModel,
        first: Option<ValueId>,
    ) -> Option<ValueId> {
        let by_path = self.language(body) == Language::Rust && self.receiver_of(body, callee).is_none();
        first.filter(|_| by_path && model.has_receiver())
    }

    fn model_result(&self, made: &Made<'_>) -> Type {
        let Made { body, model, .. } = *made;
        let language = self.language(body);
        let constructed = || match self.catalogue.ty(language.name(), &model.path) {
            Some(_) => Type::model(&model.path),
            None => Type::Unknown,
        };
        let result = match &model.returns {
            Some(reference) => self.referred(made, reference),
            None => constructed(),
        };
        match model.takes_effect {
            Takes::WhenAwaited => match &model.unawaited {
                Some(reference) => self.referred(made, reference),
                None => Type::Future(Box::new(result), None),
            },
            Takes::AtOnce => result,
        }
    }

    /// A call of a model.
    pub(super) fn made<'m>(
        &self,
        body: BodyRef,
        callee: ValueId,
        model: &'m CallModel,
        args: &'m [ValueId],
    ) -> Made<'m> {
        match self.receiver_first(body, callee, model, args.first().copied()) {
            Some(first) => Made { body, callee, on: Some(first), model, args: &args[1..] },
            None => Made { body, callee, on: self.receiver_of(body, callee), model, args },
        }
    }

    /// What a call is made on: the receiver, or the type before the function's name.
    fn called_on(&self, made: &Made<'_>) -> Type {
        let body = made.body;
        if let Some(on) = made.on {
            return self.type_of(body, on);
        }
        match self.flow(body).def(made.callee).map(|step| &step.kind) {
            Some(StepKind::Read { place: Place::Global { path, args }, .. }) => {
                let written = path.split_last().map(|(_, home)| home.to_vec()).filter(|home| !home.is_empty());
                let home = TypeTree::Path { path: written.unwrap_or_default(), args: args.to_vec() };
                let known = self.type_from_tree(body, &home);
                known.or(|| {
                    let args = args.iter().map(|tree| self.type_from_tree(body, tree)).collect();
                    Type::Named(Head::External(Name::default()), args)
                })
            }
            _ => Type::Unknown,
        }
    }

    /// The type of the receiver, or of what it is seen through to, of which a method is one.
    fn home_of_call(&self, language: Language, ty: Type, model: &CallModel) -> Type {
        let name = model.path.rsplit([':', '.']).next().unwrap_or("");
        let mut at = ty.clone();
        while let Type::Named(Head::Model(path) | Head::Hinted(path), args) = at {
            let method = self.catalogue.method(language.name(), &path, name);
            if method.is_some_and(|method| method.path == model.path) {
                return Type::Named(Head::Model(path), args);
            }
            let through =
                self.catalogue.ty(language.name(), &path).is_some_and(|ty| ty.transparent != Transparent::Not);
            at = args.into_iter().next().filter(|_| through).unwrap_or_default();
        }
        ty
    }

    /// What the data say of a call's result or of what it hands over.
    pub(super) fn referred(&self, made: &Made<'_>, reference: &TypeRef) -> Type {
        let Made { body, args, .. } = *made;
        let language = self.language(body);
        let inner = |reference: &TypeRef| self.referred(made, reference);
        let receiver = || self.called_on(made);
        let home = || self.home_of_call(language, receiver(), made.model);
        let argument =
            |place: u32| args.get(place as usize).map(|value| self.type_of(body, *value)).unwrap_or_default();
        match reference {
            TypeRef::Named { path, args: parts } => match (parameter(path), home()) {
                (Some(place), Type::Named(_, args)) => args.get(place).cloned().unwrap_or_default(),
                (Some(_), _) => Type::Unknown,
                _ => Type::Named(self.head(language, path), parts.iter().map(inner).collect()),
            },
            TypeRef::Tuple(parts) => Type::Tuple(parts.iter().map(inner).collect()),
            TypeRef::Receiver => receiver(),
            TypeRef::Element => self.content(language, &home()),
            TypeRef::Argument(place) => argument(*place),
            TypeRef::Awaited(place) => self.awaited(language, argument(*place)),
            TypeRef::Called(place) => self.called(argument(*place)),
            TypeRef::ElementsOf(place) => self.element(language, &argument(*place)),
            TypeRef::ElementsOfCall(place) => self.element(language, &self.called(argument(*place))),
            TypeRef::AwaitedElementsOf(place) => self.awaited(language, self.element(language, &argument(*place))),
            TypeRef::AwaitedCall(place) => self.awaited(language, self.called(argument(*place))),
            TypeRef::AwaitedElement => self.awaited(language, self.content(language, &home())),
        }
    }

    /// What the data say of a type, with its arguments in their places.
    pub(super) fn filled(&self, language: Language, reference: &TypeRef, args: &[Type]) -> Type {
        match reference {
            TypeRef::Named { path, args: parts } => match parameter(path) {
                Some(place) => args.get(place).cloned().unwrap_or_default(),
                None => Type::Named(
                    self.head(language, path),
                    parts.iter().map(|part| self.filled(language, part, args)).collect(),
                ),
            },
            TypeRef::Tuple(parts) => Type::Tuple(parts.iter().map(|part| self.filled(language, part, args)).collect()),
            _ => Type::Unknown,
        }
    }

    /// The head of a type in the data.
    fn head(&self, language: Language, path: &Name) -> Head {
        let path = self.catalogue.canonical(language.name(), path).unwrap_or_else(|| path.clone());
        match self.catalogue.ty(language.name(), &path) {
            Some(_) => Head::Model(path),
            None => Head::External(path),
        }
    }

    /// A type in the data that speaks of no call.
    pub(in super::super) fn named(&self, language: Language, reference: &TypeRef) -> Type {
        match reference {
            TypeRef::Named { path, args } => {
                let args = args.iter().map(|arg| self.named(language, arg)).collect();
                Type::Named(self.head(language, path), args)
            }
            _ => Type::Unknown,
        }
    }

    /// What calling a value of a type gives.
    pub(super) fn called(&self, ty: Type) -> Type {
        match ty {
            Type::Def(Def::Function(function)) | Type::Closure(function) => self.call_result(function),
            Type::Def(Def::Type(ty)) => Type::Named(Head::Project(ty), Vec::new()),
            _ => Type::Unknown,
        }
    }

    /// What a method is called on.
    pub fn receiver_of(&self, body: BodyRef, callee: ValueId) -> Option<ValueId> {
        match self.flow(body).def(callee).map(|step| &step.kind) {
            Some(StepKind::Read { place: Place::Field { base, .. }, .. }) => Some(*base),
            _ => None,
        }
    }

    /// What awaiting a value of a type gives.
    pub fn awaited(&self, language: Language, ty: Type) -> Type {
        match ty {
            Type::Future(inner, _) => *inner,
            Type::Named(Head::Model(ref path) | Head::Hinted(ref path), ref args) => {
                let model = self.catalogue.ty(language.name(), path);
                match model.and_then(|model| model.awaited.as_ref()) {
                    Some(reference) => self.filled(language, reference, args),
                    _ if model.is_some_and(|model| model.transparent == Transparent::Strong) => {
                        self.awaited(language, args.first().cloned().unwrap_or_default())
                    }
                    None => Type::Unknown,
                }
            }
            _ => Type::Unknown,
        }
    }

    /// `Result<T, E>` and `Option<T>` without the wrapping.
    pub fn unwrapped(&self, ty: Type) -> Type {
        match &ty {
            // Whatever `?` or `Some(x)` is written on wraps one thing.
            Type::Named(Head::Model(path), args)
                if self
                    .catalogue
                    .ty("rust", path)
                    .is_some_and(|model| model.transparent != Transparent::Not || model.element.is_some()) =>
            {
                args.first().cloned().unwrap_or_default()
            }
            Type::Named(Head::External(path), args) if path.ends_with("Result") => {
                args.first().cloned().unwrap_or_default()
            }
            _ => ty,
        }
    }

    /// What a value of a type contains, seen through what stands around it.
    pub fn element(&self, language: Language, ty: &Type) -> Type {
        match ty {
            Type::Named(Head::Model(path) | Head::Hinted(path), args)
                if self.catalogue.ty(language.name(), path).is_some_and(|ty| ty.transparent == Transparent::Strong) =>
            {
                args.first().map(|inner| self.element(language, inner)).unwrap_or_default()
            }
            _ => self.content(language, ty),
        }
    }

    /// What a loop over a value gives.
    pub(super) fn iterated(&self, language: Language, ty: &Type) -> Type {
        match ty {
            Type::Named(Head::Model(path) | Head::Hinted(path), args) => {
                let model = self.catalogue.ty(language.name(), path);
                match model.map(|model| (model.transparent, &model.iterated)) {
                    Some((Transparent::Strong, _)) => {
                        args.first().map(|inner| self.iterated(language, inner)).unwrap_or_default()
                    }
                    Some((_, Some(reference))) => self.filled(language, reference, args),
                    _ => self.content(language, ty),
                }
            }
            _ => self.content(language, ty),
        }
    }

    /// What the type itself contains.
    fn content(&self, language: Language, ty: &Type) -> Type {
        match ty {
            Type::Named(Head::Model(path) | Head::Hinted(path), args) => {
                let model = self.catalogue.ty(language.name(), path);
                match model.and_then(|model| model.element.as_ref()) {
                    // Of a map whose keys are not known, the one argument is the value.
                    Some(reference) => {
                        let found = self.filled(language, reference, args);
                        found.or(|| args.first().filter(|_| args.len() == 1).cloned().unwrap_or_default())
                    }
                    None => args.last().cloned().unwrap_or_default(),
                }
            }
            Type::Tuple(parts) => parts.first().cloned().unwrap_or_default(),
            _ => Type::Unknown,
        }
    }

    /// What `with` binds.
    pub(super) fn entered(&self, body: BodyRef, context: ValueId) -> Type {
        let ty = self.type_of(body, context);
        if let Some(StepKind::Call { callee, .. }) = self.flow(body).def(context).map(|step| &step.kind)
            && let Type::Def(Def::Function(function)) | Type::Closure(function) = self.type_of(body, *callee)
            && self.body(function).yields == Yields::Generator
        {
            return self.yielded(function);
        }
        match &ty {
            Type::Named(Head::Project(key), _) => {
                let enter =
                    ["__aenter__", "__enter__"].iter().find_map(|name| self.methods(*key, name).first().copied());
                match enter {
                    Some(enter) => self.result_of(enter).or(|| ty.clone()),
                    None => ty,
                }
            }
            Type::Named(Head::Model(path), args) => {
                let model = self.catalogue.ty(self.language(body).name(), path);
                match model.and_then(|model| model.entered.as_ref()) {
                    Some(reference) => self.filled(self.language(body), reference, args),
                    _ => ty,
                }
            }
            Type::Future(inner, _) => (**inner).clone(),
            _ => ty,
        }
    }

    pub(super) fn yielded(&self, function: BodyRef) -> Type {
        for node in self.flow(function).nodes_of(Sorts::RESULTS) {
            if let StepKind::Yield { value: Some(value), .. } = &node.step.kind {
                return self.type_of(function, *value);
            }
        }
        Type::Unknown
    }

    /// What a comprehension adds to the collection that it makes.
    fn grown(&self, body: BodyRef, out: ValueId) -> Option<ValueId> {
        let flow = self.flow(body);
        flow.uses(out).iter().find_map(|id| match flow.step(*id).map(|step| &step.kind) {
            Some(StepKind::Grow { into, value, .. }) if *into == out => Some(*value),
            _ => None,
        })
    }

    pub(super) fn type_of_collection(&self, body: BodyRef, out: ValueId, shape: &Shape, items: &[Item]) -> Type {
        let first = || {
            let value = items.iter().find_map(|item| match item {
                Item::One(value) | Item::Pair(_, value) => Some(*value),
                _ => None,
            });
            let grown = || self.grown(body, out);
            value.or_else(grown).map(|value| self.type_of(body, value)).unwrap_or_default()
        };
        let language = self.language(body);
        let named = |path: &str, args: Vec<Type>| {
            let path = self.catalogue.canonical(language.name(), path).unwrap_or_else(|| Name::new(path));
            Type::Named(Head::Model(path), args)
        };
        match (shape, language) {
            (Shape::Tuple, _) => {
                let parts = items.iter().map(|item| match item {
                    Item::One(value) => self.type_of(body, *value),
                    _ => Type::Unknown,
                });
                Type::Tuple(parts.collect())
            }
            (Shape::Struct(path), _) => match self.resolve_path(body, path) {
                Some(Def::Type(ty)) | Some(Def::Variant(ty, _)) => Type::Named(Head::Project(ty), Vec::new()),
                _ => Type::Unknown,
            },
            (Shape::List, Language::Python) => named("list", vec![first()]),
            (Shape::Set, Language::Python) => named("set", vec![first()]),
            (Shape::Map, Language::Python) => named("dict", vec![Type::Unknown, first()]),
            (Shape::Lazy, Language::Python) => named("list", vec![first()]),
            (Shape::List | Shape::Repeat, Language::Rust) => named("Vec", vec![first()]),
            _ => Type::Unknown,
        }
    }
}
