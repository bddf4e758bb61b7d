//! `airbyte`: a destination in Airbyte, or behind any of its sources.
//!
//! Standard output gets messages of the protocol, the log among them, and nothing else. What fails is told as a TRACE message with
//! its type, and by an exit code that is not 0; a check that fails is an answer, and ends with 0.

use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use destination_engine::http::hooks::HttpContext;
use destination_engine::http::rate_limiter::RateLimiter;
use destination_engine::plugin::Plugin;
use destination_host::airbyte::output::{self, FailureType};
use destination_host::airbyte::{self, Catalog};
use destination_host::fault::Fault;
use destination_host::report::exit::Exit;
use destination_host::sync_file::{Destination, TargetConfig};
use destination_host::target::{faults_of, with_any_key};
use serde_json::{Value, json};

use super::target::{Shown, config, deliver, read, show, without};
use super::{client, load};
use crate::cli::arguments::Airbyte;
use crate::cli::problem::Problem;
use crate::cli::terminal::Terminal;

pub(super) async fn run(command: Airbyte, terminal: &Terminal) -> Exit {
    let terminal = &terminal.speaking_airbyte();
    match answer(command, terminal).await {
        Ok(exit) => exit,
        Err(problem) => {
            problem.show(terminal);
            let failure = if problem.exit == Exit::Usage { FailureType::Config } else { FailureType::System };
            tell_failure(failure, &problem.in_one_line(), terminal);
            problem.exit
        }
    }
}

async fn answer(command: Airbyte, terminal: &Terminal) -> Result<Exit, Problem> {
    match command {
        Airbyte::Spec { plugin } => {
            let plugin = load(plugin, terminal).await?;
            let spec = airbyte::spec(plugin.descriptor())
                .map_err(|error| Problem::new(Exit::Failed, format!("the plugin's schema is no JSON: {error}")))?;
            terminal.data(&output::spec(&spec));
        }
        Airbyte::Check { config, plugin } => {
            let plugin = load(plugin, terminal).await?;
            let checked = check(&plugin, &config, terminal).await;
            let (succeeded, told) = match &checked {
                Ok(told) => (true, told.clone()),
                Err(problem) => (false, problem.in_one_line()),
            };
            terminal.data(&output::connection_status(succeeded, &terminal.plain(&told)));
        }
        Airbyte::Discover { config: path, plugin } => {
            let plugin = load(plugin, terminal).await?;
            let config = checked_config(&plugin, &path, terminal).await?;
            let mut operations: Vec<Value> = Vec::new();
            for (_, destination) in config.destinations() {
                let catalog = airbyte::destination_catalog(plugin.descriptor(), destination)
                    .map_err(|faults| Problem::faults(&path, faults))?;
                let more = catalog.get("operations").and_then(Value::as_array).cloned().unwrap_or_default();
                operations
                    .extend(more.into_iter().filter(|operation| !operations.contains(operation)).collect::<Vec<_>>());
            }
            terminal.data(&output::destination_catalog(&json!({ "operations": operations })));
        }
        Airbyte::Write { config, catalog, plugin } => {
            let plugin = load(plugin, terminal).await?;
            return write(&plugin, &config, &catalog, terminal).await;
        }
    }
    Ok(Exit::Success)
}

/// The plugin's configs, each with the mode that adds where the stream is to choose one.
fn destinations<'c>(plugin: &Plugin, config: &'c TargetConfig) -> Vec<(Option<&'c str>, Destination)> {
    let chosen = |(stream, destination)| (stream, airbyte::with_default_mode(plugin.descriptor(), destination));
    config.destinations().map(chosen).collect()
}

/// A config in which neither the host nor the plugin finds a fault.
async fn checked_config(plugin: &Plugin, path: &Path, terminal: &Terminal) -> Result<TargetConfig, Problem> {
    let config = config(plugin, path, terminal)?;
    let mut faults = Vec::new();
    if config.complete_after.is_some() {
        faults.push(
            Fault::new("complete_after", "is for Singer; Airbyte's sources say themselves what is complete")
                .hint("take it out"),
        );
    }
    for (stream, destination) in destinations(plugin, &config) {
        let place = stream.map(|stream| format!("streams.{stream}.")).unwrap_or_default();
        let found = faults_of(plugin, &destination).await?;
        faults.extend(found.into_iter().map(|fault| Fault { path: format!("{place}{}", fault.path), ..fault }));
    }
    without(faults, path, config)
}

