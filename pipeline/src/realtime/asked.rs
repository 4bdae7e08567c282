//! What clients say: from the events of the protocol to requests. Nothing that a client says is an error of ours.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::audio;
use crate::engine::Who;
use crate::session::{Command, Configuration, Detection, Modality, Refusal, Request, name};
use crate::settings::Settings;

/// Reads events, and knows the configuration that they change.
#[derive(Debug)]
pub(super) struct Reading {
    configuration: Configuration,
    detection: Detection,
    text_chars: usize,
}

type Object = Map<String, Value>;

fn malformed(code: &'static str, parameter: Option<&'static str>, message: impl Into<String>) -> Refusal {
    Refusal::Malformed { code, parameter, message: message.into() }
}

fn wrong(parameter: &'static str, expected: &str) -> Refusal {
    malformed("invalid_value", Some(parameter), format!("`{parameter}` must be {expected}"))
}

fn missing(parameter: &'static str) -> Refusal {
    malformed("missing_required_parameter", Some(parameter), format!("`{parameter}` is missing"))
}

impl Reading {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            configuration: Configuration::new(settings),
            detection: Detection::new(settings),
            text_chars: settings.limits.text_chars.get(),
        }
    }

    /// A request that the client be told this.
    pub(super) fn refuse(code: &'static str, message: &str) -> Request {
        Request { id: None, command: Command::Refuse(malformed(code, None, message)) }
    }

    /// The request that `text` is.
    pub(super) fn read(&mut self, text: &str) -> Request {
        let event = match serde_json::from_str(text) {
            Ok(Value::Object(event)) => event,
            Ok(_) => return Self::refuse("invalid_json", "an event is an object"),
            Err(error) => return Self::refuse("invalid_json", &error.to_string()),
        };
        let id = event.get("event_id").and_then(Value::as_str).map(|id| id.chars().take(64).collect());
        let command = self.command(&event).unwrap_or_else(Command::Refuse);
        Request { id, command }
    }

    fn command(&mut self, event: &Object) -> Result<Command, Refusal> {
        let kind = event.get("type").and_then(Value::as_str).ok_or_else(|| missing("type"))?;
        match kind {
            "input_audio_buffer.append" => {
                let encoded = text(event, "audio")?;
                let bytes = STANDARD
                    .decode(encoded)
                    .map_err(|error| malformed("invalid_audio", Some("audio"), error.to_string()))?;
                let samples = audio::samples(&bytes);
                Ok(Command::Audio(
                    samples.map_err(|error| malformed("invalid_audio", Some("audio"), error.to_string()))?,
                ))
            }
            "input_audio_buffer.commit" => Ok(Command::Commit),
            "input_audio_buffer.clear" => Ok(Command::Clear),
            "session.update" => self.configure(object(event, "session")?),
            "conversation.item.create" => say(object(event, "item")?),
            "conversation.item.truncate" => {
                let millis = event.get("audio_end_ms").ok_or_else(|| missing("audio_end_ms"))?;
                let heard_millis = millis.as_u64().ok_or_else(|| wrong("audio_end_ms", "a number of milliseconds"))?;
                Ok(Command::Truncate { item: text(event, "item_id")?.to_owned(), heard_millis })
            }
            "conversation.item.retrieve" => Ok(Command::Retrieve { item: text(event, "item_id")?.to_owned() }),
            "conversation.item.delete" => Ok(Command::Delete { item: text(event, "item_id")?.to_owned() }),
            "response.create" => {
                let modality = match event.get("response") {
                    None | Some(Value::Null) => None,
                    Some(Value::Object(response)) => modality(response)?,
                    Some(_) => return Err(wrong("response", "an object")),
                };
                Ok(Command::Respond { modality })
            }
            "response.cancel" => Ok(Command::Cancel),
            other => {
                let shown: String = other.chars().take(64).collect();
                Err(malformed("unknown_event", Some("type"), format!("events of type `{shown}` are not understood")))
            }
        }
    }

    fn configure(&mut self, session: &Object) -> Result<Command, Refusal> {
        if session.get("type").is_some_and(|kind| kind != "realtime") {
            return Err(malformed("unsupported_session", Some("session.type"), "only `realtime` sessions are held"));
        }
        let mut next = self.configuration.clone();
        if let Some(modality) = modality(session)? {
            next.modality = modality;
        }
        match session.get("instructions") {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) if text.chars().count() > self.text_chars => return Err(Refusal::TextTooLong),
            Some(Value::String(text)) => next.instructions = Some(text.clone()).filter(|text| !text.is_empty()),
            Some(_) => return Err(wrong("session.instructions", "text")),
        }
        if session.contains_key("audio") {
            let audio = object(session, "audio")?;
            for direction in ["input", "output"] {
                if let Some(part) = audio.get(direction).and_then(Value::as_object) {
                    format(part)?;
                }
            }
            let input = audio.get("input").and_then(Value::as_object);
            if let Some(turns) = input.and_then(|input| input.get("turn_detection")) {
                next.detection = self.detection(turns, next.detection)?;
            }
        }
        self.configuration = next.clone();
        Ok(Command::Configure(next))
    }

    /// How turns are detected, where what is not said stays as it is.
    fn detection(&self, turns: &Value, now: Option<Detection>) -> Result<Option<Detection>, Refusal> {
        let turns = match turns {
            Value::Null => return Ok(None),
            Value::Object(turns) => turns,
            _ => return Err(wrong("session.audio.input.turn_detection", "an object or null")),
        };
        let mut next = now.unwrap_or(self.detection);
        match turns.get("type").and_then(Value::as_str) {
            // What is semantic to others is decided by silence here.
            Some("server_vad" | "semantic_vad") | None => {}
            Some(_) => return Err(wrong("session.audio.input.turn_detection.type", "`server_vad`")),
        }
        if let Some(threshold) = turns.get("threshold").filter(|value| !value.is_null()) {
            let threshold = threshold.as_f64().filter(|share| (0.0..=1.0).contains(share));
            let threshold =
                threshold.ok_or_else(|| wrong("session.audio.input.turn_detection.threshold", "between 0 and 1"))?;
            // Theirs is the certainty of a model; half of it is as loud as the settings say.
            next.hearing.threshold = self.detection.hearing.threshold * 2.0 * threshold;
        }
        if let Some(padding) = millis(turns, "prefix_padding_ms")? {
            next.prefix = padding;
        }
        if let Some(silence) = millis(turns, "silence_duration_ms")? {
            next.hearing.silence = silence;
        }
        if let Some(answers) = turns.get("create_response").and_then(Value::as_bool) {
            next.answers = answers;
        }
        if let Some(interrupts) = turns.get("interrupt_response").and_then(Value::as_bool) {
            next.interrupts = interrupts;
        }
        Ok(Some(next))
    }
}

