//! Several syncs in one process: their order, what they share, what each leaves, and how they are run again.

use std::fs;
use std::time::Duration;

use fake_talon_one::{Fault, Faults, Settings, path};
use serde_json::Value;

use crate::harness::{KEY, TestEnv, counts};
use crate::running::Running;

/// What all sync files of the folder share.
const DEFAULTS: &str = r#"[destination]
deployment_url = "${TALON_ONE_URL}"
api_key = "${TALON_ONE_API_KEY}"
retry = { max_attempts = 2, initial_backoff_ms = 1, max_backoff_ms = 5 }
[limits]
requests_per_second = "unlimited"
requests_per_minute = "unlimited"
"#;

const PROFILES: &str = "name = \"crm\"\n[destination]\nobject_type = \"customer_profiles\"\n\
    mappings = [{source = \"id\", destination = \"integration_id\"}, {source = \"name\", destination = \"name\"}]\n\
    [source]\ntype = \"csv\"\npath = \"people.csv\"\n";

fn audience(name: &str, id: u32, more: &str) -> String {
    format!(
        "name = \"{name}\"\n{more}\n[destination]\nobject_type = \"customer_profile_audiences\"\naudience_id = {id}\n\
         sync_mode = \"mirror\"\nmappings = [{{source = \"id\", destination = \"integration_id\"}}]\n\
         [source]\ntype = \"csv\"\npath = \"people.csv\"\n"
    )
}

/// A folder `syncs` with profiles and the audiences 1 and 2 of the same people. The names of the files put the audiences first.
fn env() -> TestEnv {
    let env = TestEnv::new(Settings::new(KEY).any_attributes().audience(1, "vip").audience(2, "sale"));
    fs::create_dir(env.path("syncs")).unwrap();
    env.write("syncs/defaults.toml", DEFAULTS);
    env.write("syncs/z-profiles.toml", PROFILES);
    env.write("syncs/a-vip.toml", audience("vip", 1, ""));
    env.write("syncs/b-sale.toml", audience("sale", 2, ""));
    people(&env, 20);
    env
}

fn people(env: &TestEnv, number: u32) {
    let rows: String = (0..number).map(|id| format!("cust_{id},Name {id}\n")).collect();
    env.write("syncs/people.csv", format!("id,name\n{rows}"));
}

fn report(env: &TestEnv) -> Value {
    serde_json::from_str(&env.read("report.json")).unwrap()
}

/// The failures of a report's syncs, by name: their kinds.
fn failures(report: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or("none").to_owned();
    let syncs = report["syncs"].as_array().unwrap();
    syncs.iter().map(|sync| (text(&sync["sync"]), text(&sync["failure"]["kind"]))).collect()
}

fn named(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, kind)| ((*name).to_owned(), (*kind).to_owned())).collect()
}

#[test]
fn a_folder_runs_whole_with_profiles_before_audiences() {
    let env = env();
    env.host(&["sync", "syncs", "--report", "report.json"]).ends_with(0).says("3 syncs, 3 requests");
    let paths: Vec<String> = env.fake.requests().iter().map(|request| request.path.clone()).collect();
    assert!(paths[0].starts_with(path::PROFILES), "{paths:?}");
    assert!(paths[1..].iter().all(|path| path == path::AUDIENCES), "{paths:?}");
    assert_eq!((env.fake.members(1).len(), env.fake.members(2).len(), env.fake.profiles().len()), (20, 20, 20));

    let report = report(&env);
    assert_eq!(failures(&report), named(&[("vip", "none"), ("sale", "none"), ("crm", "none")]), "in the files' order");
    assert_eq!(report["exit_code"], 0);
    for sync in report["syncs"].as_array().unwrap() {
        assert_eq!(counts(sync, ["rows_read", "delivered", "requests", "exit_code"]), [20, 20, 1, 0]);
    }
}

#[test]
fn what_goes_after_a_failed_sync_is_skipped_and_run_again_with_failed() {
    let env = env();
    env.fake.inject(Faults::script([Fault::status(503).forever()]));
    let failed = env.host(&["sync", "syncs", "--report", "report.json"]);
    failed.ends_with(1).says("skipped: it goes after `crm`, which failed");
    let kinds = named(&[("vip", "skipped"), ("sale", "skipped"), ("crm", "server")]);
    assert_eq!(failures(&report(&env)), kinds);
    assert!(env.fake.requests().iter().all(|request| request.path.starts_with(path::PROFILES)));

    // The audiences that don't wait for it run, and only what failed is run again.
    env.write("syncs/b-sale.toml", audience("sale", 2, "after = []"));
    env.fake.inject(Faults::script([Fault::status(503).forever().path(path::PROFILES)]));
    env.host(&["sync", "syncs", "--failed", "--report", "report.json"]).ends_with(1);
    assert_eq!(failures(&report(&env)), named(&[("vip", "skipped"), ("sale", "none"), ("crm", "server")]));

    env.fake.inject(Faults::none());
    env.host(&["sync", "syncs", "--failed", "--report", "report.json"]).ends_with(0);
    assert_eq!(failures(&report(&env)), named(&[("vip", "none"), ("crm", "none")]));
    let before = env.fake.requests().len();
    env.host(&["sync", "syncs", "--failed"]).ends_with(0).says("no sync failed last time");
    assert_eq!(env.fake.requests().len(), before);
}

