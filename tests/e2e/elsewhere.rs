//! States that are not in a file: in PostgreSQL, in S3 and in Azure Blob Storage, on real servers that `tests/state/run.sh` starts:
//! `make state`. What holds for a file holds there; besides, no disk is kept between runs, and who was paused does no harm.

mod speed;
mod workers;

use std::collections::BTreeSet;
use std::process::Command;

use fake_talon_one::Settings;
use serde_json::Value;

use crate::harness::{KEY, Outcome, TestEnv, counts, sync_file};

/// The password of the server's user, in its URL. No output may show it.
const PASSWORD: &str = "the-password-of-the-tests";

/// Azurite's account, which is the same everywhere.
const AZURE_ACCOUNT: &str = "devstoreaccount1";
const AZURE_KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

fn setting(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run this by tests/state/run.sh"))
}

/// A place for states.
#[derive(Debug, Clone)]
struct Kind {
    name: &'static str,
    url: String,
    environment: Vec<(&'static str, String)>,
}

impl Kind {
    fn postgresql() -> Self {
        let url = setting("TEST_POSTGRESQL");
        assert!(url.contains(PASSWORD));
        Self {
            name: "postgresql",
            url: url.replace(PASSWORD, "${PG_PASSWORD}"),
            environment: vec![("PG_PASSWORD", PASSWORD.to_owned())],
        }
    }

    fn s3() -> Self {
        Self::s3_at("s3", &setting("TEST_S3"))
    }

