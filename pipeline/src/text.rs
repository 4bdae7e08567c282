//! Text between the language model and the voice.

pub mod chunker;
