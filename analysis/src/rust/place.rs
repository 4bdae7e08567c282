//! Variables, fields and elements: reading and storing them.

use syn::{Expr, ExprPath, Member, UnOp};
use thin_vec::ThinVec;

use super::reader::Reader;
use super::types::name;
use crate::unit::{Access, Name, Place, Span, StepKind, ValueId};

/// Whether an expression names a place, so that using it moves or borrows rather than computes.
pub(super) fn is_place(expr: &Expr) -> bool {
    match expr {
        Expr::Path(_) | Expr::Field(_) | Expr::Index(_) => true,
        Expr::Unary(e) => matches!(e.op, UnOp::Deref(_)),
        Expr::Paren(e) => is_place(&e.expr),
        Expr::Group(e) => is_place(&e.expr),
        _ => false,
    }
}

/// How the base of a place is touched when the place is.
fn of_base(access: Access) -> Access {
    match access {
        Access::Moved => Access::Shared,
        other => other,
    }
}

/// The name of a field.
pub(super) fn member(member: &Member) -> Name {
    match member {
        Member::Named(ident) => name(ident),
        Member::Unnamed(index) => Name::new(index.index.to_string()),
    }
}

impl Reader<'_> {
    /// The value of an expression, touched so if it is a place.
    pub(super) fn read(&mut self, expr: &Expr, access: Access) -> ValueId {
        let span = self.of(expr);
        let place = self.deeper(|this| this.place(expr, of_base(access)));
        match place {
            Some(Some(place)) => self.b().define(span, |out| StepKind::Read { out, place, access }),
            Some(None) => self.value(expr),
            None => self.unread(span, "this expression is nested too deeply to be read"),
        }
    }

    /// The place an expression names, after reading what it lies in; `None` if it names none.
    pub(super) fn place(&mut self, expr: &Expr, base_access: Access) -> Option<Place> {
        match expr {
            Expr::Path(e) => Some(self.path_place(e)),
            Expr::Field(e) => {
                let base = self.read(&e.base, base_access);
                Some(Place::Field { base, name: member(&e.member) })
            }
            Expr::Index(e) => {
                let base = self.read(&e.expr, base_access);
                let key = self.value(&e.index);
                Some(Place::Index { base, key: Some(key) })
            }
            Expr::Unary(e) if matches!(e.op, UnOp::Deref(_)) => {
                let base = self.read(&e.expr, base_access);
                Some(Place::Deref { base })
            }
            Expr::Paren(e) => self.place(&e.expr, base_access),
            Expr::Group(e) => self.place(&e.expr, base_access),
            _ => None,
        }
    }

    /// A variable in scope, or a name from outside all bodies.
    pub(super) fn path_place(&mut self, expr: &ExprPath) -> Place {
        if expr.qself.is_none()
            && let Some(ident) = expr.path.get_ident()
            && let Some(local) = self.lookup(&name(ident))
        {
            return Place::Local(local);
        }
        let path = self.value_path(expr.qself.as_ref(), &expr.path).into();
        Place::Global { path, args: self.type_args(&expr.path).into() }
    }

    /// Reads a name that is no expression of its own.
    pub(super) fn read_name(&mut self, written: &str, span: Span, access: Access) -> ValueId {
        let place = match self.lookup(written) {
            Some(local) => Place::Local(local),
            None => Place::Global { path: [Name::new(written)].into(), args: ThinVec::new() },
        };
        self.b().define(span, |out| StepKind::Read { out, place, access })
    }
}
