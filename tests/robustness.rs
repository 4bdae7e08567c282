//! Any bytes are read: nothing panics, aborts or hangs, and every span cuts the text at characters.

mod support;

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use serde_json::Value;
use support::{report, temporary_folder, unleak};
use unleak_analysis::lower;
use unleak_analysis::source::{Language, Source};

/// Words from which nearly-right programs are made.
const PYTHON: &[&str] = &[
    "async ",
    "def f(a, *b, **c):\n",
    "    ",
    "await ",
    "x",
    " = ",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "\n",
    "try:\n",
    "finally:\n",
    "except* E as e:\n",
    "match x:\n",
    "case [a, *_]:\n",
    "lambda a: ",
    "f'{",
    "'",
    "\"\"\"",
    "\\\n",
    ":",
    ",",
    "with a as b:\n",
    "for x in y:\n",
    "while True:\n",
    "return ",
    "yield ",
    "class A(B):\n",
    "@d\n",
    "import a.b as c\n",
    "from . import *\n",
    ":=",
    "# unleak: detached(é)\n",
    "é",
    "😀",
    "\r\n",
    "\u{feff}",
    "\0",
    "\u{c}",
    "0x",
    "1_",
    "del x\n",
    "global x\n",
    "if ",
    "else:\n",
];
const RUST: &[&str] = &[
    "async ",
    "fn f(a: &'a T) -> ",
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    "<",
    ">",
    "let ",
    "_ = ",
    ";",
    "await",
    ".",
    "?",
    "|x| ",
    "move ",
    "match x ",
    "=> ",
    ",",
    "impl Drop for A ",
    "struct A",
    "enum ",
    "use a::{b, c as d, *};",
    "select! ",
    "loop ",
    "'a: ",
    "'",
    "\"",
    "r#\"",
    "\"#",
    "/*",
    "*/",
    "// unleak: é\n",
    "é",
    "😀",
    "\r\n",
    "\u{feff}",
    "\0",
    "#[cfg(test)]",
    "#![",
    "mod m ",
    "..=",
    "0x",
    "1e",
    "macro_rules! m ",
    "$x",
    "unsafe ",
    "const ",
    "return ",
    "break 'a ",
    "if let ",
    "else ",
    "::",
    "b'\\''",
    "#!/x\n",
    "r#fn",
];

/// Every object with just a start and an end, anywhere in a value, is a span.
fn spans(value: &Value, found: &mut Vec<(u64, u64)>) {
    match value {
        Value::Object(fields) => {
            let number = |key| fields.get(key).and_then(Value::as_u64);
            if let (2, Some(start), Some(end)) = (fields.len(), number("start"), number("end")) {
                found.push((start, end));
            }
            fields.values().for_each(|field| spans(field, found));
        }
        Value::Array(items) => items.iter().for_each(|item| spans(item, found)),
        _ => {}
    }
}

/// Lowers bytes and looks at what every lowered file must keep to.
fn lowers(language: Language, bytes: &[u8]) -> Result<(), TestCaseError> {
    let source = Source::from_bytes("any", language, bytes);
    let lowered = lower(&source);
    prop_assert!(!lowered.unit.bodies.is_empty(), "the module's own code is always there");
    prop_assert_eq!(
        &lower(&Source::from_bytes("other", language, bytes)),
        &lowered,
        "only the bytes and the language count"
    );
    let value = serde_json::to_value(&lowered).expect("a lowered file can be written down");
    let mut found = Vec::new();
    spans(&value, &mut found);
    for (start, end) in found {
        let cut = source.text.get(start as usize..end as usize);
        prop_assert!(cut.is_some(), "the span {start}..{end} does not cut {:?}", source.text);
    }
    let back: unleak_analysis::unit::Lowered = serde_json::from_value(value).expect("and read again");
    prop_assert_eq!(back, lowered);
    Ok(())
}

fn program(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(words), 0..60).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_lower(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for language in Language::ALL {
            lowers(language, &bytes)?;
        }
    }

    #[test]
    fn any_text_lowers(text in "\\PC{0,200}") {
        for language in Language::ALL {
            lowers(language, text.as_bytes())?;
        }
    }

    #[test]
    fn nearly_python_lowers(text in program(PYTHON)) {
        lowers(Language::Python, text.as_bytes())?;
    }

    #[test]
    fn nearly_rust_lowers(text in program(RUST)) {
        lowers(Language::Rust, text.as_bytes())?;
    }
}

