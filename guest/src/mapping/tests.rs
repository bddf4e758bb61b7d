use destination_toolkit::bindings::{self as wit, RowIssue};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::testing::{audience, column, profiles, strings, texts, unpacked};

fn mapped(config: &Config, columns: &[wit::Column], changes: &[Change]) -> Mapping {
    map(config, &Columns::read(columns).unwrap(), changes).map_err(|failure| format!("{failure:?}")).unwrap()
}

fn failed(config: &Config, columns: &[wit::Column], changes: &[Change]) -> String {
    match map(config, &Columns::read(columns).unwrap(), changes) {
        Err(Failure::Permanent(problem)) => {
            assert_eq!(problem.kind, wit::ProblemKind::Configuration);
            problem.message
        }
        other => format!("not a permanent failure: {other:?}"),
    }
}

fn mappings(entries: &[(&str, &str)]) -> serde_json::Value {
    let entries: Vec<_> =
        entries.iter().map(|(source, destination)| json!({"source": source, "destination": destination})).collect();
    json!({ "mappings": entries })
}

#[test]
fn profiles_are_written_as_talon_one_wants_them() {
    let config = profiles(&json!({
        "mappings": [
            {"source": "customer", "destination": "integration_id"},
            {"source": "mail", "destination": "email"},
            {"source": "since", "destination": "signup_date"},
            {"source": "points", "destination": "LoyaltyPoints"},
        ],
        "integration_id_prefix": "app1_",
    }));
    let columns = [
        texts("mail", &[Some("a@example.com"), Some("\"b\"@example.com")]),
        texts("customer", &[Some("7"), Some("\"8\"")]),
        column("points", wit::Values::Decimals(strings(["10.50", "0"]))),
        texts("unmapped", &[Some("x"), None]),
        column("since", wit::Values::Dates(vec![19_874, 0])),
    ];
    let mapping = mapped(&config, &columns, &[]);
    assert_eq!(mapping.issues, []);
    assert_eq!(mapping.batch.rows, [0, 1]);
    assert_eq!(mapping.batch.actions, [Action::Upsert, Action::Upsert]);
    assert_eq!(unpacked(&mapping.batch.keys), ["app1_7", "app1_\"8\""]);
    assert_eq!(
        unpacked(&mapping.batch.payloads),
        [
            r#"{"integrationId":"app1_7","attributes":{"email":"a@example.com","signup_date":"2024-05-31T00:00:00Z","LoyaltyPoints":10.50}}"#,
            r#"{"integrationId":"app1_\"8\"","attributes":{"email":"\"b\"@example.com","signup_date":"1970-01-01T00:00:00Z","LoyaltyPoints":0}}"#,
        ]
    );
}

#[test]
fn memberships_follow_mode_and_change() {
    let columns =
        [texts("integration_id", &[Some("a"), Some("b"), Some("c")]), texts("not a name", &[None, None, None])];
    let changes = [Change::Added, Change::Changed, Change::Removed];
    for (mode, changes, expected) in [
        ("add", &[][..], ["add"; 3]),
        ("add", &changes, ["add"; 3]),
        ("remove", &[], ["delete"; 3]),
        ("remove", &changes, ["delete"; 3]),
        ("mirror", &[], ["add"; 3]),
        ("mirror", &changes, ["add", "add", "delete"]),
    ] {
        let mapping = mapped(&audience(mode), &columns, changes);
        assert_eq!(mapping.issues, []);
        let payloads: Vec<String> = ["a", "b", "c"]
            .iter()
            .zip(expected)
            .map(|(key, action)| {
                format!("{{\"action\":\"{action}\",\"profileIntegrationId\":\"{key}\",\"audienceId\":42}}")
            })
            .collect();
        assert_eq!(unpacked(&mapping.batch.payloads), payloads);
        let actions = expected.map(|action| if action == "add" { Action::Add } else { Action::Delete });
        assert_eq!(mapping.batch.actions, actions);
    }
}

#[test]
fn a_profile_is_never_deleted() {
    let columns = [texts("integration_id", &[Some("a"), Some("b")])];
    let mapping = mapped(&profiles(&json!({})), &columns, &[Change::Removed, Change::Changed]);
    assert_eq!(mapping.batch.rows, [1]);
    assert_eq!(mapping.issues.len(), 1);
    assert_eq!(mapping.issues[0].code, "removal-not-supported");
    assert_eq!(mapping.issues[0].row, 0);
    assert_eq!(mapping.issues[0].key.as_deref(), Some("a"));
    assert_eq!(mapping.issues[0].column, None);
}

