//! Calls to services outside: over plain HTTP, for what runs beside this service or behind a proxy.
//!
//! A call is one future. The connection is driven in it and not by a task of its own, so that dropping the call ends
//! all of it.

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

/// Where a service is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    authority: String,
    path: String,
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
        let uri: Uri = text.parse().map_err(|_| "a service is named by an address")?;
        let authority = uri.authority().ok_or("a service is named by an address")?;
        if uri.scheme_str() != Some("http") || authority.as_str().contains('@') {
            return Err(
                "services are called over plain http, without a user in the address: put a proxy before others",
            );
        }
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let port = authority.port_u16().unwrap_or(80);
        Ok(Self { authority: format!("{}:{port}", authority.host()), path: path.to_owned() })
    }
}

impl Address {
    /// The same with `more` at its end.
    #[must_use]
    pub fn below(&self, more: &str) -> Self {
        let path = format!("{}/{more}", self.path.trim_end_matches('/'));
        Self { authority: self.authority.clone(), path }
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
        let stream = TcpStream::connect(&self.authority).await.map_err(CallError::from)?;
        let mut request = Request::post(&self.path).header(HOST, &self.authority).header(CONTENT_TYPE, kind);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(body)).map_err(CallError::from)?;
        exchange(stream, request, take).await
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
