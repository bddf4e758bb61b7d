//! Audiences and who is in them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::deployment::members::Members;

/// Someone who joins an audience or leaves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MembershipChange {
    pub(crate) id: String,
    pub(crate) audience: i64,
    pub(crate) action: MemberAction,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MemberAction {
    Add,
    Delete,
}

/// An audience as `POST /v2/audiences` takes it: the published `NewAudience`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewAudience {
    pub(crate) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sandbox: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) subscribed_applications_ids: Option<Vec<i64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) integration: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) integration_id: Option<String>,
    #[serde(rename = "createdIn3rdParty", skip_serializing_if = "Option::is_none")]
    created_in_3rd_party: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_update: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Audience {
    pub(crate) facts: NewAudience,
    /// Shared with the exports that are on their way out, which show the members as they were when they were asked for.
    pub(crate) members: Arc<Members>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Audiences {
    by_id: BTreeMap<i64, Audience>,
}

impl Audiences {
    /// A new audience is empty; one that exists is renamed and keeps its members.
    pub(crate) fn create(&mut self, id: i64, name: &str) {
        let new = || Audience { facts: NewAudience::default(), members: Arc::default() };
        let audience = self.by_id.entry(id).or_insert_with(new);
        name.clone_into(&mut audience.facts.name);
    }

    /// Adds an audience under the next ID.
    pub(crate) fn add(&mut self, facts: NewAudience) -> (i64, &Audience) {
        let id = self.by_id.last_key_value().map_or(1, |(id, _)| id + 1);
        (id, self.by_id.entry(id).or_insert(Audience { facts, members: Arc::default() }))
    }

    /// Gives an audience members that take no memory, in the place of those that it has.
    pub(crate) fn gather(&mut self, id: i64, count: u64) {
        if let Some(audience) = self.by_id.get_mut(&id) {
            audience.members = Arc::new(Members::crowd(count));
        }
    }

    pub(crate) fn get(&self, id: i64) -> Option<&Audience> {
        self.by_id.get(&id)
    }

    /// A change for an audience that does not exist does nothing: the caller has refused it by then. Removing who is
    /// no member is no fault.
    pub(crate) fn apply(&mut self, change: MembershipChange) {
        if let Some(audience) = self.by_id.get_mut(&change.audience) {
            let members = Arc::make_mut(&mut audience.members);
            match change.action {
                MemberAction::Add => members.insert(change.id),
                MemberAction::Delete => members.remove(&change.id),
            }
        }
    }

    pub(crate) fn by_id(&self) -> &BTreeMap<i64, Audience> {
        &self.by_id
    }
}
