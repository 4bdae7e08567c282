mod speech;

use std::num::NonZeroUsize;

use http_body_util::BodyExt;
use hyper::Response;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, HeaderName};
use serde_json::{Value, json};

use super::{Engine, EngineError, LanguageModel, Origin, Said, Who, Work};
use crate::outside::{Address, CallError};
use crate::queue::Sender;
use crate::settings::Secret;
use crate::structured::Label;

pub use speech::OpenAiSpeech;

/// A language model behind any server that speaks the chat completions of OpenAI, streamed.
#[derive(Debug)]
pub struct OpenAi {
    address: Address,
    model: String,
    key: Option<Secret>,
    line_bytes: usize,
}

const NAME: Label = Label::new("openai");

impl OpenAi {
    /// The model `model` of the server at `base`, whose lines have at most `line_bytes`.
    pub fn new(base: &Address, model: String, key: Option<Secret>, line_bytes: NonZeroUsize) -> Self {
        Self { address: base.below("chat/completions"), model, key, line_bytes: line_bytes.get() }
    }

    fn request(&self, conversation: &[Said]) -> String {
        let messages: Vec<_> = conversation
            .iter()
            .map(|said| {
                let role = match said.who {
                    Who::System => "system",
                    Who::User => "user",
                    Who::Assistant => "assistant",
                };
                json!({ "role": role, "content": said.text })
            })
            .collect();
        json!({ "model": self.model, "messages": messages, "stream": true }).to_string()
    }
}

fn wrong(why: impl Into<String>) -> EngineError {
    EngineError { engine: NAME, why: why.into() }
}

impl From<CallError> for EngineError {
    fn from(error: CallError) -> Self {
        wrong(error.to_string())
    }
}

impl Engine for OpenAi {
    fn name(&self) -> Label {
        NAME
    }

    fn origin(&self) -> Origin {
        Origin::ours("a server that speaks the chat completions of OpenAI")
    }
}

impl LanguageModel for OpenAi {
    fn answer<'a>(&'a self, conversation: &'a [Said], tokens: &'a Sender<String>) -> Work<'a, ()> {
        Box::pin(async move {
            let mut headers: Vec<(HeaderName, String)> = Vec::new();
            headers.extend(self.key.as_ref().map(|key| (AUTHORIZATION, format!("Bearer {}", key.reveal()))));
            let body = self.request(conversation);
            self.address.post(&headers, body, |answer| stream(answer, tokens, Lines::new(self.line_bytes))).await
        })
    }
}

/// From the events of the server to tokens, until it says that it is done.
async fn stream(answer: Response<Incoming>, tokens: &Sender<String>, mut lines: Lines) -> Result<(), EngineError> {
    let status = answer.status();
    if !status.is_success() {
        return Err(wrong(format!("the server answered {status}")));
    }
    let mut body = answer.into_body();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(CallError::from)?;
        let Some(data) = frame.data_ref() else { continue };
        for line in lines.add(data)? {
            match token(&line)? {
                Token::Nothing => {}
                Token::Done => return Ok(()),
                Token::Text(text) => tokens.send(text).await.map_err(|gone| wrong(gone.to_string()))?,
            }
        }
    }
    Err(wrong("the server broke off before it was done"))
}

/// What a line says.
#[derive(Debug, PartialEq, Eq)]
enum Token {
    Nothing,
    Text(String),
    Done,
}

fn token(line: &[u8]) -> Result<Token, EngineError> {
    let line = std::str::from_utf8(line).map_err(|_| wrong("the server sent what is not UTF-8"))?;
    // Comments, and fields other than data.
    let Some(data) = line.trim().strip_prefix("data:").map(str::trim) else { return Ok(Token::Nothing) };
    if data == "[DONE]" {
        return Ok(Token::Done);
    }
    let event: Value = serde_json::from_str(data).map_err(|_| wrong("the server sent what is not JSON"))?;
    if let Some(error) = event.get("error") {
        let message: String = error["message"].as_str().unwrap_or("an error").chars().take(200).collect();
        return Err(wrong(format!("the server says: {message}")));
    }
    match event["choices"][0]["delta"]["content"].as_str() {
        Some(text) if !text.is_empty() => Ok(Token::Text(text.to_owned())),
        _ => Ok(Token::Nothing),
    }
}

/// Whole lines from pieces, none longer than `most`.
#[derive(Debug)]
struct Lines {
    begun: Vec<u8>,
    most: usize,
}

