//! The files of a run: none is written over another, none is seen half written, and none is lost.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use fake_talon_one::{Fault, Faults};

use crate::harness::{TestEnv, sync_file};
use crate::running::{PATIENCE, Running};

/// Every file of a folder, with what is in it.
fn contents(env: &TestEnv) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(env.path(""))
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().unwrap().is_file())
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect();
    files.sort();
    files
}

fn names(env: &TestEnv) -> Vec<String> {
    contents(env).into_iter().map(|(name, _)| name).collect()
}

/// A mirror of three members with a certificate file, delivered once; a hard and a symbolic link to its source.
fn env() -> TestEnv {
    let env = TestEnv::permissive();
    env.write("m.csv", "id\n1\n2\n3\n");
    let pem = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap().cert.pem();
    env.write("ca.pem", pem);
    let settings = "audience_id = 42\nsync_mode = \"mirror\"\n";
    let sync = sync_file("customer_profile_audiences", settings, &[("id", "integration_id", "")], "csv", "m.csv");
    env.write("sync.toml", sync + "[state]\npath = \"X.state.sqlite\"\n[network]\nca_files = [\"ca.pem\"]\n");
    env.host(&["sync", "sync.toml"]).ends_with(0);
    env.write("plugin.wasm", destination_host::embedded::COMPONENT);
    env.write("policy.toml", "[[component]]\nname = \"**\"\nunsigned = true\n");
    env.write("letters.ndjson", "{\"row\":{\"id\":\"4\"},\"row_number\":1,\"code\":\"x\",\"message\":\"x\"}\n");
    fs::hard_link(env.path("m.csv"), env.path("hard.csv")).unwrap();
    std::os::unix::fs::symlink("m.csv", env.path("soft.csv")).unwrap();
    std::os::unix::fs::symlink("not-there-yet", env.path("dangling")).unwrap();
    fs::create_dir(env.path("folder")).unwrap();
    env
}

#[test]
fn an_output_that_is_an_input_or_another_output_is_refused_and_nothing_is_touched() {
    let env = env();
    let requests = env.fake.requests().len();
    let before = contents(&env);
    let option = ["--report", "--report-html", "--dead-letters"];
    let inputs = [
        ("X.state.sqlite", "state.path"),
        ("X.state.sqlite-wal", "state.path"),
        ("folder/../X.state.sqlite-shm", "state.path"),
        ("m.csv", "source.path"),
        ("folder/../m.csv", "source.path"),
        ("hard.csv", "source.path"),
        ("soft.csv", "source.path"),
        ("sync.toml", "the sync file"),
        ("ca.pem", "network.ca_files"),
        ("plugin.wasm", "--component"),
        ("policy.toml", "--signature-policy"),
        ("letters.ndjson", "--replay"),
        ("e2e.last-run.json", "the note of the last run"),
    ];
    for option in option {
        for (output, role) in inputs {
            let mut arguments = vec!["sync", "sync.toml", "--component", "plugin.wasm", option, output];
            if ["--replay", "--signature-policy"].contains(&role) {
                arguments.extend([role, output]);
            }
            for dry in [false, true] {
                arguments.extend(dry.then_some("--dry-run"));
                env.host(&arguments).ends_with(2).says(output).says(option).says(role);
                assert!(contents(&env) == before, "{option} {output}: something was touched");
            }
        }
    }
    for pair in [
        ["--report", "out", "--report-html", "out"],
        ["--report", "out", "--dead-letters", "folder/../out"],
        ["--report-html", "dangling", "--dead-letters", "not-there-yet"],
        ["--report", "out.part", "--dead-letters", "out"],
    ] {
        let mut arguments = vec!["sync", "sync.toml"];
        arguments.extend(pair);
        env.host(&arguments).ends_with(2).says(pair[0]).says(pair[2]);
        assert!(contents(&env) == before, "{pair:?}: something was touched");
    }
    // The state is an output, too.
    let sync = env.read("sync.toml");
    for (state, role) in [("hard.csv", "source.path"), ("sync.toml", "the sync file"), ("ca.pem", "network.ca_files")] {
        env.write("other.toml", sync.replace("X.state.sqlite", state));
        let role = if state == "sync.toml" { "state.path" } else { role };
        let outcome = env.host(&["sync", "other.toml"]);
        outcome.says(state).says(role);
        assert_ne!(outcome.code, 0);
    }
    assert_eq!(env.fake.requests().len(), requests);
}

#[test]
fn devices_and_pipes_can_be_written_to_by_several() {
    let env = env();
    let all =
        |path: &'static str| ["sync", "sync.toml", "--report", path, "--report-html", path, "--dead-letters", path];
    env.host(&all("/dev/null")).ends_with(0);
    env.host(&all("/dev/stdout")).ends_with(0).says("\"sync\": \"e2e\"").says("<html").says("unchanged");
    // Standard output that leads to a file stays that file, whole.
    let out = fs::File::create(env.path("out.txt")).unwrap();
    let ended = env.command(&all("/dev/stdout")).stdout(out).stderr(Stdio::null()).status().unwrap();
    assert!(ended.success());
    for part in ["\"sync\": \"e2e\"", "<html", "unchanged"] {
        assert!(env.read("out.txt").contains(part), "{part} is not in {}", env.read("out.txt"));
    }
}

