//! Steps: what a body does, one after another, in value form.

use std::ops::{Deref, DerefMut};

use serde::{Deserialize, Serialize};
use thin_vec::ThinVec;

use super::{BodyId, Colour, Const, LocalId, Name, Path, Span, TypeId, TypeTree, ValueId};

/// Index of a step in its body, in the order of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StepId(pub u32);

/// Steps that run one after another. An empty one takes no room: most `else`s are empty.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Block(Option<Box<Steps>>);

/// What a [`Block`] holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Steps {
    /// The steps.
    pub steps: Vec<Step>,
    /// Rust: the variables whose scope ends with this block, in the order they were declared.
    pub declares: Vec<LocalId>,
    /// Rust: the value the block leaves (its tail expression), if it is used.
    pub value: Option<ValueId>,
    /// Rust: the label of the loop whose turn it is, or of the block.
    pub label: Option<Box<Name>>,
}

static NOTHING: Steps = Steps { steps: Vec::new(), declares: Vec::new(), value: None, label: None };

impl Deref for Block {
    type Target = Steps;

    fn deref(&self) -> &Steps {
        self.0.as_deref().unwrap_or(&NOTHING)
    }
}

impl DerefMut for Block {
    fn deref_mut(&mut self) -> &mut Steps {
        self.0.get_or_insert_default()
    }
}

impl PartialEq for Block {
    fn eq(&self, other: &Block) -> bool {
        **self == **other
    }
}

impl std::fmt::Debug for Block {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        (**self).fmt(to)
    }
}

/// One step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Its number in the body.
    pub id: StepId,
    /// Its text (for a call: the whole call; for compound steps: the whole statement).
    pub span: Span,
    /// What it does.
    pub kind: StepKind,
}

// Most of what is kept of a file are steps.
const _: () = assert!(size_of::<Step>() <= 56);

/// What a step does. `out` is the value that it defines. Most steps are small: what makes a sort large is boxed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum StepKind {
    /// A literal.
    Const { out: ValueId, value: Const },
    /// Reads a place. `a.b.c` is three reads: of `a`, of field `b` of it, of field `c` of that.
    Read { out: ValueId, place: Place, access: Access },
    /// A call. The callee is a value: a read of a name or of a field (`x.f(..)` reads field `f` of `x`).
    /// Rust macros read as arguments are calls of a global path that ends in `name!`.
    Call { out: ValueId, callee: ValueId, args: Vec<Arg> },
    /// `await`; the `async for`/`async with` ones are in their loops and scopes.
    Await { out: ValueId, value: ValueId },
    /// Rust `?`: leaves the body when the value is an error or nothing.
    Propagate { out: ValueId, value: ValueId },
    /// A collection or struct literal. Comprehensions are an empty one, a loop, and [`StepKind::Grow`].
    Collect { out: ValueId, shape: Shape, items: ThinVec<Item> },
    /// A comprehension or generator expression adds an item to the collection being made.
    Grow { into: ValueId, key: Option<ValueId>, value: ValueId },
    /// A function, lambda, closure or async block as a value.
    Closure { out: ValueId, body: BodyId },
    /// A nested class as a value.
    Class { out: ValueId, ty: TypeId },
    /// A local import (Python, inside functions) as a value.
    Import { out: ValueId, path: Box<[Name]>, level: u32, item: Option<Box<Name>> },
    /// One part of a value that is taken apart by a pattern.
    Part { out: ValueId, of: ValueId, part: Part },
    /// An operator that is not a condition: arithmetic, comparison, boolean in value position.
    Operate { out: ValueId, op: Op, operands: Vec<ValueId> },
    /// Text made of parts (f-strings, and `format!`-like macros are calls).
    Format { out: ValueId, parts: Vec<ValueId> },
    /// The value after a branch: one of several (conditional expressions, `and`/`or`, `if`/`match` values).
    Join { out: ValueId, from: Vec<ValueId> },
    /// The same thing under another view: `&x`, `*x`, `x as T`, parentheses with meaning.
    View { out: ValueId, value: ValueId, how: View },
    /// Something that was not read; the identifiers in it count as mentioned.
    Opaque { out: ValueId, mentions: ThinVec<Name>, locals: ThinVec<LocalId> },
    /// Binds or assigns a place.
    Store { place: Place, value: ValueId, how: Storing },
    /// `x += v` and its like.
    Update { place: Place, op: Op, value: ValueId },
    /// Python `del`.
    Delete { place: Place },
    /// A value nobody takes: an expression statement, or bound to `_`.
    Discard { value: ValueId, how: Discard },
    /// A decorator put on a function or class.
    Decorate { target: ValueId, decorator: ValueId },
    /// `if`. The steps that compute the condition come before it.
    If { cond: Cond, then: Block, otherwise: Block },
    /// `match`.
    Match { subject: ValueId, arms: Vec<Arm> },
    /// Any loop.
    Loop { driver: Driver, body: Block, otherwise: Block },
    /// `try`.
    Try { body: Block, handlers: ThinVec<Handler>, otherwise: Block, finally: Block },
    /// `with` / `async with`.
    Scope { items: Vec<ScopeItem>, body: Block },
    /// Several futures raced by a macro (`select!` and its like): arms of the form `pattern = future => block`.
    Select { out: ValueId, path: Box<Path>, arms: ThinVec<SelectArm>, otherwise: Option<Block> },
    /// A nested block (Rust `{ … }`, `unsafe`, labelled, `const`), or code under a `cfg`.
    Nested { block: Block, cfg: Option<Box<Name>> },
    /// `return`.
    Return { value: Option<ValueId> },
    /// `raise`; without a value it raises again what is being handled.
    Raise { value: Option<ValueId> },
    /// `break`.
    Break { label: Option<Name>, value: Option<ValueId> },
    /// `continue`.
    Continue { label: Option<Name> },
    /// `yield`, `yield from`.
    Yield { out: ValueId, value: Option<ValueId> },
    /// `assert`.
    Assert { cond: Cond },
}

