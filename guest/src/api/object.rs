//! A JSON object of an answer, read strictly: what is documented is there and of its type, or the message says what is wrong.

use std::borrow::Cow;

use destination_toolkit::problem::quote::{quoted, shortened};
use destination_toolkit::value::json::{self, Scalar};

/// The members of an object, each value as it is spelled. JSON null counts as a member that is not there.
pub(crate) struct Object<'a>(Vec<(Cow<'a, str>, &'a str)>);

impl<'a> Object<'a> {
    /// # Errors
    /// The text is not a JSON object, or has a member twice.
    #[inline(never)]
    #[cfg_attr(target_family = "wasm", optimize(size))]
    pub(crate) fn read(text: &'a str) -> Result<Self, String> {
        let members = json::members(text).ok_or_else(|| format!("{}: expected a JSON object", shortened(text, 40)))?;
        // Objects are small: a search from the start costs less than an order would.
        for (index, (name, _)) in members.iter().enumerate() {
            if members.iter().take(index).any(|(earlier, _)| earlier == name) {
                return Err(format!("{} is there twice", quoted(name)));
            }
        }
        Ok(Self(members))
    }

    /// A value as it is spelled.
    #[cfg_attr(target_family = "wasm", optimize(size))]
    pub(crate) fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(member, _)| member == name).map(|(_, value)| *value).filter(|value| *value != "null")
    }

    /// All members, in their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &'a str)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), *value))
    }

    /// # Errors
    /// It is not there, or of another type.
    #[cfg_attr(target_family = "wasm", optimize(size))]
    pub(crate) fn text(&self, name: &str) -> Result<Cow<'a, str>, String> {
        match self.get(name).and_then(json::scalar) {
            Some(Scalar::String(text)) => Ok(text),
            _ => Err(self.fault(name, "a text")),
        }
    }

    /// Empty if it is not there.
    ///
    /// # Errors
    /// It is of another type.
    #[cfg_attr(target_family = "wasm", optimize(size))]
    pub(crate) fn optional_text(&self, name: &str) -> Result<Cow<'a, str>, String> {
        if self.get(name).is_some() { self.text(name) } else { Ok(Cow::Borrowed("")) }
    }

    /// # Errors
    /// It is not there, or of another type.
    #[cfg_attr(target_family = "wasm", optimize(size))]
    pub(crate) fn whole_number(&self, name: &str) -> Result<i64, String> {
        self.get(name).and_then(|value| value.parse().ok()).ok_or_else(|| self.fault(name, "a whole number"))
    }

    /// # Errors
    /// It is of another type.
    #[cfg_attr(target_family = "wasm", optimize(size))]
    pub(crate) fn optional_boolean(&self, name: &str) -> Result<Option<bool>, String> {
        match self.get(name) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(self.fault(name, "true or false")),
        }
    }

    /// # Errors
    /// It is not there, or of another type.
    #[inline(never)]
    #[cfg_attr(target_family = "wasm", optimize(size))]
    pub(crate) fn object(&self, name: &str) -> Result<Object<'a>, String> {
        let text = self.get(name).ok_or_else(|| self.fault(name, "a JSON object"))?;
        Object::read(text).map_err(|fault| format!("\"{name}\" is {fault}"))
    }

    /// # Errors
    /// It is of another type.
    #[cfg_attr(target_family = "wasm", optimize(size))]
    pub(crate) fn optional_list(&self, name: &str) -> Result<Option<Vec<&'a str>>, String> {
        match self.get(name) {
            None => Ok(None),
            Some(text) => json::elements(text).map(Some).ok_or_else(|| self.fault(name, "a JSON array")),
        }
    }

    #[cfg_attr(target_family = "wasm", optimize(size))]
    pub(crate) fn fault(&self, name: &str, expected: &str) -> String {
        match self.get(name) {
            Some(value) => format!("\"{name}\" is {}: expected {expected}", shortened(value, 40)),
            None => format!("\"{name}\" is missing: expected {expected}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_read_as_documented() {
        let object =
            Object::read(r#"{"id": 42, "name": "V\u0049P", "on": true, "none": null, "in": {"a": 1}, "list": [1, 2]}"#)
                .unwrap();
        assert_eq!(object.whole_number("id"), Ok(42));
        assert_eq!(object.text("name").as_deref(), Ok("VIP"));
        assert_eq!(object.optional_boolean("on"), Ok(Some(true)));
        assert_eq!(object.optional_boolean("none"), Ok(None));
        assert_eq!(object.object("in").unwrap().get("a"), Some("1"));
        assert_eq!(object.optional_list("list"), Ok(Some(vec!["1", "2"])));
        assert_eq!(object.optional_list("none"), Ok(None));
    }

    #[test]
    fn what_is_not_as_documented_is_named() {
        let object = Object::read(r#"{"id": "42", "float": 4.0, "name": 1, "none": null, "in": [], "on": 1}"#).unwrap();
        for (fault, named) in [
            (object.whole_number("id").err(), "\"id\" is \"42\": expected a whole number"),
            (object.whole_number("float").err(), "\"float\" is 4.0: expected a whole number"),
            (object.whole_number("none").err(), "\"none\" is missing: expected a whole number"),
            (object.text("name").err(), "\"name\" is 1: expected a text"),
            (object.text("gone").err(), "\"gone\" is missing: expected a text"),
            (object.optional_boolean("on").err(), "\"on\" is 1: expected true or false"),
            (object.object("in").err(), "\"in\" is []: expected a JSON object"),
            (object.optional_list("id").err(), "\"id\" is \"42\": expected a JSON array"),
            (Object::read("[]").err(), "[]: expected a JSON object"),
            (Object::read("{\"a\":1,\"b\":2,\"a\":1}").err(), "\"a\" is there twice"),
        ] {
            assert_eq!(fault.as_deref(), Some(named));
        }
    }
}
