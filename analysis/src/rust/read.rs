//! A file, item by item.

use std::ops::Range;

use syn::parse::Parser;
use syn::{Attribute, ImplItem, Item, TraitItem};

use super::cut::{Cutter, Pairs, Piece, Shape, depth};
use super::function::Signature;
use super::item::Members;
use super::reader::{Owner, Reader};
use super::scan::{self, Scan};
use super::types::name;
use crate::unit::{Lowered, Span, TypeHeader, TypeId};

/// Modules inside each other beyond this are not read.
const MAX_MODULES: usize = 100;

/// Reads a file. Recurses as deep as [`depth`] allows, so it wants a large stack.
pub(super) fn file(text: &str) -> Lowered {
    let scan = scan::scan(text);
    let pairs = Pairs::of(text, &scan);
    let bare = scan::without_comments(text, &scan.comments);
    let cutter = Cutter { text, tokens: &scan.tokens, pairs: &pairs };
    let mut reading = Reading { bare: &bare, cutter, reader: Reader::new(text, &scan) };
    for (span, message) in scan.broken.iter().chain(&pairs.broken) {
        reading.reader.problem(*span, *message);
    }
    reading.pieces(0..scan.tokens.len());
    reading.reader.finish(&scan)
}

struct Reading<'t> {
    /// The text without comments.
    bare: &'t str,
    cutter: Cutter<'t>,
    reader: Reader<'t>,
}

