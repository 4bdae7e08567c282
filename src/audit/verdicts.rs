//! What people have decided about leaks: accepted, why, by whom, until when.
//!
//! ```toml
//! [[accepted]]
//! fingerprint = "0f3c…:1"
//! why = "one task for the life of the process"
//! who = "the media team"
//! until = "2027-03-31"
//! ```

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

/// That a leak is accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Verdict {
    /// Which leak, as the audit's JSON names it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) fingerprint: String,
    /// Why.
    pub(crate) why: String,
    /// Who says so.
    pub(crate) who: String,
    /// The last day on which it holds, as `2027-03-31`; for good where there is none.
    pub(crate) until: Option<String>,
}

/// All of them.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Verdicts {
    #[serde(default)]
    accepted: Vec<Verdict>,
    /// The day on which they are looked at, as `2027-03-31`.
    #[serde(skip)]
    today: String,
}

impl Verdict {
    /// One that stands in the code as a comment.
    pub(crate) fn in_code(reason: &str) -> Verdict {
        Verdict { fingerprint: String::new(), why: reason.to_owned(), who: "a comment in the code".into(), until: None }
    }

    fn holds(&self, today: &str) -> bool {
        self.until.as_deref().is_none_or(|until| today <= until)
    }
}

impl Verdicts {
    /// Reads a verdict file.
    pub(crate) fn read(path: &Path, shown: &Path) -> anyhow::Result<Verdicts> {
        let shown = shown.display();
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read `{shown}`"))?;
        let mut verdicts: Verdicts = toml::from_str(&text).with_context(|| {
            format!(
                "`{shown}` is no verdict file; each `[[accepted]]` has `fingerprint`, `why`, `who` and perhaps `until`"
            )
        })?;
        if let Some(wrong) = verdicts.accepted.iter().find(|it| it.until.as_deref().is_some_and(|it| !is_day(it))) {
            let until = wrong.until.as_deref().unwrap_or_default();
            bail!("`{shown}` says `until = \"{until}\"`, which is no day; write it as \"2027-03-31\"");
        }
        verdicts.today = today();
        Ok(verdicts)
    }

    /// The verdict that accepts a leak today.
    pub(crate) fn accepted(&self, fingerprint: &str) -> Option<&Verdict> {
        self.accepted.iter().find(|verdict| verdict.fingerprint == fingerprint && verdict.holds(&self.today))
    }

    /// What no longer holds, and what is about nothing that was found.
    pub(crate) fn notes(&self, found: &BTreeSet<&str>) -> Vec<String> {
        let note = |verdict: &Verdict| {
            let Verdict { fingerprint, who, until, .. } = verdict;
            match until {
                _ if !found.contains(fingerprint.as_str()) => {
                    Some(format!("the verdict of {who} on {fingerprint} is about nothing that was found"))
                }
                Some(until) if !verdict.holds(&self.today) => {
                    Some(format!("the verdict of {who} on {fingerprint} held until {until}"))
                }
                _ => None,
            }
        };
        self.accepted.iter().filter_map(note).collect()
    }
}

fn is_day(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    matches!(parts.as_slice(), [year, month, day]
        if (year.len(), month.len(), day.len()) == (4, 2, 2) && parts.iter().all(|part| all_digits(part)))
}

/// The day it is, in Greenwich.
fn today() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    day_of((seconds / 86_400) as i64)
}

/// The date of a day that is counted from the first of January 1970 (H. Hinnant, `civil_from_days`).
fn day_of(days: i64) -> String {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_as_calendars_do() {
        assert_eq!(day_of(0), "1970-01-01");
        assert_eq!(day_of(11_016), "2000-02-29");
        assert_eq!(day_of(20_783), "2026-11-26");
    }

    #[test]
    fn a_verdict_holds_to_its_last_day() {
        let verdict = Verdict { until: Some("2027-03-31".into()), ..Verdict::in_code("why") };
        assert!(verdict.holds("2027-03-31"));
        assert!(!verdict.holds("2027-04-01"));
        assert!(Verdict::in_code("why").holds("9999-12-31"));
    }
}
