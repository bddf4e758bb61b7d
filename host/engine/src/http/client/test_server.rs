//! A server on loopback for this crate's tests: it answers with the bytes it is told, byte for byte, and remembers what it
//! was asked and over how many connections.

#![expect(clippy::unwrap_used, reason = "a test's server may stop the test")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;

/// What to do about a request.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// Send these bytes and keep the connection.
    Send(String),
    /// Send these bytes and close the connection.
    SendAndClose(String),
    /// Send these bytes and then nothing more, for as long as the test runs.
    SendAndStall(String),
    /// Send these bytes, and then these again and again, each after a moment, for as long as anyone reads.
    Drip(String, String),
    /// Send these bytes before the request's body is read, and read none of it.
    SendUnread(String),
}

impl Answer {
    /// A whole answer with this status line, header lines and body.
    pub(crate) fn whole(status: &str, headers: &str, body: &str) -> Self {
        Self::Send(format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}", body.len()))
    }

    /// `204 No Content`.
    pub(crate) fn no_content() -> Self {
        Self::Send("HTTP/1.1 204 No Content\r\n\r\n".to_owned())
    }
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// Which connection it came over, counted from 0.
    pub(crate) connection: usize,
    /// Request line and headers.
    pub(crate) head: String,
    /// The body.
    pub(crate) body: String,
}

impl Seen {
    /// All values of a header.
    pub(crate) fn header(&self, name: &str) -> Vec<&str> {
        let fields = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        fields.filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    }
}

pub(crate) struct TestServer {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    /// Closes with the server, so that what stalls ends with the test.
    _running: tokio::sync::oneshot::Sender<()>,
}

impl TestServer {
    /// Answers the n-th request, counted from 0, with `answer(n)`.
    pub(crate) async fn start(answer: impl Fn(usize) -> Answer + Send + Sync + 'static) -> Self {
        Self::start_with(answer, None).await
    }

    /// The same behind TLS.
    pub(crate) async fn start_tls(
        tls: rustls::ServerConfig,
        answer: impl Fn(usize) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self::start_with(answer, Some(Arc::new(tls).into())).await
    }

    async fn start_with(
        answer: impl Fn(usize) -> Answer + Send + Sync + 'static,
        tls: Option<tokio_rustls::TlsAcceptor>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let (running, stopped) = tokio::sync::oneshot::channel::<()>();
        let requests = Arc::clone(&seen);
        let answer = Arc::new(answer);
        let accept = async move {
            for connection in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                let (requests, answer, tls) = (Arc::clone(&requests), Arc::clone(&answer), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, connection, &requests, &*answer).await,
                        // A client that does not trust the certificate hangs up here.
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => serve(stream, connection, &requests, &*answer).await,
                            Err(error) => drop(error),
                        },
                    }
                });
            }
        };
        tokio::spawn(async move {
            tokio::select! {
                () = accept => {}
                _ = stopped => {}
            }
        });
        Self { address, seen, _running: running }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// `http://127.0.0.1:port`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Over how many connections they came.
    pub(crate) fn connections(&self) -> usize {
        let seen = self.seen();
        seen.iter().map(|s| s.connection).collect::<std::collections::BTreeSet<_>>().len()
    }
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    connection: usize,
    requests: &Mutex<Vec<Seen>>,
    answer: &(dyn Fn(usize) -> Answer + Send + Sync),
) {
    let mut buffer = Vec::new();
    loop {
        let Some(head) = read_head(&mut stream, &mut buffer).await else { return };
        let next = requests.lock().unwrap().len();
        if let Answer::SendUnread(bytes) = answer(next) {
            requests.lock().unwrap().push(Seen { connection, head, body: String::new() });
            if stream.write_all(bytes.as_bytes()).await.is_ok() {
                std::future::pending::<()>().await;
            }
            return;
        }
        let Some(body) = read_body(&mut stream, &mut buffer, &head).await else { return };
        let number = {
            let mut requests = requests.lock().unwrap();
            requests.push(Seen { connection, head, body });
            requests.len() - 1
        };
        let answer = answer(number);
        let (Answer::Send(bytes)
        | Answer::SendAndClose(bytes)
        | Answer::SendAndStall(bytes)
        | Answer::Drip(bytes, _)
        | Answer::SendUnread(bytes)) = &answer;
        if stream.write_all(bytes.as_bytes()).await.is_err() || stream.flush().await.is_err() {
            return;
        }
        match answer {
            Answer::Send(_) => {}
            Answer::SendAndClose(_) => return,
            Answer::SendAndStall(_) | Answer::SendUnread(_) => std::future::pending().await,
            Answer::Drip(_, drop) => loop {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                if stream.write_all(drop.as_bytes()).await.is_err() || stream.flush().await.is_err() {
                    return;
                }
            },
        }
    }
}

/// Request line and headers; none where the client closed the connection.
async fn read_head(stream: &mut (impl AsyncRead + Unpin), buffer: &mut Vec<u8>) -> Option<String> {
    let head_end = loop {
        if let Some(at) = buffer.windows(4).position(|w| w == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    };
    Some(String::from_utf8(buffer.drain(..head_end).collect()).unwrap())
}

async fn read_body(stream: &mut (impl AsyncRead + Unpin), buffer: &mut Vec<u8>, head: &str) -> Option<String> {
    let length = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(0, |(_, value)| value.parse::<usize>().unwrap());
    while buffer.len() < length {
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
    Some(String::from_utf8(buffer.drain(..length).collect()).unwrap())
}
