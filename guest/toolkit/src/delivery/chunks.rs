//! Records divided into requests, by number and by bytes.

use super::{Limits, Records};

/// Records divided into requests. All numbers are indices of [`Records::kept`].
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Chunks {
    /// What goes into one request each; none is empty.
    pub requests: Vec<Vec<usize>>,
    /// What is over the byte limit alone.
    pub oversized: Vec<usize>,
}

/// Divide records into requests.
#[must_use]
pub fn chunks(limits: Limits, records: &Records<'_>) -> Chunks {
    let room = limits.bytes.saturating_sub(limits.envelope_bytes);
    let mut chunks = Chunks::default();
    let mut chunk = Vec::new();
    let mut bytes = 0;
    for (index, record) in records.kept.iter().enumerate() {
        let length = record.item.len();
        if length > room {
            chunks.oversized.push(index);
            continue;
        }
        // A separator before each but the first.
        if chunk.len() >= limits.records || bytes + chunk.len() + length > room {
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
