//! The Wyoming protocol over TCP, as Home Assistant speaks it: `describe`, `transcribe`, `synthesize`, `ping`.

pub(crate) mod event;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;

use crate::audio::{self, Audio, Rate};
use crate::engine::{EngineError, Origin};
use crate::pace::Pace;
use crate::queue::{Receiver, hand_over};
use crate::service::{Admission, Shared};
use crate::structured::{Label, Spawner};
use crate::telemetry::REFUSED;

use event::{Event, EventError};

/// Why a connection ended as it should not.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WyomingError {
    /// The client does not take what it is sent.
    #[error("the client does not read")]
    ClientStalls,
}

/// A request that was not done. The client is told.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("{0}")]
    Malformed(&'static str),
    #[error("the audio is longer than an utterance may be")]
    TooLong,
    #[error("{0} took too long")]
    TooSlow(&'static str),
    #[error(transparent)]
    Rate(#[from] audio::UnknownRate),
    #[error(transparent)]
    HalfSample(#[from] audio::HalfSample),
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl Refused {
    fn code(&self) -> &'static str {
        match self {
            Refused::Malformed(_) | Refused::Rate(_) | Refused::HalfSample(_) => "invalid-request",
            Refused::TooLong => "audio-too-long",
            Refused::TooSlow(_) => "timeout",
            Refused::Engine(_) => "engine-failed",
        }
    }
}

/// Serves one connection until the client leaves, is silent for too long, or shutdown comes.
pub(crate) async fn serve(
    stream: TcpStream,
    shared: Arc<Shared>,
    spawner: Spawner,
    _admission: Arc<Admission>,
) -> Result<(), WyomingError> {
    let (reader, writer) = stream.into_split();
    let mut connection = Connection { shared, reader: BufReader::new(reader), writer, utterance: None };
    spawner.token().run_until_cancelled(connection.run()).await.unwrap_or(Ok(()))
}

struct Connection {
    shared: Arc<Shared>,
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    utterance: Option<Utterance>,
}

/// What has been heard since `audio-start`.
struct Utterance {
    rate: Rate,
    samples: Vec<i16>,
    most: usize,
}

impl Utterance {
    fn add(&mut self, samples: &[i16]) -> Result<(), Refused> {
        if self.samples.len() + samples.len() > self.most {
            return Err(Refused::TooLong);
        }
        self.samples.extend_from_slice(samples);
        Ok(())
    }
}

impl Connection {
    async fn run(&mut self) -> Result<(), WyomingError> {
        let receive = self.shared.settings.times.receive.get();
        let most = self.shared.settings.limits.message_bytes.get();
        let mut pace = Pace::new(&self.shared.settings.limits);
        loop {
            pace.keep().await;
            let event = match timeout(receive, event::read(&mut self.reader, most)).await {
                Err(_) => {
                    tracing::info!("client silent for too long, taken for gone");
                    return Ok(());
                }
                Ok(Ok(Some(event))) => event,
                Ok(Ok(None) | Err(EventError::Io(_))) => return Ok(()),
                Ok(Err(EventError::Malformed(why))) => {
                    // What follows cannot be told from what was wrong.
                    return self.tell_refused(&Refused::Malformed(why)).await;
                }
            };
            self.handle(event).await?;
        }
    }

    async fn handle(&mut self, event: Event) -> Result<(), WyomingError> {
        let done = match event.kind.as_str() {
            "describe" => return self.send("info", &self.info(), &[]).await,
            "ping" => return self.send("pong", &json!({ "text": event.data.get("text") }), &[]).await,
            "transcribe" => {
                self.utterance = None;
                Ok(())
            }
            "audio-start" => self.start(&event),
            "audio-chunk" => self.chunk(&event),
            "audio-stop" => match self.transcribe().await {
                Ok(text) => return self.send("transcript", &json!({ "text": text }), &[]).await,
                Err(refused) => Err(refused),
            },
            "synthesize" => return self.synthesize(&event).await,
            // Servers are expected to pass over what they do not know.
            _ => Ok(()),
        };
        match done {
            Ok(()) => Ok(()),
            Err(refused) => self.tell_refused(&refused).await,
        }
    }

    fn start(&mut self, event: &Event) -> Result<(), Refused> {
        let number = |key| event.data.get(key).and_then(Value::as_u64);
        if number("width") != Some(2) || number("channels") != Some(1) {
            return Err(Refused::Malformed("audio is mono, and two bytes wide"));
        }
        let rate = Rate::new(number("rate").and_then(|rate| u32::try_from(rate).ok()).unwrap_or(0))?;
        let most = rate.samples(self.shared.settings.hearing.longest.get());
        self.utterance = Some(Utterance { rate, samples: Vec::new(), most });
        Ok(())
    }

    fn chunk(&mut self, event: &Event) -> Result<(), Refused> {
        let utterance = self.utterance.as_mut().ok_or(Refused::Malformed("`audio-chunk` without `audio-start`"))?;
        utterance.add(&audio::samples(&event.payload)?)
    }

    async fn transcribe(&mut self) -> Result<String, Refused> {
        let heard = self.utterance.take().ok_or(Refused::Malformed("`audio-stop` without `audio-start`"))?;
        let audio = Audio { rate: heard.rate, samples: heard.samples };
        let limit = self.shared.settings.times.speech_to_text.get();
        let transcribed = timeout(limit, self.shared.engines.speech_to_text.transcribe(&audio)).await;
        Ok(transcribed.map_err(|_| Refused::TooSlow("speech to text"))??)
    }

    async fn synthesize(&mut self, event: &Event) -> Result<(), WyomingError> {
        let most = self.shared.settings.limits.text_chars.get();
        let Some(text) = event.data.get("text").and_then(Value::as_str).filter(|text| text.chars().count() <= most)
        else {
            return self.tell_refused(&Refused::Malformed("`text` is missing or too long")).await;
        };
        let rate = Rate::WYOMING;
        let format = json!({ "rate": rate.hertz(), "width": 2, "channels": 1 });
        self.send("audio-start", &format, &[]).await?;
        let engine = self.shared.engines.text_to_speech.clone();
        let (pieces, audio) = hand_over(Label::new("wyoming audio"), self.shared.settings.queues.speech);
        let mut spoken = Ok(());
        let speaking = async {
            spoken = engine.speak(text, rate, &pieces).await;
            // With the queue ends what is handed on.
            drop(pieces);
            std::future::pending().await
        };
        // An engine that stalls is stopped by whoever waits for it, and does not hold up the connection.
        let handed_on = tokio::select! {
            handed_on = self.hand_on(audio, &format) => handed_on?,
            never = speaking => never,
        };
        match (spoken, handed_on) {
            (Ok(()), Ok(())) => self.send("audio-stop", &json!({}), &[]).await,
            (Err(error), _) => self.tell_refused(&error.into()).await,
            (_, Err(refused)) => self.tell_refused(&refused).await,
        }
    }

    /// Sends the audio as it comes.
    async fn hand_on(
        &mut self,
        mut audio: Receiver<Vec<i16>>,
        format: &Value,
    ) -> Result<Result<(), Refused>, WyomingError> {
        let limit = self.shared.settings.times.text_to_speech.get();
        loop {
            match timeout(limit, audio.recv()).await {
                Ok(Some(samples)) => self.send("audio-chunk", format, &audio::bytes(&samples)).await?,
                Ok(None) => return Ok(Ok(())),
                Err(_) => return Ok(Err(Refused::TooSlow("text to speech"))),
            }
        }
    }

    async fn tell_refused(&mut self, refused: &Refused) -> Result<(), WyomingError> {
        REFUSED.increment([Label::new("wyoming")]);
        let error = json!({ "text": refused.to_string(), "code": refused.code() });
        self.send("error", &error, &[]).await
    }

    /// Sends an event. A client that has gone is no failure: reading tells it.
    async fn send(&mut self, kind: &str, data: &Value, payload: &[u8]) -> Result<(), WyomingError> {
        let limit: Duration = self.shared.settings.times.send.get();
        let bytes = event::write(kind, data, payload);
        match timeout(limit, self.writer.write_all(&bytes)).await {
            Ok(Ok(()) | Err(_)) => Ok(()),
            Err(_) => Err(WyomingError::ClientStalls),
        }
    }

    fn info(&self) -> Value {
        let engines = &self.shared.engines;
        let about = |name: Label, origin: Origin| {
            json!({
                "name": name.as_str(), "description": origin.description,
                "attribution": { "name": origin.author, "url": origin.url },
                "installed": true, "version": env!("CARGO_PKG_VERSION"), "languages": ["en"],
            })
        };
        let program = |name: Label, origin: Origin, kind: &str| {
            let mut program = about(name, origin);
            program[kind] = json!([about(name, origin)]);
            program
        };
        let (hears, speaks) = (&engines.speech_to_text, &engines.text_to_speech);
        json!({
            "asr": [program(hears.name(), hears.origin(), "models")],
            "tts": [program(speaks.name(), speaks.origin(), "voices")],
            "handle": [], "intent": [], "wake": [], "mic": [], "snd": [],
        })
    }
}