#[test]
fn without_mappings_columns_map_to_themselves() {
    let columns = [
        texts("phone", &[Some("0049")]),
        texts("integration_id", &[Some("a")]),
        column("Points", wit::Values::Integers(vec![5])),
        column("signup_date", wit::Values::Dates(vec![0])),
    ];
    let mapping = mapped(&profiles(&json!({})), &columns, &[]);
    assert_eq!(
        unpacked(&mapping.batch.payloads),
        [r#"{"integrationId":"a","attributes":{"phone":"0049","Points":5,"signup_date":"1970-01-01T00:00:00Z"}}"#]
    );
    let only_id = mapped(&profiles(&json!({})), &[texts("integration_id", &[Some("a")])], &[]);
    assert_eq!(unpacked(&only_id.batch.payloads), [r#"{"integrationId":"a","attributes":{}}"#]);
}

#[test]
fn nulls_are_left_out_or_sent_and_a_default_comes_before_both() {
    let columns = [
        texts("id", &[Some("a"), Some("b")]),
        texts("x", &[None, Some("")]),
        column("y", wit::Values::Nulls(2)),
        column("z", wit::Values::Json(strings(["null", " null "]))),
    ];
    let config = |nulls: &str| {
        let mut config = mappings(&[("id", "integration_id"), ("x", "x"), ("y", "y"), ("z", "z")]);
        config["nulls"] = json!(nulls);
        config["mappings"][2]["default"] = json!(7);
        profiles(&config)
    };
    assert_eq!(
        unpacked(&mapped(&config("omit"), &columns, &[]).batch.payloads),
        [r#"{"integrationId":"a","attributes":{"y":7}}"#, r#"{"integrationId":"b","attributes":{"x":"","y":7}}"#,]
    );
    assert_eq!(
        unpacked(&mapped(&config("clear"), &columns, &[]).batch.payloads),
        [
            r#"{"integrationId":"a","attributes":{"x":null,"y":7,"z":null}}"#,
            r#"{"integrationId":"b","attributes":{"x":"","y":7,"z":null}}"#,
        ]
    );
}

#[test]
fn a_row_at_fault_names_column_value_and_form() {
    let mut config = mappings(&[("id", "integration_id"), ("age", "age")]);
    config["mappings"][1]["type"] = json!("number");
    let columns = [
        texts("id", &[Some("a"), None, Some("c"), Some("")]),
        texts("age", &[Some("4"), Some("5"), Some("six\n"), Some("7")]),
    ];
    let mapping = mapped(&profiles(&config), &columns, &[]);
    assert_eq!(mapping.batch.rows, [0]);
    assert_eq!(unpacked(&mapping.batch.keys), ["a"]);
    assert_eq!(unpacked(&mapping.batch.payloads), [r#"{"integrationId":"a","attributes":{"age":4}}"#]);
    let issue = |row: u32, key: Option<&str>, column: &str, code: &str, message: &str| RowIssue {
        row,
        key: key.map(str::to_owned),
        column: Some(column.to_owned()),
        code: code.to_owned(),
        message: message.to_owned(),
    };
    assert_eq!(
        mapping.issues,
        [
            issue(
                1,
                None,
                "id",
                "missing-id",
                "column \"id\": null is not an integration ID: expected the customer's stable ID in every row"
            ),
            issue(
                2,
                Some("c"),
                "age",
                "invalid-number",
                "column \"age\": \"six\\n\" is not a number: expected digits such as 12 or -0.5"
            ),
            issue(
                3,
                None,
                "id",
                "missing-id",
                "column \"id\": \"\" is not an integration ID: expected the customer's stable ID in every row"
            ),
        ]
    );
}

#[test]
fn an_id_has_a_thousand_characters_with_its_prefix() {
    let config = profiles(&json!({"integration_id_prefix": "ä_"}));
    let fits = "ö".repeat(998);
    let too_long = "ö".repeat(999);
    let mapping = mapped(&config, &[texts("integration_id", &[Some(&fits), Some(&too_long)])], &[]);
    assert_eq!(unpacked(&mapping.batch.keys), [format!("ä_{fits}")]);
    assert_eq!(mapping.issues[0].code, "invalid-id");
    assert!(mapping.issues[0].message.contains("at most 1000 characters"));
    assert!(mapping.issues[0].message.chars().count() < 200, "the ID is shortened");
    assert_eq!(mapping.issues[0].key, None);
}

#[test]
fn a_missing_column_fails_the_call() {
    let config = profiles(&mappings(&[("id", "integration_id"), ("loyalty", "tier")]));
    let message = failed(&config, &[texts("id", &[None]), texts("Loyalti", &[None])], &[]);
    assert_eq!(message, "the rows have no column \"loyalty\"; did you mean \"Loyalti\"?; they have id, Loyalti");
    let message = failed(&config, &[], &[]);
    assert_eq!(message, "the rows have no column \"id\"; they have no columns at all");
    let message = failed(&profiles(&json!({})), &[texts("id", &[None])], &[]);
    assert!(message.contains("no column \"integration_id\"") && message.contains("without `mappings`"), "{message}");
}

#[test]
fn a_column_that_cannot_map_to_itself_fails_the_call() {
    let message =
        failed(&profiles(&json!({})), &[texts("integration_id", &[None]), texts("loyalty tier", &[None])], &[]);
    assert!(message.contains("\"loyalty tier\" cannot be the name of an attribute"), "{message}");
}

#[test]
fn changes_match_the_rows() {
    let columns = [texts("integration_id", &[Some("a"), Some("b")])];
    let message = failed(&profiles(&json!({})), &columns, &[Change::Added]);
    assert_eq!(message, "there are 1 changes for 2 rows: expected one for each row, or none");
}

#[test]
fn no_rows_make_no_records() {
    let mapping = mapped(&profiles(&json!({})), &[texts("integration_id", &[])], &[]);
    assert_eq!(mapping.batch.rows, [0_u32; 0]);
    assert_eq!(mapping.batch.keys.offsets, [0]);
    assert_eq!(mapping.batch.payloads.data, "");
}

/// A column of some type with a value for each row, valid or not.
fn any_values(rows: usize) -> impl Strategy<Value = wit::Values> {
    let many = |texts: Vec<String>| strings(texts.iter().map(String::as_str));
    let texts = move || proptest::collection::vec("[a-c\"\\\\]{0,3}|[0-9]{1,2}|\\[1\\]|null|2024-01-0[0-9]", rows);
    prop_oneof![
        Just(wit::Values::Nulls(u32::try_from(rows).unwrap())),
        proptest::collection::vec(any::<bool>(), rows).prop_map(wit::Values::Booleans),
        proptest::collection::vec(any::<i64>(), rows).prop_map(wit::Values::Integers),
        proptest::collection::vec(any::<f64>(), rows).prop_map(wit::Values::Floats),
        texts().prop_map(move |texts| wit::Values::Decimals(many(texts))),
        texts().prop_map(move |texts| wit::Values::Texts(many(texts))),
        texts().prop_map(move |texts| wit::Values::Json(many(texts))),
        proptest::collection::vec(any::<i32>(), rows).prop_map(wit::Values::Dates),
    ]
}

fn any_columns() -> impl Strategy<Value = (Vec<wit::Column>, Vec<Change>)> {
    (0..20_usize).prop_flat_map(|rows| {
        let values = (any_values(rows), any_values(rows), any_values(rows));
        let bitmaps = proptest::collection::vec(any::<u8>(), 3 * rows.div_ceil(8));
        let change = prop_oneof![Just(Change::Added), Just(Change::Changed), Just(Change::Removed)];
        (values, bitmaps, proptest::collection::vec(change, rows)).prop_map(move |((id, a, b), bitmaps, changes)| {
            let bitmap = |number: usize| bitmaps[number * rows.div_ceil(8)..][..rows.div_ceil(8)].to_vec();
            let column =
                |name: &str, values, number| wit::Column { name: name.to_owned(), validity: bitmap(number), values };
            (vec![column("integration_id", id, 0), column("a", a, 1), column("b", b, 2)], changes)
        })
    })
}

proptest! {
    #[test]
    fn each_row_stands_in_exactly_one_of_the_two((columns, changes) in any_columns(), field_type in 0..=9_usize, clear: bool) {
        let mut config = mappings(&[("integration_id", "integration_id"), ("a", "a"), ("b", "b")]);
        if let Some((name, _)) = crate::value::FieldType::ALL.get(field_type) {
            config["mappings"][1]["type"] = json!(name);
        }
        config["nulls"] = json!(if clear { "clear" } else { "omit" });
        for config in [profiles(&config), audience("mirror")] {
            let mapping = mapped(&config, &columns, &changes);
            let mut rows: Vec<u32> =
                mapping.batch.rows.iter().copied().chain(mapping.issues.iter().map(|issue| issue.row)).collect();
            rows.sort_unstable();
            prop_assert_eq!(rows, (0..u32::try_from(changes.len()).unwrap()).collect::<Vec<_>>());
            prop_assert!(mapping.batch.rows.is_sorted());
            let keys = unpacked(&mapping.batch.keys);
            let payloads = unpacked(&mapping.batch.payloads);
            prop_assert_eq!(mapping.batch.actions.len(), mapping.batch.rows.len());
            prop_assert_eq!(keys.len(), mapping.batch.rows.len());
            prop_assert_eq!(payloads.len(), mapping.batch.rows.len());
            for (key, payload) in keys.iter().zip(payloads) {
                let payload: serde_json::Value = serde_json::from_str(payload).unwrap();
                let id = payload.get("integrationId").or(payload.get("profileIntegrationId"));
                prop_assert_eq!(id.and_then(serde_json::Value::as_str), Some(*key));
                prop_assert!(!key.is_empty());
            }
        }
    }
}
