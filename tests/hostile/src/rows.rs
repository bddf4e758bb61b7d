//! Rows as records: the key is the column `id`, the payload a JSON object of all columns.

use serde_json::value::RawValue;

use crate::bindings::exports::etl::destination::destination::{
    Action, Change, Column, Failure, MappedBatch, MappedRow, Mapping, ProblemKind, Row, RowIssue, Strings, Value,
    Values,
};
use crate::config::failure;
use crate::mutant;

const KEY: &str = "id";

/// A value as JSON, or why it has none.
type Cell = Result<String, &'static str>;

/// Texts end to end.
pub(crate) fn packed<'t>(texts: impl IntoIterator<Item = &'t str>) -> Strings {
    let mut strings = Strings { offsets: vec![0], data: String::new() };
    for text in texts {
        strings.data.push_str(text);
        strings.offsets.push(u32::try_from(strings.data.len()).unwrap_or(u32::MAX));
    }
    strings
}

/// The texts, or what is wrong with their layout.
pub(crate) fn texts<'s>(strings: &'s Strings, config: &str) -> Result<Vec<&'s str>, Failure> {
    let first = strings.offsets.first().copied().filter(|_| mutant(config, "offset-zero")).unwrap_or_default();
    let text = |ends: &[u32]| {
        let [start, end] = *ends else { return None };
        strings.data.get((start - first) as usize..(end - first) as usize)
    };
    let read: Option<Vec<&str>> = strings.offsets.windows(2).map(text).collect();
    match read {
        Some(texts) => Ok(texts),
        None if mutant(config, "takes-broken") => Ok(vec![""; strings.offsets.len() - 1]),
        None => Err(malformed("offsets that do not fit their text")),
    }
}

fn malformed(what: &str) -> Failure {
    failure(ProblemKind::Configuration, format!("the columns have {what}"))
}

pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The cells of a column; none where a value is null.
fn cells(column: &Column, config: &str) -> Result<Vec<Option<Cell>>, Failure> {
    let number = |number: String| Ok(number);
    let raw = |text: &str| match serde_json::from_str::<&RawValue>(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err("is not JSON"),
    };
    let all: Vec<Cell> = match &column.values {
        Values::Nulls(count) => vec![Ok("null".to_owned()); *count as usize],
        Values::Booleans(values) => values.iter().map(|value| number(value.to_string())).collect(),
        Values::Integers(values) => values.iter().map(|value| number(value.to_string())).collect(),
        Values::Dates(values) => values.iter().map(|value| number(value.to_string())).collect(),
        Values::Timestamps(times) => times.counts.iter().map(|value| number(value.to_string())).collect(),
        Values::Floats(values) => values
            .iter()
            .map(|value| match value.is_finite() {
                true => Ok(value.to_string()),
                false if mutant(config, "crashes-on-nan") => panic!("on purpose"),
                false => Err("is not a finite number"),
            })
            .collect(),
        Values::Texts(strings) => texts(strings, config)?.into_iter().map(|text| Ok(quoted(text))).collect(),
        Values::Decimals(strings) | Values::Json(strings) => texts(strings, config)?.into_iter().map(raw).collect(),
    };
    if !column.validity.is_empty() && column.validity.len() * 8 < all.len() {
        return Err(malformed("a validity that is too short"));
    }
    let valid = |row: usize| column.validity.is_empty() || column.validity[row / 8] >> (row % 8) & 1 == 1;
    let is_null = matches!(column.values, Values::Nulls(_));
    Ok(all.into_iter().enumerate().map(|(row, cell)| (valid(row) && !is_null).then_some(cell)).collect())
}

/// The key of a cell.
fn key(cell: Option<&Cell>) -> Result<String, &'static str> {
    let text = match cell {
        Some(Ok(text)) => text,
        Some(Err(fault)) => return Err(fault),
        None => return Err("is null"),
    };
    let key = serde_json::from_str::<String>(text).unwrap_or_else(|_| text.clone());
    if key.is_empty() { Err("is empty") } else { Ok(key) }
}

