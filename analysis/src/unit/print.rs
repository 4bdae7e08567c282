//! Renders a lowered file as indented text, for people and for tests.
//!
//! Values are `v0`, `v1`, …; variables stand under their names (`x`; `^x` when captured; `x'3` when
//! several share the name), globals as `@a.b`.

use std::fmt::Write;

use super::{
    Arg, ArgKind, Arm, Block, Body, BodyKind, Capture, Catches, Colour, Compare, Cond, Const, Driver, Item, LocalId,
    LocalOrigin, Lowered, Name, Op, ParamKind, Part, Pattern, Place, ScopeItem, SelectArm, Shape, Span, Step, StepKind,
    Storing, TypeTree, ValueId, Visibility, Yields,
};

/// The whole file: headers, bodies, problems.
pub fn print(lowered: &Lowered, text: &str) -> String {
    let mut out = headers(lowered);
    for (number, body) in lowered.unit.bodies.iter().enumerate() {
        let mut printer = Printer { body, out: String::new(), level: 0 };
        printer.body(number);
        out.push_str(&printer.out);
    }
    for problem in &lowered.unit.problems {
        let _ = writeln!(out, "problem: {} at {:?}", problem.message, excerpt(text, problem.span));
    }
    out
}

/// The bodies alone, without the headers.
pub fn print_bodies(lowered: &Lowered, text: &str) -> String {
    let all = print(lowered, text);
    let start = all.find("body 0").unwrap_or(0);
    all[start..].to_owned()
}

/// The start of the first line of a span.
fn excerpt(text: &str, span: Span) -> String {
    match text.get(span.start as usize..span.end as usize) {
        Some(text) => text.lines().next().unwrap_or_default().chars().take(60).collect(),
        None => "<not a span of the text>".to_owned(),
    }
}

fn headers(lowered: &Lowered) -> String {
    let outline = &lowered.outline;
    let mut out = String::new();
    for import in &outline.imports {
        let dots = ".".repeat(import.level as usize);
        let item = import.item.as_ref().map(|item| format!(" item {item}")).unwrap_or_default();
        let binds = import.binds.as_deref().unwrap_or("*");
        let within = import.within.map(|body| format!(" within {}", body.0)).unwrap_or_default();
        let _ = writeln!(out, "import {dots}{}{item} as {binds}{within}", path(&import.path));
    }
    for function in &outline.functions {
        let _ = writeln!(out, "function {} = body {}", function.name, function.body.0);
    }
    for (number, header) in outline.types.iter().enumerate() {
        let bases = list(header.bases.iter().map(ty));
        let _ = writeln!(out, "type {number} {} {:?}({bases})", header.name, header.kind);
        for field in &header.fields {
            let _ = writeln!(out, "  field {}: {}", field.name, field.ty.as_ref().map(ty).unwrap_or_default());
        }
        for (name, body) in &header.methods {
            let _ = writeln!(out, "  method {name} = body {}", body.0);
        }
    }
    for constant in &outline.constants {
        let owner = constant.owner.map(|owner| format!("type {}.", owner.0)).unwrap_or_default();
        let value = constant.value.as_ref().map(|value| format!(" = {}", literal(value))).unwrap_or_default();
        let same = constant.same_as.as_ref().map(|same| format!(" same as {}", path(same))).unwrap_or_default();
        let declared = constant.ty.as_ref().map(|declared| format!(": {}", ty(declared))).unwrap_or_default();
        let _ = writeln!(out, "constant {owner}{}{declared}{value}{same}", constant.name);
    }
    for comment in &outline.comments {
        let _ = writeln!(out, "comment {:?} {:?}", comment.place, comment.text);
    }
    out
}

struct Printer<'a> {
    body: &'a Body,
    out: String,
    level: usize,
}

