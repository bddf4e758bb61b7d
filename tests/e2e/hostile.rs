//! Plugins that do what no plugin may, through the real command line: each is met by an error that names the plugin and what
//! it did, the run ends in order, and no row is lost from the report.

use std::path::PathBuf;
use std::time::Duration;

use destination_engine::http::client::{ClientSettings, HttpClient};
use destination_engine::limits::Limits;
use destination_engine::plugin::Plugin;
use destination_engine::plugin::runtime::{CompileCache, Runtime};
use destination_host::pipeline::Run;
use destination_host::report::FailureKind;
use destination_host::sync_file::Draft;
use fake_talon_one::{Fault, Faults};

use crate::conform::patched;
use crate::harness::{KEY, Outcome, TestEnv, counts};

fn component() -> PathBuf {
    let built = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/component/hostile-destination.wasm"));
    assert!(built.exists(), "{} is missing: `make test` builds it", built.display());
    built
}

/// A sync of 20 rows, in two batches, whose plugin is told to do something.
fn env(more: &str) -> TestEnv {
    let env = TestEnv::permissive();
    let lines: String = (0..20).map(|id| format!("{id}\n")).collect();
    env.write("rows.csv", format!("id\n{lines}"));
    env.write(
        "sync.toml",
        format!(
            "name = \"hostile\"\n[destination]\nurl = \"${{TALON_ONE_URL}}\"\nkey = \"${{TALON_ONE_API_KEY}}\"\npretend = true\n{more}\n\
             [source]\ntype = \"csv\"\npath = \"rows.csv\"\n"
        ),
    );
    env
}

fn run(env: &TestEnv, command: &str) -> Outcome {
    let component = component();
    let mut arguments = vec![command, "sync.toml", "--component", component.to_str().unwrap()];
    if command == "sync" {
        arguments.extend(["--report", "report.json", "--dead-letters", "dead.ndjson"]);
    }
    // At the highest log level: the harness looks for the key in all that is said.
    let outcome = Outcome::of(env.command(&arguments).env("DESTINATION_HOST_LOG", "trace"));
    for file in ["report.json", "dead.ndjson"].map(|name| env.path(name)).iter().filter(|file| file.exists()) {
        assert!(!std::fs::read_to_string(file).unwrap().contains(KEY), "the key is in {}", file.display());
    }
    outcome
}

/// Rows that were not confirmed are all undelivered, and none is lost.
#[track_caller]
fn adds_up(env: &TestEnv) {
    let report = env.report();
    let [read, delivered, rejected, undelivered] =
        counts(&report, ["rows_read", "delivered", "rejected", "undelivered"]);
    assert_eq!((read, delivered + rejected + undelivered), (20, 20), "{report:#}");
    assert!(undelivered > 0, "{report:#}");
    assert_eq!(report["failure"]["kind"], "plugin");
}

#[test]
fn a_plugin_that_behaves_is_let_do_its_work() {
    let env = env("");
    run(&env, "sync").ends_with(0);
    assert_eq!(counts(&env.report(), ["rows_read", "delivered"]), [20, 20]);
}

#[test]
fn what_a_plugin_does_to_itself_ends_its_call_and_the_run_in_order() {
    for (misdeed, said) in [
        ("crash", "crashed"),
        ("devour", "used up the 256 MiB of memory"),
        ("recurse", "crashed"),
        ("impersonate", "`execution-failed`, which is the engine's to use"),
    ] {
        for when in ["map", "send"] {
            let env = env(&format!("misdeed = \"{misdeed}\"\nwhen = \"{when}\""));
            let outcome = run(&env, "sync");
            let function = if when == "map" { "map-batch" } else { "send-batch" };
            outcome.ends_with(1).says("hostile-destination.wasm").says(function).says(said);
            adds_up(&env);
        }
        let env = env(&format!("misdeed = \"{misdeed}\"\nwhen = \"validate\""));
        let outcome = run(&env, "validate");
        assert!(matches!(outcome.code, 1 | 2), "{outcome:?}");
        outcome.says("hostile-destination.wasm").says("validate-config");
    }
}

