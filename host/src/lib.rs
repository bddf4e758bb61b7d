//! The reference engine for destination plugins: it reads rows, runs a plugin in a sandbox to map them, and delivers
//! what the plugin makes of them.
//!
//! What it does is in the library, for engines that embed it; the command line around it only parses, prints and exits.
//! An embedder that brings its own engine uses [`plugin`] and [`session`] alone; one that wants whole runs from sync files
//! uses [`pipeline`].

pub mod answers;
pub mod bindings;
mod cell;
mod clock;
pub mod columns;
mod compile_cache;
pub mod dead_letter;
pub mod egress;
pub mod embedded;
pub mod exit;
pub mod expression;
pub mod fault;
pub mod figures;
pub mod file;
mod file_id;
mod html_report;
pub mod http_client;
pub mod instance;
pub mod job;
pub mod limits;
pub mod metrics;
pub mod observer;
pub mod outgoing;
pub mod output;
pub mod pace;
pub mod pipeline;
pub mod plugin;
pub mod plugin_config;
mod postgresql;
mod provenance;
pub mod records;
pub mod redaction;
pub mod removals;
pub mod report;
pub mod rows;
pub mod runtime;
pub mod sandbox;
pub mod sanitize;
mod secrets;
pub mod session;
pub mod source;
pub mod state;
pub mod stop;
pub mod sync_file;
pub mod threshold;
mod timeline;

#[cfg(test)]
mod alone;
