//! A pipeline of its own for each test, and clients for it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use tokio_util::sync::CancellationToken;
use unleak_pipeline::audio::{self, Rate, tones};
use unleak_pipeline::service::{Ending, Service, Shared};
use unleak_pipeline::settings::Settings;
use unleak_pipeline::structured::{Ended, Label, NamedTask, Scope};

/// Longer than anything takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A service that runs in this process, on ports of its own.
pub(crate) struct Running {
    pub(crate) http: SocketAddr,
    pub(crate) wyoming: SocketAddr,
    pub(crate) stop: CancellationToken,
    pub(crate) hurry: CancellationToken,
    pub(crate) shared: Arc<Shared>,
    scope: Scope,
    folder: tempfile::TempDir,
    ending: NamedTask<Ending, std::convert::Infallible>,
}

impl Running {
    pub(crate) async fn start(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings::default();
        settings.listen.http.set_port(0);
        settings.listen.wyoming.set_port(0);
        let folder = tempfile::tempdir().expect("a folder");
        settings.store.folder = folder.path().to_owned();
        change(&mut settings);
        let service = Service::bind(settings).await.expect("it binds");
        let (http, wyoming) = service.addresses().expect("it has addresses");
        let shared = service.shared().clone();
        let (stop, hurry) = (CancellationToken::new(), CancellationToken::new());
        let scope = Scope::new(Label::new("test"));
        let run = service.run(stop.clone(), hurry.clone());
        let ending = scope.spawn_named(Label::new("service"), async { Ok(run.await) }).expect("the scope is open");
        Self { http, wyoming: wyoming.expect("it serves"), stop, hurry, shared, scope, folder, ending }
    }

    /// Where it keeps what it keeps.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Stops it and tells how it ended.
    pub(crate) async fn stop(self) -> Ending {
        self.stop_and(|| ()).await
    }

    /// Stops it, looks at what it left, and tells how it ended.
    pub(crate) async fn stop_and(self, look: impl FnOnce()) -> Ending {
        self.stop.cancel();
        let ended = timeout(2 * PATIENCE, self.ending).await.expect("it ends");
        drop(self.scope);
        look();
        match ended {
            Ended::Done(ending) => ending,
            other => panic!("{other:?}"),
        }
    }

    /// The answer to a GET: its status, and its body.
    pub(crate) async fn get(&self, path: &str, headers: &str) -> (u16, String) {
        let request = format!("GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n{headers}\r\n", self.http);
        let answer = exchange(self.http, request.as_bytes()).await;
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        (status, body.to_owned())
    }

    pub(crate) async fn connect(&self) -> Client {
        Client::connect(self.http, &[]).await.expect("it lets us in")
    }

    pub(crate) async fn diagnostics(&self) -> Value {
        serde_json::from_str(&self.get("/diagnostics", "").await.1).expect("diagnostics are JSON")
    }
}

/// Sends bytes and reads until the other side closes.
pub(crate) async fn exchange(to: SocketAddr, bytes: &[u8]) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = TcpStream::connect(to).await.expect("it listens");
    stream.write_all(bytes).await.expect("it reads");
    let mut answer = Vec::new();
    // A connection that is reset has been closed too.
    let read = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("it closes");
    drop(read);
    String::from_utf8_lossy(&answer).into_owned()
}

/// A client of the Realtime protocol.
pub(crate) struct Client {
    pub(crate) socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Client {
    /// Connects, or tells with which status it was refused: 0 if nobody was there.
    pub(crate) async fn connect(to: SocketAddr, headers: &[(&'static str, &str)]) -> Result<Self, u16> {
        let mut request = format!("ws://{to}/v1/realtime?model=any").into_client_request().expect("a request");
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().expect("a header"));
        }
        match connect_async(request).await {
            Ok((socket, _)) => Ok(Self { socket }),
            Err(tokio_tungstenite::tungstenite::Error::Io(_)) => Err(0),
            Err(tokio_tungstenite::tungstenite::Error::Http(answer)) => Err(answer.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    pub(crate) async fn send(&mut self, event: Value) {
        self.socket.send(Message::text(event.to_string())).await.expect("it reads");
    }

    /// Sends an event to a server that may be gone.
    pub(crate) async fn try_send(&mut self, event: Value) {
        // That it is gone is seen when something is read.
        drop(self.socket.send(Message::text(event.to_string())).await);
    }

    /// Sends audio to a server that may be gone.
    pub(crate) async fn append(&mut self, samples: &[i16]) {
        for piece in samples.chunks(24_000) {
            let audio = STANDARD.encode(audio::bytes(piece));
            self.try_send(json!({ "type": "input_audio_buffer.append", "audio": audio })).await;
        }
    }

    /// Says `text` with silence after it.
    pub(crate) async fn say(&mut self, text: &str) {
        let silence = vec![0; Rate::REALTIME.samples(Duration::from_millis(600))];
        for piece in [tones::encode(text, Rate::REALTIME), silence].concat().chunks(4_800) {
            let audio = STANDARD.encode(audio::bytes(piece));
            self.send(json!({ "type": "input_audio_buffer.append", "audio": audio })).await;
        }
    }

    pub(crate) async fn ask(&mut self, text: &str) {
        let content = json!([{ "type": "input_text", "text": text }]);
        let item = json!({ "type": "message", "role": "user", "content": content });
        self.send(json!({ "type": "conversation.item.create", "item": item })).await;
        self.send(json!({ "type": "response.create" })).await;
    }

    /// The next event, or nothing when the server has closed.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        loop {
            match timeout(PATIENCE, self.socket.next()).await.expect("something comes") {
                Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).expect("events are JSON")),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// The events up to the first of a kind.
    pub(crate) async fn until(&mut self, kind: &str) -> Vec<Value> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            let last = event["type"] == kind;
            events.push(event);
            if last {
                return events;
            }
        }
        panic!("closed before {kind}: {events:?}");
    }
}

/// What is heard in events.
pub(crate) fn heard(events: &[Value]) -> String {
    let deltas = events.iter().filter(|event| event["type"] == "response.output_audio.delta");
    let bytes: Vec<u8> =
        deltas.flat_map(|event| STANDARD.decode(event["delta"].as_str().expect("text")).expect("base64")).collect();
    tones::decode(&audio::samples(&bytes).expect("whole samples"), Rate::REALTIME)
}
