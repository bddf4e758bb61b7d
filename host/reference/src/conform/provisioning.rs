//! `provisioning`: what holds of single calls of it. What holds of all is in `looking`.

use destination_engine::bindings::ProblemKind;
use destination_engine::plugin::OptionalInterface;
use serde_json::{Map, Value};

use super::ConformError;
use super::asking::{Call, Questions, Told};
use super::looking::{Asked, skip};
use super::recorder::Reply;
use super::report::Findings;
use super::rules::{CREATED, Capability, MISSING, RESOLVED};
use super::scenario::Played;

pub(super) async fn check(
    questions: &Questions<'_>,
    asked: &[Asked],
    findings: &mut Findings,
) -> Result<(), ConformError> {
    if !questions.subject.plugin.has(OptionalInterface::Provisioning) {
        skip(findings, Capability::Provisioning, "it does not export `provisioning`");
        return Ok(());
    }
    if asked.iter().any(|it| it.call == Call::Plan && it.taken.is_some()) {
        findings.judge(MISSING, None);
    }
    created(questions, findings).await?;
    resolved(questions, asked, findings).await
}

/// Whether the server then creates it is the server's to say: the plugin knows what it named, and asks.
async fn created(questions: &Questions<'_>, findings: &mut Findings) -> Result<(), ConformError> {
    if questions.missing.is_empty() {
        findings.skip(CREATED, "nothing is missing at any server that was tried");
        return Ok(());
    }
    let played = questions.ask(Call::Create, Reply::status(401)).await?;
    let unasked = played.failed().filter(|_| played.seen.is_empty());
    let unasked = unasked.map(|failure| format!("it fails without a request: {}", failure.problem().message));
    findings.judge(CREATED, played.fault().or(unasked));
    Ok(())
}

/// The config given, and what came of it where something was to be resolved: in that, nothing is.
async fn resolved(questions: &Questions<'_>, asked: &[Asked], findings: &mut Findings) -> Result<(), ConformError> {
    let given = &questions.subject.config;
    match asked.iter().find(|it| it.call == Call::Resolve) {
        None => {
            let played = questions.ask(Call::Resolve, Reply::status(401)).await?;
            findings.judge(RESOLVED, unchanged(&played, &questions.subject.config_at(given, &played.at)));
        }
        Some(Asked { taken: Some((reply, played)), .. }) => {
            let Some(config) = object(played) else {
                findings.judge(RESOLVED, ["it is no config".to_owned()]);
                return Ok(());
            };
            let again = questions.ask_with(&config, Call::Resolve, reply.clone()).await?;
            let requests = again.seen.len();
            let asks = (requests > 0).then(|| format!("a config that it resolved costs {requests} requests again"));
            let same = || unchanged(&again, &questions.subject.config_at(&config, &again.at));
            findings.judge(RESOLVED, asks.or_else(same));
        }
        Some(Asked { taken: None, .. }) => {
            findings.skip(RESOLVED, "no answer that was tried names what is to be resolved");
        }
    }
    Ok(())
}

fn object(played: &Played<Told>) -> Option<Map<String, Value>> {
    match &played.answer {
        Some(Ok(Told(text))) => serde_json::from_str(text).ok(),
        _ => None,
    }
}

fn unchanged(played: &Played<Told>, config: &Result<Map<String, Value>, String>) -> Option<String> {
    let lacks = |kind| kind == ProblemKind::Configuration;
    match (played.fault(), played.failed(), object(played)) {
        (Some(fault), ..) => Some(fault),
        // It lacks what it takes to resolve something.
        (None, Some(failure), _) if lacks(failure.problem().kind) => None,
        (None, Some(failure), _) => Some(format!("it fails: {}", failure.problem().message)),
        (None, None, Some(resolved)) if config.as_ref() == Ok(&resolved) => None,
        (None, None, _) => Some("it comes back with another meaning".to_owned()),
    }
}
