//! What every destination plugin needs and none should write again. `talon-one-destination` is its first user, and
//! `examples/webhook` its smallest.
//!
//! A plugin is seven functions ([`bindings::Guest`]), and those of the optional interfaces that it has ([`extensions`]). Of the seven
//! this crate does what is the same everywhere:
//!
//! | to do | with |
//! | --- | --- |
//! | read a config, and report all its faults at once | [`config::Table`], [`config::LastConfig`] |
//! | read a batch's columns | [`columns::Columns`], [`value::Value`] |
//! | write values as JSON, digits kept | [`value::Value::write_json`], [`value::json`] |
//! | make each row a record or an issue | [`mapping::map`], and [`mapping::map_one`] for `map-row` |
//! | drop all but the last record of a key | [`delivery::Records`] |
//! | show requests, and send them: in parts, retried, divided after a refusal | [`delivery::render`], [`delivery::deliver`] |
//! | say how a destination is spoken to | [`delivery::Protocol`] |
//! | send over the engine's HTTP, and wait by its clock | `http::WasiTransport`, `clock::WasiClock` (in a component) |
//! | test all of it without a network | [`testing`] |
//!
//! It knows no destination: no address, no form of a body, and of an answer only what HTTP says.
//!
//! What runs for each row is marked `#[inline]`, and so compiled with the plugin, for speed; the rest can be compiled for its
//! size (the workspace's `[profile.component]` does).

#![cfg_attr(test, expect(clippy::unwrap_used, reason = "a test that unwraps the wrong thing fails, as it should"))]

pub mod bindings;
pub mod clock;
pub mod columns;
pub mod config;
pub mod delivery;
mod descriptor;
pub mod destination;
mod export;
pub mod extensions;
pub mod http;
pub mod mapping;
pub mod problem;
pub mod testing;
pub mod value;
