#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::string_slice,
    clippy::cast_possible_wrap,
    reason = "a test that cannot go on fails"
)]

use std::sync::Arc;

use arrow_array::{
    BinaryArray, BooleanArray, Date32Array, Date64Array, Decimal128Array, Decimal256Array, DictionaryArray,
    Float32Array, Float64Array, Int8Array, Int64Array, LargeStringArray, NullArray, StringArray, StringViewArray,
    TimestampMillisecondArray, UInt64Array,
};
use arrow_buffer::i256;
use arrow_schema::Schema;
use proptest::prelude::*;

use super::*;

/// The values of a column as texts, read as a plugin reads them.
fn read(field: Field, array: ArrayRef) -> Result<Vec<Option<String>>, ColumnError> {
    let rows = array.len();
    let batch = RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![array]).unwrap();
    let columns = Columns::new(&batch, |_| Reading::Own)?;
    let column = columns.borrowed().remove(0);
    let is_valid = |row: usize| column.validity.is_empty() || column.validity[row / 8] >> (row % 8) & 1 == 1;
    let text = |strings: &Strings<'_>, row: usize| {
        assert_eq!(strings.offsets.len(), rows + 1);
        strings.data[strings.offsets[row] as usize..strings.offsets[row + 1] as usize].to_owned()
    };
    let value = |row: usize| match &column.values {
        Values::Nulls(_) => None,
        Values::Booleans(values) => Some(values[row].to_string()),
        Values::Integers(values) => Some(values[row].to_string()),
        Values::Floats(values) => Some(format!("{:?}", values[row])),
        Values::Dates(values) => Some(format!("day {}", values[row])),
        Values::Timestamps(stamps) => Some(format!("{} {:?} {:?}", stamps.counts[row], stamps.unit, stamps.zone)),
        Values::Decimals(strings) => Some(format!("#{}", text(strings, row))),
        Values::Texts(strings) => Some(text(strings, row)),
        Values::Json(strings) => Some(format!("json {}", text(strings, row))),
    };
    Ok((0..rows).map(|row| value(row).filter(|_| is_valid(row))).collect())
}

fn read_array(array: impl Array + 'static) -> Vec<Option<String>> {
    let field = Field::new("a", array.data_type().clone(), true);
    read(field, Arc::new(array)).unwrap()
}

fn some(values: &[&str]) -> Vec<Option<String>> {
    values.iter().map(|value| Some((*value).to_owned())).collect()
}

#[test]
fn values_cross_without_loss() {
    assert_eq!(read_array(NullArray::new(2)), [None, None]);
    assert_eq!(read_array(BooleanArray::from(vec![Some(true), None])), [Some("true".to_owned()), None]);
    assert_eq!(
        read_array(Int64Array::from(vec![i64::MIN, 9_007_199_254_740_993])),
        some(&["-9223372036854775808", "9007199254740993"])
    );
    assert_eq!(read_array(Int8Array::from(vec![-1, 127])), some(&["-1", "127"]));
    assert_eq!(read_array(UInt64Array::from(vec![u64::MAX])), some(&["#18446744073709551615"]));
    assert_eq!(read_array(Float64Array::from(vec![0.1, f64::NAN])), some(&["0.1", "NaN"]));
    assert_eq!(read_array(Float32Array::from(vec![0.1, f32::INFINITY])), some(&["0.1", "inf"]));
    assert_eq!(read_array(Date32Array::from(vec![-1])), some(&["day -1"]));
    assert_eq!(read_array(Date64Array::from(vec![-86_400_000, 86_400_000])), some(&["day -1", "day 1"]));
    assert_eq!(
        read_array(Date64Array::from(vec![-1, 86_400_000])),
        some(&["-1 TimeUnit::Millisecond None", "86400000 TimeUnit::Millisecond None"])
    );
    assert_eq!(
        read_array(LargeStringArray::from(vec![Some("é"), None, Some("")])),
        [Some("é".to_owned()), None, Some(String::new())]
    );
    assert_eq!(
        read_array(StringViewArray::from(vec!["a text that is not inlined", "b"])),
        some(&["a text that is not inlined", "b"])
    );
    let dictionary: DictionaryArray<Int8Type> = vec![Some("x"), None, Some("x")].into_iter().collect();
    assert_eq!(read_array(dictionary), [Some("x".to_owned()), None, Some("x".to_owned())]);
}

