//! How a text of delimited values is written, from its first bytes.
//!
//! Each way to write one is tried with the reader that a sync uses: the first under which all lines have the same number of fields,
//! and more than one, is the guess.

use super::form::{Form, Forms};
use super::{Guess, plain};
use crate::source;
use crate::sync_file::{CsvDialect, Encoding};

/// What was found out.
pub(super) struct Found {
    pub(super) dialect: CsvDialect,
    /// The keys to write, each with what speaks for it.
    pub(super) keys: Vec<Guess>,
    /// What could not be told.
    pub(super) unclear: Vec<String>,
}

const DELIMITERS: [(u8, &str); 4] = [(b',', "commas"), (b';', "semicolons"), (b'\t', "tabs"), (b'|', "bars")];
/// What people and programs write for nothing.
const NULLS: [&str; 8] = ["\\N", "NULL", "null", "NaN", "nan", "N/A", "n/a", "#N/A"];

/// Looks at the beginning of a text.
pub(super) fn infer(bytes: &[u8], is_whole: bool) -> Found {
    let (mut text, encoding) = decoded(bytes, is_whole);
    if !is_whole {
        // The last line is not all there.
        text.truncate(text.rfind('\n').map_or(text.len(), |end| end + 1));
    }
    let mut keys = Vec::new();
    let mut unclear = Vec::new();
    let mut dialect = CsvDialect::default();
    if let Some((encoding, why)) = encoding {
        dialect.encoding = Encoding::named(encoding);
        keys.push(Guess::new("encoding", encoding, why));
    }
    let trial = best(text.as_bytes(), &dialect)
        .or_else(|| mostly(text.as_bytes(), &dialect))
        .unwrap_or_else(|| Trial::of(text.as_bytes(), dialect));
    if let Some(wrong) = &trial.wrong {
        unclear.push(format!("the dialect: {wrong}"));
    } else if !trial.is_even() {
        unclear.push("the dialect: its lines have different numbers of fields".to_owned());
    }
    let Trial { dialect: mut found, records, .. } = trial;
    describe(&found, &records, &mut keys);
    if let Some(nulls) = nulls(text.as_bytes(), &found) {
        let words: Vec<toml::Value> = nulls.iter().map(|null| plain(null)).collect();
        let why = if nulls.iter().any(String::is_empty) {
            "these stand unquoted where there is no value; an empty one is none either"
        } else {
            "it stands where there is no value; an empty one is an empty text unless \"\" is listed too"
        };
        keys.push(Guess { key: "nulls", value: toml::Value::Array(words), why: why.to_owned() });
        found.nulls = Some(nulls);
    }
    if let Some(columns) = without_header(&records) {
        let names: Vec<toml::Value> = columns.iter().map(|name| plain(name)).collect();
        let why = "the first line looks like a row: give the columns their names, or remove this where it is a header";
        keys.push(Guess { key: "columns", value: toml::Value::Array(names), why: why.to_owned() });
        unclear.push("names of the columns: the file seems to have no header line".to_owned());
        found.columns = Some(columns);
    }
    Found { dialect: found, keys, unclear }
}

/// The text, and its encoding where that must be said.
fn decoded(bytes: &[u8], is_whole: bool) -> (String, Option<(&'static str, &'static str)>) {
    let decode = |encoding: &'static encoding_rs::Encoding| encoding.decode(bytes).0.into_owned();
    if encoding_rs::Encoding::for_bom(bytes).is_some() {
        return (decode(encoding_rs::UTF_8), None);
    }
    if let Some(order) = source::utf16_without_mark(bytes) {
        let encoding = if order == "utf-16le" { encoding_rs::UTF_16LE } else { encoding_rs::UTF_16BE };
        return (decode(encoding), Some((order, "every second byte is 0, and there is no mark")));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), None),
        // The last character may be cut.
        Err(error) if !is_whole && error.error_len().is_none() => (String::from_utf8_lossy(bytes).into_owned(), None),
        Err(_) => {
            let why = "it is not UTF-8; this is what Excel writes in Western Europe and America: look at letters such as ü or é in a preview";
            (decode(encoding_rs::WINDOWS_1252), Some(("windows-1252", why)))
        }
    }
}

/// A text read in one way.
struct Trial {
    dialect: CsvDialect,
    records: Vec<Vec<Option<String>>>,
    /// What stops the reader.
    wrong: Option<String>,
}

impl Trial {
    fn of(text: &[u8], dialect: CsvDialect) -> Self {
        match source::records(text, &dialect) {
            Ok(records) => Self { dialect, records, wrong: None },
            Err(error) => Self { dialect, records: Vec::new(), wrong: Some(error.to_string()) },
        }
    }

    fn columns(&self) -> usize {
        self.records.first().map_or(0, Vec::len)
    }

