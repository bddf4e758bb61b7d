//! The plugin's requests on their way out: `wasi:http` on one side, the pooled client on the other.
//!
//! In this order: the body is taken whole, the policy is asked, secrets are put into the headers, the turn is waited for, the
//! request is sent, the answer is read up to a cap, and all of it is counted. What the plugin is told is one of WASI's error codes; the words go to the
//! log and to [`CallTraffic::cause`], because the codes have room for few.

mod call;
mod traffic;

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use futures::stream;
use http::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderName, PROXY_AUTHORIZATION, RETRY_AFTER, TE, TRAILER, TRANSFER_ENCODING,
    UPGRADE,
};
use http::{HeaderMap, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

pub(crate) use call::CallLog;
pub use call::CallTraffic;
pub use traffic::{Counts, Durations, Traffic};

use crate::http::client::answer::{End, Joined, Patience, collect};
use crate::http::client::{CONNECT_TIMEOUT, FaultKind, HttpClient, TransportFault};
use crate::http::egress::{Origin, Policy};
use crate::http::rate_limiter::{RateLimiter, retry_after};
use crate::http::secrets::Secrets;
use crate::limits::Limits;
use crate::stop::Stop;

/// Headers that say where a request goes, where it ends and what becomes of its connection: the client writes them itself,
/// from where it really sends and what.
const NOT_THE_PLUGINS: [HeaderName; 10] = [
    HOST,
    CONTENT_LENGTH,
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// What the requests of one deployment go through, whichever plugin instance makes them.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct HttpContext {
    /// The process's client.
    pub client: HttpClient,
    /// The deployment's pace.
    pub rate_limiter: Arc<RateLimiter>,
    /// Where the requests are counted.
    pub traffic: Arc<Traffic>,
    /// Once it is asked for, no request leaves; those that are under way get a while to finish.
    pub stop: Stop,
}

impl HttpContext {
    /// Requests at this pace, counted from zero.
    #[must_use]
    pub fn new(client: HttpClient, rate_limiter: Arc<RateLimiter>) -> Self {
        Self { client, rate_limiter, traffic: Arc::default(), stop: Stop::default() }
    }

    /// The same, until this stop is asked for.
    #[must_use]
    pub fn until(self, stop: Stop) -> Self {
        Self { stop, ..self }
    }
}

/// One plugin instance's way out.
#[derive(Clone)]
pub(crate) struct HttpHooks {
    /// None for an instance that only computes.
    network: Option<Network>,
    limits: Arc<Limits>,
    call: CallLog,
}

#[derive(Clone)]
struct Network {
    outgoing: HttpContext,
    policy: Arc<Policy>,
    secrets: Secrets,
}

/// An answer, or as much of it as came.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    /// Why there is no more of the body, where there should be.
    cut: Option<Error>,
}

impl HttpHooks {
    /// For an instance that may send, to where the policy says.
    pub(crate) fn network(outgoing: HttpContext, policy: Arc<Policy>, secrets: Secrets, limits: Arc<Limits>) -> Self {
        Self { network: Some(Network { outgoing, policy, secrets }), limits, call: CallLog::default() }
    }

    /// For an instance that may not send anything.
    pub(crate) fn offline(limits: Arc<Limits>) -> Self {
        Self { network: None, limits, call: CallLog::default() }
    }

    /// The same way out for one more instance.
    pub(crate) fn for_instance(&self) -> Self {
        Self { call: CallLog::default(), ..self.clone() }
    }

    /// What the calls of this instance do on the wire.
    pub(crate) fn call_log(&self) -> CallLog {
        self.call.clone()
    }

    /// A call begins that is to send so many records, of so many bytes together.
    pub(crate) fn begin_call(&self, records: usize, bytes: usize) {
        self.call.begin(records, bytes);
    }

    /// What the last call did; the next one starts from nothing.
    pub(crate) fn take_call(&self) -> CallTraffic {
        self.call.take()
    }

    /// What ends the plugin's waits. For an instance that only computes it is never asked for.
    pub(crate) fn stop(&self) -> Stop {
        self.network.as_ref().map_or_else(Stop::default, |network| network.outgoing.stop.clone())
    }

