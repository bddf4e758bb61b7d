//! Rows in, mapped records out: one worker, in the order of the source.

use std::sync::Arc;

use tokio::sync::mpsc::{self, Receiver, Sender};

use super::Delivery;
use super::columns::{self, UnreadableColumn};
use super::reader::Read;
use crate::pipeline::job::Job;
use crate::source::{Chunk, Extent, SourceError};
use destination_engine::plugin::answers::Mapping;
use destination_engine::plugin::instance::CallError;

/// What comes out of the mapper. A channel that closes without an end is not an end.
#[derive(Debug)]
pub(crate) enum Mapped {
    /// Some rows and what the plugin made of them.
    Rows(Chunk, Mapping),
    /// All rows were mapped.
    End(Extent),
    /// The source can't be read on.
    Source(SourceError),
    /// These rows can't be handed to the plugin.
    Column(UnreadableColumn, usize),
    /// The plugin could not map these rows at all.
    Call(CallError, usize),
}

/// Starts mapping.
pub(crate) fn spawn<D: Delivery>(mut source: Receiver<Read>, delivery: D, job: Arc<Job>) -> Receiver<Mapped> {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move { map_all(&mut source, &delivery, &job, &sender).await });
    receiver
}

async fn map_all<D: Delivery>(source: &mut Receiver<Read>, delivery: &D, job: &Job, to: &Sender<Mapped>) {
    while let Some(read) = source.recv().await {
        let mapped = match read {
            Read::Rows(rows) => map(rows, delivery, job).await,
            Read::End(extent) => Mapped::End(extent),
            Read::Failed(error) => Mapped::Source(error),
        };
        let goes_on = matches!(mapped, Mapped::Rows(..));
        if to.send(mapped).await.is_err() || !goes_on {
            return;
        }
    }
}

async fn map<D: Delivery>(chunk: Chunk, delivery: &D, job: &Job) -> Mapped {
    if chunk.rows.num_rows() == 0 {
        return Mapped::Rows(chunk, Mapping::default());
    }
    let mapped = match columns::read(&chunk.rows, |name| job.reading(name)) {
        Ok(columns) => delivery.map_batch(&columns.borrowed(), &chunk.changes).await,
        Err(error) => return Mapped::Column(error, chunk.len()),
    };
    match mapped {
        Ok(mapping) => Mapped::Rows(chunk, mapping),
        Err(error) => Mapped::Call(error, chunk.len()),
    }
}
