//! Audiences: the body that makes one, and the answers that show them.

use std::collections::BTreeSet;

use hyper::StatusCode;
use serde::Serialize;

use crate::api::customer_profile::{ACCOUNT, LONG_AGO};
use crate::api::error_body::Problem;
use crate::deployment::audiences::{Audience, Audiences, NewAudience};
use crate::value::rfc3339;

/// Characters that the ID of another system has at most.
const MAX_ID_CHARACTERS: usize = 1000;

/// The published `Audience`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ShownAudience<'a> {
    account_id: u32,
    pub(crate) id: i64,
    created: &'static str,
    #[serde(flatten)]
    pub(crate) facts: &'a NewAudience,
}

impl<'a> ShownAudience<'a> {
    pub(crate) fn new(id: i64, audience: &'a Audience) -> Self {
        Self { account_id: ACCOUNT, id, created: LONG_AGO, facts: &audience.facts }
    }
}

/// The published `AudienceAnalytics`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Analytics {
    pub(crate) audience_id: i64,
    pub(crate) members_count: u64,
}

/// The counts of these audiences. The schema has no answer for one that is not there, so it is left out.
pub(crate) fn analytics(audiences: &Audiences, ids: &[i64]) -> Vec<Analytics> {
    let ids: BTreeSet<i64> = ids.iter().copied().collect();
    let known = ids.into_iter().filter_map(|id| Some((id, audiences.get(id)?)));
    known.map(|(id, audience)| Analytics { audience_id: id, members_count: audience.members.count() }).collect()
}

/// What the published schema says of a new audience beyond its members' types, and that no other is the same of its
/// integration. Two audiences may bear one name.
pub(crate) fn problems(audience: &NewAudience, known: &Audiences) -> Vec<Problem> {
    let invalid = |pointer: &str, details: &str| Problem::body("Invalid value", pointer, details);
    let mut problems = Vec::new();
    if audience.name.is_empty() {
        problems.push(invalid("/name", "\"name\" must not be empty"));
    }
    let id_length = audience.integration_id.as_ref().map_or(1, |id| id.chars().count());
    if !(1..=MAX_ID_CHARACTERS).contains(&id_length) {
        problems.push(invalid("/integrationId", "\"integrationId\" must have 1 to 1000 characters"));
    }
    let applications = audience.subscribed_applications_ids.as_deref().unwrap_or_default();
    if applications.iter().collect::<BTreeSet<_>>().len() < applications.len() {
        problems.push(invalid("/subscribedApplicationsIds", "\"subscribedApplicationsIds\" must be unique"));
    }
    if audience.last_update.as_deref().is_some_and(|time| !rfc3339::is_time(time)) {
        problems.push(invalid("/lastUpdate", "\"lastUpdate\" must be an RFC 3339 time"));
    }
    let same = |known: &&Audience| {
        audience.integration_id.is_some()
            && known.facts.integration_id == audience.integration_id
            && known.facts.integration == audience.integration
    };
    if known.by_id().values().find(same).is_some() {
        let details = "an audience with this ID already exists for this integration";
        problems.push(Problem::body("Conflict", "/integrationId", details).with_status(StatusCode::CONFLICT));
    }
    problems
}