    async fn send(self, request: http::Request<WasiBody>, options: RequestOptions) -> Result<Answer, Error> {
        let (mut parts, body) = request.into_parts();
        // To the end before anything is refused: a plugin that finds its body closed under it does not ask why.
        let body = collect_request(body, self.limits.request_body).await?;
        let Some(Network { outgoing, policy, secrets }) = self.network else {
            tracing::warn!("the plugin made a request in a call that needs none");
            return Err(Error::HttpRequestDenied);
        };
        let scheme = parts.uri.scheme_str().unwrap_or_default();
        let authority = parts.uri.authority().map_or("", |a| a.as_str());
        let origin = match policy.check(scheme, authority) {
            Ok(origin) => origin,
            Err(denial) => {
                tracing::warn!("{denial}");
                outgoing.traffic.denied();
                self.call.denied(denial.to_string());
                return Err(Error::HttpRequestDenied);
            }
        };
        let path = parts.uri.path_and_query().map_or("", http::uri::PathAndQuery::as_str);
        if let Err(misplaced) = secrets.reveal(path, &mut parts.headers) {
            tracing::warn!("{misplaced}");
            outgoing.traffic.denied();
            self.call.denied(misplaced.to_string());
            return Err(Error::HttpRequestDenied);
        }
        for name in &NOT_THE_PLUGINS {
            parts.headers.remove(name);
        }
        // One of them is a key; marked so, none is shown by a library that logs what it sends.
        parts.headers.values_mut().for_each(|value| value.set_sensitive(true));

        let waiting = Instant::now();
        let waits = outgoing.traffic.waits();
        let departure = tokio::select! {
            biased;
            // The run is over: the plugin learns that no more goes out, and ends its call.
            _ = outgoing.stop.wait() => return Err(Error::HttpRequestDenied),
            departure = outgoing.rate_limiter.acquire(self.call.records_in(body.len())) => departure,
        };
        drop(waits);
        outgoing.traffic.departed(waiting.elapsed(), body.len());
        self.call.departed(&parts.method, path, &body);
        let _flies = outgoing.traffic.in_flight();

        let sent = Instant::now();
        let method = parts.method.clone();
        let request = http::Request::from_parts(parts, body);
        let answer = tokio::select! {
            biased;
            answer = exchange(&outgoing.client, origin, request, options, &self.limits) => answer,
            () = outgoing.stop.grace_over() => Err(TransportFault::given_up(origin)),
        };
        match &answer {
            Ok((answer, fault)) => {
                tracing::debug!(%origin, %method, status = answer.status.as_u16(), took = ?sent.elapsed(), "answered");
                outgoing.traffic.answered(answer.status.as_u16(), answer.body.len(), sent.elapsed());
                match fault {
                    Some(fault) => {
                        outgoing.traffic.failed(fault.kind);
                        self.call.failed(fault);
                    }
                    None => self.call.answered(answer.status),
                }
                if answer.status == StatusCode::TOO_MANY_REQUESTS {
                    let asked = answer.headers.get(RETRY_AFTER).and_then(|v| v.to_str().ok());
                    let wait = asked.and_then(|v| retry_after(v, SystemTime::now()));
                    tracing::info!(%origin, retry_after = asked, "too many requests: all workers wait");
                    outgoing.rate_limiter.on_too_many_requests(departure, wait);
                }
            }
            Err(fault) => {
                tracing::warn!(%method, "{fault}");
                outgoing.traffic.failed(fault.kind);
                self.call.failed(fault);
            }
        }
        let (mut answer, _) = answer.map_err(|fault| code(&fault))?;
        secrets.conceal(&mut answer.headers, &mut answer.body);
        Ok(answer)
    }
}

