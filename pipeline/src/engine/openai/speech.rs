use http_body_util::{BodyExt, Limited};
use hyper::Response;
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, HeaderName};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{NAME, wrong};
use crate::audio::resample::Resampler;
use crate::audio::{self, Audio, Rate};
use crate::engine::{Engine, EngineError, Origin, SpeechToText, TextToSpeech, Work};
use crate::outside::{Address, CallError};
use crate::queue::Sender;
use crate::settings::Secret;
use crate::structured::Label;

/// Speech in either direction behind any server that speaks the audio interface of OpenAI.
#[derive(Debug)]
pub struct OpenAiSpeech {
    base: Address,
    model: String,
    voice: String,
    key: Option<Secret>,
    answer_bytes: usize,
}

/// The rate of the format `pcm`.
const SPOKEN: Rate = Rate::REALTIME;

impl OpenAiSpeech {
    /// The model `model` of the server at `base`, and its voice if it speaks. A transcript has at most `answer_bytes`.
    pub fn new(base: Address, model: String, voice: String, key: Option<Secret>, answer_bytes: usize) -> Self {
        Self { base, model, voice, key, answer_bytes }
    }

    fn headers(&self) -> Vec<(HeaderName, String)> {
        self.key.iter().map(|key| (AUTHORIZATION, format!("Bearer {}", key.reveal()))).collect()
    }

    /// The form with the audio in it, and its type.
    fn form(&self, audio: &Audio) -> (String, Bytes) {
        let wave = audio.wave(&[]);
        // No text holds its own hash, so this separates whatever is said.
        let hash: String = Sha256::digest(&wave).iter().map(|byte| format!("{byte:02x}")).collect();
        let model: String = self.model.chars().filter(|char| !char.is_control()).collect();
        let mut form = Vec::new();
        for (name, value) in [("model", model.as_str()), ("response_format", "json")] {
            let part = format!("--{hash}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            form.extend(part.into_bytes());
        }
        let file = "content-disposition: form-data; name=\"file\"; filename=\"audio.wav\"\r\ncontent-type: audio/wav";
        form.extend(format!("--{hash}\r\n{file}\r\n\r\n").into_bytes());
        form.extend(wave);
        form.extend(format!("\r\n--{hash}--\r\n").into_bytes());
        (format!("multipart/form-data; boundary={hash}"), form.into())
    }
}

fn accepted(answer: &Response<Incoming>) -> Result<(), EngineError> {
    let status = answer.status();
    if status.is_success() { Ok(()) } else { Err(wrong(format!("the server answered {status}"))) }
}

impl Engine for OpenAiSpeech {
    fn name(&self) -> Label {
        NAME
    }

    fn origin(&self) -> Origin {
        Origin::ours("a server that speaks the audio interface of OpenAI")
    }
}

impl SpeechToText for OpenAiSpeech {
    fn transcribe<'a>(&'a self, audio: &'a Audio) -> Work<'a, String> {
        Box::pin(async move {
            let (kind, form) = self.form(&audio.at(Rate::WYOMING));
            let (address, headers) = (self.base.below("audio/transcriptions"), self.headers());
            let heard = address.send(&headers, &kind, form, async |answer| {
                accepted(&answer)?;
                let body = Limited::new(answer.into_body(), self.answer_bytes).collect().await;
                let body = body.map_err(|error| wrong(format!("the transcript: {error}")))?;
                let said: Value = serde_json::from_slice(&body.to_bytes())
                    .map_err(|_| wrong("the server sent a transcript that is not JSON"))?;
                let text = said["text"].as_str().ok_or_else(|| wrong("the server sent a transcript without text"))?;
                Ok(text.trim().to_owned())
            });
            heard.await
        })
    }
}

impl TextToSpeech for OpenAiSpeech {
    fn speak<'a>(&'a self, text: &'a str, rate: Rate, audio: &'a Sender<Vec<i16>>) -> Work<'a, ()> {
        Box::pin(async move {
            let asked = json!({ "model": self.model, "voice": self.voice, "input": text, "response_format": "pcm" });
            let address = self.base.below("audio/speech");
            address
                .post(&self.headers(), asked.to_string(), |answer| hand_on(answer, Resampler::new(SPOKEN, rate), audio))
                .await
        })
    }
}

/// From the bytes of the server to audio, as they come.
async fn hand_on(
    answer: Response<Incoming>,
    mut resampler: Resampler,
    audio: &Sender<Vec<i16>>,
) -> Result<(), EngineError> {
    accepted(&answer)?;
    let mut body = answer.into_body();
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(CallError::from)?;
        let Some(data) = frame.data_ref() else { continue };
        bytes.extend_from_slice(data);
        let rest = bytes.split_off(bytes.len() / 2 * 2);
        let samples = audio::samples(&std::mem::replace(&mut bytes, rest)).map_err(|error| wrong(error.to_string()))?;
        audio.send(resampler.push(&samples)).await.map_err(|gone| wrong(gone.to_string()))?;
    }
    if !bytes.is_empty() {
        return Err(wrong("the server broke off in the middle of a sample"));
    }
    audio.send(resampler.finish()).await.map_err(|gone| wrong(gone.to_string()))
}

#[cfg(test)]
#[path = "speech_tests.rs"]
mod tests;
