//! What written types mean.

use super::super::{BodyRef, Def, Program, TypeKey, names, rust_names};
use crate::source::Language;
use crate::unit::{BodyId, Name, Path, TypeTree};

use super::{Head, Type};

/// How many aliases of aliases are followed.
const ALIASES: u32 = 8;

/// Where a type is written.
#[derive(Clone, Copy)]
pub(super) struct Written<'t> {
    body: BodyRef,
    /// The type in whose header it stands.
    own: Option<TypeKey>,
    /// What the type parameters stand for.
    given: &'t [(Name, Type)],
    hops: u32,
    /// Whether it is being asked what `Self` is made of: a bound of one of its parameters may speak of it again.
    in_self: bool,
}

impl<'t> Written<'t> {
    /// In the code or head of a body.
    pub(super) fn in_body(body: BodyRef) -> Written<'t> {
        Written { body, own: None, given: &[], hops: ALIASES, in_self: false }
    }

    /// In the header of a type, whose parameters stand for these.
    pub(super) fn in_header(own: TypeKey, given: &'t [(Name, Type)]) -> Written<'t> {
        let body = BodyRef { file: own.file, body: BodyId::MODULE };
        Written { body, own: Some(own), given, hops: ALIASES, in_self: false }
    }

    /// With what the type parameters stand for.
    pub(super) fn given(self, given: &'t [(Name, Type)]) -> Written<'t> {
        Written { given, ..self }
    }
}

impl<'a> Program<'a> {
    /// A written type.
    pub fn type_from_tree(&self, body: BodyRef, tree: &TypeTree) -> Type {
        self.written(Written::in_body(body), tree)
    }

    /// A type that stands between the brackets of the type of a method's impl.
    pub(in super::super) fn own_argument(&self, method: BodyRef, tree: &TypeTree) -> Type {
        self.written(Written { in_self: true, ..Written::in_body(method) }, tree)
    }

    pub(super) fn written(&self, at: Written<'_>, tree: &TypeTree) -> Type {
        let inner = |tree: &TypeTree| self.written(at, tree);
        match names::peel_refs(tree) {
            TypeTree::Path { path, args } => self.type_from_path(at, path, args),
            TypeTree::Tuple(parts) => Type::Tuple(parts.iter().map(inner).collect()),
            TypeTree::Union(parts) => parts.iter().map(inner).find(|ty| !ty.is_unknown()).unwrap_or_default(),
            TypeTree::Bounds(parts) => self.bounded(at, parts),
            TypeTree::Param { name, bounds } => {
                let given = at.given.iter().find(|(known, _)| known == name).map(|(_, ty)| ty.clone());
                given.unwrap_or_default().or(|| self.bounded(at, bounds))
            }
            TypeTree::Slice(item) => {
                let list = self.catalogue.canonical(self.language(at.body).name(), "Vec");
                list.map(|path| Type::Named(Head::Model(path), vec![inner(item)])).unwrap_or_default()
            }
            _ => Type::Unknown,
        }
    }

    /// Of several bounds the one that tells most: a trait of the program, else one that the catalogue knows.
    fn bounded(&self, at: Written<'_>, bounds: &[TypeTree]) -> Type {
        let rank = |ty: &Type| match ty {
            Type::Named(Head::Project(_), _) => 0,
            Type::Named(Head::External(_), _) => 2,
            Type::Unknown => 3,
            _ => 1,
        };
        bounds.iter().map(|bound| self.written(at, bound)).min_by_key(rank).unwrap_or_default()
    }

    fn type_from_path(&self, at: Written<'_>, path: &Path, args: &[TypeTree]) -> Type {
        let last = path.last().map_or("", Name::as_str);
        let inner = |tree: &TypeTree| self.written(at, tree);
        let language = self.language(at.body);
        match (language, last) {
            (_, "Self") => {
                if let Some(ty) = at.own {
                    return Type::Named(Head::Project(ty), Vec::new());
                }
                let owner = self.owner_around(at.body);
                let args = if at.in_self { Vec::new() } else { self.own_arguments(self.named_around(at.body)) };
                return owner.map(|ty| Type::Named(Head::Project(ty), args)).unwrap_or_default();
            }
            (Language::Python, "Optional" | "Annotated" | "Final" | "ClassVar" | "Required" | "NotRequired") => {
                return args.first().map(inner).unwrap_or_default();
            }
            (Language::Python, "Awaitable" | "Coroutine") => {
                return Type::Future(Box::new(args.last().map(inner).unwrap_or_default()), None);
            }
            (Language::Python, "Union") => {
                return args.iter().map(inner).find(|ty| !ty.is_unknown()).unwrap_or_default();
            }
            _ => {}
        }
        if language == Language::Rust
            && let Some(found) = self.aliased(at, path, args)
        {
            return found;
        }
        let def = match at.own {
            Some(key) if language == Language::Rust => {
                rust_names::resolve_from(self, key.file, &self.header(key).module, path, names::HOPS)
            }
            _ => self.resolve_tree(at.body, path),
        };
        let args: Vec<Type> = args.iter().map(inner).collect();
        match def {
            Some(Def::Type(ty)) => Type::Named(Head::Project(ty), args),
            Some(Def::Model(path)) => match self.catalogue.ty(language.name(), &path) {
                Some(_) => Type::Named(Head::Model(path), args),
                None => Type::Unknown,
            },
            Some(Def::External(path)) if path.contains(['.', ':']) || language == Language::Python => {
                Type::Named(Head::External(path), args)
            }
            _ => Type::Unknown,
        }
    }

    /// A type alias with what its parameters stand for.
    fn aliased(&self, at: Written<'_>, path: &Path, args: &[TypeTree]) -> Option<Type> {
        let hops = at.hops.checked_sub(1)?;
        let (file, module) = match at.own {
            Some(key) => (key.file, &self.header(key).module),
            None => (at.body.file, &self.body(at.body).module),
        };
        let alias = rust_names::alias(self, file, module, path).filter(|alias| at.own != Some(*alias))?;
        let header = self.header(alias);
        let args = args.iter().map(|tree| self.written(at, tree)).chain(std::iter::repeat(Type::Unknown));
        let given: Vec<(Name, Type)> = header.generics.iter().cloned().zip(args).collect();
        let meant = Written { hops, in_self: at.in_self, ..Written::in_header(alias, &given) };
        header.bases.first().map(|tree| self.written(meant, tree)).filter(|ty| !ty.is_unknown())
    }

    /// What a type's parameters stand for when its arguments are these.
    pub(super) fn given(&self, ty: TypeKey, args: &[Type]) -> Vec<(Name, Type)> {
        self.header(ty).generics.iter().cloned().zip(args.iter().cloned()).collect()
    }
}
