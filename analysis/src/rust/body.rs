//! Closures and async blocks.

use std::sync::Arc;

use syn::{Expr, ExprAsync, ExprClosure, Pat};

use super::bind::bare;
use super::control::Used;
use super::reader::{Boundary, Reader};
use super::types::name;
use crate::unit::{
    Access, BodyKind, Capture, Colour, LocalId, LocalOrigin, Param, ParamKind, Place, Span, StepKind, TypeTree, ValueId,
};

fn capture(is_move: bool) -> Boundary {
    Boundary::Captures(if is_move { Capture::Moved } else { Capture::Shared })
}

impl Reader<'_> {
    pub(super) fn closure(&mut self, closure: &ExprClosure) -> ValueId {
        let last = super::span::last(&closure.body);
        let span = self.between(super::span::first_of_closure(closure), last);
        let body = self.enter(BodyKind::Closure, capture(closure.capture.is_some()), span);
        if closure.asyncness.is_some() {
            self.b().body.colour = Colour::Async;
        }
        self.b().body.returns = self.returns(&closure.output);
        let params: Vec<(&Pat, Option<TypeTree>)> =
            closure.inputs.iter().map(|pat| (pat, self.declared(pat))).collect();
        self.parameters(&params);
        self.body_of(&closure.body);
        self.leave();
        self.b().define(span, |out| StepKind::Closure { out, body })
    }

    fn declared(&self, pat: &Pat) -> Option<TypeTree> {
        match pat {
            Pat::Type(pat) => Some(self.type_tree(&pat.ty)),
            _ => None,
        }
    }

    pub(super) fn async_block(&mut self, block: &ExprAsync) -> ValueId {
        let span = self.between(block.async_token.span, block.block.brace_token.span.close());
        let body = self.enter(BodyKind::AsyncBlock, capture(block.capture.is_some()), span);
        self.b().body.colour = Colour::Async;
        self.body_block(&block.block);
        self.leave();
        self.b().define(span, |out| StepKind::Closure { out, body })
    }

    /// Parameters and what their patterns bind.
    pub(super) fn parameters(&mut self, params: &[(&Pat, Option<TypeTree>)]) {
        let locals: Vec<LocalId> = params.iter().map(|(pat, ty)| self.parameter(pat, ty.clone())).collect();
        for ((pat, _), local) in params.iter().zip(locals) {
            if !matches!(bare(pat), Pat::Ident(_) | Pat::Wild(_))
                || matches!(bare(pat), Pat::Ident(pat) if pat.subpat.is_some())
            {
                let span = self.span_of(*pat);
                let place = Place::Local(local);
                let value = self.b().define(span, |out| StepKind::Read { out, place, access: Access::Moved });
                self.bind_parameter(pat, value);
            }
        }
    }

    fn parameter(&mut self, pat: &Pat, ty: Option<TypeTree>) -> LocalId {
        let span = self.span_of(pat);
        let ty = ty.map(Arc::new);
        let local = match bare(pat) {
            Pat::Ident(pat) if pat.subpat.is_none() => {
                let span = self.at(pat.ident.span());
                self.local(&name(&pat.ident), LocalOrigin::Param, ty.clone(), span)
            }
            _ => self.local("", LocalOrigin::Param, ty.clone(), span),
        };
        self.add_parameter(local, ParamKind::Positional, ty);
        local
    }

    pub(super) fn add_parameter(&mut self, local: LocalId, kind: ParamKind, ty: Option<Arc<TypeTree>>) {
        self.b().declare(local);
        self.b().body.params.push(Param { local, kind, ty, default: None });
    }

    /// The code of a body that is an expression; a block makes no block of its own.
    fn body_of(&mut self, expr: &Expr) {
        match expr {
            Expr::Block(e) if e.label.is_none() => self.body_block(&e.block),
            _ => {
                let span = self.of(expr);
                let value = self.expr(expr, Used::Yes);
                self.end_with(value, span);
            }
        }
    }

    /// The code of a body. Its tail is returned, so that all bodies end in the same way.
    pub(super) fn body_block(&mut self, block: &syn::Block) {
        let span = match block.stmts.last() {
            Some(syn::Stmt::Expr(tail, None)) => self.of(tail),
            Some(syn::Stmt::Macro(call)) => {
                self.between(super::span::first_of_path(&call.mac.path), call.mac.delimiter.span().close())
            }
            _ => self.at(block.brace_token.span.close()),
        };
        let value = self.statements(&block.stmts, Used::Yes);
        self.end_with(value, span);
    }

    fn end_with(&mut self, value: Option<ValueId>, span: Span) {
        if value.is_some() {
            self.b().push(span, StepKind::Return { value });
        }
    }
}
