//! What can be written into a settings file: the one definition of its keys. The JSON schema follows from it.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};
use unleak_analysis::source::Budgets;
use unleak_lints::{Confidence, Level};

/// The settings of `unleak`.
///
/// They stand in `unleak.toml`, under `[tool.unleak]` in `pyproject.toml`, or under `[package.metadata.unleak]` or
/// `[workspace.metadata.unleak]` in `Cargo.toml`. The nearest file above a source file counts for it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Written {
    /// Another settings file, relative to this one and within the same repository. What this file says comes first:
    /// its lists take the place of the other's, its tables are added to the other's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) extend: Option<String>,
    /// What is not read, as in a `.gitignore`. A path that is named on the command line is read all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) exclude: Option<Vec<String>>,
    /// Ask only these lints.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) select: Option<Vec<String>>,
    /// Do not ask these lints.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ignore: Option<Vec<String>>,
    /// Also ask the strict lints.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) strict: Option<bool>,
    /// Also ask lints that are still being tried out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) preview: Option<bool>,
    /// Show only findings that are at least this sure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) min_confidence: Option<Sure>,
    /// Show only findings that are at least this bad. Where nothing is said, reports for people show warnings and
    /// errors, and those for programs (`json`, `json-lines`, `sarif`) everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) min_level: Option<Least>,
    /// How bad the findings of a lint are. One that is lower of itself, in test code for instance, stays lower.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) levels: BTreeMap<String, Bad>,
    /// Lints that are not asked in some files: from a glob, relative to this file, to the names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) per_file_ignores: BTreeMap<String, Vec<String>>,
    /// Files that say what the APIs of other libraries mean, in the form of those in `catalogue/`, relative to this
    /// file. An entry takes the place of ours with the same path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) models: Option<Vec<String>>,
    /// Functions and classes of your own (`app.tasks.TaskOwner`, `app::tasks::spawn`) that own what is born in them: it
    /// is right, and so is what their callers do with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) owners: Option<Vec<String>>,
    /// Calls whose result nobody has to keep, as they are written (`hass.async_create_task`) or by their full path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) safe_calls: Option<Vec<String>>,
    /// What to use instead of a call, named in the help: from the call to your own (`"asyncio.gather" =
    /// "app.tasks.gather"`).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) prefer: BTreeMap<String, String>,
    /// Above which numbers a bound is none.
    #[serde(skip_serializing_if = "Allowed::is_silent")]
    pub(crate) budgets: Allowed,
}

/// Above which numbers a bound is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Allowed {
    /// The items of a queue or channel; 16,777,216 where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) queue: Option<NonZeroU32>,
    /// How many of a fan-out run at once; 10,000 where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) at_once: Option<NonZeroU32>,
    /// The workers of a pool; 500 where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) workers: Option<NonZeroU32>,
}

/// How sure a finding has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(crate) enum Sure {
    /// It may rest on one named assumption.
    Likely,
    /// It rests on the code alone.
    Certain,
}

/// How bad a finding has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(crate) enum Least {
    /// Everything that is found.
    Note,
    /// What should be mended.
    Warning,
    /// What must be mended.
    Error,
}

/// How bad the findings of a lint are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(crate) enum Bad {
    /// It is not asked.
    Off,
    /// Does not make the run fail.
    Note,
    /// Makes the run fail.
    Warning,
    /// Makes the run fail.
    Error,
}

impl Written {
    /// This, and for what it leaves open the other.
    pub(crate) fn or(mut self, other: Written) -> Written {
        fn also<T>(mine: &mut BTreeMap<String, T>, theirs: BTreeMap<String, T>) {
            for (key, value) in theirs {
                mine.entry(key).or_insert(value);
            }
        }
        also(&mut self.levels, other.levels);
        also(&mut self.per_file_ignores, other.per_file_ignores);
        also(&mut self.prefer, other.prefer);
        Written {
            extend: self.extend.or(other.extend),
            exclude: self.exclude.or(other.exclude),
            select: self.select.or(other.select),
            ignore: self.ignore.or(other.ignore),
            strict: self.strict.or(other.strict),
            preview: self.preview.or(other.preview),
            min_confidence: self.min_confidence.or(other.min_confidence),
            min_level: self.min_level.or(other.min_level),
            models: self.models.or(other.models),
            owners: self.owners.or(other.owners),
            safe_calls: self.safe_calls.or(other.safe_calls),
            budgets: self.budgets.or(other.budgets),
            ..self
        }
    }
}

impl Allowed {
    fn is_silent(&self) -> bool {
        *self == Allowed::default()
    }

    fn or(self, other: Allowed) -> Allowed {
        Allowed {
            queue: self.queue.or(other.queue),
            at_once: self.at_once.or(other.at_once),
            workers: self.workers.or(other.workers),
        }
    }

    /// With what holds where nothing is said.
    pub(crate) fn budgets(self) -> Budgets {
        let usual = Budgets::default();
        let said = |said: Option<NonZeroU32>, usual: i64| said.map_or(usual, |number| i64::from(number.get()));
        Budgets {
            queue: said(self.queue, usual.queue),
            at_once: said(self.at_once, usual.at_once),
            workers: said(self.workers, usual.workers),
        }
    }
}

impl Sure {
    /// As findings say it.
    pub(crate) fn confidence(self) -> Confidence {
        match self {
            Sure::Likely => Confidence::Likely,
            Sure::Certain => Confidence::Certain,
        }
    }
}

impl Least {
    /// As findings say it.
    pub(crate) fn level(self) -> Level {
        match self {
            Least::Note => Level::Note,
            Least::Warning => Level::Warning,
            Least::Error => Level::Error,
        }
    }
}

impl Bad {
    /// As findings say it; `None` for a lint that is not asked.
    pub(crate) fn level(self) -> Option<Level> {
        match self {
            Bad::Off => None,
            Bad::Note => Some(Level::Note),
            Bad::Warning => Some(Level::Warning),
            Bad::Error => Some(Level::Error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_nearer_lists_win_and_tables_are_added() {
        let near: Written = toml::from_str("ignore = ['a']\nlevels.x = 'off'").unwrap();
        let far: Written = toml::from_str("ignore = ['b']\nselect = ['c']\nlevels = {x = 'note', y = 'note'}").unwrap();
        let both = near.or(far);
        assert_eq!((both.ignore, both.select), (Some(vec!["a".into()]), Some(vec!["c".into()])));
        assert_eq!(both.levels, [("x".into(), Bad::Off), ("y".into(), Bad::Note)].into());
    }

    #[test]
    fn the_json_schema_is_current() {
        let schema = serde_json::to_string_pretty(&schemars::schema_for!(Written)).unwrap() + "\n";
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("unleak.schema.json");
        if std::fs::read_to_string(&path).is_ok_and(|now| now == schema) {
            return;
        }
        if std::env::var_os("CI").is_none_or(|value| value.is_empty() || value == "false") {
            std::fs::write(&path, schema).unwrap();
        }
        panic!("unleak.schema.json was not current; the tests write it where CI is not set");
    }
}
