//! What is other than in an older report.

use super::one_line;
use crate::compare::{Change, Difference};

/// A line a change, and how many there are.
pub(crate) fn print(difference: &Difference) -> String {
    let (mut new, mut gone, mut other) = (0, 0, 0);
    let mut text = String::new();
    for change in &difference.changes {
        text += &match change {
            Change::New(now) => {
                new += 1;
                format!("+ {} {} ({})\n", now.point, one_line(&now.about), now.verdict)
            }
            Change::Gone(then) => {
                gone += 1;
                format!("- {} {} ({})\n", then.point, one_line(&then.about), then.verdict)
            }
            Change::Other(then, now) => {
                other += 1;
                format!("~ {} {} ({then} → {})\n", now.point, one_line(&now.about), now.verdict)
            }
        };
    }
    text + &format!("{new} new, {gone} gone, {other} with another verdict, {} the same.\n", difference.same)
}
