//! State in an object store: Amazon S3 and what speaks its language, Google Cloud Storage, Azure Blob Storage.
//!
//! The parts of a sync's state are objects under `PREFIX/NAME/`. Credentials and endpoints come from the environment, by the names that
//! each cloud's own tools use. The crate `object_store` has the requests, their signatures and their repeats; of its
//! features those are left out that would bring a second library for TLS.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, TryStreamExt};
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::path::Path;
use object_store::{
    BackoffConfig, ClientOptions, Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions, RetryConfig, UpdateVersion,
};

use super::remote::store::{Condition, Store, StoreError, Stored, Version};
use crate::state::url::{StateUrl, UrlKind};

/// How long a request may take, and a connection to be made. A lease has to survive one that fails.
const REQUEST: Duration = Duration::from_secs(10);
const CONNECT: Duration = Duration::from_secs(5);

/// How often a request is made again, and for how long.
const REPEATS: usize = 4;
const REPEATING: Duration = Duration::from_secs(15);

/// An object that is written to learn the time: the store stamps it with its own.
const CLOCK: &str = "clock";

/// The objects of one sync's state.
#[derive(Debug)]
pub(super) struct Objects {
    store: Arc<dyn ObjectStore>,
    folder: Path,
}

/// Opens the place of a sync's state. No request is made yet.
pub(super) fn open(url: &StateUrl, sync: &str) -> Result<Objects, StoreError> {
    // Fails where the process has chosen a provider already, which is as good.
    let _chosen_before = rustls::crypto::ring::default_provider().install_default();
    let retry = RetryConfig { backoff: BackoffConfig::default(), max_retries: REPEATS, retry_timeout: REPEATING };
    let client = ClientOptions::new().with_timeout(REQUEST).with_connect_timeout(CONNECT);
    let (bucket, prefix) = url.bucket_and_prefix();
    let store: Result<Arc<dyn ObjectStore>, Error> = match url.kind() {
        UrlKind::S3 => {
            let builder = AmazonS3Builder::from_env().with_bucket_name(bucket);
            let builder = builder.with_retry(retry).with_client_options(allow_http(client, "AWS_ALLOW_HTTP"));
            builder.build().map(|store| Arc::new(store) as _)
        }
        UrlKind::Gcs => {
            let builder = GoogleCloudStorageBuilder::from_env().with_bucket_name(bucket);
            builder.with_retry(retry).with_client_options(client).build().map(|store| Arc::new(store) as _)
        }
        UrlKind::Azure => {
            let builder = MicrosoftAzureBuilder::from_env().with_container_name(bucket);
            let builder = builder.with_retry(retry).with_client_options(allow_http(client, "AZURE_ALLOW_HTTP"));
            builder.build().map(|store| Arc::new(store) as _)
        }
        UrlKind::PostgreSql => {
            Err(Error::NotImplemented { operation: "open".to_owned(), implementer: "S3".to_owned() })
        }
    };
    let store = store.map_err(|error| StoreError::Refused(told(&error)))?;
    let folder = Path::parse(prefix).map_err(|error| StoreError::Refused(error.to_string()))?.join(sync);
    Ok(Objects { store, folder })
}

/// The options of a client take the place of what the environment says of them.
fn allow_http(client: ClientOptions, variable: &str) -> ClientOptions {
    client.with_allow_http(std::env::var(variable).is_ok_and(|value| value == "true" || value == "1"))
}

impl Store for Objects {
    fn get<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Stored>, StoreError>> {
        async move {
            let got = match self.store.get(&self.folder.clone().join(name)).await {
                Ok(got) => got,
                Err(Error::NotFound { .. }) => return Ok(None),
                Err(error) => return Err(failed(&error)),
            };
            let version = Version { e_tag: got.meta.e_tag.clone(), number: got.meta.version.clone() };
            let written = got.meta.last_modified.timestamp_millis();
            let bytes = got.bytes().await.map_err(|error| failed(&error))?;
            Ok(Some(Stored { bytes, version, written }))
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
            let mode = match condition {
                Condition::Absent => PutMode::Create,
                Condition::Is(Version { e_tag, number }) => PutMode::Update(UpdateVersion { e_tag, version: number }),
                Condition::Any => PutMode::Overwrite,
            };
            let conditional = mode != PutMode::Overwrite;
            let path = self.folder.clone().join(name);
            match self.store.put_opts(&path, bytes.into(), PutOptions::from(mode)).await {
                Ok(put) => Ok(Some(Version { e_tag: put.e_tag, number: put.version })),
                Err(Error::AlreadyExists { .. } | Error::Precondition { .. } | Error::NotFound { .. })
                    if conditional =>
                {
                    Ok(None)
                }
                Err(error) => Err(failed(&error)),
            }
        }
        .boxed()
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<String>, StoreError>> {
        async move {
            let listed = self.store.list(Some(&self.folder)).try_collect::<Vec<_>>().await;
            let objects = match listed {
                Ok(objects) => objects,
                // Of a bucket that is there, a folder without objects is an empty list.
                Err(Error::NotFound { source, .. }) => return Err(StoreError::Refused(chain(&*source))),
                Err(error) => return Err(failed(&error)),
            };
            let names = objects.iter().filter_map(|object| object.location.filename());
            Ok(names.filter(|name| *name != CLOCK).map(str::to_owned).collect())
        }
        .boxed()
    }

    fn delete<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), StoreError>> {
        async move {
            match self.store.delete(&self.folder.clone().join(name)).await {
                Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
                Err(error) => Err(failed(&error)),
            }
        }
        .boxed()
    }

    fn now(&self) -> BoxFuture<'_, Result<i64, StoreError>> {
        async move {
            let path = self.folder.clone().join(CLOCK);
            self.store.put(&path, Bytes::new().into()).await.map_err(|error| failed(&error))?;
            let clock = self.store.head(&path).await.map_err(|error| failed(&error))?;
            Ok(clock.last_modified.timestamp_millis())
        }
        .boxed()
    }
}

fn failed(error: &Error) -> StoreError {
    match error {
        Error::PermissionDenied { .. }
        | Error::Unauthenticated { .. }
        | Error::NotFound { .. }
        | Error::InvalidPath { .. }
        | Error::NotSupported { .. }
        | Error::NotImplemented { .. }
        | Error::UnknownConfigurationKey { .. } => StoreError::Refused(told(error)),
        _ => StoreError::Unavailable(told(error)),
    }
}

/// An error in words.
fn told(error: &Error) -> String {
    chain(error)
}

/// An error with its causes, each told once, without the queries of URLs: they may hold a signature.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let told = error.to_string();
        if !text.contains(&told) {
            // Writing to a String can't fail.
            let _written = write!(text, ": {told}");
        }
        cause = error.source();
    }
    without_queries(&text)
}

/// A text in which no URL has a query.
fn without_queries(text: &str) -> String {
    let ends = |c: char| c.is_whitespace() || matches!(c, ')' | '"' | '\'' | '>' | ',');
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        let url = after.split(ends).next().unwrap_or_default();
        let without = url.split(['?', '#']).next().unwrap_or_default();
        shown.push_str(before);
        shown.push_str("://");
        shown.push_str(without);
        rest = after.get(url.len()..).unwrap_or_default();
    }
    shown.push_str(rest);
    shown.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_query_of_a_url_is_told() {
        let told =
            without_queries("error sending request for url (https://a.example/b/c?sig=s3cret&x=1): at\n https://d#e");
        assert_eq!(told, "error sending request for url (https://a.example/b/c): at https://d");
    }
}
