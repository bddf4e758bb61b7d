//! Integration IDs: the last digit and the last letter of what the source has. An ID never passes a float.

use destination_toolkit::problem::quote::is_unseen;
use destination_toolkit::value::digits::{is_integer, plain, write_integer};
use destination_toolkit::value::json::{self, Scalar};
use destination_toolkit::value::{Value, ValueError};

const MISSING: ValueError = ValueError {
    code: "missing-id",
    wanted: "an integration ID",
    expected: "the customer's stable ID in every row",
    part: None,
};

const INVALID: ValueError = ValueError {
    code: "invalid-id",
    wanted: "an integration ID",
    expected: "a text, or a whole number written in full",
    part: None,
};

const FLOAT: ValueError = ValueError {
    expected: "a text or an integer; a float cannot hold every ID, so cast the column in the source",
    ..INVALID
};

const BLANK: ValueError =
    ValueError { expected: "a text that can be seen; this one has only blanks or invisible characters", ..INVALID };

const CONTROL: ValueError = ValueError {
    expected: "a text without control characters such as a line break, a tab or NUL: remove them in the source",
    ..INVALID
};

/// An ID with its prefix is longer than Talon.One takes.
pub(super) const TOO_LONG: ValueError =
    ValueError { expected: "at most 1000 characters, the prefix included", ..INVALID };

/// Where an ID is to stand in a path, it names a folder.
pub(super) const STEP: ValueError = ValueError {
    expected: "another text than . or .., which mean folders in a URL, where trigger_rules puts the ID; an \
               integration_id_prefix helps",
    ..INVALID
};

/// Append a value as an ID. Texts stay unchanged, blanks around them and leading zeros too.
pub(super) fn write(value: Value<'_>, out: &mut String) -> Result<(), ValueError> {
    match value {
        Value::Null => return Err(MISSING),
        Value::Text(text) => write_text(text, out)?,
        Value::Integer(number) => write_integer(number, out),
        Value::Decimal(digits) => write_whole(digits, out)?,
        Value::Json(text) => match json::scalar(text) {
            Some(Scalar::String(text)) => write_text(&text, out)?,
            Some(Scalar::Number(digits)) if is_integer(digits) => write_whole(digits, out)?,
            Some(Scalar::Number(_)) => return Err(FLOAT),
            Some(Scalar::Null) => return Err(MISSING),
            _ => return Err(INVALID),
        },
        Value::Float(_) => return Err(FLOAT),
        Value::Boolean(_) | Value::Date(_) | Value::Timestamp(..) => return Err(INVALID),
    }
    Ok(())
}

/// Append a text that identifies a customer. One blank ID would merge all rows without an ID into a single customer.
fn write_text(text: &str, out: &mut String) -> Result<(), ValueError> {
    // Nearly every ID there is: letters, digits and signs.
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        if text.contains(char::is_control) {
            return Err(CONTROL);
        }
        if text.chars().all(|character| character.is_whitespace() || is_unseen(character)) {
            return Err(BLANK);
        }
    } else if text.is_empty() {
        return Err(MISSING);
    }
    out.push_str(text);
    Ok(())
}

/// `26` and `26.0` are the ID `26`. An exponent is an error: `1e5` may have been a number or a text.
#[cfg_attr(target_family = "wasm", optimize(size))]
fn write_whole(digits: &str, out: &mut String) -> Result<(), ValueError> {
    let (sign, digits) = plain(digits).ok_or(INVALID)?;
    out.push_str(sign);
    out.push_str(digits);
    Ok(())
}

#[cfg(test)]
mod tests;
