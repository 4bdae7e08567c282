//! What must hold of every lowered file.

use unleak_analysis::unit::{Block, Body, Cond, Driver, Lowered, Place, Span, StepKind, ValueId};

/// Lowers and checks.
pub(crate) fn lower_checked(text: &str) -> Lowered {
    let lowered = unleak_analysis::python::lower(text);
    check(&lowered, text);
    lowered
}

/// Every span cuts the text at character boundaries, every value is defined once and before its
/// number is used up, every step has its own number, in the order of the text.
pub(crate) fn check(lowered: &Lowered, text: &str) {
    assert!(!lowered.unit.bodies.is_empty(), "no module");
    lowered.unit.problems.iter().for_each(|problem| span(problem.span, text));
    headers(lowered, text);
    for body in &lowered.unit.bodies {
        span(body.span, text);
        span(body.name_span, text);
        body.locals.iter().for_each(|local| span(local.span, text));
        body.marks.iter().for_each(|mark| span(mark.span, text));
        let mut checker = Checker { body, text, defined: vec![false; body.value_count as usize], steps: Vec::new() };
        checker.block(&body.root);
        assert!(checker.defined.iter().all(|defined| *defined), "a value without definition");
        checker.steps.sort_unstable();
        let all: Vec<u32> = (0..body.step_count).collect();
        assert_eq!(checker.steps, all, "step numbers");
    }
    let printed = unleak_analysis::unit::print::print(lowered, text);
    assert!(!printed.contains("<no") && !printed.contains("<not"), "{printed}");
}

fn headers(lowered: &Lowered, text: &str) {
    let outline = &lowered.outline;
    outline.imports.iter().for_each(|import| span(import.span, text));
    outline.constants.iter().for_each(|constant| span(constant.span, text));
    outline.comments.iter().for_each(|comment| span(comment.span, text));
    for ty in &outline.types {
        span(ty.span, text);
        span(ty.name_span, text);
        ty.fields.iter().for_each(|field| span(field.span, text));
    }
}

fn span(span: Span, text: &str) {
    assert!(text.get(span.start as usize..span.end as usize).is_some(), "{span:?} is no span of {text:?}");
}

struct Checker<'a> {
    body: &'a Body,
    text: &'a str,
    defined: Vec<bool>,
    steps: Vec<u32>,
}

impl Checker<'_> {
    fn define(&mut self, value: ValueId) {
        let defined = std::mem::replace(&mut self.defined[value.0 as usize], true);
        assert!(!defined, "{value:?} defined twice");
    }

    fn used(&self, value: ValueId) {
        assert!(
            value.0 < self.body.value_count && self.defined[value.0 as usize],
            "{value:?} used before it is defined"
        );
    }

    fn block(&mut self, block: &Block) {
        for step in &block.steps {
            span(step.span, self.text);
            self.steps.push(step.id.0);
            self.step(&step.kind);
        }
        block.value.iter().for_each(|value| self.used(*value));
    }

    fn step(&mut self, kind: &StepKind) {
        match kind {
            StepKind::If { cond, then, otherwise } => {
                self.cond(cond);
                self.block(then);
                self.block(otherwise);
            }
            StepKind::Match { subject, arms } => {
                self.used(*subject);
                for arm in arms {
                    span(arm.span, self.text);
                    self.block(&arm.body);
                    arm.guard.iter().for_each(|guard| self.cond(guard));
                }
            }
            StepKind::Loop { driver, body, otherwise, .. } => {
                match driver {
                    Driver::While(head) => {
                        self.block(&head.block);
                        self.cond(&head.cond);
                    }
                    Driver::Forever => {}
                    Driver::Each { source, item, .. } => {
                        self.used(*source);
                        self.define(*item);
                    }
                }
                self.block(body);
                self.block(otherwise);
            }
            StepKind::Try { body, handlers, otherwise, finally } => {
                self.block(body);
                for handler in handlers {
                    span(handler.span, self.text);
                    self.block(&handler.body);
                }
                self.block(otherwise);
                self.block(finally);
            }
            StepKind::Scope { items, body } => {
                for item in items {
                    span(item.span, self.text);
                    self.used(item.context);
                    self.define(item.entered);
                }
                self.block(body);
            }
            StepKind::Nested { block, .. } => self.block(block),
            _ => self.flat(kind),
        }
    }

    fn flat(&mut self, kind: &StepKind) {
        match kind {
            StepKind::Read { out, place, .. } => {
                self.place(place);
                self.define(*out);
            }
            StepKind::Call { out, callee, args } => {
                self.used(*callee);
                args.iter().for_each(|arg| self.used(arg.value));
                self.define(*out);
            }
            StepKind::Await { out, value } => {
                self.used(*value);
                self.define(*out);
            }
            StepKind::Operate { out, operands: values, .. }
            | StepKind::Format { out, parts: values }
            | StepKind::Join { out, from: values } => {
                values.iter().for_each(|value| self.used(*value));
                self.define(*out);
            }
            StepKind::Const { out, .. }
            | StepKind::Collect { out, .. }
            | StepKind::Closure { out, .. }
            | StepKind::Class { out, .. }
            | StepKind::Import { out, .. }
            | StepKind::Part { out, .. }
            | StepKind::Opaque { out, .. }
            | StepKind::Yield { out, .. } => self.define(*out),
            StepKind::Store { place, value, .. } | StepKind::Update { place, value, .. } => {
                self.used(*value);
                self.place(place);
            }
            StepKind::Delete { place } => self.place(place),
            StepKind::Grow { into, value, .. } => {
                self.used(*into);
                self.used(*value);
            }
            StepKind::Discard { value, .. } => self.used(*value),
            StepKind::Assert { cond } => self.cond(cond),
            _ => {}
        }
    }

    fn place(&self, place: &Place) {
        match place {
            Place::Local(local) => assert!((local.0 as usize) < self.body.locals.len(), "{local:?} unknown"),
            Place::Field { base, .. } | Place::Deref { base } => self.used(*base),
            Place::Index { base, key } => {
                self.used(*base);
                key.iter().for_each(|key| self.used(*key));
            }
            Place::Global { .. } => {}
        }
    }

    fn cond(&self, cond: &Cond) {
        match cond {
            Cond::Truthy(value) | Cond::Matches { value, .. } => self.used(*value),
            Cond::Not(inner) => self.cond(inner),
            Cond::All(parts) | Cond::Any(parts) => parts.iter().for_each(|part| self.cond(part)),
            Cond::Compare { left, right, .. } => {
                self.used(*left);
                self.used(*right);
            }
            Cond::Unknown => {}
        }
    }
}
