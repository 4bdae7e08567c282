//! Memories in PostgreSQL, for several processes.

use std::time::Duration;

use deadpool_postgres::tokio_postgres::{Config, NoTls};
use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime, Timeouts};

use super::{Memories, StoreError, Work, within};
use crate::settings::{Secret, Settings};
use crate::structured::Label;

const WHOM: Label = Label::new("PostgreSQL");

/// Made under a lock that is given up with the transaction: two processes that start at once would trip over each other.
const SCHEMA: &str = "
    BEGIN;
    SELECT pg_advisory_xact_lock(7310345);
    CREATE TABLE IF NOT EXISTS memories (key TEXT PRIMARY KEY, text TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS voices (key TEXT PRIMARY KEY, wave BYTEA NOT NULL);
    COMMIT;
";
const REMEMBER: &str =
    "INSERT INTO memories (key, text) SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT DO NOTHING";
const KEEP_VOICE: &str = "INSERT INTO voices (key, wave) VALUES ($1, $2) ON CONFLICT DO NOTHING";

/// The memories, in a database that other processes share.
#[derive(Debug)]
pub struct Postgres {
    pool: Pool,
    limit: Duration,
}

impl Postgres {
    /// Connects to the database at `address`, and makes the table if it is not there. Each call takes at most
    /// `times.store`, here and at the server.
    pub async fn connect(address: &Secret, settings: &Settings) -> Result<Self, StoreError> {
        let limit = settings.times.store.get();
        let mut config: Config = address.reveal().parse().map_err(failed)?;
        config
            .application_name("unleak-pipeline")
            .connect_timeout(limit)
            .tcp_user_timeout(limit)
            .options(format!("-c statement_timeout={}", limit.as_millis()));
        let manager = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let timeouts = Timeouts { wait: Some(limit), create: Some(limit), recycle: Some(limit) };
        let pool = Pool::builder(Manager::from_config(config, NoTls, manager))
            .max_size(settings.store.connections.get())
            .timeouts(timeouts)
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(failed)?;
        let store = Self { pool, limit };
        let client = store.client().await?;
        within(limit, WHOM, async { client.batch_execute(SCHEMA).await.map_err(failed) }).await?;
        Ok(store)
    }

    async fn client(&self) -> Result<Object, StoreError> {
        self.pool.get().await.map_err(failed)
    }
}

impl Memories for Postgres {
    fn remember(&self, key: String, texts: Vec<String>) -> Work<'_, ()> {
        Box::pin(async move {
            if texts.is_empty() {
                return Ok(());
            }
            let keys: Vec<String> = (0..texts.len()).map(|number| format!("{key}/{number}")).collect();
            let client = self.client().await?;
            within(self.limit, WHOM, async {
                let insert = client.prepare_cached(REMEMBER).await.map_err(failed)?;
                client.execute(&insert, &[&keys, &texts]).await.map(drop).map_err(failed)
            })
            .await
        })
    }

    fn keep_voice(&self, key: String, wave: Vec<u8>) -> Work<'_, ()> {
        Box::pin(async move {
            let client = self.client().await?;
            within(self.limit, WHOM, async {
                let insert = client.prepare_cached(KEEP_VOICE).await.map_err(failed)?;
                client.execute(&insert, &[&key, &wave]).await.map(drop).map_err(failed)
            })
            .await
        })
    }

    fn close(&self, _limit: Duration) -> Work<'_, ()> {
        // Nobody uses it any more; the connections end with the pool.
        self.pool.close();
        Box::pin(std::future::ready(Ok(())))
    }
}

/// The error with its causes, which says what to do; none of them shows the address.
fn failed(error: impl std::error::Error) -> StoreError {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        told = format!("{told}: {error}");
        cause = error.source();
    }
    StoreError::Postgres(told)
}
