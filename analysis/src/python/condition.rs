//! Conditions: trees over values that are evaluated before them.

use ruff_python_ast::{BoolOp, CmpOp, Expr, ExprCompare, UnaryOp};
use ruff_text_size::Ranged;
use thin_vec::ThinVec;

use super::lowerer::Lowerer;
use crate::unit::{Compare, Cond, Op, ValueId};

impl<'a> Lowerer<'a> {
    /// Evaluates the operands of a condition, and says how they decide it.
    pub(super) fn cond(&mut self, expr: &'a Expr) -> Cond {
        self.descend(|this| this.cond_here(expr)).unwrap_or_else(|| {
            self.too_deep(expr);
            Cond::Unknown
        })
    }

    fn cond_here(&mut self, expr: &'a Expr) -> Cond {
        match expr {
            Expr::BoolOp(operation) => {
                let parts = operation.values.iter().map(|value| self.cond(value)).collect();
                match operation.op {
                    BoolOp::And => Cond::All(parts),
                    BoolOp::Or => Cond::Any(parts),
                }
            }
            Expr::UnaryOp(operation) if operation.op == UnaryOp::Not => {
                Cond::Not(Box::new(self.cond(&operation.operand)))
            }
            Expr::Compare(compare) => self.comparison(compare),
            _ => Cond::Truthy(self.expr(expr)),
        }
    }

    fn comparison(&mut self, compare: &'a ExprCompare) -> Cond {
        let mut left = self.expr(&compare.left);
        let mut parts = ThinVec::with_capacity(compare.ops.len());
        for (op, right) in compare.ops.iter().zip(&compare.comparators) {
            let right = self.expr(right);
            parts.push(Cond::Compare { op: comparison(*op), left, right });
            left = right;
        }
        match parts.len() {
            1 => parts.remove(0),
            _ => Cond::All(parts),
        }
    }

    /// A comparison whose result is used as a value.
    pub(super) fn comparison_value(&mut self, expr: &'a Expr) -> ValueId {
        let Expr::Compare(compare) = expr else { return self.opaque(expr) };
        let mut operands = vec![self.expr(&compare.left)];
        operands.extend(compare.comparators.iter().map(|right| self.expr(right)));
        self.operate(expr.range(), Op::Test, operands)
    }
}

fn comparison(op: CmpOp) -> Compare {
    match op {
        CmpOp::Eq => Compare::Equal,
        CmpOp::NotEq => Compare::NotEqual,
        CmpOp::Lt => Compare::Less,
        CmpOp::LtE => Compare::LessEqual,
        CmpOp::Gt => Compare::Greater,
        CmpOp::GtE => Compare::GreaterEqual,
        CmpOp::Is => Compare::Is,
        CmpOp::IsNot => Compare::IsNot,
        CmpOp::In => Compare::In,
        CmpOp::NotIn => Compare::NotIn,
    }
}
