#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use http_body_util::{BodyExt, Full};

use super::*;
use crate::http::client::ClientSettings;
use crate::http::client::test_server::{Answer as Scripted, TestServer};
use crate::http::rate_limiter::Rate;
use crate::http::secrets::Secrets;

struct Way {
    hook: HttpHooks,
    traffic: Arc<Traffic>,
}

/// A way out to one server, with small limits.
fn way_to(url: &str, pace: Arc<RateLimiter>) -> Way {
    let outgoing = HttpContext::new(HttpClient::new(&ClientSettings::default()).unwrap(), pace);
    let policy = Policy::of_endpoints([("deployment_url", url)]).unwrap();
    let limits = Limits { request_body: 1000, response_body: 100, headers: 500, ..Limits::default() };
    let traffic = Arc::clone(&outgoing.traffic);
    Way { hook: HttpHooks::network(outgoing, Arc::new(policy), Secrets::default(), Arc::new(limits)), traffic }
}

fn request(url: &str, body: &str) -> http::Request<WasiBody> {
    let body = Full::new(Bytes::copy_from_slice(body.as_bytes())).map_err(|never| match never {}).boxed_unsync();
    http::Request::post(url).body(body).unwrap()
}

impl Way {
    /// As the plugin sees it: the answer, or WASI's error code.
    async fn send(&mut self, request: http::Request<WasiBody>) -> Result<http::Response<WasiBody>, Error> {
        self.send_with(request, None).await
    }

    async fn send_with(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
    ) -> Result<http::Response<WasiBody>, Error> {
        let sending = self.hook.send_request(request, options, Box::new(async { Ok(()) }));
        Box::into_pin(sending).await.map(|(answer, _)| answer)
    }
}

/// All of a body that came, and the error that ended it, if one did.
async fn read(answer: http::Response<WasiBody>) -> (String, Option<Error>) {
    let mut body = answer.into_body();
    let mut text = String::new();
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => text.push_str(std::str::from_utf8(&frame.into_data().unwrap()).unwrap()),
            Err(error) => return (text, Some(error)),
        }
    }
    (text, None)
}

#[tokio::test]
async fn a_request_goes_out_and_is_counted() {
    let server = TestServer::start(|_| Scripted::whole("200 OK", "", "fine")).await;
    let mut way = way_to(&server.url(), RateLimiter::unlimited());
    let mut made = request(&format!("{}/v2/things?a=b", server.url()), "{}");
    // What a plugin says of these is not believed.
    made.headers_mut().insert(HOST, "evil.example".parse().unwrap());
    made.headers_mut().insert(CONTENT_LENGTH, "999".parse().unwrap());
    let answer = way.send(made).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(matches!(read(answer).await, (text, None) if text == "fine"));

    let seen = server.seen();
    let [seen] = seen.as_slice() else { panic!("{seen:?}") };
    assert!(seen.head.starts_with("POST /v2/things?a=b HTTP/1.1\r\n"), "{}", seen.head);
    assert_eq!(seen.header("host"), [format!("127.0.0.1:{}", server.port())]);
    assert_eq!(seen.header("content-length"), ["2"]);
    assert_eq!(seen.body, "{}");

    let counts = way.traffic.counts();
    assert_eq!((counts.requests, counts.bytes_sent, counts.bytes_received), (1, 2, 4));
    assert_eq!(counts.statuses, BTreeMap::from([(200, 1)]));
    assert!(counts.faults.is_empty() && counts.denied == 0, "{counts:?}");
}

#[tokio::test]
async fn a_denied_request_never_leaves_and_is_told_why() {
    let (allowed, other) =
        (TestServer::start(|_| Scripted::no_content()).await, TestServer::start(|_| Scripted::no_content()).await);
    let mut way = way_to(&allowed.url(), RateLimiter::unlimited());
    let answer = way.send(request(&other.url(), "{}")).await;
    assert!(matches!(answer, Err(Error::HttpRequestDenied)), "{answer:?}");
    assert!(other.seen().is_empty() && allowed.seen().is_empty());
    assert_eq!((way.traffic.counts().denied, way.traffic.counts().requests), (1, 0));
    let why = way.hook.take_call().cause.unwrap();
    assert!(why.contains(&other.url()) && why.contains("egress policy"), "{why}");
}

