//! A env to run a test at: a folder of its own, a fake Talon.One, and the command line.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use fake_talon_one::{Fake, Settings};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::snapshot;

/// The key that the fake takes. No output may ever show it.
pub(crate) const KEY: &str = "e2e-4f1c9a7d2b-not-for-any-log";
/// The key of the Management API, as secret.
pub(crate) const MANAGEMENT_KEY: &str = "e2e-8b3e6f0c5a-management-not-for-any-log";

pub(crate) struct TestEnv {
    pub(crate) fake: Fake,
    dir: TempDir,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl TestEnv {
    pub(crate) fn new(settings: Settings) -> Self {
        let fake = Fake::start(settings).expect("a fake on a free port");
        Self { fake, dir: TempDir::new().expect("a folder") }
    }

    /// A fake that takes any attribute, with audience 42.
    pub(crate) fn permissive() -> Self {
        Self::new(Settings::new(KEY).any_attributes().audience(42, "Summer sale"))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes `config.json` for a front end of other people's runners: these keys, beside those of the fake.
    pub(crate) fn configure(&self, keys: Value) {
        let mut config = json!({
            "deployment_url": self.fake.url(),
            "api_key": KEY,
            "object_type": "customer_profiles",
            "retry": { "max_attempts": 3, "initial_backoff_ms": 1, "max_backoff_ms": 5 },
            "limits": { "requests_per_second": "unlimited", "requests_per_minute": "unlimited" },
        });
        let Value::Object(keys) = keys else { panic!("{keys} are no keys") };
        for (key, value) in keys {
            config[key] = value;
        }
        self.write("config.json", config.to_string());
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).expect("the file can be written");
        path
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("the file is there")
    }

    /// A sync of profiles from `rows.csv`, with these mappings (source, destination, further keys).
    pub(crate) fn profiles(&self, mappings: &[(&str, &str, &str)]) -> PathBuf {
        self.write("sync.toml", sync_file("customer_profiles", "", mappings, "csv", "rows.csv"))
    }

    /// A sync of audience 42 from `rows.csv`, column `id`.
    pub(crate) fn audience(&self, mode: &str) -> PathBuf {
        let settings = format!("audience_id = 42\nsync_mode = \"{mode}\"\n");
        let mappings = [("id", "integration_id", "")];
        self.write("sync.toml", sync_file("customer_profile_audiences", &settings, &mappings, "csv", "rows.csv"))
    }

    /// Runs the command line in the env's folder.
    pub(crate) fn host(&self, arguments: &[&str]) -> Outcome {
        self.host_with_input(arguments, b"")
    }

    pub(crate) fn host_with_input(&self, arguments: &[&str], input: &[u8]) -> Outcome {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command line starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        let input = input.to_owned();
        // A command that ends without reading its input closes the pipe: that is no failure of the test.
        let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let output = child.wait_with_output().expect("the command ends");
        writer.join().expect("the writer ends");
        Outcome::new(output)
    }

    /// The command line, with the fake's URL and key in the environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_destination-host"));
        command
            .args(arguments)
            .current_dir(self.dir.path())
            .env("TALON_ONE_URL", self.fake.url())
            .env("TALON_ONE_API_KEY", KEY)
            .env("TALON_ONE_MANAGEMENT_KEY", MANAGEMENT_KEY)
            .env_remove("HTTP_PROXY")
            .env_remove("HTTPS_PROXY")
            .env_remove("ALL_PROXY")
            .env_remove("NO_PROXY");
        command
    }

    /// Runs `sync sync.toml --report report.json --dead-letters dead.ndjson` with more arguments.
    pub(crate) fn sync(&self, more: &[&str]) -> Outcome {
        let mut arguments = vec!["sync", "sync.toml", "--report", "report.json", "--dead-letters", "dead.ndjson"];
        arguments.extend(more);
        let outcome = self.host(&arguments);
        for name in ["report.json", "dead.ndjson"] {
            if self.path(name).exists() {
                let text = self.read(name);
                assert!(!text.contains(KEY) && !text.contains(MANAGEMENT_KEY), "a key is in {name}");
            }
        }
        outcome
    }

    /// The report of the last [`TestEnv::sync`].
    pub(crate) fn report(&self) -> Value {
        serde_json::from_str(&self.read("report.json")).expect("the report is JSON")
    }

    /// The dead letters of the last [`TestEnv::sync`].
    pub(crate) fn dead_letters(&self) -> Vec<Value> {
        self.read("dead.ndjson").lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
    }

    /// The bodies of all requests to a path, in order.
    pub(crate) fn bodies(&self, path: &str) -> Vec<String> {
        self.fake.requests_to(path).iter().map(|request| request.text().to_owned()).collect()
    }
}

impl Outcome {
    /// Runs a command to its end.
    pub(crate) fn of(command: &mut Command) -> Self {
        Self::new(command.output().expect("the command ends"))
    }

    fn new(output: Output) -> Self {
        let outcome = Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).expect("UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8"),
        };
        let all = outcome.all();
        assert!(!all.contains(KEY) && !all.contains(MANAGEMENT_KEY), "a key is shown:\n{all}");
        outcome
    }

    pub(crate) fn all(&self) -> String {
        format!("{}\n{}", self.stdout, self.stderr)
    }

    /// Fails where the command ended otherwise, with all that it said.
    #[track_caller]
    pub(crate) fn ends_with(&self, code: i32) -> &Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// How it ended and all that it said.
    pub(crate) fn shown(&self) -> String {
        let Self { code, stdout, stderr } = self;
        format!("exit code {code}\n\n=== standard output\n{stdout}\n=== standard error\n{stderr}")
    }

    /// Fails where it ended otherwise, or said anything else, than its snapshot.
    pub(crate) fn looks_like(&self, name: &str) -> &Self {
        snapshot::assert(name, &self.shown());
        self
    }

    /// Fails where none of the output has this text.
    #[track_caller]
    pub(crate) fn says(&self, text: &str) -> &Self {
        assert!(self.all().contains(text), "{text:?} is not in:\n{}", self.all());
        self
    }
}

pub(crate) fn sync_file(
    object_type: &str,
    settings: &str,
    mappings: &[(&str, &str, &str)],
    source: &str,
    path: &str,
) -> String {
    let mut text = format!(
        "name = \"e2e\"\n[destination]\ndeployment_url = \"${{TALON_ONE_URL}}\"\napi_key = \"${{TALON_ONE_API_KEY}}\"\n\
         object_type = \"{object_type}\"\n{settings}\
         retry = {{ max_attempts = 3, initial_backoff_ms = 1, max_backoff_ms = 5 }}\n"
    );
    for (source, destination, more) in mappings {
        text.push_str(&format!(
            "[[destination.mappings]]\nsource = \"{source}\"\ndestination = \"{destination}\"\n{more}\n"
        ));
    }
    text.push_str(&format!("[source]\ntype = \"{source}\"\npath = \"{path}\"\n"));
    text
}

/// The folder of the examples.
pub(crate) fn examples() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples"))
}

/// Report members by name, as numbers.
#[track_caller]
pub(crate) fn counts<const N: usize>(report: &Value, names: [&str; N]) -> [u64; N] {
    names.map(|name| report[name].as_u64().unwrap_or_else(|| panic!("{name} is not a count in {report:#}")))
}
