//! A running fake: started, asked and stopped from the outside, by code that blocks or awaits.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::runtime::Builder;

use crate::deployment::attributes::AttributeType;
use crate::deployment::campaigns::{Firing, Rule};
use crate::deployment::definitions::NewAttribute;
use crate::deployment::snapshot::Snapshot;
use crate::faults::Faults;
use crate::faults::fault::Movement;
use crate::lock::lock;
use crate::recorder::{Request, TimedOut};
use crate::server;
use crate::server::control;
use crate::server::shared::Shared;
use crate::settings::Settings;

/// A fake Talon.One that listens on loopback until this is dropped.
///
/// It runs on one thread of its own, whatever the caller does with theirs. Dropping it lets answers that are being
/// written come to their end, cuts off whatever a fault holds up, and waits for the thread.
pub struct Fake {
    shared: Arc<Shared>,
    url: String,
    port: u16,
    thread: Option<JoinHandle<()>>,
}

impl Fake {
    /// Starts a fake. It accepts connections once this returns.
    ///
    /// # Errors
    ///
    /// Where the port is taken, or the system gives no socket or thread.
    pub fn start(settings: Settings) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, settings.port))?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let url = format!("{}://{}:{port}", settings.scheme(), Ipv4Addr::LOCALHOST);
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        let shared = Arc::new(Shared::new(settings));
        let served = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("fake-talon-one".to_owned())
            .spawn(move || runtime.block_on(server::run(listener, served)))?;
        Ok(Self { shared, url, port, thread: Some(thread) })
    }

    /// Where it listens, as a deployment URL: `http://127.0.0.1:40123`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The port of [`Fake::url`].
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Replaces whatever faults are left of an earlier plan.
    pub fn inject(&self, faults: Faults) {
        *lock(&self.shared.faults) = faults;
    }

    /// Lets go of every answer that a [`Fault::hold`](crate::Fault::hold) holds back. Later ones are held again.
    pub fn release(&self) {
        self.shared.release();
    }

    /// Defines an attribute, or defines it again.
    pub fn define_attribute(&self, name: &str, kind: AttributeType) {
        lock(&self.shared.deployment).definitions.define(NewAttribute::of_profiles(name, kind));
    }

    /// Creates an audience. One that exists is renamed and keeps its members.
    pub fn create_audience(&self, id: i64, name: &str) {
        lock(&self.shared.deployment).audiences.create(id, name);
    }

    /// Changes the members of an audience behind everybody's back.
    pub fn move_members(&self, audience: i64, add: &[&str], remove: &[&str]) {
        let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
        lock(&self.shared.deployment).move_members(&Movement { audience, add: ids(add), remove: ids(remove) });
    }

    /// Adds a rule to the campaigns.
    pub fn add_rule(&self, rule: Rule) {
        lock(&self.shared.deployment).campaigns.rules.push(rule);
    }

    /// What `POST /_fake/NAME` does with this body, for tests that take what the fake holds from a file.
    ///
    /// # Errors
    ///
    /// Where there is no such call or it does not take the body: the reason, and nothing has changed.
    pub fn control(&self, name: &str, body: String) -> Result<(), String> {
        control::Call::post(name, &self.shared, &body.into())
    }

    /// Which rules fired for whom, in order.
    #[must_use]
    pub fn fired(&self) -> Vec<Firing> {
        lock(&self.shared.deployment).campaigns.fired.clone()
    }

    /// The most records of one profile that were under way at once, by `PUT /v2/customer_profiles/{integrationId}`. A repetition
    /// (the same `Idempotency-Key`) does not count beside what it repeats: its sender has given that up.
    #[must_use]
    pub fn most_at_once(&self) -> usize {
        lock(&self.shared.updates).most()
    }

    /// Forgets profiles, members, faults and requests. Attributes and audiences are those of the settings again.
    pub fn reset(&self) {
        self.shared.reset();
    }

    /// All requests in the order their heads arrived. Calls under `/_fake/` are not among them.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.shared.recorder.requests()
    }

    /// Those with this path; the query does not count.
    #[must_use]
    pub fn requests_to(&self, path: &str) -> Vec<Request> {
        let mut requests = self.requests();
        requests.retain(|request| request.path == path);
        requests
    }

    /// Profiles and membership changes in all requests, taken or not.
    #[must_use]
    pub fn items_sent(&self) -> u64 {
        self.shared.recorder.sum(|request| u64::from(request.items))
    }

    /// Profiles and membership changes that were applied. An item sent twice counts twice.
    #[must_use]
    pub fn items_applied(&self) -> u64 {
        self.shared.recorder.sum(|request| u64::from(request.applied))
    }

    /// Bytes of all bodies.
    #[must_use]
    pub fn bytes_received(&self) -> u64 {
        self.shared.recorder.sum(|request| request.body_bytes)
    }

    /// The most requests that arrived within any one second.
    #[must_use]
    pub fn busiest_second(&self) -> usize {
        self.shared.recorder.busiest_second()
    }

    /// Connections accepted since the start, those for `/_fake/` among them.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.shared.recorder.connections()
    }

    /// Waits until so many requests were answered or struck by a fault. Blocks the thread.
    ///
    /// # Errors
    ///
    /// Where fewer came within `timeout`.
    pub fn wait_for(&self, requests: usize, timeout: Duration) -> Result<(), TimedOut> {
        self.shared.recorder.wait(requests, timeout)
    }

    /// [`Fake::wait_for`] for code that awaits. Needs a tokio runtime.
    ///
    /// # Errors
    ///
    /// Where fewer came within `timeout`.
    pub async fn seen(&self, requests: usize, timeout: Duration) -> Result<(), TimedOut> {
        let shared = Arc::clone(&self.shared);
        let waiting = tokio::task::spawn_blocking(move || shared.recorder.wait(requests, timeout));
        // It can't panic; it can only be cut off by a runtime that shuts down.
        waiting.await.unwrap_or(Err(TimedOut { wanted: requests, seen: 0, waited: Duration::ZERO }))
    }

    /// Integration ID to attributes, each value as the JSON text that was sent.
    #[must_use]
    pub fn profiles(&self) -> BTreeMap<String, BTreeMap<String, String>> {
        self.snapshot().profiles()
    }

    /// The members of an audience; empty where there is no such audience.
    #[must_use]
    pub fn members(&self, audience: i64) -> BTreeSet<String> {
        let deployment = lock(&self.shared.deployment);
        deployment
            .audiences
            .get(audience)
            .map(|audience| audience.members.list().map(Cow::into_owned).collect())
            .unwrap_or_default()
    }

    /// Everything it holds.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::of(&lock(&self.shared.deployment))
    }
}

impl fmt::Debug for Fake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fake").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.shared.stop();
        if let Some(thread) = self.thread.take() {
            // A panic in there has already been printed, and whatever it broke has failed its test.
            let _: thread::Result<()> = thread.join();
        }
    }
}
