//! Requests to where a plugin may not call, or made as none may.

use waki::bindings::wasi::http::outgoing_handler;
use waki::bindings::wasi::http::types::{Fields, Method, OutgoingBody, OutgoingRequest, Scheme};

use crate::bindings::exports::etl::destination::destination::Failure;
use crate::failed;

/// Makes the request that the config names as `call`: a scheme, an authority and a path with spaces between them. What
/// became of it is told as the failure's message.
pub(crate) fn make(config: &str) -> Result<(), Failure> {
    let Some(call) = value(config, "call") else { return Ok(()) };
    let [scheme, authority, path] = call.split(' ').collect::<Vec<_>>()[..] else {
        return Err(failed(format!("{call:?} is no call")));
    };
    let key = value(config, "key").unwrap_or_default();
    let path = path.replace("KEY", key);
    let mut headers = vec![("x-key".to_owned(), format!("Key {key}").into_bytes())];
    headers.extend(value(config, "header").map(|name| (name.to_owned(), b"evil.example".to_vec())));
    let headers = Fields::from_list(&headers).map_err(|error| failed(format!("header refused: {error:?}")))?;
    let request = OutgoingRequest::new(headers);
    let scheme = match scheme {
        "https" => Scheme::Https,
        "http" => Scheme::Http,
        other => Scheme::Other(other.to_owned()),
    };
    let set = request
        .set_method(&Method::Get)
        .and_then(|()| request.set_scheme(Some(&scheme)))
        .and_then(|()| request.set_authority(Some(authority)))
        .and_then(|()| request.set_path_with_query(Some(&path)));
    set.map_err(|()| failed("address refused".to_owned()))?;
    let body = request.body().map_err(|()| failed("no body".to_owned()))?;
    let answer = outgoing_handler::handle(request, None).map_err(|error| failed(format!("not sent: {error}")))?;
    OutgoingBody::finish(body, None).map_err(|error| failed(format!("not sent: {error}")))?;
    loop {
        match answer.get() {
            None => answer.subscribe().block(),
            Some(Ok(Ok(response))) => return Err(failed(format!("answered with {}", response.status()))),
            Some(Ok(Err(error))) => return Err(failed(format!("no answer: {error}"))),
            Some(Err(())) => return Err(failed("the answer was taken before".to_owned())),
        }
    }
}

/// The text of a key of the config, which is an object of texts without escapes.
fn value<'a>(config: &'a str, key: &str) -> Option<&'a str> {
    let start = config.find(&format!("\"{key}\":\""))? + key.len() + 4;
    let rest = config.get(start..)?;
    rest.get(..rest.find('"')?)
}
