//! The source on a thread of its own: reading blocks, and on standard input for as long as it likes.
//!
//! The thread is not waited for. Where the run ends early it finds its channel closed at the next chunk; one that waits
//! for input until then keeps nobody.

use std::thread;

use tokio::sync::mpsc::{self, Receiver};

use crate::source::{Chunk, Extent, Source, SourceError};

/// What comes out of a source. A channel that closes without an end is not an end.
#[derive(Debug)]
pub(crate) enum Read {
    /// Some rows.
    Rows(Chunk),
    /// All rows were read.
    End(Extent),
    /// The source can't be read on.
    Failed(SourceError),
}

/// Starts reading.
pub(crate) fn spawn(mut source: Box<dyn Source>) -> std::io::Result<Receiver<Read>> {
    let (sender, receiver) = mpsc::channel(1);
    thread::Builder::new().name("source".to_owned()).spawn(move || {
        loop {
            let read = match source.next_chunk() {
                Ok(Some(rows)) => Read::Rows(rows),
                Ok(None) => Read::End(source.extent()),
                Err(error) => Read::Failed(error),
            };
            let goes_on = matches!(read, Read::Rows(_));
            if sender.blocking_send(read).is_err() || !goes_on {
                return;
            }
        }
    })?;
    Ok(receiver)
}