impl Printer<'_> {
    fn line(&mut self, text: &str) {
        let _ = writeln!(self.out, "{:indent$}{text}", "", indent = self.level * 2);
    }

    fn body(&mut self, number: usize) {
        let body = self.body;
        let colour = if body.colour == Colour::Async { "async " } else { "" };
        let kind = match body.kind {
            BodyKind::Module => "module",
            BodyKind::Class => "class",
            BodyKind::Function => "function",
            BodyKind::Closure => "closure",
            BodyKind::AsyncBlock => "async block",
        };
        let mut head = format!("body {number} {colour}{kind}");
        if !body.name.is_empty() {
            let _ = write!(head, " {}", body.name);
        }
        if matches!(body.kind, BodyKind::Function | BodyKind::Closure) {
            let _ = write!(head, "({})", self.params());
        }
        if let Some(returns) = &body.returns {
            let _ = write!(head, " -> {}", ty(returns));
        }
        if let Some(owner) = body.owner {
            let _ = write!(head, " of type {}", owner.0);
        }
        if body.yields == Yields::Generator {
            head.push_str(" yields");
        }
        if body.kind == BodyKind::Function && body.visibility == Visibility::Private {
            head.push_str(" private");
        }
        self.line(&head);
        self.level += 1;
        for mark in &body.marks {
            self.line(&format!("mark {}({})", path(&mark.path), mark.arguments));
        }
        self.declarations();
        self.block(&body.root);
        self.level -= 1;
    }

    fn params(&self) -> String {
        list(self.body.params.iter().map(|param| {
            let sign = match param.kind {
                ParamKind::Receiver => "receiver ",
                ParamKind::Positional => "",
                ParamKind::KeywordOnly => "named ",
                ParamKind::Rest => "*",
                ParamKind::RestByName => "**",
            };
            let declared = param.ty.as_ref().map(|declared| format!(": {}", ty(declared))).unwrap_or_default();
            let default = param.default.as_ref().map(|value| format!(" = {}", literal(value))).unwrap_or_default();
            format!("{sign}{}{declared}{default}", self.local(param.local))
        }))
    }

    /// Captures and declared types; other variables are told by their stores.
    fn declarations(&mut self) {
        for (number, local) in self.body.locals.iter().enumerate() {
            let name = self.local(LocalId(number as u32));
            match (local.origin, &local.ty) {
                (LocalOrigin::Captured { outer, how }, _) => {
                    let moved = if how == Capture::Moved { " moved" } else { "" };
                    self.line(&format!("capture {name} = local {} of the parent{moved}", outer.0));
                }
                (LocalOrigin::Bound, Some(declared)) => self.line(&format!("declare {name}: {}", ty(declared))),
                _ => {}
            }
        }
    }

    fn block(&mut self, block: &Block) {
        for step in &block.steps {
            self.step(step);
        }
        if !block.declares.is_empty() {
            let names = list(block.declares.iter().map(|local| self.local(*local)));
            self.line(&format!("ends {names}"));
        }
        if let Some(value) = block.value {
            self.line(&format!("leaves {}", v(value)));
        }
    }

    fn inner(&mut self, head: &str, block: &Block) {
        self.line(head);
        self.level += 1;
        self.block(block);
        self.level -= 1;
    }

    /// A block that is left out when there is nothing in it.
    fn also(&mut self, head: &str, block: &Block) {
        if !block.steps.is_empty() {
            self.inner(head, block);
        }
    }

    fn step(&mut self, step: &Step) {
        match self.flat(&step.kind) {
            Some(text) => self.line(&text),
            None => self.compound(&step.kind),
        }
    }

    fn compound(&mut self, kind: &StepKind) {
        match kind {
            StepKind::If { cond, then, otherwise } => {
                self.inner(&format!("if {}", self.cond(cond)), then);
                self.also("else", otherwise);
            }
            StepKind::Match { subject, arms } => {
                self.line(&format!("match {}", v(*subject)));
                self.level += 1;
                arms.iter().for_each(|arm| self.arm(arm));
                self.level -= 1;
            }
            StepKind::Loop { driver, body, otherwise } => {
                self.driver(driver, body);
                self.also("else", otherwise);
            }
            StepKind::Try { body, handlers, otherwise, finally } => {
                self.inner("try", body);
                for handler in handlers {
                    let catches = match &handler.catches {
                        Catches::Everything => "everything".to_owned(),
                        Catches::Types(types) => list(types.iter().map(|of| path(of))),
                    };
                    let binds = handler.binds.map(|local| format!(" as {}", self.local(local))).unwrap_or_default();
                    self.inner(&format!("except {catches}{binds}"), &handler.body);
                }
                self.also("else", otherwise);
                self.also("finally", finally);
            }
            StepKind::Scope { items, body } => {
                let items = list(items.iter().map(scope_item));
                self.inner(&format!("with {items}"), body);
            }
            StepKind::Select { out, path: of, arms, otherwise } => {
                self.line(&format!("{} = select {}", v(*out), path(of)));
                self.level += 1;
                arms.iter().for_each(|arm| self.select_arm(arm));
                otherwise.iter().for_each(|block| self.inner("else", block));
                self.level -= 1;
            }
            StepKind::Nested { block, cfg } => {
                let cfg = cfg.as_ref().map(|cfg| format!(" cfg {cfg}")).unwrap_or_default();
                self.inner(&format!("block{}{cfg}", labelled(block.label.as_deref())), block);
            }
            _ => {}
        }
    }

    fn driver(&mut self, driver: &Driver, body: &Block) {
        let label = labelled(body.label.as_deref());
        match driver {
            Driver::Forever => self.inner(&format!("forever{label}"), body),
            Driver::While(head) => {
                self.also("before each turn", &head.block);
                self.inner(&format!("while {}{label}", self.cond(&head.cond)), body);
            }
            Driver::Each { source, item, colour } => {
                let colour = if *colour == Colour::Async { "async " } else { "" };
                self.inner(&format!("{colour}for {} in {}{label}", v(*item), v(*source)), body);
            }
        }
    }

    fn arm(&mut self, arm: &Arm) {
        let guard = arm.guard.as_ref().map(|guard| format!(" if {}", self.cond(guard))).unwrap_or_default();
        self.inner(&format!("case {}{guard}", self.pattern(&arm.pattern)), &arm.body);
    }

    fn select_arm(&mut self, arm: &SelectArm) {
        self.also("before", &arm.head);
        let guard = arm.guard.as_ref().map(|guard| format!(" if {}", self.cond(guard))).unwrap_or_default();
        let pattern = self.pattern(&arm.pattern);
        self.inner(&format!("arm {pattern} = {} <- {}{guard}", v(arm.got), v(arm.future)), &arm.body);
    }

    /// Steps of one line; `None` for compound ones.
    fn flat(&self, kind: &StepKind) -> Option<String> {
        let (out, text) = match kind {
            StepKind::Const { out, value } => (out, literal(value)),
            StepKind::Read { out, place, access } => {
                let access = match access {
                    super::Access::Shared => "",
                    super::Access::Unique => "&mut ",
                    super::Access::Moved => "move ",
                    super::Access::Receiver => "receiver ",
                };
                (out, format!("{access}{}", self.place(place)))
            }
            StepKind::Call { out, callee, args } => {
                (out, format!("call {}({})", v(*callee), list(args.iter().map(arg))))
            }
            StepKind::Await { out, value } => (out, format!("await {}", v(*value))),
            StepKind::Propagate { out, value } => (out, format!("{}?", v(*value))),
            StepKind::Collect { out, shape, items } => {
                (out, format!("{}[{}]", shape_name(shape), list(items.iter().map(item))))
            }
            StepKind::Closure { out, body } => (out, format!("closure body {}", body.0)),
            StepKind::Class { out, ty } => (out, format!("type {}", ty.0)),
            StepKind::Import { out, path: of, level, item } => {
                let item = item.as_ref().map(|item| format!(" item {item}")).unwrap_or_default();
                (out, format!("import {}{}{item}", ".".repeat(*level as usize), path(of)))
            }
            StepKind::Part { out, of, part } => (out, format!("part {} of {}", part_name(part), v(*of))),
            StepKind::Operate { out, op, operands } => (out, format!("{}({})", op_name(*op), values(operands))),
            StepKind::Format { out, parts } => (out, format!("format({})", values(parts))),
            StepKind::Join { out, from } => (out, format!("join({})", values(from))),
            StepKind::View { out, value, how } => (out, format!("view {how:?} {}", v(*value))),
            StepKind::Opaque { out, mentions, locals } => {
                let locals = list(locals.iter().map(|local| self.local(*local)));
                (out, format!("opaque mentions [{}] locals [{locals}]", list(mentions.iter().map(ToString::to_string))))
            }
            StepKind::Yield { out, value } => (out, format!("yield {}", value.map(v).unwrap_or_default())),
            _ => return self.plain(kind),
        };
        Some(format!("{} = {text}", v(*out)))
    }

    /// Steps of one line that define no value.
    fn plain(&self, kind: &StepKind) -> Option<String> {
        let text = match kind {
            StepKind::Grow { into, key, value } => match key {
                Some(key) => format!("grow {} by {}: {}", v(*into), v(*key), v(*value)),
                None => format!("grow {} by {}", v(*into), v(*value)),
            },
            StepKind::Store { place, value, how } => {
                let sign = if *how == Storing::Bind { "=" } else { ":=" };
                format!("{} {sign} {}", self.place(place), v(*value))
            }
            StepKind::Update { place, op, value } => format!("{} {}= {}", self.place(place), op_name(*op), v(*value)),
            StepKind::Delete { place } => format!("delete {}", self.place(place)),
            StepKind::Discard { value, how } => format!("discard {} ({how:?})", v(*value)),
            StepKind::Decorate { target, decorator } => format!("decorate {} with {}", v(*target), v(*decorator)),
            StepKind::Return { value } => format!("return {}", value.map(v).unwrap_or_default()),
            StepKind::Raise { value } => format!("raise {}", value.map(v).unwrap_or_default()),
            StepKind::Break { label, value } => {
                format!("break{} {}", labelled(label.as_ref()), value.map(v).unwrap_or_default())
            }
            StepKind::Continue { label } => format!("continue{}", labelled(label.as_ref())),
            StepKind::Assert { cond } => format!("assert {}", self.cond(cond)),
            _ => return None,
        };
        Some(text.trim_end().to_owned())
    }

    fn local(&self, id: LocalId) -> String {
        let Some(local) = self.body.locals.get(id.0 as usize) else { return format!("<no local {}>", id.0) };
        let sign = if matches!(local.origin, LocalOrigin::Captured { .. }) { "^" } else { "" };
        let twins = self.body.locals.iter().filter(|other| other.name == local.name).count();
        if twins > 1 || local.name.is_empty() {
            format!("{sign}{}'{}", local.name, id.0)
        } else {
            format!("{sign}{}", local.name)
        }
    }

    fn place(&self, place: &Place) -> String {
        match place {
            Place::Local(local) => self.local(*local),
            Place::Global { path: of, args } if args.is_empty() => format!("@{}", path(of)),
            Place::Global { path: of, args } => format!("@{}[{}]", path(of), list(args.iter().map(ty))),
            Place::Field { base, name } => format!("{}.{name}", v(*base)),
            Place::Index { base, key } => format!("{}[{}]", v(*base), key.map(v).unwrap_or_default()),
            Place::Deref { base } => format!("*{}", v(*base)),
        }
    }

    fn cond(&self, cond: &Cond) -> String {
        match cond {
            Cond::Truthy(value) => v(*value),
            Cond::Not(inner) => format!("not {}", self.cond(inner)),
            Cond::All(parts) => format!("all({})", list(parts.iter().map(|part| self.cond(part)))),
            Cond::Any(parts) => format!("any({})", list(parts.iter().map(|part| self.cond(part)))),
            Cond::Compare { op, left, right } => format!("{} {} {}", v(*left), compare_sign(*op), v(*right)),
            Cond::Matches { value, pattern } => format!("{} matches {}", v(*value), self.pattern(pattern)),
            Cond::Unknown => "unknown".to_owned(),
        }
    }

    fn pattern(&self, pattern: &Pattern) -> String {
        let all = |parts: &[Pattern], between: &str| {
            parts.iter().map(|part| self.pattern(part)).collect::<Vec<_>>().join(between)
        };
        match pattern {
            Pattern::Wildcard => "_".to_owned(),
            Pattern::Binding(local) => self.local(*local),
            Pattern::Const(value) => literal(value),
            Pattern::Path(of) => format!("@{}", path(of)),
            Pattern::Variant { path: of, inner } => format!("@{}({})", path(of), all(inner, ", ")),
            Pattern::Tuple(parts) => format!("({})", all(parts, ", ")),
            Pattern::Or(parts) => all(parts, " | "),
            Pattern::Other => "…".to_owned(),
        }
    }
}

