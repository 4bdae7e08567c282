//! What fields, methods and variables are.

use unleak_catalogue::model::Transparent;

use super::super::fields::Mentions;
use super::super::names::HOPS;
use super::super::{BodyRef, Def, Program, Site, TypeKey};
use crate::source::Language;
use crate::unit::{BodyId, LocalId, Name, StepKind, ValueId};

use super::written::Written;
use super::{Head, Type};

/// What Python itself calls the thing that an async call makes.
const COROUTINE: &str = "collections.abc.Coroutine";

/// How many types in a row that dereference to another are seen through.
const DEREFS: u32 = 4;

impl<'a> Program<'a> {
    /// The type of a field as it is declared, where a type of the program declares it.
    pub(super) fn declared_field(&self, base: &Type, name: &str) -> Type {
        match base {
            Type::Named(Head::Project(ty), args) => {
                let fields = &self.header(*ty).fields;
                let tree = fields
                    .iter()
                    .find(|field| field.name == name && field.variant.is_none())
                    .and_then(|field| field.ty.as_ref());
                let given = self.given(*ty, args);
                tree.map(|tree| self.written(Written::in_header(*ty, &given), tree)).unwrap_or_default()
            }
            Type::Named(Head::Model(path), args)
                if self.catalogue.ty("rust", path).is_some_and(|ty| ty.transparent != Transparent::Not) =>
            {
                args.first().map(|inner| self.declared_field(inner, name)).unwrap_or_default()
            }
            _ => Type::Unknown,
        }
    }

    /// The type of a top-level variable: declared, or that of what is stored in it.
    pub fn type_of_variable(&self, file: u32, name: &str) -> Type {
        let module = BodyRef { file, body: BodyId::MODULE };
        let declared =
            self.file(file).lowered.outline.constants.iter().find(|it| it.name == name && it.owner.is_none());
        let declared = declared.and_then(|it| it.ty.as_ref()).map(|tree| self.type_from_tree(module, tree));
        declared.unwrap_or_default().or(|| self.type_of_stores(self.global_changes(file, name)))
    }

