//! A conversation, whatever the protocol that carries it.

mod ear;
mod history;
mod message;
mod turn;
mod voice;

use std::collections::VecDeque;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use tokio::time::timeout;

use crate::aftermath::{Finished, Left, VoiceSample};
use crate::archive::{NotKept, Utterance};
use crate::audio::{Audio, Rate};
use crate::background::Desks;
use crate::engine::{Engines, Said, Who};
use crate::queue::{Receiver, Sender};
use crate::settings::Settings;
use crate::structured::{Label, Spawner};
use crate::telemetry::{self, TURN_ENDS, TURN_SECONDS};

use ear::{Ear, EarEvent};
use history::{Entry, History};
pub use message::{Command, Configuration, Detection, Event, Form, Modality, Refusal, Request, Response, Status};
pub use turn::TurnError;
use turn::{Job, TurnEvent};
use voice::{Silent, Voice};

/// Why a conversation cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// The client does not take what it is sent.
    #[error("the client does not read")]
    ClientStalls,
    /// The connection is gone.
    #[error("the connection is gone")]
    ConnectionGone,
    /// The service takes no new work.
    #[error(transparent)]
    Closing(#[from] crate::structured::Closed),
    /// What was heard cannot be kept.
    #[error(transparent)]
    NotKept(#[from] NotKept),
}

/// One conversation: commands come in, events go out, at most one turn is being answered.
#[derive(Debug)]
pub struct Session {
    settings: Arc<Settings>,
    engines: Engines,
    spawner: Spawner,
    desks: Desks,
    /// The name of the conversation, which no other has, in this process or another.
    name: String,
    events: Sender<Event>,
    configuration: Configuration,
    ear: Ear,
    voice: Voice,
    history: History,
    waiting: VecDeque<Job>,
    /// Whether a sample of the speaker's voice has been handed in, or none is wanted.
    sampled: bool,
}

/// What a conversation waits for.
enum Next {
    Request(Request),
    /// What the turn says, or nothing when it has ended.
    Turn(Option<TurnEvent>),
}

impl Session {
    /// A conversation that starts its turns through `spawner` and tells what happens through `events`.
    pub fn new(
        settings: Arc<Settings>,
        engines: Engines,
        desks: Desks,
        spawner: Spawner,
        events: Sender<Event>,
    ) -> Self {
        let configuration = Configuration::new(&settings);
        let ear = Ear::new(&settings.hearing, configuration.detection, Rate::REALTIME);
        let history = History::new(settings.conversation.entries);
        let voice = Voice::Silent(Silent);
        let (name, waiting) = (unique(), VecDeque::new());
        let sampled = settings.aftermath.speaker_sample.get().is_zero();
        Self { settings, engines, spawner, desks, name, events, configuration, ear, voice, history, waiting, sampled }
    }

    /// Runs until the client has no more commands, or until the scope of the spawner is cancelled. Either way, a
    /// turn that is being answered is ended before this comes back.
    pub async fn run(mut self, mut commands: Receiver<Request>) -> Result<(), SessionError> {
        let _held = telemetry::SESSIONS.hold();
        let result = self.serve(&mut commands).await;
        if let Voice::Answering(answering) = std::mem::replace(&mut self.voice, Voice::Silent(Silent)) {
            let (Silent, unheard) = answering.interrupt(self.settings.times.interrupt.get()).await;
            tracing::debug!(items = unheard.dropped_items, "turn ended with its session");
            TURN_ENDS.increment([Label::new("session_over")]);
            if let Some(response) = &unheard.response {
                self.finished(response, &unheard.spoken.heard(unheard.heard_millis));
            }
        }
        let left = commands.discard();
        if !left.is_empty() || !self.waiting.is_empty() {
            tracing::info!(commands = left.len(), turns = self.waiting.len(), "session over with work left");
        }
        result
    }

    async fn serve(&mut self, commands: &mut Receiver<Request>) -> Result<(), SessionError> {
        let token = self.spawner.token().clone();
        self.emit(Event::Created(self.configuration.clone())).await?;
        loop {
            let next = tokio::select! {
                biased;
                () = token.cancelled() => return Ok(()),
                event = self.voice.next() => Next::Turn(event),
                request = commands.recv() => match request {
                    Some(request) => Next::Request(request),
                    None => return Ok(()),
                },
            };
            match next {
                Next::Turn(Some(event)) => self.told(event).await?,
                Next::Turn(None) => self.turn_over().await?,
                Next::Request(request) => self.asked(request).await?,
            }
        }
    }

    /// Sends an event, unless the client does not take it.
    async fn emit(&self, event: Event) -> Result<(), SessionError> {
        match timeout(self.settings.times.send.get(), self.events.send(event)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(SessionError::ConnectionGone),
            Err(_) => Err(SessionError::ClientStalls),
        }
    }

    async fn asked(&mut self, request: Request) -> Result<(), SessionError> {
        let Request { id, command } = request;
        let refused = match command {
            Command::Audio(samples) => self.hear(&samples).await?,
            Command::Configure(configuration) => {
                self.configuration = configuration;
                self.ear.set(self.configuration.detection);
                self.emit(Event::Updated(self.configuration.clone())).await?;
                None
            }
            Command::Commit => match self.ear.commit() {
                None => Some(Refusal::NothingToCommit),
                Some((item, audio)) => {
                    self.commit(item, audio, Wanted::Transcript).await?;
                    None
                }
            },
            Command::Clear => {
                self.ear.clear();
                self.emit(Event::Cleared).await?;
                None
            }
            Command::Say { item, who, text } => self.add(item, who, text).await?,
            Command::Respond { modality } => {
                let modality = modality.unwrap_or(self.configuration.modality);
                if matches!(self.voice, Voice::Answering(_)) {
                    Some(Refusal::AlreadyAnswering)
                } else {
                    self.begin(Job::answer(modality)).await?;
                    None
                }
            }
            Command::Cancel => match self.interrupt("client_cancelled").await? {
                Interrupted::Turn => None,
                Interrupted::Nothing => Some(Refusal::NothingToCancel),
            },
            Command::Truncate { item, heard_millis } => match self.history.truncate(&item, heard_millis) {
                Some(millis) => {
                    self.emit(Event::Truncated { item, heard_millis: millis }).await?;
                    None
                }
                None => Some(Refusal::NoSuchItem),
            },
            Command::Retrieve { item } => match self.history.get(&item) {
                Some(entry) => {
                    let (who, form, text) = (entry.who, entry.form, entry.text.clone());
                    self.emit(Event::Retrieved { item, who, form, text }).await?;
                    None
                }
                None => Some(Refusal::NoSuchItem),
            },
            Command::Delete { item } => {
                if self.history.remove(&item) {
                    self.emit(Event::Deleted { item }).await?;
                    None
                } else {
                    Some(Refusal::NoSuchItem)
                }
            }
            Command::Refuse(refusal) => Some(refusal),
        };
        match refused {
            Some(refusal) => self.emit(Event::Refused { request: id, refusal }).await,
            None => Ok(()),
        }
    }

    /// Adds what was written, not spoken.
    async fn add(&mut self, item: String, who: Who, text: String) -> Result<Option<Refusal>, SessionError> {
        if text.chars().count() > self.settings.limits.text_chars.get() {
            return Ok(Some(Refusal::TextTooLong));
        }
        let entry = Entry::written(item, who, text);
        let event =
            Event::Added { item: entry.id.clone(), who, text: entry.text.clone(), previous: self.history.last() };
        self.history.push(entry);
        self.emit(event).await?;
        Ok(None)
    }

    async fn hear(&mut self, samples: &[i16]) -> Result<Option<Refusal>, SessionError> {
        let mut rest = samples;
        while !rest.is_empty() {
            let (heard, after) = self.ear.listen(rest);
            rest = after;
            match heard {
                None => {}
                Some(EarEvent::Full) => return Ok(Some(Refusal::BufferFull)),
                Some(EarEvent::Started { item, millis }) => {
                    self.emit(Event::SpeechStarted { item, millis }).await?;
                    if self.configuration.detection.is_some_and(|detection| detection.interrupts) {
                        self.interrupt("turn_detected").await?;
                    }
                }
                Some(EarEvent::Stopped { item, millis, audio }) => {
                    self.emit(Event::SpeechStopped { item: item.clone(), millis }).await?;
                    let answers = self.configuration.detection.is_some_and(|detection| detection.answers);
                    let wanted = if answers { Wanted::Answer } else { Wanted::Transcript };
                    self.commit(item, audio, wanted).await?;
                }
            }
        }
        Ok(None)
    }

    /// An utterance is whole: it becomes an entry, and a turn.
    async fn commit(&mut self, item: String, audio: Audio, wanted: Wanted) -> Result<(), SessionError> {
        // Before anyone is told that it was heard, it is kept.
        let audio = Arc::new(audio);
        let utterance = Utterance { session: self.name.clone(), item: item.clone(), audio: audio.clone() };
        match self.spawner.token().run_until_cancelled(self.desks.keeper.keep(utterance)).await {
            Some(kept) => kept?,
            None => return Ok(()),
        }
        self.sample(&item, &audio);
        let previous = self.history.last();
        self.history.push(Entry::heard(item.clone()));
        self.emit(Event::Committed { item: item.clone(), previous }).await?;
        let job = match wanted {
            Wanted::Transcript => Job::transcribe(item, audio),
            Wanted::Answer => Job::hear(item, audio, self.configuration.modality),
        };
        if matches!(self.voice, Voice::Silent(_)) {
            return self.begin(job).await;
        }
        if self.waiting.len() >= self.settings.conversation.waiting_turns.get() {
            return self.emit(Event::Refused { request: None, refusal: Refusal::TooManyTurns }).await;
        }
        self.waiting.push_back(job);
        Ok(())
    }

    async fn begin(&mut self, job: Job) -> Result<(), SessionError> {
        let conversation = self.conversation();
        match std::mem::replace(&mut self.voice, Voice::Silent(Silent)) {
            Voice::Answering(answering) => {
                // Callers ask first; should one not, the turn that runs goes on.
                self.voice = Voice::Answering(answering);
                Ok(())
            }
            Voice::Silent(silent) => {
                let answering = silent.answer(job, conversation, &self.engines, &self.settings, &self.spawner)?;
                let response = answering.response().cloned();
                self.voice = Voice::Answering(answering);
                match response {
                    Some(response) => self.emit(Event::AnswerStarted { response }).await,
                    None => Ok(()),
                }
            }
        }
    }

    /// What the language model is told.
    fn conversation(&self) -> Vec<Said> {
        let instructions = self.configuration.instructions.iter();
        let instructions = instructions.map(|text| Said { who: Who::System, text: text.clone() });
        instructions.chain(self.history.said()).collect()
    }

    /// The turn said something.
    async fn told(&mut self, event: TurnEvent) -> Result<(), SessionError> {
        let Voice::Answering(answering) = &mut self.voice else { return Ok(()) };
        let told = match event {
            TurnEvent::Transcript { item, text } => {
                self.history.transcribed(&item, &text);
                answering.transcribed();
                Event::Transcribed { item, text }
            }
            TurnEvent::Sentence(text) => {
                answering.sentence(text);
                return Ok(());
            }
            TurnEvent::Text(text) => {
                let Some(response) = answering.text(&text) else { return Ok(()) };
                Event::Text { response, text }
            }
            TurnEvent::Audio(samples) => {
                let Some((response, first)) = answering.audio(Rate::REALTIME.millis(samples.len())) else {
                    return Ok(());
                };
                if let Some(waited) = first {
                    TURN_SECONDS.observe(Label::new("turn"), waited);
                }
                Event::Audio { response, samples }
            }
        };
        self.emit(told).await
    }

    /// The turn has nothing more to say.
    async fn turn_over(&mut self) -> Result<(), SessionError> {
        let Voice::Answering(answering) = std::mem::replace(&mut self.voice, Voice::Silent(Silent)) else {
            return Ok(());
        };
        let (silent, ended) = answering.finish().await;
        self.voice = Voice::Silent(silent);
        let status = match ended.error {
            None => Status::Completed,
            Some(error) => Status::Failed(error),
        };
        TURN_ENDS.increment([status.label()]);
        if let (Status::Failed(error), Some((item, _))) = (&status, &ended.untranscribed) {
            self.emit(Event::NotTranscribed { item: item.clone(), error: error.clone() }).await?;
        }
        if let Some(response) = ended.response {
            let text = ended.spoken.whole();
            self.finished(&response, &text);
            self.history.push(Entry::answered(response.item.clone(), ended.spoken));
            self.emit(Event::AnswerEnded { response, text, status }).await?;
        }
        self.go_on().await
    }

    /// What follows from a turn is done behind the conversation.
    fn finished(&self, response: &Response, answered: &str) {
        self.desks.outbox.hand_in(Left::Turn(Finished {
            session: self.name.clone(),
            item: response.item.clone(),
            said: self.history.last_of(Who::User).unwrap_or_default(),
            answered: answered.to_owned(),
        }));
    }

    /// Hands in the beginning of what is heard first, as a sample of who speaks.
    fn sample(&mut self, item: &str, audio: &Audio) {
        if std::mem::replace(&mut self.sampled, true) {
            return;
        }
        let most = audio.rate.samples(self.settings.aftermath.speaker_sample.get()).min(audio.samples.len());
        let audio = Audio { rate: audio.rate, samples: audio.samples[..most].to_vec() }.at(Rate::WYOMING);
        let sample = VoiceSample { session: self.name.clone(), item: item.to_owned(), audio };
        self.desks.outbox.hand_in(Left::Voice(sample));
    }

    /// Begins the turn that has waited longest, if one waits.
    async fn go_on(&mut self) -> Result<(), SessionError> {
        match self.waiting.pop_front() {
            Some(job) => self.begin(job).await,
            None => Ok(()),
        }
    }

    /// Ends the turn that is being answered, with an account of what is not heard of it. Keeps what was heard.
    async fn interrupt(&mut self, reason: &'static str) -> Result<Interrupted, SessionError> {
        let answering = match std::mem::replace(&mut self.voice, Voice::Silent(Silent)) {
            Voice::Silent(_) => return Ok(Interrupted::Nothing),
            // There is nothing to hear of a turn that only transcribes.
            Voice::Answering(answering) if answering.response().is_none() => {
                self.voice = Voice::Answering(answering);
                return Ok(Interrupted::Nothing);
            }
            Voice::Answering(answering) => answering,
        };
        let (silent, unheard) = answering.interrupt(self.settings.times.interrupt.get()).await;
        self.voice = Voice::Silent(silent);
        TURN_ENDS.increment([Label::new("interrupted")]);
        if let Some(response) = unheard.response {
            tracing::info!(reason, items = unheard.dropped_items, millis = unheard.dropped_millis, "turn interrupted");
            let entry = Entry::interrupted(response.item.clone(), unheard.spoken, unheard.heard_millis);
            let text = entry.text.clone();
            self.finished(&response, &text);
            self.history.push(entry);
            self.emit(Event::AnswerEnded { response, text, status: Status::Cancelled(reason) }).await?;
        }
        // What the user had said is not lost with the answer to it.
        if let Some((item, audio)) = unheard.untranscribed {
            self.waiting.push_front(Job::transcribe(item, audio));
        }
        self.go_on().await?;
        Ok(Interrupted::Turn)
    }
}

/// A name that no other thing of this process has.
pub(crate) fn name(kind: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("{kind}_{:012x}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A name that nothing else has, in this process or another.
fn unique() -> String {
    let random = RandomState::new().build_hasher().finish();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
    format!("{}_{now:x}_{random:016x}", name("session"))
}

/// Whether there was something to interrupt.
enum Interrupted {
    Turn,
    Nothing,
}

/// What an utterance is committed for.
enum Wanted {
    Transcript,
    Answer,
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
