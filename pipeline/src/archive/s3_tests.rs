use object_store::memory::InMemory;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::audio::{Audio, Rate};
use crate::settings::{Seconds, Secret};

const LIMIT: Duration = Duration::from_secs(10);
const TAKEN: &str = "200 OK\r\netag: \"a\"\r\ncontent-length: 0";
const THERE: &str = "412 Precondition Failed\r\ncontent-length: 0";
const NO: &str = "404 Not Found\r\ncontent-length: 0";

fn recording() -> Recording {
    let audio = Arc::new(Audio { rate: Rate::REALTIME, samples: vec![1, -2, 3] });
    Recording::of(&super::super::Utterance { session: "session".to_owned(), item: "item".to_owned(), audio })
}

fn secret(text: &str) -> Option<Secret> {
    Some(Secret::try_from(text.to_owned()).unwrap())
}

/// An archive at a server that is nobody's.
async fn somewhere(limit: f64) -> (S3Archive, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut settings = Settings::default();
    assert!(S3Archive::open(&settings).unwrap().is_none());
    settings.times.archive = Seconds::of(limit);
    settings.store.archive_bucket = Some("voices".to_owned());
    let address = format!("http://{}", listener.local_addr().unwrap());
    settings.store.archive_endpoint = Some(Endpoint::try_from(address).unwrap());
    (settings.store.archive_key, settings.store.archive_secret) = (secret("hunter1"), secret("hunter2"));
    (S3Archive::open(&settings).unwrap().unwrap(), listener)
}

/// Takes a call for each answer, one connection each. Returns what was asked.
async fn serve(listener: &TcpListener, answers: &[&str]) -> Vec<String> {
    let mut asked = Vec::new();
    for answer in answers {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        let head = loop {
            assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
            let text = String::from_utf8_lossy(&request).to_lowercase();
            if let Some((head, _)) = text.split_once("\r\n\r\n") {
                let length = head
                    .split_once("content-length: ")
                    .map_or(0, |(_, rest)| rest.split("\r\n").next().unwrap().parse::<usize>().unwrap());
                if request.len() >= head.len() + 4 + length {
                    break head.to_owned();
                }
            }
        };
        let only_new = if head.contains("if-none-match: *") { " if new" } else { "" };
        asked.push(head.split(" http/1.1").next().unwrap().to_owned() + only_new);
        let answer = if answer.contains("\r\n\r\n") { (*answer).to_owned() } else { format!("{answer}\r\n\r\n") };
        stream.write_all(format!("HTTP/1.1 {answer}").as_bytes()).await.unwrap();
    }
    asked
}

#[tokio::test]
async fn a_recording_is_in_the_store_once() {
    let (store, recording) = (Arc::new(InMemory::new()), recording());
    let path = Path::from(recording.name());
    let archive = S3Archive::over(store.clone(), LIMIT);
    archive.put(&recording).await.unwrap();
    let first = store.head(&path).await.unwrap();
    archive.put(&recording).await.unwrap();
    assert_eq!(store.head(&path).await.unwrap(), first, "it was not put again");
    assert_eq!(store.get(&path).await.unwrap().bytes().await.unwrap(), recording.bytes());
    store.put(&path, "torn".into()).await.unwrap();
    archive.put(&recording).await.unwrap();
    assert_eq!(store.head(&path).await.unwrap().size, first.size, "what is not whole is not the recording");
}

#[tokio::test]
async fn a_server_is_asked_what_it_has_where_it_does_not_take_a_recording() {
    let recording = recording();
    let whole = format!(
        "200 OK\r\netag: \"a\"\r\nlast-modified: Mon, 02 Jan 2006 15:04:05 GMT\r\ncontent-length: {}",
        recording.bytes().len()
    );
    let (name, conflict) = (recording.name(), "409 Conflict\r\ncontent-length: 0");
    let (create, write, head) =
        (format!("put /voices/{name} if new"), format!("put /voices/{name}"), format!("head /voices/{name}"));
    let unable = "501 Not Implemented\r\ncontent-length: 0";
    for (answers, expected) in [
        (&[TAKEN][..], &[&create][..]),
        (&[THERE, &whole], &[&create, &head]),
        (&[conflict, NO, TAKEN], &[&create, &head, &write]),
        (&[unable, &whole], &[&create, &head]),
        (&[unable, NO, TAKEN], &[&create, &head, &write]),
    ] {
        let (archive, listener) = somewhere(10.0).await;
        let (put, asked) = tokio::join!(archive.put(&recording), serve(&listener, answers));
        put.unwrap();
        assert_eq!(asked.iter().collect::<Vec<_>>(), expected);
    }
}

#[tokio::test]
async fn a_refusal_is_told_without_keys() {
    let (archive, listener) = somewhere(10.0).await;
    let text = "<Error><Code>InvalidAccessKeyId</Code><AWSAccessKeyId>hunter1</AWSAccessKeyId></Error>";
    let refused = format!("403 Forbidden\r\ncontent-length: {}\r\n\r\n{text}", text.len());
    let (recording, answers) = (recording(), [refused.as_str()]);
    let (put, _) = tokio::join!(archive.put(&recording), serve(&listener, &answers));
    let error = put.unwrap_err().to_string();
    assert!(error.contains("InvalidAccessKeyId") && !error.contains("hunter"), "{error}");
    assert!(!format!("{archive:?}").contains("hunter"));
}

#[tokio::test]
async fn a_server_that_is_silent_or_gone_is_given_up() {
    let (archive, listener) = somewhere(0.2).await;
    assert_eq!(archive.put(&recording()).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    drop(listener);
    let error = archive.put(&recording()).await.unwrap_err().to_string();
    assert!(error.contains("cannot be reached"), "{error}");
}
