//! Fault runs: what a sync must survive, at a size that shows it, with the figures printed.
//!
//! `make faults` runs them; they take minutes and are left out of a plain `cargo test`, but for short histories of
//! fixed seeds in [`states`] and a small storm in [`rules`]. Each fails where a single ID is
//! missing or wrong.

mod drift;
mod kills;
mod mistake;
pub(crate) mod random;
mod rate;
mod rules;
mod splitting;
mod states;
mod stops;
mod storm;
mod together;
