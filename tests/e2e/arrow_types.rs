//! Every Arrow type and every type that a mapping can declare, through the real component to the JSON that the server
//! received. The table in host/guide/types.md is what comes out here.

use std::fs::File;
use std::sync::Arc;

use arrow_array::{builder::*, types::*, *};
use arrow_buffer::i256;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::*;

use crate::harness::{TestEnv, counts, sync_file};

/// The types that a mapping can declare; the first is none.
const TARGETS: [&str; 10] = [
    "",
    "string",
    "number",
    "boolean",
    "time",
    "list(string)",
    "list(number)",
    "list(time)",
    "location",
    "list(location)",
];

fn metadata(name: &str, more: Option<&str>) -> Vec<(String, String)> {
    let mut metadata = vec![("ARROW:extension:name".to_owned(), name.to_owned())];
    metadata.extend(more.map(|more| ("ARROW:extension:metadata".to_owned(), more.to_owned())));
    metadata
}

fn column(array: ArrayRef) -> (Field, ArrayRef) {
    (Field::new("", array.data_type().clone(), true), array)
}

fn extension(array: ArrayRef, name: &str, more: Option<&str>) -> (Field, ArrayRef) {
    let field = Field::new("", array.data_type().clone(), true)
        .with_metadata(metadata(name, more).into_iter().collect::<std::collections::HashMap<_, _>>());
    (field, array)
}

fn list<T>(items: T) -> ArrayRef
where
    T: ArrayBuilder,
{
    let mut builder = ListBuilder::new(items);
    builder.append(true);
    Arc::new(builder.finish())
}

fn filled<B: ArrayBuilder>(mut builder: B, fill: impl FnOnce(&mut B)) -> B {
    fill(&mut builder);
    builder
}

