//! What values are, as far as constructors, annotations, fields and results tell.

use unleak_catalogue::model::{CallModel, Takes, Transparent};
use unleak_catalogue::subject::TypeRef;

use super::{BodyRef, Def, Program, Site, TypeKey, names};
use crate::source::Language;
use crate::unit::{
    Access, BodyId, BodyKind, Colour, Const, Driver, Item, LocalId, LocalOrigin, Name, ParamKind, Part, Path, Place, Shape,
    Step, StepKind, TypeTree, ValueId, Yields,
};

/// A type, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Type {
    /// Not known.
    #[default]
    Unknown,
    /// An instance of a named type.
    Named(Head, Vec<Type>),
    /// A tuple.
    Tuple(Vec<Type>),
    /// What an async call makes: awaiting it gives the inner type. The body is what runs, where known.
    Future(Box<Type>, Option<BodyRef>),
    /// A definition itself: a function, a class, a module.
    Def(Def),
    /// A closure, nested function or lambda.
    Closure(BodyRef),
}

/// The name in a named type.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Head {
    /// A type of the program.
    Project(TypeKey),
    /// A type of the catalogue.
    Model(Name),
    /// A type of the catalogue that only a variable's name suggests.
    Hinted(Name),
    /// A type from outside that the catalogue does not know.
    External(Name),
}

impl Type {
    /// An instance of a catalogue type.
    pub fn model(path: &str) -> Type {
        Type::Named(Head::Model(Name::new(path)), Vec::new())
    }

    /// Whether nothing is known.
    pub fn is_unknown(&self) -> bool {
        *self == Type::Unknown
    }

    /// The catalogue path of its head, by hint or not.
    pub fn model_path(&self) -> Option<&Name> {
        match self {
            Type::Named(Head::Model(path) | Head::Hinted(path), _) => Some(path),
            _ => None,
        }
    }

    /// Whether only a name suggests it.
    pub fn is_hinted(&self) -> bool {
        matches!(self, Type::Named(Head::Hinted(_), _))
    }

    /// Its first type argument.
    pub fn first_arg(&self) -> Type {
        match self {
            Type::Named(_, args) => args.first().cloned().unwrap_or_default(),
            _ => Type::Unknown,
        }
    }

    fn or(self, other: impl FnOnce() -> Type) -> Type {
        if self.is_unknown() { other() } else { self }
    }
}

impl<'a> Program<'a> {
    /// The type of a value.
    pub fn type_of(&self, body: BodyRef, value: ValueId) -> Type {
        let key = (body, value);
        if let Some(known) = self.types.borrow().get(&key) {
            return known.clone();
        }
        // A value that depends on itself (a loop), or a chain too long to follow, is unknown.
        {
            let mut typing = self.typing.borrow_mut();
            if typing.len() > 150 || !typing.insert(key) {
                return Type::Unknown;
            }
        }
        let found = self.flow(body).def(value).map(|step| self.type_by_step(body, value, step)).unwrap_or_default();
        let outermost = {
            let mut typing = self.typing.borrow_mut();
            typing.remove(&key);
            typing.is_empty()
        };
        // What was computed inside a cycle may be less than what is known from outside it.
        if outermost || !found.is_unknown() {
            self.types.borrow_mut().insert(key, found.clone());
        }
        found
    }

