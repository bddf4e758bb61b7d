//! Which field each column would fill, as what, and what has to be made of its values first.

use serde_json::Value;

use super::Column;
use super::fields;
use super::form::{DateOrder, Form};
use crate::sync_file::expression::Expression;
use destination_engine::bindings::ObjectType;

/// A column and the field that it would fill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    pub(super) column: String,
    pub(super) field: String,
    pub(super) field_type: Option<&'static str>,
    pub(super) why: String,
    /// What makes values of the type out of the column's: what it takes them for, and the expression. One of several is to be chosen.
    pub(super) expressions: Vec<(&'static str, String)>,
    /// Whether it stands in the file as a comment alone.
    pub(super) left_out: bool,
    pub(super) is_key: bool,
}

/// The types that a mapping may ask for, by the plugin's schema.
pub(super) fn types(schema: &str) -> Vec<String> {
    let schema: Value = serde_json::from_str(schema).unwrap_or_default();
    let types = schema.pointer("/properties/mappings/items/properties/type/enum").and_then(Value::as_array);
    types.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Words in the names of columns whose digits are no number to reckon with.
const CODES: [&str; 13] =
    ["id", "nr", "no", "number", "nummer", "code", "zip", "plz", "postal", "postcode", "phone", "tel", "mobile"];

/// Guesses a mapping for each column that a destination has a field for.
pub(super) fn guess(
    columns: &[Column],
    object_type: &ObjectType,
    types: &[String],
    unclear: &mut Vec<String>,
) -> Vec<Mapping> {
    let key_field = object_type.key_field.as_str();
    let key = fields::key(columns, key_field);
    match key.and_then(|(at, sure)| Some((columns.get(at)?, sure))) {
        Some((_, true)) => {}
        Some((column, false)) => unclear.push(format!(
            "{key_field}: the column {:?} is a guess; it must hold a stable ID that no two rows share",
            column.name
        )),
        None => unclear.push(format!("{key_field}: no column has a value in each row that no other row has")),
    }
    let mut known: Vec<&str> = object_type.fields.iter().map(|field| field.name.as_str()).collect();
    known.retain(|field| *field != key_field);
    let mut taken: Vec<String> = Vec::new();
    let mut mappings = Vec::new();
    for (at, column) in columns.iter().enumerate() {
        if key.is_some_and(|(key, _)| key == at) {
            mappings.push(key_mapping(column, key_field));
            continue;
        }
        let field = match fields::field(column, &known) {
            Some(field) => {
                known.retain(|other| *other != field);
                field.to_owned()
            }
            None if object_type.custom_fields => fields::custom(&column.name),
            None => continue,
        };
        let is_custom = !object_type.fields.iter().any(|known| known.name == field);
        let mut mapping = Mapping {
            column: column.name.clone(),
            field: distinct(field, &taken),
            field_type: None,
            why: String::new(),
            expressions: Vec::new(),
            left_out: false,
            is_key: false,
        };
        describe(&mut mapping, column, is_custom, unclear);
        mapping.field_type = mapping.field_type.filter(|wanted| types.iter().any(|known| known == wanted));
        taken.push(mapping.field.clone());
        mappings.push(mapping);
    }
    // The key first, whichever column it is.
    mappings.sort_by_key(|mapping| !mapping.is_key);
    mappings
}

fn key_mapping(column: &Column, field: &str) -> Mapping {
    let why = if column.is_key() {
        format!("no two of {} rows share a value", crate::human_format::count(column.values))
    } else {
        "its name; but some rows have no value, or share one".to_owned()
    };
    Mapping {
        column: column.name.clone(),
        field: field.to_owned(),
        field_type: None,
        why,
        expressions: Vec::new(),
        left_out: false,
        is_key: true,
    }
}

/// A name that no other field has.
fn distinct(field: String, taken: &[String]) -> String {
    let is_free = |name: &String| !taken.contains(name);
    let numbered = (2..).map(|number| format!("{field}_{number}"));
    std::iter::once(field.clone()).chain(numbered).find(is_free).unwrap_or(field)
}

/// Says what a column's values are, and what becomes of them.
fn describe(mapping: &mut Mapping, column: &Column, is_custom: bool, unclear: &mut Vec<String>) {
    let Column { name, form, native, example, .. } = column;
    if let Some(native) = native {
        mapping.why = format!("{native} in the source");
        return;
    }
    let number = || Some("number").filter(|_| is_custom);
    match form {
        Form::Nothing => {
            mapping.left_out = true;
            mapping.why = "it has no value in the rows that were looked at".to_owned();
            unclear.push(format!("column {name:?}: it has no value in the rows that were looked at"));
        }
        Form::Text | Form::Email => mapping.why = "text".to_owned(),
        Form::Integer if is_code(name) => {
            mapping.why = "digits, but its name is that of a code; add type = \"number\" if it is a number".to_owned();
        }
        Form::Integer | Form::Decimal => {
            mapping.field_type = number();
            mapping.why = format!("all values are numbers: {example}; leave the type out if they are codes");
        }
        Form::Boolean => {
            mapping.field_type = Some("boolean");
            mapping.why = format!("all values are words for yes and no: {example}");
        }
        Form::Time => {
            mapping.field_type = Some("time").filter(|_| is_custom);
            mapping.why = format!("all values are dates or times: {example}; without an offset they are taken for UTC");
        }
        Form::CommaDecimal => {
            mapping.field_type = number();
            mapping.why = format!("numbers with a decimal comma: {example}");
            compute(mapping, unclear, |x| format!("{x}|replace('.', '')|replace(',', '.')"));
        }
        Form::CommaThousands => {
            mapping.field_type = number();
            mapping.why = format!("numbers with commas between thousands: {example}");
            compute(mapping, unclear, |x| format!("{x}|replace(',', '')"));
        }
        Form::UnclearNumber => {
            let sign = if example.contains(',') { ',' } else { '.' };
            mapping.field_type = number();
            offer(mapping, "it stands between thousands", |x| format!("{x}|replace('{sign}', '')"));
            offer(mapping, "decimals stand behind it", |x| format!("{x}|replace('{sign}', '.')"));
            let what =
                format!("numbers such as {example}: the sign in it may stand before the decimals or between thousands");
            leave_out(mapping, unclear, &what);
        }
        Form::Date { order: DateOrder::Unclear, separator, padded } => {
            mapping.field_type = Some("time").filter(|_| is_custom);
            offer(mapping, "the day comes first", |x| date(x, *separator, *padded, 0, 1));
            offer(mapping, "the month comes first", |x| date(x, *separator, *padded, 1, 0));
            let what = format!("dates such as {example}: the day or the month may come first, and none tells");
            leave_out(mapping, unclear, &what);
        }
        Form::Date { order, separator, padded } => {
            let (words, day, month) = match order {
                DateOrder::MonthDay => ("month, day, year", 1, 0),
                _ => ("day, month, year", 0, 1),
            };
            mapping.field_type = Some("time").filter(|_| is_custom);
            mapping.why = format!("dates as {words}: {example}");
            compute(mapping, unclear, |x| date(x, *separator, *padded, day, month));
        }
        Form::MixedDates => leave_out(mapping, unclear, "dates that are written in more than one way"),
        Form::DateAndTime => {
            leave_out(
                mapping,
                unclear,
                &format!("dates with a time, such as {example}, which no type of a mapping reads"),
            );
        }
    }
}

fn leave_out(mapping: &mut Mapping, unclear: &mut Vec<String>, what: &str) {
    mapping.left_out = true;
    mapping.why = what.to_owned();
    unclear.push(format!(
        "column {:?}: {what}; its mapping is commented out{}",
        mapping.column,
        match mapping.expressions.as_slice() {
            [] => " until they are written as 1234.56 or 2026-11-27",
            _ => ": choose a computed column, and take the mapping in",
        }
    ));
}

/// Gives a mapping an expression, where its column can stand in one.
fn compute(mapping: &mut Mapping, unclear: &mut Vec<String>, expression: impl Fn(&str) -> String) {
    offer(mapping, "", expression);
    if mapping.expressions.is_empty() {
        let what =
            format!("{}, which would be rewritten if its name were letters, digits and underscores alone", mapping.why);
        leave_out(mapping, unclear, &what);
    }
}

/// Adds an expression, where the column can stand in one.
fn offer(mapping: &mut Mapping, what: &'static str, expression: impl Fn(&str) -> String) {
    let name = &mapping.column;
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let is_name = starts && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    // `none`, `true` and others are the language's own words.
    if is_name && Expression::new(name).is_ok_and(|alone| alone.columns() == [name.as_str()]) {
        mapping.expressions.push((what, format!("({}) if {name} is not none else none", expression(name))));
    }
}

/// A date with the year in front.
fn date(column: &str, separator: char, padded: bool, day: usize, month: usize) -> String {
    if padded {
        let part = |at: usize| format!("{column}[{}:{}]", at * 3, at * 3 + 2);
        return format!("{column}[6:10] ~ '-' ~ {} ~ '-' ~ {}", part(month), part(day));
    }
    let part = |at: usize| format!("('0' ~ ({column}|split('{separator}'))[{at}])[-2:]");
    format!("({column}|split('{separator}'))[2] ~ '-' ~ {} ~ '-' ~ {}", part(month), part(day))
}

/// Whether a name is that of a code.
fn is_code(name: &str) -> bool {
    let words = name.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase);
    words.into_iter().any(|word| CODES.contains(&word.as_str()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    fn value(expression: &str, value: Option<&str>) -> String {
        let expression = Expression::new(expression).unwrap();
        let value = value.map_or(minijinja::Value::from(()), minijinja::Value::from);
        expression.value(expression.columns().iter().map(|_| value.clone())).unwrap().to_string()
    }

    fn mapping(form: Form) -> Mapping {
        let column = Column {
            name: "c".to_owned(),
            form,
            values: 1,
            nulls: 0,
            distinct: true,
            native: None,
            example: String::new(),
        };
        let mut mapping = key_mapping(&column, "c");
        describe(&mut mapping, &column, true, &mut Vec::new());
        mapping
    }

    #[test]
    fn expressions_make_of_values_what_they_mean() {
        let date = |order, separator, padded| Form::Date { order, separator, padded };
        for (form, text, expected) in [
            (Form::CommaDecimal, "-1.234.567,89", "-1234567.89"),
            (Form::CommaDecimal, "12,5", "12.5"),
            (Form::CommaThousands, "1,234.5", "1234.5"),
            (date(DateOrder::DayMonth, '.', true), "27.01.2026", "2026-01-27"),
            (date(DateOrder::MonthDay, '/', true), "01/27/2026", "2026-01-27"),
            (date(DateOrder::DayMonth, '.', false), "7.1.2026", "2026-01-07"),
            (date(DateOrder::MonthDay, '/', false), "1/27/2026", "2026-01-27"),
        ] {
            let (_, expression) = mapping(form).expressions.pop().unwrap();
            assert_eq!(value(&expression, Some(text)), expected, "{expression}");
            assert_eq!(value(&expression, None), "None", "{expression}");
        }
    }

    #[test]
    fn where_a_value_has_two_meanings_both_are_offered() {
        let date = Form::Date { order: DateOrder::Unclear, separator: '/', padded: true };
        for (form, text, expected) in
            [(date, "03/04/2026", ["2026-04-03", "2026-03-04"]), (Form::UnclearNumber, "1.234", ["1234", "1.234"])]
        {
            let mapping = mapping(form);
            assert!(mapping.left_out);
            let values: Vec<String> =
                mapping.expressions.iter().map(|(_, expression)| value(expression, Some(text))).collect();
            assert_eq!(values, expected);
        }
    }

    #[test]
    fn names_of_codes_are_known() {
        assert!(["zip", "postal-code", "Kunden Nr", "phone_no"].iter().all(|name| is_code(name)));
        assert!(["points", "note", "idle"].iter().all(|name| !is_code(name)));
    }
}
