//! Small expressions over the columns of a row, where the source itself can't be changed.
//!
//! The language is Jinja's, as dbt users know it: `first_name ~ ' ' ~ last_name`, `email|lower`, `tier|default('none')`,
//! `points|int >= 100`. It is evaluated by `minijinja`, which reaches nothing outside the row and has no loops.
//! How columns become values of the language is [`cell`](crate::cell)'s to say.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, LazyLock};

use minijinja::{Environment, Value};

static LANGUAGE: LazyLock<Environment<'static>> = LazyLock::new(Environment::new);

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
        let compiled = LANGUAGE.compile_expression_owned(text.to_owned()).map_err(|error| told(&error))?;
        let known: Vec<String> = LANGUAGE.globals().map(|(name, _)| name.to_owned()).collect();
        let mut columns: Vec<String> =
            compiled.undeclared_variables(false).into_iter().filter(|name| !known.contains(name)).collect();
        columns.sort();
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
    fn what_cannot_be_read_or_worked_out_is_said() {
        assert!(Expression::new("first ~").unwrap_err().contains("syntax error"));
        assert!(value("a + 1", &["x".into()]).unwrap_err().contains("unsupported types"));
        assert!(value("a|no_such_filter", &["x".into()]).unwrap_err().contains("no_such_filter"));
    }
}
