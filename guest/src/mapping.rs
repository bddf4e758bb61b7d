//! Rows in, records out: the key, the action and the payload of each row, or what is wrong with it.
//!
//! A batch's mapping is planned once and then written row after row into two growing texts, without a step between a
//! value and its JSON.

mod id;
mod plan;

use destination_toolkit::bindings::{Action, Change, Failure, Mapping};
use destination_toolkit::columns::Columns;
use destination_toolkit::http::path;
use destination_toolkit::mapping::{RowError, RowMapper};
use destination_toolkit::value::json;
use destination_toolkit::{mapping, problem};

pub(crate) use self::plan::{Plan, PlannedAttribute};
use crate::api::membership;
use crate::config::{AudienceMode, Config, MAX_ID_CHARACTERS, Nulls, Object};
use crate::value;

/// Map every row of a batch. `changes` has one entry for each row, or none: then every row is added.
///
/// # Errors
/// The mapping does not fit the columns, or the batch is beyond what one call can hold.
pub(crate) fn map(config: &Config, columns: &Columns<'_>, changes: &[Change]) -> Result<Mapping, Failure> {
    if config.object == Object::Unresolved {
        return Err(unresolved());
    }
    let plan = Plan::new(config, columns).map_err(problem::configuration)?;
    let bytes = (config.integration_id_prefix.len() + 12, 64 + 32 * plan.attributes.len());
    let Config { object, nulls, trigger_rules: in_path, .. } = *config;
    let mapper = Mapper { plan, object, nulls, prefix: &config.integration_id_prefix, in_path };
    mapping::map(&mapper, columns.rows(), changes, bytes)
}

/// The failure of a call that needs the ID of an audience of which the config has the name.
#[cold]
pub(crate) fn unresolved() -> Failure {
    problem::configuration(NOT_RESOLVED)
}

const NOT_RESOLVED: &str = "audience_name is not resolved: the engine must resolve the config first, or audience_id must name the \
                            audience by its ID";

struct Mapper<'a> {
    plan: Plan<'a>,
    object: Object,
    nulls: Nulls,
    prefix: &'a str,
    /// The ID is to stand in a path.
    in_path: bool,
}

impl RowMapper for Mapper<'_> {
    fn write_key(&self, row: usize, key: &mut String) -> Result<(), RowError> {
        let column = self.plan.id;
        let value = column.value(row);
        let start = key.len();
        key.push_str(self.prefix);
        id::write(value, key).map_err(|error| RowError::of_value(column.name, value, error))?;
        let key = key.get(start..).unwrap_or_default();
        if key.len() > MAX_ID_CHARACTERS && key.chars().count() > MAX_ID_CHARACTERS {
            return Err(RowError::of_value(column.name, value, id::TOO_LONG));
        }
        if self.in_path && path::is_step(key) {
            return Err(RowError::of_value(column.name, value, id::STEP));
        }
        Ok(())
    }

    fn write_payload(&self, row: usize, change: Change, key: &str, out: &mut String) -> Result<Action, RowError> {
        let action = self.action(change)?;
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
            Object::Unresolved => {}
        }
        Ok(action)
    }
}

impl Mapper<'_> {
    fn action(&self, change: Change) -> Result<Action, RowError> {
        match (self.object, change) {
            (Object::Profiles, Change::Added | Change::Changed) => Ok(Action::Upsert),
            (Object::Profiles, Change::Removed) => Err(RowError {
                code: "removal-not-supported".into(),
                column: None,
                message:
                    "the row left the source, and customer profiles are never deleted: expected an added or changed row"
                        .to_owned(),
            }),
            (Object::Unresolved, _) => {
                Err(RowError { code: "unresolved-audience".into(), column: None, message: NOT_RESOLVED.to_owned() })
            }
            (Object::Audience { mode, .. }, change) => Ok(match (mode, change) {
                (AudienceMode::Add, _) | (AudienceMode::Mirror, Change::Added | Change::Changed) => Action::Add,
                (AudienceMode::Remove, _) | (AudienceMode::Mirror, Change::Removed) => Action::Delete,
            }),
        }
    }
}

#[inline]
fn write_attribute(
    planned: &PlannedAttribute<'_>,
    row: usize,
    nulls: Nulls,
    first: &mut bool,
    out: &mut String,
) -> Result<(), RowError> {
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
            .map_err(|error| RowError::of_value(planned.column.name, value, error))?,
    }
    Ok(())
}

#[cfg(test)]
mod tests;
