//! `conform`: the plugin inside keeps every rule, and mutants of a plugin that does fail by the number of the rule that each
//! breaks.

use std::path::Path;
use std::sync::Arc;

use destination_host::conform::report::{Outcome, Report};
use destination_host::conform::rules::ALL;
use destination_host::conform::{Trial, conform};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::harness::{TestEnv, examples};

/// What is broken, and the rules that fail for it, no other: the one that it breaks, and those that can't hold without it.
const MUTANTS: [(&str, &[u16]); 85] = [
    ("unnamed", &[202]),
    ("unstable", &[201]),
    ("schema", &[203]),
    ("keys", &[204]),
    ("default-mode", &[205]),
    ("key-field", &[206]),
    ("zero-limit", &[207]),
    ("no-endpoint", &[208]),
    ("declared", &[209]),
    ("picky", &[301]),
    ("schema-misfit", &[302]),
    ("lenient", &[303]),
    ("unknown-key", &[304]),
    ("first-fault", &[305]),
    ("tells-secret", &[306]),
    ("invalid-calls", &[307, 802]),
    ("checks-stand-in", &[401]),
    ("loses-row", &[402]),
    ("impure", &[403, 405, 409]),
    ("crashes-on-nan", &[404]),
    ("offset-zero", &[405, 406]),
    ("takes-broken", &[406]),
    ("empty-batch", &[407]),
    ("row-differs", &[409]),
    ("actions", &[410]),
    ("codes", &[411]),
    ("render-random", &[501, 602, 1101]),
    ("lower-method", &[502, 602]),
    ("body-limit", &[503]),
    ("never-accepts", &[601]),
    ("sends-more", &[602]),
    ("secret-in-body", &[603]),
    ("counts", &[604]),
    ("empty-send", &[605]),
    ("row-numbers", &[606]),
    ("removals", &[607]),
    ("401-transient", &[608]),
    ("404-accepted", &[609]),
    ("413-endless", &[610]),
    ("429-at-once", &[611]),
    ("500-permanent", &[612]),
    ("reset-permanent", &[613]),
    ("impatient", &[614]),
    ("echo", &[615]),
    ("redirect-accepted", &[616]),
    ("elsewhere", &[617]),
    ("400-accepted", &[618]),
    ("check-fails", &[701]),
    ("check-accepts-401", &[702]),
    ("looks-random", &[801]),
    ("looks-invalid", &[802]),
    ("looks-elsewhere", &[803]),
    ("looks-secret-in-body", &[804]),
    ("cursor-tells", &[804]),
    ("looks-changes", &[805]),
    ("looks-401-transient", &[806]),
    ("looks-403-nothing", &[807]),
    ("looks-429-permanent", &[808]),
    ("looks-500-permanent", &[809]),
    ("looks-reset-nothing", &[810]),
    ("looks-truncated", &[811]),
    ("looks-html", &[812]),
    ("looks-echo", &[813]),
    ("looks-redirect", &[814]),
    ("route-limits", &[901]),
    ("route-limits-random", &[901]),
    ("discover-twice", &[902]),
    ("compare-fields-asks", &[903]),
    ("compare-order", &[904]),
    ("compare-nothing", &[905]),
    ("lists-for-ever", &[906]),
    ("total-once", &[907]),
    ("cursor-drifts", &[908]),
    ("resolve-asks", &[1001]),
    ("resolve-loses", &[1001]),
    ("resolve-moves", &[1001]),
    ("plan-nameless", &[1002]),
    ("create-refuses", &[1003]),
    ("effects-sends-more", &[1101]),
    ("effects-zero", &[1102]),
    ("effects-401-transient", &[1103]),
    ("no-map-row", &[]),
    ("none", &[]),
    ("no-such-mutant", &[]),
    ("without-rows", &[]),
];

fn component(name: &str) -> Vec<u8> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/component"));
    std::fs::read(folder.join(name)).expect("the component: `make test` builds it")
}

/// The plugin with this mutant's name in its bytes.
pub(crate) fn patched(component: &[u8], mutant: &str) -> Vec<u8> {
    let blank = format!("{:40}", "MUTANT=none");
    let at = component.windows(blank.len()).position(|window| window == blank.as_bytes()).expect("the mark");
    let mut patched = component.to_vec();
    patched[at..at + blank.len()].copy_from_slice(format!("{:40}", format!("MUTANT={mutant}")).as_bytes());
    patched
}

fn failed(report: &Report) -> Vec<u16> {
    let failed = report.rules.iter().filter(|it| matches!(it.outcome, Outcome::Failed { .. }));
    failed.map(|it| it.rule).collect()
}

