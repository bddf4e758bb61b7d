//! `PUT /v2/customer_profiles/{integrationId}`: the update of one profile, read as strictly as the published schema allows, and
//! what the rules of campaigns make of it.
//!
//! Rules see that somebody joined or left an audience through this call alone, and only if the membership really changed. Of
//! `responseContent` it is checked what it asks for; the answer has what the schema requires, and no more.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::api::error_body::{Problem, Source};
use crate::api::schema::{self, AttributeValues};
use crate::deployment::Deployment;
use crate::deployment::audiences::{MemberAction, MembershipChange};
use crate::deployment::campaigns::{AudienceEvent, Effect, Firing};
use crate::deployment::profiles::ProfileUpdate;
use crate::value::object::{list, shape};

/// What stands in the query.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Query {
    pub(crate) run_rule_engine: bool,
    /// Nothing is kept of what it changes.
    pub(crate) dry: bool,
}

/// A body that was read.
#[derive(Debug)]
struct Body {
    attributes: AttributeValues,
    adds: Vec<i64>,
    deletes: Vec<i64>,
}

/// The published schema's required members.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    effects: Vec<Value>,
    created_coupons: [(); 0],
    created_referrals: [(); 0],
}

/// The ID that the last segment of the path names.
pub(crate) fn integration_id(segment: &str) -> Result<String, Problem> {
    let told = |details: &str| Problem::body("Invalid path", "", format!("integrationId {details}"));
    let valid = |code: &str| code.len() >= 2 && code.bytes().take(2).all(|digit| digit.is_ascii_hexdigit());
    if !segment.split('%').skip(1).all(valid) {
        return Err(told("must be URL-encoded: each % is followed by two hexadecimal digits"));
    }
    let id = percent_decode_str(segment).decode_utf8().map(Cow::into_owned);
    let id = id.map_err(|_| told("must be URL-encoded UTF-8"))?;
    match id.chars().count() {
        1..=schema::MAX_ID_CHARACTERS => Ok(id),
        count => Err(told(&format!("must have 1 to {} characters, it has {count}", schema::MAX_ID_CHARACTERS))),
    }
}

impl Query {
    pub(crate) fn read(query: &str) -> Result<Self, Problem> {
        let mut read = Self::default();
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            match parameter {
                "runRuleEngine=true" => read.run_rule_engine = true,
                "dry=true" => read.dry = true,
                "runRuleEngine=false" | "dry=false" => {}
                _ => {
                    let name = parameter.split('=').next().unwrap_or_default();
                    let details =
                        format!("known are runRuleEngine and dry, each true or false; {parameter:?} is neither");
                    let source = Source::Parameter(name.to_owned());
                    return Err(Problem { source, ..Problem::body("Invalid parameter", "", details) });
                }
            }
        }
        if read.dry && !read.run_rule_engine {
            let source = Source::Parameter("dry".to_owned());
            let details = "dry works with runRuleEngine=true alone";
            return Err(Problem { source, ..Problem::body("Invalid parameter", "", details) });
        }
        Ok(read)
    }
}

/// Carries out an update. The answer as JSON.
pub(crate) fn update(deployment: &mut Deployment, id: &str, query: Query, body: &[u8]) -> Result<String, Vec<Problem>> {
    let Body { attributes, adds, deletes } = read(body, query, deployment)?;
    let is_member = |audience| deployment.audiences.get(audience).is_some_and(|held| held.members.contains(id));
    let joined = adds.iter().copied().filter(|&audience| !is_member(audience));
    // Whoever is added and deleted in one request has not been there, and is not there after it.
    let left = deletes.iter().copied().filter(|&audience| is_member(audience));
    let changes = joined.map(|audience| (AudienceEvent::Joined, audience));
    let changes: Vec<_> = changes.chain(left.map(|audience| (AudienceEvent::Left, audience))).collect();
    let mut effects = Vec::new();
    let mut fired = Vec::new();
    if query.run_rule_engine {
        for (on, audience) in &changes {
            for (index, rule) in deployment.campaigns.waiting_for(*on, *audience) {
                effects.push(json!({
                    "campaignId": 1, "rulesetId": 1, "ruleIndex": index, "ruleName": rule.name,
                    "effectType": rule.effect, "props": props(rule.effect, &rule.name),
                }));
                fired.push(Firing { rule: rule.name.clone(), integration_id: id.to_owned() });
            }
        }
    }
    if !query.dry {
        deployment.profiles.upsert(ProfileUpdate { id: id.to_owned(), attributes });
        for (on, audience) in changes {
            let action = match on {
                AudienceEvent::Joined => MemberAction::Add,
                AudienceEvent::Left => MemberAction::Delete,
            };
            deployment.audiences.apply(MembershipChange { id: id.to_owned(), audience, action });
        }
        deployment.campaigns.fired.extend(fired);
    }
    // Strings, numbers and JSON values can always be written as JSON.
    Ok(serde_json::to_string(&Answer { effects, created_coupons: [], created_referrals: [] }).unwrap_or_default())
}

