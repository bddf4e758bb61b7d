#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_schema::DataType;
use proptest::prelude::*;

use super::super::{CHUNK_BYTES, MOST_RECORD_BYTES};
use super::*;
use destination_engine::arrow::cell;

/// A reader that hands over `1` byte at a time.
struct Drip<'a>(&'a [u8]);

impl Read for Drip<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let Some((first, rest)) = self.0.split_first() else { return Ok(0) };
        into[0] = *first;
        self.0 = rest;
        Ok(1)
    }
}

fn open(text: &str, chunk_rows: usize) -> Result<NdjsonSource<&[u8]>, SourceError> {
    NdjsonSource::open("x.ndjson".to_owned(), text.as_bytes(), Lines::Rows, Vec::new(), OnError::Stop, chunk_rows)
}

fn chunks(mut source: impl Source) -> Result<Vec<RecordBatch>, SourceError> {
    let mut chunks = Vec::new();
    while let Some(chunk) = source.next_chunk()? {
        chunks.push(chunk.rows);
    }
    assert!(source.next_chunk()?.is_none(), "the end stays the end");
    Ok(chunks)
}

fn only_chunk(text: &str) -> RecordBatch {
    let mut chunks = chunks(open(text, 100).unwrap()).unwrap();
    assert_eq!(chunks.len(), 1);
    chunks.pop().unwrap()
}

fn error(text: &str) -> String {
    let error = open(text, 100).err().unwrap();
    assert!(error.hint.is_some(), "{error} has no fix");
    error.to_string()
}

fn texts(chunk: &RecordBatch, column: &str) -> Vec<Option<String>> {
    let array = chunk.column_by_name(column).unwrap().as_string::<i32>();
    array.iter().map(|value| value.map(str::to_owned)).collect()
}

fn some(values: &[&str]) -> Vec<Option<String>> {
    values.iter().map(|value| (!value.is_empty()).then(|| (*value).to_owned())).collect()
}

fn is_json(chunk: &RecordBatch, column: &str) -> bool {
    let schema = chunk.schema();
    let field = schema.field_with_name(column).unwrap();
    field.data_type() == &DataType::Utf8 && cell::is(field, cell::JSON)
}

#[test]
fn columns_of_one_kind_have_its_type() {
    let chunk = only_chunk(concat!(
        r#"{"id":"007","n":9007199254740993,"ok":true,"gone":null}"#,
        "\n",
        r#"{"id":"a\n\u00e9\"","n":-1,"ok":false,"gone":null}"#,
        "\r\n\n",
        r#"{"id":null,"ok":null}"#
    ));
    assert_eq!(texts(&chunk, "id"), some(&["007", "a\né\"", ""]));
    assert!(!is_json(&chunk, "id"));
    let n: Vec<_> = chunk.column_by_name("n").unwrap().as_primitive::<Int64Type>().iter().collect();
    assert_eq!(n, [Some(9_007_199_254_740_993), Some(-1), None]);
    let ok: Vec<_> = chunk.column_by_name("ok").unwrap().as_boolean().iter().collect();
    assert_eq!(ok, [Some(true), Some(false), None]);
    assert_eq!(chunk.column_by_name("gone").unwrap().data_type(), &DataType::Null);
    assert_eq!(chunk.num_rows(), 3);
}

#[test]
fn anything_else_crosses_to_the_letter() {
    let chunk = only_chunk(
        r#"{"f":1.10,"big":18446744073709551616,"mixed":"a","list":[1, 2],"zero":-0}
           {"f":1e3,"big":1,"mixed":2,"list":{"a":1.0},"zero":1}"#,
    );
    assert_eq!(texts(&chunk, "f"), some(&["1.10", "1e3"]));
    assert_eq!(texts(&chunk, "big"), some(&["18446744073709551616", "1"]));
    assert_eq!(texts(&chunk, "mixed"), some(&["\"a\"", "2"]));
    assert_eq!(texts(&chunk, "list"), some(&["[1, 2]", "{\"a\":1.0}"]));
    assert_eq!(texts(&chunk, "zero"), some(&["-0", "1"]));
    for column in ["f", "big", "mixed", "list", "zero"] {
        assert!(is_json(&chunk, column), "{column}");
    }
}

