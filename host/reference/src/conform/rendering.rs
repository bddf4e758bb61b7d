//! `render-batch`: pure, and requests in the form of requests.

use destination_engine::arrow::records::MappedBatch;
use destination_engine::bindings::Request;

use super::report::Findings;
use super::rules::{BODY_SIZE, RENDER_PURE, REQUEST_FORM};
use super::subject::{Subject, told};

pub(super) async fn check(subject: &Subject, batch: &MappedBatch, findings: &mut Findings) {
    let session = match subject.session(&subject.config) {
        Ok(session) => session,
        Err(reason) => return findings.judge(RENDER_PURE, [reason]),
    };
    let requests = match session.render_batch(batch).await {
        Ok(requests) => requests,
        Err(error) => return findings.judge(RENDER_PURE, [told(&error)]),
    };
    findings.judge(REQUEST_FORM, requests.iter().filter_map(malformed));
    findings.judge(REQUEST_FORM, requests.is_empty().then(|| "records render as no request".to_owned()));
    match subject.descriptor().limits.batch_bytes {
        None => findings.skip(BODY_SIZE, "the descriptor knows no limit"),
        Some(most) => findings.judge(
            BODY_SIZE,
            requests
                .iter()
                .map(|it| it.body.as_bytes().len() as u64)
                .filter(|size| *size > most)
                .map(|size| format!("a body has {size} bytes, the limit is {most}")),
        ),
    }
    let again = match session.render_batch(batch).await {
        Ok(again) if format!("{again:?}") == format!("{requests:?}") => None,
        Ok(_) => Some("two instances render the same records differently".to_owned()),
        Err(error) => Some(told(&error)),
    };
    findings.judge(RENDER_PURE, again);
    let none = match session.render_batch(&MappedBatch::default()).await {
        Ok(requests) if requests.is_empty() => None,
        Ok(requests) => Some(format!("no records render as {} requests", requests.len())),
        Err(error) => Some(told(&error)),
    };
    findings.judge(RENDER_PURE, none);
}

fn malformed(request: &Request) -> Option<String> {
    let Request { method, path, .. } = request;
    let good = !method.is_empty()
        && method.bytes().all(|byte| byte.is_ascii_uppercase())
        && path.starts_with('/')
        && path.bytes().all(|byte| byte.is_ascii_graphic());
    (!good).then(|| format!("{method:?} {path:?}"))
}
