//! Comprehensions: an empty collection, loops, filters, and what they add.

use ruff_python_ast::{Comprehension, Expr};
use ruff_text_size::{Ranged, TextRange};
use thin_vec::ThinVec;

use super::lowerer::Lowerer;
use super::scope::Bindings;
use super::statement::Target;
use crate::unit::{Block, Colour, Driver, Shape, StepKind, ValueId};

/// What a comprehension adds on each turn, and where to.
#[derive(Clone, Copy)]
struct Harvest<'a> {
    into: ValueId,
    key: Option<&'a Expr>,
    value: &'a Expr,
}

impl<'a> Lowerer<'a> {
    /// A comprehension or generator expression. Its variables are fresh ones of the body around it.
    pub(super) fn comprehension(
        &mut self,
        range: TextRange,
        shape: Shape,
        generators: &'a [Comprehension],
        key: Option<&'a Expr>,
        value: &'a Expr,
    ) -> ValueId {
        let into = self.collected(range, shape, ThinVec::new());
        let known = self.comprehended();
        self.turns(generators, Harvest { into, key, value });
        self.leave_comprehension(known);
        into
    }

    fn turns(&mut self, generators: &'a [Comprehension], harvest: Harvest<'a>) {
        let Some((first, rest)) = generators.split_first() else { return self.harvest(harvest) };
        let source = self.expr(&first.iter);
        let id = self.steps().step_id();
        let item = self.steps().value();
        self.steps().open();
        self.enter_comprehension(&Bindings::of_target(&first.target), &first.target);
        self.assign(&first.target, item, Target::Comprehension);
        self.filters(&first.ifs, rest, harvest);
        let body = self.steps().close();
        let colour = if first.is_async { Colour::Async } else { Colour::Sync };
        let driver = Driver::Each { source, item, colour };
        let span = self.span(first.range);
        self.steps().push_as(id, span, StepKind::Loop { driver, body, otherwise: Block::default() });
    }

    fn filters(&mut self, filters: &'a [Expr], rest: &'a [Comprehension], harvest: Harvest<'a>) {
        let Some((first, others)) = filters.split_first() else {
            let deeper = self.descend(|this| this.turns(rest, harvest));
            if deeper.is_none() {
                self.too_deep(harvest.value);
            }
            return;
        };
        let cond = self.cond(first);
        let id = self.steps().step_id();
        self.steps().open();
        if self.descend(|this| this.filters(others, rest, harvest)).is_none() {
            self.too_deep(harvest.value);
        }
        let then = self.steps().close();
        let span = self.span(first.range());
        self.steps().push_as(id, span, StepKind::If { cond, then, otherwise: Block::default() });
    }

    fn harvest(&mut self, harvest: Harvest<'a>) {
        let key = harvest.key.map(|key| self.expr(key));
        let value = self.expr(harvest.value);
        let span = self.span(harvest.value.range());
        self.steps().push(span, StepKind::Grow { into: harvest.into, key, value });
    }
}
