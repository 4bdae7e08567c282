//! The lints by name: which there are, and which are asked.

use std::collections::BTreeSet;

use unleak_lints::{Level, Lint, Strictness};

use crate::suggest;
use crate::suppress;

/// A lint that does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no lint `{typed}`; {}", suggest::tail(.suggestion.as_deref(), "`unleak lints` lists them all"))]
pub(crate) struct UnknownLint {
    /// What was typed.
    typed: String,
    /// What was probably meant.
    suggestion: Option<String>,
}

/// The lints that are asked, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selection {
    names: BTreeSet<&'static str>,
}

/// What lints are chosen by.
#[derive(Clone, Debug, Default)]
pub(crate) struct Choice {
    /// These and no others, if there are any.
    pub(crate) only: BTreeSet<&'static str>,
    /// Never these.
    pub(crate) never: BTreeSet<&'static str>,
    /// The strictnesses that are asked beside the default one.
    pub(crate) also: Vec<Strictness>,
}

impl Selection {
    /// Every lint, strict ones and previews too.
    pub(crate) fn everything() -> Selection {
        Selection { names: every_name().collect() }
    }

    /// What a choice means. Our own checks are asked unless they are said not to be.
    pub(crate) fn of(choice: &Choice) -> Selection {
        let asked = |lint: &&&Lint| match choice.only.is_empty() {
            true => lint.strictness == Strictness::Default || choice.also.contains(&lint.strictness),
            false => choice.only.contains(lint.name),
        };
        let lints = unleak_lints::ALL.iter().filter(asked).map(|lint| lint.name);
        let own = suppress::CHECKS.iter().map(|check| check.name);
        Selection { names: lints.chain(own).filter(|name| !choice.never.contains(name)).collect() }
    }

    /// Whether a lint (or one of our own checks on suppressions) is asked.
    pub(crate) fn asks(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// This selection without some lints.
    pub(crate) fn without(&self, lints: &[&str]) -> Selection {
        Selection { names: self.names().filter(|name| !lints.contains(name)).collect() }
    }

    /// The names, in order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.names.iter().copied()
    }

    /// These lints only.
    #[cfg(test)]
    pub(crate) fn only(names: &[&'static str]) -> Selection {
        Selection { names: names.iter().copied().collect() }
    }
}

/// The names of all lints and of our own checks.
pub(crate) fn every_name() -> impl Iterator<Item = &'static str> {
    unleak_lints::ALL.iter().map(|lint| lint.name).chain(suppress::CHECKS.iter().map(|check| check.name))
}

/// The lint of that name.
pub(crate) fn known(typed: &str) -> Result<&'static str, UnknownLint> {
    every_name().find(|name| *name == typed).ok_or_else(|| UnknownLint {
        typed: typed.to_owned(),
        suggestion: suggest::nearest(typed, every_name()).map(str::to_owned),
    })
}

/// The lints of those names.
pub(crate) fn known_all(typed: &[String]) -> Result<BTreeSet<&'static str>, UnknownLint> {
    typed.iter().map(|name| name.trim()).filter(|name| !name.is_empty()).map(known).collect()
}

/// How the levels of a lint's findings are meant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    /// How bad it is of itself.
    pub(crate) own: Level,
    /// The level of a finding with the strongest evidence.
    pub(crate) strongest: Level,
}

/// How the levels of a lint's findings are meant: what lints say of their evidence goes up to an error.
pub(crate) fn scale(name: &str) -> Option<Scale> {
    let lint = unleak_lints::ALL.iter().find(|lint| lint.name == name);
    let lint = lint.map(|lint| Scale { own: lint.level, strongest: Level::Error });
    let check = suppress::CHECKS.iter().find(|check| check.name == name);
    lint.or_else(|| check.map(|check| Scale { own: check.level, strongest: check.level }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selecting_asks_those_lints_only() {
        let only = known_all(&["raw-gather".into(), " fire-and-forget".into()]).unwrap();
        let selection = Selection::of(&Choice { only, ..Choice::default() });
        assert!(selection.asks("raw-gather") && selection.asks("fire-and-forget"));
        assert!(!selection.asks("unbounded-queue"));
        assert!(selection.asks("unused-suppression"));
    }

    #[test]
    fn ignoring_wins() {
        let only = known_all(&["raw-gather".into()]).unwrap();
        let never = known_all(&["raw-gather".into(), "unused-suppression".into()]).unwrap();
        let selection = Selection::of(&Choice { only, never, ..Choice::default() });
        assert!(!selection.asks("raw-gather") && !selection.asks("unused-suppression"));
    }

    #[test]
    fn an_unknown_lint_is_an_error_with_a_suggestion() {
        let error = known("raw-gahter").unwrap_err();
        assert_eq!(error.to_string(), "there is no lint `raw-gahter`; did you mean `raw-gather`?");
        let error = known("xyz").unwrap_err();
        assert_eq!(error.to_string(), "there is no lint `xyz`; `unleak lints` lists them all");
    }
}
