//! What the primitives count: counters and histograms with static labels, in the text format of Prometheus.
//!
//! There is one of each for the process, as there is one `/metrics` page. A series exists for each label that
//! the code names and for no other, for a label is a [`Label`].

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Label;

/// How supervised groups ended, by group and reason.
pub static SUPERVISOR_EXITS: Counter<2> =
    Counter::new("supervisor_exits_total", "How supervised groups of tasks ended.", ["label", "reason"]);
/// Drains that met their deadline, by scope.
pub static DRAIN_TIMEOUTS: Counter<1> =
    Counter::new("drain_timeouts_total", "Drains whose deadline passed with tasks still running.", ["label"]);
/// How long drains took, by scope.
pub static DRAIN_SECONDS: Histogram = Histogram::new("drain_seconds", "How long drains took.");
/// Items of fan-outs that failed, by fan-out.
pub static GATHER_FAILURES: Counter<1> =
    Counter::new("gather_failures_total", "Items of fan-outs that failed, timed out or panicked.", ["label"]);
/// How long fan-outs took, by fan-out.
pub static GATHER_SECONDS: Histogram = Histogram::new("gather_seconds", "How long fan-outs took.");
/// Named tasks that failed or panicked, by task.
pub static TASK_FAILURES: Counter<1> =
    Counter::new("task_failures_total", "Named tasks that ended with an error or a panic.", ["label"]);

/// Everything that the primitives count, as Prometheus reads it.
pub fn render(page: &mut String) -> fmt::Result {
    SUPERVISOR_EXITS.render(page)?;
    DRAIN_TIMEOUTS.render(page)?;
    DRAIN_SECONDS.render(page)?;
    GATHER_FAILURES.render(page)?;
    GATHER_SECONDS.render(page)?;
    TASK_FAILURES.render(page)
}

