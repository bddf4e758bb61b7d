//! `send-batch` and `check-connection`, against a server that confirms, refuses, fails and breaks.

use std::borrow::Cow;
use std::time::Duration;

use destination_engine::arrow::records::{MappedBatch, Record};
use destination_engine::bindings::{ProblemKind, SecretUse, SyncMode};
use destination_engine::plugin::answers::{Failure, Report};
use destination_engine::plugin::instance::CallError;

use super::config::has_kept_secret;
use super::descriptor::is_kebab_case;
use super::recorder::{Reply, Seen};
use super::report::Findings;
use super::rules::{
    ACKNOWLEDGED, ANY_BATCH, CHECK, CHECK_401, COUNTED, ECHO, EMPTY_SEND, FORBIDDEN, ONLY_ENDPOINTS, RATE_LIMITED,
    REDIRECT, REFUSED, REMOVAL, RESET, Rule, SECRET_IN_HEADERS, SENT_AS_RENDERED, SERVER_ERROR, SLOW, TOO_LARGE,
    UNAUTHENTICATED,
};
use super::scenario::{Played, check as check_connection, send};
use super::subject::{Subject, text_of, told};
use super::{Confirmation, ConformError};

/// The rules for which a server must be in the endpoint's place.
const RECORDED: [Rule; 20] = [
    ACKNOWLEDGED,
    SENT_AS_RENDERED,
    SECRET_IN_HEADERS,
    COUNTED,
    EMPTY_SEND,
    ANY_BATCH,
    REMOVAL,
    UNAUTHENTICATED,
    FORBIDDEN,
    TOO_LARGE,
    RATE_LIMITED,
    SERVER_ERROR,
    RESET,
    SLOW,
    ECHO,
    REDIRECT,
    ONLY_ENDPOINTS,
    REFUSED,
    CHECK,
    CHECK_401,
];

/// Answers that a server confirms with, the commonest first: which one is the destination's to say, where nobody else has.
pub(super) fn acknowledgements(given: Option<&Confirmation>) -> Vec<Reply> {
    if let Some(Confirmation { status, body }) = given {
        return vec![Reply::json(*status, body.clone())];
    }
    vec![
        Reply::status(204),
        Reply::json(200, "{}"),
        Reply::json(200, "{\"ok\":true}"),
        Reply::json(201, "{}"),
        Reply::json(202, "{}"),
    ]
}

/// Where a redirect points to.
pub(super) const ELSEWHERE: &str = "/conform-elsewhere";

/// Tries the rules; what the server confirms records with, where that is known.
pub(super) async fn check(
    subject: &Subject,
    batch: &MappedBatch,
    findings: &mut Findings,
) -> Result<Option<Reply>, ConformError> {
    if let Err(reason) = unrecordable(subject).await {
        for rule in RECORDED {
            findings.skip(rule, reason.clone());
        }
        return Ok(None);
    }
    connection(subject, findings).await?;
    let Some(confirms) = acknowledged(subject, batch, findings).await? else {
        for rule in RECORDED {
            findings.skip(rule, "no answer that was tried counts as a confirmation");
        }
        return Ok(None);
    };
    batches(subject, batch, &confirms, findings).await?;
    removal(subject, batch, &confirms, findings).await?;
    refusals(subject, batch, &confirms, findings).await?;
    findings.judge(ONLY_ENDPOINTS, subject.elsewhere());
    Ok(Some(confirms))
}

/// Why no recording server can take the endpoint's place.
pub(super) async fn unrecordable(subject: &Subject) -> Result<(), String> {
    let config = subject.config_at(&subject.config, "http://127.0.0.1:9")?;
    match subject.plugin.validate_config(&text_of(&config)).await {
        Ok(issues) => match issues.first() {
            None => Ok(()),
            Some(issue) => Err(format!("its config takes no server on this machine: {}", issue.message)),
        },
        Err(error) => Err(told(&error)),
    }
}

