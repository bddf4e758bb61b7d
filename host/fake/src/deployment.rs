//! What one Talon.One deployment holds: attribute definitions, audiences and profiles.

use crate::attributes::Definitions;
use crate::audiences::Audiences;
use crate::profiles::Profiles;

#[derive(Debug)]
pub(crate) struct Deployment {
    pub(crate) definitions: Definitions,
    pub(crate) audiences: Audiences,
    pub(crate) profiles: Profiles,
}

impl Deployment {
    pub(crate) fn new(definitions: Definitions, audiences: Audiences) -> Self {
        Self { definitions, audiences, profiles: Profiles::default() }
    }
}
