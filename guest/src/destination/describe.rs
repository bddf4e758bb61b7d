//! What this destination is, for engines and forms.

use destination_toolkit::bindings::{ConfigKeys, Descriptor, Endpoint, Field, Limits, ObjectType, Secret, SyncMode};

use crate::api::request::MAX_BODY_BYTES;
use crate::config::field_mapping::INTEGRATION_ID;
use crate::config::{MAX_BATCH_SIZE, SCHEMA};

/// The descriptor.
#[must_use]
#[cfg_attr(target_family = "wasm", optimize(size))]
pub fn describe() -> Descriptor {
    Descriptor {
        name: "talon-one".to_owned(),
        label: "Talon.One".to_owned(),
        description: "Customer profiles and audience memberships in Talon.One, through its Integration API".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        object_types: vec![profiles(), audiences()],
        field_mapping: true,
        limits: Limits {
            batch_records: u32::try_from(MAX_BATCH_SIZE).ok(),
            batch_bytes: u64::try_from(MAX_BODY_BYTES).ok(),
            // Talon.One's typical limits for a deployment; a plan may have others.
            requests_per_second: Some(60),
            requests_per_minute: Some(5_000),
        },
        config_keys: ConfigKeys {
            endpoints: vec![Endpoint::ConfigKey("deployment_url".to_owned())],
            secrets: ["api_key", "management_key"].map(Secret::in_headers).into(),
            // An audience that is named has its ID here once it is resolved.
            target: names(&["deployment_url", "object_type", "audience_id"]),
            identity: names(&["integration_id_prefix"]),
            batch_records: Some("batch_size".to_owned()),
        },
        config_schema: SCHEMA.to_owned(),
    }
}

#[cfg_attr(target_family = "wasm", optimize(size))]
fn profiles() -> ObjectType {
    ObjectType {
        name: "customer_profiles".to_owned(),
        label: "Customer Profiles".to_owned(),
        description: "Creates profiles and updates them by their integration ID. A profile is never deleted."
            .to_owned(),
        sync_modes: vec![SyncMode::Upsert],
        default_mode: Some(SyncMode::Upsert),
        fields: vec![
            integration_id(),
            field("email", "Email", "The customer's email address. Sent as a string unless another type is declared."),
            field("name", "Name", "The customer's name. Sent as a string unless another type is declared."),
            field("phone", "Phone", "The customer's phone number. Sent as a string unless another type is declared."),
            field(
                "signup_date",
                "Sign-up date",
                "When the customer signed up. Sent as a time unless another type is declared.",
            ),
        ],
        key_field: INTEGRATION_ID.to_owned(),
        custom_fields: true,
    }
}

#[cfg_attr(target_family = "wasm", optimize(size))]
fn audiences() -> ObjectType {
    ObjectType {
        name: "customer_profile_audiences".to_owned(),
        label: "Customer Profile Audiences".to_owned(),
        description:
            "Adds profiles to one audience and removes them from it. An integration ID that has no profile yet \
                      gets an empty one."
                .to_owned(),
        sync_modes: vec![SyncMode::Add, SyncMode::Remove, SyncMode::Mirror],
        default_mode: None,
        fields: vec![integration_id()],
        key_field: INTEGRATION_ID.to_owned(),
        custom_fields: false,
    }
}

#[cfg_attr(target_family = "wasm", optimize(size))]
fn integration_id() -> Field {
    Field {
        required: true,
        ..field(
            INTEGRATION_ID,
            "Integration ID",
            "The customer's stable, unique ID, such as a database key; never something that can change, such as an email \
             address. Use the same ID for profiles and audiences.",
        )
    }
}

#[cfg_attr(target_family = "wasm", optimize(size))]
fn field(name: &str, label: &str, description: &str) -> Field {
    Field { name: name.to_owned(), label: label.to_owned(), description: description.to_owned(), required: false }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::config::Config;
    use crate::testing::profiles_text;

    #[test]
    fn the_descriptor_says_what_the_config_takes() {
        let descriptor = describe();
        let schema: Value = serde_json::from_str(&descriptor.config_schema).unwrap();
        let keys = schema["properties"].as_object().unwrap();
        let named = descriptor.config_keys;
        let endpoints = named.endpoints.iter().map(|endpoint| match endpoint {
            Endpoint::ConfigKey(key) => key,
            Endpoint::Origin(origin) => unreachable!("a deployment is the config's to name, not {origin}"),
        });
        let secrets = named.secrets.iter().map(|secret| &secret.config_key);
        let others = named.target.iter().chain(&named.identity).chain(&named.batch_records);
        for key in endpoints.chain(secrets).chain(others) {
            assert!(keys.contains_key(key), "{key}");
        }
        for object in &descriptor.object_types {
            let audience = if object.custom_fields { Value::Null } else { json!(1) };
            let taken = |mode: Value| {
                let config = json!({"object_type": object.name, "sync_mode": mode, "audience_id": audience});
                Config::parse(&profiles_text(&config)).is_ok()
            };
            for (name, mode) in [
                ("upsert", SyncMode::Upsert),
                ("add", SyncMode::Add),
                ("remove", SyncMode::Remove),
                ("mirror", SyncMode::Mirror),
            ] {
                assert_eq!(taken(json!(name)), object.sync_modes.contains(&mode), "{} {name}", object.name);
            }
            assert_eq!(taken(Value::Null), object.default_mode.is_some());
            let required = object.fields.iter().filter(|field| field.required).map(|field| &field.name);
            assert_eq!(required.collect::<Vec<_>>(), [&object.key_field]);
        }
    }

    #[test]
    fn the_numbers_are_those_of_talon_one() {
        let limits = describe().limits;
        assert_eq!(limits.batch_records, Some(1000));
        assert_eq!(limits.batch_bytes, Some(5_242_880));
        assert_eq!((limits.requests_per_second, limits.requests_per_minute), (Some(60), Some(5_000)));
        assert_eq!(describe().version, env!("CARGO_PKG_VERSION"));
    }
}