#[test]
fn lies_are_found_out_before_anything_is_recorded() {
    for (misdeed, when, said) in [
        ("beyond", "map", "row 1000000, but there are only 20"),
        ("twice", "map", "row 0 stands in both the batch and the issues"),
        ("lose", "map", "keys"),
        ("offsets", "map", "keys"),
        ("beyond", "send", "record 17, but there are only 10"),
        ("twice", "send", "record 0 stands in both accepted and rejected"),
        ("lose", "send", "record 9 is missing"),
    ] {
        let env = env(&format!("misdeed = \"{misdeed}\"\nwhen = \"{when}\""));
        let outcome = run(&env, "sync");
        outcome.ends_with(1).says("gave a wrong answer").says("hostile-destination.wasm").says(said);
        adds_up(&env);
    }
}

#[test]
fn megabytes_of_words_are_cut() {
    for when in ["map", "send"] {
        let env = env(&format!("misdeed = \"babble\"\nwhen = \"{when}\""));
        let outcome = run(&env, "sync");
        outcome.ends_with(1).says("babble blah blah").says("bytes left out");
        assert!(outcome.all().len() < 100_000, "{} bytes were said", outcome.all().len());
        assert!(env.read("report.json").len() < 100_000);
    }
}

/// A plugin has no key to give away: it gets a stand-in, and the host puts the key into the header of what it lets out.
#[test]
fn the_key_does_not_enter_the_sandbox_that_can_send() {
    for when in ["map", "send"] {
        let env = env(&format!("misdeed = \"tell\"\nwhen = \"{when}\""));
        run(&env, "sync").ends_with(1).says("my config is {").says("[hidden]");
    }
    let env = env("call = \"http AUTHORITY /v2/authping\"");
    let authority = env.fake.url().trim_start_matches("http://").to_owned();
    env.write("sync.toml", env.read("sync.toml").replace("AUTHORITY", &authority));
    run(&env, "sync").says("answered with 401");
    let requests = env.fake.requests();
    let sent = requests[0].headers.iter().find(|(name, _)| name == "x-key").map(|(_, value)| value.as_str());
    assert_eq!(sent, Some(format!("Key {KEY}").as_str()));
}

/// The plugin with other bytes: what it says of itself no config changes.
fn mutant(env: &TestEnv, name: &str) -> String {
    let path = env.write("mutant.wasm", patched(&std::fs::read(component()).unwrap(), name));
    path.to_str().unwrap().to_owned()
}

/// A plugin that says it needs the key itself gets it where its user trusts it, and not otherwise.
#[test]
fn a_plugin_has_the_key_only_where_it_is_trusted_with_it() {
    let env = env("call = \"http AUTHORITY /v2/authping\"");
    let authority = env.fake.url().trim_start_matches("http://").to_owned();
    env.write("sync.toml", env.read("sync.toml").replace("AUTHORITY", &authority));
    let plugin = mutant(&env, "wants-secret");
    for command in ["validate", "check", "preview", "sync"] {
        let refused = env.host(&[command, "sync.toml", "--component", &plugin]);
        refused.ends_with(2).says("destination.key: the plugin asks for the value of `key` itself");
        refused.says("--trust-plugin-with-secrets");
    }
    assert!(env.fake.requests().is_empty());
    env.host(&["describe", "--component", &plugin]).ends_with(0).says("`key` (needs --trust-plugin-with-secrets)");

    env.host(&["sync", "sync.toml", "--component", &plugin, "--trust-plugin-with-secrets"]).says("answered with 401");
    let requests = env.fake.requests();
    let sent = requests[0].headers.iter().find(|(name, _)| name == "x-key").map(|(_, value)| value.as_str());
    assert_eq!(sent, Some(format!("Key {KEY}").as_str()));
    // People don't see it even then.
    let tells = self::env("misdeed = \"tell\"\nwhen = \"map\"");
    let plugin = mutant(&tells, "wants-secret");
    tells
        .host(&["sync", "sync.toml", "--component", &plugin, "--trust-plugin-with-secrets"])
        .ends_with(1)
        .says("[hidden]");
}

