//! The requests of the Integration API that look at a customer and create an audience.

use destination_toolkit::http::{Method, Request, percent_encoded};
use destination_toolkit::value::json;

use super::request::Looking;

/// A request for the Integration API, and for no other.
pub(crate) struct IntegrationRequest(Looking);

impl IntegrationRequest {
    pub(super) fn looking(&self) -> &Looking {
        &self.0
    }
}

/// One profile, its attributes and its audiences. None for an ID that no URL can name: `.` and `..` are taken out of a path by
/// whoever reads it.
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(crate) fn inventory(integration_id: &str) -> Option<IntegrationRequest> {
    let path = match integration_id {
        "" | "." | ".." => return None,
        id => format!("/v1/customer_profiles/{}/inventory?profile=true", percent_encoded(id)),
    };
    let request = Request { method: Method::Get, path: path.into(), body: String::new(), headers: Vec::new() };
    Some(IntegrationRequest(Looking { endpoint: (Method::Get, "/v1/customer_profiles/*/inventory"), request }))
}

/// Create an audience. Names need not differ: a second request makes a second audience.
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(crate) fn new_audience(name: &str) -> IntegrationRequest {
    const PATH: &str = "/v2/audiences";
    let mut body = "{\"name\":".to_owned();
    json::write_string(name, &mut body);
    body.push('}');
    let request = Request { method: Method::Post, path: PATH.into(), body, headers: Vec::new() };
    IntegrationRequest(Looking { endpoint: (Method::Post, PATH), request })
}
