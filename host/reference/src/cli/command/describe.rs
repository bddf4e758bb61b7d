//! `describe`: what a plugin is, for a person; its settings' schema for a machine.

use destination_engine::bindings::{Descriptor, ObjectType};
use destination_engine::plugin::Plugin;
use destination_host::pipeline::job::mode_name;
use destination_host::report::exit::Exit;

use crate::cli::problem::Problem;
use crate::cli::terminal::{Style, Terminal, paint};
use destination_host::human_format::{bytes, count};

pub(super) fn run(plugin: &Plugin, schema: bool, terminal: &Terminal) -> Result<Exit, Problem> {
    let descriptor = plugin.descriptor();
    if schema {
        terminal.data(&descriptor.config_schema);
        return Ok(Exit::Success);
    }
    let title = format!("{} ({} {})", descriptor.label, descriptor.name, descriptor.version);
    terminal.stdout(&paint(Style::Strong, &title));
    terminal.stdout(&descriptor.description);
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
    terminal.stdout(&format!("schema introspection: {}", yes_no(descriptor.schema_introspection)));
    terminal.stdout(&format!(
        "limits: {} records or {} a request, {} requests a second, {} a minute",
        count(limits.batch_records.into()),
        bytes(limits.batch_bytes),
        count(limits.requests_per_second.into()),
        count(limits.requests_per_minute.into())
    ));
    terminal.stdout(&paint(Style::Faint, "describe --schema prints the JSON Schema of the settings"));
}
