//! The functions as an engine calls them: config in as text, failures out.

use serde_json::json;

use super::*;
use crate::testing::{
    KEY, MANAGEMENT_KEY, Server, TestClock, answer, assert_keys, audience_text, items, profile_batch, profiles_text,
    refused, status, texts, unpacked,
};
use destination_toolkit::http::Method;
use destination_toolkit::http::{Response, TransportError, TransportErrorKind};
use wit::{Action, Change, Failure, ProblemKind, Value};

fn row(change: Change, values: Vec<Value>) -> wit::Row {
    wit::Row { change, values }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn permanent<T>(result: Result<T, Failure>) -> (ProblemKind, String) {
    match result.err() {
        Some(Failure::Permanent(problem)) => (problem.kind, problem.message),
        other => (ProblemKind::Internal, format!("not a permanent failure: {other:?}")),
    }
}

#[test]
fn a_valid_config_has_no_issues() {
    assert_eq!(validate_config(&profiles_text(&json!({}))), []);
    assert_eq!(validate_config(&audience_text("mirror")), []);
    assert_eq!(validate_config("{}").len(), 3);
}

#[test]
fn an_invalid_config_fails_every_other_call() {
    let bad = profiles_text(
        &json!({"deployment_url": "https://acme.talon.one/", "nulls": "x", "api_key": format!("{KEY} ")}),
    );
    let batch = profile_batch(1, |_| String::new());
    let mut clock = TestClock::new();
    let mut server = Server::new(|_, _| status(204));
    for (kind, message) in [
        permanent(map_row(&bad, names(&["integration_id"]), row(Change::Added, vec![Value::Integer(1)]))),
        permanent(map_batch(&bad, &[texts("integration_id", &[])], &[])),
        permanent(render_batch(&bad, &batch)),
        permanent(send_batch(&bad, &batch, |_| &mut server, &mut clock)),
        permanent(check_connection(&bad, &mut server, &mut clock)),
    ] {
        assert_eq!(kind, ProblemKind::Configuration);
        for fragment in
            ["the config is not valid", "deployment_url", "expected https://acme.talon.one", "nulls", "api_key"]
        {
            assert!(message.contains(fragment), "{message}");
        }
        assert!(!message.contains(KEY), "{message}");
    }
    assert_eq!(server.requests, []);
}

#[test]
fn another_config_is_not_taken_for_the_last() {
    let columns = [texts("integration_id", &[Some("a")])];
    let key = |prefix: &str| {
        let config = profiles_text(&json!({"integration_id_prefix": prefix}));
        map_batch(&config, &columns, &[]).unwrap().batch.keys.data
    };
    assert_eq!((key("x_"), key("y_"), key("y_"), key("x_")), ("x_a".into(), "y_a".into(), "y_a".into(), "x_a".into()));
    assert!(map_batch("{}", &columns, &[]).is_err());
    assert_eq!(key("x_"), "x_a");
}

#[test]
fn one_row_is_a_batch_of_one() {
    let config = profiles_text(&json!({}));
    let mapped = map_row(
        &config,
        names(&["integration_id", "tier", "signup_date"]),
        row(
            Change::Changed,
            vec![
                Value::Integer(7),
                Value::Text("gold".to_owned()),
                Value::Timestamp("2024-05-31T12:00:00+02:00".to_owned()),
            ],
        ),
    )
    .unwrap();
    assert_eq!(mapped.key, "7");
    assert_eq!(mapped.action, Action::Upsert);
    assert_eq!(
        mapped.payload,
        r#"{"integrationId":"7","attributes":{"tier":"gold","signup_date":"2024-05-31T10:00:00Z"}}"#
    );
    let batch =
        map_batch(&config, &[texts("integration_id", &[Some("7")]), texts("tier", &[None])], &[]).unwrap().batch;
    let single = map_row(
        &config,
        names(&["integration_id", "tier"]),
        row(Change::Added, vec![Value::Text("7".to_owned()), Value::Null]),
    );
    assert_eq!(unpacked(&batch.payloads), [single.unwrap().payload]);
}

#[test]
fn a_row_at_fault_is_a_failure_of_kind_row() {
    let config = profiles_text(&json!({}));
    let (kind, message) =
        permanent(map_row(&config, names(&["integration_id"]), row(Change::Added, vec![Value::Float(7.0)])));
    assert_eq!(kind, ProblemKind::Row);
    assert!(message.contains("column \"integration_id\": 7.0 is not an integration ID"), "{message}");
    let removed = row(Change::Removed, vec![Value::Integer(7)]);
    assert_eq!(permanent(map_row(&config, names(&["integration_id"]), removed)).0, ProblemKind::Row);
    let short = row(Change::Added, vec![]);
    assert_eq!(permanent(map_row(&config, names(&["integration_id"]), short)).0, ProblemKind::Row);
    let missing = row(Change::Added, vec![Value::Integer(7)]);
    assert_eq!(permanent(map_row(&config, names(&["id"]), missing)).0, ProblemKind::Configuration);
}

#[test]
fn malformed_columns_fail_the_call() {
    let config = profiles_text(&json!({}));
    let columns = [texts("integration_id", &[None]), texts("integration_id", &[None])];
    let (kind, message) = permanent(map_batch(&config, &columns, &[]));
    assert_eq!(kind, ProblemKind::Configuration);
    assert!(message.contains("two columns are named"), "{message}");
}

#[test]
fn what_is_rendered_is_what_is_sent() {
    for (config, mode) in
        [(profiles_text(&json!({"batch_size": 3})), None), (audience_text("mirror"), Some(Action::Add))]
    {
        let mut batch = profile_batch(8, |number| format!("\"n\":{number}"));
        batch.keys = crate::testing::strings(["a", "b", "c", "a", "d", "e", "f", "b"]);
        if let Some(action) = mode {
            batch.actions.fill(action);
            batch.actions[4] = Action::Delete;
        }
        let rendered = render_batch(&config, &batch).unwrap();
        let mut server = Server::new(|_, _| status(204));
        let report = send_batch(&config, &batch, |_| &mut server, &mut TestClock::new()).unwrap().report;
        assert_eq!(report.superseded, 2);
        let sent: Vec<wit::Request> = server
            .requests
            .iter()
            .map(|request| wit::Request {
                method: request.method.name().to_owned(),
                path: request.path.clone().into_owned(),
                body: wit::Body::Text(request.body.clone()),
            })
            .collect();
        assert_eq!(rendered, sent);
        assert_eq!(server.requests.iter().map(|request| items(request).len()).sum::<usize>(), 6);
    }
    assert_eq!(render_batch(&profiles_text(&json!({})), &profile_batch(0, |_| String::new())), Ok(Vec::new()));
}

fn checked(
    config: &str,
    answer: &Result<Response, TransportError>,
) -> (Result<wit::ConnectionCheck, Failure>, Vec<destination_toolkit::http::Request>) {
    let mut server = Server::new(|_, _| answer.clone());
    let checked = check_connection(config, &mut server, &mut TestClock::new());
    (checked, server.requests)
}

#[test]
fn a_check_says_what_it_saw_and_what_it_could_not() {
    let mappings = json!({"mappings": [
        {"source": "id", "destination": "integration_id"},
        {"source": "t", "destination": "tier"},
        {"source": "p", "destination": "Plan"},
    ]});
    let (check, requests) = checked(&profiles_text(&mappings), &status(204));
    let check = check.unwrap();
    assert_eq!(check.verified, ["https://acme.talon.one answers", "Talon.One accepts the API key"]);
    assert_eq!(
        check.unverified,
        [
            "that the API key may call PUT /v2/customer_profiles",
            "that the attributes tier, Plan exist in Talon.One (Account > Tools > Attributes)",
        ]
    );
    assert_eq!(requests.len(), 1);
    assert_eq!(
        (requests[0].method, requests[0].path.as_ref(), requests[0].body.as_str()),
        (Method::Get, "/v2/authping", "")
    );
    let only_id = json!({"mappings": [{"source": "id", "destination": "integration_id"}]});
    for (config, count) in [(only_id, 1), (json!({}), 2)] {
        let (check, _) = checked(&profiles_text(&config), &status(204));
        assert_eq!(check.unwrap().unverified.len(), count);
    }
    let (check, _) = checked(&audience_text("add"), &status(204));
    assert_eq!(
        check.unwrap().unverified,
        ["that the API key may call POST /v2/customer_audiences", "that there is an audience 42",]
    );
}

#[test]
fn a_check_says_whether_the_management_key_is_taken() {
    let config = profiles_text(&json!({"management_key": MANAGEMENT_KEY}));
    let check = |management: Result<Response, TransportError>| {
        let mut server = Server::new(|number, _| if number == 0 { status(204) } else { management.clone() });
        let checked = check_connection(&config, &mut server, &mut TestClock::new());
        assert_keys(&server);
        assert_eq!(server.requests.len(), 2, "nothing is repeated");
        checked
    };
    let taken = check(answer(200, &json!({"data": [], "totalResultSize": 9}))).unwrap();
    assert_eq!(taken.verified[2], "Talon.One accepts the Management API key");
    let unknown = check(status(429)).unwrap();
    assert_eq!(unknown.verified.len(), 2);
    assert!(
        unknown.unverified.iter().any(|line| line.starts_with("that Talon.One accepts the Management API key (rate"))
    );
    let (kind, message) = permanent(check(status(401)));
    assert_eq!(kind, ProblemKind::Authentication);
    assert!(message.contains("management_key"), "{message}");
}

#[test]
fn a_failed_check_says_why_and_is_not_repeated() {
    let config = audience_text("add");
    for (answer, transient, kind) in [
        (status(401), false, ProblemKind::Authentication),
        (status(404), false, ProblemKind::NotFound),
        (status(307), false, ProblemKind::NotFound),
        (refused(400, "no", &[]), false, ProblemKind::Refused),
        (status(429), true, ProblemKind::RateLimited),
        (status(500), true, ProblemKind::Server),
        (
            Err(TransportError { kind: TransportErrorKind::Connect, detail: "refused".to_owned() }),
            true,
            ProblemKind::Connection,
        ),
    ] {
        let (check, requests) = checked(&config, &answer);
        let failure = check.unwrap_err();
        assert_eq!(matches!(failure, Failure::Transient(_)), transient, "{failure:?}");
        assert!(matches!(&failure, Failure::Transient(problem) | Failure::Permanent(problem) if problem.kind == kind));
        // What is missing is the address, not an audience: none was asked for.
        assert!(!format!("{failure:?}").contains("no audience"), "{failure:?}");
        assert_eq!(requests.len(), 1);
    }
}
