use std::fmt::{self, Display};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use super::{Closed, Ended, Label, NamedTask, Scope, metrics};

/// Tasks that live and die together: the first that ends, of those that should last, ends the supervision.
///
/// The tasks belong to the [`Scope`]; when the supervision is over, [`drain`](super::drain) it.
#[derive(Debug)]
pub struct Supervisor<'a, E> {
    scope: &'a Scope,
    tasks: Vec<(Role, NamedTask<(), E>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Its end is the end of the peer.
    Connection,
    /// It should never end by itself.
    Lifetime,
    /// It may end; only its failure matters.
    Finite,
}

/// Why a supervision is over.
///
/// When several reasons come at once, a crash is told before a shutdown, a shutdown before a disconnect, and a
/// disconnect before a lifetime task that is done; of two of a kind, the one that was added first.
#[derive(Debug, PartialEq, Eq)]
pub enum Exit<E> {
    /// A task failed or panicked.
    Crash(Label, Crash<E>),
    /// The token of the scope was cancelled.
    Shutdown,
    /// The task that stands for the connection ended: the peer has left.
    Disconnect(Label),
    /// A task that should have lasted ended.
    LifetimeDone(Label),
}

/// How a task crashed.
#[derive(Debug, PartialEq, Eq)]
pub enum Crash<E> {
    /// It returned an error.
    Failed(E),
    /// It panicked.
    Panicked,
}

/// No task that should last was given, so only a shutdown could end the supervision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` has no task that lasts, so its supervision would never end")]
pub struct NothingToSupervise(pub Label);

impl<'a, E: Display + Send + 'static> Supervisor<'a, E> {
    /// A supervisor of tasks in `scope`.
    pub fn new(scope: &'a Scope) -> Self {
        Self { scope, tasks: Vec::new() }
    }

    /// Adds the task that stands for the connection: when it ends, the peer has left.
    pub fn connection<F>(&mut self, name: Label, task: F) -> Result<(), Closed>
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
    {
        self.add(Role::Connection, name, task)
    }

    /// Adds a task that lasts as long as the supervision.
    pub fn lifetime<F>(&mut self, name: Label, task: F) -> Result<(), Closed>
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
    {
        self.add(Role::Lifetime, name, task)
    }

    /// Adds a task that may end before the others without ending them.
    pub fn finite<F>(&mut self, name: Label, task: F) -> Result<(), Closed>
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
    {
        self.add(Role::Finite, name, task)
    }

    fn add<F>(&mut self, role: Role, name: Label, task: F) -> Result<(), Closed>
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
    {
        let task = self.scope.spawn_named(name, task)?;
        self.tasks.push((role, task));
        Ok(())
    }

    /// Waits until the supervision is over, and tells why. The other tasks still run then.
    pub async fn run(mut self) -> Result<Exit<E>, NothingToSupervise> {
        if self.tasks.iter().all(|(role, _)| *role == Role::Finite) {
            return Err(NothingToSupervise(self.scope.label()));
        }
        let mut shutdown = pin!(self.scope.token().cancelled());
        let exit = poll_fn(|cx| {
            let over = shutdown.as_mut().poll(cx).map(|()| Exit::Shutdown);
            self.poll_tasks(cx, over)
        })
        .await;
        let (label, reason) = (self.scope.label(), exit.reason());
        metrics::SUPERVISOR_EXITS.increment([label, reason]);
        tracing::debug!(scope = %label, %exit, "supervision is over");
        Ok(exit)
    }

    /// Looks at every task in the order of their addition, and keeps the exit that ranks first.
    fn poll_tasks(&mut self, cx: &mut Context<'_>, over: Poll<Exit<E>>) -> Poll<Exit<E>> {
        let mut first = match over {
            Poll::Ready(exit) => Some(exit),
            Poll::Pending => None,
        };
        self.tasks.retain_mut(|(role, task)| {
            let name = task.name();
            let Poll::Ready(ended) = Pin::new(task).poll(cx) else { return true };
            if let Some(exit) = exit(*role, name, ended)
                && first.as_ref().is_none_or(|first| exit.rank() < first.rank())
            {
                first = Some(exit);
            }
            false
        });
        first.map_or(Poll::Pending, Poll::Ready)
    }
}

/// What the end of a task means for the whole, if it means anything.
fn exit<E>(role: Role, name: Label, ended: Ended<(), E>) -> Option<Exit<E>> {
    match (ended, role) {
        (Ended::Failed(error), _) => Some(Exit::Crash(name, Crash::Failed(error))),
        (Ended::Panicked, _) => Some(Exit::Crash(name, Crash::Panicked)),
        // Only the end of the scope or of the runtime aborts a task.
        (Ended::Aborted, _) => Some(Exit::Shutdown),
        (Ended::Done(()), Role::Connection) => Some(Exit::Disconnect(name)),
        (Ended::Done(()), Role::Lifetime) => Some(Exit::LifetimeDone(name)),
        (Ended::Done(()), Role::Finite) => None,
    }
}

impl<E> Exit<E> {
    fn rank(&self) -> u8 {
        match self {
            Exit::Crash(..) => 0,
            Exit::Shutdown => 1,
            Exit::Disconnect(_) => 2,
            Exit::LifetimeDone(_) => 3,
        }
    }

    /// The reason as metrics name it.
    pub fn reason(&self) -> Label {
        Label::new(match self {
            Exit::Crash(..) => "crash",
            Exit::Shutdown => "shutdown",
            Exit::Disconnect(_) => "disconnect",
            Exit::LifetimeDone(_) => "lifetime_done",
        })
    }
}

impl<E> Display for Exit<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Exit::Shutdown => write!(f, "shutdown"),
            Exit::Crash(name, _) | Exit::Disconnect(name) | Exit::LifetimeDone(name) => {
                write!(f, "{} ({name})", self.reason())
            }
        }
    }
}

#[cfg(test)]
#[path = "supervise_tests.rs"]
mod tests;
