use serde_json::json;

use super::*;
use crate::config::Config;
use crate::testing::{audience, profile_batch, profiles, strings};
use destination_toolkit::bindings as wit;
use destination_toolkit::bindings::MappedBatch;
use destination_toolkit::delivery::Records;

fn read<'a>(config: &Config, batch: &'a MappedBatch) -> Result<Records<'a>, Failure> {
    Records::read(batch, &|index, key, action, payload| item(config, index, key, action, payload))
}

fn batch(records: &[(&str, Action, &str)]) -> MappedBatch {
    MappedBatch {
        rows: (0..u32::try_from(records.len()).unwrap()).collect(),
        keys: strings(records.iter().map(|(key, _, _)| *key)),
        actions: records.iter().map(|(_, action, _)| *action).collect(),
        payloads: strings(records.iter().map(|(_, _, payload)| *payload)),
    }
}

fn fault(config: &Config, batch: &MappedBatch) -> (wit::ProblemKind, String) {
    match read(config, batch).err() {
        Some(Failure::Permanent(problem)) => (problem.kind, problem.message),
        other => (wit::ProblemKind::Row, format!("not a permanent failure: {other:?}")),
    }
}

#[test]
fn the_last_record_of_a_key_wins() {
    let batch = batch(&[
        ("a", Action::Upsert, "1"),
        ("b", Action::Upsert, "2"),
        ("a", Action::Upsert, "3"),
        ("c", Action::Upsert, "4"),
        ("a", Action::Upsert, "5"),
        ("b", Action::Upsert, "6"),
    ]);
    let config = profiles(&json!({}));
    let records = read(&config, &batch).unwrap();
    let kept: Vec<_> =
        records.kept.iter().map(|record| (record.batch_index, record.key, record.item.as_ref())).collect();
    assert_eq!(kept, [(3, "c", "4"), (4, "a", "5"), (5, "b", "6")]);
    let superseded: Vec<_> = records.superseded.iter().map(|record| (record.batch_index, record.by)).collect();
    assert_eq!(superseded, [(0, 1), (1, 2), (2, 1)]);
}

#[test]
fn a_delete_that_an_engine_made_is_written_here() {
    let batch =
        batch(&[("a\"b", Action::Delete, ""), ("c", Action::Delete, "{\"its\":\"own\"}"), ("d", Action::Add, "{}")]);
    let config = audience("mirror");
    let records = read(&config, &batch).unwrap();
    let items: Vec<&str> = records.kept.iter().map(|record| record.item.as_ref()).collect();
    assert_eq!(
        items,
        [r#"{"action":"delete","profileIntegrationId":"a\"b","audienceId":42}"#, "{\"its\":\"own\"}", "{}",]
    );
}

#[test]
fn an_action_that_the_object_type_does_not_do_is_a_fault_of_the_configuration() {
    for action in [Action::Add, Action::Delete] {
        let (kind, message) = fault(&profiles(&json!({})), &batch(&[("a", action, "{}")]));
        assert_eq!(kind, wit::ProblemKind::Configuration);
        assert!(message.contains("record 0 is not an upsert"), "{message}");
    }
    let (kind, message) = fault(&audience("add"), &batch(&[("a", Action::Upsert, "{}")]));
    assert_eq!(kind, wit::ProblemKind::Configuration);
    assert!(message.contains("record 0 is an upsert"), "{message}");
}

#[test]
fn a_malformed_batch_is_a_clear_failure() {
    let valid = || profile_batch(3, |_| String::new());
    let with = |change: fn(&mut MappedBatch)| {
        let mut batch = valid();
        change(&mut batch);
        batch
    };
    let config = profiles(&json!({}));
    assert!(read(&config, &valid()).is_ok());
    for (batch, fragment) in [
        (with(|batch| batch.rows.truncate(2)), "the batch has 2 rows, 3 keys, 3 actions and 3 payloads"),
        (with(|batch| batch.actions.truncate(2)), "3 rows, 3 keys, 2 actions and 3 payloads"),
        (with(|batch| batch.keys.offsets.truncate(3)), "3 rows, 2 keys"),
        (with(|batch| batch.payloads.offsets.clear()), "and 0 payloads"),
        (with(|batch| batch.keys.offsets.reverse()), "the batch's keys: offset"),
        (with(|batch| batch.payloads.data.truncate(9)), "the batch's payloads: offset"),
        (with(|batch| batch.keys = strings(["a", "", "c"])), "record 1 has an empty key"),
        (with(|batch| batch.payloads = strings(["{}", "{}", ""])), "record 2 has no payload"),
    ] {
        let (kind, message) = fault(&config, &batch);
        assert_eq!(kind, wit::ProblemKind::Internal);
        assert!(message.contains(fragment), "{message}");
    }
    let (_, message) = fault(&audience("add"), &batch(&[("a", Action::Add, "")]));
    assert!(message.contains("only a delete may have none"), "{message}");
}

#[test]
fn no_records_are_no_fault() {
    let empty = MappedBatch {
        rows: Vec::new(),
        keys: strings([]),
        actions: Vec::new(),
        payloads: wit::Strings { offsets: Vec::new(), data: String::new() },
    };
    assert!(read(&profiles(&json!({})), &empty).is_ok_and(|records| records.kept.is_empty()));
}