async fn connection(subject: &Subject, findings: &mut Findings) -> Result<(), ConformError> {
    let mut said = None;
    let mut requests = 0;
    // What confirms records may be another answer than what confirms the key: the usual ones are tried too.
    let given = subject.confirmation.as_ref();
    let usual = given.map(|_| acknowledgements(None)).unwrap_or_default();
    for reply in acknowledgements(given).into_iter().chain(usual) {
        let played = check_connection(subject, reply).await?;
        requests += played.seen.len();
        said = match (&played.answer, played.fault()) {
            (_, Some(fault)) => Some(fault),
            (Some(Ok(_)), None) => None,
            (Some(Err(error)), None) => Some(told(error)),
            (None, None) => None,
        };
        if said.is_none() {
            break;
        }
    }
    if requests == 0 && said.is_none() {
        findings.skip(CHECK, "it makes no request");
        findings.skip(CHECK_401, "it makes no request");
        return Ok(());
    }
    findings.judge(CHECK, said);
    let played = check_connection(subject, Reply::status(401)).await?;
    let fault = played.fault().or_else(|| match &played.answer {
        Some(Err(CallError::Failed(Failure::Permanent(problem)))) if problem.kind == ProblemKind::Authentication => {
            None
        }
        Some(Err(CallError::Failed(failure))) => Some(format!("it fails otherwise: {failure:?}")),
        _ => Some("it succeeds".to_owned()),
    });
    findings.judge(CHECK_401, fault);
    Ok(())
}

/// The answer that counts as a confirmation, and what holds of a batch that is confirmed.
async fn acknowledged(
    subject: &Subject,
    batch: &MappedBatch,
    findings: &mut Findings,
) -> Result<Option<Reply>, ConformError> {
    let mut faults = Vec::new();
    for reply in acknowledgements(subject.confirmation.as_ref()) {
        let played = send(subject, &subject.config, reply.clone(), batch).await?;
        if let Some(fault) = played.all_accepted(batch.len()) {
            faults.push(fault);
            continue;
        }
        findings.judge(ACKNOWLEDGED, played.seen.is_empty().then(|| "it accepts records without a request".to_owned()));
        rendered(subject, batch, &played, findings).await;
        secret_in_headers(subject, &played, findings);
        findings.judge(COUNTED, miscounted(&played));
        return Ok(Some(reply));
    }
    faults.dedup();
    findings.judge(ACKNOWLEDGED, faults);
    Ok(None)
}

async fn rendered(subject: &Subject, batch: &MappedBatch, played: &Played<Report>, findings: &mut Findings) {
    if played.seen.iter().any(|seen| seen.headers.iter().any(|(name, _)| name == "content-encoding")) {
        return findings.skip(SENT_AS_RENDERED, "it encodes bodies, which are rendered before that");
    }
    // As the config stood in that call, up to the port, which is in no body.
    let config = subject.config_at(&subject.config, "http://127.0.0.1:9");
    let requests = match config.and_then(|config| subject.session(&config)) {
        Ok(session) => session.render_batch(batch).await.map_err(|error| told(&error)),
        Err(reason) => Err(reason),
    };
    let fault = match requests {
        Ok(requests) => {
            let of_request =
                |method: &str, path: &str, body: &[u8]| (method.to_owned(), path.to_owned(), body.to_vec());
            let mut shown: Vec<_> =
                requests.iter().map(|it| of_request(&it.method, &it.path, it.body.as_bytes())).collect();
            let mut sent: Vec<_> = played.seen.iter().map(|it| of_request(&it.method, &it.path, &it.body)).collect();
            shown.sort();
            sent.sort();
            (shown != sent).then(|| {
                let differs = sent.iter().find(|request| !shown.contains(request));
                match differs {
                    Some((method, path, body)) => {
                        format!("sent and not rendered: {method} {path} with {} bytes", body.len())
                    }
                    None => format!("{} requests are rendered and {} sent", shown.len(), sent.len()),
                }
            })
        }
        Err(reason) => Some(reason),
    };
    findings.judge(SENT_AS_RENDERED, fault);
}