fn text<'a>(object: &'a Object, key: &'static str) -> Result<&'a str, Refusal> {
    object.get(key).ok_or_else(|| missing(key))?.as_str().ok_or_else(|| wrong(key, "text"))
}

fn object<'a>(object: &'a Object, key: &'static str) -> Result<&'a Object, Refusal> {
    object.get(key).ok_or_else(|| missing(key))?.as_object().ok_or_else(|| wrong(key, "an object"))
}

/// A time of at most ten seconds.
fn millis(object: &Object, key: &'static str) -> Result<Option<Duration>, Refusal> {
    match object.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            let millis = value.as_u64().filter(|millis| *millis <= 10_000);
            Ok(Some(Duration::from_millis(millis.ok_or_else(|| wrong(key, "between 0 and 10000"))?)))
        }
    }
}

fn modality(object: &Object) -> Result<Option<Modality>, Refusal> {
    let Some(modalities) = object.get("output_modalities").filter(|value| !value.is_null()) else { return Ok(None) };
    let words: Vec<&str> = modalities.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    match words[..] {
        ["audio"] | ["audio", "text"] | ["text", "audio"] => Ok(Some(Modality::Audio)),
        ["text"] => Ok(Some(Modality::Text)),
        _ => Err(wrong("output_modalities", "`[\"audio\"]` or `[\"text\"]`")),
    }
}

fn format(part: &Object) -> Result<(), Refusal> {
    match part.get("format") {
        None | Some(Value::Null) => Ok(()),
        Some(Value::String(name)) if name == "pcm16" => Ok(()),
        Some(Value::Object(format))
            if format.get("type").is_some_and(|kind| kind == "audio/pcm")
                && format.get("rate").is_none_or(|rate| rate.is_null() || rate == 24_000) =>
        {
            Ok(())
        }
        Some(_) => Err(wrong("format", "`audio/pcm` at a rate of 24000")),
    }
}

