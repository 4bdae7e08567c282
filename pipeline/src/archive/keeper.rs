use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::queue::{self, NotNow, Receiver, bounded};
use crate::structured::{Label, Woke, sleep_or_shutdown};
use crate::telemetry::{KEPT, OVERFLOWED};

use super::{Recording, Spill, Utterance};

const QUEUE: Label = Label::new("keeper");
/// How many recordings are written at once.
const BATCH: usize = 64;

/// Where conversations hand in what they heard.
#[derive(Debug, Clone)]
pub struct Keeper {
    sender: queue::Sender<Keep>,
    troubled: Arc<AtomicBool>,
}

/// An utterance was not kept: the keeper has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("nobody keeps recordings any more")]
pub struct NotKept;

/// Something to keep, and who waits for it.
#[derive(Debug)]
struct Keep {
    utterance: Utterance,
    kept: oneshot::Sender<()>,
}

impl Keeper {
    /// A keeper, and the task that does its work.
    pub fn new(capacity: NonZeroUsize) -> (Self, KeeperTask) {
        let (sender, receiver) = bounded(QUEUE, capacity);
        let troubled = Arc::new(AtomicBool::new(false));
        (Self { sender, troubled: troubled.clone() }, KeeperTask { receiver, troubled })
    }

    /// Keeps an utterance. When this comes back, it is on disk. Until there is room it waits; a call that is given up
    /// does not take back what was handed in.
    pub async fn keep(&self, utterance: Utterance) -> Result<(), NotKept> {
        let (kept, is_kept) = oneshot::channel();
        self.sender.send(Keep { utterance, kept }).await.map_err(|_| NotKept)?;
        is_kept.await.map_err(|_| NotKept)
    }

    /// Whether recordings cannot be written now.
    pub fn is_troubled(&self) -> bool {
        self.troubled.load(Ordering::Relaxed)
    }
}

/// Writes what is handed in.
#[derive(Debug)]
pub struct KeeperTask {
    receiver: Receiver<Keep>,
    troubled: Arc<AtomicBool>,
}

/// At the end there were recordings that could not be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} recordings could not be written and are lost")]
pub struct Unsaved(pub usize);

impl KeeperTask {
    /// Writes until shutdown, and then what was handed in before it. What is written goes on to the archiver, from
    /// memory if it has room.
    pub async fn run(
        mut self,
        spill: Arc<Spill>,
        archiver: queue::Sender<Recording>,
        retry: Duration,
        shutdown: CancellationToken,
    ) -> Result<(), Unsaved> {
        let mut unsaved = 0;
        while let Some(Some(first)) = shutdown.run_until_cancelled(self.receiver.recv()).await {
            let mut batch = vec![first];
            self.receiver.take_ready(&mut batch, BATCH);
            let count = batch.len();
            if self.save(batch, &spill, &archiver, retry, &shutdown).await.is_err() {
                unsaved += count;
            }
        }
        for batch in self.receiver.take_rest().chunks(BATCH) {
            if Self::write(batch, &spill, &archiver).await.is_err() {
                unsaved += batch.len();
            }
        }
        if unsaved > 0 { Err(Unsaved(unsaved)) } else { Ok(()) }
    }

    /// Writes some, however often it takes. Only shutdown ends the patience.
    async fn save(
        &self,
        batch: Vec<Keep>,
        spill: &Arc<Spill>,
        archiver: &queue::Sender<Recording>,
        retry: Duration,
        shutdown: &CancellationToken,
    ) -> io::Result<()> {
        loop {
            let error = match Self::write(&batch, spill, archiver).await {
                Ok(()) => break,
                Err(error) => error,
            };
            if !self.troubled.swap(true, Ordering::Relaxed) {
                tracing::error!(%error, "a recording cannot be written; clients are held back until it can");
            }
            if sleep_or_shutdown(retry, shutdown).await == Woke::Shutdown {
                return Self::write(&batch, spill, archiver).await;
            }
        }
        if self.troubled.swap(false, Ordering::Relaxed) {
            tracing::info!("recordings can be written again");
        }
        for keep in batch {
            // Who waited may have left; it is kept all the same.
            if keep.kept.send(()).is_err() {
                tracing::debug!("kept, and nobody waits for it any more");
            }
        }
        Ok(())
    }

    async fn write(batch: &[Keep], spill: &Arc<Spill>, archiver: &queue::Sender<Recording>) -> io::Result<()> {
        let utterances: Vec<Utterance> = batch.iter().map(|keep| keep.utterance.clone()).collect();
        let spill = spill.clone();
        let written = tokio::task::spawn_blocking(move || {
            let recordings: Vec<Recording> = utterances.iter().map(Recording::of).collect();
            spill.put(&recordings).map(|()| recordings)
        });
        for recording in written.await.map_err(io::Error::other)?? {
            KEPT.increment([]);
            if let Err(NotNow::Full(_) | NotNow::Gone(_)) = archiver.try_send(recording) {
                // It is on disk, where the archiver finds it.
                OVERFLOWED.increment([]);
            }
        }
        Ok(())
    }
}
