//! The plugin's functions as the contract has them, over any transport and clock.

mod check;
mod describe;

pub use self::describe::describe;

use std::cell::RefCell;
use std::rc::Rc;

use crate::api::request::{Endpoint, MAX_BODY_BYTES};
use crate::api::transport::Transport;
use crate::bindings::exports::etl::destination::destination as wit;
use crate::clock::Clock;
use crate::columns::{Columns, row};
use crate::config::Config;
use crate::delivery::{self, Records, chunks};
use crate::mapping;
use crate::problem::{self, problem};

/// All issues of a config; none for a valid one.
#[must_use]
pub fn validate_config(config: &str) -> Vec<wit::ConfigIssue> {
    Config::parse(config).err().unwrap_or_default()
}

/// Map one row.
///
/// # Errors
/// A permanent failure: of kind `row` if the row is at fault.
#[cfg_attr(target_family = "wasm", optimize(size))]
pub fn map_row(config: &str, columns: Vec<String>, row: wit::Row) -> Result<wit::MappedRow, wit::Failure> {
    let config = valid(config)?;
    let columns = row::as_columns(columns, row.values).map_err(row_failure)?;
    let mapping = map(&config, &columns, &[row.change])?;
    let batch = mapping.batch;
    match (batch.actions.first(), mapping.issues.into_iter().next()) {
        (Some(action), None) => {
            Ok(wit::MappedRow { key: batch.keys.data, action: *action, payload: batch.payloads.data })
        }
        (_, Some(issue)) => Err(row_failure(issue.message)),
        (None, None) => Err(row_failure("the row has no values".to_owned())),
    }
}

/// Map a batch of rows.
///
/// # Errors
/// A permanent failure: the config is not valid, or does not fit the columns.
pub fn map_batch(config: &str, columns: &[wit::Column], changes: &[wit::Change]) -> Result<wit::Mapping, wit::Failure> {
    map(&*valid(config)?, columns, changes)
}

fn map(config: &Config, columns: &[wit::Column], changes: &[wit::Change]) -> Result<wit::Mapping, wit::Failure> {
    let columns = Columns::read(columns).map_err(problem::configuration)?;
    mapping::map(config, &columns, changes)
}

/// The requests that [`send_batch`] makes if none of its records is refused.
///
/// # Errors
/// A permanent failure: the config is not valid, or the batch is malformed.
#[cfg_attr(target_family = "wasm", optimize(size))]
pub fn render_batch(config: &str, batch: &wit::MappedBatch) -> Result<Vec<wit::Request>, wit::Failure> {
    let config = valid(config)?;
    let records = Records::read(&config, batch)?;
    let endpoint = Endpoint::of(config.object);
    let chunks = chunks(endpoint, &records, config.batch_size, MAX_BODY_BYTES);
    Ok(chunks
        .requests
        .iter()
        .map(|chunk| endpoint.request(records.items(chunk)))
        .map(|request| wit::Request {
            method: request.method.name().to_owned(),
            path: request.path.to_owned(),
            body: wit::Body::Text(request.body),
        })
        .collect())
}

/// Deliver a batch, over a transport to the config's deployment.
///
/// # Errors
/// A failure that left every record undelivered.
pub fn send_batch<T: Transport>(
    config: &str,
    batch: &wit::MappedBatch,
    connect: impl FnOnce(Rc<Config>) -> T,
    clock: &mut impl Clock,
) -> Result<wit::Report, wit::Failure> {
    let config = valid(config)?;
    delivery::deliver(&config, batch, &mut connect(Rc::clone(&config)), clock)
}

/// Whether the deployment answers and takes the key.
///
/// # Errors
/// It does not.
pub fn check_connection<T: Transport>(
    config: &str,
    connect: impl FnOnce(Rc<Config>) -> T,
    clock: &mut impl Clock,
) -> Result<wit::ConnectionCheck, wit::Failure> {
    let config = valid(config)?;
    check::check(&config, &mut connect(Rc::clone(&config)), clock)
}

fn row_failure(message: String) -> wit::Failure {
    wit::Failure::Permanent(problem(wit::ProblemKind::Row, message))
}

/// The config, parsed. Engines send the same text with every call: the last one is kept.
#[cfg_attr(target_family = "wasm", optimize(size))]
fn valid(text: &str) -> Result<Rc<Config>, wit::Failure> {
    thread_local! {
        static LAST: RefCell<Option<(String, Rc<Config>)>> = const { RefCell::new(None) };
    }
    LAST.with_borrow_mut(|last| {
        if let Some((_, config)) = last.as_ref().filter(|(known, _)| known == text) {
            return Ok(Rc::clone(config));
        }
        let config = Config::parse(text).map(Rc::new).map_err(|issues| invalid(&issues))?;
        *last = Some((text.to_owned(), Rc::clone(&config)));
        Ok(config)
    })
}

#[cfg_attr(target_family = "wasm", optimize(size))]
fn invalid(issues: &[wit::ConfigIssue]) -> wit::Failure {
    let faults: Vec<String> = issues
        .iter()
        .map(|issue| match (issue.path.as_str(), &issue.hint) {
            ("", _) => issue.message.clone(),
            (path, None) => format!("{path} {}", issue.message),
            (path, Some(hint)) => format!("{path} {} ({hint})", issue.message),
        })
        .collect();
    problem::configuration(format!("the config is not valid: {}", faults.join("; ")))
}

#[cfg(test)]
mod tests;
