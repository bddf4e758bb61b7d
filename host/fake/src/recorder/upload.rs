//! A request's body as it came in: read to its end, kept only as far as something needs it.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};

use crate::api::path;
use crate::recorder::count::ItemCounter;

/// A body that arrived whole.
#[derive(Debug)]
pub(crate) struct Upload {
    /// None where the body was only counted, or was over the limit.
    pub(crate) bytes: Option<Bytes>,
    pub(crate) size: u64,
    pub(crate) items: u32,
}

/// Reads a body to its end, also one over `limit`: a client that is still sending would not read the answer.
///
/// An error means that the client went away in the middle.
pub(crate) async fn read(mut body: Incoming, path: &str, keep: bool, limit: u64) -> Result<Upload, hyper::Error> {
    let mut counter = counter(path);
    let mut size: u64 = 0;
    let expected = body.size_hint().lower().min(limit);
    let mut bytes = keep.then(|| BytesMut::with_capacity(usize::try_from(expected).unwrap_or(0)));
    while let Some(frame) = body.frame().await {
        // Trailers carry nothing that matters here.
        let Ok(chunk) = frame?.into_data() else {
            continue;
        };
        size = size.saturating_add(chunk.len() as u64);
        if let Some(counter) = &mut counter {
            counter.feed(&chunk);
        }
        if size > limit {
            bytes = None;
        } else if let Some(bytes) = &mut bytes {
            bytes.extend_from_slice(&chunk);
        }
    }
    let alone = u32::from(path.starts_with(path::PROFILE));
    let items = counter.map_or(alone, |counter| counter.count());
    Ok(Upload { bytes: bytes.map(BytesMut::freeze), size, items })
}

fn counter(path: &str) -> Option<ItemCounter> {
    match path {
        path::PROFILES => Some(ItemCounter::new("\"integrationId\":")),
        path::AUDIENCES => Some(ItemCounter::new("\"profileIntegrationId\":")),
        _ => None,
    }
}