/// A hostile plugin would name a server of its own as its endpoint.
#[test]
fn a_server_that_the_plugin_names_itself_needs_leave() {
    let env = env("call = \"https evil.example /\"");
    let plugin = mutant(&env, "own-origin");
    for command in ["validate", "check", "preview", "sync"] {
        let refused = env.host(&[command, "sync.toml", "--component", &plugin]);
        refused.ends_with(2).says("the plugin sends to https://evil.example, which it names itself");
        refused.says("--allow-origin https://evil.example");
    }
    env.host(&["describe", "--component", &plugin]).says("https://evil.example (needs --allow-origin)");
    let other = ["validate", "sync.toml", "--component", &plugin, "--allow-origin", "https://evil.example:8443"];
    env.host(&other).ends_with(2).says("which it names itself");
    let allowed = ["validate", "sync.toml", "--component", &plugin, "--allow-origin", "https://evil.example"];
    env.host(&allowed).ends_with(0);
    // The config's own URL is no endpoint of this plugin.
    let authority = env.fake.url().trim_start_matches("http://").to_owned();
    env.write("sync.toml", env.read("sync.toml").replace("https evil.example /", &format!("http {authority} /")));
    let sync = ["sync", "sync.toml", "--component", &plugin, "--allow-origin", "https://evil.example"];
    let outcome = Outcome::of(env.command(&sync).env("DESTINATION_HOST_LOG", "warn"));
    outcome.ends_with(1).says("allowed is only https://evil.example (the plugin's own)");
    assert!(env.fake.requests().is_empty());
    env.host(&["validate", "sync.toml", "--allow-origin", "evil.example"])
        .ends_with(2)
        .says("expected scheme, host and port");
}

/// It imports all of it, as a plugin that brings an interpreter does, and finds nothing.
#[test]
fn nothing_of_the_machine_is_there() {
    for when in ["map", "send", "validate"] {
        let env = env(&format!("misdeed = \"reach\"\nwhen = \"{when}\""));
        let command = if when == "validate" { "validate" } else { "sync" };
        let outcome = run(&env, command);
        outcome.ends_with(1).says(
            "variables [], arguments [], folder None, opened 0, input Err(StreamError::Closed), \
             tcp Some(\"access-denied\"), udp Some(\"access-denied\"), \
             names Some(\"permanent-resolver-failure\"), random true",
        );
    }
}

#[test]
fn a_plugin_that_exits_ends_its_call_alone() {
    for when in ["map", "send"] {
        let env = env(&format!("misdeed = \"exit\"\nwhen = \"{when}\""));
        run(&env, "sync").ends_with(1).says("crashed in").says("exit");
        adds_up(&env);
    }
}

/// What it writes goes nowhere, at any log level; who develops it sees it, cut and without the key that `validate` gives it.
#[test]
fn a_flood_of_output_is_dropped_or_cut() {
    let env = env("misdeed = \"flood\"\nwhen = \"validate\"");
    let outcome = run(&env, "validate");
    outcome.ends_with(0);
    assert!(!outcome.all().contains("blah"), "{} bytes were said", outcome.all().len());

    let component = component();
    let outcome = env.host(&["validate", "sync.toml", "--plugin-output", "--component", component.to_str().unwrap()]);
    outcome.ends_with(0).says("plugin: {\"").says("[hidden]").says("left out");
    assert!(outcome.all().len() < 2 << 20, "{} bytes were said", outcome.all().len());
}

