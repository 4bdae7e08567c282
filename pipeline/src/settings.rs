//! Settings: a file, the environment over it, defaults under it. All of them are checked before anything starts.
//!
//! A setting `key` in a section `[section]` is `UNLEAK_PIPELINE_SECTION_KEY` in the environment.

mod check;
mod kinds;

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use kinds::{Endpoint, Role, Seconds, Secret, Share, SpeechToText, TextToSpeech};

/// What settings in the environment begin with.
pub const PREFIX: &str = "UNLEAK_PIPELINE_";

/// Where settings are looked for when no file is named. The second is what `pipeline/setup.sh` writes.
const PLACES: [&str; 2] = ["unleak-pipeline.toml", "pipeline/engines/settings.toml"];

/// The settings that are in `folder`, if there are some.
pub fn find(folder: &Path) -> Option<PathBuf> {
    PLACES.iter().map(|place| folder.join(place)).find(|place| place.exists())
}

macro_rules! section {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $kind:ty = $default:expr,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name { $($(#[$field_doc])* pub $field: $kind,)* }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }
    };
}

const fn count(count: usize) -> NonZeroUsize {
    match NonZeroUsize::new(count) {
        Some(count) => count,
        None => panic!("a default is at least one"),
    }
}

section! {
    /// All settings.
    Settings {
        /// What this process does.
        process: Process = Process::default(),
        /// Where the service listens.
        listen: Listen = Listen::default(),
        /// Who may come in.
        security: Security = Security::default(),
        /// How much is accepted.
        limits: Limits = Limits::default(),
        /// How a voice is told from silence.
        hearing: Hearing = Hearing::default(),
        /// What a conversation keeps.
        conversation: Conversation = Conversation::default(),
        /// How long queues may be.
        queues: Queues = Queues::default(),
        /// How long things may take.
        times: Times = Times::default(),
        /// What listens, thinks and speaks.
        engines: Engines = Engines::default(),
        /// What is kept, and where.
        store: Store = Store::default(),
        /// What is done after a turn.
        aftermath: Aftermath = Aftermath::default(),
        /// What operators are shown.
        diagnostics: Diagnostics = Diagnostics::default(),
    }
}

section! {
    /// What this process does. Several share the work through `store.nats`.
    Process {
        /// Its part of the work.
        role: Role = Role::All,
    }
}

section! {
    /// Where the service listens. Addresses other than loopback need a key.
    Listen {
        /// HTTP and WebSocket.
        http: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 8300)),
        /// Wyoming.
        wyoming: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 10300)),
    }
}

section! {
    /// Who may come in.
    Security {
        /// What clients must show. Without it, everyone who can connect may.
        key: Option<Secret> = None,
        /// Whether everyone who reaches its port may speak Wyoming, which knows no key. Other than on loopback, it must be said.
        open_wyoming: bool = false,
        /// Origins of pages, other than the service's own, that may connect from a browser.
        origins: Vec<String> = Vec::new(),
    }
}

section! {
    /// How much is accepted.
    Limits {
        /// Connections at once, over all interfaces.
        connections: NonZeroUsize = count(2_000),
        /// Conversations at once.
        sessions: NonZeroUsize = count(1_000),
        /// The bytes of one message.
        message_bytes: NonZeroUsize = count(1024 * 1024),
        /// Messages of one client in a second, on average.
        messages_per_second: NonZeroUsize = count(200),
        /// Messages of one client at once.
        message_burst: NonZeroUsize = count(2_000),
        /// The characters of one text, whoever wrote it.
        text_chars: NonZeroUsize = count(20_000),
    }
}

section! {
    /// How a voice is told from silence, unless a client says otherwise.
    Hearing {
        /// The loudness of a voice, as a share of full scale.
        threshold: Share = Share::of(0.02),
        /// How long a sound must last to be a voice.
        onset: Seconds = Seconds::of(0.06),
        /// How long a silence must last to be the end.
        silence: Seconds = Seconds::of(0.5),
        /// How much of what was before the voice is kept.
        prefix: Seconds = Seconds::of(0.3),
        /// How long one utterance may be.
        longest: Seconds = Seconds::of(60.0),
    }
}

section! {
    /// What a conversation keeps.
    Conversation {
        /// The entries that are remembered.
        entries: NonZeroUsize = count(64),
        /// The characters of a sentence that is spoken at once.
        sentence_chars: NonZeroUsize = count(crate::text::chunker::CAP),
        /// Turns that wait for the one that is being answered.
        waiting_turns: NonZeroUsize = count(4),
    }
}

section! {
    /// How long queues may be.
    Queues {
        /// From a client to its conversation.
        commands: NonZeroUsize = count(32),
        /// From a conversation to its client.
        events: NonZeroUsize = count(32),
        /// From a turn to its conversation.
        speech: NonZeroUsize = count(32),
        /// From the language model to the chunker.
        tokens: NonZeroUsize = count(64),
        /// From the chunker to the voice.
        sentences: NonZeroUsize = count(4),
        /// From conversations to the keeper of recordings.
        keeper: NonZeroUsize = count(64),
        /// From the keeper to the archiver; what has no room there waits on disk.
        archiver: NonZeroUsize = count(16),
        /// From conversations to what is done after turns.
        aftermath: NonZeroUsize = count(1_000),
    }
}

