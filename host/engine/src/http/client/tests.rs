#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use http_body_util::BodyExt;
use rcgen::{CertifiedIssuer, CertifiedKey, Issuer};
use tokio::io::AsyncWriteExt;

use super::test_server::{Answer, TestServer};
use super::*;

const LONG: Duration = Duration::from_secs(60);

fn client() -> HttpClient {
    HttpClient::new(&ClientSettings::default()).unwrap()
}

fn request(path: &str, body: &'static str) -> http::Request<Bytes> {
    http::Request::put(path).header("x-custom", "yes").body(Bytes::from_static(body.as_bytes())).unwrap()
}

async fn send(client: &HttpClient, url: &str) -> Result<http::Response<reqwest::Body>, TransportFault> {
    client.send(&Origin::of_url(url).unwrap(), request("/v2/things?silent=yes", "hello"), LONG, LONG, None).await
}

fn kind(answer: Result<http::Response<reqwest::Body>, TransportFault>) -> FaultKind {
    answer.unwrap_err().kind
}

/// A port that nobody listens on: the system gave it out and took it back.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[tokio::test]
async fn a_request_arrives_as_it_was_made() {
    let server = TestServer::start(|_| Answer::whole("200 OK", "x-answer: 1\r\n", "fine")).await;
    let answer = send(&client(), &server.url()).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers().get("x-answer").unwrap(), "1");
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "fine");

    let seen = server.seen();
    let [seen] = seen.as_slice() else { panic!("{seen:?}") };
    assert!(seen.head.starts_with("PUT /v2/things?silent=yes HTTP/1.1\r\n"), "{}", seen.head);
    assert_eq!(seen.header("host"), [format!("127.0.0.1:{}", server.port())]);
    assert_eq!(seen.header("content-length"), ["5"]);
    assert_eq!(seen.header("x-custom"), ["yes"]);
    assert_eq!(seen.body, "hello");
}

#[tokio::test]
async fn requests_in_a_row_share_a_connection() {
    let server = TestServer::start(|_| Answer::no_content()).await;
    let client = client();
    for _ in 0..20 {
        send(&client, &server.url()).await.unwrap();
    }
    assert_eq!((server.seen().len(), server.connections()), (20, 1));
}

#[tokio::test]
async fn a_download_is_whole_or_refused() {
    let server = TestServer::start(|_| Answer::whole("200 OK", "", "12345")).await;
    let origin = Origin::of_url(&server.url()).unwrap();
    let client = client();
    let get = |most| client.download(&origin, "/v2/x?y=1", http::HeaderMap::new(), most);
    assert_eq!(get(5).await.unwrap().into_body(), "12345");
    assert_eq!(get(4).await.unwrap_err(), DownloadError::TooLarge { origin: origin.clone(), most: 4 });
    let unwritable = client.download(&origin, "no path", http::HeaderMap::new(), 5).await;
    assert!(matches!(unwritable, Err(DownloadError::Request(..))), "{unwritable:?}");
    let seen = server.seen();
    assert_eq!(seen.len(), 2);
    assert!(seen.iter().all(|seen| seen.head.starts_with("GET /v2/x?y=1 HTTP/1.1\r\n") && seen.body.is_empty()));

    let cut =
        TestServer::start(|_| Answer::SendAndClose("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n123".to_owned())).await;
    let cut = client.download(&Origin::of_url(&cut.url()).unwrap(), "/", http::HeaderMap::new(), 9).await;
    assert!(matches!(cut, Err(DownloadError::Transport(_))), "{cut:?}");
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let other = TestServer::start(|_| Answer::no_content()).await;
    let location = format!("location: {}\r\n", other.url());
    let server = TestServer::start(move |_| Answer::whole("307 Temporary Redirect", &location, "")).await;
    assert_eq!(send(&client(), &server.url()).await.unwrap().status(), 307);
    assert!(other.seen().is_empty());
}

