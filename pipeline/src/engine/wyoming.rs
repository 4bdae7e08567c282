use std::num::NonZeroUsize;

use serde_json::{Value, json};
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::{Engine, EngineError, Origin, SpeechToText, TextToSpeech, Work};
use crate::audio::resample::Resampler;
use crate::audio::{self, Audio, Rate};
use crate::queue::Sender;
use crate::structured::Label;
use crate::wyoming::event::{self, Event};

/// Speech in either direction behind any server that speaks Wyoming, over a connection for each piece of work.
#[derive(Debug)]
pub struct Wyoming {
    address: String,
    event_bytes: usize,
}

const NAME: Label = Label::new("wyoming");
/// Samples in one event.
const PIECE: usize = 2_048;

impl Wyoming {
    /// The server at `address`, a host and a port, whose events have at most `event_bytes`.
    pub fn new(address: String, event_bytes: NonZeroUsize) -> Self {
        Self { address, event_bytes: event_bytes.get() }
    }

    async fn connect(&self) -> Result<Connection, EngineError> {
        let stream = TcpStream::connect(&self.address).await;
        let stream = stream.map_err(|error| wrong(format!("{} cannot be reached: {error}", self.address)))?;
        Ok(Connection { stream: BufReader::new(stream), most: self.event_bytes })
    }
}

fn wrong(why: impl Into<String>) -> EngineError {
    EngineError { engine: NAME, why: why.into() }
}

/// A connection to the server. Its drop closes it, and the server stops.
struct Connection {
    stream: BufReader<TcpStream>,
    most: usize,
}

impl Connection {
    async fn send(&mut self, kind: &str, data: &Value, payload: &[u8]) -> Result<(), EngineError> {
        let sent = self.stream.write_all(&event::write(kind, data, payload)).await;
        sent.map_err(|error| wrong(format!("the server broke off: {error}")))
    }

    /// The next event; an error is told as one.
    async fn next(&mut self) -> Result<Event, EngineError> {
        let read = event::read(&mut self.stream, self.most).await;
        let event = read.map_err(|error| wrong(error.to_string()))?;
        let event = event.ok_or_else(|| wrong("the server broke off before it was done"))?;
        if event.kind == "error" {
            let text = event.data.get("text").and_then(Value::as_str).unwrap_or("an error");
            return Err(wrong(format!("the server says: {}", text.chars().take(200).collect::<String>())));
        }
        Ok(event)
    }
}

impl Engine for Wyoming {
    fn name(&self) -> Label {
        NAME
    }

    fn origin(&self) -> Origin {
        Origin::ours("a server that speaks Wyoming")
    }
}

impl SpeechToText for Wyoming {
    fn transcribe<'a>(&'a self, audio: &'a Audio) -> Work<'a, String> {
        Box::pin(async move {
            let audio = audio.at(Rate::WYOMING);
            let mut server = self.connect().await?;
            let format = json!({ "rate": audio.rate.hertz(), "width": 2, "channels": 1 });
            server.send("transcribe", &json!({}), &[]).await?;
            server.send("audio-start", &format, &[]).await?;
            for piece in audio.samples.chunks(PIECE) {
                server.send("audio-chunk", &format, &audio::bytes(piece)).await?;
            }
            server.send("audio-stop", &json!({}), &[]).await?;
            loop {
                let event = server.next().await?;
                if event.kind == "transcript" {
                    let text = event.data.get("text").and_then(Value::as_str);
                    return Ok(text.ok_or_else(|| wrong("a transcript without text"))?.trim().to_owned());
                }
            }
        })
    }
}

/// The rate of what follows.
fn rate_of(start: &Event) -> Result<Rate, EngineError> {
    let number = |key| start.data.get(key).and_then(Value::as_u64);
    if (number("width"), number("channels")) != (Some(2), Some(1)) {
        return Err(wrong("the audio of the server is not mono and of 16 bits"));
    }
    let hertz = number("rate").and_then(|rate| u32::try_from(rate).ok()).unwrap_or(0);
    Rate::new(hertz).map_err(|error| wrong(error.to_string()))
}

impl TextToSpeech for Wyoming {
    fn speak<'a>(&'a self, text: &'a str, rate: Rate, audio: &'a Sender<Vec<i16>>) -> Work<'a, ()> {
        Box::pin(async move {
            let mut server = self.connect().await?;
            server.send("synthesize", &json!({ "text": text }), &[]).await?;
            let mut resampler = None;
            loop {
                let event = server.next().await?;
                let (samples, done) = match (event.kind.as_str(), &mut resampler) {
                    ("audio-start", _) => {
                        resampler = Some(Resampler::new(rate_of(&event)?, rate));
                        continue;
                    }
                    ("audio-chunk", Some(resampler)) => {
                        let samples = audio::samples(&event.payload).map_err(|error| wrong(error.to_string()))?;
                        (resampler.push(&samples), false)
                    }
                    ("audio-stop", resampler) => (resampler.take().map(Resampler::finish).unwrap_or_default(), true),
                    ("audio-chunk", None) => return Err(wrong("audio that the server did not announce")),
                    _ => continue,
                };
                if !samples.is_empty() {
                    audio.send(samples).await.map_err(|gone| wrong(gone.to_string()))?;
                }
                if done {
                    return Ok(());
                }
            }
        })
    }
}
