//! Patterns: what they mean as conditions, and the variables they bind.

use std::sync::Arc;

use syn::{Expr, Member, Pat};

use super::consts;
use super::reader::Reader;
use super::types::name;
use crate::unit::{Discard, LocalId, LocalOrigin, Name, Part, Path, Pattern, Span, StepKind, TypeTree, ValueId, View};

/// A pattern whose variables are known and not yet bound.
pub(super) struct Pending<'p> {
    pub(super) pat: &'p Pat,
    pub(super) value: ValueId,
    pub(super) locals: Vec<(Name, LocalId)>,
}

/// What becomes of the parts that `_` matches.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// They stay where they are.
    Kept,
    /// They are dropped with the value that nobody else has.
    Dropped,
}

/// A name that a pattern binds, and not a constant: constants are written in capitals.
fn binds(pat: &syn::PatIdent) -> bool {
    let plain = pat.by_ref.is_none() && pat.mutability.is_none() && pat.subpat.is_none();
    !(plain && name(&pat.ident).starts_with(char::is_uppercase))
}

/// Whether a pattern takes anything out of the value by name.
pub(super) fn takes(pat: &Pat) -> bool {
    match pat {
        Pat::Ident(pat) => binds(pat) && pat.by_ref.is_none(),
        Pat::Guard(pat) => takes(&pat.pat),
        Pat::Or(pat) => pat.cases.iter().any(takes),
        Pat::Paren(pat) => takes(&pat.pat),
        Pat::Slice(pat) => pat.elems.iter().any(takes),
        Pat::Struct(pat) => pat.fields.iter().any(|field| takes(&field.pat)),
        Pat::Tuple(pat) => pat.elems.iter().any(takes),
        Pat::TupleStruct(pat) => pat.elems.iter().any(takes),
        Pat::Type(pat) => takes(&pat.pat),
        _ => false,
    }
}

/// A pattern without its parentheses, type and guard.
pub(super) fn bare(mut pat: &Pat) -> &Pat {
    loop {
        pat = match pat {
            Pat::Paren(inner) => &inner.pat,
            Pat::Type(inner) => &inner.pat,
            Pat::Guard(inner) => &inner.pat,
            other => return other,
        }
    }
}

