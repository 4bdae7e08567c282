//! What clients are told: from what happens in a conversation to the events of the protocol.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::audio;
use crate::engine::Who;
use crate::session::{Configuration, Event, Form, Modality, Refusal, Response, Status, TurnError, name};

/// Tells events, and knows which answer the client has heard of.
#[derive(Debug)]
pub(super) struct Telling {
    session: String,
    conversation: String,
    /// The entry of the answer whose first piece has been told.
    announced: Option<String>,
    events: u64,
}

impl Telling {
    pub(super) fn new() -> Self {
        Self { session: name("sess"), conversation: name("conv"), announced: None, events: 0 }
    }

    /// The events of the protocol that `event` is, as text.
    pub(super) fn tell(&mut self, event: Event) -> Vec<String> {
        let mut told = self.translate(event);
        for event in &mut told {
            self.events += 1;
            event["event_id"] = format!("event_{:x}", self.events).into();
        }
        told.iter().map(Value::to_string).collect()
    }

    fn translate(&mut self, event: Event) -> Vec<Value> {
        match event {
            Event::Created(configuration) => {
                vec![json!({ "type": "session.created", "session": self.session(&configuration) })]
            }
            Event::Updated(configuration) => {
                vec![json!({ "type": "session.updated", "session": self.session(&configuration) })]
            }
            Event::SpeechStarted { item, millis } => {
                vec![json!({ "type": "input_audio_buffer.speech_started", "audio_start_ms": millis, "item_id": item })]
            }
            Event::SpeechStopped { item, millis } => {
                vec![json!({ "type": "input_audio_buffer.speech_stopped", "audio_end_ms": millis, "item_id": item })]
            }
            Event::Committed { item, previous } => {
                let committed =
                    json!({ "type": "input_audio_buffer.committed", "item_id": item, "previous_item_id": previous });
                let content = json!({ "type": "input_audio", "transcript": null });
                let [added, done] = entry(&message(&item, Who::User, content, "completed"), previous.as_ref());
                vec![committed, added, done]
            }
            Event::Cleared => vec![json!({ "type": "input_audio_buffer.cleared" })],
            Event::Added { item, who, text, previous } => {
                let kind = if who == Who::Assistant { "output_text" } else { "input_text" };
                let content = json!({ "type": kind, "text": text });
                entry(&message(&item, who, content, "completed"), previous.as_ref()).into()
            }
            Event::Transcribed { item, text } => vec![json!({
                "type": "conversation.item.input_audio_transcription.completed",
                "item_id": item, "content_index": 0, "transcript": text,
                "usage": { "type": "duration", "seconds": 0 },
            })],
            Event::NotTranscribed { item, error } => vec![json!({
                "type": "conversation.item.input_audio_transcription.failed",
                "item_id": item, "content_index": 0, "error": engine_error(&error),
            })],
            Event::AnswerStarted { response } => {
                let status = json!({ "status": "in_progress", "status_details": null, "output": [] });
                vec![json!({ "type": "response.created", "response": self.response(&response, status) })]
            }
            Event::Text { response, text } => {
                let kind = match response.modality {
                    Modality::Audio => "response.output_audio_transcript.delta",
                    Modality::Text => "response.output_text.delta",
                };
                let mut told = self.announce(&response);
                told.push(piece(&response, kind, json!({ "delta": text })));
                told
            }
            Event::Audio { response, samples } => {
                let delta = STANDARD.encode(audio::bytes(&samples));
                let mut told = self.announce(&response);
                told.push(piece(&response, "response.output_audio.delta", json!({ "delta": delta })));
                told
            }
            Event::AnswerEnded { response, text, status } => self.ended(&response, &text, &status),
            Event::Truncated { item, heard_millis } => vec![json!({
                "type": "conversation.item.truncated",
                "item_id": item, "content_index": 0, "audio_end_ms": heard_millis,
            })],
            Event::Retrieved { item, who, form, text } => {
                let content = match (who, form) {
                    (Who::Assistant, Form::Spoken) => content(Modality::Audio, &text),
                    (Who::Assistant, Form::Written) => content(Modality::Text, &text),
                    (_, Form::Spoken) => json!({ "type": "input_audio", "transcript": text, "audio": null }),
                    (_, Form::Written) => json!({ "type": "input_text", "text": text }),
                };
                let item = message(&item, who, content, "completed");
                vec![json!({ "type": "conversation.item.retrieved", "item": item })]
            }
            Event::Deleted { item } => vec![json!({ "type": "conversation.item.deleted", "item_id": item })],
            Event::Refused { request, refusal } => {
                vec![json!({ "type": "error", "error": refused(request, &refusal) })]
            }
        }
    }

    /// What comes before the first piece of an answer.
    fn announce(&mut self, response: &Response) -> Vec<Value> {
        if self.announced.as_ref() == Some(&response.item) {
            return Vec::new();
        }
        self.announced = Some(response.item.clone());
        let mut item = message(&response.item, Who::Assistant, Value::Null, "in_progress");
        item["content"] = json!([]);
        vec![
            json!({ "type": "response.output_item.added", "response_id": response.id, "output_index": 0, "item": item }),
            json!({ "type": "conversation.item.added", "previous_item_id": null, "item": item }),
            piece(response, "response.content_part.added", json!({ "part": part(response.modality, "") })),
        ]
    }

