//! Connections, starting and stopping.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};

use fake_talon_one::{Fake, Settings, path};
use reqwest::{StatusCode, Version};

use crate::client::{KEY, PATIENCE, connect, http, install_crypto, raw_request, read_to_end, start};

#[tokio::test]
async fn one_client_keeps_its_connection() {
    let fake = start(Settings::new(KEY));
    let client = http();
    for _ in 0..5 {
        let ping = client.get(format!("{}{}", fake.url(), path::AUTHPING));
        let answer = ping.header("authorization", format!("ApiKey-v1 {KEY}")).send().await.unwrap();
        assert_eq!((answer.status(), answer.version()), (StatusCode::NO_CONTENT, Version::HTTP_11));
    }
    assert_eq!((fake.connections(), fake.requests().len()), (1, 5));
    drop(client);
    http().get(fake.url()).send().await.unwrap();
    assert_eq!(fake.connections(), 2);
}

#[tokio::test]
async fn http2_is_spoken_where_the_client_begins_with_it() {
    install_crypto();
    let fake = start(Settings::new(KEY));
    let client = reqwest::Client::builder().no_proxy().http2_prior_knowledge().build().unwrap();
    let body = r#"{"customerProfiles":[{"integrationId":"a"}]}"#;
    let put = || {
        let request = client.put(format!("{}{}", fake.url(), path::PROFILES)).body(body);
        request.header("authorization", format!("ApiKey-v1 {KEY}")).header("content-type", "application/json").send()
    };
    let (first, second) = tokio::join!(put(), put());
    assert_eq!(first.unwrap().status(), StatusCode::NO_CONTENT);
    assert_eq!(second.unwrap().version(), Version::HTTP_2);
    let request = fake.requests().remove(0);
    assert_eq!(request.version, Version::HTTP_2);
    assert_eq!(request.header("host"), Some(format!("127.0.0.1:{}", fake.port()).as_str()));
    assert_eq!(request.text(), body);
}

#[test]
fn after_a_stop_nobody_listens_and_the_port_is_free() {
    let fake = start(Settings::new(KEY));
    let port = fake.port();
    let mut idle = connect(&fake);
    let mut used = connect(&fake);
    used.write_all(raw_request("GET /v2/authping", "", false).as_bytes()).unwrap();
    fake.wait_for(1, PATIENCE).unwrap();
    drop(fake);
    assert_eq!(read_to_end(&mut idle).0, "");
    assert!(read_to_end(&mut used).0.starts_with("HTTP/1.1 204 "));
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err());
    let again = start(Settings::new(KEY).port(port));
    assert_eq!(again.url(), format!("http://127.0.0.1:{port}"));
}

#[test]
fn a_port_in_use_is_an_error() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = Fake::start(Settings::new(KEY).port(port)).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
}

#[test]
fn a_client_that_stops_in_the_middle_does_not_hold_up_the_end() {
    let fake = start(Settings::new(KEY));
    let mut half = connect(&fake);
    let request = raw_request("PUT /v2/customer_profiles", "0123456789", false);
    half.write_all(&request.as_bytes()[..request.len() - 5]).unwrap();
    // Another client's answer shows that the half request has been taken up too.
    let mut whole = connect(&fake);
    whole.write_all(raw_request("GET /v2/authping", "", false).as_bytes()).unwrap();
    fake.wait_for(1, PATIENCE).unwrap();
    whole.read_exact(&mut [0; 12]).unwrap();
    drop(fake);
    assert_eq!(read_to_end(&mut half).0, "");
}

#[test]
fn two_fakes_know_nothing_of_each_other() {
    let (one, other) = (start(Settings::new(KEY)), start(Settings::new(KEY)));
    let mut stream = connect(&one);
    stream.write_all(raw_request("GET /v2/authping", "", true).as_bytes()).unwrap();
    read_to_end(&mut stream).1.unwrap();
    assert_eq!((one.requests().len(), other.requests().len()), (1, 0));
}
