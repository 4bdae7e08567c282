use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::task::{AbortHandle, Id, JoinHandle};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::{Label, metrics};

/// The owner of named tasks: it can list them, cancel them, and wait for them ([`drain`](super::drain)).
///
/// There is one scope for the process, one for each session, one for each turn. A scope that is dropped without
/// a drain cancels its token, so that its tasks at least hear of it.
#[derive(Debug)]
pub struct Scope {
    inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    label: Label,
    token: CancellationToken,
    tracker: TaskTracker,
    members: Mutex<Members>,
    /// The scope that lists this one, and the number it has there.
    parent: Option<(Arc<Inner>, u64)>,
}

#[derive(Debug, Default)]
struct Members {
    closed: bool,
    next: u64,
    /// In order of birth: the first is the oldest.
    alive: BTreeMap<u64, Entry>,
    children: BTreeMap<u64, Weak<Inner>>,
}

#[derive(Debug)]
struct Entry {
    name: Label,
    since: Instant,
    task: Option<AbortHandle>,
}

/// What is known of one member of a scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskInfo {
    /// The scope that owns it.
    pub scope: Label,
    /// Its name.
    pub name: Label,
    /// How long it has been there.
    pub age: Duration,
}

/// A scope that is being drained takes nobody in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`{scope}` is closed and takes no `{name}`")]
pub struct Closed {
    /// The scope that is closed.
    pub scope: Label,
    /// What was to be started.
    pub name: Label,
}

impl Scope {
    /// A scope of its own, with a token that nobody else cancels.
    pub fn new(label: Label) -> Self {
        Self::of(label, CancellationToken::new(), None)
    }

    /// A scope that is cancelled with this one and listed below it. It is drained by whoever asked for it.
    pub fn child(&self, label: Label) -> Self {
        self.spawner().child(label)
    }

    fn of(label: Label, token: CancellationToken, parent: Option<(Arc<Inner>, u64)>) -> Self {
        let inner = Inner { label, token, tracker: TaskTracker::new(), members: Mutex::default(), parent };
        Self { inner: Arc::new(inner) }
    }

    /// The name of the scope.
    pub fn label(&self) -> Label {
        self.inner.label
    }

    /// What tells the members of the scope to end.
    pub fn token(&self) -> &CancellationToken {
        &self.inner.token
    }

    /// Starts a task that the scope owns; see [`Spawner::spawn_named`].
    pub fn spawn_named<F, T, E>(&self, name: Label, future: F) -> Result<NamedTask<T, E>, Closed>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: Display + Send + 'static,
    {
        self.spawner().spawn_named(name, future)
    }

    /// Makes the caller a member; see [`Spawner::enter`].
    pub fn enter(&self, name: Label) -> Result<Member, Closed> {
        self.spawner().enter(name)
    }

    /// What starts tasks in this scope without owning it: for the tasks of the scope themselves, which must not
    /// keep alive what ends them.
    pub fn spawner(&self) -> Spawner {
        Spawner { inner: self.inner.clone() }
    }

    /// The members of this scope and of those below it, the oldest of each first.
    pub fn tasks(&self) -> Vec<TaskInfo> {
        self.spawner().tasks()
    }

    /// How many members this scope has, those of its children not counted.
    pub fn len(&self) -> usize {
        self.inner.lock().alive.len()
    }

    /// Whether the scope has no member.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// From now on nobody gets in.
    pub(super) fn close(&self) {
        self.inner.lock().closed = true;
        self.inner.tracker.close();
    }

    /// Until the last member has left. The scope must be closed.
    pub(super) async fn left(&self) {
        self.inner.tracker.wait().await;
    }

    pub(super) fn abort_all(&self) {
        for entry in self.inner.lock().alive.values() {
            if let Some(task) = &entry.task {
                task.abort();
            }
        }
    }

    pub(super) fn names(&self) -> Vec<Label> {
        self.inner.lock().alive.values().map(|entry| entry.name).collect()
    }

    pub(super) fn name_of(&self, task: Id) -> Option<Label> {
        let members = self.inner.lock();
        let entry = members.alive.values().find(|entry| entry.task.as_ref().is_some_and(|own| own.id() == task));
        entry.map(|entry| entry.name)
    }
}

/// Starts tasks in a [`Scope`] that somebody else owns. When the owner drops the scope, its tasks are cancelled
/// however many spawners there are.
#[derive(Debug, Clone)]
pub struct Spawner {
    inner: Arc<Inner>,
}

impl Spawner {
    /// What tells the members of the scope to end.
    pub fn token(&self) -> &CancellationToken {
        &self.inner.token
    }

