//! Which names a function binds: Python decides that for the whole function before it runs.

use ruff_python_ast::visitor::{Visitor, walk_expr};
use ruff_python_ast::{ExceptHandler, Expr, Identifier, Parameters, Pattern, Stmt, TypeParams};
use rustc_hash::{FxHashMap, FxHashSet};

use super::lowerer::MAX_DEPTH;
use crate::unit::LocalId;

/// The names a scope decides about.
#[derive(Debug, Default)]
pub(super) struct Bindings<'a> {
    /// Assigned, imported, defined, captured, deleted in it, or a parameter; and its variable, once there is one.
    pub(super) bound: FxHashMap<&'a str, Option<LocalId>>,
    /// Declared `global`.
    pub(super) globals: FxHashSet<&'a str>,
    /// Declared `nonlocal`.
    pub(super) nonlocals: FxHashSet<&'a str>,
    depth: u32,
    walrus: bool,
}

impl<'a> Bindings<'a> {
    /// What a block of statements binds. `walrus`: whether expressions must be searched.
    pub(super) fn of(suite: &'a [Stmt], walrus: bool) -> Bindings<'a> {
        let mut bindings = Bindings { walrus, ..Bindings::default() };
        bindings.suite(suite);
        bindings
    }

    /// What a lambda's expression binds.
    pub(super) fn of_expr(expr: &'a Expr, walrus: bool) -> Bindings<'a> {
        let mut bindings = Bindings { walrus, ..Bindings::default() };
        bindings.search(expr);
        bindings
    }

    /// Adds parameters.
    pub(super) fn params(&mut self, params: &'a Parameters) {
        self.bound.extend(params.iter().map(|param| (param.name().as_str(), None)));
    }

    /// Adds type parameters.
    pub(super) fn type_params(&mut self, params: Option<&'a TypeParams>) {
        let params = params.into_iter().flat_map(|params| &params.type_params);
        self.bound.extend(params.map(|param| (param.name().as_str(), None)));
    }

    /// The names that an assignment target binds, in their order.
    pub(super) fn of_target(target: &'a Expr) -> Vec<&'a str> {
        let mut bindings = Bindings::default();
        bindings.target(target);
        let mut names: Vec<&'a str> = bindings.bound.into_keys().collect();
        names.sort_unstable();
        names
    }

    fn suite(&mut self, suite: &'a [Stmt]) {
        if self.depth > MAX_DEPTH {
            return;
        }
        self.depth += 1;
        for stmt in suite {
            self.stmt(stmt);
            if self.walrus {
                self.search_stmt(stmt);
            }
        }
        self.depth -= 1;
    }

    fn name(&mut self, name: &'a Identifier) {
        self.bound.insert(name.as_str(), None);
    }

    fn stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::FunctionDef(def) => self.name(&def.name),
            Stmt::ClassDef(def) => self.name(&def.name),
            Stmt::Assign(assign) => assign.targets.iter().for_each(|target| self.target(target)),
            Stmt::AnnAssign(assign) => self.target(&assign.target),
            Stmt::AugAssign(assign) => self.target(&assign.target),
            Stmt::Delete(delete) => delete.targets.iter().for_each(|target| self.target(target)),
            Stmt::TypeAlias(alias) => self.target(&alias.name),
            Stmt::Import(import) => {
                for alias in &import.names {
                    let name = alias.asname.as_ref().unwrap_or(&alias.name).as_str();
                    self.bound.insert(name.split('.').next().unwrap_or(name), None);
                }
            }
            Stmt::ImportFrom(import) => {
                import.names.iter().for_each(|alias| self.name(alias.asname.as_ref().unwrap_or(&alias.name)));
            }
            Stmt::Global(global) => self.globals.extend(global.names.iter().map(Identifier::as_str)),
            Stmt::Nonlocal(nonlocal) => self.nonlocals.extend(nonlocal.names.iter().map(Identifier::as_str)),
            _ => self.compound(stmt),
        }
    }

    fn compound(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::For(stmt) => {
                self.target(&stmt.target);
                self.suite(&stmt.body);
                self.suite(&stmt.orelse);
            }
            Stmt::While(stmt) => {
                self.suite(&stmt.body);
                self.suite(&stmt.orelse);
            }
            Stmt::If(stmt) => {
                self.suite(&stmt.body);
                stmt.elif_else_clauses.iter().for_each(|clause| self.suite(&clause.body));
            }
            Stmt::With(stmt) => {
                stmt.items.iter().filter_map(|item| item.optional_vars.as_deref()).for_each(|vars| self.target(vars));
                self.suite(&stmt.body);
            }
            Stmt::Try(stmt) => {
                self.suite(&stmt.body);
                for ExceptHandler::ExceptHandler(handler) in &stmt.handlers {
                    handler.name.iter().for_each(|name| self.name(name));
                    self.suite(&handler.body);
                }
                self.suite(&stmt.orelse);
                self.suite(&stmt.finalbody);
            }
            Stmt::Match(stmt) => {
                for case in &stmt.cases {
                    self.pattern(&case.pattern);
                    self.suite(&case.body);
                }
            }
            _ => {}
        }
    }

