//! What outlives the process: work that is still to be done, and what is remembered of conversations.
//!
//! A job is in the queue until its effect is in the store, and leaves it in the same transaction. So whenever the
//! process is killed, each job is done once. Calls block; [`Store::call`] keeps them off the threads that serve.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use rusqlite::{Connection, OptionalExtension, params};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::structured::Label;

/// A kind of job. Each has workers of its own, so that one that is slow holds up no other.
pub type Kind = Label;

/// Something that is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    id: i64,
    /// A name that no other job has: whoever does it twice can tell.
    pub key: String,
    /// What is to be done.
    pub payload: String,
    /// How often it was tried.
    pub attempts: u32,
}

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database said so.
    #[error("the database: {0}")]
    Database(#[from] rusqlite::Error),
    /// Somebody uses it still.
    #[error("the database is still in use")]
    InUse,
    /// The work on it broke.
    #[error("the work on the database broke")]
    Broken,
    /// The folder of the database cannot be made.
    #[error("the folder of the database: {0}")]
    Folder(#[from] std::io::Error),
}

/// The store, in SQLite.
#[derive(Debug)]
pub struct Store {
    connection: Mutex<Connection>,
    /// The calls that go on, whether or not anybody waits for them still.
    calls: TaskTracker,
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
";

impl Store {
    /// Opens the database at `path`. A call waits for a lock on it for `patience`, and fails then.
    pub fn open(path: &Path, patience: Duration) -> Result<Self, StoreError> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let connection = Connection::open(path)?;
        connection.busy_timeout(patience)?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self { connection: Mutex::new(connection), calls: TaskTracker::new() })
    }

    /// Does `work` on a thread where it may block. It is whole whether or not anybody waits for it.
    pub async fn call<T, W>(self: &Arc<Self>, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce(&mut Connection) -> Result<T, rusqlite::Error> + Send + 'static,
    {
        let store = self.clone();
        let done = self.calls.spawn_blocking(move || {
            // A transaction that a panic broke off has been rolled back.
            work(&mut store.connection.lock().unwrap_or_else(PoisonError::into_inner))
        });
        Ok(done.await.map_err(|_| StoreError::Broken)??)
    }

    /// Adds jobs. One that is there already stays as it is.
    pub async fn add(self: &Arc<Self>, jobs: Vec<(Kind, String, String)>) -> Result<(), StoreError> {
        self.call(move |connection| {
            let transaction = connection.transaction()?;
            for (kind, key, payload) in &jobs {
                let insert = "INSERT OR IGNORE INTO jobs (kind, key, payload) VALUES (?1, ?2, ?3)";
                transaction.prepare(insert)?.execute(params![kind.as_str(), key, payload])?;
            }
            transaction.commit()
        })
        .await
    }

    /// The job of this kind that is due first, if one is due.
    pub async fn next(self: &Arc<Self>, kind: Kind) -> Result<Option<Job>, StoreError> {
        self.call(move |connection| {
            let select =
                "SELECT id, key, payload, attempts FROM jobs WHERE kind = ?1 AND due <= ?2 ORDER BY due, id LIMIT 1";
            let job = |row: &rusqlite::Row<'_>| {
                Ok(Job { id: row.get(0)?, key: row.get(1)?, payload: row.get(2)?, attempts: row.get(3)? })
            };
            connection.prepare(select)?.query_row(params![kind.as_str(), now()], job).optional()
        })
        .await
    }

    /// The job is done, and this is what it found worth remembering. Both hold, or neither.
    pub async fn remember(self: &Arc<Self>, job: Job, memories: Vec<String>) -> Result<(), StoreError> {
        self.call(move |connection| {
            let transaction = connection.transaction()?;
            for (number, memory) in memories.iter().enumerate() {
                let key = format!("{}/{number}", job.key);
                transaction
                    .execute("INSERT OR IGNORE INTO memories (key, text) VALUES (?1, ?2)", params![key, memory])?;
            }
            transaction.execute("DELETE FROM jobs WHERE id = ?1", [job.id])?;
            transaction.commit()
        })
        .await
    }

    /// The job is done, somewhere else.
    pub async fn done(self: &Arc<Self>, job: Job) -> Result<(), StoreError> {
        self.remember(job, Vec::new()).await
    }

    /// The job was tried in vain; it is due again after `delay`.
    pub async fn later(self: &Arc<Self>, job: Job, delay: Duration) -> Result<(), StoreError> {
        self.call(move |connection| {
            let due = now() + delay.as_millis() as i64;
            let update = "UPDATE jobs SET attempts = attempts + 1, due = ?2 WHERE id = ?1";
            connection.execute(update, params![job.id, due]).map(drop)
        })
        .await
    }

    /// How many jobs of a kind wait.
    pub async fn waiting(self: &Arc<Self>, kind: Kind) -> Result<i64, StoreError> {
        let count = "SELECT COUNT(*) FROM jobs WHERE kind = ?1";
        self.call(move |connection| connection.query_row(count, [kind.as_str()], |row| row.get(0))).await
    }

    /// Everything that is remembered, in the order of its keys.
    pub async fn memories(self: &Arc<Self>) -> Result<Vec<String>, StoreError> {
        self.call(|connection| {
            let mut select = connection.prepare("SELECT text FROM memories ORDER BY key")?;
            select.query_map([], |row| row.get(0))?.collect()
        })
        .await
    }

    /// Closes the database, when the calls that go on are over. Nobody else may use it any more, and none of them may
    /// take longer than `limit`.
    pub async fn close(self: Arc<Self>, limit: Duration) -> Result<(), StoreError> {
        self.calls.close();
        if timeout(limit, self.calls.wait()).await.is_err() {
            return Err(StoreError::InUse);
        }
        let store = Arc::into_inner(self).ok_or(StoreError::InUse)?;
        let connection = store.connection.into_inner().unwrap_or_else(PoisonError::into_inner);
        connection.close().map_err(|(_, error)| error.into())
    }
}