/// A value of each type: the name for people, the column, and the value as it was meant.
fn types() -> Vec<(&'static str, Field, ArrayRef)> {
    let instant = 1_700_000_000_i64;
    let decimal128 = Decimal128Array::from(vec![12_345_678_901_234_567_890_123_456_789_i128]);
    let decimal256 = Decimal256Array::from(vec![i256::from_i128(110)]);
    let map = {
        let mut builder = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
        builder.keys().append_value("k");
        builder.values().append_value(1);
        builder.append(true).unwrap();
        builder.finish()
    };
    let place = StructArray::from(vec![
        (Arc::new(Field::new("lat", DataType::Float64, true)), Arc::new(Float64Array::from(vec![52.5])) as ArrayRef),
        (Arc::new(Field::new("lon", DataType::Float64, true)), Arc::new(Float64Array::from(vec![13.4])) as ArrayRef),
    ]);
    let dictionary: DictionaryArray<Int8Type> = ["gold"].into_iter().collect();
    let runs: RunArray<Int32Type> = ["gold"].into_iter().collect();
    let uuid = FixedSizeBinaryArray::try_from_iter([(0..16).collect::<Vec<u8>>()].into_iter()).unwrap();
    let named = |name, (field, array): (Field, ArrayRef)| (name, field, array);
    vec![
        named("boolean", column(Arc::new(BooleanArray::from(vec![true])))),
        named("int8", column(Arc::new(Int8Array::from(vec![-5])))),
        named("int16", column(Arc::new(Int16Array::from(vec![-5])))),
        named("int32", column(Arc::new(Int32Array::from(vec![-5])))),
        named("int64", column(Arc::new(Int64Array::from(vec![9_007_199_254_740_993])))),
        named("uint8", column(Arc::new(UInt8Array::from(vec![5])))),
        named("uint16", column(Arc::new(UInt16Array::from(vec![5])))),
        named("uint32", column(Arc::new(UInt32Array::from(vec![5])))),
        named("uint64", column(Arc::new(UInt64Array::from(vec![u64::MAX])))),
        named(
            "float16",
            column(Arc::new(Float16Array::from(vec![<Float16Type as ArrowPrimitiveType>::Native::from_f32(0.5)]))),
        ),
        named("float32", column(Arc::new(Float32Array::from(vec![0.1])))),
        named("float64", column(Arc::new(Float64Array::from(vec![0.1])))),
        named("decimal32", column(Arc::new(Decimal32Array::from(vec![110]).with_precision_and_scale(9, 2).unwrap()))),
        named("decimal64", column(Arc::new(Decimal64Array::from(vec![110]).with_precision_and_scale(18, 2).unwrap()))),
        named("decimal128", column(Arc::new(decimal128.with_precision_and_scale(38, 9).unwrap()))),
        named("decimal256", column(Arc::new(decimal256.with_precision_and_scale(76, 2).unwrap()))),
        named("utf8", column(Arc::new(StringArray::from(vec!["gold"])))),
        named("large_utf8", column(Arc::new(LargeStringArray::from(vec!["gold"])))),
        named("utf8_view", column(Arc::new(StringViewArray::from(vec!["gold"])))),
        named("date32", column(Arc::new(Date32Array::from(vec![19_675])))),
        named("date64", column(Arc::new(Date64Array::from(vec![19_675 * 86_400_000])))),
        named("timestamp, no zone", column(Arc::new(TimestampMicrosecondArray::from(vec![instant * 1_000_000 + 1])))),
        named(
            "timestamp, zone",
            column(Arc::new(TimestampSecondArray::from(vec![instant]).with_timezone("Europe/Berlin"))),
        ),
        named("time32", column(Arc::new(Time32SecondArray::from(vec![3_600])))),
        named("time64", column(Arc::new(Time64NanosecondArray::from(vec![3_600_000_000_001])))),
        named("list of utf8", column(list(filled(StringBuilder::new(), |b| b.append_value("a"))))),
        named("list of int64", column(list(filled(Int64Builder::new(), |b| b.append_value(9_007_199_254_740_993))))),
        named("list of timestamp", {
            let items = filled(TimestampSecondBuilder::new().with_timezone("UTC"), |b| b.append_value(instant));
            column(list(items))
        }),
        named("struct", column(Arc::new(place))),
        named("map", column(Arc::new(map))),
        named("dictionary", column(Arc::new(dictionary))),
        named("run-end encoded", column(Arc::new(runs))),
        named("arrow.json", extension(Arc::new(StringArray::from(vec!["[1.10]"])), "arrow.json", None)),
        named("arrow.uuid", extension(Arc::new(uuid), "arrow.uuid", None)),
        named(
            "PostgreSQL numeric",
            extension(
                Arc::new(StringArray::from(vec!["1.100000000"])),
                "arrow.opaque",
                Some("{\"type_name\": \"numeric\", \"vendor_name\": \"PostgreSQL\"}"),
            ),
        ),
        named("null", column(Arc::new(NullArray::new(1)))),
    ]
}

