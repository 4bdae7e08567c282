//! Constants of libraries.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// A constant that means something where a bound or an option stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ConstModel {
    /// Its path: `math.inf`, `usize::MAX`.
    pub path: SmolStr,
    /// Other paths of the same constant.
    #[serde(default)]
    pub also: Vec<SmolStr>,
    /// What it means as a bound, where it is one that bounds nothing.
    #[serde(default)]
    pub bound: Option<AbsurdBound>,
    /// What it means as an option of a call.
    #[serde(default)]
    pub option: AsOption,
}

/// What a constant means as an option of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum AsOption {
    /// The option is given.
    #[default]
    Given,
    /// It asks for what the call does anyway (`asyncio.ALL_COMPLETED`).
    AsUsual,
}

/// What a constant means as a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum AbsurdBound {
    /// No bound at all.
    None,
}
