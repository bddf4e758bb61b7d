//! The Talon.One destination: maps rows to customer profiles and audience memberships, and delivers them.
//!
//! Built for wasm this is a component that exports `etl:destination`; built for any other target it is the same code
//! without its outer layer, which tests and benchmarks call directly.
// What runs once a call or once a failure is built for its size, marked so; what runs for each row is built for speed.
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

pub mod bindings;
mod body;
mod calendar;
mod check;
mod clock;
mod columns;
mod complaint;
#[cfg(target_family = "wasm")]
mod component;
mod config;
mod delivery;
mod describe;
mod destination;
// Without a transport nobody sends them.
#[cfg(any(test, target_family = "wasm"))]
mod headers;
mod index;
mod json;
mod mapping;
mod membership;
mod message;
mod problem;
mod quote;
mod records;
mod request;
mod response;
mod retry;
mod row;
mod spelling;
mod split;
#[cfg(test)]
mod testing;
mod transport;
mod value;

pub use self::clock::Clock;
pub use self::config::{Config, DeploymentUrl, Scheme};
pub use self::describe::describe;
pub use self::destination::{check_connection, map_batch, map_row, render_batch, send_batch, validate_config};
pub use self::request::{Method, Request};
pub use self::transport::{Break, BreakKind, Headers, Response, Transport};