/// Milliseconds since the epoch.
fn now() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: Kind = Label::new("kind");
    const OTHER: Kind = Label::new("other");

    fn store(folder: &Path) -> Arc<Store> {
        Arc::new(Store::open(&folder.join("store.sqlite"), Duration::from_millis(50)).unwrap())
    }

    fn jobs(keys: &[&str]) -> Vec<(Kind, String, String)> {
        keys.iter().map(|key| (KIND, (*key).to_owned(), format!("payload of {key}"))).collect()
    }

    #[tokio::test]
    async fn a_job_is_there_until_its_effect_is() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        store.add(jobs(&["a", "b", "a"])).await.unwrap();
        assert_eq!(store.waiting(KIND).await.unwrap(), 2, "the same job is added once");
        assert_eq!(store.next(OTHER).await.unwrap(), None);
        let job = store.next(KIND).await.unwrap().unwrap();
        assert_eq!((job.key.as_str(), job.payload.as_str(), job.attempts), ("a", "payload of a", 0));
        assert_eq!(store.next(KIND).await.unwrap().unwrap(), job, "it is not gone because somebody has seen it");
        store.remember(job.clone(), vec!["one".to_owned(), "two".to_owned()]).await.unwrap();
        store.remember(job, vec!["one".to_owned(), "two".to_owned()]).await.unwrap();
        assert_eq!(store.memories().await.unwrap(), ["one", "two"], "done twice is done once");
        assert_eq!(store.next(KIND).await.unwrap().unwrap().key, "b");
    }

    #[tokio::test]
    async fn what_was_tried_in_vain_comes_later_and_survives() {
        let folder = tempfile::tempdir().unwrap();
        {
            let store = store(folder.path());
            store.add(jobs(&["a", "b"])).await.unwrap();
            let job = store.next(KIND).await.unwrap().unwrap();
            store.later(job, Duration::from_secs(3_600)).await.unwrap();
            let job = store.next(KIND).await.unwrap().unwrap();
            assert_eq!(job.key, "b");
            store.later(job, Duration::ZERO).await.unwrap();
            store.close(Duration::from_secs(10)).await.unwrap();
        }
        let store = store(folder.path());
        let job = store.next(KIND).await.unwrap().unwrap();
        assert_eq!((job.key.as_str(), job.attempts), ("b", 1));
        store.done(job).await.unwrap();
        assert_eq!(store.next(KIND).await.unwrap(), None, "the other is not due");
        assert_eq!(store.waiting(KIND).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn a_database_that_somebody_locks_is_an_error_in_time() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let other = Connection::open(folder.path().join("store.sqlite")).unwrap();
        other.execute_batch("BEGIN EXCLUSIVE").unwrap();
        assert!(matches!(store.add(jobs(&["a"])).await, Err(StoreError::Database(_))));
        other.execute_batch("COMMIT").unwrap();
        store.add(jobs(&["a"])).await.unwrap();
    }
}
