//! What an engine has to know of a config: told by the plugin's descriptor, without understanding the config itself.

use std::collections::HashMap;
use std::num::NonZeroU32;

use crate::fault::Fault;
use crate::source;
use crate::state::Facts;
use crate::sync_file::{Computed, Destination, Mapping};
use destination_engine::arrow::columns::Reading;
use destination_engine::bindings::{Descriptor, ObjectType, Secret, SyncMode};

/// The config's key that names the object type, by the contract.
pub(crate) const OBJECT_TYPE: &str = "object_type";
/// The config's key that names the mode, by the contract.
pub(crate) const SYNC_MODE: &str = "sync_mode";

/// What a sync does, as far as an engine is concerned.
#[derive(Debug, Clone)]
pub struct Job {
    /// The kind of object, as the config says it.
    pub object_type: Option<String>,
    /// How rows are applied.
    pub mode: Option<SyncMode>,
    /// The field that becomes a record's key, where columns are mapped to fields.
    pub key_field: Option<String>,
    /// The columns that the mappings read, and how; `None` where columns map to themselves, or the plugin knows no mappings.
    pub columns: Option<HashMap<String, Reading>>,
    /// Records in one request, where the config says so.
    pub batch_records: Option<NonZeroU32>,
    /// What the sync writes to.
    pub target: Facts,
    /// What shapes the keys of its records.
    pub identity: Facts,
}

impl Job {
    /// Reads a config that the plugin has found valid. `computed` are the columns that the source makes from others.
    pub fn new(descriptor: &Descriptor, destination: &Destination, computed: &[Computed]) -> Self {
        let object_type = object_type(descriptor, destination);
        let mode = match destination.text(SYNC_MODE) {
            Some(name) => mode(&name),
            None => object_type.and_then(|object_type| object_type.default_mode),
        };
        // Without field mapping the plugin alone knows which column makes the key.
        let key_field = object_type.filter(|_| descriptor.field_mapping).map(|it| it.key_field.clone());
        let mappings = destination.mappings().filter(|_| descriptor.field_mapping);
        let keys = &descriptor.config_keys;
        let mut identity = facts(&keys.identity, &keys.secrets, destination);
        // A text that is empty shapes a key no more than one that is not there.
        identity.retain(|_, value| !value.is_empty());
        if let Some(field) = &key_field {
            let mapped = mappings.as_ref().and_then(|mappings| {
                mappings.iter().find(|mapping| mapping.destination == field).map(|mapping| mapping.source)
            });
            // Columns that are not mapped map to themselves: that is the same key, written otherwise.
            let column = mapped.unwrap_or(field);
            identity.insert(format!("column of {field}"), column.to_owned());
            if let Some(made) = computed.iter().find(|made| made.name == column) {
                identity.insert(format!("expression of {column}"), fingerprint(made.expression.text()));
            }
        }
        Self {
            object_type: object_type.map(|object_type| object_type.name.clone()),
            mode,
            columns: mappings.map(|mappings| readings(&mappings, key_field.as_deref())),
            key_field,
            batch_records: keys.batch_records.as_ref().and_then(|key| destination.text(key)?.parse().ok()),
            target: facts(&keys.target, &keys.secrets, destination),
            identity,
        }
    }

    /// Whether rows that leave the source are removed.
    pub fn mirrors(&self) -> bool {
        self.mode == Some(SyncMode::Mirror)
    }

    /// The mapped columns that a source does not have. A plugin without field mapping takes what there is.
    pub fn missing_columns(&self, columns: &[String], destination: &Destination) -> Vec<Fault> {
        if self.columns.is_none() && self.key_field.is_none() {
            return Vec::new();
        }
        source::missing_columns(columns, destination, self.key_field.as_deref())
    }

    /// How a plugin reads this column.
    pub fn reading(&self, column: &str) -> Reading {
        match &self.columns {
            None => Reading::Own,
            Some(columns) => columns.get(column).copied().unwrap_or(Reading::None),
        }
    }
}

