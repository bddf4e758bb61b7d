//! Delivering a batch: requests out, retried where that helps, divided where some record is at fault, until each record is
//! accepted, rejected, or left undelivered. What a request looks like and what an answer means is the plugin's to say: a
//! [`Protocol`].

mod backoff;
mod chunks;
mod idempotency;
mod message;
mod protocol;
mod records;
pub mod retry;
pub mod split;

pub use self::backoff::Backoff;
pub use self::chunks::{Chunks, chunks};
pub use self::protocol::{Disposition, Limits, Protocol, Refusal, disposition};
pub use self::records::{Record, Records, Superseded};

use std::hash::{DefaultHasher, Hash, Hasher};

use self::split::BatchSender;
use crate::bindings::effects::{self, EffectCount};
use crate::bindings::{Body, Failure, Problem, Rejection, Report, Request};
use crate::clock::Clock;
use crate::http::{Transport, TransportError, TransportErrorKind};

/// The requests that [`deliver`] makes if none of the records is refused: for `render-batch`.
#[must_use]
#[inline(never)] // within a plugin's export it would be built for speed
pub fn render(protocol: &dyn Protocol, records: &Records<'_>) -> Vec<Request> {
    let chunks = chunks(protocol.limits(), records);
    let requests = chunks.requests.iter().map(|chunk| records.some(chunk));
    let sent = requests.filter(|records| unsendable(protocol, records).is_none());
    sent.map(|records| protocol.request(&records))
        .map(|request| Request {
            method: request.method.name().to_owned(),
            path: request.path.into_owned(),
            body: Body::Text(request.body),
        })
        .collect()
}

/// Deliver records: for `send-batch`.
///
/// # Errors
/// A failure that left every record undelivered.
#[inline(never)] // within a plugin's export it would be built for speed
pub fn deliver(
    protocol: &dyn Protocol,
    records: &Records<'_>,
    transport: &mut dyn Transport,
    clock: &mut dyn Clock,
) -> Result<effects::Delivery, Failure> {
    let Chunks { requests, oversized } = chunks(protocol.limits(), records);
    let mut delivery = Delivery::new(protocol, records, transport, clock);
    for index in oversized {
        let bytes = delivery.item(index).len();
        delivery.set_status(index, RecordStatus::Rejected("too-large", message::too_large(bytes)));
    }
    let stopped = delivery.send_all(requests).err();
    let effects = std::mem::take(&mut delivery.effects);
    delivery.report(stopped).map(|report| effects::Delivery { report, effects })
}

