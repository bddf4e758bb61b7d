//! Looking and creating: whatever a server answers, each call ends in bounded requests, with an answer that does not contradict itself
//! or a failure that says so, and with no key in either.
#![no_main]

mod fakes;

use std::collections::HashSet;
use std::fmt::Debug;

use arbitrary::Arbitrary;
use destination_toolkit::destination::Destination;
use destination_toolkit::extensions::{Inspection, Provisioning};
use destination_toolkit::http::BodyReader;
use fakes::{Time, broken, headers, strings};
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value, json};
use talon_one_destination::bindings::exports::etl::destination::destination::{
    Action, Column, Failure, MappedBatch, ProblemKind, Values,
};
use talon_one_destination::{
    Config, Connection, Headers, Incoming, Network, Request, TransportError, TransportErrorKind,
};

const KEY: &str = "0123456789abcdef";
const MANAGEMENT_KEY: &str = "fedcba9876543210";

/// What no answer of 4096 bytes is worth.
const MOST_REQUESTS: usize = 5_000;

#[derive(Debug, Arbitrary)]
struct Input {
    call: Call,
    managed: bool,
    object: Object,
    keys: Vec<u8>,
    /// The last one comes again and again.
    answers: Vec<Answer>,
    /// Bytes of a body that come at once.
    piece: u8,
}

#[derive(Debug, Arbitrary)]
enum Call {
    Discover,
    CompareFields,
    ListKeys(Option<String>),
    CompareRecords,
    /// What is planned is created.
    Plan,
    Resolve,
}

#[derive(Debug, Arbitrary)]
enum Object {
    Profiles,
    Audience,
    Named { create: bool },
}

#[derive(Clone, Debug, Arbitrary)]
enum Answer {
    Plain {
        status: u16,
        headers: [Option<String>; 5],
        body: Vec<u8>,
        broken: bool,
    },
    /// As Talon.One lists.
    Page {
        elements: Vec<Element>,
        more: Option<bool>,
        total: Option<i8>,
        broken: bool,
    },
    /// As it answers what is created.
    Created(Element),
    Profile(Element),
    Export {
        ids: Vec<String>,
        broken: bool,
    },
    EchoKeys {
        status: u16,
    },
    Broken(u8),
}

/// All that an element of a list can be at once: an attribute, an audience, a profile, a count.
#[derive(Clone, Debug, Arbitrary)]
struct Element {
    name: Name,
    id: Option<i8>,
    field_type: u8,
    other_entity: bool,
    closed_list: Option<bool>,
    description: Option<String>,
    attributes: Vec<(Name, Cell)>,
    audiences: Vec<i8>,
    members: Option<i8>,
}

/// From a small stock, so that they meet.
#[derive(Clone, Debug, Arbitrary)]
enum Name {
    Known(u8),
    Any(String),
}

#[derive(Clone, Debug, Arbitrary)]
enum Cell {
    Null,
    Boolean(bool),
    Number(i32),
    Text(String),
    Digits(u32, u8),
    List(Vec<String>),
}

const NAMES: [&str; 8] = ["tier", "points", "since", "name", "VIP", "k0", "k1", ""];
const TYPES: [&str; 7] = ["string", "number", "boolean", "time", "(list string)", "location", "colour"];

impl Name {
    fn text(&self) -> String {
        match self {
            Self::Known(index) => NAMES[usize::from(*index) % NAMES.len()].to_owned(),
            Self::Any(text) => text.clone(),
        }
    }
}

impl Cell {
    fn json(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Boolean(value) => (*value).into(),
            Self::Number(value) => (*value).into(),
            Self::Text(value) => value.as_str().into(),
            Self::Digits(value, places) => {
                serde_json::from_str(&format!("{value}.{:0width$}", 0, width = usize::from(*places) + 1)).unwrap()
            }
            Self::List(values) => values.clone().into(),
        }
    }
}

impl Element {
    fn json(&self) -> Value {
        let attributes: Map<String, Value> =
            self.attributes.iter().map(|(name, cell)| (name.text(), cell.json())).collect();
        let audiences: Vec<Value> = self.audiences.iter().map(|id| json!({"id": id})).collect();
        let mut all = json!({
            "name": self.name.text(),
            "integrationId": self.name.text(),
            "entity": if self.other_entity { "Event" } else { "CustomerProfile" },
            "type": TYPES[usize::from(self.field_type) % TYPES.len()],
            "description": self.description.as_deref().unwrap_or_default(),
            "attributes": attributes,
            "audienceMemberships": audiences,
            "audienceId": 42,
        });
        for (member, value) in [
            ("id", self.id.map(Value::from)),
            ("restrictedBySuggestions", self.closed_list.map(Value::from)),
            ("membersCount", self.members.map(Value::from)),
        ] {
            if let Some(value) = value {
                all[member] = value;
            }
        }
        all
    }
}

