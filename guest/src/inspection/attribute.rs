//! The attributes of customer profiles that an account has.

use destination_toolkit::bindings::Failure;
use destination_toolkit::bindings::inspection::DiscoveredField;
use destination_toolkit::columns::ColumnKind;
use destination_toolkit::problem::suggest::nearest;

use crate::api::client::Management;
use crate::api::management;
use crate::api::object::Object;
use crate::config::field_mapping;
use crate::value::FieldType;

/// An attribute as Talon.One lists it.
pub(crate) struct AttributeInfo {
    pub(crate) name: String,
    /// None: a type that no mapping has.
    pub(crate) field_type: Option<FieldType>,
    /// As Talon.One spells the type.
    pub(crate) api_type: String,
    description: String,
    /// It takes only the values of a list.
    pub(crate) closed_list: bool,
}

/// All attributes of customer profiles, by name.
pub(crate) struct Attributes(Vec<AttributeInfo>);

impl Attributes {
    /// # Errors
    /// There is no whole list.
    #[cfg_attr(target_family = "wasm", optimize(size))]
    pub(crate) fn read(management: &mut Management<'_>) -> Result<Self, Failure> {
        let mut all = Self(Vec::new());
        management.pages(&management::attributes, &mut |object| {
            let attribute = read(object)?;
            // Where one was added or removed while the pages were read, and where a page was asked for again, one comes twice.
            // One without a name is nothing that a mapping can name.
            let new = |attribute: &AttributeInfo| !attribute.name.is_empty() && all.get(&attribute.name).is_none();
            all.0.extend(attribute.filter(new));
            Ok(())
        })?;
        Ok(all)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&AttributeInfo> {
        self.0.iter().find(|attribute| attribute.name == name)
    }

    /// The name that is most likely meant.
    pub(crate) fn nearest(&self, name: &str) -> Option<&str> {
        let listed = self.0.iter().map(|attribute| attribute.name.as_str());
        nearest(name, listed.chain(field_mapping::DEFAULT_FIELDS.iter().map(|(name, _)| *name)))
    }

    /// As an engine shows them, those that every account has first.
    #[cfg_attr(target_family = "wasm", optimize(size))]
    pub(crate) fn discovered(self) -> Vec<DiscoveredField> {
        let unlisted = field_mapping::DEFAULT_FIELDS.iter().filter(|(name, _)| self.get(name).is_none());
        let unlisted = unlisted.map(|(name, field_type)| DiscoveredField {
            name: (*name).to_owned(),
            field_type: field_type.name().to_owned(),
            description: String::new(),
            closed_list: false,
            custom: false,
        });
        let mut fields: Vec<DiscoveredField> = unlisted.collect();
        let listed = self.0.into_iter().map(|attribute| DiscoveredField {
            field_type: attribute.field_type.map_or(attribute.api_type, |known| known.name().to_owned()),
            description: attribute.description,
            closed_list: attribute.closed_list,
            custom: default_names().all(|name| name != attribute.name),
            name: attribute.name,
        });
        fields.extend(listed);
        fields
    }
}

fn default_names() -> impl Iterator<Item = &'static str> {
    field_mapping::DEFAULT_FIELDS.iter().map(|(name, _)| *name)
}

/// None: of another entity.
#[inline(never)]
#[cfg_attr(target_family = "wasm", optimize(size))]
fn read(object: &Object<'_>) -> Result<Option<AttributeInfo>, String> {
    if object.text("entity")? != "CustomerProfile" {
        return Ok(None);
    }
    let api_type = object.text("type")?.into_owned();
    Ok(Some(AttributeInfo {
        name: object.text("name")?.into_owned(),
        field_type: FieldType::of_api(&api_type),
        api_type,
        description: object.text("description")?.into_owned(),
        closed_list: object.optional_boolean("restrictedBySuggestions")?.unwrap_or(false),
    }))
}

/// The type that the values of a column have in JSON, where it is one: what an attribute for them would be. None: any.
pub(crate) fn column_type(kind: ColumnKind) -> Option<FieldType> {
    match kind {
        ColumnKind::Boolean => Some(FieldType::Boolean),
        ColumnKind::Number => Some(FieldType::Number),
        ColumnKind::Text => Some(FieldType::String),
        ColumnKind::Time => Some(FieldType::Time),
        ColumnKind::Null | ColumnKind::Json => None,
    }
}
