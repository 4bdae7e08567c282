//! Who is let in, and the upgrade to a WebSocket that stays in the hands of its scope.
//!
//! An upgrade that a framework drives escapes its graceful shutdown. Here the task that waits for the upgrade and
//! then lives on the connection is one of the scope's before the answer is sent.

use std::net::IpAddr;
use std::sync::Arc;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderValue};
use hyper::http::uri::Authority;
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::{Answer, Refused};
use crate::realtime::{self, RealtimeError};
use crate::service::{Admission, Shared};
use crate::structured::{Label, Spawner};

const CONNECTION: Label = Label::new("realtime connection");
/// How browsers, which cannot set headers, show a key.
const KEY_PROTOCOL: &str = "openai-insecure-api-key.";

/// Whether the request shows the key, if there is one, and does not come from a page of somebody else.
///
/// A page whose name was made to lead to this machine looks like one of ours, but for that name.
pub(super) fn check(request: &Request<Incoming>, shared: &Shared) -> Result<(), Refused> {
    let security = &shared.settings.security;
    let headers = request.headers();
    if let Some(key) = &security.key
        && !shown(headers).is_some_and(|shown| key.matches(shown))
    {
        return Err(Refused::WrongKey);
    }
    let host = text(headers, header::HOST);
    let known =
        |host: &str| security.origins.iter().any(|known| known.split_once("://").is_some_and(|(_, own)| own == host));
    if security.key.is_none() && !host.is_some_and(|host| is_address(host) || known(host)) {
        return Err(Refused::ForeignPage);
    }
    let Some(origin) = text(headers, header::ORIGIN) else { return Ok(()) };
    let own = origin.split_once("://").map(|(_, host)| host);
    if own.is_some() && own == host || security.origins.iter().any(|known| known == origin) {
        return Ok(());
    }
    Err(Refused::ForeignPage)
}

/// Whether a host is an address, which leads nowhere else, or this machine's own name for itself.
fn is_address(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let host = authority.host();
    host == "localhost" || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
}

/// The key that the request shows.
fn shown(headers: &HeaderMap) -> Option<&str> {
    let bearer = text(headers, header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
    bearer.or_else(|| protocols(headers).find_map(|protocol| protocol.strip_prefix(KEY_PROTOCOL)))
}

fn protocols(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    text(headers, header::SEC_WEBSOCKET_PROTOCOL).unwrap_or("").split(',').map(str::trim)
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Whether one of the words of a header is `word`.
fn says(headers: &HeaderMap, name: header::HeaderName, word: &str) -> bool {
    text(headers, name).unwrap_or("").split(',').any(|own| own.trim().eq_ignore_ascii_case(word))
}

/// Lets a client in: answers with the upgrade, and starts the task that lives on it.
pub(super) fn enter(
    mut request: Request<Incoming>,
    shared: &Arc<Shared>,
    spawner: &Spawner,
    admission: Arc<Admission>,
) -> Result<Answer, Refused> {
    check(&request, shared)?;
    let headers = request.headers();
    let upgrade = request.method() == Method::GET
        && says(headers, header::CONNECTION, "upgrade")
        && says(headers, header::UPGRADE, "websocket")
        && text(headers, header::SEC_WEBSOCKET_VERSION) == Some("13");
    let key = headers.get(header::SEC_WEBSOCKET_KEY).map(|key| derive_accept_key(key.as_bytes()));
    let key = key.filter(|_| upgrade).and_then(|key| HeaderValue::from_str(&key).ok()).ok_or(Refused::NoWebSocket)?;
    let speaks_realtime = protocols(headers).any(|protocol| protocol == "realtime");
    let desks = shared.desks.clone().ok_or(Refused::NoConversations)?;
    let place = shared.sessions.clone().try_acquire_owned().map_err(|_| Refused::NoRoom)?;

    let upgraded = hyper::upgrade::on(&mut request);
    let (room, scope) = (shared.clone(), spawner.child(Label::new("session")));
    let started = spawner.spawn_named(CONNECTION, async move {
        let _place = (place, admission);
        let upgraded = timeout(room.settings.times.handshake.get(), upgraded).await;
        let upgraded = upgraded.map_err(|_| RealtimeError::NoUpgrade)?.map_err(|_| RealtimeError::NoUpgrade)?;
        let most = room.settings.limits.message_bytes.get();
        let config = WebSocketConfig::default()
            .max_message_size(Some(most))
            .max_frame_size(Some(most))
            .write_buffer_size(0)
            .max_write_buffer_size(4 * most);
        let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
        realtime::converse(socket, room, desks, scope).await
    });
    started.map_err(|_| Refused::NoRoom)?;

    let mut answer = Response::new(Full::new(Bytes::new()));
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = answer.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, key);
    if speaks_realtime {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("realtime"));
    }
    Ok(answer)
}
