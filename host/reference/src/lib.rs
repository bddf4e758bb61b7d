//! The reference engine for destination plugins: it reads rows, runs a plugin in the sandbox of [`destination_engine`] to map
//! them, and delivers what the plugin makes of them.
//!
//! What it does is in the library, for engines that want whole runs; the command line around it only parses, prints and exits.
//! A row's way: [`source`] reads it, [`pipeline`] maps it, compares it with [`state`], sends it and settles it, and
//! [`report`] tells of it; [`verification`] looks whether it is there. [`sync_file`] says which rows go where, and [`inference`] makes a first
//! one. An engine that brings all of that itself embeds
//! [`destination_engine`] alone.

pub mod airbyte;
#[cfg(feature = "conform")]
pub mod conform;
pub mod database;
pub mod digest;
#[cfg(feature = "embedded-plugin")]
pub mod embedded;
pub mod fault;
pub mod file;
mod file_id;
pub mod human_format;
pub mod inference;
#[cfg(feature = "oci")]
pub mod oci;
pub mod pipeline;
pub mod report;
pub mod sanitize;
pub mod singer;
pub mod source;
pub mod state;
pub mod sync_file;
pub mod syncs;
pub mod target;
#[cfg(feature = "sqlite-state")]
pub mod verification;

pub use destination_engine as engine;
