//! Functions and methods.

use std::sync::Arc;

use syn::{Attribute, Block, FnArg, ImplItemFn, ItemFn, Pat, Receiver, ReceiverKind, TraitItemFn};
use thin_vec::ThinVec;

use super::reader::{Boundary, Owner, Reader};
use super::types::{name, visibility};
use crate::unit::{Body, BodyId, BodyKind, Colour, LocalOrigin, ParamKind, Span, StepKind, TypeTree, Visibility};

/// What stands before the code of a function.
pub(super) struct Signature<'a> {
    pub(super) attributes: &'a [Attribute],
    pub(super) visibility: Visibility,
    pub(super) sig: &'a syn::Signature,
    /// The type it is a method of.
    pub(super) owner: Option<Owner>,
}

impl<'a> Signature<'a> {
    /// That of a free function.
    pub(super) fn of(function: &'a ItemFn) -> Signature<'a> {
        let visibility = visibility(&function.vis);
        Signature { attributes: &function.attrs, visibility, sig: &function.sig, owner: None }
    }

    /// That of a method of an impl; those of traits are as visible as the trait.
    pub(super) fn of_method(method: &'a ImplItemFn, of_trait: bool, owner: Option<Owner>) -> Signature<'a> {
        let visibility = if of_trait { Visibility::Public } else { visibility(&method.vis) };
        Signature { attributes: &method.attrs, visibility, sig: &method.sig, owner }
    }

    /// That of a method of a trait.
    pub(super) fn of_trait_method(
        method: &'a TraitItemFn,
        visibility: Visibility,
        owner: Option<Owner>,
    ) -> Signature<'a> {
        Signature { attributes: &method.attrs, visibility, sig: &method.sig, owner }
    }
}

impl Reader<'_> {
    /// Lowers a function. One without a body holds a single opaque step that may do anything
    /// with its parameters.
    pub(super) fn function(&mut self, signature: &Signature<'_>, code: Option<&Block>, span: Span) -> BodyId {
        self.function_with(signature, span, |this| match code {
            Some(block) => this.body_block(block),
            None => this.unknown_code(span),
        })
    }

    /// A function whose code could not be read.
    pub(super) fn unread_function(&mut self, signature: &Signature<'_>, code: Span, span: Span) -> BodyId {
        self.function_with(signature, span, |this| {
            this.opaque(code);
        })
    }

    fn function_with(&mut self, signature: &Signature<'_>, span: Span, code: impl FnOnce(&mut Self)) -> BodyId {
        let id = self.enter(BodyKind::Function, Boundary::Item, span);
        if let Some(owner) = &signature.owner {
            let owner = Owner { module: owner.module.clone(), name: owner.name.clone() };
            self.body_owners.push((id, owner));
        }
        self.with_generics(&signature.sig.generics, |this| {
            this.head(signature);
            code(this);
        });
        self.leave();
        id
    }

    fn head(&mut self, signature: &Signature<'_>) {
        let sig = signature.sig;
        let marks = self.marks(signature.attributes);
        let returns = self.returns(&sig.output);
        let name_span = self.at(sig.ident.span());
        let body: &mut Body = &mut self.b().body;
        body.name = name(&sig.ident);
        body.name_span = name_span;
        body.colour = if sig.asyncness.is_some() { Colour::Async } else { Colour::Sync };
        body.returns = returns;
        body.marks.splice(0..0, marks);
        body.visibility = signature.visibility;
        let mut typed: Vec<(&Pat, Option<TypeTree>)> = Vec::new();
        for input in &sig.inputs {
            match input {
                FnArg::Receiver(receiver) => self.receiver(receiver),
                FnArg::Typed(input) => typed.push((&input.pat, Some(self.type_tree(&input.ty)))),
            }
        }
        self.parameters(&typed);
    }

    fn receiver(&mut self, receiver: &Receiver) {
        let this = TypeTree::named(&["Self"]);
        let ty = match &receiver.kind {
            ReceiverKind::Reference(..) => TypeTree::Ref(Box::new(this)),
            ReceiverKind::Typed(_, ty) => self.type_tree(ty),
            _ => this,
        };
        let (ty, span) = (Arc::new(ty), self.at(receiver.self_token.span));
        let local = self.local("self", LocalOrigin::Param, Some(Arc::clone(&ty)), span);
        self.add_parameter(local, ParamKind::Receiver, Some(ty));
    }

    fn unknown_code(&mut self, span: Span) {
        let locals = self.b().body.params.iter().map(|param| param.local).collect();
        self.b().define(span, |out| StepKind::Opaque { out, mentions: ThinVec::new(), locals });
    }
}