struct Server {
    answers: Vec<Answer>,
    requests: usize,
    piece: usize,
}

struct Body {
    rest: Vec<u8>,
    piece: usize,
    broken: bool,
}

impl BodyReader for Body {
    fn read(&mut self, at_most: usize) -> Result<Option<Vec<u8>>, TransportError> {
        match self.rest.is_empty() {
            true if self.broken => {
                Err(TransportError { kind: TransportErrorKind::Reset, detail: format!("with {KEY}") })
            }
            true => Ok(None),
            false => {
                let bytes = self.rest.len().min(at_most).min(self.piece);
                Ok(Some(self.rest.drain(..bytes).collect()))
            }
        }
    }
}

impl Network for Server {
    fn open(&mut self, _: &Connection, request: &Request) -> Result<Incoming, TransportError> {
        self.requests += 1;
        assert!(self.requests < MOST_REQUESTS, "a call does not cost that many requests");
        assert!(!request.path.contains(KEY) && !request.path.contains(MANAGEMENT_KEY), "a key is in a path");
        assert!(!["PUT", "PATCH", "DELETE"].contains(&request.method.name()), "nothing is changed or deleted");
        let answer = match self.answers.len() {
            0 => return Err(TransportError { kind: TransportErrorKind::Connect, detail: String::new() }),
            1 => self.answers[0].clone(),
            _ => self.answers.remove(0),
        };
        let piece = self.piece;
        let of = |status: u16, body: Vec<u8>, broken: bool| {
            let headers = Headers { content_type: Some("application/json".to_owned()), ..Headers::default() };
            Ok(Incoming { status, headers, body: Box::new(Body { rest: body, piece, broken }) })
        };
        match answer {
            Answer::Plain { status, headers: raw, body, broken } => {
                let body = Box::new(Body { rest: body, piece, broken });
                Ok(Incoming { status: 200 + status % 400, headers: headers(raw), body })
            }
            Answer::Page { elements, more, total, broken } => {
                let mut page = json!({"data": elements.iter().map(Element::json).collect::<Vec<_>>()});
                if let Some(more) = more {
                    page["hasMore"] = more.into();
                }
                if let Some(total) = total {
                    page["totalResultSize"] = total.into();
                }
                of(200, page.to_string().into_bytes(), broken)
            }
            Answer::Created(element) => of(201, element.json().to_string().into_bytes(), false),
            Answer::Profile(element) => of(200, json!({"profile": element.json()}).to_string().into_bytes(), false),
            Answer::Export { ids, broken } => {
                let lines: Vec<String> = ids.iter().map(|id| format!("{id}\n")).collect();
                of(200, format!("profileintegrationid\n{}", lines.concat()).into_bytes(), broken)
            }
            Answer::EchoKeys { status } => {
                of(200 + status % 400, format!("you sent {KEY} and {MANAGEMENT_KEY}").into_bytes(), false)
            }
            Answer::Broken(kind) => {
                Err(TransportError { kind: broken(kind), detail: format!("with {KEY} and {MANAGEMENT_KEY}") })
            }
        }
    }
}

fn config(input: &Input) -> (Config, String) {
    let mut config = json!({
        "deployment_url": "https://yourcompany.talon.one",
        "api_key": KEY,
        "retry": {"max_attempts": 3, "initial_backoff_ms": 1, "max_backoff_ms": 2},
    });
    let more = match &input.object {
        Object::Profiles => json!({"object_type": "customer_profiles", "mappings": [
            {"source": "id", "destination": "integration_id"},
            {"source": "tier", "destination": "tier"},
            {"source": "points", "destination": "points", "type": "number"},
            {"source": "since", "destination": "since", "type": "time"}]}),
        Object::Audience => {
            json!({"object_type": "customer_profile_audiences", "audience_id": 42, "sync_mode": "mirror"})
        }
        Object::Named { create } => json!({"object_type": "customer_profile_audiences", "audience_name": "VIP",
            "create_audience": create, "sync_mode": "mirror"}),
    };
    for (key, value) in more.as_object().unwrap() {
        config[key] = value.clone();
    }
    if input.managed || matches!(input.object, Object::Named { .. }) {
        config["management_key"] = MANAGEMENT_KEY.into();
    }
    let text = config.to_string();
    (<Config as Destination>::parse(&text).unwrap(), text)
}