    fn s3_at(name: &'static str, endpoint: &str) -> Self {
        let environment = vec![
            ("AWS_ENDPOINT_URL", endpoint.to_owned()),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
            ("AWS_ACCESS_KEY_ID", "S3RVER".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "S3RVER".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
        ];
        Self { name, url: "s3://state/syncs".to_owned(), environment }
    }

    fn azure() -> Self {
        let environment = vec![
            ("AZURE_STORAGE_ENDPOINT", setting("TEST_AZURE")),
            ("AZURE_ALLOW_HTTP", "true".to_owned()),
            ("AZURE_STORAGE_ACCOUNT_NAME", AZURE_ACCOUNT.to_owned()),
            ("AZURE_STORAGE_ACCOUNT_KEY", AZURE_KEY.to_owned()),
        ];
        Self { name: "azure", url: "az://state/syncs".to_owned(), environment }
    }

    fn all() -> [Self; 3] {
        [Self::postgresql(), Self::s3(), Self::azure()].map(Self::with_bucket)
    }

    /// With the bucket or container that it needs: hosts make none.
    fn with_bucket(self) -> Self {
        let url = match self.name {
            "s3" => format!("{}/state", setting("TEST_S3")),
            "azure" => return self.with_container(),
            _ => return self,
        };
        let made = Command::new("curl").args(["--silent", "--fail", "-X", "PUT", &url]).output().unwrap();
        assert!(made.status.success(), "{made:?}");
        self
    }

    fn with_container(self) -> Self {
        const PROGRAM: &str = include_str!("../state/container.py");
        let arguments = ["-c", PROGRAM, &setting("TEST_AZURE"), AZURE_ACCOUNT, AZURE_KEY];
        let made = Command::new("python3").args(arguments).output().unwrap();
        assert!(made.status.success(), "{made:?}");
        self
    }

    /// The section of a sync file.
    fn section(&self, lease: u32) -> String {
        format!("[state]\nurl = \"{}\"\nlease_seconds = {lease}\nmax_removals = {{ count = 1000 }}\n", self.url)
    }
}

/// A mirror of audience 42 from `rows.csv`, whose state is there.
fn mirror(env: &TestEnv, kind: &Kind, name: &str, lease: u32) {
    let settings = "audience_id = 42\nsync_mode = \"mirror\"\nbatch_size = 5\n";
    let sync = sync_file("customer_profile_audiences", settings, &[("id", "integration_id", "")], "csv", "rows.csv");
    let limits = "[limits]\nrequests_per_second = \"unlimited\"\nrequests_per_minute = \"unlimited\"\n";
    let sync = sync.replace("name = \"e2e\"", &format!("name = \"{name}\""));
    env.write("sync.toml", sync + limits + &kind.section(lease));
}

fn source(env: &TestEnv, members: &BTreeSet<String>) {
    let lines: String = members.iter().map(|id| format!("{id}\n")).collect();
    env.write("rows.csv", format!("id\n{lines}"));
}

fn ids(range: std::ops::Range<u32>) -> BTreeSet<String> {
    range.map(|id| format!("{id:04}")).collect()
}

/// Runs the command line with what the place needs in the environment. Nothing secret of it is shown.
fn host(env: &TestEnv, kind: &Kind, arguments: &[&str]) -> Outcome {
    let mut command = env.command(arguments);
    command.envs(kind.environment.iter().cloned());
    let outcome = Outcome::of(&mut command);
    for secret in [PASSWORD, AZURE_KEY] {
        assert!(!outcome.all().contains(secret), "a secret is shown:\n{}", outcome.all());
    }
    outcome
}

fn run(env: &TestEnv, kind: &Kind, more: &[&str]) -> Outcome {
    let mut arguments = vec!["sync", "sync.toml", "--report", "report.json"];
    arguments.extend(more);
    host(env, kind, &arguments)
}

/// A name that no earlier run of the tests has used at the same server.
fn fresh(name: &str) -> String {
    format!("{name}-{}", std::process::id())
}

/// The keys of `state export`, with what is known of them; the first line is the sync's.
fn exported(outcome: &Outcome) -> Vec<(String, &'static str)> {
    let lines = outcome.stdout.lines().skip(1).map(|line| serde_json::from_str::<Value>(line).unwrap());
    let standing = |line: &Value| match (line["delivered"] == true, line["removed"] == true) {
        (true, _) => "delivered",
        (_, true) => "removed",
        _ => "pending",
    };
    lines.map(|line| (line["key"].as_str().unwrap().to_owned(), standing(&line))).collect()
}

#[test]
#[ignore = "needs servers: make state"]
fn a_mirror_keeps_its_state_there() {
    for kind in Kind::all() {
        let env = TestEnv::permissive();
        mirror(&env, &kind, &fresh("mirror"), 30);
        host(&env, &kind, &["state", "show", "sync.toml"]).ends_with(0).says("there is no state at");
        source(&env, &ids(0..20));
        run(&env, &kind, &["--dry-run"]).ends_with(0);
        host(&env, &kind, &["state", "show", "sync.toml"]).ends_with(0).says("there is no state at");
        run(&env, &kind, &[]).ends_with(0);
        source(&env, &ids(5..25));
        run(&env, &kind, &["--dry-run"]).ends_with(0);
        assert_eq!(counts(&env.report(), ["added", "removed", "unchanged"]), [5, 5, 15], "{kind:?}");
        run(&env, &kind, &[]).ends_with(0);
        assert_eq!(counts(&env.report(), ["added", "removed", "unchanged"]), [5, 5, 15], "{kind:?}");
        assert_eq!(env.fake.members(42), ids(5..25));
        run(&env, &kind, &[]).ends_with(0);
        assert_eq!(counts(&env.report(), ["requests", "unchanged"]), [0, 20]);
        host(&env, &kind, &["state", "show", "sync.toml"]).ends_with(0).says("20 keys").says("removed      5 keys");
        host(&env, &kind, &["status", "sync.toml"]).ends_with(0).says("delivered");
        let export = host(&env, &kind, &["state", "export", "sync.toml"]);
        let keys = exported(&export);
        let of = |standing| keys.iter().filter(|(_, its)| *its == standing).map(|(key, _)| key.clone()).collect();
        assert_eq!((of("delivered"), of("removed")), (ids(5..25), ids(0..5)));
        assert!(!env.path(&format!("{}.state.sqlite", fresh("mirror"))).exists(), "nothing of it is here");

        host(&env, &kind, &["state", "forget", "sync.toml", "0007", "--yes"]).ends_with(0);
        host(&env, &kind, &["state", "recover", "sync.toml", "--yes"]).ends_with(0).says("19 keys");
        run(&env, &kind, &[]).ends_with(0);
        assert_eq!(counts(&env.report(), ["added"]), [20], "all that is not confirmed is sent again");
        host(&env, &kind, &["state", "reset", "sync.toml", "--yes"]).ends_with(0).says("forgot 20 keys");
        host(&env, &kind, &["state", "show", "sync.toml"]).ends_with(0).says("nothing is remembered");
    }
}

/// From a file of this machine to another place, and back.
#[test]
#[ignore = "needs servers: make state"]
fn a_state_is_taken_from_a_file_to_another_place() {
    for kind in Kind::all() {
        let env = TestEnv::permissive();
        let name = fresh("moved");
        mirror(&env, &kind, &name, 30);
        let elsewhere = env.read("sync.toml");
        let in_a_file = elsewhere.replace(&kind.section(30), "[state]\nmax_removals = { count = 1000 }\n");
        env.write("sync.toml", &in_a_file);
        source(&env, &ids(0..20));
        run(&env, &kind, &[]).ends_with(0);
        source(&env, &ids(3..20));
        run(&env, &kind, &[]).ends_with(0);
        let export = host(&env, &kind, &["state", "export", "sync.toml"]);
        env.write("export.ndjson", &export.stdout);

        env.write("sync.toml", &elsewhere);
        let half = &export.stdout[..export.stdout.len() / 2];
        env.write("half.ndjson", half);
        host(&env, &kind, &["state", "import", "sync.toml", "half.ndjson"]).ends_with(2).says("nothing was taken in");
        // Cut off between two lines, or with a line twice.
        let (last, rest) = export.stdout.trim_end().rsplit_once('\n').map(|(rest, last)| (last, rest)).unwrap();
        env.write("half.ndjson", format!("{rest}\n"));
        let cut = host(&env, &kind, &["state", "import", "sync.toml", "half.ndjson"]);
        cut.ends_with(2).says("it has 19 keys, and its first line says 20").says("nothing was taken in");
        env.write("half.ndjson", format!("{}{last}\n", export.stdout));
        let twice = host(&env, &kind, &["state", "import", "sync.toml", "half.ndjson"]);
        twice.ends_with(2).says("stands there twice").says("nothing was taken in");
        host(&env, &kind, &["state", "import", "sync.toml", "export.ndjson"]).ends_with(0).says("20 keys");
        host(&env, &kind, &["state", "import", "sync.toml", "export.ndjson"]).ends_with(2).says("known already");
        let there = host(&env, &kind, &["state", "export", "sync.toml"]);
        assert_eq!(there.stdout, export.stdout, "{kind:?}");
        run(&env, &kind, &[]).ends_with(0);
        assert_eq!(counts(&env.report(), ["requests", "unchanged"]), [0, 17]);
    }
}

#[test]
#[ignore = "needs servers: make state"]
fn what_cannot_be_used_is_said_without_its_secrets() {
    let env = TestEnv::permissive();
    source(&env, &ids(0..3));
    let postgresql = Kind::postgresql();
    let s3 = Kind::s3().with_bucket();
    let with = |kind: &Kind, name: &'static str, value: &str| {
        let mut kind = kind.clone();
        kind.environment.retain(|(known, _)| *known != name);
        kind.environment.push((name, value.to_owned()));
        kind
    };
    let at = |kind: &Kind, from: &str, to: &str| Kind { url: kind.url.replace(from, to), ..kind.clone() };
    let nowhere = "127.0.0.1:1/";
    let server = postgresql.url.split('@').nth(1).unwrap().split('/').next().unwrap().to_owned() + "/";
    for (kind, says) in [
        (with(&postgresql, "PG_PASSWORD", "wrong-password"), "password authentication failed"),
        (at(&postgresql, &server, nowhere), "cannot be reached"),
        (at(&postgresql, "/postgres", "/no_such_database"), "no_such_database"),
        (at(&postgresql, "/postgres", "/postgres?sslmode=require"), "TLS"),
        (at(&postgresql, "/postgres", "/postgres?sslmode=perhaps"), "sslmode"),
        (at(&s3, "s3://state", "s3://no-such-bucket"), "NoSuchBucket"),
        (with(&s3, "AWS_ENDPOINT_URL", "http://127.0.0.1:1"), "cannot be reached"),
        (with(&s3, "AWS_ALLOW_HTTP", "false"), "cannot be"),
    ] {
        mirror(&env, &kind, "refused", 30);
        let outcome = run(&env, &kind, &[]);
        outcome.ends_with(1).says(says);
        assert!(!outcome.all().contains("wrong-password"), "{}", outcome.all());
        assert!(env.fake.requests().is_empty(), "{kind:?}");
    }
}

#[test]
#[ignore = "needs servers: make state"]
fn a_store_that_ignores_conditions_is_refused_by_name() {
    let env = TestEnv::permissive();
    let kind = Kind::s3_at("s3rver", &setting("TEST_S3_WITHOUT_CONDITIONS"));
    mirror(&env, &kind, &fresh("careless"), 30);
    source(&env, &ids(0..3));
    for _ in 0..2 {
        run(&env, &kind, &[]).ends_with(1).says("ignores conditions on writes");
    }
    assert!(env.fake.requests().is_empty());
}

/// A fake that takes two keys, so that it can tell who sent a request.
fn two_keys() -> TestEnv {
    TestEnv::new(Settings::new(KEY).another_key(workers::OTHER_KEY).any_attributes().audience(42, "Summer sale"))
}