    fn type_by_step(&self, body: BodyRef, value: ValueId, step: &'a Step) -> Type {
        match &step.kind {
            StepKind::Const { value, .. } => self.type_of_const(self.language(body), value),
            StepKind::Read { place, access, .. } => self.type_of_place(body, place, *access),
            StepKind::Call { callee, args, .. } => {
                let args: Vec<ValueId> = args.iter().map(|arg| arg.value).collect();
                self.type_of_call(body, *callee, &args)
            }
            StepKind::Await { value, .. } => self.awaited(self.language(body), self.type_of(body, *value)),
            StepKind::Propagate { value, .. } => self.unwrapped(self.type_of(body, *value)),
            StepKind::Collect { shape, items, .. } => self.type_of_collection(body, shape, items),
            StepKind::Closure { body: inner, .. } => {
                let inner = BodyRef { file: body.file, body: *inner };
                match self.body(inner).kind {
                    BodyKind::AsyncBlock => Type::Future(Box::new(self.result_of(inner)), Some(inner)),
                    _ => Type::Closure(inner),
                }
            }
            StepKind::Class { ty, .. } => Type::Def(Def::Type(TypeKey { file: body.file, id: *ty })),
            StepKind::Import { path, level, item, .. } => {
                let import = super::python_names::imported(self, body.file, path, *level, item.as_deref(), 16);
                import.map(Type::Def).unwrap_or_default()
            }
            StepKind::Part { of, part, .. } => self.part_type(body, self.type_of(body, *of), part),
            StepKind::Join { from, .. } => {
                from.iter().map(|value| self.type_of(body, *value)).find(|ty| !ty.is_unknown()).unwrap_or_default()
            }
            StepKind::View { value, .. } => self.type_of(body, *value),
            StepKind::Loop { driver: Driver::Each { source, .. }, .. } => {
                self.element(self.language(body), &self.type_of(body, *source))
            }
            StepKind::Scope { items, .. } => {
                let item = items.iter().find(|item| item.entered == value);
                item.map(|item| self.entered(body, item.context)).unwrap_or_default()
            }
            StepKind::Select { arms, .. } => {
                let arm = arms.iter().find(|arm| arm.got == value);
                arm.map(|arm| self.awaited(self.language(body), self.type_of(body, arm.future))).unwrap_or_default()
            }
            _ => Type::Unknown,
        }
    }

    fn type_of_const(&self, language: Language, value: &Const) -> Type {
        let path = match (value, language) {
            (Const::Str(_), Language::Python) => "str",
            (Const::Int(_), Language::Python) => "int",
            (Const::Float(_), Language::Python) => "float",
            (Const::Bool(_), _) => "bool",
            _ => return Type::Unknown,
        };
        Type::Named(Head::External(Name::new(path)), Vec::new())
    }

    fn type_of_place(&self, body: BodyRef, place: &Place, _access: Access) -> Type {
        match place {
            Place::Local(local) => {
                let name = self.body(body).locals.get(local.0 as usize).map(|local| local.name.clone());
                self.type_of_local(body, *local).or(|| self.hinted(body, name.as_deref().unwrap_or("")))
            }
            Place::Global { path, args } => self.type_of_global(body, path, args),
            Place::Field { base, name } => {
                let base = self.type_of(body, *base);
                self.field_of(body, &base, name).or(|| self.hinted(body, name))
            }
            Place::Index { base, key } => {
                let of = self.type_of(body, *base);
                let sliced = key.is_some_and(|key| self.is_range(body, key));
                if sliced { of } else { self.indexed(body, &of, *key) }
            }
            Place::Deref { base } => self.type_of(body, *base),
        }
    }

    fn is_range(&self, body: BodyRef, value: ValueId) -> bool {
        matches!(
            self.flow(body).def(value).map(|step| &step.kind),
            Some(StepKind::Collect { shape: Shape::Range, .. })
        )
    }

    fn indexed(&self, body: BodyRef, of: &Type, key: Option<ValueId>) -> Type {
        let place = key.and_then(|key| self.flow(body).def(key)).and_then(|step| match &step.kind {
            StepKind::Const { value: Const::Int(place), .. } => usize::try_from(*place).ok(),
            _ => None,
        });
        match (of, place) {
            (Type::Tuple(parts), Some(place)) => parts.get(place).cloned().unwrap_or_default(),
            _ => self.element(self.language(body), of),
        }
    }

    /// The type a variable's or field's name suggests, for want of anything better.
    fn hinted(&self, body: BodyRef, name: &str) -> Type {
        let hinted = self.catalogue.hinted(self.language(body).name(), name);
        hinted.first().map(|path| Type::Named(Head::Hinted(path.clone()), Vec::new())).unwrap_or_default()
    }

    fn type_of_global(&self, body: BodyRef, path: &Path, args: &[TypeTree]) -> Type {
        let Some(def) = self.resolve_path(body, path) else { return Type::Unknown };
        match def {
            Def::Variable { file, name } => self.type_of_variable(file, &name),
            Def::Variant(ty, _) => Type::Named(Head::Project(ty), Vec::new()),
            Def::Model(ref known) if !args.is_empty() && self.catalogue.ty(self.language(body).name(), known).is_some() => {
                Type::Def(def)
            }
            other => Type::Def(other),
        }
    }

