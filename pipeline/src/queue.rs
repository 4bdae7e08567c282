//! Bounded queues that say when they come under pressure and account for what is thrown away.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc;

use crate::structured::Label;
use crate::telemetry::{DROPPED, LONGEST, PRESSURE, QUEUED};

/// A queue of at most `capacity` items, which says when it is three quarters full. A sender waits while it is full.
pub fn bounded<T>(label: Label, capacity: NonZeroUsize) -> (Sender<T>, Receiver<T>) {
    queue(label, capacity, Fullness::Pressure)
}

/// A queue between two steps of the same work, where the first is held back by the second as a rule: that it is
/// full says nothing.
pub fn hand_over<T>(label: Label, capacity: NonZeroUsize) -> (Sender<T>, Receiver<T>) {
    queue(label, capacity, Fullness::Usual)
}

fn queue<T>(label: Label, capacity: NonZeroUsize, fullness: Fullness) -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = mpsc::channel(capacity.get());
    let pressed = Arc::new(AtomicBool::new(false));
    (Sender { label, sender, fullness, pressed }, Receiver { label, receiver })
}

/// What it says of the work that a queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fullness {
    Pressure,
    Usual,
}

/// Where items go in.
#[derive(Debug)]
pub struct Sender<T> {
    label: Label,
    sender: mpsc::Sender<T>,
    fullness: Fullness,
    /// Whether the pressure has been told of, so that it is told once each time it builds up.
    pressed: Arc<AtomicBool>,
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        let Self { label, sender, fullness, pressed } = self;
        Self { label: *label, sender: sender.clone(), fullness: *fullness, pressed: pressed.clone() }
    }
}

/// Where items come out.
#[derive(Debug)]
pub struct Receiver<T> {
    label: Label,
    receiver: mpsc::Receiver<T>,
}

/// The other side of a queue has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("nobody takes from the queue `{0}` any more")]
pub struct Gone(pub Label);

/// Why an item could not be put into a queue at once. It comes back.
#[derive(Debug, PartialEq, Eq)]
pub enum NotNow<T> {
    /// There is no room.
    Full(T),
    /// The other side has gone.
    Gone(T),
}

impl<T> Sender<T> {
    /// Puts `item` into the queue, when there is room.
    pub async fn send(&self, item: T) -> Result<(), Gone> {
        let permit = self.sender.reserve().await.map_err(|_| Gone(self.label))?;
        permit.send(item);
        self.observe();
        Ok(())
    }

    /// Puts `item` into the queue if there is room now.
    pub fn try_send(&self, item: T) -> Result<(), NotNow<T>> {
        match self.sender.try_send(item) {
            Ok(()) => {
                self.observe();
                Ok(())
            }
            Err(mpsc::error::TrySendError::Full(item)) => Err(NotNow::Full(item)),
            Err(mpsc::error::TrySendError::Closed(item)) => Err(NotNow::Gone(item)),
        }
    }

    /// How many items are in the queue.
    pub fn len(&self) -> usize {
        self.sender.max_capacity() - self.sender.capacity()
    }

    /// Whether the queue is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Counts what has just been put in, and warns when the queue is three quarters full.
    fn observe(&self) {
        let (length, capacity) = (self.len(), self.sender.max_capacity());
        QUEUED.increment([self.label]);
        LONGEST.observe(self.label, length);
        if self.fullness == Fullness::Usual {
            return;
        }
        if length * 4 >= capacity * 3 {
            if !self.pressed.swap(true, Ordering::Relaxed) {
                PRESSURE.increment([self.label]);
                tracing::warn!(queue = %self.label, length, capacity, "queue under pressure");
            }
        } else if length * 2 < capacity {
            self.pressed.store(false, Ordering::Relaxed);
        }
    }
}

impl<T> Receiver<T> {
    /// Takes the next item, or nothing once all senders are gone and the queue is empty.
    pub async fn recv(&mut self) -> Option<T> {
        self.receiver.recv().await
    }

    /// Takes what is in the queue now, until `items` are `most`.
    pub fn take_ready(&mut self, items: &mut Vec<T>, most: usize) {
        while items.len() < most
            && let Ok(item) = self.receiver.try_recv()
        {
            items.push(item);
        }
    }

    /// Closes the queue and takes what is in it.
    pub fn take_rest(&mut self) -> Vec<T> {
        self.receiver.close();
        std::iter::from_fn(|| self.receiver.try_recv().ok()).collect()
    }

    /// Closes the queue and throws away what is in it: returns what that was, and counts it.
    #[must_use = "what was thrown away is to be accounted for"]
    pub fn discard(mut self) -> Vec<T> {
        let items = self.take_rest();
        if !items.is_empty() {
            DROPPED.add([self.label], items.len() as u64);
            tracing::info!(queue = %self.label, items = items.len(), "queue discarded");
        }
        items
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn size(size: usize) -> NonZeroUsize {
        NonZeroUsize::new(size).unwrap()
    }

    #[tokio::test]
    async fn pressure_is_told_once_each_time_it_builds_up() {
        let label = Label::new("pressure test");
        let (sender, mut receiver) = bounded(label, size(32));
        for item in 0..23 {
            sender.send(item).await.unwrap();
        }
        assert_eq!(PRESSURE.value([label]), 0);
        for item in 23..32 {
            sender.send(item).await.unwrap();
        }
        assert_eq!(PRESSURE.value([label]), 1, "at 24 of 32, and once");
        for _ in 0..20 {
            receiver.recv().await.unwrap();
        }
        sender.send(0).await.unwrap();
        for item in 0..12 {
            sender.send(item).await.unwrap();
        }
        assert_eq!(PRESSURE.value([label]), 2, "again, after it had eased");
        assert_eq!(LONGEST.values()[&label], 32);
    }

    #[tokio::test]
    async fn what_is_discarded_is_accounted_for() {
        let label = Label::new("discard test");
        let (sender, mut receiver) = bounded(label, size(4));
        for item in 0..4 {
            sender.send(item).await.unwrap();
        }
        assert_eq!(sender.try_send(9), Err(NotNow::Full(9)));
        assert_eq!(receiver.recv().await, Some(0));
        assert_eq!(receiver.discard(), [1, 2, 3]);
        assert_eq!((QUEUED.value([label]), DROPPED.value([label])), (4, 3));
        assert_eq!(sender.send(5).await, Err(Gone(label)));
        assert_eq!(sender.try_send(5), Err(NotNow::Gone(5)));
    }

    #[tokio::test]
    async fn a_full_queue_holds_the_sender_back() {
        let (sender, mut receiver) = bounded(Label::new("back pressure test"), size(1));
        sender.send(1).await.unwrap();
        let second = sender.send(2);
        tokio::pin!(second);
        let waits = tokio::time::timeout(std::time::Duration::from_millis(20), &mut second).await;
        assert!(waits.is_err());
        assert_eq!(receiver.recv().await, Some(1));
        second.await.unwrap();
        assert_eq!(receiver.recv().await, Some(2));
    }
}
