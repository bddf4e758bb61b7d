//! Deliveries with `trigger_rules`: each record in a request of its own.

use std::collections::BTreeSet;

use destination_toolkit::bindings as wit;
use destination_toolkit::destination::render_batch;
use serde_json::Value;

use super::*;
use crate::testing::audience_text;

fn rules(more: &Value) -> Config {
    let mut config = json!({"trigger_rules": true});
    for (key, value) in more.as_object().unwrap() {
        config[key] = value.clone();
    }
    profiles(&config)
}

fn audience_rules() -> Config {
    let mut config: Value = serde_json::from_str(&audience_text("mirror")).unwrap();
    config["trigger_rules"] = json!(true);
    Config::parse(&config.to_string()).ok().unwrap()
}

fn ran(effects: &[&str]) -> Answer {
    let effects: Vec<Value> = effects.iter().map(|name| json!({"effectType": name, "props": {}})).collect();
    let body = json!({"effects": effects, "createdCoupons": [], "createdReferrals": []});
    Ok(Response { status: 200, body: body.to_string().into_bytes(), ..Response::default() })
}

fn members(records: &[(&str, Action)]) -> MappedBatch {
    MappedBatch {
        rows: (0..u32::try_from(records.len()).unwrap()).collect(),
        keys: strings(records.iter().map(|(key, _)| *key)),
        actions: records.iter().map(|(_, action)| *action).collect(),
        // As an engine has it of rows that left: no payload.
        payloads: strings(records.iter().map(|_| "")),
    }
}

/// The idempotency key of a request.
fn key_of(request: &Request) -> &str {
    let keys: Vec<&str> =
        request.headers.iter().filter(|(name, _)| *name == "idempotency-key").map(|(_, key)| key.as_str()).collect();
    assert_eq!(keys.len(), 1);
    keys[0]
}