/// Why what is to go alone can't.
fn unsendable(protocol: &dyn Protocol, records: &[&Record<'_>]) -> Option<(&'static str, String)> {
    match records {
        [record] => protocol.unsendable(record),
        _ => None,
    }
}

/// Bytes of a body that no sane limit refuses: if it is refused all the same, no record is at fault.
const SMALL_BODY: usize = 1024;

/// The result of a record so far.
enum RecordStatus {
    Undelivered,
    Accepted,
    /// A code and a message.
    Rejected(&'static str, String),
}

struct Delivery<'a> {
    protocol: &'a dyn Protocol,
    records: &'a Records<'a>,
    transport: &'a mut dyn Transport,
    clock: &'a mut dyn Clock,
    backoff: Backoff,
    /// Of each kept record.
    statuses: Vec<RecordStatus>,
    /// The smallest size at which several records were refused for it, and how. As much is not sent together again. One
    /// record alone always is sent: none is rejected untried.
    too_large: Option<(usize, Refusal)>,
    /// Some request was acknowledged.
    acknowledged: bool,
    requests: u32,
    retries: u32,
    /// None stands twice.
    effects: Vec<EffectCount>,
}

impl<'a> Delivery<'a> {
    fn new(
        protocol: &'a dyn Protocol,
        records: &'a Records<'a>,
        transport: &'a mut dyn Transport,
        clock: &'a mut dyn Clock,
    ) -> Self {
        let started = clock.now_ms();
        // Workers start together, but not with the same records.
        let mut seed = DefaultHasher::new();
        started.hash(&mut seed);
        records.kept.iter().take(16).for_each(|record| record.key.hash(&mut seed));
        Self {
            protocol,
            records,
            transport,
            clock,
            backoff: Backoff::new(protocol.retry(), seed.finish(), started),
            statuses: records.kept.iter().map(|_| RecordStatus::Undelivered).collect(),
            too_large: None,
            acknowledged: false,
            requests: 0,
            retries: 0,
            effects: Vec::new(),
        }
    }

    fn send_all(&mut self, requests: Vec<Vec<usize>>) -> Result<(), Failure> {
        for part in requests {
            if let Some(refusal) = self.send(&part)? {
                split::isolate(part, refusal, self)?;
            }
        }
        Ok(())
    }

    fn count_effects(&mut self, effects: Vec<String>) {
        for effect in effects {
            match self.effects.iter_mut().find(|known| known.effect == effect) {
                Some(known) => known.count += 1,
                None => self.effects.push(EffectCount { effect, count: 1 }),
            }
        }
    }

    fn set_status(&mut self, index: usize, status: RecordStatus) {
        if let Some(current) = self.statuses.get_mut(index) {
            *current = status;
        }
    }

    /// The report, or the bare failure if no record was accepted or rejected before it.
    fn report(self, stopped: Option<Failure>) -> Result<Report, Failure> {
        if let Some(failure) = &stopped
            && self.statuses.iter().all(|status| matches!(status, RecordStatus::Undelivered))
        {
            return Err(failure.clone());
        }
        let records = self.records;
        // By index in the batch. A record that a later one replaced was not sent: its result is that of the later one.
        let mut statuses: Vec<Option<(&RecordStatus, bool)>> =
            vec![None; records.kept.len() + records.superseded.len()];
        let mut set = |batch_index: u32, status| {
            if let Some(current) = usize::try_from(batch_index).ok().and_then(|index| statuses.get_mut(index)) {
                *current = status;
            }
        };
        let mut superseded = 0;
        for (record, status) in records.kept.iter().zip(&self.statuses) {
            set(record.batch_index, Some((status, false)));
        }
        for record in &records.superseded {
            let status = self.statuses.get(record.by);
            superseded += u32::from(matches!(status, Some(RecordStatus::Accepted)));
            set(record.batch_index, status.map(|status| (status, true)));
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
        for (batch_index, status) in (0..).zip(statuses) {
            match status {
                Some((RecordStatus::Accepted, _)) => report.accepted.push(batch_index),
                Some((RecordStatus::Rejected(code, message), superseded)) => report.rejected.push(Rejection {
                    record_index: batch_index,
                    code: (*code).to_owned(),
                    message: if superseded { message::about_the_last(message) } else { message.clone() },
                }),
                Some((RecordStatus::Undelivered, _)) | None => report.undelivered.push(batch_index),
            }
        }
        Ok(report)
    }
}

impl BatchSender for Delivery<'_> {
    fn send(&mut self, part: &[usize]) -> Result<Option<Refusal>, Failure> {
        let records = self.records.some(part);
        if let (Some((code, message)), [index]) = (unsendable(self.protocol, &records), part) {
            self.set_status(*index, RecordStatus::Rejected(code, message));
            return Ok(None);
        }
        let mut request = self.protocol.request(&records);
        if let Some((bytes, refusal)) = &self.too_large
            && request.body.len() >= *bytes
            && part.len() > 1
        {
            return Ok(Some(refusal.clone()));
        }
        if let (Some(header), Some(first)) = (self.protocol.idempotency_header(), records.first()) {
            request.headers.push((header, idempotency::new_key(first, self.clock)));
        }
        let mut attempts = 0;
        // What the last attempt failed with: it says more than what blocked the next one.
        let mut before: Option<Problem> = None;
        loop {
            let answer = self.transport.send(&request);
            self.requests = self.requests.saturating_add(1);
            self.retries = self.retries.saturating_add(u32::from(attempts > 0));
            attempts += 1;
            if let (Some(before), Err(TransportError { kind: TransportErrorKind::Denied, detail })) = (&before, &answer)
            {
                let denied = message::retry_blocked(&self.protocol.scrub(detail));
                return Err(Failure::Transient(backoff::ended_by(before, &denied)));
            }
            match self.protocol.disposition(answer, self.clock.unix_seconds()) {
                Disposition::Accepted(effects) => {
                    self.acknowledged = true;
                    self.count_effects(effects);
                    part.iter().for_each(|index| self.set_status(*index, RecordStatus::Accepted));
                    return Ok(None);
                }
                Disposition::Refused(refusal) => {
                    let bytes = request.body.len();
                    if refusal.for_size() && part.len() > 1 {
                        self.too_large = Some((bytes, refusal.clone()));
                    } else if refusal.for_size() && bytes <= SMALL_BODY && !self.acknowledged {
                        return Err(Failure::Permanent(self.protocol.any_size_refused(bytes, &refusal)));
                    }
                    return Ok(Some(refusal));
                }
                Disposition::Permanent(problem) => return Err(Failure::Permanent(problem)),
                Disposition::Transient(problem) => {
                    self.backoff.wait(attempts, &problem, self.clock)?;
                    before = Some(problem);
                }
            }
        }
    }

    fn reject(&mut self, index: usize, refusal: &Refusal) {
        let (code, message) = self.protocol.rejection(refusal, self.item(index).len());
        self.set_status(index, RecordStatus::Rejected(code, message));
    }

    fn item(&self, index: usize) -> &str {
        self.records.kept.get(index).map_or("", |record| &record.item)
    }

    fn key(&self, index: usize) -> &str {
        self.records.kept.get(index).map_or("", |record| record.key)
    }

    fn common_fault(&self, refusal: &Refusal, indices: &[usize]) -> bool {
        self.protocol.common_fault(refusal, &self.records.items(indices))
    }
}
