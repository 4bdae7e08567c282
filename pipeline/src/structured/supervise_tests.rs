use std::future::pending;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::*;
use crate::structured::{Plan, drain};

type Ends = Result<(), &'static str>;

const SECOND: Duration = Duration::from_secs(1);
const READER: Label = Label::new("reader");
const PINGER: Label = Label::new("pinger");
const LOADER: Label = Label::new("loader");

fn scope(label: &'static str) -> Scope {
    Scope::new(Label::new(label))
}

async fn after(time: Duration, result: Ends) -> Ends {
    sleep(time).await;
    result
}

async fn lasts() -> Ends {
    pending().await
}

async fn run(supervisor: Supervisor<'_, &'static str>) -> Exit<&'static str> {
    timeout(3600 * SECOND, supervisor.run()).await.expect("it ends").unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_connection_is_a_disconnect() {
    let scope = scope("disconnect");
    let mut supervisor = Supervisor::new(&scope);
    supervisor.lifetime(PINGER, lasts()).unwrap();
    supervisor.connection(READER, after(SECOND, Ok(()))).unwrap();
    assert_eq!(run(supervisor).await, Exit::Disconnect(READER));
    assert_eq!(scope.len(), 1, "the other still runs, and is the scope's");
    assert_eq!(metrics::SUPERVISOR_EXITS.value([scope.label(), Label::new("disconnect")]), 1);
    assert_eq!(drain(&scope, Plan::cancel_first(SECOND)).await.unwrap().aborted, 1);
}

