//! The Rust front end: text → outline and unit.
//!
//! A scan without a grammar cuts the file into items (`cut`); each is parsed alone and lowered
//! at once, so that what cannot be read stays a hole of its own size. The parser recurses and its
//! trees are dropped recursively, so everything runs on a thread whose stack is large enough for
//! the deepest text that `cut::depth` lets pass.

mod bind;
mod body;
mod call;
mod consts;
mod control;
mod cut;
mod expr;
mod function;
mod header;
mod item;
mod macros;
mod pieces;
mod place;
mod read;
mod reader;
mod scan;
mod select;
mod span;
mod stmt;
mod types;
mod uses;

use std::thread;

use crate::unit::{Lowered, Problem, Span, UnitBuilder};

/// Enough for [`cut::MAX_CHAIN`] tokens that each cost the parser a call, several times over.
/// Only the part that is used is ever backed by memory.
const STACK: usize = 512 << 20;

/// Lowers a Rust file. Never fails and never panics; what could not be read stands in the unit's
/// problems.
pub fn lower(text: &str) -> Lowered {
    if u32::try_from(text.len()).is_err() {
        return unread("this file is too large to be read");
    }
    thread::scope(|scope| {
        let reader = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, || read::file(text));
        match reader.map(thread::ScopedJoinHandle::join) {
            Ok(Ok(lowered)) => lowered,
            Ok(Err(_)) => unread("this file could not be read because of a defect in the reader"),
            Err(_) => unread("there was no memory to read this file"),
        }
    })
}

fn unread(message: &str) -> Lowered {
    let mut unit = UnitBuilder::default();
    unit.reserve();
    let mut lowered = Lowered { unit: unit.build(), ..Lowered::default() };
    lowered.unit.problems.push(Problem { span: Span::default(), message: message.into() });
    lowered
}
