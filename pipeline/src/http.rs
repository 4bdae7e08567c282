//! HTTP: what operators ask for, the live page, and the door to the Realtime protocol.

mod door;
mod page;

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use tokio::net::TcpStream;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::service::{Admission, Shared};
use crate::structured::{Label, Spawner};
use crate::telemetry::{self, CONNECTIONS, LONGEST, REFUSED, SESSIONS, TURNS};

type Answer = Response<Full<Bytes>>;

/// The bytes of the head of a request.
const HEAD: usize = 16 * 1024;

const MEMORY: Label = Label::new("look at memory");

/// Serves one connection until it is over or shutdown comes.
pub(crate) async fn serve(
    stream: TcpStream,
    shared: Arc<Shared>,
    spawner: Spawner,
    admission: Arc<Admission>,
) -> Result<(), hyper::Error> {
    let times = &shared.settings.times;
    let (handshake, send) = (times.handshake.get(), times.send.get());
    let token = spawner.token().clone();
    let service = service_fn(move |request| {
        let (shared, spawner, admission) = (shared.clone(), spawner.clone(), admission.clone());
        async move { Ok::<_, Infallible>(answer(request, &shared, &spawner, &admission).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(handshake)
        .max_buf_size(HEAD)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = token.cancelled() => {
            connection.as_mut().graceful_shutdown();
            timeout(send, connection).await.unwrap_or(Ok(()))
        }
    };
    match ended {
        // A client that leaves or dawdles is no failure of ours.
        Err(error) if error.is_incomplete_message() || error.is_timeout() || error.is_parse() => {
            tracing::debug!(%error, "connection ended early");
            Ok(())
        }
        ended => ended,
    }
}

async fn answer(
    request: Request<Incoming>,
    shared: &Arc<Shared>,
    spawner: &Spawner,
    admission: &Arc<Admission>,
) -> Answer {
    let path = request.uri().path();
    if path == "/v1/realtime" {
        return door::enter(request, shared, spawner, admission.clone()).unwrap_or_else(|refused| refused.answer());
    }
    if request.method() != Method::GET {
        return text(StatusCode::METHOD_NOT_ALLOWED, "only GET is understood here\n");
    }
    match path {
        "/healthz" => text(StatusCode::OK, "alive\n"),
        "/readyz" if shared.is_ready() => text(StatusCode::OK, "ready\n"),
        "/readyz" => text(StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
        "/metrics" | "/diagnostics" | "/memory" => match door::check(&request, shared) {
            Err(refused) => refused.answer(),
            Ok(()) if path == "/metrics" => typed("text/plain; version=0.0.4; charset=utf-8", telemetry::page()),
            Ok(()) if path == "/diagnostics" => typed("application/json", diagnostics(shared)),
            Ok(()) => memory(shared, spawner).await,
        },
        _ => page::file(path).unwrap_or_else(|| text(StatusCode::NOT_FOUND, "there is nothing here\n")),
    }
}

fn typed(kind: &'static str, body: String) -> Answer {
    const SAFE: [(HeaderName, HeaderValue); 3] = [
        (hyper::header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (hyper::header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (hyper::header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    ];
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer.headers_mut().extend(SAFE);
    answer
}

fn text(status: StatusCode, body: &str) -> Answer {
    let mut answer = typed("text/plain; charset=utf-8", body.to_owned());
    *answer.status_mut() = status;
    answer
}

/// What goes on now: tasks by name and age, gauges, and the longest that queues have been.
fn diagnostics(shared: &Shared) -> String {
    let tasks: Vec<_> = shared
        .tasks
        .tasks()
        .iter()
        .map(|task| {
            json!({ "scope": task.scope.as_str(), "name": task.name.as_str(), "age_seconds": task.age.as_secs_f64() })
        })
        .collect();
    let queues: serde_json::Map<_, _> =
        LONGEST.values().into_iter().map(|(label, longest)| (label.to_string(), longest.into())).collect();
    let all = json!({
        "engines": shared.banner(),
        "speech_to_text": shared.engines.speech_to_text.name().as_str(),
        "ready": shared.is_ready(),
        "uptime_seconds": shared.started.elapsed().as_secs_f64(),
        "connections": CONNECTIONS.value(),
        "sessions": SESSIONS.value(),
        "turns": TURNS.value(),
        "resident_kb": resident_kb(),
        "memory": shared.settings.diagnostics.memory,
        "longest_queues": queues,
        "tasks": tasks,
    });
    format!("{all:#}\n")
}

/// Where memory is, looked up on a thread that may block. There is one look at a time: whoever is gone leaves it behind, and
/// it goes on as a member of the connections.
async fn memory(shared: &Shared, spawner: &Spawner) -> Answer {
    if !shared.settings.diagnostics.memory {
        return text(StatusCode::NOT_FOUND, "this is off: diagnostics.memory = true in the settings turns it on\n");
    }
    let Ok(mut looker) = shared.memory.clone().try_lock_owned() else {
        return text(StatusCode::SERVICE_UNAVAILABLE, "somebody else looks: try later\n");
    };
    let Ok(member) = spawner.enter(MEMORY) else {
        return text(StatusCode::SERVICE_UNAVAILABLE, "the service ends\n");
    };
    let look = spawn_blocking(move || {
        let _until_done = member;
        looker.report()
    });
    match timeout(shared.settings.times.send.get(), look).await {
        Ok(Ok(page)) => text(StatusCode::OK, &page),
        Ok(Err(_)) => text(StatusCode::INTERNAL_SERVER_ERROR, "the look broke\n"),
        Err(_) => text(StatusCode::SERVICE_UNAVAILABLE, "the look takes too long: try later\n"),
    }
}

/// The memory that this process has now, if the system tells.
fn resident_kb() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Why somebody is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refused {
    WrongKey,
    ForeignPage,
    NoWebSocket,
    NoRoom,
    NoConversations,
}

impl Refused {
    fn answer(self) -> Answer {
        let (status, code, message) = match self {
            Refused::WrongKey => (StatusCode::UNAUTHORIZED, "invalid_api_key", "the key is missing or wrong"),
            Refused::ForeignPage => (
                StatusCode::FORBIDDEN,
                "invalid_origin",
                "pages of other origins may not connect: see security.origins",
            ),
            Refused::NoWebSocket => {
                (StatusCode::UPGRADE_REQUIRED, "not_a_websocket", "this is a WebSocket, version 13")
            }
            Refused::NoConversations => (
                StatusCode::NOT_FOUND,
                "no_conversations",
                "this process serves no conversations: its role is to work behind them",
            ),
            Refused::NoRoom => (StatusCode::SERVICE_UNAVAILABLE, "too_many_sessions", "no more sessions: try later"),
        };
        REFUSED.increment([Label::new(code)]);
        let error = json!({ "error": { "type": "invalid_request_error", "code": code, "message": message } });
        let mut answer = typed("application/json", format!("{error}\n"));
        *answer.status_mut() = status;
        answer
    }
}