    /// The type of a top-level variable: declared, or that of what is stored in it.
    pub fn type_of_variable(&self, file: u32, name: &str) -> Type {
        let module = BodyRef { file, body: BodyId::MODULE };
        let declared = self.file(file).lowered.outline.constants.iter().find(|it| it.name == name && it.owner.is_none());
        let declared = declared.and_then(|it| it.ty.as_ref()).map(|tree| self.type_from_tree(module, tree));
        declared.unwrap_or_default().or(|| self.type_of_stores(self.global_sites(file, name)))
    }

    fn type_of_stores(&self, sites: &[Site]) -> Type {
        for site in sites {
            if let Some(StepKind::Store { value, .. }) = self.flow(site.body).step(site.step).map(|step| &step.kind) {
                let ty = self.type_of(site.body, *value);
                if !ty.is_unknown() {
                    return ty;
                }
            }
        }
        Type::Unknown
    }

    /// The type of a local variable.
    pub fn type_of_local(&self, body: BodyRef, id: LocalId) -> Type {
        let owned = self.body(body);
        let Some(local) = owned.locals.get(id.0 as usize) else { return Type::Unknown };
        if let Some(tree) = &local.ty {
            let declared = self.type_from_tree(body, tree);
            if !declared.is_unknown() {
                return declared;
            }
        }
        match local.origin {
            LocalOrigin::Captured { outer, .. } => {
                let parent = owned.parent.map(|parent| BodyRef { file: body.file, body: parent });
                parent.map(|parent| self.type_of_local(parent, outer)).unwrap_or_default()
            }
            LocalOrigin::Param => {
                let param = owned.params.iter().find(|param| param.local == id);
                let given = match param.map(|param| param.kind) {
                    Some(ParamKind::Receiver) => {
                        let owner = self.owner(body).map(|ty| Type::Named(Head::Project(ty), Vec::new()));
                        owner.unwrap_or_default()
                    }
                    _ => param.and_then(|param| param.ty.as_ref()).map(|tree| self.type_from_tree(body, tree)).unwrap_or_default(),
                };
                given.or(|| self.type_of_local_stores(body, id)).or(|| self.type_from_callers(body, id))
            }
            LocalOrigin::Bound => self.type_of_local_stores(body, id),
        }
    }

    fn type_of_local_stores(&self, body: BodyRef, id: LocalId) -> Type {
        let flow = self.flow(body);
        for &step in flow.stores(id) {
            if let Some(StepKind::Store { value, .. }) = flow.step(step).map(|step| &step.kind) {
                let ty = self.type_of(body, *value);
                if !ty.is_unknown() {
                    return ty;
                }
            }
        }
        Type::Unknown
    }

    /// What the callers pass for an undeclared parameter, once calls are resolved.
    fn type_from_callers(&self, body: BodyRef, id: LocalId) -> Type {
        for site in self.calls.callers(body).iter().take(8) {
            for (value, local) in self.bound_args(*site, body) {
                if local == id {
                    let ty = self.type_of(site.body, value);
                    if !ty.is_unknown() {
                        return ty;
                    }
                }
            }
        }
        Type::Unknown
    }

    /// The type of `base.name`.
    pub fn field_of(&self, body: BodyRef, base: &Type, name: &str) -> Type {
        let language = self.language(body);
        match base {
            Type::Named(Head::Project(ty), _) => self.project_field(*ty, name).or(|| self.extension(language, name)),
            Type::Named(Head::Model(path) | Head::Hinted(path), args) => {
                if let Some(method) = self.catalogue.method(language.name(), path, name) {
                    return Type::Def(Def::Model(method.path.clone()));
                }
                let through = self.catalogue.ty(language.name(), path).map(|ty| ty.transparent);
                if matches!(through, Some(Transparent::Strong | Transparent::Weak))
                    && let Some(inner) = args.first()
                {
                    return self.field_of(body, inner, name);
                }
                self.extension(language, name)
            }
            Type::Named(Head::External(path), _) => self.extension(language, name).or(|| {
                Type::Def(Def::External(Name::from(format!("{path}.{name}"))))
            }),
            Type::Tuple(parts) => name.parse::<usize>().ok().and_then(|at| parts.get(at).cloned()).unwrap_or_default(),
            Type::Def(def) => self.member(body.file, def, name, 16).map(|def| self.type_of_def(def)).unwrap_or_default(),
            Type::Future(..) | Type::Closure(_) | Type::Unknown => self.extension(language, name),
        }
    }

    /// A method that any receiver may have (Rust extension traits).
    fn extension(&self, language: Language, name: &str) -> Type {
        let found = self.catalogue.any_method(language.name(), name).next();
        found.map(|model| Type::Def(Def::Model(model.path.clone()))).unwrap_or_default()
    }

