//! A storm that is told to stop at any moment: each run ends in time with its report, and the next plain run brings Talon.One to
//! what the source says.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use fake_talon_one::{Fault, Faults, Settings};

use super::random::Random;
use crate::harness::{KEY, TestEnv, sync_file};

const STOPS: u32 = 200;
const ROWS: u64 = 2_000;
/// By design: requests in flight get ten seconds, and the rest of the run a few.
const LONGEST: Duration = Duration::from_secs(15);

/// Answers that make a run wait: for a `Retry-After`, for its backoff, for an answer that is late or never comes.
fn storm(seed: u64) -> Faults {
    let mix = [
        Fault::status(429).retry_after_secs(30),
        Fault::status(503).retry_after_secs(60),
        Fault::status(503),
        Fault::reset().applied(),
        Fault::hang(),
        Fault::slow(Duration::from_millis(200)),
    ];
    Faults::random(seed, 40, mix)
}

#[test]
#[ignore = "takes minutes: make faults"]
fn a_storm_that_is_told_to_stop_stops_in_time() {
    let env = TestEnv::new(Settings::new(KEY).any_attributes().audience(42, "Summer sale"));
    let settings = "audience_id = 42\nsync_mode = \"mirror\"\nbatch_size = 50\n";
    let sync = sync_file("customer_profile_audiences", settings, &[("id", "integration_id", "")], "csv", "rows.csv");
    let patient = sync.replacen("max_attempts = 3, initial_backoff_ms = 1, max_backoff_ms = 5", "max_attempts = 20", 1);
    assert_ne!(patient, sync);
    env.write(
        "sync.toml",
        format!("{patient}[limits]\nrequests_per_second = \"unlimited\"\nrequests_per_minute = \"unlimited\"\n"),
    );
    let mut random = Random::new(3);
    let mut members: BTreeSet<u64> = (0..ROWS).collect();
    let (mut in_time, mut early, mut late, mut longest) = (0, 0, 0, Duration::ZERO);
    while in_time < STOPS {
        for _ in 0..ROWS / 5 {
            let id = random.below(ROWS * 2);
            if !members.remove(&id) {
                members.insert(id);
            }
        }
        let rows: String = members.iter().map(|id| format!("{id}\n")).collect();
        env.write("rows.csv", format!("id\n{rows}"));
        env.fake.inject(storm(random.below(u64::MAX)));
        let arguments = ["sync", "sync.toml", "--allow-removals", "--report", "report.json"];
        let mut child = env.command(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        thread::sleep(Duration::from_millis(300 + random.below(1500)));
        let asked = Instant::now();
        if child.try_wait().unwrap().is_some() {
            late += 1;
            assert!(late <= STOPS, "most signals come too late");
        } else {
            assert!(Command::new("kill").args(["-s", "TERM", &child.id().to_string()]).status().unwrap().success());
            let status = child.wait().unwrap();
            longest = longest.max(asked.elapsed());
            if status.code().is_none() {
                // Still starting: nothing had begun.
                early += 1;
                assert!(early <= STOPS, "most signals come too early");
                continue;
            }
            in_time += 1;
            let report = env.report();
            let counts =
                ["unchanged", "delivered", "rejected", "undelivered"].map(|name| report[name].as_u64().unwrap());
            assert_eq!(report["rows_read"].as_u64().unwrap(), counts.iter().sum::<u64>(), "{report:#}");
            assert!(matches!(report["failure"]["kind"].as_str(), None | Some("interrupted")), "{report:#}");
        }
        // Every third time the source is compared: the next run, undisturbed.
        if (in_time + late) % 3 == 0 {
            env.fake.inject(Faults::script([Fault::pass()]));
            env.host(&["sync", "sync.toml", "--allow-removals"]).ends_with(0);
            let expected: BTreeSet<String> = members.iter().map(u64::to_string).collect();
            assert!(env.fake.members(42) == expected, "the audience differs from its source after stop {in_time}");
        }
    }
    println!(
        "stops: {in_time} signals met a running storm, {early} came too early, {late} too late; the longest stop took {longest:.1?}"
    );
    assert!(longest < LONGEST, "{longest:?}");
}
