//! Functions, classes and type aliases.

use std::sync::Arc;

use ruff_python_ast::{AnyParameterRef, Decorator, Expr, Parameters, StmtClassDef, StmtFunctionDef, StmtTypeAlias};
use ruff_text_size::{Ranged, TextRange};

use super::annotation::dotted;
use super::constant;
use super::control::colour;
use super::frame::Scope;
use super::lowerer::Lowerer;
use super::scope::Bindings;
use super::statement::Target;
use crate::unit::{
    BodyId, BodyKind, Const, FunctionHeader, LocalOrigin, Mark, Name, Param, ParamKind, Path, StepKind, TypeHeader,
    TypeId, TypeKind, ValueId, Visibility,
};

impl<'a> Lowerer<'a> {
    pub(super) fn function(&mut self, def: &'a StmtFunctionDef) {
        let decorators = self.decorators(&def.decorator_list);
        self.defaults(&def.parameters);
        let body = self.function_body(def);
        self.announce(def, body);
        let span = self.span(def.range);
        let value = self.steps().define(span, |out| StepKind::Closure { out, body });
        self.bind_definition(def.name.as_str(), def.name.range, value, &decorators);
    }

    fn function_body(&mut self, def: &'a StmtFunctionDef) -> BodyId {
        let owner = self.frame().class();
        let marks = self.marks(&def.decorator_list);
        let returns = def.returns.as_deref().map(|returns| self.annotation(returns));
        let mut bindings = Bindings::of(&def.body, self.walrus);
        bindings.params(&def.parameters);
        bindings.type_params(def.type_params.as_deref());
        let (span, name_span) = (self.span(def.range), self.span(def.name.range));
        let id = self.enter(BodyKind::Function, Scope::Function, span, name_span, bindings);
        let is_static = marks.iter().any(|mark| mark.path == ["staticmethod"]);
        let body = &mut self.steps().body;
        body.name = Name::new(def.name.as_str());
        body.colour = colour(def.is_async);
        body.visibility = visibility(def.name.as_str());
        body.owner = owner;
        body.marks = marks;
        body.returns = returns;
        let has_receiver = owner.is_some() && !is_static;
        self.params(&def.parameters, has_receiver);
        if let (Some(ty), true, Some(first)) = (owner, has_receiver, def.parameters.iter_non_variadic_params().next()) {
            self.frame().receiver = Some((ty, first.name().as_str()));
        }
        self.suite(&def.body);
        self.leave();
        id
    }

    /// Puts a function into the headers.
    fn announce(&mut self, def: &StmtFunctionDef, body: BodyId) {
        let name = Name::new(def.name.as_str());
        match self.frame().scope {
            Scope::Module => self.outline.functions.push(FunctionHeader { name, body, module: Path::new() }),
            Scope::Class(ty) => self.outline.types[ty.0 as usize].methods.push((name, body)),
            Scope::Function => {}
        }
    }

    /// Binds a function or class to its name, and puts the decorators on it, the innermost first.
    fn bind_definition(&mut self, name: &'a str, at: TextRange, value: ValueId, decorators: &[(ValueId, TextRange)]) {
        self.assign_name(name, at, value, Target::Header);
        for (decorator, range) in decorators.iter().rev() {
            let span = self.span(*range);
            self.steps().push(span, StepKind::Decorate { target: value, decorator: *decorator });
        }
    }

    fn decorators(&mut self, decorators: &'a [Decorator]) -> Vec<(ValueId, TextRange)> {
        decorators.iter().map(|decorator| (self.expr(&decorator.expression), decorator.range)).collect()
    }

    fn marks(&self, decorators: &[Decorator]) -> Vec<Mark> {
        let marks = decorators.iter().map(|decorator| {
            let (head, arguments) = match &decorator.expression {
                Expr::Call(call) => (&*call.func, self.slice(call.arguments.range)),
                other => (other, ""),
            };
            let arguments = arguments.strip_prefix('(').unwrap_or(arguments);
            let arguments = arguments.strip_suffix(')').unwrap_or(arguments);
            Mark {
                path: dotted(head).unwrap_or_default(),
                arguments: arguments.chars().filter(|c| !c.is_whitespace()).collect(),
                span: self.span(decorator.range),
            }
        });
        marks.collect()
    }

    /// Evaluates the defaults of parameters, in the body around the function.
    pub(super) fn defaults(&mut self, params: &'a Parameters) {
        for param in params.iter() {
            if let Some(default) = param.default()
                && !constant::is_literal(default)
            {
                self.expr(default);
            }
        }
    }

    /// Makes the parameters of the body just begun.
    pub(super) fn params(&mut self, params: &'a Parameters, has_receiver: bool) {
        let positional = params.posonlyargs.len() + params.args.len();
        self.steps().body.params.reserve_exact(params.len());
        for (n, param) in params.iter().enumerate() {
            let kind = match param {
                AnyParameterRef::NonVariadic(_) if n == 0 && has_receiver && positional > 0 => ParamKind::Receiver,
                AnyParameterRef::NonVariadic(_) if n < positional => ParamKind::Positional,
                AnyParameterRef::NonVariadic(_) => ParamKind::KeywordOnly,
                AnyParameterRef::Variadic(param) if is(params.vararg.as_deref(), param) => ParamKind::Rest,
                AnyParameterRef::Variadic(_) => ParamKind::RestByName,
            };
            self.param(param, kind);
        }
    }

