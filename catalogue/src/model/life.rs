//! What people call the code that begins or ends a life.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// A name under which code sets something up or brings it to its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LifecycleModel {
    /// The name, as functions and methods have it, without underscores around it: `close`, `aexit`.
    pub name: SmolStr,
    /// Other names of the same.
    #[serde(default)]
    pub also: Vec<SmolStr>,
    /// Which part of a life.
    pub phase: Phase,
    /// Who calls it.
    #[serde(default)]
    pub caller: Caller,
    /// Whether longer names that begin with it mean it too.
    #[serde(default)]
    pub longer: Longer,
    /// The trait whose method it has to be.
    #[serde(default)]
    pub of: Option<SmolStr>,
    /// Why, where that is not plain.
    #[serde(default)]
    pub why: Option<String>,
}

/// Which part of a life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// It makes an object ready, once.
    SetUp,
    /// It frees what an object has.
    Close,
    /// It runs when the last reference goes.
    Drop,
    /// It runs when a scope is left.
    Exit,
    /// It is the whole program.
    Main,
}

impl Phase {
    /// Whether what has lived until then comes to its end.
    pub fn ends(self) -> bool {
        matches!(self, Phase::Close | Phase::Drop | Phase::Exit)
    }
}

/// Who calls a function of this name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Caller {
    /// Whoever owns the object, if they think of it.
    #[default]
    People,
    /// The language or the framework, always.
    Always,
}

/// Whether longer names mean the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Longer {
    /// This name only.
    #[default]
    Not,
    /// More words may follow: `close_all`, `stop_workers`.
    Words,
}
