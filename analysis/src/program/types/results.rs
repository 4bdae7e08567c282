//! What calls, awaits, loops and scopes give.

use unleak_catalogue::model::{CallModel, Takes, Transparent};
use unleak_catalogue::subject::TypeRef;

use super::super::{BodyRef, Def, Program};
use crate::source::Language;
use crate::unit::{Colour, Item, Name, Part, Place, Shape, StepKind, ValueId, Yields};

use super::{Head, Type};

impl<'a> Program<'a> {
    /// The result of calling a value with these arguments.
    pub fn type_of_call(&self, body: BodyRef, callee: ValueId, args: &[ValueId]) -> Type {
        let given = match self.type_of(body, callee) {
            Type::Def(Def::Function(function)) | Type::Closure(function) => self.call_result(function),
            Type::Def(Def::Type(ty)) => Type::Named(Head::Project(ty), Vec::new()),
            Type::Def(Def::Variant(ty, _)) => Type::Named(Head::Project(ty), Vec::new()),
            Type::Def(Def::Model(path)) => match self.model(self.language(body), &path) {
                Some(model) => match self.receiver_first(body, callee, model, args.first().copied()) {
                    Some(receiver) => self.model_result(body, Some(receiver), model, &args[1..]),
                    None => self.model_result(body, self.receiver_of(body, callee), model, args),
                },
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
                Some(model) => self.model_result(body, Some(callee), model, args),
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
        let owned = self.body(function);
        let result = self.result_of(function);
        match (owned.colour, owned.yields) {
            (Colour::Async, Yields::Never) => Type::Future(Box::new(result), Some(function)),
            _ => result,
        }
    }

    /// What a function returns: as declared, else the first of its returns that is known.
    pub fn result_of(&self, function: BodyRef) -> Type {
        let owned = self.body(function);
        if let Some(tree) = &owned.returns {
            let declared = self.type_from_tree(function, tree);
            if !declared.is_unknown() {
                return declared;
            }
        }
        if owned.yields == Yields::Generator {
            return Type::Unknown;
        }
        for node in self.flow(function).nodes() {
            if let StepKind::Return { value: Some(value) } = &node.step.kind {
                let ty = self.type_of(function, *value);
                if !ty.is_unknown() {
                    return ty;
                }
            }
        }
        Type::Unknown
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

    pub(super) fn model_result(&self, body: BodyRef, on: Option<ValueId>, model: &CallModel, args: &[ValueId]) -> Type {
        let language = self.language(body);
        let constructed = || match self.catalogue.ty(language.name(), &model.path) {
            Some(_) => Type::model(&model.path),
            None => Type::Unknown,
        };
        let result = match &model.returns {
            Some(reference) => self.referred(body, on, reference, args),
            None => constructed(),
        };
        match model.takes_effect {
            Takes::WhenAwaited if model.unawaited.is_some() => {
                let unawaited = model.unawaited.as_ref().map(|reference| self.referred(body, on, reference, args));
                unawaited.unwrap_or_default()
            }
            Takes::WhenAwaited => Type::Future(Box::new(result), None),
            Takes::AtOnce => result,
        }
    }

    pub(super) fn referred(&self, body: BodyRef, on: Option<ValueId>, reference: &TypeRef, args: &[ValueId]) -> Type {
        let language = self.language(body);
        let receiver = || on.map(|value| self.type_of(body, value)).unwrap_or_default();
        let argument =
            |place: u32| args.get(place as usize).map(|value| self.type_of(body, *value)).unwrap_or_default();
        match reference {
            TypeRef::Named { path, .. } if path == "T" => receiver().first_arg(),
            TypeRef::Named { path, .. } if path == "U" => receiver().second_arg(),
            TypeRef::Named { path, args: inner } => {
                let inner = inner.iter().map(|inner| self.referred(body, on, inner, args)).collect();
                Type::Named(self.head(language, path), inner)
            }
            TypeRef::Tuple(parts) => {
                Type::Tuple(parts.iter().map(|part| self.referred(body, on, part, args)).collect())
            }
            TypeRef::Receiver => receiver(),
            TypeRef::Element => self.element(language, &receiver()),
            TypeRef::Argument(place) => argument(*place),
            TypeRef::Awaited(place) => self.awaited(language, argument(*place)),
            TypeRef::Called(place) => self.called(argument(*place)),
            TypeRef::ElementsOf(place) => self.element(language, &argument(*place)),
            TypeRef::AwaitedElementsOf(place) => self.awaited(language, self.element(language, &argument(*place))),
            TypeRef::AwaitedCall(place) => self.awaited(language, self.called(argument(*place))),
            TypeRef::AwaitedElement => self.awaited(language, self.element(language, &receiver())),
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
                    Some(awaited) => with_arguments(awaited, &ty),
                    None if model.is_some_and(|model| model.transparent == Transparent::Strong) => {
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

    /// What a value of a type contains.
    pub fn element(&self, language: Language, ty: &Type) -> Type {
        match ty {
            Type::Named(Head::Model(path) | Head::Hinted(path), args) => {
                let model = self.catalogue.ty(language.name(), path);
                let plain = |element: &&TypeRef| matches!(element, TypeRef::Named { path, .. } if path == "T");
                match model.and_then(|model| model.element.as_ref()).filter(|element| !plain(element)) {
                    Some(element) => with_arguments(element, ty),
                    None if model.is_some_and(|model| model.transparent == Transparent::Strong) => {
                        args.first().map(|inner| self.element(language, inner)).unwrap_or_default()
                    }
                    // Of a map, the values are what is kept.
                    None => args.last().cloned().unwrap_or_default(),
                }
            }
            Type::Tuple(parts) => parts.first().cloned().unwrap_or_default(),
            _ => Type::Unknown,
        }
    }

    /// What a loop over a value of a type gives.
    pub fn iterated(&self, language: Language, ty: &Type) -> Type {
        let model = ty.model_path().and_then(|path| self.catalogue.ty(language.name(), path));
        match model.and_then(|model| model.iterated.as_ref()) {
            Some(iterated) => with_arguments(iterated, ty),
            None => self.element(language, ty),
        }
    }

    pub(super) fn part_type(&self, body: BodyRef, of: Type, part: &Part) -> Type {
        match part {
            Part::Index(place) => match of {
                Type::Tuple(parts) => parts.get(*place as usize).cloned().unwrap_or_default(),
                other => self.element(self.language(body), &other),
            },
            Part::Variant(path, place) => match (path.last().map(Name::as_str), &of) {
                (Some("Some" | "Ok"), _) => self.unwrapped(of),
                (Some(variant), Type::Named(Head::Project(ty), _)) => self.variant_field(*ty, variant, *place),
                _ => Type::Unknown,
            },
            Part::Field(name) => self.field_of(body, &of, name),
            Part::Whole => of,
            Part::Rest(_) => of,
            Part::Key => Type::Unknown,
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
            Type::Named(Head::Model(path), _) => {
                let model = self.catalogue.ty(self.language(body).name(), path);
                match model.and_then(|model| model.entered.as_ref()) {
                    Some(TypeRef::Named { path, .. }) => Type::model(path),
                    _ => ty,
                }
            }
            Type::Future(inner, _) => (**inner).clone(),
            _ => ty,
        }
    }

    pub(super) fn yielded(&self, function: BodyRef) -> Type {
        for node in self.flow(function).nodes() {
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

/// A type in the data, with the type arguments of another in it.
fn with_arguments(reference: &TypeRef, of: &Type) -> Type {
    match reference {
        TypeRef::Named { path, .. } if path == "T" => of.first_arg(),
        TypeRef::Named { path, .. } if path == "U" => of.second_arg(),
        TypeRef::Named { path, args } => {
            Type::Named(Head::Model(path.clone()), args.iter().map(|arg| with_arguments(arg, of)).collect())
        }
        TypeRef::Tuple(parts) => Type::Tuple(parts.iter().map(|part| with_arguments(part, of)).collect()),
        _ => Type::Unknown,
    }
}
