//! What values are, as far as constructors, annotations, fields and results tell.

mod asked;
mod extensions;
mod fields;
mod parts;
mod question;
mod results;
mod written;

use unleak_catalogue::model::Effect;
use unleak_catalogue::subject::TypeRef;

use super::calls::{Depth, Target};
use super::memo::{Node, Of, Rests, Types};
use super::{BodyRef, Def, Part, Program, Site, TypeKey};
use crate::source::Language;
use crate::unit::{
    Access, BodyKind, Const, Driver, LocalId, LocalOrigin, Name, ParamKind, Place, Shape, Step, StepKind, TypeTree,
    ValueId,
};
pub(super) use question::Typing;

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

    /// The same type, now that it is known from a name only.
    pub(super) fn by_hint(self) -> Type {
        match self {
            Type::Named(Head::Model(path), args) => Type::Named(Head::Hinted(path), args),
            other => other,
        }
    }

    /// Its first type argument.
    pub fn first_arg(&self) -> Type {
        match self {
            Type::Named(_, args) => args.first().cloned().unwrap_or_default(),
            _ => Type::Unknown,
        }
    }

    pub(super) fn or(self, other: impl FnOnce() -> Type) -> Type {
        if self.is_unknown() { other() } else { self }
    }
}

impl<'a> Program<'a> {
    /// Looks for the type of a value or variable.
    fn find_type(&self, node: Node) -> Type {
        match node.what {
            Of::Value(value) => {
                let step = self.flow(node.body).def(value);
                step.map(|step| self.type_by_step(node.body, value, step)).unwrap_or_default()
            }
            Of::Local(local) => self.find_type_of_local(node.body, local),
        }
    }

    /// What was settled of the types of a body's part of the program.
    fn settled_types(&self, body: BodyRef) -> Option<&Types> {
        self.settled.get(Part::holding(body.file))
    }

