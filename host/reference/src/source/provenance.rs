//! Which columns of some rows are the source's own, and which were made from others on the way.
//!
//! A computed column is what the plugin reads; a rejected row is written down as the source had it, so that it can be fed
//! back in and is computed once. So a column that a computed one replaces stays with the rows, out of the plugin's sight.

use arrow_schema::Field;

const KEY: &str = "destination-host.column";
const COMPUTED: &str = "computed";
const REPLACED: &str = "replaced";

/// The same field, made from others.
pub(crate) fn computed(field: Field) -> Field {
    marked(field, COMPUTED)
}

/// The same field, which a computed one stands in for.
pub(crate) fn replaced(field: Field) -> Field {
    marked(field, REPLACED)
}

/// Whether a field was made from others.
pub(crate) fn is_computed(field: &Field) -> bool {
    is(field, COMPUTED)
}

/// Whether a computed field stands in for this one.
pub(crate) fn is_replaced(field: &Field) -> bool {
    is(field, REPLACED)
}

fn marked(field: Field, mark: &str) -> Field {
    let mut metadata = field.metadata().clone();
    metadata.insert(KEY.to_owned(), mark.to_owned());
    field.with_metadata(metadata)
}

fn is(field: &Field, mark: &str) -> bool {
    field.metadata().get(KEY).is_some_and(|found| found == mark)
}
