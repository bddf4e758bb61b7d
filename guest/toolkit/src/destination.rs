//! A whole destination: what is left to say once everything that is the same everywhere is done. [`export!`](crate::export!)
//! makes a component of it. What a destination may do beside it is in [`extensions`](crate::extensions).

use std::borrow::Cow;

use crate::bindings::effects::Delivery;
use crate::bindings::{
    Action, Change, Column, ConfigIssue, ConnectionCheck, Descriptor, Failure, MappedBatch, MappedRow, Mapping,
    Request, Row,
};
use crate::clock::Clock;
use crate::columns::Columns;
use crate::delivery::{self, Protocol, Records};
use crate::http::{Connection, Network, Transport};
use crate::{mapping, problem};

/// A destination, implemented for its config.
pub trait Destination: Protocol + Sized + 'static {
    /// What it is.
    fn describe() -> Descriptor;

    /// Parse the text of a config: see [`config::parse`](crate::config::parse).
    ///
    /// # Errors
    /// All its issues.
    fn parse(text: &str) -> Result<Self, Vec<ConfigIssue>>;

    /// Map a batch of rows: see [`mapping::map`].
    ///
    /// # Errors
    /// The config does not fit the columns.
    fn map(&self, columns: &Columns<'_>, changes: &[Change]) -> Result<Mapping, Failure>;

    /// What is sent for a record. For a row that left the source of a mirror the engine makes the record itself: a key, `delete`,
    /// and an empty payload.
    ///
    /// # Errors
    /// The record asks for what the destination does not do.
    fn item<'a>(&self, index: u32, key: &'a str, action: Action, payload: &'a str) -> Result<Cow<'a, str>, Failure>;

    /// Its server, and what every request carries.
    fn connection(&self) -> Connection;

    /// Whether the server answers and takes the secret.
    ///
    /// # Errors
    /// It does not.
    fn check(&self, network: &mut dyn Network, clock: &mut dyn Clock) -> Result<ConnectionCheck, Failure>;
}

/// Map a batch of rows.
///
/// # Errors
/// The columns are malformed, or do not fit the config.
pub fn map_batch<D: Destination>(config: &D, columns: &[Column], changes: &[Change]) -> Result<Mapping, Failure> {
    config.map(&Columns::read(columns).map_err(problem::configuration)?, changes)
}

/// Map one row, as a batch of one.
///
/// # Errors
/// A permanent failure: of kind `row` if the row is at fault.
pub fn map_row<D: Destination>(config: &D, columns: Vec<String>, row: Row) -> Result<MappedRow, Failure> {
    mapping::map_one(columns, row, &|columns, changes| map_batch(config, columns, changes))
}

/// The requests that [`send_batch`] makes if none of its records is refused.
///
/// # Errors
/// The batch is malformed, or asks for what the destination does not do.
pub fn render_batch<D: Destination>(config: &D, batch: &MappedBatch) -> Result<Vec<Request>, Failure> {
    Ok(delivery::render(config, &records(config, batch)?))
}

/// Deliver a batch, and count what the destination did on receiving it.
///
/// # Errors
/// A failure that left every record undelivered.
pub fn send_batch<D: Destination>(
    config: &D,
    batch: &MappedBatch,
    transport: &mut dyn Transport,
    clock: &mut dyn Clock,
) -> Result<Delivery, Failure> {
    delivery::deliver(config, &records(config, batch)?, transport, clock)
}

fn records<'a, D: Destination>(config: &D, batch: &'a MappedBatch) -> Result<Records<'a>, Failure> {
    Records::read(batch, &|index, key, action, payload| config.item(index, key, action, payload))
}
