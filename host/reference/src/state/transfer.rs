//! A sync's state as lines of JSON: for people and their tools to read, and to take it to another place.
//!
//! The first line says whose state it is; each other one is a key. What is read is checked line by line, and taken in whole
//! or not at all: a part of a state would forget the members of the rest.

use std::io::{self, BufRead, Read, Write};

use serde::{Deserialize, Serialize};

use super::lease::Lease;
use super::operation::{Operation, Operations};
use super::{Access, Facts, Standing, State, StateError};
use crate::sync_file::{StateSpec, SyncName};

/// The format that this release writes, and the latest that it reads.
const FORMAT: u32 = 1;

/// Bytes of a line. A key has some hundreds.
const MOST_LINE: u64 = 1 << 20;
/// Bytes that are taken in at a time.
const PIECE: usize = 1 << 20;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    state_format: u32,
    sync: String,
    target: Facts,
    identity: Facts,
    removals: Vec<Removals>,
    /// How many keys follow. Exports of earlier releases do not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keys: Option<u64>,
}

/// Removals of one run.
#[derive(Debug, Serialize, Deserialize)]
struct Removals {
    /// When it began, in seconds since 1970.
    at: i64,
    members: u64,
}

/// A key.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    key: String,
    delivered: bool,
    /// Sixteen hexadecimal digits, where it was delivered.
    hash: Option<String>,
    #[serde(default)]
    removed: bool,
}

/// Why a state was not taken in. What was there is as it was.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The state can't be written.
    #[error(transparent)]
    State(#[from] StateError),
    /// It knows the sync already.
    #[error("{keys} keys of `{sync}` are known already")]
    Known {
        /// The sync.
        sync: String,
        /// How many of its keys are known.
        keys: u64,
    },
    /// What was to be read is not an export.
    #[error("{0}")]
    Unreadable(String),
}

/// Writes a sync's state; nothing where it is not known.
pub fn export(state: &State, name: &SyncName, out: &mut impl Write) -> Result<io::Result<()>, StateError> {
    let Some(summary) = state.summary()? else { return Ok(Ok(())) };
    let removals = state.removals()?.into_iter().map(|(at, members)| Removals { at, members }).collect();
    let header = Header {
        state_format: FORMAT,
        sync: name.to_string(),
        target: summary.target,
        identity: summary.identity,
        removals,
        keys: Some(summary.delivered + summary.unconfirmed + summary.removed),
    };
    if let Err(error) = write_line(out, &header) {
        return Ok(Err(error));
    }
    state.export(|entry| {
        let hash = match entry.standing {
            Standing::Delivered(hash) => Some(format!("{hash:016x}")),
            Standing::Pending | Standing::Removed => None,
        };
        let removed = entry.standing == Standing::Removed;
        write_line(out, &Line { key: entry.key, delivered: hash.is_some(), hash, removed })
    })
}

/// Takes in what [`export`] wrote as the state of a sync that is not known yet. Returns how many keys there are.
pub fn import(spec: &StateSpec, name: &SyncName, lines: impl BufRead) -> Result<u64, ImportError> {
    let lease = Lease::default();
    if let Some(state) = State::open_held(spec, name, Access::Write, &lease)?
        && let Some(known) = state.summary()?
    {
        let keys = known.delivered + known.unconfirmed;
        return Err(ImportError::Known { sync: name.to_string(), keys });
    }
    // A new lease: giving the first one back has ended it.
    let state = State::open_or_create(spec, name, &Lease::default())?;
    let mut pieces = Pieces { lines, number: 0, keys: 0, promised: None, last: None };
    let imported = state.import(&mut pieces)?;
    imported.map(|()| pieces.keys).map_err(ImportError::Unreadable)
}

fn write_line(out: &mut impl Write, line: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}

/// An export, read into the changes that lead to it.
struct Pieces<R> {
    lines: R,
    number: u64,
    keys: u64,
    /// How many keys there are, where the first line says it.
    promised: Option<u64>,
    last: Option<String>,
}

impl<R: BufRead> Iterator for Pieces<R> {
    type Item = Result<Vec<u8>, String>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut piece = Operations::default();
        while piece.len() < PIECE {
            let mut line = Vec::new();
            match self.lines.by_ref().take(MOST_LINE).read_until(b'\n', &mut line) {
                Ok(0) if self.number == 0 => return Some(Err("it is empty".to_owned())),
                // A part of a state would forget the members of the rest.
                Ok(0) if self.promised.is_some_and(|promised| promised != self.keys) => {
                    let (keys, promised) = (self.keys, self.promised.unwrap_or_default());
                    return Some(Err(format!("it has {keys} keys, and its first line says {promised}")));
                }
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => return Some(Err(format!("it cannot be read: {error}"))),
            }
            self.number += 1;
            // Without it, the end of the file may be missing too.
            let whole = line.strip_suffix(b"\n").ok_or("it ends in the middle of a line".to_owned());
            let read = whole.and_then(|line| match self.number {
                1 => header(line, &mut piece).map(|promised| self.promised = promised),
                _ => key(line, &mut piece, self.last.as_deref()).map(|key| {
                    self.last = Some(key);
                    self.keys += 1;
                }),
            });
            if let Err(what) = read {
                return Some(Err(format!("line {}: {what}", self.number)));
            }
        }
        (!piece.is_empty()).then(|| Ok(piece.take()))
    }
}

/// Reads the first line. Returns how many keys follow, where it says so.
fn header(line: &[u8], piece: &mut Operations) -> Result<Option<u64>, String> {
    let header: Header = serde_json::from_slice(line)
        .map_err(|error| format!("this is not the first line of an export, which says whose state it is: {error}"))?;
    if header.state_format != FORMAT {
        return Err(format!("the export has format {}; this release knows format {FORMAT}", header.state_format));
    }
    piece.push(&Operation::Sync { target: header.target, identity: header.identity });
    for Removals { at, members } in header.removals {
        piece.push(&Operation::Removals { at, since: i64::MIN, members });
    }
    Ok(header.keys)
}

/// Reads the line of a key, and returns the key. `last` is the one before.
fn key(line: &[u8], piece: &mut Operations, last: Option<&str>) -> Result<String, String> {
    let Line { key: name, delivered, hash, removed } =
        serde_json::from_slice(line).map_err(|error| error.to_string())?;
    if last == Some(name.as_str()) {
        return Err(format!("the key {name:?} stands there twice"));
    }
    let key = name.clone().into();
    piece.push(&match (delivered, hash, removed) {
        (true, Some(hash), false) => {
            let hash =
                u64::from_str_radix(&hash, 16).map_err(|_| format!("the hash is {hash:?}, not 16 hex digits"))?;
            Operation::Delivered(key, hash)
        }
        (false, None, false) => Operation::Pending(key),
        (false, None, true) => Operation::Removed(key),
        _ => return Err("a key is delivered with its hash, or removed, or neither".to_owned()),
    });
    Ok(name)
}
