//! `trigger_rules`: each record alone through the call that runs the rules of campaigns.

use std::collections::{BTreeMap, BTreeSet};

use fake_talon_one::{AttributeType, AudienceEvent, Effect, Fault, Faults, Request, Rule, Settings, path};
use serde_json::json;

use crate::harness::{KEY, TestEnv, counts, sync_file};
use crate::running::Running;

/// A fake with audience 42, a rule for who joins it and one for who leaves it.
pub(crate) fn settings() -> Settings {
    let rule = |name: &str, on, effect| Rule { name: name.to_owned(), on, audience: 42, effect };
    Settings::new(KEY)
        .audience(42, "Summer sale")
        .rule(rule("joined", AudienceEvent::Joined, Effect::TriggerWebhook))
        .rule(rule("left", AudienceEvent::Left, Effect::ShowNotification))
}

/// A mirror of audience 42 from `rows.ndjson`, column `id`; `more` comes behind `[destination]`.
fn mirror(env: &TestEnv, more: &str) {
    let settings = format!("audience_id = 42\nsync_mode = \"mirror\"\n{more}");
    let mappings = [("id", "integration_id", "")];
    env.write("sync.toml", sync_file("customer_profile_audiences", &settings, &mappings, "ndjson", "rows.ndjson"));
}

fn write_ids<'a>(env: &TestEnv, ids: impl IntoIterator<Item = &'a str>) {
    let lines: String = ids.into_iter().map(|id| format!("{}\n", json!({"id": id}))).collect();
    env.write("rows.ndjson", lines);
}

/// What fired: how often which rule for whom.
pub(crate) fn fired(env: &TestEnv) -> BTreeMap<(String, String), u32> {
    let mut times = BTreeMap::new();
    for firing in env.fake.fired() {
        *times.entry((firing.rule, firing.integration_id)).or_insert(0) += 1;
    }
    times
}

fn once(rule: &str, ids: &[&str]) -> BTreeMap<(String, String), u32> {
    ids.iter().map(|id| ((rule.to_owned(), (*id).to_owned()), 1)).collect()
}

fn updates(env: &TestEnv) -> Vec<Request> {
    env.fake.requests().into_iter().filter(|request| request.path.starts_with(path::PROFILE)).collect()
}

#[test]
fn who_joins_and_who_leaves_is_noticed_once() {
    let env = TestEnv::new(settings());
    mirror(&env, "trigger_rules = true\n");
    write_ids(&env, ["a", "b", "c"]);
    env.sync(&["--report-html", "report.html"]).ends_with(0).looks_like("trigger_rules_first_run");
    assert_eq!(fired(&env), once("joined", &["a", "b", "c"]));
    assert_eq!(env.report()["effects"], json!({"triggerWebhook": 3}));
    assert!(env.read("report.html").contains("triggerWebhook"));

    env.sync(&[]).ends_with(0);
    assert_eq!(updates(&env).len(), 3, "nothing changed, nothing is sent");

    write_ids(&env, ["a", "b", "d"]);
    env.sync(&[]).ends_with(0);
    let mut all = once("joined", &["a", "b", "c", "d"]);
    all.extend(once("left", &["c"]));
    assert_eq!(fired(&env), all);
    assert_eq!(env.report()["effects"], json!({"showNotification": 1, "triggerWebhook": 1}));

    let keys: BTreeSet<String> =
        updates(&env).iter().map(|request| request.header("idempotency-key").unwrap().to_owned()).collect();
    assert_eq!(keys.len(), 5, "a key for each record");
    assert!(keys.iter().all(|key| key.len() <= 255));
    assert_eq!(env.fake.most_at_once(), 1);
}

#[test]
fn the_bulk_call_fires_nothing_and_switching_over_sends_nothing_again() {
    let env = TestEnv::new(settings());
    write_ids(&env, ["a", "b", "c"]);
    mirror(&env, "");
    env.sync(&[]).ends_with(0);
    assert_eq!(env.report()["effects"], json!({}));
    mirror(&env, "trigger_rules = true\n");
    env.sync(&[]).ends_with(0);
    assert_eq!(counts(&env.report(), ["unchanged", "requests"]), [3, 0]);
    assert_eq!(fired(&env), BTreeMap::new(), "who was there has not joined");
    write_ids(&env, ["b", "c", "d"]);
    env.sync(&[]).ends_with(0);
    let mut all = once("joined", &["d"]);
    all.extend(once("left", &["a"]));
    assert_eq!(fired(&env), all);
}

