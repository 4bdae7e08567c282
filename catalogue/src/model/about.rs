//! What a call speaks of beyond what it is given.

use serde::{Deserialize, Serialize};

/// What a call speaks of that is none of its arguments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum About {
    /// Nothing.
    #[default]
    Nothing,
    /// It gives all the tasks that there are, whoever started them.
    EveryTask,
    /// What it is given is told of every failure that nobody else has seen.
    EveryFailure,
    /// What it is given makes every task that is started from then on.
    EveryStart,
    /// What it is given is called where the program is told to end, or ends.
    EndOfProgram,
    /// It gives the field or method of a name that may be made while the program runs.
    AnyName,
}