    fn param(&mut self, param: AnyParameterRef<'a>, kind: ParamKind) {
        let ty = param.annotation().map(|annotation| Arc::new(self.annotation(annotation)));
        let default = param.default().map(|default| constant::fold(default).unwrap_or(Const::Other));
        let span = self.span(param.name().range);
        let frame = self.frame();
        let local = frame.local(param.name().as_str(), LocalOrigin::Param, span);
        frame.builder.body.locals[local.0 as usize].ty.clone_from(&ty);
        frame.builder.body.params.push(Param { local, kind, ty, default });
    }

    pub(super) fn class(&mut self, def: &'a StmtClassDef) {
        let decorators = self.decorators(&def.decorator_list);
        let ty = self.type_header(def);
        for argument in def.arguments.iter().flat_map(|arguments| arguments.iter_source_order()) {
            if !is_type_like(argument.value()) && !constant::is_literal(argument.value()) {
                self.expr(argument.value());
            }
        }
        let (span, name_span) = (self.span(def.range), self.span(def.name.range));
        let bindings = Bindings::of(&def.body, false);
        let body = self.enter(BodyKind::Class, Scope::Class(ty), span, name_span, bindings);
        let block = &mut self.steps().body;
        block.name = Name::new(def.name.as_str());
        block.visibility = visibility(def.name.as_str());
        self.suite(&def.body);
        self.leave();
        self.outline.types[ty.0 as usize].class_body = Some(body);
        let value = self.steps().define(span, |out| StepKind::Class { out, ty });
        self.bind_definition(def.name.as_str(), def.name.range, value, &decorators);
    }

    fn type_header(&mut self, def: &'a StmtClassDef) -> TypeId {
        let bases = def.bases().iter().map(|base| self.annotation(base)).collect();
        let header = TypeHeader {
            name: Name::new(def.name.as_str()),
            kind: TypeKind::Class,
            span: self.span(def.range),
            name_span: self.span(def.name.range),
            bases,
            marks: self.marks(&def.decorator_list),
            visibility: visibility(def.name.as_str()),
            ..self.header_here()
        };
        self.add_type(header)
    }

    /// `type X = …`, or `X: TypeAlias = …`: a type of that name.
    pub(super) fn alias(&mut self, name: &str, at: TextRange, range: TextRange, value: &Expr) -> TypeId {
        let header = TypeHeader {
            name: Name::new(name),
            kind: TypeKind::Alias,
            span: self.span(range),
            name_span: self.span(at),
            bases: vec![self.annotation(value)],
            visibility: visibility(name),
            ..self.header_here()
        };
        self.add_type(header)
    }

    pub(super) fn type_alias(&mut self, stmt: &'a StmtTypeAlias) {
        let Expr::Name(name) = &*stmt.name else {
            self.opaque(stmt);
            return;
        };
        let ty = self.alias(name.id.as_str(), name.range, stmt.range, &stmt.value);
        let span = self.span(stmt.range());
        let value = self.steps().define(span, |out| StepKind::Class { out, ty });
        self.bind_definition(name.id.as_str(), name.range, value, &[]);
    }

    fn add_type(&mut self, header: TypeHeader) -> TypeId {
        self.outline.types.push(header);
        TypeId(self.outline.types.len() as u32 - 1)
    }

    /// A header of a type that is defined at this place.
    fn header_here(&mut self) -> TypeHeader {
        let frame = self.frame();
        let outer = frame.class();
        let within = match frame.scope {
            Scope::Module => None,
            Scope::Function => Some(frame.id),
            Scope::Class(ty) => self.outline.types[ty.0 as usize].within,
        };
        TypeHeader {
            name: Name::default(),
            kind: TypeKind::Class,
            span: Default::default(),
            name_span: Default::default(),
            module: Path::new(),
            within,
            outer,
            generics: Vec::new(),
            bases: Vec::new(),
            fields: Vec::new(),
            methods: Vec::new(),
            class_body: None,
            marks: Vec::new(),
            visibility: Visibility::Public,
        }
    }
}

fn is<T>(one: Option<&T>, other: &T) -> bool {
    one.is_some_and(|one| std::ptr::eq(one, other))
}

/// Python's habit: a leading underscore is private, dunder names are not.
pub(super) fn visibility(name: &str) -> Visibility {
    let dunder = name.starts_with("__") && name.ends_with("__");
    if name.starts_with('_') && !dunder { Visibility::Private } else { Visibility::Public }
}

/// Whether a class argument is a plain dotted name or a generic one: a type, not code to run.
fn is_type_like(expr: &Expr) -> bool {
    match expr {
        Expr::Subscript(subscript) => dotted(&subscript.value).is_some(),
        _ => dotted(expr).is_some(),
    }
}
