//! The calls of Talon.One's API that the fake answers, as paths.

/// `PUT`: create or update up to 1000 profiles.
pub const PROFILES: &str = "/v2/customer_profiles";
/// `PUT`, with the ID behind it: update one profile, and run the rules of campaigns.
pub const PROFILE: &str = "/v2/customer_profiles/";
/// `POST`: up to 1000 changes of audience membership.
pub const AUDIENCES: &str = "/v2/customer_audiences";
/// `GET`: is the key good?
pub const AUTHPING: &str = "/v2/authping";
