//! Rows in, records out: the key, the action and the payload of each row, or what is wrong with it.
//!
//! A batch's mapping is planned once and then written row after row into two growing texts, without a step between a
//! value and its JSON.

mod id;
mod packed;
mod plan;

use self::packed::Packed;
use self::plan::{Plan, PlannedAttribute};
use crate::api::membership;
use crate::bindings::exports::etl::destination::destination::{
    Action, Change, Failure, MappedBatch, Mapping, RowIssue,
};
use crate::columns::{Column, Columns};
use crate::config::{AudienceMode, Config, MAX_ID_CHARACTERS, Nulls, Object};
use crate::problem;
use crate::problem::quote::quoted;
use crate::value::json;
use crate::value::{self, Value, ValueError};

/// Map every row of a batch. `changes` has one entry for each row, or none: then every row is added.
///
/// # Errors
/// The mapping does not fit the columns, or the batch is beyond what one call can hold.
pub(crate) fn map(config: &Config, columns: &Columns<'_>, changes: &[Change]) -> Result<Mapping, Failure> {
    let rows = columns.rows();
    if !changes.is_empty() && changes.len() != rows {
        return Err(problem::configuration(format!(
            "there are {} changes for {rows} rows: expected one for each row, or none",
            changes.len()
        )));
    }
    let plan = Plan::new(config, columns).map_err(problem::configuration)?;
    let mut writer = Writer::new(config, &plan, rows);
    for row in 0..rows {
        writer.write(row, changes.get(row).copied().unwrap_or(Change::Added))?;
    }
    Ok(writer.finish())
}

/// Rows that memory is reserved for at once.
const LIKELY_ROWS: usize = 16_384;

struct Writer<'a> {
    plan: &'a Plan<'a>,
    object: Object,
    nulls: Nulls,
    prefix: &'a str,
    rows: Vec<u32>,
    keys: Packed,
    actions: Vec<Action>,
    payloads: Packed,
    issues: Vec<RowIssue>,
}

/// Why a row has no record.
struct RowError<'a> {
    code: &'static str,
    column: Option<&'a str>,
    message: String,
}

impl<'a> Writer<'a> {
    fn new(config: &'a Config, plan: &'a Plan<'a>, rows: usize) -> Self {
        // A column of nulls can claim to be billions long: beyond what is likely, memory grows with what is written.
        let room = rows.min(LIKELY_ROWS);
        Self {
            plan,
            object: config.object,
            nulls: config.nulls,
            prefix: &config.integration_id_prefix,
            rows: Vec::with_capacity(room),
            keys: Packed::with_capacity(room, config.integration_id_prefix.len() + 12),
            actions: Vec::with_capacity(room),
            payloads: Packed::with_capacity(room, 64 + 32 * plan.attributes.len()),
            issues: Vec::new(),
        }
    }

    fn finish(self) -> Mapping {
        Mapping {
            batch: MappedBatch {
                rows: self.rows,
                keys: self.keys.into_strings(),
                actions: self.actions,
                payloads: self.payloads.into_strings(),
            },
            issues: self.issues,
        }
    }

    /// Append the row to the records or to the issues.
    fn write(&mut self, row: usize, change: Change) -> Result<(), Failure> {
        let index = u32::try_from(row).map_err(|_| too_large())?;
        let mut key_known = false;
        let written = self.write_key(row).and_then(|()| {
            key_known = true;
            let action = self.action(change)?;
            self.write_payload(row, action)?;
            Ok(action)
        });
        match written {
            Ok(action) => {
                self.rows.push(index);
                self.actions.push(action);
                if !self.keys.keep() || !self.payloads.keep() {
                    return Err(too_large());
                }
            }
            Err(row_error) => {
                self.issues.push(RowIssue {
                    row: index,
                    key: key_known.then(|| self.keys.current().to_owned()),
                    column: row_error.column.map(str::to_owned),
                    code: row_error.code.to_owned(),
                    message: row_error.message,
                });
                self.keys.drop_current();
                self.payloads.drop_current();
            }
        }
        Ok(())
    }

    fn write_key(&mut self, row: usize) -> Result<(), RowError<'a>> {
        let column = self.plan.id;
        let value = column.value(row);
        let out = self.keys.data();
        out.push_str(self.prefix);
        id::write(value, out).map_err(|error| row_error(column, value, error))?;
        let key = self.keys.current();
        if key.len() > MAX_ID_CHARACTERS && key.chars().count() > MAX_ID_CHARACTERS {
            return Err(row_error(column, value, id::TOO_LONG));
        }
        Ok(())
    }

    fn action(&self, change: Change) -> Result<Action, RowError<'a>> {
        match (self.object, change) {
            (Object::Profiles, Change::Added | Change::Changed) => Ok(Action::Upsert),
            (Object::Profiles, Change::Removed) => Err(RowError {
                code: "removal-not-supported",
                column: None,
                message:
                    "the row left the source, and customer profiles are never deleted: expected an added or changed row"
                        .to_owned(),
            }),
            (Object::Audience { mode, .. }, change) => Ok(match (mode, change) {
                (AudienceMode::Add, _) | (AudienceMode::Mirror, Change::Added | Change::Changed) => Action::Add,
                (AudienceMode::Remove, _) | (AudienceMode::Mirror, Change::Removed) => Action::Delete,
            }),
        }
    }

    fn write_payload(&mut self, row: usize, action: Action) -> Result<(), RowError<'a>> {
        let key = self.keys.current();
        let out = self.payloads.data();
        match self.object {
            Object::Profiles => {
                out.push_str("{\"integrationId\":");
                json::write_string(key, out);
                out.push_str(",\"attributes\":{");
                let mut first = true;
                for planned in &self.plan.attributes {
                    write_attribute(planned, row, self.nulls, &mut first, out)?;
                }
                out.push_str("}}");
            }
            Object::Audience { id, .. } => membership::write(key, action, id, out),
        }
        Ok(())
    }
}

#[inline]
fn write_attribute<'a>(
    planned: &'a PlannedAttribute<'a>,
    row: usize,
    nulls: Nulls,
    first: &mut bool,
    out: &mut String,
) -> Result<(), RowError<'a>> {
    let value = planned.column.value(row);
    let substitute = if value.is_null() {
        match (planned.default, nulls) {
            (Some(default), _) => Some(default),
            (None, Nulls::Clear) => Some("null"),
            (None, Nulls::Omit) => return Ok(()),
        }
    } else {
        None
    };
    if *first {
        *first = false;
    } else {
        out.push(',');
    }
    out.push_str(&planned.attribute.label);
    match substitute {
        Some(json) => out.push_str(json),
        None => value::write(value, planned.attribute.field_type, out)
            .map_err(|error| row_error(planned.column, value, error))?,
    }
    Ok(())
}

#[cfg_attr(target_family = "wasm", optimize(size))]
fn row_error<'a>(column: &Column<'a>, value: Value<'_>, error: ValueError) -> RowError<'a> {
    RowError {
        code: error.code,
        column: Some(column.name),
        message: format!(
            "column {}: {} is not {}: expected {}",
            quoted(column.name),
            error.part.unwrap_or_else(|| value.shown()),
            error.wanted,
            error.expected
        ),
    }
}

fn too_large() -> Failure {
    problem::configuration("the batch is too large: its records take over 4 GiB; map fewer rows in one call")
}

#[cfg(test)]
mod tests;
