//! A sync that is killed at any moment: the next plain run brings Talon.One to what the source says.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::{Duration, Instant};

use fake_talon_one::Settings;

use super::random::Random;
use crate::harness::{KEY, TestEnv, sync_file};
use crate::running::Running;

/// Kills that met a running sync, for each kind of sync.
const KILLS: u32 = 50;
const ROWS: u64 = 5_000;

/// A source that changes, and what Talon.One must hold once a run has come to its end.
trait Source {
    /// Changes some of the rows.
    fn change(&mut self, random: &mut Random);
    /// The rows as CSV.
    fn csv(&self) -> String;
    /// Fails where Talon.One holds anything else.
    fn is_there(&self, env: &TestEnv, kill: u32);
}

/// The members of an audience.
struct Members(BTreeSet<u64>);

impl Source for Members {
    fn change(&mut self, random: &mut Random) {
        for _ in 0..ROWS / 10 {
            let id = random.below(ROWS * 2);
            if !self.0.remove(&id) {
                self.0.insert(id);
            }
        }
    }

    fn csv(&self) -> String {
        let rows: String = self.0.iter().map(|id| format!("{id}\n")).collect();
        format!("id\n{rows}")
    }

    fn is_there(&self, env: &TestEnv, kill: u32) {
        let expected: BTreeSet<String> = self.0.iter().map(u64::to_string).collect();
        assert!(env.fake.members(42) == expected, "the audience differs from its source after kill {kill}");
    }
}

/// Profiles with one attribute.
struct Profiles(BTreeMap<u64, u64>);

impl Source for Profiles {
    fn change(&mut self, random: &mut Random) {
        for _ in 0..ROWS / 5 {
            self.0.insert(random.below(ROWS), random.below(3));
        }
    }

    fn csv(&self) -> String {
        let rows: String = self.0.iter().map(|(id, n)| format!("{id},{n}\n")).collect();
        format!("id,n\n{rows}")
    }

    fn is_there(&self, env: &TestEnv, kill: u32) {
        let profiles = env.fake.profiles();
        for (id, n) in &self.0 {
            assert_eq!(profiles[&id.to_string()]["n"], n.to_string(), "profile {id} after kill {kill}");
        }
    }
}

/// Kills a sync again and again, each time after another part of the time that a whole run takes, and looks after the next
/// run whether everything is there.
fn survives_kills(sync: &str, option: &str, seed: u64, mut source: impl Source) {
    let env = TestEnv::new(Settings::new(KEY).any_attributes().audience(42, "Summer sale"));
    let unlimited = "[limits]\nrequests_per_second = \"unlimited\"\nrequests_per_minute = \"unlimited\"\n";
    env.write("sync.toml", format!("{sync}{unlimited}"));
    let arguments = ["sync", "sync.toml", option];
    let mut random = Random::new(seed);
    let (mut struck, mut late) = (0, 0);
    let mut whole = Duration::from_millis(500);
    while struck < KILLS {
        // The source changes before each run, and again between the kill and the run after it: what was sent and not yet
        // noted when the kill came must not be forgotten.
        source.change(&mut random);
        env.write("rows.csv", source.csv());
        let part = u32::try_from(random.below(100)).expect("below 100");
        let mut run = Running::start(&env, &arguments);
        thread::sleep(whole * part / 100);
        match run.has_ended() {
            false => struck += 1,
            true => late += 1,
        }
        run.kill();
        assert!(late <= KILLS, "most kills come too late: {struck} in time, {late} late");

        source.change(&mut random);
        env.write("rows.csv", source.csv());
        let begin = Instant::now();
        env.host(&arguments).ends_with(0);
        whole = begin.elapsed();
        source.is_there(&env, struck);
    }
    println!(
        "kills, sync {option}: {struck} struck a running sync of about {whole:.0?}, {late} came too late; Talon.One held \
         what the source says each time"
    );
}

#[test]
#[ignore = "takes minutes: make faults"]
fn after_a_kill_a_mirrored_audience_follows_its_source() {
    let settings = "audience_id = 42\nsync_mode = \"mirror\"\nbatch_size = 100\n";
    let mappings = [("id", "integration_id", "")];
    let sync = sync_file("customer_profile_audiences", settings, &mappings, "csv", "rows.csv");
    survives_kills(&sync, "--allow-removals", 1, Members((0..ROWS).collect()));
}

#[test]
#[ignore = "takes minutes: make faults"]
fn after_a_kill_profiles_are_what_the_source_says() {
    let mappings = [("id", "integration_id", ""), ("n", "n", "type = \"number\"")];
    let sync = sync_file("customer_profiles", "batch_size = 100\n", &mappings, "csv", "rows.csv");
    survives_kills(&sync, "--changed-only", 2, Profiles((0..ROWS).map(|id| (id, 0)).collect()));
}
