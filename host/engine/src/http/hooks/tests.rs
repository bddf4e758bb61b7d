#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
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

/// Allows as many looks as it was given.
#[derive(Debug)]
struct Lapsing(AtomicUsize);

impl Clearance for Lapsing {
    fn check(&self) -> Result<(), String> {
        let left = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        left.map(drop).map_err(|_| "the lease is over".to_owned())
    }
}

#[tokio::test]
async fn a_request_without_clearance_does_not_leave_or_is_never_whole() {
    let server = TestServer::start(|_| Scripted::no_content()).await;
    for (looks, departed) in [(0, 0), (1, 1), (2, 2)] {
        let mut way = way_to(&server.url(), RateLimiter::unlimited());
        let network = way.hook.network.as_mut().unwrap();
        network.outgoing = network.outgoing.clone().cleared_by(Arc::new(Lapsing(AtomicUsize::new(looks))));
        let answer = way.send(request(&server.url(), "{}")).await;
        assert_eq!(answer.is_ok(), looks == 2, "{answer:?}");
        // One that loses it once it is on its way breaks off: the server has not got it.
        assert_eq!(server.seen().len(), usize::from(looks == 2));
        let call = way.hook.take_call();
        assert_eq!(call.requests, u64::from(departed > 0));
        if looks < 2 {
            assert!(call.cause.unwrap().contains("the lease is over"));
        }
    }
}

#[tokio::test]
async fn a_path_arrives_to_the_letter_or_not_at_all() {
    let server = TestServer::start(|_| Scripted::no_content()).await;
    let mut way = way_to(&server.url(), RateLimiter::unlimited());
    for path in
        ["/p/a%2Fb%5C%3F%25%0A", "/p/..%2F..%2Fx", "/p/%252E%252E", "/p/%C3%AB~.-_", "/p/...", "/p/a%20b?x=%2E%2E"]
    {
        way.send(request(&format!("{}{path}", server.url()), "{}")).await.unwrap();
        let seen = server.seen();
        let head = &seen.last().unwrap().head;
        assert!(head.starts_with(&format!("POST {path} HTTP/1.1\r\n")), "{path}: {head}");
    }
    let before = server.seen().len();
    for path in ["/p/..", "/p/%2E%2E", "/p/%2e./x", "/p/.", "/p/%2e"] {
        let answer = way.send(request(&format!("{}{path}", server.url()), "{}")).await;
        assert!(matches!(answer, Err(Error::HttpRequestDenied)), "{path}: {answer:?}");
        assert!(way.hook.take_call().cause.unwrap().contains("a step that HTTP clients follow"), "{path}");
    }
    assert_eq!(server.seen().len(), before);
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
    let next = tokio::time::timeout(Duration::from_millis(50), pace.acquire(&http::Method::GET, "/x", 1)).await;
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

#[tokio::test]
async fn an_answer_to_a_call_that_looks_is_pulled_whatever_its_length() {
    let body = "0123456789".repeat(20_000);
    let whole = body.clone();
    let server = TestServer::start(move |_| Scripted::whole("200 OK", "", &whole)).await;
    let mut way = way_to(&server.url(), RateLimiter::unlimited());
    way.hook.begin_looking();
    let answer = way.send(request(&server.url(), "")).await.unwrap();
    assert_eq!((way.traffic.counts().in_flight, way.traffic.counts().bytes_received), (1, 0));
    let (text, end) = read(answer).await;
    assert!(end.is_none() && text == body, "{end:?}, {} bytes", text.len());
    let counts = way.traffic.counts();
    assert_eq!((counts.in_flight, counts.bytes_received, counts.faults.len()), (0, 200_000, 0));
    // The next call of the instance is an ordinary one again.
    way.hook.take_call();
    let (text, end) = read(way.send(request(&server.url(), "")).await.unwrap()).await;
    assert!(matches!(end, Some(Error::HttpResponseBodySize(_))) && text.len() == 100, "{end:?}");
}

#[tokio::test]
async fn what_is_not_pulled_is_not_collected() {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 9999999999\r\n\r\n".to_owned();
    let server = TestServer::start(move |_| Scripted::Drip(head.clone(), "x".repeat(100_000))).await;
    let mut way = way_to(&server.url(), RateLimiter::unlimited());
    way.hook.begin_looking();
    let mut body = way.send(request(&server.url(), "")).await.unwrap().into_body();
    let mut pulled = 0;
    for _ in 0..3 {
        pulled += body.frame().await.unwrap().unwrap().into_data().unwrap().len() as u64;
    }
    // The server goes on for as long as anybody reads.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let counts = way.traffic.counts();
    assert_eq!((counts.bytes_received, counts.in_flight), (pulled, 1));
    drop(body);
    assert_eq!(way.traffic.counts().in_flight, 0, "a body that is given up is not in flight");
}

#[tokio::test]
async fn a_pulled_answer_that_breaks_off_or_stalls_is_a_fault() {
    let cut = "HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nhalf".to_owned();
    for (answer, kind) in [
        (Scripted::SendAndClose(cut.clone()), FaultKind::Incomplete),
        (Scripted::SendAndStall(cut), FaultKind::Stalled),
    ] {
        let server = TestServer::start(move |_| answer.clone()).await;
        let mut way = way_to(&server.url(), RateLimiter::unlimited());
        way.hook.begin_looking();
        let options = RequestOptions { between_bytes_timeout: Some(Duration::from_millis(50)), ..Default::default() };
        let (text, end) = read(way.send_with(request(&server.url(), ""), Some(options)).await.unwrap()).await;
        assert!(text == "half" && end.is_some(), "{text} {end:?}");
        let counts = way.traffic.counts();
        assert_eq!((counts.faults, counts.in_flight), (BTreeMap::from([(kind, 1)]), 0));
        assert!(way.hook.take_call().cause.is_some());
    }
}

#[tokio::test]
async fn time_in_which_nobody_reads_does_not_count() {
    let server = TestServer::start(|_| Scripted::whole("200 OK", "", &"x".repeat(1_000_000))).await;
    let mut way = way_to(&server.url(), RateLimiter::unlimited());
    way.hook.begin_looking();
    let options = RequestOptions { between_bytes_timeout: Some(Duration::from_secs(5)), ..Default::default() };
    let mut body = way.send_with(request(&server.url(), ""), Some(options)).await.unwrap().into_body();
    body.frame().await.unwrap().unwrap();
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(3600)).await;
    tokio::time::resume();
    let mut rest = 0;
    while let Some(frame) = body.frame().await {
        rest += frame.unwrap().into_data().unwrap().len();
    }
    assert!(rest > 0);
}

