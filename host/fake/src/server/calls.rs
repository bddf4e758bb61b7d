//! Which call a request makes, and what Talon.One would do with it.
//!
//! The checks go from the outside in, as a server's do: host, rate, path, method, key, media type, size, body.

use hyper::header::{ALLOW, HeaderValue};
use hyper::{Method, StatusCode};

use crate::api::error_body::{ErrorBody, Problem};
use crate::api::path;
use crate::server::exchange::{Exchange, Refusal};
use crate::server::reply::{self, Reply};
use crate::server::{integration, profile_update};

#[derive(Debug, Clone, Copy)]
enum Call<'a> {
    Profiles,
    /// With the last segment of its path.
    Profile(&'a str),
    Audiences,
    Authping,
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
            reply.headers_mut().extend(refusal.header);
            reply
        })
    }

    fn treated(&self) -> Result<Reply, Refusal> {
        self.host()?;
        self.rate()?;
        let call = self.call()?;
        integration::key(self)?;
        match call {
            Call::Authping => Ok(reply::empty(StatusCode::NO_CONTENT)),
            Call::Profiles => integration::profiles(self),
            Call::Profile(segment) => profile_update::update(self, segment),
            Call::Audiences => integration::audiences(self),
        }
    }

    fn call(&self) -> Result<Call<'_>, Refusal> {
        let path = self.head.uri.path();
        let (call, method, allow) = match (path, one_profile(path)) {
            (path::PROFILES, _) => (Call::Profiles, Method::PUT, "PUT"),
            (path::AUDIENCES, _) => (Call::Audiences, Method::POST, "POST"),
            (path::AUTHPING, _) => (Call::Authping, Method::GET, "GET"),
            (_, Some(segment)) => (Call::Profile(segment), Method::PUT, "PUT"),
            (unknown, None) => {
                let details = format!("there is nothing at {unknown}");
                return Err(Problem::request(StatusCode::NOT_FOUND, "Not found", details).into());
            }
        };
        if self.head.method == method {
            return Ok(call);
        }
        let details = format!("this path takes {method}, not {}", self.head.method);
        let status = StatusCode::METHOD_NOT_ALLOWED;
        let refusal = Refusal::from(Problem::request(status, "Method not allowed", details));
        Err(refusal.with(ALLOW, HeaderValue::from_static(allow)))
    }
}

/// The segment that names a profile: one alone, and no step, which a server or a client on the way would follow.
fn one_profile(path: &str) -> Option<&str> {
    let segment = path.strip_prefix(path::PROFILE)?;
    (!matches!(segment, "" | "." | "..") && !segment.contains('/')).then_some(segment)
}
