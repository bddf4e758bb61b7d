//! Whether a request may still leave, asked at the last moment.
//!
//! A run that holds something for a time only (a lease) must not send after that time. It may lose its time anywhere: in a
//! wait for its turn, or because the whole process was paused. So it is asked after all waits, and again as the body is
//! written, which is after a connection was made.

use std::fmt::Debug;

/// What allows requests to leave.
pub trait Clearance: Debug + Send + Sync {
    /// Whether a request may leave now.
    ///
    /// # Errors
    /// Why it may not, in words. It does not leave then.
    fn check(&self) -> Result<(), String>;
}
