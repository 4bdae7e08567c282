//! Types, paths, visibility and attributes in the unit's terms.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{
    Attribute, GenericArgument, GenericParam, Generics, Meta, PathArguments, QSelf, ReturnType, Type, TypeParamBound,
    WherePredicate,
};

use super::reader::Reader;
use crate::unit::{Mark, Name, Path, TypeTree, Visibility};

/// Types inside each other beyond this are not told apart.
const MAX_TYPE: u32 = 32;

/// The name of an identifier, without the prefix of raw ones.
pub(super) fn name(ident: &proc_macro2::Ident) -> Name {
    Name::new(ident.unraw().to_string())
}

/// The segments of a path; one that begins with `::` begins with an empty name.
pub(super) fn path(path: &syn::Path) -> Path {
    let root = path.leading_colon.as_ref().map(|_| Name::default());
    root.into_iter().chain(path.segments.iter().map(|segment| name(&segment.ident))).collect()
}

/// How far an item can be seen.
pub(super) fn visibility(written: &syn::Visibility) -> Visibility {
    match written {
        syn::Visibility::Public(_) => Visibility::Public,
        syn::Visibility::Restricted(within) if within.path.is_ident("self") => Visibility::Private,
        syn::Visibility::Restricted(_) => Visibility::Package,
        syn::Visibility::Inherited => Visibility::Private,
    }
}

/// Tokens without spaces between them, except where two words would run together.
pub(super) fn compact(tokens: TokenStream) -> Name {
    let mut out = String::new();
    write_compact(tokens, &mut out);
    Name::new(out)
}

fn write_compact(tokens: TokenStream, out: &mut String) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                out.push_str(open);
                write_compact(group.stream(), out);
                out.push_str(close);
            }
            leaf => {
                let written = leaf.to_string();
                let joins = |character: char| character.is_alphanumeric() || character == '_';
                if out.ends_with(joins) && written.starts_with(joins) {
                    out.push(' ');
                }
                out.push_str(&written);
            }
        }
    }
}

/// The condition of `#[cfg(…)]` among attributes; several are all required.
pub(super) fn condition(attributes: &[Attribute]) -> Option<Name> {
    let conditions = attributes.iter().filter(|attribute| attribute.path().is_ident("cfg"));
    let mut written: Vec<Name> = conditions.filter_map(arguments).collect();
    match written.len() {
        0 => None,
        1 => written.pop(),
        _ => Some(Name::new(format!("all({})", written.join(",")))),
    }
}

fn arguments(attribute: &Attribute) -> Option<Name> {
    match &attribute.meta {
        Meta::Path(_) => None,
        Meta::List(list) => Some(compact(list.tokens.clone())),
        Meta::NameValue(pair) => Some(compact(quote::ToTokens::to_token_stream(&pair.value))),
    }
}