    fn type_of_def(&self, def: Def) -> Type {
        match def {
            Def::Variable { file, name } => self.type_of_variable(file, &name),
            other => Type::Def(other),
        }
    }

    fn project_field(&self, ty: TypeKey, name: &str) -> Type {
        if let Some(method) = self.methods(ty, name).first() {
            let marks = &self.body(*method).marks;
            let property = marks.iter().any(|mark| {
                mark.path.last().is_some_and(|last| last == "property" || last == "cached_property")
            });
            return if property { self.result_of(*method) } else { Type::Def(Def::Function(*method)) };
        }
        for key in self.ancestors(ty) {
            let declared = self.header(key).fields.iter().find(|field| field.name == name);
            if let Some(tree) = declared.and_then(|field| field.ty.as_ref()) {
                let module = BodyRef { file: key.file, body: BodyId::MODULE };
                let found = self.type_from_tree_in(module, tree, Some(key));
                if !found.is_unknown() {
                    return found;
                }
            }
        }
        for key in self.ancestors(ty) {
            let found = self.class_attribute(key, name);
            if !found.is_unknown() {
                return found;
            }
        }
        let found = self.type_of_stores(&self.field_sites(ty, name));
        if !found.is_unknown() {
            return found;
        }
        for base in self.outside_bases(ty) {
            if let Some(method) = self.catalogue.method(self.file(ty.file).language.name(), &base, name) {
                return Type::Def(Def::Model(method.path.clone()));
            }
        }
        Type::Unknown
    }

    /// A name bound in the class block: an attribute, or a nested class.
    fn class_attribute(&self, ty: TypeKey, name: &str) -> Type {
        let Some(block) = self.header(ty).class_body else { return Type::Unknown };
        let block = BodyRef { file: ty.file, body: block };
        let locals = &self.body(block).locals;
        let found = locals.iter().position(|local| local.name == name);
        found.map(|at| self.type_of_local(block, LocalId(at as u32))).unwrap_or_default()
    }

    /// The result of calling a value with these arguments.
    pub fn type_of_call(&self, body: BodyRef, callee: ValueId, args: &[ValueId]) -> Type {
        match self.type_of(body, callee) {
            Type::Def(Def::Function(function)) | Type::Closure(function) => self.call_result(function),
            Type::Def(Def::Type(ty)) => Type::Named(Head::Project(ty), Vec::new()),
            Type::Def(Def::Variant(ty, _)) => Type::Named(Head::Project(ty), Vec::new()),
            Type::Def(Def::Model(path)) => match self.model(self.language(body), &path) {
                Some(model) => self.model_result(body, callee, model, args),
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
            _ => Type::Unknown,
        }
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

    fn model_result(&self, body: BodyRef, callee: ValueId, model: &CallModel, args: &[ValueId]) -> Type {
        let language = self.language(body);
        let constructed = || match self.catalogue.ty(language.name(), &model.path) {
            Some(_) => Type::model(&model.path),
            None => Type::Unknown,
        };
        let result = match &model.returns {
            Some(reference) => self.from_reference(body, callee, reference, args),
            None => constructed(),
        };
        match model.takes_effect {
            Takes::WhenAwaited => Type::Future(Box::new(result), None),
            Takes::AtOnce => result,
        }
    }

    fn from_reference(&self, body: BodyRef, callee: ValueId, reference: &TypeRef, args: &[ValueId]) -> Type {
        let language = self.language(body);
        let receiver = || self.receiver_of(body, callee).map(|value| self.type_of(body, value)).unwrap_or_default();
        let argument = |place: u32| args.get(place as usize).map(|value| self.type_of(body, *value)).unwrap_or_default();
        match reference {
            TypeRef::Named { path, .. } if path == "T" => receiver().first_arg(),
            TypeRef::Named { path, args: inner } => {
                let inner = inner.iter().map(|inner| self.from_reference(body, callee, inner, args)).collect();
                let path = self.catalogue.canonical(language.name(), path).unwrap_or_else(|| path.clone());
                match self.catalogue.ty(language.name(), &path) {
                    Some(_) => Type::Named(Head::Model(path), inner),
                    None => Type::Named(Head::External(path), inner),
                }
            }
            TypeRef::Tuple(parts) => {
                Type::Tuple(parts.iter().map(|part| self.from_reference(body, callee, part, args)).collect())
            }
            TypeRef::Receiver => receiver(),
            TypeRef::Element => self.element(language, &receiver()),
            TypeRef::Argument(place) => argument(*place),
            TypeRef::Awaited(place) => self.awaited(language, argument(*place)),
            TypeRef::Called(place) => match argument(*place) {
                Type::Def(Def::Function(function)) | Type::Closure(function) => self.call_result(function),
                Type::Def(Def::Type(ty)) => Type::Named(Head::Project(ty), Vec::new()),
                _ => Type::Unknown,
            },
            TypeRef::ElementsOf(place) => self.element(language, &argument(*place)),
            TypeRef::AwaitedElementsOf(place) => self.awaited(language, self.element(language, &argument(*place))),
            TypeRef::AwaitedElement => self.awaited(language, self.element(language, &receiver())),
            TypeRef::AwaitedCall(place) => {
                let called = self.from_reference(body, callee, &TypeRef::Called(*place), args);
                self.awaited(language, called)
            }
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
                    Some(TypeRef::Named { path, .. }) if path == "T" => args.first().cloned().unwrap_or_default(),
                    Some(TypeRef::Named { path, args: inner }) => {
                        let inner = inner.iter().map(|_| args.first().cloned().unwrap_or_default()).collect();
                        Type::Named(Head::Model(path.clone()), inner)
                    }
                    _ if model.is_some_and(|model| model.transparent == Transparent::Strong) => {
                        self.awaited(language, args.first().cloned().unwrap_or_default())
                    }
                    _ => Type::Unknown,
                }
            }
            _ => Type::Unknown,
        }
    }

