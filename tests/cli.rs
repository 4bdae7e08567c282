//! The real binary, as people and programs meet it.

#[path = "cli/adoption.rs"]
mod adoption;
#[path = "cli/arguments.rs"]
mod arguments;
#[path = "cli/audit.rs"]
mod audit;
#[path = "cli/cache.rs"]
mod cache;
#[path = "cli/callers.rs"]
mod callers;
#[path = "cli/commands.rs"]
mod commands;
#[path = "cli/discovery.rs"]
mod discovery;
#[path = "cli/fanouts.rs"]
mod fanouts;
#[path = "cli/findings.rs"]
mod findings;
#[path = "cli/formats.rs"]
mod formats;
#[path = "cli/gauges.rs"]
mod gauges;
#[path = "cli/levels.rs"]
mod levels;
#[path = "cli/losses.rs"]
mod losses;
#[path = "cli/notions.rs"]
mod notions;
#[path = "cli/queues.rs"]
mod queues;
#[path = "cli/settings.rs"]
mod settings;
#[path = "cli/since.rs"]
mod since;
#[path = "cli/suppressions.rs"]
mod suppressions;
#[path = "cli/tasks.rs"]
mod tasks;
#[path = "cli/threads.rs"]
mod threads;
#[path = "cli/trust.rs"]
mod trust;

#[path = "cli/project.rs"]
mod project;

mod support;
