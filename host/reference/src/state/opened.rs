//! The state of one sync, open: wherever it is kept.

use std::io;

use super::lease::Lease;
#[cfg(any(feature = "object-store-state", feature = "postgres-state"))]
use super::remote::{Place, RemoteState, store::StoreError};
use super::url::StateUrl;
use super::{Access, Entry, Facts, Ledger, StateError, Summary, sqlite};
use crate::sync_file::{StatePlace, StateSpec, SyncName};

/// The state of a sync.
#[derive(Debug)]
pub struct State {
    kind: Kind,
    name: SyncName,
}

#[derive(Debug)]
enum Kind {
    File(Box<sqlite::State>),
    #[cfg(any(feature = "object-store-state", feature = "postgres-state"))]
    Remote(Box<RemoteState>),
}

/// Pieces of a state that is taken in, or what can't be read of it.
pub(super) type Lines<'a> = dyn Iterator<Item = Result<Vec<u8>, String>> + 'a;

impl State {
    /// Opens a state that is there; `None` where there is none.
    pub fn open(spec: &StateSpec, name: &SyncName, access: Access) -> Result<Option<Self>, StateError> {
        Self::open_held(spec, name, access, &Lease::default())
    }

    /// Opens a state that is there. To write to one that is not in a file is to hold it for as long as the `lease` is on.
    pub(super) fn open_held(
        spec: &StateSpec,
        name: &SyncName,
        access: Access,
        lease: &Lease,
    ) -> Result<Option<Self>, StateError> {
        let kind = match &spec.place {
            StatePlace::File(path) => sqlite::State::open(path, access)?.map(|state| Kind::File(Box::new(state))),
            StatePlace::Elsewhere(url) => open_elsewhere(url, name, access, (lease, spec.lease_seconds))?,
        };
        Ok(kind.map(|kind| Self { kind, name: name.clone() }))
    }

    /// Opens a state to write to it, and makes it first where there is none.
    pub(super) fn open_or_create(spec: &StateSpec, name: &SyncName, lease: &Lease) -> Result<Self, StateError> {
        let kind = match &spec.place {
            StatePlace::File(path) => Kind::File(Box::new(sqlite::State::open_or_create(path)?)),
            StatePlace::Elsewhere(url) => create_elsewhere(url, name, (lease, spec.lease_seconds))?,
        };
        Ok(Self { kind, name: name.clone() })
    }

    /// Whether it knows the sync.
    pub fn knows(&self) -> Result<bool, StateError> {
        match &self.kind {
            Kind::File(state) => state.knows(&self.name),
            #[cfg(any(feature = "object-store-state", feature = "postgres-state"))]
            Kind::Remote(state) => state.knows(),
        }
    }

    /// What it knows of the sync; `None` where it knows nothing.
    pub fn summary(&self) -> Result<Option<Summary>, StateError> {
        match &self.kind {
            Kind::File(state) => state.summary(&self.name),
            #[cfg(any(feature = "object-store-state", feature = "postgres-state"))]
            Kind::Remote(state) => state.summary(),
        }
    }

    /// When runs of the sync removed members, in seconds since 1970, and how many.
    pub fn removals(&self) -> Result<Vec<(i64, u64)>, StateError> {
        match &self.kind {
            Kind::File(state) => state.removals(&self.name),
            #[cfg(any(feature = "object-store-state", feature = "postgres-state"))]
            Kind::Remote(state) => state.removals(),
        }
    }

    /// Hands every key of the sync to `each`, in the order of the keys.
    pub fn export(&self, each: impl FnMut(Entry) -> io::Result<()>) -> Result<io::Result<()>, StateError> {
        match &self.kind {
            Kind::File(state) => state.export(&self.name, each),
            #[cfg(any(feature = "object-store-state", feature = "postgres-state"))]
            Kind::Remote(state) => state.export(each),
        }
    }

    /// Takes in what was exported, all of it or nothing. What can't be read is told in words.
    pub(super) fn import(self, lines: &mut Lines<'_>) -> Result<Result<(), String>, StateError> {
        match self.kind {
            Kind::File(mut state) => state.import(&self.name, lines),
            #[cfg(any(feature = "object-store-state", feature = "postgres-state"))]
            Kind::Remote(state) => state.import(lines),
        }
    }

    /// Forgets the sync and all its keys. Returns how many there were; `None` where it was not known. One that is kept elsewhere and
    /// can't be read is deleted: then nobody knows how many there were.
    pub fn reset(spec: &StateSpec, name: &SyncName) -> Result<Option<u64>, StateError> {
        match Self::open(spec, name, Access::Write) {
            Ok(None) => Ok(None),
            Ok(Some(Self { kind: Kind::File(mut state), .. })) => state.reset(name),
            #[cfg(any(feature = "object-store-state", feature = "postgres-state"))]
            Ok(Some(Self { kind: Kind::Remote(state), .. })) => state.reset(),
            #[cfg(any(feature = "object-store-state", feature = "postgres-state"))]
            Err(StateError::Remote { fault, .. }) if fault.is_damage() => {
                let StatePlace::Elsewhere(url) = &spec.place else { return Ok(None) };
                RemoteState::wipe(&place(url, name)?).map(|()| Some(0))
            }
            Err(error) => Err(error),
        }
    }

