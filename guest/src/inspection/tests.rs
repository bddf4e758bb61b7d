//! What is looked at, against a Talon.One that answers by its published description.

use serde_json::{Value, json};

use super::*;
use crate::testing::{
    Server, TestClock, answer, assert_keys, audience, column, managed, managed_audience, permanent, profile_batch,
    profiles, status_of, strings, texts,
};
use destination_toolkit::bindings::{Action, ProblemKind, Values};
use destination_toolkit::http::{Request, Response, TransportError};

fn attribute(name: &str, api_type: &str, more: &Value) -> Value {
    let mut attribute = json!({
        "id": 1, "created": "2024-01-01T00:00:00Z", "accountId": 1, "entity": "CustomerProfile", "name": name, "title": name,
        "type": api_type, "description": format!("the {name}"), "suggestions": [], "editable": true,
    });
    for (key, value) in more.as_object().unwrap() {
        attribute[key] = value.clone();
    }
    attribute
}

fn listed_audience(id: i64, name: &str) -> Value {
    json!({"id": id, "created": "2024-01-01T00:00:00Z", "accountId": 1, "name": name})
}

/// A page of a list by the request's own `pageSize` and `skip`.
fn page_of(all: &[Value], request: &Request, has_more: bool) -> Result<Response, TransportError> {
    let parameter = |name: &str| {
        let (_, query) = request.path.split_once('?').unwrap();
        let value = query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")));
        value.unwrap().parse::<usize>().unwrap()
    };
    let (size, skip) = (parameter("pageSize"), parameter("skip"));
    let data: Vec<&Value> = all.iter().skip(skip).take(size).collect();
    let more = skip + data.len() < all.len();
    answer(
        200,
        &if has_more {
            json!({"data": data, "hasMore": more})
        } else {
            json!({"data": data, "totalResultSize": all.len()})
        },
    )
}

fn attributes() -> Vec<Value> {
    vec![
        attribute("points", "number", &json!({})),
        attribute("tier", "string", &json!({"restrictedBySuggestions": true, "suggestions": ["gold"]})),
        attribute("tags", "(list string)", &json!({"restrictedBySuggestions": false})),
        attribute("born", "time", &json!({})),
        attribute("color", "string", &json!({"entity": "CartItem"})),
        attribute("odd", "rgb", &json!({})),
        attribute("email", "string", &json!({"editable": false})),
    ]
}

#[test]
fn fields_and_targets_are_discovered_over_all_pages() {
    let attributes: Vec<Value> = attributes()
        .into_iter()
        .chain((0..1500).map(|n| attribute(&format!("a{n:04}"), "boolean", &json!({}))))
        .collect();
    let audiences: Vec<Value> = (1..=2000).map(|id| listed_audience(id, &format!("audience {id}"))).collect();
    let mut server = Server::new(|_, request| match request.path.starts_with("/v1/attributes") {
        true => page_of(&attributes, request, false),
        false => page_of(&audiences, request, true),
    });
    let discovery = managed(&json!({})).discover(&mut server, &mut TestClock::new()).unwrap();
    assert_eq!(server.requests.len(), 4);
    assert_keys(&server);
    let field = |name: &str| {
        let found = discovery.fields.iter().find(|field| field.name == name);
        found.map(|field| (field.field_type.as_str(), field.closed_list, field.custom))
    };
    assert_eq!(field("points"), Some(("number", false, true)));
    assert_eq!(field("tier"), Some(("string", true, true)));
    assert_eq!(field("tags"), Some(("list(string)", false, true)));
    assert_eq!(field("odd"), Some(("rgb", false, true)));
    assert_eq!(field("email"), Some(("string", false, false)), "every account has it");
    assert_eq!(field("signup_date"), Some(("time", false, false)), "though it is not listed");
    assert_eq!(field("color"), None, "of another entity");
    assert_eq!(discovery.fields.len(), 6 + 3 + 1500);
    assert_eq!(discovery.targets.len(), 2000);
    assert_eq!((discovery.targets[1].id.as_str(), discovery.targets[1].name.as_str()), ("2", "audience 2"));
}

#[test]
fn without_the_key_nothing_is_asked() {
    let mut server = Server::new(|_, _| answer(200, &json!({"data": []})));
    let (kind, message) = permanent(profiles(&json!({})).discover(&mut server, &mut TestClock::new()));
    assert_eq!(kind, ProblemKind::Configuration);
    assert!(message.starts_with("management_key is missing"), "{message}");
    let columns = [texts("integration_id", &[]), texts("undefined", &[])];
    let compared = profiles(&json!({})).compare_fields(&columns, &mut server, &mut TestClock::new());
    assert_eq!(compared.unwrap(), None);
    assert!(server.requests.is_empty());
}