#[test]
fn every_prefix_of_a_program_lowers() {
    let python = "@a.b(c)\nasync def f(x: int = 1, *, y):\n    async with t() as g:\n        try:\n            q = [await z async for z in g if z]\n        except (A, B) as e:\n            raise X from e\n        finally:\n            self.n -= 1  # unleak: é\n";
    let rust = "#[cfg(test)]\nimpl<T: Drop> A<T> {\n    async fn f(&self, x: &'a str) -> R<()> {\n        let h = tokio::spawn(async move { loop { select! { _ = a() => b?, else => break 'é' } } });\n        drop(h); // unleak: é\n        Ok(())\n    }\n}\n";
    for (language, text) in [(Language::Python, python), (Language::Rust, rust)] {
        for end in 0..=text.len() {
            lowers(language, &text.as_bytes()[..end])
                .unwrap_or_else(|error| panic!("{}: first {end} bytes: {error}", language.name()));
        }
    }
}

/// Runs `check` on the folder; the code must be 0 or 1, and the answer JSON.
fn check(folder: &Path) -> Result<Value, String> {
    let run = unleak(folder, &["check", ".", "--format", "json", "--allow-problems", "--strict", "--preview"]);
    match run.code {
        Some(0 | 1) => serde_json::from_str(&run.stdout).map_err(|error| format!("no JSON: {error}")),
        code => Err(format!("exit code {code:?}: {}", run.stderr.lines().last().unwrap_or(""))),
    }
}

/// Checks each file in a folder of its own and reports all that go wrong.
fn check_each(files: Vec<(String, Vec<u8>)>) {
    let failures = support::each(files, |(name, bytes)| {
        let (label, ending) = name.rsplit_once('.').expect("an ending");
        let folder = temporary_folder();
        fs::write(folder.path().join(format!("x.{ending}")), bytes).expect("a temporary file");
        check(folder.path()).err().map(|error| format!("{label} ({ending}): {error}"))
    });
    report("files that break a run", &failures.into_iter().flatten().collect::<Vec<_>>());
}

#[test]
fn odd_files_are_read() {
    let odd: [(&str, &[u8]); 12] = [
        ("empty", b""),
        ("a mark of byte order alone", b"\xef\xbb\xbf"),
        ("a mark of byte order before code", b"\xef\xbb\xbfx = 1\n"),
        ("zero bytes", b"x = 1\0\0\ny = 2\n"),
        ("line ends of Windows", b"x = 1\r\ny = 2\r\n"),
        ("line ends of old Macs", b"x = 1\ry = 2\r"),
        ("no UTF-8", b"x = '\xff\xfe'\n\x80\x81 = 3\n"),
        ("UTF-16", b"\xff\xfex\0 \0=\0 \0\x31\0\n\0"),
        ("an open string", b"x = \"\"\"abc"),
        ("one quote", b"'"),
        ("a star from nowhere", b"from . import *\nfrom .. import *\nstart(1)\n"),
        ("a glob from nowhere", b"use ::*;\nuse self::*;\nfn f() { start(1) }\n"),
    ];
    let both = |(name, bytes): &(&str, &[u8])| ["py", "rs"].map(|ending| (format!("{name}.{ending}"), bytes.to_vec()));
    check_each(odd.iter().flat_map(both).collect());
}

