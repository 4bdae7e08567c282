//! What the service counts beside its primitives, and the `/metrics` page. Every label is static.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::structured::Label;
use crate::structured::metrics::{self, Counter, Histogram, heading};

/// Connections that are open now, counted by a guard each of them holds.
pub static CONNECTIONS: Gauge = Gauge::new("connections", "Client connections that are open.");
/// Conversations that are going on now.
pub static SESSIONS: Gauge = Gauge::new("sessions", "Conversations that are going on.");
/// Turns that are being answered now.
pub static TURNS: Gauge = Gauge::new("turns", "Turns that are being answered.");
/// From the end of speech to the first audio of the answer.
pub static TURN_SECONDS: Histogram =
    Histogram::new("turn_first_audio_seconds", "From the end of speech to the first audio of the answer.");
/// How turns ended.
pub static TURN_ENDS: Counter<1> = Counter::new("turn_ends_total", "How turns ended.", ["label"]);
/// What was put into queues.
pub static QUEUED: Counter<1> = Counter::new("queue_items_total", "Items put into queues.", ["label"]);
/// What was thrown away from queues, with an account.
pub static DROPPED: Counter<1> = Counter::new("queue_dropped_total", "Items thrown away from queues.", ["label"]);
/// How often a queue came under pressure.
pub static PRESSURE: Counter<1> =
    Counter::new("queue_pressure_total", "How often a queue was three quarters full.", ["label"]);
/// The longest that queues have been.
pub static LONGEST: Maximum = Maximum::new("queue_longest", "The longest that queues of this name have been.");
/// What clients were refused for.
pub static REFUSED: Counter<1> =
    Counter::new("refused_total", "Connections and messages that were refused.", ["label"]);
/// Old entries that made room in the memory of conversations.
pub static FORGOTTEN: Counter<0> =
    Counter::new("history_forgotten_total", "Old entries that made room in the memory of conversations.", []);

/// What became of jobs in the background.
pub static JOBS: Counter<2> = Counter::new("jobs_total", "What became of jobs.", ["label", "outcome"]);
/// Answers of the language model about what is worth remembering that were no list of sentences.
pub static NONSENSE: Counter<0> =
    Counter::new("memory_nonsense_total", "Answers about what is worth remembering that made no sense.", []);
/// Recordings that are on disk.
pub static KEPT: Counter<0> = Counter::new("recordings_kept_total", "Recordings written into the spill.", []);
/// Recordings that the archive has.
pub static ARCHIVED: Counter<0> = Counter::new("recordings_archived_total", "Recordings that the archive has.", []);
/// Recordings that the archiver has to read back from disk.
pub static OVERFLOWED: Counter<0> =
    Counter::new("recordings_overflowed_total", "Recordings that had no room in memory, and wait on disk.", []);
/// Recordings that were not what their names say.
pub static CORRUPT: Counter<0> = Counter::new("recordings_corrupt_total", "Recordings that were set aside.", []);

/// The `/metrics` page.
pub fn page() -> String {
    let mut page = String::new();
    // Writing to a string does not fail.
    let written = render(&mut page);
    debug_assert!(written.is_ok());
    page
}

fn render(page: &mut String) -> fmt::Result {
    for gauge in [&CONNECTIONS, &SESSIONS, &TURNS] {
        gauge.render(page)?;
    }
    for counter in [&TURN_ENDS, &QUEUED, &DROPPED, &PRESSURE, &REFUSED] {
        counter.render(page)?;
    }
    for counter in [&FORGOTTEN, &NONSENSE, &KEPT, &ARCHIVED, &OVERFLOWED, &CORRUPT] {
        counter.render(page)?;
    }
    JOBS.render(page)?;
    LONGEST.render(page)?;
    TURN_SECONDS.render(page)?;
    metrics::render(page)
}

/// How many there are of something now. The only way up is [`Gauge::hold`], and the way down is its guard.
#[derive(Debug)]
pub struct Gauge {
    name: &'static str,
    help: &'static str,
    now: AtomicI64,
}

/// One on a [`Gauge`], taken back when it is dropped.
#[derive(Debug)]
#[must_use = "the count goes down when it is dropped"]
pub struct Held(&'static Gauge);

impl Gauge {
    const fn new(name: &'static str, help: &'static str) -> Self {
        Self { name, help, now: AtomicI64::new(0) }
    }

    /// One more, for as long as the guard lives.
    pub fn hold(&'static self) -> Held {
        self.now.fetch_add(1, Ordering::Relaxed);
        Held(self)
    }

    /// How many there are now.
    pub fn value(&self) -> i64 {
        self.now.load(Ordering::Relaxed)
    }

    fn render(&self, page: &mut String) -> fmt::Result {
        use fmt::Write;
        heading(page, self.name, self.help, "gauge")?;
        writeln!(page, "{} {}", self.name, self.value())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The largest that something has been, by label.
#[derive(Debug)]
pub struct Maximum {
    name: &'static str,
    help: &'static str,
    series: Mutex<BTreeMap<Label, usize>>,
}

impl Maximum {
    const fn new(name: &'static str, help: &'static str) -> Self {
        Self { name, help, series: Mutex::new(BTreeMap::new()) }
    }

    /// It is `value` now.
    pub fn observe(&self, label: Label, value: usize) {
        let mut series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        let most = series.entry(label).or_default();
        *most = value.max(*most);
    }

    /// The largest that each has been.
    pub fn values(&self) -> BTreeMap<Label, usize> {
        self.series.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn render(&self, page: &mut String) -> fmt::Result {
        use fmt::Write;
        heading(page, self.name, self.help, "gauge")?;
        for (label, value) in self.values() {
            writeln!(page, "{}{{label=\"{label}\"}} {value}", self.name)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_guard_comes_down_on_every_way_out() {
        static GAUGE: Gauge = Gauge::new("test", "Test.");
        let held = GAUGE.hold();
        assert_eq!(GAUGE.value(), 1);
        let task = tokio::spawn(async {
            let _held = GAUGE.hold();
            std::future::pending::<()>().await;
        });
        let panics = tokio::spawn(async {
            let _held = GAUGE.hold();
            panic!("on purpose");
        });
        assert!(panics.await.is_err());
        task.abort();
        assert!(task.await.is_err());
        assert_eq!(GAUGE.value(), 1);
        drop(held);
        assert_eq!(GAUGE.value(), 0);
    }
}
