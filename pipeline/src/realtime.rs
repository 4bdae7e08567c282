//! The OpenAI Realtime protocol over a WebSocket: a reader, a writer and a conversation, supervised together.

mod asked;
mod told;

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error as WebSocketError, Message};

use crate::background::Desks;
use crate::pace::Pace;
use crate::queue::{Gone, Receiver, Sender, bounded};
use crate::service::Shared;
use crate::session::{Command, Event, Refusal, Request, Session, SessionError};
use crate::settings::Settings;
use crate::structured::{
    Closed, Crash, Exit, Label, NothingToSupervise, Plan, Scope, Supervisor, WaitsForItself, drain,
};

use asked::Reading;
use told::Telling;

type Socket = WebSocketStream<hyper_util::rt::TokioIo<hyper::upgrade::Upgraded>>;

const READER: Label = Label::new("reader");
const WRITER: Label = Label::new("writer");
const CONVERSATION: Label = Label::new("conversation");

/// Why a connection ended as it should not.
#[derive(Debug, thiserror::Error)]
pub enum RealtimeError {
    /// The client asked for a WebSocket and did not go on.
    #[error("the client did not go on with the upgrade")]
    NoUpgrade,
    /// The client does not take what it is sent.
    #[error("the client does not read")]
    ClientStalls,
    /// The socket broke.
    #[error("the socket broke: {0}")]
    Socket(#[from] Box<WebSocketError>),
    /// The conversation broke.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The service is closing.
    #[error(transparent)]
    Closed(#[from] Closed),
    /// The connection has no task that lasts.
    #[error(transparent)]
    Nothing(#[from] NothingToSupervise),
    /// The connection was to wait for itself.
    #[error(transparent)]
    Itself(#[from] WaitsForItself),
}

/// Holds a conversation over `socket`, and ends all of it before it comes back.
pub(crate) async fn converse(
    socket: Socket,
    shared: Arc<Shared>,
    desks: Desks,
    scope: Scope,
) -> Result<(), RealtimeError> {
    let settings = &shared.settings;
    let (commands, to_session) = bounded(Label::new("commands"), settings.queues.commands);
    let (to_client, events) = bounded(Label::new("events"), settings.queues.events);
    let (sink, stream) = socket.split();
    let session = Session::new(settings.clone(), shared.engines.clone(), desks, scope.spawner(), to_client);

    let exit = supervise(&scope, stream, sink, session, (commands, to_session), events, settings).await;
    let plan = Plan::cancel_first(settings.times.drain.get()).after_abort(settings.times.after_abort.get());
    let report = drain(&scope, plan).await?;
    if !report.is_clean() {
        tracing::warn!(?report, "session did not end by itself");
    }
    match exit? {
        // It has been logged where it happened.
        Exit::Crash(name, Crash::Failed(error)) => tracing::debug!(task = %name, %error, "session crashed"),
        exit => tracing::debug!(%exit, "session over"),
    }
    Ok(())
}

/// Starts the three tasks and waits for the first that ends.
async fn supervise(
    scope: &Scope,
    stream: SplitStream<Socket>,
    sink: SplitSink<Socket, Message>,
    session: Session,
    (commands, to_session): (Sender<Request>, Receiver<Request>),
    events: Receiver<Event>,
    settings: &Arc<Settings>,
) -> Result<Exit<RealtimeError>, RealtimeError> {
    let mut supervisor = Supervisor::new(scope);
    let token = scope.token().clone();
    let own = settings.clone();
    supervisor.connection(READER, async move {
        token.run_until_cancelled(read(stream, commands, &own)).await.unwrap_or(Ok(()))
    })?;
    supervisor.lifetime(CONVERSATION, async move { Ok(session.run(to_session).await?) })?;
    supervisor.lifetime(WRITER, write(sink, events, settings.times.send.get()))?;
    Ok(supervisor.run().await?)
}

/// From the client to the conversation, until the client leaves, is silent for too long, or breaks the protocol
/// of the socket.
async fn read(
    mut stream: SplitStream<Socket>,
    commands: Sender<Request>,
    settings: &Settings,
) -> Result<(), RealtimeError> {
    let mut reading = Reading::new(settings);
    let mut pace = Pace::new(&settings.limits);
    loop {
        pace.keep().await;
        let request = match timeout(settings.times.receive.get(), stream.next()).await {
            Err(_) => {
                tracing::info!("client silent for too long, taken for gone");
                return Ok(());
            }
            Ok(None | Some(Ok(Message::Close(_)))) => return Ok(()),
            Ok(Some(Ok(Message::Text(text)))) => reading.read(&text),
            Ok(Some(Ok(Message::Binary(_)))) => Reading::refuse("invalid_message", "events are text, not binary"),
            Ok(Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)))) => continue,
            Ok(Some(Err(error))) => {
                broken(error, commands).await?;
                // The conversation ends when it has told the client, and the scope with it, and this with the scope.
                return std::future::pending().await;
            }
        };
        if let Err(Gone(_)) = commands.send(request).await {
            return Ok(());
        }
    }
}

/// After an error of the socket nothing more can be read; the client is told if it can be.
async fn broken(error: WebSocketError, commands: Sender<Request>) -> Result<(), RealtimeError> {
    let (code, message) = match error {
        WebSocketError::Utf8(_) => ("invalid_utf8", "a message is not UTF-8".to_owned()),
        WebSocketError::Capacity(why) => ("message_too_large", why.to_string()),
        WebSocketError::Protocol(why) => ("invalid_frame", why.to_string()),
        // The peer is gone, with or without a word.
        WebSocketError::ConnectionClosed | WebSocketError::AlreadyClosed | WebSocketError::Io(_) => return Ok(()),
        error => return Err(Box::new(error).into()),
    };
    let refusal = Refusal::Malformed { code, parameter: None, message };
    // If the conversation is over, there is nobody left to tell.
    let told = commands.send(Request { id: None, command: Command::Refuse(refusal) }).await;
    tracing::info!(code, told = told.is_ok(), "client broke the protocol of the socket");
    Ok(())
}

/// From the conversation to the client, until the conversation is over; then the socket is closed.
async fn write(
    mut sink: SplitSink<Socket, Message>,
    mut events: Receiver<Event>,
    limit: Duration,
) -> Result<(), RealtimeError> {
    let mut telling = Telling::new();
    while let Some(event) = events.recv().await {
        for text in telling.tell(event) {
            timeout(limit, sink.send(Message::text(text)))
                .await
                .map_err(|_| RealtimeError::ClientStalls)?
                .or_else(gone)?;
        }
    }
    let close = CloseFrame { code: CloseCode::Away, reason: "the session is over".into() };
    match timeout(limit, sink.send(Message::Close(Some(close)))).await {
        Ok(sent) => sent.or_else(gone),
        Err(_) => Err(RealtimeError::ClientStalls),
    }
}

/// A peer that has gone is no failure; the reader sees it too.
fn gone(error: WebSocketError) -> Result<(), RealtimeError> {
    match error {
        WebSocketError::ConnectionClosed | WebSocketError::AlreadyClosed | WebSocketError::Io(_) => Ok(()),
        WebSocketError::Protocol(_) => Ok(()),
        error => Err(Box::new(error).into()),
    }
}
