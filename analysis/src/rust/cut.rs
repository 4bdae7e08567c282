//! Pairs brackets, cuts a file into items, and judges how deep a parser would have to go.

use std::ops::Range;

use super::scan::{Kind, Scan, Token};
use crate::unit::Span;

/// More brackets inside each other than this are not read.
pub(super) const MAX_NESTING: u32 = 200;
/// More tokens in a row that a parser may answer with one call each are not read.
pub(super) const MAX_CHAIN: u32 = 4_000;

/// How many brackets a closing one may find unclosed before it.
const REACH: usize = 64;

/// Where each bracket's group ends.
pub(super) struct Pairs {
    /// For an opening bracket: the first token after its group. Meaningless for others.
    after: Vec<u32>,
    /// Brackets without a partner.
    pub(super) broken: Vec<(Span, &'static str)>,
}

impl Pairs {
    /// The first token after the group that begins at `open`.
    pub(super) fn after(&self, open: usize) -> usize {
        self.after[open] as usize
    }

    /// Pairs the brackets of a text. When one is missing, indentation and the words that begin
    /// items tell where, so that the damage stays where it was done.
    pub(super) fn of(text: &str, scan: &Scan) -> Pairs {
        let strict = Pairing::new(text, scan, false).run();
        if strict.broken.is_empty() { strict } else { Pairing::new(text, scan, true).run() }
    }
}

struct Pairing<'a> {
    text: &'a str,
    tokens: &'a [Token],
    by_layout: bool,
    /// Open brackets: token, and the indentation of its line.
    open: Vec<(usize, u32)>,
    /// Which of them are braces.
    braces: Vec<usize>,
    /// The line the current token stands on, and where its indentation ends.
    line: (u32, u32),
    out: Pairs,
}

impl<'a> Pairing<'a> {
    fn new(text: &'a str, scan: &'a Scan, by_layout: bool) -> Pairing<'a> {
        let after = vec![u32::MAX; scan.tokens.len()];
        let out = Pairs { after, broken: Vec::new() };
        Pairing { text, tokens: &scan.tokens, by_layout, open: Vec::new(), braces: Vec::new(), line: (0, 0), out }
    }

    fn run(mut self) -> Pairs {
        let mut last_end = 0;
        for (index, token) in self.tokens.iter().enumerate() {
            let begins_line = self.by_layout && self.begins_line(last_end, token.start);
            last_end = token.end;
            if begins_line && begins_item(self.text, &self.tokens[index..]) {
                self.give_up(index, |indentation, here| indentation >= here);
            }
            match token.kind {
                Kind::Open(closing) => {
                    if closing == b'}' {
                        self.braces.push(self.open.len());
                    }
                    self.open.push((index, self.line.1));
                }
                Kind::Close(b'}') => self.close_brace(index, begins_line),
                Kind::Close(_) => self.close_other(index),
                _ => {}
            }
        }
        while !self.open.is_empty() {
            self.unclosed(self.tokens.len());
        }
        self.out
    }

    /// Notes a new line; true when the token is the first of its line.
    fn begins_line(&mut self, last_end: u32, start: u32) -> bool {
        let gap = &self.text[last_end as usize..start as usize];
        match gap.rfind('\n') {
            Some(at) => {
                let line = last_end + at as u32 + 1;
                self.line = (line, start - line);
                true
            }
            None if last_end == 0 => {
                self.line = (0, start);
                true
            }
            None => false,
        }
    }

    /// Ends, as broken, the braces whose line is indented so, unless they opened on this line.
    fn give_up(&mut self, at: usize, so: impl Fn(u32, u32) -> bool) {
        let here = self.line.1;
        while let Some(&position) = self.braces.last()
            && so(self.open[position].1, here)
        {
            while self.open.len() > position {
                self.unclosed(at);
            }
        }
    }

    fn unclosed(&mut self, at: usize) {
        if let Some(open) = self.pop() {
            self.out.after[open] = at as u32;
            self.report(open, "this bracket is never closed");
        }
    }

    fn report(&mut self, index: usize, message: &'static str) {
        let token = self.tokens[index];
        self.out.broken.push((Span::new(token.start, token.end), message));
    }

    fn close_brace(&mut self, index: usize, begins_line: bool) {
        if begins_line {
            self.give_up(index, |indentation, here| indentation > here);
        }
        let partner = self.braces.last().copied();
        let stray = partner.is_none_or(|partner| begins_line && self.open[partner].1 < self.line.1);
        match partner {
            Some(partner) if !stray => {
                while self.open.len() > partner + 1 {
                    self.unclosed(index);
                }
                self.pair(index);
            }
            _ => self.report(index, "this bracket closes nothing"),
        }
    }

    fn close_other(&mut self, index: usize) {
        let Kind::Close(byte) = self.tokens[index].kind else { return };
        let fence = self.braces.last().map_or(0, |brace| brace + 1).max(self.open.len().saturating_sub(REACH));
        let partner = self.open[fence..].iter().rposition(|open| self.tokens[open.0].kind == Kind::Open(byte));
        match partner {
            Some(partner) => {
                while self.open.len() > fence + partner + 1 {
                    self.unclosed(index);
                }
                self.pair(index);
            }
            None => self.report(index, "this bracket closes nothing"),
        }
    }

    fn pair(&mut self, close: usize) {
        if let Some(open) = self.pop() {
            self.out.after[open] = close as u32 + 1;
        }
    }

    fn pop(&mut self) -> Option<usize> {
        let (open, _) = self.open.pop()?;
        self.braces.pop_if(|brace| *brace == self.open.len());
        Some(open)
    }
}

