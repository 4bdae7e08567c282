//! Items.

use syn::spanned::Spanned;
use syn::{
    Attribute, Block, Expr, ForeignItem, ImplItem, ImplItemFn, Item, ItemImpl, ItemTrait, Lit, Meta, TraitItem,
    TraitItemFn, Type,
};
use thin_vec::ThinVec;

use super::consts;
use super::function::Signature;
use super::header::{Content, Named, parameters};
use super::reader::{Owner, Reader};
use super::types::{name, path, visibility};
use crate::unit::{
    BodyId, ConstHeader, FunctionHeader, Impl, Mark, ModuleDecl, ModulePlace, Name, Path, Place, Span, StepKind,
    Storing, TypeKind, TypeTree, Visibility,
};

/// A constant, wherever it stands.
pub(super) struct Constant<'a> {
    pub(super) ident: &'a syn::Ident,
    pub(super) ty: &'a Type,
    pub(super) value: Option<&'a Expr>,
    /// The type it belongs to, and its path from here.
    pub(super) owner: Option<(Option<Owner>, Path)>,
}

/// An impl or trait whose members are being read.
pub(super) struct Members {
    pub(super) methods: Vec<(Name, BodyId)>,
    /// The type they belong to, if it may be one of this file.
    pub(super) owner: Option<Name>,
    /// Of a trait: its visibility. Of an impl: whether it is one of a trait.
    pub(super) seen: Option<Visibility>,
    pub(super) path: Path,
}

impl Members {
    fn owner(&self, reader: &Reader<'_>) -> Option<Owner> {
        self.owner.clone().map(|name| Owner { module: reader.module.clone(), name })
    }

    /// The head of one of an impl's methods.
    pub(super) fn method_of_impl<'a>(&self, method: &'a ImplItemFn, reader: &Reader<'_>) -> Signature<'a> {
        Signature::of_method(method, self.seen.is_some(), self.owner(reader))
    }

    /// The head of one of a trait's methods.
    pub(super) fn method_of_trait<'a>(&self, method: &'a TraitItemFn, reader: &Reader<'_>) -> Signature<'a> {
        Signature::of_trait_method(method, self.seen.unwrap_or(Visibility::Public), self.owner(reader))
    }

    /// The members of an impl.
    pub(super) fn of_impl(item: &ItemImpl, ty: &TypeTree) -> Members {
        let path = match ty {
            TypeTree::Path { path, .. } => path.clone(),
            _ => vec![Name::new("?")],
        };
        let owner = if matches!(ty, TypeTree::Path { .. }) { path.last().cloned() } else { None };
        let seen = item.trait_.as_ref().map(|_| Visibility::Public);
        Members { methods: Vec::new(), owner, seen, path }
    }

    /// The members of a trait.
    pub(super) fn of_trait(item: &ItemTrait) -> Members {
        let name = name(&item.ident);
        Members { methods: Vec::new(), owner: Some(name.clone()), seen: Some(visibility(&item.vis)), path: vec![name] }
    }
}

