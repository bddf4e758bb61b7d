//! The mappings against the attributes that are there: what would reject rows is told before the first is sent.

use destination_toolkit::bindings::inspection::Comparison;
use destination_toolkit::bindings::{Column, ConfigIssue, Failure};
use destination_toolkit::clock::Clock;
use destination_toolkit::columns::{ColumnKind, Columns};
use destination_toolkit::http::Network;
use destination_toolkit::problem;
use destination_toolkit::problem::quote::quoted;

use super::attribute::{AttributeInfo, Attributes, column_type};
use crate::api::client::Management;
use crate::config::{Config, Object};
use crate::mapping::{Plan, PlannedAttribute};
use crate::value::FieldType;

/// Compare. None: there is no key to look with, or nothing to look for.
///
/// # Errors
/// The columns do not fit the config, or there is no list of attributes.
#[inline(never)]
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(super) fn compare(
    config: &Config,
    columns: &[Column],
    network: &mut dyn Network,
    clock: &mut dyn Clock,
) -> Result<Option<Comparison>, Failure> {
    let columns = Columns::read(columns).map_err(problem::configuration)?;
    let plan = Plan::new(config, &columns).map_err(problem::configuration)?;
    let Some(mut management) = Management::new(config, network, clock) else {
        return Ok(None);
    };
    let mut comparison = Comparison::default();
    if config.object == Object::Profiles && !plan.attributes.is_empty() {
        let attributes = Attributes::read(&mut management)?;
        for planned in &plan.attributes {
            let finding = match attributes.get(planned.attribute.name()) {
                Some(attribute) => of_type(config, planned, attribute, &mut comparison.notes),
                None => undefined(planned, &attributes),
            };
            comparison.faults.extend(finding.map(|finding| finding.at(config, planned)));
        }
    }
    Ok(Some(comparison))
}

/// What is wrong with a mapping.
struct Finding {
    /// The key of the mapping.
    key: &'static str,
    message: String,
    hint: String,
}

impl Finding {
    fn at(self, config: &Config, planned: &PlannedAttribute<'_>) -> ConfigIssue {
        ConfigIssue { path: path(config, planned, self.key), message: self.message, hint: Some(self.hint) }
    }
}

/// The path of a key of the mapping; of a column that maps to itself there is none.
#[inline(never)]
#[cfg_attr(target_family = "wasm", optimize(size))]
fn path(config: &Config, planned: &PlannedAttribute<'_>, key: &str) -> String {
    match config.mappings.as_ref().and_then(|mappings| mappings.of(planned.attribute.name())) {
        Some(mapping) => format!("mappings[{}].{key}", mapping.index),
        None => "mappings".to_owned(),
    }
}

#[inline(never)]
#[cfg_attr(target_family = "wasm", optimize(size))]
fn undefined(planned: &PlannedAttribute<'_>, attributes: &Attributes) -> Option<Finding> {
    if planned.attribute.is_default() {
        return None;
    }
    let name = planned.attribute.name();
    let hint = match attributes.nearest(name) {
        Some(near) => format!("did you mean `{near}`? names are compared to the letter and case"),
        None => {
            "create the attribute first, under Account > Tools > Attributes, for the entity Customer Profile".to_owned()
        }
    };
    let message = format!("{}: Talon.One has no customer profile attribute of this name", quoted(name));
    Some(Finding { key: "destination", message, hint })
}

/// Whether the values will be taken by the attribute as it is defined.
#[inline(never)]
#[cfg_attr(target_family = "wasm", optimize(size))]
fn of_type(
    config: &Config,
    planned: &PlannedAttribute<'_>,
    attribute: &AttributeInfo,
    notes: &mut Vec<ConfigIssue>,
) -> Option<Finding> {
    let (name, source) = (quoted(&attribute.name), quoted(planned.column.name));
    let mut note = |key, message: String| {
        notes.push(ConfigIssue { path: path(config, planned, key), message, hint: None });
    };
    if attribute.closed_list {
        let message = format!(
            "the attribute {name} takes only the values of its list in Talon.One: rows of the column {source} with another value \
             are rejected"
        );
        note("destination", message);
    }
    let defined = attribute.field_type?;
    let is = |seen: FieldType| format!("{}, but the attribute {name} is {} in Talon.One", seen.name(), defined.name());
    let kind = planned.column.kind();
    match (planned.attribute.field_type, column_type(kind)) {
        (Some(declared), _) if declared == defined => None,
        (Some(declared), _) => Some(Finding {
            key: "type",
            message: format!("is {}", is(declared)),
            hint: format!("write type = \"{}\"", defined.name()),
        }),
        (None, None) => None,
        (None, Some(own)) if own == defined => None,
        // A date goes out as a text.
        (None, Some(FieldType::Time)) if defined == FieldType::String => None,
        (None, Some(FieldType::String)) if defined == FieldType::Time => {
            let message = format!(
                "the texts of the column {source} go to the attribute {name}, a time, as they are: with type = \"time\" in the \
                 mapping they are checked, and other forms of a time are taken"
            );
            note("source", message);
            None
        }
        (None, Some(own)) => {
            let hint = match kind {
                ColumnKind::Text => {
                    format!("write type = \"{}\" in the mapping, if its texts are such", defined.name())
                }
                _ if defined == FieldType::String => "write type = \"string\" in the mapping".to_owned(),
                _ => format!("map a column of {}s", defined.name()),
            };
            Some(Finding { key: "source", message: format!("the column {source} is {}", is(own)), hint })
        }
    }
}
