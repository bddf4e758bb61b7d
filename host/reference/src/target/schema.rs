//! What the records of a stream are made of, in whatever protocol that was told.

/// The properties of a stream's records, and which of them name one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Schema {
    /// The properties in their order.
    pub(crate) properties: Vec<Property>,
    /// Those that name a record.
    pub(crate) key: Vec<String>,
}

impl Schema {
    /// Whether there is a property of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.properties.iter().any(|property| property.name == name)
    }
}

/// A property of a stream's records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Property {
    pub(crate) name: String,
    pub(crate) format: Format,
}

/// What a property's text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// What its JSON says.
    AsItIs,
    /// A point in time.
    DateTime,
    /// A day and a time without a zone.
    LocalDateTime,
    /// A day.
    Date,
    /// The digits of a number.
    Decimal,
}

/// What a protocol adds to the columns of a stream by itself, and what it says of others.
#[derive(Debug)]
pub(crate) struct Conventions {
    /// The column that says that a row has left its table.
    pub(crate) deleted_at: &'static str,
    /// What the names of columns begin with that tell of the extraction.
    pub(crate) metadata: &'static [&'static str],
    /// Whether a column is taken that only records have, and their schema does not.
    pub(crate) takes_undeclared: bool,
}
