//! Where expressions begin and end. The parser's own answer prints the whole expression first.

use proc_macro2::Span as Mark;
use syn::spanned::Spanned;
use syn::{Expr, Member, RangeLimits};

use super::reader::Reader;
use crate::unit::Span;

impl Reader<'_> {
    /// A stretch of the parsed text as one of the file.
    pub(super) fn at(&self, mark: Mark) -> Span {
        let range = mark.byte_range();
        self.clip(range.start, range.end)
    }

    /// From the beginning of one to the end of the other.
    pub(super) fn between(&self, first: Mark, last: Mark) -> Span {
        self.clip(first.byte_range().start, last.byte_range().end)
    }

    /// The span of an expression.
    pub(super) fn of(&self, expr: &Expr) -> Span {
        self.between(first(expr), last(expr))
    }

    fn clip(&self, start: usize, end: usize) -> Span {
        let place = |offset: usize| {
            let mut at = (self.base as usize + offset).min(self.text.len());
            while !self.text.is_char_boundary(at) {
                at -= 1;
            }
            at as u32
        };
        Span::new(place(start), place(end))
    }
}

/// The first token of an expression, attributes aside.
pub(super) fn first(mut expr: &Expr) -> Mark {
    loop {
        expr = match expr {
            Expr::Assign(e) => &e.left,
            Expr::Await(e) => &e.base,
            Expr::Binary(e) => &e.left,
            Expr::Call(e) => &e.func,
            Expr::Cast(e) => &e.expr,
            Expr::Field(e) => &e.base,
            Expr::Index(e) => &e.expr,
            Expr::MethodCall(e) => &e.receiver,
            Expr::Try(e) => &e.expr,
            Expr::Group(e) => &e.expr,
            Expr::Range(e) => match &e.start {
                Some(start) => start,
                None => return limits(&e.limits),
            },
            leaf => return first_of_leaf(leaf),
        }
    }
}

fn first_of_leaf(expr: &Expr) -> Mark {
    match expr {
        Expr::Array(e) => e.bracket_token.span.open(),
        Expr::Async(e) => e.async_token.span,
        Expr::Block(e) => e.label.as_ref().map_or(e.block.brace_token.span.open(), |label| label.name.apostrophe),
        Expr::Break(e) => e.break_token.span,
        Expr::Closure(e) => first_of_closure(e),
        Expr::Const(e) => e.const_token.span,
        Expr::Continue(e) => e.continue_token.span,
        Expr::ForLoop(e) => e.label.as_ref().map_or(e.for_token.span, |label| label.name.apostrophe),
        Expr::If(e) => e.if_token.span,
        Expr::Infer(e) => e.underscore_token.span,
        Expr::Let(e) => e.let_token.span,
        Expr::Lit(e) => e.lit.span(),
        Expr::Loop(e) => e.label.as_ref().map_or(e.loop_token.span, |label| label.name.apostrophe),
        Expr::Macro(e) => first_of_path(&e.mac.path),
        Expr::Match(e) => e.match_token.span,
        Expr::Paren(e) => e.paren_token.span.open(),
        Expr::Path(e) => e.qself.as_ref().map_or_else(|| first_of_path(&e.path), |qself| qself.lt_token.span),
        Expr::RawAddr(e) => e.and_token.span,
        Expr::Reference(e) => e.and_token.span,
        Expr::Repeat(e) => e.bracket_token.span.open(),
        Expr::Return(e) => e.return_token.span,
        Expr::Struct(e) => e.qself.as_ref().map_or_else(|| first_of_path(&e.path), |qself| qself.lt_token.span),
        Expr::TryBlock(e) => e.try_token.span,
        Expr::Tuple(e) => e.paren_token.span.open(),
        Expr::Unary(e) => e.op.span(),
        Expr::Unsafe(e) => e.unsafe_token.span,
        Expr::While(e) => e.label.as_ref().map_or(e.while_token.span, |label| label.name.apostrophe),
        Expr::Yield(e) => e.yield_token.span,
        other => other.span(),
    }
}

pub(super) fn first_of_closure(closure: &syn::ExprClosure) -> Mark {
    if closure.lifetimes.is_some() {
        return closure.span();
    }
    let constness = closure.constness.as_ref().map(|token| token.span);
    let asyncness = closure.asyncness.as_ref().map(|token| token.span);
    let capture = closure.capture.as_ref().map(|token| token.span);
    constness.or(asyncness).or(capture).unwrap_or(closure.inputs_begin.span)
}

