//! The profiles that a call with `silent=no` answers.

use serde::Serialize;

use crate::api::customer_profile::CustomerProfile;
use crate::deployment::Deployment;

/// The body that answers `silent=no`: the profiles after the update, in the order they were sent.
pub(crate) fn integration_states(deployment: &Deployment, ids: &[String]) -> String {
    let states = ids.iter().filter_map(|id| Some(State { profile: CustomerProfile::of(deployment, id)? })).collect();
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
