//! Delivering a batch: requests out, repeated where that is worth it, divided where some record is at fault, until each
//! record is accepted, rejected, or left undelivered.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::bindings::exports::etl::destination::destination::{Failure, MappedBatch, Problem, Rejection, Report};
use crate::clock::Clock;
use crate::config::Config;
use crate::message;
use crate::records::Records;
use crate::request::{self, Cut, Endpoint, MAX_BODY_BYTES};
use crate::response::{self, Meaning, Refusal};
use crate::retry::{self, Decision, Jitter};
use crate::split::{self, Trial};
use crate::transport::Transport;

/// Deliver a batch.
///
/// # Errors
/// A failure that left every record undelivered.
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
    requests: u32,
    retries: u32,
}

impl<'a, T: Transport, C: Clock> Delivery<'a, T, C> {
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
    fn wait(&mut self, attempts: u64, problem: Problem) -> Result<(), Failure> {
        let elapsed = self.clock.now_ms().saturating_sub(self.started);
        match retry::decide(&self.config.retry, attempts, elapsed, problem.retry_after_ms, &mut self.jitter) {
            Decision::Wait(milliseconds) => {
                self.clock.sleep_ms(milliseconds);
                Ok(())
            }
            Decision::GiveUp => Err(Failure::Transient(problem)),
        }
    }

    fn settle(&mut self, place: usize, fate: Fate) {
        if let Some(settled) = self.fates.get_mut(place) {
            *settled = fate;
        }
    }

    /// The report, or the bare failure if nothing was settled before it.
    fn report(self, stopped: Option<Failure>) -> Result<Report, Failure> {
        if let Some(failure) = &stopped
            && self.fates.iter().all(|fate| matches!(fate, Fate::Undelivered))
        {
            return Err(failure.clone());
        }
        let records = self.records;
        // By index in the batch. A record that a later one replaced was not sent: it is in or out with that one.
        let mut fates: Vec<Option<&Fate>> = vec![None; records.kept.len() + records.superseded.len()];
        let mut note = |index: u32, fate| {
            if let Some(noted) = usize::try_from(index).ok().and_then(|index| fates.get_mut(index)) {
                *noted = fate;
            }
        };
        let mut superseded = 0;
        for (record, fate) in records.kept.iter().zip(&self.fates) {
            note(record.index, Some(fate));
        }
        for record in &records.superseded {
            let fate = self.fates.get(record.by);
            superseded += u32::from(matches!(fate, Some(Fate::Accepted)));
            note(record.index, fate);
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
                Some(Fate::Accepted) => report.accepted.push(index),
                Some(Fate::Rejected(code, message)) => report.rejected.push(Rejection {
                    record_index: index,
                    code: (*code).to_owned(),
                    message: message.clone(),
                }),
                Some(Fate::Undelivered) | None => report.undelivered.push(index),
            }
        }
        Ok(report)
    }
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
        loop {
            let answer = self.transport.send(&request);
            self.requests = self.requests.saturating_add(1);
            self.retries = self.retries.saturating_add(u32::from(attempts > 0));
            attempts += 1;
            match response::meaning(answer, self.config, self.config.object.audience(), self.clock.unix_seconds()) {
                Meaning::Accepted => {
                    part.iter().for_each(|place| self.settle(*place, Fate::Accepted));
                    return Ok(None);
                }
                Meaning::Refused(refusal) => {
                    if refusal.for_size() && part.len() > 1 {
                        self.too_large = Some((request.body.len(), refusal.clone()));
                    }
                    return Ok(Some(refusal));
                }
                Meaning::Permanent(problem) => return Err(Failure::Permanent(problem)),
                Meaning::Transient(problem) => self.wait(attempts, problem)?,
            }
        }
    }

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
