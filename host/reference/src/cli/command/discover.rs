//! `discover`: the fields that are there, and what a sync can write to.

use std::path::Path;

use comfy_table::{Table, presets};
use destination_engine::bindings::Discovery;
use destination_engine::http::hooks::HttpContext;
use destination_engine::http::rate_limiter::RateLimiter;
use destination_engine::plugin::Plugin;
use destination_host::human_format::counted;
use destination_host::pipeline::{answer, rate};
use destination_host::report::exit::Exit;
use serde_json::json;

use super::{client, sync_file};
use crate::cli::problem::Problem;
use crate::cli::terminal::{Style, Terminal, paint};

pub(super) async fn run(plugin: &Plugin, path: &Path, json: bool, terminal: &Terminal) -> Result<Exit, Problem> {
    let sync = sync_file(plugin, path, terminal).await?;
    let limiter = RateLimiter::new(rate(&sync.limits, plugin.descriptor()));
    let session = plugin.session(&sync.destination.json(), HttpContext::new(client(&sync.network)?, limiter))?;
    let Some(inspection) = session.inspection() else {
        return Err(Problem::new(
            Exit::Usage,
            "this plugin can't list what is there: it does not have the interface `inspection`",
        ));
    };
    let discovery = answer("what is there can't be listed", inspection.discover().await);
    let discovery = discovery.map_err(|error| Problem::run(path, error))?;
    if json {
        let text = serde_json::to_string_pretty(&as_json(&discovery));
        terminal.data(&text.map_err(|error| Problem::new(Exit::Failed, error.to_string()))?);
    } else {
        show(&discovery, terminal);
    }
    Ok(Exit::Success)
}

fn as_json(discovery: &Discovery) -> serde_json::Value {
    let fields = discovery.fields.iter().map(|field| {
        json!({
            "name": field.name,
            "type": field.field_type,
            "description": field.description,
            "closed_list": field.closed_list,
            "custom": field.custom,
        })
    });
    let targets = discovery
        .targets
        .iter()
        .map(|target| json!({ "id": target.id, "name": target.name, "description": target.description }));
    json!({ "fields": fields.collect::<Vec<_>>(), "targets": targets.collect::<Vec<_>>() })
}

fn show(discovery: &Discovery, terminal: &Terminal) {
    terminal.stdout(&paint(Style::Strong, &counted(discovery.fields.len() as u64, "field")));
    let fields = discovery.fields.iter().map(|field| {
        let list = if field.closed_list { " (listed values only)" } else { "" };
        let own = if field.custom { "" } else { " (built in)" };
        [field.name.clone(), field.field_type.clone(), format!("{}{list}{own}", field.description).trim().to_owned()]
    });
    show_table(fields, terminal);
    terminal.stdout(&paint(Style::Strong, &counted(discovery.targets.len() as u64, "target")));
    let targets =
        discovery.targets.iter().map(|target| [target.id.clone(), target.name.clone(), target.description.clone()]);
    show_table(targets, terminal);
}

fn show_table(rows: impl Iterator<Item = [String; 3]>, terminal: &Terminal) {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    for row in rows {
        table.add_row(row);
    }
    for line in table.lines() {
        terminal.stdout(format!(" {line}").trim_end());
    }
}
