//! A webhook as a destination: rows go out as NDJSON, by POST, with a bearer token. A model for plugins of your own.

use std::borrow::Cow;

use destination_toolkit::bindings::{self as wit, *};
use destination_toolkit::clock::Clock;
use destination_toolkit::columns::Columns;
use destination_toolkit::config::{self, Secret};
use destination_toolkit::delivery::{Limits, Protocol, Record, retry::Retry};
use destination_toolkit::destination::Destination;
use destination_toolkit::http::{self, Connection, Method, Network, Request, Url};
use destination_toolkit::{mapping, problem, value::json};

/// The config, parsed: nothing in it is invalid.
pub struct Config {
    url: Url,
    token: Secret,
    key_column: String,
    retry: Retry,
}

const LIMITS: Limits = Limits { records: 500, bytes: 1_000_000, envelope_bytes: "\n".len() };

/// A request is the records' lines; what an answer means is left to the toolkit, which goes by HTTP.
impl Protocol for Config {
    fn limits(&self) -> Limits {
        LIMITS
    }
    fn request(&self, records: &[&Record<'_>]) -> Request {
        let body = records.iter().flat_map(|record| [&record.item, "\n"]).collect();
        Request { method: Method::Post, path: self.url.path.clone().into(), body, headers: Vec::new() }
    }
    fn retry(&self) -> &Retry {
        &self.retry
    }
    fn server(&self) -> String {
        self.url.to_string()
    }
    fn scrub(&self, text: &str) -> String {
        self.token.scrub(text)
    }
}

impl Destination for Config {
    fn describe() -> Descriptor {
        let rows = ObjectType {
            sync_modes: vec![SyncMode::Upsert, SyncMode::Mirror],
            default_mode: Some(SyncMode::Upsert),
            custom_fields: true,
            ..ObjectType::new("rows", "Rows", Field::required("id", "ID"))
        };
        Descriptor {
            limits: LIMITS.into(),
            config_keys: ConfigKeys {
                endpoints: vec![Endpoint::ConfigKey("url".into())],
                secrets: vec![wit::Secret::in_headers("token")],
                target: vec!["url".into()],
                identity: vec!["key_column".into()],
                batch_records: None,
            },
            config_schema: include_str!("schema.json").into(),
            ..Descriptor::new("webhook", "Webhook", env!("CARGO_PKG_VERSION"), vec![rows])
        }
    }

    fn parse(text: &str) -> Result<Self, Vec<ConfigIssue>> {
        config::parse(text, "{\"url\": …, \"token\": …}", |table, issues| {
            table.reject_unknown(&["url", "token", "key_column", "sync_mode", "retry"], issues);
            let url = table.required_text("url", "an address such as https://hooks.example.com/rows", issues);
            let token = table.required_text("token", "a bearer token", issues);
            let key_column = table.text("key_column", "the name of a column", issues).unwrap_or("id").into();
            // Both modes make the same records: what left the source of a mirror, the engine finds out.
            table.choice("sync_mode", &[("upsert", ()), ("mirror", ())], issues);
            let retry = Retry::read(table, issues);
            let url = url.and_then(|text| table.accept("url", Url::parse(text), issues));
            let token = token.and_then(|text| table.accept("token", Secret::parse(text), issues));
            Some(Self { url: url?, token: token?, key_column, retry })
        })
    }

    fn map(&self, columns: &Columns<'_>, changes: &[Change]) -> Result<Mapping, Failure> {
        let key_column = columns.find(&self.key_column).map_err(problem::configuration)?;
        let key = |row, key: &mut String| key_column.write_key(row, key);
        let payload = |row, change, _: &str, payload: &mut String| match change {
            Change::Removed => Ok(Action::Delete),
            _ => columns.write_row(row, payload).map(|()| Action::Upsert),
        };
        mapping::map(&(key, payload), columns.rows(), changes, (12, 100))
    }

    /// `{"action":"upsert","key":"a","row":{"id":"a","points":12}}`, `{"action":"delete","key":"a"}`
    fn item<'a>(&self, index: u32, key: &'a str, action: Action, row: &'a str) -> Result<Cow<'a, str>, Failure> {
        let mut shown = String::new();
        json::write_string(key, &mut shown);
        match action {
            Action::Upsert => Ok(format!("{{\"action\":\"upsert\",\"key\":{shown},\"row\":{row}}}").into()),
            Action::Delete => Ok(format!("{{\"action\":\"delete\",\"key\":{shown}}}").into()),
            Action::Add => Err(problem::configuration(format!("record {index} is an add: a webhook has no members"))),
        }
    }

    fn connection(&self) -> Connection {
        let bearer = format!("Bearer {}", self.token.reveal());
        let headers = vec![("authorization", bearer), ("user-agent", "webhook-destination/0.1.0".into())];
        Connection::new(&self.url, headers, "application/x-ndjson")
    }

    fn check(&self, network: &mut dyn Network, clock: &mut dyn Clock) -> Result<ConnectionCheck, Failure> {
        // The request of a sync, without a row.
        let answer = http::send(network, &self.connection(), &self.request(&[]), clock);
        self.disposition(answer, clock.unix_seconds()).confirmed()?;
        let verified = vec![format!("{} answers, and takes the token", self.url)];
        Ok(ConnectionCheck { verified, unverified: vec!["that it takes rows".into()] })
    }
}

destination_toolkit::export!(Config);
