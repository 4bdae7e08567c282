//! The command line: arguments → options → run → report. The only code of `unleak` that touches the
//! outside world, and only `write` changes anything there.

mod annotate;
mod args;
mod assemble;
mod audit;
mod baseline;
mod cache;
mod compare;
mod discover;
mod excuse;
mod fingerprint;
mod options;
mod output;
mod place;
mod print;
mod progress;
mod project;
mod report;
mod run;
mod selection;
mod settings;
mod shown;
mod since;
mod statistics;
mod suggest;
mod suppress;
mod write;

use std::panic::AssertUnwindSafe;
use std::process::ExitCode;

use clap::Parser;

use args::Typed;
use options::Request;
use run::Ending;

#[global_allocator]
static ALLOCATOR: unleak_memory::Allocator = unleak_memory::Allocator;

fn main() -> ExitCode {
    unleak_memory::keep();
    match done(Typed::parse()) {
        Ok(Ending::Clean) => ExitCode::SUCCESS,
        Ok(Ending::Failed) => ExitCode::from(1),
        Err(error) => {
            output::note(&format!("error: {}\n", told(&error)));
            ExitCode::from(2)
        }
    }
}

/// All of it is done by the threads that read code, which need deep stacks for code that is nested deeply; this one waits.
fn done(typed: Typed) -> anyhow::Result<Ending> {
    let work = || unleak_analysis::in_deep_stacks(|| meant(typed));
    std::panic::catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(anyhow::anyhow!("this is a defect of unleak: please report what is said above")))
}

fn meant(typed: Typed) -> anyhow::Result<Ending> {
    let colours = output::colours(typed.color);
    run::run(Request::of(typed.command)?, colours)
}

/// An error and its causes, each said once.
fn told(error: &anyhow::Error) -> String {
    let mut said = String::new();
    for cause in error.chain().map(|cause| cause.to_string()) {
        if said.is_empty() {
            said = cause;
        } else if !said.contains(&cause) {
            said += &format!(": {cause}");
        }
    }
    said
}
