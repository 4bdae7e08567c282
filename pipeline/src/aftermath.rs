//! What is done after a turn, in the background: what is worth remembering and a sample of the speaker's voice go into the
//! store, and integrations are told. All of it can be done again from the archive, so when there is too much of it some is dropped, and counted.

mod memory;
mod webhook;

use std::convert::Infallible;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::audio::Audio;
use crate::queue::{self, NotNow, Receiver, bounded};
use crate::store::{Claimed, Job, Jobs, Kind, Memories, StoreError};
use crate::structured::{Label, Woke, sleep_or_shutdown};
use crate::telemetry::{DROPPED, JOBS};

pub(crate) use memory::remember;
pub use memory::{Extractor, MemoryError};
pub use webhook::WebhookError;
pub(crate) use webhook::tell;

const QUEUE: Label = Label::new("aftermath");
/// The jobs of remembering.
pub const MEMORY: Kind = Label::new("memory");
/// The jobs of telling integrations.
pub const WEBHOOK: Kind = Label::new("webhook");
/// The jobs of keeping a sample of a speaker's voice.
pub const SPEAKER: Kind = Label::new("speaker");
/// How many turns are written down at once.
const BATCH: usize = 64;

/// A turn that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// The conversation.
    pub session: String,
    /// The entry that answered.
    pub item: String,
    /// What the user said.
    pub said: String,
    /// What was answered, as far as it was heard.
    pub answered: String,
}

/// A sample of a speaker's voice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoiceSample {
    /// The conversation.
    pub session: String,
    /// The entry that it is the beginning of.
    pub item: String,
    /// The voice.
    pub audio: Audio,
}

/// What a conversation leaves to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Left {
    /// What follows from a turn.
    Turn(Finished),
    /// To keep a voice.
    Voice(VoiceSample),
}

impl Left {
    fn item(&self) -> &str {
        match self {
            Left::Turn(turn) => &turn.item,
            Left::Voice(sample) => &sample.item,
        }
    }

    /// The jobs that it is; those of a turn are of these `kinds`.
    fn jobs(&self, kinds: &[Kind]) -> Vec<(Kind, Job)> {
        match self {
            Left::Turn(Finished { session, item, said, answered }) => {
                let payload = json!({ "session": session, "item": item, "said": said, "answered": answered });
                let job = Job::new(format!("{session}/{item}"), payload.to_string());
                kinds.iter().map(|kind| (*kind, job.clone())).collect()
            }
            Left::Voice(VoiceSample { session, item, audio }) => {
                let payload = json!({ "session": session, "item": item, "audio": STANDARD.encode(audio.wave(&[])) });
                vec![(SPEAKER, Job::new(format!("{session}/{item}"), payload.to_string()))]
            }
        }
    }
}

/// Where conversations hand in what is over.
#[derive(Debug, Clone)]
pub struct Outbox(queue::Sender<Left>);

/// A box for what conversations leave, and where it comes out.
pub fn outbox(capacity: NonZeroUsize) -> (Outbox, Receiver<Left>) {
    let (sender, receiver) = bounded(QUEUE, capacity);
    (Outbox(sender), receiver)
}

impl Outbox {
    /// Hands in what is left to do. It never waits: when there is no room, it is dropped and counted.
    pub fn hand_in(&self, left: Left) {
        if let Err(NotNow::Full(left) | NotNow::Gone(left)) = self.0.try_send(left) {
            DROPPED.increment([QUEUE]);
            tracing::warn!(item = left.item(), "no room for what follows from a turn, dropped");
        }
    }
}

/// Turns that could not be written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what follows from {0} turns could not be written down")]
pub struct Unwritten(pub usize);

/// What workers need.
#[derive(Debug, Clone)]
pub struct Desk {
    /// Where the work is.
    pub jobs: Arc<dyn Jobs>,
    /// How long to wait before what failed is tried again.
    pub retry: Duration,
}

