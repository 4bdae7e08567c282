//! Chains: `a.b(x)[i].c() + y`, `await f()`, `not not z`. Lowered in a loop, from the innermost link
//! outwards, because generated code has chains of thousands of links.

use ruff_python_ast::{ArgOrKeyword, Arguments, Expr, ExprCall, Operator, UnaryOp};
use ruff_text_size::Ranged;

use super::constant;
use super::lowerer::Lowerer;
use crate::unit::{Arg, ArgKind, Name, Op, Place, StepKind, ValueId};

impl<'a> Lowerer<'a> {
    /// Evaluates an expression, following the operand that is evaluated first in a loop.
    pub(super) fn chain(&mut self, expr: &'a Expr) -> ValueId {
        let within = self.links.len();
        let mut root = expr;
        while let Some(inner) = first_operand(root) {
            self.links.push(root);
            root = inner;
        }
        let mut value = self.plain(root);
        while self.links.len() > within
            && let Some(link) = self.links.pop()
        {
            value = self.link(link, value);
        }
        value
    }

    /// One link, on the value of what stands before it.
    fn link(&mut self, link: &'a Expr, value: ValueId) -> ValueId {
        match link {
            Expr::Attribute(attribute) => {
                let name = Name::new(attribute.attr.as_str());
                self.read(attribute.range, Place::Field { base: value, name })
            }
            Expr::Subscript(subscript) => {
                let key = self.expr(&subscript.slice);
                self.read(subscript.range, Place::Index { base: value, key: Some(key) })
            }
            Expr::Call(call) if awaited_by(call).is_some() => {
                let span = self.span(call.range());
                self.steps().define(span, |out| StepKind::Await { out, value })
            }
            Expr::Call(call) => {
                let args = self.arguments(&call.arguments);
                let span = self.span(call.range());
                self.steps().define(span, |out| StepKind::Call { out, callee: value, args })
            }
            Expr::Await(awaiting) => {
                let span = self.span(awaiting.range);
                self.steps().define(span, |out| StepKind::Await { out, value })
            }
            Expr::BinOp(operation) => {
                let right = self.expr(&operation.right);
                self.operate(operation.range, operator(operation.op), vec![value, right])
            }
            Expr::UnaryOp(operation) => {
                let op = match operation.op {
                    UnaryOp::Not => Op::Test,
                    UnaryOp::USub => Op::Subtract,
                    UnaryOp::UAdd | UnaryOp::Invert => Op::Other,
                };
                self.operate(operation.range, op, vec![value])
            }
            _ => self.opaque(link),
        }
    }

    fn arguments(&mut self, arguments: &'a Arguments) -> Vec<Arg> {
        let mut given = Vec::with_capacity(arguments.len());
        given.extend(arguments.iter_source_order().map(|argument| match argument {
            ArgOrKeyword::Arg(Expr::Starred(starred)) => {
                Arg { value: self.expr(&starred.value), kind: ArgKind::Spread }
            }
            ArgOrKeyword::Arg(value) => Arg { value: self.expr(value), kind: ArgKind::Positional },
            ArgOrKeyword::Keyword(keyword) => {
                let kind = match &keyword.arg {
                    Some(name) => ArgKind::Named(Name::new(name.as_str())),
                    None => ArgKind::SpreadByName,
                };
                Arg { value: self.expr(&keyword.value), kind }
            }
        }));
        given
    }
}

/// The operand of a link that is evaluated before everything else in it; `None` for what is no link.
fn first_operand(expr: &Expr) -> Option<&Expr> {
    match expr {
        Expr::Attribute(attribute) => Some(&attribute.value),
        Expr::Subscript(subscript) => Some(&subscript.value),
        Expr::Call(call) => Some(awaited_by(call).unwrap_or(&call.func)),
        Expr::Await(awaiting) => Some(&awaiting.value),
        Expr::BinOp(operation) => Some(&operation.left),
        // `-1` is a literal.
        Expr::UnaryOp(operation) => (!constant::is_literal(expr)).then_some(&operation.operand),
        _ => None,
    }
}

/// What `x.__await__()` awaits: whoever awaits the object that calls it awaits this.
fn awaited_by(call: &ExprCall) -> Option<&Expr> {
    match &*call.func {
        Expr::Attribute(method) if method.attr.as_str() == "__await__" && call.arguments.is_empty() => {
            Some(&method.value)
        }
        _ => None,
    }
}

/// The class of an operator.
pub(super) fn operator(op: Operator) -> Op {
    match op {
        Operator::Add => Op::Add,
        Operator::Sub => Op::Subtract,
        Operator::Mult => Op::Multiply,
        Operator::Div | Operator::FloorDiv => Op::Divide,
        Operator::Mod => Op::Remainder,
        Operator::Pow => Op::Power,
        Operator::LShift => Op::ShiftLeft,
        Operator::BitOr => Op::BitOr,
        Operator::BitAnd => Op::BitAnd,
        Operator::RShift => Op::ShiftRight,
        Operator::MatMult | Operator::BitXor => Op::Other,
    }
}