#[test]
fn keys_may_be_absent_and_may_come_later() {
    let source = open("{\"a\":1}\n{\"b\":2,\"a\":3}\n{\"c\":4}\n", 2).unwrap();
    assert_eq!(source.columns(), ["a", "b"]);
    let chunks = chunks(source).unwrap();
    let names = |chunk: &RecordBatch| chunk.schema().fields().iter().map(|f| f.name().clone()).collect::<Vec<_>>();
    assert_eq!(names(&chunks[0]), ["a", "b"]);
    assert_eq!(names(&chunks[1]), ["a", "b", "c"]);
    assert_eq!(chunks[1].column(0).logical_null_count(), 1);
    assert_eq!(chunks[0].column(1).null_count(), 1);
}

#[test]
fn declared_columns_are_there_from_the_start() {
    let columns = vec!["phone".to_owned()];
    let source =
        NdjsonSource::open("x".to_owned(), b"{\"id\":1}".as_slice(), Lines::Rows, columns, OnError::Stop, 10).unwrap();
    assert_eq!(source.columns(), ["phone", "id"]);
    assert_eq!(chunks(source).unwrap()[0].column(0).data_type(), &DataType::Null);
}

#[test]
fn no_lines_are_an_empty_source() {
    for text in ["", "\n\r\n  \n", "\u{feff}"] {
        let source = open(text, 10).unwrap();
        assert!(source.columns().is_empty());
        assert_eq!(chunks(source).unwrap().len(), 0);
    }
}

#[test]
fn rows_without_keys_are_rows() {
    assert_eq!(only_chunk("{}\n{}\n").num_rows(), 2);
}

#[test]
fn a_mark_and_bytes_one_at_a_time_change_nothing() {
    let text = "\u{feff}{\"a\":\"é\"}\n{\"a\":\"☃\"}";
    let source =
        NdjsonSource::open("x".to_owned(), Drip(text.as_bytes()), Lines::Rows, Vec::new(), OnError::Stop, 1).unwrap();
    let read: Vec<_> = chunks(source).unwrap().iter().flat_map(|chunk| texts(chunk, "a")).collect();
    assert_eq!(read, some(&["é", "☃"]));
}

#[test]
fn a_bad_line_is_named_and_shown() {
    for (text, expected) in [
        ("{\"a\":1}\n\n[1]\n", "x.ndjson, line 3: is a list, and a JSON object is expected: \"[1]\""),
        ("{\"a\":nope}\n", "x.ndjson, line 1: is not valid JSON: expected ident (column 7): \"{\\\"a\\\":nope}\""),
        ("{\"a\":1,\n", "x.ndjson, line 1: is not valid JSON: EOF while parsing a value (column 7): \"{\\\"a\\\":1,\""),
        ("{\"a\":1}{\"a\":2}\n", "x.ndjson, line 1: goes on after its JSON object: \"{\\\"a\\\":1}{\\\"a\\\":2}\""),
        ("{\"a\": NaN}\n", "x.ndjson, line 1: has NaN, which JSON does not have: \"{\\\"a\\\": NaN}\""),
        (
            "{\"a\":[1,-Infinity]}\n",
            "x.ndjson, line 1: has -Infinity, which JSON does not have: \"{\\\"a\\\":[1,-Infinity]}\"",
        ),
        ("{\"a\":None}\n", "x.ndjson, line 1: has None, which JSON does not have: \"{\\\"a\\\":None}\""),
        (
            "{\"a\":\"x\ty\"}\n",
            "x.ndjson, line 1: has a control character within a string: \"{\\\"a\\\":\\\"x\\ty\\\"}\"",
        ),
        ("{'a':1}\n", "x.ndjson, line 1: is not valid JSON: key must be a string (column 2): \"{'a':1}\""),
        ("{\"a\":{\"x\":1,\"x\":2}}\n", "x.ndjson, line 1: the value of \"a\" has the key \"x\" twice in one object"),
        (
            "{\"a\":[\"\\udc00\"]}\n",
            "x.ndjson, line 1: the value of \"a\" has half of a character, a lone surrogate, in \"\\\\udc00\"",
        ),
        (
            "{\"a\":1,\"b\":2,\"a\":3}\n",
            "x.ndjson, line 1: the key \"a\" stands twice in one object: \"{\\\"a\\\":1,\\\"b\\\":2,\\\"a\\\":3}\"",
        ),
        (
            "{\"a\":\"\\ud800\"}\n",
            "x.ndjson, line 1: the value of \"a\" has half of a character, a lone surrogate, in \"\\\\ud800\"",
        ),
        ("x\n", "x.ndjson, line 1: does not begin with a JSON object: \"x\""),
    ] {
        assert_eq!(error(text), expected, "{text}");
    }
}

