//! The mappings beside the fields that the destination has, before the first row is sent.

use super::columns;
use super::resolution::answer;
use super::run::open_source;
use super::{Error, job::Job};
use crate::fault::Fault;
use crate::source::{Peeked, Source};
use crate::sync_file::{Destination, Input, SyncFile};
use arrow_array::RecordBatch;
use destination_engine::arrow::columns::Columns;
use destination_engine::bindings::{ConfigIssue, MissingObject};
use destination_engine::plugin::session::{Provisioning, Session};

/// What comes of comparing mappings with fields.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldComparison {
    /// With these, rows would be rejected or lost: a run does not begin.
    pub faults: Vec<Fault>,
    /// What somebody should know and that stops nothing.
    pub notes: Vec<Fault>,
}

/// Compares the mappings with the fields at the destination, for rows of these columns. A plugin that can't, or a config that lacks what
/// it takes to look, compares nothing and makes no request.
async fn compare(session: &Session, rows: &RecordBatch, job: &Job) -> Result<FieldComparison, Error> {
    let Some(inspection) = session.inspection() else { return Ok(FieldComparison::default()) };
    // Rows that could not be read have no columns: nothing is known of those to come.
    if rows.num_columns() == 0 {
        return Ok(FieldComparison::default());
    }
    let no_rows = rows.slice(0, 0);
    // A column that can't be handed over is told by the run, with its row.
    let Ok(columns) = columns::read(&no_rows, |name| job.reading(name)) else { return Ok(FieldComparison::default()) };
    let outcome = inspection.compare_fields(&columns.borrowed()).await;
    let comparison = answer("the mappings can't be compared with what the destination has", outcome)?;
    Ok(comparison.map_or_else(FieldComparison::default, |comparison| FieldComparison {
        faults: faults(comparison.faults),
        notes: faults(comparison.notes),
    }))
}

/// The same, for the source of a sync file. Standard input is left unread: then nothing is compared.
///
/// # Errors
/// Where the source can't be opened, or the destination did not answer.
pub async fn compare_fields(
    session: &Session,
    sync: &SyncFile,
    destination: &Destination,
    job: &Job,
) -> Result<FieldComparison, Error> {
    match first_rows(sync, destination, job).await? {
        Some(rows) => compare(session, &rows, job).await,
        None => Ok(FieldComparison::default()),
    }
}

/// What a sync needs and the destination does not have: fields that are mapped, its target. Where the rows come from standard input,
/// the mappings alone say which fields.
///
/// # Errors
/// Where the plugin can't tell, the source can't be opened, or the destination did not answer.
pub async fn plan(provisioning: &Provisioning, sync: &SyncFile, job: &Job) -> Result<Vec<MissingObject>, Error> {
    let rows = first_rows(sync, &sync.destination, job).await?;
    let columns = rows.as_ref().map(|rows| columns::read(rows, |name| job.reading(name))).transpose();
    let columns = columns.map_err(|error| Error::Faults(vec![Fault::new("source", error.to_string())]))?;
    let columns = columns.as_ref().map(Columns::borrowed).unwrap_or_default();
    answer("what is missing can't be found out", provisioning.plan(&columns).await)
}

/// The columns of a source, without rows; `None` for standard input and for a source that has no rows.
async fn first_rows(sync: &SyncFile, destination: &Destination, job: &Job) -> Result<Option<RecordBatch>, Error> {
    if sync.source.input() == Some(&Input::Stdin) {
        return Ok(None);
    }
    let (source, _) = open_source(sync, destination, job).await?;
    Ok(peek(source).await?.first().map(|chunk| chunk.rows.slice(0, 0)))
}

async fn peek(source: Box<dyn Source>) -> Result<Peeked, Error> {
    let peeked = tokio::task::spawn_blocking(move || Peeked::new(source)).await;
    peeked.map_err(|error| Error::Engine(format!("the source died: {error}")))
}

/// The same, for a source that is about to be read. Its first rows are read for it, on a thread on which that holds up nobody.
pub(super) async fn compare_source(
    session: &Session,
    source: Box<dyn Source>,
    job: &Job,
) -> Result<(Box<dyn Source>, FieldComparison), Error> {
    if session.inspection().is_none() {
        return Ok((source, FieldComparison::default()));
    }
    let peeked = peek(source).await?;
    let comparison = match peeked.first() {
        Some(chunk) => compare(session, &chunk.rows, job).await?,
        None => FieldComparison::default(),
    };
    Ok((Box::new(peeked), comparison))
}

/// A plugin's issues, by their place in a sync file.
fn faults(issues: Vec<ConfigIssue>) -> Vec<Fault> {
    let place = |path: String| if path.is_empty() { "destination".to_owned() } else { format!("destination.{path}") };
    issues
        .into_iter()
        .map(|issue| Fault { path: place(issue.path), message: issue.message, hint: issue.hint })
        .collect()
}
