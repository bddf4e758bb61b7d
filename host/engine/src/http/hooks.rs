//! The plugin's requests on their way out: `wasi:http` on one side, the pooled client on the other.
//!
//! In this order: the body is taken whole, the policy is asked, secrets are put into the headers, the turn is waited for, the
//! request is sent, the answer is read up to a cap (or piece by piece, see `incoming`), and all of it is counted. What the plugin
//! is told is one of WASI's error codes; the words go to the log and to [`CallTraffic::cause`], because the codes have room for
//! few.

mod call;
mod incoming;
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

use self::incoming::{Incoming, Pulled};
use crate::http::clearance::Clearance;
use crate::http::client::answer::End;
use crate::http::client::{FaultKind, HttpClient, TransportFault};
use crate::http::egress::{self, Policy};
use crate::http::joined::Joined;
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
    /// Asked just before each request leaves; `None` where nothing but a stop holds one back.
    pub clearance: Option<Arc<dyn Clearance>>,
}

impl HttpContext {
    /// Requests at this pace, counted from zero.
    #[must_use]
    pub fn new(client: HttpClient, rate_limiter: Arc<RateLimiter>) -> Self {
        Self { client, rate_limiter, traffic: Arc::default(), stop: Stop::default(), clearance: None }
    }

    /// The same, until this stop is asked for.
    #[must_use]
    pub fn until(self, stop: Stop) -> Self {
        Self { stop, ..self }
    }

    /// The same, as long as this allows it.
    #[must_use]
    pub fn cleared_by(self, clearance: Arc<dyn Clearance>) -> Self {
        Self { clearance: Some(clearance), ..self }
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

/// An answer, its body as the plugin gets it.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: WasiBody,
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

    /// A call begins whose answers may be of any length.
    pub(crate) fn begin_looking(&self) {
        self.call.begin_looking();
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
        let Self { network, limits, call } = self;
        let (mut parts, body) = request.into_parts();
        // To the end before anything is refused: a plugin that finds its body closed under it does not ask why.
        let body = collect_request(body, limits.request_body).await?;
        let Some(Network { outgoing, policy, secrets }) = network else {
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
                call.denied(denial.to_string());
                return Err(Error::HttpRequestDenied);
            }
        };
        let path = parts.uri.path_and_query().map_or("", http::uri::PathAndQuery::as_str).to_owned();
        let path = path.as_str();
        if let Some(step) = egress::step(path) {
            let why = format!(
                "blocked request to {origin}: its path has the segment `{step}`, a step that HTTP clients follow before they send"
            );
            tracing::warn!("{why}");
            outgoing.traffic.denied();
            call.denied(why);
            return Err(Error::HttpRequestDenied);
        }
        if let Err(misplaced) = secrets.reveal(path, &mut parts.headers) {
            tracing::warn!("{misplaced}");
            outgoing.traffic.denied();
            call.denied(misplaced.to_string());
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
            departure = outgoing.rate_limiter.acquire(&parts.method, path, call.records_in(body.len())) => departure,
        };
        drop(waits);
        if let Some(Err(why)) = outgoing.clearance.as_ref().map(|clearance| clearance.check()) {
            tracing::warn!("{why}");
            call.denied(why);
            return Err(Error::HttpRequestDenied);
        }
        outgoing.traffic.departed(waiting.elapsed(), body.len());
        call.departed(&parts.method, path, &body);
        let in_flight = outgoing.traffic.in_flight();

        let sent = Instant::now();
        let (method, path) = (parts.method.clone(), path.to_owned());
        let request = http::Request::from_parts(parts, body);
        let reading = async {
            let mut answer = incoming::send(&outgoing, origin, request, options, &limits).await?;
            let whole = match call.long_answers() {
                true => None,
                false => Some(answer.body.collect().await),
            };
            Ok((answer, whole))
        };
        let answer = tokio::select! {
            biased;
            answer = reading => answer,
            () = outgoing.stop.grace_over() => Err(TransportFault::given_up(origin)),
        };
        let (answer, whole) = match answer {
            Ok(answer) => answer,
            Err(fault) => {
                tracing::warn!(%method, "{fault}");
                outgoing.traffic.failed(fault.kind);
                call.failed(&fault);
                return Err(code(&fault));
            }
        };
        let Incoming { status, mut headers, body } = answer;
        tracing::debug!(%origin, %method, status = status.as_u16(), took = ?sent.elapsed(), "answered");
        if status == StatusCode::TOO_MANY_REQUESTS {
            let asked = headers.get(RETRY_AFTER).and_then(|v| v.to_str().ok());
            let wait = asked.and_then(|v| retry_after(v, SystemTime::now()));
            tracing::info!(%origin, path, retry_after = asked, "too many requests: all workers wait");
            outgoing.rate_limiter.on_too_many_requests(&departure, wait);
        }
        secrets.conceal_headers(&mut headers);
        let body = match whole {
            Some((mut bytes, end)) => {
                outgoing.traffic.answered(status.as_u16(), bytes.len(), sent.elapsed());
                let cut = end_of(end, status, &limits, &call, &outgoing.traffic);
                secrets.conceal(&mut bytes);
                let data = (!bytes.is_empty()).then(|| Ok(Frame::data(bytes)));
                StreamBody::new(stream::iter(data.into_iter().chain(cut.map(Err)))).boxed_unsync()
            }
            None => {
                outgoing.traffic.answered(status.as_u16(), 0, sent.elapsed());
                call.answered(status);
                let HttpContext { traffic, stop, .. } = outgoing;
                let pulled = Pulled { body, secrets, call, traffic, stop, in_flight };
                StreamBody::new(pulled.frames()).boxed_unsync()
            }
        };
        Ok(Answer { status, headers, body })
    }
}

/// How the reading of a whole answer ended, counted; and what the plugin is told where it is not whole.
fn end_of(end: End, status: StatusCode, limits: &Limits, call: &CallLog, traffic: &Traffic) -> Option<Error> {
    match end {
        End::Whole => {
            call.answered(status);
            None
        }
        End::TooLong => {
            call.answered(status);
            Some(Error::HttpResponseBodySize(Some(limits.response_body as u64)))
        }
        End::Broken(fault) => {
            traffic.failed(fault.kind);
            call.failed(&fault);
            Some(code(&fault))
        }
    }
}

impl Answer {
    fn into_response(self, header_cap: usize) -> Result<http::Response<WasiBody>, Error> {
        let size: usize = self.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        if size > header_cap {
            return Err(Error::HttpResponseHeaderSectionSize(u32::try_from(size).ok()));
        }
        let mut response = http::Response::new(self.body);
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
