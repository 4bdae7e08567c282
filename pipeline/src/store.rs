//! What outlives the process: work that is still to be done, and what is remembered of conversations.
//!
//! A job is in its queue until its effect is where it belongs, and whoever takes an effect tells by the name of the job
//! whether it has it already. So whenever a process is killed, each job takes effect once.
//!
//! Embedded, both are in SQLite. For several processes the work is in NATS JetStream, and memories are in PostgreSQL.

mod nats;
mod postgres;
mod sqlite;

use std::fmt::Debug;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

pub use nats::Nats;
pub use postgres::Postgres;
pub use sqlite::Sqlite;

use crate::settings::Settings;
use crate::structured::Label;

/// A kind of job. Each has workers of its own, so that one that is slow holds up no other.
pub type Kind = Label;

/// Work of a store.
pub type Work<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Something that is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// A name that no other job of its kind has: whoever is told of it twice can tell.
    pub key: String,
    /// What is to be done.
    pub payload: String,
    /// How often it was tried.
    pub attempts: u32,
}

impl Job {
    /// A job that nobody has tried.
    pub fn new(key: String, payload: String) -> Self {
        Self { key, payload, attempts: 0 }
    }
}

/// A job and the claim on it.
#[derive(Debug)]
pub struct Claimed {
    /// What is to be done.
    pub job: Job,
    /// With what its outcome is told.
    pub claim: Box<dyn Claim>,
}

/// What somebody who does a job holds. A claim that is dropped, or whose process is killed, leaves the job to be done.
pub trait Claim: Debug + Send + Sync {
    /// The job is done, and leaves the queue.
    fn done(self: Box<Self>) -> Work<'static, ()>;
    /// The job was tried in vain; it is due again after `delay`.
    fn later(self: Box<Self>, delay: Duration) -> Work<'static, ()>;
    /// The job was not tried to its end; whoever is free may have it.
    fn give_back(self: Box<Self>) -> Work<'static, ()>;
}

/// A durable queue of jobs.
pub trait Jobs: Debug + Send + Sync {
    /// Adds jobs of some kinds. When this comes back, they are there for good. One that is there already stays as it is.
    fn add(&self, jobs: Vec<(Kind, Job)>) -> Work<'_, ()>;
    /// The job of this kind that is due first. If none is, it waits for one: for `patience`, or until `stop`.
    fn next<'a>(&'a self, kind: Kind, patience: Duration, stop: &'a CancellationToken) -> Work<'a, Option<Claimed>>;
    /// Lets go of what the queue is kept in, when the calls that go on are over; none may take longer than `limit`.
    fn close(&self, limit: Duration) -> Work<'_, ()>;
}

/// What is remembered of conversations, and of those who speak in them.
pub trait Memories: Debug + Send + Sync {
    /// Keeps what the job `key` found worth remembering, unless something that it found is kept already.
    fn remember(&self, key: String, texts: Vec<String>) -> Work<'_, ()>;
    /// Keeps a sample of a voice, a WAV file, that the job `key` brought. What is kept of it already is not kept again.
    fn keep_voice(&self, key: String, wave: Vec<u8>) -> Work<'_, ()>;
    /// Lets go of what they are kept in, when the calls that go on are over; none may take longer than `limit`.
    fn close(&self, limit: Duration) -> Work<'_, ()>;
}

/// Why a store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The embedded database said so.
    #[error("the database: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// PostgreSQL, or the way there.
    #[error("PostgreSQL: {0}")]
    Postgres(String),
    /// NATS, or the way there.
    #[error("NATS: {0}")]
    Nats(String),
    /// It did not answer in time.
    #[error("{0} does not answer")]
    Silent(Label),
    /// Somebody uses it still.
    #[error("the database is still in use")]
    InUse,
    /// It is closed.
    #[error("the database is closed")]
    Closed,
    /// The work on it broke.
    #[error("the work on the database broke")]
    Broken,
    /// The folder of the database cannot be made.
    #[error("the folder of the database: {0}")]
    Folder(#[from] io::Error),
}

/// The stores that the settings name.
#[derive(Debug, Clone)]
pub struct Stores {
    /// What is to be done.
    pub jobs: Arc<dyn Jobs>,
    /// What is remembered.
    pub memories: Arc<dyn Memories>,
}

const SQLITE: &str = "store.sqlite";

impl Stores {
    /// Opens the stores that `settings` name. Jobs can then be of these `kinds`.
    pub async fn open(settings: &Settings, kinds: &[Kind]) -> Result<Self, StoreError> {
        let (store, times) = (&settings.store, &settings.times);
        let embedded = |folder: &Path| Sqlite::open(&folder.join(SQLITE), times.store.get(), store.jobs).map(Arc::new);
        Ok(match (&store.nats, &store.postgres) {
            (None, None) => {
                let both = embedded(&store.folder)?;
                Self { jobs: both.clone(), memories: both }
            }
            (None, Some(address)) => {
                Self { jobs: embedded(&store.folder)?, memories: Arc::new(Postgres::connect(address, settings).await?) }
            }
            (Some(address), None) => Self {
                jobs: Arc::new(Nats::connect(address, kinds, settings).await?),
                memories: embedded(&store.folder)?,
            },
            (Some(jobs), Some(memories)) => Self {
                jobs: Arc::new(Nats::connect(jobs, kinds, settings).await?),
                memories: Arc::new(Postgres::connect(memories, settings).await?),
            },
        })
    }

    /// Closes both, each within `limit`. Returns what did not close.
    pub async fn close(self, limit: Duration) -> Vec<StoreError> {
        let jobs = self.jobs.close(limit).await;
        let memories = self.memories.close(limit).await;
        [jobs, memories].into_iter().filter_map(Result::err).collect()
    }
}

/// A call over the network, within `limit`.
async fn within<T>(
    limit: Duration,
    whom: Label,
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    timeout(limit, call).await.unwrap_or(Err(StoreError::Silent(whom)))
}
