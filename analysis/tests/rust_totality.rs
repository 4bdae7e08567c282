//! Any text gives an outline and a unit that keep the promises of `unit`.

mod rust_checks;

use proptest::prelude::*;
use rust_checks::{bodies_without_places, check, lower};

const PROGRAM: &str = r#"use std::sync::Arc;

struct Pool {
    tasks: Vec<u32>,
}

impl Pool {
    fn first(&mut self, x: u32) -> u32 {
        if x > 3 {
            self.tasks.push(x);
        }
        x + 1
    }

    async fn second(&self) {
        let s = "text (with { brackets";
        let c = '}';
        while let Some(x) = self.next().await {
            println!("{x} {s} {c}");
        }
    }
}

fn third<'a>(a: &'a str) -> Option<&'a str> {
    match a {
        "x" => Some(a),
        _ => None,
    }
}

fn fourth() {
    let f = move |x: u32| {
        spawn(async move { x });
    };
    f(1);
}
"#;

#[test]
fn one_broken_token_leaves_the_other_functions_as_they_were() {
    let whole = lower(PROGRAM);
    assert!(whole.unit.problems.is_empty(), "{:?}", whole.unit.problems);
    let names = ["first", "second", "third", "fourth"];
    let places = ["x > 3 {", "self.next()", "match a {", "move |x: u32| {"];
    for (broken, place) in names.iter().zip(places) {
        let at = PROGRAM.find(place).unwrap() + place.len();
        for token in ["{", "}", "(", ")", "[", "]", "\"", "'", "/*", "*/", "@", "fn", "r#\"", "\\", "é€"] {
            let mut text = PROGRAM.to_owned();
            text.insert_str(at, token);
            let lowered = lower(&text);
            check(&text, &lowered);
            for name in names.iter().filter(|name| *name != broken) {
                let (before, after) = (bodies_without_places(&whole, name), bodies_without_places(&lowered, name));
                assert!(
                    !before.is_empty() && before == after,
                    "{token:?} in {broken} changed {name}\n{:?}\n{after}",
                    lowered.unit.problems
                );
            }
        }
    }
}

fn nested(open: &str, middle: &str, close: &str, times: usize) -> String {
    format!("fn deep() {{ let x = {}{middle}{}; }}\nfn fine() {{ call(); }}\n", open.repeat(times), close.repeat(times))
}

#[test]
fn depth_is_a_problem_and_never_an_abort() {
    let shapes = [
        ("(", "1", ")"),
        ("[", "1", "]"),
        ("{", "1", "}"),
        ("f(", "1", ")"),
        ("-", "1", ""),
        ("- ", "1", ""),
        ("!", "1", ""),
        ("&", "a", ""),
        ("&&", "a", ""),
        ("*", "a", ""),
        ("&mut ", "a", ""),
        ("|| ", "1", ""),
        ("|a, b| ", "1", ""),
        ("move || ", "1", ""),
        ("1 + ", "1", ""),
        ("1 - ", "1", ""),
        ("a && ", "a", ""),
        ("a || ", "a", ""),
        ("a = ", "1", ""),
        ("a", "", ".b"),
        ("a", "", ".b()"),
        ("a", "", "?"),
        ("a", "", ".await"),
        ("a", "", " as u8"),
        ("a", "", "[0]"),
        ("a", "", "(0)"),
        ("return ", "1", ""),
        ("break ", "1", ""),
        ("if a {} else ", "{}", ""),
        ("if ", "a", " {}"),
        ("match ", "a", " {}"),
        ("while ", "a", " {}"),
        ("for a in ", "b", " {}"),
        ("for S {} in ", "b", " {}"),
        ("unsafe { ", "a", " }"),
        ("async { ", "a", " }"),
        ("loop { ", "a", " }"),
        ("x!(", "1", ")"),
        ("a::<A<", "u8", ">>()"),
        ("a::<A<(), A<", "u8", ">>>()"),
        ("<A as B<", "u8", ">>::c"),
        ("..", "1", ""),
        ("'a: loop { ", "a", " }"),
        ("if a { ", "b", " }"),
        ("match a { _ => ", "b", " }"),
        ("let a = ", "b", ""),
        ("if let a = ", "b", ""),
        ("yield ", "a", ""),
        ("S { a: ", "b", " }"),
        ("#[a] ", "b", ""),
        ("a < ", "b", ""),
        ("a << ", "b", ""),
        ("\"", "", "\""),
        ("/*", "", "*/"),
        ("/*", "", ""),
        ("fn a() { ", "", " }"),
        ("mod a { ", "", " }"),
        ("impl A { fn a() { ", "", " } }"),
        ("async move || ", "1", ""),
        ("const { ", "1", " }"),
        ("x!{ a = b => ", "1", " }"),
        ("a..", "b", ""),
        ("|x: fn() -> ", "u8", "| 1"),
        ("b'", "", "'"),
        ("a.b::<", "A", ">()"),
    ];
    for (open, middle, close) in shapes {
        for times in [10, 150, 198, 1_000, 3_900, 100_000] {
            let text = nested(open, middle, close, times);
            let lowered = lower(&text);
            check(&text, &lowered);
            assert!(bodies_without_places(&lowered, "fine").contains("call"), "{open} {times}");
            assert!(
                times < 100_000
                    || !lowered.unit.problems.is_empty()
                    || open == "/*"
                    || open.contains('"')
                    || open.starts_with('#'),
                "{open}"
            );
        }
    }
}

