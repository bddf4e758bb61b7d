//! The deployment's rate: never exceeded in any second, and used.

use fake_talon_one::Settings;

use crate::harness::{KEY, TestEnv, counts, sync_file};

const REQUESTS: usize = 900;

#[test]
#[ignore = "takes minutes: make faults"]
fn sixty_requests_a_second_are_kept_and_used_by_eight_workers() {
    let env = TestEnv::new(Settings::new(KEY).any_attributes());
    let rows: String = (0..REQUESTS).map(|id| format!("{id}\n")).collect();
    env.write("rows.csv", format!("id\n{rows}"));
    env.write(
        "sync.toml",
        sync_file("customer_profiles", "batch_size = 1\n", &[("id", "integration_id", "")], "csv", "rows.csv")
            + "[limits]\nrequests_per_second = 60\nconcurrency = 8\n",
    );
    env.sync(&[]).ends_with(0);
    let requests = env.fake.requests();
    assert_eq!(requests.len(), REQUESTS);
    let times: Vec<_> = requests.iter().map(|request| request.arrived).collect();
    let spread = times.iter().max().unwrap().duration_since(*times.iter().min().unwrap()).as_secs_f64();
    let rate = (REQUESTS - 1) as f64 / spread;
    let busiest = env.fake.busiest_second();
    let [retries] = counts(&env.report(), ["retries"]);
    println!(
        "rate: {REQUESTS} requests, {rate:.1} a second on average, {busiest} in the busiest second, {retries} retries"
    );
    assert!(busiest <= 60, "{busiest} requests in one second");
    assert!(rate >= 57.0, "{rate:.1} requests a second of 60 allowed");
}
