//! Attribute definitions: which attributes the entities of an account may have.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::deployment::attributes::AttributeType;
use crate::value::object::{Shape, shape};

/// What can have attributes, as the published schema lists it. Profiles are all that the fake keeps values of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Entity {
    Application,
    Campaign,
    CustomerProfile,
    CustomerSession,
    CartItem,
    Coupon,
    Event,
    Giveaway,
    LoyaltyCard,
    Referral,
    Store,
}

impl Entity {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Application => "Application",
            Self::Campaign => "Campaign",
            Self::CustomerProfile => "CustomerProfile",
            Self::CustomerSession => "CustomerSession",
            Self::CartItem => "CartItem",
            Self::Coupon => "Coupon",
            Self::Event => "Event",
            Self::Giveaway => "Giveaway",
            Self::LoyaltyCard => "LoyaltyCard",
            Self::Referral => "Referral",
            Self::Store => "Store",
        }
    }
}

/// Where an attribute of cart items is available.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Subscription {
    Application,
    Catalog,
}

/// An attribute as `POST /v1/attributes` takes it: the published `NewAttribute`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewAttribute {
    pub(crate) entity: Entity,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) event_type: Option<String>,
    pub(crate) name: String,
    pub(crate) title: String,
    #[serde(rename = "type")]
    pub(crate) kind: AttributeType,
    pub(crate) description: String,
    pub(crate) suggestions: Vec<String>,
    #[serde(default)]
    pub(crate) has_allowed_list: bool,
    /// Whether a value must be one of `suggestions`.
    #[serde(default)]
    pub(crate) restricted_by_suggestions: bool,
    pub(crate) editable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) subscribed_applications_ids: Option<Vec<i64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) subscribed_catalogs_ids: Option<Vec<i64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) allowed_subscriptions: Option<Vec<Subscription>>,
}

impl NewAttribute {
    /// An attribute of profiles with its name as its title.
    pub(crate) fn of_profiles(name: &str, kind: AttributeType) -> Self {
        Self {
            entity: Entity::CustomerProfile,
            event_type: None,
            name: name.to_owned(),
            title: name.to_owned(),
            kind,
            description: String::new(),
            suggestions: Vec::new(),
            has_allowed_list: false,
            restricted_by_suggestions: false,
            editable: true,
            subscribed_applications_ids: None,
            subscribed_catalogs_ids: None,
            allowed_subscriptions: None,
        }
    }
}

/// An attribute that exists.
#[derive(Debug, Clone)]
pub(crate) struct Definition {
    /// Counts up from 1 in the order of definition.
    pub(crate) id: usize,
    /// Whether every account has it.
    pub(crate) built_in: bool,
    pub(crate) attribute: NewAttribute,
}

/// Why a value was refused for an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Misfit {
    Undefined,
    WrongType(AttributeType),
    /// The attribute takes a list of values alone.
    NotListed,
}

/// The attributes that exist, in the order of their definition.
#[derive(Debug, Clone, Default)]
pub(crate) struct Definitions {
    all: Vec<Definition>,
    /// Where those of profiles stand in `all`: each value of a batch is looked up.
    of_profiles: BTreeMap<String, usize>,
    /// Take attributes that nobody defined, with any value.
    pub(crate) any: bool,
}

impl Definitions {
    /// What every account has.
    pub(crate) fn built_in() -> Self {
        let mut definitions = Self::default();
        for name in ["name", "email", "phone"] {
            definitions.add(NewAttribute::of_profiles(name, AttributeType::String), true);
        }
        definitions.add(NewAttribute::of_profiles("signup_date", AttributeType::Time), true);
        definitions
    }

    /// Defines an attribute of profiles. A later definition of a name replaces the earlier one.
    pub(crate) fn define(&mut self, attribute: NewAttribute) {
        match self.of_profiles.get(&attribute.name).and_then(|index| self.all.get_mut(*index)) {
            Some(known) => known.attribute = attribute,
            None => drop(self.add(attribute, false)),
        }
    }

    /// Adds an attribute whose name its entity does not have yet.
    pub(crate) fn add(&mut self, attribute: NewAttribute, built_in: bool) -> Definition {
        let index = self.all.len();
        if attribute.entity == Entity::CustomerProfile {
            self.of_profiles.insert(attribute.name.clone(), index);
        }
        let definition = Definition { id: index + 1, built_in, attribute };
        self.all.push(definition.clone());
        definition
    }

    pub(crate) fn all(&self) -> &[Definition] {
        &self.all
    }

    /// The types of the attributes of profiles, by name.
    pub(crate) fn types(&self) -> BTreeMap<String, AttributeType> {
        let types = self.of_profiles.iter();
        types.filter_map(|(name, index)| Some((name.clone(), self.all.get(*index)?.attribute.kind))).collect()
    }

    /// Null is taken for every attribute that exists: it clears it.
    pub(crate) fn check(&self, name: &str, value: &RawValue) -> Result<(), Misfit> {
        let Some(definition) = self.of_profiles.get(name).and_then(|index| self.all.get(*index)) else {
            return if self.any { Ok(()) } else { Err(Misfit::Undefined) };
        };
        let attribute = &definition.attribute;
        if shape(value) == Shape::Null {
            return Ok(());
        }
        if !attribute.kind.takes(value) {
            return Err(Misfit::WrongType(attribute.kind));
        }
        let listed = || is_listed(value, &attribute.suggestions);
        if attribute.restricted_by_suggestions && !listed() { Err(Misfit::NotListed) } else { Ok(()) }
    }
}

/// Whether a text, or each text of a list, is one of these. Other values are compared as they are written.
fn is_listed(value: &RawValue, suggestions: &[String]) -> bool {
    let texts = serde_json::from_str::<String>(value.get()).map(|text| vec![text]);
    let texts = texts.or_else(|_| serde_json::from_str::<Vec<String>>(value.get()));
    texts.unwrap_or_else(|_| vec![value.get().to_owned()]).iter().all(|text| suggestions.contains(text))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    #[test]
    fn null_clears_a_defined_attribute_only() {
        let definitions = Definitions::built_in();
        assert_eq!(definitions.check("email", &raw("null")), Ok(()));
        assert_eq!(definitions.check("Email", &raw("null")), Err(Misfit::Undefined));
    }

    #[test]
    fn a_closed_list_takes_its_values_and_no_other() {
        let mut definitions = Definitions::built_in();
        let tier = NewAttribute::of_profiles("tier", AttributeType::String);
        let listed = |attribute: NewAttribute| NewAttribute {
            suggestions: vec!["gold".to_owned(), "silver".to_owned()],
            restricted_by_suggestions: true,
            ..attribute
        };
        definitions.define(listed(tier));
        definitions.define(listed(NewAttribute::of_profiles("tiers", AttributeType::Strings)));
        assert_eq!(definitions.check("tier", &raw("\"gold\"")), Ok(()));
        assert_eq!(definitions.check("tier", &raw("\"Gold\"")), Err(Misfit::NotListed));
        assert_eq!(definitions.check("tiers", &raw("[\"gold\",\"silver\"]")), Ok(()));
        assert_eq!(definitions.check("tiers", &raw("[\"gold\",\"tin\"]")), Err(Misfit::NotListed));
    }
}
