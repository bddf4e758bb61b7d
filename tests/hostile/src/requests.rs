//! Records as requests of ten, and what their answers mean. Nothing is repeated: that is left to the engine.

use std::collections::HashMap;

use crate::bindings::exports::etl::destination::destination::{
    Action, Body, Failure, MappedBatch, Problem, ProblemKind, Rejection, Report, Request,
};
use crate::config::{Config, failure};
use crate::mutant;
use crate::rows::{quoted, random, texts};

/// Records of a request.
pub(crate) const MOST: usize = 10;

/// A record, rendered, with its place in the batch.
struct Item {
    index: u32,
    text: String,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after_ms: Option<u64>,
    pub(crate) body: String,
    /// The body did not break off.
    pub(crate) whole: bool,
}

/// The records to send; those that a later one of the same key stands for are the second.
fn items(text: &str, batch: &MappedBatch) -> Result<(Vec<Item>, Vec<u32>), Failure> {
    let malformed = || failure(ProblemKind::Internal, "the batch is malformed".to_owned());
    let (keys, payloads) = (texts(&batch.keys, "")?, texts(&batch.payloads, "")?);
    if keys.len() != batch.actions.len() || payloads.len() != batch.actions.len() {
        return Err(malformed());
    }
    let last: HashMap<&str, usize> = keys.iter().enumerate().map(|(index, key)| (*key, index)).collect();
    let (mut items, mut superseded) = (Vec::new(), Vec::new());
    for (index, ((key, payload), action)) in keys.iter().zip(&payloads).zip(&batch.actions).enumerate() {
        let place = u32::try_from(index).map_err(|_| malformed())?;
        if mutant(text, "row-numbers") && batch.rows.get(index).is_some_and(|row| *row as usize >= keys.len()) {
            return Err(malformed());
        }
        if last.get(key) != Some(&index) {
            superseded.push(place);
            continue;
        }
        let text = match action {
            Action::Delete => format!("{{\"delete\":{}}}", quoted(key)),
            Action::Upsert | Action::Add => (*payload).to_owned(),
        };
        items.push(Item { index: place, text });
    }
    Ok((items, superseded))
}

fn request(config: &Config, text: &str, items: &[Item]) -> Request {
    let records: Vec<&str> = items.iter().map(|item| item.text.as_str()).collect();
    let mut body = format!("[{}]", records.join(","));
    if mutant(text, "render-random") {
        body.push_str(&random().to_string());
    }
    if mutant(text, "secret-in-body") {
        body.push_str(&quoted(&config.key));
    }
    let method = if mutant(text, "lower-method") { "post" } else { "POST" };
    Request { method: method.to_owned(), path: format!("{}/records", config.path), body: Body::Text(body) }
}

pub(crate) fn render(config: &Config, text: &str, batch: &MappedBatch) -> Result<Vec<Request>, Failure> {
    let (items, _) = items(text, batch)?;
    Ok(items.chunks(MOST).map(|chunk| request(config, text, chunk)).collect())
}

/// What to do with the records of a request.
enum Verdict {
    Accepted,
    /// Whose fault it is, is found by halves.
    Refused,
    Stopped(Failure),
}

fn verdict(text: &str, answer: Result<Answer, String>) -> Verdict {
    let answer = match answer {
        Ok(answer) => answer,
        Err(message) => {
            let problem = Problem { kind: ProblemKind::Connection, message, status: None, retry_after_ms: None };
            return Verdict::Stopped(match mutant(text, "reset-permanent") {
                true => Failure::Permanent(problem),
                false => Failure::Transient(problem),
            });
        }
    };
    let status = answer.status;
    let told = if mutant(text, "echo") { answer.body } else { format!("the server answered {status}") };
    let problem =
        |kind| Problem { kind, message: told.clone(), status: Some(status), retry_after_ms: answer.retry_after_ms };
    let permanent = |kind| Verdict::Stopped(Failure::Permanent(problem(kind)));
    let transient = |kind| Verdict::Stopped(Failure::Transient(problem(kind)));
    match status {
        200..300 => Verdict::Accepted,
        300..400 if mutant(text, "redirect-accepted") => Verdict::Accepted,
        400 if mutant(text, "400-accepted") => Verdict::Accepted,
        404 if mutant(text, "404-accepted") => Verdict::Accepted,
        400 | 413 => Verdict::Refused,
        401 if mutant(text, "401-transient") => transient(ProblemKind::Authentication),
        401 | 403 => permanent(ProblemKind::Authentication),
        404 => permanent(ProblemKind::NotFound),
        429 => transient(ProblemKind::RateLimited),
        500.. if mutant(text, "500-permanent") => permanent(ProblemKind::Server),
        500.. => transient(ProblemKind::Server),
        _ => permanent(ProblemKind::Refused),
    }
}

