use std::collections::HashMap;
use std::fmt::Display;
use std::num::NonZeroUsize;
use std::time::Duration;

use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, timeout};

use super::{Label, metrics};

/// How a fan-out runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FanOut {
    /// Its name in logs and metrics.
    pub label: Label,
    /// How many items are worked on at once. One means one after the other.
    pub limit: NonZeroUsize,
    /// How long one item may take.
    pub each: Duration,
}

/// Why an item has no result.
#[derive(Debug, thiserror::Error)]
pub enum Failure<E> {
    /// The work said so.
    #[error("{0}")]
    Failed(E),
    /// It took longer than one item may.
    #[error("it took too long")]
    TimedOut,
    /// It panicked, or the runtime went away.
    #[error("{0}")]
    Lost(JoinError),
}

/// What became of one item.
#[derive(Debug)]
pub struct Outcome<T, E> {
    /// Its place among the items.
    pub index: usize,
    /// What the work gave, or why it gave nothing.
    pub result: Result<T, Failure<E>>,
}

/// Runs `work` on each item, at most [`FanOut::limit`] at once, and returns what became of each, in the order
/// of the items.
///
/// Items are taken from the iterator when there is room for them. Each failure is logged and counted under the
/// label; one failure does not stop the others. Dropping the call aborts what runs.
pub async fn gather<I, W, F, T, E>(fan_out: FanOut, items: I, mut work: W) -> Vec<Outcome<T, E>>
where
    I: IntoIterator,
    W: FnMut(I::Item) -> F,
    F: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: Display + Send + 'static,
{
    let start = Instant::now();
    let mut running = Running { fan_out, set: JoinSet::new(), places: HashMap::new(), outcomes: Vec::new() };
    for (index, item) in items.into_iter().enumerate() {
        while running.set.len() >= fan_out.limit.get() {
            running.next().await;
        }
        let task = running.set.spawn(timeout(fan_out.each, work(item)));
        running.places.insert(task.id(), index);
    }
    while !running.set.is_empty() {
        running.next().await;
    }
    running.outcomes.sort_by_key(|outcome| outcome.index);
    metrics::GATHER_SECONDS.observe(fan_out.label, start.elapsed());
    running.outcomes
}

/// What `timeout` makes of the work on one item.
type Timed<T, E> = Result<Result<T, E>, tokio::time::error::Elapsed>;

struct Running<T, E> {
    fan_out: FanOut,
    set: JoinSet<Timed<T, E>>,
    /// Which item a task works on: a task that panicked tells only its number.
    places: HashMap<Id, usize>,
    outcomes: Vec<Outcome<T, E>>,
}

impl<T: Send + 'static, E: Display + Send + 'static> Running<T, E> {
    /// Waits for the next task to end and keeps what became of it.
    async fn next(&mut self) {
        let (task, result) = match self.set.join_next_with_id().await {
            None => return,
            Some(Ok((task, Ok(Ok(value))))) => (task, Ok(value)),
            Some(Ok((task, Ok(Err(error))))) => (task, Err(Failure::Failed(error))),
            Some(Ok((task, Err(_)))) => (task, Err(Failure::TimedOut)),
            Some(Err(lost)) => (lost.id(), Err(Failure::Lost(lost))),
        };
        let Some(index) = self.places.remove(&task) else { return };
        if let Err(error) = &result {
            let label = self.fan_out.label;
            tracing::error!(gather = %label, index, %error, "item failed");
            metrics::GATHER_FAILURES.increment([label]);
        }
        self.outcomes.push(Outcome { index, result });
    }
}

#[cfg(test)]
#[path = "gather_tests.rs"]
mod tests;