#[tokio::test]
async fn every_request_on_the_wire_was_asked_for() {
    let server = TestServer::start(|_| Answer::SendAndClose(String::new())).await;
    assert_eq!(kind(send(&client(), &server.url()).await), FaultKind::Broken);
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn faults_are_told_apart_and_name_the_host() {
    let refused = format!("http://127.0.0.1:{}", free_port());
    let answer = send(&client(), &refused).await.unwrap_err();
    assert_eq!(answer.kind, FaultKind::Refused);
    assert!(answer.message.starts_with(&format!("{refused}: the connection was refused")), "{}", answer.message);

    let garbage = TestServer::start(|_| Answer::SendAndClose("SSH-2.0-OpenSSH\r\n".to_owned())).await;
    assert_eq!(kind(send(&client(), &garbage.url()).await), FaultKind::Protocol);

    let cut = TestServer::start(|_| Answer::SendAndClose("HTTP/1.1 200 OK\r\ncontent-le".to_owned())).await;
    assert_eq!(kind(send(&client(), &cut.url()).await), FaultKind::Broken);

    let plain = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", plain.local_addr().unwrap());
    let greet = async {
        let (mut stream, _) = plain.accept().await.unwrap();
        stream.write_all(b"220 mail.example ESMTP\r\n").await.unwrap();
        stream
    };
    let client = client();
    let (answer, _open) = tokio::join!(send(&client, &url), greet);
    assert_eq!(kind(answer), FaultKind::Tls);
}

#[tokio::test]
async fn a_name_without_an_address_is_its_own_fault() {
    // `.invalid` never resolves (RFC 6761); where no resolver answers at all it is the same fault.
    let answer = send(&client(), "https://nobody.invalid").await.unwrap_err();
    assert_eq!(answer.kind, FaultKind::NameNotResolved, "{answer}");
    assert!(answer.message.starts_with("https://nobody.invalid: the host's name was not found"), "{answer}");
}

/// On a clock that goes on by itself where nothing else does: what is waited is what was asked for, to the millisecond.
#[tokio::test(start_paused = true)]
async fn a_limit_is_as_long_as_it_says_and_the_connection_is_part_of_it() {
    let server = TestServer::start(|_| Answer::SendAndStall(String::new())).await;
    let origin = Origin::of_url(&server.url()).unwrap();
    for (connect, first_byte) in [(LONG, 1_000), (Duration::from_millis(300), 2_500), (LONG, 7)] {
        let first_byte = Duration::from_millis(first_byte);
        let began = tokio::time::Instant::now();
        let fault = client().send(&origin, request("/", ""), connect, first_byte, None).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::AnswerTimeout);
        assert!(began.elapsed() >= first_byte && began.elapsed() < first_byte + Duration::from_millis(50));
        let said = format!("no answer in time (waited {first_byte:?}, the connection included)");
        assert!(fault.message.contains(&said), "{fault}");
    }
}

#[tokio::test]
async fn a_plugin_that_asks_for_ever_other_limits_gets_no_more_clients_for_it() {
    let server = TestServer::start(|_| Answer::no_content()).await;
    let origin = Origin::of_url(&server.url()).unwrap();
    let client = client();
    for milliseconds in 0..100 {
        let connect = Duration::from_millis(5_000 + milliseconds);
        client.send(&origin, request("/", ""), connect, LONG, None).await.unwrap();
    }
    assert!(client.0.clients.lock().unwrap().len() <= MOST_CLIENTS);
}

/// More than what a system holds for a reader that does not read.
fn large() -> http::Request<Bytes> {
    http::Request::put("/").body(Bytes::from(vec![b'x'; 24 * 1024 * 1024])).unwrap()
}

#[tokio::test]
async fn a_success_that_comes_before_the_request_was_read_is_none() {
    for (status, headers) in [
        ("200 OK", "content-length: 2\r\n\r\n{}"),
        ("204 No Content", "\r\n"),
        ("202 Accepted", "content-length: 0\r\n\r\n"),
    ] {
        let answer = format!("HTTP/1.1 {status}\r\n{headers}");
        let server = TestServer::start(move |_| Answer::SendUnread(answer.clone())).await;
        let origin = Origin::of_url(&server.url()).unwrap();
        let fault = client().send(&origin, large(), LONG, LONG, None).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Unread);
        assert!(
            fault.message.contains("before it had read the request")
                && fault.message.contains(status.split_once(' ').unwrap().0),
            "{fault}"
        );
    }
}

#[tokio::test]
async fn a_refusal_that_comes_before_the_request_was_read_is_what_it_says() {
    for status in ["413 Payload Too Large", "503 Service Unavailable", "307 Temporary Redirect"] {
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
        let server = TestServer::start(move |_| Answer::SendUnread(answer.clone())).await;
        let origin = Origin::of_url(&server.url()).unwrap();
        let answer = client().send(&origin, large(), LONG, LONG, None).await.unwrap();
        assert!(status.starts_with(answer.status().as_str()));
    }
}

#[tokio::test]
async fn a_large_body_arrives_whole_and_with_its_length() {
    let server = TestServer::start(|_| Answer::no_content()).await;
    let origin = Origin::of_url(&server.url()).unwrap();
    for size in [0, 1, 64 * 1024, 64 * 1024 + 1, 5 * 1024 * 1024] {
        let body: String = ('a'..='z').cycle().take(size).collect();
        let request = http::Request::put("/").body(Bytes::from(body.clone())).unwrap();
        assert_eq!(client().send(&origin, request, LONG, LONG, None).await.unwrap().status(), 204);
        let seen = server.seen();
        let last = seen.last().unwrap();
        assert!(last.body == body, "{size}");
        assert_eq!(last.header("content-length").first().map_or(0, |length| length.parse().unwrap()), size);
        assert_eq!(last.header("transfer-encoding"), [""; 0]);
    }
}

