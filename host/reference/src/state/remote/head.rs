//! The head of a remote state: the one part that is written over. It says who holds the state, and which of the other parts
//! are in force.
//!
//! Every change of it is on condition that it is still the one that was read, so that of two who change it one learns that
//! he was too late. Its bytes never come twice: an object store may take the content for the version.

use serde::{Deserialize, Serialize};

use crate::state::lease::Holder;

/// The head's name among the parts.
pub(super) const NAME: &str = "head.json";

/// The format that this release writes, and the latest that it reads.
const FORMAT: u32 = 1;

/// The head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) format: u32,
    /// The sync whose state it is.
    pub(super) sync: String,
    /// Counted up each time that somebody takes the state.
    pub(super) epoch: u64,
    /// Counted up each time that the head is written.
    pub(super) beat: u64,
    /// Who has it; `None` where nobody does.
    pub(super) holder: Option<Holder>,
    /// How long it is held after the head was written, where it is.
    pub(super) lease_seconds: u32,
    /// What the journal begins from; `None`: from nothing.
    pub(super) snapshot: Vec<Chunk>,
    /// The number of the journal's first entry.
    pub(super) first: u64,
    /// The number of its last one, as far as was known when the head was written.
    pub(super) last: u64,
}

/// A part of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Chunk {
    pub(super) name: String,
    pub(super) digest: String,
}

impl Head {
    /// That of a state which nobody had before.
    pub(super) fn new(sync: &str, holder: Holder, lease_seconds: u32) -> Self {
        Self {
            format: FORMAT,
            sync: sync.to_owned(),
            epoch: 1,
            beat: 1,
            holder: Some(holder),
            lease_seconds,
            snapshot: Vec::new(),
            first: 1,
            last: 0,
        }
    }

    /// The next one, for a new holder.
    pub(super) fn taken_by(&self, holder: Holder, lease_seconds: u32) -> Self {
        Self { epoch: self.epoch + 1, holder: Some(holder), lease_seconds, ..self.next() }
    }

    /// The same, written once more.
    pub(super) fn next(&self) -> Self {
        Self { beat: self.beat + 1, ..self.clone() }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        // Numbers and texts: there is nothing that JSON could not say.
        serde_json::to_vec_pretty(self).unwrap_or_default()
    }

    /// Reads a head, or says what it is instead.
    pub(super) fn decode(bytes: &[u8], sync: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Any {
            format: u32,
        }
        if bytes.is_empty() {
            return Err("is empty (0 bytes)".to_owned());
        }
        let any: Any = serde_json::from_slice(bytes).map_err(|_| "is not the head of a state".to_owned())?;
        if any.format != FORMAT {
            return Err(format!("has format {}; this release knows format {FORMAT}", any.format));
        }
        let head: Self = serde_json::from_slice(bytes).map_err(|error| format!("is damaged: {error}"))?;
        if head.sync != sync {
            return Err(format!("is that of the sync `{}`", head.sync));
        }
        Ok(head)
    }
}