#[test]
fn a_text_that_stops_in_a_line_is_no_end() {
    let expected = "x.ndjson, line 2: the text ends in the middle of this line: \"{\\\"a\\\":\\\"xy\"";
    assert_eq!(error("{\"a\":1}\n{\"a\":\"xy"), expected);
    // A whole row without its line break is a row.
    assert_eq!(only_chunk("{\"a\":1}\n{\"a\":2}").num_rows(), 2);
}

#[test]
fn bytes_that_are_no_utf8_stop_with_their_line() {
    let open = |text: &[u8]| {
        NdjsonSource::open("x.ndjson".to_owned(), text, Lines::Rows, Vec::new(), OnError::Stop, 10)
            .err()
            .unwrap()
            .to_string()
    };
    assert_eq!(open(b"{\"a\":1}\n{\"a\":\"\xFF\"}\n"), "x.ndjson, line 2: is not valid UTF-8");
}

#[test]
fn lines_and_keys_have_their_limits() {
    let long = format!("{{\"a\":\"{}", "x".repeat(MOST_RECORD_BYTES + 1));
    assert_eq!(error(&long), "x.ndjson, line 1: the line is longer than 16 MiB");
    let keys: Vec<String> = (0..5000).map(|n| format!("\"k{n}\":1")).collect();
    let wide = format!("{{{}}}\n", keys.join(","));
    assert!(error(&wide).contains("\"k4096\" is one key too many: there are 4096 columns already"), "{}", error(&wide));
}

#[test]
fn wide_rows_make_short_chunks() {
    let line = format!("{{\"a\":\"{}\"}}\n", "x".repeat(CHUNK_BYTES / 4));
    let lengths: Vec<_> =
        chunks(open(&line.repeat(10), 100).unwrap()).unwrap().iter().map(RecordBatch::num_rows).collect();
    assert_eq!(lengths, [4, 4, 2]);
}

#[test]
fn dead_letters_are_rows_again() {
    let read = |text: &'static str| {
        NdjsonSource::open("x.ndjson".to_owned(), text.as_bytes(), Lines::DeadLetters, Vec::new(), OnError::Stop, 10)
    };
    let source = read("{\"row\":{\"id\":\"1\",\"n\":1.10},\"code\":\"x\",\"message\":\"y\"}\n").unwrap();
    let chunk = chunks(source).unwrap().pop().unwrap();
    assert_eq!(texts(&chunk, "id"), some(&["1"]));
    assert_eq!(texts(&chunk, "n"), some(&["1.10"]));
    let error = read("{\"id\":\"1\"}\n").err().unwrap();
    assert!(error.to_string().starts_with("x.ndjson, line 1: missing field `row`"), "{error}");
}

