#![expect(clippy::unwrap_used, clippy::panic, clippy::string_slice, reason = "a test that cannot go on fails")]

use arrow_array::Array;
use arrow_array::cast::AsArray;
use proptest::prelude::*;

use super::records::MOST_FIELDS;
use super::*;
use crate::source::{MOST_RECORD_BYTES, READ_BYTES};

const COMMA: CsvDialect = CsvDialect {
    delimiter: b',',
    quote: Some(b'"'),
    escape: None,
    comment: None,
    trim: false,
    nulls: None,
    encoding: None,
    columns: None,
};

/// A reader that hands over `step` bytes at a time.
struct Drip<'a> {
    text: &'a [u8],
    step: usize,
}

impl Read for Drip<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let taken = self.step.min(into.len()).min(self.text.len());
        let (now, later) = self.text.split_at(taken);
        into[..taken].copy_from_slice(now);
        self.text = later;
        Ok(taken)
    }
}

type Rows = Vec<Vec<Option<String>>>;

fn read_as(
    text: &[u8],
    format: &CsvDialect,
    step: usize,
    chunk_rows: usize,
) -> Result<(Vec<String>, Rows), SourceError> {
    read_all(text, format, step, chunk_rows).map(|(columns, rows, _)| (columns, rows))
}

/// The columns, the rows, and those that were rejected.
fn read_all(
    text: &[u8],
    format: &CsvDialect,
    step: usize,
    chunk_rows: usize,
) -> Result<(Vec<String>, Rows, Vec<RejectedRow>), SourceError> {
    read_with(text, format, OnError::Stop, step, chunk_rows)
}

fn read_with(
    text: &[u8],
    format: &CsvDialect,
    on_error: OnError,
    step: usize,
    chunk_rows: usize,
) -> Result<(Vec<String>, Rows, Vec<RejectedRow>), SourceError> {
    let mut rejected = Vec::new();
    let mut source = CsvSource::open("x.csv".to_owned(), Drip { text, step }, format, on_error, chunk_rows)?;
    let columns = source.columns().to_vec();
    let mut rows = Vec::new();
    while let Some(chunk) = source.next_chunk()? {
        rejected.extend(chunk.rejected);
        let chunk = chunk.rows;
        assert!(chunk.num_rows() <= chunk_rows);
        for row in 0..chunk.num_rows() {
            let value = |array: &ArrayRef| {
                let array = array.as_string::<i32>();
                array.is_valid(row).then(|| array.value(row).to_owned())
            };
            rows.push(chunk.columns().iter().map(value).collect());
        }
    }
    assert!(source.next_chunk()?.is_none(), "the end stays the end");
    Ok((columns, rows, rejected))
}

fn read(text: &str) -> Result<(Vec<String>, Rows), SourceError> {
    read_as(text.as_bytes(), &COMMA, usize::MAX, 100)
}

fn rows(text: &str) -> Rows {
    read(text).unwrap().1
}

fn row(values: &[&str]) -> Vec<Option<String>> {
    values.iter().map(|value| (!value.is_empty()).then(|| (*value).to_owned())).collect()
}

fn error(text: &[u8]) -> String {
    let error = read_as(text, &COMMA, usize::MAX, 100).unwrap_err();
    assert!(error.hint.is_some(), "{error} has no fix");
    error.to_string()
}

#[test]
fn fields_are_text_and_empty_ones_null() {
    let (columns, rows) = read("id,name,active\n007,Ada,true\n1e3,\"\",\n").unwrap();
    assert_eq!(columns, ["id", "name", "active"]);
    assert_eq!(rows, [row(&["007", "Ada", "true"]), row(&["1e3", "", ""])]);
}

#[test]
fn line_ends_quotes_and_marks_are_read_as_they_are_meant() {
    assert_eq!(
        rows("\u{feff}id,b\r\n1,\"two\r\nlines\"\r\n\r\n2,\"a \"\"b\"\",c\"\r\n"),
        [row(&["1", "two\r\nlines"]), row(&["2", "a \"b\",c"]),]
    );
    assert_eq!(read("\u{feff}\"id\",b\n1,2").unwrap().0, ["id", "b"]);
    assert_eq!(rows("id\n a \n"), [row(&[" a "])]);
}

