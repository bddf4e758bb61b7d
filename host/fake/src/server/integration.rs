//! The calls of the Integration API: their query, and what they do to the deployment.

use std::collections::BTreeMap;

use hyper::StatusCode;
use serde::Serialize;

use crate::api::audience::{self, ShownAudience};
use crate::api::bulk::{self, Outcome};
use crate::api::customer_profile::CustomerProfile;
use crate::api::error_body::Problem;
use crate::api::query::{Query, invalid};
use crate::api::states;
use crate::deployment::audiences::NewAudience;
use crate::lock::lock;
use crate::server::exchange::{Exchange, Refusal};
use crate::server::profile_update;
use crate::server::reply::{self, Reply};

/// A call of the Integration API.
#[derive(Debug, Clone)]
pub(super) enum Call {
    Profiles,
    /// With the last segment of its path, as it was sent.
    Profile(String),
    Memberships,
    Authping,
    CreateAudience,
    /// Of the profile with this integration ID.
    Inventory(String),
}

pub(super) fn answer(call: Call, exchange: &Exchange) -> Result<Reply, Refusal> {
    match call {
        Call::Authping => Ok(reply::empty(StatusCode::NO_CONTENT)),
        Call::Profiles => profiles(exchange),
        Call::Profile(segment) => profile_update::update(exchange, &segment),
        Call::Memberships => memberships(exchange),
        Call::CreateAudience => create_audience(exchange),
        Call::Inventory(id) => inventory(exchange, &id),
    }
}

/// `PUT /v2/customer_profiles`.
fn profiles(exchange: &Exchange) -> Result<Reply, Refusal> {
    let silent = silent(&exchange.query(&["silent"])?)?;
    let mut answer = reply::empty(StatusCode::NO_CONTENT);
    if let Some(body) = exchange.body()? {
        let mut deployment = lock(&exchange.shared.deployment);
        let outcome = bulk::profiles(&mut deployment, body, exchange.shared.settings.batches);
        let updated = settled(exchange, outcome)?;
        if !silent {
            let states = states::integration_states(&deployment, &updated);
            answer = reply::json(StatusCode::OK, states);
        }
    }
    Ok(answer)
}

/// `POST /v2/customer_audiences`.
fn memberships(exchange: &Exchange) -> Result<Reply, Refusal> {
    exchange.query(&[])?;
    if let Some(body) = exchange.body()? {
        let mut deployment = lock(&exchange.shared.deployment);
        let outcome = bulk::memberships(&mut deployment, body, exchange.shared.settings.batches);
        settled(exchange, outcome)?;
    }
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

/// Notes how a bulk call ended. The IDs of the profiles that were updated, if it ended well.
fn settled(exchange: &Exchange, outcome: Outcome) -> Result<Vec<String>, Refusal> {
    exchange.shared.recorder.applied(exchange.ticket, outcome.applied, outcome.superseded);
    if outcome.problems.is_empty() { Ok(outcome.updated) } else { Err(outcome.problems.into()) }
}

/// Whether the answer is to have no body. That is the published default.
fn silent(query: &Query) -> Result<bool, Problem> {
    match query.text("silent") {
        None | Some("yes") => Ok(true),
        Some("no") => Ok(false),
        Some(other) => Err(invalid("silent", &format!("it must be yes or no, it is {other:?}"))),
    }
}

/// `POST /v2/audiences`.
fn create_audience(exchange: &Exchange) -> Result<Reply, Refusal> {
    exchange.query(&[])?;
    let new: NewAudience = exchange.object()?;
    let mut deployment = lock(&exchange.shared.deployment);
    let problems = audience::problems(&new, &deployment.audiences);
    if !problems.is_empty() {
        return Err(problems.into());
    }
    let (id, audience) = deployment.audiences.add(new);
    Ok(reply::json_of(StatusCode::CREATED, &ShownAudience::new(id, audience)))
}

/// The published `CustomerInventory`: the profile, and nothing of anything else, as far as it was asked for.
#[derive(Serialize)]
struct Inventory<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<CustomerProfile<'a>>,
    #[serde(flatten)]
    rest: BTreeMap<&'static str, serde_json::Value>,
}

/// `GET /v1/customer_profiles/{integrationId}/inventory`.
fn inventory(exchange: &Exchange, id: &str) -> Result<Reply, Refusal> {
    const LISTS: [&str; 4] = ["referrals", "coupons", "giveaways", "achievements"];
    let query = exchange.query(&["profile", "loyalty", "referrals", "coupons", "giveaways", "achievements"])?;
    let mut rest = BTreeMap::new();
    for name in LISTS {
        if query.flag(name)? {
            rest.insert(name, serde_json::Value::Array(Vec::new()));
        }
    }
    if query.flag("loyalty")? {
        rest.insert("loyalty", serde_json::json!({ "programs": {} }));
    }
    let with_profile = query.flag("profile")?;
    let deployment = lock(&exchange.shared.deployment);
    let profile = CustomerProfile::of(&deployment, id).ok_or_else(|| {
        let details = format!("there is no customer profile with the integration ID {id:?}");
        Problem::request(StatusCode::NOT_FOUND, "Not found", details)
    })?;
    let profile = with_profile.then_some(profile);
    Ok(reply::json_of(StatusCode::OK, &Inventory { profile, rest }))
}
