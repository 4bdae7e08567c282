//! Macro calls, read by the shape of their tokens: no macro is known by name.

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::discouraged::Speculative;
use syn::parse::{Parse, ParseStream, Parser};
use syn::{Block, Expr, Item, ItemMacro, Lit, Macro, Pat, Stmt, Token};

use super::bind::takes;
use super::control::Used;
use super::pieces::{Piece, items_of_branches, pieces};
use super::place::is_place;
use super::reader::{Boundary, Reader};
use super::select::Race;
use super::types::{name, path};
use crate::unit::{Access, Arg, ArgKind, BodyKind, Capture, Colour, Name, Path, Span, StepKind, ValueId};

/// What a macro's tokens turned out to be.
enum Shape {
    /// Arms of the form `pattern = future => code`.
    Race(Box<Race>),
    /// `a, b, name = c` or `item; length`.
    Args(Vec<MacroArg>),
    /// `value, pattern`.
    Test(Box<Test>),
    /// Statements.
    Code(Vec<Stmt>),
    /// A language of its own, with pieces of code in it.
    Pieces(Vec<Piece>),
    /// Anything else.
    Unknown,
}

/// An argument of a macro.
struct MacroArg {
    name: Option<Name>,
    value: Expr,
}

/// `a, b; c`, with names, marks like `%` and `?`, and pairs `key => value`.
struct Args(Vec<MacroArg>);

/// `value, pattern if guard, more`.
struct Test {
    value: Expr,
    pattern: Pat,
    guard: Option<Expr>,
    more: Vec<MacroArg>,
}

impl Parse for MacroArg {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let name = argument_name(input);
        if input.peek(Token![%]) || input.peek(Token![?]) || input.peek(Token![@]) {
            input.parse::<TokenTree>()?;
        }
        Ok(MacroArg { name, value: input.parse()? })
    }
}

/// `name =`, `a.b =` or `name:`, if that is what stands next.
fn argument_name(input: ParseStream) -> Option<Name> {
    let ahead = input.fork();
    let mut last: Ident = ahead.call(Ident::parse_any).ok()?;
    while ahead.peek(Token![.]) {
        ahead.parse::<Token![.]>().ok()?;
        last = ahead.call(Ident::parse_any).ok()?;
    }
    let assigns = ahead.peek(Token![=]) && !ahead.peek(Token![==]) && !ahead.peek(Token![=>]);
    let labels = ahead.peek(Token![:]) && !ahead.peek(Token![::]);
    if !assigns && !labels {
        return None;
    }
    ahead.parse::<TokenTree>().ok()?;
    input.advance_to(&ahead);
    Some(name(&last))
}

impl Parse for Args {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let mut args = Vec::new();
        while !input.is_empty() {
            args.push(input.parse()?);
            if input.is_empty() {
                break;
            }
            if args.len() == 1 && input.peek(Token![;]) {
                // `item; length`, or a word before the list (`biased; a, b`).
                input.parse::<Token![;]>()?;
                if input.is_empty() {
                    return Err(input.error("a statement"));
                }
            } else if input.peek(Token![=>]) {
                input.parse::<Token![=>]>()?;
            } else {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(Args(args))
    }
}

impl Parse for Test {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let value = input.parse()?;
        input.parse::<Token![,]>()?;
        let pattern = Pat::parse_multi_with_leading_vert(input)?;
        let guard = if input.parse::<Option<Token![if]>>()?.is_some() { Some(input.parse()?) } else { None };
        let more = if input.parse::<Option<Token![,]>>()?.is_some() { input.parse::<Args>()?.0 } else { Vec::new() };
        Ok(Test { value, pattern, guard, more })
    }
}

fn shape(call: &Macro) -> Shape {
    if has_arrow(&call.tokens)
        && let Ok(race) = call.parse_body()
    {
        return Shape::Race(Box::new(race));
    }
    let args = call.parse_body::<Args>().map(|args| args.0);
    let seems_pattern = args.as_ref().is_ok_and(|args| args.len() == 2 && has_hole(&args[1].value, 8));
    if (args.is_err() || seems_pattern)
        && let Ok(test) = call.parse_body()
    {
        return Shape::Test(Box::new(test));
    }
    match args {
        Ok(args) if !has_statement_that_yields(&args, &call.tokens) => Shape::Args(args),
        _ => match call.parse_body_with(Block::parse_within) {
            Ok(statements) => Shape::Code(statements),
            Err(_) => pieces(&call.tokens).map_or(Shape::Unknown, Shape::Pieces),
        },
    }
}

