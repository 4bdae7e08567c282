//! Tokens without a grammar: enough to tell brackets from the insides of strings and comments.
//!
//! The parser refuses a whole text for one stray bracket and overflows the stack on deep nesting,
//! so nothing reaches it before this scan has cut the file into items and judged their depth.

use crate::unit::{Comment, CommentPlace, Name, Span};

/// What a token is, as far as cutting needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An identifier or keyword.
    Word,
    /// `'a`.
    Lifetime,
    /// A string, character or number.
    Literal,
    /// `(`, `[` or `{`, by its closing bracket.
    Open(u8),
    /// `)`, `]` or `}`.
    Close(u8),
    /// One byte of punctuation.
    Punct(u8),
    /// Something that is no token of Rust.
    Stray,
}

/// A token and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: u32,
    pub(super) end: u32,
}

/// The tokens of a text, and what is known without a grammar.
#[derive(Debug, Default)]
pub(super) struct Scan {
    pub(super) tokens: Vec<Token>,
    /// All comments.
    pub(super) comments: Vec<Span>,
    /// Strings and comments that never end, and bytes that are no token.
    pub(super) broken: Vec<(Span, &'static str)>,
}

/// Past so many literals and comments without an end, none is looked for.
const MAX_ENDLESS: u32 = 100;

/// Whether a string may swallow whatever follows it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trust {
    /// Literals end where they say.
    Full,
    /// A quote somewhere is missing: literals that reach past the end of a block end with their line.
    None,
}

/// Splits a text into tokens. Never fails.
pub(super) fn scan(text: &str) -> Scan {
    let trusting = Scanner::new(text, Trust::Full).run();
    if trusting.broken.is_empty() { trusting } else { Scanner::new(text, Trust::None).run() }
}

impl Scan {
    /// The comments that speak to us. Documentation is part of the code: it shows how one is written.
    pub(super) fn addressed(&self, text: &str) -> Vec<Comment> {
        let ours = |span: &&Span| {
            let comment = &text[span.start as usize..span.end as usize];
            let documents = ["///", "//!", "/**", "/*!"].iter().any(|mark| comment.starts_with(mark));
            !documents && (comment.contains("unleak:") || comment.contains("noqa"))
        };
        self.comments.iter().filter(ours).map(|span| self.comment(text, *span)).collect()
    }

    fn comment(&self, text: &str, span: Span) -> Comment {
        let line = text[..span.start as usize].rfind('\n').map_or(0, |at| at + 1) as u32;
        let before = self.tokens.partition_point(|token| token.start < span.start);
        let after_code = before > 0 && self.tokens[before - 1].end > line;
        let place = if after_code { CommentPlace::AfterCode } else { CommentPlace::OwnLine };
        let whole = &text[span.start as usize..span.end as usize];
        let inner = whole.strip_prefix("/*").map_or(whole, |rest| rest.strip_suffix("*/").unwrap_or(rest));
        let inner = inner.trim_start_matches(['/', '!', '*']).trim();
        Comment { span, text: Name::new(inner), place }
    }
}

/// The text with comments replaced by spaces, byte for byte, so that doc comments cost nothing.
pub(super) fn without_comments(text: &str, comments: &[Span]) -> String {
    let mut bare = String::with_capacity(text.len());
    let mut at = 0;
    for span in comments {
        bare.push_str(&text[at..span.start as usize]);
        bare.extend(std::iter::repeat_n(' ', (span.end - span.start) as usize));
        at = span.end as usize;
    }
    bare.push_str(&text[at..]);
    bare
}

/// A raw identifier without its prefix.
pub(super) fn plain(word: &str) -> &str {
    word.strip_prefix("r#").unwrap_or(word)
}

pub(super) fn is_keyword(word: &str) -> bool {
    #[rustfmt::skip]
    const KEYWORDS: &[&str] = &[
        "Self", "_", "as", "async", "await", "break", "const", "continue", "crate", "dyn", "else", "enum", "extern",
        "false", "fn", "for", "if", "impl", "in", "let", "loop", "match", "mod", "move", "mut", "pub", "ref", "return",
        "self", "static", "struct", "super", "trait", "true", "type", "unsafe", "use", "where", "while",
    ];
    KEYWORDS.binary_search(&word).is_ok()
}

struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    trust: Trust,
    /// How many literals and comments had no end; looking for one takes the rest of the text.
    endless: u32,
    out: Scan,
}

impl<'a> Scanner<'a> {
    fn new(text: &'a str, trust: Trust) -> Scanner<'a> {
        Scanner { text, bytes: text.as_bytes(), at: 0, trust, endless: 0, out: Scan::default() }
    }

    fn run(mut self) -> Scan {
        self.skip_preamble();
        while let Some(byte) = self.peek(0) {
            match byte {
                b' ' | b'\t'..=b'\r' => self.at += 1,
                b'/' if self.peek(1) == Some(b'/') => self.line_comment(),
                b'/' if self.peek(1) == Some(b'*') => self.block_comment(),
                _ => self.token(byte),
            }
        }
        self.out
    }

    /// A byte order mark and a `#!` line are no code.
    fn skip_preamble(&mut self) {
        if self.text.starts_with('\u{feff}') {
            self.at = 3;
        }
        let rest = &self.text[self.at..];
        if rest.starts_with("#!") && !rest[2..].trim_start().starts_with('[') {
            self.at = self.line_end(self.at);
        }
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn line_end(&self, from: usize) -> usize {
        self.bytes[from..].iter().position(|byte| *byte == b'\n').map_or(self.bytes.len(), |length| from + length)
    }

    fn push(&mut self, kind: Kind, end: usize) {
        self.out.tokens.push(Token { kind, start: self.at as u32, end: end as u32 });
        self.at = end;
    }

    fn broken(&mut self, end: usize, message: &'static str) {
        self.out.broken.push((Span::new(self.at as u32, end as u32), message));
    }

    /// A literal or comment without an end ends with its line.
    fn endless(&mut self, message: &'static str) {
        self.endless += 1;
        let end = self.line_end(self.at);
        self.broken(end, message);
        self.push(Kind::Stray, end);
    }

    fn line_comment(&mut self) {
        let mut end = self.line_end(self.at);
        if end > self.at && self.bytes[end - 1] == b'\r' {
            end -= 1;
        }
        self.out.comments.push(Span::new(self.at as u32, end as u32));
        self.at = end;
    }

    fn block_comment(&mut self) {
        let mut depth = 0_usize;
        let mut end = self.at;
        while end + 1 < self.bytes.len() && self.endless < MAX_ENDLESS {
            match &self.bytes[end..end + 2] {
                b"/*" => (depth, end) = (depth + 1, end + 2),
                b"*/" => (depth, end) = (depth - 1, end + 2),
                _ => end += 1,
            }
            if depth == 0 {
                self.out.comments.push(Span::new(self.at as u32, end as u32));
                self.at = end;
                return;
            }
        }
        self.endless("this comment never ends");
    }

    fn token(&mut self, byte: u8) {
        match byte {
            b'(' => self.push(Kind::Open(b')'), self.at + 1),
            b'[' => self.push(Kind::Open(b']'), self.at + 1),
            b'{' => self.push(Kind::Open(b'}'), self.at + 1),
            b')' | b']' | b'}' => self.push(Kind::Close(byte), self.at + 1),
            b'"' => self.string(self.at),
            b'\'' => self.quote(self.at),
            b'0'..=b'9' => self.number(),
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => self.word(),
            0x80.. => self.foreign(),
            _ if byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'`') => self.push(Kind::Punct(byte), self.at + 1),
            _ => {
                self.broken(self.at + 1, "this character is no part of the language");
                self.push(Kind::Stray, self.at + 1);
            }
        }
    }

    /// A character outside ASCII: an identifier, white space, or a stray.
    fn foreign(&mut self) {
        let Some(character) = self.text[self.at..].chars().next() else { return };
        if character.is_alphabetic() {
            self.word();
        } else if character.is_whitespace() || matches!(character, '\u{200e}' | '\u{200f}') {
            self.at += character.len_utf8();
        } else {
            let end = self.at + character.len_utf8();
            self.broken(end, "this character is no part of the language");
            self.push(Kind::Stray, end);
        }
    }

    fn word_end(&self, from: usize) -> usize {
        let rest = &self.text[from..];
        let inside = |character: char| {
            character.is_alphanumeric() || character == '_' || (!character.is_ascii() && !character.is_whitespace())
        };
        rest.find(|character| !inside(character)).map_or(self.bytes.len(), |length| from + length)
    }

    /// An identifier, or the prefix of a literal.
    fn word(&mut self) {
        let end = self.word_end(self.at);
        let next = self.bytes.get(end).copied();
        match (&self.bytes[self.at..end], next) {
            (b"b" | b"c", Some(b'"')) => self.string(end),
            (b"b", Some(b'\'')) => self.quote(end),
            (b"r" | b"br" | b"cr", Some(b'"' | b'#')) if self.raw_string(end) => {}
            (b"r", Some(b'#')) if self.starts_word(end + 1) => self.push(Kind::Word, self.word_end(end + 1)),
            _ => self.push(Kind::Word, end),
        }
    }

    fn starts_word(&self, at: usize) -> bool {
        self.bytes.get(at).is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_' || *byte >= 0x80)
    }

    /// A raw string whose hashes or quote begin at `from`; false when it is none.
    fn raw_string(&mut self, from: usize) -> bool {
        let hashes = self.bytes[from..].iter().take_while(|byte| **byte == b'#').count();
        if self.bytes.get(from + hashes) != Some(&b'"') {
            return false;
        }
        let mut end = from + hashes + 1;
        while end < self.bytes.len() && self.endless < MAX_ENDLESS {
            let quote = self.bytes[end] == b'"';
            end += 1;
            if quote && self.bytes[end..].iter().take(hashes).filter(|byte| **byte == b'#').count() == hashes {
                self.push(Kind::Literal, end + hashes);
                return true;
            }
        }
        self.endless("this string never ends");
        true
    }

    /// A string whose opening quote stands at `open`.
    fn string(&mut self, open: usize) {
        let mut end = open + 1;
        while end < self.bytes.len() && self.endless < MAX_ENDLESS {
            match self.bytes[end] {
                b'\\' => end += 2,
                b'"' if self.trust == Trust::Full || !self.leaves_block(open, end) => {
                    return self.push(Kind::Literal, end + 1);
                }
                b'"' => break,
                _ => end += 1,
            }
        }
        self.endless("this string never ends");
    }

    /// Whether a line between the two begins with a closing brace further left than the first:
    /// then the quotes around it belong to different strings.
    fn leaves_block(&self, open: usize, close: usize) -> bool {
        if !self.text[open..close].contains('\n') {
            return false;
        }
        let line = self.text[..open].rfind('\n').map_or(0, |at| at + 1);
        let indentation = self.text[line..].len() - self.text[line..].trim_start_matches([' ', '\t']).len();
        self.text[open..close].split('\n').skip(1).any(|later| {
            let content = later.trim_start_matches([' ', '\t']);
            content.starts_with('}') && later.len() - content.len() < indentation
        })
    }

    /// A character or a lifetime whose quote stands at `open`.
    fn quote(&mut self, open: usize) {
        let mut after = self.text[open + 1..].char_indices().map(|(at, character)| (open + 1 + at, character));
        match (after.next(), after.next()) {
            (Some((_, '\\')), Some((escaped, character))) => {
                let from = escaped + character.len_utf8();
                let limit = self.line_end(open);
                match self.text[from..limit.max(from)].find('\'') {
                    Some(length) => self.push(Kind::Literal, from + length + 1),
                    None => self.stray_quote(open),
                }
            }
            (Some((_, first)), Some((close, '\''))) if first != '\'' => self.push(Kind::Literal, close + 1),
            (Some((start, first)), _) if first == '_' || first.is_alphabetic() => {
                self.push(Kind::Lifetime, self.word_end(start));
            }
            _ => self.stray_quote(open),
        }
    }

    fn stray_quote(&mut self, open: usize) {
        self.broken(open + 1, "this quote never ends");
        self.push(Kind::Stray, open + 1);
    }

    fn number(&mut self) {
        let mut end = self.word_end(self.at);
        let fraction = self.bytes.get(end) == Some(&b'.') && self.bytes.get(end + 1).is_some_and(u8::is_ascii_digit);
        if fraction {
            end = self.word_end(end + 1);
        }
        let hexadecimal = self.bytes[self.at..end].starts_with(b"0x");
        let exponent = matches!(self.bytes[end - 1], b'e' | b'E') && !hexadecimal;
        if exponent && matches!(self.bytes.get(end), Some(b'+' | b'-')) {
            end = self.word_end(end + 1);
        }
        self.push(Kind::Literal, end);
    }
}
