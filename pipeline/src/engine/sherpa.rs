mod library;

use std::num::NonZeroUsize;
use std::path::Path;

use super::blocking::Blocking;
use super::{Ending, Engine, EngineError, Origin, SpeechToText, Work};
use crate::audio::Audio;
use crate::structured::Label;
use library::Recogniser;

/// Moonshine models in the C library of sherpa-onnx.
///
/// Nothing ends the recognition of an utterance before it is done. So there are as many at once as there are
/// recognisers, and the shutdown waits for those that nobody waits for any more.
#[derive(Debug)]
pub struct Sherpa {
    recognisers: Blocking<Recogniser>,
}

const NAME: Label = Label::new("sherpa-onnx");

impl Sherpa {
    /// So many recognisers, each of so many threads, with the models of a folder, in the library at `library`.
    /// It blocks.
    pub fn load(
        library: &Path,
        models: &Path,
        threads: NonZeroUsize,
        count: NonZeroUsize,
    ) -> Result<Self, EngineError> {
        let threads = i32::try_from(threads.get()).unwrap_or(i32::MAX);
        let recognisers = Recogniser::load(library, models, threads, count.get()).map_err(|error| wrong(&error))?;
        Ok(Self { recognisers: Blocking::new(recognisers) })
    }
}

fn wrong(why: &dyn std::error::Error) -> EngineError {
    EngineError { engine: NAME, why: why.to_string() }
}

impl Engine for Sherpa {
    fn name(&self) -> Label {
        NAME
    }

    fn origin(&self) -> Origin {
        Origin {
            description: "Moonshine models for English, in sherpa-onnx",
            author: "Moonshine AI, and the developers of sherpa-onnx",
            url: "https://github.com/k2-fsa/sherpa-onnx",
        }
    }
}

impl SpeechToText for Sherpa {
    fn transcribe<'a>(&'a self, audio: &'a Audio) -> Work<'a, String> {
        Box::pin(async move {
            if audio.samples.is_empty() {
                return Ok(String::new());
            }
            let audio = audio.clone();
            let heard = self.recognisers.call(move |recogniser| recogniser.transcribe(&audio)).await;
            heard.map_err(|error| wrong(&error))?.map_err(|error| wrong(&error))
        })
    }

    fn ended(&self) -> Ending<'_> {
        Box::pin(self.recognisers.ended())
    }
}
