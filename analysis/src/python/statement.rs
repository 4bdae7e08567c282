//! Simple statements, and assignment to any target.

use ruff_python_ast::{Expr, Stmt, StmtAnnAssign, StmtAssert, StmtAssign, StmtAugAssign, StmtRaise};
use ruff_text_size::{Ranged, TextRange};

use super::chain::operator;
use super::constant;
use super::lowerer::Lowerer;
use crate::unit::{Block, Cond, Discard, Name, Part, Place, StepKind, Storing, ValueId};

/// In what a target stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// An assignment; `_` throws the value away.
    Statement,
    /// A loop, `with`, or `except`.
    Header,
    /// A comprehension, whose variables are its own.
    Comprehension,
}

impl<'a> Lowerer<'a> {
    /// Statements that run one after another.
    pub(super) fn suite(&mut self, suite: &'a [Stmt]) {
        let (Some(first), Some(last)) = (suite.first(), suite.last()) else { return };
        let done = self.descend(|this| suite.iter().for_each(|stmt| this.stmt(stmt)));
        if done.is_none() {
            self.too_deep(TextRange::new(first.start(), last.end().max(first.start())));
        }
    }

    /// Statements as a block of their own.
    pub(super) fn block(&mut self, suite: &'a [Stmt]) -> Block {
        self.steps().open();
        self.suite(suite);
        self.steps().close()
    }

