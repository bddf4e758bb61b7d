//! Two workers on one state, each in a folder that is gone after its run: killed at any moment, or stopped for longer than the
//! lease and woken.
//!
//! After each of them the audience is the source's and the strangers', the state knows just that, and nobody who had lost the state sent
//! anything once another had it. Who sent a request is told by its key. `KILLS=100 STOPS=20` for many.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use fake_talon_one::{Fault, Faults};
use tempfile::TempDir;

use super::{Kind, exported, fresh, host, mirror, run, source, two_keys};
use crate::faults::random::Random;
use crate::harness::{KEY, TestEnv, counts};
use crate::running::PATIENCE;

/// The key of the second worker.
pub(super) const OTHER_KEY: &str = "e2e-the-other-worker-not-for-any-log";

/// Seconds for which a worker holds the state.
const LEASE: u32 = 3;

/// IDs that the source may have.
const IDS: u64 = 120;

fn number(name: &str, default: u32) -> u32 {
    std::env::var(name).map_or(default, |value| value.parse().expect("a number"))
}

#[test]
#[ignore = "needs servers: make state"]
fn workers_that_are_killed_lose_nothing() {
    let kills = number("KILLS", 8);
    for kind in Kind::all() {
        let mut world = World::new(kind, "killed");
        while world.figures.get("killed").is_none_or(|killed| *killed < kills) {
            world.kill_both();
        }
        world.told();
    }
}

#[test]
#[ignore = "needs servers: make state"]
fn a_worker_that_was_stopped_and_woken_sends_nothing() {
    let stops = number("STOPS", 2);
    for kind in Kind::all() {
        let mut world = World::new(kind, "stopped");
        for _ in 0..stops {
            world.stop_and_wake();
        }
        world.told();
    }
}

/// A worker that runs.
struct Worker {
    child: Child,
    key: &'static str,
    _folder: TempDir,
}

struct World {
    env: TestEnv,
    kind: Kind,
    random: Random,
    source: BTreeSet<String>,
    figures: BTreeMap<&'static str, u32>,
}

impl World {
    fn new(kind: Kind, name: &str) -> Self {
        let env = two_keys();
        mirror(&env, &kind, &fresh(name), LEASE);
        let mut world = Self { env, kind, random: Random::new(7), source: BTreeSet::new(), figures: BTreeMap::new() };
        world.change_source();
        world.settle();
        world
    }

    fn told(&self) {
        println!("{}: the promise held after each of {:?}", self.kind.name, self.figures);
    }

    fn count(&mut self, what: &'static str) {
        *self.figures.entry(what).or_default() += 1;
    }

    /// Some leave, some join; somebody always does.
    fn change_source(&mut self) {
        for _ in 0..IDS / 3 {
            let id = format!("{:04}", self.random.below(IDS));
            if !self.source.remove(&id) {
                self.source.insert(id);
            }
        }
        let joins = format!("new-{}", self.env.fake.requests().len());
        self.source.insert(joins);
        source(&self.env, &self.source);
    }

