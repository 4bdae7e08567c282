//! What types mean.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::{Effect, Kind, OnDrop};
use crate::subject::TypeRef;

/// What a type means.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TypeModel {
    /// Its full path.
    pub path: SmolStr,
    /// Other paths of the same type.
    #[serde(default)]
    pub also: Vec<SmolStr>,
    /// What its instances are.
    #[serde(default)]
    pub kind: Option<Kind>,
    /// Types whose methods it has too.
    #[serde(default)]
    pub bases: Vec<SmolStr>,
    /// For threads and processes that are made as objects and started later: the method that a subclass overrides to
    /// say what they run.
    #[serde(default)]
    pub runs: Option<SmolStr>,
    /// What dropping it does.
    #[serde(default)]
    pub on_drop: OnDrop,
    /// Variable or field names that suggest this type when nothing else is known (never certain).
    #[serde(default)]
    pub hints: Vec<SmolStr>,
    /// For collections: how `x[key] = value` holds them.
    #[serde(default)]
    pub holds: Holds,
    /// For exceptions and error variants: what catching one tells. Its `bases` catch it too.
    #[serde(default)]
    pub tells: Tells,
    /// Whether its methods apply to receivers of other types (extension traits).
    #[serde(default)]
    pub extends: Extends,
    /// For extension traits: the type to whose instances alone they are given (`std::future::Future`). Two traits may
    /// name their methods alike (`map`), and what the receiver is tells which is meant.
    #[serde(default)]
    pub given_to: Option<SmolStr>,
    /// For the trait that says what a value stands for: the method that gives it (`Deref`). Types of the code that
    /// implement it have the methods and fields of what it gives.
    #[serde(default)]
    pub shows: Option<SmolStr>,
    /// Seen through: methods of its first type argument are found on it (`Arc`, `Box`, `MutexGuard`).
    #[serde(default)]
    pub transparent: Transparent,
    /// What awaiting it gives (here and below `T` stands for its first type argument, `U` for its second).
    #[serde(default)]
    pub awaited: Option<TypeRef>,
    /// What `with`/`async with` binds, when it is not itself.
    #[serde(default)]
    pub entered: Option<TypeRef>,
    /// What leaving its `with` scope does to it.
    #[serde(default)]
    pub exited: Option<Effect>,
    /// What the code inside its `with` scope may rely on.
    #[serde(default)]
    pub scope: ScopeMeans,
    /// What it contains: what taking one item gives, and for maps the value.
    #[serde(default)]
    pub element: Option<TypeRef>,
    /// What a loop over it gives, when that is not `element` (keys, pairs).
    #[serde(default)]
    pub iterated: Option<TypeRef>,
    /// For collections: whether items keep the order they came in, so that it can serve as a queue.
    #[serde(default)]
    pub order: Order,
    /// What one turn of a `for` loop over it stands for.
    #[serde(default)]
    pub iterates: Iterates,
    /// Attributes that hold something modelled (`app.router`, `hass.loop`).
    #[serde(default)]
    pub fields: BTreeMap<SmolStr, TypeRef>,
    /// Methods that classes derived from it write and the library calls, once per event (`data_received`, `do_GET`).
    #[serde(default)]
    pub handlers: Vec<SmolStr>,
    /// Why, where that is not plain.
    #[serde(default)]
    pub why: Option<String>,
}

/// Whether methods are found through a type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Transparent {
    /// No.
    #[default]
    Not,
    /// Yes, strongly held.
    Strong,
    /// Yes, weakly held (`Weak`, `weakref.ref`).
    Weak,
}

/// How a collection holds what is stored in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Holds {
    /// Strongly.
    #[default]
    Strongly,
    /// Its keys weakly: an entry goes when its key dies.
    KeysWeakly,
    /// Its values weakly: an entry goes when its value dies.
    ValuesWeakly,
}

/// What catching an exception, or matching an error, tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Tells {
    /// Nothing of interest.
    #[default]
    Nothing,
    /// Some failure, whichever: it is what all ordinary ones derive from.
    Anything,
    /// The task is being cancelled; caught and not raised again, the cancellation is eaten.
    Cancelled,
    /// A time has passed.
    TimedOut,
    /// A queue was full: the item was refused.
    Full,
    /// A queue was empty.
    Empty,
    /// The other side is gone.
    Closed,
    /// Whoever called has given or asked for what makes no sense.
    Misuse,
    /// Items were thrown away before they were read (`Lagged`).
    Missed,
}

/// To which receivers the methods of a type apply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Extends {
    /// To its own instances and those of types that name it as a base.
    #[default]
    Nothing,
    /// To any receiver, where the trait is imported (`FutureExt`): found by bare name when the receiver's own type has
    /// no such method.
    Any,
    /// To any receiver, everywhere: the language brings it into scope (`Iterator`), or a macro writes it.
    Everywhere,
}

/// What a `with` scope means for the code inside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ScopeMeans {
    /// Nothing more than what `exited` says.
    #[default]
    Plain,
    /// The code inside is cancelled when a time has passed.
    Deadline,
    /// Exceptions of the types given to its constructor end at the scope.
    Swallows,
    /// Nobody else is inside; whoever finds nobody inside enters without giving up control.
    Alone,
}

/// Whether items keep an order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// No, or it does not matter (sets, maps).
    #[default]
    Unordered,
    /// The order they came in, or one of their own (lists, deques, heaps).
    Sequence,
}

/// What a turn of a loop over a value stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Iterates {
    /// An item of something finite.
    #[default]
    Items,
    /// An event from outside (a socket, a stream, a subscription).
    Events,
}
