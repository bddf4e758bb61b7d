//! The small engine for destination plugins: loads a component in a sandbox, calls it with checked answers, and lets its
//! requests out to where they may go, at the rate that the destination bears.
//!
//! There is no command line here, no state, no source, and no file but the compile cache's: the reference host has them. Rows
//! come in as Arrow record batches, here for a deployment at `url`, with the plugin's file at `path`:
//!
//! ```
//! use std::sync::Arc;
//!
//! use destination_engine::arrow_array::{ArrayRef, StringArray};
//! use destination_engine::{
//!     ClientSettings, CompileCache, HttpClient, HttpContext, Limits, Plugin, Rate, RateLimiter, RecordBatch, Runtime,
//! };
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let fake = fake_talon_one::Fake::start(fake_talon_one::Settings::new("key"))?;
//! # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/component/talon-one-destination.wasm");
//! # let url = fake.url();
//! // Once a process: the engine, the plugin, and the client that all requests go through.
//! let runtime = Runtime::new(Limits::default(), CompileCache::User)?;
//! let plugin = Plugin::load(&runtime, &std::fs::read(path)?, "talon-one").await?;
//! let client = HttpClient::new(&ClientSettings::default())?;
//!
//! // Once a sync: its config, and the rate of its deployment. The key stays out of the sandbox.
//! let config = format!(r#"{{"deployment_url": "{url}", "api_key": "key", "object_type": "customer_profiles"}}"#);
//! for issue in plugin.validate_config(&config).await? {
//!     println!("{}: {}", issue.path, issue.message);
//! }
//! let mut rate = Rate::default();
//! rate.per_second = 60.try_into().ok();
//! let session = plugin.session(&config, HttpContext::new(client, RateLimiter::new(rate)))?;
//!
//! // For each batch: rows, mapped and delivered.
//! let ids: ArrayRef = Arc::new(StringArray::from(vec!["cust_1", "cust_2"]));
//! let names: ArrayRef = Arc::new(StringArray::from(vec!["Ada", "Grace"]));
//! let mapping = session.map(&RecordBatch::try_from_iter([("integration_id", ids), ("name", names)])?).await?;
//! let report = session.send_batch(&mapping.batch).await.answer?;
//! println!("{} delivered, {} rows not mapped", report.accepted.len(), mapping.issues.len());
//! # assert_eq!((report.accepted, fake.profiles().len()), (vec![0, 1], 2));
//! # Ok(())
//! # }
//! ```
//!
//! Dropping a call's future ends the call: nothing of it goes on behind it. [`Stop`] ends all calls of a context gently: waits
//! end, no new request leaves, and those under way get a while to finish.
//!
//! [`plugin`] loads and calls; [`http`] is the way out; [`arrow`](mod@crate::arrow) turns record batches into a plugin's columns and
//! holds what a plugin made of them; [`bindings`] are the contract's own types.

pub mod arrow;
pub mod bindings;
pub mod http;
pub mod limits;
pub mod plugin;
pub mod redaction;
pub mod stop;

pub use ::arrow_array;
pub use ::arrow_array::RecordBatch;
pub use ::arrow_schema;

pub use crate::arrow::records::MappedBatch;
pub use crate::http::clearance::Clearance;
pub use crate::http::client::{ClientSettings, HttpClient};
pub use crate::http::hooks::HttpContext;
pub use crate::http::rate_limiter::{Rate, RateLimiter};
pub use crate::limits::Limits;
pub use crate::plugin::answers::{Delivery, KeyPage, Mapping, Report};
pub use crate::plugin::instance::{CallError, CallOutcome};
pub use crate::plugin::runtime::{CompileCache, Runtime};
pub use crate::plugin::session::{Effects, Inspection, MapError, Provisioning, Session};
pub use crate::plugin::{OptionalInterface, Plugin};
pub use crate::stop::Stop;

#[cfg(test)]
mod embedded;
#[cfg(test)]
mod subprocess;
