//! The fake's own rate limits: so many requests in any one second, over a clock that tests can move.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

const WINDOW: Duration = Duration::from_secs(1);

/// Remembers when requests were let through.
#[derive(Debug)]
struct RateLimit {
    per_second: usize,
    passed: VecDeque<Instant>,
}

impl RateLimit {
    /// None for `per_second` is no limit; 0 lets nothing through.
    fn new(per_second: Option<u32>) -> Self {
        let per_second = per_second.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        Self { per_second, passed: VecDeque::new() }
    }

    /// Lets a request through, or says for how many whole seconds to wait. One that is refused does not count.
    fn admit(&mut self, now: Instant) -> Result<(), u64> {
        if self.per_second == usize::MAX {
            return Ok(());
        }
        while self.passed.front().is_some_and(|first| now.duration_since(*first) >= WINDOW) {
            self.passed.pop_front();
        }
        if self.passed.len() < self.per_second {
            self.passed.push_back(now);
            return Ok(());
        }
        let wait = self.passed.front().map_or(WINDOW, |first| WINDOW.saturating_sub(now.duration_since(*first)));
        Err(wait.as_secs() + u64::from(wait.subsec_nanos() > 0))
    }
}

/// The limit of the Integration API, and one for each endpoint of the Management API.
#[derive(Debug)]
pub(crate) struct Rates {
    integration: RateLimit,
    per_endpoint: Option<u32>,
    endpoints: HashMap<&'static str, RateLimit>,
}

impl Rates {
    /// Requests a second, as for [`RateLimit::new`].
    pub(crate) fn new(integration: Option<u32>, per_endpoint: Option<u32>) -> Self {
        Self { integration: RateLimit::new(integration), per_endpoint, endpoints: HashMap::new() }
    }

    /// [`RateLimit::admit`] by the limit of an endpoint of the Management API, or of the Integration API.
    pub(crate) fn admit(&mut self, endpoint: Option<&'static str>, now: Instant) -> Result<(), u64> {
        let limit = match endpoint {
            None => &mut self.integration,
            Some(endpoint) => self.endpoints.entry(endpoint).or_insert_with(|| RateLimit::new(self.per_endpoint)),
        };
        limit.admit(now)
    }
}

/// The most of these times that lie within any one second. They are in rising order.
pub(crate) fn busiest_second(times: &[Instant]) -> usize {
    let mut start = times.iter();
    let mut most = 0;
    for (index, time) in times.iter().enumerate() {
        while start.as_slice().first().is_some_and(|first| time.duration_since(*first) >= WINDOW) {
            start.next();
        }
        let before = times.len() - start.len();
        most = most.max(index + 1 - before);
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(start: Instant, millis: &[u64]) -> Vec<Instant> {
        millis.iter().map(|millis| start + Duration::from_millis(*millis)).collect()
    }

    #[test]
    fn lets_so_many_through_and_says_when_to_come_back() {
        let start = Instant::now();
        let mut limit = RateLimit::new(Some(2));
        assert_eq!(limit.admit(start), Ok(()));
        assert_eq!(limit.admit(start + Duration::from_millis(400)), Ok(()));
        assert_eq!(limit.admit(start + Duration::from_millis(999)), Err(1));
        assert_eq!(limit.admit(start + Duration::from_millis(1000)), Ok(()));
        assert_eq!(limit.admit(start + Duration::from_millis(1000)), Err(1));
        assert_eq!(limit.admit(start + Duration::from_millis(1400)), Ok(()));
    }

    #[test]
    fn no_limit_and_a_limit_of_none() {
        let start = Instant::now();
        let mut unlimited = RateLimit::new(None);
        assert!((0..10_000).all(|_| unlimited.admit(start).is_ok()));
        assert_eq!(RateLimit::new(Some(0)).admit(start), Err(1));
    }

    #[test]
    fn the_busiest_second_slides() {
        let start = Instant::now();
        assert_eq!(busiest_second(&[]), 0);
        assert_eq!(busiest_second(&at(start, &[0, 999, 1000, 1998, 2999])), 3);
        assert_eq!(busiest_second(&at(start, &[0, 1000, 2000])), 1);
        assert_eq!(busiest_second(&at(start, &[5, 5, 5])), 3);
    }
}
