#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

const ALLOWED: &str = "https://yourcompany.talon.one";

fn policy(url: &str) -> Policy {
    Policy::of_endpoints([("deployment_url", url)]).unwrap()
}

#[test]
fn the_configured_origin_is_allowed_in_both_spellings_of_its_port() {
    for authority in ["yourcompany.talon.one", "yourcompany.talon.one:443"] {
        assert!(policy(ALLOWED).check("https", authority).is_ok(), "{authority}");
    }
    assert!(policy("https://yourcompany.talon.one:8443/v2?x#y").check("https", "yourcompany.talon.one:8443").is_ok());
}

#[test]
fn loopback_is_allowed_without_tls() {
    for host in ["localhost:8080", "127.0.0.1:8080", "127.9.9.9", "[::1]:8080"] {
        assert!(policy(&format!("http://{host}")).check("http", host).is_ok(), "{host}");
    }
}

#[test]
fn every_other_target_is_denied() {
    let denied = [
        // another host, scheme or port
        ("https", "evil.example"),
        ("http", "yourcompany.talon.one"),
        ("http", "yourcompany.talon.one:443"),
        ("ftp", "yourcompany.talon.one"),
        ("HTTPS", "yourcompany.talon.one"),
        ("", "yourcompany.talon.one"),
        ("https", "yourcompany.talon.one:80"),
        ("https", "yourcompany.talon.one:8443"),
        // look-alikes
        ("https", "talon.one"),
        ("https", "othercompany.talon.one"),
        ("https", "api.yourcompany.talon.one"),
        ("https", "yourcompany.talon.one.evil.example"),
        ("https", "yourcompany-talon.one"),
        ("https", "yourcompanytalon.one"),
        ("https", "xn--yourcompny-x8a.talon.one"),
        ("https", "yourcomp\u{430}ny.talon.one"),
        ("https", "yourcompany.talon\u{3002}one"),
        // other spellings of the same
        ("https", "YourCompany.talon.one"),
        ("https", "yourcompany.talon.one."),
        ("https", "yourcompany..talon.one"),
        ("https", "yourcompany.talon.one:0443"),
        ("https", "yourcompany.talon.one:+443"),
        ("https", "yourcompany.talon.one:"),
        ("https", "yourcompany.talon.one::443"),
        ("https", "yourcompany.talon.one:443:443"),
        ("https", "yourcompany%2etalon.one"),
        ("https", " yourcompany.talon.one"),
        ("https", "yourcompany.talon.one\t"),
        // user info, and a host that only looks like one
        ("https", "user@yourcompany.talon.one"),
        ("https", "yourcompany.talon.one@evil.example"),
        ("https", "yourcompany.talon.one:443@evil.example"),
        ("https", "yourcompany.talon.one\\@evil.example"),
        ("https", "yourcompany.talon.one/evil"),
        ("https", "yourcompany.talon.one?evil"),
        ("https", "yourcompany.talon.one#evil"),
        // nothing at all
        ("https", ""),
        ("https", ":443"),
    ];
    let policy = policy(ALLOWED);
    for (scheme, authority) in denied {
        assert!(policy.check(scheme, authority).is_err(), "{scheme}://{authority}");
    }
}

#[test]
fn an_address_has_one_spelling() {
    let policy = policy("http://127.0.0.1:8080");
    for authority in [
        "127.1:8080",
        "2130706433:8080",
        "0x7f000001:8080",
        "0x7f.0.0.1:8080",
        "0177.0.0.1:8080",
        "127.0.0.01:8080",
        "127.0.0.1.:8080",
        "127.0.0.2:8080",
        "localhost:8080",
        "[::1]:8080",
        "[::ffff:127.0.0.1]:8080",
        "[::ffff:7f00:1]:8080",
        "127.0.0.1",
        "169.254.169.254:8080",
    ] {
        assert!(policy.check("http", authority).is_err(), "{authority}");
    }
}

#[test]
fn an_origin_of_the_plugins_own_is_allowed_beside_the_configs() {
    let own = Origin::of_url("https://api.example.com").unwrap();
    let policy = policy("https://yourcompany.talon.one").and([own.clone()]);
    assert_eq!(policy.check("https", "api.example.com"), Ok(&own));
    assert!(policy.check("https", "yourcompany.talon.one").is_ok());
    let denial = policy.check("https", "api.example.com:8443").unwrap_err().to_string();
    assert!(denial.contains("https://yourcompany.talon.one (`deployment_url` in the config)"), "{denial}");
    assert!(denial.contains("https://api.example.com (the plugin's own)"), "{denial}");
}