#[tokio::test]
async fn an_offline_instance_sends_nothing() {
    let server = TestServer::start(|_| Scripted::no_content()).await;
    let hook = HttpHooks::offline(Arc::default());
    let mut way = Way { hook, traffic: Arc::default() };
    let answer = way.send(request(&server.url(), "")).await;
    assert!(matches!(answer, Err(Error::HttpRequestDenied)), "{answer:?}");
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_body_over_the_cap_stays_here() {
    let server = TestServer::start(|_| Scripted::no_content()).await;
    let mut way = way_to(&server.url(), RateLimiter::unlimited());
    assert!(way.send(request(&server.url(), &"x".repeat(1000))).await.is_ok());
    let answer = way.send(request(&server.url(), &"x".repeat(1001))).await;
    assert!(matches!(answer, Err(Error::HttpRequestBodySize(Some(1001)))), "{answer:?}");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_body_in_pieces_is_sent_as_one() {
    let server = TestServer::start(|_| Scripted::no_content()).await;
    let mut way = way_to(&server.url(), RateLimiter::unlimited());
    let pieces = ["one ", "two ", "", "three"].map(|piece| Ok(Frame::data(Bytes::from_static(piece.as_bytes()))));
    let body = StreamBody::new(stream::iter(pieces)).boxed_unsync();
    way.send(http::Request::put(server.url()).body(body).unwrap()).await.unwrap();
    let seen = server.seen();
    let [seen] = seen.as_slice() else { panic!("{seen:?}") };
    assert_eq!((seen.body.as_str(), seen.header("content-length")), ("one two three", vec!["13"]));
}

#[tokio::test]
async fn a_long_answer_is_cut_and_says_so() {
    let server = TestServer::start(|_| Scripted::whole("400 Bad Request", "", &"x".repeat(101))).await;
    let mut way = way_to(&server.url(), RateLimiter::unlimited());
    let answer = way.send(request(&server.url(), "")).await.unwrap();
    assert_eq!(answer.status(), 400);
    let (text, end) = read(answer).await;
    assert_eq!(text.len(), 100);
    assert!(matches!(end, Some(Error::HttpResponseBodySize(Some(100)))), "{end:?}");
}

#[tokio::test]
async fn an_answer_that_breaks_off_keeps_its_status() {
    let broken = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 50\r\n\r\nhalf";
    let server = TestServer::start(move |_| Scripted::SendAndClose(broken.to_owned())).await;
    let mut way = way_to(&server.url(), RateLimiter::unlimited());
    let answer = way.send(request(&server.url(), "")).await.unwrap();
    assert_eq!(answer.status(), 503);
    let (text, end) = read(answer).await;
    assert_eq!(text, "half");
    assert!(matches!(end, Some(Error::HttpResponseIncomplete)), "{end:?}");
    let counts = way.traffic.counts();
    assert_eq!(counts.statuses, BTreeMap::from([(503, 1)]));
    assert_eq!(counts.faults, BTreeMap::from([(FaultKind::Incomplete, 1)]));
}

#[tokio::test]
async fn an_answer_that_stalls_is_given_up() {
    let stalled = "HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhalf";
    let server = TestServer::start(move |_| Scripted::SendAndStall(stalled.to_owned())).await;
    let mut way = way_to(&server.url(), RateLimiter::unlimited());
    let impatient = RequestOptions { between_bytes_timeout: Some(Duration::from_millis(1)), ..Default::default() };
    let answer = way.send_with(request(&server.url(), ""), Some(impatient)).await.unwrap();
    assert_eq!(answer.status(), 200);
    let (_, end) = read(answer).await;
    assert!(matches!(end, Some(Error::ConnectionReadTimeout)), "{end:?}");
}

#[tokio::test]
async fn an_answer_that_drips_is_given_up_when_the_request_has_had_its_time() {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 50000\r\n\r\n";
    let server = TestServer::start(move |_| Scripted::Drip(head.to_owned(), "x".to_owned())).await;
    let mut way = way_to(&server.url(), RateLimiter::unlimited());
    let limit = Duration::from_millis(200);
    let options = RequestOptions {
        first_byte_timeout: Some(limit),
        between_bytes_timeout: Some(limit),
        ..RequestOptions::default()
    };
    let answer = way.send_with(request(&server.url(), ""), Some(options)).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(matches!(read(answer).await, (_, Some(Error::ConnectionReadTimeout))));
    let words = way.hook.take_call().cause.unwrap();
    assert!(words.ends_with("the answer did not end in time (it was not whole 200ms after the request)"), "{words}");
}

#[tokio::test]
async fn headers_over_the_cap_are_refused() {
    let server =
        TestServer::start(|_| Scripted::whole("200 OK", &format!("x-long: {}\r\n", "x".repeat(600)), "")).await;
    let mut way = way_to(&server.url(), RateLimiter::unlimited());
    let answer = way.send(request(&server.url(), "")).await;
    assert!(matches!(answer, Err(Error::HttpResponseHeaderSectionSize(Some(600..)))), "{answer:?}");
}

#[tokio::test]
async fn a_fault_becomes_its_code_and_its_words() {
    let server = TestServer::start(|_| Scripted::SendAndClose(String::new())).await;
    let mut way = way_to(&server.url(), RateLimiter::unlimited());
    let answer = way.send(request(&server.url(), "")).await;
    assert!(matches!(answer, Err(Error::ConnectionTerminated)), "{answer:?}");
    assert_eq!(way.traffic.counts().faults, BTreeMap::from([(FaultKind::Broken, 1)]));
    let words = way.hook.take_call().cause.unwrap();
    assert!(words.starts_with(&format!("{}: the connection broke", server.url())), "{words}");
}

#[tokio::test]
async fn a_429_holds_the_next_request_back() {
    let server = TestServer::start(|n| match n {
        0 => Scripted::whole("429 Too Many Requests", "retry-after: 3600\r\n", ""),
        _ => Scripted::no_content(),
    })
    .await;
    let pace = RateLimiter::new(Rate { per_second: NonZeroU32::new(1000), per_minute: None, records_per_minute: None });
    let mut way = way_to(&server.url(), Arc::clone(&pace));
    assert_eq!(way.send(request(&server.url(), "")).await.unwrap().status(), 429);
    // Another worker's turn does not come.
    let next = tokio::time::timeout(Duration::from_millis(50), pace.acquire(1)).await;
    assert!(next.is_err());
    assert_eq!(server.seen().len(), 1);
}

#[test]
fn every_fault_has_a_code() {
    let codes = [
        (FaultKind::NameNotResolved, "DnsError"),
        (FaultKind::Refused, "ConnectionRefused"),
        (FaultKind::Unreachable, "DestinationUnavailable"),
        (FaultKind::ConnectTimeout, "ConnectionTimeout"),
        (FaultKind::Certificate, "TlsCertificateError"),
        (FaultKind::Tls, "TlsProtocolError"),
        (FaultKind::AnswerTimeout, "HttpResponseTimeout"),
        (FaultKind::ProxyRefused, "DestinationIpProhibited"),
        (FaultKind::Unread, "InternalError(Some(\"it answered with success before"),
        (FaultKind::Protocol, "HttpProtocolError"),
        (FaultKind::Setup, "ConfigurationError"),
    ];
    for (kind, expected) in codes {
        let fault = TransportFault { kind, message: String::new() };
        assert!(format!("{:?}", code(&fault)).starts_with(expected), "{kind:?}");
    }
}
