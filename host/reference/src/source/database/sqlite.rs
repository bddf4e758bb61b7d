//! What SQLite's ADBC driver makes of columns whose values are not all of one kind, which SQLite allows. It looks at some rows
//! and takes the widest kind: integers beside floats become floats, which lose digits from 2^53 on, and floats beside texts are
//! written with six digits. What was lost can't be had back; that something may have been can be seen.

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::DataType;

/// Floats below this hold every integer.
const INTEGERS_END: f64 = 9_007_199_254_740_992.0;

/// The column that the driver may have altered, where there is one.
pub(super) fn altered(rows: &RecordBatch) -> Option<&str> {
    let columns = rows.schema_ref().fields().iter().zip(rows.columns());
    columns.into_iter().find(|(_, array)| is_altered(array)).map(|(field, _)| field.name().as_str())
}

fn is_altered(array: &ArrayRef) -> bool {
    match array.data_type() {
        DataType::Float64 => array
            .as_primitive::<Float64Type>()
            .iter()
            .flatten()
            .any(|float| float.abs() >= INTEGERS_END && float.is_finite()),
        DataType::Utf8 => array.as_string::<i32>().iter().flatten().any(|text| is_printed(text.as_bytes())),
        DataType::Binary => array.as_binary::<i32>().iter().flatten().any(is_printed),
        _ => false,
    }
}

/// Whether a text is a float as C prints it with `%e`: one digit, a point, six digits, and an exponent of two or three.
fn is_printed(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let digits = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
    match text {
        [whole, b'.', a, b, c, d, e, f, b'e', b'+' | b'-', exponent @ ..] => {
            digits(&[*whole, *a, *b, *c, *d, *e, *f]) && matches!(exponent.len(), 2 | 3) && digits(exponent)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use std::sync::Arc;

    use arrow_array::{Float64Array, Int64Array, StringArray};

    use super::*;

    #[test]
    fn what_may_have_lost_digits_is_seen() {
        let altered = |array: ArrayRef| altered(&RecordBatch::try_from_iter([("c", array)]).unwrap()).is_some();
        assert!(altered(Arc::new(Float64Array::from(vec![0.5, 9_007_199_254_740_992.0]))));
        assert!(altered(Arc::new(Float64Array::from(vec![-1e300]))));
        assert!(altered(Arc::new(StringArray::from(vec!["a", "1.500000e+00"]))));
        assert!(altered(Arc::new(StringArray::from(vec!["-1.234568e-300"]))));
        assert!(!altered(Arc::new(Float64Array::from(vec![0.1, -9_007_199_254_740_991.0, f64::INFINITY]))));
        assert!(!altered(Arc::new(StringArray::from(vec!["1.5e+00", "1.500000", "x", "1.500000e+0000"]))));
        assert!(!altered(Arc::new(Int64Array::from(vec![i64::MAX]))));
    }
}
