//! The time for which a run holds a state that others can reach too.
//!
//! A run of a file is locked by the system and has all the time there is. Elsewhere nothing ends a lock when a process dies,
//! so a run holds it for a while and renews it; and a run that was paused for longer must notice before it does anything
//! else. So the time is asked for before each request leaves and before each commit. What is over stays over.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use destination_engine::http::clearance::Clearance;

/// How long a run may send and commit. Cheap to clone; all clones are one lease.
#[derive(Debug, Clone)]
pub struct Lease {
    term: Arc<Mutex<Term>>,
    clock: Clock,
}

#[derive(Debug, Default)]
enum Term {
    #[default]
    Unlimited,
    Until(Moment),
    Over(String),
}

/// Who holds a state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The name of its machine.
    pub host: String,
    /// The number of its process there.
    pub process: u32,
    /// When it took it: RFC 3339, by its own clock.
    pub since: String,
    /// What no other holder has.
    pub run: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} on {}, since {}", self.process, self.host, self.since)
    }
}

/// A point in time on two clocks. The first goes on while the system sleeps, but may stand still while a virtual machine is
/// paused; the second is set right after that, but may be set at any time. Whichever is ahead counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Since any time.
    pub steady: Duration,
    /// Since 1970.
    pub wall: Duration,
}

/// Tells the time; tests have their own.
#[derive(Debug, Clone, Copy)]
pub struct Clock(pub fn() -> Moment);

impl Default for Lease {
    fn default() -> Self {
        Self::with(Clock(Moment::now))
    }
}

impl Lease {
    /// By this clock.
    pub fn with(clock: Clock) -> Self {
        Self { term: Arc::default(), clock }
    }

    /// The time by its clock.
    pub fn now(&self) -> Moment {
        (self.clock.0)()
    }

    /// Ends in so many seconds from then; `false` where it is over already, and stays so.
    pub fn extend(&self, from: Moment, seconds: u32) -> bool {
        self.over();
        let mut term = self.term.lock().unwrap_or_else(PoisonError::into_inner);
        if let Term::Over(_) = *term {
            return false;
        }
        let length = Duration::from_secs(seconds.into());
        *term = Term::Until(Moment { steady: from.steady + length, wall: from.wall + length });
        true
    }

    /// Ends it. The first reason stays.
    pub fn end(&self, why: impl Into<String>) {
        let mut term = self.term.lock().unwrap_or_else(PoisonError::into_inner);
        if !matches!(*term, Term::Over(_)) {
            *term = Term::Over(why.into());
        }
    }

    /// Why it is over; `None` while it is on.
    pub fn over(&self) -> Option<String> {
        let mut term = self.term.lock().unwrap_or_else(PoisonError::into_inner);
        if let Term::Until(end) = *term {
            let now = (self.clock.0)();
            if now.steady >= end.steady || now.wall >= end.wall {
                *term = Term::Over(
                    "its lease ended before it could be renewed: the process was paused, or what keeps the state did not \
                     answer"
                        .to_owned(),
                );
            }
        }
        match &*term {
            Term::Unlimited | Term::Until(_) => None,
            Term::Over(why) => Some(why.clone()),
        }
    }
}

impl Clearance for Lease {
    fn check(&self) -> Result<(), String> {
        self.over().map_or(Ok(()), |why| Err(format!("the run has lost its state: {why}")))
    }
}

impl Moment {
    fn now() -> Self {
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self { steady: steady(), wall }
    }
}

/// `CLOCK_MONOTONIC` stands still while a Linux system sleeps.
#[cfg(target_os = "linux")]
fn steady() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or_default(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// Elsewhere the steady clock goes on.
#[cfg(not(target_os = "linux"))]
fn steady() -> Duration {
    static BEGAN: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    BEGAN.get_or_init(std::time::Instant::now).elapsed()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    static STEADY: AtomicU64 = AtomicU64::new(100);
    static WALL: AtomicU64 = AtomicU64::new(5000);

    fn now() -> Moment {
        Moment {
            steady: Duration::from_secs(STEADY.load(Ordering::SeqCst)),
            wall: Duration::from_secs(WALL.load(Ordering::SeqCst)),
        }
    }

    #[test]
    fn it_lasts_as_long_as_it_is_renewed_and_what_is_over_stays_over() {
        let unlimited = Lease::with(Clock(now));
        let by_steady = Lease::with(Clock(now));
        let by_wall = Lease::with(Clock(now));
        let ended = Lease::with(Clock(now));
        for lease in [&by_steady, &by_wall, &ended] {
            assert!(lease.extend(now(), 10));
        }
        STEADY.fetch_add(9, Ordering::SeqCst);
        assert!(by_steady.over().is_none() && by_steady.extend(now(), 10));
        STEADY.fetch_add(9, Ordering::SeqCst);
        // Counted from when the renewal was asked for, not from when it was granted.
        assert!(by_steady.clone().over().is_none() && by_wall.over().is_some());
        let still = Lease::with(Clock(now));
        assert!(still.extend(now(), 10));
        WALL.fetch_add(10, Ordering::SeqCst);
        assert!(still.over().is_some(), "the machine was paused, and its steady clock with it");
        ended.end("somebody else has it");
        ended.end("another reason");
        assert_eq!(ended.over().as_deref(), Some("somebody else has it"));
        for over in [&by_steady, &by_wall, &still, &ended] {
            assert!(!over.extend(now(), 10) && over.check().is_err());
        }
        assert!(unlimited.check().is_ok());
    }
}
