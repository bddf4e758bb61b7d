//! A first sync file for files of the kinds that people have: it is valid, and previews what was meant or says what it could not tell.

use arrow_array::{ArrayRef, Decimal128Array, Int64Array, RecordBatch, StringArray};
use serde_json::{Value, json};

use crate::harness::{Outcome, TestEnv};
use crate::sources::parquet_file;

/// What `init` made of a file: the sync file, what it said, and the profiles that a preview shows.
struct Made {
    sync: String,
    said: Outcome,
    profiles: Vec<Value>,
}

impl Made {
    fn of(env: &TestEnv, path: &str) -> Self {
        let said = env.host(&["init", path, "--output", "made.toml"]);
        said.ends_with(0);
        env.host(&["validate", "made.toml"]).ends_with(0);
        let preview = env.host(&["preview", "made.toml"]);
        preview.ends_with(0);
        let body = preview.stdout.lines().find(|line| line.starts_with('{')).expect("a request");
        let body: Value = serde_json::from_str(body).unwrap();
        Self { sync: env.read("made.toml"), said, profiles: body["customerProfiles"].as_array().unwrap().clone() }
    }

    fn of_bytes(bytes: &[u8]) -> Self {
        let env = TestEnv::permissive();
        env.write("rows", bytes);
        Self::of(&env, "rows")
    }

    #[track_caller]
    fn first_is(&self, id: &str, attributes: &Value) -> &Self {
        assert_eq!(self.profiles[0], json!({"integrationId": id, "attributes": attributes}), "{}", self.sync);
        self
    }

    #[track_caller]
    fn has(&self, text: &str) -> &Self {
        assert!(self.sync.contains(text), "{text:?} is not in:\n{}", self.sync);
        self
    }
}

#[test]
fn excels_semicolons_and_german_numbers_and_dates_are_read() {
    let text = "\u{feff}Kundennr;E-Mail;Name;Umsatz;Kunde seit;Letzter_Kauf\r\n\
                00017;a@b.de;\"Müller; Jörg\";1.234,50;01.02.2020;27.11.2026\r\n00018;c@d.de;;12,5;02.02.2020;01.12.2026\r\n";
    Made::of_bytes(text.as_bytes())
        .first_is("00017", &json!({"email": "a@b.de", "name": "Müller; Jörg", "Umsatz": 1234.50, "Letzter_Kauf": "2026-11-27T00:00:00Z"}),
        )
        .has("delimiter = \";\"")
        // Day or month first? And no expression could name this column.
        .has("# source = \"Kunde seit\"")
        .said
        .says("could not tell: column \"Kunde seit\": dates such as 01.02.2020");
}

#[test]
fn dates_are_read_in_the_three_forms_that_people_write() {
    let text = "customer_id,created_at,last_order,birthday,next\n1,2026-11-27,11/27/2026,7.1.1990,03/04/2026\n\
                2,2026-11-28 10:00:00,01/02/2026,31.12.1991,04/03/2026\n";
    Made::of_bytes(text.as_bytes())
        .first_is("1", &json!({"signup_date": "2026-11-27T00:00:00Z", "last_order": "2026-11-27T00:00:00Z", "birthday": "1990-01-07T00:00:00Z"}),
        )
        .said
        .says("could not tell: column \"next\": dates such as 03/04/2026: the day or the month may come first");
}

/// What could not be told is a matter of taking a few lines in.
#[test]
fn a_choice_that_is_taken_in_is_what_was_meant() {
    let env = TestEnv::permissive();
    env.write("rows", "id,next\n1,03/04/2026\n2,04/03/2026\n");
    for (choice, next) in [("the day", "2026-04-03"), ("the month", "2026-03-04")] {
        let sync = env.host(&["init", "rows"]).stdout;
        let (_, behind) = sync.split_once(&format!("# next if {choice} comes first:\n# ")).expect(&sync);
        let expression = behind.lines().next().unwrap();
        let (_, mapping) = sync.split_once("# [[destination.mappings]]\n").unwrap();
        let mapping: Vec<&str> = mapping.lines().take(3).map(|line| line.trim_start_matches("# ")).collect();
        let mapping = format!("[[destination.mappings]]\n{}\n[source]\n", mapping.join("\n"));
        let chosen = sync.replacen("[source]\n", &mapping, 1);
        env.write("chosen.toml", chosen.replace("[source.computed]\n", &format!("[source.computed]\n{expression}\n")));
        env.host(&["preview", "chosen.toml"]).ends_with(0).says(&format!("\"next\":\"{next}T00:00:00Z\""));
    }
}

