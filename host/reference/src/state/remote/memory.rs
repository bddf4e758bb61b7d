//! A store in memory, for tests: it can be told to fail, to lose an answer, or to ignore conditions.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;

use super::store::{Condition, Store, StoreError, Stored, Version};
use super::{Place, RemoteState};
use crate::state::lease::Lease;
use crate::state::{Access, StateError};
use crate::sync_file::SyncName;

/// Shared by its clones, as a bucket is by those who use it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Memory(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
pub(crate) struct Inner {
    pub(super) parts: Parts,
    /// The parts after each write and each delete, where they are kept.
    pub(super) history: Option<Vec<Parts>>,
    pub(super) writes: u64,
    /// Its clock.
    pub(super) now: i64,
    pub(super) ignores_conditions: bool,
    /// Writes from now on until one loses its answer, or fails before it is made.
    pub(super) loses_answer_in: Option<u32>,
    pub(super) fails_in: Option<u32>,
    /// What comes to pass just before a write, after so many others.
    pub(super) before_write: Option<(u32, Before)>,
}

/// By name: the bytes, their number, and when they were written.
type Parts = BTreeMap<String, (Bytes, u64, i64)>;

pub(super) struct Before(pub(super) Box<dyn FnOnce(&mut Parts) + Send>);

impl std::fmt::Debug for Before {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Before")
    }
}

/// Whether a countdown has come to its end, which it does once.
fn comes(countdown: &mut Option<u32>) -> bool {
    match countdown {
        Some(0) => countdown.take().is_some(),
        Some(left) => {
            *left -= 1;
            false
        }
        None => false,
    }
}

impl Inner {
    fn put(&mut self, name: &str, bytes: Bytes, condition: &Condition) -> Result<Option<Version>, StoreError> {
        match self.before_write.take() {
            Some((0, Before(before))) => before(&mut self.parts),
            Some((writes, before)) => self.before_write = Some((writes - 1, before)),
            None => {}
        }
        if comes(&mut self.fails_in) {
            return Err(StoreError::Unavailable("a test".to_owned()));
        }
        let version = |number: u64| Version { e_tag: None, number: Some(number.to_string()) };
        let there = self.parts.get(name).map(|(_, number, _)| version(*number));
        let holds = match condition {
            Condition::Absent => there.is_none(),
            Condition::Is(version) => there.as_ref() == Some(version),
            Condition::Any => true,
        };
        if !holds && !self.ignores_conditions {
            return Ok(None);
        }
        self.writes += 1;
        self.parts.insert(name.to_owned(), (bytes, self.writes, self.now));
        self.remember();
        if comes(&mut self.loses_answer_in) {
            return Err(StoreError::Unavailable("a test".to_owned()));
        }
        Ok(Some(version(self.writes)))
    }
}

impl Inner {
    fn remember(&mut self) {
        if let Some(history) = &mut self.history {
            history.push(self.parts.clone());
        }
    }
}

impl Memory {
    /// The state of this sync, open; `None` where there is none, and it is only looked at.
    pub(crate) fn open(&self, name: &SyncName, access: Access) -> Result<Option<RemoteState>, StateError> {
        let place = Place { store: Arc::new(self.clone()), sync: name.to_string(), shown: "memory://here".to_owned() };
        let lease = (&Lease::default(), 3600);
        match access {
            Access::Read => RemoteState::open(&place, name, access, lease),
            Access::Write => RemoteState::open_or_create(&place, name, lease).map(Some),
        }
    }

    pub(super) fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Store for Memory {
    fn get<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Stored>, StoreError>> {
        let found = self.inner().parts.get(name).map(|(bytes, number, written)| Stored {
            bytes: bytes.clone(),
            version: Version { e_tag: None, number: Some(number.to_string()) },
            written: *written,
        });
        async { Ok(found) }.boxed()
    }

    fn put<'a>(
        &'a self,
        name: &'a str,
        bytes: Bytes,
        condition: Condition,
    ) -> BoxFuture<'a, Result<Option<Version>, StoreError>> {
        let put = self.inner().put(name, bytes, &condition);
        async { put }.boxed()
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<String>, StoreError>> {
        let names = self.inner().parts.keys().cloned().collect();
        async { Ok(names) }.boxed()
    }

    fn delete<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), StoreError>> {
        let mut inner = self.inner();
        inner.parts.remove(name);
        inner.remember();
        async { Ok(()) }.boxed()
    }

    fn now(&self) -> BoxFuture<'_, Result<i64, StoreError>> {
        let now = self.inner().now;
        async move { Ok(now) }.boxed()
    }
}
