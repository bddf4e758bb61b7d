//! The types of attributes, and what their values look like on the wire.
//!
//! The published API description names nine types and gives the wire form of one of them (a time is RFC 3339 text).
//! It says nothing about a location. So a location is taken here as text, an object or a list, and only what can't be
//! one (a number, a boolean) is refused.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::value::object::{Shape, list, shape};
use crate::value::rfc3339;

/// The type of an attribute, as Talon.One's API description lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttributeType {
    /// Any text.
    #[serde(rename = "string")]
    String,
    /// A JSON number, kept to the last digit.
    #[serde(rename = "number")]
    Number,
    /// `true` or `false`.
    #[serde(rename = "boolean")]
    Boolean,
    /// RFC 3339 text with an offset.
    #[serde(rename = "time")]
    Time,
    /// A place; see the module's text for what is taken.
    #[serde(rename = "location")]
    Location,
    /// A list of texts.
    #[serde(rename = "(list string)")]
    Strings,
    /// A list of numbers.
    #[serde(rename = "(list number)")]
    Numbers,
    /// A list of RFC 3339 texts.
    #[serde(rename = "(list time)")]
    Times,
    /// A list of places.
    #[serde(rename = "(list location)")]
    Locations,
}

impl AttributeType {
    /// The type as the API names it: `string`, `(list number)`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Time => "time",
            Self::Location => "location",
            Self::Strings => "(list string)",
            Self::Numbers => "(list number)",
            Self::Times => "(list time)",
            Self::Locations => "(list location)",
        }
    }

    const fn element(self) -> Option<Self> {
        match self {
            Self::Strings => Some(Self::String),
            Self::Numbers => Some(Self::Number),
            Self::Times => Some(Self::Time),
            Self::Locations => Some(Self::Location),
            Self::String | Self::Number | Self::Boolean | Self::Time | Self::Location => None,
        }
    }

    /// Whether a JSON value other than null is one of this type.
    pub(crate) fn takes(self, value: &RawValue) -> bool {
        if let Some(element) = self.element() {
            return list(value).is_some_and(|values| values.into_iter().all(|value| element.takes(value)));
        }
        match (self, shape(value)) {
            (Self::Number, Shape::Number) | (Self::Boolean, Shape::Boolean) => true,
            (Self::Location, Shape::Object | Shape::Array) => true,
            (Self::String | Self::Location, Shape::String) => text(value).is_some(),
            (Self::Time, Shape::String) => text(value).is_some_and(|text| rfc3339::is_time(&text)),
            _ => false,
        }
    }
}

impl fmt::Display for AttributeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A JSON string's text. None where an escape names half a character, which a raw value does not check.
fn text(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

    use super::*;

    fn takes(kind: AttributeType, json: &str) -> bool {
        kind.takes(&RawValue::from_string(json.to_owned()).unwrap())
    }

    #[test]
    fn each_type_takes_its_own_values_and_no_other() {
        use AttributeType as T;
        let samples = [
            ("\"x\"", vec![T::String, T::Location]),
            ("\"2026-01-31T10:00:00Z\"", vec![T::String, T::Time, T::Location]),
            ("9007199254740993.000000001", vec![T::Number]),
            ("true", vec![T::Boolean]),
            ("{\"lat\":1}", vec![T::Location]),
            ("[\"x\"]", vec![T::Strings, T::Location, T::Locations]),
            ("[1,-2.5e9]", vec![T::Numbers, T::Location]),
            ("[\"2026-01-31T10:00:00Z\"]", vec![T::Strings, T::Times, T::Location, T::Locations]),
            ("[[1,2]]", vec![T::Location, T::Locations]),
            ("[true]", vec![T::Location]),
            ("[null]", vec![T::Location]),
            ("[]", vec![T::Strings, T::Numbers, T::Times, T::Location, T::Locations]),
            ("\"\\ud800\"", vec![]),
        ];
        let all =
            [T::String, T::Number, T::Boolean, T::Time, T::Location, T::Strings, T::Numbers, T::Times, T::Locations];
        for (json, expected) in samples {
            for kind in all {
                assert_eq!(takes(kind, json), expected.contains(&kind), "{kind} with {json}");
            }
        }
    }

    #[test]
    fn the_name_of_a_type_is_its_json() {
        for name in ["string", "number", "boolean", "time", "location"] {
            let kind: AttributeType = serde_json::from_str(&format!("\"{name}\"")).unwrap();
            assert_eq!(kind.name(), name);
        }
        for name in ["string", "number", "time", "location"] {
            let kind: AttributeType = serde_json::from_str(&format!("\"(list {name})\"")).unwrap();
            assert_eq!(kind.name(), format!("(list {name})"));
        }
        assert!(serde_json::from_str::<AttributeType>("\"(list boolean)\"").is_err());
    }
}
