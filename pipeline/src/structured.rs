//! Six primitives of structured concurrency for long-lived services, one file each.
//!
//! | primitive | what it promises |
//! |---|---|
//! | [`Scope::spawn_named`] | a task has a name, an owner and an age, and its failure is always logged |
//! | [`Supervisor`] | the first task that ends tells why the whole is over; finite tasks may end |
//! | [`drain`] | an end with a deadline, an abort, a second deadline, and the names of what did not end |
//! | [`gather`] | a fan-out with a limit, a time for each item, results in order, no failure unseen |
//! | [`gather_chunked`] | the same, where a chunk ends before the next one starts |
//! | [`sleep_or_shutdown`] | a sleep that a shutdown ends |
//!
//! They stand on `TaskTracker` and `CancellationToken` of tokio-util, on `JoinSet` and on `tokio::time`, and
//! on nothing else of this crate: the folder can be copied into another project as it is.
//!
//! ```
//! use std::time::Duration;
//! use unleak_pipeline::structured::{Label, Plan, Scope, Woke, drain, sleep_or_shutdown};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
//! let scope = Scope::new(Label::new("example"));
//! let token = scope.token().clone();
//! scope.spawn_named(Label::new("poller"), async move {
//!     while sleep_or_shutdown(Duration::from_secs(60), &token).await == Woke::Slept {}
//!     Ok::<(), std::convert::Infallible>(())
//! })?;
//!
//! let report = drain(&scope, Plan::cancel_first(Duration::from_secs(30))).await?;
//! assert!(report.is_clean());
//! assert_eq!(report.cancelled, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```

mod drain;
mod gather;
mod gather_chunked;
mod label;
pub mod metrics;
mod sleep_or_shutdown;
mod spawn_named;
mod supervise;

pub use drain::{AFTER_ABORT, Plan, Report, WaitsForItself, drain};
pub use gather::{Failure, FanOut, Outcome, gather};
pub use gather_chunked::gather_chunked;
pub use label::Label;
pub use sleep_or_shutdown::{Woke, sleep_or_shutdown, sleep_until_or_shutdown};
pub use spawn_named::{Closed, Ended, Member, NamedTask, Scope, Spawner, TaskInfo};
pub use supervise::{Crash, Exit, NothingToSupervise, Supervisor};