    pub(super) fn type_of_stores(&self, sites: &[Site]) -> Type {
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

    /// The type of `base.name`.
    pub fn field_of(&self, body: BodyRef, base: &Type, name: &str) -> Type {
        self.called_field_of(body, base, name, None)
    }

    /// The type of `base.name`, where it is known as which value it is read.
    pub(super) fn called_field_of(&self, body: BodyRef, base: &Type, name: &str, value: Option<ValueId>) -> Type {
        let own = self.own_field(body, base, name, DEREFS);
        own.or(|| self.extension(body, base, name, value)).or(|| match self.innermost(base) {
            Type::Named(Head::External(path), _) => Type::Def(Def::External(Name::from(format!("{path}.{name}")))),
            _ => Type::Unknown,
        })
    }

    /// What a type itself, or what it is seen through to, has of this name.
    fn own_field(&self, body: BodyRef, base: &Type, name: &str, derefs: u32) -> Type {
        let language = self.language(body);
        match base {
            Type::Named(Head::Project(ty), args) => {
                let own = self.project_field(*ty, args, name);
                own.or(|| {
                    self.behind(*ty, derefs).map(|(ty, left)| self.own_field(body, &ty, name, left)).unwrap_or_default()
                })
            }
            Type::Named(Head::Model(path) | Head::Hinted(path), args) => {
                if let Some(found) = self.model_member(language, path, name) {
                    return if base.is_hinted() { found.by_hint() } else { found };
                }
                if let Some(method) = self.foreign_method(path, name) {
                    return Type::Def(Def::Function(method));
                }
                let through = self.catalogue.ty(language.name(), path).map(|ty| ty.transparent);
                match args.first() {
                    Some(inner) if matches!(through, Some(Transparent::Strong | Transparent::Weak)) => {
                        self.own_field(body, inner, name, derefs)
                    }
                    _ => Type::Unknown,
                }
            }
            Type::Tuple(parts) => name.parse::<usize>().ok().and_then(|at| parts.get(at).cloned()).unwrap_or_default(),
            Type::Def(def) => {
                self.member(body.file, def, name, HOPS).map(|def| self.type_of_def(def)).unwrap_or_default()
            }
            Type::Future(..) if language == Language::Python => {
                let method = self.catalogue.method(language.name(), COROUTINE, name);
                method.map(|method| Type::Def(Def::Model(method.path.clone()))).unwrap_or_default()
            }
            _ => Type::Unknown,
        }
    }

    /// What a type of the program dereferences to, where it says so itself.
    fn behind(&self, ty: TypeKey, derefs: u32) -> Option<(Type, u32)> {
        let left = derefs.checked_sub(1)?;
        let (of, method) = self.catalogue.shown_by(self.file(ty.file).language.name())?;
        let deref = self.implements(ty, of).then(|| self.method(ty, method)).flatten()?;
        Some((self.result_of(deref), left)).filter(|(ty, _)| !ty.is_unknown())
    }

    /// A type without what it is seen through.
    pub(super) fn innermost<'t>(&self, ty: &'t Type) -> &'t Type {
        match ty {
            Type::Named(Head::Model(path), args)
                if self.catalogue.ty("rust", path).is_some_and(|ty| ty.transparent != Transparent::Not) =>
            {
                args.first().map_or(ty, |inner| self.innermost(inner))
            }
            _ => ty,
        }
    }

    pub(super) fn type_of_def(&self, def: Def) -> Type {
        match def {
            Def::Variable { file, name } => self.type_of_variable(file, &name),
            Def::Function(function) => self.function_value(function),
            other => Type::Def(other),
        }
    }

    fn project_field(&self, ty: TypeKey, args: &[Type], name: &str) -> Type {
        if let Some(method) = self.method(ty, name) {
            let marks = &self.body(method).marks;
            let property = marks
                .iter()
                .any(|mark| mark.path.last().is_some_and(|last| last == "property" || last == "cached_property"));
            return if property { self.result_of(method) } else { self.function_value(method) };
        }
        for &key in self.families.above(&ty) {
            let declared = self.header(key).fields.iter().find(|field| field.name == name);
            if let Some(tree) = declared.and_then(|field| field.ty.as_ref()) {
                let given = self.given(key, if key == ty { args } else { &[] });
                let found = self.written(Written::in_header(key, &given), tree);
                if !found.is_unknown() {
                    return found;
                }
            }
        }
        for &key in self.families.above(&ty) {
            let found = self.class_attribute(key, name);
            if !found.is_unknown() {
                return found;
            }
        }
        let found = self.type_of_stores(&self.mentions(ty, name, Mentions::Stores));
        if !found.is_unknown() {
            return found;
        }
        let language = self.file(ty.file).language;
        let outside = self.outside_bases(ty);
        outside.iter().find_map(|base| self.model_member(language, base, name)).unwrap_or_default()
    }

    /// A method or attribute of a type of the catalogue.
    fn model_member(&self, language: Language, path: &str, name: &str) -> Option<Type> {
        if let Some(method) = self.catalogue.method(language.name(), path, name) {
            return Some(Type::Def(Def::Model(method.path.clone())));
        }
        self.catalogue.field(language.name(), path, name).map(|held| self.named(language, held))
    }

    /// A name bound in the class block: an attribute, or a nested class.
    pub(super) fn class_attribute(&self, ty: TypeKey, name: &str) -> Type {
        let Some(block) = self.header(ty).class_body else { return Type::Unknown };
        let block = BodyRef { file: ty.file, body: block };
        let locals = &self.body(block).locals;
        let found = locals.iter().position(|local| local.name == name);
        found.map(|at| self.type_of_local(block, LocalId(at as u32))).unwrap_or_default()
    }

    pub(super) fn variant_field(&self, ty: TypeKey, args: &[Type], variant: &str, place: u32) -> Type {
        let mut fields = self.header(ty).fields.iter().filter(|field| {
            field.variant.as_deref() == Some(variant) || (field.variant.is_none() && self.header(ty).name == variant)
        });
        let field = fields.nth(place as usize);
        let given = self.given(ty, args);
        let declared = field.and_then(|field| field.ty.as_ref());
        declared.map(|tree| self.written(Written::in_header(ty, &given), tree)).unwrap_or_default()
    }
}
