//! What is wrong with a config: what the plugin itself finds, and whether it asks for an object type and a mode that the plugin
//! declares. By the contract the host looks, whatever the plugin itself looks at.

use destination_engine::bindings::Descriptor;
use destination_engine::plugin::Plugin;
use destination_engine::plugin::instance::CallError;
use destination_engine::plugin::trust::Untrusted;

use super::job::{OBJECT_TYPE, SYNC_MODE, mode, mode_name};
use crate::fault::{Fault, nearest};
use crate::sync_file::Destination;

/// All faults of a config, as its keys.
///
/// # Errors
/// Where the plugin can't be asked.
pub async fn all_faults(plugin: &Plugin, destination: &Destination) -> Result<Vec<Fault>, CallError> {
    let config = destination.json();
    let issues = plugin.validate_config(&config).await?;
    let mut found: Vec<Fault> =
        issues.into_iter().map(|issue| Fault { path: issue.path, message: issue.message, hint: issue.hint }).collect();
    // The plugin's own words are the better ones.
    for fault in faults(plugin.descriptor(), destination) {
        if found.iter().all(|known| known.path != fault.path) {
            found.push(fault);
        }
    }
    found.extend(plugin.untrusted(&config).iter().map(untrusted));
    Ok(found)
}

/// What a plugin is not trusted with, as a fault of the config: its path is a key of the plugin's.
pub fn untrusted(untrusted: &Untrusted) -> Fault {
    let fault = |path: &str, hint: String| Fault::new(path, untrusted.to_string()).hint(hint);
    match untrusted {
        Untrusted::Secret { key } => fault(key, "if you trust it with that: --trust-plugin-with-secrets".to_owned()),
        Untrusted::Origin { origin } => fault("", format!("if your rows may go there: --allow-origin {origin}")),
        Untrusted::NoOrigin { .. } => fault("", "this is the plugin's own fault; ask who made it".to_owned()),
    }
}

/// The faults of `object_type` and `sync_mode`, as keys of the config.
pub fn faults(descriptor: &Descriptor, destination: &Destination) -> Vec<Fault> {
    let types = &descriptor.object_types;
    let names = || types.iter().map(|declared| declared.name.as_str());
    let declared = match (destination.text(OBJECT_TYPE), types.as_slice()) {
        // A plugin that declares nothing is not held to it.
        (_, []) => return Vec::new(),
        (None, [only]) => only,
        (None, _) => return vec![one_of(OBJECT_TYPE, "is missing", names())],
        (Some(name), _) => match types.iter().find(|declared| declared.name == name) {
            Some(declared) => declared,
            None => return vec![unknown(OBJECT_TYPE, &name, "is not among the plugin's object types", names())],
        },
    };
    let modes = || declared.sync_modes.iter().map(|&declared| mode_name(declared));
    let fault = match destination.text(SYNC_MODE) {
        None if declared.default_mode.is_some() => None,
        None => Some(one_of(SYNC_MODE, "is missing", modes())),
        Some(name) => match mode(&name) {
            Some(asked) if declared.sync_modes.contains(&asked) => None,
            _ => Some(unknown(SYNC_MODE, &name, &format!("is not a mode of `{}`", declared.name), modes())),
        },
    };
    fault.into_iter().collect()
}

fn one_of<'a>(key: &str, message: &str, known: impl Iterator<Item = &'a str>) -> Fault {
    Fault::new(key, message).hint(format!("write one of: {}", known.collect::<Vec<_>>().join(", ")))
}

fn unknown<'a>(key: &str, name: &str, message: &str, known: impl Iterator<Item = &'a str> + Clone) -> Fault {
    match nearest(name, known.clone()) {
        Some(near) => Fault::new(key, format!("{name:?} {message}")).hint(format!("did you mean `{near}`?")),
        None => one_of(key, &format!("{name:?} {message}"), known),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use std::path::Path;

    use destination_engine::bindings::{ConfigKeys, Limits, ObjectType, SyncMode};

    use super::*;
    use crate::sync_file::Draft;

    fn object_type(name: &str, sync_modes: &[SyncMode], default_mode: Option<SyncMode>) -> ObjectType {
        ObjectType {
            name: name.to_owned(),
            label: String::new(),
            description: String::new(),
            sync_modes: sync_modes.to_vec(),
            default_mode,
            fields: Vec::new(),
            key_field: "id".to_owned(),
            custom_fields: true,
        }
    }

    fn shown(object_types: Vec<ObjectType>, config: &str) -> Vec<String> {
        let limits =
            Limits { batch_records: None, batch_bytes: None, requests_per_second: None, requests_per_minute: None };
        let config_keys = ConfigKeys {
            endpoints: Vec::new(),
            secrets: Vec::new(),
            target: Vec::new(),
            identity: Vec::new(),
            batch_records: None,
        };
        let descriptor = Descriptor {
            name: String::new(),
            label: String::new(),
            description: String::new(),
            version: String::new(),
            object_types,
            field_mapping: true,
            limits,
            config_keys,
            config_schema: String::new(),
        };
        let text = format!("[destination]\n{config}");
        let draft = Draft::parse(&text, Path::new(""), &|_| Err(std::env::VarError::NotPresent)).unwrap();
        let faults = faults(&descriptor, draft.destination());
        faults.iter().map(|fault| format!("{fault} ({})", fault.hint.as_deref().unwrap_or("-"))).collect()
    }

    #[test]
    fn a_config_asks_for_what_is_declared() {
        let people = || object_type("people", &[SyncMode::Upsert, SyncMode::Mirror], Some(SyncMode::Upsert));
        let members = || object_type("members", &[SyncMode::Add], None);
        for (types, config, expected) in [
            (vec![people()], "", None),
            (vec![people()], "sync_mode = 'mirror'", None),
            (vec![people(), members()], "object_type = 'members'\nsync_mode = 'add'", None),
            (Vec::new(), "object_type = 'anything'", None),
            (vec![people(), members()], "", Some("object_type: is missing (write one of: people, members)")),
            (
                vec![people(), members()],
                "object_type = 'peopl'",
                Some("object_type: \"peopl\" is not among the plugin's object types (did you mean `people`?)"),
            ),
            (
                vec![people()],
                "object_type = 7",
                Some("object_type: \"7\" is not among the plugin's object types (write one of: people)"),
            ),
            (vec![members()], "", Some("sync_mode: is missing (write one of: add)")),
            (
                vec![people()],
                "sync_mode = 'remove'",
                Some("sync_mode: \"remove\" is not a mode of `people` (write one of: upsert, mirror)"),
            ),
        ] {
            assert_eq!(shown(types, config), expected.into_iter().collect::<Vec<_>>(), "{config}");
        }
    }
}