/// There is one for all of them.
#[test]
fn a_report_has_no_placeholder() {
    let env = env();
    let outcome = env.host(&["sync", "syncs", "--report", "{sync}.json"]);
    outcome.ends_with(2).says("is one report of all of them");
    assert!(!env.path("{sync}.json").exists());
}

/// Where nothing is known of a last run, rows may be undelivered: in a folder that can't be written to there never is a note.
#[test]
fn without_a_note_failed_takes_every_sync() {
    let env = env();
    env.host(&["sync", "syncs/b-sale.toml", "--failed"]).ends_with(0).says("all delivered");
    env.host(&["sync", "syncs", "--failed"]).ends_with(0).says("2 syncs, 2 requests");
    env.host(&["sync", "syncs", "--failed"]).ends_with(0).says("no sync failed last time");
    std::fs::remove_file(env.path("syncs/sale.last-run.json")).unwrap();
    env.host(&["sync", "syncs", "--failed"]).ends_with(0).says("1 sync, 0 requests");
}

#[test]
fn status_tells_each_last_run() {
    let env = env();
    env.host(&["status", "syncs"]).ends_with(0).says("never run");
    env.fake.inject(Faults::script([Fault::status(401).forever().path(path::PROFILES)]));
    env.write("syncs/b-sale.toml", audience("sale", 2, "after = []"));
    env.host(&["sync", "syncs"]).ends_with(1);
    let status: Value = serde_json::from_str(&env.host(&["status", "syncs", "--json"]).ends_with(0).stdout).unwrap();
    let told: Vec<_> = status.as_array().unwrap().iter().map(|sync| (&sync["sync"], &sync["result"])).collect();
    let told: Vec<_> =
        told.into_iter().map(|(name, result)| (name.as_str().unwrap(), result.as_str().unwrap())).collect();
    assert_eq!(told, [("vip", "failed"), ("sale", "delivered"), ("crm", "failed")]);
    assert_eq!((&status[1]["known"], &status[1]["pending"]), (&20.into(), &0.into()));
    assert_eq!(status[1]["last_run"]["report"]["delivered"], 20);

    // A dry run, a sample and a replay are not runs of the whole sync.
    let before = env.read("syncs/sale.last-run.json");
    env.host(&["sync", "syncs/b-sale.toml", "--dry-run"]).ends_with(0);
    env.host(&["sync", "syncs/b-sale.toml", "--limit", "1"]).ends_with(0);
    env.write("letters.ndjson", "");
    env.host(&["sync", "syncs/b-sale.toml", "--replay", "letters.ndjson"]);
    assert_eq!(env.read("syncs/sale.last-run.json"), before);
}

#[test]
fn what_can_not_be_run_is_told_before_anything_is_sent() {
    for (file, content, told) in [
        ("syncs/b-sale.toml", audience("vip", 2, ""), "name: is \"vip\", and so is that of syncs/a-vip.toml"),
        ("syncs/b-sale.toml", audience("sale", 2, "after = [\"cmr\"]"), "did you mean \"crm\"?"),
        ("syncs/z-profiles.toml", PROFILES.replace("name = \"crm\"\n", ""), "name: is required"),
        (
            "syncs/defaults.toml",
            format!("{DEFAULTS}[state]\npath = \"one.sqlite\"\n"),
            "defaults.toml: state.path: can't be shared",
        ),
        ("syncs/defaults.toml", DEFAULTS.replace("\"unlimited\"", "0"), "defaults.toml: limits.requests_per_second"),
        ("syncs/a-vip.toml", audience("vip", 1, "").replace("audience_id = 1", "audience_id = \"vip\""), "audience_id"),
    ] {
        let env = env();
        env.write(file, content);
        env.host(&["sync", "syncs", "--report", "report.json"]).ends_with(2).says(told);
        assert_eq!(env.fake.requests().len(), 0, "{told}");
        assert!(!env.path("syncs/vip.state.sqlite").exists(), "{told}");
    }
}