    /// A scope below the one it starts tasks in; see [`Scope::child`].
    pub fn child(&self, label: Label) -> Scope {
        let number = self.inner.lock().number();
        let child = Scope::of(label, self.inner.token.child_token(), Some((self.inner.clone(), number)));
        self.inner.lock().children.insert(number, Arc::downgrade(&child.inner));
        child
    }

    /// The members of the scope and of those below it, the oldest of each first.
    pub fn tasks(&self) -> Vec<TaskInfo> {
        let mut tasks = Vec::new();
        self.inner.list(&mut tasks);
        tasks
    }

    /// Starts a task that the scope owns. Its failure is logged and counted whether or not anyone looks at
    /// the handle.
    pub fn spawn_named<F, T, E>(&self, name: Label, future: F) -> Result<NamedTask<T, E>, Closed>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: Display + Send + 'static,
    {
        let member = self.enter(name)?;
        let number = member.number;
        let handle = self.inner.tracker.spawn(async move {
            // Last out: the scope lists the task until everything in it is dropped.
            let member = member;
            let result = future.await;
            if let Err(error) = &result {
                member.failed(error);
            }
            result
        });
        // The task may be over by now, and its entry gone.
        if let Some(entry) = self.inner.lock().alive.get_mut(&number) {
            entry.task = Some(handle.abort_handle());
        }
        Ok(NamedTask { name, handle })
    }

    /// Makes the caller a member, for work that is not a task of this scope: a connection that a library
    /// drives, a thread. A drain waits for it and names it, but cannot abort it.
    pub fn enter(&self, name: Label) -> Result<Member, Closed> {
        let mut members = self.inner.lock();
        if members.closed {
            return Err(Closed { scope: self.inner.label, name });
        }
        let number = members.number();
        members.alive.insert(number, Entry { name, since: Instant::now(), task: None });
        Ok(Member { scope: self.inner.clone(), name, number, _tracked: self.inner.tracker.token() })
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        self.inner.token.cancel();
    }
}

impl Inner {
    /// Each change to the members is a single step, so a panic elsewhere leaves them right.
    fn lock(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn list(&self, tasks: &mut Vec<TaskInfo>) {
        let children: Vec<Arc<Inner>> = {
            let members = self.lock();
            let info = |entry: &Entry| TaskInfo { scope: self.label, name: entry.name, age: entry.since.elapsed() };
            tasks.extend(members.alive.values().map(info));
            members.children.values().filter_map(Weak::upgrade).collect()
        };
        // Outside the lock: the last to let go of a child takes the lock of its parent.
        for child in children {
            child.list(tasks);
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some((parent, number)) = &self.parent {
            parent.lock().children.remove(number);
        }
    }
}

impl Members {
    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

/// A place in a [`Scope`], given back when it is dropped.
#[derive(Debug)]
#[must_use = "whoever drops it has left the scope"]
pub struct Member {
    scope: Arc<Inner>,
    name: Label,
    number: u64,
    _tracked: TaskTrackerToken,
}

impl Member {
    fn failed(&self, error: &dyn Display) {
        tracing::error!(scope = %self.scope.label, task = %self.name, %error, "task failed");
        metrics::TASK_FAILURES.increment([self.name]);
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.failed(&"it panicked");
        }
        self.scope.lock().alive.remove(&self.number);
    }
}

/// The handle of a task that a [`Scope`] owns. Dropping it changes nothing: the scope still ends the task.
#[derive(Debug)]
pub struct NamedTask<T, E> {
    name: Label,
    handle: JoinHandle<Result<T, E>>,
}

/// How a named task ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Ended<T, E> {
    /// As it should.
    Done(T),
    /// With an error, which has been logged.
    Failed(E),
    /// With a panic, which has been logged.
    Panicked,
    /// It was aborted.
    Aborted,
}

impl<T, E> NamedTask<T, E> {
    /// The name of the task.
    pub fn name(&self) -> Label {
        self.name
    }

    /// Aborts the task at its next await.
    pub fn abort(&self) {
        self.handle.abort();
    }
}

impl<T, E> Future for NamedTask<T, E> {
    type Output = Ended<T, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let ended = match ready!(Pin::new(&mut self.handle).poll(cx)) {
            Ok(Ok(value)) => Ended::Done(value),
            Ok(Err(error)) => Ended::Failed(error),
            Err(lost) if lost.is_panic() => Ended::Panicked,
            Err(_) => Ended::Aborted,
        };
        Poll::Ready(ended)
    }
}

impl fmt::Display for TaskInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} ({:.1} s)", self.scope, self.name, self.age.as_secs_f64())
    }
}

#[cfg(test)]
#[path = "spawn_named_tests.rs"]
mod tests;
