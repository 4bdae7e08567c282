//! Literals, and arithmetic on them.

use ruff_python_ast::{Expr, Number, Operator, UnaryOp};

use crate::unit::{Const, Name};

/// How deep arithmetic is followed.
const MAX_FOLDING: u32 = 32;

/// The longest text that is kept; no name or key is longer, and units stay small.
const MAX_TEXT: usize = 1024;

/// The value of a literal (signs included), `None` for any other expression.
pub(super) fn literal(expr: &Expr) -> Option<Const> {
    match expr {
        Expr::NumberLiteral(number) => Some(match &number.value {
            Number::Int(int) => Const::Int(int.as_i64().unwrap_or(i64::MAX)),
            Number::Float(float) => Const::Float(float.to_bits()),
            Number::Complex { .. } => Const::Other,
        }),
        Expr::StringLiteral(literal) => Some(text(literal.value.to_str())),
        Expr::BytesLiteral(_) | Expr::EllipsisLiteral(_) => Some(Const::Other),
        Expr::BooleanLiteral(truth) => Some(Const::Bool(truth.value)),
        Expr::NoneLiteral(_) => Some(Const::Nothing),
        Expr::UnaryOp(operation) if operation.op == UnaryOp::USub && operation.operand.is_number_literal_expr() => {
            negate(literal(&operation.operand)?)
        }
        _ => None,
    }
}

/// Whether an expression is a literal (signs included).
pub(super) fn is_literal(expr: &Expr) -> bool {
    match expr {
        Expr::UnaryOp(operation) => operation.op == UnaryOp::USub && operation.operand.is_number_literal_expr(),
        _ => expr.is_literal_expr(),
    }
}

/// A text; a very long one is kept as "some literal" only.
pub(super) fn text(text: &str) -> Const {
    if text.len() <= MAX_TEXT { Const::Str(Name::new(text)) } else { Const::Other }
}

/// The value of an expression made of literals.
pub(super) fn fold(expr: &Expr) -> Option<Const> {
    folded(expr, MAX_FOLDING)
}

fn folded(expr: &Expr, depth: u32) -> Option<Const> {
    let depth = depth.checked_sub(1)?;
    match expr {
        Expr::UnaryOp(operation) => {
            let operand = folded(&operation.operand, depth)?;
            match (operation.op, operand) {
                (UnaryOp::USub, operand) => negate(operand),
                (UnaryOp::UAdd, operand @ (Const::Int(_) | Const::Float(_))) => Some(operand),
                (UnaryOp::Invert, Const::Int(int)) => Some(Const::Int(!int)),
                (UnaryOp::Not, Const::Bool(truth)) => Some(Const::Bool(!truth)),
                _ => None,
            }
        }
        Expr::BinOp(operation) => {
            let (left, right) = (folded(&operation.left, depth)?, folded(&operation.right, depth)?);
            match (left, right) {
                (Const::Int(left), Const::Int(right)) => integers(operation.op, left, right),
                (Const::Str(left), Const::Str(right)) if operation.op == Operator::Add => {
                    Some(text(&format!("{left}{right}")))
                }
                (left, right) => floats(operation.op, float(&left)?, float(&right)?),
            }
        }
        _ => literal(expr),
    }
}

fn negate(value: Const) -> Option<Const> {
    match value {
        Const::Int(int) => Some(Const::Int(int.saturating_neg())),
        Const::Float(bits) => Some(Const::Float((-f64::from_bits(bits)).to_bits())),
        Const::Other => Some(Const::Other),
        _ => None,
    }
}

fn float(value: &Const) -> Option<f64> {
    match value {
        Const::Int(int) => Some(*int as f64),
        Const::Float(bits) => Some(f64::from_bits(*bits)),
        _ => None,
    }
}

fn integers(op: Operator, left: i64, right: i64) -> Option<Const> {
    let count = u32::try_from(right).ok();
    let value = match op {
        Operator::Add => left.saturating_add(right),
        Operator::Sub => left.saturating_sub(right),
        Operator::Mult => left.saturating_mul(right),
        Operator::Pow => left.saturating_pow(count?),
        Operator::LShift => match count? {
            shift @ 0..=62 => left.saturating_mul(1 << shift),
            _ => left.signum().saturating_mul(i64::MAX),
        },
        Operator::RShift => left >> count?.min(63),
        Operator::BitOr => left | right,
        Operator::BitAnd => left & right,
        Operator::BitXor => left ^ right,
        Operator::FloorDiv => {
            let (quotient, rest) = (left.checked_div(right)?, left.checked_rem(right)?);
            quotient.saturating_sub(i64::from(rest != 0 && (rest < 0) != (right < 0)))
        }
        Operator::Mod => {
            let rest = left.checked_rem(right)?;
            if rest != 0 && (rest < 0) != (right < 0) { rest + right } else { rest }
        }
        Operator::Div => return floats(op, left as f64, right as f64),
        Operator::MatMult => return None,
    };
    Some(Const::Int(value))
}

fn floats(op: Operator, left: f64, right: f64) -> Option<Const> {
    let value = match op {
        Operator::Add => left + right,
        Operator::Sub => left - right,
        Operator::Mult => left * right,
        Operator::Div if right != 0.0 => left / right,
        Operator::FloorDiv if right != 0.0 => (left / right).floor(),
        Operator::Pow => left.powf(right),
        _ => return None,
    };
    Some(Const::Float(value.to_bits()))
}
