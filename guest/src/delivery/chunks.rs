//! Records divided into requests, by number and by bytes.

use super::records::Records;
use crate::api::request::Endpoint;

/// Records divided into requests. All numbers are indices of [`Records::kept`].
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Chunks {
    /// What goes into one request each; none is empty.
    pub(crate) requests: Vec<Vec<usize>>,
    /// What is over the byte limit alone.
    pub(crate) oversized: Vec<usize>,
}

/// Divide records into requests of at most `batch_size` records and `max_bytes` bytes of body.
pub(crate) fn chunks(endpoint: Endpoint, records: &Records<'_>, batch_size: usize, max_bytes: usize) -> Chunks {
    let room = endpoint.room(max_bytes);
    let mut chunks = Chunks::default();
    let mut chunk = Vec::new();
    let mut bytes = 0;
    for (index, record) in records.kept.iter().enumerate() {
        let length = record.item.len();
        if length > room {
            chunks.oversized.push(index);
            continue;
        }
        // A comma before each but the first.
        if chunk.len() == batch_size || bytes + chunk.len() + length > room {
            chunks.requests.extend(Some(std::mem::take(&mut chunk)).filter(|chunk| !chunk.is_empty()));
            bytes = 0;
        }
        chunk.push(index);
        bytes += length;
    }
    chunks.requests.extend(Some(chunk).filter(|chunk| !chunk.is_empty()));
    chunks
}

#[cfg(test)]
mod tests;
