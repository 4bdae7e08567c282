//! What both front ends build bodies with, so that numbering and nesting are the same.

use std::sync::Arc;

use super::{
    Block, Body, BodyId, BodyKind, Colour, Discard, Local, LocalId, LocalOrigin, Name, Place, Problem, Span, Step,
    StepId, StepKind, Storing, TypeTree, Unit, ValueId, Visibility, Yields,
};

/// Collects the bodies of a file.
#[derive(Debug, Default)]
pub struct UnitBuilder {
    bodies: Vec<Option<Body>>,
    problems: Vec<Problem>,
}

impl UnitBuilder {
    /// Takes a number for a body that will be finished later (nested bodies get later numbers).
    pub fn reserve(&mut self) -> BodyId {
        self.bodies.push(None);
        BodyId(self.bodies.len() as u32 - 1)
    }

    /// Puts a finished body at its number.
    pub fn finish(&mut self, id: BodyId, body: Body) {
        self.bodies[id.0 as usize] = Some(body);
    }

    /// Notes something that could not be read.
    pub fn problem(&mut self, span: Span, message: impl Into<String>) {
        self.problems.push(Problem { span, message: message.into() });
    }

    /// The unit. A number that was reserved and never finished becomes an empty body.
    pub fn build(self) -> Unit {
        let mut bodies = Vec::with_capacity(self.bodies.len());
        let finished = |body: Option<Body>| body.unwrap_or_else(|| BodyBuilder::new(BodyKind::Module).build());
        bodies.extend(self.bodies.into_iter().map(finished));
        Unit { bodies, problems: self.problems }
    }
}

/// Builds one body. Fields that are not about steps are set directly on [`BodyBuilder::body`].
#[derive(Debug)]
pub struct BodyBuilder {
    /// The body as far as it is; `root`, `locals` and the counts are filled by the builder.
    pub body: Body,
    /// The steps of all open blocks, those of an inner block after those of the one around it.
    steps: Vec<Step>,
    open: Vec<Open>,
}

/// A block that is not at its end.
#[derive(Debug, Default)]
struct Open {
    /// Where its steps begin.
    start: usize,
    declares: Vec<LocalId>,
}

impl BodyBuilder {
    /// An empty body of a kind.
    pub fn new(kind: BodyKind) -> BodyBuilder {
        BodyBuilder::reusing(kind, Room::default())
    }

    /// The same, with room that another one left.
    pub fn reusing(kind: BodyKind, Room { steps, mut open, locals }: Room) -> BodyBuilder {
        let body = Body {
            name: Name::default(),
            kind,
            colour: Colour::Sync,
            yields: Yields::Never,
            span: Span::default(),
            name_span: Span::default(),
            parent: None,
            owner: None,
            module: Vec::new(),
            params: Vec::new(),
            returns: None,
            marks: Vec::new(),
            visibility: Visibility::Private,
            locals,
            asked: Vec::new(),
            value_count: 0,
            step_count: 0,
            root: Block::default(),
        };
        open.push(Open::default());
        BodyBuilder { body, steps, open }
    }

    /// A number for a value; the caller makes exactly one step (or loop, arm, scope) define it.
    pub fn value(&mut self) -> ValueId {
        self.body.value_count += 1;
        ValueId(self.body.value_count - 1)
    }

    /// A new variable.
    pub fn local(&mut self, name: Name, origin: LocalOrigin, ty: Option<Arc<TypeTree>>, span: Span) -> LocalId {
        self.body.locals.push(Local { name, origin, ty, span });
        LocalId(self.body.locals.len() as u32 - 1)
    }

    /// Says that the innermost open block ends this variable's scope (Rust).
    pub fn declare(&mut self, local: LocalId) {
        if let Some(innermost) = self.open.last_mut() {
            innermost.declares.push(local);
        }
    }

    /// Takes the number of a compound step before its blocks are lowered, so that numbers follow the text.
    pub fn step_id(&mut self) -> StepId {
        self.body.step_count += 1;
        StepId(self.body.step_count - 1)
    }

    /// Adds a step that has no blocks.
    pub fn push(&mut self, span: Span, kind: StepKind) {
        let id = self.step_id();
        self.push_as(id, span, kind);
    }

    /// Adds a compound step under the number taken before.
    pub fn push_as(&mut self, id: StepId, span: Span, kind: StepKind) {
        self.steps.push(Step { id, span, kind });
    }

    /// Adds a step that defines a value.
    pub fn define(&mut self, span: Span, kind: impl FnOnce(ValueId) -> StepKind) -> ValueId {
        let out = self.value();
        let kind = kind(out);
        self.push(span, kind);
        out
    }

    /// Binds a variable to a value.
    pub fn bind(&mut self, span: Span, local: LocalId, value: ValueId) {
        self.push(span, StepKind::Store { place: Place::Local(local), value, how: Storing::Bind });
    }

    /// Throws a value away.
    pub fn discard(&mut self, span: Span, value: ValueId, how: Discard) {
        self.push(span, StepKind::Discard { value, how });
    }

    /// Begins a nested block.
    pub fn open(&mut self) {
        self.open.push(Open { start: self.steps.len(), declares: Vec::new() });
    }

    /// Ends the innermost nested block.
    ///
    /// # Panics
    /// When no nested block is open: a defect of the front end.
    pub fn close(&mut self) -> Block {
        assert!(self.open.len() > 1, "close without open");
        self.end()
    }

    /// The finished body.
    pub fn build(self) -> Body {
        self.leave().0
    }

    /// The finished body, and room for another.
    pub fn leave(mut self) -> (Body, Room) {
        // A block that was never ended is lost as one, and its steps are those of the body.
        self.open.truncate(1);
        self.body.root = self.end();
        self.steps.clear();
        let mut locals = std::mem::take(&mut self.body.locals);
        self.body.locals.reserve_exact(locals.len());
        self.body.locals.append(&mut locals);
        (self.body, Room { steps: self.steps, open: self.open, locals })
    }

    /// The innermost block, with no more room than it takes: most of what is kept of a file are steps.
    fn end(&mut self) -> Block {
        let Open { start, declares } = self.open.pop().unwrap_or_default();
        let mut block = Block::default();
        if self.steps.len() > start {
            block.steps = self.steps.split_off(start);
        }
        if !declares.is_empty() {
            block.declares = declares;
        }
        block
    }
}

/// Room in which a body is built, to be used for one after another.
#[derive(Debug, Default)]
pub struct Room {
    steps: Vec<Step>,
    open: Vec<Open>,
    locals: Vec<Local>,
}
