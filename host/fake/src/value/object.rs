//! JSON read in layers: an object's members in order, duplicates and all, each value as the text that was sent.
//!
//! `serde_json::Value` would lose both things a strict server looks at: a member given twice, and a number's digits.

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// What kind of value a JSON text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Object,
    Array,
    String,
    Number,
    Boolean,
    Null,
}

impl Shape {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Object => "an object",
            Self::Array => "an array",
            Self::String => "a string",
            Self::Number => "a number",
            Self::Boolean => "a boolean",
            Self::Null => "null",
        }
    }
}

/// A raw value is valid JSON without surrounding space, so its first byte tells.
pub(crate) fn shape(value: &RawValue) -> Shape {
    match value.get().as_bytes().first() {
        Some(b'{') => Shape::Object,
        Some(b'[') => Shape::Array,
        Some(b'"') => Shape::String,
        Some(b't' | b'f') => Shape::Boolean,
        Some(b'n') => Shape::Null,
        _ => Shape::Number,
    }
}

/// The elements of an array; None for any other value.
pub(crate) fn list(value: &RawValue) -> Option<Vec<&RawValue>> {
    serde_json::from_str(value.get()).ok()
}

/// The members of an object in the order they were sent.
#[derive(Debug)]
pub(crate) struct Object<'a> {
    pub(crate) members: Vec<(String, &'a RawValue)>,
}

impl<'a> Object<'a> {
    /// None for any value but an object whose member names are valid text.
    pub(crate) fn read(value: &'a RawValue) -> Option<Self> {
        serde_json::from_str(value.get()).ok()
    }

    /// The first member of this name.
    pub(crate) fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.members.iter().find(|(member, _)| member == name).map(|(_, value)| *value)
    }

    /// Names that stand more than once, each once.
    pub(crate) fn duplicates(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.members.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        let mut twice: Vec<&str> =
            names.windows(2).filter_map(|pair| if let [a, b] = pair { (a == b).then_some(*a) } else { None }).collect();
        twice.dedup();
        twice
    }
}

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Object { members })
            }
        }
        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

    use super::*;

    #[test]
    fn members_keep_order_digits_and_duplicates() {
        let text =
            RawValue::from_string(r#"{"b":1.10,"a":12345678901234567890,"b": [ 1 ],"\u0061":null}"#.into()).unwrap();
        let object = Object::read(&text).unwrap();
        let seen: Vec<_> = object.members.iter().map(|(name, value)| (name.as_str(), value.get())).collect();
        assert_eq!(seen, [("b", "1.10"), ("a", "12345678901234567890"), ("b", "[ 1 ]"), ("a", "null")]);
        assert_eq!(object.duplicates(), ["a", "b"]);
        assert_eq!(object.get("b").unwrap().get(), "1.10");
    }

    #[test]
    fn only_an_object_is_one() {
        for text in ["[]", "1", "null", "\"{}\""] {
            assert!(Object::read(&RawValue::from_string(text.to_owned()).unwrap()).is_none(), "{text}");
        }
    }
}
