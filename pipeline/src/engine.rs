//! What listens, thinks and speaks, each behind a small trait.

mod openai;
mod responder;
mod tones;

use std::fmt::Debug;
use std::pin::Pin;
use std::sync::Arc;

pub use openai::OpenAi;
pub use responder::Responder;
pub use tones::Tones;

use crate::audio::{Audio, Rate};
use crate::outside::Address;
use crate::queue::Sender;
use crate::settings::Settings;
use crate::structured::Label;

/// Work of an engine. Dropping it stops it.
pub type Work<'a, T> = Pin<Box<dyn Future<Output = Result<T, EngineError>> + Send + 'a>>;

/// Why an engine did not do its work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{engine}: {why}")]
pub struct EngineError {
    /// Which engine.
    pub engine: Label,
    /// What happened.
    pub why: String,
}

/// Who said something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// The operator, in the instructions of the session.
    System,
    /// The user.
    User,
    /// The service.
    Assistant,
}

/// One thing that was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Who said it.
    pub who: Who,
    /// What they said.
    pub text: String,
}

/// Makes text of speech.
pub trait SpeechToText: Debug + Send + Sync {
    /// The name of the engine.
    fn name(&self) -> Label;
    /// The text of `audio`; empty if nothing was said.
    fn transcribe<'a>(&'a self, audio: &'a Audio) -> Work<'a, String>;
}

/// Answers.
pub trait LanguageModel: Debug + Send + Sync {
    /// The name of the engine.
    fn name(&self) -> Label;
    /// Puts the answer to `conversation` into `tokens`, piece by piece.
    fn answer<'a>(&'a self, conversation: &'a [Said], tokens: &'a Sender<String>) -> Work<'a, ()>;
}

/// Makes speech of text.
pub trait TextToSpeech: Debug + Send + Sync {
    /// The name of the engine.
    fn name(&self) -> Label;
    /// Puts the speech of `text` into `audio`, piece by piece.
    fn speak<'a>(&'a self, text: &'a str, rate: Rate, audio: &'a Sender<Vec<i16>>) -> Work<'a, ()>;
}

/// The engines that the settings name.
#[derive(Debug, Clone)]
pub struct Engines {
    /// What listens.
    pub speech_to_text: Arc<dyn SpeechToText>,
    /// What thinks.
    pub language_model: Arc<dyn LanguageModel>,
    /// What speaks.
    pub text_to_speech: Arc<dyn TextToSpeech>,
}

impl Engines {
    /// The engines that `settings` name.
    pub fn new(settings: &Settings) -> Self {
        let engines = &settings.engines;
        let server = engines.language_model_url.as_ref().and_then(|url| url.parse::<Address>().ok());
        let language_model: Arc<dyn LanguageModel> = match server {
            None => Arc::new(Responder::new(engines.words_per_second)),
            Some(base) => {
                let (model, key) = (engines.language_model.clone(), engines.language_model_key.clone());
                Arc::new(OpenAi::new(&base, model, key, settings.limits.message_bytes))
            }
        };
        Self { speech_to_text: Arc::new(Tones), language_model, text_to_speech: Arc::new(Tones) }
    }

    /// Tells what it runs on, in a line.
    pub fn banner(&self) -> String {
        format!(
            "runs on the doubles: speech to text `{}`, language model `{}`, text to speech `{}`; no real voice is understood",
            self.speech_to_text.name(),
            self.language_model.name(),
            self.text_to_speech.name()
        )
    }
}