impl Reader<'_> {
    pub(super) fn item_span(&self, item: &Item) -> Span {
        match item {
            Item::Fn(item) => self.function_span(&item.attrs, &item.vis, &item.sig, &item.block),
            Item::Const(item) => {
                self.span_from_head(&item.attrs, &item.vis, item.const_token.span, item.semi_token.span)
            }
            Item::Static(item) => {
                self.span_from_head(&item.attrs, &item.vis, item.static_token.span, item.semi_token.span)
            }
            Item::Impl(item) => {
                let first = item.unsafety.as_ref().map_or(item.impl_token.span, |token| token.span);
                self.span_from_head(&item.attrs, &syn::Visibility::Inherited, first, item.brace_token.span.close())
            }
            Item::Trait(item) => {
                let first = item.unsafety.as_ref().map_or(item.trait_token.span, |token| token.span);
                self.span_from_head(&item.attrs, &item.vis, first, item.brace_token.span.close())
            }
            Item::Mod(item) => self.at(item.mod_token.span),
            Item::Macro(item) => {
                let first = super::span::first_of_path(&item.mac.path);
                self.span_from_head(&item.attrs, &syn::Visibility::Inherited, first, item.mac.delimiter.span().close())
            }
            _ => self.at(item.span()),
        }
    }

    /// From the first attribute, visibility or keyword to the end. The parser's own answer prints
    /// the whole item first.
    fn span_from_head(
        &self,
        attributes: &[Attribute],
        seen: &syn::Visibility,
        keyword: proc_macro2::Span,
        last: proc_macro2::Span,
    ) -> Span {
        let seen = match seen {
            syn::Visibility::Public(token) => Some(token.span),
            syn::Visibility::Restricted(restricted) => Some(restricted.pub_token.span),
            syn::Visibility::Inherited => None,
        };
        let attribute = attributes.first().map(|attribute| attribute.pound_token.span);
        self.between(attribute.or(seen).unwrap_or(keyword), last)
    }

    pub(super) fn function_span(
        &self,
        attributes: &[Attribute],
        seen: &syn::Visibility,
        sig: &syn::Signature,
        code: &Block,
    ) -> Span {
        let constness = sig.constness.as_ref().map(|token| token.span);
        let asyncness = sig.asyncness.as_ref().map(|token| token.span);
        let safety = match &sig.safety {
            syn::Safety::Safe(token) => Some(token.span),
            syn::Safety::Unsafe(token) => Some(token.span),
            syn::Safety::Default => None,
        };
        let abi = sig.abi.as_ref().map(|abi| abi.extern_token.span);
        let keyword = constness.or(asyncness).or(safety).or(abi).unwrap_or(sig.fn_token.span);
        self.span_from_head(attributes, seen, keyword, code.brace_token.span.close())
    }

    /// Lowers an item that the parser has read.
    pub(super) fn item(&mut self, item: &Item) {
        let span = self.item_span(item);
        match item {
            Item::Fn(item) => {
                let body = self.function(&Signature::of(item), Some(&item.block), span);
                self.add_function(name(&item.sig.ident), body);
            }
            Item::Struct(item) => self.structure(item, span),
            Item::Enum(item) => self.enumeration(item, span),
            Item::Union(item) => self.union(item, span),
            Item::Type(item) => self.alias(item, span),
            Item::Use(item) => self.import(item),
            Item::ExternCrate(item) => self.extern_crate(item),
            Item::Const(item) => {
                let value = Some(&*item.expr);
                self.constant(&Constant { ident: &item.ident, ty: &item.ty, value, owner: None }, span);
            }
            Item::Static(item) => {
                let value = Some(&*item.expr);
                self.constant(&Constant { ident: &item.ident, ty: &item.ty, value, owner: None }, span);
            }
            Item::Impl(item) => self.with_generics(&item.generics, |this| {
                let ty = this.type_tree(&item.self_ty);
                let mut members = Members::of_impl(item, &ty);
                item.items.iter().for_each(|member| this.impl_member(member, &mut members));
                this.end_impl(item, ty, members, span);
            }),
            Item::Trait(item) => {
                let mut members = Members::of_trait(item);
                self.with_generics(&item.generics, |this| {
                    item.items.iter().for_each(|member| this.trait_member(member, &mut members));
                });
                self.end_trait(item, members, span);
            }
            Item::TraitAlias(item) => {
                let bases = self.bounds(&item.bounds);
                let named =
                    Named { ident: &item.ident, attributes: &item.attrs, visibility: &item.vis, kind: TypeKind::Trait };
                self.add_type(&named, Content { bases, ..Content::default() }, span);
            }
            Item::ForeignMod(item) => item.items.iter().for_each(|item| self.foreign(item)),
            Item::Mod(item) => self.module_item(item),
            Item::Macro(item) => self.macro_item(item, span),
            _ => {
                self.at_top(|this| this.opaque(span));
            }
        }
    }

    pub(super) fn add_function(&mut self, name: Name, body: BodyId) {
        let module = self.module.clone();
        self.outline.functions.push(FunctionHeader { name, body, module });
    }

    fn foreign(&mut self, item: &ForeignItem) {
        if let ForeignItem::Fn(item) = item {
            let signature =
                Signature { attributes: &item.attrs, visibility: visibility(&item.vis), sig: &item.sig, owner: None };
            let span = self.span_of(item);
            let body = self.function(&signature, None, span);
            self.add_function(name(&item.sig.ident), body);
        }
    }

    pub(super) fn impl_member(&mut self, member: &ImplItem, members: &mut Members) {
        let span = match member {
            ImplItem::Fn(method) => self.function_span(&method.attrs, &method.vis, &method.sig, &method.block),
            other => self.at(other.span()),
        };
        match member {
            ImplItem::Fn(method) => {
                let signature = members.method_of_impl(method, self);
                let body = self.function(&signature, Some(&method.block), span);
                members.methods.push((name(&method.sig.ident), body));
            }
            ImplItem::Const(item) => {
                let owner = Some((members.owner(self), members.path.clone()));
                self.constant(&Constant { ident: &item.ident, ty: &item.ty, value: Some(&item.expr), owner }, span);
            }
            ImplItem::Type(_) => {}
            _ => {
                self.at_top(|this| this.opaque(span));
            }
        }
    }

    pub(super) fn trait_member(&mut self, member: &TraitItem, members: &mut Members) {
        let span = match member {
            TraitItem::Fn(TraitItemFn { attrs, sig, default: Some(code), .. }) => {
                self.function_span(attrs, &syn::Visibility::Inherited, sig, code)
            }
            other => self.at(other.span()),
        };
        match member {
            TraitItem::Fn(method) => {
                let signature = members.method_of_trait(method, self);
                let body = self.function(&signature, method.default.as_ref(), span);
                members.methods.push((name(&method.sig.ident), body));
            }
            TraitItem::Const(item) => {
                let owner = Some((members.owner(self), members.path.clone()));
                let value = item.default.as_ref().map(|(_, value)| value);
                self.constant(&Constant { ident: &item.ident, ty: &item.ty, value, owner }, span);
            }
            TraitItem::Type(_) => {}
            _ => {
                self.at_top(|this| this.opaque(span));
            }
        }
    }

    pub(super) fn end_impl(&mut self, item: &ItemImpl, ty: TypeTree, members: Members, span: Span) {
        let of = item.trait_.as_ref().map(|(of, _)| TypeTree::Path { path: path(of), args: self.type_args(of) });
        let module = self.module.clone();
        self.outline.impls.push(Impl { ty, of, methods: members.methods, module, span });
    }

    pub(super) fn end_trait(&mut self, item: &ItemTrait, members: Members, span: Span) {
        let bases = self.bounds(&item.supertraits);
        let named = Named { ident: &item.ident, attributes: &item.attrs, visibility: &item.vis, kind: TypeKind::Trait };
        self.add_type(
            &named,
            Content { generics: parameters(&item.generics), bases, fields: Vec::new(), methods: members.methods },
            span,
        );
    }

    /// A constant or static: its header, and its value stored by the module's code.
    pub(super) fn constant(&mut self, constant: &Constant<'_>, span: Span) {
        let ident = name(constant.ident);
        let written = constant.value;
        let same_as = match written {
            Some(Expr::Path(same)) if same.qself.is_none() => Some(path(&same.path)),
            _ => None,
        };
        let index = self.outline.constants.len();
        let mut place = self.module.clone();
        if let Some((owner, path)) = &constant.owner {
            place.extend(path.iter().cloned());
            if let Some(owner) = owner {
                let owner = Owner { module: owner.module.clone(), name: owner.name.clone() };
                self.constant_owners.push((index, owner));
            }
        }
        place.push(ident.clone());
        let header = ConstHeader {
            name: ident,
            value: written.and_then(consts::fold),
            same_as,
            ty: Some(self.type_tree(constant.ty)),
            owner: None,
            module: self.module.clone(),
            span,
        };
        self.outline.constants.push(header);
        if let Some(expr) = written {
            self.at_top(|this| {
                let value = this.value(expr);
                let place = Place::Global { path: place.into(), args: ThinVec::new() };
                this.b().push(span, StepKind::Store { place, value, how: Storing::Bind });
            });
        }
    }

    fn module_item(&mut self, item: &syn::ItemMod) {
        let marks = self.declare_module(item, item.content.is_some());
        let Some((_, items)) = &item.content else { return };
        self.in_module(name(&item.ident), marks, |this| {
            for item in items {
                this.deeper(|this| this.item(item));
            }
        });
    }

    /// Notes a module; gives the conditions that everything within inherits.
    pub(super) fn declare_module(&mut self, item: &syn::ItemMod, inline: bool) -> Vec<Mark> {
        let file = item.attrs.iter().find_map(|attribute| match &attribute.meta {
            Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
                Expr::Lit(written) => match &written.lit {
                    Lit::Str(file) => Some(Name::new(file.value())),
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        });
        let own = self.marks(&item.attrs);
        let inherited = own.iter().filter(|mark| mark.path.len() == 1 && mark.path[0] == "cfg").cloned().collect();
        let marks = own.into_iter().chain(self.inherited.iter().cloned()).collect();
        let place = if inline { ModulePlace::Inline } else { ModulePlace::File };
        let module = self.module.clone();
        self.outline.modules.push(ModuleDecl { name: name(&item.ident), module, file, place, marks });
        inherited
    }

    /// Reads the content of an inline module.
    pub(super) fn in_module<T>(&mut self, name: Name, conditions: Vec<Mark>, work: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.inherited.len();
        self.inherited.extend(conditions);
        self.module.push(name);
        let result = work(self);
        self.module.pop();
        self.inherited.truncate(before);
        result
    }
}
