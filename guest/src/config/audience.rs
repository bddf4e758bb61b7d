//! The numeric ID of an audience, and what is said where it is missing.

use serde_json::Value;

use destination_toolkit::config::{Issue, wrong_type};

/// What is expected, and where to find it.
pub(super) const EXPECTED: &str = "the audience's ID, a whole number such as 42";
pub(super) const ID_OR_NAME_EXPECTED: &str =
    "the audience's ID, a whole number such as 42; or audience_name in its place";
pub(super) const NAME_EXPECTED: &str = "the audience's name, to the letter and case";
const WHERE: &str =
    "the ID is shown in the Campaign Manager under Audiences, in the ID column; it is not the audience's name";

/// A positive whole number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AudienceId(i64);

impl AudienceId {
    /// From a JSON integer or a text of digits.
    #[cfg_attr(target_family = "wasm", optimize(size))]
    pub(super) fn parse(value: &Value) -> Result<Self, Issue> {
        let number = match value {
            Value::Number(number) => number.as_i64(),
            Value::String(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
            _ => None,
        };
        match number {
            Some(id) if id > 0 => Ok(Self(id)),
            _ => Err(wrong_type(value, EXPECTED).hint(WHERE)),
        }
    }

    /// From the number that Talon.One gives.
    pub(crate) fn new(number: i64) -> Option<Self> {
        (number > 0).then_some(Self(number))
    }

    /// The number.
    pub(crate) fn number(self) -> i64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn positive_whole_numbers_are_ids() {
        for (value, id) in [
            (json!(1), 1),
            (json!("42"), 42),
            (json!("0042"), 42),
            (json!(i64::MAX), i64::MAX),
            (json!(i64::MAX.to_string()), i64::MAX),
        ] {
            assert_eq!(AudienceId::parse(&value), Ok(AudienceId(id)));
        }
    }

    #[test]
    fn anything_else_is_rejected_with_where_to_look() {
        for value in [
            json!("VIP customers"),
            json!(""),
            json!("+4"),
            json!(" 42"),
            json!("4.0"),
            json!(0),
            json!("0"),
            json!(-3),
            json!(4.5),
            json!(4.0),
            json!(true),
            json!([42]),
            json!(u64::MAX),
            json!("9223372036854775808"),
        ] {
            let message = format!("{:?}", AudienceId::parse(&value).err());
            assert!(message.contains("ID column"), "{value}: {message}");
        }
    }
}
