//! What Rust code is lowered to, on small programs.

mod rust_checks;

use rust_checks::{check, lower};
use unleak_analysis::unit::print::print;
use unleak_analysis::unit::*;

fn lowered(text: &str) -> Lowered {
    let lowered = lower(text);
    check(text, &lowered);
    lowered
}

fn printed(text: &str) -> String {
    let lowered = lowered(text);
    assert!(lowered.unit.problems.is_empty(), "{:?}", lowered.unit.problems);
    print(&lowered, text)
}

/// Panics unless the lines of `expected` stand in this order, one right after another, somewhere.
fn expect(text: &str, expected: &str) {
    let printed = printed(text);
    let trimmed = |text: &str| {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        lines.map(|line| format!("{line}\n")).collect::<String>()
    };
    assert!(trimmed(&printed).contains(&trimmed(expected)), "expected\n{expected}\nin\n{printed}");
}

fn body<'l>(lowered: &'l Lowered, name: &str) -> &'l Body {
    lowered.unit.bodies.iter().find(|body| body.name == name).unwrap()
}

#[test]
fn a_dropped_result_is_told_by_its_statement() {
    expect("fn f() { spawn(a); }", "v2 = call v0(v1)\ndiscard v2 (Statement)");
    expect("fn f() { let _ = spawn(); }", "v1 = call v0()\ndiscard v1 (Underscore)");
    expect("fn f() { _ = spawn(); }", "v1 = call v0()\ndiscard v1 (Underscore)");
    expect("fn f() { let _task = spawn(); }", "v1 = call v0()\n_task = v1\nends _task");
    expect("fn f() { spawn() }", "v1 = call v0()\nreturn v1");
    expect("fn f(a: A) { let _ = a; }", "v0 = a\nends a");
}

#[test]
fn the_part_that_a_pattern_leaves_is_not_bound() {
    expect(
        "fn f() { if let Err(e) = spawn() { log(e); } }",
        "v1 = call v0()
        if v1 matches @Err(e)
        v2 = part @Err.0 of v1
        e = v2
        v3 = receiver @log
        v4 = move e
        v5 = call v3(v4)
        discard v5 (Statement)
        ends e",
    );
    expect("fn f() { let (tx, rx) = channel(); }", "v2 = part 0 of v1\nv3 = part 1 of v1\ntx = v2\nrx = v3");
    expect(
        "fn f() { let (tx, _) = channel(); }",
        "v2 = part 0 of v1\nv3 = part 1 of v1\ndiscard v3 (Underscore)\ntx = v2",
    );
    expect(
        "fn f(s: S) { let S { a, b: (c, ..), .. } = s; }",
        "v1 = part .a of v0\nv2 = part .b of v0\nv3 = part 0 of v2\na = v1\nc = v3",
    );
}

#[test]
fn let_else_leaves_before_it_binds() {
    expect(
        "fn f() { let Some(x) = get() else { return; }; use_it(x); }",
        "if not v1 matches @Some(x)\nreturn\nv2 = part @Some.0 of v1\nx = v2",
    );
}

#[test]
fn shadowing_makes_a_new_variable() {
    expect("fn f() { let x = 1; let x = x; }", "v0 = 1\nx'0 = v0\nv1 = move x'0\nx'1 = v1\nends x'0, x'1");
}

#[test]
fn captures_go_through_every_body_between() {
    let text = "fn f(a: Arc<A>, b: B) { spawn(async move { let c = || { a.go(&b); }; }); }";
    expect(
        text,
        "capture ^a = local 0 of the parent moved\ncapture ^b = local 1 of the parent moved\nv0 = closure body 3",
    );
    let lowered = lowered(text);
    assert_eq!(lowered.unit.bodies[2].kind, BodyKind::AsyncBlock);
    assert_eq!(lowered.unit.bodies[2].colour, Colour::Async);
    let origins: Vec<LocalOrigin> = lowered.unit.bodies[3].locals.iter().map(|local| local.origin).collect();
    let shared = |outer| LocalOrigin::Captured { outer, how: Capture::Shared };
    assert_eq!(origins, [shared(LocalId(0)), shared(LocalId(1))]);
    assert_eq!(lowered.unit.bodies[3].locals[0].ty, lowered.unit.bodies[1].locals[0].ty);
}

#[test]
fn nested_functions_capture_nothing_and_are_variables() {
    let text = "fn f(a: A) { go(); fn go() { a; } }";
    expect(text, "v0 = closure body 2\ngo = v0\nv1 = receiver go\nv2 = call v1()\ndiscard v2 (Statement)");
    expect(text, "body 2 function go() private\nv0 = move @a");
}