    pub(super) fn type_by_step(&self, body: BodyRef, value: ValueId, step: &'a Step) -> Type {
        match &step.kind {
            StepKind::Const { value, .. } => self.type_of_const(self.language(body), value),
            StepKind::Read { place: Place::Field { base, name }, .. }
                if self.language(body) == Language::Rust && !self.is_called(body, value) =>
            {
                // In Rust a field and a method may share a name; only the called one is the method.
                let base = self.type_of(body, *base);
                self.declared_field(&base, name).or(|| self.type_of_read(body, step))
            }
            StepKind::Read { place: Place::Field { base, name }, .. } => {
                let base = self.type_of(body, *base);
                self.called_field_of(body, &base, name, Some(value)).or(|| self.hinted(body, name))
            }
            StepKind::Read { place, access, .. } => self.type_of_place(body, place, *access),
            StepKind::Call { callee, args, .. } => {
                let args: Vec<ValueId> = args.iter().map(|arg| arg.value).collect();
                let asked = self.asked_for(body, value, *callee).map(|(ty, _)| ty);
                asked.unwrap_or_else(|| self.type_of_call(body, *callee, &args))
            }
            StepKind::Await { value, .. } => self.awaited(self.language(body), self.type_of(body, *value)),
            StepKind::Propagate { value, .. } => self.unwrapped(self.type_of(body, *value)),
            StepKind::Collect { out, shape, items } => self.type_of_collection(body, *out, shape, items),
            StepKind::Closure { body: inner, .. } => {
                let inner = BodyRef { file: body.file, body: *inner };
                match self.body(inner).kind {
                    BodyKind::AsyncBlock => Type::Future(Box::new(self.result_of(inner)), Some(inner)),
                    _ => Type::Closure(inner),
                }
            }
            StepKind::Class { ty, .. } => Type::Def(Def::Type(TypeKey { file: body.file, id: *ty })),
            kind @ StepKind::Import { .. } => {
                self.import_of(body.file, kind).map(|def| self.type_of_def(def)).unwrap_or_default()
            }
            StepKind::Part { of, part, .. } => self.part_type(body, self.type_of(body, *of), part),
            StepKind::Join { from, .. } => {
                from.iter().map(|value| self.type_of(body, *value)).find(|ty| !ty.is_unknown()).unwrap_or_default()
            }
            StepKind::View { value, .. } => self.type_of(body, *value),
            StepKind::Loop { driver: Driver::Each { source, .. }, .. } => {
                self.iterated(self.language(body), &self.type_of(body, *source))
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

    pub(super) fn type_of_const(&self, language: Language, value: &Const) -> Type {
        let path = match (value, language) {
            (Const::Str(_), _) => return Type::model("str"),
            (Const::Int(_), Language::Python) => "int",
            (Const::Float(_), Language::Python) => "float",
            (Const::Bool(_), _) => "bool",
            _ => return Type::Unknown,
        };
        Type::Named(Head::External(Name::new(path)), Vec::new())
    }

    /// Whether a type is that of yes and no.
    pub fn is_flag(&self, ty: &Type) -> bool {
        matches!(ty, Type::Named(Head::Model(path) | Head::External(path), _) | Type::Def(Def::Model(path) | Def::External(path)) if path == "bool")
    }

    pub(super) fn type_of_place(&self, body: BodyRef, place: &Place, _access: Access) -> Type {
        match place {
            Place::Local(local) => self.type_of_local(body, *local).or(|| {
                let name = self.body(body).locals.get(local.0 as usize).map(|local| &local.name);
                self.hinted(body, name.map_or("", Name::as_str))
            }),
            Place::Global { path, args } => self.type_of_global(body, path, args),
            Place::Field { base, name } => {
                let base = self.type_of(body, *base);
                self.field_of(body, &base, name).or(|| self.hinted(body, name))
            }
            Place::Index { base, key } => {
                let of = self.type_of(body, *base);
                let sliced = key.is_some_and(|key| self.is_range(body, key));
                match of {
                    // A type with its arguments is that type (`asyncio.Future[None]`).
                    Type::Def(Def::Type(_) | Def::Model(_)) if self.language(body) == Language::Python => of,
                    _ if sliced => of,
                    _ => self.indexed(body, &of, *key),
                }
            }
            Place::Deref { base } => self.type_of(body, *base),
        }
    }

    pub(super) fn type_of_read(&self, body: BodyRef, step: &'a Step) -> Type {
        match &step.kind {
            StepKind::Read { place, access, .. } => self.type_of_place(body, place, *access),
            _ => Type::Unknown,
        }
    }

    /// Whether a value is what a call calls.
    pub(super) fn is_called(&self, body: BodyRef, value: ValueId) -> bool {
        let flow = self.flow(body);
        let mut uses = flow.uses(value).iter().filter_map(|id| flow.step(*id));
        uses.any(|step| matches!(&step.kind, StepKind::Call { callee, .. } if *callee == value))
    }

    pub(super) fn is_range(&self, body: BodyRef, value: ValueId) -> bool {
        matches!(self.flow(body).def(value).map(|step| &step.kind), Some(StepKind::Collect { shape: Shape::Range, .. }))
    }

    pub(super) fn indexed(&self, body: BodyRef, of: &Type, key: Option<ValueId>) -> Type {
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
    pub(super) fn hinted(&self, body: BodyRef, name: &str) -> Type {
        let hinted = self.catalogue.hinted(self.language(body).name(), name);
        hinted.first().map(|path| Type::Named(Head::Hinted(path.clone()), Vec::new())).unwrap_or_default()
    }

    pub(super) fn type_of_global(&self, body: BodyRef, path: &[Name], args: &[TypeTree]) -> Type {
        let Some(def) = self.resolve_path(body, path) else { return self.trait_function(body, path) };
        match def {
            Def::Variable { file, name } => self.type_of_variable(file, &name),
            Def::Function(function) => self.function_value(function),
            // A variant with a payload is a function that makes it.
            Def::Variant(ty, ref variant) if !self.has_payload(ty, variant) => {
                Type::Named(Head::Project(ty), Vec::new())
            }
            Def::External(ref path) if self.language(body) == Language::Rust => {
                self.unit_variant(path).unwrap_or(Type::Def(def))
            }
            Def::Model(ref known)
                if !args.is_empty() && self.catalogue.ty(self.language(body).name(), known).is_some() =>
            {
                Type::Def(def)
            }
            other => Type::Def(other),
        }
    }

    fn find_type_of_local(&self, body: BodyRef, id: LocalId) -> Type {
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
                        let owner = self.owner(body).map(|ty| Type::Named(Head::Project(ty), self.own_arguments(body)));
                        owner.unwrap_or_default()
                    }
                    _ => param
                        .and_then(|param| param.ty.as_ref())
                        .map(|tree| self.type_from_tree(body, tree))
                        .unwrap_or_default(),
                };
                given.or(|| self.type_of_local_stores(body, id)).or(|| self.type_from_callers(body, id))
            }
            LocalOrigin::Bound => self.type_of_local_stores(body, id),
        }
    }

