//! The accept loop and its connections: HTTP/1.1 with keep-alive, or HTTP/2 where the client begins with it.

mod calls;
pub(crate) mod control;
mod exchange;
mod export;
mod idempotency;
mod integration;
mod key;
mod line;
mod management;
mod profile_update;
mod reply;
mod service;
pub(crate) mod shared;
mod strike;
pub(crate) mod updates;

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::server::line::Line;
use crate::server::shared::Shared;

/// How long a stopping fake waits for answers on their way out. Nothing of its own takes time then: scripted delays and
/// silences end with the stop. What lasts longer is a client that does not read, or is blocked by the very stop.
const GRACE: Duration = Duration::from_millis(200);
/// How long to wait where the system can't give another connection: out of file handles, mostly.
const PAUSE: Duration = Duration::from_millis(20);

/// Serves until `shared` says stop.
pub(crate) async fn run(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    let mut stopped = pin!(shared.stopped());
    loop {
        tokio::select! {
            () = &mut stopped => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, Arc::clone(&shared)));
                }
                // The client gave up before it was accepted, or there are too many: the next one may be better off.
                Err(_) => tokio::time::sleep(PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    let all = async { while connections.join_next().await.is_some() {} };
    // Those that are not done by then are dropped with the set.
    let _: Result<_, _> = tokio::time::timeout(GRACE, all).await;
}

/// An error here is always the other side's doing or the script's, and the other side sees it.
async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    let Ok((stream, line)) = prepare(stream, &shared) else {
        return;
    };
    if let Some(config) = &shared.settings.tls {
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::clone(config));
        let handshake = tokio::select! {
            handshake = acceptor.accept(stream) => handshake,
            () = shared.stopped() => return,
        };
        if let Ok(stream) = handshake {
            serve(stream, line, shared).await;
        }
        return;
    }
    serve(stream, line, shared).await;
}

fn prepare(stream: TcpStream, shared: &Shared) -> io::Result<(TcpStream, Arc<Line>)> {
    stream.set_nodelay(true)?;
    let stream = stream.into_std()?;
    let line = Line::new(shared.recorder.connected(), stream.try_clone()?);
    Ok((TcpStream::from_std(stream)?, Arc::new(line)))
}

async fn serve<S>(stream: S, line: Arc<Line>, shared: Arc<Shared>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut stopped = pin!(shared.stopped());
    let service = service_fn(|request| service::answer(Arc::clone(&shared), Arc::clone(&line), request));
    let builder = Builder::new(TokioExecutor::new());
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut leaving = false;
    loop {
        tokio::select! {
            _ = connection.as_mut() => return,
            () = line.cut.notified() => return,
            () = line.goodbye(), if !leaving => leaving = true,
            () = &mut stopped, if !leaving => leaving = true,
        }
        connection.as_mut().graceful_shutdown();
        line.leave();
    }
}