/// What a call says holds no key of its config, and a failure is of a kind that such a call may have.
fn told<T: Debug>(managed: bool, answer: Result<T, Failure>) -> Option<T> {
    let text = format!("{answer:?}");
    assert!(!text.contains(KEY), "the key is told: {text}");
    assert!(!managed || !text.contains(MANAGEMENT_KEY), "the management key is told: {text}");
    match answer {
        Ok(answer) => Some(answer),
        Err(Failure::ExecutionFailed) => panic!("the plugin never returns it"),
        Err(Failure::Transient(problem) | Failure::Permanent(problem)) => {
            assert!(!problem.message.is_empty());
            assert!(![ProblemKind::Row, ProblemKind::Unsupported].contains(&problem.kind), "{problem:?}");
            None
        }
    }
}

fn distinct<'a>(names: impl Iterator<Item = &'a String>) {
    let mut seen = HashSet::new();
    for name in names {
        assert!(!name.is_empty(), "a name is empty");
        assert!(seen.insert(name), "{name:?} stands there twice");
    }
}

fuzz_target!(|input: Input| {
    let (config, text) = config(&input);
    let managed = text.contains(MANAGEMENT_KEY);
    let mut server = Server { answers: input.answers, requests: 0, piece: usize::from(input.piece).max(1) };
    let mut time = Time(0);
    let column = |name: &str, values| Column { name: name.to_owned(), validity: Vec::new(), values };
    let columns = [
        column("id", Values::Texts(strings(["k0".to_owned()].into_iter()))),
        column("tier", Values::Texts(strings(["gold".to_owned()].into_iter()))),
        column("points", Values::Integers(vec![7])),
        column("since", Values::Dates(vec![20_000])),
    ];
    match input.call {
        Call::Discover => {
            if let Some(discovery) = told(managed, config.discover(&mut server, &mut time)) {
                distinct(discovery.fields.iter().map(|field| &field.name));
                distinct(discovery.targets.iter().map(|target| &target.id));
            }
        }
        Call::CompareFields => {
            let compared = told(managed, config.compare_fields(&columns, &mut server, &mut time));
            assert!(compared != Some(None) || server.requests == 0, "nothing is compared, and something asked");
        }
        Call::ListKeys(mut cursor) => {
            for page in 0.. {
                // An instance keeps an answer open; what it forgot it reads again.
                let Some(listed) = told(managed, config.list_keys(cursor.as_deref(), &mut server, &mut time)) else {
                    break;
                };
                let ends = listed.keys.offsets.windows(2).all(|ends| ends[0] <= ends[1]);
                assert!(ends && listed.keys.offsets.last().is_none_or(|end| *end as usize == listed.keys.data.len()));
                assert!(listed.next.is_none() || listed.next != cursor, "the next page is this one");
                assert!(page < 20, "a listing has an end");
                cursor = listed.next;
                if cursor.is_none() {
                    break;
                }
            }
        }
        Call::CompareRecords => {
            let keys: Vec<u8> = input.keys.into_iter().take(50).collect();
            let records = keys.len();
            let batch = MappedBatch {
                rows: (0..records as u32).collect(),
                keys: strings(keys.iter().map(|key| format!("k{}", key % 8))),
                actions: keys.iter().map(|key| if key % 2 == 0 { Action::Add } else { Action::Delete }).collect(),
                payloads: strings(keys.iter().map(|key| {
                    let since = "2024-10-04T00:00:00Z";
                    let attributes = json!({"tier": format!("t{}", key % 3), "points": key % 5, "since": since});
                    json!({"integrationId": format!("k{}", key % 8), "attributes": attributes}).to_string()
                })),
            };
            if let Some(differences) = told(managed, config.compare_records(&batch, &mut server, &mut time)) {
                assert!(records > 0 || server.requests == 0, "nothing is compared, and something asked");
                assert!(differences.is_sorted_by_key(|it| it.record_index));
                for it in &differences {
                    assert!((it.record_index as usize) < records && it.expected != it.found, "{it:?}");
                }
            }
        }
        Call::Plan => {
            if let Some(missing) = told(managed, config.plan(&columns, &mut server, &mut time)) {
                assert!(missing.iter().all(|it| !it.kind.is_empty() && !it.name.is_empty()));
                told(managed, config.create(&missing, &mut server, &mut time));
            }
        }
        Call::Resolve => {
            // The config itself holds the keys.
            match config.resolve(text.clone(), &mut server, &mut time) {
                Ok(resolved) => {
                    let (before, after): (Value, Value) =
                        (serde_json::from_str(&text).unwrap(), serde_json::from_str(&resolved).unwrap());
                    for key in ["deployment_url", "api_key", "management_key"] {
                        assert_eq!(before[key], after[key]);
                    }
                    assert_eq!(<Config as Destination>::parse(&resolved).map(|_| ()), Ok(()));
                }
                failed => drop(told(managed, failed)),
            }
        }
    }
});