/// The first token of a path.
pub(super) fn first_of_path(path: &syn::Path) -> Mark {
    let segment = || path.segments.first().map_or_else(Mark::call_site, |segment| segment.ident.span());
    path.leading_colon.as_ref().map_or_else(segment, |colon| colon.spans[0])
}

fn last_of_path(path: &syn::Path) -> Mark {
    path.segments.last().map_or_else(Mark::call_site, |segment| match &segment.arguments {
        syn::PathArguments::None => segment.ident.span(),
        syn::PathArguments::AngleBracketed(arguments) => arguments.gt_token.span,
        syn::PathArguments::Parenthesized(arguments) => arguments.span(),
    })
}

/// The last token of an expression.
pub(super) fn last(mut expr: &Expr) -> Mark {
    loop {
        expr = match expr {
            Expr::Assign(e) => &e.right,
            Expr::Binary(e) => &e.right,
            Expr::Closure(e) => &e.body,
            Expr::Group(e) => &e.expr,
            Expr::If(e) => match &e.else_branch {
                Some((_, otherwise)) => otherwise,
                None => return e.then_branch.brace_token.span.close(),
            },
            Expr::Let(e) => &e.expr,
            Expr::RawAddr(e) => &e.expr,
            Expr::Reference(e) => &e.expr,
            Expr::Unary(e) => &e.expr,
            Expr::Range(e) => match &e.end {
                Some(end) => end,
                None => return limits(&e.limits),
            },
            Expr::Break(e) => match &e.expr {
                Some(value) => value,
                None => return e.label.as_ref().map_or(e.break_token.span, |label| label.ident.span()),
            },
            Expr::Return(e) => match &e.expr {
                Some(value) => value,
                None => return e.return_token.span,
            },
            Expr::Yield(e) => match &e.expr {
                Some(value) => value,
                None => return e.yield_token.span,
            },
            leaf => return last_of_leaf(leaf),
        }
    }
}

fn last_of_leaf(expr: &Expr) -> Mark {
    match expr {
        Expr::Array(e) => e.bracket_token.span.close(),
        Expr::Async(e) => e.block.brace_token.span.close(),
        Expr::Await(e) => e.await_token.span,
        Expr::Block(e) => e.block.brace_token.span.close(),
        Expr::Call(e) => e.paren_token.span.close(),
        Expr::Const(e) => e.block.brace_token.span.close(),
        Expr::Continue(e) => e.label.as_ref().map_or(e.continue_token.span, |label| label.ident.span()),
        Expr::Field(e) => member(&e.member),
        Expr::ForLoop(e) => e.body.brace_token.span.close(),
        Expr::Index(e) => e.bracket_token.span.close(),
        Expr::Infer(e) => e.underscore_token.span,
        Expr::Lit(e) => e.lit.span(),
        Expr::Loop(e) => e.body.brace_token.span.close(),
        Expr::Macro(e) => e.mac.delimiter.span().close(),
        Expr::Match(e) => e.brace_token.span.close(),
        Expr::MethodCall(e) => e.paren_token.span.close(),
        Expr::Paren(e) => e.paren_token.span.close(),
        Expr::Path(e) => last_of_path(&e.path),
        Expr::Repeat(e) => e.bracket_token.span.close(),
        Expr::Struct(e) => e.brace_token.span.close(),
        Expr::Try(e) => e.question_token.span,
        Expr::TryBlock(e) => e.block.brace_token.span.close(),
        Expr::Tuple(e) => e.paren_token.span.close(),
        Expr::Unsafe(e) => e.block.brace_token.span.close(),
        Expr::While(e) => e.body.brace_token.span.close(),
        Expr::Cast(e) => e.ty.span(),
        other => other.span(),
    }
}

fn limits(limits: &RangeLimits) -> Mark {
    match limits {
        RangeLimits::HalfOpen(token) => token.spans[0],
        RangeLimits::Closed(token) => token.spans[0],
    }
}

fn member(member: &Member) -> Mark {
    match member {
        Member::Named(name) => name.span(),
        Member::Unnamed(index) => index.span,
    }
}
