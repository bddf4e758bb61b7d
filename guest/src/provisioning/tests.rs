//! What is missing is found, created once, and nothing else is.

use std::cell::RefCell;

use destination_toolkit::bindings::Values;
use destination_toolkit::http::{Method, Request, Response, TransportError, TransportErrorKind};
use serde_json::{Value, json};

use super::*;
use crate::testing::{
    KEY, MANAGEMENT_KEY, Server, TestClock, answer, assert_keys, audience, column, managed, managed_audience,
    permanent, profiles, status_of, strings, texts,
};

/// An account that creates what it is asked to.
#[derive(Default)]
struct Account {
    attributes: Vec<Value>,
    audiences: Vec<Value>,
    /// The answers of requests that create get lost.
    loses_answers: bool,
}

impl Account {
    fn take(account: &RefCell<Self>, request: &Request) -> Result<Response, TransportError> {
        let this = &mut *account.borrow_mut();
        let path = request.path.split('?').next().unwrap_or_default();
        let list = match path {
            "/v1/attributes" => &mut this.attributes,
            "/v1/audiences" | "/v2/audiences" => &mut this.audiences,
            _ => return answer(404, &json!({"message": path})),
        };
        if request.method == Method::Get {
            return answer(200, &json!({"data": list, "totalResultSize": list.len()}));
        }
        let mut object: Value = serde_json::from_str(&request.body).unwrap();
        if path == "/v1/attributes" && list.iter().any(|there| there["name"] == object["name"]) {
            return answer(409, &json!({"message": "an attribute of this name exists"}));
        }
        object["id"] = json!(list.len() + 1);
        list.push(object.clone());
        if this.loses_answers {
            return Err(TransportError { kind: TransportErrorKind::Reset, detail: "reset".to_owned() });
        }
        answer(201, &object)
    }

    fn with(attributes: &[(&str, &str)], audiences: &[(i64, &str)]) -> RefCell<Self> {
        let attribute = |(name, api_type): &(&str, &str)| json!({"id": 1, "entity": "CustomerProfile", "name": name, "type": api_type, "description": ""});
        RefCell::new(Self {
            attributes: attributes.iter().map(attribute).collect(),
            audiences: audiences.iter().map(|(id, name)| json!({"id": id, "name": name})).collect(),
            loses_answers: false,
        })
    }
}

fn mapped() -> Config {
    managed(&json!({"mappings": [
        {"source": "id", "destination": "integration_id"},
        {"source": "points", "destination": "points"},
        {"source": "tags", "destination": "tags", "type": "list(string)"},
        {"source": "mail", "destination": "email"},
        {"source": "since", "destination": "since"},
    ]}))
}

fn columns() -> Vec<Column> {
    vec![
        texts("id", &[]),
        column("points", Values::Integers(Vec::new())),
        column("tags", Values::Json(strings([]))),
        texts("mail", &[]),
        column("since", Values::Dates(Vec::new())),
    ]
}

fn shown(missing: &[MissingObject]) -> Vec<(&str, &str, Option<&str>)> {
    missing.iter().map(|object| (object.kind.as_str(), object.name.as_str(), object.field_type.as_deref())).collect()
}

#[test]
fn what_is_missing_is_planned_created_and_then_there() {
    let account = Account::with(&[("points", "number")], &[]);
    let mut server = Server::new(|_, request| Account::take(&account, request));
    let (config, mut clock) = (mapped(), TestClock::new());
    let missing = config.plan(&columns(), &mut server, &mut clock).unwrap();
    assert_eq!(
        shown(&missing),
        [("attribute", "tags", Some("list(string)")), ("attribute", "since", Some("time"))],
        "what every account has and what is there is not missing"
    );
    config.create(&missing, &mut server, &mut clock).unwrap();
    assert_eq!(config.plan(&columns(), &mut server, &mut clock).unwrap(), []);
    assert_keys(&server);
    let created = account.borrow().attributes[1].clone();
    assert_eq!(created["type"], "(list string)");
    for member in ["entity", "name", "title", "type", "description", "suggestions", "editable"] {
        assert!(!created[member].is_null(), "{member} is required");
    }
    let creating = server.requests.iter().filter(|request| request.method == Method::Post).count();
    assert_eq!(creating, 2);
    assert!(
        server.requests.iter().all(|request| matches!(request.method, Method::Get | Method::Post)),
        "nothing is deleted"
    );
    config.create(&missing, &mut server, &mut clock).unwrap();
    assert_eq!(account.borrow().attributes.len(), 3, "a repeated call finds all of it there");
}

#[test]
fn an_answer_that_got_lost_creates_nothing_twice() {
    let account = Account::with(&[], &[]);
    account.borrow_mut().loses_answers = true;
    let mut server = Server::new(|_, request| Account::take(&account, request));
    let mut clock = TestClock::new();
    let config = mapped();
    let missing = config.plan(&columns(), &mut server, &mut clock).unwrap();
    config.create(&missing, &mut server, &mut clock).unwrap();
    assert_eq!(account.borrow().attributes.len(), 3);
    let creating = server.requests.iter().filter(|request| request.method == Method::Post).count();
    assert_eq!((creating, clock.slept.len()), (6, 3), "what is there already (409) is not asked for again");
    let config = managed_audience(&json!({"audience_id": null, "audience_name": "VIP", "create_audience": true}));
    let resolved = config.resolve("{}".to_owned(), &mut server, &mut clock).unwrap();
    assert_eq!((resolved.as_str(), account.borrow().audiences.len()), ("{\"audience_id\":1}", 1));
}

