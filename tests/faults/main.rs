//! Fault runs: what a sync must survive, at a size that shows it, with the figures printed.
//!
//! `make faults` runs them all; they take minutes and are ignored in a plain `cargo test`. Each fails where a single ID is
//! missing or wrong.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a fault run prints its figures, and one that can't go on fails with the reason"
)]

#[path = "../e2e/harness.rs"]
mod harness;
mod kills;
mod random;
mod rate;
mod splitting;
mod storm;
