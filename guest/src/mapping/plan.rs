//! The config's mappings bound to the columns of one batch.

use std::borrow::Cow;

use crate::columns::{Column, Columns};
use crate::config::field_mapping::{Attribute, INTEGRATION_ID};
use crate::config::{Config, Object};
use crate::problem::quote::{quoted, shortened};
use crate::problem::suggest::nearest;

/// Where each part of a record comes from.
pub(super) struct Plan<'a> {
    pub(super) id: &'a Column<'a>,
    /// None for audiences.
    pub(super) attributes: Vec<PlannedAttribute<'a>>,
}

/// An attribute and its column.
pub(super) struct PlannedAttribute<'a> {
    pub(super) column: &'a Column<'a>,
    pub(super) attribute: Cow<'a, Attribute>,
    /// The JSON that replaces null.
    pub(super) default: Option<&'a str>,
}

impl<'a> Plan<'a> {
    /// Find each mapped column.
    ///
    /// # Errors
    /// A mapped column that is missing, or a column that cannot map to itself.
    pub(super) fn new(config: &'a Config, columns: &'a Columns<'a>) -> Result<Self, String> {
        if let Some(mappings) = &config.mappings {
            let id = find(columns, &mappings.id)?;
            let attributes = mappings.attributes.iter().map(|mapping| {
                Ok(PlannedAttribute {
                    column: find(columns, &mapping.source)?,
                    attribute: Cow::Borrowed(&mapping.attribute),
                    default: mapping.default.as_deref(),
                })
            });
            return Ok(Self { id, attributes: attributes.collect::<Result<_, String>>()? });
        }
        let id = find(columns, INTEGRATION_ID)
            .map_err(|missing| format!("{missing}; without `mappings` in the config, columns map to themselves"))?;
        let attributes = match config.object {
            Object::Audience { .. } => Vec::new(),
            Object::Profiles => columns
                .iter()
                .filter(|column| column.name != INTEGRATION_ID)
                .map(|column| {
                    let attribute = Attribute::new(column.name, None)
                        .map_err(|error| format!("a column without a mapping maps to itself, but {error}"))?;
                    Ok(PlannedAttribute { column, attribute: Cow::Owned(attribute), default: None })
                })
                .collect::<Result<_, String>>()?,
        };
        Ok(Self { id, attributes })
    }
}

#[cfg_attr(target_family = "wasm", optimize(size))]
fn find<'a>(columns: &'a Columns<'a>, name: &str) -> Result<&'a Column<'a>, String> {
    if let Some(column) = columns.get(name) {
        return Ok(column);
    }
    // A missing column is never taken for nulls: that could clear an attribute of every customer.
    let mut message = format!("the rows have no column {}", quoted(name));
    if let Some(near) = nearest(name, columns.iter().map(|column| column.name)) {
        message.push_str(&format!("; did you mean {}?", quoted(near)));
    }
    let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
    match names.as_slice() {
        [] => message.push_str("; they have no columns at all"),
        names => message.push_str(&format!("; they have {}", shortened(&names.join(", "), 500))),
    }
    Err(message)
}
