//! CSV as programs write it that do not keep to RFC 4180, read as the sync file says.

use crate::harness::{TestEnv, sync_file};

/// The profiles that a text comes to: for each ID its attribute `note`; "-" where it has none.
fn notes(text: &[u8], dialect: &str) -> Vec<(String, String)> {
    let env = TestEnv::permissive();
    let mappings = [("id", "integration_id", ""), ("note", "note", "")];
    env.write("rows.csv", text);
    env.write("sync.toml", sync_file("customer_profiles", "", &mappings, "csv", "rows.csv") + dialect);
    env.sync(&[]).ends_with(0);
    let note = |profile: &std::collections::BTreeMap<String, String>| match profile.get("note") {
        Some(json) => serde_json::from_str(json).unwrap(),
        None => "-".to_owned(),
    };
    env.fake.profiles().iter().map(|(id, profile)| (id.clone(), note(profile))).collect()
}

fn expected(notes: &[(&str, &str)]) -> Vec<(String, String)> {
    notes.iter().map(|(id, note)| ((*id).to_owned(), (*note).to_owned())).collect()
}

#[test]
fn what_databases_and_engines_export_is_read_as_it_was_meant() {
    let mysql =
        "delimiter = \"\\t\"\nquote = \"\"\nescape = \"\\\\\"\nnulls = [\"\\\\N\"]\ncolumns = [\"id\", \"note\"]\n";
    assert_eq!(
        notes(b"1\ta\\\tb\\\\N\n2\t\\N\n3\t\n4\tsays \"hi\"\n5\tx\\\ny\n", mysql),
        expected(&[("1", "a\tb\\N"), ("2", "-"), ("3", ""), ("4", "says \"hi\""), ("5", "x\ny")])
    );
    let spark = "escape = \"\\\\\"\n";
    assert_eq!(
        notes(b"id,note\n1,\"TV 16\\\"\"\n2,\"a\\\\\"\n3,\"\"\n", spark),
        expected(&[("1", "TV 16\""), ("2", "a\\"), ("3", "-")])
    );
    let postgresql = "nulls = [\"\"]\n";
    assert_eq!(notes(b"id,note\n1,\n2,\"\"\n3,NULL\n", postgresql), expected(&[("1", "-"), ("2", ""), ("3", "NULL")]));
    let by_hand = "comment = \"#\"\ntrim = true\nnulls = [\"\", \"NULL\"]\n";
    assert_eq!(
        notes(b"# from accounting\nid, note\n1 , a b \n# no row\n2,NULL \n3,\" \"\n", by_hand),
        expected(&[("1", "a b"), ("2", "-"), ("3", " ")])
    );
}

#[test]
fn encodings_are_read_by_their_mark_or_name() {
    let text = "id,note\n1,Müller\n2,60 €\n";
    let all = expected(&[("1", "Müller"), ("2", "60 €")]);
    let utf16 = |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
    assert_eq!(notes(&utf16(&format!("\u{feff}{text}")), ""), all);
    assert_eq!(notes(&utf16(text), "encoding = \"utf-16le\"\n"), all);
    assert_eq!(notes(b"id,note\n1,M\xFCller\n2,60 \x80\n", "encoding = \"windows-1252\"\n"), all);
}

#[test]
fn what_cannot_be_read_is_named_with_its_line() {
    let env = TestEnv::permissive();
    for (text, dialect, code, said) in [
        (
            &b"id,note\n1,a\n2,\x81\n"[..],
            "encoding = \"windows-1252\"",
            1,
            "line 3: cannot be read: the byte 81 is no windows-1252",
        ),
        (
            b"\xFF\xFEi\0d\0\n\x001\0\n\0\x00\xD8x\0\n\0",
            "",
            1,
            "line 3: cannot be read: the bytes 00 D8 are no UTF-16LE",
        ),
        (
            b"\xFF\xFEi\0d\0\n\0",
            "encoding = \"windows-1252\"",
            1,
            "begins with the mark of UTF-16LE, and source.encoding is windows-1252",
        ),
        (
            b"id,note\n1,\"C:\\new\"\n",
            "escape = \"\\\\\"",
            1,
            "line 2: field 2 has the escape \\n, which programs read in different ways",
        ),
        (b"id,note\n1,\"a\\\"\n2,b\n", "escape = \"\\\\\"", 1, "line 2: the text ends inside a quoted value, field 2"),
        (b"id,note\n1,\"TV 16\\\" \"\n", "", 1, "set escape ="),
        (
            b"id,note\n1,a\n",
            "columns = [\"id\", \"note\"]",
            1,
            "line 1: is a header line, and `columns` says that there is none",
        ),
        (b"id\n", "encoding = \"utf-99\"", 2, "source.encoding: is \"utf-99\", which is not a known encoding"),
        (b"id\n", "escape = \"\\\"\"", 2, "a doubled quote is always one quote"),
        (b"id\n", "comment = \",\"", 2, "source.comment: is ',', and so is delimiter"),
        (b"id\n", "trim = \"yes\"", 2, "source.trim: is a string"),
    ] {
        env.write("rows.csv", text);
        let mappings = [("id", "integration_id", "")];
        env.write("sync.toml", sync_file("customer_profiles", "", &mappings, "csv", "rows.csv") + dialect + "\n");
        env.sync(&[]).ends_with(code).says(said);
    }
}
