//! What one Talon.One deployment holds: attribute definitions, audiences and profiles.

pub(crate) mod attributes;
pub(crate) mod audiences;
pub(crate) mod campaigns;
pub(crate) mod profiles;
pub(crate) mod snapshot;

use crate::deployment::attributes::Definitions;
use crate::deployment::audiences::Audiences;
use crate::deployment::campaigns::Campaigns;
use crate::deployment::profiles::Profiles;

#[derive(Debug)]
pub(crate) struct Deployment {
    pub(crate) definitions: Definitions,
    pub(crate) audiences: Audiences,
    pub(crate) profiles: Profiles,
    pub(crate) campaigns: Campaigns,
}

impl Deployment {
    pub(crate) fn new(definitions: Definitions, audiences: Audiences) -> Self {
        Self { definitions, audiences, profiles: Profiles::default(), campaigns: Campaigns::default() }
    }
}
