//! The config's mappings bound to the columns of one batch.

use std::borrow::Cow;

use destination_toolkit::columns::{Column, Columns};

use crate::config::field_mapping::{Attribute, INTEGRATION_ID};
use crate::config::{Config, Object};

/// Where each part of a record comes from.
pub(crate) struct Plan<'a> {
    pub(crate) id: &'a Column<'a>,
    /// None for audiences.
    pub(crate) attributes: Vec<PlannedAttribute<'a>>,
}

/// An attribute and its column.
pub(crate) struct PlannedAttribute<'a> {
    pub(crate) column: &'a Column<'a>,
    pub(crate) attribute: Cow<'a, Attribute>,
    /// The JSON that replaces null.
    pub(crate) default: Option<&'a str>,
}

impl<'a> Plan<'a> {
    /// Find each mapped column.
    ///
    /// # Errors
    /// A mapped column that is missing, or a column that cannot map to itself.
    #[cfg_attr(target_family = "wasm", optimize(size))]
    pub(crate) fn new(config: &'a Config, columns: &'a Columns<'a>) -> Result<Self, String> {
        if let Some(mappings) = &config.mappings {
            let id = columns.find(&mappings.id)?;
            let attributes = mappings.attributes.iter().map(|mapping| {
                Ok(PlannedAttribute {
                    column: columns.find(&mapping.source)?,
                    attribute: Cow::Borrowed(&mapping.attribute),
                    default: mapping.default.as_deref(),
                })
            });
            return Ok(Self { id, attributes: attributes.collect::<Result<_, String>>()? });
        }
        let id = columns
            .find(INTEGRATION_ID)
            .map_err(|missing| format!("{missing}; without `mappings` in the config, columns map to themselves"))?;
        let attributes = match config.object {
            Object::Audience { .. } | Object::Unresolved => Vec::new(),
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
