//! Work that blocks and cannot be ended: as much at once as there are workers, and tracked until it is over.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;

/// Workers that do one thing at a time, on threads where they may block.
///
/// Whoever no longer waits for a call leaves it behind: it goes on, and its worker is not free before it is over.
#[derive(Debug)]
pub(super) struct Blocking<W> {
    workers: Arc<Workers<W>>,
    /// The calls that go on, whether or not anybody waits for them still.
    calls: TaskTracker,
}

/// The workers that are free, and a permit for each of them.
#[derive(Debug)]
struct Workers<W> {
    room: Arc<Semaphore>,
    free: Mutex<Vec<W>>,
}

/// Why a call did not come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum CallError {
    #[error("no worker is left")]
    NoneLeft,
    #[error("the work broke")]
    Broken,
}

/// A worker that is in use. It comes back when this is dropped, and then its permit.
struct Taken<W> {
    worker: Option<W>,
    workers: Arc<Workers<W>>,
    _permit: OwnedSemaphorePermit,
}

impl<W> Drop for Taken<W> {
    fn drop(&mut self) {
        self.workers.free.lock().unwrap_or_else(PoisonError::into_inner).extend(self.worker.take());
    }
}

impl<W: Send + 'static> Blocking<W> {
    /// Work for these workers.
    pub(super) fn new(workers: Vec<W>) -> Self {
        let workers = Workers { room: Arc::new(Semaphore::new(workers.len())), free: Mutex::new(workers) };
        Self { workers: Arc::new(workers), calls: TaskTracker::new() }
    }

    /// Does `work` with a worker, when one is free.
    pub(super) async fn call<T, F>(&self, work: F) -> Result<T, CallError>
    where
        T: Send + 'static,
        F: FnOnce(&mut W) -> T + Send + 'static,
    {
        let permit = self.workers.room.clone().acquire_owned().await.map_err(|_| CallError::NoneLeft)?;
        let worker = self.workers.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut taken = Taken { worker, workers: self.workers.clone(), _permit: permit };
        let done = self.calls.spawn_blocking(move || taken.worker.as_mut().map(work));
        done.await.map_err(|_| CallError::Broken)?.ok_or(CallError::NoneLeft)
    }

    /// Waits for the calls that go on.
    pub(super) async fn ended(&self) {
        self.calls.close();
        self.calls.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    const SOON: Duration = Duration::from_millis(50);
    const LONG: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn a_call_that_is_left_goes_on_and_keeps_its_worker() {
        let blocking = Blocking::new(vec![0]);
        let (end, ends) = mpsc::channel::<()>();
        let stuck = blocking.call(move |calls| {
            *calls += 1;
            ends.recv().unwrap_err();
        });
        timeout(SOON, stuck).await.unwrap_err();
        timeout(SOON, blocking.call(|_| ())).await.unwrap_err();
        timeout(SOON, blocking.ended()).await.unwrap_err();
        drop(end);
        timeout(LONG, blocking.ended()).await.unwrap();
        assert_eq!(timeout(LONG, blocking.call(|calls| *calls)).await.unwrap(), Ok(1), "the worker is free again");
    }

    #[tokio::test]
    async fn each_worker_does_one_thing_at_a_time() {
        let blocking = Blocking::new(vec![0, 0]);
        let together = std::sync::Arc::new(std::sync::Barrier::new(2));
        let calls = (0..10).map(|_| {
            let together = together.clone();
            blocking.call(move |calls| {
                together.wait();
                *calls += 1;
            })
        });
        let done = timeout(LONG, futures_util::future::join_all(calls)).await.unwrap();
        assert!(done.iter().all(Result::is_ok));
        assert_eq!(blocking.workers.free.lock().unwrap().iter().sum::<i32>(), 10);
    }

    #[tokio::test]
    async fn work_that_breaks_gives_its_worker_back() {
        let blocking = Blocking::new(vec![()]);
        assert_eq!(blocking.call(|()| panic!("on purpose")).await, Err::<(), _>(CallError::Broken));
        assert_eq!(timeout(LONG, blocking.call(|()| 1)).await.unwrap(), Ok(1));
    }
}
