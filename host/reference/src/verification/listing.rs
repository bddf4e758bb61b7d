//! All keys at the target, page by page, sorted as they come; and whether they are all.

use std::fmt;

use super::sorted_keys::SortedKeys;
use super::{VerifyError, blocking};
use destination_engine::Inspection;
use destination_engine::bindings::ProblemKind;
use destination_engine::plugin::answers::KeyPage;
use destination_engine::plugin::instance::CallError;

/// The keys at a target.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) keys: SortedKeys,
    /// How many the destination counted with the first page, and with the last.
    counted: [Option<u64>; 2],
}

/// Why a listing may not have all keys, or some that are gone. Nothing may be concluded from what it lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Incomplete {
    /// The destination counted another number of keys.
    Count {
        /// Keys that were listed.
        listed: u64,
        /// Keys that the destination counted.
        counted: u64,
        /// Whether it counted them before the listing, or after it.
        before: bool,
    },
    /// A key stands there twice: the members changed while they were listed.
    Twice(String),
}

impl fmt::Display for Incomplete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count { listed, counted, before } => {
                let when = if *before { "before" } else { "after" };
                write!(f, "{listed} members were listed, and the destination counted {counted} {when} that")
            }
            Self::Twice(key) => write!(f, "{key:?} was listed twice: the members changed meanwhile"),
        }
    }
}

/// What a listing begins with.
pub(super) enum Start {
    Listed(Listing),
    /// The config does not have what it takes to list, in the plugin's words.
    NotWithThisConfig(String),
}

impl Listing {
    /// Lists all keys. `each` is told how many there are so far.
    pub(super) async fn read(
        inspection: &Inspection,
        each: &mut (dyn FnMut(u64) + Send),
    ) -> Result<Start, VerifyError> {
        let mut listing = Self { keys: SortedKeys::new(), counted: [None, None] };
        let mut cursor: Option<String> = None;
        loop {
            let outcome = inspection.list_keys(cursor.as_deref()).await;
            let page = match outcome.answer {
                Ok(page) => page,
                Err(CallError::Failed(failure))
                    if cursor.is_none() && failure.problem().kind == ProblemKind::Configuration =>
                {
                    return Ok(Start::NotWithThisConfig(failure.problem().message.clone()));
                }
                Err(error) => {
                    return Err(VerifyError::call("the members can't be listed", &error, outcome.traffic.cause));
                }
            };
            let [first, last] = &mut listing.counted;
            if cursor.is_none() {
                *first = page.total;
            }
            *last = page.total;
            cursor.clone_from(&page.next);
            listing = blocking(move || listing.take(&page)).await??;
            each(listing.keys.count());
            if cursor.is_none() {
                return Ok(Start::Listed(listing));
            }
        }
    }

    fn take(mut self, page: &KeyPage) -> Result<Self, VerifyError> {
        for key in page.keys.iter() {
            self.keys.push(key).map_err(|error| VerifyError::sorting(&error))?;
        }
        Ok(self)
    }

    /// What the destination's own counts say against it.
    pub(super) fn incomplete(&self) -> Option<Incomplete> {
        let listed = self.keys.count();
        let [before, after] = self.counted;
        let differs = |counted: Option<u64>, before| {
            let counted = counted.filter(|counted| *counted != listed)?;
            Some(Incomplete::Count { listed, counted, before })
        };
        differs(before, true).or_else(|| differs(after, false))
    }
}
