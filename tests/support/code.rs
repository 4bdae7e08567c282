//! Reads Rust text as far as the house rules need it: paths, string literals, code without comments.

/// A string literal or a path, with its line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct At {
    pub(crate) line: usize,
    pub(crate) text: String,
}

/// A file's code.
#[derive(Debug, Default)]
pub(crate) struct Code {
    /// The text with comments and the insides of literals taken out, line by line as it was.
    pub(crate) text: String,
    /// The string literals, without quotes.
    pub(crate) strings: Vec<At>,
}

impl Code {
    /// Reads a file. What follows `#[cfg(test)] mod …` is left out.
    pub(crate) fn read(text: &str) -> Code {
        let mut code = Code::default();
        let mut rest = text;
        let mut line = 1;
        while let Some(first) = rest.chars().next() {
            let taken = match first {
                '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
                '/' if rest.starts_with("/*") => block_comment(rest),
                '"' => code.string(rest, line, 1, escaped_string(&rest[1..]), 1),
                'r' | 'b' | 'c' if !code.ends_in_word() => match raw_start(rest) {
                    Some((open, close)) => {
                        let inner = rest[open..].find(&close).unwrap_or(rest.len() - open);
                        code.string(rest, line, open, inner, close.len())
                    }
                    None => 0,
                },
                '\'' => char_literal(rest),
                _ => 0,
            };
            if taken == 0 {
                code.text.push(first);
                line += usize::from(first == '\n');
                rest = &rest[first.len_utf8()..];
            } else {
                let taken = taken.min(rest.len());
                let lines = rest[..taken].matches('\n').count();
                code.text.push(' ');
                code.text.extend(std::iter::repeat_n('\n', lines));
                line += lines;
                rest = &rest[taken..];
            }
            if code.text.ends_with("#[cfg(test)]\nmod ") {
                break;
            }
        }
        code
    }

    /// Notes a literal: so many bytes open it, lie in it and close it. Gives how long it is.
    fn string(&mut self, rest: &str, line: usize, open: usize, inner: usize, close: usize) -> usize {
        self.strings.push(At { line, text: rest[open..open + inner].to_owned() });
        open + inner + close
    }

    fn ends_in_word(&self) -> bool {
        self.text.ends_with(|c: char| c.is_alphanumeric() || c == '_')
    }

    /// Every path in the code, `use` trees flattened: `std::{fs, io::{self}}` gives `std::fs` and `std::io`.
    pub(crate) fn paths(&self) -> Vec<At> {
        let mut words = Vec::new();
        for (index, line) in self.text.lines().enumerate() {
            let mut rest = line.trim_start();
            while let Some(first) = rest.chars().next() {
                let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
                let taken = match (word, rest.starts_with("::")) {
                    (0, true) => 2,
                    (0, false) => first.len_utf8(),
                    _ => word,
                };
                words.push(At { line: index + 1, text: rest[..taken].to_owned() });
                rest = rest[taken..].trim_start();
            }
        }
        let mut paths = Vec::new();
        let mut at = 0;
        while at < words.len() {
            tree(&words, &mut at, "", &mut paths);
        }
        paths
    }
}

/// Reads one path or `use` tree at `at`, or steps over what is neither.
fn tree(words: &[At], at: &mut usize, prefix: &str, paths: &mut Vec<At>) {
    let is_word =
        |at: usize| words.get(at).is_some_and(|word| word.text.starts_with(|c: char| c.is_alphabetic() || c == '_'));
    let text = |at: usize| words.get(at).map_or("", |word| word.text.as_str());
    let line = words[*at].line;
    let mut path = prefix.to_owned();
    if text(*at) == "::" {
        *at += 1;
    }
    loop {
        if text(*at) == "{" && path.ends_with("::") {
            *at += 1;
            while *at < words.len() && text(*at) != "}" {
                tree(words, at, &path, paths);
            }
            *at += 1;
            return;
        }
        if !is_word(*at) && text(*at) != "*" {
            *at += 1;
            break;
        }
        path.push_str(text(*at));
        *at += 1;
        if text(*at) != "::" {
            break;
        }
        path.push_str("::");
        *at += 1;
    }
    if text(*at) == "as" {
        *at += 2;
    }
    if path.len() > prefix.len() {
        let whole = if prefix.is_empty() { &path } else { path.trim_end_matches("self") };
        paths.push(At { line, text: whole.trim_end_matches("::").to_owned() });
    }
}

/// How many bytes lie before the closing quote of a string literal.
fn escaped_string(rest: &str) -> usize {
    let mut escaped = false;
    for (index, c) in rest.char_indices() {
        match c {
            '"' if !escaped => return index,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    rest.len()
}

/// For `r"`, `r#"`, `br"`, `b"` and so on: how long the opening is, and what closes it.
fn raw_start(rest: &str) -> Option<(usize, String)> {
    let letters = rest.find(|c| !matches!(c, 'b' | 'c' | 'r'))?;
    if letters > 2 || !rest[..letters].contains('r') {
        return None;
    }
    let marks = rest[letters..].find(|c| c != '#')?;
    rest[letters + marks..].starts_with('"').then(|| (letters + marks + 1, format!("\"{}", "#".repeat(marks))))
}

fn char_literal(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(1);
    match chars.next() {
        Some((_, '\\')) => rest[3..].find('\'').map_or(0, |end| end + 4),
        Some((at, c)) if rest[at + c.len_utf8()..].starts_with('\'') => at + c.len_utf8() + 1,
        _ => 0,
    }
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest[at..].starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                break;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}