#[test]
fn a_request_to_anywhere_else_is_not_let_out() {
    let elsewhere = TestEnv::permissive();
    let other = elsewhere.fake.url().trim_start_matches("http://").to_owned();
    for (call, said) in [
        (format!("http {other} /v2/authping"), format!("no request out to http://{other}")),
        ("https evil.example /".to_owned(), "no request out to https://evil.example".to_owned()),
        ("http 169.254.169.254 /latest/meta-data".to_owned(), "no request out to http://169.254.169.254".to_owned()),
        ("https AUTHORITY /".to_owned(), "no request out to https://127.0.0.1".to_owned()),
        ("http AUTHORITY /v2/x?k=KEY".to_owned(), "put the secret `key` into a URL".to_owned()),
    ] {
        let env = env(&format!("call = \"{call}\""));
        let authority = env.fake.url().trim_start_matches("http://").to_owned();
        env.write("sync.toml", env.read("sync.toml").replace("AUTHORITY", &authority));
        run(&env, "sync").ends_with(1).says(&said);
        assert_eq!(env.fake.requests().len() + elsewhere.fake.requests().len(), 0, "{call}");
    }
}

/// Headers that say where a request goes or where it ends are the host's to write.
#[test]
fn headers_of_the_connection_are_not_the_plugins_to_set() {
    for header in
        ["host", "connection", "keep-alive", "transfer-encoding", "proxy-authorization", "upgrade", "te", "trailer"]
    {
        let env = env(&format!("call = \"http AUTHORITY /v2/authping\"\nheader = \"{header}\""));
        let authority = env.fake.url().trim_start_matches("http://").to_owned();
        env.write("sync.toml", env.read("sync.toml").replace("AUTHORITY", &authority));
        run(&env, "sync").ends_with(1);
        for request in env.fake.requests() {
            let evil = request.headers.iter().find(|(_, value)| value.contains("evil.example"));
            assert_eq!(evil, None, "{header}");
        }
    }
}

#[test]
fn a_redirect_leads_nowhere() {
    let env = env("call = \"http AUTHORITY /v2/authping\"");
    let authority = env.fake.url().trim_start_matches("http://").to_owned();
    env.write("sync.toml", env.read("sync.toml").replace("AUTHORITY", &authority));
    env.fake.inject(Faults::script([Fault::status(302).forever()]));
    run(&env, "sync").says("answered with 302");
    let requests = env.fake.requests();
    // A request a batch at most, and the run may end before the last.
    assert!((1..=2).contains(&requests.len()), "{requests:?}");
}

/// The key comes back in what the server says: the plugin sees its stand-in, people see neither.
#[test]
fn a_key_that_the_server_repeats_stays_outside() {
    let env = env("call = \"http AUTHORITY /v2/authping\"");
    let authority = env.fake.url().trim_start_matches("http://").to_owned();
    env.write("sync.toml", env.read("sync.toml").replace("AUTHORITY", &authority));
    env.fake.inject(Faults::script([Fault::echo_key(500).forever()]));
    run(&env, "sync").says("answered with 500");
}

/// In this process, with a short time: the command line's is half a minute.
#[test]
fn a_plugin_that_never_ends_is_ended_and_the_run_is_told_in_full() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    for when in ["map", "send"] {
        let env = env(&format!("misdeed = \"spin\"\nwhen = \"{when}\""));
        let short = Duration::from_millis(300);
        let mut limits = Limits::default();
        (limits.pure_call, limits.network_call) = (short, short);
        let report = runtime.block_on(async {
            let engine = Runtime::new(limits, CompileCache::User).unwrap();
            let bytes = std::fs::read(component()).unwrap();
            let plugin = Plugin::load(&engine, &bytes, "hostile-destination.wasm").await.unwrap();
            let variables = |name: &str| match name {
                "TALON_ONE_URL" => Ok(env.fake.url().to_owned()),
                _ => Ok(KEY.to_owned()),
            };
            let sync = Draft::parse(&env.read("sync.toml"), &env.path(""), &variables).unwrap().finish().unwrap();
            let client = HttpClient::new(&ClientSettings::default()).unwrap();
            Run::of(&plugin, &client, &sync).deliver().await.unwrap()
        });
        let failure = report.failure.unwrap();
        assert_eq!(failure.kind, FailureKind::Plugin);
        assert!(failure.message.contains("used up the 300ms"), "{}", failure.message);
        assert_eq!((report.counts.rows_read, report.counts.undelivered), (20, 20));
    }
}