#[test]
fn an_id_arrives_to_the_letter_whatever_is_in_it() {
    let long = "é".repeat(1000);
    let hostile = [
        "a/b",
        "../../etc/passwd",
        "/",
        "//",
        "...",
        ".a",
        "..a",
        "%2F",
        "%2e%2e",
        "..%2f",
        "100%",
        "%",
        "a?b=c#d",
        "?runRuleEngine=false",
        "#",
        "a b",
        " lead",
        "trail ",
        "a+b",
        "a&b;c=d",
        "a\\b",
        "\\..\\",
        "Zoë",
        "Zoe\u{308}",
        "日本語",
        "👩‍🚀",
        "\u{feff}bom",
        "a\u{200b}b",
        "'\"<>`{}|^",
        "~.-_",
        ":@!$()*,",
        "[::1]",
        "http://evil.example/",
        "a@b.example",
        "nul",
        "{integrationId}",
        long.as_str(),
    ];
    let env = TestEnv::new(settings());
    mirror(&env, "trigger_rules = true\n");
    write_ids(&env, hostile);
    env.sync(&[]).ends_with(0);
    let expected: BTreeSet<String> = hostile.map(str::to_owned).into();
    assert_eq!(env.fake.members(42), expected);
    assert_eq!(fired(&env).len(), hostile.len());

    // And leaves again under the same name: the engine makes these records itself.
    write_ids(&env, ["new"]);
    env.sync(&["--allow-removals"]).ends_with(0);
    assert_eq!(env.fake.members(42), BTreeSet::from(["new".to_owned()]));
    assert_eq!(fired(&env).len(), 2 * hostile.len() + 1);
    assert_eq!(env.fake.profiles().len(), hostile.len() + 1, "no other profile came to be");
}

#[test]
fn an_id_that_a_url_takes_for_a_folder_is_rejected_and_said_so() {
    let env = TestEnv::new(settings());
    mirror(&env, "trigger_rules = true\n");
    write_ids(&env, ["a", ".", "..", "b"]);
    env.sync(&[]).ends_with(3).says("invalid-id").says("mean folders in a URL");
    assert_eq!(env.fake.members(42).into_iter().collect::<Vec<_>>(), ["a", "b"]);
    let rows: Vec<u64> = env.dead_letters().iter().map(|letter| letter["row_number"].as_u64().unwrap()).collect();
    assert_eq!(rows, [2, 3]);
    assert_eq!(updates(&env).len(), 2);

    // A prefix makes another ID of it; and the bulk call, which has it in its body, takes it as it is.
    mirror(&env, "trigger_rules = true\nintegration_id_prefix = \"app_\"\n");
    env.write("sync.toml", env.read("sync.toml").replace("\"e2e\"", "\"other\""));
    env.host(&["sync", "sync.toml"]).ends_with(0);
    assert!(env.fake.members(42).contains("app_.."));
    mirror(&env, "");
    env.write("sync.toml", env.read("sync.toml").replace("\"e2e\"", "\"third\""));
    env.host(&["sync", "sync.toml"]).ends_with(0);
    assert!(env.fake.members(42).contains(".."));

    // What the bulk call added cannot leave by the other; that is said, and not counted as done.
    mirror(&env, "trigger_rules = true\n");
    env.write("sync.toml", env.read("sync.toml").replace("\"e2e\"", "\"third\""));
    write_ids(&env, ["a", "b"]);
    env.host(&["sync", "sync.toml"]).ends_with(3).says("2 removals refused").says("cannot stand in a URL");
    assert!(env.fake.members(42).contains(".."));
}

#[test]
fn a_preview_is_what_a_sync_sends() {
    let env = TestEnv::permissive();
    let mappings = [("id", "integration_id", ""), ("points", "points", "type = \"number\""), ("name", "name", "")];
    env.write(
        "sync.toml",
        sync_file("customer_profiles", "trigger_rules = true\n", &mappings, "csv", "rows.csv")
            + "[limits]\nconcurrency = 1\n",
    );
    // One ID twice: both of its rows are sent, in their order.
    env.write("rows.csv", "id,points,name\na/1,1.50,Zoë\n2,,\"a \"\"b\"\"\"\na/1,3,Ada\n");
    let preview = env.host(&["preview", "sync.toml"]);
    preview.ends_with(0).looks_like("trigger_rules_preview");
    assert_eq!(env.fake.requests().len(), 0);
    env.sync(&[]).ends_with(0);
    let sent: Vec<String> = updates(&env)
        .iter()
        .map(|request| {
            let query = request.query.as_deref().unwrap();
            format!("{} {}?{query}\n{}", request.method, request.path, request.text())
        })
        .collect();
    assert_eq!(preview.stdout.trim_end(), sent.join("\n"));
    assert_eq!(env.fake.profiles()["a/1"]["points"], "3");
}

#[test]
fn a_dry_run_says_how_many_requests_and_how_long() {
    let env = TestEnv::new(settings());
    mirror(&env, "trigger_rules = true\n");
    let ids: Vec<String> = (0..10_000).map(|id| id.to_string()).collect();
    write_ids(&env, ids.iter().map(String::as_str));
    let dry = env.sync(&["--dry-run"]);
    // 60 a second are 3,600 a minute; spread over a little more than a second each.
    dry.ends_with(0).says("10,000").says("2 min 51 s or more at the configured rate");
    let estimate = &env.report()["estimate"];
    assert_eq!(estimate["requests"], 10_000);
    assert!((170.0..172.0).contains(&estimate["seconds"].as_f64().unwrap()), "{estimate}");
    assert_eq!(env.fake.requests().len(), 0);

    mirror(&env, "");
    env.sync(&["--dry-run"]).ends_with(0);
    assert_eq!(env.report()["estimate"]["requests"], 10, "in bulk a thousand go at once");
    env.write(
        "sync.toml",
        env.read("sync.toml") + "[limits]\nrequests_per_second = \"unlimited\"\nrequests_per_minute = \"unlimited\"\n",
    );
    env.sync(&["--dry-run"]).ends_with(0);
    assert_eq!(env.report()["estimate"], json!({"requests": 10, "seconds": null}));
}