/// Writes down what follows from turns, until shutdown, and then what was handed in before it.
pub async fn write_down(
    desk: Desk,
    kinds: Vec<Kind>,
    mut turns: Receiver<Left>,
    shutdown: CancellationToken,
) -> Result<(), Unwritten> {
    while let Some(Some(turn)) = shutdown.run_until_cancelled(turns.recv()).await {
        let mut batch = vec![turn];
        turns.take_ready(&mut batch, BATCH);
        while let Err(error) = add(&desk, &kinds, &batch).await {
            tracing::error!(%error, "what follows from turns cannot be written down");
            if sleep_or_shutdown(desk.retry, &shutdown).await == Woke::Shutdown {
                return rest(&desk, &kinds, batch, &mut turns).await;
            }
        }
    }
    rest(&desk, &kinds, Vec::new(), &mut turns).await
}

/// The last attempt.
async fn rest(desk: &Desk, kinds: &[Kind], mut left: Vec<Left>, turns: &mut Receiver<Left>) -> Result<(), Unwritten> {
    left.extend(turns.take_rest());
    if left.is_empty() {
        return Ok(());
    }
    add(desk, kinds, &left).await.map_err(|error| {
        tracing::error!(%error, "what follows from turns is not written down");
        Unwritten(left.len())
    })
}

async fn add(desk: &Desk, kinds: &[Kind], left: &[Left]) -> Result<(), StoreError> {
    desk.jobs.add(left.iter().flat_map(|left| left.jobs(kinds)).collect()).await
}

/// Does the jobs of one kind with `work`, until shutdown. A job that fails comes again, later each time.
pub async fn work_off<W, F>(desk: Desk, kind: Kind, work: W, shutdown: CancellationToken) -> Result<(), Infallible>
where
    W: Fn(Job) -> F,
    F: Future<Output = Result<(), JobError>>,
{
    while !shutdown.is_cancelled() {
        match desk.jobs.next(kind, desk.retry, &shutdown).await {
            Ok(Some(claimed)) => match step(&desk, kind, claimed, &work).await {
                Ok(()) => continue,
                Err(error) => tracing::error!(%error, %kind, "a job cannot be marked"),
            },
            Ok(None) => continue,
            Err(error) => tracing::error!(%error, %kind, "no job can be read"),
        }
        if sleep_or_shutdown(desk.retry, &shutdown).await == Woke::Shutdown {
            break;
        }
    }
    Ok(())
}

/// Why a job failed.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The store did not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Shutdown came first; the job stays as it is.
    #[error("shutdown came first")]
    Stopped,
    /// It was not found out what is worth remembering.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// The integration did not take it.
    #[error(transparent)]
    Webhook(#[from] WebhookError),
}

/// How often a job is tried.
const ATTEMPTS: u32 = 8;

async fn step<W, F>(desk: &Desk, kind: Kind, claimed: Claimed, work: &W) -> Result<(), StoreError>
where
    W: Fn(Job) -> F,
    F: Future<Output = Result<(), JobError>>,
{
    let Claimed { job, claim } = claimed;
    let error = match work(job.clone()).await {
        Ok(()) => {
            claim.done().await?;
            JOBS.increment([kind, Label::new("done")]);
            return Ok(());
        }
        Err(JobError::Stopped) => return claim.give_back().await,
        Err(error) => error,
    };
    if job.attempts + 1 >= ATTEMPTS {
        JOBS.increment([kind, Label::new("given_up")]);
        tracing::error!(%error, %kind, key = job.key, "a job is given up");
        return claim.done().await;
    }
    JOBS.increment([kind, Label::new("put_off")]);
    tracing::warn!(%error, %kind, key = job.key, "a job is put off");
    let delay = desk.retry * 2_u32.pow(job.attempts);
    claim.later(delay).await
}

/// Keeps a sample of a voice.
pub async fn keep_voice(store: Arc<dyn Memories>, job: Job) -> Result<(), JobError> {
    let sample: serde_json::Value = serde_json::from_str(&job.payload).unwrap_or_default();
    let wave = STANDARD.decode(sample["audio"].as_str().unwrap_or("")).unwrap_or_default();
    Ok(store.keep_voice(job.key, wave).await?)
}

#[cfg(test)]
#[path = "aftermath_tests.rs"]
mod tests;