/// What the answer to a first request says.
pub(crate) fn ping(text: &str, answer: Result<Answer, String>) -> Result<(), Failure> {
    match verdict("", answer) {
        Verdict::Accepted if mutant(text, "check-fails") => {
            Err(failure(ProblemKind::Refused, "the server is not the right one".to_owned()))
        }
        Verdict::Accepted => Ok(()),
        Verdict::Refused => Err(failure(ProblemKind::Refused, "the server does not take it".to_owned())),
        Verdict::Stopped(_) if mutant(text, "check-accepts-401") => Ok(()),
        Verdict::Stopped(failure) => Err(failure),
    }
}

/// Sends everything, through `exchange`.
pub(crate) fn send(
    config: &Config,
    text: &str,
    batch: &MappedBatch,
    mut exchange: impl FnMut(&Request) -> Result<Answer, String>,
) -> Result<Report, Failure> {
    let (items, superseded) = items(text, batch)?;
    let mut report = Report {
        accepted: superseded.clone(),
        rejected: Vec::new(),
        undelivered: Vec::new(),
        failure: None,
        superseded: u32::try_from(superseded.len()).unwrap_or(u32::MAX),
        requests: 0,
        retries: 0,
    };
    let mut waiting: Vec<&[Item]> = items.chunks(MOST).rev().collect();
    if items.is_empty() && mutant(text, "empty-send") {
        waiting.push(&[]);
    }
    while let Some(chunk) = waiting.pop() {
        let mut request = request(config, text, chunk);
        if let (Body::Text(body), true) = (&mut request.body, mutant(text, "sends-more")) {
            body.push(' ');
        }
        let mut answer = exchange(&request);
        report.requests += 1;
        let repeats = match answer.as_ref().map(|answer| answer.status) {
            Ok(413) if mutant(text, "413-endless") => 200,
            Ok(429) if mutant(text, "429-at-once") => 2,
            _ => 0,
        };
        for _ in 0..repeats {
            answer = exchange(&request);
            report.requests += 1;
            report.retries += 1;
        }
        match verdict(text, answer) {
            Verdict::Accepted if mutant(text, "never-accepts") => {
                report.rejected.extend(chunk.iter().map(|item| rejection(item.index)));
            }
            Verdict::Accepted => report.accepted.extend(chunk.iter().map(|item| item.index)),
            Verdict::Refused => match chunk {
                [] => {}
                [item] => report.rejected.push(rejection(item.index)),
                more => {
                    let (first, second) = more.split_at(more.len() / 2);
                    waiting.push(second);
                    waiting.push(first);
                }
            },
            Verdict::Stopped(failure) => {
                let rest = waiting.iter().flat_map(|chunk| chunk.iter()).chain(chunk);
                report.undelivered = rest.map(|item| item.index).collect();
                report.failure = Some(failure);
                break;
            }
        }
    }
    if mutant(text, "removals") && batch.actions.contains(&Action::Delete) {
        report.rejected.extend(report.accepted.drain(..).map(rejection));
    }
    if mutant(text, "counts") {
        report.requests += 1;
    }
    report.accepted.sort_unstable();
    report.undelivered.sort_unstable();
    report.rejected.sort_by_key(|rejection| rejection.record_index);
    match report {
        // Nothing is to be told but the failure: what a later one stands for has not arrived either.
        Report { failure: Some(failure), rejected, accepted, .. } if rejected.is_empty() && accepted == superseded => {
            Err(failure)
        }
        report => Ok(report),
    }
}

fn rejection(record_index: u32) -> Rejection {
    Rejection { record_index, code: "refused".to_owned(), message: "the server does not take it".to_owned() }
}
