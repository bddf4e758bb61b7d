//! Each fault as the client sees it, and whether the request took effect.

use std::io::{ErrorKind, Write};
use std::time::{Duration, Instant, SystemTime};

use fake_talon_one::{Fake, Fault, Faults, Settings, path};
use reqwest::{Method, StatusCode, Version};

use crate::client::{
    KEY, PATIENCE, connect, exchange, http, install_crypto, put_profiles, raw_profile, read_to_end, send, start, told,
    try_send,
};

const ITEM: &str = r#"{"integrationId":"a"}"#;

fn with(fault: Fault) -> Fake {
    start(Settings::new(KEY).faults(Faults::script([fault])))
}

/// Whether the profile of [`ITEM`] was created, and the status and fault that were noted.
fn noted(fake: &Fake) -> (bool, Option<u16>, Option<&'static str>) {
    let request = fake.requests().remove(0);
    (fake.profiles().contains_key("a"), request.status.map(|status| status.as_u16()), request.fault)
}

#[tokio::test]
async fn a_status_is_answered_once_and_then_all_is_well() {
    let fake = with(Fault::status(503));
    let expected = r#"{"message":"Service Unavailable","errors":[],"StatusCode":503}"#;
    let answer = told(put_profiles(&fake, ITEM).await).await;
    assert_eq!(answer, (StatusCode::SERVICE_UNAVAILABLE, expected.to_owned()));
    assert_eq!(noted(&fake), (false, Some(503), Some("answer")));
    assert_eq!(put_profiles(&fake, ITEM).await.status(), StatusCode::NO_CONTENT);
    assert!(fake.requests()[1].fault.is_none());
}

#[tokio::test]
async fn a_status_can_come_after_the_request_took_effect() {
    let fake = with(Fault::status(502).applied());
    assert_eq!(put_profiles(&fake, ITEM).await.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(noted(&fake), (true, Some(502), Some("answer")));
    assert_eq!(fake.items_applied(), 1);
}

#[tokio::test]
async fn retry_after_in_every_form() {
    let fake = start(Settings::new(KEY).faults(Faults::script([
        Fault::status(429).retry_after_secs(7),
        Fault::status(429).retry_after_date(3600),
        Fault::status(429).retry_after_date(-3600),
        Fault::status(429).retry_after_raw("in a while"),
        Fault::status(429),
    ])));
    let mut headers = Vec::new();
    for _ in 0..5 {
        let answer = put_profiles(&fake, ITEM).await;
        assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
        headers.push(answer.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned()));
    }
    assert_eq!(headers[0].as_deref(), Some("7"));
    assert_eq!(headers[3].as_deref(), Some("in a while"));
    assert_eq!(headers[4], None);
    let requests = fake.requests();
    for (index, hours) in [(1, 1), (2, -1)] {
        let header = headers[index].as_deref().unwrap();
        assert!(header.ends_with(" GMT"), "{header}");
        let named = httpdate::parse_http_date(header).unwrap();
        let hour = Duration::from_secs(3600);
        let (from, to) = (requests[index].arrived_wall, SystemTime::now());
        let shifted = |time: SystemTime| if hours > 0 { time + hour } else { time - hour };
        // A date has whole seconds.
        assert!(named + Duration::from_secs(1) > shifted(from) && named <= shifted(to), "{header}");
    }
}

#[tokio::test]
async fn the_earliest_date_is_the_first_that_http_has() {
    let fake = with(Fault::status(429).retry_after_date(i32::MIN));
    let answer = put_profiles(&fake, ITEM).await;
    let date = answer.headers().get("retry-after").unwrap();
    assert_eq!(date, "Thu, 01 Jan 1970 00:00:00 GMT");
}

#[tokio::test]
async fn bodies_that_are_not_json_and_none_at_all() {
    let fake = start(Settings::new(KEY).faults(Faults::script([
        Fault::status(502).body("text/html", "<h1>Bad gateway</h1>"),
        Fault::status(500).body("application/json", "{\"message\":"),
        Fault::status(500).body("text/plain", ""),
        Fault::status(200),
    ])));
    let answer = put_profiles(&fake, ITEM).await;
    assert_eq!(answer.headers().get("content-type").unwrap(), "text/html");
    assert_eq!(told(answer).await, (StatusCode::BAD_GATEWAY, "<h1>Bad gateway</h1>".to_owned()));
    for (status, body) in [(500, "{\"message\":"), (500, ""), (200, "")] {
        let answer = told(put_profiles(&fake, ITEM).await).await;
        assert_eq!((answer.0.as_u16(), answer.1.as_str()), (status, body));
    }
    assert!(fake.profiles().is_empty());
}

#[test]
fn a_reset_before_and_after_the_request_took_effect() {
    for (fault, applied) in [(Fault::reset(), false), (Fault::reset().applied(), true)] {
        let fake = with(fault);
        let (answer, end) = exchange(&fake, &raw_profile(false));
        assert_eq!(answer, "");
        assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!(noted(&fake), (applied, None, Some("reset")));
    }
}