/// What only goes up, for each combination of `N` labels.
#[derive(Debug)]
pub struct Counter<const N: usize> {
    name: &'static str,
    help: &'static str,
    keys: [&'static str; N],
    series: Mutex<BTreeMap<[Label; N], u64>>,
}

impl<const N: usize> Counter<N> {
    /// A counter without series.
    pub const fn new(name: &'static str, help: &'static str, keys: [&'static str; N]) -> Self {
        Self { name, help, keys, series: Mutex::new(BTreeMap::new()) }
    }

    /// One more for these labels.
    pub fn increment(&self, labels: [Label; N]) {
        self.add(labels, 1);
    }

    /// `count` more for these labels.
    pub fn add(&self, labels: [Label; N], count: u64) {
        *unpoisoned(&self.series).entry(labels).or_default() += count;
    }

    /// How many there were for these labels.
    pub fn value(&self, labels: [Label; N]) -> u64 {
        unpoisoned(&self.series).get(&labels).copied().unwrap_or(0)
    }

    /// Writes the counter in the text format of Prometheus.
    pub fn render(&self, page: &mut String) -> fmt::Result {
        heading(page, self.name, self.help, "counter")?;
        for (labels, value) in unpoisoned(&self.series).iter() {
            page.push_str(self.name);
            let pairs = self.keys.iter().zip(labels);
            for (index, (key, label)) in pairs.enumerate() {
                page.push(if index == 0 { '{' } else { ',' });
                write!(page, "{key}=\"{}\"", Escaped(label.as_str()))?;
            }
            if N > 0 {
                page.push('}');
            }
            writeln!(page, " {value}")?;
        }
        Ok(())
    }
}

/// The upper edges of the buckets of a [`Histogram`], in seconds.
pub const BUCKETS: [f64; 12] = [0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// How long something took, for each label.
#[derive(Debug)]
pub struct Histogram {
    name: &'static str,
    help: &'static str,
    series: Mutex<BTreeMap<Label, Durations>>,
}

#[derive(Debug, Default)]
struct Durations {
    /// Not cumulative here; cumulative on the page.
    buckets: [u64; BUCKETS.len()],
    count: u64,
    sum: f64,
}

impl Histogram {
    /// A histogram without series.
    pub const fn new(name: &'static str, help: &'static str) -> Self {
        Self { name, help, series: Mutex::new(BTreeMap::new()) }
    }

    /// One more that took `duration`.
    pub fn observe(&self, label: Label, duration: Duration) {
        let seconds = duration.as_secs_f64();
        let mut series = unpoisoned(&self.series);
        let durations = series.entry(label).or_default();
        durations.count += 1;
        durations.sum += seconds;
        if let Some(bucket) = BUCKETS.iter().position(|edge| seconds <= *edge) {
            durations.buckets[bucket] += 1;
        }
    }

    /// How many were observed for this label.
    pub fn count(&self, label: Label) -> u64 {
        unpoisoned(&self.series).get(&label).map_or(0, |durations| durations.count)
    }

    /// Writes the histogram in the text format of Prometheus.
    pub fn render(&self, page: &mut String) -> fmt::Result {
        let name = self.name;
        heading(page, name, self.help, "histogram")?;
        for (label, durations) in unpoisoned(&self.series).iter() {
            let label = Escaped(label.as_str());
            let mut below = 0;
            for (edge, count) in BUCKETS.iter().zip(durations.buckets) {
                below += count;
                writeln!(page, "{name}_bucket{{label=\"{label}\",le=\"{edge}\"}} {below}")?;
            }
            let Durations { count, sum, .. } = durations;
            writeln!(page, "{name}_bucket{{label=\"{label}\",le=\"+Inf\"}} {count}")?;
            writeln!(page, "{name}_sum{{label=\"{label}\"}} {sum}")?;
            writeln!(page, "{name}_count{{label=\"{label}\"}} {count}")?;
        }
        Ok(())
    }
}

/// The two lines above the series of a metric.
pub fn heading(page: &mut String, name: &str, help: &str, kind: &str) -> fmt::Result {
    writeln!(page, "# HELP {name} {help}\n# TYPE {name} {kind}")
}

struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '\\' => f.write_str("\\\\")?,
                '"' => f.write_str("\\\"")?,
                '\n' => f.write_str("\\n")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// Counts stay right when a thread that held them panicked: each change to them is a single step.
fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_written_with_its_labels() {
        let counter = Counter::new("exits_total", "Exits.", ["label", "reason"]);
        counter.increment([Label::new("session"), Label::new("crash")]);
        counter.add([Label::new("a\"b\\c\nd"), Label::new("x")], 4);
        let mut page = String::new();
        counter.render(&mut page).unwrap();
        let expected = "# HELP exits_total Exits.\n# TYPE exits_total counter\n\
            exits_total{label=\"a\\\"b\\\\c\\nd\",reason=\"x\"} 4\n\
            exits_total{label=\"session\",reason=\"crash\"} 1\n";
        assert_eq!(page, expected);
        assert_eq!(counter.value([Label::new("session"), Label::new("crash")]), 1);
        assert_eq!(counter.value([Label::new("session"), Label::new("other")]), 0);
    }

    #[test]
    fn a_counter_without_labels_has_no_braces() {
        let counter = Counter::new("all_total", "All.", []);
        counter.increment([]);
        let mut page = String::new();
        counter.render(&mut page).unwrap();
        assert!(page.ends_with("\nall_total 1\n"), "{page}");
    }

    #[test]
    fn a_histogram_is_cumulative() {
        let histogram = Histogram::new("drain_seconds", "Drains.");
        let label = Label::new("a");
        for millis in [1, 100, 100, 90_000] {
            histogram.observe(label, Duration::from_millis(millis));
        }
        let mut page = String::new();
        histogram.render(&mut page).unwrap();
        for line in [
            "drain_seconds_bucket{label=\"a\",le=\"0.001\"} 1",
            "drain_seconds_bucket{label=\"a\",le=\"0.1\"} 3",
            "drain_seconds_bucket{label=\"a\",le=\"60\"} 3",
            "drain_seconds_bucket{label=\"a\",le=\"+Inf\"} 4",
            "drain_seconds_count{label=\"a\"} 4",
        ] {
            assert!(page.lines().any(|there| there == line), "{line} is missing in\n{page}");
        }
    }
}
