//! `describe`: what a plugin is, for a person; its settings' schema for a machine.

use destination_host::bindings::{Descriptor, ObjectType};
use destination_host::exit::Exit;
use destination_host::job::mode_name;
use destination_host::plugin::Plugin;

use crate::problem::Problem;
use crate::terminal::{Ink, Terminal, paint};
use destination_host::figures::{bytes, count};

pub(super) fn run(plugin: &Plugin, schema: bool, terminal: &Terminal) -> Result<Exit, Problem> {
    let descriptor = plugin.descriptor();
    if schema {
        terminal.data(&descriptor.config_schema);
        return Ok(Exit::Success);
    }
    let title = format!("{} ({} {})", descriptor.label, descriptor.name, descriptor.version);
    terminal.say(&paint(Ink::Strong, &title));
    terminal.say(&descriptor.description);
    for object_type in &descriptor.object_types {
        show_object_type(object_type, terminal);
    }
    show_rest(descriptor, terminal);
    Ok(Exit::Success)
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
    terminal.say("");
    terminal.say(&format!("{}  {}", paint(Ink::Strong, &object_type.name), object_type.label));
    terminal.say(&format!("  {}", object_type.description));
    terminal.say(&format!("  modes: {}", modes.join(", ")));
    let width = object_type.fields.iter().map(|field| field.name.chars().count()).max().unwrap_or_default();
    for field in &object_type.fields {
        let required = if field.required { " Required." } else { "" };
        terminal.say(&format!("    {:width$}  {}{required}", field.name, field.description));
    }
    if object_type.custom_fields {
        terminal.say("    any other name is a field of its own");
    }
}

fn show_rest(descriptor: &Descriptor, terminal: &Terminal) {
    let yes_no = |yes| if yes { "yes" } else { "no" };
    let limits = &descriptor.limits;
    terminal.say("");
    terminal.say(&format!("field mapping: {}", yes_no(descriptor.field_mapping)));
    terminal.say(&format!("schema introspection: {}", yes_no(descriptor.schema_introspection)));
    terminal.say(&format!(
        "limits: {} records or {} a request, {} requests a second, {} a minute",
        count(limits.batch_records.into()),
        bytes(limits.batch_bytes),
        count(limits.requests_per_second.into()),
        count(limits.requests_per_minute.into())
    ));
    terminal.say(&paint(Ink::Faint, "describe --schema prints the JSON Schema of the settings"));
}
