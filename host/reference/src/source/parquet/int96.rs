//! Times of 96 bits, as Hive, Impala and older Sparks write them: a day and the nanoseconds within it. No Arrow type holds them
//! all. As nanoseconds since 1970, which is what the decoder makes of them, those outside of the years 1677 to 2262 wrap around
//! and come out as other times. So they are decoded twice, as nanoseconds and as microseconds: where the two differ by more than
//! the digits that microseconds lack, the nanoseconds wrapped. What wrapped is exact modulo 2^64, which gives those digits back.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::{TimestampMicrosecondType, TimestampNanosecondType};
use arrow_array::{
    Array, ArrayRef, PrimitiveArray, RecordBatch, RecordBatchOptions, TimestampMicrosecondArray,
    TimestampNanosecondArray, TimestampSecondArray, make_array,
};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_data::ArrayData;
use arrow_schema::{DataType, Field, FieldRef, Fields, Schema, TimeUnit};
use parquet::basic::Type as PhysicalType;
use parquet::schema::types::SchemaDescriptor;

/// `2024-05-31T10:00:00`: a year of four digits.
const SECONDS_LENGTH: usize = 19;

/// Which columns have such times.
pub(super) struct Int96 {
    leaves: Vec<bool>,
    /// The columns at the top that have them somewhere within.
    pub(super) roots: Vec<usize>,
}

impl Int96 {
    /// `None` for a file without.
    pub(super) fn of(schema: &SchemaDescriptor) -> Option<Self> {
        let leaves: Vec<bool> =
            schema.columns().iter().map(|column| column.physical_type() == PhysicalType::INT96).collect();
        let with = leaves.iter().enumerate().filter(|(_, is)| **is).map(|(leaf, _)| schema.get_column_root_idx(leaf));
        let roots: BTreeSet<usize> = with.collect();
        (!roots.is_empty()).then(|| Self { leaves, roots: roots.into_iter().collect() })
    }

    /// The fields, with such times in this unit.
    pub(super) fn fields(&self, fields: &Fields, unit: TimeUnit) -> Fields {
        let mut leaves = self.leaves.iter().copied();
        fields.iter().map(|field| with_unit(field, &mut leaves, unit)).collect()
    }

    /// The rows with each time as it was written. `rows` were read with nanoseconds, `coarse` are the columns of [`Self::roots`]
    /// with microseconds.
    ///
    /// # Errors
    /// The name of a column of which no Arrow type holds all times.
    pub(super) fn settle(&self, rows: &RecordBatch, coarse: &RecordBatch) -> Result<RecordBatch, String> {
        let schema = rows.schema_ref();
        let mut fields: Vec<FieldRef> = schema.fields().iter().cloned().collect();
        let mut arrays: Vec<ArrayRef> = rows.columns().to_vec();
        for (&root, micros) in self.roots.iter().zip(coarse.columns()) {
            let (Some(field), Some(array)) = (fields.get_mut(root), arrays.get_mut(root)) else { continue };
            let fit = Fit::of(&array.to_data(), &micros.to_data());
            let settled = match fit {
                Fit { nanoseconds: true, .. } => continue,
                Fit { microseconds: true, .. } => Arc::clone(micros),
                Fit { .. } => texts(array, micros).ok_or_else(|| field.name().clone())?,
            };
            *field = Arc::new(Field::new(field.name(), settled.data_type().clone(), true));
            *array = settled;
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options).map_err(|e| e.to_string())
    }
}

/// The field with the times among its leaves in this unit.
fn with_unit(field: &FieldRef, leaves: &mut impl Iterator<Item = bool>, unit: TimeUnit) -> FieldRef {
    let mut inner = |field: &FieldRef| with_unit(field, leaves, unit);
    let data_type = match field.data_type() {
        DataType::List(item) => DataType::List(inner(item)),
        DataType::LargeList(item) => DataType::LargeList(inner(item)),
        DataType::ListView(item) => DataType::ListView(inner(item)),
        DataType::LargeListView(item) => DataType::LargeListView(inner(item)),
        DataType::FixedSizeList(item, length) => DataType::FixedSizeList(inner(item), *length),
        DataType::Map(entries, sorted) => DataType::Map(inner(entries), *sorted),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(inner).collect()),
        leaf => match (leaves.next(), leaf) {
            (Some(true), DataType::Timestamp(_, zone)) => DataType::Timestamp(unit, zone.clone()),
            (Some(true), _) => DataType::Timestamp(unit, None),
            (_, leaf) => leaf.clone(),
        },
    };
    Arc::new(field.as_ref().clone().with_data_type(data_type))
}

/// Which units hold all times of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fit {
    nanoseconds: bool,
    microseconds: bool,
}

impl Fit {
    fn of(fine: &ArrayData, coarse: &ArrayData) -> Self {
        let mut fit = Self { nanoseconds: true, microseconds: true };
        match (fine.data_type(), coarse.data_type()) {
            (DataType::Timestamp(TimeUnit::Nanosecond, _), DataType::Timestamp(TimeUnit::Microsecond, _)) => {
                let (fine, coarse) = (make_array(fine.clone()), make_array(coarse.clone()));
                for (nanoseconds, microseconds) in
                    pairs(fine.as_primitive::<TimestampNanosecondType>(), coarse.as_primitive()).flatten()
                {
                    fit.nanoseconds &= nanoseconds.div_euclid(1000) == microseconds;
                    fit.microseconds &= microseconds.wrapping_mul(1000) == nanoseconds;
                }
            }
            _ => {
                for (fine, coarse) in fine.child_data().iter().zip(coarse.child_data()) {
                    let child = Self::of(fine, coarse);
                    fit.nanoseconds &= child.nanoseconds;
                    fit.microseconds &= child.microseconds;
                }
            }
        }
        fit
    }
}

fn pairs<'a>(
    fine: &'a PrimitiveArray<TimestampNanosecondType>,
    coarse: &'a PrimitiveArray<TimestampMicrosecondType>,
) -> impl Iterator<Item = Option<(i64, i64)>> + 'a {
    fine.iter().zip(coarse.iter()).map(|(fine, coarse)| fine.zip(coarse))
}

/// The times of a column as RFC 3339 texts, with all nine digits; `None` where it is nested, or a year has not four digits.
fn texts(fine: &ArrayRef, coarse: &ArrayRef) -> Option<ArrayRef> {
    let fine = fine.as_any().downcast_ref::<TimestampNanosecondArray>()?;
    let coarse = coarse.as_any().downcast_ref::<TimestampMicrosecondArray>()?;
    let mut texts = StringBuilder::new();
    for pair in pairs(fine, coarse) {
        let Some((nanoseconds, microseconds)) = pair else {
            texts.append_null();
            continue;
        };
        let seconds = TimestampSecondArray::from(vec![microseconds.div_euclid(1_000_000)]);
        let formatter = ArrayFormatter::try_new(&seconds, &FormatOptions::default()).ok()?;
        let text = formatter.value(0).try_to_string().ok().filter(|text| text.len() == SECONDS_LENGTH)?;
        let below = nanoseconds.wrapping_sub(microseconds.wrapping_mul(1000));
        let fraction = microseconds.rem_euclid(1_000_000) * 1000 + below;
        texts.append_value(format!("{text}.{fraction:09}Z"));
    }
    Some(Arc::new(texts.finish()))
}
