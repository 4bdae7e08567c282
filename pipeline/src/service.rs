//! The service as a whole: what starts, in which order it ends, and what is told of what did not end.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::background::{Background, Desks};
use crate::engine::Engines;
use crate::heap;
use crate::settings::Settings;
use crate::structured::{Label, Plan, Scope, Spawner, Woke, drain, sleep_or_shutdown};
use crate::telemetry::{CONNECTIONS, Held, REFUSED};
use crate::{http, wyoming};

/// What every connection may use.
#[derive(Debug)]
pub struct Shared {
    /// The settings that hold.
    pub settings: Arc<Settings>,
    /// What listens, thinks and speaks.
    pub engines: Engines,
    /// Where conversations hand in what is to be done behind them; nowhere in a process that serves none.
    pub desks: Option<Desks>,
    /// Room for conversations.
    pub sessions: Arc<Semaphore>,
    /// What looks at memory, for one at a time.
    pub memory: Arc<Mutex<heap::Looker>>,
    /// Lists the tasks of the whole service.
    pub tasks: Spawner,
    /// When the service started.
    pub started: Instant,
    connections: Arc<Semaphore>,
    ready: AtomicBool,
}

impl Shared {
    /// What it runs on, in a line.
    pub fn banner(&self) -> String {
        match self.desks {
            Some(_) => self.engines.banner(),
            None => {
                let model = &self.engines.language_model;
                let double = if model.is_double() { " (a double)" } else { "" };
                format!("works behind conversations: language model `{}`{double}", model.name())
            }
        }
    }

    /// Whether new work is welcome.
    pub fn is_ready(&self) -> bool {
        let troubled = self.desks.as_ref().is_some_and(|desks| desks.keeper.is_troubled());
        self.ready.load(Ordering::Relaxed) && !troubled
    }
}

/// A connection that was let in: its place among all of them, and its count on the gauge. It is shared by all
/// that live on the connection, and given back by the last of them.
#[derive(Debug)]
pub struct Admission {
    _place: OwnedSemaphorePermit,
    _count: Held,
}

/// A service that listens and does not serve yet.
#[derive(Debug)]
pub struct Service {
    shared: Arc<Shared>,
    root: Scope,
    listeners: Scope,
    connections: Scope,
    background: Background,
    http: TcpListener,
    wyoming: Option<TcpListener>,
}

const HTTP: Label = Label::new("http listener");
const WYOMING: Label = Label::new("wyoming listener");
const HTTP_CONNECTION: Label = Label::new("http connection");
const WYOMING_CONNECTION: Label = Label::new("wyoming connection");

impl Service {
    /// Binds the addresses of `settings`, opens what is kept, and resumes what was on its way.
    pub async fn bind(settings: Settings) -> io::Result<Self> {
        let settings = Arc::new(settings);
        if let Some(interval) = settings.diagnostics.sampling() {
            heap::sample(interval);
        }
        let engines = match settings.process.role.serves() {
            true => Engines::new(&settings).map_err(io::Error::other)?,
            false => Engines::idle(&settings),
        };
        let http = listen(settings.listen.http).await?;
        let wyoming = match settings.process.role.serves() {
            true => Some(listen(settings.listen.wyoming).await?),
            false => None,
        };
        let root = Scope::new(Label::new("service"));
        let listeners = root.child(Label::new("listeners"));
        let connections = root.child(Label::new("connections"));
        let (background, desks) = Background::start(&settings, &engines, root.child(Label::new("background"))).await?;
        let shared = Arc::new(Shared {
            engines,
            desks,
            sessions: Arc::new(Semaphore::new(settings.limits.sessions.get())),
            connections: Arc::new(Semaphore::new(settings.limits.connections.get())),
            memory: Arc::default(),
            tasks: root.spawner(),
            started: Instant::now(),
            ready: AtomicBool::new(false),
            settings,
        });
        Ok(Self { shared, root, listeners, connections, background, http, wyoming })
    }

    /// Where it listens: HTTP, and Wyoming where conversations are served.
    pub fn addresses(&self) -> io::Result<(SocketAddr, Option<SocketAddr>)> {
        Ok((self.http.local_addr()?, self.wyoming.as_ref().map(TcpListener::local_addr).transpose()?))
    }