/// The rows' values of `a`, and the rejected rows: place, code, bytes.
type Split = (Vec<Option<String>>, Vec<(usize, &'static str, Vec<u8>)>);

fn rejecting(text: &[u8], kind: Lines, chunk_rows: usize) -> Split {
    let source = NdjsonSource::open("x.ndjson".to_owned(), text, kind, Vec::new(), OnError::Reject, chunk_rows);
    let mut source = source.unwrap();
    let (mut values, mut rejected, mut first) = (Vec::new(), Vec::new(), 0);
    while let Some(chunk) = source.next_chunk().unwrap() {
        for row in &chunk.rejected {
            let crate::source::RowContent::Raw(raw) = &row.content else { panic!("{row:?}") };
            rejected.push((first + row.place, row.code, raw.clone()));
        }
        first += chunk.len();
        if chunk.rows.num_rows() > 0 {
            values.extend(texts(&chunk.rows, "a"));
        }
    }
    assert_eq!(source.columns(), if values.is_empty() { vec![] } else { vec!["a"] }, "a rejected row has no columns");
    (values, rejected)
}

#[test]
fn lines_that_cannot_be_read_are_rejected_with_their_bytes_where_that_is_asked_for() {
    let lines: [(&[u8], Option<&str>); 12] = [
        (b"{\"a\":\"1\"}", None),
        (b"{\"a\":\"x\",\"new\":nope}", Some("invalid-json")),
        (b" {\"a\":\"2\"} ", None),
        (b"{\"a\":\"\xFF\"}", Some("invalid-text")),
        (b"{\"a\":\"\\ud800\"}\r", Some("lone-surrogate")),
        (b"{\"a\":{\"b\":1,\"b\":2}}", Some("duplicate-key")),
        (b"{\"a\":\"1\",\"a\":\"2\"}", Some("invalid-json")),
        (b"[\"1\"]", Some("invalid-json")),
        (b"{\"a\":NaN}", Some("invalid-json")),
        (b"<html>", Some("invalid-json")),
        (b"{\"a\":\"3\"}", None),
        (b"{\"a\":\"x", Some("unterminated-row")),
    ];
    let text = lines.map(|(line, _)| line).join(&b'\n');
    let expected: Vec<_> = lines
        .iter()
        .enumerate()
        .filter_map(|(at, (line, code))| Some((at, (*code)?, line.strip_suffix(b"\r").unwrap_or(line).to_vec())))
        .collect();
    for chunk_rows in [1, 2, 3, 100] {
        assert_eq!(
            rejecting(&text, Lines::Rows, chunk_rows),
            (some(&["1", "2", "3"]), expected.clone()),
            "{chunk_rows}"
        );
    }
}

#[test]
fn a_line_without_end_stops_all_the_same() {
    let long = format!("{{\"a\":\"{}", "x".repeat(MOST_RECORD_BYTES + 1));
    let text = long.as_bytes();
    let opened = NdjsonSource::open("x".to_owned(), text, Lines::Rows, Vec::new(), OnError::Reject, 10);
    assert_eq!(opened.err().unwrap().to_string(), "x, line 1: the line is longer than 16 MiB");
}

#[test]
fn dead_letters_without_a_row_are_never_lost() {
    let text = "{\"row\":{\"a\":\"1\"},\"row_number\":1,\"code\":\"c\",\"message\":\"m\"}\n\
                {\"row\":null,\"raw\":\"1,\\t2\",\"row_number\":2,\"code\":\"c\",\"message\":\"m\"}\n\
                {\"row\":null,\"raw\":\"M\u{FFFD}\",\"raw_base64\":\"Tfw=\",\"row_number\":3,\"code\":\"c\",\"message\":\"m\"}\n";
    let unreadable = |place, raw: &[u8]| (place, "unreadable-row", raw.to_vec());
    let expected = vec![unreadable(1, b"1,\t2"), unreadable(2, b"M\xFC")];
    assert_eq!(rejecting(text.as_bytes(), Lines::DeadLetters, 100), (some(&["1"]), expected));
    let stopped =
        NdjsonSource::open("x".to_owned(), text.as_bytes(), Lines::DeadLetters, Vec::new(), OnError::Stop, 10);
    assert_eq!(stopped.err().unwrap().to_string(), "x, line 2: holds a row that its source could not read");
}

proptest! {
    /// Every JSON value comes out as it went in, wherever the chunks end.
    #[test]
    fn values_survive(
        values in prop::collection::vec(prop_oneof![
            any::<i64>().prop_map(|n| n.to_string()),
            any::<bool>().prop_map(|b| b.to_string()),
            ".{0,8}".prop_map(|s| serde_json::to_string(&s).unwrap()),
            "-?[1-9][0-9]{0,30}\\.[0-9]{1,12}",
            Just("null".to_owned()),
            Just("[1,{\"a\":null}]".to_owned()),
        ], 1..20),
        chunk_rows in 1usize..8,
    ) {
        let text: String = values.iter().map(|value| format!("{{\"v\":{value}}}\n")).collect();
        let mut read = Vec::new();
        for chunk in chunks(open(&text, chunk_rows).unwrap()).unwrap() {
            let column = chunk.column(0).clone();
            for row in 0..chunk.num_rows() {
                read.push(match column.data_type() {
                    _ if column.is_null(row) => "null".to_owned(),
                    DataType::Null => "null".to_owned(),
                    DataType::Boolean => column.as_boolean().value(row).to_string(),
                    DataType::Int64 => column.as_primitive::<Int64Type>().value(row).to_string(),
                    _ if is_json(&chunk, "v") => column.as_string::<i32>().value(row).to_owned(),
                    _ => serde_json::to_string(column.as_string::<i32>().value(row)).unwrap(),
                });
            }
        }
        prop_assert_eq!(read, values);
    }
}
