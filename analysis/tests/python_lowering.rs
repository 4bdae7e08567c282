//! What lowering says of small Python programs.

mod common;

use common::lower_checked;
use unleak_analysis::unit::print::{print, print_bodies};
use unleak_analysis::unit::{Const, Lowered, StepKind, TypeKind, TypeTree, Visibility};

/// The bodies of a program as text; the program may be indented.
fn bodies(program: &str) -> String {
    let text = dedent(program);
    print_bodies(&lower_checked(&text), &text)
}

fn lowered(program: &str) -> Lowered {
    lower_checked(&dedent(program))
}

fn dedent(program: &str) -> String {
    let lines = || program.lines().skip_while(|line| line.trim().is_empty());
    let indent = lines().next().map_or(0, |line| line.len() - line.trim_start().len());
    lines().map(|line| line.get(indent..).unwrap_or("").to_owned() + "\n").collect()
}

/// Asserts that the printed bodies hold these lines, one after another, whatever their indentation.
#[track_caller]
fn holds(program: &str, expected: &str) {
    let all = bodies(program);
    let lines: Vec<&str> = all.lines().map(str::trim).collect();
    let wanted: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert!(lines.windows(wanted.len()).any(|window| window == wanted), "not found in\n{all}");
}

#[test]
fn a_method_call_reads_the_field_then_calls_it() {
    insta::assert_snapshot!(bodies("
        async def f(self, *xs, **kw):
            await self.q.put(1, *xs, k=2, **kw)
    "), @r"
    body 0 module
      v0 = closure body 1
      @f = v0
    body 1 async function f(self, *xs, **kw)
      v0 = self
      v1 = v0.q
      v2 = v1.put
      v3 = 1
      v4 = xs
      v5 = 2
      v6 = kw
      v7 = call v2(v3, *v4, k=v5, **v6)
      v8 = await v7
      discard v8 (Statement)
    ");
}

#[test]
fn captures_go_through_every_body_between() {
    insta::assert_snapshot!(bodies("
        def f(a):
            class C:
                def m(self):
                    nonlocal a
                    a = lambda: b
            b = 1
    "), @r"
    body 0 module
      v0 = closure body 1
      @f = v0
    body 1 function f(a)
      v0 = type 0
      C = v0
      v1 = 1
      b = v1
    body 2 class C
      capture ^b = local 1 of the parent
      capture ^a = local 0 of the parent
      v0 = closure body 3
      m = v0
    body 3 function m(receiver self) of type 0
      capture ^b = local 0 of the parent
      capture ^a = local 1 of the parent
      v0 = closure body 4
      ^a = v0
    body 4 closure()
      capture ^b = local 1 of the parent
      v0 = ^b
      return v0
    ");
}

#[test]
fn what_stands_on_the_right_of_or_is_conditional() {
    holds(
        "def f(a): return a or g()",
        "
        v0 = a
        if not v0
        v1 = @g
        v2 = call v1()
        v3 = join(v0, v2)
        return v3
    ",
    );
}

#[test]
fn a_condition_is_a_tree() {
    holds(
        "def f(a, b):\n    if a is None or not 1 < b <= 3: pass",
        "
        if any(v0 is v1, not all(v2 < v3, v3 <= v4))
    ",
    );
}

#[test]
fn comprehension_variables_are_fresh() {
    holds(
        "def f(x): return [[x for x in x] for x in x if x]",
        "
        v0 = list[]
        v1 = x'0
        for v2 in v1
        x'1 = v2
        v3 = x'1
        if v3
        v4 = list[]
        v5 = x'1
        for v6 in v5
        x'2 = v6
        v7 = x'2
        grow v4 by v7
        grow v0 by v4
    ",
    );
}

#[test]
fn a_walrus_in_a_comprehension_binds_in_the_function() {
    holds(
        "def f(xs):\n    any((y := x) for x in xs)\n    return y",
        "
        v4 = x
        y = v4
        grow v1 by v4
    ",
    );
    holds(
        "def f(xs):\n    any((y := x) for x in xs)\n    return y",
        "
        v6 = y
        return v6
    ",
    );
}

#[test]
fn later_contexts_stand_in_the_scope_of_earlier_ones() {
    holds(
        "async def f():\n    async with a() as x, x.b: pass",
        "
        with async v1 as v2
        x = v2
        v3 = x
        v4 = v3.b
        with async v4 as v5
    ",
    );
}

#[test]
fn underscore_is_stored_and_thrown_away() {
    holds(
        "def f():\n    a, _ = g()",
        "
        v2 = part 0 of v1
        a = v2
        v3 = part 1 of v1
        _ = v3
        discard v3 (Underscore)
    ",
    );
}

#[test]
fn loops_tell_what_makes_them_turn() {
    holds("while True: pass", "forever");
    holds(
        "while x := f(): pass\nelse: g()",
        "
        before each turn
        v0 = @f
        v1 = call v0()
        @x = v1
        while v1
        else
    ",
    );
    holds(
        "async def f():\n    async for a, b in c: pass",
        "
        async for v1 in v0
        v2 = part 0 of v1
        a = v2
    ",
    );
}

#[test]
fn handlers_tell_what_they_catch() {
    holds(
        "def f():\n    try: a()\n    except (E, m.F) as e: raise\n    except: pass\n    else: b()\n    finally: c()",
        "
        except E, m.F as e
        raise
        except everything
        else
    ",
    );
}

#[test]
fn match_arms_begin_with_what_they_bind() {
    holds(
        "def f(s):\n    match s:\n        case P(x, y=[a, *_]) | Q(x, a) if a: g()",
        "
        case @P(x, (a, …)) | @Q(x, a) if v8
        v1 = part @P.0 of v0
        v2 = part .y of v0
        v3 = part 0 of v2
        v4 = part @Q.0 of v0
        v5 = part @Q.1 of v0
        v6 = join(v1, v4)
        v7 = join(v3, v5)
        x = v6
        a = v7
        v8 = a
    ",
    );
}

#[test]
fn definitions_are_stored_then_decorated_from_within() {
    let program = "@a\n@b.c('x', 2)\nasync def _f(): yield 1\n";
    holds(
        program,
        "
        v6 = closure body 1
        @_f = v6
        decorate v6 with v5
        decorate v6 with v0
        body 1 async function _f() yields private
        mark a()
        mark b.c('x',2)
    ",
    );
    let lowered = lowered(program);
    assert_eq!(lowered.unit.bodies[1].span.start, 0, "the function begins with its decorators");
}

#[test]
fn class_names_are_not_seen_from_methods() {
    holds(
        "n = 1\nclass C:\n    n = 2\n    k = n\n    def f(self): return n",
        "
        v0 = 2
        n = v0
        v1 = n
        k = v1
    ",
    );
    holds("class C:\n    n = 2\n    def f(self): return n", "v0 = @n");
    holds("class C:\n    n = n", "v0 = @n\nn = v0");
}

#[test]
fn slices_have_a_start_and_an_end() {
    holds(
        "def f(x): x[-5:] = x[1:2:3]",
        "
        v1 = 1
        v2 = 2
        v3 = 3
        v4 = range[v1, v2, v3]
        v5 = v0[v4]
        v6 = x
        v7 = -5
        v8 = nothing
        v9 = range[v7, v8]
        v6[v9] := v5
    ",
    );
}

#[test]
fn globals_are_global_in_functions_too() {
    holds(
        "def f():\n    global a\n    a = 1\n    a += 2\n    del a",
        "
        v0 = 1
        @a = v0
        v1 = 2
        @a add= v1
        delete @a
    ",
    );
}

#[test]
fn local_imports_are_values() {
    holds(
        "def f():\n    import a.b, c.d as e\n    from ..g import h as i",
        "
        v0 = import a
        a = v0
        v1 = import c.d
        e = v1
        v2 = import ..g item h
        i = v2
    ",
    );
}

#[test]
fn the_outline_tells_headers() {
    let text = dedent(
        "
        from .a import b as c, d
        import e.f
        from g import *
        LIMIT = 60 * 5
        BIG, SMALL = 1 << 20, -1
        ALIAS = e.f.g
        try:
            fast = True
        except E:
            fast = False
        type T[X] = dict[str, X]
        U: TypeAlias = 'int | None'
        class K(B, G[int]):
            q: 'm.Queue[int] | None' = None
            cb: Callable[[int], str]
            class In: pass
            def __init__(self): self._t: Optional[a.T] = None
    ",
    );
    insta::assert_snapshot!(print(&lower_checked(&text), &text).split("body 0").next().unwrap_or_default(), @r#"
    import .a item b as c
    import .a item d as d
    import e.f as e
    import g as *
    type 0 T Alias(dict[str, X])
    type 1 U Alias(int | nothing)
    type 2 K Class(B, G[int])
      field q: m.Queue[int] | nothing
      field cb: fn(int) -> str
      field _t: Optional[a.T]
      method __init__ = body 3
    type 3 In Class()
    constant LIMIT = 300
    constant BIG = 1048576
    constant SMALL = -1
    constant ALIAS same as e.f.g
    constant fast = true
    constant fast = false
    constant U: TypeAlias = "int | None"
    constant type 2.q: m.Queue[int] | nothing = nothing
    "#);
}

#[test]
fn comments_for_us_and_asking_for_the_own_name_are_noted() {
    let plain = lowered("x.attr(z='not __name__ alone')  # noqa: B1\n# unleak: allow\n");
    assert_eq!(plain.outline.comments.len(), 2);
    assert!(!plain.outline.asks_own_name);
    assert!(lowered("if __name__ == '__main__':\n    main()\n").outline.asks_own_name);
    assert!(lowered("getattr(x, '__name__')\n").outline.asks_own_name);
    assert_eq!(plain.outline.lines, 2);
}

#[test]
fn headers_know_kinds_and_defaults() {
    let lowered = lowered("class A: pass\ndef f(a, /, b: int = 1 << 4, *, c=g()): pass\n");
    assert_eq!(lowered.outline.types[0].kind, TypeKind::Class);
    let body = &lowered.unit.bodies[2];
    assert_eq!(body.visibility, Visibility::Public);
    assert_eq!(body.params[1].default, Some(Const::Int(16)));
    assert_eq!(body.params[1].ty.as_deref(), Some(&TypeTree::named(&["int"])));
    assert_eq!(body.params[2].default, Some(Const::Other));
    let module = &lowered.unit.bodies[0].root.steps;
    assert!(module.iter().any(|step| matches!(step.kind, StepKind::Call { .. })), "defaults are evaluated outside");
}

#[test]
fn one_broken_token_leaves_the_other_functions_as_they_were() {
    let whole = "def a(x):\n    return x.run()\n\ndef b(y):\n    y = y + 1\n    return y\n\nclass C:\n    def c(self):\n        self.t = spawn(self.go())\n";
    let printed_of = |text: &str, name: &str| {
        let lowered = lower_checked(text);
        let body = lowered.unit.bodies.iter().find(|body| body.name == name).expect("the function is there");
        (print_of_steps(&body.root.steps), lowered.unit.problems.len())
    };
    for broken in ["y = y + ", "y = = 1", "y = (y", "y ? 1", "y = 'text", "for in y:", "return return"] {
        let text = whole.replace("y = y + 1", broken);
        for name in ["a", "c"] {
            let (before, _) = printed_of(whole, name);
            let (after, problems) = printed_of(&text, name);
            assert_eq!(before, after, "{broken}: {name}");
            assert!(problems > 0, "{broken}");
        }
    }
}

/// Steps without their places in the text.
fn print_of_steps(steps: &[unleak_analysis::unit::Step]) -> Vec<StepKind> {
    steps.iter().map(|step| step.kind.clone()).collect()
}
