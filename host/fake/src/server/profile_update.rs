//! `PUT /v2/customer_profiles/{integrationId}`.

use hyper::StatusCode;

use crate::api::error_body::Problem;
use crate::api::profile_update::{self, Query};
use crate::lock::lock;
use crate::server::exchange::{Exchange, Refusal};
use crate::server::idempotency;
use crate::server::reply::{self, Reply};

/// Updates one profile; `segment` is the path's last, as it was sent.
pub(super) fn update(exchange: &Exchange, segment: &str) -> Result<Reply, Refusal> {
    let id = profile_update::integration_id(segment)?;
    let query = Query::read(exchange.head.uri.query().unwrap_or_default())?;
    if lock(&exchange.shared.updates).too_many(segment) {
        let details = "Too many requests are updating this profile at the same time";
        return Err(Problem::request(StatusCode::CONFLICT, "Conflict", details).into());
    }
    let Some(body) = exchange.body()? else {
        return Ok(reply::json(
            StatusCode::OK,
            r#"{"effects":[],"createdCoupons":[],"createdReferrals":[]}"#.to_owned(),
        ));
    };
    let answered = idempotency::once(exchange, body, || {
        let answered = profile_update::update(&mut lock(&exchange.shared.deployment), &id, query, body);
        exchange.shared.recorder.applied(exchange.ticket, u32::from(answered.is_ok() && !query.dry), 0);
        answered
    })?;
    Ok(reply::json(StatusCode::OK, answered))
}