#[test]
fn a_reset_can_strike_a_connection_that_was_good_before() {
    let fake = start(Settings::new(KEY).faults(Faults::script([Fault::pass(), Fault::reset()])));
    let mut stream = connect(&fake);
    stream.write_all(raw_profile(false).as_bytes()).unwrap();
    fake.wait_for(1, PATIENCE).unwrap();
    stream.write_all(raw_profile(false).as_bytes()).unwrap();
    fake.wait_for(2, PATIENCE).unwrap();
    let (_, end) = read_to_end(&mut stream);
    assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(fake.requests().iter().map(|request| request.connection).collect::<Vec<_>>(), [0, 0]);
}

#[test]
fn a_half_closed_connection_ends_without_an_answer_and_still_reads() {
    let fake = with(Fault::half_close());
    let mut stream = connect(&fake);
    stream.write_all(raw_profile(false).as_bytes()).unwrap();
    let (answer, end) = read_to_end(&mut stream);
    assert_eq!(answer, "");
    end.unwrap();
    stream.write_all(b"still here").unwrap();
    assert_eq!(noted(&fake), (false, None, Some("half_close")));
}

#[test]
fn a_hanging_answer_never_comes_and_ends_with_the_fake() {
    for (fault, applied) in [(Fault::hang(), false), (Fault::hang().applied(), true)] {
        let fake = with(fault);
        let mut stream = connect(&fake);
        stream.write_all(raw_profile(false).as_bytes()).unwrap();
        fake.wait_for(1, PATIENCE).unwrap();
        assert_eq!(noted(&fake), (applied, None, Some("hang")));
        drop(fake);
        assert_eq!(read_to_end(&mut stream).0, "");
    }
}

#[tokio::test]
async fn a_slow_answer_is_the_proper_one_and_takes_effect_before_the_wait() {
    let delay = Duration::from_millis(80);
    let fake = with(Fault::slow(delay));
    let start = Instant::now();
    assert_eq!(put_profiles(&fake, ITEM).await.status(), StatusCode::NO_CONTENT);
    assert!(start.elapsed() >= delay);

    let fake = with(Fault::slow(Duration::from_secs(86_400)));
    let mut stream = connect(&fake);
    stream.write_all(raw_profile(false).as_bytes()).unwrap();
    fake.seen(1, PATIENCE).await.unwrap();
    assert_eq!(noted(&fake), (true, Some(204), Some("slow")));
    drop(fake);
    assert_eq!(read_to_end(&mut stream).0, "");
}