section! {
    /// How long things may take.
    Times {
        /// Until a silent client is taken for gone.
        receive: Seconds = Seconds::of(300.0),
        /// Until a client that does not read is taken for gone.
        send: Seconds = Seconds::of(10.0),
        /// Until a client has said what it wants.
        handshake: Seconds = Seconds::of(10.0),
        /// For one utterance to become text.
        speech_to_text: Seconds = Seconds::of(10.0),
        /// From one token to the next.
        language_model: Seconds = Seconds::of(5.0),
        /// From one piece of audio to the next.
        text_to_speech: Seconds = Seconds::of(5.0),
        /// For a turn to end when it is interrupted.
        interrupt: Seconds = Seconds::of(1.0),
        /// For a conversation to end.
        drain: Seconds = Seconds::of(30.0),
        /// For what was aborted to go.
        after_abort: Seconds = Seconds::of(5.0),
        /// For a job to be done, until another worker may have it.
        job: Seconds = Seconds::of(30.0),
        /// For an integration to take what it is told.
        webhook: Seconds = Seconds::of(10.0),
        /// For the language model to say what of a turn is worth remembering.
        memory: Seconds = Seconds::of(10.0),
        /// For one call of a store, and for the embedded database to give up a lock.
        store: Seconds = Seconds::of(2.0),
        /// For a store outside to take a recording.
        archive: Seconds = Seconds::of(10.0),
        /// Until what could not be written or archived is tried again.
        retry: Seconds = Seconds::of(1.0),
        /// For the whole service to end.
        shutdown: Seconds = Seconds::of(60.0),
    }
}

section! {
    /// What listens, thinks and speaks.
    Engines {
        /// How many words the built-in responder says in a second.
        words_per_second: NonZeroUsize = count(50),
        /// The base address of a server that speaks the chat completions of OpenAI, as `http://127.0.0.1:8000/v1`.
        /// Without it, the built-in responder answers.
        language_model_url: Option<String> = None,
        /// The name of its model.
        language_model: String = "default".to_owned(),
        /// Its key.
        language_model_key: Option<Secret> = None,
        /// What listens: `tones`, a double, `sherpa-onnx`, or a server: `wyoming`, `openai`.
        speech_to_text: SpeechToText = SpeechToText::Tones,
        /// The server that listens: host and port for Wyoming, a base address as `http://127.0.0.1:8000/v1` for OpenAI.
        speech_to_text_server: String = String::new(),
        /// The name of its model, for OpenAI.
        speech_to_text_model: String = "whisper-1".to_owned(),
        /// The C library of sherpa-onnx. `pipeline/setup.sh` brings it, and the models.
        sherpa_library: PathBuf = PathBuf::from("libsherpa-onnx-c-api.so"),
        /// The folder of its models.
        sherpa_models: PathBuf = PathBuf::from("models"),
        /// Utterances that are recognised at once. Each of them takes the memory of the models.
        recognisers: NonZeroUsize = count(1),
        /// The threads of each.
        recogniser_threads: NonZeroUsize = count(2),
        /// What speaks: `tones`, a double, `espeak-ng`, or a server: `wyoming`, `openai`.
        text_to_speech: TextToSpeech = TextToSpeech::Tones,
        /// The server that speaks: host and port for Wyoming, a base address as `http://127.0.0.1:8000/v1` for OpenAI.
        text_to_speech_server: String = String::new(),
        /// The name of its model, for OpenAI.
        text_to_speech_model: String = "tts-1".to_owned(),
        /// Its voice, for OpenAI.
        voice: String = "alloy".to_owned(),
        /// The key of the servers that listen and speak, for OpenAI.
        speech_key: Option<Secret> = None,
        /// The program `espeak-ng`.
        espeak_program: PathBuf = PathBuf::from("espeak-ng"),
        /// Its voice, as `espeak-ng --voices` lists them.
        espeak_voice: String = "en-us".to_owned(),
    }
}

section! {
    /// What is kept, and where.
    Store {
        /// The folder of the database, the archive and the spill.
        folder: PathBuf = PathBuf::from("unleak-pipeline-data"),
        /// A PostgreSQL that remembers, as `postgres://user:password@host/database`, with `sslmode` and
        /// `sslrootcert` where it is to be secured. Without it, SQLite does, in the folder.
        postgres: Option<Secret> = None,
        /// The connections to it at once.
        connections: NonZeroUsize = count(4),
        /// A NATS server with JetStream that keeps what is to be done, as `nats://user:password@host:4222`. Without it,
        /// SQLite does, in the folder.
        nats: Option<Secret> = None,
        /// The jobs of a kind that SQLite keeps. What has no room is dropped, and counted.
        jobs: NonZeroUsize = count(100_000),
        /// The calls of NATS at once.
        calls: NonZeroUsize = count(256),
        /// The bytes of all jobs that NATS keeps.
        jobs_bytes: NonZeroUsize = count(1024 * 1024 * 1024),
        /// A bucket of a store that speaks S3, for the archive. Without it, the archive is in the folder.
        archive_bucket: Option<String> = None,
        /// The address of that store, as `https://host:9000`. Without it, it is that of Amazon in the region.
        archive_endpoint: Option<Endpoint> = None,
        /// Its region. Without it, `us-east-1`.
        archive_region: Option<String> = None,
        /// The name of the key to it.
        archive_key: Option<Secret> = None,
        /// The key.
        archive_secret: Option<Secret> = None,
    }
}

