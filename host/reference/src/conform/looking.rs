//! `inspection` and `provisioning`: what holds of all their calls, against a server that answers, refuses, fails, breaks off and is
//! another one.

use std::borrow::Cow;

use destination_engine::arrow::records::MappedBatch;
use destination_engine::bindings::{MissingObject, ProblemKind, SecretUse};
use destination_engine::plugin::answers::Failure;
use destination_engine::plugin::instance::CallError;
use futures::future::try_join_all;

use super::ConformError;
use super::asking::{Call, Questions, Told};
use super::config::{has_kept_secret, invalid};
use super::recorder::{Reply, Seen};
use super::report::Findings;
use super::rules::{
    ALL, ASKED_401, ASKED_403, ASKED_429, ASKED_500, ASKED_ALIKE, ASKED_BROKEN_OFF, ASKED_ECHO, ASKED_ENDPOINTS,
    ASKED_INVALID, ASKED_PAGE, ASKED_REDIRECT, ASKED_RESET, ASKED_SECRET, ASKED_UNCHANGED, Capability, Rule,
};
use super::scenario::{Played, play};
use super::sending::{ELSEWHERE, acknowledgements, unrecordable};
use super::subject::{Subject, fault_of};
use super::{inspection, provisioning};

/// What a host puts in the place of a secret.
pub(super) const STAND_IN: &str = "kept-by-the-host";

/// What is asked of a server that has this to say.
const HTML: &str = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><p>Sign in</p></body></html>\n";

/// Answers of a server at which nothing is yet, the commonest first. What it confirms records with comes behind them.
fn answers(subject: &Subject) -> Vec<Reply> {
    let common = ["{\"data\":[],\"hasMore\":false}", "[]", "{}"];
    let mut answers: Vec<Reply> = common.into_iter().map(|body| Reply::json(200, body)).collect();
    answers.extend(acknowledgements(subject.confirmation.as_ref()));
    answers
}

/// A call that asks the server, with the first answer that it takes.
pub(super) struct Asked {
    pub(super) call: Call,
    pub(super) taken: Option<(Reply, Played<Told>)>,
}

/// Tries the rules.
pub(super) async fn check(subject: &Subject, batch: &MappedBatch, findings: &mut Findings) -> Result<(), ConformError> {
    let calls = Call::of(subject);
    if calls.is_empty() {
        skip(findings, Capability::Asking, "it exports neither `inspection` nor `provisioning`");
        skip(findings, Capability::Inspection, "it does not export `inspection`");
        skip(findings, Capability::Provisioning, "it does not export `provisioning`");
        return Ok(());
    }
    let mut questions = Questions { subject, batch, missing: Vec::new() };
    invalid_calls(&questions, &calls, findings).await;
    if let Err(reason) = unrecordable(subject).await {
        for capability in [Capability::Asking, Capability::Inspection, Capability::Provisioning] {
            skip(findings, capability, &reason);
        }
        return Ok(());
    }
    drop(subject.elsewhere());
    questions.missing = missing(&questions).await?;
    let mut seen = Vec::new();
    let asked = refused(&questions, &calls, findings, &mut seen).await?;
    let asked = answered(&questions, &asked, findings, &mut seen).await?;
    failing(&questions, &asked, findings, &mut seen).await?;
    inspection::check(&questions, &asked, findings).await?;
    provisioning::check(&questions, &asked, findings).await?;
    let elsewhere = subject.elsewhere();
    if elsewhere.is_some() || !seen.is_empty() {
        findings.judge(ASKED_ENDPOINTS, elsewhere);
    }
    secrets(subject, &seen, findings);
    changes(&questions, &seen, findings).await;
    // A config may name nothing to ask with, and then there is nothing to try.
    skip(findings, Capability::Asking, "with this config no call asks the server");
    skip(findings, Capability::Inspection, "with this config no such answer was come to");
    skip(findings, Capability::Provisioning, "with this config no such answer was come to");
    Ok(())
}

/// Skips what was not tried of the rules of this capability.
pub(super) fn skip(findings: &mut Findings, capability: Capability, reason: &str) {
    for rule in ALL.iter().filter(|rule| rule.capability == capability) {
        findings.skip(*rule, reason);
    }
}

/// Faults of a call, with its name.
fn judge(findings: &mut Findings, rule: Rule, call: Call, fault: Option<String>) {
    findings.judge(rule, fault.map(|fault| format!("{}: {fault}", call.name())));
}

async fn invalid_calls(questions: &Questions<'_>, calls: &[Call], findings: &mut Findings) {
    let session = match invalid(questions.subject).await {
        Ok(session) => session,
        Err(reason) => return findings.skip(ASKED_INVALID, reason),
    };
    let missing = MissingObject {
        kind: "conform".to_owned(),
        name: "conform".to_owned(),
        field_type: None,
        description: String::new(),
    };
    let questions = Questions { missing: vec![missing], ..*questions };
    for call in calls {
        let fault = match questions.put(&session, *call).await {
            Err(CallError::Failed(Failure::Permanent(problem))) if problem.kind == ProblemKind::Configuration => None,
            Err(CallError::Failed(failure)) => Some(format!("it fails otherwise: {failure:?}")),
            Err(error) => fault_of(&error),
            Ok(_) => Some("it succeeds with a config that validate-config does not take".to_owned()),
        };
        judge(findings, ASKED_INVALID, *call, fault);
    }
}

