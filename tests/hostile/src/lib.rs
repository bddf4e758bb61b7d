//! A plugin that does what no plugin may. What it does is the config's to say: `misdeed`, and for some of them `when`, the
//! function to do it in. Everything else it does as it should: each row's first column is its key.
//!
//! For tests of the host, which loads it with `--component` like any other plugin.

#![allow(
    clippy::panic,
    clippy::unimplemented,
    unconditional_recursion,
    unsafe_code,
    unreachable_pub,
    missing_docs,
    reason = "misdeeds, and generated code"
)]

#[cfg(target_family = "wasm")]
mod calls;
#[cfg(target_family = "wasm")]
mod reach;

#[allow(clippy::all, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({
        path: ["../../wit", "wit"],
        world: "hostile:plugin/hostile",
        generate_all,
        pub_export_macro: true,
    });
}

use bindings::exports::etl::destination::destination::{
    Action, Change, Column, ConfigIssue, ConfigKeys, ConnectionCheck, Descriptor, Endpoint, Failure, Guest, Limits,
    MappedBatch, MappedRow, Mapping, Problem, ProblemKind, Rejection, Report, Request, Row, RowIssue, Secret,
    SecretUse, Strings, Values,
};

struct Hostile;

/// Whether the config asks for this misdeed in this function.
fn asked(config: &str, misdeed: &str, function: &str) -> bool {
    config.contains(&format!("\"misdeed\":\"{misdeed}\"")) && config.contains(&format!("\"when\":\"{function}\""))
}

/// The misdeeds that any function can do.
fn misbehave(config: &str, function: &str) -> Result<(), Failure> {
    let asked = |misdeed| asked(config, misdeed, function);
    if asked("crash") {
        panic!("on purpose");
    }
    if asked("spin") {
        loop {
            std::hint::spin_loop();
        }
    }
    if asked("devour") {
        let mut all = Vec::new();
        loop {
            all.push(std::hint::black_box(vec![1_u8; 1 << 20]));
        }
    }
    if asked("recurse") {
        fn deeper(n: u64) -> u64 {
            std::hint::black_box(deeper(std::hint::black_box(n + 1)) + n)
        }
        std::hint::black_box(deeper(0));
    }
    if asked("babble") {
        return Err(failed(format!("babble {}", "blah ".repeat(1 << 20))));
    }
    if asked("tell") {
        return Err(failed(format!("my config is {config}")));
    }
    #[cfg(target_family = "wasm")]
    if asked("reach") {
        return Err(reach::everywhere());
    }
    #[cfg(target_family = "wasm")]
    if asked("exit") {
        reach::exit();
    }
    #[cfg(target_family = "wasm")]
    if asked("flood") {
        reach::flood(config);
    }
    if asked("impersonate") {
        return Err(Failure::ExecutionFailed);
    }
    Ok(())
}

fn failed(message: String) -> Failure {
    Failure::Permanent(Problem { kind: ProblemKind::Internal, message, status: None, retry_after_ms: None })
}

fn packed(texts: &[&str]) -> Strings {
    let mut offsets = vec![0];
    let mut data = String::new();
    for text in texts {
        data.push_str(text);
        offsets.push(u32::try_from(data.len()).unwrap_or(u32::MAX));
    }
    Strings { offsets, data }
}

fn texts(strings: &Strings) -> Vec<&str> {
    strings
        .offsets
        .windows(2)
        .filter_map(|ends| strings.data.get(*ends.first()? as usize..*ends.last()? as usize))
        .collect()
}

impl Guest for Hostile {
    fn describe() -> Result<Descriptor, Failure> {
        Ok(Descriptor {
            name: "hostile".to_owned(),
            label: "Hostile".to_owned(),
            description: "does what no plugin may".to_owned(),
            version: "0".to_owned(),
            object_types: Vec::new(),
            field_mapping: false,
            limits: Limits {
                batch_records: Some(10),
                batch_bytes: None,
                requests_per_second: None,
                requests_per_minute: None,
            },
            config_keys: ConfigKeys {
                endpoints: vec![Endpoint::ConfigKey("url".to_owned())],
                secrets: vec![Secret { config_key: "key".to_owned(), used_in: SecretUse::Headers }],
                target: vec!["url".to_owned()],
                identity: Vec::new(),
                batch_records: None,
            },
            config_schema: "{}".to_owned(),
        })
    }

    fn validate_config(config: String) -> Result<Vec<ConfigIssue>, Failure> {
        misbehave(&config, "validate")?;
        Ok(Vec::new())
    }

    fn check_connection(config: String) -> Result<ConnectionCheck, Failure> {
        misbehave(&config, "check")?;
        Ok(ConnectionCheck { verified: Vec::new(), unverified: Vec::new() })
    }

    fn map_row(_: String, _: Vec<String>, _: Row) -> Result<MappedRow, Failure> {
        Err(failed("not here".to_owned()))
    }

    fn map_batch(config: String, columns: Vec<Column>, _: Vec<Change>) -> Result<Mapping, Failure> {
        misbehave(&config, "map")?;
        let keys = match columns.first().map(|column| &column.values) {
            Some(Values::Texts(strings)) => texts(strings),
            _ => return Err(failed("the first column must be text".to_owned())),
        };
        let mut rows: Vec<u32> = (0..).take(keys.len()).collect();
        let mut batch_keys = packed(&keys);
        let mut issues = Vec::new();
        let lie = |misdeed| asked(&config, misdeed, "map");
        if lie("beyond") {
            rows.iter_mut().for_each(|row| *row += 1_000_000);
        }
        if lie("twice") {
            issues.push(RowIssue {
                row: 0,
                key: None,
                column: None,
                code: "x".to_owned(),
                message: "both mapped and not".to_owned(),
            });
        }
        if lie("lose") {
            rows.pop();
        }
        if lie("offsets") {
            batch_keys.offsets.iter_mut().for_each(|offset| *offset = offset.wrapping_mul(1000));
        }
        let batch = MappedBatch {
            actions: vec![Action::Upsert; rows.len()],
            payloads: packed(&vec!["{}"; rows.len()]),
            rows,
            keys: batch_keys,
        };
        Ok(Mapping { batch, issues })
    }

    fn render_batch(config: String, _: MappedBatch) -> Result<Vec<Request>, Failure> {
        misbehave(&config, "render")?;
        Ok(Vec::new())
    }

    fn send_batch(config: String, batch: MappedBatch) -> Result<Report, Failure> {
        misbehave(&config, "send")?;
        let records = u32::try_from(batch.rows.len()).unwrap_or(u32::MAX);
        let mut report = Report {
            accepted: (0..records).collect(),
            rejected: Vec::new(),
            undelivered: Vec::new(),
            failure: None,
            superseded: 0,
            requests: 0,
            retries: 0,
        };
        let lie = |misdeed| asked(&config, misdeed, "send");
        if lie("beyond") {
            report.accepted.push(records + 7);
        }
        if lie("twice") {
            report.rejected.push(Rejection { record_index: 0, code: "x".to_owned(), message: "both".to_owned() });
        }
        if lie("lose") {
            report.accepted.pop();
        }
        #[cfg(target_family = "wasm")]
        calls::make(&config)?;
        Ok(report)
    }
}

#[cfg(target_family = "wasm")]
bindings::export!(Hostile with_types_in bindings);