/// A company's own authority, its certificate as PEM, and a server that it vouches for.
struct OwnAuthority {
    pem: String,
    server: rustls::ServerConfig,
}

fn own_authority(name: &str) -> OwnAuthority {
    let mut params = rcgen::CertificateParams::new(vec![]).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority: CertifiedIssuer<'_, _> =
        CertifiedIssuer::self_signed(params, rcgen::KeyPair::generate().unwrap()).unwrap();
    let CertifiedKey { cert, signing_key } = {
        let signing_key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
        let issuer: &Issuer<'_, _> = &authority;
        CertifiedKey { cert: params.signed_by(&signing_key, issuer).unwrap(), signing_key }
    };
    let key = rustls::pki_types::PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let mut server = rustls::ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    OwnAuthority { pem: authority.pem(), server }
}

fn trusting(authority: &OwnAuthority) -> HttpClient {
    HttpClient::new(&ClientSettings::default().trust("own", authority.pem.clone())).unwrap()
}

#[tokio::test]
async fn an_extra_ca_is_trusted_beside_the_systems() {
    let authority = own_authority("localhost");
    let server = TestServer::start_tls(authority.server.clone(), |_| Answer::no_content()).await;
    let url = format!("https://localhost:{}", server.port());

    let untrusted = send(&client(), &url).await.unwrap_err();
    assert_eq!(untrusted.kind, FaultKind::Certificate, "{untrusted}");
    assert!(untrusted.message.starts_with(&format!("{url}: its certificate is not trusted")), "{untrusted}");
    assert!(server.seen().is_empty());

    assert_eq!(send(&trusting(&authority), &url).await.unwrap().status(), 204);
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let authority = own_authority("elsewhere.example");
    let server = TestServer::start_tls(authority.server.clone(), |_| Answer::no_content()).await;
    let answer = send(&trusting(&authority), &format!("https://localhost:{}", server.port())).await;
    let fault = answer.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Certificate);
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn http_2_is_offered() {
    let mut authority = own_authority("localhost");
    // The server takes nothing else, so that the handshake succeeds only where the client offers it.
    authority.server.alpn_protocols = vec![b"h2".to_vec()];
    let server = TestServer::start_tls(authority.server.clone(), |_| {
        Answer::SendAndClose("HTTP/1.1 400 Bad Request\r\n\r\n".to_owned())
    })
    .await;
    let answer = send(&trusting(&authority), &format!("https://localhost:{}", server.port())).await;
    assert!(answer.is_err());
    let seen = server.seen();
    let [seen] = seen.as_slice() else { panic!("{seen:?}") };
    assert!(seen.head.starts_with("PRI * HTTP/2.0\r\n"), "{}", seen.head);
}

#[test]
fn a_text_without_certificates_is_named() {
    let settings = ClientSettings::default().trust("company.pem", "not a certificate");
    let error = HttpClient::new(&settings).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the CA file company.pem holds no usable certificate: it has none; it must be PEM (-----BEGIN CERTIFICATE-----)"
    );
}

/// Runs a test of this module by itself, in an environment with these additions.
fn run_alone(test: &str, environment: &[(&str, &str)]) -> std::process::Output {
    crate::subprocess::test(&format!("http::client::tests::{test}")).envs(environment.iter().copied()).output().unwrap()
}

/// The server that [`reach_a_host_that_only_a_proxy_knows`] looks for; no resolver knows it.
const BEHIND_A_PROXY: &str = "nobody.invalid";

#[tokio::test]
#[ignore = "run by the tests below, each with proxies of its own"]
async fn reach_a_host_that_only_a_proxy_knows() {
    let Ok(ca) = std::env::var("TEST_CA") else { return };
    let settings = ClientSettings::default().trust("TEST_CA", ca);
    let client = HttpClient::new(&settings).unwrap();
    let answer = send(&client, &format!("https://{BEHIND_A_PROXY}")).await;
    assert_eq!(answer.unwrap().status(), 204);
}