#[test]
fn select_arms_have_a_future_a_guard_and_code() {
    let text = "async fn f(rx: R, open: bool) {
        loop { m::select! { biased; Some(x) = rx.recv(), if open => go(x), _ = sleep() => { break } else => {} } }
    }";
    let selecting = lowered(text);
    let StepKind::Loop { body: turn, .. } = &body(&selecting, "f").root.steps[0].kind else { panic!("a loop") };
    let StepKind::Select { path, arms, otherwise, .. } = &turn.steps[0].kind else { panic!("a select") };
    assert_eq!(**path, ["m", "select!"]);
    assert_eq!((arms.len(), otherwise.is_some()), (2, true));
    assert!(matches!(&arms[0].pattern, Pattern::Variant { path, .. } if path == &["Some"]));
    assert!(matches!(arms[0].guard, Some(Cond::Truthy(_))) && arms[0].body.value.is_some());
    assert!(matches!(arms[1].body.steps.last().map(|step| &step.kind), Some(StepKind::Break { .. })));
    assert!(printed("fn f() { s! { recv(a) -> m => go(m), default => {} } }").contains("select s!"));
}

#[test]
fn macros_are_read_by_their_shape() {
    expect("fn f(x: u8) { v![x; 3]; }", "v0 = move x\nv1 = 3\nv2 = receiver @v!\nv3 = call v2(v0, v1)");
    expect("fn f(x: u8) { p!(\"{x}\"); }", "v1 = x\nv2 = receiver @p!\nv3 = call v2(v0, x=v1)");
    expect(
        "fn f(w: u8) { a::p!(\"{:>w$}\", k = 1); }",
        "v1 = 1\nv2 = w\nv3 = receiver @a.p!\nv4 = call v3(v0, k=v1, w=v2)",
    );
    expect("fn f(x: u8) { m!(x, Some(_) if y); }", "v0 = x\nv1 = opaque mentions [Some] locals []");
    expect(
        "fn f() { pin! { let x = make(); } x.go(); }",
        "x = v1\nv2 = receiver @pin!\nv3 = call v2()\ndiscard v3 (Statement)\nv4 = receiver x",
    );
    expect(
        "fn f(x: u8) { what!(x is odd); }",
        "v0 = opaque mentions [what, x, is, odd] locals [x]\ndiscard v0 (Statement)",
    );
    expect("fn f() { map! { a() => b(), c() => d() }; }", "v8 = receiver @map!\nv9 = call v8(v1, v3, v5, v7)");
    expect("fn f() { join!(a(), b()).await; }", "v5 = call v4(v1, v3)\nv6 = await v5");
}

#[test]
fn a_macro_that_yields_is_a_body_of_its_own() {
    let text = "fn f(n: u8) { let s = stream! { for i in n { yield i; } }; }";
    expect(text, "v0 = closure body 2\nv1 = receiver @stream!\nv2 = call v1(v0)\ns = v2");
    let lowered = lowered(text);
    assert_eq!(lowered.unit.bodies[2].yields, Yields::Generator);
    assert_eq!(lowered.unit.bodies[1].yields, Yields::Never);
}

#[test]
fn macros_among_items_may_hold_items() {
    let text = "thread_local! { static A: u8 = 1 }\nlazy! { static ref B: M = M::new(); }\nif_on! { pub fn go() {} }\nodd! { a b c }\n";
    expect(
        text,
        "v0 = 1\n@A = v0\nv1 = receiver @M.new\nv2 = call v1()\n@B = v2\nv3 = opaque mentions [odd, a, b, c] locals []",
    );
    assert_eq!(lowered(text).outline.functions[0].name, "go");
}

#[test]
fn tests_inherit_the_condition_of_their_module() {
    let text = "#[cfg(test)] mod tests { struct S; #[test] fn t() { #[cfg(unix)] go(); } mod deep { fn u() {} } }";
    expect(
        text,
        "mark test()\nmark cfg(test)\nblock cfg unix\nv0 = receiver @go\nv1 = call v0()\ndiscard v1 (Statement)",
    );
    let nested = lowered(text);
    assert_eq!(body(&nested, "u").marks[0].arguments, "test");
    assert_eq!(body(&nested, "u").module, ["tests", "deep"]);
    assert_eq!(nested.outline.types[0].marks[0].path, ["cfg"]);
    let whole_file = lowered("#![cfg(feature = \"a b\")]\nfn t() {}");
    assert_eq!(body(&whole_file, "t").marks[0].arguments, "feature=\"a b\"");
}

#[test]
fn conditional_bindings_are_one_variable() {
    let text = "fn f() -> u8 { #[cfg(a)] let x = 1; #[cfg(not(a))] let x = 2; x }";
    expect(text, "x = v0\nblock cfg not(a)\nv1 = 2\nx = v1\nv2 = move x\nreturn v2\nends x");
}

#[test]
fn question_marks_and_awaits_are_steps() {
    expect("async fn f(tx: T) -> R { tx.send(1).await?; }", "v4 = await v3\nv5 = v4?\ndiscard v5 (Statement)");
    let lowered = lowered("async fn f() -> Result<A, B> { g().await }");
    assert_eq!(body(&lowered, "f").colour, Colour::Async);
    assert!(matches!(&body(&lowered, "f").returns, Some(TypeTree::Path { path, .. }) if path == &["Result"]));
}