impl Reader<'_> {
    /// The meaning of a pattern; its variables come into scope and are added to `locals`.
    pub(super) fn pattern(&mut self, pat: &Pat, locals: &mut Vec<(Name, LocalId)>) -> Pattern {
        self.deeper(|this| this.pattern_within(pat, None, locals)).unwrap_or(Pattern::Other)
    }

    /// A pattern and its variables, to be bound to a value later.
    pub(super) fn pending<'p>(&mut self, pat: &'p Pat, value: ValueId) -> (Pattern, Pending<'p>) {
        let mut locals = Vec::new();
        let meaning = self.pattern(pat, &mut locals);
        (meaning, Pending { pat, value, locals })
    }

    fn pattern_within(&mut self, pat: &Pat, ty: Option<TypeTree>, locals: &mut Vec<(Name, LocalId)>) -> Pattern {
        match pat {
            Pat::Ident(pat) if binds(pat) => {
                let local = self.binding(&name(&pat.ident), self.at(pat.ident.span()), ty, locals);
                match &pat.subpat {
                    Some((_, inner)) => self.pattern(inner, locals),
                    None => Pattern::Binding(local),
                }
            }
            Pat::Ident(pat) => Pattern::Path(vec![name(&pat.ident)]),
            Pat::Wild(_) | Pat::Rest(_) => Pattern::Wildcard,
            Pat::Lit(pat) => Pattern::Const(consts::literal(&pat.lit)),
            Pat::Path(pat) => Pattern::Path(self.full_path(pat.qself.as_ref(), &pat.path)),
            Pat::Paren(pat) => self.pattern(&pat.pat, locals),
            Pat::Guard(pat) => self.pattern(&pat.pat, locals),
            Pat::Reference(pat) => self.pattern(&pat.pat, locals),
            Pat::Type(pat) => {
                let ty = Some(self.type_tree(&pat.ty));
                self.deeper(|this| this.pattern_within(&pat.pat, ty, locals)).unwrap_or(Pattern::Other)
            }
            Pat::Tuple(pat) => Pattern::Tuple(self.patterns(&pat.elems, locals)),
            Pat::Slice(pat) => Pattern::Tuple(self.patterns(&pat.elems, locals)),
            Pat::Or(pat) => Pattern::Or(self.patterns(&pat.cases, locals)),
            Pat::TupleStruct(pat) => {
                let path = self.full_path(pat.qself.as_ref(), &pat.path);
                Pattern::Variant { path, inner: self.patterns(&pat.elems, locals) }
            }
            Pat::Struct(pat) => {
                let path = self.full_path(pat.qself.as_ref(), &pat.path);
                let inner = pat.fields.iter().map(|field| self.pattern(&field.pat, locals)).collect();
                Pattern::Variant { path, inner }
            }
            _ => Pattern::Other,
        }
    }

    fn patterns<'p>(
        &mut self,
        pats: impl IntoIterator<Item = &'p Pat>,
        locals: &mut Vec<(Name, LocalId)>,
    ) -> Vec<Pattern> {
        pats.into_iter().map(|pat| self.pattern(pat, locals)).collect()
    }

    /// The variable of a name in a pattern; the alternatives of `A(x) | B(x)` share one.
    fn binding(&mut self, name: &Name, span: Span, ty: Option<TypeTree>, locals: &mut Vec<(Name, LocalId)>) -> LocalId {
        if let Some((_, local)) = locals.iter().find(|(known, _)| known == name) {
            return *local;
        }
        let local = self.local(name, LocalOrigin::Bound, ty.map(Arc::new), span);
        locals.push((name.clone(), local));
        local
    }

    /// Takes a value apart and binds the variables; their scope ends with the open block.
    pub(super) fn bind(&mut self, pending: &Pending<'_>, rest: Rest) {
        let mut parts = Vec::new();
        self.take_apart(pending.pat, pending.value, rest, &mut parts);
        for (name, local) in &pending.locals {
            let from: Vec<ValueId> =
                parts.iter().filter(|(known, _, _)| known == name).map(|(_, value, _)| *value).collect();
            let span = parts.iter().find(|(known, _, _)| known == name).map_or(Span::default(), |part| part.2);
            let value = match from.as_slice() {
                [] => continue,
                [value] => *value,
                _ => self.b().define(span, |out| StepKind::Join { out, from }),
            };
            self.b().declare(*local);
            self.b().bind(span, *local, value);
        }
    }

    fn take_apart(&mut self, pat: &Pat, value: ValueId, rest: Rest, parts: &mut Vec<(Name, ValueId, Span)>) {
        self.deeper(|this| this.take_apart_within(pat, value, rest, parts));
    }

    fn take_apart_within(&mut self, pat: &Pat, value: ValueId, rest: Rest, parts: &mut Vec<(Name, ValueId, Span)>) {
        match pat {
            Pat::Ident(pat) if binds(pat) => {
                let span = self.at(pat.ident.span());
                let mut taken = value;
                if let Some((_, inner)) = &pat.subpat {
                    taken = self.part(span, value, Part::Whole);
                    self.take_apart(inner, value, Rest::Kept, parts);
                }
                if pat.by_ref.is_some() {
                    let how = if pat.mutability.is_some() { View::RefMut } else { View::Ref };
                    taken = self.b().define(span, |out| StepKind::View { out, value: taken, how });
                }
                parts.push((name(&pat.ident), taken, span));
            }
            Pat::Wild(pat) if rest == Rest::Dropped => {
                let span = self.at(pat.underscore_token.span);
                self.b().discard(span, value, Discard::Underscore);
            }
            Pat::Paren(pat) => self.take_apart(&pat.pat, value, rest, parts),
            Pat::Type(pat) => self.take_apart(&pat.pat, value, rest, parts),
            Pat::Guard(pat) => self.take_apart(&pat.pat, value, rest, parts),
            Pat::Reference(pat) if takes(&pat.pat) => {
                let span = self.span_of(pat);
                let inner = self.b().define(span, |out| StepKind::View { out, value, how: View::Deref });
                self.take_apart(&pat.pat, inner, Rest::Kept, parts);
            }
            Pat::Or(pat) => pat.cases.iter().for_each(|case| self.take_apart(case, value, rest, parts)),
            Pat::Tuple(pat) => self.sequence(pat.elems.iter(), value, rest, None, parts),
            Pat::Slice(pat) => self.sequence(pat.elems.iter(), value, rest, None, parts),
            Pat::TupleStruct(pat) => {
                let path = self.full_path(pat.qself.as_ref(), &pat.path);
                self.sequence(pat.elems.iter(), value, rest, Some(path), parts);
            }
            Pat::Struct(pat) => {
                for field in &pat.fields {
                    let member = match &field.member {
                        Member::Named(ident) => name(ident),
                        Member::Unnamed(index) => Name::new(index.index.to_string()),
                    };
                    self.taken_part(&field.pat, value, Part::Field(member), rest, parts);
                }
            }
            _ => {}
        }
    }

    fn sequence<'p>(
        &mut self,
        pats: impl Iterator<Item = &'p Pat>,
        value: ValueId,
        rest: Rest,
        variant: Option<Path>,
        parts: &mut Vec<(Name, ValueId, Span)>,
    ) {
        let mut skipped = false;
        for (index, pat) in (0..).zip(pats) {
            let is_rest = |pat: &Pat| matches!(pat, Pat::Rest(_));
            let bound_rest = matches!(bare(pat), Pat::Ident(ident) if ident.subpat.as_ref().is_some_and(|(_, inner)| is_rest(inner)));
            skipped |= is_rest(pat) || bound_rest;
            let part = match &variant {
                _ if skipped => Part::Rest(index),
                Some(path) => Part::Variant(Box::new(path.clone()), index),
                None => Part::Index(index),
            };
            self.taken_part(pat, value, part, rest, parts);
        }
    }

    /// Takes a part out when the pattern does something with it.
    fn taken_part(&mut self, pat: &Pat, of: ValueId, part: Part, rest: Rest, parts: &mut Vec<(Name, ValueId, Span)>) {
        let by_reference = matches!(bare(pat), Pat::Ident(ident) if binds(ident));
        let dropped = rest == Rest::Dropped && matches!(bare(pat), Pat::Wild(_));
        if takes(pat) || by_reference || dropped || has_ref(pat) {
            let out = self.part(self.span_of(pat), of, part);
            self.take_apart(pat, out, rest, parts);
        }
    }

    fn part(&mut self, span: Span, of: ValueId, part: Part) -> ValueId {
        self.b().define(span, |out| StepKind::Part { out, of, part })
    }

    /// Takes apart a parameter that is no plain name.
    pub(super) fn bind_parameter(&mut self, pat: &Pat, value: ValueId) {
        let (_, pending) = self.pending(pat, value);
        self.bind(&pending, Rest::Kept);
    }

    /// Whether an assignment target is `_`.
    pub(super) fn is_underscore(expr: &Expr) -> bool {
        matches!(expr, Expr::Infer(_))
    }
}

fn has_ref(pat: &Pat) -> bool {
    match pat {
        Pat::Ident(pat) => pat.by_ref.is_some(),
        Pat::Guard(pat) => has_ref(&pat.pat),
        Pat::Or(pat) => pat.cases.iter().any(has_ref),
        Pat::Paren(pat) => has_ref(&pat.pat),
        Pat::Slice(pat) => pat.elems.iter().any(has_ref),
        Pat::Struct(pat) => pat.fields.iter().any(|field| has_ref(&field.pat)),
        Pat::Tuple(pat) => pat.elems.iter().any(has_ref),
        Pat::TupleStruct(pat) => pat.elems.iter().any(has_ref),
        Pat::Type(pat) => has_ref(&pat.pat),
        Pat::Reference(pat) => has_ref(&pat.pat),
        _ => false,
    }
}
