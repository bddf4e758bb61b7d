//! The first rows of a sync as the requests that would carry them. Nothing is sent, and no state is looked at.

use super::columns;
use super::fields;
use super::flow::batch::{Item, KeyHash, Queue};
use super::flow::division::Division;
use super::resolution::resolve;
use super::run::{mapped_columns_are_there, open};
use super::{Error, rate, size};
use crate::fault::Fault;
use crate::pipeline::job::Job;
use crate::pipeline::rows::Rows;
use crate::source::{CHUNK_ROWS, RejectedRow};
use crate::state::Change;
use crate::sync_file::SyncFile;
use destination_engine::bindings::{Request, RowIssue};
use destination_engine::http::client::HttpClient;
use destination_engine::http::hooks::HttpContext;
use destination_engine::http::rate_limiter::RateLimiter;
use destination_engine::plugin::Plugin;
use destination_engine::plugin::instance::CallError;

/// What a sync makes of its first rows.
#[derive(Debug, Default)]
pub struct Preview {
    /// Rows that were read.
    pub rows: u64,
    /// The requests, byte for byte as a run sends them.
    pub requests: Vec<Request>,
    /// Rows that can't be mapped, with their numbers in the source.
    pub issues: Vec<(u64, RowIssue)>,
    /// What somebody should know of the mappings, and that stops nothing.
    pub notes: Vec<Fault>,
    /// Whether the source ended within these rows.
    pub ended: bool,
    /// Whether each record is a request of its own, as far as two of them show it.
    pub alone: bool,
}

/// Why there is nothing to see.
#[derive(Debug, thiserror::Error)]
pub enum PreviewError {
    /// A run would not begin.
    #[error(transparent)]
    Run(#[from] Error),
    /// The plugin can't map or render these rows.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The rows can't be handed to the plugin.
    #[error("{0}")]
    Rows(String),
}

/// Maps the first `rows` rows and renders their requests, in batches as a run would send them.
pub async fn preview(
    plugin: &Plugin,
    client: &HttpClient,
    sync: &SyncFile,
    rows: usize,
) -> Result<Preview, PreviewError> {
    let descriptor = plugin.descriptor();
    let outgoing = HttpContext::new(client.clone(), RateLimiter::new(rate(&sync.limits, descriptor)));
    let (session, destination) = resolve(plugin, sync.destination.clone(), outgoing, false).await?;
    let job = Job::new(descriptor, &destination, &sync.computed);
    let (source, _) = open(sync.source.clone(), sync.computed.clone(), rows.min(CHUNK_ROWS)).await?;
    mapped_columns_are_there(&*source, &destination, &job)?;
    let (mut source, comparison) = fields::compare_source(&session, source, &job).await?;
    if !comparison.faults.is_empty() {
        return Err(Error::Faults(comparison.faults).into());
    }
    let most = size(descriptor, &job);
    let mut queue = Queue::new(most);
    let mut division = None;
    let mut preview = Preview { notes: comparison.notes, ..Preview::default() };
    let wanted = rows as u64;
    while preview.rows < wanted {
        let Some(chunk) = source.next_chunk().map_err(Error::from)? else {
            preview.ended = true;
            break;
        };
        let left = usize::try_from(wanted - preview.rows).unwrap_or(usize::MAX);
        let chunk = chunk.first(left);
        let first = preview.rows + 1;
        preview.rows += chunk.len() as u64;
        let rows = Rows::of(&chunk, first);
        preview.issues.extend(chunk.rejected.iter().map(|row| (first + row.place as u64, unusable(row))));
        if rows.is_empty() {
            continue;
        }
        let columns = columns::read(&chunk.rows, |name| job.reading(name))
            .map_err(|error| PreviewError::Rows(error.to_string()))?;
        let mapping = session.map_batch(&columns.borrowed(), &[]).await?;
        if division.is_none() {
            division = Division::of(&session, mapping.batch.iter()).await;
            queue.resize(division.map_or(most, |division| division.size(most)));
        }
        for record in mapping.batch.iter() {
            let item = Item { record, rows: None, key: KeyHash::of(record.key), content: 0, change: Change::Repeated };
            queue.push(&item).map_err(|error| PreviewError::Rows(error.to_string()))?;
        }
        preview.issues.extend(mapping.issues.into_iter().map(|issue| (rows.number(issue.row as usize), issue)));
    }
    preview.alone = division == Some(Division::Alone);
    preview.issues.sort_by_key(|(number, _)| *number);
    queue.close();
    while let Some(batch) = queue.next() {
        preview.requests.extend(session.render_batch(&batch.records).await?);
        queue.settle(&batch);
    }
    Ok(preview)
}

/// A row that the source itself rejects, as an issue like the plugin's.
fn unusable(row: &RejectedRow) -> RowIssue {
    RowIssue { row: 0, key: None, column: None, code: row.code.to_owned(), message: row.message.clone() }
}