/// Whether these tokens look like the beginning of an item.
fn begins_item(text: &str, tokens: &[Token]) -> bool {
    let word = |index: usize| tokens.get(index).map_or("", |token| &text[token.start as usize..token.end as usize]);
    match word(0) {
        "pub" | "fn" | "impl" | "struct" | "enum" | "trait" | "mod" | "use" | "static" | "type" | "extern"
        | "macro_rules" => true,
        "#" => word(1) == "[",
        "async" => matches!(word(1), "fn" | "unsafe"),
        "unsafe" => matches!(word(1), "fn" | "impl" | "trait" | "extern"),
        "const" => !matches!(word(1), "{" | "move" | "async" | "|"),
        _ => false,
    }
}

/// What an item is, as far as reading it alone needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// `mod name { … }`: the tokens of its content.
    Module { content: Range<usize> },
    /// `impl` or `trait` with a body: the tokens of its content.
    Members { content: Range<usize> },
    /// A function with a body, by the token that opens it.
    Function { open: usize },
    /// `#![…]`.
    InnerAttribute,
    /// A bracket that closes nothing, or a lone semicolon.
    Nothing,
    /// Anything else.
    Other,
}

/// An item: its tokens and its shape.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) tokens: Range<usize>,
    pub(super) shape: Shape,
}

/// Cuts tokens into items, one after another.
pub(super) struct Cutter<'a> {
    pub(super) text: &'a str,
    pub(super) tokens: &'a [Token],
    pub(super) pairs: &'a Pairs,
}

impl Cutter<'_> {
    fn word(&self, index: usize) -> &str {
        self.tokens.get(index).map_or("", |token| &self.text[token.start as usize..token.end as usize])
    }

    /// The items within a range of tokens.
    pub(super) fn items(&self, range: Range<usize>) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let mut at = range.start;
        while at < range.end {
            let piece = self.item(at, range.end);
            at = piece.tokens.end.max(at + 1);
            pieces.push(piece);
        }
        pieces
    }

    fn item(&self, start: usize, end: usize) -> Piece {
        if self.word(start) == "#" && self.word(start + 1) == "!" && self.word(start + 2) == "[" {
            let after = self.pairs.after(start + 2).min(end);
            return Piece { tokens: start..after, shape: Shape::InnerAttribute };
        }
        if matches!(self.tokens[start].kind, Kind::Close(_) | Kind::Punct(b';')) {
            return Piece { tokens: start..start + 1, shape: Shape::Nothing };
        }
        let head = self.skip_attributes(start, end);
        let keyword = self.keyword(head, end);
        let ends_with_semicolon = match self.word(keyword) {
            "const" => {
                !matches!(self.word(keyword + 1), "fn" | "unsafe" | "async" | "extern" | "impl" | "trait" | "auto")
            }
            "static" | "use" | "type" | "let" => true,
            _ => false,
        };
        self.find_end(start, keyword, end, ends_with_semicolon)
    }

    fn skip_attributes(&self, mut at: usize, end: usize) -> usize {
        while at + 1 < end && self.word(at) == "#" && self.word(at + 1) == "[" {
            at = self.pairs.after(at + 1).min(end);
        }
        at
    }

    /// The first token past visibility and words that may precede a keyword.
    fn keyword(&self, mut at: usize, end: usize) -> usize {
        if self.word(at) == "pub" {
            at += 1;
            if at < end && self.word(at) == "(" {
                at = self.pairs.after(at).min(end);
            }
        }
        while at < end
            && matches!(self.word(at), "default" | "unsafe" | "async" | "safe" | "auto")
            && self.tokens[at].kind == Kind::Word
        {
            at += 1;
        }
        at
    }

    fn find_end(&self, start: usize, keyword: usize, end: usize, ends_with_semicolon: bool) -> Piece {
        let mut at = keyword;
        while at < end {
            match self.tokens[at].kind {
                Kind::Punct(b';') => return Piece { tokens: start..at + 1, shape: Shape::Other },
                Kind::Close(_) if at > keyword => return Piece { tokens: start..at, shape: Shape::Other },
                Kind::Open(closing) => {
                    let after = self.pairs.after(at).min(end).max(at + 1);
                    if closing == b'}' && !ends_with_semicolon && !self.is_argument(at, after) {
                        return Piece { tokens: start..after, shape: self.shape(keyword, at, after) };
                    }
                    at = after;
                }
                _ => at += 1,
            }
        }
        Piece { tokens: start..end, shape: Shape::Other }
    }

    /// Whether a brace group is a constant among type arguments, as in `Buffer<{ N }>`.
    fn is_argument(&self, open: usize, after: usize) -> bool {
        match self.tokens[open - usize::from(open > 0)].kind {
            Kind::Punct(b'<' | b'=') => true,
            Kind::Punct(b',') => {
                matches!(self.tokens.get(after).map(|token| token.kind), Some(Kind::Punct(b'>' | b',')))
            }
            _ => false,
        }
    }

    fn shape(&self, keyword: usize, open: usize, after: usize) -> Shape {
        let closed = matches!(self.tokens[after - 1].kind, Kind::Close(b'}')) && self.pairs.after(open) == after;
        let content = open + 1..if closed && after - 1 > open { after - 1 } else { after };
        let mut words = (keyword..open).map(|index| self.word(index));
        match self.word(keyword) {
            "mod" => Shape::Module { content },
            "impl" | "trait" => Shape::Members { content },
            "fn" => Shape::Function { open },
            "const" | "extern" if words.any(|word| word == "fn") => Shape::Function { open },
            _ => Shape::Other,
        }
    }
}

