use std::fmt::Debug;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::queue::Receiver;
use crate::structured::{Woke, sleep_or_shutdown};
use crate::telemetry::{ARCHIVED, CORRUPT};

use super::{Recording, Spill, SpillError};

/// A recording on its way into an archive.
pub type Putting<'a> = Pin<Box<dyn Future<Output = io::Result<()>> + Send + 'a>>;

/// Where recordings are in the end.
pub trait Archive: Debug + Send + Sync + 'static {
    /// Puts a recording into the archive; it is there for good when this comes back. One that is there already is
    /// not put there again.
    fn put<'a>(&'a self, recording: &'a Recording) -> Putting<'a>;
}

/// Brings recordings from the spill into the archive.
#[derive(Debug)]
pub struct Archiver {
    spill: Arc<Spill>,
    archive: Arc<dyn Archive>,
    /// How long to wait before what failed is tried again, and before the spill is looked through for what was not
    /// handed on in memory.
    again: Duration,
}

/// What became of one recording.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Done,
    Later,
}

impl Archiver {
    /// An archiver from `spill` to `archive`.
    pub fn new(spill: Arc<Spill>, archive: Arc<dyn Archive>, again: Duration) -> Self {
        Self { spill, archive, again }
    }

    /// Archives until shutdown. What is left then is in the spill, and is resumed at the next start.
    pub async fn run(
        self,
        mut fresh: Receiver<Recording>,
        shutdown: CancellationToken,
    ) -> Result<(), std::convert::Infallible> {
        loop {
            // What was on its way when the last process ended, and what had no room in memory. A recording that is
            // being put away is waited for: an archive does not take long, or gives up.
            let quiet = match self.sweep(&shutdown).await {
                Step::Done => self.take(&mut fresh, &shutdown).await,
                Step::Later => sleep_or_shutdown(self.again, &shutdown).await,
            };
            if quiet == Woke::Shutdown {
                break;
            }
        }
        let left = fresh.discard().len();
        if left > 0 {
            tracing::info!(recordings = left, "left in the spill for the next start");
        }
        Ok(())
    }

    /// Archives what comes from memory, until it is time to look through the spill.
    async fn take(&self, fresh: &mut Receiver<Recording>, shutdown: &CancellationToken) -> Woke {
        let sweep = tokio::time::sleep(self.again);
        tokio::pin!(sweep);
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return Woke::Shutdown,
                () = &mut sweep => return Woke::Slept,
                recording = fresh.recv() => match recording {
                    None => return Woke::Shutdown,
                    Some(recording) => {
                        if self.put(recording).await == Step::Later {
                            return sleep_or_shutdown(self.again, shutdown).await;
                        }
                    }
                },
            }
        }
    }

    /// Archives everything that is in the spill.
    async fn sweep(&self, shutdown: &CancellationToken) -> Step {
        let spill = self.spill.clone();
        let names = match blocking(move || spill.names()).await {
            Ok(names) => names,
            Err(error) => {
                tracing::error!(%error, "the spill cannot be looked through");
                return Step::Later;
            }
        };
        for name in names {
            if shutdown.is_cancelled() {
                return Step::Done;
            }
            let (spill, wanted) = (self.spill.clone(), name.clone());
            match blocking(move || Ok(spill.get(&wanted))).await {
                Ok(Ok(recording)) => {
                    if self.put(recording).await == Step::Later {
                        return Step::Later;
                    }
                }
                Ok(Err(SpillError::Gone(_))) => {}
                Ok(Err(error @ SpillError::Corrupt { .. })) => {
                    CORRUPT.increment([]);
                    tracing::error!(%error, "a recording is damaged");
                }
                Ok(Err(error @ SpillError::Unreadable(..))) => tracing::error!(%error, "a recording is left for later"),
                Err(error) => tracing::error!(%error, "a recording is left for later"),
            }
        }
        Step::Done
    }

    /// Puts one into the archive, and then takes it from the spill.
    async fn put(&self, recording: Recording) -> Step {
        let put = async {
            self.archive.put(&recording).await?;
            let spill = self.spill.clone();
            blocking(move || spill.remove(recording.name())).await
        };
        match put.await {
            Ok(()) => {
                ARCHIVED.increment([]);
                Step::Done
            }
            Err(error) => {
                tracing::error!(%error, "the archive does not take a recording; it stays in the spill");
                Step::Later
            }
        }
    }
}

/// Disk work, off the threads that serve. It is short, and whole whether or not anybody waits for it.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
