//! Holding a remote state: taken, renewed, given back, and lost.
//!
//! The state is taken by writing oneself into its head ([`head`](super::head)), on condition that the head is still the one that was read. It is
//! held for some seconds from then, and each renewal writes the head again, under the same condition. Who finds it held waits for no
//! clock but the place's own: the head's age tells whether the holder still lives. A holder counts his time from *before* he asked, so that he
//! is out of it before anybody else can be in; and what is over stays over ([`Lease`]).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tokio::sync::Mutex;
use tokio::task::AbortHandle;

use super::head::{Head, NAME};
use super::store::{Condition, Store, StoreError, Version};
use super::worker::Worker;
use crate::report::run_id::{RunId, rfc3339};
use crate::state::lease::{Holder, Lease};
use crate::state::{RemoteFault, StateError};

/// How much older than a lease a head must be until its holder counts as dead: a place may round times down to a second, and
/// its machines' clocks may differ.
const GRACE_MS: i64 = 2000;

/// How often the state is asked for where somebody else is always quicker.
const TRIES: u32 = 5;

/// How long a run that ends waits for its state to be given back. If it isn't, it is free when the lease has ended.
const GIVING_BACK: Duration = Duration::from_secs(10);

/// Between two tries of what may work when it is asked again.
pub(super) const PAUSE: Duration = Duration::from_millis(200);

/// A state that is held.
#[derive(Debug)]
pub(super) struct Holding {
    place: Place,
    lease: Lease,
    epoch: u64,
    /// The head as it was written last, and its version.
    head: Mutex<(Head, Version)>,
    /// The number of the last entry that is in the journal.
    last: AtomicU64,
}

/// A place and the sync whose state is there.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) sync: String,
    /// What it is called in messages.
    pub(crate) shown: String,
}

/// Renews a state until it is dropped.
#[derive(Debug)]
pub(super) struct Renewal(Option<AbortHandle>);

impl Drop for Renewal {
    fn drop(&mut self) {
        self.0.iter().for_each(AbortHandle::abort);
    }
}

impl Place {
    pub(super) fn failed(&self, error: &StoreError) -> StateError {
        let fault = match error {
            StoreError::Unavailable(message) => RemoteFault::Unavailable(message.clone()),
            StoreError::Refused(message) => RemoteFault::Refused(message.clone()),
        };
        self.fault(fault)
    }

    pub(super) fn fault(&self, fault: RemoteFault) -> StateError {
        StateError::Remote { state: self.shown.clone(), fault }
    }

    /// The thread that talks to it is gone.
    pub(super) fn died(&self) -> StateError {
        self.fault(RemoteFault::Unavailable("the thread that talks to it died".to_owned()))
    }

    pub(super) fn damaged(&self, part: &str, what: impl Into<String>) -> StateError {
        self.fault(RemoteFault::Damaged { part: part.to_owned(), what: what.into() })
    }

    /// The head as it is, its version and when it was written; `None` where there is no state.
    pub(super) async fn head(&self) -> Result<Option<(Head, Version, i64)>, StateError> {
        match self.store.get(NAME).await.map_err(|error| self.failed(&error))? {
            Some(stored) => {
                let head = Head::decode(&stored.bytes, &self.sync).map_err(|what| self.damaged(NAME, what))?;
                Ok(Some((head, stored.version, stored.written)))
            }
            // A state whose head is gone is no state that never was: taken for a first run, it would forget every member.
            None => match self.store.list().await.map_err(|error| self.failed(&error))?.first() {
                Some(part) => Err(self.fault(RemoteFault::HeadLost { found: part.clone() })),
                None => Ok(None),
            },
        }
    }

    /// Fails where somebody holds the state who may be alive.
    pub(super) async fn is_free(&self, head: &Head, written: i64) -> Result<(), StateError> {
        let Some(holder) = &head.holder else { return Ok(()) };
        let now = self.store.now().await.map_err(|error| self.failed(&error))?;
        let left = i64::from(head.lease_seconds) * 1000 + GRACE_MS - (now - written);
        if left <= 0 {
            return Ok(());
        }
        let seconds = u64::try_from(left).unwrap_or_default().div_ceil(1000);
        Err(StateError::Held { state: self.shown.clone(), holder: holder.clone(), seconds })
    }

    /// Writes a head. `None`: it is not the one any more that the condition names.
    async fn write(&self, head: &Head, condition: Condition) -> Result<Option<Version>, StoreError> {
        put(&*self.store, NAME, head.encode().into(), condition).await
    }
}

/// Writes a part on a condition. What an answer that was lost leaves open is looked at: where the part is already what was to
/// be written, it was written.
pub(super) async fn put(
    store: &dyn Store,
    name: &str,
    bytes: Bytes,
    condition: Condition,
) -> Result<Option<Version>, StoreError> {
    for _ in 0..TRIES {
        if let Some(version) = store.put(name, bytes.clone(), condition.clone()).await? {
            return Ok(Some(version));
        }
        match store.get(name).await? {
            Some(there) if there.bytes == bytes => return Ok(Some(there.version)),
            // An object store may refuse both of two who write at the same moment.
            None if condition == Condition::Absent => {}
            _ => return Ok(None),
        }
    }
    Err(StoreError::Unavailable(format!("{name} is said to be there, and is not")))
}

