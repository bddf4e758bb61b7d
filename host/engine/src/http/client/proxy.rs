//! The proxy on the way, for messages: which one it is, and what it said when it opened no way.
//!
//! `reqwest` finds it by the same rules, but tells neither its name nor its answer.

use std::fmt;
use std::time::Duration;

use http::HeaderValue;
use hyper_util::client::proxy::matcher::Matcher;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::http::egress::Origin;

/// How long a proxy is asked why it refuses.
const ASKING: Duration = Duration::from_secs(5);

/// The proxies of the system and the environment.
#[derive(Debug)]
pub(super) struct Proxies(Matcher);

impl Proxies {
    pub(super) fn of_the_system() -> Self {
        Self(Matcher::from_system())
    }

    /// The one that requests to an origin go through, if they go through one.
    pub(super) fn on_the_way_to(&self, origin: &Origin) -> Option<Proxy> {
        if origin.is_loopback() {
            return None;
        }
        let found = self.0.intercept(&origin.to_string().parse().ok()?)?;
        let uri = found.uri();
        Some(Proxy {
            scheme: uri.scheme_str().unwrap_or("http").to_owned(),
            host: uri.host()?.to_owned(),
            port: uri.port_u16(),
            authorization: found.basic_auth().cloned(),
        })
    }
}

/// A proxy. It is shown without the user name and password, and has no other way to be shown.
pub(super) struct Proxy {
    scheme: String,
    host: String,
    port: Option<u16>,
    authorization: Option<HeaderValue>,
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl Proxy {
    /// Ask once more for the way to an origin, to hear what the client did not tell: the status line of the refusal.
    /// None where it can't be heard; nothing is sent to the origin.
    pub(super) async fn refusal(&self, origin: &Origin) -> Option<String> {
        if self.scheme != "http" {
            return None;
        }
        tokio::time::timeout(ASKING, self.ask(origin)).await.ok()?
    }

    async fn ask(&self, origin: &Origin) -> Option<String> {
        let target = origin.authority();
        let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n").into_bytes();
        if let Some(authorization) = &self.authorization {
            request.extend_from_slice(b"Proxy-Authorization: ");
            request.extend_from_slice(authorization.as_bytes());
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"\r\n");
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        let mut stream = TcpStream::connect((host, self.port.unwrap_or(80))).await.ok()?;
        stream.write_all(&request).await.ok()?;
        let mut answer = Vec::new();
        while !answer.contains(&b'\n') && answer.len() < 1024 {
            if stream.read_buf(&mut answer).await.ok()? == 0 {
                break;
            }
        }
        let line = answer.split(|byte| matches!(byte, b'\r' | b'\n')).next()?;
        status_line(&String::from_utf8_lossy(line))
    }
}

/// `403 Forbidden` of `HTTP/1.1 403 Forbidden`; none of a success, and of what is no status line.
fn status_line(line: &str) -> Option<String> {
    let (version, rest) = line.split_once(' ')?;
    let code: u16 = rest.get(..3)?.parse().ok()?;
    if !version.starts_with("HTTP/") || (200..300).contains(&code) {
        return None;
    }
    let seen = |character: &char| !character.is_control() && *character != '\u{fffd}';
    Some(rest.chars().filter(seen).take(100).collect::<String>().trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_line_is_told_as_a_person_can_read_it() {
        for (line, told) in [
            ("HTTP/1.1 403 Forbidden", Some("403 Forbidden")),
            ("HTTP/1.0 502 Bad\u{1b}[31m Gateway ", Some("502 Bad[31m Gateway")),
            ("HTTP/1.1 407", Some("407")),
            ("HTTP/1.1 200 Connection established", None),
            ("SSH-2.0-OpenSSH_9.2", None),
            ("", None),
        ] {
            assert_eq!(status_line(line).as_deref(), told, "{line:?}");
        }
    }
}