/// How each column is read. A key is a text whatever its mapping says; a column that one mapping takes as it is, is that for all.
fn readings(mappings: &[Mapping<'_>], key_field: Option<&str>) -> HashMap<String, Reading> {
    let mut readings = HashMap::new();
    for mapping in mappings {
        let is_text = mapping.field_type == Some("string") || Some(mapping.destination) == key_field;
        let reading = readings.entry(mapping.source.to_owned()).or_insert(Reading::Text);
        if !is_text {
            *reading = Reading::Own;
        }
    }
    readings
}

/// The object type that a config names; the only one where there is one.
pub(crate) fn object_type<'d>(descriptor: &'d Descriptor, destination: &Destination) -> Option<&'d ObjectType> {
    match (destination.text(OBJECT_TYPE), descriptor.object_types.as_slice()) {
        (Some(name), types) => types.iter().find(|object_type| object_type.name == name),
        (None, [only]) => Some(only),
        (None, _) => None,
    }
}

/// The values of some of a config's keys. A secret is never among them.
fn facts(keys: &[String], secrets: &[Secret], destination: &Destination) -> Facts {
    let told = keys.iter().filter(|key| !secrets.iter().any(|secret| secret.config_key == **key));
    told.filter_map(|key| Some((key.clone(), destination.text(key)?))).collect()
}

/// A text that can be compared and not read: an expression may hold what a variable put there.
fn fingerprint(text: &str) -> String {
    format!("{:032x}", xxhash_rust::xxh3::xxh3_128(text.trim().as_bytes()))
}

/// A mode's name, as configs write it.
pub fn mode_name(mode: SyncMode) -> &'static str {
    match mode {
        SyncMode::Upsert => "upsert",
        SyncMode::Add => "add",
        SyncMode::Remove => "remove",
        SyncMode::Mirror => "mirror",
    }
}

