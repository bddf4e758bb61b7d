//! The fake behind TLS.

use std::sync::Arc;

use fake_talon_one::{Settings, path};
use rcgen::{CertificateParams, KeyPair};
use reqwest::{Certificate, StatusCode, Version};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;

use crate::client::{KEY, connect, install_crypto, read_to_end, start};

/// A certificate for 127.0.0.1 that vouches for itself, in PEM, and a server's config with it.
fn certificate() -> (String, Arc<ServerConfig>) {
    install_crypto();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap().self_signed(&key).unwrap();
    let private = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    (certificate.pem(), Arc::new(config))
}

async fn ping(fake: &fake_talon_one::Fake, client: &reqwest::Client) -> reqwest::Result<reqwest::Response> {
    let request = client.get(format!("{}{}", fake.url(), path::AUTHPING));
    request.header("authorization", format!("ApiKey-v1 {KEY}")).send().await
}

#[tokio::test]
async fn a_client_that_trusts_the_certificate_is_served() {
    let (pem, config) = certificate();
    let fake = start(Settings::new(KEY).tls(config));
    assert!(fake.url().starts_with("https://127.0.0.1:"));
    let trusted = Certificate::from_pem(pem.as_bytes()).unwrap();
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([trusted]).build().unwrap();
    let answer = ping(&fake, &client).await.unwrap();
    assert_eq!((answer.status(), answer.version()), (StatusCode::NO_CONTENT, Version::HTTP_2));
    assert_eq!(fake.requests().len(), 1);
}

#[tokio::test]
async fn a_client_that_does_not_is_not() {
    let (_, config) = certificate();
    let fake = start(Settings::new(KEY).tls(config));
    let (other, _) = certificate();
    let trusted = Certificate::from_pem(other.as_bytes()).unwrap();
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([trusted]).build().unwrap();
    assert!(ping(&fake, &client).await.unwrap_err().is_connect());
    assert!(fake.requests().is_empty());
}

#[test]
fn a_handshake_that_never_comes_does_not_hold_up_the_end() {
    let (_, config) = certificate();
    let fake = start(Settings::new(KEY).tls(config));
    let mut silent = connect(&fake);
    drop(fake);
    assert_eq!(read_to_end(&mut silent).0, "");
}