/// What the schema requires of an effect's properties.
fn props(effect: Effect, rule: &str) -> Value {
    match effect {
        Effect::TriggerWebhook => json!({"webhookId": 1, "webhookName": rule}),
        Effect::ShowNotification => json!({"notificationType": "info", "title": rule, "body": rule}),
    }
}

fn read(body: &[u8], query: Query, deployment: &Deployment) -> Result<Body, Vec<Problem>> {
    let value = schema::json(body)?;
    let allowed = ["attributes", "audiencesChanges", "responseContent", "evaluableCampaignIds"];
    let object = schema::members(value, "", &[], &allowed)?;
    let mut problems = Vec::new();
    let attributes =
        object.get("attributes").map(|value| schema::attributes(value, "/attributes", &deployment.definitions));
    let attributes = attributes.unwrap_or_else(|| Ok(Vec::new())).unwrap_or_else(|found| {
        problems.extend(found);
        Vec::new()
    });
    let changes = object.get("audiencesChanges").map(|value| audiences_changes(value, deployment));
    let (adds, deletes) = changes.unwrap_or_else(|| Ok((Vec::new(), Vec::new()))).unwrap_or_else(|found| {
        problems.extend(found);
        (Vec::new(), Vec::new())
    });
    problems.extend(object.get("responseContent").and_then(|value| response_content(value, query)));
    if let Some(value) = object.get("evaluableCampaignIds") {
        problems.extend(integers(value, "/evaluableCampaignIds").err());
    }
    if problems.is_empty() { Ok(Body { attributes, adds, deletes }) } else { Err(problems) }
}

fn audiences_changes(value: &RawValue, deployment: &Deployment) -> Result<(Vec<i64>, Vec<i64>), Vec<Problem>> {
    const POINTER: &str = "/audiencesChanges";
    let object = schema::members(value, POINTER, &["adds", "deletes"], &["adds", "deletes"])?;
    let audiences = |name: &str| {
        let pointer = format!("{POINTER}/{name}");
        let ids = object.get(name).map_or(Ok(Vec::new()), |value| integers(value, &pointer)).map_err(|it| vec![it])?;
        let unknown = ids.iter().enumerate().filter(|(_, id)| deployment.audiences.get(**id).is_none());
        let problems: Vec<_> = unknown
            .map(|(index, id)| {
                Problem::body("Not found", format!("{pointer}/{index}"), format!("there is no audience with ID {id}"))
            })
            .collect();
        if problems.is_empty() { Ok(ids) } else { Err(problems) }
    };
    match (audiences("adds"), audiences("deletes")) {
        (Ok(adds), Ok(deletes)) => Ok((adds, deletes)),
        (adds, deletes) => Err([adds.err(), deletes.err()].into_iter().flatten().flatten().collect()),
    }
}

fn integers(value: &RawValue, pointer: &str) -> Result<Vec<i64>, Problem> {
    let items = list(value).ok_or_else(|| schema::wrong_type(pointer, "an array of integers", value))?;
    let read = |(index, item): (usize, &RawValue)| {
        let pointer = format!("{pointer}/{index}");
        item.get().parse().map_err(|_| schema::wrong_type(&pointer, "an integer", item))
    };
    items.into_iter().enumerate().map(read).collect()
}

fn response_content(value: &RawValue, query: Query) -> Option<Problem> {
    const POINTER: &str = "/responseContent";
    const KNOWN: [&str; 8] = [
        "\"customerProfile\"",
        "\"triggeredCampaigns\"",
        "\"loyalty\"",
        "\"event\"",
        "\"awardedGiveaways\"",
        "\"ruleFailureReasons\"",
        "\"campaignEligibility\"",
        "\"achievements\"",
    ];
    let Some(items) = list(value) else {
        return Some(Problem::body(
            "Invalid type",
            POINTER,
            format!("must be an array, it is {}", shape(value).name()),
        ));
    };
    if !query.run_rule_engine {
        return Some(Problem::body("Invalid", POINTER, "responseContent needs runRuleEngine=true"));
    }
    let unknown = items.iter().position(|item| !KNOWN.contains(&item.get()))?;
    Some(Problem::body("enum", format!("{POINTER}/{unknown}"), format!("known are {}", KNOWN.join(", "))))
}

#[cfg(test)]
mod tests;