impl Lines {
    fn new(most: usize) -> Self {
        Self { begun: Vec::new(), most }
    }

    /// The lines that `piece` makes whole.
    fn add(&mut self, piece: &[u8]) -> Result<Vec<Vec<u8>>, EngineError> {
        let mut whole = Vec::new();
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            if self.begun.len() + part.len() > self.most {
                return Err(wrong("the server sent a line that is too long"));
            }
            self.begun.extend_from_slice(part);
            if part.ends_with(b"\n") {
                whole.push(std::mem::take(&mut self.begun));
            }
        }
        Ok(whole)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    use super::*;
    use crate::queue::bounded;

    /// What a server that says `parts`, and then closes or hangs, makes of an answer.
    async fn answered(parts: &'static [&'static str], then: Then) -> (Result<(), String>, Vec<String>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base: Address = format!("http://{}/v1/", listener.local_addr().unwrap()).parse().unwrap();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = Vec::new();
            while !asked.ends_with(b"}") {
                stream.read_buf(&mut asked).await.unwrap();
            }
            for part in parts {
                stream.write_all(part.as_bytes()).await.unwrap();
                stream.flush().await.unwrap();
                tokio::task::yield_now().await;
            }
            match then {
                Then::Close => drop(stream),
                Then::Hang => std::future::pending::<()>().await,
            }
            String::from_utf8(asked).unwrap()
        });
        let key = Secret::try_from("secret".to_owned()).ok();
        let model = OpenAi::new(&base, "model".to_owned(), key, NonZeroUsize::new(1_000).unwrap());
        let said = [Said { who: Who::User, text: "Hello".to_owned() }];
        let (tokens, mut heard) = bounded(Label::new("tokens"), NonZeroUsize::new(100).unwrap());
        let answer = match timeout(Duration::from_millis(500), model.answer(&said, &tokens)).await {
            Ok(done) => done.map_err(|error| error.to_string()),
            Err(_) => Err("hangs".to_owned()),
        };
        let asked = match then {
            Then::Close => server.await.unwrap(),
            Then::Hang => {
                server.abort();
                String::new()
            }
        };
        (answer, heard.take_rest(), asked)
    }

    #[derive(Clone, Copy)]
    enum Then {
        Close,
        Hang,
    }

    const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

    #[tokio::test]
    async fn a_stream_is_tokens() {
        let parts = &[
            HEAD,
            ": comment\n\ndata: {\"choices\":[{\"delta\":{\"role\":\"assistant\"}}]}\n\n",
            "data: {\"choices\":[{\"delta\":{\"content\":\"Hel",
            "lo\"}}]}\r\n\r\ndata: {\"choices\":[{\"delta\":{\"content\":\" there\"}}]}\n\ndata: {\"choices\":[]}\n\n",
            "data: [DONE]\n\n",
        ];
        let (answer, tokens, asked) = answered(parts, Then::Close).await;
        assert_eq!((answer, tokens), (Ok(()), vec!["Hello".to_owned(), " there".to_owned()]));
        assert!(asked.starts_with("POST /v1/chat/completions HTTP/1.1"), "{asked}");
        assert!(asked.contains("authorization: Bearer secret") && asked.contains("\"content\":\"Hello\""), "{asked}");
    }

    #[tokio::test]
    async fn a_server_that_does_wrong_is_an_error() {
        let wrong: [(&'static [&'static str], &str); 6] = [
            (&["HTTP/1.1 429 Slow\r\ncontent-length: 0\r\n\r\n"], "answered 429"),
            (&[HEAD, "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n"], "before it was done"),
            (&[HEAD, "data: nonsense\n\n"], "not JSON"),
            (&[HEAD, "data: {\"error\":{\"message\":\"overloaded\"}}\n\n"], "overloaded"),
            (&["nonsense\r\n\r\n"], "broke off"),
            (&[], "broke off"),
        ];
        for (parts, told) in wrong {
            let (answer, _, _) = answered(parts, Then::Close).await;
            let error = answer.unwrap_err();
            assert!(error.contains(told), "{parts:?}: {error}");
        }
        let long: &'static str = Box::leak("x".repeat(2_000).into_boxed_str());
        let parts: &'static [&'static str] = Box::leak(Box::new([HEAD, long]));
        assert!(answered(parts, Then::Close).await.0.unwrap_err().contains("too long"));
        // That nothing more comes is for the turn to see, which has the time for it.
        assert_eq!(answered(&[HEAD, "data: {\"choi"], Then::Hang).await.0, Err("hangs".to_owned()));
    }
}
