//! Takes out of the text what the parser cannot read without overflowing the stack, or not in a reasonable time.
//!
//! The parser grows its stack wherever brackets, operators or blocks nest, but not where the
//! default of a lambda's parameter is a lambda (`lambda x=lambda x=lambda x=…`). Without brackets
//! such a row stands on one logical line. Where texts with code in them nest and do not end
//! (`f'{f'{f'{…`), each asks all those around it after every error.

use std::borrow::Cow;

use memchr::memmem;

use crate::unit::Span;

/// More lambdas than these on one line are not read.
const MAX_LAMBDAS: usize = 256;

/// More texts than these that begin right within the code of another text, on one line, are not read.
const MAX_TEXTS: usize = 256;

/// The text with unreadable lines blanked, of the same length, and where they are.
pub(super) fn readable(text: &str) -> (Cow<'_, str>, Vec<Span>) {
    let unreadable = unreadable_lines(text);
    if unreadable.is_empty() {
        return (Cow::Borrowed(text), unreadable);
    }
    let mut readable = text.to_owned();
    for line in &unreadable {
        let length = (line.end - line.start) as usize;
        readable.replace_range(line.start as usize..line.end as usize, &" ".repeat(length));
    }
    (Cow::Owned(readable), unreadable)
}

fn unreadable_lines(text: &str) -> Vec<Span> {
    // Cheap for every file that has few of them altogether.
    if !is_unreadable(text) {
        return Vec::new();
    }
    let mut lines = Vec::new();
    let mut start = 0;
    while start < text.len() {
        let end = logical_end(text, start);
        if is_unreadable(&text[start..end]) {
            lines.push(Span::new(start as u32, end as u32));
        }
        start = end + 1;
    }
    lines
}

fn is_unreadable(text: &str) -> bool {
    let bytes = text.as_bytes();
    let nested = memchr::memchr_iter(b'{', bytes).filter(|at| begins_text(&bytes[at + 1..]));
    memmem::find_iter(bytes, "lambda").nth(MAX_LAMBDAS).is_some() || nested.take(MAX_TEXTS + 1).count() > MAX_TEXTS
}

/// Whether a text with code in it begins here: a prefix of one or two letters, then a quote.
fn begins_text(bytes: &[u8]) -> bool {
    let prefix = bytes.iter().take(2).take_while(|byte| byte.is_ascii_alphabetic()).count();
    let with_code = bytes[..prefix].iter().any(|byte| matches!(byte.to_ascii_lowercase(), b'f' | b't'));
    with_code && matches!(bytes.get(prefix), Some(b'\'' | b'"'))
}

/// The line break that ends the line at `start`, the end of the text if there is none.
fn logical_end(text: &str, start: usize) -> usize {
    let mut from = start;
    while let Some(found) = text[from..].find('\n') {
        let at = from + found;
        if !text[start..at].trim_end_matches('\r').ends_with('\\') {
            return at;
        }
        from = at + 1;
    }
    text.len()
}
