//! Which call a request makes, and what Talon.One would do with it.
//!
//! The checks go from the outside in, as a server's do: host, path, method, rate, key, media type, size, body.

use hyper::header::{ALLOW, HeaderValue};
use hyper::{Method, StatusCode};

use crate::api::error_body::{ErrorBody, Problem};
use crate::api::path;
use crate::api::query::decoded;
use crate::server::exchange::{Exchange, Refusal};
use crate::server::key::Kind;
use crate::server::reply::{self, Reply};
use crate::server::{integration, management};

#[derive(Debug, Clone)]
enum Call {
    Integration(integration::Call),
    Management(management::Call),
}

impl Call {
    fn key(&self) -> Kind {
        match self {
            Self::Integration(_) => Kind::Integration,
            Self::Management(_) => Kind::Management,
        }
    }
}

impl From<integration::Call> for Call {
    fn from(call: integration::Call) -> Self {
        Self::Integration(call)
    }
}

impl From<management::Call> for Call {
    fn from(call: management::Call) -> Self {
        Self::Management(call)
    }
}

impl Exchange {
    /// Treats the request as Talon.One would, and notes what is answered.
    pub(crate) fn proper(&self, fault: Option<&'static str>) -> Reply {
        let reply = self.judged();
        self.note(Some(reply.status()), fault);
        reply
    }

    /// Treats the request as Talon.One would.
    pub(crate) fn judged(&self) -> Reply {
        self.treated().unwrap_or_else(|refusal| {
            let settings = &self.shared.settings;
            let body = ErrorBody::of(refusal.problems, settings.error_detail, settings.pointers);
            let mut reply = reply::error(&body);
            if let Some((name, value)) = refusal.header {
                reply.headers_mut().insert(name, value);
            }
            reply
        })
    }

    fn treated(&self) -> Result<Reply, Refusal> {
        self.host()?;
        let call = self.call()?;
        self.rate(match &call {
            Call::Integration(_) => None,
            Call::Management(call) => Some(call.endpoint()),
        })?;
        self.key(call.key())?;
        match call {
            Call::Integration(call) => integration::answer(call, self),
            Call::Management(call) => management::answer(call, self),
        }
    }

    fn call(&self) -> Result<Call, Refusal> {
        let path = self.head.uri.path();
        let segments: Option<Vec<String>> = path.split('/').skip(1).map(decoded).collect();
        let segments = segments.ok_or_else(|| {
            let details = format!("the path must be percent-encoded UTF-8, it is {path}");
            Problem::request(StatusCode::BAD_REQUEST, "Invalid path", details)
        })?;
        let mut calls = calls(&segments.iter().map(String::as_str).collect::<Vec<_>>());
        calls.extend(
            one_profile(path).map(|segment| (Method::PUT, integration::Call::Profile(segment.to_owned()).into())),
        );
        if calls.is_empty() {
            let details = format!("there is nothing at {path}");
            return Err(Problem::request(StatusCode::NOT_FOUND, "Not found", details).into());
        }
        let methods: Vec<&str> = calls.iter().map(|(method, _)| method.as_str()).collect();
        let allowed = methods.join(", ");
        if let Some((_, call)) = calls.into_iter().find(|(method, _)| *method == self.head.method) {
            return Ok(call);
        }
        let details = format!("this path takes {allowed}, not {}", self.head.method);
        let status = StatusCode::METHOD_NOT_ALLOWED;
        let refusal = Refusal::from(Problem::request(status, "Method not allowed", details));
        // Names of methods are plain text, so the other case is none.
        Err(refusal.with(ALLOW, HeaderValue::try_from(allowed).unwrap_or(HeaderValue::from_static("GET"))))
    }
}

/// What can be done at a path, given as its decoded segments.
fn calls(path: &[&str]) -> Vec<(Method, Call)> {
    use integration::Call as Integration;
    use management::Call as Management;
    match path {
        ["v2", "customer_profiles"] => vec![(Method::PUT, Integration::Profiles.into())],
        ["v2", "customer_audiences"] => vec![(Method::POST, Integration::Memberships.into())],
        ["v2", "authping"] => vec![(Method::GET, Integration::Authping.into())],
        ["v2", "audiences"] => vec![(Method::POST, Integration::CreateAudience.into())],
        ["v1", "customer_profiles", id, "inventory"] => {
            vec![(Method::GET, Integration::Inventory((*id).to_owned()).into())]
        }
        ["v1", "attributes"] => {
            vec![(Method::GET, Management::Attributes.into()), (Method::POST, Management::CreateAttribute.into())]
        }
        ["v1", "audiences"] => vec![(Method::GET, Management::Audiences.into())],
        ["v1", "audiences", "analytics"] => vec![(Method::GET, Management::Analytics.into())],
        ["v1", "audiences", id, "memberships"] => {
            vec![(Method::GET, Management::Members((*id).to_owned()).into())]
        }
        ["v1", "audiences", id, "memberships", "export"] => {
            vec![(Method::GET, Management::Export((*id).to_owned()).into())]
        }
        ["v1", "customer_search", "no_total"] => vec![(Method::POST, Management::Search.into())],
        _ => Vec::new(),
    }
}

/// The segment that names a profile: one alone, and no step, which a server or a client on the way would follow.
fn one_profile(path: &str) -> Option<&str> {
    let segment = path.strip_prefix(path::PROFILE)?;
    (!matches!(segment, "" | "." | "..") && !segment.contains('/')).then_some(segment)
}
