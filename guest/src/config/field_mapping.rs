//! Which source column becomes which field, and under which type.

use serde_json::{Map, Value};

use destination_toolkit::config::{Issue, Issues, Table, wrong_type};
use destination_toolkit::problem::quote::quoted;
use destination_toolkit::problem::suggest::nearest;
use destination_toolkit::value::json;

use super::ObjectKind;
use crate::value::{self, FieldType};

/// The field that becomes a record's key.
pub(crate) const INTEGRATION_ID: &str = "integration_id";

/// The keys of one mapping.
pub(super) const KEYS: [&str; 4] = ["source", "destination", "type", "default"];

/// The fields of a profile that need no attribute of the user's own, and the type that each has without a declared one.
/// A phone number must not lose its leading zeros to a number, and a sign-up date is compared with dates.
pub(crate) const DEFAULT_FIELDS: [(&str, FieldType); 4] = [
    ("email", FieldType::String),
    ("name", FieldType::String),
    ("phone", FieldType::String),
    ("signup_date", FieldType::Time),
];

/// The mapped columns of a sync.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Mappings {
    /// The column that holds the integration ID.
    pub(crate) id: String,
    pub(crate) attributes: Vec<AttributeMapping>,
}

impl Mappings {
    /// The mapping to an attribute.
    pub(crate) fn of(&self, attribute: &str) -> Option<&AttributeMapping> {
        self.attributes.iter().find(|mapping| mapping.attribute.name() == attribute)
    }
}

/// One column that becomes one attribute.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AttributeMapping {
    /// Its place in the config's list.
    pub(crate) index: usize,
    /// The column's name.
    pub(crate) source: String,
    pub(crate) attribute: Attribute,
    /// The JSON that replaces null.
    pub(crate) default: Option<String>,
}

/// An attribute of a profile.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Attribute {
    /// Its name as a JSON member begins: `"signup_date":`.
    pub(crate) label: String,
    /// None: the value keeps its own type.
    pub(crate) field_type: Option<FieldType>,
}

impl Attribute {
    /// By the name it has in Talon.One and the type declared for it, if any.
    pub(crate) fn new(name: &str, declared: Option<FieldType>) -> Result<Self, String> {
        let mut bytes = name.bytes();
        let valid = bytes.next().is_some_and(|first| first.is_ascii_alphabetic())
            && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !valid {
            return Err(format!(
                "{} cannot be the name of an attribute: Talon.One's names begin with a letter and go on with letters, \
                 digits and underscores",
                quoted(name)
            ));
        }
        Ok(Self { label: format!("\"{name}\":"), field_type: declared.or_else(|| implied_type(name)) })
    }

    /// Whether every account has it.
    pub(crate) fn is_default(&self) -> bool {
        implied_type(self.name()).is_some()
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        self.label.strip_prefix('"').and_then(|label| label.strip_suffix("\":")).unwrap_or_default()
    }
}

/// The type of a field that every account has.
pub(crate) fn implied_type(name: &str) -> Option<FieldType> {
    DEFAULT_FIELDS.iter().find(|(field, _)| *field == name).map(|(_, implied)| *implied)
}

/// Read the list of mappings. None if it is at fault.
#[cfg_attr(target_family = "wasm", optimize(size))]
pub(super) fn parse(list: &Value, object: Option<ObjectKind>, issues: &mut Issues) -> Option<Mappings> {
    let Some(list) = list.as_array() else {
        issues.push("mappings", wrong_type(list, "a list of {source, destination}"));
        return None;
    };
    let mut reader = Reader { object, id: None, attributes: Vec::new(), taken: Vec::new() };
    for (index, entry) in list.iter().enumerate() {
        let path = format!("mappings[{index}]");
        match entry.as_object() {
            Some(entry) => reader.read(index, path, entry, issues),
            None => issues.push(path, wrong_type(entry, "{source, destination}")),
        }
    }
    reader.finish(issues)
}

