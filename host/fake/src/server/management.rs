//! The calls of the Management API: their query, and what they show and create. Nothing here deletes anything.

use std::borrow::Cow;
use std::sync::Arc;

use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use serde::Serialize;

use crate::api::attribute::{self, Attribute, Filter};
use crate::api::audience::{self, ShownAudience};
use crate::api::customer_profile::CustomerProfile;
use crate::api::error_body::Problem;
use crate::api::query::invalid;
use crate::api::search::SearchQuery;
use crate::deployment::audiences::{Audience, Audiences};
use crate::deployment::definitions::{Definition, NewAttribute};
use crate::lock::lock;
use crate::server::exchange::{Exchange, Refusal};
use crate::server::export::Export;
use crate::server::reply::{self, Reply};

/// A call of the Management API. IDs are as they stand in the path.
#[derive(Debug, Clone)]
pub(super) enum Call {
    Audiences,
    Members(String),
    Export(String),
    Analytics,
    Attributes,
    CreateAttribute,
    Search,
}

impl Call {
    /// What the rate limit counts by.
    pub(super) const fn endpoint(&self) -> &'static str {
        match self {
            Self::Audiences => "getAudiences",
            Self::Members(_) => "getAudienceMemberships",
            Self::Export(_) => "exportAudiencesMemberships",
            Self::Analytics => "getAudiencesAnalytics",
            Self::Attributes => "getAttributes",
            Self::CreateAttribute => "createAttribute",
            Self::Search => "getCustomersByAttributes",
        }
    }
}

pub(super) fn answer(call: Call, exchange: &Exchange) -> Result<Reply, Refusal> {
    match call {
        Call::Audiences => audiences(exchange),
        Call::Members(id) => members(exchange, &id),
        // The description gives this one's errors the type of its file.
        Call::Export(id) => export(exchange, &id).map_err(|refusal| refusal.with(CONTENT_TYPE, CSV)),
        Call::Analytics => analytics(exchange),
        Call::Attributes => attributes(exchange),
        Call::CreateAttribute => create_attribute(exchange),
        Call::Search => search(exchange),
    }
}

const CSV: HeaderValue = HeaderValue::from_static("application/csv");

/// Some of a list, and how much more there is.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct List<T> {
    #[serde(skip_serializing_if = "Option::is_none")]
    has_more: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_result_size: Option<usize>,
    data: Vec<T>,
}

/// `GET /v1/audiences`.
fn audiences(exchange: &Exchange) -> Result<Reply, Refusal> {
    let query = exchange.query(&["pageSize", "skip", "sort", "withTotalResultSize"])?;
    let (page, sort) = (query.page()?, query.sort(&["id", "name"])?);
    let with_total = query.flag("withTotalResultSize")?;
    let deployment = lock(&exchange.shared.deployment);
    let by_id = deployment.audiences.by_id();
    let mut all: Vec<_> = by_id.iter().map(|(id, audience)| ShownAudience::new(*id, audience)).collect();
    if let Some(sort) = sort {
        all.sort_by(|a, b| {
            sort.order(if sort.field == "name" { a.facts.name.cmp(&b.facts.name) } else { a.id.cmp(&b.id) })
        });
    }
    let (data, more) = page.of(all.into_iter());
    let (has_more, total_result_size) = if with_total { (None, Some(by_id.len())) } else { (Some(more), None) };
    Ok(reply::json_of(StatusCode::OK, &List { has_more, total_result_size, data }))
}

/// `GET /v1/audiences/{audienceId}/memberships`.
fn members(exchange: &Exchange, id: &str) -> Result<Reply, Refusal> {
    let query = exchange.query(&["pageSize", "skip", "sort", "profileQuery"])?;
    let (page, sort) = (query.page()?, query.sort(&["integrationId"])?);
    let deployment = lock(&exchange.shared.deployment);
    let filter = query.text("profileQuery").unwrap_or_default();
    let listed = found(&deployment.audiences, id)?.members.list().filter(|member| member.contains(filter));
    let (members, more) = match sort {
        None => page.of(listed),
        Some(sort) => {
            let mut all: Vec<Cow<'_, str>> = listed.collect();
            all.sort_by(|a, b| sort.order(a.cmp(b)));
            page.of(all.into_iter())
        }
    };
    let data = members.iter().filter_map(|member| CustomerProfile::of(&deployment, member)).collect();
    Ok(reply::json_of(StatusCode::OK, &List { has_more: Some(more), total_result_size: None, data }))
}

