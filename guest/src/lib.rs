//! The Talon.One destination: maps rows to customer profiles and audience memberships, and delivers them.
//!
//! Built for wasm this is a component that exports `etl:destination`; built for any other target it is the same code
//! without its outer layer, which tests and benchmarks call directly.
// What runs once a call or once a failure is built for its size, marked so; what runs for each row is built for speed.
// The other way round, all for size and the row's functions marked for speed, mapping runs half as many instructions more:
// the standard library's generic code is compiled with this crate, and cannot be marked. What looks and creates, and what reads the
// config, is marked not to be inlined as well: within an export, which is not marked, it would be built for speed.
#![cfg_attr(target_family = "wasm", feature(optimize_attribute))]
#![cfg_attr(
    test,
    expect(
        clippy::unwrap_used,
        clippy::string_slice,
        clippy::unreachable,
        reason = "a test that unwraps the wrong thing fails, as it should"
    )
)]

mod api;
mod config;
mod delivery;
mod destination;
mod inspection;
mod mapping;
mod provisioning;
#[cfg(test)]
mod testing;
mod value;

pub use destination_toolkit::bindings;
pub use destination_toolkit::clock::Clock;
pub use destination_toolkit::http::{
    Connection, Headers, Incoming, Method, Network, Request, Response, Scheme, Transport, TransportError,
    TransportErrorKind,
};

pub use self::config::{Config, DeploymentUrl};
pub use self::destination::{
    check_connection, describe, map_batch, map_row, render_batch, send_batch, validate_config,
};

destination_toolkit::export!(Config, with extensions);
