#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

const RATE: Rate =
    Rate { per_second: NonZeroU32::new(60), per_minute: NonZeroU32::new(5000), records_per_minute: None };

#[tokio::test(start_paused = true)]
async fn workers_share_one_pace() {
    let pace = RateLimiter::new(RATE);
    let start = Instant::now();
    let workers: Vec<_> = (0..4)
        .map(|_| {
            let pace = Arc::clone(&pace);
            tokio::spawn(async move {
                for _ in 0..150 {
                    pace.acquire(1).await;
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
    let took = start.elapsed();
    assert!(took >= Duration::from_secs(10), "600 requests left in {took:?}");
    assert!(took <= Duration::from_secs(10).mul_f64(1.0 / 0.95), "600 requests took {took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_429_reaches_those_who_already_wait() {
    let pace = RateLimiter::new(Rate { per_second: NonZeroU32::new(1), per_minute: None, records_per_minute: None });
    let first = pace.acquire(1).await;
    let start = Instant::now();
    let waiting = {
        let pace = Arc::clone(&pace);
        tokio::spawn(async move { pace.acquire(1).await })
    };
    tokio::task::yield_now().await;
    pace.on_too_many_requests(first, Some(Duration::from_secs(20)));
    waiting.await.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(20), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn giving_up_does_not_block_those_behind() {
    let pace = RateLimiter::new(Rate { per_second: NonZeroU32::new(1), per_minute: None, records_per_minute: None });
    pace.acquire(1).await;
    let gave_up = tokio::time::timeout(Duration::from_millis(10), pace.acquire(1)).await;
    assert!(gave_up.is_err());
    let start = Instant::now();
    pace.acquire(1).await;
    assert!(start.elapsed() <= Duration::from_millis(1100), "{:?}", start.elapsed());
}

#[test]
fn the_least_time_is_the_strictest_limits() {
    let limit = |number| NonZeroU32::new(number);
    let rate = |per_second, per_minute, records_per_minute| Rate {
        per_second: limit(per_second),
        per_minute: limit(per_minute),
        records_per_minute: limit(records_per_minute),
    };
    let seconds = |rate: Rate, requests, records| rate.least_time(requests, records).map(|time| time.as_secs());
    assert_eq!(seconds(rate(60, 5000, 0), 3_600, 3_600), Some(61), "60 a second, spread over a little more");
    assert_eq!(seconds(rate(60, 600, 0), 3_600, 3_600), Some(360));
    assert_eq!(seconds(rate(60, 0, 6_000), 10, 10_000), Some(100), "records count");
    assert_eq!(seconds(rate(60, 0, 0), 0, 0), Some(0));
    assert_eq!(seconds(Rate::default(), 1_000, 1_000), None);
    assert!(rate(1, 0, 1).least_time(u64::MAX, u64::MAX).is_some());
}
