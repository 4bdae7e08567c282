use std::time::Duration;

use super::{Engine, EngineError, Origin, SpeechToText, TextToSpeech, Work};
use crate::audio::{Audio, Rate, tones};
use crate::queue::Sender;
use crate::structured::Label;

/// The double for both directions of speech: text carried over audio tones.
#[derive(Debug, Clone, Copy)]
pub struct Tones;

const NAME: Label = Label::new("tones");
/// How much audio is handed on at once.
const PIECE: Duration = Duration::from_millis(100);

impl Engine for Tones {
    fn name(&self) -> Label {
        NAME
    }

    fn origin(&self) -> Origin {
        Origin::ours("text carried over audio tones: a test double")
    }

    fn is_double(&self) -> bool {
        true
    }
}

impl SpeechToText for Tones {
    fn transcribe<'a>(&'a self, audio: &'a Audio) -> Work<'a, String> {
        Box::pin(async { Ok(tones::decode(&audio.samples, audio.rate)) })
    }
}

impl TextToSpeech for Tones {
    fn speak<'a>(&'a self, text: &'a str, rate: Rate, audio: &'a Sender<Vec<i16>>) -> Work<'a, ()> {
        Box::pin(async move {
            for piece in tones::encode(text, rate).chunks(rate.samples(PIECE)) {
                let sent = audio.send(piece.to_vec()).await;
                sent.map_err(|gone| EngineError { engine: NAME, why: gone.to_string() })?;
            }
            Ok(())
        })
    }
}
