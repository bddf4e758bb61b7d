//! Two clients: one that speaks HTTP properly, and one that writes and reads bytes, for what a proper one hides.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream};

use fake_talon_one::{Fake, Settings, path};
use reqwest::{Method, Response, StatusCode};

/// The key of every fake in these tests.
pub(crate) const KEY: &str = "key-of-the-tests";

/// How long to wait for what must come. Long, because only a broken test waits.
pub(crate) const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

pub(crate) fn start(settings: Settings) -> Fake {
    Fake::start(settings).unwrap()
}

pub(crate) fn http() -> reqwest::Client {
    install_crypto();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// reqwest wants to know whose cryptography it would use, whether it speaks TLS or not.
pub(crate) fn install_crypto() {
    // An error means that another test has done it.
    let _: Result<_, _> = rustls::crypto::ring::default_provider().install_default();
}

/// Sends a JSON body with the right key.
pub(crate) async fn send(fake: &Fake, method: Method, target: &str, body: &str) -> Response {
    try_send(fake, method, target, body).await.unwrap()
}

pub(crate) async fn try_send(fake: &Fake, method: Method, target: &str, body: &str) -> reqwest::Result<Response> {
    http()
        .request(method, format!("{}{target}", fake.url()))
        .header("authorization", format!("ApiKey-v1 {KEY}"))
        .header("content-type", "application/json")
        .body(body.to_owned())
        .send()
        .await
}

pub(crate) async fn put_profiles(fake: &Fake, items: &str) -> Response {
    send(fake, Method::PUT, "/v2/customer_profiles?silent=yes", &format!(r#"{{"customerProfiles":[{items}]}}"#)).await
}

pub(crate) async fn post_memberships(fake: &Fake, items: &str) -> Response {
    send(fake, Method::POST, path::AUDIENCES, &format!(r#"{{"data":[{items}]}}"#)).await
}

/// Status and body of an answer.
pub(crate) async fn told(response: Response) -> (StatusCode, String) {
    (response.status(), response.text().await.unwrap())
}

/// A request as bytes, with the right key and no end in itself: `close` asks the server to end the connection.
pub(crate) fn raw_request(head: &str, body: &str, close: bool) -> String {
    let connection = if close { "close" } else { "keep-alive" };
    format!(
        "{head} HTTP/1.1\r\nhost: localhost\r\nauthorization: ApiKey-v1 {KEY}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: {connection}\r\n\r\n{body}",
        body.len()
    )
}

pub(crate) fn raw_profile(close: bool) -> String {
    let body = r#"{"customerProfiles":[{"integrationId":"a"}]}"#;
    raw_request("PUT /v2/customer_profiles?silent=yes", body, close)
}

pub(crate) fn connect(fake: &Fake) -> TcpStream {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, fake.port())).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Sends bytes and reads to the end of the connection, however it comes.
pub(crate) fn exchange(fake: &Fake, request: &str) -> (String, io::Result<()>) {
    let mut stream = connect(fake);
    stream.write_all(request.as_bytes()).unwrap();
    read_to_end(&mut stream)
}

pub(crate) fn read_to_end(stream: &mut TcpStream) -> (String, io::Result<()>) {
    let mut bytes = Vec::new();
    let end = stream.read_to_end(&mut bytes).map(drop);
    (String::from_utf8(bytes).unwrap(), end)
}