#[test]
fn an_order_that_goes_in_a_circle_is_named() {
    let env = env();
    env.write("syncs/a-vip.toml", audience("vip", 1, "after = [\"sale\"]"));
    env.write("syncs/b-sale.toml", audience("sale", 2, "after = [\"vip\"]"));
    env.host(&["sync", "syncs"]).ends_with(2).says("goes round in a circle: vip after sale after vip");
    // By hand, profiles may go last.
    env.write("syncs/b-sale.toml", audience("sale", 2, "after = []"));
    env.write("syncs/z-profiles.toml", format!("after = [\"vip\", \"sale\"]\n{PROFILES}"));
    env.host(&["sync", "syncs"]).ends_with(0);
    let paths: Vec<String> = env.fake.requests().iter().map(|request| request.path.clone()).collect();
    assert!(paths.last().unwrap().starts_with(path::PROFILES), "{paths:?}");
}

#[test]
fn syncs_are_selected_by_name() {
    let env = env();
    env.host(&["sync", "syncs", "--select", "v*", "--select", "crm", "--report", "report.json"]).ends_with(0);
    assert_eq!(failures(&report(&env)), named(&[("vip", "none"), ("crm", "none")]));
    env.host(&["sync", "syncs", "--select", "nobody"]).ends_with(2).says("there are: vip, sale, crm");
    env.host(&["sync", "syncs/b-sale.toml", "--select", "sal?"]).ends_with(0);
    assert_eq!(env.fake.members(2).len(), 20);
}

#[test]
fn a_sample_removes_nobody() {
    let env = env();
    env.host(&["sync", "syncs"]).ends_with(0);
    people(&env, 12);
    env.host(&["sync", "syncs", "--limit", "5", "--allow-removals", "--report", "report.json"]).ends_with(0);
    assert_eq!((env.fake.members(1).len(), env.fake.members(2).len()), (20, 20));
    assert_eq!(
        counts(&report(&env)["syncs"][0], ["rows_read", "unchanged", "removed", "withheld_removals"]),
        [5, 5, 0, 0]
    );
    // The next whole run does.
    env.host(&["sync", "syncs", "--allow-removals"]).ends_with(0);
    assert_eq!((env.fake.members(1).len(), env.fake.members(2).len()), (12, 12));
}

#[test]
fn each_sync_has_a_file_of_its_own_for_rejected_rows() {
    let env = env();
    env.write("syncs/people.csv", "id,name\ncust_1,Ada\n,Nobody\n");
    let refused = env.host(&["sync", "syncs", "--dead-letters", "dead.ndjson"]);
    refused.ends_with(2).says("write {sync} in its name");
    let outcome = env.host(&["sync", "syncs", "--dead-letters", "dead-{sync}.ndjson", "--report-html", "{sync}.html"]);
    outcome.ends_with(3).says("all of them are in dead-vip.ndjson");
    for name in ["vip", "sale", "crm"] {
        assert_eq!(env.read(&format!("dead-{name}.ndjson")).lines().count(), 1, "{name}");
        assert!(env.read(&format!("{name}.html")).contains(name), "{name}");
    }
    env.host(&["sync", "syncs", "--replay", "dead-vip.ndjson"]).ends_with(2).says("name that sync's file alone");
}

#[test]
fn a_sync_that_can_not_begin_holds_up_no_other() {
    let env = env();
    env.write("syncs/b-sale.toml", audience("sale", 2, "").replace("people.csv", "nowhere.csv"));
    let outcome = env.host(&["sync", "syncs", "--report", "report.json"]);
    outcome.ends_with(1).says("nowhere.csv: is not there");
    assert_eq!(failures(&report(&env)), named(&[("vip", "none"), ("sale", "source"), ("crm", "none")]));
    assert_eq!(env.fake.members(1).len(), 20);
}

#[test]
fn syncs_may_share_a_state_file() {
    let env = env();
    for (file, name, id) in [("syncs/a-vip.toml", "vip", 1), ("syncs/b-sale.toml", "sale", 2)] {
        env.write(file, audience(name, id, "") + "[state]\npath = \"both.sqlite\"\n");
    }
    env.host(&["sync", "syncs"]).ends_with(0);
    assert_eq!((env.fake.members(1).len(), env.fake.members(2).len()), (20, 20));
}

#[test]
fn a_lower_limit_of_one_holds_for_all_of_a_deployment() {
    let env = env();
    env.write("syncs/b-sale.toml", audience("sale", 2, "") + "[limits]\nrequests_per_minute = 1\n");
    let mut run = Running::start(&env, &["sync", "syncs"]);
    run.says("crm: all delivered");
    // Both audiences have begun. Without a limit in common they would send now; with it they wait for a minute.
    let begun = |name: &str| env.path(&format!("syncs/{name}.last-run.json")).exists();
    while !(begun("vip") && begun("sale")) {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(!run.has_ended(), "they wait");
    run.kill();
    assert_eq!(env.fake.requests().len(), 1);
    let status: Value = serde_json::from_str(&env.host(&["status", "syncs", "--json"]).ends_with(0).stdout).unwrap();
    let results: Vec<_> = status.as_array().unwrap().iter().map(|sync| sync["result"].as_str().unwrap()).collect();
    assert_eq!(results, ["not-ended", "not-ended", "delivered"]);
}
