//! What both front ends build bodies with, so that numbering and nesting are the same.

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
        let bodies =
            self.bodies.into_iter().map(|body| body.unwrap_or_else(|| BodyBuilder::new(BodyKind::Module).build()));
        Unit { bodies: bodies.collect(), problems: self.problems }
    }
}

/// Builds one body. Fields that are not about steps are set directly on [`BodyBuilder::body`].
#[derive(Debug)]
pub struct BodyBuilder {
    /// The body as far as it is; `root`, `locals` and the counts are filled by the builder.
    pub body: Body,
    open: Vec<Block>,
}

impl BodyBuilder {
    /// An empty body of a kind.
    pub fn new(kind: BodyKind) -> BodyBuilder {
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
            locals: Vec::new(),
            asked: Vec::new(),
            value_count: 0,
            step_count: 0,
            root: Block::default(),
        };
        BodyBuilder { body, open: vec![Block::default()] }
    }

    /// A number for a value; the caller makes exactly one step (or loop, arm, scope) define it.
    pub fn value(&mut self) -> ValueId {
        self.body.value_count += 1;
        ValueId(self.body.value_count - 1)
    }

    /// A new variable.
    pub fn local(&mut self, name: Name, origin: LocalOrigin, ty: Option<TypeTree>, span: Span) -> LocalId {
        self.body.locals.push(Local { name, origin, ty, span });
        LocalId(self.body.locals.len() as u32 - 1)
    }

    /// Says that the innermost open block ends this variable's scope (Rust).
    pub fn declare(&mut self, local: LocalId) {
        self.top().declares.push(local);
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
        self.top().steps.push(Step { id, span, kind });
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
        self.open.push(Block::default());
    }

    /// Ends the innermost nested block.
    ///
    /// # Panics
    /// When no nested block is open: a defect of the front end.
    pub fn close(&mut self) -> Block {
        assert!(self.open.len() > 1, "close without open");
        self.open.pop().unwrap_or_default()
    }

    /// The finished body.
    pub fn build(mut self) -> Body {
        while self.open.len() > 1 {
            let mut lost = self.close();
            self.top().steps.append(&mut lost.steps);
        }
        self.body.root = self.open.pop().unwrap_or_default();
        self.body
    }

    fn top(&mut self) -> &mut Block {
        if self.open.is_empty() {
            self.open.push(Block::default());
        }
        let last = self.open.len() - 1;
        &mut self.open[last]
    }
}
