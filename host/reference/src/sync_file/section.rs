//! One table of a sync file, read key by key.
//!
//! Each read takes the key out of the table; what is left at the end is unknown. A wrong value is a fault and reads as
//! absent, so that the rest of the file is still looked at. Values are not repeated in faults: their kind is.

use std::num::NonZeroU32;

use toml::{Table, Value};

use crate::fault::Fault;

/// A table that is being read, and the faults found so far in the whole file.
pub(super) struct Section<'a> {
    path: String,
    table: Table,
    known: Vec<&'static str>,
    faults: &'a mut Vec<Fault>,
}

impl<'a> Section<'a> {
    /// The top of the file.
    pub(super) fn root(table: Table, faults: &'a mut Vec<Fault>) -> Self {
        Self { path: String::new(), table, known: Vec::new(), faults }
    }

    /// The path of a key of this table.
    pub(super) fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Records a fault of one key.
    pub(super) fn fault(&mut self, key: &str, message: impl Into<String>, hint: impl Into<String>) {
        let fault = Fault::new(self.path_of(key), message).hint(hint);
        self.faults.push(fault);
    }

    /// Whether the value of `key` has a fault already: its variable is missing, say.
    pub(super) fn has_fault(&self, key: &str) -> bool {
        let path = self.path_of(key);
        self.faults.iter().any(|fault| fault.path == path)
    }

