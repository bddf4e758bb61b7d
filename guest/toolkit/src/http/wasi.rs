//! wasi:http, through waki's bindings.
//!
//! waki's own client sets a connect timeout and no other, and reads bodies without a limit. The plugin must not hang on an
//! engine that has no timeouts of its own, nor fill its memory with what a server sends: requests are made here.

use waki::ErrorCode;
use waki::bindings::wasi::http::outgoing_handler;
use waki::bindings::wasi::http::types::{
    Fields, FutureIncomingResponse, IncomingBody as HttpBody, IncomingResponse, Method as HttpMethod, OutgoingBody,
    OutgoingRequest, RequestOptions, Scheme as HttpScheme,
};
use waki::bindings::wasi::io::error::Error as IoError;
use waki::bindings::wasi::io::streams::{InputStream, StreamError};

use super::{
    BodyReader, Connection, Headers, Incoming, Method, Network, Request, Response, Scheme, Transport, TransportError,
    TransportErrorKind,
};
use crate::clock::WasiClock;

const NANOSECONDS_A_MILLISECOND: u64 = 1_000_000;

/// HTTP over the engine, to one server.
pub struct WasiTransport(Connection);

impl WasiTransport {
    /// To this server.
    #[must_use]
    pub fn new(connection: Connection) -> Self {
        Self(connection)
    }
}

impl Transport for WasiTransport {
    fn send(&mut self, request: &Request) -> Result<Response, TransportError> {
        let answer = open(&self.0, request)?;
        Ok(answer.collect(self.0.request_timeout_ms, &mut WasiClock))
    }
}

/// HTTP over the engine, to any server of a config.
#[derive(Clone, Copy, Debug, Default)]
pub struct WasiNetwork;

impl Network for WasiNetwork {
    fn open(&mut self, connection: &Connection, request: &Request) -> Result<Incoming, TransportError> {
        open(connection, request)
    }
}

fn open(connection: &Connection, request: &Request) -> Result<Incoming, TransportError> {
    let outgoing = OutgoingRequest::new(headers_of(connection, request)?);
    let method = match request.method {
        Method::Get => HttpMethod::Get,
        Method::Put => HttpMethod::Put,
        Method::Post => HttpMethod::Post,
        Method::Patch => HttpMethod::Patch,
        Method::Delete => HttpMethod::Delete,
    };
    let scheme = match connection.scheme {
        Scheme::Http => HttpScheme::Http,
        Scheme::Https => HttpScheme::Https,
    };
    outgoing
        .set_method(&method)
        .and_then(|()| outgoing.set_scheme(Some(&scheme)))
        .and_then(|()| outgoing.set_authority(Some(&connection.authority)))
        .and_then(|()| outgoing.set_path_with_query(Some(&request.path)))
        .map_err(|()| denied("the engine does not take the request's address"))?;
    let body = outgoing.body().map_err(|()| denied("the engine does not give the request a body"))?;
    let answer = outgoing_handler::handle(outgoing, Some(options_of(connection))).map_err(of_code)?;
    let written = write(body, request.body.as_bytes());
    // A server may refuse a request before it has read all of it, and hang up: its answer says more than the broken pipe.
    // But it cannot have accepted what it has not read.
    let response = receive(&answer)?;
    let status = response.status();
    if (200..300).contains(&status) {
        written?;
    }
    let headers = headers(&response);
    let body = WasiBody::of(&response).ok_or_else(|| reset("the answer's body cannot be read"))?;
    Ok(Incoming { status, headers, body: Box::new(body) })
}

fn headers_of(connection: &Connection, request: &Request) -> Result<Fields, TransportError> {
    let headers: Vec<(String, Vec<u8>)> =
        connection.headers(request).into_iter().map(|(name, value)| (name.to_owned(), value.into_bytes())).collect();
    // The headers hold a secret: the error's own words stay out of the message.
    Fields::from_list(&headers).map_err(|_| denied("the engine does not take the request's headers"))
}

fn options_of(connection: &Connection) -> RequestOptions {
    let nanoseconds = |milliseconds: u64| Some(milliseconds.saturating_mul(NANOSECONDS_A_MILLISECOND));
    let answer = nanoseconds(connection.request_timeout_ms);
    let options = RequestOptions::new();
    // An engine may have no timeouts to set; then its own apply.
    let _ = options.set_connect_timeout(nanoseconds(connection.connect_timeout_ms));
    let _ = options.set_first_byte_timeout(answer);
    let _ = options.set_between_bytes_timeout(answer);
    options
}

fn write(body: OutgoingBody, mut rest: &[u8]) -> Result<(), TransportError> {
    if !rest.is_empty() {
        let stream = body.write().map_err(|()| reset("the request's body cannot be written"))?;
        let ready = stream.subscribe();
        while !rest.is_empty() {
            ready.block();
            let room = stream.check_write().map_err(of_stream)?;
            let (chunk, after) = rest.split_at(rest.len().min(usize::try_from(room).unwrap_or(usize::MAX)));
            stream.write(chunk).map_err(of_stream)?;
            rest = after;
        }
    }
    OutgoingBody::finish(body, None).map_err(of_code)
}

