//! The component: each exported function, passed on to its plain counterpart, and the engine's clock and HTTP.

mod clock;
mod http;

use self::clock::WasiClock;
use self::http::WasiTransport;
use crate::bindings::exports::etl::destination::destination::{
    Change, Column, ConfigIssue, ConnectionCheck, Descriptor, Failure, Guest, MappedBatch, MappedRow, Mapping, Report,
    Request, Row,
};
use crate::destination;

struct Component;

impl Guest for Component {
    fn describe() -> Result<Descriptor, Failure> {
        Ok(destination::describe())
    }

    fn validate_config(config: String) -> Result<Vec<ConfigIssue>, Failure> {
        Ok(destination::validate_config(&config))
    }

    fn check_connection(config: String) -> Result<ConnectionCheck, Failure> {
        destination::check_connection(&config, WasiTransport::new, &mut WasiClock)
    }

    fn map_row(config: String, columns: Vec<String>, row: Row) -> Result<MappedRow, Failure> {
        destination::map_row(&config, columns, row)
    }

    fn map_batch(config: String, columns: Vec<Column>, changes: Vec<Change>) -> Result<Mapping, Failure> {
        destination::map_batch(&config, &columns, &changes)
    }

    fn render_batch(config: String, batch: MappedBatch) -> Result<Vec<Request>, Failure> {
        destination::render_batch(&config, &batch)
    }

    fn send_batch(config: String, batch: MappedBatch) -> Result<Report, Failure> {
        destination::send_batch(&config, &batch, WasiTransport::new, &mut WasiClock)
    }
}

#[expect(unsafe_code, unreachable_pub, reason = "generated: the exports speak the component ABI")]
mod exports {
    use super::Component;

    crate::bindings::export!(Component with_types_in crate::bindings);
}