    pub(super) fn type_of_local_stores(&self, body: BodyRef, id: LocalId) -> Type {
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
    pub(super) fn type_from_callers(&self, body: BodyRef, id: LocalId) -> Type {
        self.rest(Rests::Links);
        for site in self.early_callers(body).iter().take(8) {
            for value in self.args_bound_to(*site, body, id) {
                let ty = self.type_of(site.body, value);
                if !ty.is_unknown() {
                    return ty;
                }
            }
        }
        self.type_from_receiver(body, id)
    }

    /// What a closure gets that a library's method calls with each thing it contains (`map`, `for_each`).
    fn type_from_receiver(&self, body: BodyRef, id: LocalId) -> Type {
        let owned = self.body(body);
        let place = owned.params.iter().position(|param| param.local == id);
        let (Some(place), Some((outer, value))) = (place, self.closure_site(body)) else { return Type::Unknown };
        let flow = self.flow(outer);
        for &step in flow.uses(value) {
            let Some(call) = self.call(Site { body: outer, step }) else { continue };
            let Target::Model(model) = &call.target else { continue };
            let effect = self.effect_on(&call, model, value, Depth::Itself);
            if !matches!(effect, Some(Effect::Called | Effect::CalledLater | Effect::CalledPerEvent | Effect::Run)) {
                continue;
            }
            let given = if model.hands.is_empty() && place == 0 && effect == Some(Effect::Called) {
                Some(&TypeRef::Element).filter(|_| call.receiver.is_some())
            } else {
                model.hands.get(place)
            };
            let Some(StepKind::Call { callee, args, .. }) = flow.step(step).map(|step| &step.kind) else { continue };
            let args: Vec<ValueId> = args.iter().map(|arg| arg.value).collect();
            let made = self.made(outer, *callee, model, &args);
            return given.map(|given| self.referred(&made, given)).unwrap_or_default();
        }
        Type::Unknown
    }

    /// Whether a variant holds something.
    fn has_payload(&self, ty: TypeKey, variant: &str) -> bool {
        self.header(ty).fields.iter().any(|field| field.variant.as_deref() == Some(variant))
    }

    /// `None`, `Ordering::Relaxed`: a variant of a library's type that holds nothing.
    fn unit_variant(&self, path: &str) -> Option<Type> {
        let (of, variant) = path.rsplit_once("::")?;
        let mut letters = variant.chars();
        let named = letters.next().is_some_and(char::is_uppercase) && letters.any(char::is_lowercase);
        let ty = self.catalogue.ty(Language::Rust.name(), of).filter(|_| named)?;
        Some(Type::model(&ty.path))
    }
}
