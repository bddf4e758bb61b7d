//! Random histories of a mirror: kills, lost answers, refusals, state files that are deleted and swapped, two hosts at
//! once. After each of them the promise holds, or the run said that it can't be kept:
//!
//! - the audience has exactly the source's members and those of others;
//! - nobody was removed on the way whom the source has, and nobody whom others added;
//! - nobody whom this sync added is forgotten, unless its state was lost, which the run says by the file's name.
//!
//! What nobody can see is left out: a whole state, file and log, that is put back as it was at an earlier time.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::{Child, Stdio};
use std::thread;
use std::time::Duration;

use fake_talon_one::{Batches, Fault, Faults, Settings};

use super::random::Random;
use crate::harness::{KEY, Outcome, TestEnv, sync_file};

const STATE: &str = "e2e.state.sqlite";
const LOG: &str = "e2e.state.sqlite-wal";
const SHARED_MEMORY: &str = "e2e.state.sqlite-shm";
/// IDs that the source may have.
const IDS: u64 = 40;
/// Requests after which a run is met at the latest.
const MOST_REQUESTS: u64 = 8;

#[test]
fn a_mirror_keeps_its_promise_or_says_that_it_cannot() {
    for seed in [1, 2] {
        World::new(seed).live(8);
    }
}

#[test]
#[ignore = "takes minutes: make faults"]
fn a_mirror_keeps_its_promise_through_thousands_of_runs() {
    let mut figures = BTreeMap::new();
    for seed in 100..140 {
        for (what, times) in World::new(seed).live(25) {
            *figures.entry(what).or_insert(0) += times;
        }
        println!("histories up to seed {seed}; the promise held, or was said not to hold, after each run: {figures:?}");
    }
}

/// A state file and its log.
type Files = (Option<Vec<u8>>, Option<Vec<u8>>);

/// What there was before a run.
struct Before {
    members: BTreeSet<String>,
    theirs: BTreeSet<String>,
}

struct World {
    env: TestEnv,
    random: Random,
    source: BTreeSet<u64>,
    /// Members that are not this sync's to remove: those of others, and those that a lost state does not know.
    theirs: BTreeSet<String>,
    /// What kills left.
    left: Vec<Files>,
    /// Whether the state's files were touched since the last settled run. A kill alone is no reason to refuse them.
    damaged: bool,
    /// Whether file and log are both gone: the next run starts again.
    starts_again: bool,
    figures: BTreeMap<&'static str, u32>,
}

impl World {
    fn new(seed: u64) -> Self {
        let batches = if seed.is_multiple_of(2) { Batches::Atomic } else { Batches::NonAtomic };
        let env = TestEnv::new(Settings::new(KEY).any_attributes().audience(42, "Summer sale").batches(batches));
        let mirror = "audience_id = 42\nsync_mode = \"mirror\"\nbatch_size = 3\n";
        let add = "audience_id = 42\nsync_mode = \"add\"\n";
        let mappings = [("id", "integration_id", "")];
        let object = "customer_profile_audiences";
        let limits = format!(
            "[limits]\nrequests_per_second = \"unlimited\"\nrequests_per_minute = \"unlimited\"\nconcurrency = {}\n",
            1 + seed % 3
        );
        env.write("sync.toml", sync_file(object, mirror, &mappings, "csv", "rows.csv") + &limits);
        let others = sync_file(object, add, &mappings, "csv", "others.csv").replace("\"e2e\"", "\"others\"");
        env.write("others.toml", others);
        env.write("others.csv", "id\nother-1\nother-2\n");
        env.host(&["sync", "others.toml"]).ends_with(0);
        let theirs = ["other-1", "other-2"].map(str::to_owned).into();
        let random = Random::new(seed);
        Self {
            env,
            random,
            source: (0..IDS / 2).collect(),
            theirs,
            left: Vec::new(),
            damaged: false,
            starts_again: false,
            figures: BTreeMap::new(),
        }
    }