    /// `Result<T, E>` and `Option<T>` without the wrapping.
    pub fn unwrapped(&self, ty: Type) -> Type {
        match &ty {
            Type::Named(Head::Model(path), args)
                if self.catalogue.ty("rust", path).is_some_and(|model| model.transparent != Transparent::Not) =>
            {
                args.first().cloned().unwrap_or_default()
            }
            Type::Named(Head::External(path), args) if path.ends_with("Result") => args.first().cloned().unwrap_or_default(),
            _ => ty,
        }
    }

    /// What a value of a type contains.
    pub fn element(&self, language: Language, ty: &Type) -> Type {
        match ty {
            Type::Named(Head::Model(path) | Head::Hinted(path), args) => {
                let model = self.catalogue.ty(language.name(), path);
                match model.and_then(|model| model.element.as_ref()) {
                    Some(TypeRef::Named { path, args: inner }) if path != "T" => {
                        let inner = inner.iter().map(|_| args.first().cloned().unwrap_or_default()).collect();
                        Type::Named(Head::Model(path.clone()), inner)
                    }
                    _ if model.is_some_and(|model| model.transparent == Transparent::Strong) => {
                        args.first().map(|inner| self.element(language, inner)).unwrap_or_default()
                    }
                    // Of a map, the values are what is kept.
                    _ => args.last().cloned().unwrap_or_default(),
                }
            }
            Type::Tuple(parts) => parts.first().cloned().unwrap_or_default(),
            _ => Type::Unknown,
        }
    }