/// Send one request and read the answer, up to the limits.
async fn exchange(
    client: &HttpClient,
    origin: &Origin,
    request: http::Request<Bytes>,
    options: RequestOptions,
    limits: &Limits,
) -> Result<(Answer, Option<TransportFault>), TransportFault> {
    let connect = options.connect_timeout.unwrap_or(CONNECT_TIMEOUT);
    let first_byte = options.first_byte_timeout.unwrap_or(limits.first_byte);
    let between_bytes = options.between_bytes_timeout.unwrap_or(limits.between_bytes);

    // An answer is small: it is whole within the longer of the two limits, or it drips.
    let patience = Patience::from_now(between_bytes, first_byte.max(between_bytes));
    let response = client.send(origin, request, connect, first_byte).await?;
    let (head, body) = response.into_parts();
    let (body, end) = collect(origin, body, limits.response_body, &patience).await;
    let (cut, fault) = match end {
        End::Whole => (None, None),
        End::TooLong => (Some(Error::HttpResponseBodySize(Some(limits.response_body as u64))), None),
        End::Broken(fault) => (Some(code(&fault)), Some(fault)),
    };
    Ok((Answer { status: head.status, headers: head.headers, body, cut }, fault))
}

impl Answer {
    fn into_response(self, header_cap: usize) -> Result<http::Response<WasiBody>, Error> {
        let size: usize = self.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        if size > header_cap {
            return Err(Error::HttpResponseHeaderSectionSize(u32::try_from(size).ok()));
        }
        let data = (!self.body.is_empty()).then(|| Ok(Frame::data(self.body)));
        let frames = data.into_iter().chain(self.cut.map(Err));
        let mut response = http::Response::new(StreamBody::new(stream::iter(frames)).boxed_unsync());
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        Ok(response)
    }
}

/// The whole body of a request. One that is too large is read to its end all the same, and dropped.
async fn collect_request(mut body: WasiBody, cap: usize) -> Result<Bytes, Error> {
    let mut whole = Joined::default();
    let mut size = 0;
    while let Some(frame) = body.frame().await {
        // Trailers are of no use to a request that is sent with its length.
        let Ok(data) = frame?.into_data() else { continue };
        size += data.len();
        if size <= cap {
            whole.push(data);
        }
    }
    if size > cap {
        tracing::warn!("a request's body of {size} bytes is over the {cap} bytes that the host lets out");
        return Err(Error::HttpRequestBodySize(Some(size as u64)));
    }
    Ok(whole.finish())
}

/// The nearest of WASI's codes.
fn code(fault: &TransportFault) -> Error {
    match fault.kind {
        FaultKind::NameNotResolved => Error::DnsError { rcode: Some("name not found".to_owned()), info_code: None },
        FaultKind::Refused => Error::ConnectionRefused,
        FaultKind::Unreachable => Error::DestinationUnavailable,
        FaultKind::ProxyRefused => Error::DestinationIpProhibited,
        FaultKind::ConnectTimeout => Error::ConnectionTimeout,
        FaultKind::Certificate => Error::TlsCertificateError,
        FaultKind::Tls => Error::TlsProtocolError,
        FaultKind::Broken | FaultKind::GivenUp => Error::ConnectionTerminated,
        // There is no code for it; the plugin repeats what it is told in words.
        FaultKind::Unread => {
            Error::InternalError(Some("it answered with success before it had read the whole request".to_owned()))
        }
        FaultKind::Incomplete => Error::HttpResponseIncomplete,
        FaultKind::AnswerTimeout => Error::HttpResponseTimeout,
        FaultKind::Stalled => Error::ConnectionReadTimeout,
        FaultKind::Protocol => Error::HttpProtocolError,
        FaultKind::Setup => Error::ConfigurationError,
    }
}

type Sending = dyn Future<Output = Result<(http::Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>), Error>>
    + Send;

impl WasiHttpHooks for HttpHooks {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _unused_by_wasi_0_2: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<Sending> {
        let hook = self.clone();
        let header_cap = self.limits.headers;
        let call = self.call.clone();
        Box::new(async move {
            let answer = hook.send(request, options.unwrap_or_default()).await;
            call.ended_one();
            let answer = answer?;
            let nothing_left_to_do = Box::new(async { Ok(()) });
            Ok((answer.into_response(header_cap)?, nothing_left_to_do as _))
        })
    }

    fn set_host_header(&mut self) -> bool {
        false
    }

    /// A body crosses in one write, however large it may be.
    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        self.limits.request_body
    }
}

#[cfg(test)]
mod tests;
