//! What an answer means for the records that were sent.

use crate::bindings::exports::etl::destination::destination::{Problem, ProblemKind};
use crate::complaint::Complaint;
use crate::config::{AudienceId, Config, Object};
use crate::message::{self, said};
use crate::problem::problem;
use crate::retry::retry_after_ms;
use crate::transport::{Break, BreakKind, Response};

/// What to do now.
#[derive(Debug)]
pub(crate) enum Meaning {
    /// All records are in.
    Accepted,
    /// At least one of the records is at fault.
    Refused(Refusal),
    /// The same request may succeed later.
    Transient(Problem),
    /// No request of this sync can succeed.
    Permanent(Problem),
}

/// A refusal of some record among those sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) complaint: Complaint,
}

impl Refusal {
    /// The request was too large; the records may all be sound.
    pub(crate) fn for_size(&self) -> bool {
        self.status == 413
    }
}

/// Read an answer, or the lack of one. `audience` is the one that the request names, if it names one; `now` is in seconds
/// since 1970.
pub(crate) fn meaning(
    answer: Result<Response, Break>,
    config: &Config,
    audience: Option<AudienceId>,
    now: i64,
) -> Meaning {
    let answer = match answer {
        Ok(answer) => answer,
        Err(broken) => return of_break(config, &broken),
    };
    let status = answer.status;
    if (200..300).contains(&status) {
        if !answer.cut_short {
            return Meaning::Accepted;
        }
        let broken = Break { kind: BreakKind::Reset, detail: format!("its answer (HTTP {status}) was cut short") };
        return of_break(config, &broken);
    }
    // Any other status says enough, however little of its body arrived.
    let complaint = Complaint::read(&answer.body, &config.api_key);
    let (kind, lasting, message) = match (status, audience) {
        (400 | 413 | 422, _) => return Meaning::Refused(Refusal { status, complaint }),
        (401 | 403, _) => (ProblemKind::Authentication, true, message::authentication(config, status)),
        (404, Some(id)) => (ProblemKind::NotFound, true, message::audience_not_found(config, id)),
        (404 | 300..400, _) => (ProblemKind::NotFound, true, message::wrong_address(config, status)),
        (408, _) => (ProblemKind::Timeout, false, message::server_failed(status)),
        (409, _) => (ProblemKind::Server, false, message::conflict().to_owned()),
        (429, _) => (ProblemKind::RateLimited, false, message::too_many_requests().to_owned()),
        (500.., _) => (ProblemKind::Server, false, message::server_failed(status)),
        _ => (ProblemKind::Refused, true, message::unexpected(status)),
    };
    let mut problem = problem(kind, message + &said(&complaint.text));
    problem.status = Some(status);
    if lasting {
        return Meaning::Permanent(problem);
    }
    problem.retry_after_ms = answer.retry_after.and_then(|header| retry_after_ms(&header, now));
    Meaning::Transient(problem)
}

fn of_break(config: &Config, broken: &Break) -> Meaning {
    let said = config.api_key.scrub(&message::no_answer(config, broken));
    match broken.kind {
        BreakKind::Connect | BreakKind::Reset => Meaning::Transient(problem(ProblemKind::Connection, said)),
        BreakKind::Timeout => Meaning::Transient(problem(ProblemKind::Timeout, said)),
        BreakKind::Denied => Meaning::Permanent(problem(ProblemKind::Connection, said)),
    }
}

/// Why one record was refused: a stable code, and what to tell a person.
pub(crate) fn rejection(refusal: &Refusal, object: Object, bytes: usize) -> (&'static str, String) {
    let said = said(&refusal.complaint.text);
    if refusal.for_size() {
        return ("too-large", message::too_large(bytes) + &said);
    }
    let (code, advice) = match (object, refusal.complaint.topic()) {
        (Object::Profiles, Topic::UndefinedAttribute) => ("undefined-attribute", message::undefined_attribute()),
        (Object::Profiles, Topic::Value) => ("invalid-value", message::invalid_value()),
        _ => ("refused", ""),
    };
    (code, format!("Talon.One refused the record (HTTP {}){said}{advice}", refusal.status))
}

/// What a complaint seems to be about. Talon.One publishes no codes: this goes by its words, and decides over nothing but the
/// advice.
#[derive(Debug, PartialEq, Eq)]
enum Topic {
    UndefinedAttribute,
    Value,
    Unknown,
}

impl Complaint {
    fn topic(&self) -> Topic {
        const UNDEFINED: [&str; 7] =
            ["undefined", "unknown", "not defined", "not exist", "not found", "no attribute", "unrecogni"];
        const VALUE: [&str; 5] = ["type", "invalid", "format", "expected", "must be"];
        let text = self.text.to_ascii_lowercase();
        let mentions = |words: &[&str]| words.iter().any(|word| text.contains(word));
        let about_attribute =
            mentions(&["attribute"]) || self.pointers.iter().any(|pointer| pointer.contains("attributes"));
        if about_attribute && mentions(&UNDEFINED) {
            Topic::UndefinedAttribute
        } else if about_attribute || mentions(&VALUE) {
            Topic::Value
        } else {
            Topic::Unknown
        }
    }
}

#[cfg(test)]
mod tests;
