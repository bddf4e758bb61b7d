//! A profile as the API answers it.

use serde::Serialize;

use crate::deployment::Deployment;
use crate::deployment::profiles::Attributes;

/// When everything was made: the fake keeps no times.
pub(crate) const LONG_AGO: &str = "2020-01-01T00:00:00Z";
/// The one account that a fake has.
pub(crate) const ACCOUNT: u32 = 1;

/// The published schema's required members, and the audiences. The fake knows no purchases.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CustomerProfile<'a> {
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

#[derive(Debug, Serialize)]
struct Membership<'a> {
    id: i64,
    name: &'a str,
}

impl<'a> CustomerProfile<'a> {
    /// None where there is no such profile.
    pub(crate) fn of(deployment: &'a Deployment, id: &'a str) -> Option<Self> {
        let profile = deployment.profile(id)?;
        let audiences = deployment.audiences.by_id().iter().filter(|(_, audience)| audience.members.contains(id));
        Some(Self {
            id: profile.number,
            created: LONG_AGO,
            integration_id: id,
            attributes: profile.attributes,
            account_id: ACCOUNT,
            closed_sessions: 0,
            total_sales: 0,
            audience_memberships: audiences
                .map(|(id, audience)| Membership { id: *id, name: &audience.facts.name })
                .collect(),
            last_activity: LONG_AGO,
        })
    }
}
