use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;

use tokio::time::sleep;

use super::*;
use crate::structured::Ended;

const SECOND: Duration = Duration::from_secs(1);

const fn name(name: &'static str) -> Label {
    Label::new(name)
}

fn scope(label: &'static str) -> Scope {
    Scope::new(Label::new(label))
}

/// Ends by itself after `time`, whatever is asked of it.
fn ends_after(scope: &Scope, name: Label, time: Duration) {
    scope
        .spawn_named(name, async move {
            sleep(time).await;
            Ok::<(), Infallible>(())
        })
        .unwrap();
}

/// Ends `time` after it is cancelled.
fn cleans_up_for(scope: &Scope, name: Label, time: Duration) {
    let token = scope.token().clone();
    let task = async move {
        token.cancelled().await;
        sleep(time).await;
        Ok::<_, Infallible>(())
    };
    scope.spawn_named(name, task).unwrap();
}

/// Does not listen; only an abort ends it.
fn is_deaf(scope: &Scope, name: Label) {
    scope.spawn_named(name, pending::<Result<(), Infallible>>()).unwrap();
}

async fn timed(scope: &Scope, plan: Plan) -> (Report, Duration) {
    let start = Instant::now();
    let report = drain(scope, plan).await.unwrap();
    (report, start.elapsed())
}

fn about(took: Duration, expected: Duration) -> bool {
    took >= expected && took < expected + Duration::from_millis(100)
}

#[tokio::test(start_paused = true)]
async fn nothing_to_drain_is_over_at_once() {
    for plan in [Plan::wait_first(30 * SECOND), Plan::cancel_first(30 * SECOND), Plan::wait_first(Duration::ZERO)] {
        let (report, took) = timed(&scope("empty"), plan).await;
        assert_eq!((report, took), (Report::default(), Duration::ZERO));
    }
}

#[tokio::test(start_paused = true)]
async fn waiting_first_lets_tasks_finish() {
    let scope = scope("wait first");
    ends_after(&scope, name("a"), SECOND);
    ends_after(&scope, name("b"), 7 * SECOND);
    let (report, took) = timed(&scope, Plan::wait_first(30 * SECOND)).await;
    assert_eq!(report, Report { finished: 2, ..Report::default() });
    assert!(about(took, 7 * SECOND), "{took:?}");
    assert!(!scope.token().is_cancelled(), "nothing was asked of them");
}

