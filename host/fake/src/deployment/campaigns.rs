//! The rules of campaigns, as far as they look at audiences, and what fired.

use serde::{Deserialize, Serialize};

/// What a rule waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AudienceEvent {
    /// "Has joined an audience".
    Joined,
    /// "Has left an audience".
    Left,
}

/// What a rule does. The names are those of `effectType` in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Effect {
    /// Calls a web address.
    TriggerWebhook,
    /// Shows the customer a message.
    ShowNotification,
}

/// A rule of a campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its display name.
    pub name: String,
    /// What it waits for.
    pub on: AudienceEvent,
    /// The audience that it looks at.
    pub audience: i64,
    /// What it does then.
    pub effect: Effect,
}

/// That a rule fired once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Firing {
    /// The rule's name.
    pub rule: String,
    /// Who joined or left.
    pub integration_id: String,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Campaigns {
    pub(crate) rules: Vec<Rule>,
    /// In the order in which they fired.
    pub(crate) fired: Vec<Firing>,
}

impl Campaigns {
    /// The rules that wait for this, with their places in the list.
    pub(crate) fn waiting_for(&self, on: AudienceEvent, audience: i64) -> impl Iterator<Item = (usize, &Rule)> {
        self.rules.iter().enumerate().filter(move |(_, rule)| rule.on == on && rule.audience == audience)
    }
}