#[test]
fn every_endpoint_has_its_limit() {
    let limits = Config::route_limits();
    assert!(limits.iter().all(|limit| limit.requests_per_second == 3 && limit.path.starts_with("/v1/")), "{limits:?}");
    assert_eq!(limits.len(), 6);
}

#[test]
fn a_refused_key_is_named_with_the_endpoint() {
    let mut server = Server::new(|_, _| answer(401, &json!({"message": "Invalid API key"})));
    let (kind, message) = permanent(managed(&json!({})).discover(&mut server, &mut TestClock::new()));
    assert_eq!(kind, ProblemKind::Authentication);
    assert!(message.contains("check that management_key is a Management API key"), "{message}");
    assert!(message.contains("GET /v1/attributes") && message.contains("Invalid API key"), "{message}");
    assert_eq!(server.requests.len(), 1);
}

#[test]
fn what_passes_is_asked_again_and_a_page_that_breaks_off_is_not_counted_twice() {
    let mut clock = TestClock::new();
    let all = attributes();
    let mut server = Server::new(|number, request| match number {
        0 => answer(429, &json!({"message": "slow down"})),
        1 => answer(503, &json!({})),
        2 => page_of(&all, request, false).map(|whole| Response {
            body: whole.body[..400].to_vec(),
            truncated: Some(destination_toolkit::http::TransportErrorKind::Reset),
            ..whole
        }),
        _ if request.path.starts_with("/v1/attributes") => page_of(&all, request, false),
        _ => answer(200, &json!({"data": []})),
    });
    let discovery = managed(&json!({})).discover(&mut server, &mut clock).unwrap();
    assert_eq!(discovery.fields.len(), 6 + 3);
    assert_eq!((server.requests.len(), clock.slept.len()), (5, 3));
}

/// Found by fuzzing: a server that gives its first page whatever was skipped was asked without end.
#[test]
fn a_page_that_comes_again_ends_the_listing() {
    let mut server = Server::new(|_, _| answer(200, &json!({"data": attributes(), "hasMore": true})));
    let (kind, message) = permanent(managed(&json!({})).discover(&mut server, &mut TestClock::new()));
    assert_eq!((kind, server.requests.len()), (ProblemKind::Server, 2));
    assert!(message.contains("a page begins like the one before it"), "{message}");
}

/// Found by fuzzing: an engine refuses a field without a name as the plugin's fault.
#[test]
fn an_attribute_without_a_name_is_not_discovered() {
    let mut server = Server::new(|_, request| match request.path.starts_with("/v1/attributes") {
        true => answer(
            200,
            &json!({"data": [attribute("", "string", &json!({})), attribute("tier", "string", &json!({}))]}),
        ),
        false => answer(200, &json!({"data": []})),
    });
    let discovery = managed(&json!({})).discover(&mut server, &mut TestClock::new()).unwrap();
    assert!(discovery.fields.iter().all(|field| !field.name.is_empty()));
    assert!(discovery.fields.iter().any(|field| field.name == "tier"));
}

#[test]
fn what_is_not_as_documented_is_named() {
    for (body, what) in [
        (
            json!({"data": [{"entity": "CustomerProfile", "name": "x", "description": ""}]}),
            "element 0 of \"data\": \"type\" is missing",
        ),
        (json!({"data": [1]}), "element 0 of \"data\": 1: expected a JSON object"),
        (json!({"attributes": []}), "not a JSON object with a list \"data\""),
        (json!({"data": [], "totalResultSize": 3}), "says that there are more"),
    ] {
        let mut server = Server::new(|_, _| answer(200, &body));
        let discovered = managed(&json!({})).discover(&mut server, &mut TestClock::new());
        assert_eq!(status_of(&discovered), Some(200), "there was an answer");
        let (kind, message) = permanent(discovered);
        assert_eq!(kind, ProblemKind::Server);
        assert!(message.contains(what) && message.contains("GET /v1/attributes"), "{message}");
    }
}

fn mapping(source: &str, destination: &str, more: &Value) -> Value {
    let mut mapping = json!({"source": source, "destination": destination});
    for (key, value) in more.as_object().unwrap() {
        mapping[key] = value.clone();
    }
    mapping
}

