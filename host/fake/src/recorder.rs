//! Every request that was seen, in the order their heads arrived.

mod count;
pub(crate) mod upload;

use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use hyper::http::request::Parts;
use hyper::{Method, StatusCode, Version};
use thiserror::Error;

use crate::clock::Moment;
use crate::lock::lock;
use crate::rate;
use crate::recorder::upload::Upload;

/// How much is remembered of each request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Heads of all requests, bodies of the first so many.
    Bodies(usize),
    /// Heads only.
    Heads,
    /// When it arrived, its path, its size and its status.
    Counts,
}

/// One request as it was seen, and its result.
#[derive(Debug, Clone)]
pub struct Request {
    /// Counts up from 0 for as long as the fake runs, over resets too.
    pub sequence: u64,
    /// When its head had arrived.
    pub arrived: Instant,
    /// The same on the wall clock.
    pub arrived_wall: SystemTime,
    /// Which connection it came over; they are numbered from 0.
    pub connection: u64,
    /// HTTP/1.1 or HTTP/2, as the client spoke.
    pub version: Version,
    /// Its method.
    pub method: Method,
    /// Its path without the query.
    pub path: String,
    /// What stands behind the `?`.
    pub query: Option<String>,
    /// Names in lower case, in the order they were sent. Over HTTP/2 the authority stands in here as `host`.
    pub headers: Vec<(String, String)>,
    /// Byte for byte. None where it is not kept, was over the body limit, or never came to its end.
    pub body: Option<Bytes>,
    /// Bytes of the body; 0 until it has arrived whole.
    pub body_bytes: u64,
    /// Profiles or membership changes that the body holds, counted whether they were taken or not.
    pub items: u32,
    /// Items that were applied.
    pub applied: u32,
    /// Items that a later one with the same key replaced, in this one request.
    pub superseded: u32,
    /// What was answered. None while nothing was decided, or where a fault left it without an answer.
    pub status: Option<StatusCode>,
    /// The fault that was injected, by its name in a script: `reset`, `answer`.
    pub fault: Option<&'static str>,
}

impl Request {
    /// The first header of this name, given in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// The body as text; empty where it is not kept or not UTF-8.
    #[must_use]
    pub fn text(&self) -> &str {
        self.body.as_deref().and_then(|body| std::str::from_utf8(body).ok()).unwrap_or_default()
    }

    fn is_decided(&self) -> bool {
        self.status.is_some() || self.fault.is_some()
    }
}

/// Fewer requests came than were waited for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("waited {waited:?} for {wanted} requests, saw {seen}")]
pub struct TimedOut {
    /// How many were waited for.
    pub wanted: usize,
    /// How many had been answered or failed by then.
    pub seen: usize,
    /// For how long.
    pub waited: Duration,
}

/// Names a request while it is being answered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ticket(u64);

impl Ticket {
    /// The request's number.
    pub(crate) fn sequence(self) -> u64 {
        self.0
    }
}

#[derive(Debug)]
pub(crate) struct Recorder {
    keep: Keep,
    log: Mutex<Log>,
    decided: Condvar,
}

#[derive(Debug, Default)]
struct Log {
    requests: Vec<Request>,
    /// Sequence number of the first of `requests`.
    first: u64,
    bodies: usize,
    connections: u64,
}

impl Log {
    /// None for a request from before the last reset.
    fn get(&mut self, ticket: Ticket) -> Option<&mut Request> {
        let index = usize::try_from(ticket.0.checked_sub(self.first)?).ok()?;
        self.requests.get_mut(index)
    }

    fn decided(&self) -> usize {
        self.requests.iter().filter(|request| request.is_decided()).count()
    }
}

impl Recorder {
    pub(crate) fn new(keep: Keep) -> Self {
        Self { keep, log: Mutex::default(), decided: Condvar::new() }
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        lock(&self.log)
    }

    /// Numbers a new connection.
    pub(crate) fn connected(&self) -> u64 {
        let mut log = self.log();
        let number = log.connections;
        log.connections += 1;
        number
    }

    /// Notes a head. The ticket is for noting the rest.
    pub(crate) fn arrived(&self, head: &Parts, connection: u64, at: Moment) -> Ticket {
        let mut log = self.log();
        let sequence = log.first + log.requests.len() as u64;
        let headers = if self.keep == Keep::Counts { Vec::new() } else { headers(head) };
        log.requests.push(Request {
            sequence,
            arrived: at.instant,
            arrived_wall: at.wall,
            connection,
            version: head.version,
            method: head.method.clone(),
            path: head.uri.path().to_owned(),
            query: head.uri.query().map(str::to_owned),
            headers,
            body: None,
            body_bytes: 0,
            items: 0,
            applied: 0,
            superseded: 0,
            status: None,
            fault: None,
        });
        Ticket(sequence)
    }

    pub(crate) fn uploaded(&self, ticket: Ticket, upload: &Upload) {
        let mut log = self.log();
        let keep = matches!(self.keep, Keep::Bodies(most) if log.bodies < most);
        let Some(request) = log.get(ticket) else {
            return;
        };
        request.body_bytes = upload.size;
        request.items = upload.items;
        if keep {
            request.body.clone_from(&upload.bytes);
            log.bodies += 1;
        }
    }

    pub(crate) fn applied(&self, ticket: Ticket, applied: u32, superseded: u32) {
        if let Some(request) = self.log().get(ticket) {
            request.applied = applied;
            request.superseded = superseded;
        }
    }

    /// Notes what becomes of a request, before it is done to it.
    pub(crate) fn decided(&self, ticket: Ticket, status: Option<StatusCode>, fault: Option<&'static str>) {
        if let Some(request) = self.log().get(ticket) {
            request.status = status;
            request.fault = fault;
        }
        self.decided.notify_all();
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.log().requests.clone()
    }

    pub(crate) fn sum(&self, part: impl Fn(&Request) -> u64) -> u64 {
        self.log().requests.iter().map(part).sum()
    }

    pub(crate) fn connections(&self) -> u64 {
        self.log().connections
    }

    pub(crate) fn busiest_second(&self) -> usize {
        let mut times: Vec<Instant> = self.log().requests.iter().map(|request| request.arrived).collect();
        times.sort_unstable();
        rate::busiest_second(&times)
    }

    pub(crate) fn wait(&self, wanted: usize, timeout: Duration) -> Result<(), TimedOut> {
        let (log, _) = self
            .decided
            .wait_timeout_while(self.log(), timeout, |log| log.decided() < wanted)
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        match log.decided() {
            seen if seen < wanted => Err(TimedOut { wanted, seen, waited: timeout }),
            _ => Ok(()),
        }
    }

    /// Forgets all requests. Connections stay counted: they are still there.
    pub(crate) fn reset(&self) {
        let mut log = self.log();
        log.first += log.requests.len() as u64;
        log.requests.clear();
        log.bodies = 0;
    }
}

fn headers(head: &Parts) -> Vec<(String, String)> {
    let authority = head.uri.authority().filter(|_| head.version == Version::HTTP_2);
    let authority = authority.map(|authority| ("host".to_owned(), authority.to_string()));
    let sent = head
        .headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    authority.into_iter().chain(sent).collect()
}