fn secret_in_headers(subject: &Subject, played: &Played<Report>, findings: &mut Findings) {
    if !has_kept_secret(subject) {
        return findings.skip(SECRET_IN_HEADERS, "the config holds no secret that the host keeps");
    }
    let secrets = subject.secrets(Some(SecretUse::Headers));
    let has = |text: &str| secrets.iter().any(|secret| text.contains(secret));
    // A secret may be for other calls than this; one of them is for this.
    let in_headers = |seen: &Seen| seen.headers.iter().any(|(_, value)| has(value));
    let missing =
        (!played.seen.iter().any(in_headers)).then(|| "no secret is in a header as it stands in the config".to_owned());
    findings.judge(SECRET_IN_HEADERS, missing);
    let in_body =
        |seen: &Seen| secrets.iter().any(|secret| memchr::memmem::find(&seen.body, secret.as_bytes()).is_some());
    let elsewhere = |seen: &Seen| has(&seen.path) || in_body(seen);
    findings.judge(
        SECRET_IN_HEADERS,
        played.seen.iter().any(elsewhere).then(|| "a secret is in a path or a body".to_owned()),
    );
    const STAND_IN: &[u8] = b"kept-by-the-host";
    let stand_in = |seen: &Seen| {
        memchr::memmem::find(&seen.body, STAND_IN).is_some()
            || seen.headers.iter().any(|(_, value)| memchr::memmem::find(value.as_bytes(), STAND_IN).is_some())
    };
    findings.judge(
        SECRET_IN_HEADERS,
        played
            .seen
            .iter()
            .any(stand_in)
            .then(|| "it uses the stand-in of a secret otherwise than in a header".to_owned()),
    );
}

fn miscounted(played: &Played<Report>) -> Option<String> {
    let Some(Ok(report)) = &played.answer else { return None };
    let made = u32::try_from(played.seen.len()).unwrap_or(u32::MAX);
    (report.requests != made).then(|| format!("it reports {} requests and made {made}", report.requests))
}

/// Batches as an engine puts them together.
fn put_together(batch: &MappedBatch) -> Vec<(&'static str, MappedBatch)> {
    let of = |records: Vec<Record<'_>>| {
        let mut batch = MappedBatch::default();
        // A sample is far below 4 GiB.
        records.into_iter().try_for_each(|record| batch.push(record)).map(|()| batch).unwrap_or_default()
    };
    let records: Vec<Record<'_>> = batch.iter().collect();
    let twice = records.iter().chain(&records).copied().collect();
    let numbered = records.iter().rev().map(|record| Record { row: u32::MAX - record.row, ..*record }).collect();
    let one = records.iter().take(1).copied().collect();
    vec![
        ("repeated", of(twice)),
        ("in another order, with other row numbers", of(numbered)),
        ("of one record", of(one)),
    ]
}

async fn batches(
    subject: &Subject,
    batch: &MappedBatch,
    confirms: &Reply,
    findings: &mut Findings,
) -> Result<(), ConformError> {
    for (how, batch) in put_together(batch) {
        let played = send(subject, &subject.config, confirms.clone(), &batch).await?;
        findings.judge(ANY_BATCH, played.all_accepted(batch.len()).map(|fault| format!("a batch {how}: {fault}")));
        findings.judge(COUNTED, miscounted(&played));
    }
    let played = send(subject, &subject.config, confirms.clone(), &MappedBatch::default()).await?;
    let fault = played.all_accepted(0);
    let requests = played.seen.len();
    findings.judge(EMPTY_SEND, fault.or_else(|| (requests > 0).then(|| format!("it makes {requests} requests"))));
    Ok(())
}