    /// Forgets single keys of the sync. Returns those that it did not know.
    pub fn forget(self, keys: &[String]) -> Result<Vec<&str>, StateError> {
        match self.kind {
            Kind::File(mut state) => state.forget(&self.name, keys),
            #[cfg(any(feature = "object-store-state", feature = "postgres-state"))]
            Kind::Remote(state) => state.forget(keys),
        }
    }

    /// Makes a state usable of which a part is lost: nothing counts as confirmed any more. In a file, of every sync in it. Returns how
    /// many keys there are; `None` where there is no state.
    pub fn recover(spec: &StateSpec, name: &SyncName) -> Result<Option<u64>, StateError> {
        if let StatePlace::File(path) = &spec.place {
            return sqlite::State::recover(path);
        }
        match Self::open(spec, name, Access::Write)?.map(|state| state.kind) {
            #[cfg(any(feature = "object-store-state", feature = "postgres-state"))]
            Some(Kind::Remote(state)) => state.recover().map(Some),
            _ => Ok(None),
        }
    }

    /// Begins a run of the sync. A sync that is not known is written down, if the state may be written.
    ///
    /// Fails where the sync's target is not the one that is known.
    pub fn begin(self, target: &Facts, identity: &Facts) -> Result<Box<dyn Ledger>, StateError> {
        match self.kind {
            Kind::File(state) => state.begin(&self.name, target, identity),
            #[cfg(any(feature = "object-store-state", feature = "postgres-state"))]
            Kind::Remote(state) => state.begin(target, identity),
        }
    }
}

#[cfg(any(feature = "object-store-state", feature = "postgres-state"))]
fn open_elsewhere(
    url: &StateUrl,
    name: &SyncName,
    access: Access,
    lease: (&Lease, u32),
) -> Result<Option<Kind>, StateError> {
    let state = RemoteState::open(&place(url, name)?, name, access, lease)?;
    Ok(state.map(|state| Kind::Remote(Box::new(state))))
}

#[cfg(any(feature = "object-store-state", feature = "postgres-state"))]
fn create_elsewhere(url: &StateUrl, name: &SyncName, lease: (&Lease, u32)) -> Result<Kind, StateError> {
    RemoteState::open_or_create(&place(url, name)?, name, lease).map(|state| Kind::Remote(Box::new(state)))
}

#[cfg(not(any(feature = "object-store-state", feature = "postgres-state")))]
fn open_elsewhere(url: &StateUrl, _: &SyncName, _: Access, _: (&Lease, u32)) -> Result<Option<Kind>, StateError> {
    Err(left_out(url))
}

#[cfg(not(any(feature = "object-store-state", feature = "postgres-state")))]
fn create_elsewhere(url: &StateUrl, _: &SyncName, _: (&Lease, u32)) -> Result<Kind, StateError> {
    Err(left_out(url))
}

/// The place of a sync's state.
#[cfg(any(feature = "object-store-state", feature = "postgres-state"))]
fn place(url: &StateUrl, name: &SyncName) -> Result<Place, StateError> {
    use std::sync::Arc;

    use super::remote::store::Store;
    use super::url::UrlKind;

    let shown = format!("{url}, sync `{name}`");
    let opened: Result<Arc<dyn Store>, StoreError> = match url.kind() {
        #[cfg(feature = "postgres-state")]
        UrlKind::PostgreSql => super::postgresql::open(url, name.as_str()).map(|rows| Arc::new(rows) as _),
        #[cfg(feature = "object-store-state")]
        UrlKind::S3 | UrlKind::Gcs | UrlKind::Azure => {
            super::object_store::open(url, name.as_str()).map(|objects| Arc::new(objects) as _)
        }
        #[cfg(not(all(feature = "object-store-state", feature = "postgres-state")))]
        _ => return Err(left_out(url)),
    };
    match opened {
        Ok(store) => Ok(Place { store, sync: name.to_string(), shown }),
        Err(error) => {
            let fault = super::RemoteFault::Refused(error.to_string());
            Err(StateError::Remote { state: shown, fault })
        }
    }
}

#[cfg(not(all(feature = "object-store-state", feature = "postgres-state")))]
fn left_out(url: &StateUrl) -> StateError {
    StateError::LeftOut { state: url.to_string(), feature: url.kind().feature() }
}
