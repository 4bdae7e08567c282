//! What written types mean.

use super::super::{BodyRef, Def, Program, TypeKey, names};
use crate::source::Language;
use crate::unit::{Name, Path, TypeTree};

use super::{Head, Type};

impl<'a> Program<'a> {
    /// A written type.
    pub fn type_from_tree(&self, body: BodyRef, tree: &TypeTree) -> Type {
        self.type_from_tree_in(body, tree, None)
    }

    pub(super) fn type_from_tree_in(&self, body: BodyRef, tree: &TypeTree, own: Option<TypeKey>) -> Type {
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

    pub(super) fn type_from_path(&self, body: BodyRef, path: &Path, args: &[TypeTree], own: Option<TypeKey>) -> Type {
        let last = path.last().map_or("", Name::as_str);
        let first = || args.first().map(|tree| self.type_from_tree_in(body, tree, own)).unwrap_or_default();
        match (self.language(body), last) {
            (_, "Self") => {
                let owner = own.or_else(|| self.owner_around(body));
                return owner.map(|ty| Type::Named(Head::Project(ty), Vec::new())).unwrap_or_default();
            }
            (Language::Python, "Optional" | "Annotated" | "Final" | "ClassVar" | "Required" | "NotRequired") => {
                return first();
            }
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
                super::super::rust_names::resolve_from(self, key.file, &self.header(key).module, path, 16)
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
