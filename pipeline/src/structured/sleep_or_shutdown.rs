use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// Why a sleep ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a loop that does not ask is deaf to shutdown"]
pub enum Woke {
    /// The time is over.
    Slept,
    /// Shutdown came first, or had come already.
    Shutdown,
}

/// Sleeps for `duration`, or until `shutdown` fires. When both hold, shutdown is the answer: a poller that has
/// no time to lose between two rounds must still see it.
pub async fn sleep_or_shutdown(duration: Duration, shutdown: &CancellationToken) -> Woke {
    // A duration that leaves the calendar is a sleep without end.
    match Instant::now().checked_add(duration) {
        Some(deadline) => sleep_until_or_shutdown(deadline, shutdown).await,
        None => {
            shutdown.cancelled().await;
            Woke::Shutdown
        }
    }
}

/// Sleeps until `deadline`, or until `shutdown` fires. A deadline in the past is over at once.
pub async fn sleep_until_or_shutdown(deadline: Instant, shutdown: &CancellationToken) -> Woke {
    tokio::select! {
        biased;
        () = shutdown.cancelled() => Woke::Shutdown,
        () = sleep_until(deadline) => Woke::Slept,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    async fn timed(sleep: impl Future<Output = Woke>) -> (Woke, Duration) {
        let start = Instant::now();
        let woke = sleep.await;
        (woke, start.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn sleeps_for_the_whole_time() {
        let token = CancellationToken::new();
        let (woke, took) = timed(sleep_or_shutdown(LONG, &token)).await;
        assert_eq!(woke, Woke::Slept);
        assert!(took >= LONG && took < LONG + Duration::from_secs(1), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_shutdown_ends_the_sleep() {
        let token = CancellationToken::new();
        let fire = async {
            tokio::time::sleep(Duration::from_secs(7)).await;
            token.cancel();
        };
        let ((woke, took), ()) = tokio::join!(timed(sleep_or_shutdown(LONG, &token)), fire);
        assert_eq!(woke, Woke::Shutdown);
        assert!(took < Duration::from_secs(8), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn zero_is_over_at_once() {
        let token = CancellationToken::new();
        let (woke, took) = timed(sleep_or_shutdown(Duration::ZERO, &token)).await;
        assert_eq!(woke, Woke::Slept);
        assert!(took < Duration::from_millis(2), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_in_the_past_is_over_at_once() {
        let token = CancellationToken::new();
        let past = Instant::now();
        tokio::time::advance(LONG).await;
        let (woke, took) = timed(sleep_until_or_shutdown(past, &token)).await;
        assert_eq!(woke, Woke::Slept);
        assert!(took < Duration::from_millis(2), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_shutdown_that_has_fired_wins_over_everything() {
        let token = CancellationToken::new();
        token.cancel();
        let past = Instant::now();
        tokio::time::advance(LONG).await;
        for duration in [Duration::ZERO, LONG, Duration::MAX] {
            let (woke, took) = timed(sleep_or_shutdown(duration, &token)).await;
            assert_eq!((woke, took), (Woke::Shutdown, Duration::ZERO));
        }
        assert_eq!(sleep_until_or_shutdown(past, &token).await, Woke::Shutdown);
    }

    #[tokio::test(start_paused = true)]
    async fn a_sleep_without_end_still_hears_shutdown() {
        let token = CancellationToken::new();
        let fire = async {
            tokio::time::sleep(LONG).await;
            token.cancel();
        };
        let (woke, ()) = tokio::join!(sleep_or_shutdown(Duration::MAX, &token), fire);
        assert_eq!(woke, Woke::Shutdown);
    }

    #[tokio::test(start_paused = true)]
    async fn a_child_token_hears_its_parent() {
        let parent = CancellationToken::new();
        let child = parent.child_token();
        parent.cancel();
        assert_eq!(sleep_or_shutdown(LONG, &child).await, Woke::Shutdown);
    }
}
