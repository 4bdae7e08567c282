//! Jobs and memories in SQLite, for one process.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use rusqlite::{Connection, params};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Claim, Claimed, Job, Jobs, Kind, Memories, StoreError, Work};
use crate::telemetry::DROPPED;

/// The store, in a file of its own.
#[derive(Debug, Clone)]
pub struct Sqlite {
    /// Nothing, when it is closed.
    connection: Arc<Mutex<Option<Connection>>>,
    /// The calls that go on, whether or not anybody waits for them still.
    calls: TaskTracker,
    /// Rung when there is new work.
    bell: Arc<Notify>,
    /// The rows of jobs that somebody does.
    claimed: Arc<Mutex<BTreeSet<i64>>>,
    /// The jobs of a kind that there is room for.
    room: usize,
}

const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    CREATE TABLE IF NOT EXISTS jobs (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL,
        key TEXT NOT NULL,
        payload TEXT NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0,
        due INTEGER NOT NULL DEFAULT 0,
        UNIQUE (kind, key)
    );
    CREATE INDEX IF NOT EXISTS jobs_due ON jobs (kind, due);
    CREATE TABLE IF NOT EXISTS memories (key TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS voices (key TEXT PRIMARY KEY, wave BLOB NOT NULL);
";
const COUNT: &str = "SELECT COUNT(*) FROM jobs WHERE kind = ?1";

impl Sqlite {
    /// Opens the database at `path`, with room for so many jobs of a kind. A call waits for a lock on it for `patience`, and
    /// fails then.
    pub fn open(path: &Path, patience: Duration, room: NonZeroUsize) -> Result<Self, StoreError> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let connection = Connection::open(path)?;
        connection.busy_timeout(patience)?;
        connection.execute_batch(SCHEMA)?;
        let connection = Arc::new(Mutex::new(Some(connection)));
        Ok(Self {
            connection,
            calls: TaskTracker::new(),
            bell: Arc::default(),
            claimed: Arc::default(),
            room: room.get(),
        })
    }

    /// Does `work` on a thread where it may block. It is whole whether or not anybody waits for it.
    async fn call<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce(&mut Connection) -> Result<T, rusqlite::Error> + Send + 'static,
    {
        let connection = self.connection.clone();
        let done = self.calls.spawn_blocking(move || {
            // A transaction that a panic broke off has been rolled back.
            let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
            Ok(work(connection.as_mut().ok_or(StoreError::Closed)?)?)
        });
        done.await.map_err(|_| StoreError::Broken)?
    }

    /// The job of this kind that is due first and that nobody does, if there is one.
    async fn due(&self, kind: Kind) -> Result<Option<Claimed>, StoreError> {
        let store = self.clone();
        self.call(move |connection| {
            let select = "SELECT id, key, payload, attempts FROM jobs WHERE kind = ?1 AND due <= ?2 ORDER BY due, id";
            let mut select = connection.prepare(select)?;
            let mut rows = select.query(params![kind.as_str(), now()])?;
            while let Some(row) = rows.next()? {
                if let Some(claim) = Row::claim(&store, row.get(0)?) {
                    let job = Job { key: row.get(1)?, payload: row.get(2)?, attempts: row.get(3)? };
                    return Ok(Some(Claimed { job, claim: Box::new(claim) }));
                }
            }
            Ok(None)
        })
        .await
    }

    /// How many jobs of a kind wait.
    pub async fn waiting(&self, kind: Kind) -> Result<i64, StoreError> {
        self.call(move |connection| connection.query_row(COUNT, [kind.as_str()], |row| row.get(0))).await
    }

    /// Everything that is remembered, in the order of its keys.
    pub async fn memories(&self) -> Result<Vec<String>, StoreError> {
        self.call(|connection| {
            let mut select = connection.prepare("SELECT text FROM memories ORDER BY key")?;
            select.query_map([], |row| row.get(0))?.collect()
        })
        .await
    }

    /// The samples of voices, in the order of their keys.
    pub async fn voices(&self) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        self.call(|connection| {
            let mut select = connection.prepare("SELECT key, wave FROM voices ORDER BY key")?;
            select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
        .await
    }

    /// Closes the database, when the calls that go on are over. It may have been closed before.
    async fn end(&self, limit: Duration) -> Result<(), StoreError> {
        self.calls.close();
        timeout(limit, self.calls.wait()).await.map_err(|_| StoreError::InUse)?;
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner).take();
        connection.map_or(Ok(()), |connection| connection.close().map_err(|(_, error)| error.into()))
    }
}

