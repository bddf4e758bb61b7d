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
