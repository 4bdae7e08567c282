//! An archive in a store that speaks S3.

mod transport;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, BackoffConfig, Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions, RetryConfig,
};
use tokio::time::timeout;

use crate::outside::tls;
use crate::settings::{Endpoint, Settings};

use super::{Archive, Putting, Recording};
use transport::{NotImplemented, Transport};

/// An archive in a bucket. The key of a recording is its name, the hash of its content.
pub struct S3Archive {
    store: Arc<dyn ObjectStore>,
    limit: Duration,
}

// The store would show the name of the key.
impl fmt::Debug for S3Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Archive").field("store", &format_args!("{}", self.store)).field("limit", &self.limit).finish()
    }
}

impl S3Archive {
    /// The archive in `store.archive_bucket`, if the settings name one. The server is not asked yet: while it cannot be
    /// reached, recordings wait in the spill.
    pub fn open(settings: &Settings) -> io::Result<Option<Self>> {
        let (store, limit) = (&settings.store, settings.times.archive.get());
        let (Some(bucket), Some(key), Some(secret)) =
            (&store.archive_bucket, &store.archive_key, &store.archive_secret)
        else {
            return Ok(None);
        };
        let is_plain = store.archive_endpoint.as_ref().is_some_and(Endpoint::is_plain);
        let transport = if is_plain { Transport::Plain } else { Transport::Secure };
        if !is_plain {
            // Read now, so that a machine without authorities is told at the start.
            tls::of_this_machine()?;
        }
        // What fails is tried again by the archiver.
        let retry = RetryConfig { backoff: BackoffConfig::default(), max_retries: 0, retry_timeout: limit };
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(bucket)
            .with_access_key_id(key.reveal())
            .with_secret_access_key(secret.reveal())
            .with_http_connector(transport)
            .with_allow_http(is_plain)
            .with_retry(retry);
        if let Some(endpoint) = &store.archive_endpoint {
            builder = builder.with_endpoint(endpoint.to_string());
        }
        if let Some(region) = &store.archive_region {
            builder = builder.with_region(region);
        }
        Ok(Some(Self::over(Arc::new(builder.build()?), limit)))
    }

    /// The archive in `store`. To put a recording there takes at most `limit`.
    pub(super) fn over(store: Arc<dyn ObjectStore>, limit: Duration) -> Self {
        Self { store, limit }
    }

    async fn place(&self, recording: &Recording) -> Result<(), Error> {
        let path = Path::from(recording.name());
        match self.write(&path, recording, PutMode::Create).await {
            Err(error) if is_undecided(&error) => {}
            created => return created,
        }
        // A server can refuse because of another call that then fails. So it is asked what it has.
        match self.store.head(&path).await {
            Ok(there) if there.size == recording.bytes().len() as u64 => Ok(()),
            Ok(_) | Err(Error::NotFound { .. }) => self.write(&path, recording, PutMode::Overwrite).await,
            Err(error) => Err(error),
        }
    }

    async fn write(&self, path: &Path, recording: &Recording, mode: PutMode) -> Result<(), Error> {
        let attributes = Attributes::from_iter([(Attribute::ContentType, "audio/wav")]);
        let options = PutOptions { mode, attributes, ..Default::default() };
        self.store.put_opts(path, recording.bytes().clone().into(), options).await.map(drop)
    }
}

/// Whether the recording can be there: the server says so, or cannot put it on the condition that it is not.
fn is_undecided(error: &Error) -> bool {
    if matches!(error, Error::AlreadyExists { .. }) {
        return true;
    }
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    causes.into_iter().any(|cause| cause.is::<NotImplemented>())
}

impl Archive for S3Archive {
    fn put<'a>(&'a self, recording: &'a Recording) -> Putting<'a> {
        Box::pin(async move {
            let placed = timeout(self.limit, self.place(recording)).await;
            let silent = |_| io::Error::new(io::ErrorKind::TimedOut, "the store does not answer");
            placed.map_err(silent)?.map_err(io::Error::other)
        })
    }
}

#[cfg(test)]
#[path = "s3_tests.rs"]
mod tests;