#[test]
fn a_stop_lets_the_request_in_flight_end_and_the_next_run_does_the_rest() {
    let env = TestEnv::new(settings());
    mirror(&env, "trigger_rules = true\n");
    env.write("sync.toml", env.read("sync.toml") + "[limits]\nconcurrency = 1\n");
    let ids: Vec<String> = (0..10).map(|id| id.to_string()).collect();
    write_ids(&env, ids.iter().map(String::as_str));
    env.fake.inject(Faults::script([Fault::pass().times(2), Fault::hold().once()]));
    let mut run = Running::until(&env, &["sync", "sync.toml", "--report", "report.json"], 3);
    run.signal("TERM");
    run.says("SIGTERM: finishing what is in flight");
    env.fake.release();
    let (code, said) = run.end();
    assert_eq!(code, Some(1), "{said}");
    let report = env.report();
    assert_eq!(report["failure"]["kind"], "interrupted");
    assert_eq!(counts(&report, ["delivered", "undelivered"]), [3, 7]);
    assert_eq!(report["effects"], json!({"triggerWebhook": 3}), "what was sent is told");
    assert_eq!(updates(&env).len(), 3, "no request begins after the signal");

    env.sync(&[]).ends_with(0);
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    assert_eq!(fired(&env), once("joined", &ids));
    assert_eq!(updates(&env).len(), 10, "what was confirmed is not sent again");
}

#[test]
fn a_mistake_of_all_rows_costs_under_a_hundred_requests() {
    let env = TestEnv::new(Settings::new(KEY).attribute("points", AttributeType::Number));
    let mappings = [("id", "integration_id", ""), ("tier", "loyalty_tier", "")];
    let sync = sync_file("customer_profiles", "trigger_rules = true\n", &mappings, "csv", "rows.csv");
    let unlimited = "[limits]\nrequests_per_second = \"unlimited\"\nrequests_per_minute = \"unlimited\"\n";
    env.write("sync.toml", format!("{sync}{unlimited}"));
    let rows: String = (0..5_000).map(|id| format!("{id},gold\n")).collect();
    env.write("rows.csv", format!("id,tier\n{rows}"));
    env.sync(&[]).ends_with(1).says("loyalty_tier").says("limits.max_rejected allows (50 and a share of 0.5)");
    assert!(updates(&env).len() < 100, "{} requests", updates(&env).len());
    // Who asks for more gets more.
    env.write("sync.toml", format!("{sync}{unlimited}max_rejected = {{ count = 70 }}\n"));
    env.sync(&[]).ends_with(1).says("(70 and a share of 0.5)");
}

#[test]
fn refused_records_are_rejected_and_the_others_go_on() {
    let env = TestEnv::new(Settings::new(KEY).attribute("points", AttributeType::Number));
    let mappings = [("id", "integration_id", ""), ("points", "points", "")];
    env.write(
        "sync.toml",
        sync_file("customer_profiles", "trigger_rules = true\n", &mappings, "ndjson", "rows.ndjson"),
    );
    env.write(
        "rows.ndjson",
        "{\"id\":\"a\",\"points\":1}\n{\"id\":\"b\",\"points\":\"many\"}\n{\"id\":\"c\",\"points\":3}\n",
    );
    env.sync(&[]).ends_with(3).says("invalid-value");
    assert_eq!(env.fake.profiles().into_keys().collect::<Vec<_>>(), ["a", "c"]);
    assert_eq!(env.dead_letters()[0]["row"]["id"], "b");

    // A wrong audience is a 400 in this call.
    let env = TestEnv::new(Settings::new(KEY));
    mirror(&env, "trigger_rules = true\n");
    write_ids(&env, ["a", "b"]);
    env.sync(&[]).ends_with(3).says("there is no audience with ID 42");
}

#[test]
fn another_answer_than_the_documented_one_confirms_nothing() {
    for fault in
        [Fault::status(204), Fault::status(202), Fault::status(200).body("text/html", "<title>Sign in</title>")]
    {
        let env = TestEnv::new(settings());
        mirror(&env, "trigger_rules = true\n");
        write_ids(&env, ["a", "b"]);
        env.fake.inject(Faults::script([fault.forever()]));
        env.sync(&[]).ends_with(1).says("Talon.One answers HTTP 200 with a list of effects");
        assert_eq!(counts(&env.report(), ["delivered", "undelivered", "requests"]), [0, 2, 1]);
    }
}