/// What is missing at a server at which nothing is.
async fn missing(questions: &Questions<'_>) -> Result<Vec<MissingObject>, ConformError> {
    let subject = questions.subject;
    for reply in answers(subject) {
        let plan = async |session: destination_engine::Session| match session.provisioning() {
            Some(provisioning) => provisioning.plan(&subject.sample.borrowed()).await.answer,
            None => Ok(Vec::new()),
        };
        if let Some(Ok(missing)) = play(subject, &subject.config, reply, plan).await?.answer {
            return Ok(missing);
        }
    }
    Ok(Vec::new())
}

type Traces = Vec<(Call, Seen)>;

/// Each of these calls, of a server with this answer.
async fn all(
    questions: &Questions<'_>,
    calls: impl Iterator<Item = Call>,
    reply: &Reply,
    seen: &mut Traces,
) -> Result<Vec<(Call, Played<Told>)>, ConformError> {
    let asking = calls.map(async |call| questions.ask(call, reply.clone()).await.map(|played| (call, played)));
    let played = try_join_all(asking).await?;
    for (call, played) in &played {
        seen.extend(played.seen.iter().map(|it| (*call, it.clone())));
    }
    Ok(played)
}

/// A server that refuses the key; the calls that asked it.
async fn refused(
    questions: &Questions<'_>,
    calls: &[Call],
    findings: &mut Findings,
    seen: &mut Traces,
) -> Result<Vec<Call>, ConformError> {
    let calls = calls.iter().copied().filter(|call| *call != Call::Create || !questions.missing.is_empty());
    let mut asked = Vec::new();
    for (call, played) in all(questions, calls, &Reply::status(401), seen).await? {
        if played.seen.is_empty() {
            // Nothing is looked at; that may be so, but no call may crash.
            if let Some(fault) = played.fault() {
                judge(findings, call.form(), call, Some(fault));
            }
            continue;
        }
        asked.push(call);
        judge(findings, ASKED_401, call, played.must_fail_as(most(questions), false, &[ProblemKind::Authentication]));
    }
    Ok(asked)
}

/// Requests that a call may take with a server that does not answer it.
fn most(questions: &Questions<'_>) -> usize {
    100 + 4 * questions.batch.len()
}

/// What each call takes for an answer; the same, asked again.
async fn answered(
    questions: &Questions<'_>,
    calls: &[Call],
    findings: &mut Findings,
    seen: &mut Traces,
) -> Result<Vec<Asked>, ConformError> {
    let mut asked = Vec::new();
    for call in calls {
        let mut taken = None;
        for reply in answers(questions.subject) {
            let played = questions.ask(*call, reply.clone()).await?;
            seen.extend(played.seen.iter().map(|it| (*call, it.clone())));
            let fault = played.fault();
            if fault.is_some() || played.failed().is_none() {
                judge(findings, call.form(), *call, fault.clone());
            }
            if fault.is_none() && played.failed().is_none() {
                taken = Some((reply, played));
                break;
            }
        }
        if let Some((reply, played)) = &taken
            && *call != Call::ListKeys
        {
            let again = questions.ask(*call, reply.clone()).await?;
            judge(findings, ASKED_ALIKE, *call, differs(played, &again));
        }
        asked.push(Asked { call: *call, taken });
    }
    if !asked.is_empty() {
        findings.skip(ASKED_ALIKE, "no answer that was tried is one that its calls take");
    }
    Ok(asked)
}

fn differs(one: &Played<Told>, other: &Played<Told>) -> Option<String> {
    // The server is at another port each time.
    let told = |played: &Played<Told>| match &played.answer {
        Some(Ok(Told(text))) => text.replace(&played.at, ""),
        Some(Err(error)) => error.to_string(),
        None => String::new(),
    };
    (told(one) != told(other)).then(|| "two instances answer differently".to_owned())
}