    /// Whether all lines have as many fields as the first.
    fn is_even(&self) -> bool {
        self.wrong.is_none() && self.records.iter().all(|record| record.len() == self.columns())
    }
}

/// The first way to read a text that makes a table of it.
fn best(text: &[u8], base: &CsvDialect) -> Option<Trial> {
    let comment = text.starts_with(b"#").then_some(b'#');
    let escape = Some(b'\\').filter(|_| text.contains(&b'\\'));
    let ways = [
        CsvDialect { ..base.clone() },
        CsvDialect { comment, ..base.clone() },
        CsvDialect { escape, ..base.clone() },
        CsvDialect { trim: true, ..base.clone() },
        CsvDialect { quote: None, escape, ..base.clone() },
        CsvDialect { quote: Some(b'\''), ..base.clone() },
        CsvDialect { quote: None, ..base.clone() },
    ];
    let tables = ways.into_iter().enumerate().map(|(place, way)| {
        // What is not in the text, nothing speaks for.
        let is_new = place == 0 || way != *base;
        let trials = DELIMITERS.into_iter().filter(|_| is_new).map(|(delimiter, _)| {
            // A null may be written with the escape.
            let nulls = way.escape.map(|_| vec![String::new(), "\\N".to_owned()]);
            Trial::of(text, CsvDialect { delimiter, nulls, ..way.clone() })
        });
        trials.filter(Trial::is_even).max_by_key(|trial| (trial.columns(), trial.dialect.delimiter == b','))
    });
    let mut tables: Vec<Trial> = tables.flatten().collect();
    let several = tables.iter().position(|trial| trial.columns() > 1);
    // One column makes a table of any text.
    let one = || mostly(text, base).is_none().then_some(0).filter(|_| !tables.is_empty());
    let mut trial = tables.swap_remove(several.or_else(one)?);
    trial.dialect.nulls = None;
    // A text for null with an escape in it, escapes or tabs, and no quotes: so writes MySQL.
    let is_mysqls = has_word(&trial.records, "\\N") && !text.contains(&b'"');
    let escapes = || text.windows(2).any(|pair| matches!(pair, [b'\\', b'\\']));
    if trial.dialect.escape.is_none() && is_mysqls && (trial.dialect.delimiter == b'\t' || escapes()) {
        let nulls = Some(vec!["\\N".to_owned()]);
        let escaped = Trial::of(text, CsvDialect { quote: None, escape, nulls, ..trial.dialect.clone() });
        if escaped.is_even() && escaped.columns() == trial.columns() {
            trial.dialect = CsvDialect { quote: None, escape, ..trial.dialect };
        }
    }
    let is_padded = |name: &Option<String>| name.as_ref().is_some_and(|name| name.trim() != name);
    if !trial.dialect.trim && trial.records.first().is_some_and(|header| header.iter().any(is_padded)) {
        let trimmed = Trial::of(text, CsvDialect { trim: true, ..trial.dialect.clone() });
        if trimmed.is_even() && trimmed.columns() == trial.columns() {
            return Some(trimmed);
        }
    }
    Some(trial)
}

/// The delimiter under which most lines, not all, have as many fields as the first.
fn mostly(text: &[u8], base: &CsvDialect) -> Option<Trial> {
    let trials = DELIMITERS.into_iter().map(|(delimiter, _)| Trial::of(text, CsvDialect { delimiter, ..base.clone() }));
    let even = |trial: &Trial| trial.records.iter().filter(|record| record.len() == trial.columns()).count();
    trials.filter(|trial| trial.columns() > 1 && even(trial) * 2 > trial.records.len()).max_by_key(even)
}

/// The keys of a dialect that are not as they are by default.
fn describe(found: &CsvDialect, records: &[Vec<Option<String>>], keys: &mut Vec<Guess>) {
    let default = CsvDialect::default();
    let columns = records.first().map_or(0, Vec::len);
    let sign = |sign: Option<u8>| sign.map(|sign| char::from(sign).to_string()).unwrap_or_default();
    if found.delimiter != default.delimiter {
        let name = DELIMITERS.iter().find(|(delimiter, _)| *delimiter == found.delimiter).map_or("", |(_, name)| name);
        let why = format!("with {name}, lines have {columns} fields");
        keys.push(Guess::new("delimiter", &sign(Some(found.delimiter)), &why));
    }
    if found.quote != default.quote {
        let why = if found.quote.is_none() { "no value is put between quotes" } else { "values are put between these" };
        keys.push(Guess::new("quote", &sign(found.quote), why));
    }
    if found.escape.is_some() {
        keys.push(Guess::new("escape", &sign(found.escape), "stands in front of quotes, delimiters or itself"));
    }
    if found.comment.is_some() {
        keys.push(Guess::new("comment", &sign(found.comment), "the first line begins with it"));
    }
    if found.trim {
        let why = "there are blanks around values".to_owned();
        keys.push(Guess { key: "trim", value: toml::Value::Boolean(true), why });
    }
}

