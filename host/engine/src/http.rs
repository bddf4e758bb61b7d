//! A plugin's requests: to where they may go ([`egress`]), with which secrets ([`secrets`]), how fast ([`rate_limiter`]), through
//! which client ([`client`]), and whether still ([`clearance`]); [`hooks`] puts it together for `wasi:http`.

pub mod clearance;
pub mod client;
pub mod egress;
pub mod hooks;
pub(crate) mod joined;
pub mod rate_limiter;
pub(crate) mod secrets;