#[tokio::test]
async fn a_held_answer_takes_effect_and_comes_when_it_is_let_go() {
    let fake = start(Settings::new(KEY).faults(Faults::script([Fault::hold().times(2)])));
    for count in 1..=2 {
        let mut stream = connect(&fake);
        stream.write_all(raw_profile(true).as_bytes()).unwrap();
        fake.seen(count, PATIENCE).await.unwrap();
        assert_eq!(noted(&fake), (true, Some(204), Some("hold")));
        stream.set_nonblocking(true).unwrap();
        assert_eq!(stream.peek(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
        stream.set_nonblocking(false).unwrap();
        if count == 1 {
            fake.release();
        } else {
            let url = format!("{}/_fake/release", fake.url());
            assert_eq!(http().post(url).send().await.unwrap().status(), StatusCode::NO_CONTENT);
        }
        assert!(read_to_end(&mut stream).0.starts_with("HTTP/1.1 204 "));
    }
}

#[test]
fn a_stalled_answer_begins_and_does_not_end() {
    let fake = with(Fault::stall(500));
    let mut stream = connect(&fake);
    stream.write_all(raw_profile(false).as_bytes()).unwrap();
    let mut head = [0; 12];
    std::io::Read::read_exact(&mut stream, &mut head).unwrap();
    assert_eq!(&head, b"HTTP/1.1 500");
    drop(fake);
    let (rest, _) = read_to_end(&mut stream);
    assert_is_half(&rest);
}

#[test]
fn an_answer_cut_short_announces_more_than_it_sends() {
    for (fault, applied) in [(Fault::cut_short(200).applied(), true), (Fault::cut_short(500), false)] {
        let fake = with(fault);
        let (answer, end) = exchange(&fake, &raw_profile(false));
        end.unwrap();
        assert_is_half(&answer);
        assert_eq!(noted(&fake).0, applied);
    }
}

fn assert_is_half(answer: &str) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let announced = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    assert!(!body.is_empty());
    assert_eq!(announced.parse(), Ok(2 * body.len()));
}

#[tokio::test]
async fn a_proper_client_takes_a_cut_answer_for_an_error() {
    let fake = with(Fault::cut_short(200));
    let answer = put_profiles(&fake, ITEM).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(answer.bytes().await.is_err());
}

#[tokio::test]
async fn an_oversized_error_is_valid_json_of_that_size() {
    let fake = with(Fault::oversized(400, 3));
    let (status, body) = told(put_profiles(&fake, ITEM).await).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(body.len(), 3_000_000 + r#"{"message":"","errors":[],"StatusCode":400}"#.len());
    assert!(body.starts_with(r#"{"message":"xxx"#) && body.ends_with(r#"x","errors":[],"StatusCode":400}"#));
}

#[tokio::test]
async fn the_key_is_echoed() {
    let fake = with(Fault::echo_key(500));
    let (status, body) = told(put_profiles(&fake, ITEM).await).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(body.contains(&format!("ApiKey-v1 {KEY}")), "{body}");
}

#[test]
fn goodbye_answers_and_closes() {
    let fake = with(Fault::goodbye());
    let (answer, end) = exchange(&fake, &raw_profile(false));
    end.unwrap();
    assert!(answer.starts_with("HTTP/1.1 204 ") && answer.contains("\r\nconnection: close\r\n"), "{answer}");
    assert_eq!(noted(&fake), (true, Some(204), Some("goodbye")));
}

#[tokio::test]
async fn over_http2_goodbye_moves_the_next_request_to_another_connection() {
    install_crypto();
    let fake = start(Settings::new(KEY).faults(Faults::script([Fault::pass(), Fault::goodbye()])));
    let client = reqwest::Client::builder().no_proxy().http2_prior_knowledge().build().unwrap();
    for _ in 0..3 {
        let ping = client.get(format!("{}{}", fake.url(), path::AUTHPING));
        let answer = ping.header("authorization", format!("ApiKey-v1 {KEY}")).send().await.unwrap();
        assert_eq!((answer.status(), answer.version()), (StatusCode::NO_CONTENT, Version::HTTP_2));
    }
    assert_eq!(fake.requests().iter().map(|request| request.connection).collect::<Vec<_>>(), [0, 0, 1]);
}

#[tokio::test]
async fn over_http2_faults_strike_too() {
    install_crypto();
    let fake = start(Settings::new(KEY).faults(Faults::script([
        Fault::reset(),
        Fault::half_close(),
        Fault::cut_short(500),
        Fault::status(503),
    ])));
    for expected in [None, None, Some(500), Some(503)] {
        let client = reqwest::Client::builder().no_proxy().http2_prior_knowledge().retry(reqwest::retry::never());
        let ping = client.build().unwrap().get(format!("{}{}", fake.url(), path::AUTHPING));
        let answer = ping.header("authorization", format!("ApiKey-v1 {KEY}")).send().await;
        assert_eq!(answer.as_ref().ok().map(|answer| answer.status().as_u16()), expected);
        if expected == Some(500) {
            assert!(answer.unwrap().bytes().await.is_err());
        }
    }
    let faults: Vec<_> = fake.requests().into_iter().filter_map(|request| request.fault).collect();
    assert_eq!(faults, ["reset", "half_close", "cut_short", "answer"]);
}

#[tokio::test]
async fn a_step_for_one_call_leaves_the_others_alone() {
    let fake = start(Settings::demo(KEY));
    fake.inject(Faults::script([Fault::status(500).forever().path(path::AUDIENCES).method(Method::POST)]));
    assert_eq!(put_profiles(&fake, ITEM).await.status(), StatusCode::NO_CONTENT);
    let member = r#"{"action":"add","profileIntegrationId":"a","audienceId":42}"#;
    assert_eq!(crate::client::post_memberships(&fake, member).await.status(), StatusCode::INTERNAL_SERVER_ERROR);
    fake.inject(Faults::none());
    assert_eq!(crate::client::post_memberships(&fake, member).await.status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_random_mix_is_the_same_for_a_seed() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let mix = [Fault::status(503), Fault::status(429).retry_after_secs(1), Fault::status(500).applied()];
        let fake = start(Settings::new(KEY).faults(Faults::random(11, 40, mix)));
        let client = http();
        let mut statuses = Vec::new();
        for _ in 0..60 {
            let ping = client.get(format!("{}{}", fake.url(), path::AUTHPING));
            let answer = ping.header("authorization", format!("ApiKey-v1 {KEY}")).send().await.unwrap();
            statuses.push(answer.status().as_u16());
        }
        runs.push(statuses);
    }
    assert_eq!(runs[0], runs[1]);
    for status in [204, 429, 500, 503] {
        assert!(runs[0].contains(&status), "{status}");
    }
}

#[tokio::test]
async fn a_function_chooses_by_request() {
    let fake = start(Settings::demo(KEY).faults(Faults::function(|arrival| {
        (arrival.path == path::PROFILES && arrival.sequence == 1).then(|| Fault::status(409))
    })));
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(put_profiles(&fake, ITEM).await.status().as_u16());
    }
    assert_eq!(statuses, [204, 409, 204]);
}

#[tokio::test]
async fn an_applied_fault_applies_only_what_would_have_been_taken() {
    let fake = with(Fault::status(500).applied());
    let bad = r#"{"customerProfiles":[{"integrationId":"a","attributes":{"nope":1}}]}"#;
    let answer = send(&fake, Method::PUT, path::PROFILES, bad).await;
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(noted(&fake), (false, Some(500), Some("answer")));
    assert!(try_send(&fake, Method::PUT, path::PROFILES, bad).await.unwrap().status().is_client_error());
}
