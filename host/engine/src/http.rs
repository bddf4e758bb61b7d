//! A plugin's requests: to where they may go ([`egress`]), with which secrets ([`secrets`]), how fast ([`rate_limiter`]), through
//! which client ([`client`]); [`hooks`] puts it together for `wasi:http`.

pub mod client;
pub mod egress;
pub mod hooks;
pub mod rate_limiter;
pub(crate) mod secrets;