#[test]
fn a_type_that_nobody_says_is_asked_for() {
    let account = Account::with(&[], &[]);
    let mut server = Server::new(|_, request| Account::take(&account, request));
    let columns = [texts("integration_id", &[]), column("basket", Values::Json(strings([])))];
    let (_, message) = permanent(managed(&json!({})).plan(&columns, &mut server, &mut TestClock::new()));
    assert!(message.contains("\"basket\" (the column \"basket\"); write `type`"), "{message}");
}

#[test]
fn a_refusal_names_what_was_not_created() {
    let mut server = Server::new(|_, request| match request.method {
        Method::Get => answer(200, &json!({"data": [], "totalResultSize": 0})),
        _ => answer(400, &json!({"message": "title is taken"})),
    });
    let object = MissingObject {
        kind: "attribute".to_owned(),
        name: "tags".to_owned(),
        field_type: Some("string".to_owned()),
        description: String::new(),
    };
    let mut taken = Server::new(|_, request| match request.method {
        Method::Get => answer(200, &json!({"data": [], "totalResultSize": 0})),
        _ => answer(409, &json!({"message": "title is taken"})),
    });
    let created = mapped().create(std::slice::from_ref(&object), &mut taken, &mut TestClock::new());
    assert_eq!(status_of(&created), Some(409));
    let (kind, message) = permanent(created);
    assert!(kind == ProblemKind::Refused && message.contains("Talon.One refused POST /v1/attributes"), "{message}");
    let (_, message) = permanent(mapped().create(std::slice::from_ref(&object), &mut server, &mut TestClock::new()));
    assert!(
        message.starts_with("the attribute \"tags\" was not created") && message.contains("title is taken"),
        "{message}"
    );
    for (kind, field_type) in [("attribute", Some("rgb")), ("attribute", None), ("table", None)] {
        let object =
            MissingObject { kind: kind.to_owned(), field_type: field_type.map(str::to_owned), ..object.clone() };
        let (_, message) = permanent(mapped().create(&[object], &mut server, &mut TestClock::new()));
        assert!(message.contains("has no type") || message.contains("\"table\" can't be created"), "{message}");
    }
}

#[test]
fn a_name_is_resolved_and_created_only_if_the_config_says_so() {
    let text = |create: bool| {
        json!({
            "deployment_url": "https://acme.talon.one", "api_key": KEY, "management_key": MANAGEMENT_KEY,
            "object_type": "customer_profile_audiences", "sync_mode": "mirror", "audience_name": "VIP", "create_audience": create,
            "integration_id_prefix": "app1_",
        })
        .to_string()
    };
    let resolve = |account: &RefCell<Account>, create: bool| {
        let mut server = Server::new(|_, request| Account::take(account, request));
        let config = Config::parse(&text(create)).ok().unwrap();
        let resolved = config.resolve(text(create), &mut server, &mut TestClock::new());
        assert_keys(&server);
        resolved
    };
    let account = Account::with(&[], &[(7, "vip"), (9, "VIP"), (11, "Vip ")]);
    let resolved = resolve(&account, true).unwrap();
    let config = Config::parse(&resolved).ok().unwrap();
    assert_eq!((config.object.audience().map(AudienceId::number), config.named_audience), (Some(9), None));
    assert_eq!(config.integration_id_prefix, "app1_", "what else there is stays");
    assert_eq!(account.borrow().audiences.len(), 3);

    let account = Account::with(&[], &[(7, "vip")]);
    let (_, message) = permanent(resolve(&account, false));
    assert!(message.contains("no audience named \"VIP\" (did you mean \"vip\"?)"), "{message}");
    assert_eq!(account.borrow().audiences.len(), 1);
    assert!(resolve(&account, true).unwrap().contains("\"audience_id\":2"));
    assert_eq!(account.borrow().audiences[1], json!({"id": 2, "name": "VIP"}));

    let account = Account::with(&[], &[(7, "VIP"), (9, "VIP")]);
    let (_, message) = permanent(resolve(&account, true));
    assert!(message.contains("several audiences named \"VIP\": 7, 9; write audience_id"), "{message}");
}

#[test]
fn an_audience_is_planned_and_created() {
    let account = Account::with(&[], &[]);
    let mut server = Server::new(|_, request| Account::take(&account, request));
    let mut clock = TestClock::new();
    let config = managed_audience(&json!({"audience_id": null, "audience_name": "VIP"}));
    let columns = [texts("integration_id", &[])];
    let missing = config.plan(&columns, &mut server, &mut clock).unwrap();
    assert_eq!(shown(&missing), [("audience", "VIP", None)]);
    config.create(&missing, &mut server, &mut clock).unwrap();
    config.create(&missing, &mut server, &mut clock).unwrap();
    assert_eq!(account.borrow().audiences.len(), 1);
    assert_eq!(config.plan(&columns, &mut server, &mut clock).unwrap(), []);
    assert_keys(&server);
}

#[test]
fn what_needs_nothing_asks_nothing() {
    let mut server = Server::new(|_, _| answer(500, &json!({})));
    let mut clock = TestClock::new();
    for config in [profiles(&json!({})), audience("add"), managed(&json!({})), managed_audience(&json!({}))] {
        assert_eq!(config.resolve("{ }".to_owned(), &mut server, &mut clock).as_deref(), Ok("{ }"), "byte for byte");
        config.create(&[], &mut server, &mut clock).unwrap();
    }
    let columns = [texts("integration_id", &[])];
    assert_eq!(managed_audience(&json!({})).plan(&columns, &mut server, &mut clock), Ok(Vec::new()));
    let (_, message) = permanent(profiles(&json!({})).plan(&columns, &mut server, &mut clock));
    assert!(message.starts_with("management_key is missing"), "{message}");
    assert!(server.requests.is_empty());
}