#[test]
fn quoted_everything_keeps_its_types() {
    let text = "\"id\",\"email\",\"vip\",\"points\",\"zip\",\"amount\"\n\"007\",\"a@b.c\",\"yes\",\"10\",\"10115\",\"1,250\"\n\
                \"008\",\"d@e.f\",\"no\",\"-2.5\",\"20095\",\"2,500\"\n";
    Made::of_bytes(text.as_bytes())
        .first_is("007", &json!({"email": "a@b.c", "vip": true, "points": 10, "zip": "10115"}))
        .said
        .says("could not tell: column \"amount\": numbers such as 1,250");
}

#[test]
fn tabs_in_utf16_and_western_letters_are_read() {
    let text = "id\tname\tphone\n1\tJürgen\t+49 170 1\n";
    let utf16 = |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
    let expected = || json!({"name": "Jürgen", "phone": "+49 170 1"});
    Made::of_bytes(&utf16(&format!("\u{feff}{text}"))).first_is("1", &expected()).has("delimiter = \"\\t\"");
    Made::of_bytes(&utf16(text)).first_is("1", &expected()).has("encoding = \"utf-16le\"");
    Made::of_bytes(b"id;name;phone\n1;J\xFCrgen;+49 170 1\n")
        .first_is("1", &expected())
        .has("encoding = \"windows-1252\"")
        .has("it is not UTF-8");
}

#[test]
fn exports_of_databases_and_engines_are_read() {
    let mysql = b"17\t\\N\tsays \"hi\"\\\nagain\ta\\\\b\n18\tx@y.z\tno\tc\n";
    Made::of_bytes(mysql)
        .first_is("17", &json!({"column_3": "says \"hi\"\nagain", "column_4": "a\\b"}))
        .has("quote = \"\"")
        .has("nulls = ['\\N']")
        .said
        .says("could not tell: names of the columns");
    Made::of_bytes(b"id|email|tier\n1|a@b.c|NULL\n2|d@e.f|gold\n")
        .first_is("1", &json!({"email": "a@b.c"}))
        .has("nulls = [\"\", \"NULL\"]");
    Made::of_bytes(b"id,note\n1,\"TV \\\"16\\\" inch\"\n").first_is("1", &json!({"note": "TV \"16\" inch"}));
}

#[test]
fn files_that_name_their_types_keep_them() {
    let text = b"{\"user_id\":\"u1\",\"points\":9007199254740993,\"score\":1.10,\"tags\":[\"a\"],\"joined_at\":\"2026-11-27T10:00:00Z\"}\n";
    let ndjson = Made::of_bytes(text);
    ndjson.first_is("u1", &json!({"points": 9_007_199_254_740_993_u64, "score": 1.10, "tags": ["a"], "signup_date": "2026-11-27T10:00:00Z"}),
    );
    let env = TestEnv::permissive();
    std::fs::create_dir(env.path("parts")).unwrap();
    let ids: ArrayRef = std::sync::Arc::new(StringArray::from(vec!["c1"]));
    let points: ArrayRef = std::sync::Arc::new(Int64Array::from(vec![9_007_199_254_740_993]));
    let price = Decimal128Array::from(vec![110]).with_precision_and_scale(10, 2).unwrap();
    let rows = [("customer_id", ids), ("points", points), ("price", std::sync::Arc::new(price) as ArrayRef)];
    parquet_file(&env, "parts/part-0.parquet", &RecordBatch::try_from_iter(rows).unwrap());
    Made::of(&env, "parts/*.parquet")
        .first_is("c1", &json!({"points": 9_007_199_254_740_993_u64, "price": 1.10}))
        .has("path = \"parts/*.parquet\"");
}