    fn target(&mut self, target: &'a Expr) {
        if self.depth > MAX_DEPTH {
            return;
        }
        self.depth += 1;
        match target {
            Expr::Name(name) => {
                self.bound.insert(name.id.as_str(), None);
            }
            Expr::Tuple(tuple) => tuple.elts.iter().for_each(|part| self.target(part)),
            Expr::List(list) => list.elts.iter().for_each(|part| self.target(part)),
            Expr::Starred(starred) => self.target(&starred.value),
            _ => {}
        }
        self.depth -= 1;
    }

    fn pattern(&mut self, pattern: &'a Pattern) {
        if self.depth > MAX_DEPTH {
            return;
        }
        self.depth += 1;
        match pattern {
            Pattern::MatchSequence(sequence) => sequence.patterns.iter().for_each(|inner| self.pattern(inner)),
            Pattern::MatchOr(or) => or.patterns.iter().for_each(|inner| self.pattern(inner)),
            Pattern::MatchMapping(mapping) => {
                mapping.patterns.iter().for_each(|inner| self.pattern(inner));
                mapping.rest.iter().for_each(|name| self.name(name));
            }
            Pattern::MatchClass(class) => {
                class.arguments.patterns.iter().for_each(|inner| self.pattern(inner));
                class.arguments.keywords.iter().for_each(|keyword| self.pattern(&keyword.pattern));
            }
            Pattern::MatchStar(star) => star.name.iter().for_each(|name| self.name(name)),
            Pattern::MatchAs(as_) => {
                as_.pattern.iter().for_each(|inner| self.pattern(inner));
                as_.name.iter().for_each(|name| self.name(name));
            }
            Pattern::MatchValue(_) | Pattern::MatchSingleton(_) => {}
        }
        self.depth -= 1;
    }

    /// Assignment expressions in the expressions that stand directly in a statement.
    fn search_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::FunctionDef(def) => {
                def.decorator_list.iter().for_each(|decorator| self.search(&decorator.expression));
                def.parameters.iter().filter_map(|param| param.default()).for_each(|default| self.search(default));
            }
            Stmt::ClassDef(def) => {
                def.decorator_list.iter().for_each(|decorator| self.search(&decorator.expression));
                def.bases().iter().for_each(|base| self.search(base));
            }
            Stmt::If(stmt) => {
                self.search(&stmt.test);
                stmt.elif_else_clauses
                    .iter()
                    .filter_map(|clause| clause.test.as_ref())
                    .for_each(|test| self.search(test));
            }
            Stmt::While(stmt) => self.search(&stmt.test),
            Stmt::For(stmt) => self.search(&stmt.iter),
            Stmt::With(stmt) => stmt.items.iter().for_each(|item| self.search(&item.context_expr)),
            Stmt::Match(stmt) => {
                self.search(&stmt.subject);
                stmt.cases.iter().filter_map(|case| case.guard.as_deref()).for_each(|guard| self.search(guard));
            }
            Stmt::Try(_) => {}
            _ => ruff_python_ast::visitor::walk_stmt(self, stmt),
        }
    }

    fn search(&mut self, expr: &'a Expr) {
        if self.walrus {
            self.visit_expr(expr);
        }
    }
}

impl<'a> Visitor<'a> for Bindings<'a> {
    /// Nested statements are walked by `suite`.
    fn visit_stmt(&mut self, _stmt: &'a Stmt) {}

    fn visit_expr(&mut self, expr: &'a Expr) {
        if self.depth > MAX_DEPTH {
            return;
        }
        self.depth += 1;
        match expr {
            Expr::Lambda(lambda) => {
                let params = lambda.parameters.as_deref();
                params
                    .into_iter()
                    .flat_map(|params| params.iter())
                    .filter_map(|param| param.default())
                    .for_each(|default| self.visit_expr(default));
            }
            Expr::Named(named) => {
                self.target(&named.target);
                self.visit_expr(&named.value);
            }
            _ => walk_expr(self, expr),
        }
        self.depth -= 1;
    }
}