/// Every file that a run makes, while it lasts and afterwards, under a umask that would let everybody read and write it.
#[test]
fn files_with_customers_data_are_their_owners_alone_whatever_the_umask() {
    let env = TestEnv::permissive();
    env.write("rows.csv", "id\n1\n\"\"\n");
    env.audience("mirror");
    let ours = ["rows.csv", "sync.toml"];
    let mode = |name: &str| fs::metadata(env.path(name)).unwrap().permissions().mode() & 0o777;
    let private = |expected: &[&str]| {
        let made: Vec<_> = names(&env).into_iter().filter(|name| !ours.contains(&name.as_str())).collect();
        for name in expected {
            assert!(made.iter().any(|made| made == name), "{name} is not in {made:?}");
        }
        for name in &made {
            assert_eq!(mode(name), 0o600, "{name}");
        }
    };
    let open = fs::Permissions::from_mode(0o666);
    // What an earlier release, or somebody else, left for everybody is closed where it is replaced or taken over.
    for name in ["report.json", "dead.ndjson.part"] {
        env.write(name, "");
        fs::set_permissions(env.path(name), open.clone()).unwrap();
    }
    env.fake.inject(Faults::script([Fault::hold().once()]));
    let arguments =
        ["sync", "sync.toml", "--dead-letters", "dead.ndjson", "--report", "report.json", "--report-html", "page.html"];
    let host = env.command(&arguments);
    let mut command = Command::new("sh");
    command.args(["-c", "umask 000; exec \"$0\" \"$@\""]).arg(host.get_program()).args(host.get_args());
    command.current_dir(env.path("")).envs(host.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let mut run = || command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let first = run();
    env.fake.wait_for(1, PATIENCE).unwrap();
    // The report is replaced at the end alone.
    fs::set_permissions(env.path("report.json"), fs::Permissions::from_mode(0o600)).unwrap();
    private(&["dead.ndjson.part", "e2e.state.sqlite", "e2e.state.sqlite-lock", "e2e.state.sqlite-wal"]);
    fs::set_permissions(env.path("report.json"), open.clone()).unwrap();
    env.fake.release();
    assert_eq!(first.wait_with_output().unwrap().status.code(), Some(3));
    let made = ["dead.ndjson", "e2e.last-run.json", "e2e.state.sqlite", "page.html", "report.json"];
    private(&made);
    assert_eq!(names(&env).len(), ours.len() + made.len(), "{:?}", names(&env));

    // A file that is not replaced keeps what its owner gave it.
    fs::set_permissions(env.path("e2e.state.sqlite"), fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(run().wait_with_output().unwrap().status.code(), Some(3));
    assert_eq!(mode("e2e.state.sqlite"), 0o640);
}

/// Rows of which every second is rejected by the plugin itself.
fn rejecting(env: &TestEnv, rows: u32) {
    let rows: String = (0..rows).map(|id| format!("{id},{}\n", if id % 2 == 0 { "many" } else { "1" })).collect();
    env.write("rows.csv", format!("id,points\n{rows}"));
    let mappings = [("id", "integration_id", ""), ("points", "points", "type = \"number\"")];
    env.write(
        "sync.toml",
        sync_file("customer_profiles", "batch_size = 10\n", &mappings, "csv", "rows.csv")
            + "[limits]\nconcurrency = 1\n",
    );
}

fn lines(env: &TestEnv, name: &str) -> usize {
    let text = env.read(name);
    assert!(!text.contains('\0') && (text.is_empty() || text.ends_with('\n')), "{name} is damaged");
    let letters = text.lines().map(serde_json::from_str::<serde_json::Value>);
    letters.collect::<Result<Vec<_>, _>>().expect("lines of JSON").len()
}

#[test]
fn a_dry_run_and_a_run_that_does_not_begin_leave_older_letters_alone() {
    let env = TestEnv::permissive();
    rejecting(&env, 4);
    env.sync(&[]).ends_with(3);
    assert_eq!(lines(&env, "dead.ndjson"), 2);
    let letters = env.read("dead.ndjson");
    let with_letters = |more: &[&str]| {
        let mut arguments = vec!["sync", "sync.toml", "--dead-letters", "dead.ndjson"];
        arguments.extend(more);
        env.host(&arguments)
    };
    with_letters(&["--dry-run"]).ends_with(3);
    assert_eq!(env.read("dead.ndjson"), letters);
    with_letters(&["--report", "no/such/folder/report.json"]).ends_with(2);
    assert_eq!(env.read("dead.ndjson"), letters);

    // A key that is refused: nothing new is rejected, and what was is still there.
    env.write("rows.csv", "id,points\n1,1\n");
    let refused = env
        .command(&["sync", "sync.toml", "--dead-letters", "dead.ndjson"])
        .env("TALON_ONE_API_KEY", "wrong-4f1c9a7d2b")
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(env.read("dead.ndjson"), letters);
    assert!(!names(&env).contains(&"dead.ndjson.part".to_owned()));

    with_letters(&[]).ends_with(0);
    assert_eq!(env.read("dead.ndjson"), "", "a run that came to its end says that nothing is rejected");
}

#[test]
fn a_second_run_on_the_same_dead_letters_is_refused_and_loses_none() {
    let env = TestEnv::permissive();
    rejecting(&env, 60);
    env.write("dead.ndjson", "{\"older\":1}\n");
    env.fake.inject(Faults::script([Fault::pass().times(1), Fault::hold().once()]));
    let first = Running::until(&env, &["sync", "sync.toml", "--dead-letters", "dead.ndjson"], 2);
    assert_eq!(env.read("dead.ndjson"), "{\"older\":1}\n", "whole or absent");
    let requests = env.fake.requests().len();
    let second = env.host(&["sync", "sync.toml", "--dead-letters", "dead.ndjson"]);
    second.ends_with(2).says("dead.ndjson").says("another run is writing it now");
    assert_eq!(env.fake.requests().len(), requests, "nothing was sent");
    env.fake.release();
    assert_eq!(first.end().0, Some(3));
    assert_eq!(lines(&env, "dead.ndjson"), 30);
}

#[test]
fn what_a_killed_run_left_is_dealt_with_by_the_next_one() {
    let env = TestEnv::permissive();
    rejecting(&env, 60);
    env.fake.inject(Faults::script([Fault::pass().times(1), Fault::hold().once()]));
    let arguments =
        ["sync", "sync.toml", "--dead-letters", "dead.ndjson", "--report", "report.json", "--report-html", "page.html"];
    Running::until(&env, &arguments, 2).kill();
    let temporary = |env: &TestEnv| names(env).iter().filter(|name| name.starts_with(".output-")).count();
    assert_eq!(temporary(&env), 2, "a kill leaves them: {:?}", names(&env));
    let left = lines(&env, "dead.ndjson.part");
    assert!(left > 0 && !env.path("dead.ndjson").exists());

    env.host(&arguments).ends_with(3).says("an earlier run was interrupted").says("dead.ndjson.interrupted");
    assert_eq!(temporary(&env), 0, "{:?}", names(&env));
    assert_eq!(lines(&env, "dead.ndjson.interrupted"), left);
    assert_eq!(lines(&env, "dead.ndjson"), 30);
    let again = env.host(&arguments);
    again.ends_with(3);
    assert!(!again.all().contains("interrupted"), "it is said once: {}", again.all());
}

/// Letters hold the source's own columns, so that a replay computes what a run computes.
#[test]
fn a_replay_computes_once() {
    let env = TestEnv::permissive();
    env.write("rows.csv", "id,points\na,many\nb,2\n");
    let mappings = [("id", "integration_id", ""), ("points", "points", "type = \"number\""), ("twice", "twice", "")];
    env.write(
        "sync.toml",
        sync_file("customer_profiles", "", &mappings, "csv", "rows.csv")
            + "[source.computed]\nid = \"'crm_' ~ id\"\ntwice = \"id ~ id\"\n",
    );
    env.sync(&[]).ends_with(3);
    assert_eq!(env.dead_letters()[0]["row"], serde_json::json!({"id": "a", "points": "many"}));
    assert_eq!(env.dead_letters()[0]["key"], "crm_a");
    let fixed = env.read("dead.ndjson").replace("many", "1");
    env.write("fixed.ndjson", fixed);
    env.sync(&["--replay", "fixed.ndjson"]).ends_with(0);
    let profiles = env.fake.profiles();
    assert_eq!(profiles.keys().collect::<Vec<_>>(), ["crm_a", "crm_b"]);
    assert_eq!(profiles["crm_a"]["twice"], "\"aa\"");
}

/// The compile cache is native code: it is kept only where nobody else could have put some.
#[test]
fn compiled_plugins_are_kept_only_where_nobody_else_can_write() {
    let env = TestEnv::permissive();
    let caches = env.path("caches");
    let describe = || {
        let mut command = env.command(&["describe"]);
        crate::harness::Outcome::of(command.env("XDG_CACHE_HOME", &caches))
    };
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    assert!(!describe().ends_with(0).all().contains("warning"));
    let folder = caches.join("destination-host");
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    assert!(fs::read_dir(&folder).unwrap().next().is_some(), "compiled code is kept");
    fs::remove_dir_all(&folder).unwrap();
    fs::create_dir(&folder).unwrap();
    for writable in [&caches, &folder] {
        mode(writable, 0o777);
        let outcome = describe();
        outcome
            .ends_with(0)
            .says("compiled plugins are not kept in")
            .says("may be written to by others")
            .says("chmod go-w");
        assert_eq!(outcome.stderr.matches("warning").count(), 1, "said once: {}", outcome.stderr);
        assert!(fs::read_dir(&folder).unwrap().next().is_none(), "nothing is kept");
        mode(writable, 0o755);
    }
    assert!(!describe().ends_with(0).all().contains("warning"));
    assert!(fs::read_dir(&folder).unwrap().next().is_some());
}
