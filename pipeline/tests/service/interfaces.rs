//! The interfaces as clients see them: what they may do, and what they are refused.

use super::support::{Client, PATIENCE, Running, exchange, heard};
use serde_json::json;
use unleak_pipeline::audio::Rate;
use unleak_pipeline::engine::{self, TextToSpeech as _};
use unleak_pipeline::settings::{Seconds, Secret, SpeechToText, TextToSpeech};

fn few(count: usize) -> std::num::NonZeroUsize {
    std::num::NonZeroUsize::new(count).unwrap()
}

#[tokio::test]
async fn a_spoken_turn_is_answered_in_audio() {
    let running = Running::start(|_| {}).await;
    let mut client = running.connect().await;
    assert_eq!(client.until("session.created").await.len(), 1);
    client.say("Hello.").await;
    let events = client.until("response.done").await;
    assert_eq!(heard(&events), "You said: Hello.");
    assert_eq!(events.last().unwrap()["response"]["status"], "completed");
    drop(client);
    assert!(running.stop().await.is_clean());
}

#[tokio::test]
async fn a_conversation_leaves_one_sample_of_its_speaker() {
    let running = Running::start(|_| {}).await;
    let store = running.folder().join("store.sqlite");
    let mut client = running.connect().await;
    for text in ["One.", "Two."] {
        client.say(text).await;
        client.until("response.done").await;
    }
    let voices = || {
        let database = rusqlite::Connection::open(&store).expect("the store");
        database.query_row("SELECT COUNT(*) FROM voices", [], |row| row.get::<_, i64>(0)).expect("a count")
    };
    let kept = async {
        while voices() == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, kept).await.expect("a sample is kept");
    drop(client);
    assert!(running.stop_and(|| assert_eq!(voices(), 1)).await.is_clean());
}

