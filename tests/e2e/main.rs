//! The real component and the real command line against the fake Talon.One, seen from outside: what is printed, how it
//! ends, what is left in files, and which requests the fake received.
//!
//! One binary for all areas, a module each: linking is the slow part of building a test.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that can't go on fails with the reason"
)]

mod airbyte;
mod answers;
mod arrow_types;
mod check;
mod component;
mod compression;
mod conform;
mod databases;
mod dialects;
mod disks;
mod elsewhere;
mod failures;
mod faults;
mod files;
mod first_sync;
mod folders;
mod harness;
mod hostile;
mod html_report;
mod init;
mod interrupts;
mod looking;
mod metrics;
mod mirror;
mod misbehaving;
mod mistakes;
mod network;
#[cfg(unix)]
mod oci;
mod outcomes;
mod payloads;
mod preview;
mod provision;
mod readers;
mod removals;
mod reports;
mod running;
mod schema;
mod secrets;
mod singer;
mod snapshot;
mod sources;
mod state;
mod states;
mod syncs;
mod terminal;
mod trigger_rules;
mod unreadable;
mod validate;
mod vectors;
mod verify;
