//! The requests of the Management API, from its published description (version 26.16). It takes 3 requests a second for each endpoint.

use destination_toolkit::http::{Method, Request};
use destination_toolkit::value::json;

use super::request::Looking;
use crate::config::AudienceId;

/// Requests a second that each endpoint takes.
pub(crate) const REQUESTS_PER_SECOND: u32 = 3;

/// The most that one page holds.
pub(crate) const PAGE_SIZE: usize = 1000;

/// A request for the Management API, and for no other.
pub(crate) struct ManagementRequest(Looking);

impl ManagementRequest {
    pub(super) fn looking(&self) -> &Looking {
        &self.0
    }
}

/// An endpoint, `*` for a part of its path that may be any.
type Endpoint = (Method, &'static str);

const ATTRIBUTES: Endpoint = (Method::Get, "/v1/attributes");
const NEW_ATTRIBUTE: Endpoint = (Method::Post, "/v1/attributes");
const AUDIENCES: Endpoint = (Method::Get, "/v1/audiences");
const EXPORT: Endpoint = (Method::Get, "/v1/audiences/*/memberships/export");
const ANALYTICS: Endpoint = (Method::Get, "/v1/audiences/analytics");
const CUSTOMERS: Endpoint = (Method::Post, "/v1/customer_search/no_total");

/// All that are in use.
pub(crate) const ENDPOINTS: [Endpoint; 6] = [ATTRIBUTES, NEW_ATTRIBUTE, AUDIENCES, EXPORT, ANALYTICS, CUSTOMERS];

/// A page of the attributes of customer profiles.
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(crate) fn attributes(page_size: usize, skip: usize) -> ManagementRequest {
    get(ATTRIBUTES, format!("/v1/attributes?entity=CustomerProfile&pageSize={page_size}&skip={skip}"))
}

/// A page of the audiences.
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(crate) fn audiences(page_size: usize, skip: usize) -> ManagementRequest {
    get(AUDIENCES, format!("/v1/audiences?pageSize={page_size}&skip={skip}&withTotalResultSize=true"))
}

/// All members of an audience, as CSV.
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(crate) fn export(audience: AudienceId) -> ManagementRequest {
    get(EXPORT, format!("/v1/audiences/{}/memberships/export", audience.number()))
}

/// How many members an audience has.
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(crate) fn analytics(audience: AudienceId) -> ManagementRequest {
    get(ANALYTICS, format!("/v1/audiences/analytics?audienceIds={}", audience.number()))
}

/// A page of the profiles of these customers.
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(crate) fn customers<'a>(ids: impl Iterator<Item = &'a str>, page_size: usize, skip: usize) -> ManagementRequest {
    let mut body = "{\"integrationIDs\":[".to_owned();
    for (index, id) in ids.enumerate() {
        if index > 0 {
            body.push(',');
        }
        json::write_string(id, &mut body);
    }
    body.push_str("]}");
    post(CUSTOMERS, format!("/v1/customer_search/no_total?pageSize={page_size}&skip={skip}"), body)
}

/// Define an attribute of customer profiles. `api_type` is the type in Talon.One's own spelling.
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(crate) fn new_attribute(name: &str, api_type: &str, description: &str) -> ManagementRequest {
    let mut body = "{\"entity\":\"CustomerProfile\"".to_owned();
    for (member, value) in [("name", name), ("title", name), ("type", api_type), ("description", description)] {
        body.push(',');
        json::write_string(member, &mut body);
        body.push(':');
        json::write_string(value, &mut body);
    }
    body.push_str(",\"suggestions\":[],\"editable\":true}");
    post(NEW_ATTRIBUTE, NEW_ATTRIBUTE.1.to_owned(), body)
}

fn get(endpoint: Endpoint, path: String) -> ManagementRequest {
    request(endpoint, path, String::new())
}

fn post(endpoint: Endpoint, path: String, body: String) -> ManagementRequest {
    request(endpoint, path, body)
}

fn request((method, pattern): Endpoint, path: String, body: String) -> ManagementRequest {
    ManagementRequest(Looking {
        endpoint: (method, pattern),
        request: Request { method, path: path.into(), body, headers: Vec::new() },
    })
}