/// Whether what looks like an argument is a statement with a `yield` somewhere in it.
fn has_statement_that_yields(args: &[MacroArg], tokens: &TokenStream) -> bool {
    let statement = |value: &Expr| {
        matches!(
            value,
            Expr::ForLoop(_)
                | Expr::Loop(_)
                | Expr::While(_)
                | Expr::If(_)
                | Expr::Match(_)
                | Expr::Block(_)
                | Expr::Yield(_)
        )
    };
    matches!(args, [only] if only.name.is_none() && statement(&only.value)) && has_yield(tokens)
}

fn has_yield(tokens: &TokenStream) -> bool {
    tokens.clone().into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == "yield",
        TokenTree::Group(group) => has_yield(&group.stream()),
        _ => false,
    })
}

fn has_arrow(tokens: &TokenStream) -> bool {
    let mut after_equals = false;
    tokens.clone().into_iter().any(|token| {
        let TokenTree::Punct(punct) = &token else {
            after_equals = false;
            return false;
        };
        let arrow = after_equals && punct.as_char() == '>';
        after_equals = punct.as_char() == '=';
        arrow
    })
}

/// Whether an expression has a `_` or `..` in it, and so is meant as a pattern.
fn has_hole(expr: &Expr, fuel: u32) -> bool {
    let Some(fuel) = fuel.checked_sub(1) else { return false };
    match expr {
        Expr::Infer(_) => true,
        Expr::Range(e) => e.start.is_none() || e.end.is_none(),
        Expr::Binary(e) => has_hole(&e.left, fuel) || has_hole(&e.right, fuel),
        Expr::Reference(e) => has_hole(&e.expr, fuel),
        Expr::Call(e) => e.args.iter().any(|arg| has_hole(arg, fuel)),
        Expr::Tuple(e) => e.elems.iter().any(|part| has_hole(part, fuel)),
        Expr::Struct(e) => {
            e.dot2_token.is_some() && e.rest.is_none() || e.fields.iter().any(|field| has_hole(&field.expr, fuel))
        }
        _ => false,
    }
}

/// The path of a macro, its last name with the `!`.
fn macro_path(call: &Macro) -> Path {
    let mut path = path(&call.path);
    if let Some(last) = path.last_mut() {
        *last = Name::new(format!("{last}!"));
    }
    path
}

