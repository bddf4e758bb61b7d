//! What is remembered between runs: for each sync, which keys were delivered and what was delivered of them.
//!
//! A run works on a [`Ledger`]. A record's hash is unknown from before its batch is sent until the destination has confirmed
//! it. Whatever happens in between, the next run sends the key again if the source still has it, and a mirror removes it if
//! it does not. Where that is kept, and how it is locked, is each kind of state's own: [`sqlite`] is a file; an object store and
//! PostgreSQL keep a snapshot and a journal (`remote`), of which a run makes a working copy.

mod error;
pub mod lease;
#[cfg(feature = "object-store-state")]
mod object_store;
#[cfg(feature = "sqlite-state")]
mod opened;
#[cfg(feature = "sqlite-state")]
mod operation;
#[cfg(feature = "postgres-state")]
mod postgresql;
#[cfg(any(feature = "object-store-state", feature = "postgres-state"))]
pub(crate) mod remote;
#[cfg(feature = "sqlite-state")]
pub mod sqlite;
#[cfg(feature = "sqlite-state")]
pub mod transfer;
pub mod url;

use std::collections::BTreeMap;

pub use self::error::{HeaderFault, RemoteFault, StateError};
use self::lease::Lease;
#[cfg(feature = "sqlite-state")]
pub use self::opened::State;
#[cfg(not(feature = "sqlite-state"))]
use crate::sync_file::StatePlace;
use crate::sync_file::{StateSpec, SyncName};
use destination_engine::arrow::records::Record;

/// What a state is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// To look only. Every byte of the file stays as it is.
    Read,
    /// To look and write.
    Write,
}

/// Facts about a sync, by name, in the words of its sync file.
pub type Facts = BTreeMap<String, String>;

/// Whether rows that did not change are sent all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resend {
    /// Only rows that are new or differ.
    Changed,
    /// Every row.
    All,
}

/// How a row differs from what was delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It does not: it need not be sent.
    Unchanged,
    /// It does not, and is sent all the same.
    Repeated,
    /// Its key was not delivered before, or it is not known to have been.
    Added,
    /// Its key was delivered with something else.
    Changed,
    /// It asks for a removal.
    Removed,
}

/// What a mirror would remove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaving {
    /// Keys that were known before this run.
    pub known: u64,
    /// Those among them that the source does not have any more.
    pub leaving: u64,
    /// Those of them that another sync of the same target holds: they are not removed.
    pub shared: u64,
    /// The first of them, in the order of the keys.
    pub first: Vec<String>,
}

/// Another sync of the same state file that writes to the same target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// Its name.
    pub name: String,
    /// Its number in the state.
    pub(crate) id: i64,
}

/// What a state file knows of one sync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// What the sync writes to.
    pub target: Facts,
    /// What shapes its keys.
    pub identity: Facts,
    /// Keys whose delivery was confirmed.
    pub delivered: u64,
    /// Keys that were sent, or about to be, and not confirmed.
    pub unconfirmed: u64,
    /// Keys that were removed, which was confirmed, and not added again since.
    pub removed: u64,
}

/// A key that a state knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key as it was delivered.
    pub key: String,
    /// What is known of it.
    pub standing: Standing,
}

/// What a state knows of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// What has this hash was delivered, and confirmed.
    Delivered(u64),
    /// It was sent, or about to be, and not confirmed.
    Pending,
    /// Its removal was confirmed, and it was not added again since: if it is at the destination, somebody else put it there.
    Removed,
}

/// One run's view of its sync: which rows changed, what is about to be sent, what was confirmed, what has left.
///
/// It writes before it sends: [`Self::mark_pending`] clears the hash of a record as its batch is about to leave, and the caller
/// commits before it does. What was never about to be sent is thus never taken for something that may have arrived.
pub trait Ledger: std::fmt::Debug + Send {
    /// What shapes the keys now and did not when they were delivered, in words; `None` where nothing does.
    fn identity_change(&self) -> Option<String>;

    /// The other syncs of this file that write to the same target. What they hold is not removed.
    fn neighbours(&self) -> &[Neighbour];

