//! Singer: the messages of a tap on standard input, each stream delivered as a sync of its own.
//!
//! What it shares with other protocols is in [`target`](crate::target). Here is what is Singer's: `singer/message` reads a line,
//! `singer/reader` hands it to its stream, `singer/stream` says when a table is complete. Left out: BATCH messages.

mod about;
mod message;
mod reader;
mod stream;

use std::io::{Read, Write};

pub use self::about::{about, plugin_definition};
use crate::target::checkpoints::{Checkpoint, Keep};
use crate::target::passing::Passing;
use crate::target::schema::Conventions;
use crate::target::{Delivered, Target};

/// What the Singer SDK adds to the columns of a stream.
const CONVENTIONS: Conventions =
    Conventions { deleted_at: "_sdc_deleted_at", metadata: &["_sdc_"], takes_undeclared: true };

/// Reads a tap's messages to their end and delivers them. `states` takes the STATEs, one a line.
pub async fn deliver(
    target: Target,
    input: impl Read + Send + 'static,
    states: impl Write + Send + 'static,
) -> Delivered {
    // A runner keeps the last STATE that it got.
    let passing = Passing::new(Keep::Last, state_line, Box::new(states));
    target.deliver(passing, move |opening, passing| reader::Reader::new(opening).read(input, passing)).await
}

fn state_line(checkpoint: &Checkpoint) -> String {
    checkpoint.state.get().trim().to_owned()
}
