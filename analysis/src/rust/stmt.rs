//! Statements.

use std::sync::Arc;

use syn::{Attribute, Block, Expr, Item, Local, Pat, Stmt};

use super::bind::{Rest, bare};
use super::control::Used;
use super::place::is_place;
use super::reader::Reader;
use super::types::{condition, name};
use crate::unit::{Access, Cond, Discard, LocalOrigin, Name, Span, StepKind, ValueId};

impl Reader<'_> {
    /// The statements of a block in a scope of their own; the value of its tail, if that is used.
    pub(super) fn block_contents(&mut self, block: &Block, used: Used) -> Option<ValueId> {
        self.scoped(|this| this.statements(&block.stmts, used))
    }

    /// Statements in the scope that is open. Items come first: they are visible before they stand.
    pub(super) fn statements(&mut self, statements: &[Stmt], used: Used) -> Option<ValueId> {
        for statement in statements {
            if let Stmt::Item(item) = statement {
                self.deeper(|this| this.inner_item(item));
            }
        }
        let (last, before) = statements.split_last()?;
        before.iter().for_each(|statement| self.statement(statement));
        match last {
            Stmt::Expr(expr, None) => self.tail(expr, used),
            Stmt::Macro(call) if call.semi_token.is_none() => {
                let span = self.between(super::span::first_of_path(&call.mac.path), call.mac.delimiter.span().close());
                let value = match condition(&call.attrs) {
                    Some(cfg) => self.under(cfg, span, |this| Some(this.macro_call(&call.mac, span))),
                    None => Some(self.macro_call(&call.mac, span)),
                };
                self.left(value, span, used)
            }
            other => {
                self.statement(other);
                None
            }
        }
    }

    fn tail(&mut self, expr: &Expr, used: Used) -> Option<ValueId> {
        let span = self.of(expr);
        let value = match condition(attributes(expr)) {
            Some(cfg) => self.under(cfg, span, |this| this.expr(expr, used)),
            None => self.expr(expr, used),
        };
        match expr {
            Expr::Macro(_) => self.left(value, span, used),
            _ => value.filter(|_| used == Used::Yes),
        }
    }

    /// The value of a macro at the end of a block: nobody may want it.
    fn left(&mut self, value: Option<ValueId>, span: Span, used: Used) -> Option<ValueId> {
        if used == Used::No
            && let Some(value) = value
        {
            self.b().discard(span, value, Discard::Statement);
        }
        value.filter(|_| used == Used::Yes)
    }

    fn statement(&mut self, statement: &Stmt) {
        match statement {
            Stmt::Item(_) => {}
            Stmt::Local(local) => match condition(&local.attrs) {
                Some(cfg) => {
                    let span = self.between(local.let_token.span, local.semi_token.span);
                    self.under(cfg, span, |this| {
                        this.let_statement(local, true);
                        None
                    });
                }
                None => self.let_statement(local, false),
            },
            Stmt::Expr(expr, semicolon) => {
                let used = if semicolon.is_some() { Used::Yes } else { Used::No };
                self.expression_statement(expr, attributes(expr), used);
            }
            Stmt::Macro(call) => {
                let span = self.between(super::span::first_of_path(&call.mac.path), call.mac.delimiter.span().close());
                let work = |this: &mut Self| {
                    let value = this.macro_call(&call.mac, span);
                    this.b().discard(span, value, Discard::Statement);
                    None
                };
                match condition(&call.attrs) {
                    Some(cfg) => self.under(cfg, span, work),
                    None => work(self),
                };
            }
        }
    }

    fn expression_statement(&mut self, expr: &Expr, attributes: &[Attribute], used: Used) {
        if matches!(expr, Expr::Verbatim(tokens) if tokens.is_empty()) {
            return;
        }
        let span = self.of(expr);
        let work = |this: &mut Self| {
            if let Some(value) = this.expr(expr, used) {
                this.b().discard(span, value, Discard::Statement);
            }
            None
        };
        match condition(attributes) {
            Some(cfg) => self.under(cfg, span, work),
            None => work(self),
        };
    }

    /// `let`. Under a condition, a name that the other branch bound before is bound again.
    fn let_statement(&mut self, local: &Local, conditional: bool) {
        let Some(init) = &local.init else { return self.declare_later(&local.pat) };
        let span = self.between(local.let_token.span, local.semi_token.span);
        let wildcard = matches!(bare(&local.pat), Pat::Wild(_));
        let access = if wildcard { Access::Shared } else { Access::Moved };
        let value = self.read(&init.expr, access);
        if wildcard {
            if !is_place(&init.expr) {
                self.b().discard(span, value, Discard::Underscore);
            }
            return;
        }
        if conditional && self.bind_again(&local.pat, value) {
            return;
        }
        let rest = if is_place(&init.expr) { Rest::Kept } else { Rest::Dropped };
        let id = init.diverge.as_ref().map(|_| self.b().step_id());
        let otherwise = init.diverge.as_ref().map(|(_, otherwise)| self.branch(otherwise, Used::No));
        let (pattern, pending) = self.pending(&local.pat, value);
        if let (Some(id), Some(then)) = (id, otherwise) {
            let cond = Cond::Not(Box::new(Cond::Matches { value, pattern: Box::new(pattern) }));
            self.b().push_as(id, span, StepKind::If { cond, then, otherwise: crate::unit::Block::default() });
        }
        self.bind(&pending, rest);
    }

    /// `let x;`: the variable is there, a later assignment gives it its value.
    fn declare_later(&mut self, pat: &Pat) {
        let mut locals: Vec<(Name, crate::unit::LocalId)> = Vec::new();
        self.pattern(pat, &mut locals);
        for (_, local) in locals {
            self.b().declare(local);
        }
    }

    fn bind_again(&mut self, pat: &Pat, value: ValueId) -> bool {
        let Pat::Ident(pat) = bare(pat) else { return false };
        let Some(local) = self.in_this_scope(&name(&pat.ident)) else { return false };
        let span = self.at(pat.ident.span());
        self.b().bind(span, local, value);
        true
    }

    /// An item in a body: functions and constants are variables of the block, the rest is headers.
    fn inner_item(&mut self, item: &Item) {
        match item {
            Item::Fn(function) => {
                let span = self.item_span(item);
                let body = self.function(&super::function::Signature::of(function), Some(&function.block), span);
                let value = self.b().define(span, |out| StepKind::Closure { out, body });
                self.bind_item(&function.sig.ident, None, value);
            }
            Item::Const(constant) => {
                let ty = self.type_tree(&constant.ty);
                let value = self.value(&constant.expr);
                self.bind_item(&constant.ident, Some(ty), value);
            }
            other => self.item(other),
        }
    }

    fn bind_item(&mut self, ident: &proc_macro2::Ident, ty: Option<crate::unit::TypeTree>, value: ValueId) {
        let span = self.at(ident.span());
        let local = self.local(&name(ident), LocalOrigin::Bound, ty.map(Arc::new), span);
        self.b().bind(span, local, value);
    }
}