async fn failing(
    questions: &Questions<'_>,
    asked: &[Asked],
    findings: &mut Findings,
    seen: &mut Traces,
) -> Result<(), ConformError> {
    let calls = || asked.iter().map(|it| it.call);
    let most = most(questions);
    for (call, played) in all(questions, calls(), &Reply::status(403), seen).await? {
        judge(findings, ASKED_403, call, played.must_fail_as(most, false, &[]));
    }
    let limited = Reply::Answer(429, vec![("retry-after", "1")], Cow::Borrowed(""));
    for (call, played) in all(questions, calls(), &limited, seen).await? {
        let fault = played.must_fail_as(most, true, &[ProblemKind::RateLimited]);
        judge(findings, ASKED_429, call, fault.or_else(|| played.impatient(played.failed())));
    }
    for (call, played) in all(questions, calls(), &Reply::status(500), seen).await? {
        judge(findings, ASKED_500, call, played.must_fail_as(most, true, &[ProblemKind::Server]));
    }
    for (call, played) in all(questions, calls(), &Reply::Break, seen).await? {
        let kinds = [ProblemKind::Connection, ProblemKind::Timeout];
        judge(findings, ASKED_RESET, call, played.must_fail_as(most, true, &kinds));
    }
    let redirect = Reply::Answer(302, vec![("location", ELSEWHERE)], Cow::Borrowed(""));
    for (call, played) in all(questions, calls(), &redirect, seen).await? {
        let followed = played.seen.iter().any(|it| it.path.contains(ELSEWHERE)).then(|| "it follows it".to_owned());
        judge(findings, ASKED_REDIRECT, call, played.must_fail().or(followed));
    }
    let page = Reply::Answer(200, vec![("content-type", "text/html; charset=utf-8")], Cow::Borrowed(HTML));
    for (call, played) in all(questions, calls(), &page, seen).await? {
        let fault = if call.only_looks() { played.must_fail() } else { played.fault() };
        judge(findings, ASKED_PAGE, call, fault);
    }
    broken_off(questions, asked, findings).await?;
    echo(questions, asked, findings, seen).await
}

/// The answer that the call takes, but for its end.
async fn broken_off(questions: &Questions<'_>, asked: &[Asked], findings: &mut Findings) -> Result<(), ConformError> {
    for Asked { call, taken } in asked {
        let (status, body) = match taken {
            Some((Reply::Answer(status, _, body), _)) if !body.is_empty() => (*status, body.clone()),
            // An answer without a body has no end that could be missing.
            Some(_) => continue,
            None => (200, Cow::Borrowed("{\"data\":[],\"hasMore\":false}")),
        };
        let played = questions.ask(*call, Reply::BreakOff(status, body)).await?;
        judge(findings, ASKED_BROKEN_OFF, *call, played.must_fail());
    }
    Ok(())
}

async fn echo(
    questions: &Questions<'_>,
    asked: &[Asked],
    findings: &mut Findings,
    seen: &mut Traces,
) -> Result<(), ConformError> {
    let secrets = questions.subject.secrets(None);
    if secrets.is_empty() {
        findings.skip(ASKED_ECHO, "the config holds no secret");
        return Ok(());
    }
    for status in [200, 400, 500] {
        for (call, played) in all(questions, asked.iter().map(|it| it.call), &Reply::Echo(status), seen).await? {
            let told = match &played.answer {
                // A config that was resolved has the secrets in their places.
                Some(Ok(_)) if call == Call::Resolve => continue,
                Some(Ok(Told(text))) => text.clone(),
                Some(Err(error)) => error.to_string(),
                None => continue,
            };
            // Where the host took a secret out, there was one.
            let repeats = told.contains("[hidden]") || secrets.iter().any(|secret| told.contains(secret));
            let hidden = secrets.iter().fold(told, |told, secret| told.replace(secret, "[hidden]"));
            judge(findings, ASKED_ECHO, call, repeats.then(|| format!("it repeats it: {hidden}")));
        }
    }
    Ok(())
}

fn secrets(subject: &Subject, seen: &Traces, findings: &mut Findings) {
    if seen.is_empty() {
        return;
    }
    if !has_kept_secret(subject) {
        return findings.skip(ASKED_SECRET, "the config holds no secret that the host keeps");
    }
    let secrets = subject.secrets(Some(SecretUse::Headers));
    for (call, seen) in seen {
        let has = |text: &str| seen.path.contains(text) || memchr::memmem::find(&seen.body, text.as_bytes()).is_some();
        let stand_in = has(STAND_IN) || seen.headers.iter().any(|(_, value)| value.contains(STAND_IN));
        let fault = match () {
            () if secrets.iter().any(|secret| has(secret)) => Some("a secret is in a path or a body"),
            () if stand_in => Some("it uses the stand-in of a secret otherwise than in a header"),
            () => None,
        };
        judge(findings, ASKED_SECRET, *call, fault.map(str::to_owned));
    }
}

/// HTTP's own words for changing and deleting; and records, which looking does not send.
async fn changes(questions: &Questions<'_>, seen: &Traces, findings: &mut Findings) {
    let rendered = match questions.subject.session(&questions.subject.config) {
        Ok(session) => session.render_batch(questions.batch).await.unwrap_or_default(),
        Err(_) => Vec::new(),
    };
    for (call, seen) in seen {
        let method = seen.method.as_str();
        let sends = rendered.iter().any(|request| request.method == method && request.body.as_bytes() == seen.body);
        let fault = match () {
            () if method == "DELETE" => Some("it deletes"),
            () if call.only_looks() && ["PUT", "PATCH"].contains(&method) => Some("it changes"),
            () if call.only_looks() && sends => Some("it sends records"),
            () => None,
        };
        judge(findings, ASKED_UNCHANGED, *call, fault.map(|fault| format!("{fault}: {method} {}", seen.path)));
    }
}
