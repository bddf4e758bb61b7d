//! Rows in, records out: each row becomes a record or an issue, and one row is a batch of one.

mod row;

use std::borrow::Cow;

use crate::bindings::{Action, Change, Column, Failure, MappedBatch, MappedRow, Mapping, ProblemKind, Row, RowIssue};
use crate::columns::Packed;
use crate::problem::{self, problem};
use crate::value::{Value, ValueError};

/// How a plugin maps one row. Both functions append to a text; what was appended before an error is dropped.
pub trait RowMapper {
    /// Append the record's key.
    ///
    /// # Errors
    /// The row has none.
    fn write_key(&self, row: usize, key: &mut String) -> Result<(), RowError>;

    /// Append the record's payload, and say what is to be done with it.
    ///
    /// # Errors
    /// A value of the row does not fit.
    fn write_payload(&self, row: usize, change: Change, key: &str, payload: &mut String) -> Result<Action, RowError>;
}

/// Two closures map a row as well: one for the key, one for the payload.
impl<K, P> RowMapper for (K, P)
where
    K: Fn(usize, &mut String) -> Result<(), RowError>,
    P: Fn(usize, Change, &str, &mut String) -> Result<Action, RowError>,
{
    #[inline]
    fn write_key(&self, row: usize, key: &mut String) -> Result<(), RowError> {
        (self.0)(row, key)
    }

    #[inline]
    fn write_payload(&self, row: usize, change: Change, key: &str, payload: &mut String) -> Result<Action, RowError> {
        (self.1)(row, change, key, payload)
    }
}

/// Why a row has no record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowError {
    /// Stable, in kebab case.
    pub code: Cow<'static, str>,
    /// The column at fault, where it is one column's.
    pub column: Option<String>,
    /// For the person who can fix the row.
    pub message: String,
}

impl RowError {
    /// A value that does not fit, with its column: `column "points": "many" is not a number: expected digits such as 12`.
    #[cold]
    #[must_use]
    pub fn of_value(column: &str, value: Value<'_>, error: ValueError) -> Self {
        Self {
            code: error.code.into(),
            column: Some(column.to_owned()),
            message: format!(
                "column {}: {} is not {}: expected {}",
                problem::quote::quoted(column),
                error.part.unwrap_or_else(|| value.shown()),
                error.wanted,
                error.expected
            ),
        }
    }
}

/// Rows that memory is reserved for at once.
const LIKELY_ROWS: usize = 16_384;

/// Map every row of a batch. `changes` has one entry for each row, or none: then every row is added. A record takes about
/// `bytes` for its key and for its payload: memory is reserved for as much.
///
/// # Errors
/// The changes do not fit the rows, or the batch is beyond what one call can hold.
#[inline]
pub fn map(
    mapper: &impl RowMapper,
    rows: usize,
    changes: &[Change],
    bytes: (usize, usize),
) -> Result<Mapping, Failure> {
    if !changes.is_empty() && changes.len() != rows {
        return Err(problem::configuration(format!(
            "there are {} changes for {rows} rows: expected one for each row, or none",
            changes.len()
        )));
    }
    // A column of nulls can claim to be billions long: beyond what is likely, memory grows with what is written.
    let room = rows.min(LIKELY_ROWS);
    let mut indices = Vec::with_capacity(room);
    let mut keys = Packed::with_capacity(room, bytes.0);
    let mut actions = Vec::with_capacity(room);
    let mut payloads = Packed::with_capacity(room, bytes.1);
    let mut issues = Vec::new();
    for row in 0..rows {
        let index = u32::try_from(row).map_err(|_| too_large())?;
        let change = changes.get(row).copied().unwrap_or(Change::Added);
        let mut key_known = false;
        let written = mapper.write_key(row, keys.data()).and_then(|()| {
            key_known = true;
            mapper.write_payload(row, change, keys.current(), payloads.data())
        });
        match written {
            Ok(action) => {
                indices.push(index);
                actions.push(action);
                if !keys.keep() || !payloads.keep() {
                    return Err(too_large());
                }
            }
            Err(error) => {
                issues.push(RowIssue {
                    row: index,
                    key: key_known.then(|| keys.current().to_owned()),
                    column: error.column,
                    code: error.code.into_owned(),
                    message: error.message,
                });
                keys.drop_current();
                payloads.drop_current();
            }
        }
    }
    let batch = MappedBatch { rows: indices, keys: keys.into_strings(), actions, payloads: payloads.into_strings() };
    Ok(Mapping { batch, issues })
}

/// A plugin's `map-batch`, its config known.
pub type MapBatch<'a> = dyn Fn(&[Column], &[Change]) -> Result<Mapping, Failure> + 'a;

/// `map-row` as a batch of one, by the plugin's own `map-batch`: the two cannot differ.
///
/// # Errors
/// That of `map_batch`, or a permanent failure of kind `row`: the row cannot be mapped.
#[inline(never)] // within a plugin's export it would be built for speed
pub fn map_one(columns: Vec<String>, row: Row, map_batch: &MapBatch<'_>) -> Result<MappedRow, Failure> {
    let columns = row::as_columns(columns, row.values).map_err(row_failure)?;
    let Mapping { batch, issues } = map_batch(&columns, &[row.change])?;
    match (batch.actions.first(), issues.into_iter().next()) {
        (Some(action), None) => Ok(MappedRow { key: batch.keys.data, action: *action, payload: batch.payloads.data }),
        (_, Some(issue)) => Err(row_failure(issue.message)),
        (None, None) => Err(row_failure("the row has no values".to_owned())),
    }
}

fn row_failure(message: String) -> Failure {
    Failure::Permanent(problem(ProblemKind::Row, message))
}

#[cold]
fn too_large() -> Failure {
    problem::configuration("the batch is too large: its records take over 4 GiB; map fewer rows in one call")
}