/// `GET /v1/audiences/{audienceId}/memberships/export`.
fn export(exchange: &Exchange, id: &str) -> Result<Reply, Refusal> {
    exchange.query(&[])?;
    let members = Arc::clone(&found(&lock(&exchange.shared.deployment).audiences, id)?.members);
    Ok(reply::streamed(CSV, Export::new(members)))
}

/// `GET /v1/audiences/analytics`.
fn analytics(exchange: &Exchange) -> Result<Reply, Refusal> {
    const MOST: usize = 1000;
    let query = exchange.query(&["sort", "audienceIds"])?;
    let sort = query.sort(&["audienceId", "membersCount"])?;
    query.required("audienceIds")?;
    let ids = query.numbers("audienceIds", MOST)?.unwrap_or_default();
    let mut data = audience::analytics(&lock(&exchange.shared.deployment).audiences, &ids);
    if let Some(sort) = sort {
        data.sort_by(|a, b| {
            sort.order(if sort.field == "membersCount" {
                a.members_count.cmp(&b.members_count)
            } else {
                a.audience_id.cmp(&b.audience_id)
            })
        });
    }
    Ok(reply::json_of(StatusCode::OK, &List { has_more: Some(false), total_result_size: None, data }))
}

/// `GET /v1/attributes`.
fn attributes(exchange: &Exchange) -> Result<Reply, Refusal> {
    const MOST: usize = 1000;
    let known = ["pageSize", "skip", "sort", "entity", "applicationIds", "loyaltyProgramIds", "type", "kind", "search"];
    let query = exchange.query(&known)?;
    let (page, sort) = (query.page()?, query.sort(&["id", "name"])?);
    // Attributes here are available in every application, and no loyalty program has cards.
    query.numbers("applicationIds", MOST)?;
    query.numbers("loyaltyProgramIds", MOST)?;
    let filter = Filter {
        entity: query.text("entity"),
        kind: query.text("type"),
        built_in: match query.text("kind") {
            None => None,
            Some("builtin") => Some(true),
            Some("custom") => Some(false),
            Some(other) => {
                return Err(invalid("kind", &format!("it must be builtin or custom, it is {other:?}")).into());
            }
        },
        search: query.text("search").unwrap_or_default().to_lowercase(),
    };
    let deployment = lock(&exchange.shared.deployment);
    let mut all: Vec<&Definition> = deployment.definitions.all().iter().filter(|one| filter.takes(one)).collect();
    if let Some(sort) = sort.filter(|sort| sort.field == "name") {
        all.sort_by(|a, b| sort.order(a.attribute.name.cmp(&b.attribute.name)));
    } else if sort.is_some_and(|sort| sort.descending) {
        all.reverse();
    }
    let total = all.len();
    let (data, _) = page.of(all.into_iter().map(Attribute::from));
    Ok(reply::json_of(StatusCode::OK, &List { has_more: None, total_result_size: Some(total), data }))
}

/// `POST /v1/attributes`.
fn create_attribute(exchange: &Exchange) -> Result<Reply, Refusal> {
    exchange.query(&[])?;
    let new: NewAttribute = exchange.object()?;
    let mut deployment = lock(&exchange.shared.deployment);
    let problems = attribute::problems(&new, &deployment.definitions);
    if !problems.is_empty() {
        return Err(problems.into());
    }
    let definition = deployment.definitions.add(new, false);
    Ok(reply::json_of(StatusCode::CREATED, &Attribute::from(&definition)))
}

/// `POST /v1/customer_search/no_total`.
fn search(exchange: &Exchange) -> Result<Reply, Refusal> {
    let query = exchange.query(&["pageSize", "skip", "sandbox"])?;
    let page = query.page()?;
    query.flag("sandbox")?;
    let wanted: SearchQuery = exchange.object()?;
    let deployment = lock(&exchange.shared.deployment);
    let (found, more) = page.of(wanted.found(&deployment).into_iter());
    let data = found.into_iter().filter_map(|id| CustomerProfile::of(&deployment, id)).collect();
    Ok(reply::json_of(StatusCode::OK, &List { has_more: Some(more), total_result_size: None, data }))
}

/// The audience of an ID as it stands in the path.
fn found<'a>(audiences: &'a Audiences, id: &str) -> Result<&'a Audience, Problem> {
    let number: i64 = id.parse().map_err(|_| {
        let details = format!("the audience ID in the path must be a whole number, it is {id:?}");
        Problem::request(StatusCode::BAD_REQUEST, "Invalid path", details)
    })?;
    audiences.get(number).ok_or_else(|| {
        let details = format!("there is no audience with ID {number}");
        Problem::request(StatusCode::NOT_FOUND, "Not found", details)
    })
}
