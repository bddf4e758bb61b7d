//! The updates of single profiles that are under way: how many of one profile at once, from a request's head to its answer or to
//! the end of its connection.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hyper::http::request::Parts;

use crate::api::path;
use crate::lock::lock;
use crate::server::idempotency;
use crate::server::shared::Shared;

/// Updates of one profile that run at once; one more gets a 409. As published.
const MOST_AT_ONCE: usize = 3;

#[derive(Debug, Default)]
pub(crate) struct Updates {
    /// By the path's last segment: the number of each request, and what says which record it carries.
    running: BTreeMap<String, BTreeMap<u64, String>>,
    most: usize,
}

/// Counts an update as under way until it is dropped.
pub(crate) struct Running {
    shared: Arc<Shared>,
    profile: String,
    sequence: u64,
}

impl Updates {
    /// Whether one more of this profile runs than may.
    pub(crate) fn too_many(&self, profile: &str) -> bool {
        self.running.get(profile).is_some_and(|requests| requests.len() > MOST_AT_ONCE)
    }

    /// The most records of one profile at once so far.
    pub(crate) fn most(&self) -> usize {
        self.most
    }
}

impl Running {
    /// None for another call.
    pub(crate) fn begin(shared: &Arc<Shared>, head: &Parts, sequence: u64) -> Option<Self> {
        let profile = head.uri.path().strip_prefix(path::PROFILE)?.to_owned();
        let record = idempotency::key(head).map_or_else(|| format!("without a key: {sequence}"), str::to_owned);
        let mut updates = lock(&shared.updates);
        let requests = updates.running.entry(profile.clone()).or_default();
        requests.insert(sequence, record);
        let records = requests.values().collect::<BTreeSet<_>>().len();
        updates.most = updates.most.max(records);
        drop(updates);
        Some(Self { shared: Arc::clone(shared), profile, sequence })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut updates = lock(&self.shared.updates);
        if let Some(requests) = updates.running.get_mut(&self.profile) {
            requests.remove(&self.sequence);
            if requests.is_empty() {
                updates.running.remove(&self.profile);
            }
        }
    }
}
