//! Customer profiles: integration ID to attributes, each value as the text that was sent.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// Attribute name to JSON text.
pub(crate) type Attributes = BTreeMap<String, Box<RawValue>>;

/// A profile to create, or attributes to merge into it.
#[derive(Debug)]
pub(crate) struct ProfileUpdate {
    pub(crate) id: String,
    /// None clears the attribute.
    pub(crate) attributes: Vec<(String, Option<Box<RawValue>>)>,
}

#[derive(Debug)]
pub(crate) struct Profile {
    /// Counts up from 1 in the order of creation: the deployment's own ID of the profile.
    pub(crate) number: usize,
    pub(crate) attributes: Attributes,
}

#[derive(Debug, Default)]
pub(crate) struct Profiles {
    by_id: BTreeMap<String, Profile>,
}

impl Profiles {
    /// Creates the profile or merges into it: what the update does not name stays.
    pub(crate) fn upsert(&mut self, update: ProfileUpdate) {
        let profile = self.ensure(update.id);
        for (name, value) in update.attributes {
            match value {
                Some(value) => profile.attributes.insert(name, value),
                None => profile.attributes.remove(&name),
            };
        }
    }

    /// The profile of this ID; an unknown one becomes an empty profile.
    pub(crate) fn ensure(&mut self, id: String) -> &mut Profile {
        let number = self.by_id.len() + 1;
        self.by_id.entry(id).or_insert_with(|| Profile { number, attributes: Attributes::new() })
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Profile> {
        self.by_id.get(id)
    }

    pub(crate) fn by_id(&self) -> &BTreeMap<String, Profile> {
        &self.by_id
    }
}
