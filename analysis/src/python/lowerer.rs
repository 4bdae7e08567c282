//! The state of lowering one file.

use ruff_python_ast::{Expr, Stmt};
use ruff_text_size::{Ranged, TextRange};
use rustc_hash::FxHashSet;
use thin_vec::ThinVec;

use super::frame::{Frame, Scope};
use super::scope::Bindings;
use super::tokens::words;
use crate::unit::{
    Body, BodyBuilder, BodyId, BodyKind, Comment, LocalId, Lowered, Name, Outline, Room, Span, StepKind, UnitBuilder,
    ValueId, Visibility,
};

/// How deep expressions and blocks may nest; what is deeper becomes opaque. Chains (`a.b().c()`,
/// `x + y + z`) count as one level.
pub(super) const MAX_DEPTH: u32 = 200;

/// Lowers one file; `'a` is the life of its text and tree.
pub(super) struct Lowerer<'a> {
    /// The headers as far as they are.
    pub(super) outline: Outline,
    /// The bodies on the way, outermost first. Never empty while lowering.
    pub(super) frames: Vec<Frame<'a>>,
    /// The links of the chains around the current expression that are still to be lowered, innermost last.
    pub(super) links: Vec<&'a Expr>,
    /// Whether assignment expressions occur in the file.
    pub(super) walrus: bool,
    text: &'a str,
    unit: UnitBuilder,
    /// Room of bodies that are done.
    rooms: Vec<Room>,
    depth: u32,
}

impl<'a> Lowerer<'a> {
    /// A lowerer that has seen nothing yet.
    pub(super) fn new(text: &'a str, walrus: bool) -> Lowerer<'a> {
        Lowerer {
            outline: Outline::default(),
            frames: Vec::new(),
            links: Vec::new(),
            walrus,
            text,
            unit: UnitBuilder::default(),
            rooms: Vec::new(),
            depth: 0,
        }
    }

    /// Lowers the whole file.
    pub(super) fn module(&mut self, suite: &'a [Stmt]) {
        let span = Span::new(0, self.text.len() as u32);
        self.enter(BodyKind::Module, Scope::Module, span, span, Bindings::default());
        self.suite(suite);
        self.leave();
    }

    /// The result.
    pub(super) fn finish(self, asks_own_name: bool, comments: Vec<Comment>) -> Lowered {
        let mut outline = self.outline;
        outline.imports = exact(outline.imports);
        outline.functions = exact(outline.functions);
        outline.types = exact(outline.types);
        outline.constants = exact(outline.constants);
        outline.comments = comments;
        outline.asks_own_name = asks_own_name;
        let unfinished = !self.text.is_empty() && !self.text.ends_with('\n');
        outline.lines = memchr::memchr_iter(b'\n', self.text.as_bytes()).count() as u32 + u32::from(unfinished);
        Lowered { outline, unit: self.unit.build() }
    }

    /// Begins a body.
    pub(super) fn enter(
        &mut self,
        kind: BodyKind,
        scope: Scope,
        span: Span,
        name_span: Span,
        bindings: Bindings<'a>,
    ) -> BodyId {
        let id = self.unit.reserve();
        let parent = self.frames.last().map(|frame| frame.id);
        let mut builder = BodyBuilder::reusing(kind, self.rooms.pop().unwrap_or_default());
        builder.body = Body { span, name_span, parent, visibility: Visibility::Public, ..builder.body };
        self.frames.push(Frame::new(id, builder, scope, bindings));
        id
    }

    /// Ends the innermost body.
    pub(super) fn leave(&mut self) {
        if let Some(frame) = self.frames.pop() {
            let (body, room) = frame.builder.leave();
            self.unit.finish(frame.id, body);
            self.rooms.push(room);
        }
    }

    /// A range as our span, within the text and on character boundaries whatever the parser says.
    pub(super) fn span(&self, range: TextRange) -> Span {
        let floor = |mut at: usize| {
            at = at.min(self.text.len());
            while !self.text.is_char_boundary(at) {
                at -= 1;
            }
            at as u32
        };
        Span::new(floor(range.start().to_usize()), floor(range.end().to_usize()))
    }

    /// The text of a node.
    pub(super) fn slice(&self, range: TextRange) -> &'a str {
        let span = self.span(range);
        &self.text[span.start as usize..span.end as usize]
    }

    /// The whole text.
    pub(super) fn text(&self) -> &'a str {
        self.text
    }

    /// Notes something that could not be read.
    pub(super) fn problem(&mut self, span: Span, message: impl Into<String>) {
        self.unit.problem(span, message);
    }

    /// Goes one level down, unless that is too deep.
    pub(super) fn descend<T>(&mut self, then: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.depth >= MAX_DEPTH {
            return None;
        }
        self.depth += 1;
        let result = then(self);
        self.depth -= 1;
        Some(result)
    }

    /// Stands for code that is nested too deeply.
    pub(super) fn too_deep(&mut self, node: impl Ranged) -> ValueId {
        let span = self.span(node.range());
        self.problem(span, "nested too deeply to be read");
        self.opaque(node)
    }

    /// Stands for code that is not read; the names in it count as mentioned.
    pub(super) fn opaque(&mut self, node: impl Ranged) -> ValueId {
        let span = self.span(node.range());
        let words: FxHashSet<&'a str> = words(self.slice(node.range())).collect();
        let mut words: Vec<&'a str> = words.into_iter().collect();
        words.sort_unstable();
        let mut locals: ThinVec<LocalId> = words.iter().filter_map(|word| self.resolve(word, span)).collect();
        locals.sort_unstable();
        let mentions = words.into_iter().map(Name::new).collect();
        self.steps().define(span, |out| StepKind::Opaque { out, mentions, locals })
    }
}

/// The same in no more room than it takes: headers are kept to the end.
fn exact<T>(grown: Vec<T>) -> Vec<T> {
    let mut exact = Vec::with_capacity(grown.len());
    exact.extend(grown);
    exact
}
