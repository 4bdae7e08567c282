//! Every lint. Written by `tests/generated.rs` from the files of this folder.

#![allow(unreachable_pub, reason = "all lints are written alike and reached through `ALL`")]

use crate::lint::Lint;

#[path = "fire_and_forget.rs"]
mod fire_and_forget;
#[path = "raw_gather.rs"]
mod raw_gather;
#[path = "unbounded_queue.rs"]
mod unbounded_queue;
#[path = "ungated_gauge.rs"]
mod ungated_gauge;

/// Every lint, by name.
pub static ALL: &[&Lint] = &[&fire_and_forget::LINT, &raw_gather::LINT, &unbounded_queue::LINT, &ungated_gauge::LINT];
