//! Which requests a limit is for: a method, and a path in which a segment may be any.

use http::Method;

/// A method and the form of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    method: Method,
    /// None: any.
    segments: Vec<Option<String>>,
}

/// A text that is no route.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RouteError {
    /// The method can't stand in a request.
    #[error("\"{0}\" is not a method: expected upper case, such as GET")]
    Method(String),
    /// The path has another form.
    #[error(
        "\"{0}\" is not a path: expected one that begins with a slash and has no query, such as /v1/things/*/parts"
    )]
    Path(String),
}

impl Route {
    /// From a method and a path such as `/v1/things/*/parts`, where `*` stands for one whole segment.
    ///
    /// # Errors
    /// What is wrong with one of the two.
    pub fn new(method: &str, path: &str) -> Result<Self, RouteError> {
        let upper = !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase());
        let parsed = Method::from_bytes(method.as_bytes()).ok().filter(|_| upper);
        let parsed = parsed.ok_or_else(|| RouteError::Method(method.to_owned()))?;
        let segments = path.strip_prefix('/').filter(|rest| !rest.contains(['?', '#']));
        let segments = segments.ok_or_else(|| RouteError::Path(path.to_owned()))?;
        let segments = segments.split('/').map(|segment| (segment != "*").then(|| segment.to_owned())).collect();
        Ok(Self { method: parsed, segments })
    }

    /// Whether a request is of this route. Its path may have a query, which does not matter.
    pub(super) fn matches(&self, method: &Method, path: &str) -> bool {
        let path = path.split('?').next().unwrap_or_default();
        let Some(segments) = path.strip_prefix('/') else { return false };
        let mut theirs = segments.split('/');
        let fits =
            |ours: &Option<String>| theirs.next().is_some_and(|theirs| ours.as_ref().is_none_or(|ours| ours == theirs));
        *method == self.method && self.segments.iter().all(fits) && theirs.next().is_none()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    #[test]
    fn a_star_is_one_segment_and_a_query_does_not_matter() {
        let route = Route::new("GET", "/v1/audiences/*/memberships").unwrap();
        for (method, path, is_of_it) in [
            (Method::GET, "/v1/audiences/42/memberships", true),
            (Method::GET, "/v1/audiences/42/memberships?pageSize=1000", true),
            (Method::GET, "/v1/audiences/a%2Fb/memberships", true),
            (Method::GET, "/v1/audiences//memberships", true),
            (Method::POST, "/v1/audiences/42/memberships", false),
            (Method::GET, "/v1/audiences/42", false),
            (Method::GET, "/v1/audiences/4/2/memberships", false),
            (Method::GET, "/v1/audiences/42/memberships/", false),
            (Method::GET, "/v1/audiences/42/memberships/export", false),
            (Method::GET, "/V1/audiences/42/memberships", false),
            (Method::GET, "v1/audiences/42/memberships", false),
            (Method::GET, "", false),
        ] {
            assert_eq!(route.matches(&method, path), is_of_it, "{method} {path}");
        }
    }

    #[test]
    fn what_is_no_route_is_named() {
        for (method, path, named) in [
            ("get", "/v1", "\"get\""),
            ("", "/v1", "\"\""),
            ("GE T", "/v1", "\"GE T\""),
            ("GET", "v1", "\"v1\""),
            ("GET", "/v1?x", "query"),
        ] {
            let error = Route::new(method, path).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}
