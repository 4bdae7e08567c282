//! What listens, thinks and speaks, each behind a small trait.

mod blocking;
mod espeak;
mod openai;
mod responder;
mod sherpa;
mod tones;
mod wyoming;

use std::fmt::Debug;
use std::pin::Pin;
use std::sync::Arc;

pub use espeak::EspeakNg;
pub use openai::{OpenAi, OpenAiSpeech};
pub use responder::Responder;
pub use sherpa::Sherpa;
pub use tones::Tones;
pub use wyoming::Wyoming;

use crate::audio::{Audio, Rate};
use crate::outside::Address;
use crate::queue::Sender;
use crate::settings::{self, Settings};
use crate::structured::Label;

/// Work of an engine. Dropping it stops it.
pub type Work<'a, T> = Pin<Box<dyn Future<Output = Result<T, EngineError>> + Send + 'a>>;

/// The end of work that cannot be stopped.
pub type Ending<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

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

/// Where an engine comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// What it is.
    pub description: &'static str,
    /// Who made it.
    pub author: &'static str,
    /// Where it is found.
    pub url: &'static str,
}

impl Origin {
    /// Of what is part of this project.
    const fn ours(description: &'static str) -> Self {
        Self { description, author: "unleak", url: "https://github.com/unleak/unleak" }
    }
}

/// What all engines tell of themselves.
pub trait Engine: Debug + Send + Sync {
    /// The name of the engine.
    fn name(&self) -> Label;
    /// Where it comes from.
    fn origin(&self) -> Origin;
    /// Whether it is a double, for tests and for a first look.
    fn is_double(&self) -> bool {
        false
    }
}

/// Makes text of speech.
pub trait SpeechToText: Engine {
    /// The text of `audio`; empty if nothing was said.
    fn transcribe<'a>(&'a self, audio: &'a Audio) -> Work<'a, String>;
    /// Waits for the work that went on when it was dropped. The shutdown does.
    fn ended(&self) -> Ending<'_> {
        Box::pin(std::future::ready(()))
    }
}

/// Answers.
pub trait LanguageModel: Engine {
    /// Puts the answer to `conversation` into `tokens`, piece by piece.
    fn answer<'a>(&'a self, conversation: &'a [Said], tokens: &'a Sender<String>) -> Work<'a, ()>;
}

/// Makes speech of text.
pub trait TextToSpeech: Engine {
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

/// The server with the audio interface of OpenAI that a setting names.
fn openai(base: &str, model: &str, settings: &Settings) -> Result<Arc<OpenAiSpeech>, EngineError> {
    let base = base.parse().map_err(|why: &str| EngineError { engine: Label::new("openai"), why: why.to_owned() })?;
    let (engines, answer_bytes) = (&settings.engines, settings.limits.message_bytes.get());
    let (voice, key) = (engines.voice.clone(), engines.speech_key.clone());
    Ok(Arc::new(OpenAiSpeech::new(base, model.to_owned(), voice, key, answer_bytes)))
}

/// The Wyoming server that a setting names.
fn wyoming(server: &str, settings: &Settings) -> Arc<Wyoming> {
    Arc::new(Wyoming::new(server.to_owned(), settings.limits.message_bytes))
}

/// The language model that the settings name. It loads nothing.
fn language_model(settings: &Settings) -> Arc<dyn LanguageModel> {
    let engines = &settings.engines;
    match engines.language_model_url.as_ref().and_then(|url| url.parse::<Address>().ok()) {
        None => Arc::new(Responder::new(engines.words_per_second)),
        Some(base) => {
            let (model, key) = (engines.language_model.clone(), engines.language_model_key.clone());
            Arc::new(OpenAi::new(&base, model, key, settings.limits.message_bytes))
        }
    }
}

impl Engines {
    /// The engines that `settings` name. Models are loaded, which blocks.
    pub fn new(settings: &Settings) -> Result<Self, EngineError> {
        let engines = &settings.engines;
        let language_model = language_model(settings);
        let speech_to_text: Arc<dyn SpeechToText> = match engines.speech_to_text {
            settings::SpeechToText::Tones => Arc::new(Tones),
            settings::SpeechToText::SherpaOnnx => Arc::new(Sherpa::load(
                &engines.sherpa_library,
                &engines.sherpa_models,
                engines.recogniser_threads,
                engines.recognisers,
            )?),
            settings::SpeechToText::OpenAi => {
                openai(&engines.speech_to_text_server, &engines.speech_to_text_model, settings)?
            }
            settings::SpeechToText::Wyoming => wyoming(&engines.speech_to_text_server, settings),
        };
        let text_to_speech: Arc<dyn TextToSpeech> = match engines.text_to_speech {
            settings::TextToSpeech::Tones => Arc::new(Tones),
            settings::TextToSpeech::OpenAi => {
                openai(&engines.text_to_speech_server, &engines.text_to_speech_model, settings)?
            }
            settings::TextToSpeech::Wyoming => wyoming(&engines.text_to_speech_server, settings),
            settings::TextToSpeech::EspeakNg => {
                Arc::new(EspeakNg::new(engines.espeak_program.clone(), engines.espeak_voice.clone()))
            }
        };
        Ok(Self { speech_to_text, language_model, text_to_speech })
    }

    /// Engines that load nothing, for a process that serves no conversations. It thinks about them all the same.
    pub fn idle(settings: &Settings) -> Self {
        Self {
            speech_to_text: Arc::new(Tones),
            language_model: language_model(settings),
            text_to_speech: Arc::new(Tones),
        }
    }

    /// Tells what it runs on, in a line.
    pub fn banner(&self) -> String {
        let (hears, thinks, speaks) = (&self.speech_to_text, &self.language_model, &self.text_to_speech);
        let all = [
            ("speech to text", hears.name(), hears.is_double()),
            ("language model", thinks.name(), thinks.is_double()),
            ("text to speech", speaks.name(), speaks.is_double()),
        ];
        let runs_on = match all.iter().filter(|(.., double)| *double).count() {
            0 => "runs on real engines",
            3 => "runs on the doubles",
            _ => "runs on real engines and doubles",
        };
        let told =
            all.map(|(what, name, double)| format!("{what} `{name}`{}", if double { " (a double)" } else { "" }));
        let voices = if hears.is_double() { "; no real voice is understood" } else { "" };
        format!("{runs_on}: {}{voices}", told.join(", "))
    }
}
