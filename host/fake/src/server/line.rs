//! A connection as a fault sees it: something to break off.

use std::io;
use std::net::{Shutdown, TcpStream};
use std::sync::Mutex;

use tokio::sync::{Notify, watch};

use crate::lock::lock;

/// One accepted connection, beside hyper, which owns the socket that it reads and writes.
#[derive(Debug)]
pub(crate) struct Line {
    /// Counts up from 0.
    pub(crate) number: u64,
    /// A second handle to the socket. It is given up on use: a socket is only closed with its last handle.
    twin: Mutex<Option<TcpStream>>,
    /// Tells the connection's task to drop it.
    pub(crate) cut: Notify,
    /// Asks the connection's task to take no further request.
    goodbye: Notify,
    /// Whether it takes no further request.
    leaving: watch::Sender<bool>,
}

impl Line {
    pub(crate) fn new(number: u64, twin: TcpStream) -> Self {
        Self {
            number,
            twin: Mutex::new(Some(twin)),
            cut: Notify::new(),
            goodbye: Notify::new(),
            leaving: watch::Sender::new(false),
        }
    }

    /// Has the connection's task take no further request, and comes back when the client is about to be told so: an
    /// answer sent from then on does not overtake it.
    pub(crate) async fn say_goodbye(&self) {
        self.goodbye.notify_one();
        // An error would mean that the sender is gone, which this holds.
        let _: Result<_, _> = self.leaving.subscribe().wait_for(|leaving| *leaving).await;
    }

    /// For the connection's task: comes back when it is to take no further request.
    pub(crate) async fn goodbye(&self) {
        self.goodbye.notified().await;
    }

    /// For the connection's task: it takes no further request.
    pub(crate) fn leave(&self) {
        self.leaving.send_replace(true);
    }

    /// The client sees a reset, whatever was still on its way.
    pub(crate) fn reset(&self) -> io::Result<()> {
        if let Some(twin) = lock(&self.twin).take() {
            // The option belongs to the socket, so it holds for hyper's handle too.
            tokio::net::TcpStream::from_std(twin)?.set_zero_linger()?;
        }
        self.cut.notify_one();
        Ok(())
    }

    /// The client sees the end of what the server sends, and can go on sending.
    pub(crate) fn half_close(&self) -> io::Result<()> {
        lock(&self.twin).take().map_or(Ok(()), |twin| twin.shutdown(Shutdown::Write))
    }
}
