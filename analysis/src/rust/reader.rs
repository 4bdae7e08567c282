//! What is known while a file is read: the bodies that are open, their variables, the module.

use std::sync::Arc;

use thin_vec::ThinVec;

use super::scan::{Kind, Scan, plain};
use crate::unit::{
    BodyBuilder, BodyId, BodyKind, Capture, LocalId, LocalOrigin, Mark, Name, Outline, Path, Span, StepKind, TypeTree,
    UnitBuilder, ValueId,
};

/// Expressions inside each other beyond this are not lowered.
const MAX_DEPTH: u32 = 1_500;
/// Blocks inside each other beyond this are not lowered: whoever walks a unit may recurse.
const MAX_BLOCKS: u32 = 150;

/// What a body can see of the one it is written in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Boundary {
    /// An item: nothing.
    Item,
    /// A closure or async block: its variables.
    Captures(Capture),
}

/// Something `break` can leave with a value.
pub(super) struct Target {
    pub(super) label: Option<Name>,
    pub(super) is_loop: bool,
    pub(super) values: Vec<ValueId>,
}

/// A body that is being lowered.
pub(super) struct Frame {
    pub(super) id: BodyId,
    pub(super) builder: BodyBuilder,
    boundary: Boundary,
    /// Names in scope, innermost last; the first scope holds the captures.
    scopes: Vec<Vec<(Name, LocalId)>>,
    pub(super) targets: Vec<Target>,
    blocks: u32,
}

/// A type of this file that something belongs to, by name: types may stand below their impls.
pub(super) struct Owner {
    pub(super) module: Path,
    pub(super) name: Name,
}

/// Reads one file.
pub(super) struct Reader<'t> {
    pub(super) text: &'t str,
    pub(super) scan: &'t Scan,
    /// Where the text that the parser was given begins.
    pub(super) base: u32,
    pub(super) unit: UnitBuilder,
    pub(super) outline: Outline,
    pub(super) frames: Vec<Frame>,
    /// The inline module.
    pub(super) module: Path,
    /// Conditions of the enclosing modules, inherited by everything within.
    pub(super) inherited: Vec<Mark>,
    /// Type parameters in scope and their bounds.
    pub(super) generics: Vec<(Name, Vec<TypeTree>)>,
    pub(super) body_owners: Vec<(BodyId, Owner)>,
    pub(super) constant_owners: Vec<(usize, Owner)>,
    /// How many problems there were so far.
    pub(super) problems: usize,
    depth: u32,
}

impl Frame {
    pub(super) fn new(id: BodyId, kind: BodyKind, boundary: Boundary) -> Frame {
        let scopes = vec![Vec::new(), Vec::new()];
        Frame { id, builder: BodyBuilder::new(kind), boundary, scopes, targets: Vec::new(), blocks: 0 }
    }

