//! The attribute types that a mapping can ask for: Talon.One's own.

/// What a mapped value becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldType {
    String,
    Number,
    Boolean,
    /// An RFC 3339 text.
    Time,
    Location,
    List(Element),
}

/// What the elements of a list become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Element {
    String,
    Number,
    Time,
    Location,
}

impl FieldType {
    /// Every type by the name that it has in the config.
    pub(crate) const ALL: [(&'static str, Self); 9] = [
        ("string", Self::String),
        ("number", Self::Number),
        ("boolean", Self::Boolean),
        ("time", Self::Time),
        ("list(string)", Self::List(Element::String)),
        ("list(number)", Self::List(Element::Number)),
        ("list(time)", Self::List(Element::Time)),
        ("location", Self::Location),
        ("list(location)", Self::List(Element::Location)),
    ];
}

/// The types as Talon.One's API spells them.
const API: [(&str, FieldType); 9] = [
    ("string", FieldType::String),
    ("number", FieldType::Number),
    ("boolean", FieldType::Boolean),
    ("time", FieldType::Time),
    ("(list string)", FieldType::List(Element::String)),
    ("(list number)", FieldType::List(Element::Number)),
    ("(list time)", FieldType::List(Element::Time)),
    ("location", FieldType::Location),
    ("(list location)", FieldType::List(Element::Location)),
];

impl FieldType {
    /// As the config names it.
    pub(crate) fn name(self) -> &'static str {
        name_in(&Self::ALL, self)
    }

    /// As the API names it.
    pub(crate) fn api_name(self) -> &'static str {
        name_in(&API, self)
    }

    /// By the API's name.
    pub(crate) fn of_api(name: &str) -> Option<Self> {
        of_name(&API, name)
    }

    /// By the config's name.
    pub(crate) fn of_config(name: &str) -> Option<Self> {
        of_name(&Self::ALL, name)
    }

    /// What the elements are, of a list.
    pub(crate) fn element(self) -> Option<Self> {
        match self {
            Self::List(element) => Some(element.scalar()),
            _ => None,
        }
    }
}

#[cfg_attr(target_family = "wasm", optimize(size))]
fn name_in(names: &[(&'static str, FieldType)], of: FieldType) -> &'static str {
    names.iter().find(|(_, other)| *other == of).map_or("", |(name, _)| name)
}

#[cfg_attr(target_family = "wasm", optimize(size))]
fn of_name(names: &[(&'static str, FieldType)], name: &str) -> Option<FieldType> {
    names.iter().find(|(known, _)| *known == name).map(|(_, field_type)| *field_type)
}

impl Element {
    /// The type of one element.
    pub(super) fn scalar(self) -> FieldType {
        match self {
            Self::String => FieldType::String,
            Self::Number => FieldType::Number,
            Self::Time => FieldType::Time,
            Self::Location => FieldType::Location,
        }
    }
}
