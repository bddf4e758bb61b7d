//! A tiny HTTP proxy for tests: does the client go through it, and where did it want to go?
//!
//! Whatever target a client names, it is connected to the one upstream given at the start: no test reaches beyond this
//! machine. It speaks `CONNECT`, and requests whose target is a full `http://` URL, one connection to the upstream for
//! each from the client. It knows no authentication and no `https://` of its own.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::sync::watch;

use crate::lock::lock;

/// Bytes of a head before it is taken for no HTTP.
const HEAD_LIMIT: usize = 16_384;

/// A proxy that listens on loopback until this is dropped.
pub struct Proxy {
    url: String,
    targets: Arc<Mutex<Vec<String>>>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Starts a proxy that connects every client to `upstream`.
    ///
    /// # Errors
    ///
    /// Where the system gives no socket or thread.
    pub fn start(upstream: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let url = format!("http://{}", listener.local_addr()?);
        let targets = Arc::new(Mutex::new(Vec::new()));
        let (stop, mut stopped) = watch::channel(false);
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let seen = Arc::clone(&targets);
        let thread = thread::Builder::new().name("fake-proxy".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    // Ends only where the listener can't be used, which every client then sees.
                    _ = accept(listener, upstream, seen) => {}
                    _ = stopped.wait_for(|stop| *stop) => {}
                }
            });
        })?;
        Ok(Self { url, targets, stop, thread: Some(thread) })
    }

    /// Where it listens, as the value of `HTTPS_PROXY`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What clients asked to be connected to, one entry a connection: `yourcompany.talon.one:443` for a tunnel, a URL
    /// for a plain request.
    #[must_use]
    pub fn targets(&self) -> Vec<String> {
        lock(&self.targets).clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            let _: thread::Result<()> = thread.join();
        }
    }
}

async fn accept(listener: TcpListener, upstream: SocketAddr, targets: Arc<Mutex<Vec<String>>>) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        let (client, _) = listener.accept().await?;
        let targets = Arc::clone(&targets);
        // A broken connection is seen by both ends; the proxy itself has nothing to say about it.
        tokio::spawn(async move { relay(client, upstream, &targets).await });
    }
}

async fn relay(mut client: TcpStream, upstream: SocketAddr, targets: &Mutex<Vec<String>>) -> io::Result<()> {
    let head = read_head(&mut client).await?;
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line).into_owned();
    let mut words = line.split(' ');
    let (Some(method), Some(target)) = (words.next(), words.next()) else {
        return client.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
    };
    lock(targets).push(target.to_owned());
    let mut server = TcpStream::connect(upstream).await?;
    if method == "CONNECT" {
        client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").await?;
    } else {
        // Servers take a full URL as a target, so the head goes on as it is.
        server.write_all(&head).await?;
    }
    copy_bidirectional(&mut client, &mut server).await.map(|_| ())
}

/// Everything up to the end of the head, and what came along with it. A client of `CONNECT` sends nothing beyond the
/// head before it has an answer.
async fn read_head(client: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    while memchr::memmem::find(&head, b"\r\n\r\n").is_none() {
        if head.len() > HEAD_LIMIT || client.read_buf(&mut head).await? == 0 {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
    Ok(head)
}
