//! The fake as its users meet it: over real connections, from outside.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at what it did not expect")]

mod audiences;
mod client;
mod control;
mod faults;
mod key;
mod lifecycle;
mod listings;
mod management;
mod profile_update;
mod profiles;
mod proxy;
mod published;
mod rate;
mod recording;
mod refusals;
mod tls;
