//! One request from its head to its answer: noted, read, then treated properly or struck by a fault.

use std::sync::Arc;

use hyper::Request;
use hyper::body::Incoming;
use hyper::http::request::Parts;

use crate::faults::Arrival;
use crate::faults::fault::Fault;
use crate::lock::lock;
use crate::recorder::Ticket;
use crate::recorder::upload;
use crate::server::control;
use crate::server::exchange::Exchange;
use crate::server::line::Line;
use crate::server::reply::{Ended, Reply};
use crate::server::shared::Shared;
use crate::server::updates::Running;

/// Answers one request of a connection.
pub(crate) async fn answer(shared: Arc<Shared>, line: Arc<Line>, request: Request<Incoming>) -> Result<Reply, Ended> {
    let (head, body) = request.into_parts();
    if let Some(control) = control::Call::of(&head) {
        return control.answer(&shared, body).await;
    }
    let (ticket, fault) = note(&shared, &line, &head);
    let _running = Running::begin(&shared, &head, ticket.sequence());
    let keep = !shared.settings.count_only;
    // The client went away in the middle: there is nobody to answer.
    let upload = upload::read(body, head.uri.path(), keep, shared.settings.body_limit).await.map_err(|_| Ended)?;
    shared.recorder.uploaded(ticket, &upload);
    let exchange = Exchange { shared, line, head, upload, ticket };
    match fault {
        None => Ok(exchange.proper(None)),
        Some(fault) => exchange.struck(fault).await,
    }
}

/// Numbers the request and draws its fault as one step, so that faults strike in the order of the numbers.
fn note(shared: &Shared, line: &Line, head: &Parts) -> (Ticket, Option<Fault>) {
    let mut faults = lock(&shared.faults);
    let now = shared.settings.clock.now();
    let ticket = shared.recorder.arrived(head, line.number, now);
    let fault = faults.strike(&Arrival {
        sequence: ticket.sequence(),
        at: now.instant.duration_since(shared.started),
        method: head.method.clone(),
        path: head.uri.path().to_owned(),
    });
    (ticket, fault)
}
