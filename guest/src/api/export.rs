//! The members of an audience as Talon.One exports them: CSV with one column, `profileintegrationid`. Read strictly: an export that was
//! cut short, or is something else, must not be taken for a shorter audience.

use std::borrow::Cow;

use destination_toolkit::problem::quote::shortened;

/// The name of the one column.
const COLUMN: &[u8] = b"profileintegrationid";

/// A byte order mark, which some programs put in front.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// Bytes of one line. An ID has at most 1000 characters; a quote that is never closed would swallow the rest of the export.
const LONGEST_LINE: usize = 16 * 1024;

/// The first line of some bytes.
#[derive(Debug, PartialEq)]
pub(crate) enum Line<'a> {
    /// An ID, and how many bytes its line takes.
    Whole(Cow<'a, str>, usize),
    /// Its end is not there yet.
    Begun,
}

/// Read the first line of what is left of an export; `number` counts lines from 1, and the first is the header.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn line(bytes: &[u8], number: u64) -> Result<Line<'_>, String> {
    let fault = |what: &str| {
        let shown = String::from_utf8_lossy(bytes.get(..80).unwrap_or(bytes));
        let shown = shown.split(['\n', '\r']).next().unwrap_or_default();
        format!("line {number} of the export, {}, {what}", shortened(shown, 40))
    };
    let header = number == 1;
    let mark = if header && bytes.starts_with(MARK) { MARK.len() } else { 0 };
    let rest = bytes.get(mark..).unwrap_or_default();
    let found = match rest.first() {
        Some(b'"') => quoted(rest),
        _ => plain(rest),
    };
    let Some((field, length)) = found.map_err(fault)? else {
        return if bytes.len() > LONGEST_LINE {
            Err(fault("is too long for an integration ID"))
        } else {
            Ok(Line::Begun)
        };
    };
    if header && field.as_ref() != COLUMN {
        return Err(fault("is not the header `profileintegrationid`"));
    }
    let text = match field {
        Cow::Borrowed(field) => str::from_utf8(field).map(Cow::Borrowed).ok(),
        Cow::Owned(field) => String::from_utf8(field).map(Cow::Owned).ok(),
    };
    text.map(|text| Line::Whole(text, mark + length)).ok_or_else(|| fault("is not UTF-8"))
}

/// A field, and the bytes that it takes with its line break; none if it goes on.
type Field<'a> = Option<(Cow<'a, [u8]>, usize)>;

fn plain(bytes: &[u8]) -> Result<Field<'_>, &'static str> {
    let Some(end) = bytes.iter().position(|byte| matches!(byte, b'\n' | b'"' | b',')) else {
        return Ok(None);
    };
    let field = bytes.get(..end).unwrap_or_default();
    match bytes.get(end) {
        Some(b',') => return Err("has more than one column"),
        Some(b'"') => return Err("has a quote in the middle of a field"),
        _ => {}
    }
    let field = field.strip_suffix(b"\r").unwrap_or(field);
    if field.is_empty() {
        return Err("is empty");
    }
    if field.contains(&b'\r') {
        return Err("has a carriage return outside of quotes");
    }
    Ok(Some((Cow::Borrowed(field), end + 1)))
}

fn quoted(bytes: &[u8]) -> Result<Field<'_>, &'static str> {
    let mut field = Vec::new();
    let mut from = 1;
    loop {
        let rest = bytes.get(from..).unwrap_or_default();
        let Some(quote) = rest.iter().position(|byte| *byte == b'"') else {
            return Ok(None);
        };
        field.extend_from_slice(rest.get(..quote).unwrap_or_default());
        let behind = from + quote + 1;
        let length = match bytes.get(behind..).unwrap_or_default() {
            // Two quotes are one.
            [b'"', ..] => {
                field.push(b'"');
                from = behind + 1;
                continue;
            }
            [b'\n', ..] => behind + 1,
            [b'\r', b'\n', ..] => behind + 2,
            [] | [b'\r'] => return Ok(None),
            [b',', ..] => return Err("has more than one column"),
            _ => return Err("has text behind a closing quote"),
        };
        return Ok(Some((Cow::Owned(field), length)));
    }
}

#[cfg(test)]
mod tests;