#[tokio::test(start_paused = true)]
async fn cancelling_first_lets_tasks_clean_up() {
    let scope = scope("cancel first");
    cleans_up_for(&scope, name("a"), Duration::ZERO);
    cleans_up_for(&scope, name("b"), 2 * SECOND);
    let (report, took) = timed(&scope, Plan::cancel_first(30 * SECOND)).await;
    assert_eq!(report, Report { cancelled: 2, ..Report::default() });
    assert!(report.is_clean());
    assert!(about(took, 2 * SECOND), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn done_running_and_deaf_tasks_are_told_apart() {
    let scope = scope("mixed");
    ends_after(&scope, name("done"), Duration::ZERO);
    sleep(SECOND).await;
    assert_eq!(scope.len(), 2 - 1 - 1, "what is done has left and is not counted");
    ends_after(&scope, name("finishes"), SECOND);
    cleans_up_for(&scope, name("waits to be told"), Duration::ZERO);
    is_deaf(&scope, name("deaf"));
    is_deaf(&scope, name("deaf too"));
    let member = scope.enter(name("stuck")).unwrap();
    let (report, took) = timed(&scope, Plan::wait_first(30 * SECOND)).await;
    // The deadline ends the wait, and then nobody is asked to clean up: three are aborted.
    assert_eq!(report, Report { finished: 1, cancelled: 0, aborted: 3, stuck: vec![name("stuck")] });
    assert!(about(took, 35 * SECOND), "{took:?}");
    assert!(!report.is_clean());
    assert_eq!(metrics::DRAIN_TIMEOUTS.value([scope.label()]), 1);
    assert_eq!(metrics::DRAIN_SECONDS.count(scope.label()), 1);
    drop(member);
}

#[tokio::test(start_paused = true)]
async fn the_deaf_are_aborted_at_the_deadline() {
    let scope = scope("deaf");
    is_deaf(&scope, name("deaf"));
    cleans_up_for(&scope, name("slow"), 60 * SECOND);
    cleans_up_for(&scope, name("quick"), SECOND);
    let (report, took) = timed(&scope, Plan::cancel_first(30 * SECOND)).await;
    assert_eq!(report, Report { cancelled: 1, aborted: 2, ..Report::default() });
    assert!(about(took, 30 * SECOND), "{took:?}");
    assert!(scope.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_zero_deadline_aborts_at_once() {
    let scope = scope("zero");
    is_deaf(&scope, name("deaf"));
    let (report, took) = timed(&scope, Plan::cancel_first(Duration::ZERO)).await;
    assert_eq!(report, Report { aborted: 1, ..Report::default() });
    assert!(took < Duration::from_millis(10), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn an_abort_that_does_nothing_is_waited_for_with_a_bound() {
    let scope = scope("stuck");
    let members = ["first", "second"].map(|at| scope.enter(name(at)).unwrap());
    let plan = Plan::cancel_first(SECOND).after_abort(2 * SECOND);
    let (report, took) = timed(&scope, plan).await;
    assert_eq!(report.stuck, [name("first"), name("second")], "the oldest first");
    assert!(about(took, 3 * SECOND), "{took:?}");
    drop(members);
    let (report, took) = timed(&scope, plan).await;
    assert_eq!((report, took), (Report::default(), Duration::ZERO), "a second drain finds it empty");
}

#[tokio::test(start_paused = true)]
async fn the_overall_deadline_caps_both_waits() {
    let scope = scope("overall");
    let _first = scope.enter(name("stuck")).unwrap();
    let (_, took) = timed(&scope, Plan::wait_first(30 * SECOND).within(10 * SECOND)).await;
    assert!(about(took, 10 * SECOND), "{took:?}");
    let (_, took) = timed(&scope, Plan::wait_first(30 * SECOND).within(32 * SECOND)).await;
    assert!(about(took, 32 * SECOND), "{took:?}");
    let (_, took) = timed(&scope, Plan::wait_first(30 * SECOND).within(Duration::MAX)).await;
    assert!(about(took, 35 * SECOND), "{took:?}");
    let (report, took) = timed(&scope, Plan::wait_first(Duration::MAX).within(Duration::ZERO)).await;
    assert_eq!(report.stuck, [name("stuck")]);
    assert!(took < Duration::from_millis(10), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_task_cannot_wait_for_itself() {
    let scope = Arc::new(scope("itself"));
    let own = scope.clone();
    let task = async move { drain(&own, Plan::cancel_first(30 * SECOND)).await };
    let ended = tokio::time::timeout(SECOND, scope.spawn_named(name("me"), task).unwrap()).await;
    let refused = WaitsForItself { scope: scope.label(), name: name("me") };
    assert_eq!(ended.unwrap(), Ended::Failed(refused));
    assert!(!scope.token().is_cancelled(), "a refusal changes nothing");
    assert!(scope.enter(name("another")).is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_task_may_drain_a_scope_below_its_own() {
    let scope = scope("parent");
    let child = scope.child(name("child"));
    cleans_up_for(&child, name("worker"), Duration::ZERO);
    let task = scope.spawn_named(name("me"), async move { drain(&child, Plan::cancel_first(SECOND)).await });
    assert_eq!(task.unwrap().await, Ended::Done(Report { cancelled: 1, ..Report::default() }));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_panics_while_it_is_cancelled_has_ended() {
    let scope = scope("panics");
    let token = scope.token().clone();
    let task = async move {
        token.cancelled().await;
        panic!("on purpose") as Result<(), Infallible>
    };
    scope.spawn_named(name("panics"), task).unwrap();
    let (report, _) = timed(&scope, Plan::cancel_first(SECOND)).await;
    assert_eq!(report, Report { cancelled: 1, ..Report::default() });
}

#[tokio::test(start_paused = true)]
async fn a_dropped_drain_can_be_taken_over() {
    let scope = scope("taken over");
    cleans_up_for(&scope, name("slow"), 10 * SECOND);
    let given_up = tokio::time::timeout(SECOND, drain(&scope, Plan::cancel_first(30 * SECOND))).await;
    assert!(given_up.is_err());
    assert!(scope.enter(name("late")).is_err(), "still closed");
    let (report, took) = timed(&scope, Plan::cancel_first(30 * SECOND)).await;
    assert_eq!(report, Report { cancelled: 1, ..Report::default() });
    assert!(about(took, 9 * SECOND), "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_member_is_accounted_for_however_the_race_ends() {
    for round in 0..200 {
        let scope = scope("race");
        let tasks = 8;
        for index in 0..tasks {
            ends_after(&scope, name("racer"), Duration::from_micros(100 * ((round + index) % 5)));
        }
        let there = scope.len();
        let report = drain(&scope, Plan::wait_first(Duration::from_micros(200))).await.unwrap();
        assert!(report.finished + report.aborted <= there, "{report:?}");
        assert_eq!(report.stuck, []);
        assert!(scope.is_empty());
    }
}