impl Reader<'_> {
    /// Attributes as marks; documentation is none.
    pub(super) fn marks(&self, attributes: &[Attribute]) -> Vec<Mark> {
        let meant = attributes.iter().filter(|attribute| !attribute.path().is_ident("doc"));
        meant.map(|attribute| self.mark(attribute)).collect()
    }

    fn mark(&self, attribute: &Attribute) -> Mark {
        let span = self.between(attribute.pound_token.span, attribute.bracket_token.span.close());
        Mark { path: path(attribute.path()), arguments: arguments(attribute).unwrap_or_default(), span }
    }

    /// A type as written; type parameters with bounds become their bounds.
    pub(super) fn type_tree(&self, ty: &Type) -> TypeTree {
        self.tree(ty, MAX_TYPE)
    }

    /// The declared result of a function.
    pub(super) fn returns(&self, output: &ReturnType) -> Option<TypeTree> {
        match output {
            ReturnType::Default => None,
            ReturnType::Type(_, ty) => Some(self.type_tree(ty)),
        }
    }

    fn tree(&self, ty: &Type, fuel: u32) -> TypeTree {
        let Some(fuel) = fuel.checked_sub(1) else { return TypeTree::Other };
        match ty {
            Type::Path(ty) => self.path_tree(ty.qself.as_ref(), &ty.path, fuel),
            Type::Reference(ty) => TypeTree::Ref(Box::new(self.tree(&ty.elem, fuel))),
            Type::Ptr(ty) => TypeTree::Ref(Box::new(self.tree(&ty.elem, fuel))),
            Type::Tuple(ty) if ty.elems.is_empty() => TypeTree::Unit,
            Type::Tuple(ty) => TypeTree::Tuple(ty.elems.iter().map(|part| self.tree(part, fuel)).collect()),
            Type::ImplTrait(ty) => TypeTree::Bounds(self.bound_trees(&ty.bounds, fuel)),
            Type::TraitObject(ty) => TypeTree::Bounds(self.bound_trees(&ty.bounds, fuel)),
            Type::Slice(ty) => TypeTree::Slice(Box::new(self.tree(&ty.elem, fuel))),
            Type::Array(ty) => TypeTree::Slice(Box::new(self.tree(&ty.elem, fuel))),
            Type::FnPtr(ty) => {
                let params = ty.inputs.iter().map(|input| self.tree(&input.ty, fuel)).collect();
                TypeTree::Function { params, returns: Box::new(self.output_tree(&ty.output, fuel)) }
            }
            Type::Group(ty) => self.tree(&ty.elem, fuel),
            Type::Paren(ty) => self.tree(&ty.elem, fuel),
            _ => TypeTree::Other,
        }
    }

    fn output_tree(&self, output: &ReturnType, fuel: u32) -> TypeTree {
        match output {
            ReturnType::Default => TypeTree::Unit,
            ReturnType::Type(_, ty) => self.tree(ty, fuel),
        }
    }

    fn path_tree(&self, qself: Option<&QSelf>, written: &syn::Path, fuel: u32) -> TypeTree {
        if let (None, Some(ident)) = (qself, written.get_ident()) {
            let known = self.generics.iter().rev().find(|(known, _)| ident == known.as_str());
            if let Some((name, bounds)) = known {
                return TypeTree::Param { name: name.clone(), bounds: bounds.clone() };
            }
        }
        match written.segments.last().map(|segment| &segment.arguments) {
            Some(PathArguments::Parenthesized(call)) => {
                let params = call.inputs.iter().map(|input| self.tree(&input.ty, fuel)).collect();
                TypeTree::Function { params, returns: Box::new(self.output_tree(&call.output, fuel)) }
            }
            _ => TypeTree::Path { path: self.full_path(qself, written), args: self.path_args(written, fuel) },
        }
    }

    /// A path, with `<T as Trait>::f` as `T::f`.
    pub(super) fn full_path(&self, qself: Option<&QSelf>, written: &syn::Path) -> Path {
        let Some(qself) = qself else { return path(written) };
        let mut full = head_of(&self.type_tree(&qself.ty));
        full.extend(written.segments.iter().skip(qself.position).map(|segment| name(&segment.ident)));
        full
    }

    /// A path in an expression: what a type parameter offers (`T::new`) is a function of its bound.
    pub(super) fn value_path(&self, qself: Option<&QSelf>, written: &syn::Path) -> Path {
        let mut full = self.full_path(qself, written);
        if full.len() > 1
            && let Some((_, bounds)) = self.generics.iter().rev().find(|(known, _)| *known == full[0])
            && let Some(bound) = bounds.first()
        {
            full.splice(0..1, head_of(bound));
        }
        full
    }

    /// The type arguments of the last segment that has some.
    pub(super) fn type_args(&self, written: &syn::Path) -> Vec<TypeTree> {
        self.path_args(written, MAX_TYPE)
    }

    /// The first type between brackets.
    pub(super) fn first_type(&self, bracketed: &syn::AngleBracketedGenericArguments) -> Option<TypeTree> {
        bracketed.args.iter().find_map(|argument| match argument {
            GenericArgument::Type(ty) => Some(self.tree(ty, MAX_TYPE)),
            _ => None,
        })
    }

    fn path_args(&self, written: &syn::Path, fuel: u32) -> Vec<TypeTree> {
        let bracketed = written.segments.iter().rev().find_map(|segment| match &segment.arguments {
            PathArguments::AngleBracketed(arguments) => Some(arguments),
            _ => None,
        });
        let arguments = bracketed.into_iter().flat_map(|bracketed| &bracketed.args);
        let types = arguments.filter_map(|argument| match argument {
            GenericArgument::Type(ty) => Some(self.tree(ty, fuel)),
            GenericArgument::AssocType(bound) => Some(self.tree(&bound.ty, fuel)),
            _ => None,
        });
        types.collect()
    }

    fn bound_trees<'b>(&self, bounds: impl IntoIterator<Item = &'b TypeParamBound>, fuel: u32) -> Vec<TypeTree> {
        let traits = bounds.into_iter().filter_map(|bound| match bound {
            TypeParamBound::Trait(bound) => Some(self.path_tree(None, &bound.path, fuel)),
            _ => None,
        });
        traits.collect()
    }

    /// Bounds of a trait or type parameter.
    pub(super) fn bounds<'b>(&self, bounds: impl IntoIterator<Item = &'b TypeParamBound>) -> Vec<TypeTree> {
        self.bound_trees(bounds, MAX_TYPE)
    }

    /// Runs `work` with the type parameters of an item in scope.
    pub(super) fn with_generics<T>(&mut self, generics: &Generics, work: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.generics.len();
        self.add_generics(generics);
        let result = work(self);
        self.generics.truncate(before);
        result
    }

    /// Brings the type parameters of an item into scope.
    pub(super) fn add_generics(&mut self, generics: &Generics) {
        let mut added = Vec::new();
        for parameter in &generics.params {
            if let GenericParam::Type(parameter) = parameter {
                added.push((name(&parameter.ident), self.bounds(&parameter.bounds)));
            }
        }
        for predicate in generics.where_clause.iter().flat_map(|clause| &clause.predicates) {
            let WherePredicate::Type(predicate) = predicate else { continue };
            let Type::Path(bounded) = &predicate.bounded_ty else { continue };
            let Some(ident) = bounded.path.get_ident() else { continue };
            if let Some((_, bounds)) = added.iter_mut().find(|(known, _)| ident == known.as_str()) {
                bounds.extend(self.bounds(&predicate.bounds));
            }
        }
        self.generics.extend(added);
    }

    /// The span of anything small.
    pub(super) fn span_of(&self, node: &impl Spanned) -> crate::unit::Span {
        self.at(node.span())
    }
}

fn head_of(tree: &TypeTree) -> Path {
    match tree {
        TypeTree::Path { path, .. } => path.clone(),
        TypeTree::Ref(inner) => head_of(inner),
        TypeTree::Bounds(bounds) => bounds.first().map_or_else(|| vec![Name::new("?")], head_of),
        TypeTree::Param { name, bounds } => bounds.first().map_or_else(|| vec![name.clone()], head_of),
        _ => vec![Name::new("?")],
    }
}
