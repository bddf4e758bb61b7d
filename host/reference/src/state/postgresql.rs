//! State in PostgreSQL: the parts are rows of one table, and each write of one is a statement by itself, which the server makes
//! last before it answers.
//!
//! Through `tokio-postgres`, not through ADBC as sources and outcomes go: it needs no driver beside the host, where there is no
//! place to install one, and binary values and conditions are a statement each. TLS is rustls, and a certificate is always
//! verified, with its name.

mod connection;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio_postgres::Row;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};

use self::connection::{Connection, Failed};
use super::remote::store::{Condition, Store, StoreError, Stored, Version};
use crate::state::url::StateUrl;

/// The table, made by the first run. It is found by the `search_path` of who connects.
const CREATE: &str = "
    CREATE TABLE IF NOT EXISTS destination_state (
        sync text NOT NULL,
        part text NOT NULL,
        -- Another one for each content.
        version text NOT NULL,
        written timestamptz NOT NULL,
        bytes bytea NOT NULL,
        PRIMARY KEY (sync, part)
    )";

/// Times go over the wire as milliseconds since 1970.
const GET: &str = "
    SELECT bytes, version, floor(extract(epoch FROM written) * 1000)::int8 FROM destination_state
    WHERE sync = $1 AND part = $2";
const INSERT: &str = "
    INSERT INTO destination_state (sync, part, version, written, bytes)
    VALUES ($1, $2, gen_random_uuid()::text, clock_timestamp(), $3)
    ON CONFLICT DO NOTHING RETURNING version";
const UPDATE: &str = "
    UPDATE destination_state SET version = gen_random_uuid()::text, written = clock_timestamp(), bytes = $3
    WHERE sync = $1 AND part = $2 AND version = $4 RETURNING version";
const UPSERT: &str = "
    INSERT INTO destination_state (sync, part, version, written, bytes)
    VALUES ($1, $2, gen_random_uuid()::text, clock_timestamp(), $3)
    ON CONFLICT (sync, part) DO UPDATE
    SET version = excluded.version, written = excluded.written, bytes = excluded.bytes RETURNING version";
const LIST: &str = "SELECT part FROM destination_state WHERE sync = $1";
const DELETE: &str = "DELETE FROM destination_state WHERE sync = $1 AND part = $2 RETURNING part";
const NOW: &str = "SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::int8";

/// The rows of one sync's state.
#[derive(Debug)]
pub(super) struct Rows {
    connection: Connection,
    sync: String,
}

/// Opens the place of a sync's state. It is connected to with the first request.
pub(super) fn open(url: &StateUrl, sync: &str) -> Result<Rows, StoreError> {
    Ok(Rows { connection: Connection::new(url)?, sync: sync.to_owned() })
}

type Values<'a> = [(&'a (dyn ToSql + Sync), Type)];

impl Rows {
    /// What a statement returns; nothing where there is no table yet.
    async fn select(&self, statement: &str, values: &Values<'_>) -> Result<Vec<Row>, StoreError> {
        match self.connection.query(statement, values).await {
            Err(Failed::Server(error)) if error.code() == &SqlState::UNDEFINED_TABLE => Ok(Vec::new()),
            result => Ok(result?),
        }
    }

    async fn write(&self, statement: &str, values: &Values<'_>) -> Result<Option<Version>, StoreError> {
        let rows = match self.connection.query(statement, values).await {
            Err(Failed::Server(error)) if error.code() == &SqlState::UNDEFINED_TABLE => {
                self.create().await?;
                self.connection.query(statement, values).await
            }
            result => result,
        };
        let version = rows?.first().map(|row| row.try_get(0)).transpose().map_err(Failed::from)?;
        Ok(version.map(|number| Version { e_tag: None, number: Some(number) }))
    }

    async fn create(&self) -> Result<(), StoreError> {
        match self.connection.query(CREATE, &[]).await {
            // Two made it at the same time: the other one's is as good.
            Err(Failed::Server(error)) if error.code() == &SqlState::UNIQUE_VIOLATION => Ok(()),
            result => Ok(result.map(drop)?),
        }
    }
}

impl Store for Rows {
    fn get<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Stored>, StoreError>> {
        async move {
            let rows = self.select(GET, &[(&self.sync, Type::TEXT), (&name, Type::TEXT)]).await?;
            let Some(row) = rows.first() else { return Ok(None) };
            let read = || -> Result<Stored, tokio_postgres::Error> {
                let bytes: Vec<u8> = row.try_get(0)?;
                let version = Version { e_tag: None, number: Some(row.try_get(1)?) };
                Ok(Stored { bytes: bytes.into(), version, written: row.try_get(2)? })
            };
            Ok(Some(read().map_err(Failed::from)?))
        }
        .boxed()
    }

    fn put<'a>(
        &'a self,
        name: &'a str,
        bytes: Bytes,
        condition: Condition,
    ) -> BoxFuture<'a, Result<Option<Version>, StoreError>> {
        async move {
            let bytes: &[u8] = &bytes;
            let (sync, name, bytes) =
                ((&self.sync as _, Type::TEXT), (&name as _, Type::TEXT), (&bytes as _, Type::BYTEA));
            match condition {
                Condition::Absent => self.write(INSERT, &[sync, name, bytes]).await,
                Condition::Any => self.write(UPSERT, &[sync, name, bytes]).await,
                Condition::Is(Version { number, .. }) => {
                    self.write(UPDATE, &[sync, name, bytes, (&number, Type::TEXT)]).await
                }
            }
        }
        .boxed()
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<String>, StoreError>> {
        async move {
            let rows = self.select(LIST, &[(&self.sync, Type::TEXT)]).await?;
            let names: Result<Vec<String>, _> = rows.iter().map(|row| row.try_get(0)).collect();
            Ok(names.map_err(Failed::from)?)
        }
        .boxed()
    }

    fn delete<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), StoreError>> {
        async move { self.select(DELETE, &[(&self.sync, Type::TEXT), (&name, Type::TEXT)]).await.map(drop) }.boxed()
    }

    fn now(&self) -> BoxFuture<'_, Result<i64, StoreError>> {
        async move {
            let rows = self.connection.query(NOW, &[]).await?;
            let row = rows.first().ok_or_else(|| StoreError::Unavailable("it has no clock".to_owned()))?;
            Ok(row.try_get(0).map_err(Failed::from)?)
        }
        .boxed()
    }
}