fn columns() -> Vec<Column> {
    vec![
        texts("id", &[]),
        texts("text", &[]),
        column("number", Values::Integers(Vec::new())),
        column("flag", Values::Booleans(Vec::new())),
        column("day", Values::Dates(Vec::new())),
        column("json", Values::Json(strings([]))),
        column("none", Values::Nulls(0)),
    ]
}

/// The faults and the notes of one mapping beside that of the ID.
fn compared(mapped: &Value) -> (Vec<(String, String, String)>, Vec<String>) {
    let mut server = Server::new(|_, request| page_of(&attributes(), request, false));
    let config = managed(&json!({"mappings": [mapping("id", "integration_id", &json!({})), mapped]}));
    let comparison = config.compare_fields(&columns(), &mut server, &mut TestClock::new()).unwrap().unwrap();
    let fault = |issue: wit::ConfigIssue| (issue.path, issue.message, issue.hint.unwrap_or_default());
    (
        comparison.faults.into_iter().map(fault).collect(),
        comparison.notes.into_iter().map(|issue| format!("{}: {}", issue.path, issue.message)).collect(),
    )
}

use destination_toolkit::bindings as wit;

#[test]
fn an_attribute_that_is_not_defined_is_named_with_the_nearest() {
    for (name, hint) in [
        ("Points", "did you mean `points`?"),
        ("emial", "did you mean `email`?"),
        ("lifetime_value", "create the attribute first"),
    ] {
        let (faults, _) = compared(&mapping("number", name, &json!({})));
        let [(path, message, told)] = faults.as_slice() else { unreachable!("{faults:?}") };
        assert_eq!(path, "mappings[1].destination");
        assert!(message.contains(&format!("\"{name}\"")) && told.contains(hint), "{message} {told}");
    }
    assert_eq!(compared(&mapping("text", "phone", &json!({}))).0, [], "every account has it, listed or not");
}

#[test]
fn a_type_that_does_not_fit_is_a_fault() {
    let declared = |of: &str| json!({ "type": of });
    for (source, destination, more, path, hint) in [
        ("text", "points", declared("string"), "mappings[1].type", "write type = \"number\""),
        ("text", "points", json!({}), "mappings[1].source", "write type = \"number\" in the mapping"),
        ("flag", "points", json!({}), "mappings[1].source", "map a column of numbers"),
        ("number", "tier", json!({}), "mappings[1].source", "write type = \"string\" in the mapping"),
        ("text", "tags", json!({}), "mappings[1].source", "write type = \"list(string)\""),
        ("number", "born", json!({}), "mappings[1].source", "map a column of times"),
        ("text", "email", declared("number"), "mappings[1].type", "write type = \"string\""),
    ] {
        let (faults, _) = compared(&mapping(source, destination, &more));
        let [(seen, message, told)] = faults.as_slice() else { unreachable!("{source} {destination}: {faults:?}") };
        assert_eq!(seen, path, "{message}");
        assert!(told.contains(hint), "{told}");
    }
    for (source, destination, more) in [
        ("text", "points", declared("number")),
        ("number", "points", json!({})),
        ("number", "tier", declared("string")),
        ("day", "tier", json!({})),
        ("day", "born", json!({})),
        ("json", "tags", json!({})),
        ("none", "points", json!({})),
        ("text", "odd", json!({})),
        ("text", "email", json!({})),
    ] {
        assert_eq!(compared(&mapping(source, destination, &more)).0, [], "{source} {destination}");
    }
}

#[test]
fn a_closed_list_and_an_unchecked_time_are_told() {
    let (faults, notes) = compared(&mapping("text", "tier", &json!({})));
    assert_eq!(faults, []);
    let closed = "mappings[1].destination: the attribute \"tier\" takes only the values of its list";
    assert!(notes.len() == 1 && notes[0].starts_with(closed), "{notes:?}");
    let (_, notes) = compared(&mapping("text", "born", &json!({})));
    let unchecked = notes.len() == 1 && notes[0].starts_with("mappings[1].source: ");
    assert!(unchecked && notes[0].contains("type = \"time\""), "{notes:?}");
}

#[test]
fn columns_that_map_to_themselves_are_compared_too() {
    let mut server = Server::new(|_, request| page_of(&attributes(), request, false));
    let columns = [texts("integration_id", &[]), texts("points", &[]), texts("gone", &[])];
    let comparison = managed(&json!({})).compare_fields(&columns, &mut server, &mut TestClock::new()).unwrap().unwrap();
    let paths: Vec<&str> = comparison.faults.iter().map(|fault| fault.path.as_str()).collect();
    assert_eq!(paths, ["mappings", "mappings"]);
    let (_, message) = permanent(managed(&json!({})).compare_fields(&columns[1..], &mut server, &mut TestClock::new()));
    assert!(message.contains("no column \"integration_id\""), "{message}");
}

