//! Whether a plugin keeps the contract: every rule of `wit/README.md` that can be seen from outside, tried one by one.
//!
//! Rules have numbers, which stay. What a plugin can't do is skipped with the reason, never passed. Each call is made on a new
//! instance. Nothing leaves this machine: the endpoints of the config are replaced by a recording server on loopback, whatever
//! the config says.

mod asking;
mod config;
mod descriptor;
mod effects;
mod inspection;
mod looking;
mod mapping;
mod provisioning;
mod recorder;
mod rendering;
pub mod report;
pub mod rules;
mod sample;
mod scenario;
mod sending;
mod subject;

use std::path::Path;
use std::str::FromStr;

use destination_engine::limits::Limits;
use destination_engine::plugin::instance::{Call, CallError};
use destination_engine::plugin::runtime::{CompileCache, EngineError, Runtime};
use destination_engine::plugin::sandbox::imports::Interfaces;
use destination_engine::plugin::trust::Trust;
use destination_engine::plugin::{DESTINATION, LoadError, OptionalInterface, Plugin};
use serde_json::{Map, Value};

use self::report::{Findings, Report};
use self::rules::{EXPORTS, IMPORTS, ROUTE_LIMITS};
use self::sample::Batch;
use self::subject::Subject;

/// Why there is nothing to report.
#[derive(Debug, thiserror::Error)]
pub enum ConformError {
    /// The engine can't be set up.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The config is not a JSON object.
    #[error("{name} is not a JSON object: {reason}")]
    Config {
        /// The file.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The rows can't be read, or have no form in the contract.
    #[error("{0}")]
    Rows(String),
    /// The recording server can't be started.
    #[error("can't start the recording server: {0}")]
    Recorder(std::io::Error),
}

/// What is tried: a component, a config that is good for it, and rows that it maps.
#[derive(Debug, Clone)]
pub struct Trial<'a> {
    /// The component.
    pub component: &'a [u8],
    /// Its name in messages.
    pub name: &'a str,
    /// The config's text.
    pub config: &'a str,
    /// The config's name in messages.
    pub config_name: &'a str,
    /// NDJSON; without it rows are made up from the config's mappings.
    pub rows: Option<&'a Path>,
    /// What the destination's server confirms with; without it the commonest answers are tried.
    pub confirmation: Option<Confirmation>,
}

/// An answer by which a server confirms what it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmation {
    /// The HTTP status.
    pub status: u16,
    /// JSON, or nothing.
    pub body: String,
}

impl FromStr for Confirmation {
    type Err = String;

    /// A status, and a body behind it: `204`, `200 {"ok":true}`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (status, body) = text.split_once(' ').unwrap_or((text, ""));
        match status.parse() {
            Ok(status @ 100..=599) => Ok(Self { status, body: body.to_owned() }),
            _ => Err("expected an HTTP status, and a body behind it: 204, or 200 {\"ok\":true}".to_owned()),
        }
    }
}

/// Tries every rule.
///
/// # Errors
/// Where the trial can't be held. A plugin that can't even be loaded is a finding.
pub async fn conform(trial: Trial<'_>) -> Result<Report, ConformError> {
    let config: Map<String, Value> = serde_json::from_str(trial.config).map_err(|error| ConformError::Config {
        name: trial.config_name.to_owned(),
        // The text around the fault may be a secret.
        reason: format!("{:?} error at line {} column {}", error.classify(), error.line(), error.column()),
    })?;
    let rows = trial.rows.map(Batch::of_file).transpose()?;
    let mut findings = Findings::default();
    let plugin = match load(&trial, &mut findings).await? {
        Ok(plugin) => plugin,
        Err(reason) => return Ok(findings.finish(trial.name, None, &reason)),
    };
    descriptor::check(&plugin, &config, &mut findings).await;
    let subject = Subject::new(plugin, config, rows, trial.confirmation.clone());
    let descriptor = subject.descriptor().clone();
    if !config::check(&subject, &mut findings).await {
        return Ok(findings.finish(trial.name, Some(&descriptor), "the config given is not valid"));
    }
    if let Some(batch) = mapping::check(&subject, &mut findings).await {
        rendering::check(&subject, &batch, &mut findings).await;
        let confirms = sending::check(&subject, &batch, &mut findings).await?;
        looking::check(&subject, &batch, &mut findings).await?;
        effects::check(&subject, &batch, confirms.as_ref(), &mut findings).await?;
    }
    Ok(findings.finish(trial.name, Some(&descriptor), "no row of the sample became a record"))
}

/// The plugin, or why it can't be loaded.
async fn load(trial: &Trial<'_>, findings: &mut Findings) -> Result<Result<Plugin, String>, ConformError> {
    // No instance is used twice, so no call can lean on an earlier one.
    let mut limits = Limits::default();
    limits.kept_memory = 0;
    let runtime = Runtime::new(limits, CompileCache::User)?;
    let interfaces = match Interfaces::read(trial.component) {
        Ok(interfaces) => interfaces,
        Err(reason) => {
            findings.judge(EXPORTS, [format!("{} is not a component: {reason}", trial.name)]);
            return Ok(Err("it is not a component".to_owned()));
        }
    };
    findings.judge(IMPORTS, interfaces.forbidden().iter().map(ToString::to_string));
    let exported = interfaces.exports.iter().any(|export| export == DESTINATION);
    findings.judge(EXPORTS, (!exported).then(|| format!("it does not export {DESTINATION}")));
    match Plugin::load(&runtime, trial.component, trial.name).await {
        // It sends to this machine alone: it may have what it asks for.
        Ok(plugin) => {
            if plugin.has(OptionalInterface::Inspection) {
                findings.judge(ROUTE_LIMITS, unstable_limits(&runtime, &plugin, trial).await);
            }
            Ok(Ok(plugin.trusted(Trust { with_secrets: true, origins: Vec::new() })))
        }
        Err(LoadError::Engine(error)) => Err(error.into()),
        Err(error @ (LoadError::NotGranted { .. } | LoadError::NotADestination { .. })) => Ok(Err(error.to_string())),
        Err(LoadError::Describe { source, .. }) => {
            let of_routes = matches!(
                &source,
                CallError::BadAnswer { call: Call::RouteLimits, .. } | CallError::Trap { call: Call::RouteLimits, .. }
            );
            findings.judge(if of_routes { ROUTE_LIMITS } else { rules::STABLE }, [source.to_string()]);
            Ok(Err("it can't say what it is".to_owned()))
        }
        Err(error) => {
            findings.judge(EXPORTS, [error.to_string()]);
            Ok(Err("it can't be loaded".to_owned()))
        }
    }
}

/// The limits are asked for when a plugin is loaded: once more is another instance.
async fn unstable_limits(runtime: &Runtime, plugin: &Plugin, trial: &Trial<'_>) -> Option<String> {
    match Plugin::load(runtime, trial.component, trial.name).await {
        Ok(again) if again.route_limits() == plugin.route_limits() => None,
        Ok(_) => Some("two instances name other limits".to_owned()),
        Err(error) => Some(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_confirmation_is_a_status_and_a_body() {
        let confirmation = |status, body: &str| Ok(Confirmation { status, body: body.to_owned() });
        assert_eq!("204".parse(), confirmation(204, ""));
        assert_eq!("200 {\"a\": 1}".parse(), confirmation(200, "{\"a\": 1}"));
        for text in ["", "ok", "99", "600", "2000 {}"] {
            assert!(text.parse::<Confirmation>().is_err(), "{text}");
        }
    }
}