#[test]
fn a_header_without_rows_is_an_empty_source() {
    assert_eq!(read("id,name\n").unwrap(), (vec!["id".to_owned(), "name".to_owned()], Vec::new()));
    assert_eq!(
        error(b"id,name"),
        "x.csv, line 1: ends without a line break behind its header: it may have been cut off"
    );
}

#[test]
fn a_file_without_a_header_takes_its_columns_from_the_sync_file() {
    let format = CsvDialect { columns: Some(vec!["id".to_owned(), "n".to_owned()]), ..COMMA };
    let (columns, rows) = read_as(b"1,2\n", &format, 1, 10).unwrap();
    assert_eq!((columns, rows), (vec!["id".to_owned(), "n".to_owned()], vec![row(&["1", "2"])]));
    assert_eq!(read_as(b"", &format, 1, 10).unwrap().1, Rows::new());
}

#[test]
fn delimiter_and_quote_can_be_others() {
    let format = CsvDialect { delimiter: b';', quote: Some(b'\''), ..COMMA };
    assert_eq!(read_as(b"a;b\n1,5;'x;y'\n", &format, 1, 10).unwrap().1, [row(&["1,5", "x;y"])]);
}

#[test]
fn what_is_no_table_stops_with_its_line() {
    for (text, expected) in [
        ("", "x.csv: is empty: not even a header line names the columns"),
        ("\u{feff}", "x.csv: is empty: not even a header line names the columns"),
        ("id,,b\n", "x.csv, line 1: column 2 has no name"),
        ("sep=;\nid;b\n", "x.csv, line 1: is a line for Excel alone, which names the delimiter"),
        ("sep=,\nid,b\n", "x.csv, line 1: is a line for Excel alone, which names the delimiter"),
        ("\n\nid,b,id\n", "x.csv, line 3: columns 1 and 3 are both named \"id\""),
        ("a,b\n1,2\r\n\"x\ny\",3\n4\n", "x.csv, line 5: has 1 field where there are 2 columns"),
        ("a,b\r\n1,2\r\n1,2,3\r\n", "x.csv, line 3: has 3 fields where there are 2 columns"),
        ("a,b\n1,2\n3,\"4", "x.csv, line 3: the text ends inside a quoted value, field 2 of the row that begins here"),
        (
            "a,b\n1,2\n3,\"4\n5,6\n",
            "x.csv, line 3: the text ends inside a quoted value, field 2 of the row that begins here",
        ),
        ("a\n\"", "x.csv, line 2: the text ends inside a quoted value, field 1 of the row that begins here"),
        ("a,\"b", "x.csv, line 1: the text ends inside a quoted value, field 2 of the row that begins here"),
    ] {
        assert_eq!(error(text.as_bytes()), expected, "{text:?}");
    }
}

/// Each of these altered a value, or made one row of two, without a word.
#[test]
fn what_rfc_4180_does_not_have_stops_with_its_line_and_field() {
    let within = "has a quote within a value that does not begin with one";
    let behind = "goes on behind its closing quote";
    for (text, line, field, said) in [
        ("id,note\nu1,ok\nu2,\"TV 16\\\"\"\nu3,\"TV 17\\\"\"\nu4,ok\n", 4, 2, behind),
        ("id,note\n1,\"this is \\\"fine\"\n", 2, 2, behind),
        ("id,note\n1,\"JOHN \"WAYNE\"\"\n", 2, 2, behind),
        ("id,note\n1,JOHN \"WAYNE\"\n", 2, 2, within),
        ("id,note\n\"0012\"3,x\n", 2, 1, behind),
        ("id,note\n1, \"x\"\n", 2, 2, within),
        ("id,note\n1,\"x\" \n", 2, 2, behind),
        ("id,note\n1,x\n2,\"a\nb\",\"c\"d\n", 4, 3, behind),
        ("id,note\n1,x\r2,y\n", 2, 2, "has a carriage return (CR) that is neither in quotes"),
        ("id,note\r1,x\r", 1, 2, "has a carriage return (CR) that is neither in quotes"),
        ("id,note\n1,x\0y\n", 2, 2, "has a NUL byte"),
        ("id,note\n\0\0\0\0", 2, 1, "has a NUL byte"),
    ] {
        let message = error(text.as_bytes());
        assert!(message.starts_with(&format!("x.csv, line {line}: field {field} {said}")), "{text:?}: {message}");
        for step in 1..5 {
            assert_eq!(read_as(text.as_bytes(), &COMMA, step, 2).unwrap_err().to_string(), message);
        }
    }
    let joined = "id,note\n1,x\n\u{feff}id,note\n2,y\n";
    assert_eq!(
        error(joined.as_bytes()),
        "x.csv, line 3: begins with a byte order mark, which only a file has at its start"
    );
}

