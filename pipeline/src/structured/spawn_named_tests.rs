use std::convert::Infallible;
use std::future::pending;

use tokio::time::{advance, sleep};

use super::*;
use crate::structured::{Plan, drain};

const A: Label = Label::new("a");
const B: Label = Label::new("b");
const SECOND: Duration = Duration::from_secs(1);

fn scope() -> Scope {
    Scope::new(Label::new("spawn_named tests"))
}

async fn for_ever() -> Result<(), Infallible> {
    pending().await
}

#[tokio::test(start_paused = true)]
async fn a_task_is_listed_with_its_age_while_it_runs() {
    let scope = scope();
    let task = scope
        .spawn_named(A, async {
            sleep(3 * SECOND).await;
            Ok::<(), Infallible>(())
        })
        .unwrap();
    advance(SECOND).await;
    let second = scope.spawn_named(B, for_ever()).unwrap();
    advance(SECOND).await;
    let listed: Vec<_> = scope.tasks().into_iter().map(|info| (info.name, info.age)).collect();
    assert_eq!(listed, [(A, 2 * SECOND), (B, SECOND)]);
    assert_eq!(task.await, Ended::Done(()));
    assert_eq!(scope.len(), 1);
    second.abort();
    assert_eq!(second.await, Ended::Aborted);
    assert!(scope.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_counted_even_if_nobody_looks() {
    let name = Label::new("fails unseen");
    let scope = scope();
    drop(scope.spawn_named(name, async { Err::<(), _>("no such user") }).unwrap());
    assert!(drain(&scope, Plan::wait_first(SECOND)).await.unwrap().is_clean());
    assert!(scope.is_empty());
    assert_eq!(metrics::TASK_FAILURES.value([name]), 1);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_fails_panics_or_is_aborted_leaves_the_scope() {
    let name = Label::new("leaves");
    let scope = scope();
    let failed = scope.spawn_named(name, async { Err::<(), _>("failed") }).unwrap();
    assert_eq!(failed.await, Ended::Failed("failed"));
    let panicked = scope.spawn_named(name, async { panic!("on purpose") as Result<(), Infallible> }).unwrap();
    assert_eq!(panicked.await, Ended::Panicked);
    let aborted = scope.spawn_named(name, for_ever()).unwrap();
    aborted.abort();
    assert_eq!(aborted.await, Ended::Aborted);
    assert_eq!(scope.tasks(), []);
    assert_eq!(metrics::TASK_FAILURES.value([name]), 2, "an abort is no failure, a panic is");
}

#[tokio::test(start_paused = true)]
async fn a_closed_scope_takes_nobody() {
    let scope = scope();
    assert!(drain(&scope, Plan::wait_first(SECOND)).await.unwrap().is_clean());
    let refused = scope.spawn_named(A, for_ever()).unwrap_err();
    assert_eq!(refused, Closed { scope: scope.label(), name: A });
    assert!(scope.enter(A).is_err());
}

#[tokio::test(start_paused = true)]
async fn a_dropped_scope_cancels_its_tasks() {
    let scope = scope();
    let token = scope.token().clone();
    let task = scope
        .spawn_named(A, async move {
            token.cancelled().await;
            Ok::<(), Infallible>(())
        })
        .unwrap();
    drop(scope);
    assert_eq!(task.await, Ended::Done(()));
}

#[tokio::test(start_paused = true)]
async fn children_are_listed_below_their_parent_and_cancelled_with_it() {
    let parent = scope();
    let child = parent.child(B);
    let grandchild = child.child(Label::new("c"));
    let member = grandchild.enter(A).unwrap();
    assert_eq!(parent.tasks().len(), 1);
    assert!(parent.is_empty(), "a child's member is not the parent's");
    parent.token().cancel();
    assert!(grandchild.token().is_cancelled());
    drop((child, grandchild));
    assert_eq!(parent.tasks().len(), 1, "listed for as long as a member is in it");
    drop(member);
    assert_eq!(parent.tasks(), []);
    assert!(parent.inner.lock().children.is_empty(), "nothing of it is kept");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn quick_tasks_leave_nothing_behind() {
    let scope = scope();
    for _ in 0..2_000 {
        drop(scope.spawn_named(A, async { Ok::<_, Infallible>(()) }).unwrap());
    }
    let report = drain(&scope, Plan::wait_first(30 * SECOND)).await.unwrap();
    assert!(report.is_clean());
    assert_eq!(scope.tasks(), []);
}

#[test]
fn a_task_of_a_runtime_that_is_gone_leaves_the_scope() {
    let scope = scope();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let handle = runtime.handle().clone();
    drop(runtime);
    let _entered = handle.enter();
    drop(scope.spawn_named(A, for_ever()).unwrap());
    assert!(scope.is_empty());
}