#[test]
fn an_audience_has_no_attributes_to_compare() {
    let mut server = Server::new(|_, _| answer(500, &json!({})));
    let comparison = managed_audience(&json!({})).compare_fields(
        &[texts("integration_id", &[])],
        &mut server,
        &mut TestClock::new(),
    );
    assert_eq!(comparison.unwrap(), Some(Comparison::default()));
    assert!(server.requests.is_empty());
}

fn profile(id: &str, attributes: &Value, audiences: &[i64]) -> Value {
    let audiences: Vec<Value> = audiences.iter().map(|id| json!({"id": id, "name": "a"})).collect();
    json!({
        "id": 7, "created": "2024-01-01T00:00:00Z", "integrationId": id, "attributes": attributes, "accountId": 1,
        "closedSessions": 0, "totalSales": 1.5, "lastActivity": "2024-01-01T00:00:00Z", "audienceMemberships": audiences,
    })
}

/// The profiles of the customers that a search asks for.
fn found(all: &[Value], request: &Request) -> Vec<Value> {
    let body: Value = serde_json::from_str(&request.body).unwrap();
    let asked = body["integrationIDs"].as_array().unwrap();
    all.iter().filter(|profile| asked.contains(&profile["integrationId"])).cloned().collect()
}

/// `(record, field, expected, found)`.
fn told(differences: &[Difference]) -> Vec<(u32, &str, &str, &str)> {
    let or_none =
        |text: &'_ Option<String>| text.as_deref().map_or("-", |text| Box::leak(text.to_owned().into_boxed_str()));
    differences.iter().map(|d| (d.record_index, or_none(&d.field), or_none(&d.expected), or_none(&d.found))).collect()
}

#[test]
fn attributes_are_compared_value_by_value() {
    let batch = profile_batch(5, |number| match number {
        0 => r#""points":1.50,"born":"2024-05-31T10:00:00Z","tags":["a","b"]"#.to_owned(),
        1 => r#""points":9007199254740993,"gone":"x","name":"Zo\u00eb""#.to_owned(),
        2 => r#""points":1"#.to_owned(),
        3 => r#""points":null,"name":null"#.to_owned(),
        _ => String::new(),
    });
    let all = [
        profile("c0", &json!({"points": 1.5, "born": "2024-05-31T12:00:00+02:00", "tags": ["a", "b"], "more": 1}), &[]),
        profile("c1", &json!({"points": 9_007_199_254_740_992_i64, "name": "Zoë"}), &[]),
        profile("c3", &json!({"points": 3, "name": null}), &[]),
        profile("c4", &json!({}), &[]),
    ];
    let expected = [
        (1, "points", "9007199254740993", "9007199254740992"),
        (1, "gone", "\"x\"", "-"),
        (2, "-", "a profile", "-"),
        (3, "points", "null", "3"),
    ];
    let mut server = Server::new(|_, request| answer(200, &json!({"data": found(&all, request), "hasMore": false})));
    let differences = managed(&json!({})).compare_records(&batch, &mut server, &mut TestClock::new()).unwrap();
    assert_eq!(told(&differences), expected);
    assert_eq!(server.requests.len(), 1);
    assert_eq!(server.requests[0].path, "/v1/customer_search/no_total?pageSize=1000&skip=0");
    assert_keys(&server);

    let mut server = Server::new(|_, request| {
        let id = request.path.strip_prefix("/v1/customer_profiles/").unwrap().split('/').next().unwrap();
        match all.iter().find(|profile| profile["integrationId"] == id) {
            Some(profile) => answer(200, &json!({"profile": profile})),
            None => answer(404, &json!({"message": "not found"})),
        }
    });
    let differences = profiles(&json!({})).compare_records(&batch, &mut server, &mut TestClock::new()).unwrap();
    assert_eq!(told(&differences), expected);
    assert_eq!(server.requests.len(), 5);
    assert_keys(&server);
}