#[test]
fn without_endpoints_nothing_is_allowed() {
    let denial = Policy::default().check("https", "yourcompany.talon.one").unwrap_err();
    assert_eq!(
        denial.to_string(),
        "the host's egress policy let no request out to https://yourcompany.talon.one: \
         the config names no endpoint, so none is allowed"
    );
}

#[test]
fn a_denial_names_the_layer_the_target_and_what_to_change() {
    let denial = policy(ALLOWED).check("https", "evil.example").unwrap_err();
    assert_eq!(
        denial.to_string(),
        "the host's egress policy let no request out to https://evil.example: \
         allowed is only https://yourcompany.talon.one (`deployment_url` in the config); \
         if the plugin should call another, change it there"
    );
}

#[test]
fn a_denial_says_what_is_wrong_with_the_spelling() {
    let denial = policy(ALLOWED).check("https", "yourcompany.talon.one.").unwrap_err();
    assert!(denial.to_string().contains("must not end in a dot"), "{denial}");
}

#[test]
fn a_denial_repeats_no_password() {
    let denial = policy(ALLOWED).check("https", "me:hunter2@yourcompany.talon.one").unwrap_err();
    assert!(!format!("{denial} {denial:?}").contains("hunter2"), "{denial}");
}

#[test]
fn an_endpoint_that_is_no_origin_is_refused_for_its_reason() {
    let refused = [
        ("yourcompany.talon.one", OriginError::Scheme),
        ("ftp://yourcompany.talon.one", OriginError::Scheme),
        ("HTTPS://yourcompany.talon.one", OriginError::Scheme),
        ("", OriginError::Scheme),
        ("http://yourcompany.talon.one", OriginError::Cleartext),
        ("http://10.0.0.1", OriginError::Cleartext),
        ("http://localhost.evil.example", OriginError::Cleartext),
        ("http://[2001:db8::1]", OriginError::Cleartext),
        ("https://me:secret@yourcompany.talon.one", OriginError::UserInfo),
        ("https://", OriginError::NoHost),
        ("https:///v2", OriginError::NoHost),
        ("https://yourcompany.talon.one:0", OriginError::Port),
        ("https://yourcompany.talon.one:65536", OriginError::Port),
        ("https://yourcompany.talon.one:https", OriginError::Port),
        ("https://127.1", OriginError::Address),
        ("https://256.0.0.1", OriginError::Address),
        ("https://[0:0:0:0:0:0:0:1]", OriginError::Address),
        ("https://[::1%eth0]", OriginError::Address),
        ("https://YOURCOMPANY.talon.one", OriginError::UpperCase),
        ("https://yourcompany.talon.one.", OriginError::TrailingDot),
        ("https://b\u{fc}cher.example", OriginError::NotAscii),
        ("https://your company.talon.one", OriginError::Name),
        ("https://-yourcompany.talon.one", OriginError::Name),
        ("https://your_company.talon.one", OriginError::Name),
        ("https://your..talon.one", OriginError::Name),
        ("https://[::1", OriginError::Name),
    ];
    for (url, reason) in refused {
        assert_eq!(Origin::of_url(url), Err(reason), "{url}");
    }
}

#[test]
fn an_unusable_endpoint_is_named_by_its_key_and_without_its_password() {
    let error = Policy::of_endpoints([("deployment_url", "https://me:hunter2@yourcompany.talon.one")]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`deployment_url` is no endpoint that requests may go to: \"https://yourcompany.talon.one\": \
         it must not carry a user name or password"
    );
    assert!(!format!("{error:?}").contains("hunter2"));
}

#[test]
fn an_origin_prints_as_it_is_written() {
    for url in [ALLOWED, "https://yourcompany.talon.one:8443", "http://127.0.0.1:8080", "http://[::1]:8080"] {
        assert_eq!(Origin::of_url(url).map(|o| o.to_string()), Ok(url.to_owned()));
    }
}

#[test]
fn steps_in_a_path_are_found_however_they_are_written() {
    for (path, found) in [
        ("/v2/customer_profiles/..", Some("..")),
        ("/v2/customer_profiles/%2E%2e?runRuleEngine=true", Some("%2E%2e")),
        ("/./a", Some(".")),
        ("/a/%2e", Some("%2e")),
        ("/a/.%2E/b", Some(".%2E")),
        ("/a/.../b", None),
        ("/a/%252E%252E", None),
        ("/a/..%2Fb", None),
        ("/a?path=/../b", None),
        ("/", None),
        ("", None),
    ] {
        assert_eq!(step(path), found, "{path}");
    }
}
