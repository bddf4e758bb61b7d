//! The Talon.One destination: maps rows to customer profiles and audience memberships, and delivers them.
//!
//! Built for wasm this is a component that exports `etl:destination`; built for any other target it is the same code
//! without its outer layer, which tests and benchmarks call directly.
// What runs once a call or once a failure is built for its size, marked so; what runs for each row is built for speed.
// The other way round, all for size and the row's functions marked for speed, mapping runs half as many instructions more:
// the standard library's generic code is compiled with this crate, and cannot be marked.
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
pub mod bindings;
mod clock;
mod columns;
#[cfg(target_family = "wasm")]
mod component;
mod config;
mod delivery;
mod destination;
mod mapping;
mod problem;
#[cfg(test)]
mod testing;
mod value;

pub use self::api::request::{Method, Request};
pub use self::api::transport::{Headers, Response, Transport, TransportError, TransportErrorKind};
pub use self::clock::Clock;
pub use self::config::{Config, DeploymentUrl, Scheme};
pub use self::destination::{
    check_connection, describe, map_batch, map_row, render_batch, send_batch, validate_config,
};