/// Those of the descriptor and of texts that are no config.
fn is_in_the_bytes(rules: &[u16], mutant: &str) -> bool {
    rules.iter().all(|rule| rule / 100 == 2)
        || matches!(mutant, "schema-misfit" | "lenient" | "body-limit" | "route-limits" | "route-limits-random")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_mutant_fails_by_the_number_of_the_rule_that_it_breaks() {
    let whole: Arc<[u8]> = component("hostile-destination.wasm").into();
    let dir = tempfile::tempdir().unwrap();
    let rows = dir.path().join("rows.ndjson");
    std::fs::write(&rows, "{\"id\":\"a\",\"n\":1}\n{\"id\":\"b\",\"n\":null}\n{\"id\":\"c\",\"n\":2.5}\n").unwrap();
    let slots = Arc::new(Semaphore::new(4));
    let mut trials = tokio::task::JoinSet::new();
    for (mutant, rules) in MUTANTS {
        let (whole, slots, rows) = (Arc::clone(&whole), Arc::clone(&slots), rows.clone());
        trials.spawn(async move {
            let _slot = slots.acquire().await.unwrap();
            let mut config = json!({"url": "https://hooks.example.com/in", "key": "secret-0123456789"});
            if rules.iter().all(|rule| *rule > 800) {
                config["looks"] = true.into();
            }
            let bytes = if is_in_the_bytes(rules, mutant) {
                patched(&whole, mutant)
            } else {
                config["mutant"] = mutant.into();
                whole.to_vec()
            };
            let config = config.to_string();
            let trial = Trial {
                component: &bytes,
                name: mutant,
                config: &config,
                config_name: "good.json",
                rows: (mutant != "without-rows").then_some(rows.as_path()),
                confirmation: None,
            };
            (mutant, rules, conform(trial).await.unwrap())
        });
    }
    let mut wrong = Vec::new();
    for (mutant, rules, report) in trials.join_all().await {
        // What it leaves out is skipped, not passed.
        let skips = report.rules.iter().any(|it| it.rule == 409 && matches!(it.outcome, Outcome::Skipped { .. }));
        assert!(skips == (mutant == "no-map-row") || !rules.is_empty(), "{mutant}");
        if failed(&report) != rules {
            let found: Vec<_> = report.rules.iter().filter(|it| matches!(it.outcome, Outcome::Failed { .. })).collect();
            wrong.push(format!("{mutant}: expected {rules:?}\n{found:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every rule that can be broken by a plugin that loads has a mutant, but for the one about field mapping.
#[test]
fn each_rule_has_a_mutant() {
    let broken: Vec<u16> = MUTANTS.iter().flat_map(|(_, rules)| rules.iter().copied()).collect();
    let without: Vec<u16> = ALL.iter().map(|rule| rule.number).filter(|number| !broken.contains(number)).collect();
    assert_eq!(without, [101, 102, 408]);
}

/// The contract's page explains each of them.
#[test]
fn each_rule_is_explained() {
    let page = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../wit/README.md"));
    let page = std::fs::read_to_string(page).unwrap();
    let explained: Vec<u16> =
        page.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" | ")?.0.parse().ok()).collect();
    assert_eq!(explained, ALL.iter().map(|rule| rule.number).collect::<Vec<_>>());
}

fn config(object: &Value) -> String {
    let mut config = json!({
        "deployment_url": "https://yourcompany.talon.one",
        "api_key": "0123456789abcdef0123456789abcdef",
        "retry": {"max_attempts": 2, "initial_backoff_ms": 1, "max_backoff_ms": 5},
    });
    config.as_object_mut().unwrap().extend(object.as_object().unwrap().clone());
    config.to_string()
}

fn profiles() -> String {
    config(&json!({"object_type": "customer_profiles", "mappings": [
        {"source": "id", "destination": "integration_id"},
        {"source": "name", "destination": "name"},
        {"source": "points", "destination": "points", "type": "number"}]}))
}

#[test]
fn the_plugin_inside_keeps_every_rule() {
    let env = TestEnv::permissive();
    env.write(
        "rows.ndjson",
        "{\"id\":\"a\",\"name\":\"Ann\",\"points\":1.5}\n{\"id\":\"\",\"name\":null,\"points\":2}\n",
    );
    env.write("profiles.json", profiles());
    let audience = json!({"object_type": "customer_profile_audiences", "audience_id": 42, "sync_mode": "mirror"});
    env.write("audience.json", config(&audience));
    let key = "fedcba9876543210".repeat(4);
    let mut managed: Value = serde_json::from_str(&profiles()).unwrap();
    managed["management_key"] = key.as_str().into();
    env.write("managed.json", managed.to_string());
    let mut members: Value = serde_json::from_str(&config(&audience)).unwrap();
    members["management_key"] = key.into();
    env.write("members.json", members.to_string());
    let mut alone = audience;
    alone["trigger_rules"] = json!(true);
    env.write("alone.json", config(&alone));
    for (arguments, said) in [
        (&["conform", "--config", "profiles.json"][..], "69 passed, 0 failed, 11 skipped"),
        (&["conform", "--config", "profiles.json", "--rows", "rows.ndjson"], "69 passed, 0 failed, 11 skipped"),
        (&["conform", "--config", "managed.json"], "76 passed, 0 failed, 4 skipped"),
        (&["conform", "--config", "audience.json"], "70 passed, 0 failed, 10 skipped"),
        (&["conform", "--config", "audience.json", "--confirm", "204"], "70 passed, 0 failed, 10 skipped"),
        (&["conform", "--config", "members.json"], "75 passed, 0 failed, 5 skipped"),
        (
            &["conform", "--config", "alone.json", "--confirm", "200 {\"effects\":[]}"],
            "70 passed, 0 failed, 10 skipped",
        ),
    ] {
        env.host(arguments).ends_with(0).says(said);
    }
    assert!(env.fake.requests().is_empty());
    // An answer that does not confirm is not taken for one because somebody said so.
    let wrong = env.host(&["conform", "--config", "audience.json", "--confirm", "202 {}"]);
    wrong.ends_with(1).says("✘ 601").says("skipped: no answer that was tried counts as a confirmation");
    env.host(&["conform", "--config", "audience.json", "--confirm", "yes"])
        .ends_with(2)
        .says("expected an HTTP status");
}

/// The same plugin, its optional interfaces under names that are none: their rules are skipped, each with the reason.
#[test]
fn what_is_not_exported_is_skipped() {
    let env = TestEnv::permissive();
    let mut bytes = component("hostile-destination.wasm");
    for interface in ["inspection", "provisioning", "effects"] {
        let name = format!("etl:destination/{interface}@");
        let places: Vec<usize> = memchr::memmem::find_iter(&bytes, name.as_bytes()).collect();
        for at in places {
            bytes[at + name.len() - 2] = b'x';
        }
    }
    env.write("small.wasm", bytes);
    env.write("good.json", json!({"url": "https://hooks.example.com/in", "key": "secret-0123456789"}).to_string());
    env.host(&["conform", "small.wasm", "--config", "good.json"])
        .ends_with(0)
        .says("51 passed, 0 failed, 29 skipped")
        .says("skipped: it exports neither `inspection` nor `provisioning`")
        .says("skipped: it does not export `inspection`")
        .says("skipped: it does not export `provisioning`")
        .says("skipped: it does not export `effects`");
    // With them, and nothing to look with: what is asked of nobody is not passed.
    env.write("whole.wasm", component("hostile-destination.wasm"));
    env.host(&["conform", "whole.wasm", "--config", "good.json"])
        .ends_with(0)
        .says("57 passed, 0 failed, 23 skipped")
        .says("skipped: with this config no call asks the server");
}

/// The config names the real server, and a plugin that asks it while it maps does not reach it.
#[test]
fn nothing_is_sent_to_the_server_of_the_config() {
    let env = TestEnv::permissive();
    let config = json!({"url": env.fake.url(), "key": "secret-0123456789", "mutant": "calls-home"});
    env.write("good.json", config.to_string());
    env.write("hostile.wasm", component("hostile-destination.wasm"));
    env.host(&["conform", "hostile.wasm", "--config", "good.json"]).ends_with(0).says("0 failed");
    assert!(env.fake.requests().is_empty());
}

#[test]
fn the_result_as_json_is_as_its_schema_says() {
    let env = TestEnv::permissive();
    env.write("profiles.json", profiles());
    env.write("empty.wasm", wat::parse_str("(component (import \"a:b/c\" (instance)))").unwrap());
    env.write("module.wasm", wat::parse_str("(module)").unwrap());
    let schema = std::fs::read_to_string(examples().join("conform.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    for (arguments, code, failing) in [
        (&["conform", "--config", "profiles.json", "--json"][..], 0, &[][..]),
        (&["conform", "empty.wasm", "--config", "profiles.json", "--json"], 1, &[101, 102]),
        (&["conform", "module.wasm", "--config", "profiles.json", "--json"], 1, &[101]),
    ] {
        let outcome = env.host(arguments);
        outcome.ends_with(code);
        let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
        let faults: Vec<String> = validator.iter_errors(&report).map(|error| error.to_string()).collect();
        assert!(faults.is_empty(), "{faults:#?}");
        let rules = report["rules"].as_array().unwrap();
        let failed = rules.iter().filter(|rule| rule["outcome"] == "failed").map(|rule| &rule["rule"]);
        assert_eq!(
            failed.collect::<Vec<_>>(),
            failing.iter().map(|n| Value::from(*n)).collect::<Vec<_>>().iter().collect::<Vec<_>>()
        );
        assert_eq!(rules.len(), ALL.len());
    }
}

#[test]
fn a_trial_that_can_not_be_held_is_no_verdict() {
    let env = TestEnv::permissive();
    env.write("profiles.json", profiles());
    env.write("list.json", "[1, \"s3cret-value\"]");
    env.write("broken.ndjson", "{\"id\":\n");
    for (arguments, said) in [
        (&["conform", "--config", "list.json"][..], "list.json is not a JSON object"),
        (&["conform", "--config", "absent.json"], "absent.json"),
        (&["conform", "absent.wasm", "--config", "profiles.json"], "absent.wasm"),
        (&["conform", "--config", "profiles.json", "--rows", "broken.ndjson"], "broken.ndjson"),
        (&["conform", "--config", "profiles.json", "--rows", "absent.ndjson"], "absent.ndjson"),
    ] {
        let outcome = env.host(arguments);
        outcome.ends_with(2).says(said);
        assert!(!outcome.all().contains("s3cret") && !outcome.all().contains("passed"), "{}", outcome.all());
    }
}
