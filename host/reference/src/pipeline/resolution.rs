//! Names in a config, put into the form that a run takes, before it begins: an audience's name becomes its ID, so that both are one
//! target and one state.

use std::collections::HashMap;

use super::Error;
use super::failure::Work;
use super::job::Job;
use crate::report::Failure;
use crate::sync_file::Destination;
use destination_engine::bindings::{Column, MissingObject, ProblemKind, Values};
use destination_engine::http::hooks::HttpContext;
use destination_engine::plugin::Plugin;
use destination_engine::plugin::instance::{CallError, CallOutcome};
use destination_engine::plugin::session::{Provisioning, Session};

/// The plugin at work with a config in which names are resolved, and that config. A config without a name in it costs no request.
///
/// A target that is not there is created where the config says so, unless nothing may be created: then it is an error.
///
/// # Errors
/// Where a name stands for nothing, or the destination did not answer.
pub async fn resolve(
    plugin: &Plugin,
    destination: Destination,
    outgoing: HttpContext,
    may_create: bool,
) -> Result<(Session, Destination), Error> {
    let session = plugin.session(&destination.json(), outgoing.clone())?;
    let Some(provisioning) = session.provisioning() else { return Ok((session, destination)) };
    if !may_create && let Some(missing) = missing_target(plugin, &destination, &provisioning).await? {
        return Err(Error::NotThere { kind: missing.kind, name: missing.name });
    }
    let config = answer("the names in the config can't be resolved", provisioning.resolve().await)?;
    let not_an_object = |error: serde_json::Error| Error::Engine(format!("the resolved config can't be read: {error}"));
    let resolved = Destination::from_json(&config).map_err(not_an_object)?;
    if resolved == destination {
        return Ok((session, destination));
    }
    Ok((plugin.session(&config, outgoing)?, resolved))
}

/// The target, where it is missing. A config that does not have what it takes to look has no name in it either; and which types its
/// columns have, is no matter of the target.
async fn missing_target(
    plugin: &Plugin,
    destination: &Destination,
    provisioning: &Provisioning,
) -> Result<Option<MissingObject>, Error> {
    let job = Job::new(plugin.descriptor(), destination, &[]);
    let names =
        job.columns.iter().flat_map(HashMap::keys).chain(job.key_field.iter().filter(|_| job.columns.is_none()));
    let columns: Vec<Column<'_>> = names.map(|name| Column { name, validity: &[], values: Values::Nulls(0) }).collect();
    let outcome = provisioning.plan(&columns).await;
    if let Err(CallError::Failed(failure)) = &outcome.answer
        && matches!(failure.problem().kind, ProblemKind::Configuration | ProblemKind::Unsupported)
    {
        return Ok(None);
    }
    let plan = answer("whether the target is there can't be found out", outcome)?;
    // What has a type is a field.
    Ok(plan.into_iter().find(|object| object.field_type.is_none()))
}

/// What a plugin answered to one of its optional calls.
///
/// # Errors
/// Why it gave no answer, after `what` could not be done.
pub fn answer<T>(what: &str, outcome: CallOutcome<T>) -> Result<T, Error> {
    outcome.answer.map_err(|error| {
        let failure = Failure::call(Work::Asking, &error, outcome.traffic.cause);
        Error::Destination(Failure { message: format!("{what}: {}", failure.message), ..failure })
    })
}
