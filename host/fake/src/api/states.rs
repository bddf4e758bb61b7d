//! The profiles that a call with `silent=no` answers.

use serde::Serialize;

use crate::deployment::Deployment;
use crate::deployment::profiles::Attributes;

/// The body that answers `silent=no`: the profiles after the update, in the order they were sent.
pub(crate) fn integration_states(deployment: &Deployment, ids: &[String]) -> String {
    let states = ids.iter().filter_map(|id| State::of(deployment, id)).collect();
    // Strings, numbers and JSON texts can always be written as JSON.
    serde_json::to_string(&States { states }).unwrap_or_default()
}

#[derive(Serialize)]
struct States<'a> {
    #[serde(rename = "integrationStates")]
    states: Vec<State<'a>>,
}

#[derive(Serialize)]
struct State<'a> {
    #[serde(rename = "customerProfile")]
    profile: CustomerProfile<'a>,
}

/// The published schema's required members, and the audiences. The fake keeps no times and knows no purchases.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CustomerProfile<'a> {
    id: usize,
    created: &'static str,
    integration_id: &'a str,
    attributes: &'a Attributes,
    account_id: u32,
    closed_sessions: u32,
    total_sales: u32,
    audience_memberships: Vec<Membership<'a>>,
    last_activity: &'static str,
}

#[derive(Serialize)]
struct Membership<'a> {
    id: i64,
    name: &'a str,
}

impl<'a> State<'a> {
    fn of(deployment: &'a Deployment, id: &'a str) -> Option<Self> {
        const LONG_AGO: &str = "2020-01-01T00:00:00Z";
        let profile = deployment.profiles.get(id)?;
        let audiences = deployment.audiences.by_id().iter().filter(|(_, audience)| audience.members.contains(id));
        Some(Self {
            profile: CustomerProfile {
                id: profile.number,
                created: LONG_AGO,
                integration_id: id,
                attributes: &profile.attributes,
                account_id: 1,
                closed_sessions: 0,
                total_sales: 0,
                audience_memberships: audiences
                    .map(|(id, audience)| Membership { id: *id, name: &audience.name })
                    .collect(),
                last_activity: LONG_AGO,
            },
        })
    }
}
