//! Code within macros that have a language of their own: what stands in it as expressions, statements or items.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use syn::parse::{ParseStream, Parser};
use syn::{Block, Expr, Item, Stmt};

/// How deep groups are looked into.
const DEPTH: u32 = 8;

/// A piece of code.
pub(super) enum Piece {
    /// An expression.
    Value(Box<Expr>),
    /// Statements in braces.
    Code(Vec<Stmt>),
}

/// The pieces of code in the tokens, if there are any. A template, whose tokens stand for others, has none.
pub(super) fn pieces(tokens: &TokenStream) -> Option<Vec<Piece>> {
    let mut found = Vec::new();
    (!is_template(tokens)).then(|| collect(tokens, DEPTH, &mut found));
    (!found.is_empty()).then_some(found)
}

fn collect(tokens: &TokenStream, depth: u32, found: &mut Vec<Piece>) {
    let Some(depth) = depth.checked_sub(1) else { return };
    for piece in split(tokens) {
        let stream: TokenStream = piece.iter().cloned().collect();
        match piece.as_slice() {
            [] => {}
            [TokenTree::Group(group)] if group.delimiter() == Delimiter::Brace => {
                match Block::parse_within.parse2(group.stream()) {
                    Ok(statements) if !statements.is_empty() => found.push(Piece::Code(statements)),
                    _ => collect(&group.stream(), depth, found),
                }
            }
            _ => match syn::parse2::<Expr>(stream) {
                // A name or literal alone may be a word of the macro's own.
                Ok(Expr::Path(_) | Expr::Lit(_)) => {}
                Ok(expr) => found.push(Piece::Value(Box::new(expr))),
                Err(_) => piece.iter().for_each(|token| {
                    if let TokenTree::Group(group) = token {
                        collect(&TokenStream::from(TokenTree::Group(group.clone())), depth, found);
                    }
                }),
            },
        }
    }
}

/// The tokens between `,`, `;`, `:`, `=>` and `->`.
fn split(tokens: &TokenStream) -> Vec<Vec<TokenTree>> {
    let mut parts = vec![Vec::new()];
    let mut before: Option<(char, Spacing)> = None;
    for token in tokens.clone() {
        let mark = match &token {
            TokenTree::Punct(mark) => Some((mark.as_char(), mark.spacing())),
            _ => None,
        };
        let path = matches!((before, mark), (Some((':', Spacing::Joint)), _) | (_, Some((':', Spacing::Joint))));
        let arrow = matches!((before, mark), (Some(('=' | '-', Spacing::Joint)), Some(('>', _))));
        before = mark;
        match mark {
            Some((',' | ';', _)) => parts.push(Vec::new()),
            Some((':', _)) if !path => parts.push(Vec::new()),
            Some(_) if arrow => {
                if let Some(part) = parts.last_mut() {
                    part.pop();
                }
                parts.push(Vec::new());
            }
            _ => parts.iter_mut().next_back().into_iter().for_each(|part| part.push(token.clone())),
        }
    }
    parts
}

/// Whether some tokens stand for others: `#name`, `#(…)`, `$name`.
fn is_template(tokens: &TokenStream) -> bool {
    let mut marked = false;
    tokens.clone().into_iter().any(|token| match token {
        TokenTree::Punct(mark) => {
            marked = mark.as_char() == '#';
            mark.as_char() == '$'
        }
        TokenTree::Group(group) => {
            let inserted = marked && group.delimiter() == Delimiter::Parenthesis;
            marked = false;
            inserted || is_template(&group.stream())
        }
        TokenTree::Ident(_) => std::mem::take(&mut marked),
        TokenTree::Literal(_) => {
            marked = false;
            false
        }
    })
}

/// The items in the braces of a macro that chooses between them (`if #[cfg(…)] { … } else { … }`).
pub(super) fn items_of_branches(tokens: &TokenStream) -> Option<Vec<Item>> {
    fn items(input: ParseStream) -> syn::Result<Vec<Item>> {
        let mut items = Vec::new();
        while !input.is_empty() {
            items.push(input.parse()?);
        }
        Ok(items)
    }
    let mut found = Vec::new();
    let mut begun = false;
    for token in tokens.clone() {
        match token {
            TokenTree::Ident(word) if word == "if" || word == "else" => begun = true,
            TokenTree::Group(group) if begun && group.delimiter() == Delimiter::Brace => {
                found.extend(items.parse2(group.stream()).ok()?);
            }
            TokenTree::Group(group) if begun && group.delimiter() == Delimiter::Bracket => {}
            TokenTree::Punct(mark) if begun && mark.as_char() == '#' => {}
            _ => return None,
        }
    }
    Some(found)
}