    fn live(mut self, rounds: u32) -> BTreeMap<&'static str, u32> {
        self.change_source();
        self.settle();
        for _ in 0..rounds {
            self.change_source();
            let chance = self.random.below(10);
            match chance {
                0..=4 => self.run_and_kill(),
                5..=6 => self.run_and_damage(),
                7 => self.run_two(),
                _ => self.run_with_faults(),
            }
            self.change_source();
            self.settle();
        }
        self.figures
    }

    fn count(&mut self, what: &'static str) {
        *self.figures.entry(what).or_default() += 1;
    }

    fn change_source(&mut self) {
        for _ in 0..IDS / 5 {
            let id = self.random.below(IDS);
            if !self.source.remove(&id) {
                self.source.insert(id);
            }
        }
        self.source.insert(self.random.below(IDS));
        let rows: String = self.source.iter().map(|id| format!("{id}\n")).collect();
        self.env.write("rows.csv", format!("id\n{rows}"));
    }

    fn members(&self) -> BTreeSet<String> {
        self.env.fake.members(42)
    }

    fn before(&self) -> Before {
        Before { members: self.members(), theirs: self.theirs.clone() }
    }

    fn wanted(&self) -> BTreeSet<String> {
        self.source.iter().map(u64::to_string).collect()
    }

    /// Whatever a run does on its way: nobody is removed whom the source has, or whom others added.
    fn nobody_was_removed(&self, before: &Before, what: &str) {
        let (now, wanted) = (self.members(), self.wanted());
        let keep = before.members.iter().filter(|member| before.theirs.contains(*member) || wanted.contains(*member));
        let removed: Vec<_> = keep.filter(|member| !now.contains(*member)).collect();
        assert!(removed.is_empty(), "{what} removed {removed:?}: {:?}", self.figures);
    }

    fn sync(&mut self) -> Outcome {
        self.count("runs");
        self.env.host(&["sync", "sync.toml", "--allow-removals"])
    }

    /// Requests that fail in every way, the same ones for the same seed.
    fn faults(&mut self, last: Option<Fault>) -> Faults {
        let mut script = Vec::new();
        for _ in 0..self.random.below(MOST_REQUESTS) {
            script.push(match self.random.below(9) {
                0 => Fault::reset().once(),
                1 => Fault::reset().applied().once(),
                2 => Fault::status(503).once(),
                3 => Fault::status(504).applied().once(),
                4 => Fault::status(400).once(),
                _ => Fault::pass().once(),
            });
        }
        script.extend(last.map(Fault::once));
        Faults::script(script)
    }

    /// Starts a run and waits until it is held up by an answer that does not come, or has ended.
    fn start(&mut self) -> (Child, bool) {
        self.count("runs");
        let before = self.env.fake.requests().len();
        let faults = self.faults(Some(Fault::hold()));
        self.env.fake.inject(faults);
        let mut command = self.env.command(&["sync", "sync.toml", "--allow-removals"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the sync starts");
        let enough = before + 1 + usize::try_from(self.random.below(MOST_REQUESTS)).expect("few");
        loop {
            if child.try_wait().expect("its status").is_some() {
                return (child, false);
            }
            // The held answer keeps it: either the run has come so far, or it stands still before.
            let requests = self.env.fake.requests().len();
            if requests >= enough {
                return (child, true);
            }
            thread::sleep(Duration::from_millis(20));
            if requests > before && requests == self.env.fake.requests().len() {
                return (child, true);
            }
        }
    }

    fn kill(&mut self, mut child: Child) {
        child.kill().expect("it is killed");
        child.wait().expect("it ends");
        self.env.fake.release();
        self.count("kills");
    }

    fn run_and_kill(&mut self) {
        let before = self.before();
        let (child, _) = self.start();
        self.kill(child);
        self.nobody_was_removed(&before, "a killed run");
        let files = self.files();
        if self.random.below(2) == 0 {
            self.damage("after a kill");
        }
        self.left.push(files);
    }

    fn run_and_damage(&mut self) {
        let before = self.before();
        let (mut child, running) = self.start();
        if running {
            self.damage("during a run");
        }
        self.env.fake.inject(Faults::none());
        self.env.fake.release();
        child.wait().expect("it ends");
        self.nobody_was_removed(&before, "a run whose state was taken away");
        if self.files() == (None, None) {
            self.starts_again = true;
        }
    }

    fn run_two(&mut self) {
        let before = self.before();
        let (mut child, _) = self.start();
        let running = child.try_wait().expect("its status").is_none();
        if running && self.env.path("e2e.state.sqlite-lock").exists() {
            self.count("second hosts");
            let second = self.env.host(&["sync", "sync.toml", "--allow-removals"]);
            let first_ended = child.try_wait().expect("its status").is_some();
            if !first_ended {
                second.ends_with(1).says("is in use by another process");
            }
        }
        self.env.fake.inject(Faults::none());
        self.env.fake.release();
        child.wait().expect("it ends");
        self.nobody_was_removed(&before, "one of two hosts");
    }

    fn run_with_faults(&mut self) {
        let before = self.before();
        let faults = self.faults(None);
        self.env.fake.inject(faults);
        self.sync();
        self.count("runs with failing requests");
        self.nobody_was_removed(&before, "a run with failing requests");
    }

    fn files(&self) -> Files {
        (fs::read(self.env.path(STATE)).ok(), fs::read(self.env.path(LOG)).ok())
    }

    fn put(&self, name: &str, bytes: Option<&Vec<u8>>) {
        // Another file takes its place, as a person's or a backup's would.
        let _ = fs::remove_file(self.env.path(name));
        if let Some(bytes) = bytes {
            let other = self.env.write("other file", bytes);
            fs::rename(other, self.env.path(name)).expect("it takes the place");
        }
    }

    /// Does something to the state's files, of what can be seen: a whole older state can't.
    fn damage(&mut self, when: &str) {
        let (file, log) = self.files();
        if log.as_ref().is_none_or(Vec::is_empty) {
            return;
        }
        let older = self.left.len() as u64;
        let chosen = if older > 0 { usize::try_from(self.random.below(older)).ok() } else { None };
        self.damaged = true;
        let (older_file, older_log) = chosen.and_then(|at| self.left.get(at).cloned()).unwrap_or_default();
        match self.random.below(7) {
            0 => {
                self.put(STATE, None);
                self.count(if when == "after a kill" { "files lost after a kill" } else { "files lost during a run" });
            }
            1 => {
                self.put(LOG, None);
                self.count(if when == "after a kill" { "logs lost after a kill" } else { "logs lost during a run" });
            }
            2 => {
                self.put(LOG, Some(&Vec::new()));
                self.count("logs emptied");
            }
            3 if older_file.is_some() && older_file != file => {
                self.put(STATE, older_file.as_ref());
                self.count("files swapped for an older one");
            }
            4 if older_log.is_some() && older_log != log => {
                self.put(LOG, older_log.as_ref());
                self.count("logs swapped for an older one");
            }
            5 => {
                self.put(SHARED_MEMORY, Some(&vec![7; 32_768]));
                self.count("foreign -shm files");
            }
            _ => {
                self.put(STATE, None);
                self.put(LOG, None);
                self.count(if when == "after a kill" { "both lost after a kill" } else { "both lost during a run" });
                self.starts_again = true;
            }
        }
    }

    /// A run with nothing in its way: the promise holds, or it says that it can't be kept.
    fn settle(&mut self) {
        self.env.fake.inject(Faults::none());
        self.env.fake.release();
        let before = self.members();
        let outcome = self.sync();
        if !std::mem::take(&mut self.damaged) {
            outcome.ends_with(0);
        }
        if outcome.code != 0 {
            outcome.ends_with(1).says(STATE);
            let said = ["is missing", "does not belong to", "is damaged"];
            assert!(said.iter().any(|said| outcome.all().contains(said)), "{}", outcome.all());
            assert_eq!(self.members(), before, "a refused run changed something");
            self.count("runs that said that the state can't be used");
            self.take_up(&before);
        }
        if std::mem::take(&mut self.starts_again) {
            // What the lost state knew is nobody's to remove; so is what was under way when it was taken away.
            let unknown = self.members();
            self.theirs.extend(unknown);
        }
        let mut expected = self.wanted();
        expected.extend(self.theirs.iter().cloned());
        let members = self.members();
        let forgotten: Vec<_> = members.difference(&expected).collect();
        let missing: Vec<_> = self.wanted().difference(&members).cloned().collect();
        assert!(
            forgotten.is_empty() && missing.is_empty(),
            "forgotten {forgotten:?}, missing {missing:?}: {:?}",
            self.figures
        );
        let removed: Vec<_> =
            before.iter().filter(|member| self.theirs.contains(*member) && !members.contains(*member)).collect();
        // Of those whom a lost state does not know, some are known again since the source had them once more.
        assert!(removed.iter().all(|member| !member.starts_with("other")), "removed {removed:?}");
        self.theirs
            .retain(|member| members.contains(member) && !self.source.iter().any(|id| id.to_string() == *member));
    }

    /// Does what the hint says, one way or the other.
    fn take_up(&mut self, before: &BTreeSet<String>) {
        let recovered = self.env.host(&["state", "recover", "sync.toml", "--yes"]);
        if recovered.code != 0 || !self.env.path(STATE).exists() {
            self.put(LOG, None);
            if self.env.host(&["state", "recover", "sync.toml", "--yes"]).code != 0 {
                self.put(STATE, None);
            }
        }
        self.sync().ends_with(0);
        let unknown = self.members();
        self.theirs.extend(before.iter().cloned().chain(unknown));
    }
}