fn has_word(records: &[Vec<Option<String>>], word: &str) -> bool {
    records.iter().skip(1).flatten().any(|value| value.as_deref() == Some(word))
}

/// The texts for null that stand unquoted in a text; `None` where empty values alone are null.
fn nulls(text: &[u8], found: &CsvDialect) -> Option<Vec<String>> {
    let mut nulls: Vec<String> = Vec::new();
    for word in NULLS {
        let nothing = Trial::of(text, CsvDialect { nulls: Some(nulls.clone()), ..found.clone() });
        let dialect = CsvDialect { nulls: Some([nulls.clone(), vec![word.to_owned()]].concat()), ..found.clone() };
        let counted = |trial: &Trial| trial.records.iter().flatten().filter(|value| value.is_none()).count();
        let with = Trial::of(text, dialect);
        // A null with an escape in it can't be read unless it is listed.
        if with.wrong.is_none() && (nothing.wrong.is_some() || counted(&with) > counted(&nothing)) {
            nulls.push(word.to_owned());
        }
    }
    match nulls.as_slice() {
        [] => None,
        [only] if only == "\\N" => Some(nulls),
        _ => Some([vec![String::new()], nulls].concat()),
    }
}

/// Names for the columns of a text whose first line looks like a row.
fn without_header(records: &[Vec<Option<String>>]) -> Option<Vec<String>> {
    let (first, rest) = records.split_first()?;
    let is_value = |value: &Option<String>| {
        let mut forms = Forms::default();
        value.iter().for_each(|value| forms.add(value));
        // A column may well be called `n`.
        !matches!(forms.form(), Form::Text | Form::Boolean)
    };
    let is_twice = |at: usize, value: &Option<String>| first.iter().take(at).any(|other| other == value);
    let odd = first.iter().enumerate().any(|(at, value)| value.is_none() || is_twice(at, value) || is_value(value));
    (odd && !rest.is_empty()).then(|| (1..=first.len()).map(|number| format!("column_{number}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(bytes: &[u8]) -> Vec<String> {
        infer(bytes, true).keys.iter().map(|guess| format!("{} = {}", guess.key, guess.value)).collect()
    }

    #[test]
    fn texts_are_known_by_what_makes_a_table_of_them() {
        let utf16: Vec<u8> = "id\tname\n1\tMüller\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        for (text, expected) in [
            (&b"id,name\n1,x\n"[..], &[][..]),
            (b"\xEF\xBB\xBFid;name;umsatz\n1;\"a;b\";1,5\n2;c;2,5\n", &["delimiter = \";\""]),
            (b"id\tname\n1\ta, b\n", &["delimiter = \"\\t\""]),
            (b"id|name\n1|a\n", &["delimiter = \"|\""]),
            (b"id,name\n1,M\xFCller\n", &["encoding = \"windows-1252\""]),
            (&utf16, &["encoding = \"utf-16le\"", "delimiter = \"\\t\""]),
            (b"id,name\n1,\"TV 16\\\"\"\n", &["escape = '\\'"]),
            (b"id,name\n1,NULL\n2,\n", &["nulls = [\"\", \"NULL\"]"]),
            (b"id,name\n1,\"NULL\"\n", &[]),
            (
                b"id\tname\tn\n1\t\\N\ta\\\tb\n2\tc\\\\d\t\"e\" f\n",
                &["delimiter = \"\\t\"", "quote = \"\"", "escape = '\\'", "nulls = ['\\N']"],
            ),
            (b"id\tname\n1\t\\N\n2\tx\n", &["delimiter = \"\\t\"", "quote = \"\"", "escape = '\\'", "nulls = ['\\N']"]),
            (b"id,name\n1,\\N\n2,x\n", &["nulls = ['\\N']"]),
            (b"id,path\n1,C:\\new\n", &[]),
            (b"id,name\n1,'a,b'\n", &["quote = \"'\""]),
            (b"# made today\nid,name\n1,x\n", &["comment = \"#\""]),
            (b"id, name\n1, \"x, y\"\n", &["trim = true"]),
            (b"id , name\n1 , x\n", &["trim = true"]),
            (b"17,a@b.com\n18,c@d.com\n", &["columns = [\"column_1\", \"column_2\"]"]),
            (b"id\n1\n2\n", &[]),
        ] {
            assert_eq!(keys(text), expected, "{}", text.escape_ascii());
        }
        let cut: Vec<u8> = "id;b\n1;x\n2".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(infer(&cut[..cut.len() - 1], false).dialect.delimiter, b';');
        assert!(infer(b"id;b\n1;\xC3\xA9\n2;\xC3", false).dialect.encoding.is_none());
        assert!(infer(b"a,b\n1,2\n3,4,5\n", true).unclear.iter().any(|unclear| unclear.contains("the dialect")));
    }
}
