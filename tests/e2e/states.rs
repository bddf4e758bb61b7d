//! One law for the protocols of runners, on random streams, faults and kills: no STATE is ahead of what has arrived, and who goes on
//! behind the last one loses nothing.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use fake_talon_one::{Fault, Faults};
use serde_json::{Value, json};

use crate::harness::{KEY, TestEnv};

/// Rows of a stream.
const ROWS: u64 = 700;
/// Every so many-th row has no key: it is rejected, and kept.
const REJECTED: u64 = 97;

/// What a STATE stands for: the first rows of each stream that it names.
type Position = BTreeMap<String, u64>;

/// A protocol: its command, and how its messages look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Singer,
    Airbyte,
}

impl Protocol {
    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Singer => &["singer", "--config", "config.json"],
            Self::Airbyte => &["airbyte", "write", "--config", "config.json", "--catalog", "catalog.json"],
        }
    }

    fn beginning(self, streams: &[String]) -> String {
        let schema = |stream| {
            json!({ "type": "SCHEMA", "stream": stream, "key_properties": ["id"],
                "schema": { "properties": { "id": {}, "row": { "type": "integer" } } } })
        };
        match self {
            Self::Singer => streams.iter().map(|stream| format!("{}\n", schema(stream))).collect(),
            Self::Airbyte => String::new(),
        }
    }

    fn record(self, stream: &str, id: &str, row: u64) -> Value {
        let record = json!({ "id": id, "row": row });
        match self {
            Self::Singer => json!({ "type": "RECORD", "stream": stream, "record": record }),
            Self::Airbyte => {
                json!({ "type": "RECORD", "record": { "stream": stream, "data": record, "emitted_at": 1 } })
            }
        }
    }

    /// A STATE: of one stream where the protocol has that, or of all.
    fn state(self, position: &Position, kind: usize, of: &str) -> Value {
        let descriptor = |stream: &str, rows: u64| json!({ "stream_descriptor": { "name": stream }, "stream_state": { "rows": rows } });
        let state = match (self, kind) {
            (Self::Singer, _) => return json!({ "type": "STATE", "value": position }),
            (Self::Airbyte, 0) => {
                let all: Vec<Value> = position.iter().map(|(stream, rows)| descriptor(stream, *rows)).collect();
                json!({ "type": "GLOBAL", "global": { "stream_states": all } })
            }
            (Self::Airbyte, 1) => json!({ "type": "LEGACY", "data": position }),
            (Self::Airbyte, _) => json!({ "type": "STREAM", "stream": descriptor(of, position[of]) }),
        };
        json!({ "type": "STATE", "state": state })
    }

    /// What a line of the output says of how far it is, with the records and rejected ones that it tells of; `None` for the log.
    fn passed(self, line: &str) -> Option<(Position, Option<(f64, f64)>)> {
        let message: Value = serde_json::from_str(line).expect("a line of JSON");
        let of = |state: &Value| {
            let name = state["stream_descriptor"]["name"].as_str().unwrap().to_owned();
            (name, state["stream_state"]["rows"].as_u64().unwrap())
        };
        let position = |value: &Value| serde_json::from_value(value.clone()).expect("a position");
        if self == Self::Singer {
            return Some((position(&message), None));
        }
        let state = message.get("state")?;
        let count = |name: &str| state["destinationStats"][name].as_f64().unwrap_or_default();
        let told = Some((count("recordCount"), count("rejectedRecordCount")));
        let position = match state["type"].as_str().unwrap() {
            "STREAM" => [of(&state["stream"])].into(),
            "GLOBAL" => state["global"]["stream_states"].as_array().unwrap().iter().map(of).collect(),
            _ => position(&state["data"]),
        };
        Some((position, told))
    }
}

/// Numbers that look random and are the same each time.
struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % most
    }
}

/// The key of a row, and the row: each customer of a stream comes twice, and the later row counts.
fn id(stream: &str, row: u64) -> String {
    if row % REJECTED == REJECTED - 1 { String::new() } else { format!("{stream}-{}", row % (ROWS / 2)) }
}

#[test]
fn no_state_is_ahead_of_what_has_arrived() {
    for protocol in [Protocol::Singer, Protocol::Airbyte] {
        for seed in 1..=3 {
            follow(protocol, seed);
        }
    }
}

