#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use proptest::prelude::*;

use super::*;

/// The records of a text; or what is wrong, and on which line.
fn records(text: &[u8], dialect: &CsvDialect) -> Result<Vec<Vec<Option<String>>>, (u64, Breach)> {
    let mut reader = DialectReader::new(dialect);
    let (mut at, mut records) = (0, Vec::new());
    let mut fields = Fields::default();
    loop {
        at += reader.skip(&text[at..]);
        fields.clear();
        if at == text.len() {
            return Ok(records);
        }
        let (step, read) = reader.read(&text[at..], &mut fields);
        at += read;
        match step {
            Step::Record => {}
            Step::More => assert_eq!(reader.finish(&mut fields), Rest::Record),
            Step::Wrong(breach) => return Err((reader.line(), breach)),
        }
        let starts = std::iter::once(&0).chain(&fields.ends);
        let values = starts.zip(&fields.ends).zip(&fields.nulls).map(|((start, end), null)| {
            (!null).then(|| String::from_utf8(fields.text[*start..*end].to_vec()).unwrap())
        });
        records.push(values.collect());
    }
}

fn some(values: &[&str]) -> Vec<Option<String>> {
    values.iter().map(|value| (*value != "-").then(|| (*value).to_owned())).collect()
}

/// What MySQL writes by default: `SELECT … INTO OUTFILE`.
fn mysql() -> CsvDialect {
    CsvDialect {
        delimiter: b'\t',
        quote: None,
        escape: Some(b'\\'),
        nulls: Some(vec!["\\N".to_owned()]),
        ..CsvDialect::default()
    }
}

fn spark() -> CsvDialect {
    CsvDialect { escape: Some(b'\\'), ..CsvDialect::default() }
}

#[test]
fn escapes_have_the_one_meaning_that_all_programs_give_them() {
    let text = b"1\t\\N\ta\\\tb\\\\N\tc\\\nd\n2\t\t\\\\N\tsays \"hi\"\n";
    let expected = [some(&["1", "-", "a\tb\\N", "c\nd"]), some(&["2", "", "\\N", "says \"hi\""])];
    assert_eq!(records(text, &mysql()).unwrap(), expected);
    let text = b"1,\"TV 16\\\"\",\"a\\\\\",\"b \"\"c\"\"\"\r\n2,C:\\new,\"\\\r\nz\\,\",\r\n";
    let expected = [some(&["1", "TV 16\"", "a\\", "b \"c\""]), some(&["2", "C:\\new", "\r\nz,", "-"])];
    assert_eq!(records(text, &spark()).unwrap(), expected);
}

#[test]
fn escapes_that_programs_read_in_different_ways_are_errors() {
    let unknown = |byte| Breach::UnknownEscape { escape: b'\\', byte };
    for (text, line, byte) in [
        (&b"1\tC:\\new\n"[..], 1, b'n'),
        (b"1\ta\n2\tx\\Ny\n", 2, b'N'),
        (b"1\ta\\0b\n", 1, b'0'),
        (b"1\t \\N\n", 1, b'N'),
    ] {
        assert_eq!(records(text, &mysql()), Err((line, unknown(byte))), "{}", text.escape_ascii());
    }
    assert_eq!(records(b"1,\"\\N\"\n", &CsvDialect { nulls: mysql().nulls, ..spark() }), Err((1, unknown(b'N'))));
    // Outside of quotes, where there are some, these are what programs disagree about.
    for (text, byte) in
        [(&b"1,a\\\\b\n"[..], b'\\'), (b"1,a\\,b\n", b','), (b"1,a\\\nb\n", b'\n'), (b"1,a\\\"b\n", b'"')]
    {
        let (_, breach) = records(text, &spark()).unwrap_err();
        assert_eq!(breach, unknown(byte), "{}", text.escape_ascii());
    }
    assert_eq!(records(b"1,\\N\n", &spark()).unwrap(), [some(&["1", "\\N"])], "it is no null unless it is listed");
}

#[test]
fn nulls_are_what_is_listed_and_not_quoted() {
    let nulls = ["", "NULL", "\\N"].map(str::to_owned).to_vec();
    let dialect = CsvDialect { nulls: Some(nulls), ..CsvDialect::default() };
    let text = b"a,,NULL,null,\\N\n\"a\",\"\",\"NULL\",\"null\",\"\\N\"\n";
    let expected = [some(&["a", "-", "-", "null", "-"]), some(&["a", "", "NULL", "null", "\\N"])];
    assert_eq!(records(text, &dialect).unwrap(), expected);
    let none = CsvDialect { nulls: Some(Vec::new()), ..CsvDialect::default() };
    assert_eq!(records(b",\"\"\n", &none).unwrap(), [some(&["", ""])]);
}

