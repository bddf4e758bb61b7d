//! `describe`: what a plugin is, for a person; its settings' schema for a machine.

use destination_engine::bindings::{Descriptor, Endpoint, ObjectType, SecretUse};
use destination_engine::plugin::Plugin;
use destination_host::digest::Digest;
use destination_host::pipeline::job::mode_name;
use destination_host::report::exit::Exit;

use super::component::Component;
use crate::cli::about::VERSION;
use crate::cli::problem::Problem;
use crate::cli::terminal::{Style, Terminal, paint};
use destination_host::human_format::{bytes, count};

pub(super) fn run(plugin: &Plugin, component: &Component, schema: bool, terminal: &Terminal) -> Result<Exit, Problem> {
    let descriptor = plugin.descriptor();
    if schema {
        terminal.data(&laid_out(&descriptor.config_schema));
        return Ok(Exit::Success);
    }
    let title = format!("{} ({} {})", descriptor.label, descriptor.name, descriptor.version);
    terminal.stdout(&paint(Style::Strong, &title));
    terminal.stdout(&descriptor.description);
    for object_type in &descriptor.object_types {
        show_object_type(object_type, terminal);
    }
    show_rest(descriptor, terminal);
    let signed = component.signed_by.as_ref().map(|key| format!(", signed by the key {key}")).unwrap_or_default();
    terminal.stdout(&format!("component: {}{signed}", Digest::of(&component.bytes)));
    terminal.stdout(&format!("host: {VERSION}"));
    terminal.stdout(&paint(Style::Faint, "describe --schema prints the JSON Schema of the settings"));
    Ok(Exit::Success)
}

/// A JSON text for people. One that is none is shown as it is.
fn laid_out(schema: &str) -> String {
    let read: Option<serde_json::Value> = serde_json::from_str(schema).ok();
    read.and_then(|schema| serde_json::to_string_pretty(&schema).ok()).unwrap_or_else(|| schema.to_owned())
}

fn show_object_type(object_type: &ObjectType, terminal: &Terminal) {
    let modes: Vec<String> = object_type
        .sync_modes
        .iter()
        .map(|&mode| {
            let default = if object_type.default_mode == Some(mode) { " (default)" } else { "" };
            format!("{}{default}", mode_name(mode))
        })
        .collect();
    terminal.stdout("");
    terminal.stdout(&format!("{}  {}", paint(Style::Strong, &object_type.name), object_type.label));
    terminal.stdout(&format!("  {}", object_type.description));
    terminal.stdout(&format!("  modes: {}", modes.join(", ")));
    let width = object_type.fields.iter().map(|field| field.name.chars().count()).max().unwrap_or_default();
    for field in &object_type.fields {
        let required = if field.required { " Required." } else { "" };
        terminal.stdout(&format!("    {:width$}  {}{required}", field.name, field.description));
    }
    if object_type.custom_fields {
        terminal.stdout("    any other name is a field of its own");
    }
}

fn show_rest(descriptor: &Descriptor, terminal: &Terminal) {
    let yes_no = |yes| if yes { "yes" } else { "no" };
    let limits = &descriptor.limits;
    terminal.stdout("");
    terminal.stdout(&format!("field mapping: {}", yes_no(descriptor.field_mapping)));
    let known = [
        limits.batch_records.map(|records| format!("{} records a request", count(records.into()))),
        limits.batch_bytes.map(|most| format!("{} a request", bytes(most))),
        limits.requests_per_second.map(|requests| format!("{} requests a second", count(requests.into()))),
        limits.requests_per_minute.map(|requests| format!("{} requests a minute", count(requests.into()))),
    ];
    let known: Vec<String> = known.into_iter().flatten().collect();
    terminal.stdout(&format!("limits: {}", if known.is_empty() { "none known".to_owned() } else { known.join(", ") }));
    let keys = &descriptor.config_keys;
    let servers = keys.endpoints.iter().map(|endpoint| match endpoint {
        Endpoint::ConfigKey(key) => format!("the one of `{key}`"),
        Endpoint::Origin(origin) => format!("{origin} (needs --allow-origin)"),
    });
    terminal.stdout(&format!("sends to: {}", servers.collect::<Vec<_>>().join(", ")));
    let secrets = keys.secrets.iter().map(|secret| match secret.used_in {
        SecretUse::Headers => format!("`{}` (kept from the plugin)", secret.config_key),
        SecretUse::Plugin => format!("`{}` (needs --trust-plugin-with-secrets)", secret.config_key),
    });
    terminal.stdout(&format!("secrets: {}", secrets.collect::<Vec<_>>().join(", ")));
}
