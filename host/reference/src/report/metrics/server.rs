//! The page that Prometheus reads: `GET /metrics` on an address of the user's, for as long as the run goes on.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use super::Metrics;

/// The media type of OpenMetrics text.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Between two attempts to take a connection where the system has none to give.
const PAUSE: Duration = Duration::from_secs(1);

/// Why the page can't be served.
#[derive(Debug, thiserror::Error)]
#[error("can't listen on {address}: {error}")]
pub struct ServeError {
    address: SocketAddr,
    error: std::io::Error,
}

/// Serves the page until the runtime ends. Returns where: port 0 takes a free one.
///
/// # Errors
/// Where the address can't be had.
pub async fn serve(metrics: Metrics, address: SocketAddr) -> Result<SocketAddr, ServeError> {
    let failed = |error| ServeError { address, error };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    tokio::spawn(async move {
        loop {
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                // Out of file handles, say, which takes a moment to pass.
                Err(error) => {
                    tracing::warn!("the metrics can't be served: {error}");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            let metrics = metrics.clone();
            let service = service_fn(move |request| {
                let answer = answer(&metrics, &request);
                async move { Ok::<_, Infallible>(answer) }
            });
            // A scraper that goes away in between is its own affair.
            let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            tokio::spawn(async move { drop(connection.await) });
        }
    });
    Ok(bound)
}

fn answer(metrics: &Metrics, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let plain = |status, text: &'static str| {
        let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
        *response.status_mut() = status;
        response
    };
    if request.uri().path() != "/metrics" {
        return plain(StatusCode::NOT_FOUND, "the metrics are at /metrics\n");
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let mut refused = plain(StatusCode::METHOD_NOT_ALLOWED, "GET it\n");
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    match metrics.text() {
        Ok(text) => {
            let mut response = Response::new(Full::new(Bytes::from(text)));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(OPENMETRICS));
            response
        }
        Err(_) => plain(StatusCode::INTERNAL_SERVER_ERROR, "the numbers can't be written\n"),
    }
}
