//! An entry of the journal as it is stored: changes, compressed, behind a line that says where in the journal it stands.

use std::io::Read;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

/// Bytes that an entry or a chunk may have once it is unpacked. Ours have some ten million at most.
const MOST_BYTES: u64 = 256 << 20;

/// How hard entries are compressed: a run waits for them.
pub(super) const FAST: i32 = 1;
/// How hard snapshots are compressed: they are read more often than written.
pub(super) const SMALL: i32 = 3;

/// Where an entry stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    /// Its number.
    pub(super) entry: u64,
    /// The epoch of who wrote it.
    pub(super) epoch: u64,
    /// The digest of the entry before; empty for the first of a journal.
    pub(super) previous: String,
}

/// The name of an entry among the parts.
pub(super) fn name(number: u64) -> String {
    format!("journal-{number:012}")
}

/// The number of the entry that has this name.
pub(super) fn number(name: &str) -> Option<u64> {
    name.strip_prefix("journal-")?.parse().ok()
}

/// Tells one content from another. Against accidents: who may write to the place can write anything.
pub(super) fn digest(bytes: &[u8]) -> String {
    format!("{:032x}", xxh3_128(bytes))
}

pub(super) fn encode(position: &Position, operations: &[u8]) -> Result<Vec<u8>, String> {
    let mut lines = serde_json::to_vec(position).map_err(|error| error.to_string())?;
    lines.push(b'\n');
    lines.extend_from_slice(operations);
    pack(&lines, FAST)
}

/// Where an entry stands, and its changes.
pub(super) fn decode(bytes: &[u8]) -> Result<(Position, Vec<u8>), String> {
    let mut lines = unpack(bytes)?;
    let end = lines.iter().position(|&byte| byte == b'\n').ok_or("has no first line")?;
    let position = serde_json::from_slice(lines.get(..end).unwrap_or_default()).map_err(|error| error.to_string())?;
    lines.drain(..=end);
    Ok((position, lines))
}

pub(super) fn pack(lines: &[u8], level: i32) -> Result<Vec<u8>, String> {
    let pack = || -> std::io::Result<Vec<u8>> {
        let mut packer = zstd::bulk::Compressor::new(level)?;
        packer.include_checksum(true)?;
        packer.compress(lines)
    };
    pack().map_err(|error| error.to_string())
}

pub(super) fn unpack(bytes: &[u8]) -> Result<Vec<u8>, String> {
    if bytes.is_empty() {
        return Err("is empty (0 bytes)".to_owned());
    }
    let mut lines = Vec::new();
    let unpacked = zstd::stream::read::Decoder::new(bytes).and_then(|decoder| {
        let mut decoder = decoder.take(MOST_BYTES + 1);
        decoder.read_to_end(&mut lines)
    });
    match unpacked {
        Ok(size) if size as u64 > MOST_BYTES => Err(format!("is larger than {} MiB", MOST_BYTES >> 20)),
        Ok(_) => Ok(lines),
        Err(error) => Err(format!("can't be unpacked: {error}")),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    #[test]
    fn an_entry_is_read_as_it_was_written_and_no_byte_of_it_may_differ() {
        let position = Position { entry: 7, epoch: 3, previous: digest(b"x") };
        let lines = b"{\"pending\":\"a\"}\n{\"pending\":\"b\"}\n";
        let bytes = encode(&position, lines).unwrap();
        assert_eq!(decode(&bytes).unwrap(), (position, lines.to_vec()));
        for place in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[place] ^= 0x55;
            assert!(decode(&damaged).is_err() || digest(&damaged) != digest(&bytes), "byte {place}");
            assert!(decode(&bytes[..place]).is_err(), "cut off after {place}");
        }
        assert_eq!(number(&name(42)), Some(42));
        assert!(name(9) < name(10) && number("head.json").is_none());
    }
}