struct Reader<'a> {
    object: Option<ObjectKind>,
    id: Option<String>,
    attributes: Vec<AttributeMapping>,
    /// The destinations so far, and the path of each one's mapping.
    taken: Vec<(&'a str, String)>,
}

impl<'a> Reader<'a> {
    fn read(&mut self, index: usize, path: String, entry: &'a Map<String, Value>, issues: &mut Issues) {
        let table = Table::new(path.clone(), entry);
        table.reject_unknown(&KEYS, issues);
        let mut name = |key: &str, expected: &str| {
            let text = table.required_text(key, expected, issues)?;
            if text.is_empty() {
                issues.push(table.path(key), Issue::new(format!("is empty: expected {expected}")));
            }
            Some(text).filter(|text| !text.is_empty())
        };
        let source = name("source", "the name of a source column");
        let destination = name("destination", "the name of a destination field");
        let declared = table.choice("type", &FieldType::ALL, issues);
        let Some(destination) = destination else {
            return;
        };
        if let Some((_, first)) = self.taken.iter().find(|(taken, _)| *taken == destination) {
            let issue = Issue::new(format!("{} is already the destination of {first}", quoted(destination)));
            issues.push(
                table.path("destination"),
                issue.hint("map one column to it, or give this one another destination"),
            );
            return;
        }
        self.taken.push((destination, path));
        if destination == INTEGRATION_ID {
            if let Some(declared) = declared.filter(|declared| *declared != FieldType::String) {
                let issue = Issue::new(format!("is {}: an integration ID is always a string", declared.name()));
                issues.push(table.path("type"), issue.hint("leave `type` out"));
            }
            if table.get("default").is_some() {
                let issue = Issue::new("would give every row without an ID the same one");
                issues.push(table.path("default"), issue.hint("leave `default` out: such rows are reported"));
            }
            self.id = source.map(str::to_owned);
            return;
        }
        if self.object == Some(ObjectKind::Audiences) {
            let issue = Issue::new(format!("is {}: an audience takes {INTEGRATION_ID} alone", quoted(destination)));
            issues.push(table.path("destination"), issue.hint("attributes belong to a sync of customer_profiles"));
            return;
        }
        let attribute = Attribute::new(destination, declared).map_err(Issue::new);
        let Some(attribute) = table.accept("destination", attribute, issues) else {
            return;
        };
        let default = match table.get("default") {
            Some(value) => table.accept("default", default_json(value, attribute.field_type), issues),
            None => None,
        };
        if let Some(source) = source {
            self.attributes.push(AttributeMapping { index, source: source.to_owned(), attribute, default });
        }
    }

    fn finish(self, issues: &mut Issues) -> Option<Mappings> {
        if !self.taken.iter().any(|(destination, _)| *destination == INTEGRATION_ID) {
            let issue = Issue::new(format!("has no mapping to {INTEGRATION_ID}: expected exactly one"));
            let near = nearest(INTEGRATION_ID, self.taken.iter().map(|(destination, _)| *destination));
            issues.push(
                "mappings",
                match near {
                    Some(near) => issue.hint(format!("write {INTEGRATION_ID} for {near}")),
                    None => issue.hint("map the column with the customers' stable IDs to it"),
                },
            );
        }
        self.id.map(|id| Mappings { id, attributes: self.attributes })
    }
}

/// A default as the JSON that is sent for it.
fn default_json(value: &Value, field_type: Option<FieldType>) -> Result<String, Issue> {
    const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53: whole numbers beyond it have lost digits on the way here
    if value.as_f64().is_some_and(|number| value.is_f64() && number.abs() >= EXACT) {
        let issue = Issue::new(format!("is {}, of which digits may be lost", json::text_of(value)));
        return Err(issue.hint("write the number as a text and declare the type `number`"));
    }
    let text = json::text_of(value);
    let mut out = String::new();
    match value::write(destination_toolkit::value::Value::Json(&text), field_type, &mut out) {
        Ok(()) => Ok(out),
        Err(issue) => Err(wrong_type(value, &format!("{}: {}", issue.wanted, issue.expected))),
    }
}

#[cfg(test)]
mod tests;
