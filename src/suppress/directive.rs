//! The words of a comment that speaks to us.

/// What a comment asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Directive {
    /// `ignore[lint, lint] reason`.
    Ignore {
        /// The names as typed; at least one.
        lints: Vec<String>,
        /// Why; not empty.
        reason: String,
    },
    /// `detached(reason)`.
    Detached {
        /// Why; not empty.
        reason: String,
    },
}

/// Why a comment that speaks to us says nothing.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Mistake {
    /// Neither `ignore` nor `detached`.
    #[error("`unleak: {0}` is not something `unleak` understands")]
    Unknown(String),
    /// `ignore` without names.
    #[error("`unleak: ignore` does not say which lint")]
    NoLint,
    /// A bracket that is not closed.
    #[error("`unleak: {0}` is never closed")]
    Unclosed(&'static str),
    /// No reason.
    #[error("`unleak: {0}` gives no reason")]
    NoReason(&'static str),
}

impl Mistake {
    /// What to write instead.
    pub(crate) fn help(&self) -> &'static str {
        match self {
            Mistake::NoReason("detached(…)") => "say why nobody has to keep the task: `unleak: detached(reason)`",
            Mistake::NoReason(_) => "say why it is right as it is: `unleak: ignore[lint] reason`",
            Mistake::NoLint => "name the lint: `unleak: ignore[fire-and-forget] reason`",
            Mistake::Unclosed(_) | Mistake::Unknown(_) => {
                "write `unleak: ignore[lint, …] reason` or `unleak: detached(reason)`"
            }
        }
    }
}

/// What a comment asks for; `None` when it does not speak to us (the words in the midst of prose do not).
pub(crate) fn read(text: &str) -> Option<Result<Directive, Mistake>> {
    let words = addressed(text)?.trim();
    let keyword: String = words.chars().take_while(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect();
    let rest = words[keyword.len()..].trim_start();
    Some(match keyword.as_str() {
        "ignore" => ignore(rest),
        "detached" => detached(rest),
        _ => Err(Mistake::Unknown(words.split_whitespace().next().unwrap_or_default().to_owned())),
    })
}

/// What stands after `unleak:`, when that starts the comment or a comment within it.
fn addressed(text: &str) -> Option<&str> {
    let starts = text.match_indices("unleak:").find(|(at, _)| {
        let before = text[..*at].trim_end();
        before.is_empty() || before.ends_with('#') || before.ends_with("//")
    });
    starts.map(|(at, word)| &text[at + word.len()..])
}

fn ignore(rest: &str) -> Result<Directive, Mistake> {
    let inside = rest.strip_prefix('[').ok_or(Mistake::NoLint)?;
    let (names, reason) = inside.split_once(']').ok_or(Mistake::Unclosed("ignore[…"))?;
    let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
    let lints: Vec<String> = names.map(str::to_owned).collect();
    if lints.is_empty() {
        return Err(Mistake::NoLint);
    }
    let reason = said(reason).ok_or(Mistake::NoReason("ignore[…]"))?;
    Ok(Directive::Ignore { lints, reason })
}

fn detached(rest: &str) -> Result<Directive, Mistake> {
    let Some(inside) = rest.strip_prefix('(') else { return Err(Mistake::NoReason("detached(…)")) };
    let (reason, _) = inside.rsplit_once(')').ok_or(Mistake::Unclosed("detached(…"))?;
    let reason = said(reason).ok_or(Mistake::NoReason("detached(…)"))?;
    Ok(Directive::Detached { reason })
}

/// The reason, if it says anything: dashes and stops alone do not.
fn said(reason: &str) -> Option<String> {
    let reason = reason.trim_matches(|c: char| c.is_whitespace() || matches!(c, '-' | '—' | '–' | ':' | '#'));
    reason.chars().any(char::is_alphanumeric).then(|| reason.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ignored(lints: &[&str], reason: &str) -> Option<Result<Directive, Mistake>> {
        let lints = lints.iter().map(|lint| lint.to_string()).collect();
        Some(Ok(Directive::Ignore { lints, reason: reason.into() }))
    }

    #[test]
    fn the_two_forms() {
        assert_eq!(read("unleak: ignore[raw-gather] three at most"), ignored(&["raw-gather"], "three at most"));
        assert_eq!(read("unleak:ignore [ a , b ]: why"), ignored(&["a", "b"], "why"));
        let detached = Directive::Detached { reason: "ends with f()".into() };
        assert_eq!(read("unleak: detached(ends with f())"), Some(Ok(detached)));
    }

    #[test]
    fn a_comment_within_a_comment_speaks_and_prose_does_not() {
        assert_eq!(read("noqa: X1  # unleak: ignore[a] why"), ignored(&["a"], "why"));
        assert_eq!(read("noqa: X1  // unleak: ignore[a] why"), ignored(&["a"], "why"));
        assert_eq!(read("checked by unleak: ignore this"), None);
        assert_eq!(read(""), None);
    }

    #[test]
    fn what_lacks_a_name_or_a_reason_is_a_mistake() {
        let mistake = |text| read(text).and_then(Result::err);
        assert_eq!(mistake("unleak: ignore"), Some(Mistake::NoLint));
        assert_eq!(mistake("unleak: ignore[] why"), Some(Mistake::NoLint));
        assert_eq!(mistake("unleak: ignore[a"), Some(Mistake::Unclosed("ignore[…")));
        assert_eq!(mistake("unleak: ignore[a]"), Some(Mistake::NoReason("ignore[…]")));
        assert_eq!(mistake("unleak: ignore[a] --"), Some(Mistake::NoReason("ignore[…]")));
        assert_eq!(mistake("unleak: detached"), Some(Mistake::NoReason("detached(…)")));
        assert_eq!(mistake("unleak: detached( )"), Some(Mistake::NoReason("detached(…)")));
        assert_eq!(mistake("unleak: détaché(x)"), Some(Mistake::Unknown("détaché(x)".into())));
        assert_eq!(mistake("unleak:"), Some(Mistake::Unknown(String::new())));
    }
}