fn follow(protocol: Protocol, seed: u64) {
    let mut random = Random(seed);
    let env = TestEnv::permissive();
    env.fake.inject(Faults::random(seed, 20, [Fault::status(503), Fault::reset(), Fault::status(429)]));
    let config = json!({
        "deployment_url": env.fake.url(), "api_key": KEY, "object_type": "customer_profiles", "dead_letters": "rejected",
        "batch_size": 5 + random.below(30),
        "retry": { "max_attempts": 20, "initial_backoff_ms": 1, "max_backoff_ms": 2 },
        "limits": { "requests_per_second": "unlimited", "requests_per_minute": "unlimited" },
    });
    env.write("config.json", config.to_string());
    let streams: Vec<String> = (0..=random.below(3)).map(|number| format!("s{number}")).collect();
    let configured = streams.iter().map(|stream| {
        json!({ "stream": { "name": stream, "supported_sync_modes": ["incremental"],
                "json_schema": { "properties": { "id": { "type": "string" }, "row": { "type": "integer" } } } },
            "sync_mode": "incremental", "destination_sync_mode": "append_dedup", "primary_key": [["id"]] })
    });
    env.write("catalog.json", json!({ "streams": configured.collect::<Vec<_>>() }).to_string());

    let mut from: Position = streams.iter().map(|stream| (stream.clone(), 0)).collect();
    let end: Position = streams.iter().map(|stream| (stream.clone(), ROWS)).collect();
    // Airbyte's sources tell of streams one by one, or of all at once.
    let kind = random.below(3);
    for attempt in 0.. {
        let kill_after = if attempt < 6 { 1 + random.below(12) } else { usize::MAX };
        let mut child = env
            .command(protocol.arguments())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the command line starts");
        let lines = messages(protocol, &streams, &from, kind, &mut random);
        let mut input = child.stdin.take().expect("a pipe");
        let writer = std::thread::spawn(move || drop(input.write_all(lines.as_bytes())));
        let begun = from.clone();
        let mut told = (0.0, 0.0);
        let output = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let passed = output.map_while(Result::ok).filter_map(|line| protocol.passed(&line));
        for (position, counts) in passed.take(kill_after) {
            for (stream, rows) in position {
                let before = from.insert(stream.clone(), rows).unwrap();
                assert!(rows >= before, "{protocol:?} {seed}: {stream} goes back from {before} to {rows}");
            }
            // At once, while more rows are under way.
            has_arrived(&env, &from, &format!("{protocol:?}, seed {seed}"));
            if let Some((records, rejected)) = counts {
                told = (told.0 + records, told.1 + rejected);
                let rows =
                    from.iter().flat_map(|(stream, rows)| (begun[stream]..*rows).map(move |row| id(stream, row)));
                let expected = rows.fold((0.0, 0.0), |sum, id| (sum.0 + 1.0, sum.1 + f64::from(id.is_empty())));
                assert_eq!(told, expected, "{protocol:?}, seed {seed}: {begun:?} to {from:?}");
            }
        }
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
        writer.join().expect("the writer ends");
        if from == end {
            break;
        }
        assert!(attempt < 12, "{protocol:?}, seed {seed}: it does not come to its end");
    }
    let customers = (0..ROWS).map(|row| id("s", row)).filter(|id| !id.is_empty());
    let customers = customers.collect::<std::collections::BTreeSet<_>>().len();
    assert_eq!(env.fake.profiles().len(), customers * streams.len());
}

/// The messages of a source that goes on from a position: the rows of its streams, mixed, and STATEs here and there.
fn messages(protocol: Protocol, streams: &[String], from: &Position, kind: usize, random: &mut Random) -> String {
    let mut position = from.clone();
    let mut lines = protocol.beginning(streams);
    loop {
        let open: Vec<String> =
            position.iter().filter(|(_, rows)| **rows < ROWS).map(|(name, _)| name.clone()).collect();
        let Some(stream) = open.get(random.below(open.len().max(1))) else { break };
        for _ in 0..1 + random.below(9) {
            let Some(row) = position.get_mut(stream).filter(|row| **row < ROWS) else { break };
            lines.push_str(&format!("{}\n", protocol.record(stream, &id(stream, *row), *row)));
            *row += 1;
        }
        if random.below(3) == 0 || position[stream] == ROWS {
            lines.push_str(&format!("{}\n", protocol.state(&position, kind, stream)));
        }
    }
    lines
}

fn has_arrived(env: &TestEnv, position: &Position, what: &str) {
    let profiles = env.fake.profiles();
    for (stream, rows) in position {
        let mut expected: BTreeMap<String, u64> = BTreeMap::new();
        expected.extend((0..*rows).map(|row| (id(stream, row), row)).filter(|(id, _)| !id.is_empty()));
        for (id, row) in expected {
            let there = profiles.get(&id).and_then(|profile| profile.get("row")).map(|row| row.parse::<u64>().unwrap());
            assert!(there >= Some(row), "{what}: {stream} is at {rows}, and {id} is {there:?} instead of {row}");
        }
    }
}
