use serde_json::json;

use super::*;
use crate::testing::{KEY, audience, profiles, refused, status};

const NOW: i64 = 784_111_777;

fn read(answer: Result<Response, Break>, config: &Config) -> Meaning {
    meaning(answer, config, config.object.audience(), NOW)
}

fn of_status(config: &Config, status_code: u16) -> Meaning {
    read(status(status_code), config)
}

fn problem_of(meaning: Meaning) -> (&'static str, Problem) {
    match meaning {
        Meaning::Transient(problem) => ("transient", problem),
        Meaning::Permanent(problem) => ("permanent", problem),
        other => ("none", problem(ProblemKind::Internal, format!("{other:?}"))),
    }
}

#[test]
fn success_is_any_two_hundred() {
    for code in [200, 201, 204, 299] {
        assert!(matches!(of_status(&profiles(&json!({})), code), Meaning::Accepted));
    }
}

#[test]
fn a_success_that_was_cut_short_is_no_success() {
    let cut_short = |code| {
        let answer = Response { status: code, cut_short: true, ..Response::default() };
        problem_of(read(Ok(answer), &profiles(&json!({}))))
    };
    let (lasting, problem) = cut_short(200);
    assert_eq!((lasting, problem.kind), ("transient", ProblemKind::Connection));
    assert!(problem.message.contains("its answer (HTTP 200) was cut short"), "{}", problem.message);
    // What is no success is told by its status alone.
    assert_eq!(cut_short(401).1.kind, ProblemKind::Authentication);
    assert_eq!(cut_short(503).1.kind, ProblemKind::Server);
}

#[test]
fn refusals_are_laid_to_the_records() {
    for code in [400, 413, 422] {
        let meaning = read(refused(code, "no", &["/customerProfiles/3".to_owned()]), &audience("add"));
        assert!(matches!(
            meaning,
            Meaning::Refused(refusal)
                if refusal.status == code && refusal.complaint.text == "no" && refusal.complaint.pointers == ["/customerProfiles/3"]
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
        (&profiles, 408, "transient", ProblemKind::Timeout, "HTTP 408"),
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
fn breaks_are_transient_unless_the_request_is_not_let_through() {
    for (kind, lasting, problem_kind, fragment) in [
        (
            BreakKind::Connect,
            "transient",
            ProblemKind::Connection,
            "no connection to https://acme.talon.one: why; check deployment_url",
        ),
        (BreakKind::Timeout, "transient", ProblemKind::Timeout, "did not answer in time: why"),
        (BreakKind::Reset, "transient", ProblemKind::Connection, "may have been carried out"),
        (BreakKind::Denied, "permanent", ProblemKind::Connection, "is not let through: why"),
    ] {
        let broken = Break { kind, detail: "why".to_owned() };
        let (found, problem) = problem_of(read(Err(broken), &profiles(&json!({}))));
        assert_eq!((found, problem.kind, problem.status), (lasting, problem_kind, None));
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
                retry_after: header.map(str::to_owned),
                body: String::new(),
                ..Response::default()
            };
            let (_, problem) = problem_of(read(Ok(answer), &profiles(&json!({}))));
            assert_eq!(problem.retry_after_ms, expected);
        }
    }
}

fn said_of(body: &str) -> String {
    let answer = Response { status: 500, retry_after: None, body: body.to_owned(), ..Response::default() };
    problem_of(read(Ok(answer), &profiles(&json!({})))).1.message
}

#[test]
fn what_the_server_says_is_repeated_when_a_person_can_read_it() {
    let body = json!({
        "message": "Validation failed",
        "errors": [{"title": "Bad value", "details": "tier is no number"}, {"title": "Bad value"}, {"source": 3}, 4],
        "StatusCode": 400,
    });
    assert!(said_of(&body.to_string()).ends_with("; it said: Validation failed: Bad value: tier is no number"));
    assert!(said_of("\"plain\"").ends_with("; it said: plain"));
    assert!(said_of(" upstream\n is  down ").ends_with("; it said: upstream is down"));
    for silent in [
        "",
        "<html><body>502</body></html>",
        "  <!doctype html>",
        "[]",
        "{}",
        "null",
        "{\"message\": 5, \"errors\": {}}",
    ] {
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
    let broken = Break { kind: BreakKind::Reset, detail: format!("authorization: ApiKey-v1 {KEY}") };
    let (_, problem) = problem_of(read(Err(broken), &profiles(&json!({}))));
    assert!(problem.message.contains("[api key]") && !problem.message.contains(KEY), "{}", problem.message);
}

fn rejected(status: u16, text: &str, pointer: &str) -> (&'static str, String) {
    let refusal =
        Refusal { status, complaint: Complaint { text: text.to_owned(), pointers: vec![pointer.to_owned()] } };
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
fn a_membership_is_not_told_about_attributes() {
    let refusal = Refusal {
        status: 400,
        complaint: Complaint { text: "invalid profileIntegrationId".to_owned(), pointers: Vec::new() },
    };
    let (code, message) = rejection(&refusal, audience("add").object, 123);
    assert_eq!(code, "refused");
    assert_eq!(message, "Talon.One refused the record (HTTP 400); it said: invalid profileIntegrationId");
}
