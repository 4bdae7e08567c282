//! Type annotations as type trees.

use ruff_python_ast::{Expr, Mod, Operator};
use ruff_python_parser::{Mode, ParseOptions, parse_unchecked};

use super::lowerer::Lowerer;
use crate::unit::{Name, Path, TypeTree};

/// The longest annotation that is read when it is written as a text.
const MAX_QUOTED: usize = 1_000;

impl Lowerer<'_> {
    /// The type that an annotation names.
    pub(super) fn annotation(&mut self, expr: &Expr) -> TypeTree {
        self.descend(|this| this.annotated(expr)).unwrap_or(TypeTree::Other)
    }

    fn annotated(&mut self, expr: &Expr) -> TypeTree {
        match expr {
            Expr::Name(_) | Expr::Attribute(_) => match dotted(expr) {
                Some(path) => TypeTree::Path { path, args: Vec::new() },
                None => TypeTree::Other,
            },
            Expr::NoneLiteral(_) => TypeTree::Unit,
            Expr::StringLiteral(text) => self.quoted_annotation(text.value.to_str()),
            Expr::Subscript(subscript) => match dotted(&subscript.value) {
                Some(path) => self.generic(path, &subscript.slice),
                None => TypeTree::Other,
            },
            Expr::BinOp(operation) if operation.op == Operator::BitOr => self.union(expr),
            Expr::Tuple(tuple) => TypeTree::Tuple(self.annotations(&tuple.elts)),
            Expr::List(list) => TypeTree::Tuple(self.annotations(&list.elts)),
            Expr::Starred(starred) => self.annotation(&starred.value),
            _ => TypeTree::Other,
        }
    }

    fn annotations(&mut self, exprs: &[Expr]) -> Vec<TypeTree> {
        exprs.iter().map(|expr| self.annotation(expr)).collect()
    }

    /// `A | B | C`, which leans to the left.
    fn union(&mut self, mut expr: &Expr) -> TypeTree {
        let mut members = Vec::new();
        while let Expr::BinOp(operation) = expr
            && operation.op == Operator::BitOr
        {
            members.push(self.annotation(&operation.right));
            expr = &operation.left;
        }
        members.push(self.annotation(expr));
        members.reverse();
        TypeTree::Union(members)
    }

    fn generic(&mut self, path: Path, slice: &Expr) -> TypeTree {
        let last = path.last().map(Name::as_str).unwrap_or_default();
        let args = match slice {
            Expr::Tuple(tuple) => tuple.elts.as_slice(),
            single => std::slice::from_ref(single),
        };
        match (last, args) {
            ("Callable", [params, returns]) => {
                let params = match params {
                    Expr::List(params) => self.annotations(&params.elts),
                    _ => Vec::new(),
                };
                TypeTree::Function { params, returns: Box::new(self.annotation(returns)) }
            }
            // Its arguments are values, not types.
            ("Literal", _) => TypeTree::Path { path, args: Vec::new() },
            // What follows the type is anything.
            ("Annotated", [first, ..]) => TypeTree::Path { path, args: vec![self.annotation(first)] },
            _ => TypeTree::Path { path, args: self.annotations(args) },
        }
    }

    /// An annotation written as a text, for names that are defined later.
    fn quoted_annotation(&mut self, text: &str) -> TypeTree {
        if text.len() > MAX_QUOTED {
            return TypeTree::Other;
        }
        let parsed = parse_unchecked(text, ParseOptions::from(Mode::ParenthesizedExpression));
        if parsed.has_invalid_syntax() {
            return TypeTree::Other;
        }
        let Mod::Expression(module) = parsed.into_syntax() else { return TypeTree::Other };
        self.annotation(&module.body)
    }
}

/// The dotted name that an expression is, if it is one.
pub(super) fn dotted(mut expr: &Expr) -> Option<Path> {
    let mut path = Path::new();
    while let Expr::Attribute(attribute) = expr {
        path.push(Name::new(attribute.attr.as_str()));
        expr = &attribute.value;
    }
    match expr {
        Expr::Name(name) if !name.is_invalid() => path.push(Name::new(name.id.as_str())),
        _ => return None,
    }
    path.reverse();
    Some(path)
}
