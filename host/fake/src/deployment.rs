//! What one Talon.One deployment holds: attribute definitions, audiences and profiles.

pub(crate) mod attributes;
pub(crate) mod audiences;
pub(crate) mod campaigns;
pub(crate) mod definitions;
pub(crate) mod members;
pub(crate) mod profiles;
pub(crate) mod snapshot;

use crate::deployment::audiences::{Audiences, MemberAction, MembershipChange};
use crate::deployment::campaigns::Campaigns;
use crate::deployment::definitions::Definitions;
use crate::deployment::profiles::{Attributes, Profiles};
use crate::faults::fault::Movement;

#[derive(Debug)]
pub(crate) struct Deployment {
    pub(crate) definitions: Definitions,
    pub(crate) audiences: Audiences,
    pub(crate) profiles: Profiles,
    pub(crate) campaigns: Campaigns,
}

/// A profile as it is shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Profile<'a> {
    /// The deployment's own ID of the profile. All that were never written down have the number 0.
    pub(crate) number: usize,
    pub(crate) attributes: &'a Attributes,
}

static NO_ATTRIBUTES: Attributes = Attributes::new();

impl Deployment {
    pub(crate) fn new(definitions: Definitions, audiences: Audiences) -> Self {
        Self { definitions, audiences, profiles: Profiles::default(), campaigns: Campaigns::default() }
    }

    /// A membership change, and the empty profile that an unknown member becomes.
    pub(crate) fn change_membership(&mut self, change: MembershipChange) {
        if change.action == MemberAction::Add && !self.is_of_crowd(&change.id) {
            self.profiles.ensure(change.id.clone());
        }
        self.audiences.apply(change);
    }

    /// Changes that somebody else makes, of members of one audience.
    pub(crate) fn move_members(&mut self, movement: &Movement) {
        let of = |ids: &[String], action| {
            let change = move |id: &String| MembershipChange { id: id.clone(), audience: movement.audience, action };
            ids.iter().map(change).collect::<Vec<_>>()
        };
        let (add, remove) = (of(&movement.add, MemberAction::Add), of(&movement.remove, MemberAction::Delete));
        add.into_iter().chain(remove).for_each(|change| self.change_membership(change));
    }

    pub(crate) fn profile(&self, id: &str) -> Option<Profile<'_>> {
        let written = self.profiles.get(id);
        let written = written.map(|profile| Profile { number: profile.number, attributes: &profile.attributes });
        written.or_else(|| self.is_of_crowd(id).then_some(Profile { number: 0, attributes: &NO_ATTRIBUTES }))
    }

    fn is_of_crowd(&self, id: &str) -> bool {
        self.audiences.by_id().values().any(|audience| audience.members.is_of_crowd(id))
    }
}
