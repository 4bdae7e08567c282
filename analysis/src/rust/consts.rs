//! Literals, and arithmetic on them.

use syn::{BinOp, Expr, Lit, UnOp};

use crate::unit::{Const, Name, Op};

/// The constant a literal is.
pub(super) fn literal(lit: &Lit) -> Const {
    match lit {
        Lit::Bool(lit) => Const::Bool(lit.value),
        Lit::Int(lit) if lit.suffix().starts_with('f') => {
            lit.base10_digits().parse::<f64>().map_or(Const::Other, float)
        }
        Lit::Int(lit) => {
            let digits = lit.base10_digits();
            let saturated = if digits.bytes().all(|digit| digit.is_ascii_digit()) { i64::MAX } else { 0 };
            Const::Int(digits.parse().unwrap_or(saturated))
        }
        Lit::Float(lit) => lit.base10_parse::<f64>().map_or(Const::Other, float),
        Lit::Str(lit) => Const::Str(Name::new(lit.value())),
        _ => Const::Other,
    }
}

fn float(value: f64) -> Const {
    Const::Float(value.to_bits())
}

/// The value of an expression made of literals alone.
pub(super) fn fold(expr: &Expr) -> Option<Const> {
    starts_with_literal(expr).then(|| fold_within(expr, 32)).flatten()
}

/// Most expressions begin with something else, and long ones must not be tried at every level.
fn starts_with_literal(mut expr: &Expr) -> bool {
    for _ in 0..32 {
        expr = match expr {
            Expr::Lit(_) => return true,
            Expr::Binary(e) => &e.left,
            Expr::Unary(e) if matches!(e.op, UnOp::Neg(_)) => &e.expr,
            Expr::Paren(e) => &e.expr,
            Expr::Group(e) => &e.expr,
            Expr::Cast(e) => &e.expr,
            _ => return false,
        }
    }
    false
}

fn fold_within(expr: &Expr, fuel: u32) -> Option<Const> {
    let fuel = fuel.checked_sub(1)?;
    match expr {
        Expr::Lit(e) => Some(literal(&e.lit)).filter(|value| *value != Const::Other),
        Expr::Paren(e) => fold_within(&e.expr, fuel),
        Expr::Group(e) => fold_within(&e.expr, fuel),
        Expr::Cast(e) => fold_within(&e.expr, fuel).filter(|value| matches!(value, Const::Int(_))),
        Expr::Unary(e) if matches!(e.op, UnOp::Neg(_)) => match fold_within(&e.expr, fuel)? {
            Const::Int(value) => value.checked_neg().map(Const::Int),
            Const::Float(bits) => Some(float(-f64::from_bits(bits))),
            _ => None,
        },
        Expr::Binary(e) => match (fold_within(&e.left, fuel)?, fold_within(&e.right, fuel)?) {
            (Const::Int(left), Const::Int(right)) => integer(&e.op, left, right).map(Const::Int),
            (Const::Float(left), Const::Float(right)) => {
                arithmetic(&e.op, f64::from_bits(left), f64::from_bits(right)).map(float)
            }
            _ => None,
        },
        _ => None,
    }
}

fn integer(op: &BinOp, left: i64, right: i64) -> Option<i64> {
    match op {
        BinOp::Add(_) => left.checked_add(right),
        BinOp::Sub(_) => left.checked_sub(right),
        BinOp::Mul(_) => left.checked_mul(right),
        BinOp::Div(_) => left.checked_div(right),
        BinOp::Rem(_) => left.checked_rem(right),
        BinOp::BitOr(_) => Some(left | right),
        BinOp::BitAnd(_) => Some(left & right),
        BinOp::Shl(_) => {
            let factor = 2_i64.checked_pow(u32::try_from(right).ok()?)?;
            left.checked_mul(factor)
        }
        BinOp::Shr(_) => left.checked_shr(u32::try_from(right).ok()?),
        _ => None,
    }
}

fn arithmetic(op: &BinOp, left: f64, right: f64) -> Option<f64> {
    match op {
        BinOp::Add(_) => Some(left + right),
        BinOp::Sub(_) => Some(left - right),
        BinOp::Mul(_) => Some(left * right),
        BinOp::Div(_) => Some(left / right),
        _ => None,
    }
}

/// The class of an operator, and whether it also assigns.
pub(super) fn operator(op: &BinOp) -> (Op, bool) {
    match op {
        BinOp::Add(_) => (Op::Add, false),
        BinOp::AddAssign(_) => (Op::Add, true),
        BinOp::Sub(_) => (Op::Subtract, false),
        BinOp::SubAssign(_) => (Op::Subtract, true),
        BinOp::Mul(_) => (Op::Multiply, false),
        BinOp::MulAssign(_) => (Op::Multiply, true),
        BinOp::Div(_) => (Op::Divide, false),
        BinOp::DivAssign(_) => (Op::Divide, true),
        BinOp::Rem(_) => (Op::Remainder, false),
        BinOp::RemAssign(_) => (Op::Remainder, true),
        BinOp::BitOr(_) => (Op::BitOr, false),
        BinOp::BitOrAssign(_) => (Op::BitOr, true),
        BinOp::BitAnd(_) => (Op::BitAnd, false),
        BinOp::BitAndAssign(_) => (Op::BitAnd, true),
        BinOp::Shl(_) => (Op::ShiftLeft, false),
        BinOp::ShlAssign(_) => (Op::ShiftLeft, true),
        BinOp::Shr(_) => (Op::ShiftRight, false),
        BinOp::ShrAssign(_) => (Op::ShiftRight, true),
        BinOp::BitXorAssign(_) => (Op::Other, true),
        BinOp::Eq(_) | BinOp::Lt(_) | BinOp::Le(_) | BinOp::Ne(_) | BinOp::Ge(_) | BinOp::Gt(_) => (Op::Test, false),
        _ => (Op::Other, false),
    }
}