fn v(value: ValueId) -> String {
    format!("v{}", value.0)
}

fn values(values: &[ValueId]) -> String {
    list(values.iter().map(|value| v(*value)))
}

fn list(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

fn path(path: &[Name]) -> String {
    path.join(".")
}

fn labelled(label: Option<&Name>) -> String {
    label.map(|label| format!(" '{label}")).unwrap_or_default()
}

fn arg(arg: &Arg) -> String {
    match &arg.kind {
        ArgKind::Positional => v(arg.value),
        ArgKind::Named(name) => format!("{name}={}", v(arg.value)),
        ArgKind::Spread => format!("*{}", v(arg.value)),
        ArgKind::SpreadByName => format!("**{}", v(arg.value)),
    }
}

fn item(item: &Item) -> String {
    match item {
        Item::One(value) => v(*value),
        Item::Pair(key, value) => format!("{}: {}", v(*key), v(*value)),
        Item::Field(name, value) => format!("{name}: {}", v(*value)),
        Item::Spread(value) => format!("*{}", v(*value)),
    }
}

fn scope_item(item: &ScopeItem) -> String {
    let colour = if item.colour == Colour::Async { "async " } else { "" };
    format!("{colour}{} as {}", v(item.context), v(item.entered))
}

fn shape_name(shape: &Shape) -> String {
    match shape {
        Shape::Struct(of) => format!("struct {}", path(of)),
        other => format!("{other:?}").to_lowercase(),
    }
}

fn part_name(part: &Part) -> String {
    match part {
        Part::Index(n) => format!("{n}"),
        Part::Rest(n) => format!("{n}.."),
        Part::Field(name) => format!(".{name}"),
        Part::Variant(of, n) => format!("@{}.{n}", path(of)),
        Part::Key => "key".to_owned(),
        Part::Whole => "whole".to_owned(),
    }
}

fn op_name(op: Op) -> String {
    format!("{op:?}").to_lowercase()
}

fn compare_sign(op: Compare) -> &'static str {
    match op {
        Compare::Equal => "==",
        Compare::NotEqual => "!=",
        Compare::Less => "<",
        Compare::LessEqual => "<=",
        Compare::Greater => ">",
        Compare::GreaterEqual => ">=",
        Compare::Is => "is",
        Compare::IsNot => "is not",
        Compare::In => "in",
        Compare::NotIn => "not in",
    }
}

