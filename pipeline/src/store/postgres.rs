//! Memories in PostgreSQL, for several processes.

mod address;
mod tls;

use std::time::Duration;

use deadpool_postgres::tokio_postgres::config::SslMode;
use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime, Timeouts};

use address::Trust;
use tls::Tls;

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
/// What a job found is kept as a whole or not at all, whoever else does the same job: the first of its rows decides.
const REMEMBER: &str = "
    WITH first AS (
        INSERT INTO memories (key, text) VALUES ($1 || '/0', ($2::text[])[1]) ON CONFLICT DO NOTHING RETURNING key
    )
    INSERT INTO memories (key, text)
    SELECT $1 || '/' || (number - 1), text FROM unnest($2::text[]) WITH ORDINALITY AS found (text, number)
    WHERE number > 1 AND EXISTS (SELECT FROM first)
";
const KEEP_VOICE: &str = "INSERT INTO voices (key, wave) VALUES ($1, $2) ON CONFLICT DO NOTHING";

/// The memories, in a database that other processes share.
#[derive(Debug)]
pub struct Postgres {
    pool: Pool,
    limit: Duration,
}

impl Postgres {
    /// Whether an address is one, and asks for what can be done.
    pub(crate) fn check(address: &Secret) -> Result<(), StoreError> {
        address::read(address.reveal()).map(drop)
    }

    /// Connects to the database at `address`, and makes the table if it is not there. Each call takes at most
    /// `times.store`, here and at the server. How it is secured is said in the address, as for other clients.
    pub async fn connect(address: &Secret, settings: &Settings) -> Result<Self, StoreError> {
        let limit = settings.times.store.get();
        let (mut config, trust) = address::read(address.reveal())?;
        if trust == Trust::Anyone && config.get_ssl_mode() == SslMode::Require {
            tracing::warn!("sslmode=require does not tell who answers for PostgreSQL: sslmode=verify-full does");
        }
        let tls = Tls::new(&trust).map_err(failed)?;
        let own = config.get_options().map(|own| format!("{own} ")).unwrap_or_default();
        config
            .application_name("unleak-pipeline")
            .connect_timeout(limit)
            .tcp_user_timeout(limit)
            .options(format!("{own}-c statement_timeout={}", limit.as_millis()));
        let manager = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let timeouts = Timeouts { wait: Some(limit), create: Some(limit), recycle: Some(limit) };
        let pool = Pool::builder(Manager::from_config(config, tls, manager))
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
            let client = self.client().await?;
            within(self.limit, WHOM, async {
                let insert = client.prepare_cached(REMEMBER).await.map_err(failed)?;
                client.execute(&insert, &[&key, &texts]).await.map(drop).map_err(failed)
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::settings::Seconds;

    /// What a server hears that answers the question for TLS with `answer`, and why that is no connection.
    async fn heard(mode: &str, answer: &'static [u8]) -> (Vec<u8>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("postgres://ada:hunter2@{}/voices?sslmode={mode}", listener.local_addr().unwrap());
        let mut settings = Settings::default();
        settings.times.store = Seconds::of(1.0);
        let serve = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut heard = vec![0; 8];
            stream.read_exact(&mut heard).await.unwrap();
            stream.write_all(answer).await.unwrap();
            // Then it asks for the password in the clear, whatever it is told.
            stream.write_all(b"R\0\0\0\x08\0\0\0\x03").await.unwrap();
            // Whoever is appalled may reset the connection.
            drop(stream.read_to_end(&mut heard).await);
            heard
        };
        let address = Secret::try_from(address).unwrap();
        let (heard, connected) = tokio::join!(serve, Postgres::connect(&address, &settings));
        (heard, connected.unwrap_err().to_string())
    }

    fn contains(bytes: &[u8], text: &str) -> bool {
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    }

    #[tokio::test]
    async fn where_tls_is_required_nothing_is_said_without_it() {
        let (said, _) = heard("prefer", b"N").await;
        assert!(contains(&said, "ada") && contains(&said, "hunter2"), "so it would be seen");
        for mode in ["require", "verify-full"] {
            let (said, told) = heard(mode, b"N").await;
            assert!(said.len() == 8 && told.contains("does not support TLS"), "{mode}: {told}");
        }
        for mode in ["prefer", "require", "verify-full"] {
            let (said, told) = heard(mode, b"S").await;
            assert!(!contains(&said, "ada") && !contains(&said, "hunter2"), "{mode}");
            assert!(told.contains("TLS") && !told.contains("hunter2"), "{mode}: {told}");
        }
    }
}
