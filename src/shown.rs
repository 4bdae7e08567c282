//! From which level on findings are shown: what is typed comes first, then what settings say, then what a format is for.

use unleak_lints::Level;

use crate::args::CheckFormat;
use crate::print::level;

/// From which level on a report shows findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    /// Where settings say nothing.
    usual: Level,
    /// Whatever settings say: a run shows what it fails on.
    always: Level,
}

/// A run that would fail on what it does not show.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`--fail-on {}` would fail on what `--min-level {}` does not show; use `--min-level {}` or `--fail-on {}`",
    level(*.fail_on), level(*.min_level), level(*.fail_on), level(*.min_level)
)]
pub(crate) struct Unseen {
    fail_on: Level,
    min_level: Level,
}

impl Shown {
    /// What a format shows, and what a run shows that is to fail on it.
    pub(crate) fn by(format: CheckFormat, fail_on: Option<Level>) -> Shown {
        Shown { usual: usual(format), always: fail_on.unwrap_or(Level::Error) }
    }

    /// The least level that is shown, where settings say this.
    pub(crate) fn least(self, said: Option<Level>) -> Level {
        said.unwrap_or(self.usual).min(self.always)
    }
}

/// Reports for people and reviews show what is to be mended; those for programs hold everything.
fn usual(format: CheckFormat) -> Level {
    match format {
        CheckFormat::Json | CheckFormat::JsonLines | CheckFormat::Sarif => Level::Note,
        CheckFormat::Full
        | CheckFormat::Concise
        | CheckFormat::Github
        | CheckFormat::Gitlab
        | CheckFormat::Junit
        | CheckFormat::Rdjson
        | CheckFormat::Markdown
        | CheckFormat::Agent => Level::Warning,
    }
}

/// Whether what was typed about levels goes together.
pub(crate) fn agree(fail_on: Option<Level>, min_level: Option<Level>) -> Result<(), Unseen> {
    match (fail_on, min_level) {
        (Some(fail_on), Some(min_level)) if fail_on < min_level => Err(Unseen { fail_on, min_level }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_come_before_the_format_and_what_fails_is_shown() {
        let (people, data) = (CheckFormat::Full, CheckFormat::Sarif);
        let least = |format, fail_on, said| Shown::by(format, fail_on).least(said);
        assert_eq!([least(people, None, None), least(data, None, None)], [Level::Warning, Level::Note]);
        for format in [people, data] {
            for said in [Level::Note, Level::Warning, Level::Error] {
                assert_eq!(least(format, None, Some(said)), said);
                assert_eq!(least(format, Some(Level::Note), Some(said)), Level::Note);
                assert_eq!(least(format, Some(Level::Warning), Some(said)), said.min(Level::Warning));
            }
        }
        assert_eq!(least(people, Some(Level::Error), None), Level::Warning, "what does not fail is shown all the same");
    }

    #[test]
    fn what_is_typed_must_not_hide_what_fails() {
        let all = [Level::Note, Level::Warning, Level::Error];
        for (fail_on, min_level) in all.into_iter().flat_map(|one| all.map(|other| (one, other))) {
            assert_eq!(
                agree(Some(fail_on), Some(min_level)).is_ok(),
                min_level <= fail_on,
                "{fail_on:?} {min_level:?}"
            );
            assert_eq!((agree(None, Some(min_level)), agree(Some(fail_on), None)), (Ok(()), Ok(())));
        }
        let said = "`--fail-on note` would fail on what `--min-level error` does not show; \
                    use `--min-level note` or `--fail-on error`";
        assert_eq!(agree(Some(Level::Note), Some(Level::Error)).unwrap_err().to_string(), said);
    }
}
