//! Audiences and who is in them.

use std::collections::{BTreeMap, BTreeSet};

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

#[derive(Debug, Clone)]
pub(crate) struct Audience {
    pub(crate) name: String,
    pub(crate) members: BTreeSet<String>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Audiences {
    by_id: BTreeMap<i64, Audience>,
}

impl Audiences {
    /// A new audience is empty; one that exists is renamed and keeps its members.
    pub(crate) fn create(&mut self, id: i64, name: &str) {
        let audience =
            self.by_id.entry(id).or_insert_with(|| Audience { name: String::new(), members: BTreeSet::new() });
        name.clone_into(&mut audience.name);
    }

    pub(crate) fn get(&self, id: i64) -> Option<&Audience> {
        self.by_id.get(&id)
    }

    /// A change for an audience that does not exist does nothing: the caller has refused it by then. Removing who is
    /// no member is no fault.
    pub(crate) fn apply(&mut self, change: MembershipChange) {
        if let Some(audience) = self.by_id.get_mut(&change.audience) {
            match change.action {
                MemberAction::Add => audience.members.insert(change.id),
                MemberAction::Delete => audience.members.remove(&change.id),
            };
        }
    }

    pub(crate) fn by_id(&self) -> &BTreeMap<i64, Audience> {
        &self.by_id
    }
}