pub(crate) fn map(text: &str, columns: &[Column], changes: &[Change]) -> Result<Mapping, Failure> {
    let cells = columns.iter().map(|column| cells(column, text)).collect::<Result<Vec<_>, _>>()?;
    let rows = cells.first().map_or(0, Vec::len);
    if cells.iter().any(|column| column.len() != rows) || (!changes.is_empty() && changes.len() != rows) {
        return Err(malformed("other lengths than each other or the changes"));
    }
    let Some(place) = columns.iter().position(|column| column.name == KEY) else {
        return Err(malformed("no `id` among them"));
    };
    if rows == 0 && mutant(text, "empty-batch") {
        return Err(malformed("no rows"));
    }
    let mut mapping = Mapping {
        batch: MappedBatch { rows: Vec::new(), keys: packed([]), actions: Vec::new(), payloads: packed([]) },
        issues: Vec::new(),
    };
    let (mut keys, mut payloads) = (Vec::new(), Vec::new());
    for row in 0..rows {
        let index = u32::try_from(row).unwrap_or(u32::MAX);
        let change = changes.get(row).copied().unwrap_or(Change::Added);
        let key = key(cells[place][row].as_ref());
        let values: Result<Vec<String>, (&str, &str)> = columns
            .iter()
            .zip(&cells)
            .map(|(column, cells)| match &cells[row] {
                Some(Ok(value)) => Ok(format!("{}:{value}", quoted(&column.name))),
                Some(Err(fault)) => Err((column.name.as_str(), *fault)),
                None => Ok(format!("{}:null", quoted(&column.name))),
            })
            .collect();
        let (key, values) = match (key, values) {
            (Ok(key), Ok(values)) => (key, values),
            (key, values) => {
                let (column, fault) =
                    values.err().or(key.as_ref().err().map(|fault| (KEY, *fault))).unwrap_or_default();
                mapping.issues.push(RowIssue {
                    row: index,
                    key: key.ok(),
                    column: Some(column.to_owned()),
                    code: if mutant(text, "codes") { "Bad Value!" } else { "invalid-value" }.to_owned(),
                    message: format!("column {column:?} {fault}"),
                });
                continue;
            }
        };
        mapping.batch.rows.push(index);
        let removed = change == Change::Removed && !mutant(text, "actions");
        mapping.batch.actions.push(if removed { Action::Delete } else { Action::Upsert });
        keys.push(key);
        let more = if mutant(text, "impure") { format!(",\"random\":{}", random()) } else { String::new() };
        payloads.push(format!("{{{}{more}}}", values.join(",")));
    }
    mapping.batch.keys = packed(keys.iter().map(String::as_str));
    mapping.batch.payloads = packed(payloads.iter().map(String::as_str));
    Ok(mapping)
}

pub(crate) fn random() -> u64 {
    #[cfg(target_family = "wasm")]
    return crate::bindings::wasi::random::random::get_random_u64();
    #[cfg(not(target_family = "wasm"))]
    0
}

/// A row as a batch of one.
pub(crate) fn map_one(text: &str, columns: Vec<String>, row: Row) -> Result<MappedRow, Failure> {
    let one = |text: &str| packed([text]);
    let values = |value: Value| match value {
        Value::Null => Some(Values::Nulls(1)),
        Value::Boolean(value) => Some(Values::Booleans(vec![value])),
        Value::Integer(value) => Some(Values::Integers(vec![value])),
        Value::Float(value) => Some(Values::Floats(vec![value])),
        Value::Decimal(value) => Some(Values::Decimals(one(&value))),
        Value::Text(value) => Some(Values::Texts(one(&value))),
        Value::Json(value) => Some(Values::Json(one(&value))),
        Value::Date(_) | Value::Timestamp(_) => None,
    };
    let read: Option<Vec<Column>> = columns
        .into_iter()
        .zip(row.values)
        .map(|(name, value)| Some(Column { name, validity: Vec::new(), values: values(value)? }))
        .collect();
    let rejected = |message: &str| failure(ProblemKind::Row, message.to_owned());
    let read = read.ok_or_else(|| rejected("dates and times are not here"))?;
    let mapping = map(text, &read, &[row.change])?;
    match (mapping.batch.actions.first(), mapping.issues.first()) {
        (Some(action), _) => Ok(MappedRow {
            key: if mutant(text, "row-differs") { "other".to_owned() } else { mapping.batch.keys.data },
            action: *action,
            payload: mapping.batch.payloads.data,
        }),
        (None, Some(issue)) => Err(rejected(&issue.message)),
        (None, None) => Err(rejected("there are no values")),
    }
}
