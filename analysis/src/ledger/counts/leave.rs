//! How control leaves a stretch of code, and which handlers stop it.

use super::walk::Path;
use crate::ledger::Leaving;
use crate::program::{BodyRef, Def, Program, Site};
use crate::unit::{Catches, Name};

/// What is thrown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Thrown {
    /// A cancellation, or the end of a generator that nobody resumes.
    Stop,
    /// A failure, of this type where it is known.
    Failure(Option<Name>),
}

/// How control leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// The body is left.
    Return,
    /// A loop or block is left.
    Break(Option<Name>),
    /// A loop turns again.
    Continue(Option<Name>),
    /// Handlers are looked for.
    Throw(Thrown),
}

/// One way of leaving.
#[derive(Clone, Debug)]
pub(super) struct Leave {
    pub(super) how: How,
    pub(super) kind: Leaving,
    pub(super) site: Site,
    pub(super) path: Path,
}

/// Whether a handler catches what is thrown: surely (`Some(true)`), perhaps (`Some(false)`), not at all (`None`).
pub(super) fn catches(program: &Program<'_>, body: BodyRef, handler: &Catches, thrown: &Thrown) -> Option<bool> {
    let Catches::Types(types) = handler else { return Some(true) };
    let mut perhaps = None;
    for path in types {
        let caught = match (path.last().map(Name::as_str), thrown) {
            (Some("BaseException"), _) => Some(true),
            (Some("CancelledError" | "GeneratorExit"), Thrown::Stop) => Some(true),
            (Some("CancelledError" | "GeneratorExit" | "KeyboardInterrupt" | "SystemExit"), Thrown::Failure(_)) => None,
            (_, Thrown::Stop) => None,
            (Some("Exception"), Thrown::Failure(_)) => Some(true),
            (Some(name), Thrown::Failure(Some(raised))) => is_a(program, body, raised, name).then_some(true),
            (_, Thrown::Failure(_)) => Some(false),
        };
        match caught {
            Some(true) => return Some(true),
            Some(false) => perhaps = Some(false),
            None => {}
        }
    }
    perhaps
}

/// Whether an exception type is, or derives from, one of this name.
fn is_a(program: &Program<'_>, body: BodyRef, raised: &Name, name: &str) -> bool {
    if raised == name {
        return true;
    }
    let Some(Def::Type(ty)) = program.resolve_path(body, std::slice::from_ref(raised)) else { return false };
    let own = program.ancestors(ty).into_iter().any(|key| program.header(key).name == name);
    own || program.outside_bases(ty).iter().any(|base| base.rsplit('.').next() == Some(name))
}