    /// Judges records in the order of the source and marks their keys as seen. It reads only.
    ///
    /// Each record comes with the hash of what would be delivered.
    fn diff(
        &mut self,
        records: &mut dyn Iterator<Item = (Record<'_>, u64)>,
        resend: Resend,
    ) -> Result<Vec<Change>, StateError>;

    /// Notes that a record is about to be sent. `true`: its key was not known, so that nothing of it can be at the
    /// destination yet.
    fn mark_pending(&mut self, record: Record<'_>, change: Change) -> Result<bool, StateError>;

    /// Marks a key as seen without a look at what its row holds: the row could not be mapped.
    fn mark_seen(&mut self, key: &str) -> Result<(), StateError>;

    /// Whether a key whose row says that it has left is to be removed: it is known, and no other sync of the same target holds
    /// it. One that another sync holds is forgotten: it is that sync's now to remove it.
    fn may_remove(&mut self, key: &str) -> Result<bool, StateError>;

    /// Writes down that a record was confirmed: what of it was delivered, or that it is gone.
    fn confirm(&mut self, record: Record<'_>, hash: u64) -> Result<(), StateError>;

    /// Writes down that a record was refused. `new`: nothing of its key can be at the destination, so that it is
    /// forgotten; otherwise what is there is not what the source has.
    fn reject(&mut self, key: &str, new: bool) -> Result<(), StateError>;

    /// Counts the keys that were known before this run and were not seen in it. `most` of them are named.
    fn leaving(&self, most: usize) -> Result<Leaving, StateError>;

    /// Hands each key that was known before this run and was not seen in it to `each`, and whether another sync of the same
    /// target holds it.
    fn each_leaving(&self, each: &mut dyn FnMut(&str, bool)) -> Result<(), StateError>;

    /// Forgets the keys that were not seen and that another sync of the same target holds: it is that sync's now to remove
    /// them. Returns how many there were.
    fn leave_to_neighbours(&mut self) -> Result<u64, StateError>;

    /// The next keys after `after` of which anything is known, in their order (that of their UTF-8 bytes), at most `most`;
    /// those that were removed among them, but for what another sync of the same target holds. None: there are no more.
    fn known_after(&self, after: &str, most: usize) -> Result<Vec<Entry>, StateError>;

    /// The next keys after `after` that were not seen, in their order, at most `most`.
    fn leaving_after(&self, after: &str, most: usize) -> Result<Vec<String>, StateError>;

    /// Members that runs since `since` removed. Times are in seconds since 1970.
    fn removed_since(&self, since: i64) -> Result<u64, StateError>;

    /// Writes down that a run which began at `at` removed members, and forgets what is older than `since`.
    fn note_removals(&mut self, at: i64, since: i64, members: u64) -> Result<(), StateError>;

    /// Makes everything so far last. A state file that is not where it was is an error, whether anything was written or
    /// not: what a batch is about to do would be forgotten.
    fn commit(&mut self) -> Result<(), StateError>;

    /// Ends the run. `settled`: nothing was withheld, so that what shapes the keys now holds for all that are known.
    fn finish(self: Box<Self>, settled: bool) -> Result<(), StateError>;
}

/// Begins a run of a sync whose state is there; `None` where there is none and none is `needed`.
///
/// A run that only `looks` makes no state and changes none. Any other one holds it for as long as the `lease` is on.
#[cfg(feature = "sqlite-state")]
pub(crate) fn begin(
    spec: &StateSpec,
    name: &SyncName,
    (target, identity): (&Facts, &Facts),
    (needed, looks): (bool, bool),
    lease: &Lease,
) -> Result<Option<Box<dyn Ledger>>, StateError> {
    let state = match (looks, needed) {
        (true, _) => State::open(spec, name, Access::Read)?,
        (false, true) => Some(State::open_or_create(spec, name, lease)?),
        (false, false) => State::open_held(spec, name, Access::Write, lease)?,
    };
    match state {
        Some(state) if needed || state.knows()? => state.begin(target, identity).map(Some),
        _ => Ok(None),
    }
}

/// A state that is there must not grow stale, and one that is needed can't be kept.
#[cfg(not(feature = "sqlite-state"))]
pub(crate) fn begin(
    spec: &StateSpec,
    _: &SyncName,
    _: (&Facts, &Facts),
    (needed, _): (bool, bool),
    _: &Lease,
) -> Result<Option<Box<dyn Ledger>>, StateError> {
    let (there, feature) = match &spec.place {
        StatePlace::File(path) => (path.exists(), "sqlite-state"),
        StatePlace::Elsewhere(url) => (true, url.kind().feature()),
    };
    if needed || there {
        return Err(StateError::LeftOut { state: spec.place.to_string(), feature });
    }
    Ok(None)
}

/// What differs between two sets of facts, in words.
pub fn changes(was: &Facts, is: &Facts) -> String {
    let shown = |value: Option<&String>| value.map_or("not set".to_owned(), |value| format!("{value:?}"));
    let names: std::collections::BTreeSet<&String> = was.keys().chain(is.keys()).collect();
    let differing = names.into_iter().filter(|name| was.get(*name) != is.get(*name));
    let told: Vec<String> = differing
        .map(|name| format!("{name} was {}, now it is {}", shown(was.get(name)), shown(is.get(name))))
        .collect();
    told.join("; ")
}