    /// Starts a worker in a folder of its own.
    fn start(&self, key: &'static str) -> Worker {
        let folder = TempDir::new().unwrap();
        for name in ["sync.toml", "rows.csv"] {
            std::fs::copy(self.env.path(name), folder.path().join(name)).unwrap();
        }
        let mut command = self.env.command(&["sync", "sync.toml", "--allow-removals"]);
        command
            .current_dir(folder.path())
            .envs(self.kind.environment.iter().cloned())
            .env("TALON_ONE_API_KEY", key)
            .env("TMPDIR", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        Worker { child: command.spawn().unwrap(), key, _folder: folder }
    }

    /// Two workers at once, each as often as it is refused, until one has sent something; then both are killed.
    fn kill_both(&mut self) {
        self.change_source();
        let after = self.env.fake.requests().len() + 1 + usize::try_from(self.random.below(6)).unwrap();
        self.env.fake.inject(Faults::function(|_| Some(Fault::slow(Duration::from_millis(20)))));
        let mut workers: Vec<Worker> = [KEY, OTHER_KEY].into_iter().map(|key| self.start(key)).collect();
        let began = Instant::now();
        let mut ended = false;
        while !ended && self.env.fake.requests().len() < after {
            assert!(began.elapsed() < PATIENCE, "nobody gets the state");
            for worker in &mut workers {
                if let Some(status) = worker.child.try_wait().unwrap() {
                    let said = worker.said();
                    if status.success() {
                        // It was through before its time had come.
                        ended = true;
                        break;
                    }
                    assert!(said.contains("is in use by process"), "{status}: {said}");
                    self.figures.entry("refused").and_modify(|times| *times += 1).or_insert(1);
                    thread::sleep(Duration::from_millis(200));
                    *worker = self.start(worker.key);
                }
            }
            thread::sleep(Duration::from_millis(5));
        }
        for worker in &mut workers {
            // It may have ended by itself.
            worker.child.kill().ok();
            worker.child.wait().unwrap();
        }
        self.count(if ended { "ended" } else { "killed" });
        self.env.fake.inject(Faults::none());
        self.change_source();
        self.settle();
    }

    /// A worker is stopped in the middle; another takes the state over and does the work; then the first is woken.
    fn stop_and_wake(&mut self) {
        self.change_source();
        self.env.fake.inject(Faults::function(|_| Some(Fault::slow(Duration::from_millis(50)))));
        let before = self.env.fake.requests().len();
        let mut stale = self.start(KEY);
        let enough = before + 1 + usize::try_from(self.random.below(4)).unwrap();
        self.env.fake.wait_for(enough, PATIENCE).unwrap();
        signal(&stale, "STOP");
        let stopped_at = self.env.fake.requests().len();
        self.env.fake.inject(Faults::none());
        self.change_source();
        let began = Instant::now();
        loop {
            let mut next = self.start(OTHER_KEY);
            let status = next.child.wait().unwrap();
            let said = next.said();
            if status.success() {
                break;
            }
            assert!(said.contains("is in use by process"), "{status}: {said}");
            assert!(began.elapsed() < PATIENCE, "it is never taken over");
            thread::sleep(Duration::from_millis(200));
        }
        let taken_after = began.elapsed();
        let members = self.env.fake.members(42);
        signal(&stale, "CONT");
        let status = stale.child.wait().unwrap();
        let said = stale.said();

        let requests = self.env.fake.requests();
        let of = |key: &str| {
            let header = format!("ApiKey-v1 {key}");
            requests.iter().filter(move |request| request.header("authorization") == Some(&*header)).collect::<Vec<_>>()
        };
        let first = of(OTHER_KEY).into_iter().find(|request| request.sequence >= stopped_at as u64).unwrap().arrived;
        let late = of(KEY).into_iter().filter(|request| request.arrived > first).count();
        assert_eq!(late, 0, "the stale one has sent something");
        assert_eq!(self.env.fake.members(42), members, "the stale one has changed something");
        if status.success() {
            // It had sent all and committed it when it was stopped.
            self.count("through before it was stopped");
        } else {
            assert!(said.contains("the run has lost"), "{status}: {said}");
            assert!(taken_after > Duration::from_secs(LEASE.into()), "it was taken over before its lease had ended");
            self.count("woken and refused");
        }
        self.settle();
    }

    /// Runs until one run is through: the audience and the state are the source, and there is nothing more to do.
    fn settle(&mut self) {
        let began = Instant::now();
        loop {
            let outcome = run(&self.env, &self.kind, &["--allow-removals"]);
            if outcome.code == 0 {
                break;
            }
            outcome.ends_with(1).says("is in use by process");
            assert!(began.elapsed() < PATIENCE, "the state is never free");
            thread::sleep(Duration::from_millis(200));
        }
        assert_eq!(self.env.fake.members(42), self.source);
        let export = host(&self.env, &self.kind, &["state", "export", "sync.toml"]);
        let keys = exported(export.ends_with(0));
        let delivered: BTreeSet<String> =
            keys.into_iter().filter(|(_, standing)| *standing != "removed").map(|(key, _)| key).collect();
        assert_eq!(delivered, self.source, "the state knows what is there");
        run(&self.env, &self.kind, &[]).ends_with(0);
        assert_eq!(counts(&self.env.report(), ["requests"]), [0]);
    }
}

impl Worker {
    /// What it said, once it has ended.
    fn said(&mut self) -> String {
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        said
    }
}

fn signal(worker: &Worker, name: &str) {
    let sent = Command::new("kill").args(["-s", name, &worker.child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}