#[test]
fn decimals_keep_every_digit() {
    let small = Decimal128Array::from(vec![Some(-1_234_500_i128), None]).with_precision_and_scale(38, 9).unwrap();
    assert_eq!(read_array(small), [Some("#-0.001234500".to_owned()), None]);
    let large = Decimal256Array::from(vec![i256::from_i128(i128::MAX)]).with_precision_and_scale(76, 0).unwrap();
    assert_eq!(read_array(large), some(&["#170141183460469231731687303715884105727"]));
}

#[test]
fn timestamps_keep_their_unit_and_zone() {
    let naive = TimestampMillisecondArray::from(vec![1_700_000_000_123]);
    assert_eq!(read_array(naive.clone()), some(&["1700000000123 TimeUnit::Millisecond None"]));
    assert_eq!(
        read_array(naive.with_timezone("Europe/Berlin")),
        some(&["1700000000123 TimeUnit::Millisecond Some(\"Europe/Berlin\")"])
    );
}

#[test]
fn json_is_told_from_text_by_the_field() {
    let array: ArrayRef = Arc::new(StringArray::from(vec!["[1.10]"]));
    assert_eq!(read(cell::json_field("a"), array.clone()).unwrap(), some(&["json [1.10]"]));
    assert_eq!(read(Field::new("a", DataType::Utf8, true), array).unwrap(), some(&["[1.10]"]));
}

#[test]
fn a_type_without_a_counterpart_is_named() {
    let array: ArrayRef = Arc::new(BinaryArray::from(vec![b"x".as_slice()]));
    let error = read(Field::new("photo", DataType::Binary, true), array).unwrap_err();
    assert!(error.to_string().starts_with("the column \"photo\" is of the type Binary: bytes"), "{error}");
}

#[test]
fn only_the_columns_that_are_read_cross() {
    let fields = vec![Field::new("a", DataType::Utf8, true), Field::new("b", DataType::Binary, true)];
    let arrays: Vec<ArrayRef> =
        vec![Arc::new(StringArray::from(vec!["x"])), Arc::new(BinaryArray::from(vec![b"x".as_slice()]))];
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap();
    let columns = Columns::new(&batch, |field| if field.name() == "a" { Reading::Own } else { Reading::None }).unwrap();
    assert_eq!(columns.borrowed().len(), 1);
}

#[test]
fn whole_buffers_cross_as_they_are() {
    let array = StringArray::from(vec![Some("a"), None]);
    let data = array.value_data().as_ptr();
    let field = Field::new("a", DataType::Utf8, true);
    let array: ArrayRef = Arc::new(array);
    let converted = Converted::new(&field, &array, Reading::Own).unwrap();
    let ConvertedValues::Texts(strings) = &converted.values else { panic!("{converted:?}") };
    assert!(matches!(strings.offsets, Cow::Borrowed(_)));
    assert_eq!(strings.data.as_ptr(), data);
    assert!(matches!(converted.validity, Cow::Borrowed(_)));
}

proptest! {
    /// A slice reads as the part of the array that it is, wherever it begins.
    #[test]
    fn slices_read_as_their_part(
        texts in prop::collection::vec(prop::option::of("[aé☃]{0,3}"), 1..40),
        start in 0usize..40,
        length in 0usize..40,
    ) {
        let start = start.min(texts.len());
        let length = length.min(texts.len() - start);
        let expected = texts[start..start + length].to_vec();
        let array = StringArray::from(texts.clone());
        prop_assert_eq!(read_array(array.slice(start, length)), expected.clone());
        let numbers: Int64Array = texts.iter().map(|text| text.as_ref().map(|text| text.len() as i64)).collect();
        let lengths: Vec<_> = expected.iter().map(|text| text.as_ref().map(|text| text.len().to_string())).collect();
        prop_assert_eq!(read_array(numbers.slice(start, length)), lengths);
        let flags: BooleanArray = texts.iter().map(|text| text.as_ref().map(String::is_empty)).collect();
        let empty: Vec<_> = expected.iter().map(|text| text.as_ref().map(|text| text.is_empty().to_string())).collect();
        prop_assert_eq!(read_array(flags.slice(start, length)), empty);
    }
}
