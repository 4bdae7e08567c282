//! The headers of a file: cheap to have for every file, enough to link names.

use serde::{Deserialize, Serialize};

use super::{BodyId, Const, Mark, Name, Path, Span, TypeId, TypeTree, Visibility};

/// The headers of one file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outline {
    /// Imports and `use` trees, flattened: one entry a bound name (or a star).
    pub imports: Vec<Import>,
    /// Functions at the top level or in inline modules (methods stand in `types` and `impls`).
    pub functions: Vec<FunctionHeader>,
    /// Classes, structs, enums, unions, traits and type aliases, nested ones included.
    pub types: Vec<TypeHeader>,
    /// Rust `impl` blocks (in Python methods stand in the class).
    pub impls: Vec<Impl>,
    /// Top-level variables, constants and statics; also constants of classes and impls.
    pub constants: Vec<ConstHeader>,
    /// Rust: `mod name;` declarations, with the inline modules they stand in.
    pub modules: Vec<ModuleDecl>,
    /// Comments addressed to us or to peers we honour: those with `unleak:`, `noqa` or `ruff: ignore[` in them.
    pub comments: Vec<Comment>,
    /// Python: whether the name under which the file runs is asked for (`__name__`): it can be started.
    pub asks_own_name: bool,
    /// Number of lines.
    pub lines: u32,
}

/// One name bound by an import.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Import {
    /// Where.
    pub span: Span,
    /// Python: the module named after `from`, or the whole of `import a.b`. Rust: the full path.
    pub path: Path,
    /// Python: number of leading dots. Rust: 0 (`super`, `self`, `crate` stand in `path`).
    pub level: u32,
    /// Python `from m import NAME`: that name. `None` for `import m` and for Rust.
    pub item: Option<Name>,
    /// The name it is bound to here; `None` for a star or glob. (`import a.b` binds `a`.)
    pub binds: Option<Name>,
    /// The body it stands in, when that is not the top level.
    pub within: Option<BodyId>,
    /// Rust: the inline module it stands in.
    pub module: Path,
    /// Whether others can import it from here (`pub use`; in Python always public).
    pub visibility: Visibility,
}

/// A function's header.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FunctionHeader {
    /// Its name.
    pub name: Name,
    /// Its code and signature.
    pub body: BodyId,
    /// Rust: the inline modules it stands in.
    pub module: Path,
}

/// What sort of type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TypeKind {
    /// A Python class.
    Class,
    /// A Rust struct or union.
    Struct,
    /// A Rust enum.
    Enum,
    /// A Rust trait.
    Trait,
    /// `type A = B`, `A: TypeAlias = B`.
    Alias,
}

/// A type's header.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TypeHeader {
    /// Its name.
    pub name: Name,
    /// Its kind.
    pub kind: TypeKind,
    /// All of it.
    pub span: Span,
    /// The name alone.
    pub name_span: Span,
    /// Rust: the inline modules it stands in. Python: nothing.
    pub module: Path,
    /// The body it is defined in when that is not the top level.
    pub within: Option<BodyId>,
    /// The class it is nested in.
    pub outer: Option<TypeId>,
    /// Rust: its type parameters, in order.
    pub generics: Vec<Name>,
    /// Python bases, Rust super-traits, or the aliased type.
    pub bases: Vec<TypeTree>,
    /// Declared fields (Rust fields, also of enum variants; Python annotated class attributes).
    pub fields: Vec<FieldHeader>,
    /// Methods written inside (Python classes, Rust traits).
    pub methods: Vec<(Name, BodyId)>,
    /// The class block's own code (Python).
    pub class_body: Option<BodyId>,
    /// Decorators and attributes (derives are not split).
    pub marks: Vec<Mark>,
    /// How it may be seen.
    pub visibility: Visibility,
}

/// A declared field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldHeader {
    /// Its name (`0`, `1`, … in tuple structs).
    pub name: Name,
    /// Its type.
    pub ty: Option<TypeTree>,
    /// Where.
    pub span: Span,
    /// How it may be seen.
    pub visibility: Visibility,
    /// The enum variant it belongs to.
    pub variant: Option<Name>,
}

/// A Rust `impl` block.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Impl {
    /// For which type.
    pub ty: TypeTree,
    /// Of which trait.
    pub of: Option<TypeTree>,
    /// Its functions.
    pub methods: Vec<(Name, BodyId)>,
    /// The inline modules it stands in.
    pub module: Path,
    /// Where.
    pub span: Span,
}

/// A constant or top-level variable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConstHeader {
    /// Its name.
    pub name: Name,
    /// Its value when it is a literal, with signs and simple arithmetic on literals folded.
    pub value: Option<Const>,
    /// When it is just another name, that name.
    pub same_as: Option<Path>,
    /// Its declared type.
    pub ty: Option<TypeTree>,
    /// The class it belongs to.
    pub owner: Option<TypeId>,
    /// Rust: the inline modules it stands in.
    pub module: Path,
    /// Where.
    pub span: Span,
}

/// A `mod name;` or `mod name { … }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModuleDecl {
    /// Its name.
    pub name: Name,
    /// The inline modules it stands in.
    pub module: Path,
    /// `#[path = "…"]`.
    pub file: Option<Name>,
    /// Whether its text stands right here.
    pub place: ModulePlace,
    /// Attributes (`cfg(test)` among them).
    pub marks: Vec<Mark>,
}

/// Where a module's text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ModulePlace {
    /// Between its braces.
    Inline,
    /// In a file of its own.
    File,
}

/// A comment that may be a suppression.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comment {
    /// The whole comment, mark included.
    pub span: Span,
    /// What stands after the mark, trimmed.
    pub text: Name,
    /// Whether code stands before it on its line.
    pub place: CommentPlace,
}

/// Where a comment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CommentPlace {
    /// After code, and speaks of that line.
    AfterCode,
    /// On a line of its own, and speaks of the next line with code.
    OwnLine,
}