/// The ID of a row that is cut off is another customer's.
#[test]
fn a_last_row_without_its_line_break_is_rejected() {
    for (text, row) in [
        ("id,b\n1,x\ncust_109", "cust_109"),
        ("id,b\n1,x\n2,y", r#"{"id":"2","b":"y"}"#),
        ("id,b\n1,x\n2,\"y\"", r#"{"id":"2","b":"y"}"#),
        ("id,b\r\n1,x\r\n2,y\r", r#"{"id":"2","b":"y"}"#),
        ("id,b\n1,x\n2,", r#"{"id":"2","b":null}"#),
        ("id,b\n1,x\n2,y,z", "2,y,z"),
    ] {
        for step in [1, 2, 100] {
            let (_, rows, rejected) = read_all(text.as_bytes(), &COMMA, step, 100).unwrap();
            assert_eq!(rows, [self::row(&["1", "x"])], "{text:?}");
            let [rejected] = rejected.as_slice() else { panic!("{rejected:?}") };
            assert_eq!((rejected.place, rejected.code), (1, "unterminated-row"));
            match &rejected.content {
                RowContent::Values(values) => assert_eq!(values.get(), row),
                RowContent::Raw(raw) => assert_eq!(raw, row.as_bytes()),
            }
            assert!(rejected.message.starts_with("line 3: the file ends without a line break"), "{}", rejected.message);
        }
    }
}

fn raw(row: &RejectedRow) -> &[u8] {
    match &row.content {
        RowContent::Raw(raw) => raw,
        RowContent::Values(values) => panic!("{values}"),
    }
}

#[test]
fn rows_that_cannot_be_read_are_rejected_with_their_bytes_where_that_is_asked_for() {
    let text =
        b"id,b\r\n1,x\r\n2\r\n3,\"y\n\"\r\n4,\xFF\xC3\r\n\"5\",\"z\",\"w\"\r\n\r\n6,\xC3,\xA9\r\n7,v\r\n8,\xC3\r\n";
    for step in [1, 3, usize::MAX] {
        for chunk_rows in [1, 2, 100] {
            let (_, rows, rejected) = read_with(text, &COMMA, OnError::Reject, step, chunk_rows).unwrap();
            assert_eq!(rows, [row(&["1", "x"]), row(&["3", "y\n"]), row(&["7", "v"])]);
            let told: Vec<_> = rejected.iter().map(|row| (row.code, raw(row))).collect();
            let expected: [(_, &[u8]); 5] = [
                ("ragged-row", b"2"),
                ("invalid-text", b"4,\xFF\xC3"),
                ("ragged-row", b"\"5\",\"z\",\"w\""),
                ("ragged-row", b"6,\xC3,\xA9"),
                ("invalid-text", b"8,\xC3"),
            ];
            assert_eq!(told, expected);
        }
    }
    let (_, _, rejected) = read_with(text, &COMMA, OnError::Reject, 7, 100).unwrap();
    assert_eq!(rejected.iter().map(|row| row.place).collect::<Vec<_>>(), [1, 3, 4, 5, 7]);
    assert!(
        rejected[1].message.starts_with("line 6: the value of \"b\" is not valid UTF-8"),
        "{}",
        rejected[1].message
    );
}

/// Two files that were joined: whoever is called `id` is no customer.
#[test]
fn a_second_header_is_no_row() {
    let text = b"id,b\n1,x\nid,b\nid,c\n2,y\n";
    assert_eq!(error(text), "x.csv, line 3: repeats the header line");
    let (_, rows, rejected) = read_with(text, &COMMA, OnError::Reject, usize::MAX, 100).unwrap();
    assert_eq!(rows, [row(&["1", "x"]), row(&["id", "c"]), row(&["2", "y"])]);
    assert_eq!((rejected[0].code, raw(&rejected[0])), ("repeated-header", &b"id,b"[..]));
    let named = CsvDialect { columns: Some(vec!["id".to_owned()]), ..COMMA };
    assert_eq!(read_as(b"1\nid\n", &named, 1, 10).unwrap().1, [row(&["1"]), row(&["id"])], "no header to repeat");
}

/// Whoever forgot to leave the header out would have a customer of that name.
#[test]
fn a_header_where_columns_are_named_is_no_row() {
    let named = CsvDialect { columns: Some(vec!["id".to_owned(), "b".to_owned()]), ..COMMA };
    for text in ["id,b\n1,x\n", "\n\"ID\",B\n1,x\n"] {
        let error = read_as(text.as_bytes(), &named, usize::MAX, 10).unwrap_err().to_string();
        assert!(error.ends_with("is a header line, and `columns` says that there is none"), "{error}");
    }
    let (_, rows, rejected) = read_with(b"id,b\n1,x\n", &named, OnError::Reject, usize::MAX, 100).unwrap();
    assert_eq!((rows, rejected[0].code), (vec![row(&["1", "x"])], "repeated-header"));
    assert_eq!(read_as(b"id,x\n", &named, 1, 10).unwrap().1, [row(&["id", "x"])]);
}

/// Behind such a fault it is not known where the next row begins, or rows are missing already.
#[test]
fn what_may_swallow_other_rows_stops_all_the_same() {
    for (text, said) in [
        ("id,b\n1,\"x\n2,y\n3,\",z\n4,w\n", "x.csv, line 2: has 3 fields where there are 2 columns"),
        ("id,b\n1,\"x\"y\n2,z\n", "x.csv, line 2: field 2 goes on behind its closing quote"),
        ("id,b\n1,x\"y\n2,z\n", "x.csv, line 2: field 2 has a quote within a value"),
        ("id,b\n1,x\ry\n", "x.csv, line 2: field 2 has a carriage return"),
        ("id,b\n1,x\0\n", "x.csv, line 2: field 2 has a NUL byte"),
        ("id,b\n1,\"x\n2,y\n", "x.csv, line 2: the text ends inside a quoted value"),
        ("id,id\n1,x\n", "x.csv, line 1: columns 1 and 2 are both named"),
    ] {
        let error = read_with(text.as_bytes(), &COMMA, OnError::Reject, usize::MAX, 100).unwrap_err();
        assert!(error.to_string().starts_with(said), "{error}");
    }
}

#[test]
fn the_bytes_of_a_long_row_are_kept_across_what_is_read_at_a_time() {
    let long = "x".repeat(READ_BYTES * 2 + 77);
    let text = format!("id,b\n1,2\n{long},y,z\n3,4\n");
    let (_, rows, rejected) = read_with(text.as_bytes(), &COMMA, OnError::Reject, usize::MAX, 100).unwrap();
    assert_eq!(rows, [row(&["1", "2"]), row(&["3", "4"])]);
    assert_eq!(raw(&rejected[0]), format!("{long},y,z").as_bytes());
}

#[test]
fn a_line_end_may_be_cut_anywhere_by_the_buffer() {
    // Rows whose CR is the last byte of what is read at a time, or the first of the next.
    for shift in 0..4 {
        let row = format!("{}\r\n", "x".repeat(98));
        let text = format!("{}\r\n{}", "a".repeat(shift + 1), row.repeat(READ_BYTES / 100 * 2 + 10));
        let (_, rows) = read_as(text.as_bytes(), &COMMA, usize::MAX, 10_000).unwrap();
        assert!(rows.iter().all(|row| row.iter().all(|value| value.as_ref().is_some_and(|text| text.len() == 98))));
        assert_eq!(rows.len(), READ_BYTES / 100 * 2 + 10);
    }
}

#[test]
fn bytes_that_are_no_utf8_stop_with_their_line() {
    assert_eq!(error(b"a,b\n1,2\n3,\xFF\n"), "x.csv, line 3: the value of \"b\" is not valid UTF-8");
    assert_eq!(error(b"a,\xFF\n"), "x.csv, line 1: the name of column 2 is not valid UTF-8");
    // Each half of a character is no text, though the two beside each other would be.
    assert_eq!(error(b"a\n\xC3\n\xA9\n"), "x.csv, line 2: the value of \"a\" is not valid UTF-8");
}

#[test]
fn a_quote_that_is_never_closed_does_not_swallow_the_memory() {
    let mut text = b"a,b\n1,\"".to_vec();
    text.resize(MOST_RECORD_BYTES + 100, b'x');
    assert_eq!(error(&text), "x.csv, line 2: the record is longer than 16 MiB");
}

#[test]
fn a_line_of_delimiters_does_not_swallow_the_memory() {
    let text = vec![b','; MOST_FIELDS * 3];
    assert_eq!(error(&text), "x.csv, line 1: the record has more than 65536 fields");
}

#[test]
fn wide_rows_make_short_chunks() {
    let value = "x".repeat(CHUNK_BYTES / 4);
    let text = format!("a\n{}", format!("{value}\n").repeat(10));
    let mut source = CsvSource::open("x.csv".to_owned(), text.as_bytes(), &COMMA, OnError::Stop, 100).unwrap();
    let mut lengths = Vec::new();
    while let Some(chunk) = source.next_chunk().unwrap() {
        lengths.push(chunk.rows.num_rows());
    }
    assert_eq!(lengths, [4, 4, 2]);
}

#[test]
fn a_read_that_fails_is_no_end() {
    struct Broken(bool);
    impl Read for Broken {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            if std::mem::replace(&mut self.0, true) {
                return Err(std::io::Error::other("the disk is gone"));
            }
            into[..6].copy_from_slice(b"a\n1\n2\n");
            Ok(6)
        }
    }
    let mut source = CsvSource::open("x.csv".to_owned(), Broken(false), &COMMA, OnError::Stop, 10).unwrap();
    let error = source.next_chunk().unwrap_err();
    assert_eq!(error.to_string(), "x.csv, line 4: cannot be read: the disk is gone");
}

proptest! {
    /// What is written as CSV is read back, however the bytes come in and wherever the chunks end.
    #[test]
    fn every_table_survives(
        table in prop::collection::vec(prop::collection::vec("[a,\"\r\n é☃]{0,6}", 3), 0..20),
        step in 1usize..40,
        chunk_rows in 1usize..8,
        crlf: bool,
        last_line_end: bool,
    ) {
        let quoted = |value: &String| format!("\"{}\"", value.replace('"', "\"\""));
        let line_end = if crlf { "\r\n" } else { "\n" };
        let mut lines = vec!["a,b,c".to_owned()];
        lines.extend(table.iter().map(|row| row.iter().map(quoted).collect::<Vec<_>>().join(",")));
        let mut text = lines.join(line_end);
        if last_line_end {
            text.push_str(line_end);
        }
        let read = read_all(text.as_bytes(), &COMMA, step, chunk_rows);
        if table.is_empty() && !last_line_end {
            prop_assert!(read.is_err());
            return Ok(());
        }
        let (_, read, rejected) = read.unwrap();
        let mut expected: Rows =
            table.iter().map(|values| row(&values.iter().map(String::as_str).collect::<Vec<_>>())).collect();
        if !last_line_end {
            expected.pop();
        }
        prop_assert_eq!(rejected.len(), usize::from(!last_line_end));
        prop_assert_eq!(read, expected);
    }

    /// Rejected lines change nothing about the others, and come out as they stand in the text.
    #[test]
    fn the_other_rows_are_what_they_are_without_the_rejected(
        lines in prop::collection::vec(prop_oneof![
            "[a-c]{1,3},[a-c]{0,3}",
            "\"[a,\n]{0,4}\",[b]{1,2}",
            "[a-c]{1,3}",
            "[a-c]{1,2},[a-c],\"[ab]{0,2}\"",
        ], 0..20),
        step in 1usize..40,
        chunk_rows in 1usize..8,
    ) {
        let is_good = |line: &&String| read(&format!("x,y\n{line}\n")).is_ok();
        let text = |lines: &[&String]| lines.iter().fold("x,y\n".to_owned(), |text, line| format!("{text}{line}\n"));
        let all: Vec<&String> = lines.iter().collect();
        let good: Vec<&String> = lines.iter().filter(is_good).collect();
        let bad: Vec<&[u8]> = lines.iter().filter(|line| !is_good(line)).map(String::as_bytes).collect();
        let (_, rows, rejected) = read_with(text(&all).as_bytes(), &COMMA, OnError::Reject, step, chunk_rows).unwrap();
        prop_assert_eq!(rows, self::rows(&text(&good)));
        prop_assert_eq!(rejected.iter().map(raw).collect::<Vec<_>>(), bad);
    }

    /// Whatever the bytes and the dialect: in which pieces they come and where chunks end changes nothing, what is rejected are bytes
    /// of the text, and nothing panics.
    #[test]
    fn any_bytes_of_any_dialect_are_rows_or_errors(
        text in prop::collection::vec(
            prop::sample::select(b"a,;\"\"'\\\\N\n\n\r# \t\0\xFF\xC3\xA9\xEF\xBB\xBF".to_vec()), 0..60),
        quote in prop::option::of(prop::sample::select(b"\"'".to_vec())),
        escape in prop::option::of(Just(b'\\')),
        comment in prop::option::of(Just(b'#')),
        trim: bool,
        nulls in prop::option::of(Just(vec![String::new(), "\\N".to_owned()])),
        columns in 0_usize..4,
        on_error in prop::sample::select(vec![OnError::Stop, OnError::Reject]),
        step in 1_usize..6,
        chunk_rows in 1_usize..4,
    ) {
        let columns = (columns > 0).then(|| (0..columns).map(|at| at.to_string()).collect());
        let dialect = CsvDialect { quote, escape, comment, trim, nulls, columns, ..COMMA };
        let told = |step: usize, chunk_rows: usize| match read_with(&text, &dialect, on_error, step, chunk_rows) {
            Ok((columns, rows, rejected)) => {
                let rejected: Vec<_> = rejected.into_iter().map(|row| (row.code, row.message, format!("{:?}", row.content))).collect();
                Ok((columns, rows, rejected))
            }
            // Which of a chunk's faults is found first is the chunk's affair; that there is one is not.
            Err(error) => Err(error.line.is_some()),
        };
        prop_assert_eq!(told(step, 100), told(usize::MAX, 100));
        if on_error == OnError::Reject {
            prop_assert_eq!(told(usize::MAX, chunk_rows), told(usize::MAX, 100));
        }
        if let Ok((_, _, rejected)) = read_with(&text, &dialect, on_error, step, 100) {
            for row in &rejected {
                let RowContent::Raw(raw) = &row.content else { continue };
                prop_assert!(raw.is_empty() || text.windows(raw.len()).any(|window| window == raw), "{}", raw.escape_ascii());
            }
        }
    }

    /// A text that is cut inside a quoted field never ends cleanly.
    #[test]
    fn a_cut_inside_a_quoted_field_is_seen(rows in 1usize..5, cut in 1usize..12) {
        let text = format!("a,b\n{}3,\"0123456789a\n", "1,2\n".repeat(rows));
        let text = &text[..text.len() - cut];
        prop_assert!(read(text).is_err());
    }
}
