//! What a host fetches for itself, a plugin from a registry, say: one GET, its answer read whole.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method};
use tokio::time::Instant;

use super::answer::{AnswerBody, End, Patience};
use super::{CONNECT_TIMEOUT, HttpClient, TransportFault};
use crate::http::egress::Origin;

/// How long a server may take to begin its answer, and between two pieces of it.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long the whole may take: 256 MiB over a slow line.
const WHOLE: Duration = Duration::from_secs(30 * 60);

/// Why there is no whole answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DownloadError {
    /// The path or a header can't be written into a request.
    #[error("{0} can't be asked for: {1}")]
    Request(String, String),
    /// No answer came, or only a part of one: in words that name the server.
    #[error("{0}")]
    Transport(String),
    /// The answer has more bytes than asked for.
    #[error("{origin}: the answer is larger than {most} bytes")]
    TooLarge {
        /// The server.
        origin: Origin,
        /// How many were allowed.
        most: usize,
    },
}

impl From<TransportFault> for DownloadError {
    fn from(fault: TransportFault) -> Self {
        Self::Transport(fault.message)
    }
}

impl HttpClient {
    /// Asks an origin for a path (with its query) and reads the answer, whatever its status, up to `most` bytes. A redirect is an
    /// answer as well: it is not followed.
    ///
    /// # Errors
    /// Where no whole answer came.
    pub async fn download(
        &self,
        origin: &Origin,
        path: &str,
        headers: HeaderMap,
        most: usize,
    ) -> Result<http::Response<Bytes>, DownloadError> {
        let unwritable = |error: http::Error| DownloadError::Request(format!("{origin}{path}"), error.to_string());
        let mut request =
            http::Request::builder().method(Method::GET).uri(path).body(Bytes::new()).map_err(unwritable)?;
        *request.headers_mut() = headers;
        let sent = Instant::now();
        let (head, body) = self.send(origin, request, CONNECT_TIMEOUT, PATIENCE, None).await?.into_parts();
        let patience = Patience { between_bytes: PATIENCE, whole: WHOLE, spent: sent.elapsed() };
        match AnswerBody::new(origin.clone(), body, patience, most).collect().await {
            (body, End::Whole) => Ok(http::Response::from_parts(head, body)),
            (_, End::TooLong) => Err(DownloadError::TooLarge { origin: origin.clone(), most }),
            (_, End::Broken(fault)) => Err(fault.into()),
        }
    }
}