impl StepKind {
    /// Whether it waits itself, so that others may run meanwhile: what it calls is not asked.
    pub fn waits(&self) -> bool {
        match self {
            StepKind::Await { .. } | StepKind::Select { .. } => true,
            StepKind::Loop { driver, .. } => matches!(driver, Driver::Each { colour: Colour::Async, .. }),
            StepKind::Scope { items, .. } => items.iter().any(|item| item.colour == Colour::Async),
            _ => false,
        }
    }
}

/// A variable, field or element.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Place {
    /// A variable of the body.
    Local(LocalId),
    /// A name from outside all functions: module variables, imports, built-ins, Rust paths (`Self::new`).
    Global { path: Box<[Name]>, args: ThinVec<TypeTree> },
    /// A field, attribute or method of a value.
    Field { base: ValueId, name: Name },
    /// An element.
    Index { base: ValueId, key: Option<ValueId> },
    /// What a reference points to.
    Deref { base: ValueId },
}

/// How a place is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Access {
    /// Python, and Rust places under `&`.
    Shared,
    /// Rust `&mut`.
    Unique,
    /// Rust by value: a move unless the type is `Copy`.
    Moved,
    /// Rust method receivers, decided by the method.
    Receiver,
}

/// An argument of a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Arg {
    /// What is passed.
    pub value: ValueId,
    /// How.
    pub kind: ArgKind,
}

/// How an argument is passed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ArgKind {
    /// By place.
    Positional,
    /// By name.
    Named(Name),
    /// `*xs`.
    Spread,
    /// `**xs`.
    SpreadByName,
}

/// What a collection literal is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Shape {
    /// `[..]`, Rust arrays.
    List,
    /// `(..)`.
    Tuple,
    /// `{..}`.
    Set,
    /// `{k: v}`.
    Map,
    /// A generator expression.
    Lazy,
    /// `[x; n]` (the item, then the length).
    Repeat,
    /// A Rust struct literal.
    Struct(Path),
    /// `a..b` and slices.
    Range,
}

/// An item of a collection literal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Item {
    /// One value.
    One(ValueId),
    /// A key and its value.
    Pair(ValueId, ValueId),
    /// A struct field.
    Field(Name, ValueId),
    /// `*xs`, `**xs`, `..base`.
    Spread(ValueId),
}

/// Which part of a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Part {
    /// The n-th of a tuple or sequence.
    Index(u32),
    /// The rest of a sequence (`*rest`), beginning at n.
    Rest(u32),
    /// A named field.
    Field(Name),
    /// The n-th payload of an enum variant (`Ok(x)` is variant `Ok`, 0).
    Variant(Box<Path>, u32),
    /// A key of a mapping pattern.
    Key,
    /// The whole, seen through a pattern (`x @ P`, `P as x`).
    Whole,
}

