//! `Idempotency-Key`: a request that comes again with its key gets the answer that it got, and changes nothing.
//!
//! Published is that answers are stored and expire after 24 hours, and that a key has at most 255 characters. Where nothing is
//! published this takes the reading of the IETF's draft on the header: a key that comes with another request is a 422. Stored are the
//! answers of what was carried out or refused for its content, not those that say "later" or "not you": a repetition would get the same
//! 429 for a day.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use hyper::StatusCode;
use hyper::http::request::Parts;

use crate::api::error_body::Problem;
use crate::lock::lock;
use crate::server::exchange::Exchange;

const KEPT: Duration = Duration::from_secs(24 * 60 * 60);
const MAX_CHARACTERS: usize = 255;

/// What a call answered: a body, or what is wrong.
type Answered = Result<String, Vec<Problem>>;

#[derive(Debug, Default)]
pub(crate) struct Answers {
    by_key: HashMap<String, Stored>,
    /// The oldest first.
    order: VecDeque<(Instant, String)>,
}

#[derive(Debug)]
struct Stored {
    /// Method, target and body.
    request: (String, Vec<u8>),
    answered: Answered,
}

/// The key of a request, if it has one.
pub(crate) fn key(head: &Parts) -> Option<&str> {
    head.headers.get("idempotency-key")?.to_str().ok()
}

/// Acts once for each key.
pub(super) fn once(exchange: &Exchange, body: &[u8], act: impl FnOnce() -> Answered) -> Answered {
    let Some(key) = checked(&exchange.head)? else {
        return act();
    };
    let request = (format!("{} {}", exchange.head.method, exchange.head.uri), body.to_owned());
    let now = exchange.shared.settings.clock.now().instant;
    let mut answers = lock(&exchange.shared.answers);
    answers.expire(now);
    if let Some(stored) = answers.by_key.get(key) {
        if stored.request == request {
            return stored.answered.clone();
        }
        let details = "this Idempotency-Key came with another request before";
        return Err(vec![Problem::request(StatusCode::UNPROCESSABLE_ENTITY, "Idempotency-Key", details)]);
    }
    // Under the lock: a repetition that comes meanwhile waits for the answer.
    let answered = act();
    answers.order.push_back((now, key.to_owned()));
    answers.by_key.insert(key.to_owned(), Stored { request, answered: answered.clone() });
    answered
}

fn checked(head: &Parts) -> Result<Option<&str>, Vec<Problem>> {
    let mut sent = head.headers.get_all("idempotency-key").iter();
    let told = |details: &str| {
        let problem = Problem::request(StatusCode::BAD_REQUEST, "Idempotency-Key", details);
        Err(vec![problem])
    };
    match (sent.next(), sent.next()) {
        (None, _) => Ok(None),
        (Some(_), Some(_)) => told("there is more than one Idempotency-Key header"),
        (Some(_), None) => match key(head) {
            Some(key) if (1..=MAX_CHARACTERS).contains(&key.len()) => Ok(Some(key)),
            _ => told("an Idempotency-Key must have 1 to 255 characters of ASCII"),
        },
    }
}

impl Answers {
    fn expire(&mut self, now: Instant) {
        while let Some((stored, key)) = self.order.front()
            && now.duration_since(*stored) >= KEPT
        {
            self.by_key.remove(key);
            self.order.pop_front();
        }
    }
}
