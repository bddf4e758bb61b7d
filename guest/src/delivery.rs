//! Delivering a batch: requests out, repeated where that is worth it, divided where some record is at fault, until each
//! record is accepted, rejected, or left undelivered.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::bindings::exports::etl::destination::destination::{
    Failure, MappedBatch, Problem, ProblemKind, Rejection, Report,
};
use crate::clock::Clock;
use crate::config::Config;
use crate::message::{self, joined};
use crate::problem::problem;
use crate::records::Records;
use crate::request::{self, Asked, Cut, Endpoint, MAX_BODY_BYTES};
use crate::response::{self, Meaning, Refusal};
use crate::retry::{self, Decision, Jitter};
use crate::split::{self, Trial};
use crate::transport::{Break, BreakKind, Transport};

/// Deliver a batch.
///
/// # Errors
/// A failure that left every record undelivered.
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(crate) fn deliver(
    config: &Config,
    batch: &MappedBatch,
    transport: &mut impl Transport,
    clock: &mut impl Clock,
) -> Result<Report, Failure> {
    let records = Records::read(config, batch)?;
    let endpoint = Endpoint::of(config.object);
    let Cut { parts, too_large } = request::cut(endpoint, &records.kept, config.batch_size, MAX_BODY_BYTES);
    let mut delivery = Delivery::new(config, endpoint, &records, transport, clock);
    for place in too_large {
        let bytes = delivery.item(place).len();
        delivery.settle(place, Fate::Rejected("too-large", message::too_large(bytes)));
    }
    let stopped = delivery.send_all(parts).err();
    delivery.report(stopped)
}

/// Bytes of a body that no sane limit refuses: where that happens, it is not for the record.
const SMALL_BODY: usize = 1024;

/// What became of a record.
#[derive(Clone)]
enum Fate {
    Undelivered,
    Accepted,
    /// A code and a message.
    Rejected(&'static str, String),
}

struct Delivery<'a, T, C> {
    config: &'a Config,
    endpoint: Endpoint,
    records: &'a Records<'a>,
    transport: &'a mut T,
    clock: &'a mut C,
    jitter: Jitter,
    /// When the call began, by the clock.
    started: u64,
    /// Of each kept record.
    fates: Vec<Fate>,
    /// The smallest size at which several records were refused for it, and how. As much is not sent together again. One
    /// record alone always is: none is rejected unheard.
    too_large: Option<(usize, Refusal)>,
    /// Some request was acknowledged.
    acknowledged: bool,
    requests: u32,
    retries: u32,
}

impl<'a, T: Transport, C: Clock> Delivery<'a, T, C> {
    #[cfg_attr(target_family = "wasm", optimize(size))]
    fn new(
        config: &'a Config,
        endpoint: Endpoint,
        records: &'a Records<'a>,
        transport: &'a mut T,
        clock: &'a mut C,
    ) -> Self {
        let started = clock.now_ms();
        // Workers start together, but not with the same records.
        let mut seed = DefaultHasher::new();
        started.hash(&mut seed);
        records.kept.iter().take(16).for_each(|record| record.key.hash(&mut seed));
        Self {
            config,
            endpoint,
            records,
            transport,
            clock,
            jitter: Jitter::new(seed.finish()),
            started,
            fates: vec![Fate::Undelivered; records.kept.len()],
            too_large: None,
            acknowledged: false,
            requests: 0,
            retries: 0,
        }
    }

    fn send_all(&mut self, parts: Vec<Vec<usize>>) -> Result<(), Failure> {
        for part in parts {
            if let Some(refusal) = self.send(&part)? {
                split::isolate(part, refusal, self)?;
            }
        }
        Ok(())
    }

    /// Wait before another attempt, or fail where that is not worth it.
    #[cfg_attr(target_family = "wasm", optimize(size))]
    fn wait(&mut self, attempts: u64, problem: &Problem) -> Result<(), Failure> {
        let now = self.clock.now_ms();
        let asked = problem.retry_after_ms;
        let elapsed = now.saturating_sub(self.started);
        let ended = match retry::decide(&self.config.retry, attempts, elapsed, asked, &mut self.jitter) {
            Decision::GiveUp(why) => message::gave_up(&self.config.retry, why, asked),
            Decision::Wait(milliseconds) => {
                self.clock.sleep_ms(milliseconds);
                // An engine that ends its run ends all waits at once. Going on would repeat without a pause.
                let slept = self.clock.now_ms().saturating_sub(now);
                if slept >= milliseconds / 2 {
                    return Ok(());
                }
                message::wait_ended().to_owned()
            }
        };
        Err(Failure::Transient(ended_by(problem, &ended)))
    }

    /// Where even a small request is refused for its size, each of the others would be.
    #[cfg_attr(target_family = "wasm", optimize(size))]
    fn any_size_refused(&self, bytes: usize, refusal: &Refusal) -> Failure {
        let said = message::any_size_refused(self.config, bytes);
        let message = message::with_said(&said, &refusal.complaint, message::check_address());
        Failure::Permanent(Problem { status: Some(refusal.status), ..problem(ProblemKind::Refused, message) })
    }

