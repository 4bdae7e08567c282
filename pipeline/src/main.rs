//! Starts the reference pipeline, and ends it in order.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use unleak_pipeline::heap::Sampled;
use unleak_pipeline::service::{Ending, Service};
use unleak_pipeline::settings::{self, PREFIX, Role, Settings};

/// It tells where memory is held, if `diagnostics.memory` says so.
#[global_allocator]
static ALLOCATOR: Sampled = Sampled;

/// A real-time voice-conversation service in which nothing leaks.
///
/// It serves the OpenAI Realtime protocol at /v1/realtime, Wyoming over TCP, and a live page at /.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Settings; the environment, UNLEAK_PIPELINE_SECTION_KEY, wins over the file. Without it, the first of
    /// unleak-pipeline.toml and pipeline/engines/settings.toml that is there.
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// What this process does, whatever the settings say.
    #[arg(long)]
    role: Option<Role>,
    /// Print the settings that hold, and stop.
    #[arg(long)]
    show_settings: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).init();
    let role = arguments.role.map(|role| (format!("{PREFIX}PROCESS_ROLE"), role.name().to_owned()));
    let file = arguments.settings.or_else(|| settings::find(Path::new("")));
    let settings = match Settings::read(file.as_deref(), std::env::vars().chain(role)) {
        Ok(settings) => settings,
        Err(error) => return wrong(&error),
    };
    if arguments.show_settings {
        print!("{}", settings.show());
        return ExitCode::SUCCESS;
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return wrong(&error),
    };
    let ended = runtime.block_on(serve(settings, file.as_deref()));
    // What did not end is named below; it must not keep the process.
    runtime.shutdown_background();
    match ended {
        Ok(ending) if ending.is_clean() => {
            tracing::info!("{ending}");
            ExitCode::SUCCESS
        }
        Ok(ending) => {
            tracing::error!("{ending}");
            ExitCode::from(1)
        }
        Err(error) => wrong(&error),
    }
}

fn wrong(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("unleak-pipeline: {error}");
    ExitCode::from(2)
}

async fn serve(settings: Settings, file: Option<&Path>) -> std::io::Result<Ending> {
    let mut signals = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let service = Service::bind(settings).await?;
    let (http, wyoming) = service.addresses()?;
    let read = file.map(|file| format!("; settings from {}", file.display())).unwrap_or_default();
    println!("unleak-pipeline {}: {}{read}", env!("CARGO_PKG_VERSION"), service.shared().banner());
    match wyoming {
        Some(wyoming) => {
            println!("listening on http://{http}/ (Realtime: ws://{http}/v1/realtime) and tcp://{wyoming} (Wyoming)");
        }
        None => println!("listening on http://{http}/ (for operators: this process serves no conversations)"),
    }

    let (stop, hurry) = (CancellationToken::new(), CancellationToken::new());
    let running = service.run(stop.clone(), hurry.clone());
    tokio::pin!(running);
    tokio::select! {
        ending = &mut running => return Ok(ending),
        () = either(&mut signals) => stop.cancel(),
    }
    tokio::select! {
        ending = &mut running => return Ok(ending),
        () = either(&mut signals) => {
            tracing::warn!("a second signal: no more patience");
            hurry.cancel();
        }
    }
    Ok(running.await)
}

async fn either((interrupt, terminate): &mut (Signal, Signal)) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