    /// What every connection may use.
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Serves until `stop` fires, and then ends everything in order. `hurry` ends it without patience.
    pub async fn run(self, stop: CancellationToken, hurry: CancellationToken) -> Ending {
        let Self { shared, root, listeners, connections, background, http, wyoming } = self;
        let spawner = connections.spawner();
        let token = listeners.token();
        let http = accept(http, shared.clone(), spawner.clone(), token.clone(), Interface::Http);
        let mut refused = vec![listeners.spawn_named(HTTP, http).err()];
        if let Some(wyoming) = wyoming {
            let wyoming = accept(wyoming, shared.clone(), spawner, token.clone(), Interface::Wyoming);
            refused.push(listeners.spawn_named(WYOMING, wyoming).err());
        }
        for refused in refused.into_iter().flatten() {
            tracing::error!(%refused, "listener not started");
        }
        shared.ready.store(true, Ordering::Relaxed);
        stop.cancelled().await;
        shared.ready.store(false, Ordering::Relaxed);
        tracing::info!("shutting down");

        let times = &shared.settings.times;
        let end = Instant::now() + times.shutdown.get();
        let mut ending = Ending::default();
        // First nobody gets in any more; then those who are in are told, and get their time.
        ending.part(&listeners, times.send.get(), times.after_abort.get(), end, &hurry).await;
        ending.part(&connections, times.drain.get(), times.after_abort.get(), end, &hurry).await;
        // What they left to do is done or kept, now that nobody adds to it.
        ending.part(&background.scope, times.drain.get(), times.after_abort.get(), end, &hurry).await;
        ending.part(&root, times.send.get(), times.after_abort.get(), end, &hurry).await;
        // Then the work that no end of a task stops.
        let patience = times.drain.get().min(end.saturating_duration_since(Instant::now()));
        tokio::select! {
            biased;
            () = shared.engines.speech_to_text.ended() => {}
            _ = hurry.run_until_cancelled(sleep(patience)) => {
                ending.stuck.push((Label::new("engines"), shared.engines.speech_to_text.name()));
            }
        }
        // The stores last, when nobody uses them any more.
        ending.losses = background.close(times.after_abort.get()).await;
        ending
    }
}

/// How the service ended.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
#[must_use = "it names what did not end"]
pub struct Ending {
    /// What had to be aborted, by the part of the service it belonged to.
    pub aborted: Vec<(Label, usize)>,
    /// What did not end, by the part of the service it belongs to.
    pub stuck: Vec<(Label, Label)>,
    /// What was lost, in sentences.
    pub losses: Vec<String>,
}

impl Ending {
    /// Whether everything ended, and nothing was lost.
    pub fn is_clean(&self) -> bool {
        self.stuck.is_empty() && self.losses.is_empty()
    }

    /// Ends one part. However it goes, it comes back, so that the parts after it get their turn.
    async fn part(
        &mut self,
        scope: &Scope,
        patience: Duration,
        after_abort: Duration,
        end: Instant,
        hurry: &CancellationToken,
    ) {
        // The abort keeps its time, however late it is.
        let left = end.saturating_duration_since(Instant::now()).saturating_sub(after_abort);
        let plan = Plan::cancel_first(patience.min(left)).after_abort(after_abort);
        let patient = hurry.run_until_cancelled(drain(scope, plan)).await;
        let report = match patient {
            Some(report) => report,
            None => drain(scope, Plan::cancel_first(Duration::ZERO).after_abort(after_abort)).await,
        };
        match report {
            Ok(report) => {
                tracing::info!(part = %scope.label(), cancelled = report.cancelled, aborted = report.aborted, "ended");
                self.aborted.extend((report.aborted > 0).then_some((scope.label(), report.aborted)));
                self.stuck.extend(report.stuck.into_iter().map(|name| (scope.label(), name)));
            }
            Err(refused) => {
                tracing::error!(%refused, "a part cannot end itself");
                self.stuck.push((refused.scope, refused.name));
            }
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_clean() {
            return f.write_str("everything ended");
        }
        let mut sentences = self.losses.clone();
        if !self.stuck.is_empty() {
            let names: Vec<_> = self.stuck.iter().map(|(scope, name)| format!("{scope}/{name}")).collect();
            sentences.push(format!("did not end: {}", names.join(", ")));
        }
        f.write_str(&sentences.join("; "))
    }
}

async fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address).await;
    listener.map_err(|error| io::Error::new(error.kind(), format!("cannot listen on {address}: {error}")))
}

/// What is spoken on a connection.
#[derive(Debug, Clone, Copy)]
enum Interface {
    Http,
    Wyoming,
}

/// Lets connections in, as long as there is room, until shutdown.
async fn accept(
    listener: TcpListener,
    shared: Arc<Shared>,
    spawner: Spawner,
    stop: CancellationToken,
    interface: Interface,
) -> Result<(), Infallible> {
    loop {
        let Some(accepted) = stop.run_until_cancelled(listener.accept()).await else { return Ok(()) };
        match accepted {
            Ok((stream, _)) => admit(stream, &shared, &spawner, interface),
            Err(error) => {
                // No more file handles, usually: some will be given back.
                tracing::warn!(%error, "cannot accept");
                if sleep_or_shutdown(Duration::from_millis(100), &stop).await == Woke::Shutdown {
                    return Ok(());
                }
            }
        }
    }
}

/// Starts the task of a connection, or closes it if there is no room.
fn admit(stream: TcpStream, shared: &Arc<Shared>, spawner: &Spawner, interface: Interface) {
    let Ok(place) = shared.connections.clone().try_acquire_owned() else {
        REFUSED.increment([Label::new("connections")]);
        return;
    };
    let admission = Arc::new(Admission { _place: place, _count: CONNECTIONS.hold() });
    let (shared, tasks) = (shared.clone(), spawner.clone());
    let started = match interface {
        Interface::Http => {
            let serve = http::serve(stream, shared, tasks, admission);
            spawner.spawn_named(HTTP_CONNECTION, serve).map(|task| task.name())
        }
        Interface::Wyoming => {
            let serve = wyoming::serve(stream, shared, tasks, admission);
            spawner.spawn_named(WYOMING_CONNECTION, serve).map(|task| task.name())
        }
    };
    if let Err(closed) = started {
        tracing::debug!(%closed, "too late");
    }
}

#[cfg(test)]
#[path = "service_tests.rs"]
mod tests;
