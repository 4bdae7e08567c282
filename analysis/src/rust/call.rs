//! Calls and literals that are built out of values.

use syn::{Expr, ExprCall, ExprMethodCall, ExprStruct};
use thin_vec::ThinVec;

use super::place::member;
use super::reader::Reader;
use super::types::name;
use crate::unit::{Access, Arg, ArgKind, Item, Place, Shape, Span, StepKind, ValueId};

impl Reader<'_> {
    pub(super) fn call(&mut self, call: &ExprCall, span: Span) -> ValueId {
        let callee = self.read(&call.func, Access::Receiver);
        let args = self.args(&call.args);
        self.b().define(span, |out| StepKind::Call { out, callee, args })
    }

    pub(super) fn method_call(&mut self, call: &ExprMethodCall, span: Span) -> ValueId {
        let base = self.read(&call.receiver, Access::Receiver);
        let callee_span = self.between(super::span::first(&call.receiver), call.method.span());
        let place = Place::Field { base, name: name(&call.method) };
        let callee = self.b().define(callee_span, |out| StepKind::Read { out, place, access: Access::Receiver });
        let args = self.args(&call.args);
        let out = self.b().define(span, |out| StepKind::Call { out, callee, args });
        let asked = call.turbofish.as_ref().and_then(|turbofish| self.first_type(turbofish));
        self.b().body.asked.extend(asked.map(|ty| (out, ty)));
        out
    }

    fn args<'e>(&mut self, args: impl IntoIterator<Item = &'e Expr>) -> Vec<Arg> {
        args.into_iter().map(|arg| Arg { value: self.value(arg), kind: ArgKind::Positional }).collect()
    }

    /// A call of something that has no expression: a macro.
    pub(super) fn call_named(
        &mut self,
        path: crate::unit::Path,
        args: Vec<Arg>,
        name_span: Span,
        span: Span,
    ) -> ValueId {
        let place = Place::Global { path: path.into(), args: ThinVec::new() };
        let callee = self.b().define(name_span, |out| StepKind::Read { out, place, access: Access::Receiver });
        self.b().define(span, |out| StepKind::Call { out, callee, args })
    }

    /// A list, tuple, range or repetition.
    pub(super) fn collect<'e>(
        &mut self,
        shape: Shape,
        items: impl IntoIterator<Item = &'e Expr>,
        span: Span,
    ) -> ValueId {
        let items = items.into_iter().map(|item| Item::One(self.value(item))).collect();
        self.b().define(span, |out| StepKind::Collect { out, shape, items })
    }

    pub(super) fn struct_literal(&mut self, literal: &ExprStruct, span: Span) -> ValueId {
        let mut items = ThinVec::with_capacity(literal.fields.len() + 1);
        for field in &literal.fields {
            let value = self.value(&field.expr);
            items.push(Item::Field(member(&field.member), value));
        }
        if let Some(rest) = &literal.rest {
            let base = self.value(rest);
            items.push(Item::Spread(base));
        }
        let shape = Shape::Struct(self.full_path(literal.qself.as_ref(), &literal.path));
        self.b().define(span, |out| StepKind::Collect { out, shape, items })
    }
}
