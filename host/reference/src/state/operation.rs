//! What a run changes in a state, one line of JSON each: the journal's content, and the snapshot's.
//!
//! Each says what is so from then on, so that replaying them in order leads to the state, whatever was there before.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::state::Facts;

/// A change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Operation<'a> {
    /// The sync writes to this target, and this shapes its keys.
    Sync { target: Facts, identity: Facts },
    /// This shapes its keys from now on.
    Identity(Facts),
    /// A key is about to be sent: known, and not confirmed.
    Pending(#[serde(borrow)] Cow<'a, str>),
    /// A key is in doubt, if it is known.
    Doubted(#[serde(borrow)] Cow<'a, str>),
    /// What has this hash is at the destination.
    Delivered(#[serde(borrow)] Cow<'a, str>, u64),
    /// The key's removal was confirmed.
    Removed(#[serde(borrow)] Cow<'a, str>),
    /// Nothing of the key is at the destination: it was refused.
    Refused(#[serde(borrow)] Cow<'a, str>),
    /// A run that began at `at` removed members; what is older than `since` is forgotten. In seconds since 1970.
    Removals { at: i64, since: i64, members: u64 },
}

/// Changes as they are written.
#[derive(Debug, Default)]
pub(crate) struct Operations(Vec<u8>);

impl Operations {
    pub(crate) fn push(&mut self, operation: &Operation<'_>) {
        // Numbers and texts: there is nothing that JSON could not say.
        if serde_json::to_writer(&mut self.0, operation).is_ok() {
            self.0.push(b'\n');
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.0)
    }
}

/// Reads changes one after the other. What is no change ends it with what is wrong.
pub(crate) fn read(lines: &[u8]) -> impl Iterator<Item = Result<Operation<'_>, String>> {
    let lines = lines.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).map_err(|error| error.to_string()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let facts: Facts = [("audience".to_owned(), "42".to_owned())].into();
        let all = [
            Operation::Sync { target: facts.clone(), identity: Facts::new() },
            Operation::Identity(facts),
            Operation::Pending("a \"key\"\nwith\u{0}all".into()),
            Operation::Doubted("k".into()),
            Operation::Delivered("ü".into(), u64::MAX),
            Operation::Removed("k".into()),
            Operation::Refused("k".into()),
            Operation::Removals { at: -1, since: i64::MIN, members: 7 },
        ];
        let mut written = Operations::default();
        all.iter().for_each(|operation| written.push(operation));
        let bytes = written.take();
        assert_eq!(read(&bytes).collect::<Result<Vec<_>, _>>().unwrap(), all);
        assert!(read(&bytes[..bytes.len() - 3]).any(|read| read.is_err()), "cut off");
    }
}
