//! Where the parts of a remote state are: bytes by name, which are written on a condition.
//!
//! This is all that is asked of a place: that a part is written whole or not at all, that a condition holds at the moment of
//! writing, and that what was written is read from then on. [`object_store`](super::super::object_store) and
//! [`postgresql`](super::super::postgresql) are two of them.

use std::fmt::Debug;

use bytes::Bytes;
use futures::future::BoxFuture;

/// Parts of one sync's state.
pub(crate) trait Store: Debug + Send + Sync {
    /// A part, as it is now; `None` where there is none of this name.
    fn get<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Stored>, StoreError>>;

    /// Writes a part, and makes it last. `None`: the condition did not hold, and nothing was written.
    fn put<'a>(
        &'a self,
        name: &'a str,
        bytes: Bytes,
        condition: Condition,
    ) -> BoxFuture<'a, Result<Option<Version>, StoreError>>;

    /// The names of all parts, in no order.
    fn list(&self) -> BoxFuture<'_, Result<Vec<String>, StoreError>>;

    /// Deletes a part, if it is there.
    fn delete<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), StoreError>>;

    /// The time by the place's own clock, which is the one that [`Stored::written`] is told by: milliseconds since 1970.
    fn now(&self) -> BoxFuture<'_, Result<i64, StoreError>>;
}

/// When a part is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Condition {
    /// Where there is none of its name.
    Absent,
    /// Where it is still this one.
    Is(Version),
    /// In any case. For parts that only their writer names.
    Any,
}

/// Tells one content of a part from another.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Version {
    pub(crate) e_tag: Option<String>,
    pub(crate) number: Option<String>,
}

/// A part as it was read.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) bytes: Bytes,
    pub(crate) version: Version,
    /// When it was written, by the place's own clock: milliseconds since 1970. It may be rounded down to a second.
    pub(crate) written: i64,
}

/// Why a place did not do what it was asked. Messages bear no secret.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum StoreError {
    /// It may do it when it is asked again. Whether it has done it is not known.
    #[error("{0}")]
    Unavailable(String),
    /// It will not.
    #[error("{0}")]
    Refused(String),
}
