//! `inspection`: what holds of single calls of it. What holds of all is in `looking`.

use std::collections::HashSet;

use destination_engine::arrow::records::MappedBatch;
use destination_engine::plugin::OptionalInterface;
use destination_engine::plugin::answers::KeyPage;

use super::ConformError;
use super::asking::{Call, Questions, listing};
use super::config::has_kept_secret;
use super::looking::{Asked, STAND_IN, skip};
use super::recorder::Reply;
use super::report::Findings;
use super::rules::{ASKED_SECRET, CURSOR, Capability, LISTING_ENDS, NO_RECORDS, TOTALS, UNASKED};
use super::scenario::{Played, play};

/// Servers whose pages have no end, as APIs say that there is more.
fn endless() -> [Reply; 3] {
    let link = vec![("content-type", "application/json"), ("link", "</conform?page=2>; rel=\"next\"")];
    let one = "{\"data\":[{\"id\":\"conform-1\",\"name\":\"conform-1\"}],\"hasMore\":true,\"next\":\"conform\"}";
    [
        Reply::json(200, one),
        Reply::json(200, "{\"data\":[],\"hasMore\":true,\"next\":\"conform\"}"),
        Reply::Answer(200, link, "[{\"id\":\"conform-1\",\"name\":\"conform-1\"}]".into()),
    ]
}

pub(super) async fn check(
    questions: &Questions<'_>,
    asked: &[Asked],
    findings: &mut Findings,
) -> Result<(), ConformError> {
    if !questions.subject.plugin.has(OptionalInterface::Inspection) {
        skip(findings, Capability::Inspection, "it does not export `inspection`");
        return Ok(());
    }
    for Asked { call, taken } in asked {
        match (call, taken) {
            (Call::CompareFields, Some((_, played))) => {
                let none = matches!(&played.answer, Some(Ok(told)) if told.0 == "None");
                let asked = format!("it compares nothing, after {} requests", played.seen.len());
                findings.judge(UNASKED, none.then_some(asked));
            }
            (Call::CompareRecords, Some((reply, _))) => no_records(questions, reply, findings).await?,
            (Call::ListKeys, taken) => {
                for reply in endless() {
                    let pages = list(questions, reply).await?;
                    findings.judge(LISTING_ENDS, pages.fault().or_else(|| endless_or_twice(&pages)));
                }
                if let Some((reply, _)) = taken {
                    pages(questions, reply, findings).await?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

async fn no_records(questions: &Questions<'_>, reply: &Reply, findings: &mut Findings) -> Result<(), ConformError> {
    let nothing = MappedBatch::default();
    let questions = Questions { batch: &nothing, missing: Vec::new(), ..*questions };
    let played = questions.ask(Call::CompareRecords, reply.clone()).await?;
    let failed = played.failed().map(|failure| format!("it fails: {}", failure.problem().message));
    let requests = played.seen.len();
    let asks = (requests > 0).then(|| format!("it makes {requests} requests"));
    findings.judge(NO_RECORDS, played.fault().or(failed).or(asks));
    Ok(())
}

async fn list(questions: &Questions<'_>, reply: Reply) -> Result<Played<Vec<KeyPage>>, ConformError> {
    let subject = questions.subject;
    play(subject, &subject.config, reply, async |session| match session.inspection() {
        Some(inspection) => listing(&inspection).await,
        None => Ok(Vec::new()),
    })
    .await
}

fn endless_or_twice(played: &Played<Vec<KeyPage>>) -> Option<String> {
    let Some(Ok(pages)) = &played.answer else { return None };
    if pages.last().is_some_and(|page| page.next.is_some()) {
        return Some(format!("it has no end: {} pages, and a cursor for the next", pages.len()));
    }
    let mut known = HashSet::new();
    let twice = pages.iter().flat_map(|page| page.keys.iter()).find(|key| !known.insert(*key));
    twice.map(|key| format!("the key {key:?} stands there twice"))
}

/// Of a server that ends its listing.
async fn pages(questions: &Questions<'_>, reply: &Reply, findings: &mut Findings) -> Result<(), ConformError> {
    let played = list(questions, reply.clone()).await?;
    findings.judge(LISTING_ENDS, played.fault().or_else(|| endless_or_twice(&played)));
    let Some(Ok(pages)) = &played.answer else { return Ok(()) };
    findings.judge(TOTALS, miscounted(pages));
    for page in pages {
        let Some(cursor) = page.next.as_deref() else { continue };
        if has_kept_secret(questions.subject) {
            let told = cursor.contains(STAND_IN).then(|| "list-keys: a cursor holds a secret".to_owned());
            findings.judge(ASKED_SECRET, told);
        }
        let again = [again(questions, reply, cursor).await?, again(questions, reply, cursor).await?];
        let keys = |played: &Played<KeyPage>| match &played.answer {
            Some(Ok(page)) => Some(page.keys.clone()),
            _ => None,
        };
        let fault = match (keys(&again[0]), keys(&again[1])) {
            (Some(one), Some(other)) if one != other => Some(format!("the cursor {cursor:?} gives other keys")),
            _ => again.iter().find_map(Played::fault),
        };
        findings.judge(CURSOR, fault);
    }
    Ok(())
}

async fn again(questions: &Questions<'_>, reply: &Reply, cursor: &str) -> Result<Played<KeyPage>, ConformError> {
    let subject = questions.subject;
    play(subject, &subject.config, reply.clone(), async |session| match session.inspection() {
        Some(inspection) => inspection.list_keys(Some(cursor)).await.answer,
        None => Ok(KeyPage::default()),
    })
    .await
}

fn miscounted(pages: &[KeyPage]) -> Option<String> {
    let with: Vec<usize> =
        pages.iter().enumerate().filter(|(_, page)| page.total.is_some()).map(|(index, _)| index + 1).collect();
    match with.as_slice() {
        [] => None,
        [1, last] if *last == pages.len() => None,
        some => Some(format!("of {} pages these have a total: {some:?}", pages.len())),
    }
}
