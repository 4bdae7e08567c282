//! What the code of one file does, without its syntax and without any knowledge of APIs.
//!
//! A front end turns text into an [`Outline`] (headers: imports, functions, types, constants,
//! comments for us) and a [`Unit`] (bodies as structured trees of [`Step`]s). Both depend on the
//! bytes, the language and this crate's version only.
//!
//! The steps are in *value form*: every expression that is evaluated gets a [`ValueId`], defined by
//! exactly one step and used by later ones, so that "what becomes of the result of this call?" is
//! the same question in both languages.

mod build;
mod outline;
pub mod print;
#[expect(missing_docs, reason = "the docs of a variant speak of its fields by name")]
mod step;

pub use build::{BodyBuilder, Room, UnitBuilder};
pub use outline::*;
pub use step::*;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
pub use smol_str::SmolStr;

/// An identifier.
pub type Name = SmolStr;

/// A dotted (`a.b`) or colon-separated (`a::b`) name, outermost first.
pub type Path = Vec<Name>;

/// A stretch of a file's text in bytes; always on character boundaries, `start <= end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The span from `start` to `end`.
    pub fn new(start: u32, end: u32) -> Span {
        Span { start, end: end.max(start) }
    }

    /// The smallest span that holds both.
    pub fn to(self, other: Span) -> Span {
        Span::new(self.start.min(other.start), self.end.max(other.end))
    }

    /// Whether `other` lies within this span.
    pub fn contains(self, other: Span) -> bool {
        self.start <= other.start && other.end <= self.end
    }
}

/// Everything a front end says of one file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Lowered {
    /// The headers.
    pub outline: Outline,
    /// The bodies.
    pub unit: Unit,
}

/// The bodies of one file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Unit {
    /// All bodies, by [`BodyId`]. The first is the module's own code (never empty after lowering).
    pub bodies: Vec<Body>,
    /// What could not be read.
    pub problems: Vec<Problem>,
}

/// Something in a file that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Where.
    pub span: Span,
    /// What is wrong, in a sentence without a final stop.
    pub message: String,
}

/// Index of a [`Body`] in its [`Unit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BodyId(pub u32);

impl BodyId {
    /// The module's own code.
    pub const MODULE: BodyId = BodyId(0);
}

/// A value computed in a body; defined by exactly one step (or loop, handler, scope, arm) of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ValueId(pub u32);

/// A local variable of a body (Rust: one per binding, so shadowing makes a new one).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LocalId(pub u32);

/// Index of a [`TypeHeader`] in its file's [`Outline`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TypeId(pub u32);

/// What a body is the code of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BodyKind {
    /// The top level of a file. Its variables are globals, not locals.
    Module,
    /// The block of a Python class. Its locals are the class's attributes.
    Class,
    /// A named function or method.
    Function,
    /// A lambda or closure.
    Closure,
    /// A Rust `async { … }` block.
    AsyncBlock,
}

/// Whether calling a body runs it, or makes a future that runs when awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Colour {
    /// Runs at the call.
    Sync,
    /// Makes a coroutine or future.
    Async,
}

/// Whether a body has a `yield`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Yields {
    /// No `yield`: a plain function.
    Never,
    /// A generator.
    Generator,
}

/// One function, closure, async block, class block or module top level.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Body {
    /// Its name; empty for closures, async blocks and the module.
    pub name: Name,
    /// What it is the code of.
    pub kind: BodyKind,
    /// `async` or not.
    pub colour: Colour,
    /// Generator or not.
    pub yields: Yields,
    /// Everything from the first decorator or keyword to the end.
    pub span: Span,
    /// The name alone (the whole for nameless bodies).
    pub name_span: Span,
    /// The body it is written in; `None` for the module only.
    pub parent: Option<BodyId>,
    /// The class or impl'd type it is a method of, when that is defined in this file.
    pub owner: Option<TypeId>,
    /// Rust: inline modules (`mod a { mod b { … } }`) it stands in, and nothing for Python.
    pub module: Path,
    /// Parameters in order, the receiver (`self`, `cls`) first.
    pub params: Vec<Param>,
    /// The declared result.
    pub returns: Option<TypeTree>,
    /// Decorators (Python) and attributes (Rust: `tokio::main`, `cfg(test)`, `test`), outermost first.
    pub marks: Vec<Mark>,
    /// How it may be seen from elsewhere.
    pub visibility: Visibility,
    /// All local variables, parameters and captures included.
    pub locals: Vec<Local>,
    /// Rust: the first type written on a method call (`collect::<JoinSet<_>>()`), by what the call gives.
    pub asked: Vec<(ValueId, TypeTree)>,
    /// How many values its steps define; ids are below it.
    pub value_count: u32,
    /// How many steps it has; ids are below it, in the order of the text.
    pub step_count: u32,
    /// Its code.
    pub root: Block,
}