/// How much stack reading these tokens may take, and where it is most: nesting of brackets, and
/// the sum of the chains that lead to the deepest token.
pub(super) fn depth(text: &str, tokens: &[Token]) -> Depth {
    let mut outer: Vec<Chain> = Vec::new();
    let mut chain = Chain::default();
    let mut deepest = Depth::default();
    for (index, token) in tokens.iter().enumerate() {
        chain.take(text, tokens, index);
        let total = chain.base + chain.length;
        if total > deepest.chain {
            deepest.chain = total;
            deepest.at = token.start;
        }
        match token.kind {
            Kind::Open(_) => {
                outer.push(chain);
                deepest.nesting = deepest.nesting.max(outer.len() as u32);
                chain = Chain { base: total, ..Chain::default() };
            }
            Kind::Close(_) => chain = outer.pop().unwrap_or_default(),
            _ => {}
        }
    }
    deepest
}

/// See [`depth`].
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Depth {
    pub(super) nesting: u32,
    pub(super) chain: u32,
    at: u32,
}

impl Depth {
    /// What forbids handing the tokens to the parser.
    pub(super) fn excess(self) -> Option<(Span, &'static str)> {
        let span = Span::new(self.at, self.at);
        if self.nesting > MAX_NESTING {
            Some((span, "brackets nest too deeply to be read"))
        } else if self.chain > MAX_CHAIN {
            Some((span, "this expression is too long to be read"))
        } else {
            None
        }
    }
}

/// Tokens at one level of brackets since the last one that surely ended an expression or type.
///
/// Commas end one too, unless they may stand between type arguments or closure parameters, which
/// have no brackets that the scan can see.
#[derive(Clone, Copy, Default)]
struct Chain {
    base: u32,
    length: u32,
    angles: u32,
    pipes: bool,
}

impl Chain {
    fn take(&mut self, text: &str, tokens: &[Token], index: usize) {
        let previous = index.checked_sub(1).map(|before| tokens[before]);
        let glued = previous.filter(|before| before.end == tokens[index].start).map(|before| before.kind);
        match tokens[index].kind {
            Kind::Punct(b';') => self.reset(),
            Kind::Punct(b',') if self.angles == 0 && !self.pipes => self.reset(),
            Kind::Punct(b'>') => match glued {
                Some(Kind::Punct(b'=')) => self.reset(),
                Some(Kind::Punct(b'-')) => self.length += 1,
                _ => self.angles = self.angles.saturating_sub(1),
            },
            Kind::Punct(b'<') => self.angles += 1,
            Kind::Punct(b'|') => self.pipes |= !previous.is_some_and(|before| ends_operand(text, before)),
            Kind::Word | Kind::Literal | Kind::Lifetime | Kind::Punct(b'#')
                if begins_anew(text, previous, tokens[index]) =>
            {
                self.reset()
            }
            _ => {}
        }
        self.length += 1;
    }

    fn reset(&mut self) {
        *self = Chain { base: self.base, ..Chain::default() };
    }
}

/// After a closing brace, most words begin a statement, an arm or an item.
fn begins_anew(text: &str, previous: Option<Token>, token: Token) -> bool {
    let after_brace = previous.is_some_and(|before| before.kind == Kind::Close(b'}'));
    after_brace && !matches!(&text[token.start as usize..token.end as usize], "else" | "as" | "in")
}

fn ends_operand(text: &str, token: Token) -> bool {
    match token.kind {
        Kind::Literal | Kind::Close(_) | Kind::Punct(b'?') => true,
        Kind::Word => !matches!(
            &text[token.start as usize..token.end as usize],
            "move"
                | "return"
                | "break"
                | "async"
                | "else"
                | "in"
                | "if"
                | "while"
                | "match"
                | "yield"
                | "static"
                | "const"
        ),
        _ => false,
    }
}
