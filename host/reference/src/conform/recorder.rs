//! A server on loopback that records each request and answers by a script.

use std::borrow::Cow;
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Between the last that comes of an answer and the break.
const BEFORE_THE_END: Duration = Duration::from_millis(50);

/// A request as it arrived, whole.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) method: String,
    /// With its query.
    pub(super) path: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Bytes,
}

/// What a request is answered with.
#[derive(Debug, Clone)]
pub(super) enum Reply {
    /// A status, headers and a body.
    Answer(u16, Vec<(&'static str, &'static str)>, Cow<'static, str>),
    /// The same, after a while.
    Late(Duration, Box<Reply>),
    /// This status, and as its body all header values of the request.
    Echo(u16),
    /// The connection ends without an answer.
    Break,
    /// A status and this much of a body, whose end never comes: the connection ends before it.
    BreakOff(u16, Cow<'static, str>),
}

impl Reply {
    pub(super) fn status(status: u16) -> Self {
        Self::Answer(status, Vec::new(), Cow::Borrowed(""))
    }

    /// A status with a body, which is JSON.
    pub(super) fn json(status: u16, body: impl Into<Cow<'static, str>>) -> Self {
        Self::Answer(status, vec![("content-type", "application/json")], body.into())
    }
}

/// The server. It ends with this value.
pub(super) struct Recorder {
    url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    serving: JoinHandle<()>,
}

impl Recorder {
    /// Answers every request with this reply.
    pub(super) async fn start(reply: Reply) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let serving = tokio::spawn({
            let seen = Arc::clone(&seen);
            async move {
                // A server that can take no more connections has none to record.
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(serve(stream, Arc::clone(&seen), reply.clone()));
                }
            }
        });
        Ok(Self { url, seen, serving })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        lock(&self.seen).clone()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn lock(seen: &Mutex<Vec<Seen>>) -> MutexGuard<'_, Vec<Seen>> {
    // A push can't stop halfway.
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(stream: TcpStream, seen: Arc<Mutex<Vec<Seen>>>, reply: Reply) {
    let service = service_fn(|request| answer(request, &seen, &reply));
    // A connection that is kept open could be taken for one to a later server that has the port by then.
    let connection =
        hyper::server::conn::http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), service);
    // A client that goes away is what some scripts are about.
    drop(connection.await);
}

/// An error here ends the connection.
async fn answer(
    request: Request<Incoming>,
    seen: &Mutex<Vec<Seen>>,
    reply: &Reply,
) -> Result<Response<Body>, io::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let value = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers: Vec<(String, String)> =
        head.headers.iter().map(|(name, it)| (name.as_str().to_owned(), value(it))).collect();
    let echoed = headers.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>().join(" ");
    let path = head.uri.path_and_query().map_or_else(String::new, ToString::to_string);
    lock(seen).push(Seen { method: head.method.to_string(), path, headers, body });
    let reply = match reply {
        Reply::Late(wait, reply) => {
            tokio::time::sleep(*wait).await;
            reply
        }
        other => other,
    };
    let (status, headers, body) = match reply {
        Reply::Answer(status, headers, body) => (*status, headers.as_slice(), Bytes::copy_from_slice(body.as_bytes())),
        Reply::Echo(status) => (*status, &[][..], Bytes::from(echoed)),
        Reply::BreakOff(status, body) => {
            let response = Response::builder().status(*status).header("content-type", "application/json");
            return response.body(broken_off(body)).map_err(io::Error::other);
        }
        Reply::Break | Reply::Late(..) => return Err(io::Error::from(io::ErrorKind::ConnectionReset)),
    };
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(Full::new(body).map_err(io::Error::other).boxed_unsync()).map_err(io::Error::other)
}

/// This much, and then the end of the connection.
fn broken_off(body: &str) -> Body {
    let body = Bytes::copy_from_slice(body.as_bytes());
    let pieces = futures::stream::unfold(Some(body), |rest| async {
        match rest {
            Some(body) => Some((Ok(Frame::data(body)), None)),
            None => {
                // What came is on its way by then.
                tokio::time::sleep(BEFORE_THE_END).await;
                Some((Err(io::Error::from(io::ErrorKind::ConnectionReset)), None))
            }
        }
    });
    StreamBody::new(pieces).boxed_unsync()
}
