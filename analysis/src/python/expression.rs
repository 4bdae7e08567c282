//! Expressions: each becomes the steps that evaluate it, and the value they leave.

use ruff_python_ast::{
    BoolOp, Expr, ExprBoolOp, ExprDict, ExprFString, ExprIf, ExprLambda, ExprNamed, ExprSlice, ExprTString,
    FStringPart, InterpolatedStringElement, InterpolatedStringElements, StringLiteral,
};
use ruff_text_size::{Ranged, TextRange};
use thin_vec::ThinVec;

use super::constant;
use super::frame::Scope;
use super::lowerer::Lowerer;
use super::scope::Bindings;
use super::statement::Target;
use crate::unit::{Access, BodyKind, Cond, Const, Item, Op, Place, Shape, StepKind, ValueId, Yields};

impl<'a> Lowerer<'a> {
    /// Evaluates an expression.
    pub(super) fn expr(&mut self, expr: &'a Expr) -> ValueId {
        self.descend(|this| this.chain(expr)).unwrap_or_else(|| self.too_deep(expr))
    }

    /// An expression that is not a link of a chain (see [`Lowerer::chain`]).
    pub(super) fn plain(&mut self, expr: &'a Expr) -> ValueId {
        if let Some(value) = constant::literal(expr) {
            return self.constant(expr.range(), value);
        }
        match expr {
            Expr::Name(name) if name.is_invalid() => self.opaque(name),
            Expr::Name(name) => {
                let span = self.span(name.range);
                let place = self.place_read(name.id.as_str(), span);
                self.read(name.range, place)
            }
            Expr::BoolOp(operation) => self.bool_value(operation),
            Expr::Named(named) => self.walrus(named),
            Expr::Lambda(lambda) => self.lambda(lambda),
            Expr::If(choice) => self.choice(choice),
            Expr::Compare(_) => self.comparison_value(expr),
            Expr::Starred(starred) => self.expr(&starred.value),
            Expr::Yield(expr) => {
                let value = expr.value.as_deref().map(|value| self.expr(value));
                self.yields(expr.range, value)
            }
            Expr::YieldFrom(expr) => {
                let value = self.expr(&expr.value);
                self.yields(expr.range, Some(value))
            }
            Expr::FString(text) => self.f_string(text),
            Expr::TString(text) => self.t_string(text),
            _ => self.collection(expr),
        }
    }

    fn collection(&mut self, expr: &'a Expr) -> ValueId {
        match expr {
            Expr::List(list) => self.collect(list.range, Shape::List, &list.elts),
            Expr::Tuple(tuple) => self.collect(tuple.range, Shape::Tuple, &tuple.elts),
            Expr::Set(set) => self.collect(set.range, Shape::Set, &set.elts),
            Expr::Dict(dict) => self.dict(dict),
            Expr::Slice(slice) => self.slice_key(slice),
            Expr::ListComp(comp) => self.comprehension(comp.range, Shape::List, &comp.generators, None, &comp.elt),
            Expr::SetComp(comp) => self.comprehension(comp.range, Shape::Set, &comp.generators, None, &comp.elt),
            Expr::Generator(comp) => self.comprehension(comp.range, Shape::Lazy, &comp.generators, None, &comp.elt),
            Expr::DictComp(comp) => {
                self.comprehension(comp.range, Shape::Map, &comp.generators, comp.key.as_deref(), &comp.value)
            }
            _ => self.opaque(expr),
        }
    }

    /// A literal.
    pub(super) fn constant(&mut self, range: TextRange, value: Const) -> ValueId {
        let span = self.span(range);
        self.steps().define(span, |out| StepKind::Const { out, value })
    }

    /// Reads a place.
    pub(super) fn read(&mut self, range: TextRange, place: Place) -> ValueId {
        let span = self.span(range);
        self.steps().define(span, |out| StepKind::Read { out, place, access: Access::Shared })
    }

    /// Applies an operator.
    pub(super) fn operate(&mut self, range: TextRange, op: Op, operands: Vec<ValueId>) -> ValueId {
        let span = self.span(range);
        self.steps().define(span, |out| StepKind::Operate { out, op, operands })
    }

    /// The value after a branch.
    pub(super) fn join(&mut self, range: TextRange, from: Vec<ValueId>) -> ValueId {
        let span = self.span(range);
        self.steps().define(span, |out| StepKind::Join { out, from })
    }

    /// `a and b or c` as a value: what stands on the right runs only if it is needed. Flat, each
    /// operand guarded by what the ones before it left, so that long rows do not nest.
    fn bool_value(&mut self, operation: &'a ExprBoolOp) -> ValueId {
        let span = self.span(operation.range);
        let mut operands = operation.values.iter();
        let Some(first) = operands.next() else { return self.opaque(operation) };
        let mut value = self.expr(first);
        for operand in operands {
            let id = self.steps().step_id();
            self.steps().open();
            let right = self.expr(operand);
            let then = self.steps().close();
            let truth = Cond::Truthy(value);
            let cond = match operation.op {
                BoolOp::And => truth,
                BoolOp::Or => Cond::Not(Box::new(truth)),
            };
            self.steps().push_as(id, span, StepKind::If { cond, then, otherwise: Default::default() });
            value = self.join(operation.range, vec![value, right]);
        }
        value
    }

