//! `effects`: sending as `destination` does it, with a count.

use destination_engine::arrow::records::MappedBatch;
use destination_engine::plugin::OptionalInterface;
use destination_engine::plugin::answers::Delivery;
use destination_engine::plugin::instance::CallError;

use super::ConformError;
use super::looking::skip;
use super::recorder::{Reply, Seen};
use super::report::Findings;
use super::rules::{Capability, EFFECTS_ALIKE, EFFECTS_COUNTED, EFFECTS_FAIL};
use super::scenario::{Played, play, send};
use super::subject::Subject;

/// `confirms` is what the server confirms records with.
pub(super) async fn check(
    subject: &Subject,
    batch: &MappedBatch,
    confirms: Option<&Reply>,
    findings: &mut Findings,
) -> Result<(), ConformError> {
    if !subject.plugin.has(OptionalInterface::Effects) {
        skip(findings, Capability::Effects, "it does not export `effects`");
        return Ok(());
    }
    let Some(confirms) = confirms else {
        skip(findings, Capability::Effects, "no server is known that confirms records: see 601");
        return Ok(());
    };
    let (plain, counted) = (
        send(subject, &subject.config, confirms.clone(), batch).await?,
        send_with_effects(subject, confirms.clone(), batch).await?,
    );
    let miscounted = matches!(counted.answer, Some(Err(CallError::BadAnswer { .. })));
    findings.judge(EFFECTS_COUNTED, counted.fault().filter(|_| miscounted));
    if !miscounted {
        let accepted = match &counted.answer {
            Some(Ok(delivery)) => delivery.report.accepted.len(),
            _ => 0,
        };
        let fault = counted.fault().or_else(|| {
            let other = plain.accepted() != accepted;
            other.then(|| format!("{accepted} records are accepted, and {} without effects", plain.accepted()))
        });
        let requests = (sorted(&plain.seen) != sorted(&counted.seen)).then(|| "the requests are others".to_owned());
        findings.judge(EFFECTS_ALIKE, fault.or(requests));
    }
    for status in [401, 403, 500] {
        let (plain, counted) = (
            send(subject, &subject.config, Reply::status(status), batch).await?,
            send_with_effects(subject, Reply::status(status), batch).await?,
        );
        let failure = match &counted.answer {
            Some(Ok(delivery)) => delivery.report.undelivered.as_ref().map(|undelivered| &undelivered.failure),
            _ => counted.failed(),
        };
        let told = |failure: Option<&destination_engine::plugin::answers::Failure>| {
            failure.map(|failure| (failure.is_transient(), failure.problem().kind))
        };
        let (expected, found) = (told(plain.failure()), told(failure));
        let differs =
            (expected != found).then(|| format!("{found:?} (transient, kind), and {expected:?} without effects"));
        findings.judge(EFFECTS_FAIL, counted.fault().or(differs).map(|fault| format!("{status}: {fault}")));
    }
    Ok(())
}

async fn send_with_effects(
    subject: &Subject,
    reply: Reply,
    batch: &MappedBatch,
) -> Result<Played<Delivery>, ConformError> {
    play(subject, &subject.config, reply, async |session| match session.effects() {
        Some(effects) => effects.send_batch(batch).await.answer,
        None => Err(CallError::Start { plugin: "the plugin".into(), reason: "it has no effects".to_owned() }),
    })
    .await
}

fn sorted(seen: &[Seen]) -> Vec<(&str, &str, &[u8])> {
    let mut all: Vec<_> = seen.iter().map(|it| (it.method.as_str(), it.path.as_str(), &*it.body)).collect();
    all.sort_unstable();
    all
}