/// Nobody's data is to be found in a file that goes into version control.
#[test]
fn no_customers_values_are_written_down() {
    let made =
        Made::of_bytes(b"id,email,name,phone\ncust_77,ada@example.com,Ada,+49170\ncust_78,bo@example.com,Bo,+49171\n");
    for value in ["cust_77", "ada@", "Ada", "+49170"] {
        assert!(!made.sync.contains(value), "{}", made.sync);
    }
}

#[test]
fn what_cannot_be_read_or_told_is_said() {
    let env = TestEnv::permissive();
    // The key is not one, and a line has a field too many.
    env.write("rows.csv", "id,points\n1,2\n1,3\n1,2,3\n");
    let outcome = env.host(&["init", "rows.csv"]);
    outcome.ends_with(0).says("could not tell: integration_id: the column \"id\" is a guess");
    outcome.says("line 4: has 3 fields where there are 2 columns").says("deployment_url = ");
    env.write("rows.xlsx", b"PK\x03\x04\x14\0\x06\0");
    env.host(&["init", "rows.xlsx"]).ends_with(1).says("an Excel workbook (.xlsx)");
    env.host(&["init", "nowhere.csv"]).ends_with(2).says("nowhere.csv: is not there");
    env.host(&["init", "-"]).ends_with(1).says("can be read only once");
    env.host(&["init"]).ends_with(2);
}

#[test]
fn nothing_is_written_over_and_other_object_types_get_their_settings() {
    let env = TestEnv::permissive();
    env.write("rows.csv", "customer_id,email\n1,a@b.c\n2,d@e.f\n");
    env.write("mine.toml", "mine");
    env.host(&["init", "rows.csv", "--output", "mine.toml"]).ends_with(2).says("is not written over");
    assert_eq!(env.read("mine.toml"), "mine");
    let audience = "customer_profile_audiences";
    std::fs::create_dir(env.path("syncs")).unwrap();
    env.host(&["init", "rows.csv", "--object-type", audience, "--output", "syncs/a.toml"]).ends_with(0);
    let sync = env.read("syncs/a.toml");
    assert!(sync.contains("audience_id = \"42\"") && sync.contains("sync_mode = \"add\""), "{sync}");
    assert!(!sync.contains("email"), "an audience has no attributes: {sync}");
    env.host(&["preview", "syncs/a.toml"]).ends_with(0).says("\"profileIntegrationId\":\"1\"");
    env.host(&["init", "rows.csv", "--object-type", "orders"])
        .ends_with(2)
        .says("customer_profiles, customer_profile_audiences");
}

/// What looks like a variable in a name is not taken for one, nor a word of the language for a column of an expression.
#[test]
fn names_are_written_to_the_letter() {
    let env = TestEnv::permissive();
    env.write("rows${NOT_SET}.csv", "id,${HOME},none\n1,7,27.11.2026\n2,8,28.11.2026\n");
    let made = Made::of(&env, "rows${NOT_SET}.csv");
    made.has("source = \"$${HOME}\"").has("path = \"rows$${NOT_SET}.csv\"").has("# source = \"none\"");
    made.first_is("1", &json!({"HOME": 7}));
}

/// An empty cell stays null, whatever is made of the others.
#[test]
fn computed_columns_leave_empty_cells_as_they_are() {
    let text = "id,day,sum\n1,27.11.2026,\"1.007,50\"\n2,,\n3,28.11.2026,\"1,5\"\n";
    let made = Made::of_bytes(text.as_bytes());
    made.first_is("1", &json!({"day": "2026-11-27T00:00:00Z", "sum": 1007.50}));
    assert_eq!(made.profiles[1], json!({"integrationId": "2", "attributes": {}}));
    assert!(!made.said.all().contains("commented out"), "{}", made.said.all());
}
