//! `provision`: what a sync needs and the destination does not have, created once a person agrees.

use std::path::Path;

use destination_engine::bindings::MissingObject;
use destination_engine::http::hooks::HttpContext;
use destination_engine::http::rate_limiter::RateLimiter;
use destination_engine::plugin::Plugin;
use destination_host::human_format::counted;
use destination_host::pipeline::{answer, job::Job, plan, rate};
use destination_host::report::exit::Exit;

use super::{client, sync_file};
use crate::cli::problem::Problem;
use crate::cli::question::agree;
use crate::cli::terminal::{Style, Terminal, paint};

pub(super) async fn run(plugin: &Plugin, path: &Path, yes: bool, terminal: &Terminal) -> Result<Exit, Problem> {
    let sync = sync_file(plugin, path, terminal).await?;
    let descriptor = plugin.descriptor();
    let limiter = RateLimiter::new(rate(&sync.limits, descriptor));
    let session = plugin.session(&sync.destination.json(), HttpContext::new(client(&sync.network)?, limiter))?;
    let Some(provisioning) = session.provisioning() else {
        return Err(Problem::new(
            Exit::Usage,
            "this plugin creates nothing: it does not have the interface `provisioning`",
        ));
    };
    let job = Job::new(descriptor, &sync.destination, &sync.computed);
    let failed = |error| Problem::run(path, error);
    let missing = plan(&provisioning, &sync, &job).await.map_err(failed)?;
    if missing.is_empty() {
        terminal.stdout(&format!("{} nothing is missing for `{}`", paint(Style::Good, "✔"), sync.name));
        return Ok(Exit::Success);
    }
    terminal.stdout(&format!("`{}` needs what is not there yet:", sync.name));
    for object in &missing {
        terminal.stdout(&format!("  {} {}", paint(Style::Notice, "+"), told(object)));
    }
    let objects = counted(missing.len() as u64, "object");
    agree(yes, &format!("Create {objects}?"), "nothing was created")?;
    answer("not all of it could be created", provisioning.create(&missing).await).map_err(failed)?;
    terminal.stdout(&format!("{} created {objects}", paint(Style::Good, "✔")));
    Ok(Exit::Success)
}

fn told(object: &MissingObject) -> String {
    let field_type = object.field_type.as_ref().map(|field_type| format!(", {field_type}")).unwrap_or_default();
    let description = if object.description.is_empty() { String::new() } else { format!("  {}", object.description) };
    format!("{} {:?}{field_type}{description}", object.kind, object.name)
}
