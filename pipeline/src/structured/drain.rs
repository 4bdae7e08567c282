use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::{Label, Scope, metrics};

/// How a [`Scope`] is brought to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    first: First,
    deadline: Duration,
    after_abort: Duration,
    overall: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum First {
    Wait,
    Cancel,
}

/// How long an aborted task may take unless a plan says otherwise.
pub const AFTER_ABORT: Duration = Duration::from_secs(5);

impl Plan {
    /// The tasks get until `deadline` to end by themselves; then they are cancelled and aborted.
    pub const fn wait_first(deadline: Duration) -> Self {
        Self { first: First::Wait, deadline, after_abort: AFTER_ABORT, overall: None }
    }

    /// The tasks are cancelled now and get until `deadline` to clean up; then they are aborted.
    pub const fn cancel_first(deadline: Duration) -> Self {
        Self { first: First::Cancel, deadline, after_abort: AFTER_ABORT, overall: None }
    }

    /// How long an aborted task may take to go. What is left then is named and left alone.
    #[must_use]
    pub const fn after_abort(self, after_abort: Duration) -> Self {
        Self { after_abort, ..self }
    }

    /// Both waits together end within `overall`.
    #[must_use]
    pub const fn within(self, overall: Duration) -> Self {
        Self { overall: Some(overall), ..self }
    }

    /// The instant `wait` from now, or the overall deadline if that is sooner.
    fn until(&self, start: Instant, wait: Duration) -> Instant {
        let far = Duration::from_secs(60 * 60 * 24 * 365);
        let end = Instant::now() + wait.min(far);
        self.overall.map_or(end, |overall| end.min(start + overall.min(far)))
    }
}

/// What became of the members of a scope.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use = "it names what did not end"]
pub struct Report {
    /// How many ended by themselves, before anything was asked of them.
    pub finished: usize,
    /// How many ended in time after they were cancelled.
    pub cancelled: usize,
    /// How many had to be aborted.
    pub aborted: usize,
    /// Those that are there still, the oldest first.
    pub stuck: Vec<Label>,
}

impl Report {
    /// Whether everything ended without being aborted.
    pub fn is_clean(&self) -> bool {
        self.aborted == 0 && self.stuck.is_empty()
    }
}

/// A drain was asked for by a task of the scope that was to be drained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is a task of `{scope}` and cannot wait for its own end")]
pub struct WaitsForItself {
    /// The scope that was to be drained.
    pub scope: Label,
    /// The task that asked.
    pub name: Label,
}

/// Ends a scope: nobody gets in any more, and who is in it ends as `plan` says, within its deadlines.
///
/// Whatever happens, this comes back in time, and the report accounts for each member. A call from within the
/// scope is refused and changes nothing. Dropping the call leaves the scope closed; another call takes over.
pub async fn drain(scope: &Scope, plan: Plan) -> Result<Report, WaitsForItself> {
    if let Some(name) = tokio::task::try_id().and_then(|own| scope.name_of(own)) {
        return Err(WaitsForItself { scope: scope.label(), name });
    }
    let start = Instant::now();
    scope.close();
    let there = scope.len();
    if plan.first == First::Cancel {
        scope.token().cancel();
    }

    let mut report = Report::default();
    let in_time = timeout_at(plan.until(start, plan.deadline), scope.left()).await.is_ok();
    let late = scope.names();
    match plan.first {
        First::Wait => report.finished = there - late.len(),
        First::Cancel => report.cancelled = there - late.len(),
    }
    if !in_time {
        metrics::DRAIN_TIMEOUTS.increment([scope.label()]);
        tracing::warn!(scope = %scope.label(), tasks = ?late, "not ended in time, aborting");
        scope.token().cancel();
        scope.abort_all();
        let gone = timeout_at(plan.until(start, plan.after_abort), scope.left()).await.is_ok();
        report.stuck = scope.names();
        report.aborted = late.len() - report.stuck.len();
        if !gone {
            tracing::error!(scope = %scope.label(), tasks = ?report.stuck, "not ended even when aborted, left behind");
        }
    }
    metrics::DRAIN_SECONDS.observe(scope.label(), start.elapsed());
    Ok(report)
}

#[cfg(test)]
#[path = "drain_tests.rs"]
mod tests;