impl Jobs for Sqlite {
    fn add(&self, jobs: Vec<(Kind, Job)>) -> Work<'_, ()> {
        Box::pin(async move {
            let room = self.room;
            let dropped = self.call(move |connection| {
                let transaction = connection.transaction()?;
                let (mut left, mut dropped) = (BTreeMap::new(), BTreeMap::new());
                for (kind, job) in &jobs {
                    if !left.contains_key(kind) {
                        let count = transaction.query_row(COUNT, [kind.as_str()], |row| row.get::<_, i64>(0))?;
                        left.insert(*kind, room.saturating_sub(count as usize));
                    }
                    match left.get_mut(kind) {
                        Some(left) if *left > 0 => {
                            let insert = "INSERT OR IGNORE INTO jobs (kind, key, payload) VALUES (?1, ?2, ?3)";
                            *left -=
                                transaction.prepare(insert)?.execute(params![kind.as_str(), job.key, job.payload])?;
                        }
                        _ => *dropped.entry(*kind).or_insert(0) += 1,
                    }
                }
                transaction.commit()?;
                Ok(dropped)
            });
            for (kind, jobs) in dropped.await? {
                DROPPED.add([kind], jobs);
                tracing::warn!(%kind, jobs, "no room for more jobs, dropped");
            }
            self.bell.notify_waiters();
            Ok(())
        })
    }

    fn next<'a>(&'a self, kind: Kind, patience: Duration, stop: &'a CancellationToken) -> Work<'a, Option<Claimed>> {
        let end = Instant::now() + patience;
        Box::pin(async move {
            loop {
                let rung = self.bell.notified();
                let due = self.due(kind).await?;
                if due.is_some() {
                    return Ok(due);
                }
                // New work rings; what was put off does not.
                if !matches!(stop.run_until_cancelled(timeout_at(end, rung)).await, Some(Ok(()))) {
                    return Ok(None);
                }
            }
        })
    }

    fn close(&self, limit: Duration) -> Work<'_, ()> {
        Box::pin(self.end(limit))
    }
}

impl Memories for Sqlite {
    fn remember(&self, key: String, texts: Vec<String>) -> Work<'_, ()> {
        Box::pin(self.call(move |connection| {
            let transaction = connection.transaction()?;
            for (number, text) in texts.iter().enumerate() {
                let insert = "INSERT OR IGNORE INTO memories (key, text) VALUES (?1, ?2)";
                let kept = transaction.prepare(insert)?.execute(params![format!("{key}/{number}"), text])?;
                // Whoever did this job before may have found more, or less.
                if kept == 0 {
                    break;
                }
            }
            transaction.commit()
        }))
    }

    fn keep_voice(&self, key: String, wave: Vec<u8>) -> Work<'_, ()> {
        Box::pin(self.call(move |connection| {
            let insert = "INSERT OR IGNORE INTO voices (key, wave) VALUES (?1, ?2)";
            connection.execute(insert, params![key, wave]).map(drop)
        }))
    }

    fn close(&self, limit: Duration) -> Work<'_, ()> {
        Box::pin(self.end(limit))
    }
}

/// A job in its row, of which nobody else has a claim while this one is there.
#[derive(Debug)]
struct Row {
    store: Sqlite,
    id: i64,
}

impl Row {
    fn claim(store: &Sqlite, id: i64) -> Option<Self> {
        let is_free = store.claimed.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
        is_free.then(|| Self { store: store.clone(), id })
    }
}

impl Drop for Row {
    fn drop(&mut self) {
        self.store.claimed.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

impl Claim for Row {
    fn done(self: Box<Self>) -> Work<'static, ()> {
        Box::pin(async move {
            let id = self.id;
            let delete = "DELETE FROM jobs WHERE id = ?1";
            self.store.call(move |connection| connection.execute(delete, [id]).map(drop)).await
        })
    }

    fn later(self: Box<Self>, delay: Duration) -> Work<'static, ()> {
        Box::pin(async move {
            let id = self.id;
            self.store
                .call(move |connection| {
                    let due = now() + delay.as_millis() as i64;
                    let update = "UPDATE jobs SET attempts = attempts + 1, due = ?2 WHERE id = ?1";
                    connection.execute(update, params![id, due]).map(drop)
                })
                .await
        })
    }

    fn give_back(self: Box<Self>) -> Work<'static, ()> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Milliseconds since the epoch.
fn now() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis() as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::structured::Label;

    const KIND: Kind = Label::new("kind");
    const OTHER: Kind = Label::new("other");
    const LIMIT: Duration = Duration::from_secs(10);

    fn store(folder: &Path) -> Sqlite {
        Sqlite::open(&folder.join("store.sqlite"), Duration::from_millis(50), NonZeroUsize::new(3).unwrap()).unwrap()
    }