    fn part_type(&self, body: BodyRef, of: Type, part: &Part) -> Type {
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

    fn variant_field(&self, ty: TypeKey, variant: &str, place: u32) -> Type {
        let mut fields = self.header(ty).fields.iter().filter(|field| {
            field.variant.as_deref() == Some(variant) || (field.variant.is_none() && self.header(ty).name == variant)
        });
        let field = fields.nth(place as usize);
        let module = BodyRef { file: ty.file, body: BodyId::MODULE };
        field
            .and_then(|field| field.ty.as_ref())
            .map(|tree| self.type_from_tree_in(module, tree, Some(ty)))
            .unwrap_or_default()
    }

    /// What `with` binds.
    fn entered(&self, body: BodyRef, context: ValueId) -> Type {
        let ty = self.type_of(body, context);
        if let Some(StepKind::Call { callee, .. }) = self.flow(body).def(context).map(|step| &step.kind)
            && let Type::Def(Def::Function(function)) | Type::Closure(function) = self.type_of(body, *callee)
            && self.body(function).yields == Yields::Generator
        {
            return self.yielded(function);
        }
        match &ty {
            Type::Named(Head::Project(key), _) => {
                let enter = ["__aenter__", "__enter__"].iter().find_map(|name| self.methods(*key, name).first().copied());
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

    fn yielded(&self, function: BodyRef) -> Type {
        for node in self.flow(function).nodes() {
            if let StepKind::Yield { value: Some(value), .. } = &node.step.kind {
                return self.type_of(function, *value);
            }
        }
        Type::Unknown
    }

    fn type_of_collection(&self, body: BodyRef, shape: &Shape, items: &[Item]) -> Type {
        let first = || {
            let value = items.iter().find_map(|item| match item {
                Item::One(value) | Item::Pair(_, value) => Some(*value),
                _ => None,
            });
            value.map(|value| self.type_of(body, value)).unwrap_or_default()
        };
        let language = self.language(body);
        let named = |path: &str| {
            let path = self.catalogue.canonical(language.name(), path).unwrap_or_else(|| Name::new(path));
            Type::Named(Head::Model(path), vec![first()])
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
            (Shape::List, Language::Python) => named("list"),
            (Shape::Set, Language::Python) => named("set"),
            (Shape::Map, Language::Python) => named("dict"),
            (Shape::Lazy, Language::Python) => named("list"),
            (Shape::List | Shape::Repeat, Language::Rust) => named("Vec"),
            _ => Type::Unknown,
        }
    }

    /// A written type.
    pub fn type_from_tree(&self, body: BodyRef, tree: &TypeTree) -> Type {
        self.type_from_tree_in(body, tree, None)
    }

    fn type_from_tree_in(&self, body: BodyRef, tree: &TypeTree, own: Option<TypeKey>) -> Type {
        let inner = |tree: &TypeTree| self.type_from_tree_in(body, tree, own);
        match names::peel_refs(tree) {
            TypeTree::Path { path, args } => self.type_from_path(body, path, args, own),
            TypeTree::Tuple(parts) => Type::Tuple(parts.iter().map(inner).collect()),
            TypeTree::Union(parts) => parts.iter().map(inner).find(|ty| !ty.is_unknown()).unwrap_or_default(),
            TypeTree::Bounds(parts) => parts.iter().map(inner).find(|ty| !ty.is_unknown()).unwrap_or_default(),
            TypeTree::Slice(item) => {
                let list = self.catalogue.canonical(self.language(body).name(), "Vec");
                list.map(|path| Type::Named(Head::Model(path), vec![inner(item)])).unwrap_or_default()
            }
            _ => Type::Unknown,
        }
    }

    fn type_from_path(&self, body: BodyRef, path: &Path, args: &[TypeTree], own: Option<TypeKey>) -> Type {
        let last = path.last().map_or("", Name::as_str);
        let first = || args.first().map(|tree| self.type_from_tree_in(body, tree, own)).unwrap_or_default();
        match (self.language(body), last) {
            (_, "Self") => {
                let owner = own.or_else(|| self.owner_around(body));
                return owner.map(|ty| Type::Named(Head::Project(ty), Vec::new())).unwrap_or_default();
            }
            (Language::Python, "Optional" | "Annotated" | "Final" | "ClassVar" | "Required" | "NotRequired") => return first(),
            (Language::Python, "Awaitable" | "Coroutine") => {
                let result = args.last().map(|tree| self.type_from_tree_in(body, tree, own)).unwrap_or_default();
                return Type::Future(Box::new(result), None);
            }
            (Language::Python, "Union") => {
                let known = args.iter().map(|tree| self.type_from_tree_in(body, tree, own));
                return known.into_iter().find(|ty| !ty.is_unknown()).unwrap_or_default();
            }
            _ => {}
        }
        let def = match own {
            Some(key) if self.language(body) == Language::Rust => {
                super::rust_names::resolve_from(self, key.file, &self.header(key).module, path, 16)
            }
            _ => self.resolve_tree(body, path),
        };
        let args: Vec<Type> = args.iter().map(|tree| self.type_from_tree_in(body, tree, own)).collect();
        match def {
            Some(Def::Type(ty)) => Type::Named(Head::Project(ty), args),
            Some(Def::Model(path)) => match self.catalogue.ty(self.language(body).name(), &path) {
                Some(_) => Type::Named(Head::Model(path), args),
                None => Type::Unknown,
            },
            Some(Def::External(path)) if path.contains(['.', ':']) || self.language(body) == Language::Python => {
                Type::Named(Head::External(path), args)
            }
            _ => Type::Unknown,
        }
    }
}