#[tokio::test]
#[ignore = "run by the tests below, each with proxies of its own"]
async fn reach_this_machine() {
    let Ok(url) = std::env::var("TEST_URL") else { return };
    assert_eq!(send(&client(), &url).await.unwrap().status(), 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn proxies_and_their_exceptions_are_taken_from_the_environment_in_both_cases() {
    let authority = own_authority(BEHIND_A_PROXY);
    let server = TestServer::start_tls(authority.server.clone(), |_| Answer::no_content()).await;
    let ca = authority.pem.as_str();
    let target = format!("{BEHIND_A_PROXY}:443");
    for (proxy_name, exception_name) in [("HTTPS_PROXY", "NO_PROXY"), ("https_proxy", "no_proxy")] {
        let proxy = fake_talon_one::proxy::Proxy::start(([127, 0, 0, 1], server.port()).into()).unwrap();
        let run = |more: &[(&str, &str)]| {
            let environment = [&[("TEST_CA", ca), (proxy_name, proxy.url())], more].concat();
            run_alone("reach_a_host_that_only_a_proxy_knows", &environment)
        };
        let output = run(&[]);
        assert!(output.status.success(), "{proxy_name}: {output:?}");
        assert_eq!(proxy.targets(), [target.as_str()], "{proxy_name}");

        let output = run(&[(exception_name, BEHIND_A_PROXY)]);
        assert!(!output.status.success(), "{exception_name}: {output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("NameNotResolved"), "{output:?}");
        assert_eq!(proxy.targets().len(), 1, "{exception_name}");
    }
}

#[tokio::test]
#[ignore = "run by the test below, each with a proxy of its own"]
async fn be_refused_by_a_proxy() {
    let fault = send(&client(), &format!("https://{BEHIND_A_PROXY}")).await.unwrap_err();
    // What the test below reads.
    panic!("{:?}: {fault}", fault.kind);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_opens_no_way_is_named_with_what_it_said_and_without_its_password() {
    for (answer, kind, said) in [
        (
            "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n",
            "ProxyRefused",
            "refuses the connection: it answered 403 Forbidden",
        ),
        ("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "ProxyRefused", "asks for a sign-in: it answered 407"),
        ("HTTP/1.1 502 Bad Gateway\r\n\r\n", "Unreachable", "opens no connection: it answered 502 Bad Gateway"),
        ("SSH-2.0-OpenSSH\r\n", "Unreachable", "gave no connection"),
        ("", "Unreachable", "gave no connection"),
    ] {
        let proxy = TestServer::start(move |_| Answer::SendAndClose(answer.to_owned())).await;
        let url = format!("http://robot:Sup3rSecret@127.0.0.1:{}", proxy.port());
        let output = run_alone("be_refused_by_a_proxy", &[("HTTPS_PROXY", &url)]);
        let printed = String::from_utf8_lossy(&output.stderr);
        let line = printed.lines().find(|line| line.contains("the proxy")).unwrap_or_else(|| panic!("{printed}"));
        assert!(line.starts_with(kind) && line.contains(said), "{line}");
        assert!(
            line.contains(&format!("https://{BEHIND_A_PROXY}: the proxy http://127.0.0.1:{}", proxy.port())),
            "{line}"
        );
        assert!(!printed.contains("Sup3rSecret") && !printed.contains("robot"), "{printed}");
        // What is asked once more is asked with the same name.
        for seen in proxy.seen() {
            assert!(seen.head.starts_with(&format!("CONNECT {BEHIND_A_PROXY}:443 ")), "{}", seen.head);
            assert_eq!(seen.header("proxy-authorization").len(), 1, "{}", seen.head);
        }
    }
    let gone = format!("http://127.0.0.1:{}", free_port());
    let output = run_alone("be_refused_by_a_proxy", &[("HTTPS_PROXY", &gone)]);
    let printed = String::from_utf8_lossy(&output.stderr);
    assert!(printed.contains(&format!("the proxy {gone} gave no connection")), "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_to_this_machine_go_through_no_proxy() {
    let server = TestServer::start(|_| Answer::no_content()).await;
    let proxy = fake_talon_one::proxy::Proxy::start(([127, 0, 0, 1], server.port()).into()).unwrap();
    let environment =
        [("TEST_URL", server.url()), ("http_proxy", proxy.url().to_owned()), ("ALL_PROXY", proxy.url().to_owned())];
    let environment = environment.each_ref().map(|(name, value)| (*name, value.as_str()));
    let output = run_alone("reach_this_machine", &environment);
    assert!(output.status.success(), "{output:?}");
    assert_eq!((server.seen().len(), proxy.targets().len()), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_without_certificates_can_still_reach_itself() {
    let server = TestServer::start(|_| Answer::no_content()).await;
    let url = server.url();
    let nowhere = [("TEST_URL", url.as_str()), ("SSL_CERT_FILE", "/nowhere"), ("SSL_CERT_DIR", "/nowhere")];
    let output = run_alone("reach_this_machine", &nowhere);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(server.seen().len(), 1);
}