#[test]
fn types_and_patterns_may_be_deep_too() {
    let shapes = [
        ("fn deep(a: ", "&", "u8", "", ") {}"),
        ("fn deep(a: ", "A<", "u8", ">", ") {}"),
        ("fn deep(a: ", "fn() -> ", "u8", "", ") {}"),
        ("fn deep(a: ", "*const ", "u8", "", ") {}"),
        ("fn deep(", "&", "a", "", ": u8) {}"),
        ("fn deep(", "(", "a", ",)", ": u8) {}"),
        ("fn deep() { let ", "A(", "a", ")", " = b; }"),
        ("fn deep() { let ", "a | ", "a", "", " = b; }"),
        ("fn deep() { let ", "a @ ", "a", "", " = b; }"),
        ("use ", "a::", "b", "", ";"),
        ("use ", "{", "b", "}", ";"),
        ("type A = ", "impl A<", "u8", ">", ";"),
        ("type A = ", "A<u8, ", "u8", ">", ";"),
        ("const A: u8 = ", "1 + ", "1", "", ";"),
        ("const A: u8 = ", "-", "1", "", ";"),
        ("impl A<", "A<", "u8", ">", "> {}"),
        ("pub(in ", "a::", "a", "", ") fn x() {}"),
        ("#[a(", "(", "", ")", ")] fn x() {}"),
        ("fn x() where ", "A: B, ", "A: B", "", " {}"),
        ("enum A { ", "B(", "u8", ")", " }"),
        ("x! { ", "{", "", "}", " }"),
        ("fn deep(a: ", "impl Fn() -> ", "u8", "", ") {}"),
        ("fn deep(a: ", "Box<dyn Fn(u8, ", "u8", ")>", ") {}"),
        ("fn f<", "T: A<U, ", "u8", ">", ">() {}"),
    ];
    for (before, open, middle, close, after) in shapes {
        for times in [10, 198, 1_000, 3_900, 100_000] {
            let text = format!(
                "{before}{}{middle}{}{after}\nfn fine() {{ call(); }}\n",
                open.repeat(times),
                close.repeat(times)
            );
            let lowered = lower(&text);
            check(&text, &lowered);
            assert!(bodies_without_places(&lowered, "fine").contains("call"), "{before}{open} {times}");
        }
    }
}

#[test]
fn preambles_and_line_endings_are_no_trouble() {
    for text in [
        "\u{feff}fn a() { b(); }",
        "#!/usr/bin/env run\nfn a() { b(); }",
        "#![allow(x)]\r\nfn a() {\r\n b();\r\n}\r\n",
        "fn a() { b(\"é\"); /* ü */ }",
        "",
    ] {
        let lowered = lower(text);
        check(text, &lowered);
        assert!(lowered.unit.problems.is_empty(), "{text:?} {:?}", lowered.unit.problems);
    }
}

#[rustfmt::skip]
const SOUP: &[&str] = &[
    "fn", "a", "b", "self", "Self", "impl", "struct", "enum", "trait", "mod", "use", "let", "mut", "ref", "if", "else", "match", "loop", "while",
    "for", "in", "return", "break", "continue", "async", "await", "move", "unsafe", "const", "static", "pub", "where", "as", "dyn", "type", "yield",
    "(", ")", "[", "]", "{", "}", "<", ">", ";", ",", ".", "..", "..=", ":", "::", "->", "=>", "=", "==", "!", "!=", "&", "&&", "|", "||", "+", "-", "*",
    "?", "@", "#", "_", "'a", "'a'", "\"s\"", "\"", "'", "1", "1.5", "0x1f", "b\"x\"", "r#\"x\"#", "r#", "//", "/*", "*/", "\n", "é", "select!", "x!",
    "#[cfg(test)]", "#![a]", "fn f() {", "}\n", "let x = y;", "|x| x", "async move {", "if let Some(x) = y {", "$", "\\", "macro_rules!", "{x}", "\"{x}\"",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_string_can_be_lowered(text in "\\PC{0,200}|[a-z(){}\\[\\]<>|&;,.='\"/*#!\n ]{0,300}") {
        check(&text, &lower(&text));
    }

    #[test]
    fn any_soup_of_tokens_can_be_lowered(words in prop::collection::vec(prop::sample::select(SOUP), 0..120), inside in any::<bool>()) {
        let soup = words.join(" ");
        let text = if inside { format!("fn outer(p: u8) {{ {soup} }}") } else { soup };
        check(&text, &lower(&text));
    }

    #[test]
    fn any_mutation_of_a_program_can_be_lowered(
        cuts in prop::collection::vec((0.0..1.0_f64, 0_usize..12, prop::sample::select(SOUP)), 1..6),
        which in 0_usize..3,
    ) {
        let mut text = [PROGRAM, include_str!("../src/rust/control.rs"), include_str!("rust_lowering.rs")][which].to_owned();
        for (place, length, insert) in cuts {
            let mut at = (text.len() as f64 * place) as usize;
            while !text.is_char_boundary(at) { at -= 1; }
            let mut end = (at + length).min(text.len());
            while !text.is_char_boundary(end) { end -= 1; }
            text.replace_range(at..end.max(at), insert);
        }
        check(&text, &lower(&text));
    }
}
