//! The proxy beside the fake.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};

use fake_talon_one::proxy::Proxy;
use fake_talon_one::{Fake, Settings, path};
use reqwest::StatusCode;

use crate::client::{KEY, PATIENCE, install_crypto, raw_request, read_to_end, start};

fn before(fake: &Fake) -> Proxy {
    Proxy::start(SocketAddr::from((Ipv4Addr::LOCALHOST, fake.port()))).unwrap()
}

fn connect(proxy: &Proxy) -> TcpStream {
    let stream = TcpStream::connect(proxy.url().strip_prefix("http://").unwrap()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

#[tokio::test]
async fn a_plain_request_goes_to_the_upstream_whatever_its_host() {
    install_crypto();
    let fake = start(Settings::new(KEY));
    let proxy = before(&fake);
    let through = reqwest::Proxy::all(proxy.url()).unwrap();
    let client = reqwest::Client::builder().proxy(through).build().unwrap();
    for _ in 0..2 {
        let ping = client.get(format!("http://yourcompany.talon.one{}", path::AUTHPING));
        let answer = ping.header("authorization", format!("ApiKey-v1 {KEY}")).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    }
    assert_eq!(proxy.targets(), ["http://yourcompany.talon.one/v2/authping"]);
    assert_eq!(fake.requests()[1].header("host"), Some("yourcompany.talon.one"));
    assert_eq!(fake.requests()[1].path, path::AUTHPING);
}

#[test]
fn a_tunnel_goes_to_the_upstream_whatever_its_target() {
    let fake = start(Settings::new(KEY));
    let proxy = before(&fake);
    let mut stream = connect(&proxy);
    stream.write_all(b"CONNECT yourcompany.talon.one:443 HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let mut established = [0; 26];
    stream.read_exact(&mut established).unwrap();
    assert_eq!(&established, b"HTTP/1.1 200 Connected\r\n\r\n");
    stream.write_all(raw_request("GET /v2/authping", "", true).as_bytes()).unwrap();
    assert!(read_to_end(&mut stream).0.starts_with("HTTP/1.1 204 "));
    assert_eq!(proxy.targets(), ["yourcompany.talon.one:443"]);
}

#[test]
fn what_is_no_http_is_turned_away() {
    let fake = start(Settings::new(KEY));
    let proxy = before(&fake);
    let mut stream = connect(&proxy);
    stream.write_all(b"hello\r\n\r\n").unwrap();
    assert!(read_to_end(&mut stream).0.starts_with("HTTP/1.1 400 "));
    assert!(proxy.targets().is_empty());
}
