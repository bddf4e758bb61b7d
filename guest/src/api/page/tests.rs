//! Pages judged by serde_json, which reads them whole.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// The elements and the envelope, read in pieces of this length.
fn read_in(text: &[u8], piece: usize) -> Result<(Vec<String>, Envelope), String> {
    let mut page = Page::default();
    let mut elements = Vec::new();
    for piece in text.chunks(piece.max(1)) {
        page.push(piece, &mut |element| {
            serde_json::from_str::<Value>(element).map_err(|error| error.to_string())?;
            elements.push(element.trim().to_owned());
            Ok(())
        })?;
    }
    Ok((elements, page.finish()?))
}

#[test]
fn elements_come_one_by_one_and_the_rest_is_the_envelope() {
    let text = r#" { "hasMore" : true, "x": [1, {"data": [2]}], "data" : [ {"a": "]},[\"\\"} , 2,[3, [4]] ] , "totalResultSize": 7 } "#;
    for piece in 1..text.len() {
        let (elements, envelope) = read_in(text.as_bytes(), piece).unwrap();
        assert_eq!(elements, [r#"{"a": "]},[\"\\"}"#, "2", "[3, [4]]"]);
        assert_eq!(envelope, Envelope { count: 3, has_more: Some(true), total: Some(7) });
    }
    assert_eq!(read_in(b"{\"data\":[ ]}", 3).unwrap().1, Envelope::default());
}

#[test]
fn what_is_not_a_page_is_refused() {
    for text in [
        "",
        "null",
        "[]",
        "{}",
        "<html>[</html>",
        "{\"data\":null}",
        "{\"data\":{}}",
        "{\"data\":[1,]}",
        "{\"data\":[,1]}",
        "{\"data\":[1 2]}",
        "{\"data\":[1,2",
        "{\"data\":[1,2]",
        "{\"data\":[\"a]}",
        "{\"data\":[1]}x",
        "{\"data\":[1],}",
        "{\"data\":[1],\"data\":[2]}",
        "{\"data\":[1],\"hasMore\":1}",
        "{\"data\":[1],\"totalResultSize\":\"1\"}",
        "{\"a\\\"data\":[1]}",
        "{\"x\":{\"data\":[1]}}",
        "{\"data\":[1}}",
    ] {
        assert!(read_in(text.as_bytes(), 4).is_err(), "{text}");
    }
    assert!(read_in(b"{\"data\":[\"\xff\"]}", 4).is_err());
    assert!(read_in(&vec![b' '; LONGEST_ENVELOPE + 1], 1000).is_err(), "what never begins to be a page is not kept");
}

#[test]
fn whether_there_is_more_is_what_the_page_says() {
    let page = |count, has_more, total| Envelope { count, has_more, total };
    for (envelope, more) in [
        (page(2, Some(true), Some(0)), Ok(true)),
        (page(2, Some(false), Some(9)), Ok(false)),
        (page(2, None, Some(13)), Ok(true)),
        (page(2, None, Some(12)), Ok(false)),
        (page(2, None, None), Ok(true)),
        (page(1, None, None), Ok(false)),
        (page(0, None, None), Ok(false)),
        (page(0, Some(true), None), Err(())),
        (page(0, None, Some(99)), Err(())),
        (page(3, Some(false), None), Err(())),
    ] {
        assert_eq!(envelope.more(10, 2).map_err(|_| ()), more, "{envelope:?}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,8}|[\\[\\]{},:\"\\\\]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(".{0,4}|data", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_page_in_any_pieces_has_the_elements_that_serde_finds(
        elements in proptest::collection::vec(any_json(), 0..6),
        other in any_json(),
        pretty: bool,
        piece in 1_usize..40,
    ) {
        let page = json!({"a": other, "data": elements, "hasMore": true, "z": other});
        let text = if pretty { serde_json::to_string_pretty(&page) } else { serde_json::to_string(&page) }.unwrap();
        let (read, envelope) = read_in(text.as_bytes(), piece).unwrap();
        let read: Vec<Value> = read.iter().map(|element| serde_json::from_str(element).unwrap()).collect();
        prop_assert_eq!(read, elements);
        prop_assert_eq!(envelope.has_more, Some(true));
    }

    #[test]
    fn no_bytes_are_a_crash(bytes in proptest::collection::vec(any::<u8>(), 0..200), piece in 1_usize..20) {
        let _ = read_in(&bytes, piece);
    }

    #[test]
    fn a_page_that_breaks_off_is_refused(elements in proptest::collection::vec(any_json(), 0..4), at in 0.0..1.0_f64) {
        let text = json!({"data": elements, "hasMore": false}).to_string();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place in a short text")]
        let at = (text.len() as f64 * at) as usize;
        prop_assert!(read_in(&text.as_bytes()[..at], 5).is_err());
    }
}
