//! Branches, loops and the ways out of them.

use syn::{
    BinOp, Expr, ExprBreak, ExprContinue, ExprForLoop, ExprIf, ExprLoop, ExprMatch, ExprReturn, ExprWhile, Label,
    Lifetime, Pat, UnOp,
};
use thin_vec::ThinVec;

use super::bind::{Pending, Rest, takes};
use super::expr::comparison;
use super::reader::{Reader, Target};
use super::types::condition;
use crate::unit::{Access, Arm, Block, Colour, Cond, Driver, Head, Name, Span, StepKind, ValueId};

/// Whether anybody takes the value of an expression.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Used {
    Yes,
    No,
}

fn label_name(label: Option<&Lifetime>) -> Option<Name> {
    label.map(|lifetime| Name::new(lifetime.ident.to_string()))
}

/// Most blocks have no label, and those that are empty take no room.
fn label_block(block: &mut Block, label: Option<Name>) {
    if let Some(label) = label {
        block.label = Some(Box::new(label));
    }
}

impl Reader<'_> {
    /// Joins what branches leave; `None` when none of them leaves anything.
    pub(super) fn join(&mut self, span: Span, from: Vec<ValueId>) -> Option<ValueId> {
        (!from.is_empty()).then(|| self.b().define(span, |out| StepKind::Join { out, from }))
    }

    /// A condition, after the steps that compute it. Patterns whose variables nothing in the
    /// condition itself may use are left in `pending`, to be bound where the condition holds.
    pub(super) fn cond<'e>(&mut self, expr: &'e Expr, pending: &mut Vec<Pending<'e>>) -> Cond {
        self.deeper(|this| this.cond_within(expr, pending)).unwrap_or(Cond::Unknown)
    }

    fn cond_within<'e>(&mut self, expr: &'e Expr, pending: &mut Vec<Pending<'e>>) -> Cond {
        match expr {
            Expr::Paren(e) => self.cond(&e.expr, pending),
            Expr::Group(e) => self.cond(&e.expr, pending),
            Expr::Unary(e) if matches!(e.op, UnOp::Not(_)) => Cond::Not(Box::new(self.cond(&e.expr, pending))),
            Expr::Let(e) => {
                let value = self.subject(&e.expr, std::slice::from_ref(&*e.pat));
                let (pattern, bindings) = self.pending(&e.pat, value);
                pending.push(bindings);
                Cond::Matches { value, pattern: Box::new(pattern) }
            }
            Expr::Binary(e) if matches!(e.op, BinOp::And(_) | BinOp::Or(_)) => self.chain(expr, pending),
            Expr::Binary(e) => match comparison(&e.op) {
                Some(op) => {
                    let left = self.read(&e.left, Access::Shared);
                    let right = self.read(&e.right, Access::Shared);
                    Cond::Compare { op, left, right }
                }
                None => Cond::Truthy(self.value(expr)),
            },
            _ => Cond::Truthy(self.read(expr, Access::Shared)),
        }
    }

    /// A chain of the same operator, flat however long it is.
    fn chain<'e>(&mut self, expr: &'e Expr, pending: &mut Vec<Pending<'e>>) -> Cond {
        let is_and = matches!(expr, Expr::Binary(e) if matches!(e.op, BinOp::And(_)));
        let mut operands = Vec::new();
        let mut left = expr;
        while let Expr::Binary(e) = left
            && (if is_and { matches!(e.op, BinOp::And(_)) } else { matches!(e.op, BinOp::Or(_)) })
        {
            operands.push(&*e.right);
            left = &e.left;
        }
        operands.push(left);
        let mut conds = ThinVec::with_capacity(operands.len());
        for operand in operands.into_iter().rev() {
            // What an earlier `let` binds may be used from here on.
            for bindings in pending.drain(..) {
                self.bind(&bindings, Rest::Kept);
            }
            conds.push(self.cond(operand, pending));
        }
        if is_and { Cond::All(conds) } else { Cond::Any(conds) }
    }

    /// What a pattern is matched against: a place is moved from only if something is taken out.
    pub(super) fn subject(&mut self, expr: &Expr, patterns: &[Pat]) -> ValueId {
        let access = if patterns.iter().any(takes) { Access::Moved } else { Access::Shared };
        self.read(expr, access)
    }

    pub(super) fn if_else(&mut self, branch: &ExprIf, used: Used) -> Option<ValueId> {
        let last = match &branch.else_branch {
            Some((_, otherwise)) => super::span::last(otherwise),
            None => branch.then_branch.brace_token.span.close(),
        };
        let span = self.between(branch.if_token.span, last);
        let (cond, id, then) = self.scoped(|this| {
            let mut pending = Vec::new();
            let cond = this.cond(&branch.cond, &mut pending);
            let id = this.b().step_id();
            let (mut then, value) = this.block(span, |this| {
                pending.iter().for_each(|bindings| this.bind(bindings, Rest::Kept));
                this.block_contents(&branch.then_branch, used)
            });
            then.value = value;
            (cond, id, then)
        });
        let otherwise =
            branch.else_branch.as_ref().map(|(_, otherwise)| self.branch(otherwise, used)).unwrap_or_default();
        let from = then.value.into_iter().chain(otherwise.value).collect();
        self.b().push_as(id, span, StepKind::If { cond, then, otherwise });
        self.join(span, from)
    }

    /// The code of a branch as a block; braces make no block of their own.
    pub(super) fn branch(&mut self, expr: &Expr, used: Used) -> Block {
        let span = self.of(expr);
        let (mut block, value) = self.block(span, |this| this.branch_contents(expr, used));
        block.value = value;
        block
    }

    /// The same without a block.
    pub(super) fn branch_contents(&mut self, expr: &Expr, used: Used) -> Option<ValueId> {
        match expr {
            Expr::Block(e) if e.label.is_none() => self.block_contents(&e.block, used),
            _ => self.expr(expr, used),
        }
    }

    pub(super) fn match_arms(&mut self, matched: &ExprMatch, used: Used) -> Option<ValueId> {
        let span = self.between(matched.match_token.span, matched.brace_token.span.close());
        let takes_something = matched.arms.iter().any(|arm| takes(&arm.pat));
        let access = if takes_something { Access::Moved } else { Access::Shared };
        let subject = self.read(&matched.expr, access);
        let id = self.b().step_id();
        let arms: Vec<Arm> = matched.arms.iter().map(|arm| self.arm(arm, subject, used)).collect();
        let from = arms.iter().filter_map(|arm| arm.body.value).collect();
        self.b().push_as(id, span, StepKind::Match { subject, arms });
        self.join(span, from)
    }

    fn arm(&mut self, arm: &syn::Arm, subject: ValueId, used: Used) -> Arm {
        let span = self.span_of(&arm.pat).to(self.of(&arm.body));
        let cfg = condition(&arm.attrs);
        self.scoped(|this| {
            let (pattern, bindings) = this.pending(&arm.pat, subject);
            let mut guard = None;
            let (mut body, value) = this.block(span, |this| {
                this.bind(&bindings, Rest::Kept);
                if let Pat::Guard(guarded) = &arm.pat {
                    guard = Some(this.guard(&guarded.guard));
                }
                match cfg {
                    Some(cfg) => this.under(cfg, span, |this| this.branch_contents(&arm.body, used)),
                    None => this.branch_contents(&arm.body, used),
                }
            });
            body.value = value;
            Arm { pattern, guard, body, span }
        })
    }

    /// A guard; what its own `let`s bind is bound at once.
    pub(super) fn guard(&mut self, expr: &Expr) -> Cond {
        let mut pending = Vec::new();
        let cond = self.cond(expr, &mut pending);
        pending.iter().for_each(|bindings| self.bind(bindings, Rest::Kept));
        cond
    }

    fn target<T>(
        &mut self,
        label: Option<Name>,
        is_loop: bool,
        work: impl FnOnce(&mut Self) -> T,
    ) -> (T, Vec<ValueId>) {
        self.frame().targets.push(Target { label, is_loop, values: Vec::new() });
        let result = work(self);
        (result, self.frame().targets.pop().map(|target| target.values).unwrap_or_default())
    }

    pub(super) fn forever(&mut self, turn: &ExprLoop) -> Option<ValueId> {
        let label = label_name(turn.label.as_ref().map(|label| &label.name));
        let span = self.loop_span(turn.label.as_ref(), turn.loop_token.span, &turn.body);
        let id = self.b().step_id();
        let ((mut body, _), values) =
            self.target(label.clone(), true, |this| this.block(span, |this| this.block_contents(&turn.body, Used::No)));
        label_block(&mut body, label);
        let (driver, otherwise) = (Driver::Forever, Block::default());
        self.b().push_as(id, span, StepKind::Loop { driver, body, otherwise });
        self.join(span, values)
    }

    pub(super) fn while_loop(&mut self, turn: &ExprWhile) -> Option<ValueId> {
        let label = label_name(turn.label.as_ref().map(|label| &label.name));
        let span = self.loop_span(turn.label.as_ref(), turn.while_token.span, &turn.body);
        let id = self.b().step_id();
        let ((driver, mut body), _) = self.target(label.clone(), true, |this| {
            this.scoped(|this| {
                let mut pending = Vec::new();
                let mut cond = Cond::Unknown;
                let (head, _) = this.block(span, |this| {
                    cond = this.cond(&turn.cond, &mut pending);
                    Some(())
                });
                let (body, _) = this.block(span, |this| {
                    pending.iter().for_each(|bindings| this.bind(bindings, Rest::Kept));
                    this.block_contents(&turn.body, Used::No)
                });
                (Driver::While(Box::new(Head { block: head, cond })), body)
            })
        });
        label_block(&mut body, label);
        self.b().push_as(id, span, StepKind::Loop { driver, body, otherwise: Block::default() });
        None
    }

    pub(super) fn for_loop(&mut self, turn: &ExprForLoop) -> Option<ValueId> {
        let label = label_name(turn.label.as_ref().map(|label| &label.name));
        let span = self.loop_span(turn.label.as_ref(), turn.for_token.span, &turn.body);
        let source = self.value(&turn.expr);
        let id = self.b().step_id();
        let item = self.b().value();
        let ((mut body, _), _) = self.target(label.clone(), true, |this| {
            this.scoped(|this| {
                let (_, bindings) = this.pending(&turn.pat, item);
                this.block(span, |this| {
                    this.bind(&bindings, Rest::Dropped);
                    this.block_contents(&turn.body, Used::No)
                })
            })
        });
        let driver = Driver::Each { source, item, colour: Colour::Sync };
        label_block(&mut body, label);
        self.b().push_as(id, span, StepKind::Loop { driver, body, otherwise: Block::default() });
        None
    }

    fn loop_span(&self, label: Option<&Label>, keyword: proc_macro2::Span, body: &syn::Block) -> Span {
        let first = label.map_or(keyword, |label| label.name.apostrophe);
        self.between(first, body.brace_token.span.close())
    }

    /// A block as an expression; a label lets `break` leave it with a value.
    pub(super) fn nested(
        &mut self,
        block: &syn::Block,
        label: Option<&Lifetime>,
        span: Span,
        used: Used,
    ) -> Option<ValueId> {
        let label = label_name(label);
        let id = self.b().step_id();
        let lower = |this: &mut Self| this.block(span, |this| this.block_contents(block, used));
        let ((mut lowered, value), mut from) = match &label {
            Some(_) => self.target(label.clone(), false, lower),
            None => (lower(self), Vec::new()),
        };
        lowered.value = value;
        from.extend(value);
        label_block(&mut lowered, label);
        self.b().push_as(id, span, StepKind::Nested { block: lowered, cfg: None });
        self.join(span, from)
    }

    /// Code that is only there under a condition. What it declares lives on in the block around it.
    pub(super) fn under(
        &mut self,
        cfg: Name,
        span: Span,
        work: impl FnOnce(&mut Self) -> Option<ValueId>,
    ) -> Option<ValueId> {
        let id = self.b().step_id();
        let (mut block, value) = self.block(span, work);
        for local in std::mem::take(&mut block.declares) {
            self.b().declare(local);
        }
        block.value = value;
        self.b().push_as(id, span, StepKind::Nested { block, cfg: Some(Box::new(cfg)) });
        self.join(span, value.into_iter().collect())
    }

    pub(super) fn break_out(&mut self, out: &ExprBreak) -> Option<ValueId> {
        let first = out.break_token.span;
        let word = out.label.as_ref().map_or(first, |label| label.ident.span());
        let span = self.between(first, out.expr.as_ref().map_or(word, |value| super::span::last(value)));
        let value = out.expr.as_ref().map(|value| self.value(value));
        let label = label_name(out.label.as_ref());
        let mut targets = self.frame().targets.iter_mut().rev();
        let target = match &label {
            Some(label) => targets.find(|target| target.label.as_ref() == Some(label)),
            None => targets.find(|target| target.is_loop),
        };
        if let Some(target) = target {
            target.values.extend(value);
        }
        self.b().push(span, StepKind::Break { label, value });
        None
    }

    pub(super) fn continue_on(&mut self, on: &ExprContinue) -> Option<ValueId> {
        let first = on.continue_token.span;
        let span = self.between(first, on.label.as_ref().map_or(first, |label| label.ident.span()));
        let label = label_name(on.label.as_ref());
        self.b().push(span, StepKind::Continue { label });
        None
    }

    pub(super) fn return_now(&mut self, out: &ExprReturn) -> Option<ValueId> {
        let first = out.return_token.span;
        let span = self.between(first, out.expr.as_ref().map_or(first, |value| super::span::last(value)));
        let value = out.expr.as_ref().map(|value| self.value(value));
        self.b().push(span, StepKind::Return { value });
        None
    }
}
