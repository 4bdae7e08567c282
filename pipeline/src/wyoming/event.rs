use serde_json::{Map, Value, json};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt};

/// One event: a line of JSON, then what it says follows.
#[derive(Debug, PartialEq)]
pub(crate) struct Event {
    pub(crate) kind: String,
    pub(crate) data: Map<String, Value>,
    pub(crate) payload: Vec<u8>,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum EventError {
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("{0}")]
    Malformed(&'static str),
}

/// The next event, or nothing when the peer has left between two events. No part of it may have more than `most`
/// bytes, and none of them is kept before it is known how many there are.
pub(crate) async fn read(reader: &mut (impl AsyncBufRead + Unpin), most: usize) -> Result<Option<Event>, EventError> {
    let mut line = Vec::new();
    (&mut *reader).take(most as u64).read_until(b'\n', &mut line).await?;
    if line.is_empty() {
        return Ok(None);
    }
    if line.pop() != Some(b'\n') {
        return Err(EventError::Malformed("the header of an event is a line, and not too long"));
    }
    let header = object(&line)?;
    let kind = header.get("type").and_then(Value::as_str).ok_or(EventError::Malformed("an event has a type"))?;
    let mut data = match header.get("data") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(data)) => data.clone(),
        Some(_) => return Err(EventError::Malformed("the data of an event are an object")),
    };
    if let Some(more) = part(reader, &header, "data_length", most).await? {
        data.extend(object(&more)?);
    }
    let payload = part(reader, &header, "payload_length", most).await?.unwrap_or_default();
    Ok(Some(Event { kind: kind.to_owned(), data, payload }))
}

fn object(bytes: &[u8]) -> Result<Map<String, Value>, EventError> {
    serde_json::from_slice(bytes).map_err(|_| EventError::Malformed("an event is an object of JSON in UTF-8"))
}

/// The part whose length the header names.
async fn part(
    reader: &mut (impl AsyncRead + Unpin),
    header: &Map<String, Value>,
    name: &str,
    most: usize,
) -> Result<Option<Vec<u8>>, EventError> {
    let length = match header.get(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(length) => length.as_u64().filter(|length| *length <= most as u64),
    };
    let length = length.ok_or(EventError::Malformed("a part of an event has a length, and not too much of it"))?;
    let mut bytes = vec![0; length as usize];
    reader.read_exact(&mut bytes).await?;
    Ok(Some(bytes))
}

/// The bytes of an event.
pub(crate) fn write(kind: &str, data: &Value, payload: &[u8]) -> Vec<u8> {
    let data = data.to_string();
    let header = json!({
        "type": kind, "version": env!("CARGO_PKG_VERSION"),
        "data_length": data.len(), "payload_length": payload.len(),
    });
    let mut bytes = format!("{header}\n{data}").into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn all(mut bytes: &[u8]) -> Vec<Result<Event, String>> {
        let mut events = Vec::new();
        loop {
            match read(&mut bytes, 100).await {
                Ok(None) => return events,
                Ok(Some(event)) => events.push(Ok(event)),
                Err(error) => {
                    events.push(Err(error.to_string()));
                    return events;
                }
            }
        }
    }

    #[tokio::test]
    async fn what_is_written_is_read() {
        let mut bytes = write("a", &json!({ "text": "ä" }), &[1, 2, 3]);
        bytes.extend(b"{\"type\": \"b\", \"data\": {\"x\": 1}}\n");
        let events = all(&bytes).await;
        let data = |value: Value| value.as_object().unwrap().clone();
        let first = Event { kind: "a".to_owned(), data: data(json!({ "text": "ä" })), payload: vec![1, 2, 3] };
        let second = Event { kind: "b".to_owned(), data: data(json!({ "x": 1 })), payload: vec![] };
        assert_eq!(events, [Ok(first), Ok(second)]);
    }

    #[tokio::test]
    async fn what_is_malformed_is_an_error_and_no_memory() {
        for bytes in [
            "no json\n".to_owned(),
            "[]\n".to_owned(),
            "{}\n".to_owned(),
            "{\"type\": \"a\"".to_owned(),
            format!("{{\"type\": \"{}\"}}\n", "a".repeat(200)),
            "{\"type\": \"a\", \"payload_length\": 18446744073709551615}\n".to_owned(),
            "{\"type\": \"a\", \"payload_length\": -1}\n".to_owned(),
            "{\"type\": \"a\", \"data_length\": 2}\n[]".to_owned(),
            "{\"type\": \"a\", \"data\": 7}\n".to_owned(),
            "{\"type\": \"a\", \"payload_length\": 9}\nshort".to_owned(),
        ] {
            let events = all(bytes.as_bytes()).await;
            assert!(matches!(events[..], [Err(_)]), "{bytes}: {events:?}");
        }
        assert!(matches!(all(b"\xff\xfe\n").await[..], [Err(_)]));
    }
}
