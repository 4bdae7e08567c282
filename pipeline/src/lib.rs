//! The reference pipeline: a real-time voice-conversation service built so that
//! none of the leaks `unleak` finds can happen in it.

pub mod aftermath;
pub mod archive;
pub mod audio;
pub mod background;
pub mod engine;
pub mod heap;
mod http;
pub mod outside;
#[cfg(test)]
mod overheard;
mod pace;
pub mod queue;
pub mod realtime;
pub mod service;
pub mod session;
pub mod settings;
pub mod store;
pub mod structured;
pub mod telemetry;
pub mod text;
mod wyoming;