#[test]
fn comments_and_blanks_are_left_out_where_that_is_asked_for() {
    let dialect = CsvDialect { comment: Some(b'#'), trim: true, ..CsvDialect::default() };
    let text = b"# \"made\nid, b\n#\n\n 1 ,\" x \" \r\n2,#y\n \" \"\"3\"\t,\t\n# end";
    let expected = [some(&["id", "b"]), some(&["1", " x "]), some(&["2", "#y"]), some(&[" \"3", "-"])];
    assert_eq!(records(text, &dialect).unwrap(), expected);
    let quoted = b"\"a\" \"b\"\n";
    assert_eq!(records(quoted, &dialect), Err((1, Breach::TextBehindQuote)));
    let tabs = CsvDialect { delimiter: b'\t', trim: true, ..CsvDialect::default() };
    assert_eq!(records(b" a\t\t b \n", &tabs).unwrap(), [some(&["a", "-", "b"])]);
}

#[test]
fn what_rfc_4180_does_not_have_is_wrong_here_too() {
    for (text, breach) in [
        (&b"a,b\"c\n"[..], Breach::QuoteWithin),
        (b"a, \"b\"\n", Breach::QuoteWithin),
        (b"\"a\"b\n", Breach::TextBehindQuote),
        (b"\"a\" ,b\n", Breach::TextBehindQuote),
        (b"a\rb\n", Breach::LoneCarriageReturn),
        (b"\"a\"\rb\n", Breach::LoneCarriageReturn),
        (b"a,\0\n", Breach::Nul),
        (b"\"\0\"\n", Breach::Nul),
    ] {
        assert_eq!(records(text, &spark()), Err((1, breach)), "{}", text.escape_ascii());
    }
}

/// A value as a writer of the dialect has it.
fn written(value: Option<&str>, quoted: bool) -> String {
    let Some(value) = value else { return "\\N".to_owned() };
    if quoted {
        return format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""));
    }
    value.to_owned()
}

proptest! {
    /// What a writer escapes comes back, null or not, quoted or not.
    #[test]
    fn every_value_survives(
        rows in prop::collection::vec(
            prop::collection::vec((prop::option::of("[aN,\"\\\\\n #é]{0,6}"), any::<bool>()), 3), 0..8),
    ) {
        let dialect = CsvDialect { nulls: mysql().nulls, comment: Some(b'#'), ..spark() };
        let mut text = String::new();
        for row in &rows {
            let values = row.iter().map(|(value, quoted)| {
                // A line that begins with a comment's sign, or a blank one, is a writer's to quote.
                let special = |value: &String| value.contains(['"', '\\', ',', '\n']) || value.starts_with('#');
                let quoted = *quoted || value.as_ref().is_some_and(special);
                written(value.as_deref(), quoted)
            });
            text.push_str(&values.collect::<Vec<_>>().join(","));
            text.push('\n');
        }
        let expected: Vec<Vec<_>> = rows.iter().map(|row| row.iter().map(|(value, _)| value.clone()).collect()).collect();
        prop_assert_eq!(records(text.as_bytes(), &dialect).unwrap(), expected);
    }

    /// The same for writers without quotes, as MySQL is one.
    #[test]
    fn every_value_survives_without_quotes(
        rows in prop::collection::vec(prop::collection::vec(prop::option::of("[aN,\"\\\\\t\n é]{0,6}"), 3), 0..8),
    ) {
        let written = |value: &Option<String>| match value {
            None => "\\N".to_owned(),
            Some(value) => value.replace('\\', "\\\\").replace('\t', "\\\t").replace('\n', "\\\n"),
        };
        let lines = rows.iter().map(|row| row.iter().map(written).collect::<Vec<_>>().join("\t") + "\n");
        prop_assert_eq!(records(lines.collect::<String>().as_bytes(), &mysql()).unwrap(), rows.clone());
    }

    /// It does not matter in which pieces the bytes come, so long as no CR is the last of one.
    #[test]
    fn pieces_change_nothing(text in "[a,\"\\\\\n #\\x00N]{0,30}", step in 1_usize..8) {
        let dialect = CsvDialect { comment: Some(b'#'), trim: true, nulls: mysql().nulls, ..spark() };
        let told = |step: usize| {
            let mut reader = DialectReader::new(&dialect);
            let (mut fields, mut told) = (Fields::default(), Vec::new());
            for piece in text.as_bytes().chunks(step) {
                let mut at = 0;
                while at < piece.len() {
                    if fields.ends.is_empty() && fields.text.is_empty() && matches!(reader.at, At::FieldStart | At::Comment) {
                        at += reader.skip(&piece[at..]);
                    }
                    let (step, read) = if at < piece.len() { reader.read(&piece[at..], &mut fields) } else { (Step::More, 0) };
                    at += read;
                    if step != Step::More {
                        told.push((step, reader.line(), fields.text.clone(), fields.ends.clone(), fields.nulls.clone()));
                        fields.clear();
                    }
                    if matches!(step, Step::Wrong(_)) {
                        return told;
                    }
                }
            }
            told
        };
        // A blank that is trimmed at the start of a record is no record's: it is left out of the comparison by the next byte.
        if !text.contains("\n ") && !text.starts_with(' ') {
            prop_assert_eq!(told(step), told(1000));
        }
    }
}
