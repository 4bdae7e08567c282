//! What the outline takes from the tokens: comments for us, the file's own name; and how deep the tree can be.

use memchr::memmem;
use ruff_python_ast::token::{Token, TokenKind, Tokens};
use ruff_text_size::Ranged;

use crate::unit::{Comment, CommentPlace, Name, Span};

/// The name under which a file runs; one that asks for it can be started.
pub(super) const OWN_NAME: &str = "__name__";

/// The result of reading the tokens once.
#[derive(Default)]
pub(super) struct Scan {
    /// Whether the name under which the file runs is asked for.
    pub(super) asks_own_name: bool,
    /// Comments that may be suppressions.
    pub(super) comments: Vec<Comment>,
    /// No path of the syntax tree is longer than this.
    pub(super) depth_bound: u32,
    /// Whether an assignment expression occurs.
    pub(super) walrus: bool,
}

/// Reads the tokens of a file.
pub(super) fn scan(text: &str, tokens: &Tokens) -> Scan {
    let mut scan = Scan::default();
    let (mut longest, mut line, mut indents) = (0, 0, 0);
    for (at, token) in tokens.iter().enumerate() {
        match token.kind() {
            TokenKind::Comment => scan.comment(text, token),
            TokenKind::ColonEqual => scan.walrus = true,
            TokenKind::Indent => indents += 1,
            TokenKind::Newline => {
                longest = longest.max(at + 1 - line);
                line = at + 1;
            }
            _ => {}
        }
    }
    scan.asks_own_name = memmem::find_iter(text.as_bytes(), OWN_NAME).any(|at| asks_at(text, tokens, at));
    // A level of the tree costs a token of its line or a level of indentation; a node may be two
    // levels (an interpolation and its expression).
    let levels = longest.max(tokens.len() - line) + indents;
    scan.depth_bound = u32::try_from(levels).unwrap_or(u32::MAX).saturating_mul(2);
    scan
}

/// Whether what stands at a place, where the name is said, asks for it.
fn asks_at(text: &str, tokens: &Tokens, at: usize) -> bool {
    let before = tokens.partition_point(|token| token.end().to_usize() <= at);
    tokens.get(before).is_some_and(|token| match token.kind() {
        TokenKind::Name => slice(text, token) == OWN_NAME,
        TokenKind::String => quoted(slice(text, token)) == OWN_NAME,
        _ => false,
    })
}

fn slice<'a>(text: &'a str, token: &Token) -> &'a str {
    text.get(token.range().start().to_usize()..token.range().end().to_usize()).unwrap_or_default()
}

/// What stands in a text: it may name an attribute (`getattr(x, "__name__")`).
fn quoted(text: &str) -> &str {
    let inner = text.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    inner.trim_matches(|c| c == '"' || c == '\'')
}

impl Scan {
    fn comment(&mut self, text: &str, token: &Token) {
        let comment = slice(text, token);
        // Each of the marks that are looked for has one of these in it, and most comments have none.
        if memchr::memchr3(b':', b'q', b'Q', comment.as_bytes()).is_none() {
            return;
        }
        let words = comment.trim_start_matches('#').trim();
        let peers = words.to_ascii_lowercase().contains("noqa") || words.contains("ruff: ignore[");
        if !words.contains("unleak:") && !peers {
            return;
        }
        let start = token.range().start().to_usize();
        let line = text[..start].rfind(['\n', '\r']).map_or(0, |end| end + 1);
        let before = text[line..start].trim_start_matches('\u{feff}');
        let place = if before.trim().is_empty() { CommentPlace::OwnLine } else { CommentPlace::AfterCode };
        let span = Span::new(token.range().start().to_u32(), token.range().end().to_u32());
        self.comments.push(Comment { span, text: Name::new(words), place });
    }
}

/// Everything in a text that could be a name.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c != '_' && !c.is_alphanumeric()).filter(|word| is_identifier(word))
}

/// Whether a text could be a Python name.
pub(super) fn is_identifier(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c == '_' || c.is_alphabetic()) && chars.all(|c| c == '_' || c.is_alphanumeric())
}