impl Reading<'_> {
    fn pieces(&mut self, range: Range<usize>) {
        let inherited = self.reader.inherited.len();
        for piece in self.cutter.items(range) {
            self.piece(&piece);
            // The parser's lexer keeps every text it was ever given; nothing of this one is needed.
            proc_macro2::extra::invalidate_current_thread_spans();
        }
        self.reader.inherited.truncate(inherited);
    }

    fn span(&self, tokens: &Range<usize>) -> Span {
        let all = self.cutter.tokens;
        match (all.get(tokens.start), tokens.end.checked_sub(1).and_then(|last| all.get(last))) {
            (Some(first), Some(last)) => Span::new(first.start, last.end),
            _ => Span::default(),
        }
    }

    fn piece(&mut self, piece: &Piece) {
        match &piece.shape {
            Shape::Nothing => {}
            Shape::InnerAttribute => self.inner_attribute(piece),
            Shape::Module { content } => self.module(piece, content),
            _ => self.whole(piece),
        }
    }

    /// Gives tokens to the parser, with something appended that ends them. The problem when it refuses.
    fn parse<T>(
        &mut self,
        tokens: &Range<usize>,
        ending: &str,
        parser: impl Parser<Output = T>,
    ) -> Result<T, (Span, String)> {
        if let Some((span, message)) = depth(self.cutter.text, &self.cutter.tokens[tokens.clone()]).excess() {
            return Err((span, message.to_owned()));
        }
        let span = self.span(tokens);
        self.reader.base = span.start;
        let slice = &self.bare[span.start as usize..span.end as usize];
        let parsed =
            if ending.is_empty() { parser.parse_str(slice) } else { parser.parse_str(&format!("{slice}{ending}")) };
        parsed.map_err(|error| (self.reader.at(error.span()), error.to_string()))
    }

    fn problem(&mut self, (span, message): (Span, String)) {
        self.reader.problem(span, message);
    }

    fn skip(&mut self, piece: &Piece) {
        let span = self.span(&piece.tokens);
        self.reader.at_top(|reader| reader.opaque(span));
    }

    /// `#![cfg(…)]` speaks of everything that follows.
    fn inner_attribute(&mut self, piece: &Piece) {
        if let Ok(attributes) = self.parse(&piece.tokens, "", Attribute::parse_inner) {
            let marks = self.reader.marks(&attributes).into_iter();
            self.reader.inherited.extend(marks.filter(|mark| mark.path.len() == 1 && mark.path[0] == "cfg"));
        }
    }

    fn module(&mut self, piece: &Piece, content: &Range<usize>) {
        if self.reader.module.len() >= MAX_MODULES {
            self.problem((self.span(&piece.tokens), "modules nest too deeply to be read".to_owned()));
            return self.skip(piece);
        }
        let head = piece.tokens.start..content.start - 1;
        match self.parse(&head, ";", <Item as syn::parse::Parse>::parse) {
            Ok(Item::Mod(item)) => {
                let conditions = self.reader.declare_module(&item, true);
                let name = name(&item.ident);
                let before = self.reader.inherited.len();
                self.reader.inherited.extend(conditions);
                self.reader.module.push(name);
                self.pieces(content.clone());
                self.reader.module.pop();
                self.reader.inherited.truncate(before);
            }
            Ok(_) => self.skip(piece),
            Err(problem) => {
                self.problem(problem);
                self.skip(piece);
            }
        }
    }

    fn whole(&mut self, piece: &Piece) {
        match self.parse(&piece.tokens, "", <Item as syn::parse::Parse>::parse) {
            Ok(item) => self.reader.item(&item),
            Err(problem) => match &piece.shape {
                Shape::Members { content } => self.members(piece, content, problem),
                Shape::Function { open } => self.function(piece, *open, problem),
                _ => {
                    self.problem(problem);
                    self.skip(piece);
                }
            },
        }
    }

    /// A function with code that cannot be read still has a head.
    fn function(&mut self, piece: &Piece, open: usize, problem: (Span, String)) {
        self.problem(problem);
        let head = piece.tokens.start..open + 1;
        let (span, code) = (self.span(&piece.tokens), self.span(&(open..piece.tokens.end)));
        match self.parse(&head, "}", <Item as syn::parse::Parse>::parse) {
            Ok(Item::Fn(item)) => {
                let body = self.reader.unread_function(&Signature::of(&item), code, span);
                self.reader.add_function(name(&item.sig.ident), body);
            }
            _ => self.skip(piece),
        }
    }

    /// An impl or trait that cannot be read as a whole, member by member.
    fn members(&mut self, piece: &Piece, content: &Range<usize>, problem: (Span, String)) {
        let span = self.span(&piece.tokens);
        let problems = self.reader.problems;
        match self.parse(&(piece.tokens.start..content.start), "}", <Item as syn::parse::Parse>::parse) {
            Ok(Item::Impl(item)) => {
                let generics = self.reader.generics.len();
                self.reader.add_generics(&item.generics);
                let ty = self.reader.type_tree(&item.self_ty);
                let mut members = Members::of_impl(&item, &ty);
                for member in self.cutter.items(content.clone()) {
                    self.impl_member(&member, &mut members);
                }
                self.reader.end_impl(&item, ty, members, span);
                self.reader.generics.truncate(generics);
            }
            Ok(Item::Trait(item)) => {
                let mut members = Members::of_trait(&item);
                let generics = self.reader.generics.len();
                self.reader.add_generics(&item.generics);
                for member in self.cutter.items(content.clone()) {
                    self.trait_member(&member, &mut members);
                }
                self.reader.generics.truncate(generics);
                self.reader.end_trait(&item, members, span);
            }
            _ => self.skip(piece),
        }
        if self.reader.problems == problems {
            self.problem(problem);
        }
    }

    fn impl_member(&mut self, piece: &Piece, members: &mut Members) {
        if matches!(piece.shape, Shape::Nothing | Shape::InnerAttribute) {
            return;
        }
        match self.parse(&piece.tokens, "", <ImplItem as syn::parse::Parse>::parse) {
            Ok(member) => self.reader.impl_member(&member, members),
            Err(problem) => {
                self.problem(problem);
                let head = match &piece.shape {
                    Shape::Function { open } => Some(*open),
                    _ => None,
                };
                let parsed = head.map(|open| {
                    self.parse(&(piece.tokens.start..open + 1), "}", <ImplItem as syn::parse::Parse>::parse)
                });
                match (head, parsed) {
                    (Some(open), Some(Ok(ImplItem::Fn(method)))) => {
                        let (span, code) = (self.span(&piece.tokens), self.span(&(open..piece.tokens.end)));
                        let signature = members.method_of_impl(&method, &self.reader);
                        let body = self.reader.unread_function(&signature, code, span);
                        members.methods.push((name(&method.sig.ident), body));
                    }
                    _ => self.skip(piece),
                }
            }
        }
    }

    fn trait_member(&mut self, piece: &Piece, members: &mut Members) {
        if matches!(piece.shape, Shape::Nothing | Shape::InnerAttribute) {
            return;
        }
        match self.parse(&piece.tokens, "", <TraitItem as syn::parse::Parse>::parse) {
            Ok(member) => self.reader.trait_member(&member, members),
            Err(problem) => {
                self.problem(problem);
                let head = match &piece.shape {
                    Shape::Function { open } => Some(*open),
                    _ => None,
                };
                let parsed = head.map(|open| {
                    self.parse(&(piece.tokens.start..open + 1), "}", <TraitItem as syn::parse::Parse>::parse)
                });
                match (head, parsed) {
                    (Some(open), Some(Ok(TraitItem::Fn(method)))) => {
                        let (span, code) = (self.span(&piece.tokens), self.span(&(open..piece.tokens.end)));
                        let signature = members.method_of_trait(&method, &self.reader);
                        let body = self.reader.unread_function(&signature, code, span);
                        members.methods.push((name(&method.sig.ident), body));
                    }
                    _ => self.skip(piece),
                }
            }
        }
    }
}

impl Reader<'_> {
    /// The outline and unit, with what only the whole file can tell.
    fn finish(mut self, scan: &Scan) -> Lowered {
        let whole = Span::new(0, self.text.len() as u32);
        self.b().body.span = whole;
        self.b().body.name_span = whole;
        self.leave();
        let mut outline = self.outline;
        let mut unit = self.unit.build();
        let owned = |types: &[TypeHeader], owner: &Owner| {
            let named = |(_, ty): &(usize, &TypeHeader)| ty.name == owner.name;
            let mut candidates = types.iter().enumerate().filter(named);
            let same_module = candidates.clone().find(|(_, ty)| ty.module == owner.module);
            same_module.or_else(|| candidates.next()).map(|(index, _)| TypeId(index as u32))
        };
        for (body, owner) in &self.body_owners {
            unit.bodies[body.0 as usize].owner = owned(&outline.types, owner);
        }
        for (constant, owner) in &self.constant_owners {
            outline.constants[*constant].owner = owned(&outline.types, owner);
        }
        outline.comments = scan.addressed(self.text);
        outline.lines = self.text.lines().count() as u32;
        unit.problems.sort_by_key(|problem| problem.span);
        Lowered { outline, unit }
    }
}
