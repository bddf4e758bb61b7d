//! Small expressions over the columns of a row, where the source itself can't be changed.
//!
//! The language is Jinja's, as dbt users know it: `first_name ~ ' ' ~ last_name`, `email|lower`, `tier|default('none')`,
//! `points|int >= 100`. It is evaluated by `minijinja`, which reaches nothing outside the row and has no loops; how long an
//! expression may be, and how much work and memory it may take for a row, is bounded here.
//! How columns become values of the language is [`cell`](destination_engine::arrow::cell)'s to say.

mod names;
pub(crate) mod numbers;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, LazyLock};
use std::thread;

use minijinja::{Environment, ErrorKind, Value};

use self::names::FUNCTION;

/// What an expression may take for one row. An instruction costs one, and so do 64 bytes that it reads or makes: 64 MB in all.
const FUEL: u64 = 1_000_000;
/// Characters of an expression. A table of a few hundred words, as `{'a': 1, …}[tier]`, has its place.
const MOST_CHARACTERS: usize = 20_000;
/// An expression is read by functions that call each other as deep as it is nested. Of memory, only what is used is taken.
const STACK_BYTES: usize = 256 << 20;

static LANGUAGE: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut language = Environment::new();
    language.set_fuel(Some(FUEL));
    // A column may have such a name, and a function that is not called would be sent as the text `function`.
    let others: Vec<String> =
        language.globals().map(|(name, _)| name.to_owned()).filter(|name| name != FUNCTION).collect();
    others.iter().for_each(|name| language.remove_global(name));
    language.add_filter("int", numbers::int);
    language.add_filter("float", numbers::float);
    // A null of the source is undefined, and `none` is what an expression calls it.
    language.add_test("none", |value: &Value| value.is_none() || value.is_undefined());
    language
});

/// An expression that was read.
#[derive(Clone)]
pub struct Expression {
    text: String,
    columns: Vec<String>,
    compiled: Arc<minijinja::Expression<'static, 'static>>,
}

impl Expression {
    /// Reads an expression.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn new(text: &str) -> Result<Self, String> {
        if text.chars().nth(MOST_CHARACTERS).is_some() {
            return Err(format!("it has more than {MOST_CHARACTERS} characters; compute the column in the source"));
        }
        let text = text.to_owned();
        let reader = thread::Builder::new().stack_size(STACK_BYTES).spawn(move || Self::read(&text));
        let reader = reader.map_err(|error| format!("it can't be read: {error}"))?;
        reader.join().map_err(|_| "it can't be read".to_owned())?
    }

    fn read(text: &str) -> Result<Self, String> {
        let compiled = LANGUAGE.compile_expression_owned(text.to_owned()).map_err(|error| told(&error))?;
        let mut columns = names::of(text);
        columns.extend(compiled.undeclared_variables(false).into_iter().filter(|name| name != FUNCTION));
        let columns = columns.into_iter().collect();
        Ok(Self { text: text.to_owned(), columns, compiled: Arc::new(compiled) })
    }

    /// As the user wrote it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The columns that it reads, by name.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Its value for a row: `values` are those of [`Self::columns`], in their order.
    ///
    /// # Errors
    /// Why it has none, in words.
    pub(crate) fn value(&self, values: impl IntoIterator<Item = Value>) -> Result<Value, String> {
        let row: BTreeMap<String, Value> = self.columns.iter().cloned().zip(values).collect();
        self.compiled.eval(Value::from(row)).map_err(|error| told(&error))
    }
}