#[test]
fn conditions_are_trees() {
    expect("fn f(q: Q) { if q.len() >= MAX && !q.open { return; } }", "if all(v2 >= v3, not v5)\nreturn");
    expect(
        "fn f(a: A) { while let Some(x) = a.pop() { go(x); } }",
        "while v2 matches @Some(x)\nv3 = part @Some.0 of v2\nx = v3",
    );
    expect(
        "fn f() { let x = a && b(); }",
        "v0 = move @a\nif v0\nv1 = receiver @b\nv2 = call v1()\nleaves v2\nv3 = join(v0, v2)\nx = v3",
    );
}

#[test]
fn values_of_branches_are_joined() {
    expect(
        "fn f(a: bool) -> u8 { if a { x() } else { y() } }",
        "leaves v2\nelse\nv3 = receiver @y\nv4 = call v3()\nleaves v4\nv5 = join(v2, v4)\nreturn v5",
    );
    expect("fn f() { let x = loop { break 5; }; }", "break v0\nv1 = join(v0)\nx = v1");
    expect(
        "fn f(a: A) { match a { A::B(x) if x > 1 => go(x), _ => {} } }",
        "case @A.B(x) if v2 > v3\nv1 = part @A.B.0 of v0\nx = v1\nv2 = x\nv3 = 1",
    );
}

#[test]
fn places_are_read_from_the_outside_in() {
    expect(
        "impl A { fn f(&mut self) { self.a.b = self.c; } }",
        "v0 = self\nv1 = move v0.c\nv2 = &mut self\nv3 = &mut v2.a\nv3.b := v1",
    );
    expect("impl A { fn f(&mut self) { self.n += 1; } }", "v0 = 1\nv1 = &mut self\nv1.n add= v0");
    expect(
        "fn f(a: A) { g(&a, &mut a.b); }",
        "v1 = a\nv2 = view Ref v1\nv3 = &mut a\nv4 = &mut v3.b\nv5 = view RefMut v4",
    );
}

#[test]
fn receivers_and_generic_parameters_have_types() {
    let text = "struct S; impl S { fn a(self: Arc<Self>) {} fn b(&self) {} }
        fn c<E: Executor>(e: E, f: impl Fn(u8) -> u8) where E: Send {}";
    let printed = printed(text);
    for head in [
        "function a(receiver self: Arc[Self]) of type 0",
        "function b(receiver self: &Self) of type 0",
        "function c(e: impl Executor + Send, f: impl fn(u8) -> u8)",
    ] {
        assert!(printed.contains(head), "{printed}");
    }
}

#[test]
fn headers_tell_imports_types_and_constants() {
    let text = "use a::{self, b as c, d::*};\npub use ::g;\nconst N: usize = 4 * 1024;\nconst M: usize = x::N;
impl P { const K: u8 = 1; }\nstruct P(u8);\nenum E { A { x: u8 }, B(u16) }\ntype T = Vec<P>;
mod m;\n#[path = \"z.rs\"] mod z; // unleak: allow(x)\n";
    let outline = lowered(text).outline;
    let imports: Vec<_> = outline.imports.iter().map(|import| (import.path.join("::"), import.binds.clone())).collect();
    let name = |text: &str| Some(Name::new(text));
    let expected = [("a", name("a")), ("a::b", name("c")), ("a::d", None), ("::g", name("g"))];
    assert_eq!(imports, expected.map(|(path, binds)| (path.to_owned(), binds)));
    assert_eq!(outline.constants[0].value, Some(Const::Int(4096)));
    assert_eq!(outline.constants[1].same_as, Some(vec![Name::new("x"), Name::new("N")]));
    assert_eq!(outline.constants[2].owner, Some(TypeId(0)));
    assert_eq!(outline.types[1].fields[1].variant, name("B"));
    assert_eq!(outline.types[2].kind, TypeKind::Alias);
    assert_eq!(outline.modules[1].file, name("z.rs"));
    let comment = &outline.comments[0];
    assert_eq!((comment.text.as_str(), comment.place), ("unleak: allow(x)", CommentPlace::AfterCode));
    assert_eq!(outline.lines, 10);
}

#[test]
fn what_has_no_code_may_do_anything() {
    expect("trait T { fn a(&self, x: u8); }", "v0 = opaque mentions [] locals [self, x]");
}

#[test]
fn a_function_that_cannot_be_read_keeps_its_head() {
    let text = "impl S {\n    fn a(&self) { let x = = secret; }\n    fn b(&self) { go(); }\n}\nstruct S;\n";
    let lowered = lowered(text);
    let problem = &lowered.unit.problems[0];
    assert_eq!(&text[problem.span.start as usize..problem.span.end as usize], "=");
    assert_eq!(body(&lowered, "a").owner, Some(TypeId(0)));
    assert_eq!(lowered.outline.impls[0].methods.len(), 2);
    assert!(print(&lowered, text).contains("opaque mentions [x, secret]"));
    assert_eq!(body(&lowered, "b").root.steps.len(), 3);
}
