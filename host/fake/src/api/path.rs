//! The calls of Talon.One's API that the fake answers, as paths.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// `PUT`: create or update up to 1000 profiles.
pub const PROFILES: &str = "/v2/customer_profiles";
/// `PUT`, with the ID behind it: update one profile, and run the rules of campaigns.
pub const PROFILE: &str = "/v2/customer_profiles/";
/// `POST`: up to 1000 changes of audience membership.
pub const AUDIENCES: &str = "/v2/customer_audiences";
/// `GET`: is the key good?
pub const AUTHPING: &str = "/v2/authping";
/// `POST`: create an audience.
pub const NEW_AUDIENCE: &str = "/v2/audiences";

/// Management API, `GET`: the audiences.
pub const AUDIENCE_LIST: &str = "/v1/audiences";
/// Management API, `GET`: how many members audiences have.
pub const ANALYTICS: &str = "/v1/audiences/analytics";
/// Management API, `GET`: the attributes; `POST`: create one.
pub const ATTRIBUTES: &str = "/v1/attributes";
/// Management API, `POST`: find profiles.
pub const SEARCH: &str = "/v1/customer_search/no_total";

/// Management API, `GET`: the members of an audience, page by page.
#[must_use]
pub fn memberships(audience: i64) -> String {
    format!("{AUDIENCE_LIST}/{audience}/memberships")
}

/// Management API, `GET`: all members of an audience as CSV.
#[must_use]
pub fn export(audience: i64) -> String {
    format!("{AUDIENCE_LIST}/{audience}/memberships/export")
}

/// `GET`: one profile. The ID is percent-encoded.
#[must_use]
pub fn inventory(id: &str) -> String {
    format!("/v1/customer_profiles/{}/inventory", utf8_percent_encode(id, NON_ALPHANUMERIC))
}