fn receive(answer: &FutureIncomingResponse) -> Result<IncomingResponse, TransportError> {
    loop {
        match answer.get() {
            Some(Ok(response)) => return response.map_err(of_code),
            Some(Err(())) => return Err(reset("the response was taken before")),
            None => answer.subscribe().block(),
        }
    }
}

/// A body of which the engine holds what has not been read. The fields are dropped in their order: the stream is the body's.
struct WasiBody {
    stream: InputStream,
    _body: HttpBody,
}

impl WasiBody {
    fn of(response: &IncomingResponse) -> Option<Self> {
        let body = response.consume().ok()?;
        let stream = body.stream().ok()?;
        Some(Self { stream, _body: body })
    }
}

impl BodyReader for WasiBody {
    fn read(&mut self, at_most: usize) -> Result<Option<Vec<u8>>, TransportError> {
        match self.stream.blocking_read(u64::try_from(at_most).unwrap_or(u64::MAX)) {
            Ok(piece) => Ok(Some(piece)),
            Err(StreamError::Closed) => Ok(None),
            Err(StreamError::LastOperationFailed(error)) => Err(of_words(&error)),
        }
    }
}

fn headers(response: &IncomingResponse) -> Headers {
    let fields = response.headers();
    let first = |name: &str| {
        let value = fields.get(&name.to_owned()).into_iter().next()?;
        Some(String::from_utf8_lossy(&value).into_owned())
    };
    Headers {
        retry_after: first("retry-after"),
        content_type: first("content-type"),
        content_encoding: first("content-encoding"),
        location: first("location"),
        server: first("server"),
    }
}

fn denied(detail: &str) -> TransportError {
    TransportError { kind: TransportErrorKind::Denied, detail: detail.to_owned() }
}

fn reset(detail: &str) -> TransportError {
    TransportError { kind: TransportErrorKind::Reset, detail: detail.to_owned() }
}

fn of_stream(error: StreamError) -> TransportError {
    match error {
        StreamError::Closed => reset("the connection was closed while the request was sent"),
        StreamError::LastOperationFailed(error) => of_words(&error),
    }
}

/// An error of a stream. Its code could be had, but to read all codes once more takes more room than the rest of this file.
fn of_words(error: &IoError) -> TransportError {
    let detail = error.to_debug_string();
    let words = detail.to_ascii_lowercase();
    let timed_out = words.contains("timeout") || words.contains("timed out");
    TransportError { kind: if timed_out { TransportErrorKind::Timeout } else { TransportErrorKind::Reset }, detail }
}

/// What an engine's error means, in a person's words. Engines use few of the codes, and put the rest into
/// `InternalError`.
fn of_code(error: ErrorCode) -> TransportError {
    let (kind, detail) = match error {
        ErrorCode::DnsTimeout | ErrorCode::DnsError(_) | ErrorCode::DestinationNotFound => {
            (TransportErrorKind::Connect, "its name cannot be found")
        }
        ErrorCode::ConnectionRefused => (TransportErrorKind::Connect, "it refuses connections"),
        ErrorCode::DestinationUnavailable | ErrorCode::DestinationIpUnroutable | ErrorCode::ConnectionLimitReached => {
            (TransportErrorKind::Connect, "it cannot be reached")
        }
        ErrorCode::TlsProtocolError | ErrorCode::TlsAlertReceived(_) => {
            (TransportErrorKind::Connect, "the TLS handshake failed")
        }
        ErrorCode::ConnectionTimeout => (TransportErrorKind::ConnectTimeout, "the connection took too long"),
        ErrorCode::ConnectionReadTimeout | ErrorCode::HttpResponseTimeout => {
            (TransportErrorKind::Timeout, "the answer took too long")
        }
        ErrorCode::ConnectionWriteTimeout => (TransportErrorKind::Timeout, "sending took too long"),
        ErrorCode::HttpRequestDenied => (TransportErrorKind::Denied, "the engine does not allow it"),
        ErrorCode::DestinationIpProhibited => (TransportErrorKind::Denied, "a proxy or the network does not allow it"),
        ErrorCode::TlsCertificateError => (TransportErrorKind::Denied, "its certificate is not trusted"),
        ErrorCode::HttpRequestUriInvalid
        | ErrorCode::HttpRequestUriTooLong
        | ErrorCode::HttpRequestMethodInvalid
        | ErrorCode::HttpRequestLengthRequired
        | ErrorCode::HttpRequestHeaderSectionSize(_)
        | ErrorCode::HttpRequestHeaderSize(_)
        | ErrorCode::LoopDetected
        | ErrorCode::ConfigurationError => (TransportErrorKind::Denied, "the engine cannot send it"),
        ErrorCode::InternalError(Some(detail)) => return reset(&detail),
        _ => (TransportErrorKind::Reset, "truncated or invalid response"),
    };
    TransportError { kind, detail: detail.to_owned() }
}
