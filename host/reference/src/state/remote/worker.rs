//! A thread with a runtime, on which a remote state is talked to: its lease is renewed while the run's own threads are busy,
//! or wait for it.

use std::io;
use std::sync::mpsc;

use tokio::runtime::{Builder, Runtime};
use tokio::task::AbortHandle;

/// The thread. It ends when this is dropped, whatever it is at.
#[derive(Debug)]
pub(super) struct Worker(Option<Runtime>);

impl Worker {
    pub(super) fn new() -> io::Result<Self> {
        Builder::new_multi_thread().worker_threads(1).thread_name("state").enable_all().build().map(Some).map(Self)
    }

    /// Does something there, and waits for it here: on a thread that may wait, inside another runtime or not. `None`: it
    /// panicked.
    pub(super) fn wait<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Option<T> {
        let (done, result) = mpsc::sync_channel(1);
        self.spawn(async move {
            // Nobody waits any more where the receiver is gone.
            done.send(work.await).ok();
        });
        result.recv().ok()
    }

    /// Does something there on the side.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) -> Option<AbortHandle> {
        self.0.as_ref().map(|runtime| runtime.spawn(work).abort_handle())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // A runtime that is dropped inside another one would wait for its threads, which panics.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