#[test]
fn memberships_are_compared_by_what_the_record_asks() {
    let mut batch = profile_batch(5, |_| String::new());
    batch.actions = vec![Action::Add, Action::Add, Action::Delete, Action::Delete, Action::Add];
    let all = [
        profile("c0", &json!({}), &[7, 42]),
        profile("c1", &json!({}), &[7]),
        profile("c2", &json!({}), &[42]),
        profile("c9", &json!({}), &[42]),
    ];
    let expected = [
        (1, "-", "a member of audience 42", "-"),
        (2, "-", "-", "a member of audience 42"),
        (4, "-", "a member of audience 42", "-"),
    ];
    // One that was not asked for is no matter.
    let mut server = Server::new(|_, _| answer(200, &json!({"data": all})));
    let differences = managed_audience(&json!({})).compare_records(&batch, &mut server, &mut TestClock::new()).unwrap();
    assert_eq!(told(&differences), expected);
    assert_keys(&server);

    let mut server = Server::new(|_, request| {
        let id = request.path.strip_prefix("/v1/customer_profiles/").unwrap().split('/').next().unwrap();
        match all.iter().find(|profile| profile["integrationId"] == id) {
            Some(profile) => answer(200, &json!({"profile": profile})),
            None => answer(404, &json!({"errors": []})),
        }
    });
    let differences = audience("mirror").compare_records(&batch, &mut server, &mut TestClock::new()).unwrap();
    assert_eq!(told(&differences), expected);
}

#[test]
fn more_records_than_a_page_are_asked_for_in_parts() {
    let batch = profile_batch(2500, |_| String::new());
    let all: Vec<Value> = (0..2500).map(|number| profile(&format!("c{number}"), &json!({}), &[])).collect();
    let mut server = Server::new(|_, request| answer(200, &json!({"data": found(&all, request), "hasMore": false})));
    let differences = managed(&json!({})).compare_records(&batch, &mut server, &mut TestClock::new()).unwrap();
    assert_eq!((differences.len(), server.requests.len()), (0, 3));
    let empty = profile_batch(0, |_| String::new());
    let mut server = Server::new(|_, _| answer(500, &json!({})));
    assert_eq!(managed(&json!({})).compare_records(&empty, &mut server, &mut TestClock::new()), Ok(Vec::new()));
    assert!(server.requests.is_empty());
}

#[test]
fn the_last_record_of_a_key_counts() {
    let mut batch = profile_batch(3, |number| format!("\"points\":{number}"));
    batch.keys = strings(["a", "b", "a"]);
    let all = [profile("a", &json!({"points": 2}), &[]), profile("b", &json!({"points": 1}), &[])];
    let mut server = Server::new(|_, request| answer(200, &json!({"data": found(&all, request)})));
    assert_eq!(managed(&json!({})).compare_records(&batch, &mut server, &mut TestClock::new()), Ok(Vec::new()));
}

#[test]
fn an_id_that_no_url_can_name_needs_the_search() {
    for (id, path) in [("a/b ?", "/v1/customer_profiles/a%2Fb%20%3F/inventory?profile=true"), ("..", "")] {
        let mut batch = profile_batch(1, |_| String::new());
        batch.keys = strings([id]);
        let mut server = Server::new(|_, _| answer(200, &json!({"profile": profile(id, &json!({}), &[])})));
        let compared = profiles(&json!({})).compare_records(&batch, &mut server, &mut TestClock::new());
        if path.is_empty() {
            let (kind, message) = permanent(compared);
            assert!(kind == ProblemKind::Configuration && message.contains("add management_key"), "{message}");
        } else {
            assert_eq!((compared, server.requests[0].path.as_ref()), (Ok(Vec::new()), path));
        }
    }
}

#[test]
fn a_profile_that_is_not_as_documented_fails_the_comparison() {
    let batch = profile_batch(1, |_| "\"points\":1".to_owned());
    for (answered, what) in [
        (json!({}), "\"profile\" is missing"),
        (json!({"profile": {"integrationId": "c0"}}), "\"attributes\" is missing"),
        (json!({"profile": 1}), "\"profile\" is 1: expected a JSON object"),
    ] {
        let mut server = Server::new(|_, _| answer(200, &answered));
        let (_, message) = permanent(profiles(&json!({})).compare_records(&batch, &mut server, &mut TestClock::new()));
        assert!(message.contains(what), "{message}");
    }
    let mut server = Server::new(|_, _| answer(404, &json!({})));
    let (_, message) = permanent(profiles(&json!({})).compare_records(&batch, &mut server, &mut TestClock::new()));
    assert!(message.contains("404 without a message"), "an address that is not there is no missing profile: {message}");
}
