use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::audio::{Audio, Rate};
use crate::engine::{EngineError, Engines, Said, Who};
use crate::queue::{Gone, Receiver, Sender, hand_over};
use crate::settings::Settings;
use crate::structured::Label;
use crate::text::chunker::Chunker;

use super::Modality;

const TOKENS: Label = Label::new("tokens");
const SENTENCES: Label = Label::new("sentences");
const PIECES: Label = Label::new("pieces");

/// What a turn has to do.
#[derive(Debug)]
pub(super) struct Job {
    heard: Option<(String, Arc<Audio>)>,
    answer: Option<Modality>,
}

impl Job {
    /// To tell what was said, and no more.
    pub(super) fn transcribe(item: String, audio: Arc<Audio>) -> Self {
        Self { heard: Some((item, audio)), answer: None }
    }

    /// To tell what was said, and to answer.
    pub(super) fn hear(item: String, audio: Arc<Audio>, modality: Modality) -> Self {
        Self { heard: Some((item, audio)), answer: Some(modality) }
    }

    /// To answer what was said before.
    pub(super) fn answer(modality: Modality) -> Self {
        Self { heard: None, answer: Some(modality) }
    }

    pub(super) fn modality(&self) -> Option<Modality> {
        self.answer
    }

    pub(super) fn heard(&self) -> Option<(String, Arc<Audio>)> {
        self.heard.clone()
    }
}

/// What a turn says.
#[derive(Debug)]
pub(super) enum TurnEvent {
    /// What the user said.
    Transcript { item: String, text: String },
    /// A piece of the answer.
    Text(String),
    /// The sentence whose audio comes next.
    Sentence(String),
    /// A piece of audio.
    Audio(Vec<i16>),
}

impl TurnEvent {
    /// How long it takes to hear.
    pub(super) fn millis(&self) -> u64 {
        match self {
            TurnEvent::Audio(samples) => Rate::REALTIME.millis(samples.len()),
            _ => 0,
        }
    }
}

/// Why a turn broke off.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TurnError {
    /// An engine took too long.
    #[error("{0} took too long")]
    TooSlow(Label),
    /// An engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The answer is longer than a text may be.
    #[error("the answer is too long")]
    TooLong,
    /// Nobody listens any more.
    #[error(transparent)]
    Gone(#[from] Gone),
    /// It panicked.
    #[error("the turn broke")]
    Broken,
}

/// A turn: from what was heard to what is said.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) job: Job,
    pub(super) conversation: Vec<Said>,
    pub(super) engines: Engines,
    pub(super) settings: Arc<Settings>,
    pub(super) events: Sender<TurnEvent>,
}

impl Turn {
    /// Does the job. Dropping it stops everything in it, for nothing of it is a task of its own.
    pub(super) async fn run(mut self) -> Result<(), TurnError> {
        if let Some((item, audio)) = self.job.heard.take() {
            let limit = self.settings.times.speech_to_text.get();
            let transcribed = timeout(limit, self.engines.speech_to_text.transcribe(&audio)).await;
            let text = transcribed.map_err(|_| TurnError::TooSlow(Label::new("speech to text")))??;
            self.events.send(TurnEvent::Transcript { item, text: text.clone() }).await?;
            if text.is_empty() {
                return Ok(());
            }
            self.conversation.push(Said { who: Who::User, text });
        }
        match self.job.answer {
            None => Ok(()),
            Some(modality) => self.answer(modality).await,
        }
    }

    async fn answer(&self, modality: Modality) -> Result<(), TurnError> {
        let queues = &self.settings.queues;
        let (tokens, said) = hand_over(TOKENS, queues.tokens);
        match modality {
            Modality::Text => {
                tokio::try_join!(self.think(tokens), self.cut(said, None))?;
            }
            // Each end of a queue belongs to one step: when the step is over, so is the queue.
            Modality::Audio => {
                let (sentences, spoken) = hand_over(SENTENCES, queues.sentences);
                tokio::try_join!(self.think(tokens), self.cut(said, Some(sentences)), self.speak(spoken))?;
            }
        }
        Ok(())
    }

    async fn think(&self, tokens: Sender<String>) -> Result<(), TurnError> {
        Ok(self.engines.language_model.answer(&self.conversation, &tokens).await?)
    }

    /// From tokens to sentences.
    async fn cut(&self, mut tokens: Receiver<String>, sentences: Option<Sender<String>>) -> Result<(), TurnError> {
        let mut chunker = Chunker::new(self.settings.conversation.sentence_chars.get());
        let mut room = self.settings.limits.text_chars.get();
        while let Some(token) = in_time(self.settings.times.language_model.get(), "language model", &mut tokens).await?
        {
            room = room.checked_sub(token.chars().count()).ok_or(TurnError::TooLong)?;
            let whole = chunker.push(&token);
            self.events.send(TurnEvent::Text(token)).await?;
            for sentence in whole {
                send(sentences.as_ref(), sentence).await?;
            }
        }
        for sentence in chunker.finish() {
            send(sentences.as_ref(), sentence).await?;
        }
        Ok(())
    }

    /// From sentences to audio.
    async fn speak(&self, mut sentences: Receiver<String>) -> Result<(), TurnError> {
        while let Some(sentence) = sentences.recv().await {
            self.events.send(TurnEvent::Sentence(sentence.clone())).await?;
            let (pieces, audio) = hand_over(PIECES, self.settings.queues.sentences);
            tokio::try_join!(self.say(&sentence, pieces), self.hand_on(audio))?;
        }
        Ok(())
    }

    async fn say(&self, sentence: &str, pieces: Sender<Vec<i16>>) -> Result<(), TurnError> {
        Ok(self.engines.text_to_speech.speak(sentence, Rate::REALTIME, &pieces).await?)
    }

    async fn hand_on(&self, mut audio: Receiver<Vec<i16>>) -> Result<(), TurnError> {
        while let Some(samples) =
            in_time(self.settings.times.text_to_speech.get(), "text to speech", &mut audio).await?
        {
            self.events.send(TurnEvent::Audio(samples)).await?;
        }
        Ok(())
    }
}

async fn send(sentences: Option<&Sender<String>>, sentence: String) -> Result<(), TurnError> {
    match sentences {
        Some(sentences) => Ok(sentences.send(sentence).await?),
        None => Ok(()),
    }
}

/// What an engine gives next, if it gives it in time.
async fn in_time<T>(limit: Duration, engine: &'static str, from: &mut Receiver<T>) -> Result<Option<T>, TurnError> {
    timeout(limit, from.recv()).await.map_err(|_| TurnError::TooSlow(Label::new(engine)))
}