/// A decorator or attribute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// The dotted name (`asynccontextmanager`, `tokio::main`), without arguments.
    pub path: Path,
    /// For attributes with arguments, their tokens, spaces removed (`test` in `cfg(test)`); else empty.
    pub arguments: Name,
    /// Where.
    pub span: Span,
}

/// How far a name can be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Visibility {
    /// By everybody.
    Public,
    /// By the package or crate (`pub(crate)`, `pub(super)`).
    Package,
    /// By its module or class (Rust default, Python leading underscore).
    Private,
}

/// A parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Param {
    /// The variable it binds (for a Rust pattern: an unnamed variable that the body takes apart).
    pub local: LocalId,
    /// How arguments reach it.
    pub kind: ParamKind,
    /// Its declared type.
    pub ty: Option<Arc<TypeTree>>,
    /// Its default, when that is a constant; `Const::Other` for any other default.
    pub default: Option<Const>,
}

/// How arguments reach a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ParamKind {
    /// `self`, `cls`, `&self`, `self: Arc<Self>`.
    Receiver,
    /// By place or by name.
    Positional,
    /// By name only.
    KeywordOnly,
    /// `*args`.
    Rest,
    /// `**kwargs`.
    RestByName,
}

/// A local variable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Local {
    /// Its name; empty for one the front end made up.
    pub name: Name,
    /// Where it comes from.
    pub origin: LocalOrigin,
    /// Its declared type, if it has one (parameters too).
    pub ty: Option<Arc<TypeTree>>,
    /// Its first mention.
    pub span: Span,
}

/// Where a local variable comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LocalOrigin {
    /// A parameter.
    Param,
    /// Bound in the body.
    Bound,
    /// A variable of the parent body that this one shares or takes.
    Captured {
        /// The variable of the *parent* body (which may itself be captured from further out).
        outer: LocalId,
        /// How it is taken.
        how: Capture,
    },
}

/// How a closure or nested function holds a variable of its surroundings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Capture {
    /// It shares the variable (Python cells, Rust borrows).
    Shared,
    /// It takes the value (Rust `move`).
    Moved,
}

/// A type as written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum TypeTree {
    /// `a.b[C, D]`, `a::b<C, D>`. `Optional[X]` stays a path named `Optional`.
    Path {
        /// The name.
        path: Path,
        /// The type arguments (lifetimes and constants left out).
        args: Vec<TypeTree>,
    },
    /// `&T`, `&mut T`, `*const T`.
    Ref(Box<TypeTree>),
    /// `(A, B)`, `tuple[A, B]` stays a path.
    Tuple(Vec<TypeTree>),
    /// `A | B`.
    Union(Vec<TypeTree>),
    /// `impl A + B`, `dyn A + B`: the bounds.
    Bounds(Vec<TypeTree>),
    /// A type parameter in scope, with what it is bound by.
    Param {
        /// Its name.
        name: Name,
        /// Its bounds, of the declaration and of the `where` clause.
        bounds: Vec<TypeTree>,
    },
    /// `[T]`, `[T; n]`.
    Slice(Box<TypeTree>),
    /// `fn(A) -> B`, and bounds like `FnOnce(A) -> B`.
    Function {
        /// What it takes.
        params: Vec<TypeTree>,
        /// What it gives.
        returns: Box<TypeTree>,
    },
    /// `None`, `()`.
    Unit,
    /// Anything else.
    Other,
}

impl TypeTree {
    /// A plain named type without arguments.
    pub fn named(path: &[&str]) -> TypeTree {
        TypeTree::Path { path: path.iter().map(Name::new).collect(), args: Vec::new() }
    }
}

/// A constant, as far as it is written in one place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Const {
    /// `None`, `()`.
    Nothing,
    /// `True`, `false`.
    Bool(bool),
    /// A whole number (saturated to 64 bits).
    Int(i64),
    /// A number with a point, as its bits so that units compare.
    Float(u64),
    /// Text, without prefix and quotes.
    Str(Name),
    /// Any other literal or a default that is not a constant.
    Other,
}
