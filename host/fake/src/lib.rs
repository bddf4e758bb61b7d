//! A Talon.One to test against: a real HTTP server on loopback that is strict about what it takes, can be told to
//! fail, and remembers every request.
//!
//! It speaks the three calls that the plugin makes (`PUT /v2/customer_profiles`, `POST /v2/customer_audiences`,
//! `GET /v2/authping`), refuses what Talon.One's published API description would refuse, and keeps profiles and
//! audience members in memory. [`Fake::start`] runs it on a thread of its own, so that it serves a test that blocks as
//! well as one that awaits. `README.md` beside this crate tells how to drive it from outside the process.
//!
//! Left out: campaigns, carts, rules and every other call of the API; anything that outlives the process. Where
//! Talon.One has published no rule (whether a batch is atomic, whether errors carry pointers), the fake has a setting
//! for each answer, because a client must cope with all of them.
//!
//! ```no_run
//! use fake_talon_one::{Fake, Fault, Faults, Settings};
//!
//! # fn main() -> std::io::Result<()> {
//! let fake = Fake::start(Settings::demo("some-key"))?;
//! fake.inject(Faults::script([Fault::status(429).retry_after_secs(1), Fault::reset()]));
//! // … point a client at fake.url() …
//! assert_eq!(fake.requests().len(), 3);
//! # Ok(())
//! # }
//! ```

mod attributes;
mod audiences;
mod bulk;
mod clock;
mod control;
mod count;
mod deployment;
mod error_body;
mod exchange;
mod fake;
mod fault;
mod faults;
mod line;
mod object;
mod profiles;
pub mod proxy;
mod rate;
mod recorder;
mod reply;
mod rfc3339;
mod schema;
mod server;
mod service;
mod settings;
mod shared;
mod snapshot;
mod strike;
mod upload;

pub use attributes::AttributeType;
pub use clock::Clock;
pub use fake::Fake;
pub use fault::{Answer, Body, Fault, Kind, RetryAfter};
pub use faults::{Arrival, Faults, Step};
pub use recorder::{Keep, Request, TimedOut};
pub use settings::{Batches, ErrorDetail, Settings};
pub use snapshot::{AudienceState, Snapshot};

/// The calls of Talon.One's API that the fake answers, as paths.
pub mod path {
    /// `PUT`: create or update up to 1000 profiles.
    pub const PROFILES: &str = "/v2/customer_profiles";
    /// `POST`: up to 1000 changes of audience membership.
    pub const AUDIENCES: &str = "/v2/customer_audiences";
    /// `GET`: is the key good?
    pub const AUTHPING: &str = "/v2/authping";
}
