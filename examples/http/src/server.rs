//! The component's face: one request in, one answer out.

use waki::{ErrorCode, Method, Request, Response, handler};

use crate::call::{self, Answer, BODY_LIMIT};

/// Bytes read at a time.
const CHUNK: u64 = 1 << 16;

#[handler]
fn serve(request: Request) -> Result<Response, ErrorCode> {
    let method = match request.method() {
        Method::Get => "GET",
        Method::Post => "POST",
        _ => "this method",
    };
    let mut body = Vec::new();
    while let Some(chunk) = request.chunk(CHUNK).map_err(|error| ErrorCode::InternalError(Some(error.to_string())))? {
        body.extend_from_slice(&chunk);
        if body.len() > BODY_LIMIT {
            return respond(Answer {
                status: 413,
                body: format!("{{\"error\":\"a body may have {BODY_LIMIT} bytes\"}}"),
            });
        }
    }
    respond(call::answer(method, request.path(), &body))
}

fn respond(answer: Answer) -> Result<Response, ErrorCode> {
    Response::builder()
        .status_code(answer.status)
        .header("content-type", "application/json")
        .body(answer.body + "\n")
        .build()
}
