use std::num::NonZeroUsize;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::*;
use crate::queue::bounded;

/// What a server that answers with `answer` was asked, and what came of it.
async fn asked<T, W>(answer: Vec<u8>, work: impl FnOnce(OpenAiSpeech) -> W) -> (Vec<u8>, Result<T, String>)
where
    W: Future<Output = Result<T, EngineError>>,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/v1", listener.local_addr().unwrap()).parse().unwrap();
    let key = Secret::try_from("secret".to_owned()).ok();
    let engine = OpenAiSpeech::new(base, "a model".to_owned(), "a voice".to_owned(), key, 100);
    let serve = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = Vec::new();
        loop {
            assert!(stream.read_buf(&mut asked).await.unwrap() > 0);
            let text = String::from_utf8_lossy(&asked);
            let Some((head, _)) = text.split_once("\r\n\r\n") else { continue };
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            let end = asked.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
            if asked.len() - end == length.parse::<usize>().unwrap() {
                break;
            }
        }
        stream.write_all(&answer).await.unwrap();
        stream.shutdown().await.unwrap();
        asked
    };
    let both = async { tokio::join!(serve, work(engine)) };
    let (asked, done) = timeout(Duration::from_secs(20), both).await.unwrap();
    (asked, done.map_err(|error| error.to_string()))
}

fn answer(status: &str, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 {status}\r\nconnection: close\r\n\r\n").as_bytes(), body].concat()
}

async fn heard(answer: Vec<u8>) -> (Vec<u8>, Result<String, String>) {
    let audio = Audio { rate: Rate::WYOMING, samples: vec![7; 1_000] };
    asked(answer, async |engine: OpenAiSpeech| engine.transcribe(&audio).await).await
}

async fn spoken(answer: Vec<u8>) -> (Vec<u8>, Result<(), String>, usize) {
    let (pieces, mut audio) = bounded(Label::new("speech test"), NonZeroUsize::new(100).unwrap());
    let (asked, done) =
        asked(answer, async |engine: OpenAiSpeech| engine.speak("Hello.", Rate::WYOMING, &pieces).await).await;
    (asked, done, audio.take_rest().iter().map(Vec::len).sum())
}

#[tokio::test]
async fn audio_goes_out_as_a_form_and_comes_back_as_text() {
    let (asked, text) = heard(answer("200 OK", b"{\"text\": \" Hello. \"}")).await;
    assert_eq!(text, Ok("Hello.".to_owned()));
    let asked = String::from_utf8_lossy(&asked);
    let boundary = asked.split("boundary=").nth(1).unwrap().lines().next().unwrap();
    assert!(asked.starts_with("POST /v1/audio/transcriptions HTTP/1.1"), "{asked}");
    assert!(asked.contains("authorization: Bearer secret"), "{asked}");
    assert!(asked.contains("name=\"model\"\r\n\r\na model\r\n") && asked.contains("RIFF"), "{asked}");
    assert_eq!(asked.matches(&format!("--{boundary}")).count(), 4, "{asked}");
    assert!(asked.ends_with(&format!("\r\n--{boundary}--\r\n")), "{asked}");
}

#[tokio::test]
async fn text_goes_out_and_comes_back_as_audio() {
    let (asked, done, samples) = spoken(answer("200 OK", &[0; 48_000])).await;
    assert_eq!((done, samples), (Ok(()), 16_000), "a second");
    let asked = String::from_utf8(asked).unwrap();
    assert!(asked.starts_with("POST /v1/audio/speech HTTP/1.1") && asked.contains("\"input\":\"Hello.\""), "{asked}");
    assert!(asked.contains("\"voice\":\"a voice\"") && asked.contains("\"response_format\":\"pcm\""), "{asked}");
}

#[tokio::test]
async fn a_server_that_does_wrong_is_an_error() {
    let long = format!("{{\"text\": \"{}\"}}", "long ".repeat(100));
    for (status, body, told) in [
        ("500 No", "", "answered 500"),
        ("200 OK", "nonsense", "not JSON"),
        ("200 OK", "{}", "without text"),
        ("200 OK", &long, "limit"),
    ] {
        let error = heard(answer(status, body.as_bytes())).await.1.unwrap_err();
        assert!(error.starts_with("openai: ") && error.contains(told), "{status} {body}: {error}");
    }
    assert!(spoken(answer("429 Slow", b"")).await.1.unwrap_err().contains("answered 429"));
    assert!(spoken(answer("200 OK", b"odd")).await.1.unwrap_err().contains("middle of a sample"));
    let short = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort".to_vec();
    assert!(spoken(short).await.1.unwrap_err().contains("broke off"));
}
