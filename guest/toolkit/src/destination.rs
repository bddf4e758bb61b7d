//! A whole destination: what is left to say once everything that is the same everywhere is done. [`export!`](crate::export)
//! makes a component of it.

use std::borrow::Cow;

use crate::bindings::{
    Action, Change, Column, ConfigIssue, ConnectionCheck, Descriptor, Failure, MappedBatch, MappedRow, Mapping, Request, Row,
};
use crate::clock::Clock;
use crate::columns::Columns;
use crate::delivery::{self, Delivered, Protocol, Records};
use crate::http::{Connection, Transport};
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
    fn check(&self, transport: &mut dyn Transport, clock: &mut dyn Clock) -> Result<ConnectionCheck, Failure>;
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

/// Deliver a batch.
///
/// # Errors
/// A failure that left every record undelivered.
pub fn send_batch<D: Destination>(
    config: &D,
    batch: &MappedBatch,
    transport: &mut dyn Transport,
    clock: &mut dyn Clock,
) -> Result<Delivered, Failure> {
    delivery::deliver(config, &records(config, batch)?, transport, clock)
}

fn records<'a, D: Destination>(config: &D, batch: &'a MappedBatch) -> Result<Records<'a>, Failure> {
    Records::read(batch, |index, key, action, payload| config.item(index, key, action, payload))
}

/// Makes the component's exports of a [`Destination`]: `destination_toolkit::export!(Config);`. For any other target it makes
/// nothing.
#[macro_export]
macro_rules! export {
    ($destination:ty) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            use $crate::bindings::{self as wit, Failure, Guest};
            use $crate::destination::{self, Destination};
            use $crate::{clock::WasiClock, config::LastConfig, http::WasiTransport};

            thread_local! {
                static LAST: LastConfig<$destination> = const { LastConfig::new() };
            }

            fn valid(text: &str) -> Result<std::rc::Rc<$destination>, Failure> {
                LAST.with(|last| last.get(text, <$destination as Destination>::parse))
            }

            struct Component;

            impl Guest for Component {
                fn describe() -> Result<wit::Descriptor, Failure> {
                    Ok(<$destination as Destination>::describe())
                }

                fn validate_config(config: String) -> Result<Vec<wit::ConfigIssue>, Failure> {
                    Ok(<$destination as Destination>::parse(&config).err().unwrap_or_default())
                }

                fn check_connection(config: String) -> Result<wit::ConnectionCheck, Failure> {
                    let config = valid(&config)?;
                    config.check(&mut WasiTransport::new(config.connection()), &mut WasiClock)
                }

                fn map_row(config: String, columns: Vec<String>, row: wit::Row) -> Result<wit::MappedRow, Failure> {
                    destination::map_row(&*valid(&config)?, columns, row)
                }

                fn map_batch(
                    config: String,
                    columns: Vec<wit::Column>,
                    changes: Vec<wit::Change>,
                ) -> Result<wit::Mapping, Failure> {
                    destination::map_batch(&*valid(&config)?, &columns, &changes)
                }

                fn render_batch(config: String, batch: wit::MappedBatch) -> Result<Vec<wit::Request>, Failure> {
                    destination::render_batch(&*valid(&config)?, &batch)
                }

                fn send_batch(config: String, batch: wit::MappedBatch) -> Result<wit::Report, Failure> {
                    let config = valid(&config)?;
                    let mut transport = WasiTransport::new(config.connection());
                    let delivered = destination::send_batch(&*config, &batch, &mut transport, &mut WasiClock);
                    delivered.map(|delivered| delivered.report)
                }
            }

    $crate::bindings::export!(Component with_types_in $crate::bindings);
        };
    };
}