    fn jobs(keys: &[&str]) -> Vec<(Kind, Job)> {
        keys.iter().map(|key| (KIND, Job::new((*key).to_owned(), format!("payload of {key}")))).collect()
    }

    async fn next(store: &Sqlite, kind: Kind) -> Option<Claimed> {
        store.next(kind, Duration::ZERO, &CancellationToken::new()).await.unwrap()
    }

    #[tokio::test]
    async fn a_job_is_there_until_it_is_done() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        store.add(jobs(&["a", "b", "a"])).await.unwrap();
        assert_eq!(store.waiting(KIND).await.unwrap(), 2, "the same job is added once");
        assert!(next(&store, OTHER).await.is_none());
        let first = next(&store, KIND).await.unwrap();
        let second = next(&store, KIND).await.unwrap();
        assert_eq!(second.job.key, "b", "nobody gets what somebody else does");
        assert!(next(&store, KIND).await.is_none());
        drop(second);
        assert_eq!(first.job, Job::new("a".to_owned(), "payload of a".to_owned()));
        first.claim.give_back().await.unwrap();
        let again = next(&store, KIND).await.unwrap();
        assert_eq!(again.job, first.job, "it is not gone because somebody has seen it");
        again.claim.done().await.unwrap();
        assert_eq!(next(&store, KIND).await.unwrap().job.key, "b");
    }

    #[tokio::test]
    async fn what_has_no_room_is_dropped_and_holds_up_no_other_kind() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let before = DROPPED.value([KIND]);
        store.add(jobs(&["a", "b", "a"])).await.unwrap();
        let mut more = jobs(&["c", "d", "e"]);
        more.push((OTHER, Job::new("a".to_owned(), String::new())));
        store.add(more).await.unwrap();
        assert_eq!((store.waiting(KIND).await.unwrap(), store.waiting(OTHER).await.unwrap()), (3, 1));
        assert_eq!(DROPPED.value([KIND]) - before, 2);
        next(&store, KIND).await.unwrap().claim.done().await.unwrap();
        store.add(jobs(&["f"])).await.unwrap();
        assert_eq!(store.waiting(KIND).await.unwrap(), 3, "there is room again");
    }

    #[tokio::test]
    async fn what_is_remembered_twice_is_remembered_once() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        for _ in 0..2 {
            store.remember("a".to_owned(), vec!["one".to_owned(), "two".to_owned()]).await.unwrap();
        }
        let other = ["three", "four", "five"].map(str::to_owned);
        store.remember("a".to_owned(), other.to_vec()).await.unwrap();
        assert_eq!(store.memories().await.unwrap(), ["one", "two"]);
    }

    #[tokio::test]
    async fn what_was_tried_in_vain_comes_later_and_survives() {
        let folder = tempfile::tempdir().unwrap();
        {
            let store = store(folder.path());
            store.add(jobs(&["a", "b"])).await.unwrap();
            next(&store, KIND).await.unwrap().claim.later(Duration::from_secs(3_600)).await.unwrap();
            let other = next(&store, KIND).await.unwrap();
            assert_eq!(other.job.key, "b");
            other.claim.later(Duration::ZERO).await.unwrap();
            store.end(LIMIT).await.unwrap();
            assert!(matches!(store.waiting(KIND).await, Err(StoreError::Closed)));
            store.end(LIMIT).await.unwrap();
        }
        let store = store(folder.path());
        let other = next(&store, KIND).await.unwrap();
        assert_eq!((other.job.key.as_str(), other.job.attempts), ("b", 1));
        other.claim.done().await.unwrap();
        assert!(next(&store, KIND).await.is_none(), "the other is not due");
        assert_eq!(store.waiting(KIND).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn whoever_waits_is_woken_by_new_work_and_by_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let stop = CancellationToken::new();
        let (found, ()) = tokio::join!(store.next(KIND, LIMIT, &stop), async {
            tokio::task::yield_now().await;
            store.add(jobs(&["a"])).await.unwrap();
        });
        found.unwrap().unwrap().claim.done().await.unwrap();
        let start = Instant::now();
        let (found, ()) = tokio::join!(store.next(KIND, LIMIT, &stop), async { stop.cancel() });
        assert!(found.unwrap().is_none() && start.elapsed() < LIMIT);
    }

    #[tokio::test]
    async fn a_database_that_somebody_locks_is_an_error_in_time() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let other = Connection::open(folder.path().join("store.sqlite")).unwrap();
        other.execute_batch("BEGIN EXCLUSIVE").unwrap();
        assert!(matches!(store.add(jobs(&["a"])).await, Err(StoreError::Sqlite(_))));
        other.execute_batch("COMMIT").unwrap();
        store.add(jobs(&["a"])).await.unwrap();
    }
}
