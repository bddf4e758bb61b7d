//! The JSON Schema of sync files, and the reference that is made of it.

use std::fmt::Write;
use std::fs;

use serde_json::Value;

use crate::harness::{TestEnv, examples};

fn schema() -> Value {
    let printed = TestEnv::permissive().host(&["schema"]);
    printed.ends_with(0);
    serde_json::from_str(&printed.stdout).unwrap()
}

/// A sync file as the JSON that a schema judges.
fn as_json(text: &str) -> Value {
    serde_json::to_value(text.parse::<toml::Table>().unwrap()).unwrap()
}

#[test]
fn the_schema_in_the_examples_is_the_one_that_is_printed() {
    let path = examples().join("sync.schema.json");
    let printed = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    assert!(
        fs::read_to_string(&path).unwrap_or_default() == printed,
        "examples/sync.schema.json is not what `destination-host schema` prints:\n{printed}"
    );
}

#[test]
fn every_example_and_every_sync_file_in_the_documentation_fits_the_schema() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let mut seen = 0;
    let mut judge = |name: &str, text: &str| {
        let errors: Vec<String> =
            validator.iter_errors(&as_json(text)).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{name}: {errors:#?}");
        seen += 1;
    };
    for folder in fs::read_dir(examples()).unwrap() {
        let path = folder.unwrap().path().join("sync.toml");
        if path.exists() {
            judge(&path.display().to_string(), &fs::read_to_string(&path).unwrap());
        }
    }
    let repository = examples().join("..");
    let guide = fs::read_dir(repository.join("host/guide")).unwrap().map(|page| page.unwrap().path());
    for page in [repository.join("README.md"), repository.join("host/README.md")].into_iter().chain(guide) {
        let text = fs::read_to_string(&page).unwrap();
        let blocks = text.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
        // What several sync files share is none by itself.
        for block in blocks.filter(|block| block.contains("[destination]") && block.contains("[source]")) {
            judge(&page.display().to_string(), block);
        }
    }
    assert!(seen >= 4, "{seen} sync files were found");
}

#[test]
fn what_the_parser_refuses_the_schema_refuses() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let sound = fs::read_to_string(examples().join("profiles/sync.toml")).unwrap();
    assert!(validator.is_valid(&as_json(&sound)));
    for (from, to) in [
        ("name = \"", "nmae = \""),
        ("type = \"csv\"", "type = \"cvs\""),
        ("object_type = \"customer_profiles\"", "object_type = \"profiles\""),
        ("[source]", "[limits]\nconcurrency = 0\n[source]"),
        ("[source]", "[state]\nmax_removals = { ratio = 2 }\n[source]"),
    ] {
        let broken = sound.replacen(from, to, 1);
        assert_ne!(broken, sound, "{from}");
        assert!(!validator.is_valid(&as_json(&broken)), "{to}");
    }
}

/// The tables of the reference: a section each, a row a key.
fn reference(schema: &Value, path: &str, tables: &mut Vec<String>) {
    let mut table = format!("| `[{path}]` | | |\n| --- | --- | --- |\n");
    let mut inner = Vec::new();
    for (key, value) in schema["properties"].as_object().unwrap() {
        if value["properties"].is_object() {
            inner.push((key, value));
        }
        let default = match &value["default"] {
            Value::Null => String::new(),
            Value::String(text) => format!("`{text}`"),
            other => format!("`{other}`"),
        };
        writeln!(table, "| `{key}` | {} | {default} |", value["description"].as_str().unwrap().replace('|', "\\|"))
            .unwrap();
    }
    tables.push(table);
    for (key, value) in inner {
        reference(value, &format!("{path}.{key}"), tables);
    }
}

#[test]
fn the_reference_in_the_guide_is_made_of_the_schema() {
    let schema = schema();
    let page = fs::read_to_string(examples().join("../host/guide/sync-file.md")).unwrap();
    let mut tables = Vec::new();
    for section in ["source", "limits", "state", "outcomes", "network"] {
        reference(&schema["properties"][section], section, &mut tables);
    }
    let reference = tables.join("\n");
    assert!(page.contains(&reference), "host/guide/sync-file.md does not have this reference:\n{reference}");
}
