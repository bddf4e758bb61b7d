//! A sync that is killed at any moment: the next plain run brings Talon.One to what the source says.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use fake_talon_one::Settings;

use super::random::Random;
use crate::harness::{KEY, TestEnv, sync_file};

/// Kills that met a running sync, for each kind of sync.
const KILLS: u32 = 50;
const ROWS: u64 = 5_000;

fn env() -> TestEnv {
    TestEnv::new(Settings::new(KEY).any_attributes().audience(42, "Summer sale"))
}

/// Starts a sync and kills it after a part of the time that a whole one takes. True if it was still running.
fn kill_after(env: &TestEnv, arguments: &[&str], delay: Duration) -> bool {
    let mut child =
        env.command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the sync starts");
    thread::sleep(delay);
    let running = child.try_wait().expect("its status").is_none();
    child.kill().expect("it is killed");
    child.wait().expect("it ends");
    running
}

#[test]
#[ignore = "takes minutes: make faults"]
fn after_a_kill_a_mirrored_audience_follows_its_source() {
    let env = env();
    let settings = "audience_id = 42\nsync_mode = \"mirror\"\nbatch_size = 100\n";
    let mappings = [("id", "integration_id", "")];
    env.write(
        "sync.toml",
        sync_file("customer_profile_audiences", settings, &mappings, "csv", "rows.csv")
            + "[limits]\nrequests_per_second = \"unlimited\"\nrequests_per_minute = \"unlimited\"\n",
    );
    let arguments = ["sync", "sync.toml", "--allow-removals"];
    let mut random = Random::new(1);
    let mut members: BTreeSet<u64> = (0..ROWS).collect();
    let (mut struck, mut late) = (0, 0);
    let mut whole = Duration::from_millis(500);
    while struck < KILLS {
        // A fifth of the audience changes before each run, and again between the kill and the run after it: what was
        // sent and not yet noted when the kill came must not be forgotten.
        for again in [false, true] {
            for _ in 0..ROWS / 10 {
                let id = random.below(ROWS * 2);
                if !members.remove(&id) {
                    members.insert(id);
                }
            }
            let rows: String = members.iter().map(|id| format!("{id}\n")).collect();
            env.write("rows.csv", format!("id\n{rows}"));
            if !again {
                let part = u32::try_from(random.below(100)).expect("below 100");
                match kill_after(&env, &arguments, whole * part / 100) {
                    true => struck += 1,
                    false => late += 1,
                }
            }
        }
        assert!(late <= KILLS, "most kills come too late: {struck} in time, {late} late");
        let begin = Instant::now();
        env.host(&arguments).ends_with(0);
        whole = begin.elapsed();
        let expected: BTreeSet<String> = members.iter().map(u64::to_string).collect();
        assert!(env.fake.members(42) == expected, "the audience differs from its source after kill {struck}");
    }
    println!(
        "kills, mirror: {struck} struck a running sync of about {whole:.0?}, {late} came too late; the audience equalled its \
         source each time"
    );
}

#[test]
#[ignore = "takes minutes: make faults"]
fn after_a_kill_profiles_are_what_the_source_says() {
    let env = env();
    let mappings = [("id", "integration_id", ""), ("n", "n", "type = \"number\"")];
    env.write(
        "sync.toml",
        sync_file("customer_profiles", "batch_size = 100\n", &mappings, "csv", "rows.csv")
            + "[limits]\nrequests_per_second = \"unlimited\"\nrequests_per_minute = \"unlimited\"\n",
    );
    let arguments = ["sync", "sync.toml", "--changed-only"];
    let mut random = Random::new(2);
    let mut rows: BTreeMap<u64, u64> = (0..ROWS).map(|id| (id, 0)).collect();
    let (mut struck, mut late) = (0, 0);
    let mut whole = Duration::from_millis(500);
    while struck < KILLS {
        for again in [false, true] {
            for _ in 0..ROWS / 5 {
                rows.insert(random.below(ROWS), random.below(3));
            }
            let text: String = rows.iter().map(|(id, n)| format!("{id},{n}\n")).collect();
            env.write("rows.csv", format!("id,n\n{text}"));
            if !again {
                let part = u32::try_from(random.below(100)).expect("below 100");
                match kill_after(&env, &arguments, whole * part / 100) {
                    true => struck += 1,
                    false => late += 1,
                }
            }
        }
        assert!(late <= KILLS, "most kills come too late: {struck} in time, {late} late");
        let begin = Instant::now();
        env.host(&arguments).ends_with(0);
        whole = begin.elapsed();
        let profiles = env.fake.profiles();
        for (id, n) in &rows {
            assert_eq!(profiles[&id.to_string()]["n"], n.to_string(), "profile {id} after kill {struck}");
        }
    }
    println!(
        "kills, changed profiles: {struck} struck a running sync of about {whole:.0?}, {late} came too late; all profiles \
         were right each time"
    );
}
