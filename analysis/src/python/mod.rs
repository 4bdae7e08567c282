//! The Python front end: text → outline and unit, by way of the official parser.
//!
//! Knows the language and no API. The parser recovers from syntax errors, so every function that
//! can be read is read; it is named in this folder and nowhere else.

mod annotation;
mod chain;
mod comprehension;
mod condition;
mod constant;
mod control;
mod define;
mod dismantle;
mod expression;
mod frame;
mod guard;
mod headers;
mod lowerer;
mod pattern;
mod scope;
mod statement;
mod tokens;

use ruff_python_parser::{Mode, ParseOptions, parse_unchecked};

use crate::unit::{BodyBuilder, BodyId, BodyKind, Lowered, Span, UnitBuilder};
use lowerer::Lowerer;

/// Lowers a Python file. Total: any text gives an outline and a unit.
pub fn lower(text: &str) -> Lowered {
    if u32::try_from(text.len()).is_err() {
        return unread("the file is too large to be read (4 GiB or more)");
    }
    let (readable, blanked) = guard::readable(text);
    let Some(parsed) = parse_unchecked(&readable, ParseOptions::from(Mode::Module)).try_into_module() else {
        return unread("the file could not be parsed as a module");
    };
    let mut scan = tokens::scan(&readable, parsed.tokens());
    let mut lowerer = Lowerer::new(&readable, scan.walrus);
    for line in blanked {
        let mut words = tokens::words(&text[line.start as usize..line.end as usize]);
        scan.asks_own_name |= words.any(|word| word == tokens::OWN_NAME);
        lowerer.problem(line, "nested too deeply to be read");
    }
    for error in parsed.errors() {
        lowerer.problem(lowerer.span(error.location), sentence(&error.error.to_string()));
    }
    lowerer.module(parsed.suite());
    let lowered = lowerer.finish(scan.asks_own_name, scan.comments);
    dismantle::discard(parsed.into_suite(), scan.depth_bound);
    lowered
}

/// A file of which nothing could be read.
fn unread(why: &str) -> Lowered {
    let mut unit = UnitBuilder::default();
    let module = unit.reserve();
    debug_assert_eq!(module, BodyId::MODULE);
    unit.finish(module, BodyBuilder::new(BodyKind::Module).build());
    unit.problem(Span::default(), why);
    Lowered { unit: unit.build(), ..Lowered::default() }
}

/// A parser's message in our style: no final stop, no capital at the start.
fn sentence(message: &str) -> String {
    let message = message.trim_end_matches('.');
    let mut chars = message.chars();
    match chars.next() {
        Some(first) => first.to_lowercase().chain(chars).collect(),
        None => String::new(),
    }
}
