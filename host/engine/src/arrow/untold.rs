//! What the JSON of a value does not tell, for who keeps it and reads it back: a day, a number that is not finite.

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::Date64Type;
use arrow_schema::{ArrowError, DataType, Field};

use super::cell;
use super::columns::is_numeric;

/// What a value is that [`cell::push_shown`] writes as a text, or with texts in it, and that is none: JSON does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Untold {
    /// A day.
    Date,
    /// An instant beyond every calendar. Others are texts in the same form wherever they come from.
    Time,
    /// A number that is not finite.
    Number,
    /// A list, struct or map with such numbers in it.
    Numbers,
}

impl Untold {
    const ALL: [Self; 4] = [Self::Date, Self::Time, Self::Number, Self::Numbers];

    /// Its name, where it is written down.
    pub fn name(self) -> &'static str {
        match self {
            Self::Date => "date",
            Self::Time => "time",
            Self::Number => "number",
            Self::Numbers => "numbers",
        }
    }

    /// What has this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|untold| untold.name() == name)
    }
}

/// What JSON does not tell of the value in `row`.
///
/// # Errors
/// Where the array is not what its type says.
pub fn untold(field: &Field, array: &dyn Array, row: usize) -> Result<Option<Untold>, ArrowError> {
    let mut kept = String::new();
    Ok(match array.data_type() {
        _ if array.is_null(row) => None,
        DataType::Date64 if array.as_primitive::<Date64Type>().value(row) % cell::MILLISECONDS_A_DAY != 0 => None,
        DataType::Date32 | DataType::Date64 => Some(Untold::Date),
        DataType::Timestamp(..) => cell::push_json(&mut kept, field, array, row).is_err().then_some(Untold::Time),
        DataType::Utf8 if !is_numeric(field) => None,
        DataType::Float16 | DataType::Float32 | DataType::Float64 | DataType::Utf8 => {
            cell::push_json(&mut kept, field, array, row)?;
            kept.starts_with('"').then_some(Untold::Number)
        }
        DataType::Dictionary(_, of) => {
            let dictionary = array.as_any_dictionary();
            let place = dictionary.normalized_keys().get(row).copied().unwrap_or_default();
            untold(&Field::new(field.name(), (**of).clone(), true), dictionary.values(), place)?
        }
        DataType::List(_)
        | DataType::LargeList(_)
        | DataType::ListView(_)
        | DataType::LargeListView(_)
        | DataType::FixedSizeList(..)
        | DataType::Struct(_)
        | DataType::Map(..) => {
            let mut sent = String::new();
            cell::push_json(&mut kept, field, array, row)?;
            // A name that stands twice is refused by who reads the letter.
            cell::push_sent(&mut sent, field, array, row).is_ok_and(|()| kept != sent).then_some(Untold::Numbers)
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use std::sync::Arc;

    use arrow_array::builder::{Float64Builder, ListBuilder};
    use arrow_array::types::Int32Type;
    use arrow_array::{
        ArrayRef, Date32Array, Date64Array, DictionaryArray, Float32Array, Float64Array, TimestampMicrosecondArray,
    };

    use super::*;

    #[test]
    fn what_the_text_of_a_value_does_not_tell_is_told_beside_it() {
        let of = |array: ArrayRef| untold(&Field::new("c", array.data_type().clone(), true), &array, 0).unwrap();
        let mut list = ListBuilder::new(Float64Builder::new());
        list.append_value([Some(f64::NAN)]);
        list.append_value([Some(1.0)]);
        let list = list.finish();
        let dictionary: DictionaryArray<Int32Type> = ["d"].into_iter().collect();
        let instant = |count| Arc::new(TimestampMicrosecondArray::from(vec![count])) as ArrayRef;
        for (array, expected) in [
            (Arc::new(Date32Array::from(vec![Some(0)])) as ArrayRef, Some(Untold::Date)),
            (Arc::new(Date32Array::from(vec![None])), None),
            (Arc::new(Date64Array::from(vec![86_400_000])), Some(Untold::Date)),
            (Arc::new(Date64Array::from(vec![1])), None),
            (instant(0), None),
            (instant(i64::MAX), Some(Untold::Time)),
            (Arc::new(Float64Array::from(vec![f64::NAN])), Some(Untold::Number)),
            (Arc::new(Float32Array::from(vec![f32::INFINITY])), Some(Untold::Number)),
            (Arc::new(Float64Array::from(vec![1.0])), None),
            (Arc::new(list.clone()), Some(Untold::Numbers)),
            (Arc::new(list.slice(1, 1)), None),
            (Arc::new(dictionary), None),
        ] {
            let kind = array.data_type().to_string();
            assert_eq!(of(array), expected, "{kind}");
        }
    }
}
