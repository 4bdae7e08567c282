use std::fmt::Display;

use super::{FanOut, Outcome, gather};

/// As [`gather`], but in chunks of [`FanOut::limit`] items: all of a chunk ends before the next one starts.
///
/// For callees that want a rest between batches, or whose effects must not mix. The index of an outcome is the
/// item's place among all items, not in its chunk.
pub async fn gather_chunked<I, W, F, T, E>(fan_out: FanOut, items: I, mut work: W) -> Vec<Outcome<T, E>>
where
    I: IntoIterator,
    W: FnMut(I::Item) -> F,
    F: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: Display + Send + 'static,
{
    let mut items = items.into_iter();
    let mut outcomes = Vec::new();
    loop {
        let first = outcomes.len();
        let chunk = items.by_ref().take(fan_out.limit.get());
        let ended = gather(fan_out, chunk, &mut work).await;
        if ended.is_empty() {
            return outcomes;
        }
        outcomes.extend(ended.into_iter().map(|outcome| Outcome { index: first + outcome.index, ..outcome }));
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use tokio::time::sleep;

    use super::*;
    use crate::structured::{Failure, Label};

    fn fan_out(limit: usize) -> FanOut {
        let limit = NonZeroUsize::new(limit).unwrap();
        FanOut { label: Label::new("gather_chunked tests"), limit, each: Duration::from_secs(10) }
    }

    #[tokio::test(start_paused = true)]
    async fn a_chunk_ends_before_the_next_one_starts() {
        let log = Arc::new(Mutex::new(Vec::new()));
        let outcomes = gather_chunked(fan_out(3), 0..8_u64, |item| {
            let log = log.clone();
            async move {
                log.lock().unwrap().push(("starts", item));
                sleep(Duration::from_millis(100 * (8 - item))).await;
                log.lock().unwrap().push(("ends", item));
                Ok::<_, String>(item * 10)
            }
        })
        .await;
        let log = log.lock().unwrap();
        let at = |what, item| log.iter().position(|entry| *entry == (what, item)).unwrap();
        for chunk in [[0, 1, 2, 3], [3, 4, 5, 6]] {
            for item in &chunk[..3] {
                assert!(at("ends", *item) < at("starts", chunk[3]), "{log:?}");
            }
        }
        assert!(at("starts", 2) < at("ends", 0), "a chunk runs at once");
        let indices: Vec<_> =
            outcomes.iter().map(|outcome| (outcome.index, *outcome.result.as_ref().unwrap())).collect();
        assert_eq!(indices, (0..8).map(|item| (item, item as u64 * 10)).collect::<Vec<_>>());
    }

    #[tokio::test(start_paused = true)]
    async fn a_chunk_that_fails_does_not_stop_the_next() {
        let outcomes = gather_chunked(fan_out(2), 0..5, |item| async move {
            if item < 2 { Err(format!("no {item}")) } else { Ok(item) }
        })
        .await;
        assert_eq!(outcomes.len(), 5);
        assert!(outcomes[..2].iter().all(|outcome| matches!(outcome.result, Err(Failure::Failed(_)))));
        assert!(outcomes[2..].iter().all(|outcome| outcome.result.is_ok()));
    }

    #[tokio::test(start_paused = true)]
    async fn no_item_and_a_last_chunk_that_is_full_both_end() {
        for count in [0, 4] {
            let outcomes = gather_chunked(fan_out(2), 0..count, |item| async move { Ok::<_, String>(item) }).await;
            assert_eq!(outcomes.len(), count);
        }
    }
}
