//! Lowering Python never fails, whatever the text.

mod common;

use common::{check, lower_checked};
use proptest::prelude::*;
use unleak_analysis::python::lower;

/// The number of problems of a text that is lowered on a thread with the stack that callers have.
fn problems_of(text: String) -> usize {
    let lowering = move || lower_checked(&text).unit.problems.len();
    let thread = std::thread::Builder::new().stack_size(8 << 20).spawn(lowering);
    thread.expect("a thread").join().expect("lowering must not panic")
}

#[test]
fn deep_brackets_are_a_problem_and_no_overflow() {
    for (open, close) in [("(", ")"), ("[", "]"), ("f(", ")"), ("{1: ", "}"), ("x[", "]"), ("lambda: (", ")")] {
        let text = format!("x = {}1{}\ndef after():\n    return 2\n", open.repeat(10_000), close.repeat(10_000));
        // Parentheses alone are no level of the tree.
        assert!(problems_of(text) > 0 || open == "(", "{open}");
    }
}

#[test]
fn deep_targets_patterns_types_and_texts_are_read_without_overflow() {
    let deep = |open: &str, close: &str| format!("{}x{}", open.repeat(10_000), close.repeat(10_000));
    for text in [
        format!("{} = 1\n", deep("[", "]")),
        format!("for {} in y: pass\n", deep("[", "]")),
        format!("def f(a: {}): pass\n", deep("A[", "]")),
        format!("match x:\n    case {}: pass\n", deep("[", "]")),
        format!("match x:\n    case {}: pass\n", deep("C(", ")")),
        format!("del {}\n", deep("[", "]")),
        format!("with {} as y: pass\n", deep("f(", ")")),
        format!("if (y := {}): pass\n", deep("[", "]")),
        format!("{}x{}\n", "f'{".repeat(200), "}'".repeat(200)),
    ] {
        problems_of(text);
    }
}

#[test]
fn unclosed_brackets_are_read_without_overflow() {
    for open in [
        "(",
        "[",
        "{",
        "f(",
        "x[",
        "lambda x=",
        "f'{",
        "(yield ",
        "[x for x in ",
        "A[\"",
        "case [",
        "@(",
        "lambda x=type x=",
    ] {
        problems_of(open.repeat(10_000));
    }
}

#[test]
fn long_rows_of_operators_are_read_without_overflow() {
    for part in ["not ", "-", "~", "await ", "2 ** ", "x if y else ", "lambda: ", "*", "x or not ", "yield ", "x := "] {
        problems_of(format!("y = {}z\n", part.repeat(20_000)));
    }
}

#[test]
fn long_chains_are_read_to_the_end() {
    for (head, link, links) in [
        ("x", ".a", 20_000),
        ("x", ".a()", 20_000),
        ("x", "[0]", 20_000),
        ("x", " + y", 20_000),
        ("x", " or y", 20_000),
        ("x", ", y", 20_000),
        ("x", " < y", 20_000),
        ("'x'", " 'y'", 1_000),
    ] {
        assert_eq!(problems_of(format!("z = {head}{}\n", link.repeat(links))), 0, "{link}");
    }
}

#[test]
fn deep_blocks_are_a_problem_and_no_overflow() {
    let nested = |head: &str| -> String {
        let blocks: String = (0..1_000).map(|level| format!("{}{head}\n", " ".repeat(level))).collect();
        blocks + &" ".repeat(1_000) + "pass\n"
    };
    for head in ["if x:", "while x:", "for x in y:", "with x as y:", "def f():", "class A:", "try:", "match x:"] {
        assert!(problems_of(nested(head)) > 0, "{head}");
    }
    let clauses = format!("if x:\n    pass\n{}", "elif y:\n    pass\n".repeat(20_000));
    assert!(problems_of(clauses) > 0);
    let items = format!("with {}z:\n    pass\n", "a as b, ".repeat(5_000));
    assert!(problems_of(items) > 0);
}

#[test]
fn odd_texts_have_a_module() {
    for text in [
        "",
        "\u{feff}",
        "\u{feff}x = 1\r\n",
        "\0",
        "x\0y = 1\n",
        "\x0c\x0cdef f(): pass\n",
        "def f():\r\n    return 1\r\n",
        "def f():\r    return 1\r",
        "'\\ud800'\n",
        "x = '\u{fffd}'\n",
        "é = ñ.ü('\u{1f600}')  # noqa: \u{1f600}",
        "%timeit x\n!ls\nx?\n",
        "\\",
        "def",
        "class",
        "@",
        "f'{",
        "f'{x!",
        "'''",
        "match x:",
        "match x:\n case",
        "try:\n  pass",
        "import",
        "from . import",
        "from .. import (",
        "global",
        "async",
        "x: ",
        "lambda",
        "return\nyield\nawait x\nbreak\n",
        "print 'python 2'\n",
        "exec 'x' in y\n",
        "raise A, b\n",
    ] {
        let lowered = lower_checked(text);
        assert!(!lowered.unit.bodies.is_empty(), "{text:?}");
    }
}

const SOUP: &[&str] = &[
    "def ",
    "class ",
    "async ",
    "await ",
    "if ",
    "elif ",
    "else",
    ":",
    "\n",
    "\n    ",
    "\n        ",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "for ",
    "in ",
    "while ",
    "with ",
    "as ",
    "try",
    "except ",
    "except* ",
    "finally",
    "match ",
    "case ",
    "lambda ",
    "x",
    "y",
    "self",
    "_",
    "f",
    ".",
    ",",
    "=",
    ":=",
    "==",
    "+",
    "-",
    "**",
    "*",
    "not ",
    "and ",
    "or ",
    "is ",
    "None",
    "True",
    "1",
    "1e9",
    "0x",
    "'a'",
    "f'",
    "'",
    "\"\"\"",
    "{x}",
    "!r",
    "yield ",
    "yield from ",
    "return ",
    "raise ",
    "from ",
    "import ",
    "global ",
    "nonlocal ",
    "del ",
    "assert ",
    "@",
    "->",
    "# noqa\n",
    "# unleak: x\n",
    ";",
    "\\\n",
    "type ",
    "é",
    "\u{1f600}",
    "\t",
    "\r\n",
    "\0",
    "|",
    "~",
    "...",
    "pass",
    "break",
    "continue",
    "+=",
    "//=",
    "%",
];

const PROGRAM: &str = include_str!("data/python_program.py");

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let text = String::from_utf8_lossy(&bytes);
        check(&lower(&text), &text);
    }

    #[test]
    fn any_text(chars in proptest::collection::vec(any::<char>(), 0..200)) {
        let text: String = chars.into_iter().collect();
        check(&lower(&text), &text);
    }

    #[test]
    fn any_tokens(tokens in proptest::collection::vec(proptest::sample::select(SOUP), 0..120)) {
        let text = tokens.concat();
        check(&lower(&text), &text);
    }

    #[test]
    fn any_cut_of_a_program(
        from in 0..PROGRAM.len(),
        length in 0..400usize,
        instead in proptest::sample::select(SOUP),
    ) {
        let start = PROGRAM.floor_char_boundary(from);
        let end = PROGRAM.floor_char_boundary((start + length).min(PROGRAM.len())).max(start);
        let text = format!("{}{instead}{}", &PROGRAM[..start], &PROGRAM[end..]);
        check(&lower(&text), &text);
    }
}
