//! Expressions, one step after another.

use syn::{BinOp, Expr, ExprAssign, ExprBinary, ExprUnary, UnOp};

use super::consts;
use super::control::Used;
use super::place::is_place;
use super::reader::Reader;
use crate::unit::{Access, Block, Compare, Cond, Const, Discard, Op, Part, Shape, StepKind, Storing, ValueId, View};

impl Reader<'_> {
    /// The value of an expression; expressions that leave none give `()`.
    pub(super) fn value(&mut self, expr: &Expr) -> ValueId {
        match self.expr(expr, Used::Yes) {
            Some(value) => value,
            None => {
                let span = self.of(expr);
                self.b().define(span, |out| StepKind::Const { out, value: Const::Nothing })
            }
        }
    }

    /// Lowers an expression. `None` when it leaves no value that anybody could miss: it never
    /// ends, its type is `()`, or nobody asked.
    pub(super) fn expr(&mut self, expr: &Expr, used: Used) -> Option<ValueId> {
        match self.deeper(|this| this.expr_within(expr, used)) {
            Some(value) => value,
            None => {
                let span = self.of(expr);
                Some(self.unread(span, "this expression is nested too deeply to be read"))
            }
        }
    }

    fn expr_within(&mut self, expr: &Expr, used: Used) -> Option<ValueId> {
        match expr {
            Expr::Paren(e) => return self.expr(&e.expr, used),
            Expr::Group(e) => return self.expr(&e.expr, used),
            Expr::If(e) => return self.if_else(e, used),
            Expr::Match(e) => return self.match_arms(e, used),
            Expr::Loop(e) => return self.forever(e),
            Expr::While(e) => return self.while_loop(e),
            Expr::ForLoop(e) => return self.for_loop(e),
            Expr::Block(e) => {
                let label = e.label.as_ref().map(|label| &label.name);
                return self.nested(&e.block, label, self.of(expr), used);
            }
            Expr::Unsafe(e) => return self.nested(&e.block, None, self.of(expr), used),
            Expr::Const(e) => return self.nested(&e.block, None, self.of(expr), used),
            Expr::TryBlock(e) => return self.nested(&e.block, None, self.of(expr), used),
            Expr::Break(e) => return self.break_out(e),
            Expr::Continue(e) => return self.continue_on(e),
            Expr::Return(e) => return self.return_now(e),
            Expr::Assign(e) => return self.assign(e),
            Expr::Binary(e) if consts::operator(&e.op).1 => return self.update(e),
            _ => {}
        }
        Some(self.computed(expr))
    }

    /// Expressions that always leave a value.
    fn computed(&mut self, expr: &Expr) -> ValueId {
        let span = self.of(expr);
        match expr {
            Expr::Path(_) | Expr::Field(_) | Expr::Index(_) => self.read(expr, Access::Moved),
            Expr::Lit(e) => {
                let value = consts::literal(&e.lit);
                self.b().define(span, |out| StepKind::Const { out, value })
            }
            Expr::Call(e) => self.call(e, span),
            Expr::MethodCall(e) => self.method_call(e, span),
            Expr::Macro(e) => self.macro_call(&e.mac, span),
            Expr::Await(e) => {
                let value = self.value(&e.base);
                self.b().define(span, |out| StepKind::Await { out, value })
            }
            Expr::Try(e) => {
                let value = self.value(&e.expr);
                self.b().define(span, |out| StepKind::Propagate { out, value })
            }
            Expr::Closure(e) => self.closure(e),
            Expr::Async(e) => self.async_block(e),
            Expr::Reference(e) => {
                let (access, how) =
                    if e.mutability.is_some() { (Access::Unique, View::RefMut) } else { (Access::Shared, View::Ref) };
                let value = self.read(&e.expr, access);
                self.b().define(span, |out| StepKind::View { out, value, how })
            }
            Expr::RawAddr(e) => {
                let value = self.read(&e.expr, Access::Unique);
                self.b().define(span, |out| StepKind::View { out, value, how: View::RefMut })
            }
            Expr::Cast(e) => {
                let value = self.value(&e.expr);
                self.b().define(span, |out| StepKind::View { out, value, how: View::Cast })
            }
            Expr::Unary(e) => self.unary(expr, e),
            Expr::Binary(e) => self.binary(expr, e),
            Expr::Let(_) => self.test(expr),
            Expr::Tuple(e) if e.elems.is_empty() => {
                self.b().define(span, |out| StepKind::Const { out, value: Const::Nothing })
            }
            Expr::Tuple(e) => self.collect(Shape::Tuple, &e.elems, span),
            Expr::Array(e) => self.collect(Shape::List, &e.elems, span),
            Expr::Repeat(e) => self.collect(Shape::Repeat, [&*e.expr, &*e.len], span),
            Expr::Range(e) => self.collect(Shape::Range, e.start.iter().chain(&e.end).map(|bound| &**bound), span),
            Expr::Struct(e) => self.struct_literal(e, span),
            Expr::Yield(e) => {
                let value = e.expr.as_ref().map(|value| self.value(value));
                self.b().body.yields = crate::unit::Yields::Generator;
                self.b().define(span, |out| StepKind::Yield { out, value })
            }
            _ => self.opaque(span),
        }
    }

    fn unary(&mut self, expr: &Expr, unary: &ExprUnary) -> ValueId {
        let span = self.of(expr);
        let op = match unary.op {
            UnOp::Deref(_) => return self.read(expr, Access::Moved),
            UnOp::Not(_) => Op::Test,
            _ => Op::Subtract,
        };
        if let Some(value) = consts::fold(expr) {
            return self.b().define(span, |out| StepKind::Const { out, value });
        }
        let operand = self.value(&unary.expr);
        self.b().define(span, |out| StepKind::Operate { out, op, operands: vec![operand] })
    }

    fn binary(&mut self, expr: &Expr, binary: &ExprBinary) -> ValueId {
        if matches!(binary.op, BinOp::And(_) | BinOp::Or(_)) {
            return self.shortcut(expr, binary);
        }
        let span = self.of(expr);
        if let Some(value) = consts::fold(expr) {
            return self.b().define(span, |out| StepKind::Const { out, value });
        }
        let (op, _) = consts::operator(&binary.op);
        let access = if op == Op::Test { Access::Shared } else { Access::Moved };
        let left = self.read(&binary.left, access);
        let right = self.read(&binary.right, access);
        self.b().define(span, |out| StepKind::Operate { out, op, operands: vec![left, right] })
    }

    /// `a && b` and `a || b` as values: the right side runs only after the left was looked at.
    fn shortcut(&mut self, expr: &Expr, binary: &ExprBinary) -> ValueId {
        if contains_let(expr) {
            return self.test(expr);
        }
        let span = self.of(expr);
        let left = self.value(&binary.left);
        let id = self.b().step_id();
        let right_span = self.of(&binary.right);
        let (mut then, right) = self.block(right_span, |this| Some(this.value(&binary.right)));
        then.value = right;
        let cond = match binary.op {
            BinOp::Or(_) => Cond::Not(Box::new(Cond::Truthy(left))),
            _ => Cond::Truthy(left),
        };
        self.b().push_as(id, span, StepKind::If { cond, then, otherwise: Block::default() });
        let from = [Some(left), right].into_iter().flatten().collect();
        self.b().define(span, |out| StepKind::Join { out, from })
    }

    /// A condition with `let` outside of `if` and `while`: only its truth is left.
    fn test(&mut self, expr: &Expr) -> ValueId {
        let span = self.of(expr);
        let id_span = span;
        let cond = self.scoped(|this| {
            let mut pending = Vec::new();
            this.cond(expr, &mut pending)
        });
        let id = self.b().step_id();
        let (mut then, yes) = self.block(span, |this| Some(this.truth(id_span, true)));
        let (mut otherwise, no) = self.block(span, |this| Some(this.truth(id_span, false)));
        (then.value, otherwise.value) = (yes, no);
        self.b().push_as(id, span, StepKind::If { cond, then, otherwise });
        let from = [yes, no].into_iter().flatten().collect();
        self.b().define(span, |out| StepKind::Join { out, from })
    }

    fn truth(&mut self, span: crate::unit::Span, value: bool) -> ValueId {
        self.b().define(span, |out| StepKind::Const { out, value: Const::Bool(value) })
    }

    fn update(&mut self, binary: &ExprBinary) -> Option<ValueId> {
        let value = self.value(&binary.right);
        let span = self.between(super::span::first(&binary.left), super::span::last(&binary.right));
        let (op, _) = consts::operator(&binary.op);
        if let Some(place) = self.place(&binary.left, Access::Unique) {
            self.b().push(span, StepKind::Update { place, op, value });
        } else {
            let target = self.value(&binary.left);
            let place = crate::unit::Place::Deref { base: target };
            self.b().push(span, StepKind::Update { place, op, value });
        }
        None
    }

    fn assign(&mut self, assign: &ExprAssign) -> Option<ValueId> {
        let span = self.between(super::span::first(&assign.left), super::span::last(&assign.right));
        if Self::is_underscore(&assign.left) {
            let value = self.read(&assign.right, Access::Shared);
            if !is_place(&assign.right) {
                self.b().discard(span, value, Discard::Underscore);
            }
            return None;
        }
        let value = self.value(&assign.right);
        self.assign_to(&assign.left, value, span);
        None
    }

    /// Assigns to a place or, piece by piece, to a pattern of places.
    fn assign_to(&mut self, target: &Expr, value: ValueId, span: crate::unit::Span) {
        let assigned = self.deeper(|this| {
            if let Some(place) = this.place(target, Access::Unique) {
                this.b().push(span, StepKind::Store { place, value, how: Storing::Assign });
                return;
            }
            let parts: Vec<(&Expr, Part)> = match target {
                Expr::Tuple(e) => numbered(&e.elems, Part::Index),
                Expr::Array(e) => numbered(&e.elems, Part::Index),
                Expr::Call(e) => {
                    let path = match &*e.func {
                        Expr::Path(path) => this.full_path(path.qself.as_ref(), &path.path),
                        _ => Vec::new(),
                    };
                    numbered(&e.args, |index| Part::Variant(Box::new(path.clone()), index))
                }
                Expr::Struct(e) => e
                    .fields
                    .iter()
                    .map(|field| (&field.expr, Part::Field(super::place::member(&field.member))))
                    .collect(),
                Expr::Infer(_) => {
                    this.b().discard(span, value, Discard::Underscore);
                    return;
                }
                _ => return,
            };
            for (part_target, part) in parts {
                let part_span = this.of(part_target);
                let out = this.b().define(part_span, |out| StepKind::Part { out, of: value, part });
                this.assign_to(part_target, out, part_span);
            }
        });
        if assigned.is_none() {
            self.unread(span, "this expression is nested too deeply to be read");
        }
    }
}

fn numbered<'e>(targets: impl IntoIterator<Item = &'e Expr>, part: impl Fn(u32) -> Part) -> Vec<(&'e Expr, Part)> {
    (0..).zip(targets).map(|(index, target)| (target, part(index))).collect()
}

/// Whether a chain of `&&` and `||` has a `let` in it.
fn contains_let(mut expr: &Expr) -> bool {
    loop {
        match expr {
            Expr::Let(_) => return true,
            Expr::Binary(e) if matches!(e.op, BinOp::And(_) | BinOp::Or(_)) => {
                if matches!(&*e.right, Expr::Let(_)) {
                    return true;
                }
                expr = &e.left;
            }
            _ => return false,
        }
    }
}

/// The comparison an operator is.
pub(super) fn comparison(op: &BinOp) -> Option<Compare> {
    match op {
        BinOp::Eq(_) => Some(Compare::Equal),
        BinOp::Ne(_) => Some(Compare::NotEqual),
        BinOp::Lt(_) => Some(Compare::Less),
        BinOp::Le(_) => Some(Compare::LessEqual),
        BinOp::Gt(_) => Some(Compare::Greater),
        BinOp::Ge(_) => Some(Compare::GreaterEqual),
        _ => None,
    }
}
