//! Shorter ways to write a descriptor: what most plugins leave empty is empty.

use crate::bindings::{Descriptor, Field, Limits, ObjectType, Secret, SecretUse};
use crate::delivery;

impl Field {
    /// A field that every row must have.
    #[must_use]
    pub fn required(name: &str, label: &str) -> Self {
        Self { name: name.to_owned(), label: label.to_owned(), required: true, description: String::new() }
    }
}

impl ObjectType {
    /// One kind of object, with its key as the only field. Its modes are still to be said.
    #[must_use]
    pub fn new(name: &str, label: &str, key: Field) -> Self {
        Self {
            name: name.to_owned(),
            label: label.to_owned(),
            key_field: key.name.clone(),
            fields: vec![key],
            ..Self::default()
        }
    }
}

impl Secret {
    /// A key of the config that goes into headers as it stands.
    #[must_use]
    pub fn in_headers(config_key: &str) -> Self {
        Self { config_key: config_key.to_owned(), used_in: SecretUse::Headers }
    }
}

impl Descriptor {
    /// A destination. Its config keys and schema are still to be said.
    #[must_use]
    pub fn new(name: &str, label: &str, version: &str, object_types: Vec<ObjectType>) -> Self {
        Self {
            name: name.to_owned(),
            label: label.to_owned(),
            version: version.to_owned(),
            object_types,
            ..Self::default()
        }
    }
}

/// What a delivery keeps to is what an engine is told.
impl From<delivery::Limits> for Limits {
    fn from(limits: delivery::Limits) -> Self {
        Self {
            batch_records: u32::try_from(limits.records).ok(),
            batch_bytes: u64::try_from(limits.bytes).ok(),
            ..Self::default()
        }
    }
}
