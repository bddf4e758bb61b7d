//! A server that fails three requests in ten, in every way a server can: in the end it holds what the source said.

use std::time::Instant;

use fake_talon_one::{Fault, Faults, Keep, Settings};

use crate::harness::{KEY, TestEnv, counts};

const ROWS: u32 = 200_000;

fn faults() -> Faults {
    let mix = [
        Fault::status(429).retry_after_secs(0),
        Fault::status(429).retry_after_date(-5),
        Fault::status(500),
        Fault::status(502).body("text/html", "<html>bad gateway</html>"),
        Fault::status(503),
        Fault::status(409),
        Fault::reset(),
        Fault::reset().applied(),
        Fault::cut_short(200).applied(),
        Fault::half_close(),
        // A silence: longer than the sync's request time-out.
        Fault::hang(),
        Fault::hang().applied(),
    ];
    Faults::random(2026, 30, mix)
}

#[test]
#[ignore = "takes minutes: make faults"]
fn after_a_storm_every_profile_is_there() {
    let settings = Settings::new(KEY).any_attributes().keep(Keep::Counts).faults(faults());
    let env = TestEnv::new(settings);
    let rows: String = (0..ROWS).map(|id| format!("{id:06},{}\n", id * 7)).collect();
    env.write("rows.csv", format!("id,n\n{rows}"));
    env.write(
        "sync.toml",
        "name = \"storm\"\n[destination]\ndeployment_url = \"${TALON_ONE_URL}\"\napi_key = \"${TALON_ONE_API_KEY}\"\n\
         object_type = \"customer_profiles\"\nbatch_size = 100\nrequest_timeout_ms = 500\n\
         retry = { max_attempts = 20, initial_backoff_ms = 2, max_backoff_ms = 50 }\n\
         [[destination.mappings]]\nsource = \"id\"\ndestination = \"integration_id\"\n\
         [[destination.mappings]]\nsource = \"n\"\ndestination = \"n\"\ntype = \"number\"\n\
         [source]\ntype = \"csv\"\npath = \"rows.csv\"\n\
         [limits]\nrequests_per_second = \"unlimited\"\nrequests_per_minute = \"unlimited\"\nconcurrency = 8\n",
    );
    let begin = Instant::now();
    env.sync(&[]).ends_with(0);
    let seconds = begin.elapsed().as_secs_f64();

    let profiles = env.fake.profiles();
    let wrong = (0..ROWS)
        .filter(|id| {
            let held = profiles.get(&format!("{id:06}")).and_then(|attributes| attributes.get("n"));
            held != Some(&(id * 7).to_string())
        })
        .count();
    let [requests, retries] = counts(&env.report(), ["requests", "retries"]);
    println!(
        "storm: {ROWS} rows, {requests} requests, {retries} of them repeated, {wrong} profiles missing or wrong, {seconds:.1} s"
    );
    assert_eq!(wrong, 0);
    assert_eq!(profiles.len(), ROWS as usize);
    assert!(retries > 300, "the storm did not blow: {retries} retries");
}
