//! Thirteen syncs of one deployment in one process: together they keep its rate and use it, and a kill loses nothing.

use std::collections::BTreeSet;
use std::fs;

use fake_talon_one::Settings;

use crate::harness::{KEY, TestEnv};
use crate::running::Running;

const AUDIENCES: i64 = 12;
const ROWS: usize = 20_000;
/// Rows of a request: small, so that there are enough requests to see a rate.
const BATCH: usize = 100;

/// A folder with one sync of profiles and twelve of audiences, all under 60 requests a second.
fn env() -> TestEnv {
    let settings = (1..=AUDIENCES)
        .fold(Settings::new(KEY).any_attributes(), |settings, id| settings.audience(id, &format!("Audience {id}")));
    let env = TestEnv::new(settings);
    fs::create_dir(env.path("syncs")).expect("a folder");
    env.write(
        "syncs/defaults.toml",
        format!(
            "[destination]\ndeployment_url = \"${{TALON_ONE_URL}}\"\napi_key = \"${{TALON_ONE_API_KEY}}\"\n\
             batch_size = {BATCH}\n[[destination.mappings]]\nsource = \"id\"\ndestination = \"integration_id\"\n\
             [source]\ntype = \"csv\"\npath = \"rows.csv\"\n\
             [limits]\nrequests_per_second = 60\nrequests_per_minute = \"unlimited\"\n"
        ),
    );
    env.write("syncs/crm.toml", "name = \"crm\"\n[destination]\nobject_type = \"customer_profiles\"\n");
    for id in 1..=AUDIENCES {
        env.write(
            &format!("syncs/audience-{id}.toml"),
            format!(
                "name = \"audience-{id}\"\n[destination]\nobject_type = \"customer_profile_audiences\"\n\
                 audience_id = {id}\nsync_mode = \"mirror\"\n"
            ),
        );
    }
    let rows: String = (0..ROWS).map(|id| format!("cust_{id}\n")).collect();
    env.write("syncs/rows.csv", format!("id\n{rows}"));
    env
}

#[test]
#[ignore = "takes minutes: make faults"]
fn a_profile_sync_and_twelve_audiences_share_one_rate() {
    let env = env();
    env.host(&["sync", "syncs"]).ends_with(0);
    let expected: BTreeSet<String> = (0..ROWS).map(|id| format!("cust_{id}")).collect();
    for id in 1..=AUDIENCES {
        assert!(env.fake.members(id) == expected, "audience {id} is not what the source says");
    }
    let requests = env.fake.requests();
    let times: Vec<_> = requests.iter().map(|request| request.arrived).collect();
    let spread = times.iter().max().expect("one").duration_since(*times.iter().min().expect("one")).as_secs_f64();
    let rate = (requests.len() - 1) as f64 / spread;
    let busiest = env.fake.busiest_second();
    println!("together: {} requests, {rate:.1} a second on average, {busiest} in the busiest second", requests.len());
    assert_eq!(requests.len(), 13 * ROWS / BATCH);
    assert!(busiest <= 60, "{busiest} requests in one second");
    assert!(rate >= 57.0, "{rate:.1} requests a second of 60 allowed");
}

#[test]
#[ignore = "takes minutes: make faults"]
fn after_a_kill_failed_runs_what_did_not_end() {
    let env = env();
    // In the middle of the audiences.
    Running::until(&env, &["sync", "syncs"], 1000).kill();
    let before = env.fake.requests().len();
    env.host(&["sync", "syncs", "--failed", "--report", "report.json"]).ends_with(0);
    let expected: BTreeSet<String> = (0..ROWS).map(|id| format!("cust_{id}")).collect();
    for id in 1..=AUDIENCES {
        assert!(env.fake.members(id) == expected, "audience {id} is not what the source says");
    }
    let report: serde_json::Value = serde_json::from_str(&env.read("report.json")).expect("JSON");
    let run_again = report["syncs"].as_array().expect("a list").len();
    println!(
        "together: killed after {before} requests; {run_again} of 13 syncs run again, with {} requests",
        env.fake.requests().len() - before
    );
    assert!((1..13).contains(&run_again), "{run_again} syncs were run again");
}