#[tokio::test(start_paused = true)]
async fn a_finite_task_may_end_without_ending_the_rest() {
    let scope = scope("finite");
    let start = Instant::now();
    let mut supervisor = Supervisor::new(&scope);
    supervisor.finite(LOADER, after(7 * SECOND, Ok(()))).unwrap();
    supervisor.connection(READER, after(100 * SECOND, Ok(()))).unwrap();
    assert_eq!(run(supervisor).await, Exit::Disconnect(READER));
    assert!(start.elapsed() >= 100 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_lifetime_task_that_ends_normally_ends_the_rest() {
    let scope = scope("lifetime");
    let mut supervisor = Supervisor::new(&scope);
    supervisor.connection(READER, lasts()).unwrap();
    supervisor.lifetime(PINGER, after(SECOND, Ok(()))).unwrap();
    assert_eq!(run(supervisor).await, Exit::LifetimeDone(PINGER));
}

#[tokio::test(start_paused = true)]
async fn a_failure_of_any_task_is_a_crash() {
    let scope = scope("crash");
    let mut supervisor = Supervisor::new(&scope);
    supervisor.connection(READER, lasts()).unwrap();
    supervisor.finite(LOADER, after(SECOND, Err("no such user"))).unwrap();
    assert_eq!(run(supervisor).await, Exit::Crash(LOADER, Crash::Failed("no such user")));

    let mut supervisor = Supervisor::new(&scope);
    supervisor.connection(READER, lasts()).unwrap();
    supervisor.lifetime(PINGER, async { panic!("on purpose") }).unwrap();
    assert_eq!(run(supervisor).await, Exit::Crash(PINGER, Crash::Panicked));
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_it_even_if_it_came_before() {
    let scope = scope("shutdown");
    let mut supervisor = Supervisor::new(&scope);
    supervisor.connection(READER, lasts()).unwrap();
    scope.token().cancel();
    assert_eq!(run(supervisor).await, Exit::Shutdown);
}

#[tokio::test(start_paused = true)]
async fn nothing_that_lasts_is_an_error_and_no_hang() {
    let scope = scope("nothing");
    let supervisor = Supervisor::<&str>::new(&scope);
    assert_eq!(supervisor.run().await, Err(NothingToSupervise(scope.label())));
    let mut supervisor = Supervisor::new(&scope);
    supervisor.finite(LOADER, after(SECOND, Ok(()))).unwrap();
    assert_eq!(supervisor.run().await, Err(NothingToSupervise(scope.label())));
}

#[tokio::test(start_paused = true)]
async fn of_several_at_once_a_fixed_order_decides() {
    let ends: [(Role, Label, Ends); 3] =
        [(Role::Lifetime, PINGER, Ok(())), (Role::Connection, READER, Ok(())), (Role::Finite, LOADER, Err("crash"))];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let scope = scope("order");
        let mut supervisor = Supervisor::new(&scope);
        for (role, name, result) in order.map(|at| ends[at]) {
            supervisor.add(role, name, after(SECOND, result)).unwrap();
        }
        // All three have ended before anyone looks.
        sleep(2 * SECOND).await;
        scope.token().cancel();
        assert_eq!(run(supervisor).await, Exit::Crash(LOADER, Crash::Failed("crash")));

        let mut supervisor = Supervisor::new(&scope);
        for (role, name, _) in order.map(|at| ends[at]) {
            supervisor.add(role, name, after(SECOND, Ok(()))).unwrap();
        }
        sleep(2 * SECOND).await;
        assert_eq!(run(supervisor).await, Exit::Shutdown, "a shutdown before a disconnect");
    }
}

#[tokio::test(start_paused = true)]
async fn a_disconnect_ranks_before_a_lifetime_that_is_done() {
    for order in [[true, false], [false, true]] {
        let scope = scope("rank");
        let mut supervisor = Supervisor::new(&scope);
        for connection in order {
            let (role, name) = if connection { (Role::Connection, READER) } else { (Role::Lifetime, PINGER) };
            supervisor.add(role, name, after(SECOND, Ok(()))).unwrap();
        }
        sleep(2 * SECOND).await;
        assert_eq!(run(supervisor).await, Exit::Disconnect(READER));
    }
}

#[tokio::test(start_paused = true)]
async fn of_two_of_a_kind_the_first_added_is_told() {
    let scope = scope("two");
    let mut supervisor = Supervisor::new(&scope);
    supervisor.lifetime(PINGER, after(2 * SECOND, Ok(()))).unwrap();
    supervisor.lifetime(READER, after(SECOND, Ok(()))).unwrap();
    sleep(3 * SECOND).await;
    assert_eq!(run(supervisor).await, Exit::LifetimeDone(PINGER));
}

#[tokio::test(start_paused = true)]
async fn a_closed_scope_is_told_to_who_adds() {
    let scope = scope("closed");
    assert!(drain(&scope, Plan::cancel_first(SECOND)).await.unwrap().is_clean());
    let mut supervisor = Supervisor::<&str>::new(&scope);
    assert!(supervisor.connection(READER, lasts()).is_err());
}

#[tokio::test(start_paused = true)]
async fn a_supervision_that_is_dropped_leaves_its_tasks_to_the_scope() {
    let scope = scope("dropped");
    let mut supervisor = Supervisor::new(&scope);
    supervisor.connection(READER, lasts()).unwrap();
    assert!(timeout(SECOND, supervisor.run()).await.is_err());
    assert_eq!(scope.len(), 1);
    assert_eq!(drain(&scope, Plan::cancel_first(SECOND)).await.unwrap().aborted, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_crash_beside_a_shutdown_ends_it_every_time() {
    for _ in 0..200 {
        let scope = scope("race");
        let mut supervisor = Supervisor::new(&scope);
        supervisor.connection(READER, async { Err("broken") }).unwrap();
        supervisor.lifetime(PINGER, lasts()).unwrap();
        let token = scope.token().clone();
        let (exit, ()) = tokio::join!(run(supervisor), async move { token.cancel() });
        assert!(matches!(exit, Exit::Crash(..) | Exit::Shutdown), "{exit:?}");
        let report = drain(&scope, Plan::cancel_first(Duration::ZERO)).await.unwrap();
        assert_eq!(report.stuck, []);
    }
}