pub(crate) fn mode(name: &str) -> Option<SyncMode> {
    [SyncMode::Upsert, SyncMode::Add, SyncMode::Remove, SyncMode::Mirror]
        .into_iter()
        .find(|&mode| mode_name(mode) == name)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use std::path::Path;

    use super::*;
    use crate::sync_file::Draft;
    use destination_engine::bindings::{ConfigKeys, Endpoint, Limits, SecretUse};

    fn object_type(name: &str, default_mode: Option<SyncMode>) -> ObjectType {
        ObjectType {
            name: name.to_owned(),
            label: String::new(),
            description: String::new(),
            sync_modes: Vec::new(),
            default_mode,
            fields: Vec::new(),
            key_field: "id".to_owned(),
            custom_fields: true,
        }
    }

    fn descriptor() -> Descriptor {
        let strings = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Descriptor {
            name: "test".to_owned(),
            label: String::new(),
            description: String::new(),
            version: "1".to_owned(),
            object_types: vec![object_type("people", Some(SyncMode::Upsert)), object_type("members", None)],
            field_mapping: true,
            limits: Limits {
                batch_records: None,
                batch_bytes: None,
                requests_per_second: None,
                requests_per_minute: None,
            },
            config_keys: ConfigKeys {
                endpoints: vec![Endpoint::ConfigKey("url".to_owned())],
                secrets: vec![Secret { config_key: "key".to_owned(), used_in: SecretUse::Headers }],
                target: strings(&["url", "list", "key"]),
                identity: strings(&["prefix"]),
                batch_records: Some("size".to_owned()),
            },
            config_schema: String::new(),
        }
    }

    fn job(config: &str) -> Job {
        let text = format!("[destination]\n{config}");
        let draft = Draft::parse(&text, Path::new(""), &|_| Err(std::env::VarError::NotPresent)).unwrap();
        Job::new(&descriptor(), draft.destination(), draft.computed())
    }

    fn identity(config: &str) -> Facts {
        job(&format!("object_type = 'members'\n{config}")).identity
    }

    #[test]
    fn what_is_mapped_shapes_a_key_and_how_it_is_written_does_not() {
        let plain = identity("");
        for same in [
            "mappings = [{source = 'id', destination = 'id'}]",
            "mappings = [{source = 'x', destination = 'y'}, {source = 'id', destination = 'id'}]",
            "prefix = ''",
            "[source]\ntype = 'csv'\npath = 'x'\n[source.computed]\nother = 'a'",
        ] {
            assert_eq!(identity(same), plain, "{same}");
        }
        let computed =
            |text: &str| identity(&format!("[source]\ntype = 'csv'\npath = 'x'\n[source.computed]\nid = \"{text}\""));
        let made = computed("'crm_' ~ no");
        assert_eq!(made, computed(" 'crm_' ~ no "));
        assert!(!format!("{made:?}").contains("crm_"), "an expression may hold a secret: {made:?}");
        for other in [&plain, &computed("'app_' ~ no"), &identity("prefix = 'p_'")] {
            assert_ne!(made, *other);
        }
        assert_ne!(plain, identity("mappings = [{source = 'no', destination = 'id'}]"));
    }

    #[test]
    fn the_size_of_a_request_is_the_configs() {
        assert_eq!(job("size = 7").batch_records.map(NonZeroU32::get), Some(7));
        for config in ["", "size = 0", "size = 'many'"] {
            assert_eq!(job(config).batch_records, None, "{config}");
        }
    }

    #[test]
    fn the_mode_is_the_configs_or_the_object_types() {
        assert_eq!(job("object_type = 'people'").mode, Some(SyncMode::Upsert));
        assert_eq!(job("object_type = 'members'").mode, None);
        let job = job("object_type = 'members'\nsync_mode = 'mirror'");
        assert!(job.mirrors());
        assert_eq!(job.object_type.as_deref(), Some("members"));
        assert_eq!(job.key_field.as_deref(), Some("id"));
    }

    #[test]
    fn target_and_identity_are_told_without_secrets() {
        let job = job("object_type = 'members'\nurl = 'https://a'\nkey = 's3cret'\nlist = 42\nprefix = 'p_'\n\
             mappings = [{source = 'no', destination = 'id'}, {source = 'x', destination = 'y'}]");
        assert_eq!(format!("{:?}", job.target), r#"{"list": "42", "url": "https://a"}"#);
        assert_eq!(format!("{:?}", job.identity), r#"{"column of id": "no", "prefix": "p_"}"#);
        assert_eq!(["x", "no", "y"].map(|column| job.reading(column)), [Reading::Own, Reading::Text, Reading::None]);
    }

    #[test]
    fn an_id_in_quotes_is_the_same_target() {
        assert_eq!(job("list = '42'").target, job("list = 42").target);
    }

    #[test]
    fn a_plugin_without_field_mapping_is_asked_for_no_column() {
        let text = "[destination]\nobject_type = 'people'\nmappings = [{source = 'x', destination = 'id'}]";
        let draft = Draft::parse(text, Path::new(""), &|_| Err(std::env::VarError::NotPresent)).unwrap();
        let columns = ["a".to_owned()];
        let descriptor = descriptor();
        let mapped = Job::new(&descriptor, draft.destination(), draft.computed());
        assert_eq!(mapped.missing_columns(&columns, draft.destination()).len(), 1);
        let job = Job::new(&Descriptor { field_mapping: false, ..descriptor }, draft.destination(), draft.computed());
        assert_eq!(job.missing_columns(&columns, draft.destination()), []);
        assert_eq!(job.reading("a"), Reading::Own);
    }

    #[test]
    fn without_mappings_every_column_is_read() {
        assert_eq!(job("object_type = 'people'").reading("anything"), Reading::Own);
    }
}