fn write(env: &TestEnv, name: &str, columns: Vec<(Field, ArrayRef)>) {
    let (fields, arrays): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap();
    let file = File::create(env.path(name)).unwrap();
    let mut writer = StreamWriter::try_new(file, &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
}

/// What the server receives for a value of a type, mapped to a type: JSON, or the code of the row's rejection.
fn received(env: &TestEnv, field: &Field, array: &ArrayRef, target: &str) -> Result<Option<String>, String> {
    let id: ArrayRef = Arc::new(StringArray::from(vec!["1"]));
    let value = field.clone().with_name("value");
    write(env, "rows.arrow", vec![(Field::new("id", DataType::Utf8, false), id), (value, Arc::clone(array))]);
    let declared = if target.is_empty() { String::new() } else { format!("type = \"{target}\"") };
    let mappings = [("id", "integration_id", ""), ("value", "value", declared.as_str())];
    env.write("sync.toml", sync_file("customer_profiles", "", &mappings, "arrow", "rows.arrow"));
    env.fake.reset();
    let outcome = env.sync(&[]);
    match outcome.code {
        0 => Ok(env.fake.profiles()["1"].get("value").cloned()),
        3 => Err(env.dead_letters()[0]["code"].as_str().unwrap().to_owned()),
        code => panic!("{field} to {target:?} ended with {code}: {}", outcome.all()),
    }
}

#[test]
fn every_arrow_type_has_its_value_for_every_declared_type() {
    let env = TestEnv::permissive();
    let mut table = String::from("| Arrow type | sent as it is | may be declared as |\n| --- | --- | --- |\n");
    for (name, field, array) in types() {
        let mut sent = TARGETS.iter().map(|target| (*target, received(&env, &field, &array, target)));
        let (_, plain) = sent.next().unwrap();
        let plain = match plain {
            Ok(Some(json)) => format!("`{json}`"),
            Ok(None) => "nothing".to_owned(),
            Err(code) => format!("refused: {code}"),
        };
        let taken: Vec<String> = sent
            .filter_map(|(target, sent)| match sent {
                Ok(Some(json)) if format!("`{json}`") == plain => Some(target.to_owned()),
                Ok(Some(json)) => Some(format!("{target} (`{json}`)")),
                Ok(None) | Err(_) => None,
            })
            .collect();
        let taken = if plain == "nothing" { "any".to_owned() } else { taken.join(", ") };
        table.push_str(&format!("| {name} | {plain} | {taken} |\n"));
    }
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../guide/types.md")).unwrap();
    assert!(page.contains(&table), "host/guide/types.md does not have this table:\n{table}");
}

#[test]
fn types_that_have_no_place_in_json_are_refused_by_name() {
    let env = TestEnv::permissive();
    let id: ArrayRef = Arc::new(StringArray::from(vec!["1"]));
    for (array, name) in [
        (Arc::new(BinaryArray::from(vec![&b"x"[..]])) as ArrayRef, "Binary"),
        (Arc::new(FixedSizeBinaryArray::try_from_iter([b"xy"].into_iter()).unwrap()), "FixedSizeBinary"),
        (Arc::new(DurationSecondArray::from(vec![1])), "Duration"),
        (Arc::new(IntervalYearMonthArray::from(vec![1])), "Interval"),
        (list(filled(BinaryBuilder::new(), |b| b.append_value(b"x"))), "Binary"),
    ] {
        write(
            &env,
            "rows.arrow",
            vec![
                (Field::new("id", DataType::Utf8, false), Arc::clone(&id)),
                (Field::new("value", array.data_type().clone(), true), Arc::clone(&array)),
            ],
        );
        let mappings = [("id", "integration_id", ""), ("value", "value", "")];
        env.write("sync.toml", sync_file("customer_profiles", "", &mappings, "arrow", "rows.arrow"));
        let outcome = env.sync(&[]);
        assert!(matches!(outcome.code, 1 | 2), "{outcome:?}");
        outcome.says("\"value\"").says(name).says("leave its mapping out");
        // A column that is not mapped hinders nobody.
        env.write("sync.toml", sync_file("customer_profiles", "", &mappings[..1], "arrow", "rows.arrow"));
        env.sync(&[]).ends_with(0);
        assert_eq!(counts(&env.report(), ["delivered"]), [1]);
    }
}

/// The values of `c` of two customers, in the column types of the source.
fn two(env: &TestEnv, (field, array): (Field, ArrayRef)) {
    let texts = |texts: [&str; 2]| Arc::new(StringArray::from(texts.to_vec())) as ArrayRef;
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let (id, points) = (texts(["1", "2"]), texts(["1", "many"]));
    write(env, "rows.arrow", vec![(text("id"), id), (text("points"), points), (field.with_name("c"), array)]);
    let mappings = [("id", "integration_id", ""), ("points", "points", "type = \"number\""), ("c", "c", "")];
    env.write("sync.toml", sync_file("customer_profiles", "", &mappings, "arrow", "rows.arrow"));
}

/// A replay sends what the run would have sent, in the same form: JSON does not tell a day from a text.
#[test]
fn a_replay_keeps_the_types_of_the_source() {
    let days = Date32Array::from(vec![19_675, 19_675]);
    let milliseconds = Date64Array::from(vec![19_675 * 86_400_000; 2]);
    let both = list(filled(Date64Builder::new(), |b| b.append_value(0)));
    let numeric = Arc::new(StringArray::from(vec!["1.100", "1.100"]));
    for (field, array) in [
        column(Arc::new(days)),
        column(Arc::new(milliseconds)),
        column(concat(&both)),
        column(concat(&list_of_times())),
        extension(numeric, "arrow.opaque", Some("{\"type_name\": \"numeric\", \"vendor_name\": \"PostgreSQL\"}")),
    ] {
        let env = TestEnv::permissive();
        let kind = field.to_string();
        two(&env, (field, array));
        env.sync(&[]).ends_with(3);
        env.write("fixed.ndjson", env.read("dead.ndjson").replace("many", "1"));
        env.sync(&["--replay", "fixed.ndjson"]).ends_with(0);
        let profiles = env.fake.profiles();
        assert_eq!(profiles["1"], profiles["2"], "{kind}");
    }
}

fn list_of_times() -> ArrayRef {
    list(filled(TimestampSecondBuilder::new(), |b| b.append_value(0)))
}

/// A row, twice.
fn concat(row: &ArrayRef) -> ArrayRef {
    arrow_select::concat::concat(&[row, row]).unwrap()
}

/// What is no number or no time is rejected, and it does not become a text by being replayed.
#[test]
fn what_is_no_value_is_none_in_a_replay_either() {
    let numbers = |second| {
        let mut builder = ListBuilder::new(Float64Builder::new());
        builder.append_value([Some(1.5)]);
        builder.append_value([Some(second)]);
        Arc::new(builder.finish()) as ArrayRef
    };
    for (array, code, said) in [
        (Arc::new(Float64Array::from(vec![1.5, f64::NAN])) as ArrayRef, "invalid-number", "where a number was"),
        (Arc::new(TimestampMicrosecondArray::from(vec![0, i64::MAX])), "invalid-time", "where a time was"),
        (Arc::new(Date32Array::from(vec![0, i32::MAX])), "invalid-time", "where a day was"),
        (numbers(f64::NEG_INFINITY), "invalid-json", "where only numbers were"),
    ] {
        let env = TestEnv::permissive();
        two(&env, column(Arc::clone(&array)));
        let rows = env.read("sync.toml").replace("type = \"number\"", "");
        env.write("sync.toml", rows);
        env.sync(&[]).ends_with(3);
        assert_eq!(env.dead_letters()[0]["code"], code, "{}", array.data_type());
        let letters = env.read("dead.ndjson");
        env.write("letters.ndjson", &letters);
        env.sync(&["--replay", "letters.ndjson"]).ends_with(1).says("line 1: the column \"c\" holds").says(said);
        assert_eq!(env.fake.profiles().len(), 1, "{}", array.data_type());
        let start = letters.find("\"c\":").unwrap() + 4;
        let end = letters.find("},\"types\"").unwrap();
        env.write("letters.ndjson", format!("{}null{}", &letters[..start], &letters[end..]));
        env.sync(&["--replay", "letters.ndjson"]).ends_with(0);
        assert_eq!(env.fake.profiles()["2"].get("c"), None);
    }
}

/// As in JSON lines: readers do not agree which of the two counts.
#[test]
fn a_map_with_a_key_twice_is_not_sent() {
    let env = TestEnv::permissive();
    let mut map = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
    for keys in [["a", "b"], ["a", "a"]] {
        for (key, value) in keys.into_iter().zip(1..) {
            map.keys().append_value(key);
            map.values().append_value(value);
        }
        map.append(true).unwrap();
    }
    two(&env, column(Arc::new(map.finish())));
    let outcome = env.sync(&[]);
    assert!(matches!(outcome.code, 1 | 2), "{outcome:?}");
    outcome.says("\"c\"").says("\"a\" stands twice in one object");
    assert_eq!(env.fake.requests().len(), 0);
}