    fn choice(&mut self, choice: &'a ExprIf) -> ValueId {
        let span = self.span(choice.range);
        let cond = self.cond(&choice.test);
        let id = self.steps().step_id();
        self.steps().open();
        let yes = self.expr(&choice.body);
        let then = self.steps().close();
        self.steps().open();
        let no = self.expr(&choice.orelse);
        let otherwise = self.steps().close();
        self.steps().push_as(id, span, StepKind::If { cond, then, otherwise });
        self.join(choice.range, vec![yes, no])
    }

    /// Assignment expressions bind in the function around all comprehensions.
    fn walrus(&mut self, named: &'a ExprNamed) -> ValueId {
        let value = self.expr(&named.value);
        self.assign(&named.target, value, Target::Statement);
        value
    }

    fn yields(&mut self, range: TextRange, value: Option<ValueId>) -> ValueId {
        let span = self.span(range);
        self.steps().body.yields = Yields::Generator;
        self.steps().define(span, |out| StepKind::Yield { out, value })
    }

    fn lambda(&mut self, lambda: &'a ExprLambda) -> ValueId {
        let span = self.span(lambda.range);
        let params = lambda.parameters.as_deref();
        params.into_iter().for_each(|params| self.defaults(params));
        let mut bindings = Bindings::of_expr(&lambda.body, self.walrus);
        params.into_iter().for_each(|params| bindings.params(params));
        let body = self.enter(BodyKind::Closure, Scope::Function, span, span, bindings);
        params.into_iter().for_each(|params| self.params(params, false));
        let value = self.expr(&lambda.body);
        let returned = self.span(lambda.body.range());
        self.steps().push(returned, StepKind::Return { value: Some(value) });
        self.leave();
        self.steps().define(span, |out| StepKind::Closure { out, body })
    }

    /// A literal collection.
    fn collect(&mut self, range: TextRange, shape: Shape, elements: &'a [Expr]) -> ValueId {
        let items = elements.iter().map(|element| match element {
            Expr::Starred(starred) => Item::Spread(self.expr(&starred.value)),
            _ => Item::One(self.expr(element)),
        });
        let items = items.collect();
        self.collected(range, shape, items)
    }

    /// A collection of values that were computed before.
    pub(super) fn collected(&mut self, range: TextRange, shape: Shape, items: ThinVec<Item>) -> ValueId {
        let span = self.span(range);
        self.steps().define(span, |out| StepKind::Collect { out, shape, items })
    }

    fn dict(&mut self, dict: &'a ExprDict) -> ValueId {
        let items = dict.items.iter().map(|item| match &item.key {
            Some(key) => {
                let key = self.expr(key);
                Item::Pair(key, self.expr(&item.value))
            }
            None => Item::Spread(self.expr(&item.value)),
        });
        let items = items.collect();
        self.collected(dict.range, Shape::Map, items)
    }

    /// `a:b` and `a:b:c`: start and end, `None` where they are left out, and the step if there is one.
    fn slice_key(&mut self, slice: &'a ExprSlice) -> ValueId {
        let mut items = ThinVec::with_capacity(3);
        for bound in [&slice.lower, &slice.upper] {
            items.push(Item::One(match bound {
                Some(bound) => self.expr(bound),
                None => self.constant(slice.range, Const::Nothing),
            }));
        }
        items.extend(slice.step.as_deref().map(|step| Item::One(self.expr(step))));
        self.collected(slice.range, Shape::Range, items)
    }

    fn f_string(&mut self, text: &'a ExprFString) -> ValueId {
        let mut parts = Vec::new();
        for part in &text.value {
            match part {
                FStringPart::Literal(literal) => parts.push(self.text_part(literal)),
                FStringPart::FString(inner) => self.elements(&inner.elements, &mut parts),
            }
        }
        self.format(text.range, parts)
    }

    fn t_string(&mut self, text: &'a ExprTString) -> ValueId {
        let mut parts = Vec::new();
        for part in &text.value {
            self.elements(&part.elements, &mut parts);
        }
        self.format(text.range, parts)
    }

    fn format(&mut self, range: TextRange, parts: Vec<ValueId>) -> ValueId {
        let span = self.span(range);
        self.steps().define(span, |out| StepKind::Format { out, parts })
    }

    fn text_part(&mut self, literal: &'a StringLiteral) -> ValueId {
        self.constant(literal.range, constant::text(literal.as_str()))
    }

    fn elements(&mut self, elements: &'a InterpolatedStringElements, parts: &mut Vec<ValueId>) {
        for element in elements {
            match element {
                InterpolatedStringElement::Literal(text) => {
                    parts.push(self.constant(text.range, constant::text(&text.value)));
                }
                InterpolatedStringElement::Interpolation(hole) => {
                    parts.push(self.expr(&hole.expression));
                    let Some(format) = &hole.format_spec else { continue };
                    let nested = self.descend(|this| {
                        let mut nested = Vec::new();
                        for element in format.elements.interpolations() {
                            nested.push(this.expr(&element.expression));
                        }
                        nested
                    });
                    parts.extend(nested.unwrap_or_default());
                }
            }
        }
    }
}