#[tokio::test]
async fn a_stop_ends_a_pulled_answer_once_its_grace_is_over() {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nhalf".to_owned();
    let server = TestServer::start(move |_| Scripted::SendAndStall(head.clone())).await;
    let stop = Stop::default();
    let mut way = way_to(&server.url(), RateLimiter::unlimited());
    way.hook.network.as_mut().unwrap().outgoing.stop = stop.clone();
    way.hook.begin_looking();
    let mut body = way.send(request(&server.url(), "")).await.unwrap().into_body();
    body.frame().await.unwrap().unwrap();
    stop.ask("SIGTERM");
    tokio::time::pause();
    assert!(body.frame().await.unwrap().is_err());
    assert_eq!(way.traffic.counts().faults, BTreeMap::from([(FaultKind::GivenUp, 1)]));
}

#[tokio::test]
async fn a_pulled_answer_repeats_no_secret_even_in_two_pieces() {
    let key = "0123-4567-key";
    let body = format!("{}{key}, {key}", "x".repeat(70_000));
    let head = format!("HTTP/1.1 200 OK\r\nx-echo: {key}\r\ncontent-length: {}\r\n\r\n", body.len());
    // In pieces of a few bytes.
    let server = TestServer::start(move |_| Scripted::Send(format!("{head}{body}"))).await;
    let mut way = way_to(&server.url(), RateLimiter::unlimited());
    let config: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&format!(r#"{{"api_key":"{key}"}}"#)).unwrap();
    let secret =
        crate::bindings::Secret { config_key: "api_key".to_owned(), used_in: crate::bindings::SecretUse::Headers };
    way.hook.network.as_mut().unwrap().secrets = Secrets::of(&config, &[secret]);
    way.hook.begin_looking();
    let answer = way.send(request(&server.url(), "")).await.unwrap();
    assert_eq!(answer.headers()["x-echo"], "kept-by-the-host-0");
    let (text, end) = read(answer).await;
    assert!(end.is_none() && text.ends_with("kept-by-the-host-0, kept-by-the-host-0"), "{end:?}");
}
