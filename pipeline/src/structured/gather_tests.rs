use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::time::sleep;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn fan_out(label: &'static str, limit: usize) -> FanOut {
    FanOut { label: Label::new(label), limit: NonZeroUsize::new(limit).unwrap(), each: 10 * SECOND }
}

/// How many are alive, and how many were at most.
#[derive(Clone, Default)]
struct Crowd {
    now: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

struct Person(Crowd);

impl Crowd {
    fn enter(&self) -> Person {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        Person(self.clone())
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::SeqCst);
    }
}

#[tokio::test(start_paused = true)]
async fn the_limit_holds_and_results_come_in_order() {
    let crowd = Crowd::default();
    let outcomes = gather(fan_out("limit", 3), 0..10_u64, |item| {
        let crowd = crowd.clone();
        async move {
            let _person = crowd.enter();
            sleep(Duration::from_millis(10 * (10 - item))).await;
            Ok::<_, String>(item)
        }
    })
    .await;
    assert_eq!(crowd.most.load(Ordering::SeqCst), 3);
    let got: Vec<_> =
        outcomes.iter().map(|outcome| (outcome.index as u64, *outcome.result.as_ref().unwrap())).collect();
    assert_eq!(got, (0..10).map(|item| (item, item)).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_one_is_one_after_the_other() {
    let start = Instant::now();
    let outcomes = gather(fan_out("serial", 1), 0..5, |_| async {
        sleep(SECOND).await;
        Ok::<(), String>(())
    })
    .await;
    assert_eq!(outcomes.len(), 5);
    assert!(start.elapsed() >= 5 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn items_are_taken_only_when_there_is_room() {
    let taken = Arc::new(AtomicUsize::new(0));
    let counter = taken.clone();
    let items = (0..100).inspect(move |_| {
        counter.fetch_add(1, Ordering::SeqCst);
    });
    let all = gather(fan_out("lazy", 4), items, |_| async {
        sleep(SECOND).await;
        Ok::<(), String>(())
    });
    assert!(timeout(SECOND / 2, all).await.is_err());
    assert_eq!(taken.load(Ordering::SeqCst), 5, "four run and one waits");
}

#[tokio::test(start_paused = true)]
async fn failures_timeouts_and_panics_are_told_apart_and_counted() {
    let plan = fan_out("failures", 2);
    let outcomes = gather(plan, 0..5, |item| async move {
        match item {
            0 => Err("refused".to_owned()),
            1 => {
                sleep(60 * SECOND).await;
                Ok(())
            }
            2 => panic!("on purpose"),
            _ => Ok(()),
        }
    })
    .await;
    let kinds: Vec<_> = outcomes
        .iter()
        .map(|outcome| match &outcome.result {
            Ok(()) => "ok",
            Err(Failure::Failed(_)) => "failed",
            Err(Failure::TimedOut) => "timed out",
            Err(Failure::Lost(_)) => "lost",
        })
        .collect();
    assert_eq!(kinds, ["failed", "timed out", "lost", "ok", "ok"]);
    assert_eq!(metrics::GATHER_FAILURES.value([plan.label]), 3);
    assert_eq!(metrics::GATHER_SECONDS.count(plan.label), 1);
}

#[tokio::test(start_paused = true)]
async fn all_may_fail() {
    let plan = fan_out("all fail", 2);
    let outcomes = gather(plan, 0..3, |item| async move { Err::<(), _>(format!("no {item}")) }).await;
    let errors: Vec<_> = outcomes.into_iter().map(|outcome| outcome.result.unwrap_err().to_string()).collect();
    assert_eq!(errors, ["no 0", "no 1", "no 2"]);
    assert_eq!(metrics::GATHER_FAILURES.value([plan.label]), 3);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_no_failure() {
    let plan = fan_out("none", 2);
    let outcomes = gather(plan, 0..2, |_| async { Ok::<Option<u8>, String>(None) }).await;
    assert!(outcomes.iter().all(|outcome| matches!(outcome.result, Ok(None))));
    assert_eq!(metrics::GATHER_FAILURES.value([plan.label]), 0);
    assert!(gather(plan, [0; 0], |_| async { Ok::<(), String>(()) }).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn no_time_is_enough_for_what_is_ready() {
    let plan = FanOut { each: Duration::ZERO, ..fan_out("no time", 2) };
    let outcomes = gather(plan, [false, true], |waits| async move {
        if waits {
            sleep(SECOND).await;
        }
        Ok::<_, String>(())
    })
    .await;
    assert!(outcomes[0].result.is_ok());
    assert!(matches!(outcomes[1].result, Err(Failure::TimedOut)));
}

#[tokio::test(start_paused = true)]
async fn dropping_it_cancels_all() {
    let crowd = Crowd::default();
    let all = gather(fan_out("dropped", 4), 0..4, |_| {
        let crowd = crowd.clone();
        async move {
            let _person = crowd.enter();
            sleep(5 * SECOND).await;
            Ok::<(), String>(())
        }
    });
    assert!(timeout(SECOND, all).await.is_err());
    tokio::task::yield_now().await;
    assert_eq!(crowd.most.load(Ordering::SeqCst), 4);
    assert_eq!(crowd.now.load(Ordering::SeqCst), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_item_has_one_outcome_however_the_race_ends() {
    for round in 0..100_u64 {
        let outcomes = gather(fan_out("race", 1 + round as usize % 7), 0..50_u64, |item| async move {
            sleep(Duration::from_micros((item * 7 + round) % 5)).await;
            if item % 3 == 0 { Err("third") } else { Ok(item) }
        })
        .await;
        assert!(outcomes.iter().map(|outcome| outcome.index).eq(0..50));
        assert_eq!(outcomes.iter().filter(|outcome| outcome.result.is_err()).count(), 17);
    }
}
