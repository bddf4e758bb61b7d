//! `validate` finds all faults of a file at once, and says for each where it is and what to write instead.

use crate::harness::{TestEnv, examples};

/// A file with as many faults as a file can have.
const FAULTY: &str = r#"
name = "faulty"
[destination]
deployment_url = "https://yourcompany.talon.one/"
api_key = "ManagementKey-v1 0123456789abcdef"
object_type = "customer_profile_audiences"
audience_id = "Summer sale"
sync_mode = "upsert"
batch_sise = 500
integration_id_prefix = "${NO_SUCH_VARIABLE}"
[[destination.mappings]]
source = "customer_id"
destination = "email"
[source]
type = "csv"
path = "rows.csv"
delimitter = ";"
[limits]
concurrency = 0
"#;

#[test]
fn all_faults_are_told_at_once_each_with_its_path_and_its_fix() {
    let env = TestEnv::permissive();
    env.write("rows.csv", "customer_id\n1\n");
    env.write("sync.toml", FAULTY);
    let outcome = env.host(&["validate", "sync.toml"]);
    outcome.looks_like("faults_of_a_sync_file");
    assert!(!outcome.all().contains("0123456789abcdef"), "the key is shown: {}", outcome.all());
    assert_eq!(env.fake.requests().len(), 0, "validate needs no network");
}

/// A sync begins with the same checks.
#[test]
fn a_sync_of_a_faulty_file_sends_nothing() {
    let env = TestEnv::permissive();
    env.write("rows.csv", "customer_id\n1\n");
    env.write("sync.toml", FAULTY);
    for command in ["sync", "preview", "check"] {
        env.host(&[command, "sync.toml"]).ends_with(2).says("destination.audience_id");
    }
    assert_eq!(env.fake.requests().len(), 0);
}

#[test]
fn a_column_that_the_source_does_not_have_is_named_with_the_nearest() {
    let env = TestEnv::permissive();
    env.write("rows.csv", "customer_id,e_mail\n1,a@example.com\n");
    env.profiles(&[("customer_id", "integration_id", ""), ("email", "email", "")]);
    env.host(&["validate", "sync.toml"]).looks_like("column_that_is_not_there");
}

#[test]
fn the_examples_are_valid() {
    let env = TestEnv::permissive();
    for example in ["profiles", "audience"] {
        let file = examples().join(example).join("sync.toml");
        env.host(&["validate", file.to_str().unwrap()]).ends_with(0);
    }
}

/// The first sync of the README, as it stands there.
#[test]
fn the_readmes_first_sync_is_valid() {
    let readme = include_str!("../../README.md");
    let start = readme.find("```toml\n").expect("a TOML block") + "```toml\n".len();
    let block = &readme[start..start + readme[start..].find("```").expect("its end")];
    let env = TestEnv::permissive();
    env.write("customers.csv", "customer_id,email,tier\n1,a@example.com,gold\n");
    env.write("crm.toml", block);
    env.host(&["validate", "crm.toml"]).ends_with(0);
}
