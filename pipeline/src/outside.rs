//! Calls to services outside, over http or https.
//!
//! A call is one future. The connection is driven in it and not by a task of its own, so that dropping the call ends
//! all of it.

pub(crate) mod tls;

use std::error::Error;
use std::str::FromStr;

use http_body_util::Full;
use hyper::body::{Body, Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST, HeaderName};
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::rustls::pki_types::ServerName;

/// Where a service is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    way: Way,
    host: String,
    port: u16,
    path: String,
}

/// How a service is called.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Way {
    Plain,
    /// Whoever answers shows that this is their name.
    Secure(ServerName<'static>),
}

impl Way {
    fn standard_port(&self) -> u16 {
        match self {
            Way::Plain => 80,
            Way::Secure(_) => 443,
        }
    }
}

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Nobody is there.
    #[error("it cannot be reached: {0}")]
    Unreachable(#[from] std::io::Error),
    /// It does not speak HTTP, or stopped in the middle.
    #[error("it broke off: {0}")]
    Broken(#[from] hyper::Error),
    /// The request cannot be made.
    #[error("the request cannot be made: {0}")]
    Request(#[from] hyper::http::Error),
}

impl FromStr for Address {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WHY: &str = "a service is named by an address over http or https, without a user in it";
        let uri: Uri = text.parse().map_err(|_| WHY)?;
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@')).ok_or(WHY)?;
        let host = authority.host().to_owned();
        let way = match uri.scheme_str() {
            Some("http") => Way::Plain,
            Some("https") => {
                Way::Secure(ServerName::try_from(host.trim_matches(['[', ']']).to_owned()).map_err(|_| WHY)?)
            }
            _ => return Err(WHY),
        };
        let port = authority.port_u16().unwrap_or(way.standard_port());
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        Ok(Self { way, host, port, path })
    }
}

impl Address {
    /// The same with `more` at its end.
    #[must_use]
    pub fn below(&self, more: &str) -> Self {
        let path = format!("{}/{more}", self.path.trim_end_matches('/'));
        Self { path, ..self.clone() }
    }

    /// Sends JSON, and gives the answer to `take` while the connection goes on.
    pub(crate) async fn post<T, E, F>(
        &self,
        headers: &[(HeaderName, String)],
        body: String,
        take: impl FnOnce(Response<Incoming>) -> F,
    ) -> Result<T, E>
    where
        E: From<CallError>,
        F: Future<Output = Result<T, E>>,
    {
        self.send(headers, "application/json", body.into(), take).await
    }

    /// Sends a body of some kind, and gives the answer to `take` while the connection goes on.
    pub(crate) async fn send<T, E, F>(
        &self,
        headers: &[(HeaderName, String)],
        kind: &str,
        body: Bytes,
        take: impl FnOnce(Response<Incoming>) -> F,
    ) -> Result<T, E>
    where
        E: From<CallError>,
        F: Future<Output = Result<T, E>>,
    {
        let Self { way, host, port, path } = self;
        let shown = if *port == way.standard_port() { host.clone() } else { format!("{host}:{port}") };
        let mut request = Request::post(path).header(HOST, shown).header(CONTENT_TYPE, kind);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(body)).map_err(CallError::from)?;
        let stream = TcpStream::connect((host.trim_matches(['[', ']']), *port)).await.map_err(CallError::from)?;
        match way {
            Way::Plain => exchange(stream, request, take).await,
            Way::Secure(name) => {
                exchange(tls::secure(name.clone(), stream).await.map_err(CallError::from)?, request, take).await
            }
        }
    }
}

/// Sends a request over `stream`, and gives the answer to `take` while the connection goes on. It ends with the call.
pub(crate) async fn exchange<S, B, T, E, F>(
    stream: S,
    request: Request<B>,
    take: impl FnOnce(Response<Incoming>) -> F,
) -> Result<T, E>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + 'static,
    E: From<CallError>,
    F: Future<Output = Result<T, E>>,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(CallError::from)?;
    let exchange = async { take(sender.send_request(request).await.map_err(CallError::from)?).await };
    // Whatever ends the connection first, the exchange tells.
    let driven = async {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to outside broke");
        }
        std::future::pending().await
    };
    tokio::select! {
        done = exchange => done,
        never = driven => never,
    }
}
