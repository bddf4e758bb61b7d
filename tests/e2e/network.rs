//! The way to Talon.One from within a company: through its proxy, past its own certificate authority.

use std::path::PathBuf;
use std::sync::Arc;

use fake_talon_one::Settings;
use fake_talon_one::proxy::Proxy;
use rustls::crypto::ring;

use crate::harness::{KEY, Outcome, TestEnv, counts, sync_file};

/// A host that only the proxy knows: `.invalid` never resolves (RFC 6761).
const HOST: &str = "yourcompany.invalid";

/// A Talon.One behind TLS, with a certificate for `name` by an authority of the company's own, in `company-ca.pem`.
fn behind_tls(name: &str) -> TestEnv {
    let params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
    behind_certificate(&params)
}

fn behind_certificate(of_server: &rcgen::CertificateParams) -> TestEnv {
    let mut params = rcgen::CertificateParams::new(vec![]).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = rcgen::CertifiedIssuer::self_signed(params, rcgen::KeyPair::generate().unwrap()).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = of_server.clone().signed_by(&key, &authority).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key.serialize_der().try_into().unwrap())
        .unwrap();
    let env = TestEnv::new(Settings::new(KEY).any_attributes().tls(Arc::new(config)));
    env.write("company-ca.pem", authority.pem());
    env.write("rows.csv", "id\n1\n2\n3\n");
    env
}

fn sync(env: &TestEnv, network: &str) -> PathBuf {
    let sync = sync_file("customer_profiles", "", &[("id", "integration_id", "")], "csv", "rows.csv");
    env.write("sync.toml", format!("{sync}{network}"))
}

const TRUSTING: &str = "[network]\nca_files = [\"company-ca.pem\"]\n";

#[test]
fn a_sync_goes_through_the_companys_proxy_and_trusts_its_authority() {
    let env = behind_tls(HOST);
    let proxy = Proxy::start(([127, 0, 0, 1], env.fake.port()).into()).unwrap();
    let run = |network: &str| {
        sync(&env, network);
        let mut command = env.command(&["sync", "sync.toml", "--report", "report.json"]);
        Outcome::of(command.env("TALON_ONE_URL", format!("https://{HOST}")).env("HTTPS_PROXY", proxy.url()))
    };
    let untrusted = run("");
    untrusted.ends_with(1).says("${TALON_ONE_URL}").says("certificate is not trusted");
    assert_eq!(env.fake.requests().len(), 0, "nothing is sent to a server that is not trusted");
    assert_eq!(counts(&env.report(), ["delivered", "undelivered"]), [0, 3]);

    run(TRUSTING).ends_with(0);
    assert_eq!(env.fake.profiles().len(), 3);
    let tunnels = proxy.targets();
    assert!(!tunnels.is_empty() && tunnels.iter().all(|target| *target == format!("{HOST}:443")), "{tunnels:?}");
}

#[test]
fn a_proxy_that_is_not_there_is_the_cause_that_is_named() {
    let env = behind_tls(HOST);
    sync(&env, TRUSTING);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut command = env.command(&["sync", "sync.toml"]);
    let outcome = Outcome::of(
        command.env("TALON_ONE_URL", format!("https://{HOST}")).env("HTTPS_PROXY", format!("http://{free}")),
    );
    outcome.ends_with(1).says("${TALON_ONE_URL}").says("proxy");
    assert_eq!(env.fake.requests().len(), 0);
}

#[test]
fn a_certificate_that_has_expired_is_refused_as_that() {
    let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let env = behind_certificate(&params);
    sync(&env, TRUSTING);
    let url = format!("https://localhost:{}", env.fake.port());
    let outcome = Outcome::of(env.command(&["sync", "sync.toml"]).env("TALON_ONE_URL", url));
    outcome.ends_with(1).says("${TALON_ONE_URL}").says("expired");
    assert_eq!(env.fake.requests().len(), 0);
}

#[test]
fn a_certificate_for_another_host_is_refused() {
    let env = behind_tls("elsewhere.invalid");
    sync(&env, TRUSTING);
    let url = format!("https://localhost:{}", env.fake.port());
    let outcome = Outcome::of(env.command(&["sync", "sync.toml"]).env("TALON_ONE_URL", url));
    outcome.ends_with(1).says("${TALON_ONE_URL}").says("not valid for name").says("elsewhere.invalid");
    assert_eq!(env.fake.requests().len(), 0);
}

#[test]
fn a_ca_file_that_is_none_is_named_before_the_first_request() {
    let env = behind_tls("localhost");
    for (file, content, said) in
        [("missing.pem", None, "is not there"), ("empty.pem", Some("no certificate"), "must be PEM")]
    {
        content.map(|content| env.write(file, content));
        sync(&env, &format!("[network]\nca_files = [\"{file}\"]\n"));
        let url = format!("https://localhost:{}", env.fake.port());
        let outcome = Outcome::of(env.command(&["sync", "sync.toml"]).env("TALON_ONE_URL", url));
        outcome.ends_with(2).says(file).says(said);
    }
    assert_eq!(env.fake.requests().len(), 0);
}
