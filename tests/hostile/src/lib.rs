//! A plugin that does what no plugin may. What it does is the config's to say, beside the URL and the key:
//!
//! - `misdeed`, and for some of them `when`, the function to do it in: what a hostile plugin would try.
//! - `call` and `header`: a request to make, to wherever.
//! - `pretend`: everything counts as delivered, and nothing is sent.
//! - `looks`: the calls of the optional interfaces ask the server. Without it there is nothing to look with.
//! - `mutant`: one rule of the contract to break. Those that no config reaches are broken where the bytes of [`MUTANT`] name them.
//!
//! Without any of these it keeps the contract: rows become JSON objects, which are posted in tens.
//!
//! For tests of the host, which loads it with `--component` like any other plugin, and of engines that check themselves.

#![allow(
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unimplemented,
    unconditional_recursion,
    unsafe_code,
    unreachable_pub,
    missing_docs,
    reason = "misdeeds, and generated code"
)]

mod calls;
mod config;
mod looking;
#[cfg(target_family = "wasm")]
mod reach;
mod requests;
mod rows;

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
    Change, Column, ConfigIssue, ConfigKeys, ConnectionCheck, Descriptor, Endpoint, Failure, Field, Guest, Limits,
    MappedBatch, MappedRow, Mapping, ObjectType, Problem, ProblemKind, Rejection, Report, Request, Row, RowIssue,
    Secret, SecretUse, SyncMode,
};

/// The rule to break for good; tests write another name over it, of the same length with its blanks.
#[used]
static MUTANT: [u8; 40] = *b"MUTANT=none                             ";

/// Whether this rule is to be broken, by the config or by the bytes.
pub(crate) fn mutant(config: &str, name: &str) -> bool {
    // Not looked at by the compiler, which knows of one value alone.
    let bytes = std::hint::black_box(&MUTANT);
    let named = std::str::from_utf8(bytes).ok().and_then(|text| text.strip_prefix("MUTANT="));
    named.is_some_and(|named| named.trim_end() == name) || config.contains(&format!("\"mutant\":\"{name}\""))
}

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

impl Guest for Hostile {
    fn describe() -> Result<Descriptor, Failure> {
        let m = |name| mutant("", name);
        let field = |name: &str| Field {
            name: name.to_owned(),
            label: name.to_owned(),
            description: String::new(),
            required: true,
        };
        let record = |name: &str| ObjectType {
            name: name.to_owned(),
            label: "Records".to_owned(),
            description: "whatever rows there are".to_owned(),
            sync_modes: vec![SyncMode::Upsert, SyncMode::Mirror],
            default_mode: Some(if m("default-mode") { SyncMode::Add } else { SyncMode::Upsert }),
            fields: vec![field("id")],
            key_field: if m("key-field") { "key" } else { "id" }.to_owned(),
            custom_fields: true,
        };
        let mut object_types = vec![record("records")];
        if m("declared") {
            object_types.push(record("others"));
        }
        let mut target = vec!["url".to_owned()];
        if m("keys") {
            target.push("list".to_owned());
        }
        let schema = match () {
            () if m("schema") => config::SCHEMA.replacen("\"object\"", "7", 1),
            () if m("schema-misfit") => config::SCHEMA.replacen("\"key\"]", "\"key\",\"when\"]", 1),
            () => config::SCHEMA.to_owned(),
        };
        Ok(Descriptor {
            name: if m("unnamed") { "A Plugin" } else { "hostile" }.to_owned(),
            label: "Hostile".to_owned(),
            description: "does what no plugin may".to_owned(),
            version: if m("unstable") { rows::random().to_string() } else { "0".to_owned() },
            object_types,
            field_mapping: false,
            limits: Limits {
                batch_records: Some(if m("zero-limit") { 0 } else { 10 }),
                batch_bytes: Some(if m("body-limit") { 10 } else { 1 << 20 }),
                requests_per_second: None,
                requests_per_minute: None,
            },
            config_keys: ConfigKeys {
                endpoints: match () {
                    () if m("no-endpoint") => Vec::new(),
                    () if m("own-origin") => vec![Endpoint::Origin("https://evil.example".to_owned())],
                    () => vec![Endpoint::ConfigKey("url".to_owned())],
                },
                secrets: vec![Secret {
                    config_key: "key".to_owned(),
                    used_in: if m("wants-secret") { SecretUse::Plugin } else { SecretUse::Headers },
                }],
                target,
                identity: Vec::new(),
                batch_records: None,
            },
            config_schema: schema,
        })
    }

    fn validate_config(config: String) -> Result<Vec<ConfigIssue>, Failure> {
        misbehave(&config, "validate")?;
        Ok(config::issues(&config))
    }

    fn check_connection(config: String) -> Result<ConnectionCheck, Failure> {
        misbehave(&config, "check")?;
        let read = config::read(&config)?;
        if !read.pretends {
            requests::ping(&config, calls::ping(&read))?;
        }
        Ok(ConnectionCheck { verified: vec!["the server answers".to_owned()], unverified: Vec::new() })
    }

    fn map_row(config: String, columns: Vec<String>, row: Row) -> Result<MappedRow, Failure> {
        misbehave(&config, "map-row")?;
        if mutant(&config, "no-map-row") {
            return Err(config::failure(ProblemKind::Unsupported, "call map-batch".to_owned()));
        }
        config::read(&config)?;
        rows::map_one(&config, columns, row)
    }

    fn map_batch(config: String, columns: Vec<Column>, changes: Vec<Change>) -> Result<Mapping, Failure> {
        misbehave(&config, "map")?;
        let read = config::read(&config)?;
        if mutant(&config, "calls-home") {
            // What comes of it is the engine's to say.
            let _ = calls::ping(&read);
        }
        let Mapping { mut batch, mut issues } = rows::map(&config, &columns, &changes)?;
        let lie = |misdeed| asked(&config, misdeed, "map");
        if lie("beyond") {
            batch.rows.iter_mut().for_each(|row| *row += 1_000_000);
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
        if lie("lose") || mutant(&config, "loses-row") {
            batch.rows.pop();
            batch.actions.pop();
        }
        if lie("offsets") {
            batch.keys.offsets.iter_mut().for_each(|offset| *offset = offset.wrapping_mul(1000));
        }
        Ok(Mapping { batch, issues })
    }

    fn render_batch(config: String, batch: MappedBatch) -> Result<Vec<Request>, Failure> {
        misbehave(&config, "render")?;
        requests::render(&config::read(&config)?, &config, &batch)
    }

    fn send_batch(config: String, batch: MappedBatch) -> Result<Report, Failure> {
        misbehave(&config, "send")?;
        let read = config::read(&config)?;
        if !read.pretends {
            return requests::send(&read, &config, &batch, |request| calls::exchange(&read, &config, request));
        }
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
        calls::make(&config)?;
        Ok(report)
    }
}

#[cfg(target_family = "wasm")]
bindings::export!(Hostile with_types_in bindings);
