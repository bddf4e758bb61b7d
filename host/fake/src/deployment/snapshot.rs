//! What the fake holds, to look at: the whole as JSON that is the same for the same state.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use crate::deployment::Deployment;
use crate::deployment::attributes::AttributeType;
use crate::deployment::campaigns::{Firing, Rule};
use crate::deployment::profiles::Attributes;

/// The state of a fake at one moment. It prints as JSON, sorted throughout, numbers to the digit as they were sent.
#[derive(Debug, Clone, Serialize)]
pub struct Snapshot {
    /// Attribute definitions, by name.
    pub attributes: BTreeMap<String, AttributeType>,
    /// Audiences, by ID.
    pub audiences: BTreeMap<i64, AudienceState>,
    profiles: BTreeMap<String, Attributes>,
    /// The rules of campaigns.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
    /// Which of them fired for whom, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fired: Vec<Firing>,
}

/// One audience of a [`Snapshot`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AudienceState {
    /// Its display name.
    pub name: String,
    /// Integration IDs of its members.
    pub members: BTreeSet<String>,
}

impl Snapshot {
    pub(crate) fn of(deployment: &Deployment) -> Self {
        let audience = |audience: &crate::deployment::audiences::Audience| AudienceState {
            name: audience.facts.name.clone(),
            members: audience.members.list().map(Cow::into_owned).collect(),
        };
        Self {
            attributes: deployment.definitions.types(),
            audiences: deployment.audiences.by_id().iter().map(|(id, held)| (*id, audience(held))).collect(),
            profiles: (deployment.profiles.by_id().iter())
                .map(|(id, profile)| (id.clone(), profile.attributes.clone()))
                .collect(),
            rules: deployment.campaigns.rules.clone(),
            fired: deployment.campaigns.fired.clone(),
        }
    }

    /// Integration ID to attributes, each value as the JSON text that was sent.
    #[must_use]
    pub fn profiles(&self) -> BTreeMap<String, BTreeMap<String, String>> {
        let texts = |attributes: &Attributes| {
            attributes.iter().map(|(name, value)| (name.clone(), value.get().to_owned())).collect()
        };
        self.profiles.iter().map(|(id, attributes)| (id.clone(), texts(attributes))).collect()
    }
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string_pretty(self).map_err(|_| fmt::Error)?)
    }
}
