//! An audit, for people.

pub(crate) mod html;
pub(crate) mod markdown;
mod plots;

use super::plural;
use crate::audit::Audit;

/// How many kinds of things, in the words of every audit.
pub(super) const METHOD: &str = "The source was read, and nothing of it was run. Each task, thread, process, queue, gauge, \
fan-out and task set that it brings into being is followed from its birth: who keeps it, what bounds it, what ends it, and \
on which ways out its end is missing. What leaks is shown with its story; what is right is listed with what makes it right; \
what goes where it cannot be seen is undecided, and is never guessed.";

/// What an audit does not say, in the words of every audit.
pub(super) const LIMITS: &str = "Installed libraries are not read: a catalogue says what their calls mean. Code that is made \
while a program runs is not seen. How often something happens is told by loops, handlers and callers, not by measuring. \
A likely leak rests on the one assumption that it names.";

/// `3 leaks (2 errors, 1 warning), 1 accepted, 12 right, 2 undecided`.
pub(crate) fn summary(audit: &Audit) -> String {
    use unleak_lints::Level::{Error, Note, Warning};
    let levels = [(Error, "error"), (Warning, "warning"), (Note, "note")];
    let counts = levels.map(|(level, word)| (audit.count(level), word));
    let parts: Vec<String> =
        counts.into_iter().filter(|(count, _)| *count > 0).map(|(count, word)| plural(count, word)).collect();
    let leaks = match parts.is_empty() {
        true => plural(audit.leaks.len(), "leak"),
        false => format!("{} ({})", plural(audit.leaks.len(), "leak"), parts.join(", ")),
    };
    let (accepted, right, open) = (audit.accepted.len(), audit.right.len(), audit.undecided.len());
    format!("{leaks}, {accepted} accepted, {right} right, {open} undecided")
}
