//! A Talon.One to test against: a real HTTP server on loopback that is strict about what it takes, can be told to
//! fail, and remembers every request.
//!
//! It speaks the calls of Talon.One's Integration API and Management API that [`path`] lists, each with its own kind of
//! key, refuses what the published API descriptions would refuse, and keeps attributes, profiles, audience members and
//! what fired in memory. [`Fake::start`] runs it on a thread of its own, so that it serves a test that blocks as
//! well as one that awaits. `README.md` beside this crate tells how to drive it from outside the process.
//!
//! Left out: campaigns beyond rules on audiences, carts and every other call of the API; anything that outlives the process. Where
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

mod api;
mod clock;
mod deployment;
mod fake;
mod faults;
mod lock;
pub mod proxy;
mod rate;
mod recorder;
mod server;
mod settings;
mod value;

pub use api::bulk::Batches;
pub use api::error_body::ErrorDetail;
pub use api::path;
pub use clock::Clock;
pub use deployment::attributes::AttributeType;
pub use deployment::campaigns::{AudienceEvent, Effect, Firing, Rule};
pub use deployment::snapshot::{AudienceState, Snapshot};
pub use fake::Fake;
pub use faults::fault::{Answer, Body, Fault, Kind, Movement, RetryAfter};
pub use faults::{Arrival, Faults, Step};
pub use recorder::{Keep, Request, TimedOut};
pub use settings::Settings;
