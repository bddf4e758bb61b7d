//! A run's name: when it began, and something that no other run has.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::time::SystemTime;

use arrow_array::temporal_conversions::timestamp_us_to_datetime;
use serde::Serialize;

/// A run's name: `20261127T021530Z-9f8c2d1e04b7`. Names sort by when their runs began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct RunId(String);

impl RunId {
    /// The name of a run that begins now.
    pub fn new(began: SystemTime) -> Self {
        // Each process seeds its hashers at random, and each `RandomState` differs from those before it.
        let random = RandomState::new().hash_one(std::process::id()) & 0xffff_ffff_ffff;
        Self(format!("{}-{random:012x}", formatted(began, "%Y%m%dT%H%M%SZ")))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A point in time, to the microsecond, as RFC 3339 has it.
pub(crate) fn rfc3339(time: SystemTime) -> String {
    formatted(time, "%Y-%m-%dT%H:%M:%S%.6fZ")
}

/// A clock that stands before 1970 or beyond every calendar reads as 1970.
fn formatted(time: SystemTime, format: &str) -> String {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let time = i64::try_from(since.as_micros()).ok().and_then(timestamp_us_to_datetime).unwrap_or_default();
    time.format(format).to_string()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_run_is_named_by_its_beginning_and_unlike_any_other() {
        let began = SystemTime::UNIX_EPOCH + Duration::from_micros(1_700_000_000_000_042);
        let (one, other) = (RunId::new(began), RunId::new(began));
        assert_eq!(
            one.as_str().split_once('-').map(|(time, random)| (time, random.len())),
            Some(("20231114T221320Z", 12))
        );
        assert_ne!(one, other);
        assert_eq!(rfc3339(began), "2023-11-14T22:13:20.000042Z");
        assert_eq!(rfc3339(SystemTime::UNIX_EPOCH - Duration::from_secs(1)), "1970-01-01T00:00:00.000000Z");
    }
}