/// Operators, in classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Op {
    /// `+`
    Add,
    /// `-` (also unary)
    Subtract,
    /// `*`
    Multiply,
    /// `/`, `//`
    Divide,
    /// `%`
    Remainder,
    /// `**`
    Power,
    /// `<<`
    ShiftLeft,
    /// `>>`
    ShiftRight,
    /// `|`, `|=` (also sets)
    BitOr,
    /// `&`
    BitAnd,
    /// A comparison or `not`/`!` in value position.
    Test,
    /// Any other.
    Other,
}

/// Another view of the same value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum View {
    /// `&x`
    Ref,
    /// `&mut x`
    RefMut,
    /// `*x`
    Deref,
    /// `x as T`
    Cast,
}

/// How a place is given a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Storing {
    /// `let`, parameter patterns, loop variables, imports: the name begins here (Python: any assignment to a name).
    Bind,
    /// Assignment to something that exists (fields, elements, Rust `=`).
    Assign,
}

/// How a value is thrown away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Discard {
    /// An expression statement.
    Statement,
    /// `let _ = v` (Rust: dropped at once), `_ = v` (Python: bound to `_`; stored as a local too).
    Underscore,
}

/// A condition: a tree over values that were computed before it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Cond {
    /// The value's truth.
    Truthy(ValueId),
    /// Negation.
    Not(Box<Cond>),
    /// All hold.
    All(ThinVec<Cond>),
    /// One holds.
    Any(ThinVec<Cond>),
    /// A comparison.
    Compare { op: Compare, left: ValueId, right: ValueId },
    /// `if let P = v`, `case P`.
    Matches { value: ValueId, pattern: Box<Pattern> },
    /// Not read.
    Unknown,
}

/// Comparisons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Compare {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
    /// `is`
    Is,
    /// `is not`
    IsNot,
    /// `in`
    In,
    /// `not in`
    NotIn,
}

/// A pattern, for its meaning as a condition. What it binds is told by `Part` and `Store` steps
/// at the start of the block it guards.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Pattern {
    /// `_`: matches all, takes nothing.
    Wildcard,
    /// A name: matches all, takes it.
    Binding(LocalId),
    /// A constant.
    Const(Const),
    /// A name that is a constant or unit variant (`None`, `Color.RED`).
    Path(Path),
    /// `Some(p)`, `Point(x=p)`, `Event::Closed { .. }`.
    Variant { path: Path, inner: Vec<Pattern> },
    /// `(a, b)`, `[a, b]`.
    Tuple(Vec<Pattern>),
    /// `a | b`.
    Or(Vec<Pattern>),
    /// Anything else.
    Other,
}

/// An arm of a `match`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Arm {
    /// What it matches.
    pub pattern: Pattern,
    /// What else must hold. The steps that compute it stand at the start of `body`, after the bindings.
    pub guard: Option<Cond>,
    /// Its code, beginning with the bindings.
    pub body: Block,
    /// Where.
    pub span: Span,
}

/// What makes a loop turn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Driver {
    /// `while cond` (`while let` is a `Cond::Matches`).
    While(Box<Head>),
    /// `loop`, `while True`.
    Forever,
    /// `for item in source`; `Colour::Async` for `async for`. The body begins with the bindings of `item`.
    Each { source: ValueId, item: ValueId, colour: Colour },
}

/// What decides whether a `while` loop turns once more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// Computes the condition before each turn.
    pub block: Block,
    /// The condition.
    pub cond: Cond,
}

/// An `except` clause.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Handler {
    /// What it catches.
    pub catches: Catches,
    /// What the exception is bound to.
    pub binds: Option<LocalId>,
    /// Its code.
    pub body: Block,
    /// The clause's head.
    pub span: Span,
}

/// What an `except` clause catches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Catches {
    /// A bare `except:`.
    Everything,
    /// These types, as written; `Path::new()` for an expression that is not a name.
    Types(Vec<Path>),
}

/// One `with` item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScopeItem {
    /// The context manager (computed before the scope).
    pub context: ValueId,
    /// What `as` binds; always defined, even when unused. Its bindings begin the scope's body.
    pub entered: ValueId,
    /// `async with` or `with`.
    pub colour: Colour,
    /// The item's text.
    pub span: Span,
}

/// One arm of a race.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SelectArm {
    /// Computes the future.
    pub head: Block,
    /// The future.
    pub future: ValueId,
    /// Its output; bound at the start of `body`.
    pub got: ValueId,
    /// What the output must match.
    pub pattern: Pattern,
    /// What must hold for the arm to be polled (computed in `head`).
    pub guard: Option<Cond>,
    /// The arm's code.
    pub body: Block,
    /// Where.
    pub span: Span,
}
