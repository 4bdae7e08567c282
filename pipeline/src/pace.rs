//! How fast a client may be.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::settings::Limits;

/// Keeps a client to its rate: one that is too fast waits, and nothing of what it sends is lost.
#[derive(Debug)]
pub(crate) struct Pace {
    per_second: f64,
    burst: f64,
    left: f64,
    since: Instant,
}

impl Pace {
    pub(crate) fn new(limits: &Limits) -> Self {
        let (per_second, burst) = (limits.messages_per_second.get() as f64, limits.message_burst.get() as f64);
        Self { per_second, burst, left: burst, since: Instant::now() }
    }

    /// Waits until one more is in its rate.
    pub(crate) async fn keep(&mut self) {
        let now = Instant::now();
        self.left = self.burst.min(self.left + now.duration_since(self.since).as_secs_f64() * self.per_second);
        self.since = now;
        if self.left < 1.0 {
            let wait = (1.0 - self.left) / self.per_second;
            sleep(Duration::from_secs_f64(wait)).await;
        }
        self.left -= 1.0;
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_client_that_is_too_fast_waits() {
        let size = |size| NonZeroUsize::new(size).unwrap();
        let limits = Limits { messages_per_second: size(10), message_burst: size(20), ..Limits::default() };
        let mut pace = Pace::new(&limits);
        let start = Instant::now();
        for _ in 0..20 {
            pace.keep().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO, "a burst");
        for _ in 0..100 {
            pace.keep().await;
        }
        let took = start.elapsed().as_secs_f64();
        assert!((9.9..10.3).contains(&took), "{took}");
    }
}
