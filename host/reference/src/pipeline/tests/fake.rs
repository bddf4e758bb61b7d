//! A scripted plugin in front of a destination that remembers.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::pipeline::{Delivered, Delivery};
use destination_engine::arrow::records::{MappedBatch, Record};
use destination_engine::bindings::{
    Action, Body, Change as RowChange, Column, EffectCount, Problem, ProblemKind, Rejection, Request, RowIssue, Values,
};
use destination_engine::http::hooks::CallTraffic;
use destination_engine::plugin::answers::{Failure, Mapping, Report as Answer, Undelivered};
use destination_engine::plugin::instance::{CallError, CallOutcome};
use destination_engine::stop::Stop;

/// How the destination takes a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// All of it.
    Accept,
    /// All but the records whose key begins with this.
    Reject(&'static str),
    /// All of it; but the first answer got lost, and the repeat refused the records whose key begins with this.
    RejectInDoubt(&'static str),
    /// All of it, but the answer gets lost.
    LoseAnswer,
    /// Nothing.
    Refuse,
    /// The first record; the others may or may not have arrived, and did not.
    Half,
}

/// A plugin and its destination. Columns: `id` is the key, `v` the content. An `id` that begins with `?` can't be mapped,
/// though it is known whose it is; one that begins with `!` can't be read at all.
#[derive(Clone, Default)]
pub(super) struct Fake(Arc<Mutex<Held>>);

#[derive(Default)]
pub(super) struct Held {
    /// Key to content.
    pub(super) records: BTreeMap<String, String>,
    /// The keys of each batch, in the order in which they came.
    batches: Vec<Vec<String>>,
    turns: VecDeque<Turn>,
    /// Each record is a request of its own.
    pub(super) alone: bool,
    /// Asks for a stop in the middle of the next batch.
    pub(super) stop: Option<Stop>,
}

impl Fake {
    pub(super) fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap()
    }

    pub(super) fn script(&self, turns: &[Turn]) {
        self.held().turns = turns.iter().copied().collect();
    }

    pub(super) fn keys(&self) -> Vec<String> {
        self.held().records.keys().cloned().collect()
    }

    pub(super) fn take_batches(&self) -> Vec<Vec<String>> {
        std::mem::take(&mut self.held().batches)
    }
}

impl Held {
    fn apply(&mut self, record: &Record<'_>) {
        if record.action == Action::Delete {
            self.records.remove(record.key);
        } else {
            self.records.insert(record.key.to_owned(), record.payload.to_owned());
        }
    }
}

fn transient() -> Failure {
    let message = "no answer in time".to_owned();
    Failure::Transient(Problem { kind: ProblemKind::Timeout, message, status: None, retry_after_ms: None })
}

impl Delivery for Fake {
    async fn map_batch(&self, columns: &[Column<'_>], changes: &[RowChange]) -> Result<Mapping, CallError> {
        let texts = |name: &str| -> Vec<String> {
            let column = columns.iter().find(|column| column.name == name).unwrap();
            let Values::Texts(strings) = &column.values else { panic!("{name} is no text") };
            let value = |ends: &[u32]| strings.data[ends[0] as usize..ends[1] as usize].to_owned();
            strings.offsets.windows(2).map(value).collect()
        };
        let mut mapping = Mapping { batch: MappedBatch::default(), issues: Vec::new() };
        for ((row, id), content) in (0..).zip(texts("id")).zip(texts("v")) {
            let key = match id.chars().next() {
                Some('!') => None,
                Some('?') => Some(id[1..].to_owned()),
                _ => {
                    let action = match changes.get(row as usize) {
                        Some(RowChange::Removed) => Action::Delete,
                        _ => Action::Add,
                    };
                    mapping.batch.push(Record { row, key: &id, action, payload: &content }).unwrap();
                    continue;
                }
            };
            let (code, message) = ("bad-value".to_owned(), format!("{id} can't be mapped"));
            mapping.issues.push(RowIssue { row, key, column: None, code, message });
        }
        Ok(mapping)
    }

    async fn render_batch(&self, batch: &MappedBatch) -> Result<Vec<Request>, CallError> {
        let requests = if self.held().alone { batch.len() } else { 1 };
        let request = |_| Request { method: "PUT".to_owned(), path: "/".to_owned(), body: Body::Text(String::new()) };
        Ok((0..requests).map(request).collect())
    }

    async fn send_batch(&self, batch: &MappedBatch) -> CallOutcome<Delivered> {
        let in_doubt = matches!(self.held().turns.front(), Some(Turn::RejectInDoubt(_)));
        // One request of which nobody knows whether it took effect.
        let mut traffic = CallTraffic::default();
        traffic.requests = u64::from(in_doubt);
        let effects = vec![EffectCount { effect: "welcome".to_owned(), count: batch.len() as u64 }];
        CallOutcome { answer: self.take_batch(batch).map(|report| Delivered { report, effects }), traffic }
    }
}

impl Fake {
    fn take_batch(&self, batch: &MappedBatch) -> Result<Answer, CallError> {
        let mut held = self.held();
        held.batches.push(batch.iter().map(|record| record.key.to_owned()).collect());
        if let Some(stop) = held.stop.take() {
            stop.ask("a test");
        }
        let turn = held.turns.pop_front().unwrap_or(Turn::Accept);
        let records = u32::try_from(batch.len()).unwrap();
        let mut answer = Answer {
            accepted: Vec::new(),
            rejected: Vec::new(),
            undelivered: None,
            superseded: 0,
            requests: 1,
            retries: 0,
        };
        match turn {
            Turn::Refuse => return Err(CallError::Failed(transient())),
            Turn::LoseAnswer => {
                batch.iter().for_each(|record| held.apply(&record));
                return Err(CallError::Failed(transient()));
            }
            Turn::Half if records > 1 => {
                held.apply(&batch.get(0).unwrap());
                answer.accepted.push(0);
                answer.undelivered = Some(Undelivered { records: (1..records).collect(), failure: transient() });
            }
            Turn::Accept | Turn::Half | Turn::Reject(_) | Turn::RejectInDoubt(_) => {
                let in_doubt = matches!(turn, Turn::RejectInDoubt(_));
                for (record_index, record) in (0..).zip(batch.iter()) {
                    let refused = |prefix| record.key.starts_with(prefix);
                    if matches!(turn, Turn::Reject(prefix) | Turn::RejectInDoubt(prefix) if refused(prefix)) {
                        if in_doubt {
                            held.apply(&record);
                        }
                        let (code, message) = ("refused".to_owned(), "it was refused".to_owned());
                        answer.rejected.push(Rejection { record_index, code, message });
                    } else {
                        held.apply(&record);
                        answer.accepted.push(record_index);
                    }
                }
            }
        }
        Ok(answer)
    }
}