    fn ended(&mut self, response: &Response, text: &str, status: &Status) -> Vec<Value> {
        let (word, details) = match status {
            Status::Completed => ("completed", json!({ "type": "completed" })),
            Status::Cancelled(reason) => ("cancelled", json!({ "type": "cancelled", "reason": reason })),
            Status::Failed(error) => ("failed", json!({ "type": "failed", "error": engine_error(error) })),
        };
        let mut told = Vec::new();
        let mut output = Vec::new();
        if self.announced.take().as_ref() == Some(&response.item) {
            let whole = if *status == Status::Completed { "completed" } else { "incomplete" };
            let item = message(&response.item, Who::Assistant, content(response.modality, text), whole);
            match response.modality {
                Modality::Audio => {
                    told.push(piece(response, "response.output_audio.done", json!({})));
                    told.push(piece(response, "response.output_audio_transcript.done", json!({ "transcript": text })));
                }
                Modality::Text => told.push(piece(response, "response.output_text.done", json!({ "text": text }))),
            }
            told.push(piece(response, "response.content_part.done", json!({ "part": part(response.modality, text) })));
            told.push(json!({
                "type": "response.output_item.done", "response_id": response.id, "output_index": 0, "item": item,
            }));
            told.push(json!({ "type": "conversation.item.done", "previous_item_id": null, "item": item }));
            output.push(item);
        }
        let status = json!({ "status": word, "status_details": details, "output": output });
        told.push(json!({ "type": "response.done", "response": self.response(response, status) }));
        told
    }

    fn response(&self, response: &Response, status: Value) -> Value {
        let modality = match response.modality {
            Modality::Audio => "audio",
            Modality::Text => "text",
        };
        let mut whole = json!({
            "id": response.id, "object": "realtime.response", "conversation_id": self.conversation,
            "output_modalities": [modality], "max_output_tokens": "inf", "metadata": null,
            "audio": { "output": { "format": FORMAT.clone(), "voice": "tones" } },
            "usage": {
                "total_tokens": 0, "input_tokens": 0, "output_tokens": 0,
                "input_token_details": { "text_tokens": 0, "audio_tokens": 0, "cached_tokens": 0 },
                "output_token_details": { "text_tokens": 0, "audio_tokens": 0 },
            },
        });
        if let (Some(whole), Value::Object(status)) = (whole.as_object_mut(), status) {
            whole.extend(status);
        }
        whole
    }

    fn session(&self, configuration: &Configuration) -> Value {
        let turns = configuration.detection.map(|detection| {
            json!({
                "type": "server_vad",
                "prefix_padding_ms": detection.prefix.as_millis() as u64,
                "silence_duration_ms": detection.hearing.silence.as_millis() as u64,
                "create_response": detection.answers,
                "interrupt_response": detection.interrupts,
            })
        });
        let modality = match configuration.modality {
            Modality::Audio => "audio",
            Modality::Text => "text",
        };
        json!({
            "id": self.session, "object": "realtime.session", "type": "realtime", "model": "unleak-pipeline",
            "output_modalities": [modality], "instructions": configuration.instructions.as_deref().unwrap_or(""),
            "audio": {
                "input": { "format": FORMAT.clone(), "transcription": null, "noise_reduction": null, "turn_detection": turns },
                "output": { "format": FORMAT.clone(), "voice": "tones", "speed": 1 },
            },
            "tools": [], "tool_choice": "auto", "max_output_tokens": "inf", "tracing": null, "truncation": "auto",
        })
    }
}

static FORMAT: std::sync::LazyLock<Value> = std::sync::LazyLock::new(|| json!({ "type": "audio/pcm", "rate": 24_000 }));

/// An event about a piece of an answer.
fn piece(response: &Response, kind: &str, more: Value) -> Value {
    let mut piece = json!({
        "type": kind, "response_id": response.id, "item_id": response.item, "output_index": 0, "content_index": 0,
    });
    if let (Some(piece), Value::Object(more)) = (piece.as_object_mut(), more) {
        piece.extend(more);
    }
    piece
}

/// The content of an answer, in an entry.
fn content(modality: Modality, text: &str) -> Value {
    match modality {
        Modality::Audio => json!({ "type": "output_audio", "transcript": text }),
        Modality::Text => json!({ "type": "output_text", "text": text }),
    }
}

/// The content of an answer, in a part.
fn part(modality: Modality, text: &str) -> Value {
    match modality {
        Modality::Audio => json!({ "type": "audio", "transcript": text }),
        Modality::Text => json!({ "type": "text", "text": text }),
    }
}

fn message(id: &str, who: Who, content: Value, status: &str) -> Value {
    let role = match who {
        Who::User => "user",
        Who::Assistant => "assistant",
        Who::System => "system",
    };
    json!({ "id": id, "object": "realtime.item", "type": "message", "status": status, "role": role, "content": [content] })
}

/// The two events that tell of a new entry.
fn entry(item: &Value, previous: Option<&String>) -> [Value; 2] {
    ["conversation.item.added", "conversation.item.done"]
        .map(|kind| json!({ "type": kind, "previous_item_id": previous, "item": item }))
}

fn engine_error(error: &TurnError) -> Value {
    json!({ "type": "server_error", "code": "engine_failed", "message": error.to_string(), "param": null })
}

fn refused(request: Option<String>, refusal: &Refusal) -> Value {
    let parameter = match refusal {
        Refusal::Malformed { parameter, .. } => *parameter,
        _ => None,
    };
    json!({
        "type": "invalid_request_error", "code": refusal.code(), "message": refusal.to_string(),
        "param": parameter, "event_id": request,
    })
}
