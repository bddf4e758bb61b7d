//! The key, looked for in everything that any command says or leaves behind, at the highest log level.

use std::fs;

use fake_talon_one::{Fault, Faults, Settings};

use crate::harness::{KEY, MANAGEMENT_KEY, Outcome, TestEnv, sync_file};

/// Every file of the env, however it is written.
fn files(env: &TestEnv) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(env.path("")).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| (path.display().to_string(), fs::read(path).unwrap())).collect()
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn no_command_says_or_writes_the_key_at_any_level() {
    for fault in [Fault::pass(), Fault::echo_key(400), Fault::echo_key(401), Fault::echo_key(404), Fault::echo_key(500)]
    {
        let settings = Settings::new(KEY).management_key(MANAGEMENT_KEY).any_attributes().audience(42, "Summer sale");
        let env = TestEnv::new(settings.management_rate_limit(1000));
        env.write("rows.csv", "id\n1\n\"\"\n2\n");
        env.audience("mirror");
        let named = "management_key = \"${TALON_ONE_MANAGEMENT_KEY}\"\naudience_name = \"Summer sale\"";
        env.write(
            "named.toml",
            env.read("sync.toml").replace("audience_id = 42", named).replace("\"e2e\"", "\"named\""),
        );
        // Without the fault they come as far as the key goes.
        env.host(&["sync", "named.toml"]);
        env.fake.inject(Faults::script([fault.forever()]));
        for arguments in [
            &["describe"][..],
            &["schema"],
            &["validate", "sync.toml"],
            &["check", "sync.toml"],
            &["preview", "sync.toml"],
            &["sync", "sync.toml", "--dry-run"],
            &[
                "sync",
                "sync.toml",
                "--report",
                "r.json",
                "--report-html",
                "r.html",
                "--dead-letters",
                "d.ndjson",
                "--metrics",
                "0",
            ],
            &["discover", "named.toml"],
            &["check", "named.toml"],
            &["preview", "named.toml"],
            &["verify", "named.toml", "--outcomes", "drift.csv"],
            &["verify", "named.toml", "--repair"],
            &["verify", "sync.toml"],
            &["provision", "named.toml", "--yes"],
            &["sync", "named.toml", "--report", "n.json"],
            &["state", "show", "sync.toml"],
            &["state", "export", "sync.toml"],
            &["state", "reset", "sync.toml", "--yes"],
            &["man"],
            &["completions", "bash"],
        ] {
            for format in ["text", "json"] {
                let mut command = env.command(arguments);
                let command = command.args(["--log-format", format]).env("DESTINATION_HOST_LOG", "trace");
                // The harness looks for the key in what is said.
                let outcome = Outcome::of(command.env("RUST_LOG", "trace").env("RUST_BACKTRACE", "full"));
                assert!(outcome.code >= 0, "{arguments:?}: {outcome:?}");
            }
        }
        for (name, bytes) in files(&env) {
            assert!(!contains(&bytes, KEY) && !contains(&bytes, MANAGEMENT_KEY), "a key is in {name}");
        }
        for request in env.fake.requests() {
            let key = request.header("authorization").unwrap();
            // The Management API's own calls, and nothing else under /v1/ but one call of the Integration API.
            let manages = request.path.starts_with("/v1/") && !request.path.starts_with("/v1/customer_profiles/");
            let right = if manages { format!("ManagementKey-v1 {MANAGEMENT_KEY}") } else { format!("ApiKey-v1 {KEY}") };
            assert!(key == right, "{} {} was sent the other key", request.method, request.path);
            for text in [request.path.as_str(), request.query.as_deref().unwrap_or_default(), request.text()] {
                assert!(!text.contains(KEY) && !text.contains(MANAGEMENT_KEY), "a key outside of its header");
            }
        }
    }
}

/// In a sync file that is wrong, the key may stand anywhere, under any name.
#[test]
fn a_faulty_sync_file_is_told_of_without_its_secrets() {
    let env = TestEnv::permissive();
    let sound = fs::read_to_string(env.profiles(&[("id", "integration_id", "")])).unwrap();
    for (from, to) in [
        ("api_key = \"${TALON_ONE_API_KEY}\"", "apikey = \"${TALON_ONE_API_KEY}\""),
        ("api_key = \"${TALON_ONE_API_KEY}\"", "api_key = \"ApiKey-v1 ${TALON_ONE_API_KEY}\""),
        ("api_key = \"${TALON_ONE_API_KEY}\"", "api_key = \"ManagementKey-v1 ${TALON_ONE_API_KEY}\""),
        ("api_key = \"${TALON_ONE_API_KEY}\"", "api_key = [\"${TALON_ONE_API_KEY}\"]"),
        ("api_key = \"${TALON_ONE_API_KEY}\"", "api_key = \" ${TALON_ONE_API_KEY} \""),
        ("\"${TALON_ONE_URL}\"", "\"https://me:${TALON_ONE_API_KEY}@yourcompany.talon.one\""),
    ] {
        let broken = sound.replacen(from, to, 1);
        assert_ne!(broken, sound, "{from}");
        env.write("sync.toml", &broken);
        for command in ["validate", "sync", "preview", "check"] {
            let mut command = env.command(&[command, "sync.toml"]);
            let outcome = command.env("DESTINATION_HOST_LOG", "trace").output().unwrap();
            let said = [outcome.stdout, outcome.stderr].concat();
            assert!(!contains(&said, KEY), "{to}: {}", String::from_utf8_lossy(&said));
            assert_eq!(outcome.status.code(), Some(2), "{to}");
        }
    }
}

/// Every variable of a sync file is a secret: what a driver says of it is shown without it, and it can't add to a URL.
#[test]
fn a_variable_is_in_no_output_and_stays_within_its_place() {
    for password in ["Sup3r%zzSecret", "a b c d", "a&b=c&d", "x&port=1&host=127.0.0.2", "p@ss/w:rd?#", "quote'\"\\"] {
        let env = TestEnv::permissive();
        let sync = sync_file("customer_profiles", "", &[("id", "integration_id", "")], "csv", "rows.csv");
        let (before, _) = sync.split_once("[source]").unwrap();
        // A driver that repeats what it is given: a file name.
        for source in [
            "type = \"csv\"\npath = \"missing-${PW}.csv\"\n".to_owned(),
            "type = \"adbc\"\ndriver = \"no-driver-${PW}\"\nquery = \"SELECT 1\"\n".to_owned(),
            "type = \"adbc\"\ndriver = \"postgresql\"\nuri = \"postgresql://u:${PW}@127.0.0.1:1/db?sslmode=${PW}\"\nquery = \"SELECT 1\"\n".to_owned(),
        ] {
            env.write("sync.toml", format!("{before}[source]\n{source}"));
            for arguments in [
                &["validate", "sync.toml"][..],
                &["preview", "sync.toml"],
                &["sync", "sync.toml", "--report", "r.json", "--report-html", "r.html"],
                &["--log-format", "json", "sync", "sync.toml"],
            ] {
                let mut command = env.command(arguments);
                let outcome = command.env("PW", password).env("DESTINATION_HOST_LOG", "trace").output().unwrap();
                let said = [outcome.stdout, outcome.stderr].concat();
                let json = serde_json::Value::from(password).to_string();
                for form in [password, json.trim_matches('"')] {
                    assert!(!contains(&said, form), "{source}: {}", String::from_utf8_lossy(&said));
                }
                assert_ne!(outcome.status.code(), Some(0));
            }
            for (name, bytes) in files(&env) {
                assert!(!contains(&bytes, password), "the password is in {name}");
            }
        }
    }
}