    fn stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::FunctionDef(def) => self.function(def),
            Stmt::ClassDef(def) => self.class(def),
            Stmt::TypeAlias(alias) => self.type_alias(alias),
            Stmt::Import(import) => self.import(import),
            Stmt::ImportFrom(import) => self.import_from(import),
            Stmt::For(stmt) => self.for_loop(stmt),
            Stmt::While(stmt) => self.while_loop(stmt),
            Stmt::If(stmt) => self.branch(stmt),
            Stmt::With(stmt) => self.with(stmt),
            Stmt::Match(stmt) => self.match_arms(stmt),
            Stmt::Try(stmt) => self.try_block(stmt),
            Stmt::Global(_) | Stmt::Nonlocal(_) | Stmt::Pass(_) => {}
            _ => self.simple(stmt),
        }
    }

    fn simple(&mut self, stmt: &'a Stmt) {
        let span = self.span(stmt.range());
        match stmt {
            Stmt::Expr(stmt) => self.expression_statement(&stmt.value),
            Stmt::Assign(assign) => self.assignment(assign),
            Stmt::AnnAssign(assign) => self.annotated_assignment(assign),
            Stmt::AugAssign(assign) => self.update(assign),
            Stmt::Delete(delete) => delete.targets.iter().for_each(|target| self.delete(target)),
            Stmt::Return(stmt) => {
                let value = stmt.value.as_deref().map(|value| self.expr(value));
                self.steps().push(span, StepKind::Return { value });
            }
            Stmt::Raise(stmt) => self.raise(stmt),
            Stmt::Assert(stmt) => self.assertion(stmt),
            Stmt::Break(_) => self.steps().push(span, StepKind::Break { label: None, value: None }),
            Stmt::Continue(_) => self.steps().push(span, StepKind::Continue { label: None }),
            _ => {
                self.opaque(stmt);
            }
        }
    }

    fn expression_statement(&mut self, expr: &'a Expr) {
        // Docstrings do nothing; `...` stands for code that is somewhere else.
        if !expr.is_ellipsis_literal_expr() && constant::is_literal(expr) {
            return;
        }
        let value = self.expr(expr);
        let span = self.span(expr.range());
        self.steps().discard(span, value, Discard::Statement);
    }

    fn assignment(&mut self, assign: &'a StmtAssign) {
        let value = self.expr(&assign.value);
        for target in &assign.targets {
            self.assign(target, value, Target::Statement);
            self.constants(target, &assign.value);
        }
    }

    fn annotated_assignment(&mut self, assign: &'a StmtAnnAssign) {
        let ty = self.annotation(&assign.annotation);
        let value = assign.value.as_deref().map(|value| self.expr(value));
        if let Expr::Name(name) = &*assign.target
            && !name.is_invalid()
        {
            let span = self.span(name.range);
            self.declare_type(name.id.as_str(), span, ty.clone());
        }
        if let Some(value) = value {
            self.assign(&assign.target, value, Target::Statement);
        }
        self.declared(assign, ty);
    }

    fn update(&mut self, assign: &'a StmtAugAssign) {
        let Some(place) = self.place(&assign.target) else {
            self.opaque(assign);
            return;
        };
        let value = self.expr(&assign.value);
        let span = self.span(assign.range);
        self.steps().push(span, StepKind::Update { place, op: operator(assign.op), value });
        self.updated_constant(&assign.target);
    }

    fn delete(&mut self, target: &'a Expr) {
        if let Expr::Tuple(tuple) = target {
            let done = self.descend(|this| tuple.elts.iter().for_each(|part| this.delete(part)));
            if done.is_none() {
                self.too_deep(target);
            }
        } else if let Some(place) = self.place(target) {
            let span = self.span(target.range());
            self.steps().push(span, StepKind::Delete { place });
        } else {
            self.opaque(target);
        }
    }

    fn raise(&mut self, stmt: &'a StmtRaise) {
        let value = stmt.exc.as_deref().map(|raised| self.expr(raised));
        if let Some(cause) = &stmt.cause {
            self.expr(cause);
        }
        let span = self.span(stmt.range);
        self.steps().push(span, StepKind::Raise { value });
    }

    fn assertion(&mut self, stmt: &'a StmtAssert) {
        let span = self.span(stmt.range);
        let cond = self.cond(&stmt.test);
        // The message is computed only when the assertion fails.
        if let Some(message) = stmt.msg.as_deref().filter(|message| !constant::is_literal(message)) {
            let id = self.steps().step_id();
            self.steps().open();
            self.expr(message);
            let then = self.steps().close();
            let cond = Cond::Not(Box::new(cond.clone()));
            let at = self.span(message.range());
            self.steps().push_as(id, at, StepKind::If { cond, then, otherwise: Block::default() });
        }
        self.steps().push(span, StepKind::Assert { cond });
    }

    /// Evaluates what a single target needs, and names the place. `None` for what is no place.
    fn place(&mut self, target: &'a Expr) -> Option<Place> {
        match target {
            Expr::Name(name) if !name.is_invalid() => {
                let span = self.span(name.range);
                Some(self.place_stored(name.id.as_str(), span))
            }
            Expr::Attribute(attribute) => {
                let base = self.expr(&attribute.value);
                Some(Place::Field { base, name: Name::new(attribute.attr.as_str()) })
            }
            Expr::Subscript(subscript) => {
                let base = self.expr(&subscript.value);
                let key = self.expr(&subscript.slice);
                Some(Place::Index { base, key: Some(key) })
            }
            _ => None,
        }
    }

    /// Gives a value to a target, taking it apart where the target does.
    pub(super) fn assign(&mut self, target: &'a Expr, value: ValueId, stands_in: Target) {
        let done = self.descend(|this| match target {
            Expr::Name(name) if !name.is_invalid() => this.assign_name(name.id.as_str(), name.range, value, stands_in),
            Expr::Tuple(tuple) => this.unpack(&tuple.elts, value, stands_in),
            Expr::List(list) => this.unpack(&list.elts, value, stands_in),
            Expr::Starred(starred) => this.assign(&starred.value, value, stands_in),
            _ => this.assign_place(target, value),
        });
        if done.is_none() {
            self.too_deep(target);
        }
    }

    /// Gives a value to a name.
    pub(super) fn assign_name(&mut self, name: &'a str, range: TextRange, value: ValueId, stands_in: Target) {
        let span = self.span(range);
        let place = match stands_in {
            Target::Comprehension => self.place_read(name, span),
            Target::Statement | Target::Header => self.place_stored(name, span),
        };
        self.steps().push(span, StepKind::Store { place, value, how: Storing::Bind });
        if name == "_" && stands_in == Target::Statement {
            self.steps().discard(span, value, Discard::Underscore);
        }
    }

    fn assign_place(&mut self, target: &'a Expr, value: ValueId) {
        let Some(place) = self.place(target) else {
            self.opaque(target);
            return;
        };
        let span = self.span(target.range());
        self.steps().push(span, StepKind::Store { place, value, how: Storing::Assign });
    }

    fn unpack(&mut self, targets: &'a [Expr], of: ValueId, stands_in: Target) {
        for (n, target) in targets.iter().enumerate() {
            let part = if target.is_starred_expr() { Part::Rest(n as u32) } else { Part::Index(n as u32) };
            let out = self.part(target.range(), of, part);
            self.assign(target, out, stands_in);
        }
    }

    /// Takes a part of a value.
    pub(super) fn part(&mut self, range: TextRange, of: ValueId, part: Part) -> ValueId {
        let span = self.span(range);
        self.steps().define(span, |out| StepKind::Part { out, of, part })
    }
}
