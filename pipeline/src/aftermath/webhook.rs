use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::header::HeaderName;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::outside::{Address, CallError};
use crate::store::Job;

use super::JobError;

/// Why an integration did not take what it was told.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// It took too long.
    #[error("the integration took too long")]
    TooSlow,
    /// The call failed.
    #[error("the integration: {0}")]
    Call(#[from] CallError),
    /// It said no.
    #[error("the integration answered {0}")]
    Refused(u16),
}

/// Tells an integration of a turn, within `limit`. It can tell by the key whether it has heard of it before.
pub(crate) async fn tell(
    integration: &Address,
    job: Job,
    limit: Duration,
    shutdown: &CancellationToken,
) -> Result<(), JobError> {
    let told = timeout(limit, post(integration, &job));
    let told = shutdown.run_until_cancelled(told).await.ok_or(JobError::Stopped)?;
    Ok(told.map_err(|_| WebhookError::TooSlow)??)
}

async fn post(integration: &Address, job: &Job) -> Result<(), WebhookError> {
    let headers = [(HeaderName::from_static("idempotency-key"), job.key.clone())];
    let answered = integration.post(&headers, job.payload.clone(), async |answer| {
        let status = answer.status();
        // What it says beyond that is not of interest, and not without a bound.
        let said = Limited::new(answer.into_body(), 64 * 1024).collect().await;
        tracing::trace!(%status, whole = said.is_ok(), "integration told");
        if status.is_success() { Ok(()) } else { Err(WebhookError::Refused(status.as_u16())) }
    });
    answered.await
}
