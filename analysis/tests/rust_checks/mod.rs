//! What every lowered file must keep, and ways to look at one.
#![allow(dead_code, reason = "each test file uses its part")]

use unleak_analysis::unit::*;

/// Lowers a text on a thread with the stack that worker threads have.
pub(crate) fn lower(text: &str) -> Lowered {
    std::thread::scope(|scope| {
        let worker = std::thread::Builder::new().stack_size(2 << 20);
        worker.spawn_scoped(scope, || unleak_analysis::rust::lower(text)).unwrap().join().unwrap()
    })
}

/// Panics unless the promises of `unit` are kept.
pub(crate) fn check(text: &str, lowered: &Lowered) {
    assert!(!lowered.unit.bodies.is_empty());
    for problem in &lowered.unit.problems {
        assert_span(text, problem.span);
        assert!(!problem.message.contains("defect"), "{}", problem.message);
    }
    let bodies = lowered.unit.bodies.len() as u32;
    for (index, body) in lowered.unit.bodies.iter().enumerate() {
        assert_eq!(body.parent.is_none(), index == 0);
        assert!(body.parent.is_none_or(|parent| parent.0 < bodies));
        assert_span(text, body.span);
        assert_span(text, body.name_span);
        check_body(text, body, lowered);
    }
    let headers = &lowered.outline;
    assert!(headers.functions.iter().all(|function| function.body.0 < bodies));
    headers.types.iter().for_each(|ty| assert_span(text, ty.span.to(ty.name_span)));
    headers.imports.iter().for_each(|import| assert_span(text, import.span));
    headers.comments.iter().for_each(|comment| assert_span(text, comment.span));
}

fn assert_span(text: &str, span: Span) {
    assert!(span.start <= span.end, "{span:?}");
    assert!(text.get(span.start as usize..span.end as usize).is_some(), "{span:?} of {}", text.len());
}

struct Seen {
    steps: Vec<bool>,
    values: Vec<bool>,
    declared: Vec<bool>,
}

fn check_body(text: &str, body: &Body, lowered: &Lowered) {
    let mut seen = Seen {
        steps: vec![false; body.step_count as usize],
        values: vec![false; body.value_count as usize],
        declared: vec![false; body.locals.len()],
    };
    for local in &body.locals {
        assert_span(text, local.span);
        if let LocalOrigin::Captured { outer, .. } = local.origin {
            let parent = &lowered.unit.bodies[body.parent.unwrap().0 as usize];
            assert_eq!(parent.locals[outer.0 as usize].name, local.name);
        }
    }
    check_block(text, &body.root, &mut seen);
    assert!(seen.steps.iter().all(|seen| *seen), "a step number is missing");
    assert!(seen.values.iter().all(|seen| *seen), "a value is never defined: {body:#?}");
}

fn define(seen: &mut Seen, value: ValueId) {
    assert!(!std::mem::replace(&mut seen.values[value.0 as usize], true), "{value:?} is defined twice");
}

fn check_block(text: &str, block: &Block, seen: &mut Seen) {
    for local in &block.declares {
        assert!(!std::mem::replace(&mut seen.declared[local.0 as usize], true), "{local:?} is declared twice");
    }
    for step in &block.steps {
        assert_span(text, step.span);
        assert!(!std::mem::replace(&mut seen.steps[step.id.0 as usize], true), "{:?} stands twice", step.id);
        check_step(text, step, seen);
    }
    assert!(block.value.is_none_or(|value| seen.values[value.0 as usize]));
}

fn used(seen: &Seen, value: ValueId) {
    assert!(seen.values[value.0 as usize], "{value:?} is used before it is defined");
}

fn check_step(text: &str, step: &Step, seen: &mut Seen) {
    match &step.kind {
        StepKind::Call { out, callee, args } => {
            used(seen, *callee);
            args.iter().for_each(|arg| used(seen, arg.value));
            define(seen, *out);
        }
        StepKind::Join { out, from } => {
            from.iter().for_each(|value| used(seen, *value));
            define(seen, *out);
        }
        StepKind::Store { value, .. } | StepKind::Update { value, .. } | StepKind::Discard { value, .. } => {
            used(seen, *value)
        }
        StepKind::Const { out, .. }
        | StepKind::Read { out, .. }
        | StepKind::Await { out, .. }
        | StepKind::Propagate { out, .. }
        | StepKind::Collect { out, .. }
        | StepKind::Closure { out, .. }
        | StepKind::Class { out, .. }
        | StepKind::Import { out, .. }
        | StepKind::Part { out, .. }
        | StepKind::Operate { out, .. }
        | StepKind::Format { out, .. }
        | StepKind::View { out, .. }
        | StepKind::Opaque { out, .. }
        | StepKind::Yield { out, .. } => define(seen, *out),
        StepKind::If { then, otherwise, .. } => {
            check_block(text, then, seen);
            check_block(text, otherwise, seen);
        }
        StepKind::Match { arms, .. } => arms.iter().for_each(|arm| check_block(text, &arm.body, seen)),
        StepKind::Loop { driver, body, otherwise, .. } => {
            match driver {
                Driver::While(head) => check_block(text, &head.block, seen),
                Driver::Each { item, .. } => define(seen, *item),
                Driver::Forever => {}
            }
            check_block(text, body, seen);
            check_block(text, otherwise, seen);
        }
        StepKind::Select { out, arms, otherwise, .. } => {
            for arm in arms {
                check_block(text, &arm.head, seen);
                used(seen, arm.future);
                define(seen, arm.got);
                check_block(text, &arm.body, seen);
            }
            otherwise.iter().for_each(|block| check_block(text, block, seen));
            define(seen, *out);
        }
        StepKind::Nested { block, .. } => check_block(text, block, seen),
        _ => {}
    }
}

/// The body of a function and of everything within, without numbers that tell places.
pub(crate) fn bodies_without_places(lowered: &Lowered, name: &str) -> String {
    let named = lowered.unit.bodies.iter().position(|body| body.name == name);
    named.map(|index| printed(lowered, BodyId(index as u32))).unwrap_or_default()
}

fn printed(lowered: &Lowered, id: BodyId) -> String {
    let body = &lowered.unit.bodies[id.0 as usize];
    let mut text = without_places(&format!("{:?} {:?} {:?} {:?}", body.params, body.returns, body.locals, body.root));
    for (index, inner) in lowered.unit.bodies.iter().enumerate() {
        if inner.parent == Some(id) && index != 0 {
            text.push_str(&printed(lowered, BodyId(index as u32)));
        }
    }
    text
}

fn without_places(printed: &str) -> String {
    let mut out = String::new();
    let mut rest = printed;
    for mark in ["Span {", "BodyId("] {
        out.clear();
        let current = rest.to_owned();
        let mut parts = current.split(mark);
        out.push_str(parts.next().unwrap_or_default());
        for part in parts {
            let end = part.find(['}', ')']).map_or(part.len(), |at| at + 1);
            out.push_str(&part[end..]);
        }
        rest = Box::leak(out.clone().into_boxed_str());
    }
    out
}