async fn removal(
    subject: &Subject,
    batch: &MappedBatch,
    confirms: &Reply,
    findings: &mut Findings,
) -> Result<(), ConformError> {
    let mirrors = subject.object_type().is_some_and(|it| it.sync_modes.contains(&SyncMode::Mirror));
    if !mirrors {
        findings.skip(REMOVAL, "the object type of the config has no mode `mirror`");
        return Ok(());
    }
    let config = subject.config_in(SyncMode::Mirror);
    match subject.plugin.validate_config(&text_of(&config)).await {
        Ok(issues) if issues.is_empty() => {}
        _ => {
            findings.skip(REMOVAL, "the config given is not valid with sync_mode `mirror`");
            return Ok(());
        }
    }
    let mut removals = MappedBatch::default();
    if let Some(record) = batch.get(0) {
        // One record is never too large.
        let _ = removals.push(Record::removal(0, record.key));
    }
    let played = send(subject, &config, confirms.clone(), &removals).await?;
    let fault = played.all_accepted(removals.len());
    findings.judge(REMOVAL, fault.or_else(|| played.seen.is_empty().then(|| "it makes no request".to_owned())));
    Ok(())
}

/// Servers that do not confirm, all at the same time: most of it is waiting.
async fn refusals(
    subject: &Subject,
    batch: &MappedBatch,
    confirms: &Reply,
    findings: &mut Findings,
) -> Result<(), ConformError> {
    let records = batch.len();
    let to = |reply: Reply| send(subject, &subject.config, reply, batch);
    let (unauthenticated, forbidden, not_found, too_large, limited, failing) = tokio::try_join!(
        to(Reply::status(401)),
        to(Reply::status(403)),
        to(Reply::status(404)),
        to(Reply::status(413)),
        to(Reply::Answer(429, vec![("retry-after", "1")], Cow::Borrowed(""))),
        to(Reply::status(500)),
    )?;
    let (broken, slow, moved, refused, echo_refused, echo_failing) = tokio::try_join!(
        to(Reply::Break),
        to(Reply::Late(Duration::from_secs(2), Box::new(confirms.clone()))),
        to(Reply::Answer(302, vec![("location", ELSEWHERE)], Cow::Borrowed(""))),
        to(Reply::status(400)),
        to(Reply::Echo(400)),
        to(Reply::Echo(500)),
    )?;
    findings.judge(UNAUTHENTICATED, unauthenticated.stopped(records, false, &[ProblemKind::Authentication]));
    for (status, played) in [(403, &forbidden), (404, &not_found)] {
        let transient =
            played.failure().is_some_and(Failure::is_transient).then(|| "the failure is transient".to_owned());
        let fault = played.nothing_accepted(records).or(transient);
        findings.judge(FORBIDDEN, fault.map(|fault| format!("{status}: {fault}")));
    }
    findings.judge(TOO_LARGE, too_large.nothing_accepted(records));
    findings.judge(
        RATE_LIMITED,
        limited.stopped(records, true, &[ProblemKind::RateLimited]).or_else(|| limited.impatient(limited.failure())),
    );
    findings.judge(SERVER_ERROR, failing.stopped(records, true, &[ProblemKind::Server]));
    findings.judge(RESET, broken.stopped(records, true, &[ProblemKind::Connection, ProblemKind::Timeout]));
    findings.judge(SLOW, slow.all_accepted(records));
    let followed = moved.seen.iter().any(|seen| seen.path.contains(ELSEWHERE)).then(|| "it follows it".to_owned());
    findings.judge(REDIRECT, moved.nothing_accepted(records).or(followed));
    findings.judge(REFUSED, refused.nothing_accepted(records));
    findings.judge(REFUSED, ill_told(&refused));
    findings.judge(COUNTED, miscounted(&refused));
    if subject.secrets(None).is_empty() {
        findings.skip(ECHO, "the config holds no secret");
    } else {
        for played in [&echo_refused, &echo_failing] {
            // The host takes a secret out of what it shows: where it did, there was one.
            let told = played.messages().into_iter().find(|message| message.contains("[hidden]"));
            findings.judge(ECHO, told.map(|message| format!("a message repeats it: {message}")));
        }
    }
    Ok(())
}

fn ill_told(played: &Played<Report>) -> Option<String> {
    let Some(Ok(report)) = &played.answer else { return None };
    let ill = report.rejected.iter().find(|it| !is_kebab_case(&it.code) || it.message.trim().is_empty());
    ill.map(|it| format!("a rejection has the code {:?} and the message {:?}", it.code, it.message))
}
