use destination_toolkit::http::Headers;
use destination_toolkit::http::error_body::ErrorBody;
use serde_json::json;

use super::*;
use crate::testing::{KEY, audience, profiles, refused, status};

const NOW: i64 = 784_111_777;

fn read(answer: Result<Response, TransportError>, config: &Config) -> Disposition {
    disposition(answer, config, RequestKind::Records, NOW)
}

fn of_status(config: &Config, status_code: u16) -> Disposition {
    read(status(status_code), config)
}

fn problem_of(disposition: Disposition) -> (&'static str, Problem) {
    match disposition {
        Disposition::Transient(problem) => ("transient", problem),
        Disposition::Permanent(problem) => ("permanent", problem),
        other => ("none", problem(ProblemKind::Internal, format!("{other:?}"))),
    }
}

fn success(code: u16, content_type: &str, body: &str) -> Result<Response, TransportError> {
    let headers = Headers {
        content_type: Some(content_type.to_owned()).filter(|kind| !kind.is_empty()),
        server: Some("squid/6.1".to_owned()),
        ..Headers::default()
    };
    Ok(Response { status: code, headers, body: body.into(), truncated: None })
}

#[test]
fn an_acknowledgement_is_what_the_api_documents() {
    let list = r#"{"integrationStates":[{"customerProfile":{}}]}"#;
    let long = format!(r#"{{"integrationStates":[{}"#, "1,".repeat(MAX_BODY));
    let (profiles, audience) = (profiles(&json!({})), audience("add"));
    for (config, asked, answer, accepted) in [
        (&profiles, RequestKind::Records, success(204, "", ""), true),
        (&audience, RequestKind::Records, success(204, "", ""), true),
        (&profiles, RequestKind::Ping, success(204, "", ""), true),
        (&profiles, RequestKind::Records, success(200, "application/json", list), true),
        (&profiles, RequestKind::Records, success(200, "application/json", &long[..MAX_BODY]), true),
        (&profiles, RequestKind::Records, success(200, "application/json", &list[..30]), false),
        (&audience, RequestKind::Records, success(200, "application/json", list), false),
        (&profiles, RequestKind::Ping, success(200, "application/json", list), false),
        (&profiles, RequestKind::Records, success(202, "application/json", list), false),
        (&profiles, RequestKind::Records, success(200, "application/json", r#"{"ok":true}"#), false),
        (&profiles, RequestKind::Records, success(200, "application/json", r#"{"integrationStates":{}}"#), false),
        (&profiles, RequestKind::Records, success(200, "", ""), false),
    ] {
        let described = format!("{answer:?}");
        let found = matches!(disposition(answer, config, asked, NOW), Disposition::Accepted(_));
        assert_eq!(found, accepted, "{asked:?} {}", described.chars().take(300).collect::<String>());
    }
}

#[test]
fn what_came_instead_of_an_acknowledgement_is_shown_with_its_likely_sender() {
    let profiles = profiles(&json!({}));
    for (answer, fragments) in [
        (
            success(200, "text/html; charset=utf-8", "<title>Sign in to Acme</title>"),
            [
                "HTTP 200 with text/html; charset=utf-8 titled \"Sign in to Acme\"",
                "a sign-in page",
                "(server: squid/6.1)",
            ],
        ),
        (
            success(200, "text/html", "<title>Welcome to nginx!</title>"),
            ["titled \"Welcome to nginx!\"", "a proxy or another web server", "check deployment_url"],
        ),
        (
            success(202, "application/json", r#"{"queued":true}"#),
            [
                "HTTP 202 with application/json that begins: {\"queued\":true}",
                "a gateway in between",
                "Talon.One answers HTTP 204",
            ],
        ),
        (success(207, "", ""), ["HTTP 207 without a body", "which confirms nothing", "a proxy"]),
        (success(200, "application/json", "\0\u{1}"), ["that is 2 bytes that are not text", "", ""]),
        (success(200, "", &format!("you sent {KEY}")), ["a body that begins: you sent [api key]", "", ""]),
    ] {
        for asked in [RequestKind::Records, RequestKind::Ping] {
            let (outcome, problem) = problem_of(disposition(answer.clone(), &profiles, asked, NOW));
            assert_eq!((outcome, problem.kind), ("permanent", ProblemKind::NotFound));
            for fragment in fragments {
                assert!(problem.message.contains(fragment), "{fragment}: {}", problem.message);
            }
            assert!(!problem.message.contains(KEY));
        }
    }
}

#[test]
fn a_page_of_someone_elses_is_not_taken_for_talon_ones_word() {
    let page = |status| {
        let body = "<html><head><title>Access denied</title></head>".into();
        Ok(Response { status, body, ..Response::default() })
    };
    for (config, code, never) in [
        (profiles(&json!({})), 401, "API key"),
        (profiles(&json!({})), 403, "API key"),
        (audience("add"), 404, "no audience"),
        (profiles(&json!({})), 405, "Talon.One refused"),
    ] {
        let (outcome, problem) = problem_of(read(page(code), &config));
        let message = problem.message;
        assert_eq!((outcome, problem.status), ("permanent", Some(code)));
        assert!(
            message.contains("a page titled \"Access denied\"") && message.contains("check deployment_url"),
            "{message}"
        );
        assert!(!message.contains(never), "{message}");
    }
    let Disposition::Refused(refusal) = read(page(400), &profiles(&json!({}))) else {
        unreachable!("records may be at fault")
    };
    let (code, message) = rejection(&refusal, Object::Profiles, 123);
    assert_eq!(code, "refused");
    assert!(!message.contains("Talon.One refused") && message.contains("firewall"), "{message}");
}

#[test]
fn a_redirect_names_where_it_leads() {
    let headers = Headers { location: Some("https://sso.acme.example/login?token=1".to_owned()), ..Headers::default() };
    let (_, problem) =
        problem_of(read(Ok(Response { status: 302, headers, ..Response::default() }), &profiles(&json!({}))));
    assert!(
        problem.message.contains("a redirect (HTTP 302) to https://sso.acme.example, which"),
        "{}",
        problem.message
    );
}

#[test]
fn an_error_that_cannot_be_read_is_said_to_be_that() {
    for (encoding, body, fragment) in [
        (Some("gzip"), &b"\x1f\x8b\x08\0\0\0"[..], "; it sent a compressed body (gzip)"),
        (None, &b"\0\x01\x02"[..], "; it sent 3 bytes that are not text"),
        (None, &b"over\x1b[31mloaded"[..], "; it said: over [31mloaded"),
    ] {
        let headers = Headers { content_encoding: encoding.map(str::to_owned), ..Headers::default() };
        let answer = Response { status: 503, headers, body: body.to_vec(), truncated: None };
        let (_, problem) = problem_of(read(Ok(answer), &profiles(&json!({}))));
        assert!(problem.message.ends_with(fragment), "{}", problem.message);
        assert!(!problem.message.contains(char::is_control));
    }
}

#[test]
fn a_truncated_success_is_not_a_success() {
    let truncated = |code| {
        let answer = Response { status: code, truncated: Some(TransportErrorKind::Reset), ..Response::default() };
        problem_of(read(Ok(answer), &profiles(&json!({}))))
    };
    let (outcome, problem) = truncated(200);
    assert_eq!((outcome, problem.kind), ("transient", ProblemKind::Connection));
    assert!(problem.message.contains("truncated response (HTTP 200)"), "{}", problem.message);
    // Of any other answer the status alone is enough.
    assert_eq!(truncated(401).1.kind, ProblemKind::Authentication);
    assert_eq!(truncated(503).1.kind, ProblemKind::Server);
}

#[test]
fn refusals_are_laid_to_the_records() {
    for code in [400, 413, 422] {
        let disposition = read(refused(code, "no", &["/customerProfiles/3".to_owned()]), &audience("add"));
        assert!(matches!(
            disposition,
            Disposition::Refused(refusal)
                if refusal.status == code && refusal.error_body.text == "no" && refusal.error_body.pointers == ["/customerProfiles/3"]
        ));
    }
}

#[test]
fn each_status_has_its_advice() {
    let profiles = profiles(&json!({}));
    let audience = audience("add");
    for (config, code, lasting, kind, fragment) in [
        (&profiles, 401, "permanent", ProblemKind::Authentication, "not a Management API key"),
        (&profiles, 403, "permanent", ProblemKind::Authentication, "may call PUT /v2/customer_profiles"),
        (&audience, 403, "permanent", ProblemKind::Authentication, "may call POST /v2/customer_audiences"),
        (&audience, 404, "permanent", ProblemKind::NotFound, "no audience 42 (HTTP 404)"),
        (&audience, 404, "permanent", ProblemKind::NotFound, "not the audience's name"),
        (&profiles, 404, "permanent", ProblemKind::NotFound, "no Integration API at https://acme.talon.one"),
        (&profiles, 301, "permanent", ProblemKind::NotFound, "redirect (HTTP 301), which is not followed"),
        (&audience, 308, "permanent", ProblemKind::NotFound, "check deployment_url"),
        (&profiles, 405, "permanent", ProblemKind::Refused, "refused the request (HTTP 405)"),
        (&profiles, 418, "permanent", ProblemKind::Refused, "HTTP 418"),
        (&profiles, 100, "permanent", ProblemKind::Refused, "HTTP 100"),
        (&profiles, 407, "permanent", ProblemKind::Connection, "a proxy in between asks for a sign-in (HTTP 407)"),
        (&profiles, 501, "permanent", ProblemKind::NotFound, "no Integration API"),
        (&profiles, 511, "permanent", ProblemKind::Connection, "HTTP 511"),
        (&profiles, 408, "transient", ProblemKind::Timeout, "HTTP 408"),
        (&profiles, 499, "transient", ProblemKind::Timeout, "HTTP 499"),
        (&profiles, 425, "transient", ProblemKind::Server, "HTTP 425"),
        (&profiles, 430, "transient", ProblemKind::RateLimited, "HTTP 430"),
        (&profiles, 409, "transient", ProblemKind::Server, "one after another"),
        (&profiles, 429, "transient", ProblemKind::RateLimited, "stagger them"),
        (&profiles, 500, "transient", ProblemKind::Server, "HTTP 500"),
        (&profiles, 503, "transient", ProblemKind::Server, "HTTP 503"),
        (&profiles, 599, "transient", ProblemKind::Server, "HTTP 599"),
    ] {
        let (found, problem) = problem_of(of_status(config, code));
        assert_eq!((found, problem.kind, problem.status), (lasting, kind, Some(code)));
        assert!(problem.message.contains(fragment), "{}", problem.message);
    }
}

#[test]
fn transport_errors_are_transient_unless_the_request_is_blocked() {
    for (kind, outcome, problem_kind, fragment) in [
        (
            TransportErrorKind::Connect,
            "transient",
            ProblemKind::Connection,
            "no connection to https://acme.talon.one: why; check deployment_url",
        ),
        (
            TransportErrorKind::Timeout,
            "transient",
            ProblemKind::Timeout,
            "did not answer within the 1 min of request_timeout_ms: why",
        ),
        (
            TransportErrorKind::ConnectTimeout,
            "transient",
            ProblemKind::Timeout,
            "no connection to https://acme.talon.one within the 10 s of connect_timeout_ms",
        ),
        (TransportErrorKind::Reset, "transient", ProblemKind::Connection, "may have been carried out"),
        (
            TransportErrorKind::Denied,
            "permanent",
            ProblemKind::Connection,
            "blocked request to https://acme.talon.one: why",
        ),
    ] {
        let error = TransportError { kind, detail: "why".to_owned() };
        let (found, problem) = problem_of(read(Err(error), &profiles(&json!({}))));
        assert_eq!((found, problem.kind, problem.status), (outcome, problem_kind, None));
        assert!(problem.message.contains(fragment), "{}", problem.message);
    }
}

#[test]
fn the_wait_that_a_server_asks_for_is_passed_on() {
    for (header, expected) in [
        (Some("7"), Some(7_000)),
        (Some("Sun, 06 Nov 1994 08:49:40 GMT"), Some(3_000)),
        (Some("soon"), None),
        (None, None),
    ] {
        for code in [409, 429, 503] {
            let answer = Response {
                status: code,
                headers: Headers { retry_after: header.map(str::to_owned), ..Headers::default() },
                ..Response::default()
            };
            let (_, problem) = problem_of(read(Ok(answer), &profiles(&json!({}))));
            assert_eq!(problem.retry_after_ms, expected);
        }
    }
}

fn said_of(body: &str) -> String {
    let answer = Response { status: 500, body: body.into(), ..Response::default() };
    problem_of(read(Ok(answer), &profiles(&json!({})))).1.message
}

#[test]
fn what_the_server_says_is_repeated_when_a_person_can_read_it() {
    let body = json!({
        "message": "Validation failed",
        "errors": [{"title": "Bad value", "details": "tier is not a number"}, {"title": "Bad value"}, {"source": 3}, 4],
        "StatusCode": 400,
    });
    assert!(said_of(&body.to_string()).ends_with("; it said: Validation failed: Bad value: tier is not a number"));
    assert!(said_of("\"plain\"").ends_with("; it said: plain"));
    assert!(said_of(" upstream\n is  down ").ends_with("; it said: upstream is down"));
    for silent in ["", "[]", "{}", "null", "{\"message\": 5, \"errors\": {}}"] {
        assert!(!said_of(silent).contains("it said"), "{}", said_of(silent));
    }
    assert!(said_of(&"x".repeat(100_000)).len() < 600);
}

#[test]
fn a_list_of_errors_that_was_cut_is_still_read() {
    let error =
        |n| format!(r#"{{"title":"Bad value","source":{{"pointer":"/customerProfiles/{n}"}},"details":"no number"}}"#);
    let errors: Vec<String> = (0..50).map(error).collect();
    let whole = format!(r#"{{"message":"Validation failed","errors":[{}],"StatusCode":400}}"#, errors.join(","));
    let start = whole.find("},").unwrap();
    for cut in start + 130..whole.len() {
        let said = said_of(&whole[..cut]);
        assert!(said.ends_with("; it said: Validation failed: Bad value: no number"), "{cut}: {said}");
    }
}

#[test]
fn the_key_is_never_repeated() {
    for body in [
        format!("bad key {KEY}"),
        json!({"message": format!("bad key {KEY}")}).to_string(),
        json!({"errors": [{"title": KEY, "details": format!("'{KEY}'")}]}).to_string(),
        // The cut would leave half of it.
        format!("{}{KEY}", "x".repeat(290)),
        format!("{{\"message\": \"\\u0035{}\"}}", &KEY[1..]),
    ] {
        let said = said_of(&body);
        assert!(!said.contains(KEY) && !said.contains(&KEY[..8]), "{said}");
        assert!(said.contains("[api key]") || said.contains('…'), "{said}");
    }
    let error = TransportError { kind: TransportErrorKind::Reset, detail: format!("authorization: ApiKey-v1 {KEY}") };
    let (_, problem) = problem_of(read(Err(error), &profiles(&json!({}))));
    assert!(problem.message.contains("[api key]") && !problem.message.contains(KEY), "{}", problem.message);
}

fn rejected(status: u16, text: &str, pointer: &str) -> (&'static str, String) {
    let refusal = Refusal {
        status,
        error_body: ErrorBody { text: text.to_owned(), pointers: vec![pointer.to_owned()], ..ErrorBody::default() },
    };
    rejection(&refusal, Object::Profiles, 123)
}

#[test]
fn a_rejection_says_what_to_do() {
    for (status, text, pointer, code, fragment) in [
        (400, "Attribute 'tier' is not defined", "", "undefined-attribute", "Account > Tools > Attributes"),
        (
            400,
            "unknown key",
            "/customerProfiles/0/attributes/tier",
            "undefined-attribute",
            "same name to the letter and case",
        ),
        (400, "tier must be a number", "/customerProfiles/0/attributes/tier", "invalid-value", "the mapping's type"),
        (422, "expected a string", "", "invalid-value", "it said: expected a string"),
        (400, "no", "", "refused", "Talon.One refused the record (HTTP 400); it said: no"),
        (400, "", "", "refused", "Talon.One refused the record (HTTP 400)"),
        (413, "", "", "too-large", "the record takes 123 bytes"),
    ] {
        let (found, message) = rejected(status, text, pointer);
        assert_eq!(found, code, "{message}");
        assert!(message.contains(fragment), "{message}");
    }
}

#[test]
fn a_refused_membership_gets_no_advice_on_attributes() {
    let refusal = Refusal {
        status: 400,
        error_body: ErrorBody {
            text: "invalid profileIntegrationId".to_owned(),
            pointers: Vec::new(),
            ..ErrorBody::default()
        },
    };
    let (code, message) = rejection(&refusal, audience("add").object, 123);
    assert_eq!(code, "refused");
    assert_eq!(message, "Talon.One refused the record (HTTP 400); it said: invalid profileIntegrationId");
}
