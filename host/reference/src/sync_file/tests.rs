#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use super::*;

const WHOLE: &str = r#"
name = "crm-profiles"
[destination]
deployment_url = "https://yourcompany.talon.one"
api_key = "${TALON_ONE_API_KEY}"
batch_size = 1000
since = 2024-05-01
[[destination.mappings]]
source = "customer_id"
destination = "integration_id"
[source]
type = "csv"
path = "customers.csv"
delimiter = ";"
[limits]
requests_per_second = 30
requests_per_minute = "unlimited"
concurrency = 8
[state]
path = "/var/state.sqlite"
max_removals = { count = 5, ratio = 0.25 }
[network]
ca_files = ["company.pem"]
"#;

fn lookup(name: &str) -> Result<String, VarError> {
    if name == "TALON_ONE_API_KEY" { Ok("s3cret\"\n[x]".to_owned()) } else { Err(VarError::NotPresent) }
}

fn draft(text: &str) -> Draft {
    Draft::parse(text, Path::new("/base"), &lookup).unwrap()
}

/// `path: message (hint)` of each fault.
fn faults(text: &str) -> Vec<String> {
    let shown = |fault: &Fault| format!("{fault} ({})", fault.hint.as_deref().unwrap_or("-"));
    draft(text).finish().unwrap_err().iter().map(shown).collect()
}

#[test]
fn a_whole_file_is_read_into_types() {
    let sync = draft(WHOLE).finish().unwrap();
    assert_eq!(sync.name.as_str(), "crm-profiles");
    assert_eq!(
        sync.source,
        SourceSpec::Csv {
            input: Input::File(PathBuf::from("/base/customers.csv")),
            dialect: CsvDialect { delimiter: b';', ..CsvDialect::default() },
            on_error: OnError::Stop,
        }
    );
    assert_eq!(sync.limits.requests_per_second, Rate::AtMost(NonZeroU32::new(30).unwrap()));
    assert_eq!(sync.limits.requests_per_minute, Rate::Unlimited);
    assert_eq!(sync.limits.concurrency, 8);
    assert_eq!(sync.state.file(), Some(Path::new("/var/state.sqlite")));
    assert_eq!(sync.state.max_removals, MaxRemovals { count: 5, ratio: 0.25, per: None });
    assert_eq!(sync.network.ca_files, [Path::new("/base/company.pem")]);
}

#[test]
fn the_destination_goes_over_as_json() {
    let sync = draft(WHOLE).finish().unwrap();
    let json: serde_json::Value = serde_json::from_str(&sync.destination.json()).unwrap();
    assert_eq!(
        json,
        serde_json::json!({
            "deployment_url": "https://yourcompany.talon.one",
            "api_key": "s3cret\"\n[x]",
            "batch_size": 1000,
            "since": "2024-05-01",
            "mappings": [{"source": "customer_id", "destination": "integration_id"}],
        })
    );
    let mapping = Mapping { index: 0, source: "customer_id", destination: "integration_id", field_type: None };
    assert_eq!(sync.destination.mappings(), Some(vec![mapping]));
}

#[test]
fn what_is_left_out_has_its_default() {
    let sync = draft("name = 'a'\n[destination]\n[source]\ntype = 'ndjson'\npath = '-'").finish().unwrap();
    assert_eq!(sync.source, SourceSpec::Ndjson { input: Input::Stdin, columns: Vec::new(), on_error: OnError::Stop });
    assert_eq!(sync.limits.requests_per_second, Rate::PluginDefault);
    assert_eq!(sync.limits.concurrency, 4);
    assert_eq!(sync.state.file(), Some(Path::new("/base/a.state.sqlite")));
    assert_eq!(sync.state.max_removals, MaxRemovals { count: 10, ratio: 0.1, per: None });
    assert_eq!(sync.destination.mappings(), None);
}

#[test]
fn all_faults_are_told_at_once() {
    let told = faults(
        r#"
        name = "no spaces"
        nmae = "x"
        [destination]
        api_key = "${NOPE}"
        ratio = inf
        [source]
        type = "csv"
        delimiter = ";;"
        columns = ["a", "a"]
        [limits]
        concurency = 4
        concurrency = 0
        requests_per_second = 0
        requests_per_minute = "none"
        [state]
        max_removals = { count = -1, ratio = 2, of = 1 }
        "#,
    );
    assert_eq!(
        told,
        [
            "destination.api_key: the environment variable `NOPE` is not set (set it: export NOPE=…)",
            "name: is \"no spaces\"; ' ' is not among letters, digits, `-`, `_` and `.` (it names the state of the sync: crm-profiles)",
            "source.path: is required (write path = \"rows.csv\")",
            "source.columns: has \"a\" twice (name each column once, or leave `columns` out)",
            "source.delimiter: is \";;\", not a single ASCII character (write delimiter = \";\")",
            "limits.requests_per_second: is 0 (write a whole number above 0, or \"unlimited\")",
            "limits.requests_per_minute: is a string (write a whole number above 0, or \"unlimited\")",
            "limits.concurrency: is 0 (write a whole number from 1 to 64)",
            "limits.concurency: is not a known key (did you mean `concurrency`?)",
            "state.max_removals.count: is -1 (write a whole number from 0 to 4294967295)",
            "state.max_removals.ratio: is not a number from 0 to 1 (write ratio = 0.1)",
            "state.max_removals.of: is not a known key (known here: count, ratio, per)",
            "nmae: is not a known key (did you mean `name`?)",
            "destination.ratio: is not a finite number (write a number without `inf` or `nan`)",
        ]
    );
}

