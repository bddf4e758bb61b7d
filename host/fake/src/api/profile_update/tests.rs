#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use super::*;
use crate::deployment::campaigns::Rule;
use crate::settings::Settings;

const RUN: Query = Query { run_rule_engine: true, dry: false };

fn rule(name: &str, on: AudienceEvent, audience: i64) -> Rule {
    Rule { name: name.to_owned(), on, audience, effect: Effect::TriggerWebhook }
}

fn deployment() -> Deployment {
    let mut deployment = Settings::new("key").audience(42, "Sale").audience(43, "Other").deployment();
    deployment.campaigns.rules = vec![
        rule("welcome", AudienceEvent::Joined, 42),
        rule("goodbye", AudienceEvent::Left, 42),
        rule("other", AudienceEvent::Joined, 43),
    ];
    deployment
}

fn fired(deployment: &Deployment) -> Vec<(&str, &str)> {
    deployment.campaigns.fired.iter().map(|it| (it.rule.as_str(), it.integration_id.as_str())).collect()
}

fn change(deployment: &mut Deployment, id: &str, query: Query, adds: &str, deletes: &str) -> String {
    let body = format!(r#"{{"audiencesChanges":{{"adds":[{adds}],"deletes":[{deletes}]}}}}"#);
    update(deployment, id, query, body.as_bytes()).unwrap()
}

#[test]
fn rules_fire_when_a_membership_really_changes() {
    let mut deployment = deployment();
    let answer = change(&mut deployment, "a", RUN, "42", "");
    assert!(
        answer.contains(r#""effectType":"triggerWebhook""#) && answer.contains(r#""ruleName":"welcome""#),
        "{answer}"
    );
    assert!(answer.ends_with(r#""createdCoupons":[],"createdReferrals":[]}"#), "{answer}");
    let none = r#"{"effects":[],"createdCoupons":[],"createdReferrals":[]}"#;
    assert_eq!(change(&mut deployment, "a", RUN, "42", ""), none, "a member joins no more");
    assert_eq!(change(&mut deployment, "b", RUN, "", "42"), none, "who is no member does not leave");
    change(&mut deployment, "a", RUN, "43", "42");
    assert_eq!(fired(&deployment), [("welcome", "a"), ("other", "a"), ("goodbye", "a")]);
}

#[test]
fn without_the_rule_engine_nothing_fires_and_a_dry_call_keeps_nothing() {
    let mut deployment = deployment();
    let dry = change(&mut deployment, "a", Query { dry: true, ..RUN }, "42", "");
    assert!(dry.contains("welcome"), "{dry}");
    assert!(deployment.profiles.get("a").is_none());
    change(&mut deployment, "a", Query::default(), "42", "");
    assert!(deployment.audiences.get(42).unwrap().members.contains("a"));
    assert_eq!(fired(&deployment), []);
}

#[test]
fn attributes_are_checked_and_merged() {
    let mut deployment = deployment();
    update(&mut deployment, "a", RUN, br#"{"attributes":{"name":"Ada","email":"x"}}"#).unwrap();
    update(&mut deployment, "a", RUN, br#"{"attributes":{"email":null}}"#).unwrap();
    let held = &deployment.profiles.get("a").unwrap().attributes;
    assert_eq!(
        held.iter().map(|(name, value)| (name.as_str(), value.get())).collect::<Vec<_>>(),
        [("name", "\"Ada\"")]
    );
    update(&mut deployment, "b", RUN, b"{}").unwrap();
    assert!(deployment.profiles.get("b").is_some());
}

#[test]
fn a_wrong_body_is_refused_where_it_is_wrong_and_changes_nothing() {
    for (body, query, title, pointer) in [
        ("", RUN, "Invalid JSON", ""),
        ("[]", RUN, "Invalid type", ""),
        (r#"{"integrationId":"a"}"#, RUN, "Unknown", "/integrationId"),
        (r#"{"attributes":{},"attributes":{}}"#, RUN, "Duplicate", "/attributes"),
        (r#"{"attributes":[]}"#, RUN, "Invalid type", "/attributes"),
        (r#"{"attributes":{"size":1}}"#, RUN, "Unknown", "/attributes/size"),
        (r#"{"attributes":{"name":1}}"#, RUN, "Invalid type", "/attributes/name"),
        (r#"{"audiencesChanges":null}"#, RUN, "Invalid type", "/audiencesChanges"),
        (r#"{"audiencesChanges":{"adds":[42]}}"#, RUN, "Missing", "/audiencesChanges/deletes"),
        (r#"{"audiencesChanges":{"deletes":[42]}}"#, RUN, "Missing", "/audiencesChanges/adds"),
        (r#"{"audiencesChanges":{"adds":["42"],"deletes":[]}}"#, RUN, "Invalid type", "/audiencesChanges/adds/0"),
        (r#"{"audiencesChanges":{"adds":[42,4.2],"deletes":[]}}"#, RUN, "Invalid type", "/audiencesChanges/adds/1"),
        (r#"{"audiencesChanges":{"adds":42,"deletes":[]}}"#, RUN, "Invalid type", "/audiencesChanges/adds"),
        (r#"{"audiencesChanges":{"adds":[],"deletes":[7]}}"#, RUN, "Not found", "/audiencesChanges/deletes/0"),
        (r#"{"audiencesChanges":{"adds":[],"deletes":[],"set":[]}}"#, RUN, "Unknown", "/audiencesChanges/set"),
        (r#"{"responseContent":["loyalty"]}"#, Query::default(), "Invalid", "/responseContent"),
        (r#"{"responseContent":["loyalty","all"]}"#, RUN, "enum", "/responseContent/1"),
        (r#"{"responseContent":"loyalty"}"#, RUN, "Invalid type", "/responseContent"),
        (r#"{"evaluableCampaignIds":["1"]}"#, RUN, "Invalid type", "/evaluableCampaignIds/0"),
    ] {
        let mut deployment = deployment();
        let problems = update(&mut deployment, "a", query, body.as_bytes()).unwrap_err();
        let first = &problems[0];
        assert_eq!((first.title, &first.source), (title, &Source::Pointer(pointer.to_owned())), "{body}");
        assert!(deployment.profiles.get("a").is_none(), "{body}");
        assert_eq!(fired(&deployment), []);
    }
}

#[test]
fn the_id_is_the_segment_decoded() {
    for (segment, id) in [
        ("customer1", "customer1"),
        ("a%2Fb%3Fc%25", "a/b?c%"),
        ("%2E%2E", ".."),
        ("Zo%C3%AB", "Zoë"),
        ("a+b", "a+b"),
        ("line%0D%0Abreak", "line\r\nbreak"),
    ] {
        assert_eq!(integration_id(segment).unwrap(), id);
    }
    let long = "a".repeat(1001);
    for segment in ["", "%", "%4", "%zz", "a%2", "%FF", "%C3%28", long.as_str()] {
        assert!(integration_id(segment).is_err(), "{segment}");
    }
    assert!(integration_id(&"%C3%AB".repeat(1000)).is_ok(), "characters count, not bytes");
}

#[test]
fn the_query_takes_two_flags() {
    for (query, read) in [
        ("", Query::default()),
        ("runRuleEngine=true", RUN),
        ("runRuleEngine=false&dry=false", Query::default()),
        ("runRuleEngine=true&dry=true", Query { run_rule_engine: true, dry: true }),
    ] {
        assert_eq!(Query::read(query).unwrap(), read, "{query}");
    }
    for query in ["runRuleEngine=yes", "runRuleEngine", "silent=yes", "dry=true", "runRuleEngine=true&x=1"] {
        assert!(Query::read(query).is_err(), "{query}");
    }
}
