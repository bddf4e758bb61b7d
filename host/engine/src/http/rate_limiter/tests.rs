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
                    pace.acquire(&Method::GET, "/x", 1).await;
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
    let first = pace.acquire(&Method::GET, "/x", 1).await;
    let start = Instant::now();
    let waiting = {
        let pace = Arc::clone(&pace);
        tokio::spawn(async move { pace.acquire(&Method::GET, "/x", 1).await })
    };
    tokio::task::yield_now().await;
    pace.on_too_many_requests(&first, Some(Duration::from_secs(20)));
    waiting.await.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(20), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn giving_up_does_not_block_those_behind() {
    let pace = RateLimiter::new(Rate { per_second: NonZeroU32::new(1), per_minute: None, records_per_minute: None });
    pace.acquire(&Method::GET, "/x", 1).await;
    let gave_up = tokio::time::timeout(Duration::from_millis(10), pace.acquire(&Method::GET, "/x", 1)).await;
    assert!(gave_up.is_err());
    let start = Instant::now();
    pace.acquire(&Method::GET, "/x", 1).await;
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

fn limited() -> Arc<RateLimiter> {
    let pace = RateLimiter::new(RATE);
    let route = Route::new("GET", "/v1/audiences/*/memberships").unwrap();
    pace.limit_route(route.clone(), NonZeroU32::new(3).unwrap());
    pace.limit_route(route, NonZeroU32::new(1000).unwrap());
    pace
}

/// When each of so many requests left, made by several workers at once.
async fn departures(pace: &Arc<RateLimiter>, requests: &[(Method, &'static str)]) -> Vec<Duration> {
    let start = Instant::now();
    let workers = requests.iter().cloned().map(|(method, path)| {
        let pace = Arc::clone(pace);
        tokio::spawn(async move {
            pace.acquire(&method, path, 1).await;
            start.elapsed()
        })
    });
    let mut all = Vec::new();
    for worker in workers.collect::<Vec<_>>() {
        all.push(worker.await.unwrap());
    }
    all.sort();
    all
}

#[tokio::test(start_paused = true)]
async fn a_route_keeps_its_own_limit_and_others_do_not_wait_for_it() {
    let pace = limited();
    let mut requests = vec![(Method::GET, "/v1/audiences/1/memberships?skip=2"); 4];
    requests.extend(vec![(Method::GET, "/v1/audiences/2/memberships"); 4]);
    let routed = departures(&pace, &requests).await;
    // At most 3 in any second, and no more slowly than that.
    assert!(routed.windows(4).all(|four| four[3] - four[0] > Duration::from_secs(1)), "{routed:?}");
    assert!(routed[7] < Duration::from_millis(2500), "{routed:?}");

    let pace = limited();
    let mut requests = vec![(Method::GET, "/v1/audiences/1/memberships"); 6];
    requests.extend(vec![(Method::POST, "/v1/audiences/1/memberships"); 30]);
    let all = departures(&pace, &requests).await;
    assert!(
        all[30] < Duration::from_secs(1),
        "30 of another route and 1 of this one leave at the pace of all: {all:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_route_keeps_the_limit_of_all_too() {
    let one = Rate { per_second: NonZeroU32::new(1), per_minute: None, records_per_minute: None };
    let pace = RateLimiter::new(one);
    pace.limit_route(Route::new("GET", "/x").unwrap(), NonZeroU32::new(3).unwrap());
    let all = departures(&pace, &[(Method::GET, "/x"), (Method::GET, "/y"), (Method::GET, "/x")]).await;
    assert!(all.windows(2).all(|two| two[1] - two[0] >= Duration::from_secs(1)), "{all:?}");
}

#[tokio::test(start_paused = true)]
async fn what_waited_for_all_does_not_leave_its_route_in_a_burst() {
    let pace = limited();
    let first = pace.acquire(&Method::PUT, "/v2/customer_profiles", 1).await;
    pace.on_too_many_requests(&first, Some(Duration::from_secs(10)));
    let routed = departures(&pace, &vec![(Method::GET, "/v1/audiences/1/memberships"); 8]).await;
    assert!(routed[0] >= Duration::from_secs(10), "{routed:?}");
    assert!(routed.windows(4).all(|four| four[3] - four[0] > Duration::from_secs(1)), "{routed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_429_of_a_route_holds_nobody_else_back() {
    let pace = limited();
    let refused = pace.acquire(&Method::GET, "/v1/audiences/1/memberships", 1).await;
    pace.on_too_many_requests(&refused, Some(Duration::from_secs(20)));
    let start = Instant::now();
    pace.acquire(&Method::PUT, "/v2/customer_profiles", 1).await;
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    pace.acquire(&Method::GET, "/v1/audiences/2/memberships", 1).await;
    assert!(start.elapsed() >= Duration::from_secs(20), "{:?}", start.elapsed());
}