#[test]
fn an_empty_file_says_what_it_needs() {
    let told = faults("");
    assert_eq!(
        told,
        [
            "name: is required (write name = \"my-sync\")",
            "destination: is required (add a [destination] table with the plugin's settings)",
            "source.type: is required (write type = \"csv\")",
        ]
    );
}

#[test]
fn a_missing_variable_is_the_only_fault_of_its_value() {
    let text = "name = 'a'\n[destination]\nkey = '${NOPE}'\n[source]\ntype = 'csv'\npath = '${NOPE}'";
    let mut draft = draft(text);
    draft.add_faults([Fault::new("destination.key", "looks odd"), Fault::new("destination.other", "is odd")]);
    let paths: Vec<_> = draft.finish().unwrap_err().into_iter().map(|fault| fault.path).collect();
    assert_eq!(paths, ["destination.key", "source.path", "destination.other"]);
}

#[test]
fn an_unknown_source_names_the_nearest() {
    let told = faults("name = 'a'\n[destination]\n[source]\ntype = 'cvs'\npath = 'x'");
    assert_eq!(told, ["source.type: is \"cvs\", which is not a known source (did you mean \"csv\"?)"]);
}

#[test]
fn a_syntax_error_names_the_place_and_not_the_line() {
    let text = "name = 'a'\n[destination]\napi_key = \"s3cret\nx = 1";
    let faults = Draft::parse(text, Path::new(""), &lookup).unwrap_err();
    let told = format!("{faults:?}");
    assert!(told.contains("line 3"), "{told}");
    assert!(!told.contains("s3cret"), "{told}");
}

#[test]
fn secrets_stay_out_of_debug_output() {
    let sync = draft(WHOLE).finish().unwrap();
    let shown = format!("{sync:?}");
    assert!(shown.contains("api_key"), "{shown}");
    assert!(!shown.contains("s3cret"), "{shown}");
}

#[test]
fn names_are_fit_for_a_file() {
    for name in ["a", "0", "crm-profiles_2.v1", &"x".repeat(64)] {
        assert_eq!(SyncName::new(name).unwrap().as_str(), name);
    }
    for name in ["", "-a", ".a", "a/b", "a b", "ä", "a:b", &"x".repeat(65)] {
        SyncName::new(name).unwrap_err();
    }
}

#[test]
fn a_state_is_found_without_the_rest() {
    let (name, state) =
        draft("name = 'a'\n[destination]\nkey = '${NOPE}'\n[source]\ntype = 'csv'\npath = 'x'").state().unwrap();
    assert_eq!(name.as_str(), "a");
    assert_eq!(state.file(), Some(Path::new("/base/a.state.sqlite")));
}

#[test]
fn a_state_is_in_a_file_or_at_a_url() {
    let of = |state: &str| format!("name = 'a'\n[destination]\n[source]\ntype = 'csv'\npath = 'x'\n[state]\n{state}");
    let sync = draft(&of("url = 'postgresql://u:${TALON_ONE_API_KEY}@h/d'\nlease_seconds = 60")).finish().unwrap();
    assert_eq!((sync.state.place.to_string().as_str(), sync.state.lease_seconds), ("postgresql://h/d", 60));
    assert_eq!(sync.state.folder, Path::new("/base"));
    assert!(!format!("{sync:?}").contains("s3cret"));
    for secret in ["s3cret\"\n[x]", "s3cret%22%0A%5Bx%5D"] {
        let mut text = format!("it was {secret}");
        sync.secrets.apply(&mut text);
        assert!(!text.contains("s3cret"), "{text}");
    }
    // A password that stands in the file itself is as secret.
    let sync = draft(&of("url = 'postgresql://u:pass-word@h/d'")).finish().unwrap();
    let mut text = "pass-word".to_owned();
    sync.secrets.apply(&mut text);
    assert_eq!((text.as_str(), sync.state.lease_seconds), ("[hidden]", 30));
    for (state, told) in [
        (
            "path = 'x'\nurl = 's3://a/b'",
            "state.url: stands beside `path` (delete one of the two: a state is in one place)",
        ),
        ("url = 'mysql://u:pass-word@h/d'", "state.url: begins with mysql://"),
        ("url = '${NOPE}'", "state.url: the environment variable `NOPE` is not set"),
        ("lease_seconds = 5", "state.lease_seconds: is for a state at a URL"),
        ("url = 's3://a'\nlease_seconds = 1", "state.lease_seconds: is 1 (write a whole number from 3 to 3600)"),
    ] {
        let told_all = faults(&of(state));
        assert!(matches!(told_all.as_slice(), [one] if one.starts_with(told)), "{told_all:?}");
        assert!(!told_all.concat().contains("pass-word"));
    }
}