#[tokio::test]
async fn operators_see_what_goes_on() {
    let running = Running::start(|_| {}).await;
    assert_eq!(running.get("/healthz", "").await, (200, "alive\n".to_owned()));
    assert_eq!(running.get("/readyz", "").await.0, 200);
    assert_eq!(running.get("/nothing", "").await.0, 404);
    let (status, page) = running.get("/", "").await;
    assert!(status == 200 && page.contains("<!doctype html>"));
    let mut client = running.connect().await;
    client.until("session.created").await;
    let seen = running.diagnostics().await;
    let names: Vec<_> = seen["tasks"].as_array().unwrap().iter().map(|task| task["name"].as_str().unwrap()).collect();
    for name in ["http listener", "wyoming listener", "realtime connection", "reader", "writer", "conversation"] {
        assert!(names.contains(&name), "{name} is missing in {names:?}");
    }
    let (status, told) = running.get("/memory", "").await;
    assert!(status == 404 && told.contains("diagnostics.memory = true"), "{told}");
    let (_, metrics) = running.get("/metrics", "").await;
    assert!(metrics.contains("\nsessions "), "{metrics}");
    let refused = exchange(running.http, b"POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    assert!(refused.starts_with("HTTP/1.1 405"), "{refused}");
    drop(client);
    assert!(running.stop().await.is_clean());
}

#[tokio::test]
async fn there_is_one_look_at_a_time() {
    let running = Running::start(|settings| settings.diagnostics.memory = true).await;
    let somebody = running.shared.memory.clone().lock_owned().await;
    let (status, told) = running.get("/memory", "").await;
    assert!(status == 503 && told.contains("somebody else looks"), "{told}");
    drop(somebody);
    assert_eq!(running.get("/memory", "").await.0, 200);
    assert!(running.stop().await.is_clean());
}

#[tokio::test]
async fn the_page_loads_nothing_but_its_own_files() {
    let running = Running::start(|_| {}).await;
    let files = ["page.css", "page.js", "conversation.js", "watch.js", "worklet.js", "tones.mjs"];
    let (_, mut page) = running.get("/", "").await;
    for file in files {
        let request = format!("GET /{file} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        let answer = exchange(running.http, request.as_bytes()).await;
        let (head, text) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200") && head.contains("nosniff"), "{head}");
        assert!(head.contains("default-src 'none'; script-src 'self'") && !head.contains("unsafe"), "{head}");
        page.push_str(text);
    }
    for file in files {
        assert!(page.contains(&format!("{file}\"")), "{file} is not used");
    }
    assert!(!page.contains("innerHTML"));
    assert!(running.stop().await.is_clean());
}

#[tokio::test]
async fn malformed_messages_are_answered_and_the_session_goes_on() {
    use futures_util::SinkExt;
    use tokio_tungstenite::tungstenite::Message;
    let running = Running::start(|_| {}).await;
    let mut client = running.connect().await;
    client.until("session.created").await;
    let wrong = [
        (Message::text("no json"), "invalid_json"),
        (Message::text("{\"type\":\"input_audio_buffer.append\",\"audio\":\"AAA\"}"), "invalid_audio"),
        (Message::text("{\"type\":\"response.dance\",\"event_id\":\"mine\"}"), "unknown_event"),
        (Message::binary(vec![1, 2]), "invalid_message"),
        (Message::text("{\"type\":\"response.cancel\"}"), "response_cancel_not_active"),
    ];
    for (message, code) in wrong {
        client.socket.send(message).await.unwrap();
        let told = client.next().await.unwrap();
        assert_eq!((told["type"].as_str(), told["error"]["code"].as_str()), (Some("error"), Some(code)), "{told}");
    }
    client.ask("Still here?").await;
    assert_eq!(heard(&client.until("response.done").await), "You said: Still here?");
    drop(client);
    assert!(running.stop().await.is_clean());
}

#[tokio::test]
async fn a_message_that_is_too_large_or_no_text_ends_the_session_with_a_word() {
    use futures_util::SinkExt;
    use tokio_tungstenite::tungstenite::Message;
    use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
    use tokio_tungstenite::tungstenite::protocol::frame::{Frame, FrameHeader};
    let running = Running::start(|settings| settings.limits.message_bytes = few(10_000)).await;
    let header = FrameHeader { opcode: OpCode::Data(Data::Text), mask: Some([1, 2, 3, 4]), ..FrameHeader::default() };
    let wrong = [
        (Message::text("a".repeat(20_000)), "message_too_large"),
        (Message::Frame(Frame::from_payload(header, vec![0xff, 0xfe].into())), "invalid_utf8"),
    ];
    for (message, code) in wrong {
        let mut client = running.connect().await;
        client.until("session.created").await;
        client.socket.send(message).await.unwrap();
        let told = client.next().await.unwrap();
        assert_eq!(told["error"]["code"], code, "{told}");
        assert_eq!(client.next().await, None);
    }
    assert!(running.stop().await.is_clean());
}

#[tokio::test]
async fn a_key_is_asked_for_where_it_matters() {
    let key = Secret::try_from("right".to_owned()).unwrap();
    let running = Running::start(|settings| {
        settings.security.key = Some(key);
        settings.diagnostics.memory = true;
    })
    .await;
    for path in ["/metrics", "/diagnostics", "/memory"] {
        assert_eq!(running.get(path, "").await.0, 401, "{path}");
        assert_eq!(running.get(path, "authorization: Bearer wrong\r\n").await.0, 401, "{path}");
        assert_eq!(running.get(path, "authorization: Bearer right\r\n").await.0, 200, "{path}");
    }
    for path in ["/healthz", "/readyz", "/"] {
        assert_eq!(running.get(path, "").await.0, 200, "{path}");
    }
    assert_eq!(Client::connect(running.http, &[]).await.err(), Some(401));
    assert_eq!(Client::connect(running.http, &[("authorization", "Bearer wrong")]).await.err(), Some(401));
    assert!(Client::connect(running.http, &[("authorization", "Bearer right")]).await.is_ok());
    let protocols = [("sec-websocket-protocol", "realtime, openai-insecure-api-key.right")];
    assert!(Client::connect(running.http, &protocols).await.is_ok());
    assert!(running.stop().await.is_clean());
}

#[tokio::test]
async fn pages_of_other_origins_may_not_connect() {
    let running = Running::start(|settings| settings.security.origins = vec!["https://known.example".to_owned()]).await;
    assert_eq!(Client::connect(running.http, &[("origin", "https://evil.example")]).await.err(), Some(403));
    assert_eq!(running.get("/diagnostics", "origin: https://evil.example\r\n").await.0, 403);
    assert!(Client::connect(running.http, &[("origin", "https://known.example")]).await.is_ok());
    assert!(Client::connect(running.http, &[("origin", &format!("http://{}", running.http))]).await.is_ok());
    // A name of somebody else that leads here: the page has it for its own, and need not show where it is from.
    for (host, status) in [("evil.example:8300", 403), ("known.example", 200), ("localhost:8300", 200), ("[::1]", 200)]
    {
        for origin in [String::new(), format!("origin: https://{host}\r\n")] {
            let request = format!("GET /diagnostics HTTP/1.1\r\nhost: {host}\r\n{origin}connection: close\r\n\r\n");
            let answer = exchange(running.http, request.as_bytes()).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{host} {origin}: {answer}");
        }
    }
    assert!(running.stop().await.is_clean());
}

#[tokio::test]
async fn there_is_room_for_so_many_sessions_and_connections() {
    let running = Running::start(|settings| settings.limits.sessions = few(2)).await;
    let mut first = running.connect().await;
    let second = running.connect().await;
    assert_eq!(Client::connect(running.http, &[]).await.err(), Some(503));
    first.socket.close(None).await.unwrap();
    while first.next().await.is_some() {}
    drop((first, second));
    let again = async {
        while Client::connect(running.http, &[]).await.is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(super::support::PATIENCE, again).await.expect("there is room again");
    assert!(running.stop().await.is_clean());

    let running = Running::start(|settings| settings.limits.connections = few(1)).await;
    let first = running.connect().await;
    assert_eq!(exchange(running.wyoming, b"{\"type\": \"describe\"}\n").await, "");
    drop(first);
    assert!(running.stop().await.is_clean());
}

#[tokio::test]
async fn a_silent_client_is_taken_for_gone() {
    let running = Running::start(|settings| settings.times.receive = Seconds::of(0.2)).await;
    let mut client = running.connect().await;
    client.until("session.created").await;
    assert_eq!(client.next().await, None);
    assert_eq!(exchange(running.wyoming, b"").await, "");
    assert!(running.stop().await.is_clean());
}

#[tokio::test]
async fn a_client_that_dawdles_over_its_request_is_closed() {
    let running = Running::start(|settings| settings.times.handshake = Seconds::of(0.2)).await;
    assert_eq!(exchange(running.http, b"GET / HTT").await, "");
    assert!(running.stop().await.is_clean());
}

#[tokio::test]
async fn wyoming_answers_what_it_understands_and_refuses_the_rest() {
    let running = Running::start(|_| {}).await;
    for (sent, told) in [
        ("{\"type\": \"describe\"}\n{\"type\": \"nonsense\"}\nend\n", "\"asr\""),
        ("{\"type\": \"audio-chunk\", \"payload_length\": 2}\n..no\n", "without `audio-start`"),
        ("{\"type\": \"synthesize\"}\nno\n", "missing or too long"),
        ("{\"type\": \"ping\", \"data\": {\"text\": \"here\"}}\nno\n", "\"here\""),
        ("\u{0}\n", "invalid-request"),
    ] {
        let answer = exchange(running.wyoming, sent.as_bytes()).await;
        assert!(answer.contains(told), "{sent}: {answer}");
    }
    assert!(running.stop().await.is_clean());
}

#[tokio::test]
async fn whoever_speaks_wyoming_too_fast_waits() {
    let running = Running::start(|settings| {
        settings.limits.message_burst = few(10);
        settings.limits.messages_per_second = few(10);
    })
    .await;
    let start = std::time::Instant::now();
    let answer = exchange(running.wyoming, format!("{}end\n", "{\"type\": \"ping\"}\n".repeat(20)).as_bytes()).await;
    assert_eq!(answer.matches("\"pong\"").count(), 20);
    assert!(start.elapsed() >= std::time::Duration::from_millis(900), "{:?}", start.elapsed());
    assert!(running.stop().await.is_clean());
}

#[tokio::test]
async fn a_wyoming_server_hears_and_speaks() {
    let server = Running::start(|_| {}).await;
    let address = server.wyoming.to_string();
    let running = Running::start(|settings| {
        settings.engines.speech_to_text = SpeechToText::Wyoming;
        settings.engines.speech_to_text_server = address.clone();
        settings.engines.text_to_speech = TextToSpeech::Wyoming;
        settings.engines.text_to_speech_server = address;
    })
    .await;
    let mut client = running.connect().await;
    client.until("session.created").await;
    client.say("Hello.").await;
    let events = client.until("response.done").await;
    assert_eq!(heard(&events), "You said: Hello.");

    // What it refuses, and that it is gone, ends the turn and not the session.
    assert!(server.stop().await.is_clean());
    client.ask("Hello?").await;
    let events = client.until("response.done").await;
    assert_eq!(events.last().unwrap()["response"]["status"], "failed", "{events:?}");
    drop(client);
    assert!(running.stop().await.is_clean());
}

/// What the speech of a server is that answers with `answer`, whatever it is asked, and closes.
async fn spoken_by(answer: &'static str) -> Result<(), String> {
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let serve = async {
        let mut stream = tokio::io::BufReader::new(listener.accept().await.unwrap().0);
        stream.read_until(b'}', &mut Vec::new()).await.unwrap();
        stream.write_all(answer.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        stream
    };
    let (pieces, _audio) = unleak_pipeline::queue::bounded(unleak_pipeline::structured::Label::new("test"), few(9));
    let engine = engine::Wyoming::new(address, few(200));
    let (spoken, _stream) = tokio::join!(engine.speak("Hello.", Rate::REALTIME, &pieces), serve);
    spoken.map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_wyoming_server_that_does_wrong_is_an_error() {
    let start = "{\"type\": \"audio-start\", \"data\": {\"rate\": 8000, \"width\": 2, \"channels\": 1}}\n";
    let chunk = "{\"type\": \"audio-chunk\", \"payload_length\": 3}\n...";
    let long = "{\"type\": \"audio-chunk\", \"payload_length\": 3000}\n";
    let whole = format!("{start}{{\"type\": \"other\"}}\n{{\"type\": \"audio-stop\"}}\n");
    assert_eq!(spoken_by(whole.leak()).await, Ok(()));
    for (answer, told) in [
        ("", "before it was done"),
        (start, "before it was done"),
        (chunk, "did not announce"),
        (&*format!("{start}{chunk}").leak(), "not whole samples"),
        (&*format!("{start}{long}").leak(), "not too much"),
        ("{\"type\": \"audio-start\", \"data\": {\"rate\": 8000, \"width\": 4, \"channels\": 1}}\n", "not mono"),
        ("{\"type\": \"error\", \"data\": {\"text\": \"no voice\"}}\n", "says: no voice"),
        ("nonsense\n", "object of JSON"),
    ] {
        let error = spoken_by(answer).await.unwrap_err();
        assert!(error.contains(told), "{answer}: {error}");
    }
}

/// A folder with a program `espeak-ng` in it that does what `script` says.
fn stand_in(script: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("espeak-ng");
    let write = "printf '#!/bin/sh\\n%s\\n' \"$1\" > \"$0\" && chmod +x \"$0\"";
    let written = std::process::Command::new("sh").args(["-c", write]).arg(&program).arg(script).status().unwrap();
    assert!(written.success());
    (folder, program)
}

#[tokio::test]
async fn a_voice_that_stalls_or_fails_is_told_and_the_connection_goes_on() {
    for (script, code) in [("exec sleep 1000", "timeout"), ("exit 1", "engine-failed")] {
        let (_folder, program) = stand_in(script);
        let running = Running::start(|settings| {
            settings.engines.text_to_speech = TextToSpeech::EspeakNg;
            settings.engines.espeak_program = program;
            settings.times.text_to_speech = Seconds::of(0.5);
        })
        .await;
        let sent = "{\"type\": \"synthesize\", \"data\": {\"text\": \"Hello.\"}}\n{\"type\": \"ping\"}\nend\n";
        let answer = exchange(running.wyoming, sent.as_bytes()).await;
        let (before, after) = answer.split_once(code).unwrap_or_else(|| panic!("{script}: {answer}"));
        assert!(before.contains("\"audio-start\"") && after.contains("\"pong\""), "{script}: {answer}");
        let mut client = running.connect().await;
        client.until("session.created").await;
        client.ask("Hello.").await;
        let events = client.until("response.done").await;
        assert_eq!(events.last().unwrap()["response"]["status"], "failed", "{script}: {events:?}");
        drop(client);
        assert!(running.stop().await.is_clean());
    }
}

#[tokio::test]
async fn a_half_open_connection_holds_nothing_up() {
    let running = Running::start(|settings| settings.times.send = Seconds::of(0.3)).await;
    let mut client = running.connect().await;
    client.until("session.created").await;
    // From here on it does not read. The answer is longer than any buffer on the way.
    client.ask("Count to 900.").await;
    client.send(json!({ "type": "response.cancel" })).await;
    let ending = running.stop().await;
    assert!(ending.is_clean(), "{ending:?}");
}

#[tokio::test]
async fn whoever_hurries_gets_an_end_without_patience() {
    let running = Running::start(|_| {}).await;
    let mut client = running.connect().await;
    client.until("session.created").await;
    running.hurry.cancel();
    let ending = running.stop().await;
    assert!(ending.is_clean(), "{ending:?}");
}
