//! The destination as the toolkit takes it, and the plugin's functions as the contract has them, over any transport and clock.

mod check;
mod describe;

pub use self::describe::describe;

use std::borrow::Cow;
use std::rc::Rc;

use destination_toolkit::bindings as wit;
use destination_toolkit::clock::Clock;
use destination_toolkit::columns::Columns;
use destination_toolkit::config::LastConfig;
use destination_toolkit::destination::{self, Destination};
use destination_toolkit::http::{Connection, Network, Transport};

use crate::config::Config;
use crate::{delivery, mapping};

impl Destination for Config {
    fn describe() -> wit::Descriptor {
        describe()
    }

    fn parse(text: &str) -> Result<Self, Vec<wit::ConfigIssue>> {
        Self::parse(text)
    }

    fn map(&self, columns: &Columns<'_>, changes: &[wit::Change]) -> Result<wit::Mapping, wit::Failure> {
        mapping::map(self, columns, changes)
    }

    fn item<'a>(
        &self,
        index: u32,
        key: &'a str,
        action: wit::Action,
        payload: &'a str,
    ) -> Result<Cow<'a, str>, wit::Failure> {
        delivery::item(self, index, key, action, payload)
    }

    fn connection(&self) -> Connection {
        self.connection()
    }

    fn check(&self, network: &mut dyn Network, clock: &mut dyn Clock) -> Result<wit::ConnectionCheck, wit::Failure> {
        check::check(self, network, clock)
    }
}

/// All issues of a config; none for a valid one.
#[must_use]
pub fn validate_config(config: &str) -> Vec<wit::ConfigIssue> {
    Config::parse(config).err().unwrap_or_default()
}

/// Map one row.
///
/// # Errors
/// A permanent failure: of kind `row` if the row is at fault.
pub fn map_row(config: &str, columns: Vec<String>, row: wit::Row) -> Result<wit::MappedRow, wit::Failure> {
    destination::map_row(&*valid(config)?, columns, row)
}

/// Map a batch of rows.
///
/// # Errors
/// A permanent failure: the config is not valid, or does not fit the columns.
pub fn map_batch(config: &str, columns: &[wit::Column], changes: &[wit::Change]) -> Result<wit::Mapping, wit::Failure> {
    destination::map_batch(&*valid(config)?, columns, changes)
}

/// The requests that [`send_batch`] makes if none of its records is refused.
///
/// # Errors
/// A permanent failure: the config is not valid, or the batch is malformed.
pub fn render_batch(config: &str, batch: &wit::MappedBatch) -> Result<Vec<wit::Request>, wit::Failure> {
    destination::render_batch(&*valid(config)?, batch)
}

/// Deliver a batch, over a transport to the config's deployment; with the report, how often which effect came of it.
///
/// # Errors
/// A failure that left every record undelivered.
pub fn send_batch<T: Transport>(
    config: &str,
    batch: &wit::MappedBatch,
    connect: impl FnOnce(Rc<Config>) -> T,
    clock: &mut impl Clock,
) -> Result<wit::effects::Delivery, wit::Failure> {
    let config = valid(config)?;
    destination::send_batch(&*config, batch, &mut connect(Rc::clone(&config)), clock)
}

/// Whether the deployment answers and takes the key.
///
/// # Errors
/// It does not.
pub fn check_connection(
    config: &str,
    network: &mut dyn Network,
    clock: &mut dyn Clock,
) -> Result<wit::ConnectionCheck, wit::Failure> {
    check::check(&*valid(config)?, network, clock)
}

fn valid(text: &str) -> Result<Rc<Config>, wit::Failure> {
    thread_local! {
        static LAST: LastConfig<Config> = const { LastConfig::new() };
    }
    LAST.with(|last| last.get(text, Config::parse))
}

#[cfg(test)]
mod tests;