/// An entry that is written.
fn say(item: &Object) -> Result<Command, Refusal> {
    if item.get("type").is_some_and(|kind| kind != "message") {
        return Err(malformed("unsupported_item", Some("item.type"), "only messages are understood"));
    }
    let who = match item.get("role").and_then(Value::as_str) {
        Some("user") => Who::User,
        Some("assistant") => Who::Assistant,
        Some("system") => Who::System,
        _ => return Err(wrong("role", "`user`, `assistant` or `system`")),
    };
    let parts = item.get("content").and_then(Value::as_array).ok_or_else(|| wrong("content", "a list"))?;
    let mut said = Vec::new();
    for part in parts {
        match part.get("type").and_then(Value::as_str) {
            Some("input_text" | "output_text" | "text") => {
                said.push(part.get("text").and_then(Value::as_str).ok_or_else(|| missing("text"))?);
            }
            _ => return Err(malformed("unsupported_content", Some("content"), "only text is understood in messages")),
        }
    }
    let item = item.get("id").and_then(Value::as_str).map_or_else(|| name("item"), |id| id.chars().take(64).collect());
    Ok(Command::Say { item, who, text: said.join("\n") })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(event: &Value) -> Command {
        Reading::new(&Settings::default()).read(&event.to_string()).command
    }

    fn code(command: &Command) -> &'static str {
        match command {
            Command::Refuse(refusal) => refusal.code(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_malformed_is_refused_with_a_word() {
        let mut reading = Reading::new(&Settings::default());
        for (said, expected) in [
            ("", "invalid_json"),
            ("[]", "invalid_json"),
            ("{\"type\": 7}", "missing_required_parameter"),
            ("{\"type\": \"response.dance\"}", "unknown_event"),
            ("{\"type\": \"input_audio_buffer.append\"}", "missing_required_parameter"),
            ("{\"type\": \"input_audio_buffer.append\", \"audio\": 5}", "invalid_value"),
            ("{\"type\": \"input_audio_buffer.append\", \"audio\": \"%%\"}", "invalid_audio"),
            ("{\"type\": \"input_audio_buffer.append\", \"audio\": \"AAAA\"}", "invalid_audio"),
            ("{\"type\": \"session.update\", \"session\": []}", "invalid_value"),
            ("{\"type\": \"conversation.item.truncate\", \"item_id\": \"a\", \"audio_end_ms\": -1}", "invalid_value"),
        ] {
            assert_eq!(code(&reading.read(said).command), expected, "{said}");
        }
        let deep = "[".repeat(100_000);
        assert_eq!(code(&reading.read(&deep).command), "invalid_json");
    }

    #[test]
    fn a_request_keeps_its_name() {
        let mut reading = Reading::new(&Settings::default());
        let request = reading.read(r#"{"type": "response.cancel", "event_id": "mine"}"#);
        assert!(matches!(request.command, Command::Cancel));
        assert_eq!(request.id.as_deref(), Some("mine"));
    }

    #[test]
    fn audio_is_samples() {
        let event = json!({ "type": "input_audio_buffer.append", "audio": STANDARD.encode([1, 0, 255, 255]) });
        assert!(matches!(read(&event), Command::Audio(samples) if samples == [1, -1]));
    }

    #[test]
    fn a_session_is_changed_step_by_step() {
        let mut reading = Reading::new(&Settings::default());
        let mut update = |session: Value| {
            let event = json!({ "type": "session.update", "session": session });
            match reading.read(&event.to_string()).command {
                Command::Configure(configuration) => Ok(configuration),
                Command::Refuse(refusal) => Err(refusal.code()),
                other => panic!("{other:?}"),
            }
        };
        let first =
            update(json!({ "type": "realtime", "instructions": "Be brief.", "output_modalities": ["text"] })).unwrap();
        assert_eq!((first.modality, first.instructions.as_deref()), (Modality::Text, Some("Be brief.")));
        let turns = json!({ "type": "server_vad", "silence_duration_ms": 200, "interrupt_response": false });
        let second = update(json!({ "audio": { "input": { "turn_detection": turns } } })).unwrap();
        let detection = second.detection.unwrap();
        assert_eq!(detection.hearing.silence, Duration::from_millis(200));
        assert!(!detection.interrupts && detection.answers);
        assert_eq!(second.modality, Modality::Text, "what is not said stays");
        let third = update(json!({ "audio": { "input": { "turn_detection": null } } })).unwrap();
        assert_eq!(third.detection, None);
        for wrong in [
            json!({ "type": "transcription" }),
            json!({ "output_modalities": ["smell"] }),
            json!({ "audio": { "input": { "format": { "type": "audio/pcmu" } } } }),
            json!({ "audio": { "input": { "turn_detection": { "threshold": 2 } } } }),
            json!({ "audio": { "input": { "turn_detection": { "prefix_padding_ms": 1e9 } } } }),
        ] {
            assert!(update(wrong.clone()).is_err(), "{wrong}");
        }
        assert_eq!(update(json!({})).unwrap(), third, "what was refused changed nothing");
    }

    #[test]
    fn messages_are_text() {
        let content = json!([{ "type": "input_text", "text": "a" }, { "type": "input_text", "text": "b" }]);
        let item = json!({ "type": "message", "role": "user", "content": content });
        let command = read(&json!({ "type": "conversation.item.create", "item": item }));
        assert!(matches!(command, Command::Say { who: Who::User, text, .. } if text == "a\nb"));
        let image = json!({ "type": "message", "role": "user", "content": [{ "type": "input_image" }] });
        let command = read(&json!({ "type": "conversation.item.create", "item": image }));
        assert_eq!(code(&command), "unsupported_content");
    }
}