fn literal(value: &Const) -> String {
    match value {
        Const::Nothing => "nothing".to_owned(),
        Const::Bool(truth) => truth.to_string(),
        Const::Int(int) => int.to_string(),
        Const::Float(bits) => format!("{:?}", f64::from_bits(*bits)),
        Const::Str(text) => format!("{text:?}"),
        Const::Other => "<constant>".to_owned(),
    }
}

fn ty(tree: &TypeTree) -> String {
    match tree {
        TypeTree::Path { path: of, args } if args.is_empty() => path(of),
        TypeTree::Path { path: of, args } => format!("{}[{}]", path(of), list(args.iter().map(ty))),
        TypeTree::Ref(inner) => format!("&{}", ty(inner)),
        TypeTree::Tuple(parts) => format!("({})", list(parts.iter().map(ty))),
        TypeTree::Union(parts) => parts.iter().map(ty).collect::<Vec<_>>().join(" | "),
        TypeTree::Bounds(parts) => format!("impl {}", parts.iter().map(ty).collect::<Vec<_>>().join(" + ")),
        TypeTree::Param { name, bounds } if bounds.is_empty() => name.to_string(),
        TypeTree::Param { bounds, .. } => format!("impl {}", bounds.iter().map(ty).collect::<Vec<_>>().join(" + ")),
        TypeTree::Slice(inner) => format!("[{}]", ty(inner)),
        TypeTree::Function { params, returns } => format!("fn({}) -> {}", list(params.iter().map(ty)), ty(returns)),
        TypeTree::Unit => "nothing".to_owned(),
        TypeTree::Other => "?".to_owned(),
    }
}