#[test]
fn deep_and_long_files_are_read() {
    const DEEP: usize = 100_000;
    let nested = |open: &str, inner: &str, close: &str| {
        format!("{}{inner}{}", open.repeat(DEEP), close.repeat(DEEP)).into_bytes()
    };
    let mut files = Vec::new();
    for (open, close) in [("(", ")"), ("[", "]"), ("{", "}")] {
        for close in [close, ""] {
            files.push((format!("{DEEP} times {open}{close}.py"), nested(open, "1", close)));
            files.push((
                format!("{DEEP} times {open}{close} in a function.rs"),
                [b"fn f() { ", &*nested(open, "1", close), b" }"].concat(),
            ));
            files.push((
                format!("{DEEP} times {open}{close} in a macro.rs"),
                [b"fn f() { m! ", &*nested(open, "1", close), b"; }"].concat(),
            ));
        }
    }
    let python = [
        ("a sum", format!("x = 1{}\n", " + 1".repeat(DEEP))),
        ("minus signs", format!("x = {}1\n", "-".repeat(DEEP))),
        ("nots", format!("x = {}1\n", "not ".repeat(DEEP))),
        ("powers", format!("x = 1{}\n", " ** 1".repeat(DEEP))),
        ("attributes", format!("x = a{}\n", ".a".repeat(DEEP))),
        ("calls", format!("x = a{}\n", "()".repeat(DEEP))),
        ("lambdas", format!("x = {}1\n", "lambda: ".repeat(DEEP))),
        ("choices", format!("x = {}1\n", "1 if a else ".repeat(DEEP))),
        ("awaits", format!("x = {}a\n", "await ".repeat(DEEP))),
        ("f-strings", format!("x = {}\n", "f'{".repeat(DEEP))),
        ("elifs", format!("if a:\n    pass\n{}", "elif a:\n    pass\n".repeat(DEEP))),
        ("indents", (0..2_000).map(|depth| format!("{}if a:\n", " ".repeat(depth))).collect()),
        ("patterns", format!("match x:\n    case {}:\n        pass\n", "[".repeat(DEEP))),
        ("targets", format!("{}1\n", "x = ".repeat(DEEP))),
        ("one long line", format!("x = [{}]\n", "a, ".repeat(300_000))),
        ("many lines", "x = f(1)\n".repeat(DEEP)),
    ];
    let rust = [
        ("a sum", format!("fn f() {{ let x = 1{}; }}", " + 1".repeat(DEEP))),
        ("minus signs", format!("fn f() {{ let x = {}1; }}", "-".repeat(DEEP))),
        ("borrows", format!("fn f() {{ let x = {}1; }}", "&".repeat(DEEP))),
        ("closures", format!("fn f() {{ let x = {}1; }}", "|| ".repeat(DEEP))),
        ("methods", format!("fn f() {{ a{}; }}", ".a()".repeat(DEEP))),
        ("fields", format!("fn f() {{ a{}; }}", ".a".repeat(DEEP))),
        ("question marks", format!("fn f() {{ a{}; }}", "?".repeat(DEEP))),
        ("assignments", format!("fn f() {{ {}1; }}", "x = ".repeat(DEEP))),
        ("ranges", format!("fn f() {{ {}1; }}", "..".repeat(DEEP))),
        ("casts", format!("fn f() {{ 1{}; }}", " as u8".repeat(DEEP))),
        ("else ifs", format!("fn f() {{ {} {{}} }}", "if a {} else ".repeat(DEEP))),
        ("types", format!("type A = {}u8{};", "Vec<".repeat(DEEP), ">".repeat(DEEP))),
        ("references to types", format!("type A = {}u8;", "&".repeat(DEEP))),
        ("function types", format!("type A = {}u8;", "fn() -> ".repeat(DEEP))),
        ("patterns", format!("fn f() {{ let {}x = y; }}", "&".repeat(DEEP))),
        ("alternatives", format!("fn f() {{ match x {{ 1{} => 1 }} }}", " | 1".repeat(DEEP))),
        ("paths", format!("fn f() {{ a{}(); }}", "::a".repeat(DEEP))),
        ("modules", format!("{}{}", "mod m { ".repeat(DEEP), "}".repeat(DEEP))),
        ("functions", format!("{}{}", "fn f() { ".repeat(DEEP), "}".repeat(DEEP))),
        ("use trees", format!("use {}b{};", "a::{".repeat(DEEP), "}".repeat(DEEP))),
        ("labels and loops", format!("fn f() {{ {}1 }}", "'a: loop ".repeat(DEEP))),
        ("returns", format!("fn f() {{ {}1 }}", "return ".repeat(DEEP))),
        ("comments", format!("{} {}", "/*".repeat(DEEP), "*/".repeat(DEEP))),
        ("attributes", format!("{}fn f() {{}}", "#[a]".repeat(DEEP))),
        ("one long line", format!("fn f() {{ g([{}]) }}", "a, ".repeat(300_000))),
        ("many lines", "fn f() { g(1); }\n".repeat(DEEP / 2)),
    ];
    files.extend(python.map(|(name, text)| (format!("{name}.py"), text.into_bytes())));
    files.extend(rust.map(|(name, text)| (format!("{name}.rs"), text.into_bytes())));
    check_each(files);
}

#[test]
fn what_is_no_file_is_passed_over() {
    let folder = temporary_folder();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("folder.py")).expect("a folder");
    fs::create_dir(at("folder.rs")).expect("a folder");
    fs::write(at("folder.py/inside.py"), "x = 1\n").expect("a file");
    #[cfg(unix)]
    {
        use std::os::unix::fs::{PermissionsExt, symlink};
        fs::write(at("locked.py"), "x = 1\n").expect("a file");
        fs::set_permissions(at("locked.py"), fs::Permissions::from_mode(0o000)).expect("rights");
        symlink("nowhere.py", at("dangling.py")).expect("a link");
        symlink("round.py", at("round.py")).expect("a link");
        symlink(".", at("self")).expect("a link");
        let made = std::process::Command::new("mkfifo").arg(at("pipe.rs")).status();
        assert!(made.is_ok_and(|status| status.success()), "a named pipe can be made");
    }
    check(folder.path()).unwrap_or_else(|error| panic!("{error}"));
}