/// The attributes of an expression statement; the parser hangs them on the leftmost part.
fn attributes(mut expr: &Expr) -> &[Attribute] {
    loop {
        expr = match expr {
            Expr::Assign(e) => &e.left,
            Expr::Binary(e) => &e.left,
            Expr::Cast(e) => &e.expr,
            other => return own_attributes(other),
        }
    }
}

fn own_attributes(expr: &Expr) -> &[Attribute] {
    match expr {
        Expr::Array(e) => &e.attrs,
        Expr::Async(e) => &e.attrs,
        Expr::Await(e) => &e.attrs,
        Expr::Block(e) => &e.attrs,
        Expr::Break(e) => &e.attrs,
        Expr::Call(e) => &e.attrs,
        Expr::Closure(e) => &e.attrs,
        Expr::Continue(e) => &e.attrs,
        Expr::Field(e) => &e.attrs,
        Expr::ForLoop(e) => &e.attrs,
        Expr::If(e) => &e.attrs,
        Expr::Index(e) => &e.attrs,
        Expr::Lit(e) => &e.attrs,
        Expr::Loop(e) => &e.attrs,
        Expr::Macro(e) => &e.attrs,
        Expr::Match(e) => &e.attrs,
        Expr::MethodCall(e) => &e.attrs,
        Expr::Paren(e) => &e.attrs,
        Expr::Path(e) => &e.attrs,
        Expr::Reference(e) => &e.attrs,
        Expr::Return(e) => &e.attrs,
        Expr::Struct(e) => &e.attrs,
        Expr::Try(e) => &e.attrs,
        Expr::Tuple(e) => &e.attrs,
        Expr::Unary(e) => &e.attrs,
        Expr::Unsafe(e) => &e.attrs,
        Expr::While(e) => &e.attrs,
        _ => &[],
    }
}
