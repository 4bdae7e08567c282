//! Jobs in NATS JetStream, for several processes: whoever takes one and does not tell its outcome in time loses it to another.

use std::collections::BTreeMap;
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, PullConsumer, pull};
use async_nats::jetstream::context::Context;
use async_nats::jetstream::stream::{DiscardPolicy, RetentionPolicy};
use async_nats::jetstream::{self, AckKind, Message};
use async_nats::{Client, ConnectOptions, HeaderMap, header};
use futures_util::StreamExt;
use tokio_util::sync::CancellationToken;

use super::{Claim, Claimed, Job, Jobs, Kind, StoreError, Work, within};
use crate::settings::{Secret, Settings};
use crate::structured::Label;

const WHOM: Label = Label::new("NATS");
const STREAM: &str = "unleak-pipeline-jobs";
const SUBJECTS: &str = "unleak-pipeline.jobs";

/// The jobs, in a stream that other processes share.
#[derive(Debug)]
pub struct Nats {
    client: Client,
    context: Context,
    consumers: BTreeMap<Kind, PullConsumer>,
    limit: Duration,
}

impl Nats {
    /// Connects to the server at `address`, and makes the stream and a consumer for each of `kinds` if they are not
    /// there. The stream keeps at most `store.jobs_bytes`, and then takes no more. Each call takes at most
    /// `times.store`.
    pub async fn connect(address: &Secret, kinds: &[Kind], settings: &Settings) -> Result<Self, StoreError> {
        let (limit, store) = (settings.times.store.get(), &settings.store);
        let options = ConnectOptions::new()
            .name("unleak-pipeline")
            .connection_timeout(limit)
            .request_timeout(Some(limit))
            .client_capacity(store.calls.get())
            .subscription_capacity(store.calls.get());
        let client = within(limit, WHOM, async { options.connect(address.reveal()).await.map_err(failed) }).await?;
        let context = jetstream::new(client.clone());
        let stream = jetstream::stream::Config {
            name: STREAM.to_owned(),
            subjects: vec![format!("{SUBJECTS}.*")],
            retention: RetentionPolicy::WorkQueue,
            discard: DiscardPolicy::New,
            max_bytes: store.jobs_bytes.get() as i64,
            // A writer that was not told of its success tries again within this time.
            duplicate_window: 10 * settings.times.job.get(),
            ..Default::default()
        };
        let stream = within(limit, WHOM, async { context.get_or_create_stream(stream).await.map_err(failed) }).await?;
        let mut consumers = BTreeMap::new();
        for kind in kinds {
            let config = pull::Config {
                durable_name: Some(kind.to_string()),
                filter_subject: subject(*kind),
                ack_policy: AckPolicy::Explicit,
                ack_wait: settings.times.job.get(),
                max_ack_pending: store.calls.get() as i64,
                ..Default::default()
            };
            let made = async { stream.get_or_create_consumer(kind.as_str(), config).await.map_err(failed) };
            consumers.insert(*kind, within(limit, WHOM, made).await?);
        }
        Ok(Self { client, context, consumers, limit })
    }

    async fn publish(&self, jobs: Vec<(Kind, Job)>) -> Result<(), StoreError> {
        let mut sent = Vec::with_capacity(jobs.len());
        for (kind, job) in jobs {
            let mut headers = HeaderMap::new();
            headers.insert(header::NATS_MESSAGE_ID, format!("{kind}/{}", job.key));
            headers.insert(KEY, job.key);
            let publish = self.context.publish_with_headers(subject(kind), headers, job.payload.into());
            sent.push(publish.await.map_err(failed)?);
        }
        for taken in sent {
            taken.await.map_err(failed)?;
        }
        Ok(())
    }

    async fn fetch(&self, kind: Kind, patience: Duration) -> Result<Option<Claimed>, StoreError> {
        let Some(consumer) = self.consumers.get(&kind) else { return Ok(None) };
        let mut batch = consumer.fetch().max_messages(1).expires(patience).messages().await.map_err(failed)?;
        match batch.next().await {
            None => Ok(None),
            Some(Err(error)) => Err(StoreError::Nats(error.to_string())),
            Some(Ok(message)) => claimed(message, self.limit).map(Some),
        }
    }
}

/// The header that carries the name of a job.
const KEY: &str = "Unleak-Pipeline-Job";

fn subject(kind: Kind) -> String {
    format!("{SUBJECTS}.{kind}")
}

fn claimed(message: Message, limit: Duration) -> Result<Claimed, StoreError> {
    let delivered = message.info().map_err(|error| StoreError::Nats(error.to_string()))?.delivered;
    let key = message.headers.as_ref().and_then(|headers| headers.get(KEY));
    let job = Job {
        key: key.map(ToString::to_string).unwrap_or_default(),
        payload: String::from_utf8_lossy(&message.payload).into_owned(),
        attempts: u32::try_from(delivered.saturating_sub(1)).unwrap_or(0),
    };
    Ok(Claimed { job, claim: Box::new(Delivery { message, limit }) })
}

impl Jobs for Nats {
    fn add(&self, jobs: Vec<(Kind, Job)>) -> Work<'_, ()> {
        Box::pin(within(self.limit, WHOM, self.publish(jobs)))
    }

    fn next<'a>(&'a self, kind: Kind, patience: Duration, _stop: &'a CancellationToken) -> Work<'a, Option<Claimed>> {
        // Not cut short: a job that is on its way to somebody who has gone comes again only after `times.job`.
        Box::pin(within(patience + self.limit, WHOM, self.fetch(kind, patience)))
    }

    fn close(&self, limit: Duration) -> Work<'_, ()> {
        Box::pin(within(limit, WHOM, async { self.client.drain().await.map_err(failed) }))
    }
}

/// A job as the server delivered it.
#[derive(Debug)]
struct Delivery {
    message: Message,
    limit: Duration,
}

impl Delivery {
    async fn tell(self, outcome: AckKind) -> Result<(), StoreError> {
        let told = async { self.message.ack_with(outcome).await.map_err(|error| StoreError::Nats(error.to_string())) };
        within(self.limit, WHOM, told).await
    }
}

impl Claim for Delivery {
    fn done(self: Box<Self>) -> Work<'static, ()> {
        Box::pin(async move {
            let told = async { self.message.double_ack().await.map_err(|error| StoreError::Nats(error.to_string())) };
            within(self.limit, WHOM, told).await
        })
    }

    fn later(self: Box<Self>, delay: Duration) -> Work<'static, ()> {
        Box::pin(self.tell(AckKind::Nak(Some(delay))))
    }

    fn give_back(self: Box<Self>) -> Work<'static, ()> {
        Box::pin(self.tell(AckKind::Nak(None)))
    }
}

fn failed(error: impl std::error::Error) -> StoreError {
    StoreError::Nats(error.to_string())
}
