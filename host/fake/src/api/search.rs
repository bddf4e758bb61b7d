//! Which profiles a search finds.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::deployment::Deployment;

/// The published `CustomerProfileSearchQuery`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SearchQuery {
    attributes: Option<BTreeMap<String, Box<RawValue>>>,
    #[serde(rename = "integrationIDs")]
    integration_ids: Option<Vec<String>>,
    #[serde(rename = "profileIDs")]
    profile_ids: Option<Vec<usize>>,
}

impl SearchQuery {
    /// The integration IDs of the profiles that meet every condition, without one twice.
    pub(crate) fn found<'a>(&'a self, deployment: &'a Deployment) -> Vec<&'a str> {
        let meets = |id: &str| {
            let Some(profile) = deployment.profile(id) else { return false };
            let mut attributes = self.attributes.iter().flatten();
            attributes.all(|(name, wanted)| profile.attributes.get(name).is_some_and(|held| held.get() == wanted.get()))
                && self.profile_ids.as_ref().is_none_or(|numbers| numbers.contains(&profile.number))
        };
        let mut ids: Vec<&str> = match &self.integration_ids {
            Some(ids) => ids.iter().map(String::as_str).collect(),
            None => deployment.profiles.by_id().keys().map(String::as_str).collect(),
        };
        ids.sort_unstable();
        ids.dedup();
        ids.retain(|id| meets(id));
        ids
    }
}
