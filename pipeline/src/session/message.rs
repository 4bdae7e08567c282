use std::sync::Arc;
use std::time::Duration;

use crate::audio::voice::Hearing;
use crate::engine::Who;
use crate::settings::Settings;
use crate::structured::Label;

use super::TurnError;

/// What a client asks for, with the name it gave to the request.
#[derive(Debug, Clone)]
pub struct Request {
    /// The client's own name for it.
    pub id: Option<String>,
    /// What it asks for.
    pub command: Command,
}

/// What a client asks for.
#[derive(Debug, Clone)]
pub enum Command {
    /// To hold this configuration from here on.
    Configure(Configuration),
    /// To hear this.
    Audio(Vec<i16>),
    /// To take what was heard as a whole utterance.
    Commit,
    /// To forget what was heard since the last utterance.
    Clear,
    /// To take this as said.
    Say {
        /// The name of the entry.
        item: String,
        /// Who said it.
        who: Who,
        /// What they said.
        text: String,
    },
    /// To answer.
    Respond {
        /// How, if other than configured.
        modality: Option<Modality>,
    },
    /// To stop answering.
    Cancel,
    /// To remember only what was heard of an answer.
    Truncate {
        /// Which answer.
        item: String,
        /// How much of it was heard.
        heard_millis: u64,
    },
    /// To be told what an entry is.
    Retrieve {
        /// Which entry.
        item: String,
    },
    /// To forget an entry.
    Delete {
        /// Which entry.
        item: String,
    },
    /// Nothing that can be done; the client is told why, in the order of its requests.
    Refuse(Refusal),
}

/// How the service answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Modality {
    /// In speech, with its text.
    Audio,
    /// In text alone.
    Text,
}

/// How something was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// It was written.
    Written,
    /// It was spoken.
    Spoken,
}

/// How turns are detected.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detection {
    /// How a voice is told from silence.
    pub hearing: Hearing,
    /// How much of what was before the voice is kept.
    pub prefix: Duration,
    /// Whether the end of speech begins an answer.
    pub answers: bool,
    /// Whether the beginning of speech ends an answer.
    pub interrupts: bool,
}

/// How a conversation is held.
#[derive(Debug, Clone, PartialEq)]
pub struct Configuration {
    /// How the service answers.
    pub modality: Modality,
    /// What the operator tells the language model.
    pub instructions: Option<String>,
    /// How turns are detected; without it, the client says where they end.
    pub detection: Option<Detection>,
}

impl Configuration {
    /// What holds until a client says otherwise.
    pub fn new(settings: &Settings) -> Self {
        Self { modality: Modality::Audio, instructions: None, detection: Some(Detection::new(settings)) }
    }
}

impl Detection {
    /// What holds until a client says otherwise.
    pub fn new(settings: &Settings) -> Self {
        let heard = &settings.hearing;
        let hearing =
            Hearing { threshold: heard.threshold.get(), onset: heard.onset.get(), silence: heard.silence.get() };
        Self { hearing, prefix: heard.prefix.get(), answers: true, interrupts: true }
    }
}

/// An answer that is being given.
#[derive(Debug, PartialEq, Eq)]
pub struct Response {
    /// Its name.
    pub id: String,
    /// The name of the entry that it becomes.
    pub item: String,
    /// How it is given.
    pub modality: Modality,
}

/// How an answer ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// It is whole.
    Completed,
    /// It was ended, for this reason.
    Cancelled(&'static str),
    /// It broke off.
    Failed(TurnError),
}

impl Status {
    /// The status as metrics name it.
    pub fn label(&self) -> Label {
        Label::new(match self {
            Status::Completed => "completed",
            Status::Cancelled(_) => "cancelled",
            Status::Failed(_) => "failed",
        })
    }
}

/// What happens in a conversation.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// It began.
    Created(Configuration),
    /// It is held differently.
    Updated(Configuration),
    /// Somebody started to speak; what they say will be this entry.
    SpeechStarted {
        /// The entry.
        item: String,
        /// When, since the session began.
        millis: u64,
    },
    /// They stopped.
    SpeechStopped {
        /// The entry.
        item: String,
        /// When, since the session began.
        millis: u64,
    },
    /// What was heard is an utterance.
    Committed {
        /// The entry.
        item: String,
        /// The entry before it.
        previous: Option<String>,
    },
    /// What was heard is forgotten.
    Cleared,
    /// Something written was taken as said.
    Added {
        /// The entry.
        item: String,
        /// Who said it.
        who: Who,
        /// What they said.
        text: String,
        /// The entry before it.
        previous: Option<String>,
    },
    /// An utterance has a text.
    Transcribed {
        /// The entry.
        item: String,
        /// The text.
        text: String,
    },
    /// An utterance has no text.
    NotTranscribed {
        /// The entry.
        item: String,
        /// Why.
        error: TurnError,
    },
    /// An answer began.
    AnswerStarted {
        /// The answer.
        response: Arc<Response>,
    },
    /// A piece of the text of an answer.
    Text {
        /// The answer.
        response: Arc<Response>,
        /// The piece.
        text: String,
    },
    /// A piece of the speech of an answer.
    Audio {
        /// The answer.
        response: Arc<Response>,
        /// The piece.
        samples: Vec<i16>,
    },
    /// An answer is over.
    AnswerEnded {
        /// The answer.
        response: Arc<Response>,
        /// What was said of it.
        text: String,
        /// How it ended.
        status: Status,
    },
    /// Only this much of an answer is remembered.
    Truncated {
        /// The entry.
        item: String,
        /// How much.
        heard_millis: u64,
    },
    /// What an entry is.
    Retrieved {
        /// The entry.
        item: String,
        /// Who said it.
        who: Who,
        /// How it was said.
        form: Form,
        /// What they said.
        text: String,
    },
    /// An entry is forgotten.
    Deleted {
        /// The entry.
        item: String,
    },
    /// A request was refused. The conversation goes on.
    Refused {
        /// The client's name for the request.
        request: Option<String>,
        /// Why.
        refusal: Refusal,
    },
}

/// Why a request was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no audio since the last utterance.
    #[error("there is no audio to commit")]
    NothingToCommit,
    /// More audio than an utterance may have.
    #[error("the audio buffer is full: commit it or clear it")]
    BufferFull,
    /// An answer is being given.
    #[error("a response is in progress already: cancel it, or wait for its end")]
    AlreadyAnswering,
    /// No answer is being given.
    #[error("there is no response to cancel")]
    NothingToCancel,
    /// More utterances than may wait for an answer.
    #[error("too many turns wait for an answer")]
    TooManyTurns,
    /// The text is longer than it may be.
    #[error("the text is too long")]
    TextTooLong,
    /// No entry has this name.
    #[error("there is no such item")]
    NoSuchItem,
    /// The request is not understood.
    #[error("{message}")]
    Malformed {
        /// A word for programs.
        code: &'static str,
        /// Where in the request.
        parameter: Option<&'static str>,
        /// A sentence for people.
        message: String,
    },
}

impl Refusal {
    /// A word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::NothingToCommit => "input_audio_buffer_commit_empty",
            Refusal::BufferFull => "input_audio_buffer_full",
            Refusal::AlreadyAnswering => "conversation_already_has_active_response",
            Refusal::NothingToCancel => "response_cancel_not_active",
            Refusal::TooManyTurns => "too_many_turns",
            Refusal::TextTooLong => "text_too_long",
            Refusal::NoSuchItem => "item_not_found",
            Refusal::Malformed { code, .. } => code,
        }
    }
}