    /// The value of `key`, whatever it is.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Value> {
        self.known.push(key);
        self.table.remove(key)
    }

    /// The table under `key`, as a section of its own; an empty one where there is none.
    pub(super) fn section(&mut self, key: &'static str) -> Section<'_> {
        let table = self.table(key).unwrap_or_default();
        self.child(key, table)
    }

    /// The table under `key`, as a section of its own; `None` where there is none.
    pub(super) fn optional_section(&mut self, key: &'static str) -> Option<Section<'_>> {
        let table = self.table(key)?;
        Some(self.child(key, table))
    }

    fn child(&mut self, key: &str, table: Table) -> Section<'_> {
        Section { path: self.path_of(key), table, known: Vec::new(), faults: self.faults }
    }

    /// The table under `key`, unread.
    pub(super) fn table(&mut self, key: &'static str) -> Option<Table> {
        match self.take(key)? {
            Value::Table(table) => Some(table),
            other => self.wrong(key, &other, &format!("a table: [{}]", self.path_of(key))),
        }
    }

    /// A string.
    pub(super) fn string(&mut self, key: &'static str) -> Option<String> {
        match self.take(key)? {
            Value::String(text) => Some(text),
            other => self.wrong(key, &other, "a string in quotes"),
        }
    }

    /// A string that must be there.
    pub(super) fn required_string(&mut self, key: &'static str, example: &str) -> Option<String> {
        let missing = !self.table.contains_key(key);
        let text = self.string(key);
        // A value that is absent because its variable is has its fault already.
        if missing && !self.has_fault(key) {
            self.fault(key, "is required", format!("write {key} = {example}"));
        }
        text
    }

    /// A list of strings.
    pub(super) fn strings(&mut self, key: &'static str) -> Option<Vec<String>> {
        const FORM: &str = r#"a list of strings: ["a", "b"]"#;
        let list = match self.take(key)? {
            Value::Array(list) => list,
            other => return self.wrong(key, &other, FORM),
        };
        let mut strings = Vec::with_capacity(list.len());
        for value in list {
            match value {
                Value::String(text) => strings.push(text),
                other => return self.wrong(key, &other, FORM),
            }
        }
        Some(strings)
    }

    /// One of some words.
    pub(super) fn choice<T: Copy>(&mut self, key: &'static str, choices: &[(&str, T)]) -> Option<T> {
        let text = self.string(key)?;
        let chosen = choices.iter().find(|(word, _)| *word == text).map(|(_, chosen)| *chosen);
        if chosen.is_none() {
            let words: Vec<String> = choices.iter().map(|(word, _)| format!("{word:?}")).collect();
            self.fault(key, format!("is {text:?}"), format!("write {}", words.join(" or ")));
        }
        chosen
    }

    /// True or false.
    pub(super) fn boolean(&mut self, key: &'static str) -> Option<bool> {
        match self.take(key)? {
            Value::Boolean(boolean) => Some(boolean),
            other => self.wrong(key, &other, "true or false"),
        }
    }

    /// A single ASCII character.
    pub(super) fn ascii(&mut self, key: &'static str, example: &str) -> Option<u8> {
        let text = self.string(key)?;
        self.single(key, &text, example)
    }

    /// A single ASCII character, or an empty text for none.
    pub(super) fn ascii_or_none(&mut self, key: &'static str, example: &str) -> Option<Option<u8>> {
        let text = self.string(key)?;
        if text.is_empty() { Some(None) } else { self.single(key, &text, example).map(Some) }
    }

    fn single(&mut self, key: &str, text: &str, example: &str) -> Option<u8> {
        match text.as_bytes() {
            // What ends a line, and what no text has, are no signs.
            [byte] if byte.is_ascii() && !matches!(byte, b'\r' | b'\n' | 0) => Some(*byte),
            _ => {
                self.fault(
                    key,
                    format!("is {text:?}, not a single ASCII character"),
                    format!("write {key} = {example}"),
                );
                None
            }
        }
    }

    /// A whole number within `range`.
    pub(super) fn whole(&mut self, key: &'static str, range: std::ops::RangeInclusive<u32>) -> Option<u32> {
        let form = format!("a whole number from {} to {}", range.start(), range.end());
        match self.take(key)? {
            Value::Integer(number) => match u32::try_from(number).ok().filter(|number| range.contains(number)) {
                Some(number) => Some(number),
                None => {
                    self.fault(key, format!("is {number}"), format!("write {form}"));
                    None
                }
            },
            other => self.wrong(key, &other, &form),
        }
    }

    /// A number from 0 to 1.
    pub(super) fn ratio(&mut self, key: &'static str) -> Option<f64> {
        const FORM: &str = "a number from 0 to 1";
        let number = match self.take(key)? {
            Value::Float(number) => number,
            // 0 and 1 need no decimal point; any other whole number is out of range as a float too.
            Value::Integer(number) => match number {
                0 => 0.0,
                1 => 1.0,
                _ => f64::NAN,
            },
            other => return self.wrong(key, &other, FORM),
        };
        if (0.0..=1.0).contains(&number) {
            return Some(number);
        }
        self.fault(key, format!("is not {FORM}"), format!("write {key} = 0.1"));
        None
    }

    /// A length of time.
    pub(super) fn period(&mut self, key: &'static str) -> Option<super::Period> {
        const FORM: &str = "a whole number and m, h, d or w, for minutes, hours, days or weeks: \"7d\"";
        match self.take(key)? {
            Value::String(text) => match super::Period::parse(&text) {
                Some(period) => Some(period),
                None => {
                    self.fault(key, format!("is {text:?}, which is no length of time"), format!("write {FORM}"));
                    None
                }
            },
            other => self.wrong(key, &other, FORM),
        }
    }

    /// A number above 0, or `"unlimited"`.
    pub(super) fn rate(&mut self, key: &'static str) -> Option<super::Rate> {
        const FORM: &str = "a whole number above 0, or \"unlimited\"";
        match self.take(key)? {
            Value::String(text) if text == "unlimited" => Some(super::Rate::Unlimited),
            Value::Integer(number) => match u32::try_from(number).ok().and_then(NonZeroU32::new) {
                Some(number) => Some(super::Rate::AtMost(number)),
                None => {
                    self.fault(key, format!("is {number}"), format!("write {FORM}"));
                    None
                }
            },
            other => self.wrong(key, &other, FORM),
        }
    }

    /// All keys that are left, where the user names them.
    pub(super) fn rest(&mut self) -> Table {
        std::mem::take(&mut self.table)
    }

    /// Ends the reading: every key that nothing asked for is a fault.
    pub(super) fn finish(self) {
        for key in self.table.keys() {
            let fault = Fault::unknown_key(self.path_of(key), key, self.known.iter().copied());
            self.faults.push(fault);
        }
    }

    fn wrong<T>(&mut self, key: &str, value: &Value, form: &str) -> Option<T> {
        self.fault(key, format!("is {}", kind(value)), format!("write {form}"));
        None
    }
}

/// What a value is, in words, without showing it.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "a string",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a decimal number",
        Value::Boolean(_) => "a boolean",
        Value::Datetime(_) => "a date or time",
        Value::Array(_) => "a list",
        Value::Table(_) => "a table",
    }
}
