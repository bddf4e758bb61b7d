#![expect(clippy::unwrap_used, reason = "tests")]

use std::num::NonZeroU32;

use proptest::prelude::*;

use super::*;
use crate::http::rate_limiter::HEADROOM;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

fn rate(per_second: u32, per_minute: u32) -> Rate {
    Rate { per_second: NonZeroU32::new(per_second), per_minute: NonZeroU32::new(per_minute), records_per_minute: None }
}

/// Departures of requests that ask at these gaps (microseconds) after one another and whose timers wake this much late.
fn departures(schedule: &mut Schedule, asked: &[(u32, u32)]) -> Vec<Instant> {
    let mut now = Instant::now();
    let mut left = Vec::with_capacity(asked.len());
    for &(gap, late) in asked {
        now += Duration::from_micros(gap.into());
        let departure = loop {
            match schedule.take(now, 1) {
                Ok(at) => break at,
                Err(later) => now = later + Duration::from_micros(late.into()),
            }
        };
        left.push(departure);
    }
    left
}

/// Departures all of whom ask at once and wake on time.
fn eager(schedule: &mut Schedule, count: usize) -> Vec<Instant> {
    departures(schedule, &vec![(0, 0); count])
}

/// The most departures in any window of this length, its end excluded.
fn most_in(window: Duration, left: &[Instant]) -> usize {
    left.iter()
        .enumerate()
        .map(|(i, start)| left.iter().skip(i).take_while(|at| at.duration_since(*start) < window).count())
        .max()
        .unwrap_or(0)
}

fn span(left: &[Instant]) -> Duration {
    match (left.first(), left.last()) {
        (Some(first), Some(last)) => last.duration_since(*first),
        _ => Duration::ZERO,
    }
}

#[test]
fn a_saturated_second_is_used_to_95_percent_and_never_overrun() {
    let left = eager(&mut Schedule::new(rate(60, 0)), 601);
    assert!(span(&left) <= SECOND.mul_f64(10.0 / 0.95), "too slow: {:?}", span(&left));
    assert_eq!(most_in(SECOND, &left), 59);
}

#[test]
fn the_tighter_of_two_limits_rules() {
    let left = eager(&mut Schedule::new(rate(60, 600)), 601);
    assert_eq!(most_in(MINUTE, &left), 600);
    assert!(span(&left) >= MINUTE, "{:?}", span(&left));
    assert!(span(&left) <= MINUTE.mul_f64(1.05), "{:?}", span(&left));
}

#[test]
fn departures_are_even() {
    let left = eager(&mut Schedule::new(rate(60, 5000)), 100);
    let gaps: Vec<_> = left.windows(2).map(span).collect();
    assert_eq!(gaps.iter().min(), gaps.iter().max());
}

#[test]
fn late_timers_do_not_cost_the_rate() {
    let left = departures(&mut Schedule::new(rate(60, 0)), &vec![(0, 1_900); 601]);
    assert!(span(&left) <= SECOND.mul_f64(10.0 / 0.95), "too slow: {:?}", span(&left));
}

#[test]
fn idleness_earns_no_burst() {
    let mut schedule = Schedule::new(rate(10, 0));
    let mut asked = vec![(0, 0), (30_000_000, 0)];
    asked.extend(vec![(0, 0); 20]);
    let left = departures(&mut schedule, &asked);
    assert!(most_in(SECOND, &left) <= 10);
}

#[test]
fn without_a_limit_nobody_waits() {
    assert_eq!(span(&eager(&mut Schedule::new(Rate::default()), 1000)), Duration::ZERO);
}

#[test]
fn a_429_holds_everyone_for_as_long_as_it_asks() {
    let mut schedule = Schedule::new(rate(60, 0));
    let now = Instant::now();
    let departure = schedule.take(now, 1).unwrap();
    schedule.refused(departure, Some(Duration::from_secs(7)), now);
    assert_eq!(schedule.take(now + Duration::from_secs(6), 1), Err(now + Duration::from_secs(7)));
    assert!(schedule.take(now + Duration::from_secs(7), 1).is_ok());
}

#[test]
fn a_429_holds_without_a_limit_too() {
    let mut schedule = Schedule::new(Rate::default());
    let now = Instant::now();
    let departure = schedule.take(now, 1).unwrap();
    schedule.refused(departure, None, now);
    assert_eq!(schedule.take(now, 1), Err(now + DEFAULT_HOLD));
}

#[test]
fn a_shorter_hold_does_not_undo_a_longer_one() {
    let mut schedule = Schedule::new(rate(60, 0));
    let now = Instant::now();
    let departure = schedule.take(now, 1).unwrap();
    schedule.refused(departure, Some(Duration::from_secs(9)), now);
    schedule.refused(departure, Some(Duration::ZERO), now);
    assert_eq!(schedule.take(now, 1), Err(now + Duration::from_secs(9)));
}

#[test]
fn an_absurd_hold_is_capped() {
    let mut schedule = Schedule::new(rate(60, 0));
    let now = Instant::now();
    let departure = schedule.take(now, 1).unwrap();
    schedule.refused(departure, Some(Duration::from_secs(u64::MAX)), now);
    assert_eq!(schedule.take(now, 1), Err(now + MAX_HOLD));
}