/// One cheap request for each of the plugin's configs. Returns what was seen, or what is wrong.
async fn check(plugin: &Plugin, path: &Path, terminal: &Terminal) -> Result<String, Problem> {
    let config = checked_config(plugin, path, terminal).await?;
    let client = client(&config.network)?;
    let mut told = Vec::new();
    for (stream, destination) in destinations(plugin, &config) {
        let session = plugin.session(
            &with_any_key(plugin, &destination).json(),
            HttpContext::new(client.clone(), RateLimiter::unlimited()),
        )?;
        let outcome = session.check_connection().await;
        let place = stream.map(|stream| format!("{stream}: ")).unwrap_or_default();
        let checked = outcome.answer.map_err(|error| {
            let cause = outcome.traffic.cause.as_deref().map(|cause| format!("; {cause}")).unwrap_or_default();
            Problem::new(Exit::Failed, format!("{place}{error}{cause}"))
        })?;
        told.extend(checked.verified.iter().map(|line| format!("{place}{line}")));
        told.extend(checked.unverified.iter().map(|line| format!("{place}not checked: {line}")));
    }
    Ok(told.join("; "))
}

async fn write(plugin: &Plugin, path: &Path, catalog_path: &Path, terminal: &Terminal) -> Result<Exit, Problem> {
    let config = checked_config(plugin, path, terminal).await?;
    let catalog =
        Catalog::from_json(&read("catalog", catalog_path)?).map_err(|faults| Problem::faults(catalog_path, faults))?;
    let catalog = without(airbyte::faults(plugin, &config, &catalog).await?, catalog_path, catalog)?;
    let keeps_letters = config.keeps_rejected_rows();
    let by_protocol = |target| airbyte::deliver(target, catalog, io::stdin(), io::stdout());
    let delivered = deliver(plugin, config, terminal, by_protocol).await?;
    let shown = show(delivered, keeps_letters, terminal);
    // Rejected rows that are kept, and that a STATE has told of, are no failure to the platform: it counts them itself.
    let told = keeps_letters && !shown.holds_state_back;
    let removed = shown.reports.iter().all(|report| report.counts.failed_removals == 0);
    if shown.exit == Exit::Rejected && told && removed {
        return Ok(Exit::Success);
    }
    tell_failures(&shown, terminal);
    Ok(shown.exit)
}

/// Tells what keeps a sync from being a success, each with its type.
fn tell_failures(shown: &Shown, terminal: &Terminal) {
    let tell = |failure, stream: &str, parts: &[Option<&str>]| {
        let parts: Vec<&str> = parts.iter().copied().flatten().collect();
        tell_failure(failure, &format!("{stream}: {}", parts.join("; ")), terminal);
    };
    for report in &shown.reports {
        if let Some(failure) = &report.failure {
            let parts = [Some(failure.message.as_str()), failure.cause.as_deref(), failure.hint.as_deref()];
            tell(failure.kind.into(), &report.sync, &parts);
            continue;
        }
        if let Some(withheld) = &report.withheld {
            tell(
                FailureType::Config,
                &report.sync,
                &[Some("removals withheld"), Some(&withheld.reason), Some(&withheld.hint)],
            );
        }
        for rejections in report.rejections.iter().take(1) {
            let many = format!("{} rows rejected; most often", report.counts.rejected);
            tell(FailureType::Config, &report.sync, &[Some(&many), Some(&rejections.code), Some(&rejections.message)]);
        }
        for refused in report.refused_removals.iter().take(1) {
            let many = format!("{} removals failed; most often", report.counts.failed_removals);
            tell(FailureType::Config, &report.sync, &[Some(&many), Some(&refused.code), Some(&refused.message)]);
        }
    }
    if let Some((kind, problem)) = &shown.failed {
        tell_failure((*kind).into(), &problem.in_one_line(), terminal);
    }
}

fn tell_failure(failure: FailureType, message: &str, terminal: &Terminal) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let milliseconds = u64::try_from(now.as_millis()).unwrap_or_default();
    terminal.data(&output::error(failure, &terminal.plain(message), milliseconds));
}
