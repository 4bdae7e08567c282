use std::pin::Pin;

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{HOST, HeaderValue};
use hyper::{Response, StatusCode, Uri};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};
use tokio::net::TcpStream;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::outside::{CallError, exchange, tls};

/// The bytes of an answer.
const LONGEST: usize = 64 * 1024;

/// HTTP for the client of S3. A call is one future, and its connection ends with it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Transport {
    /// Over plain http.
    Plain,
    /// Over https, to servers that the authorities of this machine vouch for.
    Secure,
}

/// The server does not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[error("the server does not do that: {0}")]
pub(super) struct NotImplemented(String);

impl Transport {
    async fn send(self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let uri = request.uri().clone();
        let host = uri.host().unwrap_or_default();
        let standard = match self {
            Self::Plain => 80,
            Self::Secure => 443,
        };
        let port = uri.port_u16().unwrap_or(standard);
        // As it was signed.
        let shown = if port == standard { host.to_owned() } else { format!("{host}:{port}") };
        request.headers_mut().insert(HOST, HeaderValue::try_from(shown).map_err(unknown)?);
        *request.uri_mut() = uri.path_and_query().cloned().map_or_else(Uri::default, Uri::from);
        let host = host.trim_matches(['[', ']']);
        let stream = TcpStream::connect((host, port)).await.map_err(CallError::from)?;
        match self {
            Self::Plain => exchange(stream, request, take).await,
            Self::Secure => {
                let name = ServerName::try_from(host.to_owned()).map_err(unknown)?;
                exchange(tls::secure(name, stream).await.map_err(CallError::from)?, request, take).await
            }
        }
    }
}

/// The whole answer. Of one that refuses only the code is kept: its text can name keys.
async fn take(answer: Response<Incoming>) -> Result<HttpResponse, HttpError> {
    let (head, body) = answer.into_parts();
    let body = Limited::new(body, LONGEST).collect().await;
    let body = body.map_err(|error| HttpError::new_boxed(HttpErrorKind::Interrupted, error))?.to_bytes();
    if head.status.is_success() {
        return Ok(HttpResponse::from_parts(head, body.into()));
    }
    let text = String::from_utf8_lossy(&body);
    let code = text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>")).map_or("", |(code, _)| code);
    if head.status == StatusCode::NOT_IMPLEMENTED {
        return Err(unknown(NotImplemented(code.to_owned())));
    }
    Ok(HttpResponse::from_parts(head, code.to_owned().into()))
}

fn unknown(error: impl std::error::Error + Send + Sync + 'static) -> HttpError {
    HttpError::new(HttpErrorKind::Unknown, error)
}

impl From<CallError> for HttpError {
    fn from(error: CallError) -> Self {
        let kind = match error {
            CallError::Unreachable(_) => HttpErrorKind::Connect,
            CallError::Broken(_) | CallError::Request(_) => HttpErrorKind::Interrupted,
        };
        HttpError::new(kind, error)
    }
}

impl HttpConnector for Transport {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(*self))
    }
}

impl HttpService for Transport {
    // As `async_trait` writes it.
    fn call<'a, 'b>(
        &'a self,
        request: HttpRequest,
    ) -> Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(self.send(request))
    }
}