/// The language's message without the place in a template, which an expression is not.
fn told(error: &minijinja::Error) -> String {
    if error.kind() == ErrorKind::OutOfFuel {
        return "it takes more work or memory than one row may".to_owned();
    }
    match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.text).finish()
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Expression {}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    fn value(text: &str, values: &[Value]) -> Result<String, String> {
        Expression::new(text).unwrap().value(values.iter().cloned()).map(|value| value.to_string())
    }

    #[test]
    fn columns_are_told_by_name_and_in_order() {
        let expression = Expression::new("last ~ ', ' ~ first|upper ~ range(3)|length").unwrap();
        assert_eq!(expression.columns(), ["first", "last"]);
        let values = ["Ada".into(), "Lovelace".into()];
        assert_eq!(expression.value(values).unwrap().to_string(), "Lovelace, ADA3");
    }

    /// As a function it would be sent as the text `function`.
    #[test]
    fn a_column_may_have_the_name_of_a_function() {
        for name in ["range", "dict", "debug", "namespace"] {
            for (text, expected) in [
                (format!("{name} ~ '!'"), "12!"),
                (format!("'a {name} (km): ' ~ {name}"), ""),
                (format!("\"it's\" ~ {name} ~ 'a \\' {name}('"), ""),
            ] {
                let expression = Expression::new(&text).unwrap();
                assert_eq!(expression.columns(), [name], "{text}");
                let value = expression.value(["12".into()]).unwrap().to_string();
                assert!(value.contains("12") && value.contains(expected), "{text}: {value}");
            }
        }
    }

    #[test]
    fn a_column_may_stand_in_front_of_a_slice_alone() {
        for (text, expected) in
            [("a[0:3]", "abc"), ("(a ~ '')[1:]", "bcd"), ("a[-2:]|upper", "CD"), ("'x'[0:a|length]", "x")]
        {
            assert_eq!(Expression::new(text).unwrap().columns(), ["a"], "{text}");
            assert_eq!(value(text, &["abcd".into()]).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn a_null_is_none() {
        for (text, expected) in
            [("a is none", "True"), ("a is not none", "False"), ("a[6:] if a is not none else 'n'", "n")]
        {
            assert_eq!(value(text, &[Value::UNDEFINED]).unwrap(), expected, "{text}");
        }
        assert_eq!(value("a is none", &["".into()]).unwrap(), "False");
    }

    #[test]
    fn a_constant_needs_no_column() {
        assert!(Expression::new("'web'").unwrap().columns().is_empty());
        assert_eq!(value("'web'", &[]).unwrap(), "web");
        assert_eq!(value("2 + 3", &[]).unwrap(), "5");
    }

    #[test]
    fn a_missing_value_is_empty_text_and_has_a_default() {
        assert_eq!(value("a ~ '!'", &[Value::UNDEFINED]).unwrap(), "!");
        assert_eq!(value("a|default('none')", &[Value::UNDEFINED]).unwrap(), "none");
    }

    #[test]
    fn work_and_memory_are_bounded() {
        let million = "x".repeat(1_000_000);
        for (text, column) in [
            ("'a' * 10**9", ""),
            ("'a' * 1000000000000", ""),
            ("[0] * 1000000000", ""),
            ("'%1000000000d'|format(1)", ""),
            ("'%.1000000000f'|format(1.5)", ""),
            ("a|replace('x', a)", million.as_str()),
            ("a|indent(100000000)", "x\ny"),
            ("(a ~ a ~ a ~ a) * 100", million.as_str()),
            ("range(100000)|map('string')|join(a)", million.as_str()),
        ] {
            let error = value(text, &[column.into()]).unwrap_err();
            assert!(error.contains("more work or memory") || error.contains("large"), "{text}: {error}");
        }
        assert_eq!(value("a|upper ~ '!'", &[million.as_str().into()]).unwrap().len(), 1_000_001);
    }

    #[test]
    fn depth_is_bounded_by_length() {
        let long = |part: &str, times: usize, end: &str| format!("{}{end}", part.repeat(times));
        for text in [long("not ", 100_000, "a"), long("(", 100_000, "a"), "'x' ~ ".repeat(10_000)] {
            assert!(Expression::new(&text).unwrap_err().contains("more than 20000 characters"));
        }
        // As deep as the length allows: read or refused, without an end of the process.
        for text in [
            long("not ", 4_999, "a"),
            long("-", 19_999, "a"),
            long("(", 19_000, "a"),
            long("[", 19_000, "a"),
            long("a~", 9_999, "a"),
            long("a**", 6_000, "a"),
            long("a if a else ", 1_600, "a"),
            format!("a{}", "|d".repeat(9_000)),
            format!("a{}", ".a".repeat(9_000)),
        ] {
            drop(Expression::new(&text).map(|read| read.value([Value::from(1)])));
        }
    }

    #[test]
    fn what_cannot_be_read_or_worked_out_is_said() {
        assert!(Expression::new("first ~").unwrap_err().contains("syntax error"));
        assert!(value("a + 1", &["x".into()]).unwrap_err().contains("unsupported types"));
        assert!(value("a|no_such_filter", &["x".into()]).unwrap_err().contains("no_such_filter"));
    }
}
