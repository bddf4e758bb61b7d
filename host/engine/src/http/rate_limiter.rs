//! How fast requests leave: one pace for a whole deployment, kept by every worker of the process.
//!
//! Each HTTP request asks for its departure, retries and splits included, and gets it in turn. Departures are evenly
//! spaced: a destination copes with steady load better than with bursts. A 429 holds everyone back for as long as the
//! destination asked, then the pace starts again at half the rate and recovers over half a minute.
//!
//! Some requests have a limit beside it: those of a route, which is a method and a path. They queue for their route first, and then
//! with all others. A 429 of theirs holds their route back and nobody else.
//!
//! The arithmetic is in `schedule`; here are the queues and the sleeping. No retries: those are the plugin's.

mod records;
mod retry_after;
mod route;
mod schedule;

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use http::Method;

pub(crate) use retry_after::retry_after;
pub use route::Route;
use schedule::Schedule;

/// How much longer than a limit's window that limit's requests are spread over.
///
/// Departures are ours to space, arrivals are not: a request that the network delays comes in together with those behind
/// it. With N requests a second spread over 1.025 s, a server still sees at most N in any second while delays differ by
/// less than about 20 ms (this minus what the schedule forgives), and 97.6 % of the rate is used.
const HEADROOM: Duration = Duration::from_millis(25);

const MINUTE: Duration = Duration::from_secs(60);

/// How many requests a destination takes. Where there are several limits, all of them hold; the default has none,
/// and they are set field by field.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rate {
    /// Requests in any second; none is no limit.
    pub per_second: Option<NonZeroU32>,
    /// Requests in any minute; none is no limit.
    pub per_minute: Option<NonZeroU32>,
    /// Records in any minute, whichever requests carry them; none is no limit.
    pub records_per_minute: Option<NonZeroU32>,
}

impl Rate {
    /// How long so many requests take at least, with so many records in them together; none without a limit.
    #[must_use]
    pub fn least_time(&self, requests: u64, records: u64) -> Option<Duration> {
        let interval = self.interval().map(|interval| interval.as_secs_f64() * count(requests));
        let records = self
            .records_per_minute
            .map(|limit| (MINUTE + HEADROOM).as_secs_f64() / f64::from(limit.get()) * count(records));
        let seconds = interval.into_iter().chain(records).reduce(f64::max)?;
        // More than a duration holds is no time to wait for.
        Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
    }

    /// Between two requests; none without a limit.
    fn interval(&self) -> Option<Duration> {
        let spread = |limit: Option<NonZeroU32>, window: Duration| limit.map(|limit| (window + HEADROOM) / limit.get());
        spread(self.per_second, Duration::from_secs(1)).max(spread(self.per_minute, MINUTE))
    }
}

#[expect(clippy::cast_precision_loss, reason = "a time that is estimated needs no 16th digit")]
fn count(number: u64) -> f64 {
    number as f64
}

/// The departures of one deployment's requests, shared by all that send to it.
#[derive(Debug)]
pub struct RateLimiter {
    all: Lane,
    /// Each as it was first named.
    routes: Mutex<Vec<(Route, Arc<Lane>)>>,
}

/// Leave to send one request, and the time at which it was given.
#[derive(Debug, Clone)]
pub struct Permit {
    at: Instant,
    route: Option<Arc<Lane>>,
}

/// A queue, and the pace at which it moves.
#[derive(Debug)]
struct Lane {
    schedule: Mutex<Schedule>,
    /// Whoever holds this is next; the others queue behind it in the order in which they came.
    turn: tokio::sync::Mutex<()>,
}

impl RateLimiter {
    /// A pace that stays within a rate.
    #[must_use]
    pub fn new(rate: Rate) -> Arc<Self> {
        Arc::new(Self { all: Lane::new(rate), routes: Mutex::default() })
    }

    /// No limit of our own. A 429 still holds everyone back: it is the destination that asks.
    #[must_use]
    pub fn unlimited() -> Arc<Self> {
        Self::new(Rate::default())
    }

    /// Limit the requests of a route, so many a second, beside the limits of all. One that is limited already stays as it is: many
    /// syncs of one plugin share this.
    pub fn limit_route(&self, route: Route, per_second: NonZeroU32) {
        let mut routes = self.routes();
        if routes.iter().all(|(known, _)| *known != route) {
            let rate = Rate { per_second: Some(per_second), ..Rate::default() };
            routes.push((route, Arc::new(Lane::new(rate))));
        }
    }

    /// Wait until the next request may leave, with so many records in it; `path` may have a query. Dropping the future gives the turn
    /// up.
    pub async fn acquire(&self, method: &Method, path: &str, records: u32) -> Permit {
        let Some(route) = self.route_of(method, path) else {
            return Permit { at: self.all.acquire(records).await, route: None };
        };
        let _turn = route.turn.lock().await;
        loop {
            route.wait().await;
            let at = self.all.acquire(records).await;
            // While it queued with the others its route may have been held back; then what it got there is lost.
            if route.schedule().take(at, records).is_ok() {
                return Permit { at, route: Some(Arc::clone(&route)) };
            }
        }
    }

    /// The destination answered 429 to the request that left then. `retry_after` is how long it asked to be left alone,
    /// where it said.
    pub fn on_too_many_requests(&self, departure: &Permit, retry_after: Option<Duration>) {
        let lane = departure.route.as_deref().unwrap_or(&self.all);
        lane.schedule().refused(departure.at, retry_after, Instant::now());
    }

    fn route_of(&self, method: &Method, path: &str) -> Option<Arc<Lane>> {
        let routes = self.routes();
        routes.iter().find(|(route, _)| route.matches(method, path)).map(|(_, lane)| Arc::clone(lane))
    }

    fn routes(&self) -> MutexGuard<'_, Vec<(Route, Arc<Lane>)>> {
        // A push can't stop halfway.
        self.routes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lane {
    fn new(rate: Rate) -> Self {
        Self { schedule: Mutex::new(Schedule::new(rate)), turn: tokio::sync::Mutex::new(()) }
    }

    /// Wait until the next request may leave, and let it.
    async fn acquire(&self, records: u32) -> Instant {
        let _turn = self.turn.lock().await;
        loop {
            // Asked again after each sleep: a 429 may have come in meanwhile.
            let answer = self.schedule().take(Instant::now(), records);
            match answer {
                Ok(departure) => return departure,
                Err(later) => tokio::time::sleep_until(later).await,
            }
        }
    }

    /// Wait until a request could leave; without letting it.
    async fn wait(&self) {
        loop {
            let now = Instant::now();
            let earliest = self.schedule().earliest(now, 1);
            if earliest <= now {
                return;
            }
            tokio::time::sleep_until(earliest).await;
        }
    }

    fn schedule(&self) -> MutexGuard<'_, Schedule> {
        // Each change to the schedule is a few assignments that can't stop halfway.
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
