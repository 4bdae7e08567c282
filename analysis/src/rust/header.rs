//! Headers of types.

use syn::spanned::Spanned;
use syn::{Attribute, Field, Generics, Ident, ItemEnum, ItemStruct, ItemType, ItemUnion};

use super::reader::Reader;
use super::types::{name, visibility};
use crate::unit::{BodyId, FieldHeader, Name, Span, TypeHeader, TypeKind, TypeTree, Visibility};

/// What all types have.
pub(super) struct Named<'a> {
    pub(super) ident: &'a Ident,
    pub(super) attributes: &'a [Attribute],
    pub(super) visibility: &'a syn::Visibility,
    pub(super) kind: TypeKind,
}

/// What some types have.
#[derive(Default)]
pub(super) struct Content {
    pub(super) generics: Vec<Name>,
    pub(super) bases: Vec<TypeTree>,
    pub(super) fields: Vec<FieldHeader>,
    pub(super) methods: Vec<(Name, BodyId)>,
}

/// The names of an item's type parameters.
pub(super) fn parameters(generics: &Generics) -> Vec<Name> {
    generics.type_params().map(|parameter| name(&parameter.ident)).collect()
}

impl Reader<'_> {
    pub(super) fn add_type(&mut self, named: &Named<'_>, content: Content, span: Span) {
        let mut marks = self.marks(named.attributes);
        marks.extend(self.inherited.iter().cloned());
        let header = TypeHeader {
            name: name(named.ident),
            kind: named.kind,
            span,
            name_span: self.at(named.ident.span()),
            module: self.module.clone(),
            within: self.within(),
            outer: None,
            generics: content.generics,
            bases: content.bases,
            fields: content.fields,
            methods: content.methods,
            class_body: None,
            marks,
            visibility: visibility(named.visibility),
        };
        self.outline.types.push(header);
    }

    pub(super) fn structure(&mut self, item: &ItemStruct, span: Span) {
        let fields =
            self.fields_under(&item.generics, |this| this.fields(item.fields.iter(), None, Visibility::Private));
        let named =
            Named { ident: &item.ident, attributes: &item.attrs, visibility: &item.vis, kind: TypeKind::Struct };
        self.add_type(&named, Content { generics: parameters(&item.generics), fields, ..Content::default() }, span);
    }

    pub(super) fn union(&mut self, item: &ItemUnion, span: Span) {
        let fields =
            self.fields_under(&item.generics, |this| this.fields(&item.fields.named, None, Visibility::Private));
        let named =
            Named { ident: &item.ident, attributes: &item.attrs, visibility: &item.vis, kind: TypeKind::Struct };
        self.add_type(&named, Content { generics: parameters(&item.generics), fields, ..Content::default() }, span);
    }

    pub(super) fn enumeration(&mut self, item: &ItemEnum, span: Span) {
        let seen = visibility(&item.vis);
        let fields = self.fields_under(&item.generics, |this| {
            let variants = item.variants.iter();
            variants.flat_map(|variant| this.fields(variant.fields.iter(), Some(name(&variant.ident)), seen)).collect()
        });
        let named = Named { ident: &item.ident, attributes: &item.attrs, visibility: &item.vis, kind: TypeKind::Enum };
        self.add_type(&named, Content { generics: parameters(&item.generics), fields, ..Content::default() }, span);
    }

    pub(super) fn alias(&mut self, item: &ItemType, span: Span) {
        let bases = self.with_generics(&item.generics, |this| vec![this.type_tree(&item.ty)]);
        let named = Named { ident: &item.ident, attributes: &item.attrs, visibility: &item.vis, kind: TypeKind::Alias };
        self.add_type(&named, Content { generics: parameters(&item.generics), bases, ..Content::default() }, span);
    }

    fn fields_under(&mut self, generics: &Generics, work: impl FnOnce(&Self) -> Vec<FieldHeader>) -> Vec<FieldHeader> {
        self.with_generics(generics, |this| work(this))
    }

    /// `least` is what a field without `pub` has: the fields of variants are as visible as the enum.
    fn fields<'f>(
        &self,
        fields: impl IntoIterator<Item = &'f Field>,
        variant: Option<Name>,
        least: Visibility,
    ) -> Vec<FieldHeader> {
        let header = |(index, field): (usize, &Field)| {
            let (name, span) = match &field.ident {
                Some(ident) => (name(ident), self.at(ident.span())),
                None => (Name::new(index.to_string()), self.at(field.ty.span())),
            };
            let seen = match &field.vis {
                syn::Visibility::Inherited => least,
                written => visibility(written),
            };
            FieldHeader { name, ty: Some(self.type_tree(&field.ty)), span, visibility: seen, variant: variant.clone() }
        };
        fields.into_iter().enumerate().map(header).collect()
    }
}