    fn find(&self, name: &str) -> Option<LocalId> {
        let names = self.scopes.iter().rev().flat_map(|scope| scope.iter().rev());
        names.into_iter().find(|(known, _)| known == name).map(|(_, local)| *local)
    }
}

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str, scan: &'t Scan) -> Reader<'t> {
        let mut unit = UnitBuilder::default();
        let module = Frame::new(unit.reserve(), BodyKind::Module, Boundary::Item);
        Reader {
            text,
            scan,
            base: 0,
            unit,
            outline: Outline::default(),
            frames: vec![module],
            module: Path::new(),
            inherited: Vec::new(),
            generics: Vec::new(),
            body_owners: Vec::new(),
            constant_owners: Vec::new(),
            problems: 0,
            depth: 0,
        }
    }

    /// The body being lowered.
    pub(super) fn frame(&mut self) -> &mut Frame {
        let last = self.frames.len() - 1;
        &mut self.frames[last]
    }

    /// The builder of the body being lowered.
    pub(super) fn b(&mut self) -> &mut BodyBuilder {
        &mut self.frame().builder
    }

    /// The body being lowered, unless that is the module.
    pub(super) fn within(&self) -> Option<BodyId> {
        self.frames.last().map(|frame| frame.id).filter(|id| *id != BodyId::MODULE)
    }

    /// Begins a body in the current one.
    pub(super) fn enter(&mut self, kind: BodyKind, boundary: Boundary, span: Span) -> BodyId {
        let parent = self.frame().id;
        let id = self.unit.reserve();
        let mut frame = Frame::new(id, kind, boundary);
        frame.builder.body.parent = Some(parent);
        frame.builder.body.module.clone_from(&self.module);
        frame.builder.body.span = span;
        frame.builder.body.name_span = span;
        frame.builder.body.marks.clone_from(&self.inherited);
        self.frames.push(frame);
        id
    }

    /// Ends the innermost body.
    pub(super) fn leave(&mut self) {
        if let Some(frame) = self.frames.pop() {
            self.unit.finish(frame.id, frame.builder.build());
        }
    }

    /// Does something at the top level of the file, whatever bodies are open.
    pub(super) fn at_top<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        let open = self.frames.split_off(1);
        let result = work(self);
        self.frames.extend(open);
        result
    }

    /// A scope for names; the block that ends it is the builder's business.
    pub(super) fn scoped<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        self.frame().scopes.push(Vec::new());
        let result = work(self);
        self.frame().scopes.pop();
        result
    }

    /// Makes a variable visible from here to the end of its scope.
    pub(super) fn name(&mut self, name: &Name, local: LocalId) {
        if let Some(scope) = self.frame().scopes.last_mut() {
            scope.push((name.clone(), local));
        }
    }

    /// A new variable, visible from here on.
    pub(super) fn local(&mut self, name: &str, origin: LocalOrigin, ty: Option<Arc<TypeTree>>, span: Span) -> LocalId {
        let name = Name::new(name);
        let local = self.b().local(name.clone(), origin, ty, span);
        if !name.is_empty() {
            self.name(&name, local);
        }
        local
    }

    /// The variable of the innermost scope with this name, without looking further out.
    pub(super) fn in_this_scope(&mut self, name: &str) -> Option<LocalId> {
        let scope = self.frame().scopes.last()?;
        scope.iter().rev().find(|(known, _)| known == name).map(|(_, local)| *local)
    }

    /// The variable a name means here, captured through all bodies between.
    pub(super) fn lookup(&mut self, name: &str) -> Option<LocalId> {
        let top = self.frames.len() - 1;
        let mut level = top;
        let mut local = loop {
            let frame = &self.frames[level];
            if let Some(found) = frame.find(name) {
                break found;
            }
            if level == 0 || frame.boundary == Boundary::Item {
                return None;
            }
            level -= 1;
        };
        for inner in level + 1..=top {
            local = self.capture(inner, local);
        }
        Some(local)
    }

    fn capture(&mut self, inner: usize, outer: LocalId) -> LocalId {
        let original = &self.frames[inner - 1].builder.body.locals[outer.0 as usize];
        let (name, ty, span) = (original.name.clone(), original.ty.clone(), original.span);
        let frame = &mut self.frames[inner];
        let Boundary::Captures(how) = frame.boundary else { return outer };
        let local = frame.builder.local(name.clone(), LocalOrigin::Captured { outer, how }, ty, span);
        frame.scopes[0].push((name, local));
        local
    }

    /// Runs `work` one level deeper, or gives `None` when that is too deep.
    pub(super) fn deeper<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.depth >= MAX_DEPTH {
            return None;
        }
        self.depth += 1;
        let result = work(self);
        self.depth -= 1;
        Some(result)
    }

    /// Opens a block of the body and runs `work` in it; too deep blocks hold one opaque step.
    pub(super) fn block<T>(
        &mut self,
        span: Span,
        work: impl FnOnce(&mut Self) -> Option<T>,
    ) -> (crate::unit::Block, Option<T>) {
        self.b().open();
        let result = if self.frame().blocks >= MAX_BLOCKS {
            self.unread(span, "blocks nest too deeply to be read");
            None
        } else {
            self.frame().blocks += 1;
            let result = work(self);
            self.frame().blocks -= 1;
            result
        };
        (self.b().close(), result)
    }

    /// Notes something that could not be read.
    pub(super) fn problem(&mut self, span: Span, message: impl Into<String>) {
        self.problems += 1;
        self.unit.problem(span, message);
    }

    /// Notes a problem and leaves an opaque value in its place.
    pub(super) fn unread(&mut self, span: Span, message: &str) -> ValueId {
        self.problem(span, message);
        self.opaque(span)
    }

    /// A value for code that is not read; what it mentions is told.
    pub(super) fn opaque(&mut self, span: Span) -> ValueId {
        let mentions = self.mentions(span);
        let mentions: ThinVec<Name> = mentions.into();
        let locals = mentions.iter().filter_map(|name| self.lookup(name)).collect();
        self.b().define(span, |out| StepKind::Opaque { out, mentions, locals })
    }

    /// The identifiers in a stretch of text, in order, once (`self` among them).
    pub(super) fn mentions(&self, span: Span) -> Vec<Name> {
        let tokens = &self.scan.tokens;
        let from = tokens.partition_point(|token| token.start < span.start);
        let mut seen = rustc_hash::FxHashSet::default();
        let inside = tokens[from..].iter().take_while(|token| token.end <= span.end);
        let words = inside.filter(|token| token.kind == Kind::Word);
        let words = words.map(|token| plain(&self.text[token.start as usize..token.end as usize]));
        let mentioned = words.filter(|word| *word == "self" || !super::scan::is_keyword(word));
        mentioned.filter(|word| seen.insert(*word)).map(Name::new).collect()
    }
}