    fn settle(&mut self, place: usize, fate: Fate) {
        if let Some(settled) = self.fates.get_mut(place) {
            *settled = fate;
        }
    }

    /// The report, or the bare failure if nothing was settled before it.
    #[cfg_attr(target_family = "wasm", optimize(size))]
    fn report(self, stopped: Option<Failure>) -> Result<Report, Failure> {
        if let Some(failure) = &stopped
            && self.fates.iter().all(|fate| matches!(fate, Fate::Undelivered))
        {
            return Err(failure.clone());
        }
        let records = self.records;
        // By index in the batch. A record that a later one replaced was not sent: it is in or out with that one.
        let mut fates: Vec<Option<(&Fate, bool)>> = vec![None; records.kept.len() + records.superseded.len()];
        let mut note = |index: u32, fate| {
            if let Some(noted) = usize::try_from(index).ok().and_then(|index| fates.get_mut(index)) {
                *noted = fate;
            }
        };
        let mut superseded = 0;
        for (record, fate) in records.kept.iter().zip(&self.fates) {
            note(record.index, Some((fate, false)));
        }
        for record in &records.superseded {
            let fate = self.fates.get(record.by);
            superseded += u32::from(matches!(fate, Some(Fate::Accepted)));
            note(record.index, fate.map(|fate| (fate, true)));
        }
        let mut report = Report {
            accepted: Vec::new(),
            rejected: Vec::new(),
            undelivered: Vec::new(),
            failure: stopped,
            superseded,
            requests: self.requests,
            retries: self.retries,
        };
        for (index, fate) in (0..).zip(fates) {
            match fate {
                Some((Fate::Accepted, _)) => report.accepted.push(index),
                Some((Fate::Rejected(code, message), superseded)) => report.rejected.push(Rejection {
                    record_index: index,
                    code: (*code).to_owned(),
                    message: if superseded { message::of_the_last(message) } else { message.clone() },
                }),
                Some((Fate::Undelivered, _)) | None => report.undelivered.push(index),
            }
        }
        Ok(report)
    }
}

/// A problem after which nothing more was attempted, and why not.
#[cfg_attr(target_family = "wasm", optimize(size))]
fn ended_by(problem: &Problem, why: &str) -> Problem {
    Problem { message: joined("; ", &[problem.message.as_str(), why]), ..problem.clone() }
}

impl<T: Transport, C: Clock> Trial for Delivery<'_, T, C> {
    fn send(&mut self, part: &[usize]) -> Result<Option<Refusal>, Failure> {
        let request = self.endpoint.request(&self.records.kept, part);
        if let Some((bytes, refusal)) = &self.too_large
            && request.body.len() >= *bytes
            && part.len() > 1
        {
            return Ok(Some(refusal.clone()));
        }
        let mut attempts = 0;
        // What the last attempt failed with: it says more than what kept the next from being made.
        let mut before: Option<Problem> = None;
        loop {
            let answer = self.transport.send(&request);
            self.requests = self.requests.saturating_add(1);
            self.retries = self.retries.saturating_add(u32::from(attempts > 0));
            attempts += 1;
            if let (Some(before), Err(Break { kind: BreakKind::Denied, detail })) = (&before, &answer) {
                let denied = message::not_repeated(&self.config.api_key.scrub(detail));
                return Err(Failure::Transient(ended_by(before, &denied)));
            }
            match response::meaning(answer, self.config, Asked::Records, self.clock.unix_seconds()) {
                Meaning::Accepted => {
                    self.acknowledged = true;
                    part.iter().for_each(|place| self.settle(*place, Fate::Accepted));
                    return Ok(None);
                }
                Meaning::Refused(refusal) => {
                    let bytes = request.body.len();
                    if refusal.for_size() && part.len() > 1 {
                        self.too_large = Some((bytes, refusal.clone()));
                    } else if refusal.for_size() && bytes <= SMALL_BODY && !self.acknowledged {
                        return Err(self.any_size_refused(bytes, &refusal));
                    }
                    return Ok(Some(refusal));
                }
                Meaning::Permanent(problem) => return Err(Failure::Permanent(problem)),
                Meaning::Transient(problem) => {
                    self.wait(attempts, &problem)?;
                    before = Some(problem);
                }
            }
        }
    }

    #[cfg_attr(target_family = "wasm", optimize(size))]
    fn reject(&mut self, place: usize, refusal: &Refusal) {
        let (code, message) = response::rejection(refusal, self.config.object, self.item(place).len());
        self.settle(place, Fate::Rejected(code, message));
    }

    fn item(&self, place: usize) -> &str {
        self.records.kept.get(place).map_or("", |record| &record.item)
    }

    fn key(&self, place: usize) -> &str {
        self.records.kept.get(place).map_or("", |record| record.key)
    }
}

#[cfg(test)]
mod tests;