#[test]
fn each_record_goes_alone_as_it_is_rendered() {
    let (config, batch) = (rules(&json!({})), plain(3));
    let (report, requests, _) = delivered(&config, &batch, |_, _| ran(&[]));
    assert_eq!(report.unwrap().accepted, indices(3));
    let sent: Vec<_> = requests.iter().map(|request| (request.path.as_ref(), request.body.as_str())).collect();
    assert_eq!(
        sent,
        [
            ("/v2/customer_profiles/c0?runRuleEngine=true", r#"{"attributes":{"n":0}}"#),
            ("/v2/customer_profiles/c1?runRuleEngine=true", r#"{"attributes":{"n":1}}"#),
            ("/v2/customer_profiles/c2?runRuleEngine=true", r#"{"attributes":{"n":2}}"#),
        ]
    );
    let rendered = render_batch(&config, &batch).unwrap();
    let rendered: Vec<_> = rendered
        .iter()
        .map(|request| match &request.body {
            wit::Body::Text(body) => (request.path.as_str(), body.as_str()),
            wit::Body::Bytes(_) => unreachable!("a body is text"),
        })
        .collect();
    assert_eq!(rendered, sent);
}

#[test]
fn a_member_joins_and_leaves_by_a_change_of_audiences() {
    let batch = members(&[("a/b", Action::Add), ("c", Action::Delete)]);
    let (report, requests, _) = delivered(&audience_rules(), &batch, |_, _| ran(&[]));
    assert_eq!(report.unwrap().accepted, [0, 1]);
    assert_eq!(requests[0].path, "/v2/customer_profiles/a%2Fb?runRuleEngine=true");
    assert_eq!(requests[0].body, r#"{"audiencesChanges":{"adds":[42],"deletes":[]}}"#);
    assert_eq!(requests[1].body, r#"{"audiencesChanges":{"adds":[],"deletes":[42]}}"#);
}

#[test]
fn a_record_keeps_its_key_through_repetitions_and_every_record_has_another() {
    let failing: [fn() -> Answer; 5] = [
        || status(409),
        || status(429),
        || status(503),
        || broken(TransportErrorKind::Reset),
        || broken(TransportErrorKind::Timeout),
    ];
    let mut keys = BTreeSet::new();
    let mut records = 0;
    for failure in failing {
        // The same change again in the same instant: it is another record.
        for _ in 0..2 {
            let answer = |number: usize, _: &Request| if number % 3 < 2 { failure() } else { ran(&[]) };
            let (report, requests, _) = delivered(&rules(&json!({})), &plain(2), answer);
            let report = report.unwrap();
            assert_eq!((report.accepted.len(), report.requests, report.retries), (2, 6, 4));
            for attempts in requests.chunks(3) {
                assert!(attempts.iter().all(|request| request == &attempts[0]), "the same to the byte, key included");
                keys.insert(key_of(&attempts[0]).to_owned());
                records += 1;
            }
        }
    }
    assert_eq!(keys.len(), records);
    assert!(keys.iter().all(|key| key.len() <= 255));
}

#[test]
fn the_bulk_calls_have_no_key() {
    let (_, requests, _) = delivered(&profiles(&json!({})), &plain(2), |_, _| status(204));
    assert_eq!(requests[0].headers, []);
}

#[test]
fn a_refused_record_is_rejected_and_the_others_go_on() {
    let (report, requests, _) = delivered(&rules(&json!({})), &plain(5), |number, _| match number {
        1 | 3 => refused(400, "The attribute \"n\" is not defined", &[]),
        _ => ran(&[]),
    });
    let report = report.unwrap();
    assert_eq!(report.accepted, [0, 2, 4]);
    let rejected: Vec<_> = report.rejected.iter().map(|it| (it.record_index, it.code.as_str())).collect();
    assert_eq!(rejected, [(1, "undefined-attribute"), (3, "undefined-attribute")]);
    assert_eq!((report.failure, requests.len()), (None, 5));
}

#[test]
fn what_no_repetition_fixes_stops_and_what_was_sent_is_told() {
    for code in [401, 403, 404] {
        let (report, requests, _) =
            delivered(&rules(&json!({})), &plain(4), |number, _| if number < 2 { ran(&[]) } else { status(code) });
        let report = report.unwrap();
        assert_eq!((report.accepted, report.undelivered), (vec![0, 1], vec![2, 3]), "{code}");
        assert!(matches!(report.failure, Some(Failure::Permanent(_))));
        assert_eq!(requests.len(), 3);
    }
}

#[test]
fn after_a_stop_no_request_begins_and_what_was_sent_is_told() {
    let (report, requests, _) = delivered(&rules(&json!({})), &plain(5), |number, _| match number {
        0..3 => ran(&["triggerWebhook"]),
        _ => broken(TransportErrorKind::Denied),
    });
    let report = report.unwrap();
    assert_eq!((report.accepted, report.undelivered), (vec![0, 1, 2], vec![3, 4]));
    assert_eq!(requests.len(), 4, "the one that was blocked was the last to be tried");
}

#[test]
fn an_id_that_is_a_step_in_a_path_is_rejected_without_a_request() {
    let batch = members(&[(".", Action::Delete), ("a", Action::Add), ("..", Action::Delete), ("...", Action::Add)]);
    let config = audience_rules();
    let (report, requests, _) = delivered(&config, &batch, |_, _| ran(&[]));
    let report = report.unwrap();
    assert_eq!(report.accepted, [1, 3]);
    let rejected: Vec<_> = report.rejected.iter().map(|it| (it.record_index, it.code.as_str())).collect();
    assert_eq!(rejected, [(0, "invalid-id"), (2, "invalid-id")]);
    assert!(report.rejected[1].message.contains("\"..\" cannot stand in a URL"), "{}", report.rejected[1].message);
    assert_eq!(requests.len(), 2);
    assert_eq!(render_batch(&config, &batch).unwrap().len(), 2);
    // The bulk call has it in its body.
    let gone = members(&[(".", Action::Delete), ("..", Action::Delete)]);
    let (report, _, _) = delivered(&audience("mirror"), &gone, |_, _| status(204));
    assert_eq!(report.unwrap().accepted, indices(2));
}

#[test]
fn an_answer_confirms_only_if_it_is_the_documented_one() {
    let page = || Ok(Response { status: 200, body: b"<html><title>Sign in</title>".to_vec(), ..Response::default() });
    let list = || Ok(Response { status: 200, body: b"{\"integrationStates\":[]}".to_vec(), ..Response::default() });
    let answers: [fn() -> Answer; 5] = [|| status(204), || status(200), || status(202), page, list];
    for answer in answers {
        let (report, requests, _) = delivered(&rules(&json!({})), &plain(2), |_, _| answer());
        let failure = report.unwrap_err();
        let message = &problem_of(&failure).message;
        assert!(message.contains("answers HTTP 200 with a list of effects"), "{message}");
        assert_eq!(requests.len(), 1);
    }
}

#[test]
fn effects_are_counted_by_type_and_once_for_each_record() {
    let mut server = Server::new(|number, _: &Request| match number {
        0 => ran(&["triggerWebhook", "addLoyaltyPoints"]),
        // An answer that got lost, and the repetition.
        1 => Err(TransportError { kind: TransportErrorKind::Reset, detail: String::new() }),
        2 => ran(&["triggerWebhook"]),
        _ => ran(&[]),
    });
    let wit::effects::Delivery { report, effects } =
        send_batch(&rules(&json!({})), &plain(3), &mut server, &mut TestClock::new()).unwrap();
    assert_eq!((report.accepted, report.retries), (indices(3), 1));
    let effects: Vec<_> = effects.iter().map(|it| (it.effect.as_str(), it.count)).collect();
    assert_eq!(effects, [("triggerWebhook", 2), ("addLoyaltyPoints", 1)]);
}

#[test]
fn a_record_alone_that_is_too_large_is_rejected() {
    let (report, requests, _) = delivered(&rules(&json!({})), &plain(3), |number, _| match number {
        1 => status(413),
        2 => status(414),
        _ => ran(&[]),
    });
    let report = report.unwrap();
    let rejected: Vec<_> = report.rejected.iter().map(|it| (it.record_index, it.code.as_str())).collect();
    assert_eq!((report.accepted, rejected), (vec![0], vec![(1, "too-large"), (2, "refused")]));
    assert_eq!(requests.len(), 3);
}
