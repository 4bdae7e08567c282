//! Macros whose arms race: `pattern = future[, if guard] => code`.

use proc_macro2::Ident;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{Expr, Pat, PatWild, Token};

use super::bind::Rest;
use super::control::Used;
use super::reader::Reader;
use crate::unit::{Block, Path, SelectArm, Span, StepKind, ValueId};

/// Whether an arm says what it binds.
#[derive(PartialEq, Eq)]
enum Shown {
    Pattern,
    Nothing,
}

/// The tokens of such a macro.
pub(super) struct Race {
    arms: Vec<RaceArm>,
    otherwise: Option<Expr>,
}

struct RaceArm {
    pattern: Pat,
    shown: Shown,
    future: Expr,
    guard: Option<Expr>,
    code: Expr,
}

impl Parse for Race {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        if input.peek(syn::Ident::peek_any) && input.peek2(Token![;]) {
            input.call(Ident::parse_any)?;
            input.parse::<Token![;]>()?;
        }
        let mut race = Race { arms: Vec::new(), otherwise: None };
        while !input.is_empty() {
            if input.peek(syn::Ident::peek_any) && input.peek2(Token![=>]) {
                input.call(Ident::parse_any)?;
                race.otherwise = Some(code(input)?);
            } else {
                race.arms.push(input.parse()?);
            }
        }
        // A race binds what the first of several gives; pairs of a call and a value are something else.
        let binds = race.otherwise.is_some() || race.arms.iter().any(|arm| arm.shown == Shown::Pattern);
        if race.arms.is_empty() || !binds { Err(input.error("no arms")) } else { Ok(race) }
    }
}

impl Parse for RaceArm {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let (pattern, future, shown) = if begins_with_pattern(input) {
            let pattern = Pat::parse_multi_with_leading_vert(input)?;
            input.parse::<Token![=]>()?;
            (pattern, input.parse()?, Shown::Pattern)
        } else {
            let future: Expr = input.parse()?;
            let waits = input.peek(Token![=>]) && matches!(future, Expr::Call(_));
            if !waits {
                input.parse::<Token![->]>()?;
            }
            // `default(time) => code`: nothing is bound.
            let nothing = || Pat::Wild(PatWild { attrs: Vec::new(), underscore_token: Token![_](input.span()) });
            if waits {
                (nothing(), future, Shown::Nothing)
            } else {
                (Pat::parse_multi_with_leading_vert(input)?, future, Shown::Pattern)
            }
        };
        let guard = if input.peek(Token![,]) || input.peek(Token![if]) {
            input.parse::<Option<Token![,]>>()?;
            input.parse::<Token![if]>()?;
            Some(input.parse()?)
        } else {
            None
        };
        Ok(RaceArm { pattern, shown, future, guard, code: code(input)? })
    }
}

fn begins_with_pattern(input: ParseStream) -> bool {
    let ahead = input.fork();
    Pat::parse_multi_with_leading_vert(&ahead).is_ok()
        && ahead.peek(Token![=])
        && !ahead.peek(Token![==])
        && !ahead.peek(Token![=>])
}

fn code(input: ParseStream) -> syn::Result<Expr> {
    input.parse::<Token![=>]>()?;
    let code = Expr::parse_with_earlier_boundary_rule(input)?;
    input.parse::<Option<Token![,]>>()?;
    Ok(code)
}

impl Reader<'_> {
    pub(super) fn race(&mut self, race: &Race, path: Path, span: Span) -> ValueId {
        let out = self.b().value();
        let id = self.b().step_id();
        let arms = race.arms.iter().map(|arm| self.race_arm(arm)).collect();
        let otherwise: Option<Block> = race.otherwise.as_ref().map(|code| self.branch(code, Used::Yes));
        self.b().push_as(id, span, StepKind::Select { out, path: Box::new(path), arms, otherwise });
        out
    }

    fn race_arm(&mut self, arm: &RaceArm) -> SelectArm {
        let span = self.span_of(&arm.pattern).to(self.of(&arm.future)).to(self.of(&arm.code));
        let future_span = self.of(&arm.future);
        let mut guard = None;
        let (head, future) = self.block(future_span, |this| {
            guard = arm.guard.as_ref().map(|guard| this.guard(guard));
            Some(this.value(&arm.future))
        });
        let future = future.unwrap_or_else(|| self.opaque(future_span));
        let got = self.b().value();
        self.scoped(|this| {
            let (pattern, bindings) = this.pending(&arm.pattern, got);
            let (mut body, value) = this.block(span, |this| {
                this.bind(&bindings, Rest::Dropped);
                this.branch_contents(&arm.code, Used::Yes)
            });
            body.value = value;
            SelectArm { head, future, got, pattern, guard, body, span }
        })
    }
}