impl Reader<'_> {
    /// A macro call as a value.
    pub(super) fn macro_call(&mut self, call: &Macro, span: Span) -> ValueId {
        let lowered = self.deeper(|this| match shape(call) {
            Shape::Race(race) => this.race(&race, macro_path(call), span),
            Shape::Args(args) => {
                let args = this.macro_args(&args);
                this.call_macro(call, args, span)
            }
            Shape::Test(test) => this.test_macro(call, &test, span),
            Shape::Code(statements) => this.code_macro(call, &statements, span),
            Shape::Pieces(pieces) => this.pieces_macro(call, &pieces, span),
            Shape::Unknown => this.opaque(span),
        });
        lowered.unwrap_or_else(|| self.unread(span, "this expression is nested too deeply to be read"))
    }

    fn call_macro(&mut self, call: &Macro, args: Vec<Arg>, span: Span) -> ValueId {
        let name_span = self.between(super::span::first_of_path(&call.path), call.bang_token.span);
        self.call_named(macro_path(call), args, name_span, span)
    }

    /// The arguments of a macro, and the variables that its format strings name. Beside a format
    /// string, places are only looked at.
    fn macro_args(&mut self, args: &[MacroArg]) -> Vec<Arg> {
        let formats: Vec<(String, Span)> = args.iter().filter_map(|arg| self.format_string(&arg.value)).collect();
        let access = if formats.is_empty() { Access::Moved } else { Access::Shared };
        let mut lowered = Vec::with_capacity(args.len());
        for arg in args {
            let value = if is_place(&arg.value) { self.read(&arg.value, access) } else { self.value(&arg.value) };
            let kind = arg.name.clone().map_or(ArgKind::Positional, ArgKind::Named);
            lowered.push(Arg { value, kind });
        }
        for (format, span) in formats {
            for captured in captured_names(&format) {
                let named = lowered.iter().any(|arg| matches!(&arg.kind, ArgKind::Named(known) if known == captured));
                if !named && self.lookup(captured).is_some() {
                    let value = self.read_name(captured, span, Access::Shared);
                    lowered.push(Arg { value, kind: ArgKind::Named(Name::new(captured)) });
                }
            }
        }
        lowered
    }

    fn format_string(&self, expr: &Expr) -> Option<(String, Span)> {
        match expr {
            Expr::Lit(lit) => match &lit.lit {
                Lit::Str(text) => Some((text.value(), self.at(text.span()))).filter(|(text, _)| text.contains('{')),
                _ => None,
            },
            _ => None,
        }
    }

    fn test_macro(&mut self, call: &Macro, test: &Test, span: Span) -> ValueId {
        let access = if takes(&test.pattern) { Access::Moved } else { Access::Shared };
        let value = self.read(&test.value, access);
        let pattern_span = self.span_of(&test.pattern);
        let pattern = self.opaque(pattern_span);
        let mut args: Vec<Arg> = [value, pattern].map(|value| Arg { value, kind: ArgKind::Positional }).into();
        args.extend(test.guard.iter().map(|guard| Arg { value: self.value(guard), kind: ArgKind::Positional }));
        args.extend(self.macro_args(&test.more));
        self.call_macro(call, args, span)
    }

    /// A macro around statements. What they bind may be used after the macro. With a `yield`
    /// among them they are a body of their own.
    fn code_macro(&mut self, call: &Macro, statements: &[Stmt], span: Span) -> ValueId {
        let value = if has_yield(&call.tokens) {
            let body = self.enter(BodyKind::AsyncBlock, Boundary::Captures(Capture::Shared), span);
            self.b().body.colour = Colour::Async;
            let value = self.statements(statements, Used::Yes);
            if value.is_some() {
                self.b().push(span, StepKind::Return { value });
            }
            self.leave();
            Some(self.b().define(span, |out| StepKind::Closure { out, body }))
        } else {
            let id = self.b().step_id();
            let (mut block, value) = self.block(span, |this| this.statements(statements, Used::Yes));
            for local in std::mem::take(&mut block.declares) {
                self.b().declare(local);
            }
            block.value = value;
            self.b().push_as(id, span, StepKind::Nested { block, cfg: None });
            value
        };
        let args = value.map(|value| Arg { value, kind: ArgKind::Positional }).into_iter().collect();
        self.call_macro(call, args, span)
    }

    /// A macro with a language of its own: the expressions in it are its arguments, and the statements may run.
    fn pieces_macro(&mut self, call: &Macro, pieces: &[Piece], span: Span) -> ValueId {
        let mut args = Vec::new();
        for piece in pieces {
            match piece {
                Piece::Value(value) => {
                    let value = if is_place(value) { self.read(value, Access::Shared) } else { self.value(value) };
                    args.push(Arg { value, kind: ArgKind::Positional });
                }
                Piece::Code(statements) => {
                    let id = self.b().step_id();
                    let (block, _) = self.block(span, |this| this.statements(statements, Used::No));
                    self.b().push_as(id, span, StepKind::Nested { block, cfg: None });
                }
            }
        }
        self.call_macro(call, args, span)
    }

    /// A macro among items: its content as items, if it is some.
    pub(super) fn macro_item(&mut self, item: &ItemMacro, span: Span) {
        let items = if item.ident.is_none() { items_within(&item.mac) } else { None };
        match items {
            Some(items) => {
                for item in &items {
                    self.deeper(|this| this.item(item));
                }
            }
            None => {
                self.at_top(|this| this.opaque(span));
            }
        }
    }
}

/// The items in a macro; `static ref` counts as `static`, and the last semicolon may be missing.
fn items_within(call: &Macro) -> Option<Vec<Item>> {
    fn items(input: ParseStream) -> syn::Result<Vec<Item>> {
        let mut items = Vec::new();
        while !input.is_empty() {
            items.push(input.parse()?);
        }
        Ok(items)
    }
    let mut tokens: Vec<TokenTree> = Vec::new();
    for token in call.tokens.clone() {
        let is = |token: &TokenTree, word: &str| matches!(token, TokenTree::Ident(ident) if ident == word);
        if !(is(&token, "ref") && tokens.last().is_some_and(|last| is(last, "static"))) {
            tokens.push(token);
        }
    }
    let ended: TokenStream = tokens.iter().cloned().collect();
    let parsed = items.parse2(ended).ok().or_else(|| {
        let semicolon = TokenTree::Punct(proc_macro2::Punct::new(';', proc_macro2::Spacing::Alone));
        items.parse2(tokens.into_iter().chain([semicolon]).collect()).ok()
    });
    parsed.or_else(|| items_of_branches(&call.tokens)).filter(|items| !items.is_empty())
}

/// The names in the braces of a format string.
fn captured_names(format: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = format;
    while let Some(open) = rest.find('{') {
        rest = &rest[open + 1..];
        if let Some(escaped) = rest.strip_prefix('{') {
            rest = escaped;
            continue;
        }
        let Some(close) = rest.find('}') else { break };
        let (argument, spec) = rest[..close].split_once(':').unwrap_or((&rest[..close], ""));
        names.push(argument.trim());
        for counted in spec.split_inclusive('$').filter_map(|part| part.strip_suffix('$')) {
            let start = counted.rfind(|character: char| !(character.is_alphanumeric() || character == '_'));
            names.push(&counted[start.map_or(0, |at| at + counted[at..].chars().next().map_or(1, char::len_utf8))..]);
        }
        rest = &rest[close + 1..];
    }
    names.retain(|name| !name.is_empty());
    names
}
