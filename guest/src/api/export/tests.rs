//! Exports written and read by rules of this file alone.

use proptest::prelude::*;

use super::*;

/// All IDs of an export that arrives in two parts, cut anywhere.
fn read(text: &[u8], cut: usize) -> Result<Vec<String>, String> {
    let (first, second) = text.split_at(cut.min(text.len()));
    let mut buffer = Vec::new();
    let mut ids = Vec::new();
    let mut number = 1;
    for part in [first, second] {
        buffer.extend_from_slice(part);
        while let Line::Whole(id, length) = line(&buffer, number)? {
            ids.push(id.into_owned());
            number += 1;
            buffer.drain(..length);
        }
    }
    if buffer.is_empty() { Ok(ids) } else { Err(format!("{} bytes are left", buffer.len())) }
}

#[test]
fn ids_are_read_to_the_letter() {
    let text = "profileintegrationid\ncust_1\n\"a,b\"\r\n\"say \"\"hi\"\"\"\n\"line\nbreak\"\n\"\"\n  blank  \nZoë\n\"\"\"\"\n";
    let ids = ["profileintegrationid", "cust_1", "a,b", "say \"hi\"", "line\nbreak", "", "  blank  ", "Zoë", "\""];
    for cut in 0..=text.len() {
        assert_eq!(read(text.as_bytes(), cut).unwrap(), ids, "cut at {cut}");
    }
    assert_eq!(read("\u{feff}\"profileintegrationid\"\r\nx\r\n".as_bytes(), 0).unwrap().len(), 2);
}

#[test]
fn what_is_not_the_documented_export_is_refused() {
    for (text, what) in [
        ("id\na\n", "is not the header"),
        ("\n", "is empty"),
        ("<html>\n", "is not the header"),
        ("{\"message\":\"x\"}\n", "a quote in the middle"),
        ("profileintegrationid,x\n", "more than one column"),
        ("profileintegrationid\na,b\n", "line 2 of the export, a,b, has more than one column"),
        ("profileintegrationid\n\"a\",b\n", "more than one column"),
        ("profileintegrationid\n\"a\"b\n", "behind a closing quote"),
        ("profileintegrationid\na\"b\n", "a quote in the middle"),
        ("profileintegrationid\n\na\n", "is empty"),
        ("profileintegrationid\n\r\na\n", "is empty"),
        ("profileintegrationid\na\rb\n", "carriage return"),
        ("profileintegrationid\na", "bytes are left"),
        ("profileintegrationid\n\"a\n", "bytes are left"),
        ("profileintegrationid\n\"a\"", "bytes are left"),
        ("profileintegr", "bytes are left"),
    ] {
        let fault = read(text.as_bytes(), 0).unwrap_err();
        assert!(fault.contains(what), "{text:?}: {fault}");
    }
    assert!(read(b"profileintegrationid\n\xff\n", 0).unwrap_err().contains("UTF-8"));
    let endless = format!("profileintegrationid\n\"{}", "x".repeat(LONGEST_LINE));
    assert!(read(endless.as_bytes(), 0).unwrap_err().contains("too long"));
}

proptest! {
    #[test]
    fn any_ids_are_read_as_they_were_written(
        ids in proptest::collection::vec(".*|[a\",\r\n ]{0,6}", 0..8),
        always_quote: bool,
        cut in 0_usize..200,
    ) {
        let mut text = "profileintegrationid\n".to_owned();
        for id in &ids {
            let quote = always_quote || id.is_empty() || id.contains(['"', ',', '\r', '\n']);
            text += &if quote { format!("\"{}\"\n", id.replace('"', "\"\"")) } else { format!("{id}\n") };
        }
        let read = read(text.as_bytes(), cut).unwrap();
        prop_assert_eq!(&read[1..], &ids[..]);
    }

    #[test]
    fn no_bytes_are_a_crash(bytes in proptest::collection::vec(any::<u8>(), 0..100), cut in 0_usize..100) {
        let _ = read(&bytes, cut);
    }

    #[test]
    fn an_export_that_breaks_off_within_a_line_is_not_whole(count in 0_usize..5, at in 1_usize..60) {
        let text = format!("profileintegrationid\n{}", "\"cust,1\"\n".repeat(count));
        prop_assume!(at < text.len() && !text[..at].ends_with('\n'));
        prop_assert!(read(&text.as_bytes()[..at], 0).is_err());
    }
}