impl Holding {
    /// Takes a state, and makes it first where there is none and `create` says so.
    pub(super) async fn take(
        place: &Place,
        create: bool,
        lease_seconds: u32,
        lease: &Lease,
    ) -> Result<Option<Self>, StateError> {
        for _ in 0..TRIES {
            let (head, condition) = match place.head().await? {
                None if !create => return Ok(None),
                None => (Head::new(&place.sync, me(), lease_seconds), Condition::Absent),
                Some((head, version, written)) => {
                    place.is_free(&head, written).await?;
                    (head.taken_by(me(), lease_seconds), Condition::Is(version))
                }
            };
            let began = lease.now();
            let written = place.write(&head, condition.clone()).await.map_err(|error| place.failed(&error))?;
            let Some(version) = written else { continue };
            if !lease.extend(began, lease_seconds) {
                return Err(StateError::LeaseLost { state: place.shown.clone(), why: "its lease is over".to_owned() });
            }
            let (epoch, last) = (head.epoch, AtomicU64::new(head.last));
            let head = Mutex::new((head, version));
            let holding = Self { place: place.clone(), lease: lease.clone(), epoch, head, last };
            holding.conditions_hold(condition).await?;
            return Ok(Some(holding));
        }
        Err(place.fault(RemoteFault::Unavailable("others took it each time".to_owned())))
    }

    /// Fails where the place writes whatever the condition: then nothing would keep two runs apart. It is shown conditions that
    /// do not hold, with the bytes that are there already: where it writes, it changes nothing.
    async fn conditions_hold(&self, stale: Condition) -> Result<(), StateError> {
        let (place, head) = (&self.place, self.head().await);
        for condition in [Condition::Absent, stale] {
            let written = place.store.put(NAME, head.encode().into(), condition).await;
            if written.map_err(|error| place.failed(&error))?.is_some() {
                let free = Head { holder: None, ..head.next() };
                place.write(&free, Condition::Any).await.map_err(|error| place.failed(&error))?;
                return Err(place.fault(RemoteFault::NoConditions));
            }
        }
        Ok(())
    }

    /// The head as it was written last.
    pub(super) async fn head(&self) -> Head {
        self.head.lock().await.0.clone()
    }

    /// Whether it still holds.
    pub(super) fn check(&self) -> Result<(), StateError> {
        let state = || self.place.shown.clone();
        self.lease.over().map_or(Ok(()), |why| Err(StateError::LeaseLost { state: state(), why }))
    }

    /// It turned out to be somebody else's.
    pub(super) fn lose(&self, why: &str) {
        self.lease.end(why);
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// Notes that the journal has an entry of this number.
    pub(super) fn appended(&self, number: u64) {
        self.last.store(number, Ordering::Release);
    }

    /// Writes the head with a change of it, under the same lease.
    pub(super) async fn change(&self, change: impl Fn(&mut Head) + Send) -> Result<(), StateError> {
        let place = &self.place;
        let mut current = self.head.lock().await;
        for _ in 0..TRIES {
            self.check()?;
            let mut head = Head { last: self.last.load(Ordering::Acquire), ..current.0.next() };
            change(&mut head);
            let began = self.lease.now();
            let written = place.write(&head, Condition::Is(current.1.clone())).await;
            if let Some(version) = written.map_err(|error| place.failed(&error))? {
                if head.holder.is_some() {
                    self.lease.extend(began, head.lease_seconds);
                }
                *current = (head, version);
                return Ok(());
            }
            match place.head().await? {
                // An earlier change, whose answer was lost.
                Some((there, version, _)) if there.epoch == head.epoch && there.holder == current.0.holder => {
                    *current = (there, version);
                }
                there => {
                    let holder = there.and_then(|(head, ..)| head.holder);
                    let who = holder.map_or_else(|| "another run".to_owned(), |holder| holder.to_string());
                    let why = format!("it was taken over by {who}");
                    self.lease.end(&*why);
                    return Err(StateError::LeaseLost { state: place.shown.clone(), why });
                }
            }
        }
        Err(place.fault(RemoteFault::Unavailable("its head changes without an end".to_owned())))
    }

    /// Renews it three times in each of its lengths, until what is returned is dropped.
    pub(super) fn renew(self: &Arc<Self>, worker: &Worker, lease_seconds: u32) -> Renewal {
        let holding = Arc::clone(self);
        let period = Duration::from_secs(lease_seconds.into()) / 3;
        Renewal(worker.spawn(async move {
            let mut pause = period;
            while holding.check().is_ok() {
                tokio::time::sleep(pause).await;
                pause = match holding.change(|_| {}).await {
                    Ok(()) => period,
                    // A place that does not answer may do so again before the time is over.
                    Err(error) => {
                        tracing::warn!("the lease is not renewed: {error}");
                        PAUSE.min(period)
                    }
                };
            }
        }))
    }

    /// Gives it back, so that nobody has to wait for the lease's end.
    pub(super) async fn give_back(&self) -> Result<(), StateError> {
        let given = tokio::time::timeout(GIVING_BACK, self.change(|head| head.holder = None)).await;
        self.lease.end("it was given back");
        given.unwrap_or_else(|_| Err(self.place.fault(RemoteFault::Unavailable("no answer in time".to_owned()))))
    }
}

fn me() -> Holder {
    let now = SystemTime::now();
    Holder { host: host(), process: std::process::id(), since: rfc3339(now), run: RunId::new(now).as_str().to_owned() }
}

#[cfg(unix)]
fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(not(unix))]
fn host() -> String {
    std::env::var("COMPUTERNAME").unwrap_or_else(|_| "a machine without a name".to_owned())
}