section! {
    /// What is done after a turn.
    Aftermath {
        /// An integration that is told of each turn: an address over http or https.
        webhook: Option<String> = None,
        /// Memories of one turn.
        memories: NonZeroUsize = count(8),
        /// The characters of one memory.
        memory_chars: NonZeroUsize = count(500),
        /// Turns of which it is found out at once what is worth remembering.
        extractions: NonZeroUsize = count(4),
        /// How much of the speaker's voice is kept of each conversation; 0 keeps nothing.
        speaker_sample: Seconds = Seconds::of(2.0),
    }
}

section! {
    /// What operators are shown.
    Diagnostics {
        /// Whether `/memory` tells where memory is.
        memory: bool = false,
        /// Then, the bytes that are allocated between two samples of where, on average. With 0, no samples are taken.
        sample_bytes: usize = 512 * 1024,
    }
}

/// What is wrong with the settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("cannot read {path}: {why}")]
    Unreadable {
        /// Which file.
        path: String,
        /// Why.
        why: std::io::Error,
    },
    /// The text is not what settings look like.
    #[error("{origin}: {why}")]
    Malformed {
        /// The file, or the name in the environment.
        origin: String,
        /// What is wrong with it.
        why: String,
    },
    /// The settings contradict each other.
    #[error("{0}")]
    Contradiction(&'static str),
}

impl Diagnostics {
    /// The bytes between two samples of where memory is held, if they are to be taken.
    pub(crate) fn sampling(&self) -> Option<NonZeroUsize> {
        NonZeroUsize::new(self.sample_bytes).filter(|_| self.memory)
    }
}

impl Settings {
    /// Reads `file`, if there is one, and `environment` over it.
    pub fn read(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, SettingsError> {
        let mut table = match file {
            None => toml::Table::new(),
            Some(path) => {
                let name = path.display().to_string();
                let text = std::fs::read_to_string(path)
                    .map_err(|why| SettingsError::Unreadable { path: name.clone(), why })?;
                // Read alone first, so that what is wrong in it is told with its line.
                toml::from_str::<Self>(&text).map_err(|why| malformed(&name, &why))?;
                text.parse().map_err(|why| malformed(&name, &why))?
            }
        };
        let mut origin = Vec::new();
        for (name, value) in environment {
            if let Some(setting) = name.strip_prefix(PREFIX) {
                overlay(&mut table, setting, value)
                    .ok_or_else(|| malformed(&name, &"a setting is named by its section and its key"))?;
                origin.push(name);
            }
        }
        let origin = if origin.is_empty() { "settings".to_owned() } else { origin.join(", ") };
        let settings: Self = table.try_into().map_err(|why: toml::de::Error| malformed(&origin, &why.message()))?;
        settings.check()?;
        Ok(settings)
    }

    /// The settings as a file that says the same, but for secrets.
    pub fn show(&self) -> String {
        let mut text = String::from("# What holds now. A secret is shown as set or not.\n");
        match toml::to_string(self) {
            Ok(settings) => text.push_str(&settings),
            Err(error) => text.push_str(&format!("# cannot be shown: {error}")),
        }
        text
    }
}

/// Puts `value` at `SECTION_KEY`. It is read as TOML if that is what the setting is, as text otherwise: a key can look like a
/// number.
fn overlay(table: &mut toml::Table, setting: &str, value: String) -> Option<()> {
    let (section, key) =
        setting.to_lowercase().split_once('_').map(|(section, key)| (section.to_owned(), key.to_owned()))?;
    let read = format!("value = {value}").parse::<toml::Table>().ok().and_then(|mut table| table.remove("value"));
    let text = toml::Value::String(value);
    let fits = |value: &toml::Value| {
        let section_alone = toml::Table::from_iter([(key.clone(), value.clone())]);
        toml::Table::from_iter([(section.clone(), section_alone.into())]).try_into::<Settings>().is_ok()
    };
    let value = read.filter(|read| fits(read) || !fits(&text)).unwrap_or(text);
    let section = table.entry(section).or_insert_with(|| toml::Table::new().into());
    section.as_table_mut()?.insert(key, value);
    Some(())
}

fn malformed(origin: &str, why: &dyn std::fmt::Display) -> SettingsError {
    SettingsError::Malformed { origin: origin.to_owned(), why: why.to_string() }
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