#[test]
fn the_rate_halves_and_recovers_gradually() {
    let mut schedule = Schedule::new(rate(60, 0));
    let start = Instant::now();
    let departure = schedule.take(start, 1).unwrap();
    schedule.refused(departure, Some(Duration::ZERO), start);
    let share_after = |seconds| schedule.share(start + Duration::from_secs(seconds));
    let shares: Vec<f64> = [0, 15, 30, 600].map(share_after).to_vec();
    for (share, expected) in shares.iter().zip([0.5, 0.75, 1.0, 1.0]) {
        assert!((share - expected).abs() < 1e-9, "{shares:?}");
    }
}

#[test]
fn the_429s_of_requests_already_under_way_count_once() {
    let mut schedule = Schedule::new(rate(60, 0));
    let now = Instant::now();
    let departure = schedule.take(now, 1).unwrap();
    for _ in 0..4 {
        schedule.refused(departure, Some(Duration::ZERO), now);
    }
    assert!((schedule.share(now) - 0.5).abs() < 1e-9);
}

#[test]
fn a_429_at_the_lower_rate_lowers_it_again_down_to_a_floor() {
    let mut schedule = Schedule::new(rate(60, 0));
    let mut now = Instant::now();
    for _ in 0..10 {
        now += SECOND;
        let departure = schedule.take(now, 1).unwrap();
        schedule.refused(departure, Some(Duration::ZERO), now);
    }
    assert!((schedule.share(now) - MIN_SHARE).abs() < 1e-9, "{}", schedule.share(now));
}

proptest! {
    /// Whatever the arrivals and however late the timers: no second and no minute has more than its limit.
    #[test]
    fn no_window_is_overrun(
        per_second in 1u32..100,
        per_minute in 1u32..5000,
        asked in proptest::collection::vec((0u32..60_000, 0u32..20_000), 1..400),
    ) {
        let left = departures(&mut Schedule::new(rate(per_second, per_minute)), &asked);
        prop_assert!(most_in(SECOND, &left) <= per_second as usize);
        prop_assert!(most_in(MINUTE, &left) <= per_minute as usize);
    }

    /// Requests that each arrive up to 19 ms late do not overrun a second at the server either.
    #[test]
    fn the_headroom_absorbs_network_jitter(
        per_second in 1u32..100,
        asked in proptest::collection::vec((0u32..30_000, 0u32..20_000, 0u32..19_000), 1..400),
    ) {
        let asks: Vec<_> = asked.iter().map(|&(gap, late, _)| (gap, late)).collect();
        let left = departures(&mut Schedule::new(rate(per_second, 0)), &asks);
        let mut arrived: Vec<_> = left
            .iter()
            .zip(&asked)
            .map(|(at, &(_, _, delay))| *at + Duration::from_micros(delay.into()))
            .collect();
        arrived.sort();
        prop_assert!(most_in(SECOND, &arrived) <= per_second as usize);
    }

    /// Under any 429s the rate only ever gets lower.
    #[test]
    fn refusals_never_speed_up(
        asked in proptest::collection::vec((0u32..30_000, any::<bool>(), 0u64..3), 1..300),
    ) {
        let mut schedule = Schedule::new(rate(20, 0));
        let mut now = Instant::now();
        let mut left = Vec::new();
        for (gap, refused, seconds) in asked {
            now += Duration::from_micros(gap.into());
            let departure = loop {
                match schedule.take(now, 1) {
                    Ok(departure) => break departure,
                    Err(later) => now = later,
                }
            };
            left.push(departure);
            if refused {
                schedule.refused(departure, Some(Duration::from_secs(seconds)), now);
            }
        }
        prop_assert!(most_in(SECOND, &left) <= 20);
    }
}

proptest! {
    /// However the records are spread over requests, no minute has more of them than allowed; and they are not held back
    /// longer than that takes.
    #[test]
    fn records_stay_within_their_limit(limit in 2000u32..20_000, sizes in prop::collection::vec(1u32..1000, 1..200)) {
        let rate = Rate { per_second: None, per_minute: None, records_per_minute: NonZeroU32::new(limit) };
        let mut schedule = Schedule::new(rate);
        let mut now = Instant::now();
        let mut left: Vec<(Instant, u32)> = Vec::new();
        for &size in &sizes {
            while let Err(later) = schedule.take(now, size) {
                prop_assert!(later > now);
                now = later;
            }
            left.push((now, size));
        }
        for (at, (begin, _)) in left.iter().enumerate() {
            let window = left[at..].iter().take_while(|(time, _)| *time < *begin + MINUTE);
            let records: u32 = window.map(|(_, size)| size).sum();
            prop_assert!(records <= limit, "{records} of {limit}");
        }
        let all: u32 = sizes.iter().sum();
        let took = now - left[0].0;
        // An even pace takes as long as the records need; a minute that is nearly full holds the next request back.
        prop_assert!(took <= (MINUTE + HEADROOM).mul_f64(f64::from(all) / f64::from(limit - 999) + 1.0), "{took:?} for {all}");
    }
}
