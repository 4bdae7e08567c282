//! Compound statements: branches, loops, `try`, `with`.

use ruff_python_ast::{
    ElifElseClause, ExceptHandler, ExceptHandlerExceptHandler, Expr, Number, Stmt, StmtFor, StmtIf, StmtTry, StmtWhile,
    StmtWith, WithItem,
};
use ruff_text_size::{Ranged, TextRange, TextSize};

use super::annotation::dotted;
use super::lowerer::Lowerer;
use super::statement::Target;
use crate::unit::{
    Access, Block, Catches, Colour, Driver, Handler, Head, LocalId, LocalOrigin, Name, Path, Place, ScopeItem, Span,
    StepKind, Storing,
};

impl<'a> Lowerer<'a> {
    pub(super) fn branch(&mut self, stmt: &'a StmtIf) {
        let span = self.span(stmt.range);
        let cond = self.cond(&stmt.test);
        let id = self.steps().step_id();
        let then = self.block(&stmt.body);
        let otherwise = self.clauses(&stmt.elif_else_clauses, stmt.range.end());
        self.steps().push_as(id, span, StepKind::If { cond, then, otherwise });
    }

    /// `elif` and `else`, as branches within the else block.
    fn clauses(&mut self, clauses: &'a [ElifElseClause], end: TextSize) -> Block {
        let Some((first, rest)) = clauses.split_first() else { return Block::default() };
        let Some(test) = &first.test else { return self.block(&first.body) };
        let range = TextRange::new(first.range.start(), end.max(first.range.start()));
        self.steps().open();
        let done = self.descend(|this| {
            let cond = this.cond(test);
            let id = this.steps().step_id();
            let then = this.block(&first.body);
            let otherwise = this.clauses(rest, end);
            let span = this.span(range);
            this.steps().push_as(id, span, StepKind::If { cond, then, otherwise });
        });
        if done.is_none() {
            self.too_deep(range);
        }
        self.steps().close()
    }

    pub(super) fn for_loop(&mut self, stmt: &'a StmtFor) {
        let span = self.span(stmt.range);
        let source = self.expr(&stmt.iter);
        let id = self.steps().step_id();
        let item = self.steps().value();
        self.steps().open();
        self.assign(&stmt.target, item, Target::Header);
        self.suite(&stmt.body);
        let body = self.steps().close();
        let otherwise = self.block(&stmt.orelse);
        let driver = Driver::Each { source, item, colour: colour(stmt.is_async) };
        self.steps().push_as(id, span, StepKind::Loop { driver, body, otherwise });
    }

    pub(super) fn while_loop(&mut self, stmt: &'a StmtWhile) {
        let span = self.span(stmt.range);
        let id = self.steps().step_id();
        let driver = if is_always(&stmt.test) {
            Driver::Forever
        } else {
            self.steps().open();
            let cond = self.cond(&stmt.test);
            Driver::While(Box::new(Head { block: self.steps().close(), cond }))
        };
        let body = self.block(&stmt.body);
        let otherwise = self.block(&stmt.orelse);
        self.steps().push_as(id, span, StepKind::Loop { driver, body, otherwise });
    }

    /// `try`; `except*` catches the same types, each out of a group.
    pub(super) fn try_block(&mut self, stmt: &'a StmtTry) {
        let span = self.span(stmt.range);
        let id = self.steps().step_id();
        let body = self.block(&stmt.body);
        let handlers = stmt.handlers.iter();
        let handlers = handlers.map(|ExceptHandler::ExceptHandler(handler)| self.handler(handler)).collect();
        let otherwise = self.block(&stmt.orelse);
        let finally = self.block(&stmt.finalbody);
        self.steps().push_as(id, span, StepKind::Try { body, handlers, otherwise, finally });
    }

    fn handler(&mut self, handler: &'a ExceptHandlerExceptHandler) -> Handler {
        let catches = match handler.type_.as_deref() {
            None => Catches::Everything,
            Some(Expr::Tuple(tuple)) => Catches::Types(tuple.elts.iter().map(caught).collect()),
            Some(single) => Catches::Types(vec![caught(single)]),
        };
        self.steps().open();
        let binds = handler.name.as_ref().filter(|name| name.is_valid()).map(|name| {
            let span = self.span(name.range);
            self.caught_as(name.as_str(), span)
        });
        self.suite(&handler.body);
        let body = self.steps().close();
        let head_end = handler.body.first().map_or(handler.range.end(), Ranged::start).max(handler.range.start());
        let head = self.span(TextRange::new(handler.range.start(), head_end));
        let words = self.text()[head.start as usize..head.end as usize].trim_end();
        let span = Span::new(head.start, head.start + words.len() as u32);
        Handler { catches, binds, body, span }
    }

    /// The variable that an exception is bound to. A global gets it by way of a variable of the body.
    fn caught_as(&mut self, name: &'a str, span: Span) -> LocalId {
        let place = self.place_stored(name, span);
        if let Place::Local(local) = place {
            return local;
        }
        let local = self.steps().local(Name::new(name), LocalOrigin::Bound, None, span);
        let steps = self.steps();
        let place_read = Place::Local(local);
        let value = steps.define(span, |out| StepKind::Read { out, place: place_read, access: Access::Shared });
        steps.push(span, StepKind::Store { place, value, how: Storing::Bind });
        local
    }

    pub(super) fn with(&mut self, stmt: &'a StmtWith) {
        self.scopes(&stmt.items, &stmt.body, stmt.is_async, stmt.range);
    }

    /// One scope an item, since later contexts may use what earlier ones bound.
    fn scopes(&mut self, items: &'a [WithItem], body: &'a [Stmt], is_async: bool, range: TextRange) {
        let Some((first, rest)) = items.split_first() else { return self.suite(body) };
        let context = self.expr(&first.context_expr);
        let id = self.steps().step_id();
        let entered = self.steps().value();
        self.steps().open();
        if let Some(vars) = &first.optional_vars {
            self.assign(vars, entered, Target::Header);
        }
        if self.descend(|this| this.scopes(rest, body, is_async, range)).is_none() {
            self.too_deep(TextRange::new(first.range.end(), range.end().max(first.range.end())));
        }
        let body = self.steps().close();
        let item = ScopeItem { context, entered, colour: colour(is_async), span: self.span(first.range) };
        let span = self.span(range);
        self.steps().push_as(id, span, StepKind::Scope { items: vec![item], body });
    }
}

/// `async` or not.
pub(super) fn colour(is_async: bool) -> Colour {
    if is_async { Colour::Async } else { Colour::Sync }
}

/// `True`, or a number that is not zero.
fn is_always(test: &Expr) -> bool {
    match test {
        Expr::BooleanLiteral(truth) => truth.value,
        Expr::NumberLiteral(number) => matches!(&number.value, Number::Int(int) if int.as_i64() != Some(0)),
        _ => false,
    }
}

fn caught(expr: &Expr) -> Path {
    dotted(expr).unwrap_or_default()
}
